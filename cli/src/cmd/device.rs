//! `hallmark device`: which devices open the account.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::Context;
use hallmark_core::{
    account::{
        ItemId, Signed,
        device_list::{Change, Entry},
    },
    key::PublicKey,
    words::SixWords,
};
use hallmark_vault::{
    identity::{Account, device::DeviceKeys, pairing::JoinCode},
    item::{Content, Edit, Kind, content::Version},
    online::{self, Holdings, Synced},
    profile::Joining,
};
use qrcode::{QrCode, render::unicode};
use serde_json::json;

use super::desk::{Desk, Exchange};
use crate::{
    args::{DeviceCommand, JoinArgs},
    report::{FAILED, Report, Usage, one_line},
    session::Session,
};

/// How often a device that waits asks whether it was let in.
const POLL: Duration = Duration::from_secs(1);

/// Runs `hallmark device`.
///
/// # Errors
/// When the state does not open, or the service does not do its part.
pub fn run(command: &DeviceCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        DeviceCommand::Join(args) => join(args, session),
        DeviceCommand::Add { code, name, words } => {
            add(code, name.as_deref(), words.as_deref(), session)
        }
        DeviceCommand::List => list(session),
        DeviceCommand::Revoke { device, yes } => revoke(device, *yes, session),
    }
}

fn join(args: &JoinArgs, session: &Session) -> anyhow::Result<Report> {
    anyhow::ensure!(
        args.words.as_deref().is_none_or(SixWords::could_be),
        Usage("--words takes the six words that the other device shows".into())
    );
    let mut desk = Desk::of(session, session.open_or_create()?)?;
    anyhow::ensure!(
        desk.store.read().holdings.is_none(),
        "this profile has an account already; a device joins with a profile of its own, also one that \
         was taken off: `hallmark --profile again device join`"
    );
    let joining = match desk.store.read().joining.clone() {
        Some(joining) => joining,
        None => {
            let service = desk.introduced()?;
            let joining = Joining { device: DeviceKeys::generate(&mut session.rng()), service };
            let kept = joining.clone();
            desk.store.update(&mut session.rng(), |profile| profile.joining = Some(kept))?;
            joining
        }
    };
    let code = JoinCode::new(joining.device.public());
    let words = code.words();
    if !session.json {
        session.say(&shown(&code)?);
    }
    if args.wait > 0 {
        session.say(&format!(
            "Waiting for that, {} seconds at most. Ctrl-C stops it, and the same command goes on.",
            args.wait
        ));
    }
    let until = Instant::now() + Duration::from_secs(args.wait);
    let joined = loop {
        if let Some(joined) = online::joined(desk.service(), &joining.device)? {
            break joined;
        }
        if Instant::now() >= until {
            let json = json!({"joined": false, "code": code.to_string(), "words": words.as_str()});
            let text = "Not let in yet. On a device that has the account: hallmark device add CODE\n\
                 Then run this command again.";
            // Whoever waits not at all wants the code.
            let code = if args.wait == 0 { 0 } else { FAILED };
            return Ok(Report::new(&json, text)?.with_code(code));
        }
        std::thread::sleep(POLL);
    };
    let there = joined.words().to_string();
    let account = match &args.words {
        Some(typed) => {
            joined.compared(typed).map_err(online::OnlineError::from).with_context(not_joined)?
        }
        None => {
            let question = format!(
                "Let in. The other device shows six words now; here they are\n\n    {there}\n\nAre \
                 they the same, word for word? [y/N]"
            );
            let answer = session.ask(&question, "--words \"the six words\"")?.unwrap_or_default();
            anyhow::ensure!(matches!(&*answer, "y" | "Y" | "yes"), not_joined());
            joined.compared(&there).map_err(online::OnlineError::from)?
        }
    };
    let id = account.id();
    let mut holdings = Holdings::of(account);
    holdings.service = Some(joining.service);
    desk.store.update(&mut session.rng(), |profile| {
        profile.holdings = Some(holdings);
        profile.joining = None;
    })?;
    desk.sync()?;
    let (items, _) = desk.online()?.items();
    let count = items.iter().filter(|seen| seen.is_kept()).count();
    let json = json!({"joined": true, "account": id, "items": count});
    Report::new(&json, format!("This device is on your account now, with {count} items."))
}

