//! Events that two or three parties sign: offer, countersign, append.

use std::{io::Write, path::Path};

use anyhow::Context;
use hallmark_core::{
    hash::Sha256,
    json::{self, Value},
    key::{PublicKey, SigningKey},
};
use hallmark_vault::{
    profile::{PieceSecrets, Profile},
    provenance::{
        ProvenanceFile,
        credential::{self, Credential, Signed},
        event::{Event, Kind},
        handover::{Draft, Offer},
        minisign::WriterKey,
        status::{DEFAULT_DAYS, MAX_DAYS, Status},
        write::{self, Amendment, Restatus, Source},
    },
    state::Store,
};
use serde_json::json;

use super::{held, keep::learned, plain::plain, sound, sound_in, there, word};
use crate::{
    args::{AppendArgs, CountersignArgs},
    input::{self, Held},
    output::{Access, Output, keep_apart},
    report::{Report, Usage, one_line, whole_line, wrapped},
    session::{Bar, Session},
};

/// `hallmark piece offer`: the buyer's key for this piece, and the place they provide.
pub(super) fn offer(
    path: &Path,
    out: &Path,
    force: bool,
    session: &Session,
) -> anyhow::Result<Report> {
    keep_apart(out, &[path])?;
    let output = Output::new(out, force)?;
    let (_, file) = sound(path, session)?;
    let mut store = session.open_or_create()?;
    let (title, id) = (file.piece().title.clone(), file.piece().id);
    let studio = store.read().studio.as_ref();
    let studio = studio.and_then(|studio| studio.key_of(&file.manifest().issuer));
    let key = if studio.is_some() { "the studio's" } else { "for this piece alone" };
    let offer = store.update(&mut session.rng(), |profile| {
        let mut rng = session.rng();
        let secrets =
            profile.pieces.entry(id).or_insert_with(|| PieceSecrets::new(title.clone(), &mut rng));
        let place = secrets.next_place();
        // The studio takes a piece back under its own key.
        match studio {
            Some(studio) => Offer::new(id, &studio, place),
            None => Offer::new(id, &secrets.owner_key(&mut rng), place),
        }
    })?;
    let bytes = serde_json::to_vec_pretty(&offer)?;
    output.write(Access::Shared, |file| Ok(file.write_all(&bytes)?))?;
    Report::new(
        &offer,
        format!(
            "Your offer for {} is in {}. The key in it is {key}.\n\
             Give it to the one who hands the piece over; they send you a draft to countersign.",
            one_line(title.as_str()),
            out.display()
        ),
    )
}

