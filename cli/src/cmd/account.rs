//! `hallmark account`: one's own account, from its making to its end.

use std::{fmt::Write as _, io::Write, path::Path};

use anyhow::Context;
use hallmark_consent::log::devices::Recency;
use hallmark_core::{
    account::Signed,
    key::Domain,
    problem::Code,
    recovery::{Challenge, RecoverySecret},
    words::SixWords,
};
use hallmark_vault::online::{self, KnownService, OnlineError, Recovered};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    audit::{Trusted, is_recent, seen_by},
    desk::{Desk, Exchange, short},
    item::save,
    recency,
};
use crate::{
    args::{AccountCommand, CloseArgs, CodeArgs, ExportArgs, LogTrustArgs, RecoverArgs},
    input,
    output::{Access, Output},
    remote::log::LogService,
    report::{FAILED, Report, exit_code, one_line},
    session::Session,
};

/// What two devices compare to see that they know the same: the device list and the items.
const STATE_WORDS: Domain = Domain::new("hallmark/account-state-words/v1");

/// Runs `hallmark account`.
///
/// # Errors
/// When the state does not open, or the service does not do its part.
pub fn run(command: &AccountCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        AccountCommand::Create => create(session),
        AccountCommand::Show => show(session),
        AccountCommand::Code(args) => code(args, session),
        AccountCommand::Sync => sync(session),
        AccountCommand::Recover(args) => recover(args, session),
        AccountCommand::Export(args) => export(args, session),
        AccountCommand::Close(args) => close(args, session),
    }
}

fn create(session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::of(session, session.open_or_create()?)?;
    if let Some(holdings) = &desk.store.read().holdings {
        anyhow::bail!(
            "this profile has account {} already; another person on this machine is another --profile",
            short(&holdings.account.id().to_string())
        );
    }
    desk.begin()?;
    let exchange = desk.exchange()?;
    let id = desk.account()?.id();
    let mut text = format!("Account {} is made, with this device.", short(&id.to_string()));
    match &exchange {
        Exchange::Done(_) => {
            let _ = write!(text, " {} keeps it and cannot read it.", desk.address()?);
        }
        Exchange::Waiting(why) => {
            let _ = write!(text, " So far it is on this device alone: {why}");
        }
    }
    text += "\nThe recovery code is shown when you store the first thing.\nNext: hallmark item put delivery-address";
    let sent = matches!(exchange, Exchange::Done(_));
    Report::new(&json!({"account": id, "sent": sent}), text)
}

fn show(session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let waiting = desk.refresh()?;
    let (items, unopened) = desk.online()?.items();
    let holdings = desk.holdings()?;
    let account = &holdings.account;
    let (list, manifest) = (account.list(), account.manifest());
    let mut state = list.head().as_bytes().to_vec();
    state.extend(manifest.map(Signed::hash).iter().flat_map(|hash| *hash.as_bytes()));
    let words = SixWords::of(STATE_WORDS, &state);
    let count = items.iter().filter(|seen| seen.is_kept()).count();
    let service = holdings.service.as_ref();
    let code_waits = account.recovery_words().is_some();
    let text = format!(
        "Account      {}\nKept at      {}\nThis device  {}\nDevices      {}\nItems        {count}{}{}\n\
         State        {words}\n             (the same six words on every device that is up to date)\nRecovery     {}{}",
        account.id(),
        service.map_or("this device alone", |service| &service.address),
        account.device().public().key.fingerprint(),
        list.devices().len(),
        match holdings.pending.len() {
            0 => String::new(),
            n => format!(", {n} not sent yet"),
        },
        match unopened {
            0 => String::new(),
            n => format!(", {n} more that do not open here"),
        },
        if code_waits {
            "not written down yet: hallmark account code"
        } else {
            "on paper; this device no longer has the code"
        },
        match &waiting {
            Some(why) => format!("\nWithout what may be new on other devices: {why}."),
            None => String::new(),
        }
    );
    let json = json!({
        "account": account.id(), "service": service, "device": account.device().public().key,
        "devices": list.devices().len(), "items": count, "unopened": unopened,
        "unsent": holdings.pending.len(), "stateWords": words.as_str(),
        "recoveryCodeWritten": !code_waits, "waiting": waiting,
        "manifest": manifest.map(|manifest| manifest.claimed().version),
    });
    Report::new(&json, text)
}