fn not_joined() -> &'static str {
    "not joined: with other words it is another account than yours, or they were mistyped. Nothing was \
     kept of it; if the other device let this one in, take it off there: `hallmark device list`, \
     `hallmark device revoke`"
}

/// The code as a QR, as text, and as words.
fn shown(code: &JoinCode) -> anyhow::Result<String> {
    let text = code.to_string();
    let picture =
        QrCode::new(text.as_bytes())?.render::<unicode::Dense1x2>().quiet_zone(true).build();
    Ok(format!(
        "{picture}\n\nOn a device that has your account, scan this or type\n\n  hallmark device add \
         {text}\n\nIt will show these six words; go on only if they are the same there:\n\n    {}\n",
        code.words()
    ))
}

fn add(
    code: &str,
    name: Option<&str>,
    typed: Option<&str>,
    session: &Session,
) -> anyhow::Result<Report> {
    let code: JoinCode = code.parse().map_err(|error| Usage(format!("{error}")))?;
    let mut desk = Desk::open(session)?;
    desk.address()?;
    let words = code.words();
    let same = match typed {
        Some(typed) => words.are(typed),
        None => {
            let question = format!(
                "The new device must show these six words:\n\n    {words}\n\nDoes it, word for word? [y/N]"
            );
            let answer = session.ask(&question, "--words \"the six words\"")?.unwrap_or_default();
            matches!(&*answer, "y" | "Y" | "yes")
        }
    };
    anyhow::ensure!(
        same,
        "not let in: with other words it is another device than the one in front of you"
    );
    desk.look()?;
    let mut synced = online::Synced::default();
    let there = desk.online()?.add_device(code.device(), &mut synced);
    desk.tell(&synced)?;
    let there = there?;
    let name = name.map_or_else(
        || format!("device {}", desk.account().map_or(2, |account| account.list().devices().len())),
        str::to_owned,
    );
    named(&mut desk, code.device().key, &name)?;
    let unsent = unsent(&mut desk);
    let text = format!(
        "Let in as {:?}. The new device shows these six words now; say yes there only if they are \
         the same:\n\n    {there}{unsent}",
        one_line(&name)
    );
    let json = json!({"added": code.device().key, "name": name, "words": there.as_str()});
    Report::new(&json, text)
}

/// Keeps what a person calls a device.
fn named(desk: &mut Desk<'_>, key: PublicKey, name: &str) -> anyhow::Result<()> {
    let session = desk.session;
    let fields =
        BTreeMap::from([("key".to_owned(), key.to_string()), ("name".to_owned(), name.to_owned())]);
    let by = desk.account()?.device().public().key;
    let version = Version { fields, attachments: Vec::new(), at: session.now(), by };
    let content = Content::new(Kind::Device, version)?;
    let item = ItemId::generate(&mut session.rng());
    desk.online()?.edit(item, 0, Edit::Put(Box::new(content)))?;
    Ok(desk.online()?.name_device(key, name)?)
}

/// What to say where a device is on or off, and what waits here could not be sent.
fn unsent(desk: &mut Desk<'_>) -> String {
    match desk.exchange() {
        Ok(Exchange::Done(_)) => String::new(),
        Ok(Exchange::Waiting(why)) => format!("\nWhat else waits here was not sent: {why}."),
        Err(error) => format!("\nWhat else waits here was not sent: {error:#}."),
    }
}

/// A device as it is listed.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    key: PublicKey,
    fingerprint: String,
    name: Option<String>,
    /// Whether the name was given on this device. Another may be any device's word.
    named_here: bool,
    since: hallmark_core::time::Timestamp,
    this_device: bool,
    /// Whether it was let in since this device last took the account in.
    is_new: bool,
}