/// `hallmark piece countersign`: the second or third signature on a draft.
pub(super) fn countersign(args: &CountersignArgs, session: &Session) -> anyhow::Result<Report> {
    let path = args.file.as_path();
    let out = args.out.as_ref().unwrap_or(&args.draft);
    keep_apart(out, &[path])?;
    there(path)?;
    let mut store = session.open()?;
    let read = || format!("cannot read {}", args.draft.display());
    let held = Held::open(&args.draft).with_context(read)?;
    let output = Output::continuing(out, &held, args.force)?;
    let (_, file) = sound(path, session)?;
    let bytes = input::whole_of(held.file()).with_context(read)?;
    let (mut draft, event) = opened(&bytes, &args.draft)?;
    let key = countersigner(&event, &file, store.read())?;
    let chain = file.custody().check_draft(&event, file.piece());
    chain.context("the draft does not fit this file; do not sign it")?;
    word::check_date(&event, session.now())?;
    check_place(&event, &key, &file, store.read())?;
    let fields: Vec<String> = draft
        .disclosures
        .iter()
        .filter_map(|opening| opening.field().ok())
        .map(|field| {
            wrapped(
                &format!("  {} = {}", whole_line(&field.name), plain(&field.value)),
                76,
                "      ",
            )
        })
        .collect();
    let subject = event.subject();
    let (kind, piece) = (super::words(subject.kind.name()), one_line(file.piece().title.as_str()));
    let mut says = said(&event);
    if !fields.is_empty() {
        says += &format!("Hidden in it, and known to you now:\n{}\n", fields.join("\n"));
    }
    if !args.yes {
        let studio = file.manifest().issuer.fingerprint();
        let about = format!(
            "You are about to sign \"{kind}\" of {piece}.\n\
             By its own account the piece is from {}, whose key has the fingerprint\n  {studio}\n{says}",
            one_line(file.piece().maker.name.as_str())
        );
        if !session.interactive {
            let told = "nothing was signed; --yes signs what stands above";
            return Err(Usage(format!("{about}{told}")).into());
        }
        let answer = session.ask(&format!("{about}Type yes to sign:"), "--yes")?;
        anyhow::ensure!(answer.is_some_and(|answer| answer == "yes"), "nothing was signed");
    }
    draft.event = credential::countersign(draft.event, &key, session.now())?;
    if !draft.disclosures.is_empty() {
        let (title, id, openings) =
            (file.piece().title.clone(), file.piece().id, draft.disclosures.clone());
        store.update(&mut session.rng(), |profile| {
            profile
                .pieces
                .entry(id)
                .or_insert_with(|| PieceSecrets::new(title, &mut session.rng()))
                .keep(&openings);
        })?;
    }
    let bytes = serde_json::to_vec_pretty(&draft)?;
    output.write(Access::Private, |file| Ok(file.write_all(&bytes)?))?;
    let unconfirmed = subject.kind == Kind::Transferred && event.signers().len() == 1;
    let before = if unconfirmed {
        "The studio can countersign as well; without it the verdict says \"not confirmed by the \
         studio\".\n"
    } else {
        ""
    };
    let by_owner = subject.owner == Some(key.public());
    let next = match (subject.kind, by_owner) {
        (Kind::Sold, _) => format!("send {} back to the studio, which runs\n  ", out.display()),
        (Kind::Transferred, false) => {
            format!("send {} back to the new owner, who runs\n  ", out.display())
        }
        _ => String::new(),
    };
    Report::new(
        &json!({"out": out, "kind": subject.kind, "hidden": fields.len()}),
        format!(
            "You signed \"{kind}\" of {piece}.\n{says}{before}Next: {next}hallmark piece append {} {}",
            path.display(),
            out.display()
        ),
    )
}

/// `hallmark piece append`: a fully signed draft becomes part of the file.
pub(super) fn append(args: &AppendArgs, session: &Session) -> anyhow::Result<Report> {
    let out = args.out.as_ref().unwrap_or(&args.file);
    keep_apart(out, &[&args.draft])?;
    there(&args.file)?;
    let mut store = session.open()?;
    let held = held(&args.file)?;
    let output = Output::continuing(out, &held, args.force)?;
    let file = sound_in(&held, session)?;
    let read = || format!("cannot read {}", args.draft.display());
    let bytes = input::whole(&args.draft).with_context(read)?;
    let (draft, event) = opened(&bytes, &args.draft)?;
    anyhow::ensure!(
        file.events().iter().all(|added| added.subject() != event.subject()),
        "this draft is already in the file: {} is its event {}",
        super::words(event.subject().kind.name()),
        event.subject().sequence
    );
    word::check_date(&event, session.now())?;
    if is_studio_of(&file, store.read()) {
        word::check_newest(&file, &held, store.read(), args.despite_newer)?;
        word::stand_by(&file, args.stand_by, session)?;
    }
    write_event(&held, &file, draft.event, Vec::new(), &mut store, output, session)?;
    let kind = event.subject().kind;
    let name = out.display();
    let status = if !is_studio_of(&file, store.read()) {
        format!(
            "The studio's status does not cover it yet: send {name} to the studio, which runs \
             `hallmark piece status` and gives it back."
        )
    } else {
        let status = "The studio's status was renewed with it.";
        match kind {
            Kind::Sold => format!("{status}\nNext: give {name} to the buyer again; {OLD_COPY}"),
            Kind::Transferred => {
                format!("{status}\nNext: give {name} to the new owner; {OLD_COPY}")
            }
            _ => status.to_owned(),
        }
    };
    Report::new(
        &json!({"out": out, "kind": kind}),
        format!("Added \"{}\" to {}. {status}", super::words(kind.name()), out.display()),
    )
}