fn sync(session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let synced = desk.sync()?;
    let merged = desk.named(&synced.merged)?;
    let mut text = match (synced.changed, synced.sent) {
        (0, 0) => "Nothing is new, here or there.".to_owned(),
        (changed, sent) => format!(
            "{changed} {} came from your other devices, {sent} went to them{}.",
            if changed == 1 { "item" } else { "items" },
            match merged.len() {
                0 => String::new(),
                n =>
                    format!(", {n} of them joined with a change from there: {}", merged.join(", ")),
            }
        ),
    };
    for told in desk.overruled(&synced)? {
        let _ = write!(text, "\n{told}.");
    }
    let json = json!({
        "changed": synced.changed, "sent": synced.sent, "merged": synced.merged, "kept": synced.kept,
        "overruled": synced.overruled, "apart": synced.apart, "back": synced.back,
    });
    Report::new(&json, text)
}

fn code(args: &CodeArgs, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let words = desk.account()?.recovery_words().context(
        "the recovery code was written down and is no longer on this device; it is on your paper alone",
    )?;
    if let Some(path) = &args.written {
        let secret = typed_code(Some(path), session)?;
        let same = secret.words().iter().eq(words.iter());
        anyhow::ensure!(same, "{} holds another recovery code than this account's", path.display());
        desk.online()?.forget_recovery()?;
        let text = format!(
            "Right. The code is erased from this device's state. {} still holds it: remove that file \
             as soon as the words are on paper, and keep the paper where you keep your passport.",
            path.display()
        );
        return Report::new(&json!({"recoveryCodeWritten": true, "stillIn": path}), text);
    }
    if session.interactive {
        return match ceremony(&mut desk)? {
            true => Report::new(&json!({"recoveryCodeWritten": true}), ERASED),
            false => Report::new(&json!({"recoveryCodeWritten": false}), LATER),
        };
    }
    let list: Vec<&str> = words.iter().collect();
    let json = json!({"recoveryCodeWritten": false, "words": list});
    Report::new(&json, format!("{}\n{NOT_CHECKED}", table(&list)))
}

const ERASED: &str = "Right. The code is erased from this device: only your paper has it now. Keep it where you keep \
     your passport.";
const LATER: &str = "The code stays on this device for now: hallmark account code shows it again.";
const NOT_CHECKED: &str = "Write these fourteen words down on paper, in this order. Whoever has them has your account; \
     without them and without your devices, nobody brings it back. Then give them back with \
     `hallmark account code --written FILE`, and they are erased from this device.";

/// The words in two columns, numbered.
fn table(words: &[&str]) -> String {
    let half = words.len().div_ceil(2);
    let mut text = String::new();
    for (at, word) in words[..half].iter().enumerate() {
        let _ = write!(text, "  {:>2}. {word:<12}", at + 1);
        if let Some(word) = words.get(at + half) {
            let _ = write!(text, "{:>2}. {word}", at + half + 1);
        }
        text.push('\n');
    }
    text
}

/// Shows the code and asks for two of its words. `true` once it is on paper.
fn ceremony(desk: &mut Desk<'_>) -> anyhow::Result<bool> {
    let session = desk.session;
    let Some(words) = desk.account()?.recovery_words() else { return Ok(true) };
    let list: Vec<&str> = words.iter().collect();
    session.say(&format!(
        "\nYour recovery code. Write these fourteen words down on paper, in this order:\n\n{}\n\
         Whoever has them has your account. Without them and without your devices, nobody can bring \
         it back, we included.",
        table(&list)
    ));
    let challenge = Challenge::new(&mut session.rng());
    let [first, second] = challenge.positions();
    for _ in 0..3 {
        let question =
            format!("Type words {first} and {second} from your paper (or Enter for later):");
        let Some(typed) = session.ask(&question, "--written FILE")? else { return Ok(false) };
        let typed: Vec<&str> = typed.split_whitespace().collect();
        if let [one, two] = typed[..]
            && words.answer(&challenge, [one, two])
        {
            // The words stay on the screen until it is cleared.
            session.say("\x1b[2J\x1b[3J\x1b[H");
            desk.online()?.forget_recovery()?;
            return Ok(true);
        }
        session.say("  Those are not the two words. Look at your paper again.");
    }
    Ok(false)
}