/// The devices of `shown`, which is the account of this device or what the service shows of it, and
/// which of them are new to who was shown the first `known` entries of its list.
fn listed(desk: &mut Desk<'_>, shown: &Account, known: u64) -> anyhow::Result<Vec<Listed>> {
    let (items, _) = desk.online()?.items();
    let names: BTreeMap<String, String> = items
        .iter()
        .filter(|seen| seen.content.kind == Kind::Device)
        .filter_map(|seen| {
            let field = |name: &str| seen.content.now.fields.get(name).cloned();
            Some((field("key")?, field("name")?))
        })
        .collect();
    let own_names = &desk.holdings()?.names;
    let here = |key| own_names.iter().find(|(named, _)| named == key).map(|(_, name)| name);
    let own = shown.device().public().key;
    let since = |key: &PublicKey| {
        let adds = |entry: &&Signed<Entry>| match &entry.claimed().change {
            Change::Create { device, .. } | Change::Add { device } => device.key == *key,
            Change::Recover { devices } => devices.iter().any(|device| device.key == *key),
            Change::Revoke { .. } => false,
        };
        shown.entries().iter().rev().find(adds).map(Signed::claimed)
    };
    shown
        .list()
        .devices()
        .iter()
        .map(|device| {
            let added = since(&device.key).context("every listed device was added")?;
            Ok(Listed {
                key: device.key,
                fingerprint: device.key.fingerprint().to_string(),
                name: here(&device.key).or(names.get(&device.key.to_string())).cloned(),
                named_here: here(&device.key).is_some(),
                since: added.at,
                this_device: device.key == own,
                is_new: added.seq >= known && added.by != own,
            })
        })
        .collect()
}

/// How much of the device list a person was shown last, or knew when this device came to it. Where
/// nothing says so, its first entry.
fn known_entries(desk: &mut Desk<'_>) -> anyhow::Result<u64> {
    Ok(desk.holdings()?.shown_entries.max(1))
}

/// The account as the service shows it: where it spoiled items, or a device did, nothing is taken in,
/// and its devices can be seen and taken off all the same.
fn at_the_service(
    desk: &mut Desk<'_>,
    looked: anyhow::Result<Option<String>>,
) -> anyhow::Result<(Account, Option<String>)> {
    match looked {
        Err(error) if is_spoiled(&error) => {
            Ok((desk.online()?.peek()?, Some(format!("{error:#}"))))
        }
        looked => {
            let waiting = looked?;
            Ok((desk.account()?.clone(), waiting))
        }
    }
}

fn list(session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let known = known_entries(&mut desk)?;
    let looked = desk.refresh();
    let (account, waiting) = at_the_service(&mut desk, looked)?;
    let devices = listed(&mut desk, &account, known)?;
    let shown = account.entries().len() as u64;
    desk.online()?.was_shown(shown)?;
    let mut text = String::new();
    for device in &devices {
        let name = called(device);
        let this = match device {
            Listed { this_device: true, .. } => "  <- this one",
            Listed { is_new: true, .. } => "  <- let in since you last looked",
            _ => "",
        };
        let _ = writeln!(
            text,
            "{}  {:<16} since {}{this}",
            &device.fingerprint[..9],
            name,
            device.since
        );
    }
    if devices.iter().any(|device| device.name.is_some() && !device.named_here) {
        text += "A name in quotes was given on another device: which one, nothing shows.\n";
    }
    if let Some(why) = &waiting {
        let _ = writeln!(text, "Without what may be new on other devices: {why}.");
    }
    Report::new(&json!({"devices": devices, "waiting": waiting}), text.trim_end())
}

/// What a device is called: in quotes where this device has only another's word for it.
fn called(device: &Listed) -> String {
    match &device.name {
        None => "(no name)".to_owned(),
        Some(name) if device.named_here => one_line(name),
        Some(name) => format!("{:?}", one_line(name)),
    }
}