/// Why a file goes round once more after every event.
pub(super) const OLD_COPY: &str = "copies from before do not show it.";

/// Writes the file again with a further event; with a new status where this profile is the studio.
///
/// # Errors
/// When the event does not belong at the end of the chain, or the file cannot be written.
pub(super) fn write_event(
    held: &Held,
    file: &ProvenanceFile,
    event: Value,
    sources: Vec<Source>,
    store: &mut Store<Profile>,
    output: Output<'_>,
    session: &Session,
) -> anyhow::Result<()> {
    let studio = store.read().studio.as_ref().filter(|_| is_studio_of(file, store.read()));
    let (writer, status) = match studio {
        Some(studio) => {
            let keys = studio.keys();
            // What was revoked stays revoked: only `piece status --reinstate` says otherwise.
            let standing = word::standing(file, store.read());
            let status = Restatus {
                standing,
                reason: word::reason(&file.status().credential_subject, standing),
                at: session.now(),
                days: period_days(file.status()),
                identity: word::key_for(file, studio),
            };
            (keys.writer, Some(status))
        }
        // A writer key that stayed the same would join two pieces of one owner.
        None => (WriterKey::new(SigningKey::generate(&mut session.rng())), None),
    };
    if let Some(status) = &status {
        let added = Some(Sha256::of(&json::canonical(&event)));
        word::remember(file, word::on(file, held, added, status.standing), store, session)?;
    }
    let amendment = Amendment { event: Some((event, sources)), status, proof: None };
    let (bar, in_place) = (writing(file, session), output.is_in_place());
    output.write(Access::Shared, |target| {
        write::rewrite(file, held.file(), amendment, &writer, bar.over(target))?;
        Ok(())
    })?;
    if !in_place && is_studio_of(file, store.read()) {
        word::settle(file, store, session);
    }
    Ok(())
}

/// For how long the studio gave its word before, and so gives it again, days.
fn period_days(status: &Credential<Status>) -> u32 {
    let period = status.valid_until.map(|until| until.unix_s() - status.valid_from.unix_s());
    let days = period.and_then(|s| u32::try_from(s / 86_400).ok()).filter(|days| *days > 0);
    days.unwrap_or(DEFAULT_DAYS).min(MAX_DAYS)
}

/// A progress bar over a file that is written again.
pub(super) fn writing(file: &ProvenanceFile, session: &Session) -> Bar {
    session.bar("writing", file.entries().iter().map(|entry| entry.size_bytes).sum())
}

/// True when this profile is the studio that minted the file.
pub(super) fn is_studio_of(file: &ProvenanceFile, profile: &Profile) -> bool {
    let issuer = &file.manifest().issuer;
    profile.studio.as_ref().is_some_and(|studio| studio.key_of(issuer).is_some())
}

/// The secret half of `key`, where it was made here: the studio's, or the owner's for the piece.
pub(super) fn key_of(
    key: &PublicKey,
    file: &ProvenanceFile,
    profile: &Profile,
) -> Option<SigningKey> {
    let studio = profile.studio.as_ref().and_then(|studio| studio.key_of(key));
    let owner = profile.pieces.get(&file.piece().id).and_then(PieceSecrets::existing_owner_key);
    studio.or_else(|| owner.filter(|secret| secret.public() == *key))
}

/// The key of the piece's owner, where this profile has it, or its account: what a file that names the
/// key leaves open is only which device has it.
pub(super) fn key_of_owner(
    file: &ProvenanceFile,
    profile: &Profile,
    session: &Session,
) -> Option<SigningKey> {
    let owner = file.custody().owner();
    key_of(&owner, file, profile).or_else(|| {
        let learned = learned(file.piece().id, profile, session);
        let mut keys = learned.iter().filter_map(PieceSecrets::existing_owner_key);
        keys.find(|key| key.public() == owner)
    })
}