/// Has the recovery code written down where somebody can be asked; else what to remind of.
///
/// # Errors
/// When the state cannot be written.
pub fn written_down(desk: &mut Desk<'_>) -> anyhow::Result<Option<String>> {
    if desk.account()?.recovery_words().is_none() {
        return Ok(None);
    }
    if desk.session.interactive && ceremony(desk)? {
        desk.session.say(ERASED);
        return Ok(None);
    }
    Ok(Some(
        "Your recovery code is not on paper yet. Without it, losing this device is losing what you \
         keep: hallmark account code"
            .into(),
    ))
}

/// The fourteen words, from a file or typed.
fn typed_code(file: Option<&Path>, session: &Session) -> anyhow::Result<RecoverySecret> {
    match file {
        Some(path) => {
            let text = Zeroizing::new(
                input::text(path).with_context(|| format!("cannot read {}", path.display()))?,
            );
            RecoverySecret::parse(&text)
                .with_context(|| format!("{} holds no recovery code", path.display()))
        }
        None => session.ask_for(
            "The fourteen words of your recovery code, in their order:",
            "--code FILE",
            &|typed| RecoverySecret::parse(typed.unwrap_or_default()).map_err(|e| e.to_string()),
        ),
    }
}

/// What the log says of the device list that the service showed: whether it is the newest, by witnesses and
/// as of now; and that in words.
struct Told {
    is_newest: bool,
    is_newer: bool,
    words: String,
}

/// A service that goes back can go back to an older checkpoint: witnesses have to have seen it no longer
/// ago than this, seconds.
const MAX_AGE_S: u64 = 3600;

fn told_by_log(
    log: &LogTrustArgs,
    desk: &Desk<'_>,
    recovered: &Recovered,
    session: &Session,
) -> Told {
    let asked = || -> anyhow::Result<Option<_>> {
        let Some(trusted) = Trusted::of_person(log, session)? else { return Ok(None) };
        let service = LogService::hurried(desk.address()?, session.server().ca.as_deref())?;
        Ok(Some(recency::of(&service, &trusted, &recovered.shown)?))
    };
    let none = |why: String| Told {
        is_newest: false,
        is_newer: false,
        words: format!(
            "UNVERIFIED: nothing outside the service shows that there was nothing newer; if you remember \
             something newer, tell the operator. {why}"
        ),
    };
    let (recency, under) = match asked() {
        Ok(Some(told)) => told,
        Ok(None) => return none("`hallmark trust log` names a log that could tell.".to_owned()),
        Err(error) => return none(format!("The log could not be asked: {error:#}.")),
    };
    let seen = format!("the log {}, seen by {}", under.origin(), seen_by(&under));
    let is_recent = is_recent(&under, Some(MAX_AGE_S), session).is_ok();
    if recency == Recency::Newest && under.map_as_of().is_none() {
        return none(format!(
            "Nothing newer was anchored as far as the service says, by {seen}; no monitor of the policy \
             rebuilt the map, which would show it."
        ));
    }
    match recency {
        Recency::Newest if is_recent => Told {
            is_newest: true,
            is_newer: false,
            words: format!("VERIFIED: no newer device list was anchored, by {seen}."),
        },
        Recency::Newest => none(format!(
            "An older state of the log has nothing newer than this list, or nobody but the service vouches \
             for its time: {seen}."
        )),
        Recency::Older { .. } => none(format!(
            "It goes on from the device list that was anchored last, by {seen}; what came after was not \
             anchored."
        )),
        Recency::Unknown => none(format!("Nothing was anchored, by {seen}.")),
        Recency::Another => Told {
            is_newest: false,
            is_newer: true,
            words: format!(
                "WARNING: something else was anchored than the service shows, by {seen}. Either the service \
                 was set back and hides what was newer, or a device that was on the account then put it \
                 there. Compare with what you remember, and ask the operator."
            ),
        },
    }
}