fn revoke(typed: &str, yes: bool, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let known = known_entries(&mut desk)?;
    let looked = desk.look().map(|()| None);
    let (account, _) = at_the_service(&mut desk, looked)
        .context("nothing was changed: the device is still on your account")?;
    let wanted = typed.to_ascii_uppercase().replace([' ', '-'], "");
    let devices = listed(&mut desk, &account, known)?;
    let by_print = |device: &Listed| {
        wanted.len() >= 4 && device.fingerprint.replace('-', "").starts_with(&wanted)
    };
    let by_name = |device: &Listed| device.name.as_deref() == Some(typed);
    // A name that looks like another device's fingerprint is only a name.
    let is_print = devices.iter().any(by_print);
    let mut found =
        devices.iter().filter(|device| if is_print { by_print(device) } else { by_name(device) });
    let device = found.next().with_context(|| {
        format!("no device {typed:?} is on the account; `hallmark device list` lists them")
    })?;
    anyhow::ensure!(
        found.next().is_none(),
        Usage(format!("{typed} means more than one device; give its fingerprint"))
    );
    anyhow::ensure!(
        !device.this_device,
        "this is the device in your hands: revoke it from another one, or bring the account back \
         elsewhere with `hallmark account recover`, which takes all others off"
    );
    let what = format!("{} ({})", called(device), &device.fingerprint[..9]);
    anyhow::ensure!(
        !yes || is_print || device.named_here,
        Usage(format!(
            "the name {typed:?} was given on another device, which may be the wrong one; name this one \
             by its fingerprint, {}, or leave --yes out",
            &device.fingerprint[..9]
        ))
    );
    let others = devices.iter().filter(|other| other.key != device.key && other.is_new);
    let new: Vec<String> = others.map(named_new).collect();
    anyhow::ensure!(
        !yes || new.is_empty() || device.is_new,
        "nothing was changed: since this device last looked, {} let in; if that was not you, take that \
         off first, or all of them with `hallmark account recover`; leave --yes out to go on",
        new.join(" and ")
    );
    if !yes {
        for new in &new {
            session.say(&format!("hallmark: since this device last looked, {new} let in"));
        }
        let answer = session.ask(&format!("Take {what} off your account? [y/N]"), "--yes")?;
        let answer = answer.unwrap_or_default();
        anyhow::ensure!(matches!(&*answer, "y" | "Y" | "yes"), "nothing was changed");
    }
    let key = device.key;
    let mut synced = Synced::default();
    let revoked = desk.online()?.revoke_device(key, &mut synced);
    desk.tell(&synced)?;
    revoked?;
    // As it is now: somebody may have been let in since the question.
    let now = desk.account()?.clone();
    let stay = listed(&mut desk, &now, account.entries().len() as u64)?;
    let unsent = unsent(&mut desk);
    let text = format!(
        "{what} is off your account: what you keep from now on is under a key it never gets, and \
         the service was told to answer it no more. What it had already read, it still has: change \
         a payment token that was on it at your provider.{}{unsent}",
        still_on(&stay)
    );
    Report::new(&json!({"revoked": key}), text)
}

fn named_new(device: &Listed) -> String {
    format!("{} ({}) was", called(device), &device.fingerprint[..9])
}

/// Who else can read what is kept from now on.
fn still_on(devices: &[Listed]) -> String {
    let others = devices.iter().filter(|device| !device.this_device);
    let names: Vec<String> = others
        .map(|device| {
            let new = if device.is_new { ", let in just now" } else { "" };
            format!("{} ({}{new})", called(device), &device.fingerprint[..9])
        })
        .collect();
    match &names[..] {
        [] => "\nThis is the only device on it now.".to_owned(),
        names => format!("\nStill on it beside this one: {}.", names.join(", ")),
    }
}

fn is_spoiled(error: &anyhow::Error) -> bool {
    use online::{Deceit, OnlineError};
    matches!(error.downcast_ref(), Some(OnlineError::Deceived(Deceit::Unreadable { .. })))
}