/// What an event says, whole, for the one who answers for it: everything but what places it in the
/// chain. Nothing is cut, and what is long goes on under an indent.
pub(super) fn said(event: &Signed<Event>) -> String {
    let value = serde_json::to_value(event.subject()).unwrap_or_default();
    let mut lines = vec![format!("dated: {}", event.credential().valid_from)];
    if let Some(owner) = event.subject().owner {
        lines.push(format!("the new owner's key: {}", owner.fingerprint()));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            (
                "id" | "kind" | "sequence" | "previous" | "label" | "nextLabel" | "resumeLabel"
                | "bizStep" | "disposition" | "owner" | "hidden",
                _,
            ) => {}
            (_, Value::Array(items)) => {
                for item in items {
                    lines.push(format!("{name}:"));
                    let members = told(item);
                    let members = members.as_object().into_iter().flatten();
                    lines
                        .extend(members.map(|(name, value)| format!("  {name}: {}", plain(value))));
                }
            }
            (_, value) => lines.push(format!("{name}: {}", plain(value))),
        }
    }
    let line = |line: &String| {
        let (indent, text) = match line.strip_prefix("  ") {
            Some(text) => ("    ", text),
            None => ("  ", line.as_str()),
        };
        format!("{indent}{}\n", wrapped(&whole_line(text), 76, "        "))
    };
    format!("It says:\n{}", lines.iter().map(line).collect::<String>())
}

/// An entry of a list without the signature below it.
fn told(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(signed) = item.get_mut("attestation") {
        *signed = "with a signature of its own".into();
    }
    item
}

/// Whoever holds the piece next provides the place of the next event: a draft that names somebody
/// else's would leave the piece's next word with them.
fn check_place(
    event: &Signed<Event>,
    key: &SigningKey,
    file: &ProvenanceFile,
    profile: &Profile,
) -> anyhow::Result<()> {
    let subject = event.subject();
    let mine = profile
        .pieces
        .get(&file.piece().id)
        .is_some_and(|secrets| secrets.gave_place(&subject.next_label));
    let next = match subject.kind {
        Kind::Returned => Some(file.manifest().issuer),
        _ => subject.owner,
    };
    anyhow::ensure!(
        next != Some(key.public()) || mine,
        "the draft does not carry the place that your offer gave; do not sign it, and make a new \
         offer with `hallmark piece offer`"
    );
    Ok(())
}

fn opened(bytes: &[u8], path: &Path) -> anyhow::Result<(Draft, Signed<Event>)> {
    let (draft, event) = Draft::open(bytes).with_context(|| path.display().to_string())?;
    anyhow::ensure!(
        event.subject().parts.is_empty(),
        "{} adds files, which an event that others sign cannot; do not sign it",
        path.display()
    );
    Ok((draft, event))
}

/// The key this profile countersigns with: the next in the order that the kind of event needs.
fn countersigner(
    event: &Signed<Event>,
    file: &ProvenanceFile,
    profile: &Profile,
) -> anyhow::Result<SigningKey> {
    let subject = event.subject();
    anyhow::ensure!(
        subject.id == file.piece().id && subject.previous == file.custody().head(),
        "the draft does not continue this file; ask for one made from the file as it is now"
    );
    let studio = file.manifest().issuer;
    let signed: Vec<PublicKey> = event.signers().collect();
    let wanted = match (subject.kind, signed.len()) {
        (Kind::Sold | Kind::Transferred, 1) => subject.owner,
        (Kind::Returned, 1) => Some(studio),
        (Kind::Transferred, 2) => Some(studio),
        _ => None,
    };
    let wanted = wanted.context("the draft needs no further signature")?;
    // A key that only the account knows may be another's, who then would be the owner.
    key_of(&wanted, file, profile).context(
        "the draft needs somebody else's signature: the key it names was not made by this profile; \
         who made the offer signs on the device that it was made on",
    )
}