fn recover(args: &RecoverArgs, session: &Session) -> anyhow::Result<Report> {
    let secret = typed_code(args.code.as_deref(), session)?;
    let mut desk = Desk::of(session, session.open_or_create()?)?;
    let id = hallmark_vault::identity::recovery::RecoveryKeys::of(&secret).account();
    if let Some(holdings) = &desk.store.read().holdings {
        anyhow::ensure!(
            holdings.account.id() == id,
            "this profile has another account ({}); recover into a profile of its own: --profile",
            short(&holdings.account.id().to_string())
        );
    }
    let mut moved = None;
    let known = match desk.store.read().holdings.as_ref().and_then(|held| held.service.clone()) {
        // The same key at another address: what it shows is held against what this device knew.
        Some(known) => {
            let address = desk.address().map_or_else(|_| known.address.clone(), str::to_owned);
            moved = (address != known.address).then(|| address.clone());
            KnownService { address, ..known }
        }
        None => desk.introduced()?,
    };
    let service = desk.take_service();
    let (now, rng) = (session.now(), session.rng());
    let recovered =
        online::recover(&mut desk.store, &desk.folder, &*service, known, &secret, now, rng);
    let recovered = match recovered {
        Err(OnlineError::Service(error)) if error.code() == Some(Code::NoAccount) => {
            anyhow::bail!(
                "the service at {} has no account of these fourteen words; it may be another service \
                 (--server), or the account was closed",
                desk.address()?
            )
        }
        outcome => outcome?,
    };
    desk.tell(&recovered.synced)?;
    let Told { is_newest, is_newer, words } = told_by_log(&args.log, &desk, &recovered, session);
    // What this device did is to be told by the log too.
    desk.offer_list()?;
    let mut text = format!(
        "Your account is back, with this device alone: {} items, last changed on {}; the devices \
         last changed on {}. {words}\n",
        recovered.items,
        recovered.items_at.map_or("no day".into(), |at| at.to_string()),
        recovered.devices_at,
    );
    if let Some(address) = moved {
        let _ = writeln!(text, "It is kept at {address} from now on.");
    }
    for key in &recovered.revoked {
        let _ = writeln!(text, "Off the account: device {}", &key.fingerprint().to_string()[..9]);
    }
    if !recovered.restored.is_empty() {
        let _ = writeln!(
            text,
            "Put back: {} items that were removed or spoiled since this device last looked; remove \
             them again if that was you.",
            recovered.restored.len()
        );
    }
    if !recovered.reminded.is_empty() {
        let _ = writeln!(
            text,
            "Changed with what they said before left out: {} items. `hallmark item history` shows \
             what this device knew.",
            recovered.reminded.len()
        );
    }
    if recovered.unopened > 0 {
        let _ = writeln!(
            text,
            "{} items do not open: a device or the service spoiled their keys. A device that knew them \
             puts them back when it is the one that recovers.",
            recovered.unopened
        );
    }
    if let Some(why) = &recovered.unsent {
        let _ = writeln!(text, "Not sent yet: what waits on this device. {why}.");
    }
    text += "Your paper stays good. Let your other devices in again: hallmark device join";
    let json = json!({
        "account": id, "items": recovered.items, "itemsAt": recovered.items_at,
        "devicesAt": recovered.devices_at, "verified": is_newest, "newer": is_newer,
        "revoked": recovered.revoked,
        "restored": recovered.restored, "reminded": recovered.reminded,
        "unopened": recovered.unopened,
        "unsent": recovered.unsent.as_ref().map(ToString::to_string),
    });
    Report::new(&json, text)
}

fn export(args: &ExportArgs, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    // What is here can be saved whatever the service says: then above all.
    let (waiting, code) = match desk.refresh() {
        Ok(waiting) => (waiting, 0),
        Err(error) => (Some(format!("{error:#}")), exit_code(&error)),
    };
    let folder = &args.to;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let empty = std::fs::read_dir(folder)
        .with_context(|| format!("cannot look into {}", folder.display()))?
        .next()
        .is_none();
    anyhow::ensure!(empty, "{} is not empty; name a new folder", folder.display());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    let (items, unopened) = desk.online()?.items();
    let kept = items.iter().filter(|seen| seen.is_kept()).count();
    let (mut files, mut missing) = (0, Vec::new());
    for seen in &items {
        let inside = folder.join(format!("{}-{}", seen.content.kind, seen.item));
        std::fs::create_dir_all(&inside)
            .with_context(|| format!("cannot make the folder {}", inside.display()))?;
        let path = inside.join("item.json");
        let mut content = serde_json::to_value(&seen.content)?;
        without_keys(&mut content);
        let text = Zeroizing::new(serde_json::to_string_pretty(&content)?);
        Output::new(&path, false)?
            .write(Access::Private, |out| Ok(out.write_all(text.as_bytes())?))?;
        for attachment in &seen.content.now.attachments {
            match save(&mut desk, attachment, &inside.join("files"), false) {
                Ok(_) => files += 1,
                // The rest is worth having all the same.
                Err(error) => {
                    missing.push(one_line(&format!("{}: {error:#}", attachment.name)));
                }
            }
        }
    }
    let mut text = format!(
        "{} items and {files} files are in {}, in clear: whoever opens that folder reads them.{}{}",
        kept,
        folder.display(),
        match unopened {
            0 => String::new(),
            n => format!("\n{n} items do not open on this device and are not there."),
        },
        match &waiting {
            Some(why) => format!("\nWithout what may be new on other devices: {why}."),
            None => String::new(),
        }
    );
    for file in &missing {
        let _ = write!(text, "\nNOT THERE: {file}");
    }
    let json = json!({
        "to": folder, "items": kept, "files": files, "missing": missing,
        "unopened": unopened, "waiting": waiting,
    });
    let whole = missing.is_empty() && unopened == 0;
    let code = if code == 0 && !whole { FAILED } else { code };
    Ok(Report::new(&json, text)?.with_code(code))
}

/// The keys of attachments open nothing that is not beside them.
fn without_keys(content: &mut serde_json::Value) {
    match content {
        serde_json::Value::Object(members) => {
            if members.contains_key("sizeBytes") {
                members.remove("key");
                members.remove("blob");
            }
            members.values_mut().for_each(without_keys);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(without_keys),
        _ => {}
    }
}

fn close(args: &CloseArgs, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let id = desk.account()?.id();
    let met = desk.holdings()?.service.is_some();
    if !args.yes {
        let question = format!(
            "Everything in account {} will be erased, at the service and here, for ever. \
             `hallmark account export` writes it into a folder first.\nType the word close:",
            short(&id.to_string())
        );
        let answer = session.ask(&question, "--yes")?.unwrap_or_default();
        anyhow::ensure!(answer == "close", "nothing was erased");
    }
    if !met {
        desk.online()?.forget()?;
        let text = "Erased on this device. No service ever had the account.";
        return Report::new(&json!({"account": id, "erased": true}), text);
    }
    let output = Output::new(&args.receipt, args.force)?;
    let receipt = match desk.online()?.close() {
        Err(OnlineError::Service(error)) if error.code() == Some(Code::NoAccount) => {
            anyhow::ensure!(
                args.local,
                "the service says that it has no such account, and gives no receipt for that: it may \
                 have erased it at an earlier request whose answer was lost, or it is another service. \
                 What is on this device stays; `hallmark account close --local` erases that alone"
            );
            desk.online()?.forget()?;
            let text = "Erased on this device. The service says that it has no such account, without \
                 a receipt.";
            return Report::new(&json!({"account": id, "erased": true, "receipt": null}), text);
        }
        outcome => outcome?,
    };
    let says = receipt.claimed().clone();
    let receipt_text = serde_json::to_string_pretty(&receipt)?;
    // The receipt is on the disk before the key that checks it is gone from here.
    let written = output.write(Access::Shared, |out| Ok(out.write_all(receipt_text.as_bytes())?));
    desk.online()?.forget()?;
    let place = match &written {
        Ok(()) => format!("in {}", args.receipt.display()),
        Err(_) => "in the receipt below".to_owned(),
    };
    let mut text = format!(
        "Erased on this device. The service says under its signature, {place} (key {}), that it \
         erased {} items and {} files, {} bytes. That it kept no copy, no signature can show; what \
         it had, it could not read.",
        says.by.fingerprint(),
        says.items,
        says.blobs,
        says.bytes,
    );
    if let Err(error) = written {
        text = format!(
            "{text}\nThe receipt could not be written ({error:#}). Keep this:\n{receipt_text}"
        );
        let json = json!({"account": id, "erased": true, "receipt": null, "signed": receipt});
        return Ok(Report::new(&json, text)?.with_code(FAILED));
    }
    let json = json!({"account": id, "erased": true, "receipt": args.receipt, "says": says});
    Report::new(&json, text)
}
