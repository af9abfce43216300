//! The studio's word on a piece: what it looks at before it gives it, and what it remembers of having
//! given it.
//!
//! A copy from before a revocation or a theft report is a sound file, and only the studio's memory
//! tells it from a current one. So the profile keeps, per piece, how far its last word went and what
//! it said; a second device of the studio has no such memory until devices share their state.

use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};
use hallmark_vault::{
    profile::{PieceSecrets, Profile, Studio, Word},
    provenance::{
        ProvenanceFile,
        credential::Signed,
        event::Event,
        status::{Standing, Status},
    },
    state::Store,
};

use super::handover::said;
use crate::{input::Held, report::Usage, session::Session};

/// Seconds that somebody else's clock may be ahead of ours.
const CLOCK_SKEW_S: i64 = 300;

/// Whether the studio stands by the events since its last word that it did not sign: anybody with a
/// copy of the file can add one. Shows them and asks, unless it has said so.
///
/// # Errors
/// [`Usage`] when nobody can be asked; an error when the answer is not yes.
pub(super) fn stand_by(
    file: &ProvenanceFile,
    said_so: bool,
    session: &Session,
) -> anyhow::Result<()> {
    let (studio, covered) = (file.manifest().issuer, file.status().credential_subject.events);
    for event in file.events() {
        check_date(event, session.now())?;
    }
    let added: Vec<String> = file
        .events()
        .iter()
        .filter(|event| event.subject().sequence > covered)
        .filter(|event| event.signers().all(|key| key != studio))
        .map(|event| {
            let subject = event.subject();
            let signers: Vec<String> =
                event.signers().map(|key| key.fingerprint().to_string()).collect();
            let hidden = subject.hidden.as_ref().map_or_else(String::new, |hidden| {
                format!(
                    "  It hides {} of its fields; nothing here shows what they say.\n",
                    hidden.len()
                )
            });
            format!(
                "Event {}, {}, signed by {}:\n{}{hidden}",
                subject.sequence,
                super::words(subject.kind.name()),
                signers.join(" and "),
                said(event)
            )
        })
        .collect();
    if added.is_empty() || said_so {
        return Ok(());
    }
    let shown = format!("Others added this since you last gave your word:\n{}", added.concat());
    if !session.interactive {
        return Err(Usage(format!("{shown}--stand-by says that you stand by it")).into());
    }
    let answer = session.ask(&format!("{shown}Type yes to stand by it:"), "--stand-by")?;
    anyhow::ensure!(answer.is_some_and(|answer| answer == "yes"), "nothing was signed");
    Ok(())
}

/// Refuses an event dated ahead: nothing could follow it until then, and no word counts before.
///
/// # Errors
/// Names the event and its date.
pub(super) fn check_date(event: &Signed<Event>, now: Timestamp) -> anyhow::Result<()> {
    let at = event.credential().valid_from;
    let (kind, sequence) = (event.subject().kind.name(), event.subject().sequence);
    anyhow::ensure!(
        at.unix_s() <= now.unix_s() + CLOCK_SKEW_S,
        "event {sequence} ({}) is dated {at}, which is to come: nothing could follow it until then; \
         ask for one with today's date, or set this machine's clock",
        super::words(kind)
    );
    Ok(())
}

/// Whether this file has everything the studio last gave its word on.
///
/// # Errors
/// [`Usage`] for an older copy, unless the studio means it.
pub(super) fn check_newest(
    file: &ProvenanceFile,
    held: &Held,
    profile: &Profile,
    despite_newer: bool,
) -> anyhow::Result<()> {
    let newest = |word: &Word| {
        let continued = word.from.as_ref().is_some_and(|from| *from == held.seen().words());
        continued || file.custody().hash(word.events) == Some(word.head)
    };
    match last(file, profile) {
        Some(word) if !newest(word) && !despite_newer => Err(Usage(format!(
            "this is an older copy, or another history: you gave your word on this piece with {} \
             events, which this file does not have; use the file from then. --despite-newer goes on \
             from this one all the same, and the piece then has two histories",
            word.events
        ))
        .into()),
        _ => Ok(()),
    }
}

/// The key with which a studio gives its word on a piece: the successor that the file names, once that
/// took over; else the one the piece was made with.
pub(super) fn key_for(file: &ProvenanceFile, studio: &Studio) -> SigningKey {
    let successor = studio.key_of(&file.piece().maker.successor);
    successor
        .or_else(|| studio.key_of(&file.manifest().issuer))
        .unwrap_or_else(|| studio.keys().identity)
}

/// What the studio last said, by its own memory or by this file, whichever is worse: a copy from
/// before does not take it back.
pub(super) fn standing(file: &ProvenanceFile, profile: &Profile) -> Standing {
    let remembered = last(file, profile).map_or(Standing::Current, |word| word.standing);
    match (remembered, file.status().credential_subject.status) {
        (Standing::Current, of_file) => of_file,
        (remembered, _) => remembered,
    }
}

fn last<'a>(file: &ProvenanceFile, profile: &'a Profile) -> Option<&'a Word> {
    profile.pieces.get(&file.piece().id).and_then(|secrets| secrets.word.as_ref())
}

/// Keeps what the studio is about to say, before anything is written: a word that was given and
/// forgotten could be taken back by an older copy.
///
/// # Errors
/// When the state cannot be written.
pub(super) fn remember(
    file: &ProvenanceFile,
    word: Word,
    store: &mut Store<Profile>,
    session: &Session,
) -> anyhow::Result<()> {
    let (id, title) = (file.piece().id, file.piece().title.clone());
    store.update(&mut session.rng(), |profile| {
        let secrets = profile
            .pieces
            .entry(id)
            .or_insert_with(|| PieceSecrets::new(title, &mut session.rng()));
        secrets.word = Some(word);
    })?;
    Ok(())
}

/// What is remembered of taking the certificate back: it counts for the piece, whichever copy it is
/// written into, so an older copy does not make the studio forget what it knows of a newer one.
pub(super) fn against(
    file: &ProvenanceFile,
    held: &Held,
    profile: &Profile,
    standing: Standing,
) -> Word {
    match last(file, profile) {
        Some(word) if file.custody().hash(word.events) != Some(word.head) => {
            Word { standing, ..word.clone() }
        }
        _ => on(file, held, None, standing),
    }
}

/// Ends the allowance to do the same again, where the file that was continued is still there: going
/// on from it once more would be another history. Where this cannot be kept, the person is told; what
/// was done stays done.
pub(super) fn settle(file: &ProvenanceFile, store: &mut Store<Profile>, session: &Session) {
    let Some(word) = last(file, store.read()).cloned() else { return };
    if let Err(error) = remember(file, Word { from: None, ..word }, store, session) {
        session.say(&format!(
            "hallmark: the file is written, but that could not be noted; do not continue the one \
             before it: {error:#}"
        ));
    }
}

/// A word on the file as it is, or with one more event, whose file hashes to `added`.
pub(super) fn on(
    file: &ProvenanceFile,
    held: &Held,
    added: Option<Sha256>,
    standing: Standing,
) -> Word {
    let (custody, from) = (file.custody(), Some(held.seen().words()));
    match added {
        Some(head) => Word { events: custody.events() + 1, head, standing, from },
        None => Word { events: custody.events(), head: custody.head(), standing, from },
    }
}

/// The reason given with a standing, where this file has it.
pub(super) fn reason(
    status: &Status,
    standing: Standing,
) -> Option<hallmark_vault::provenance::text::Text> {
    status.reason.clone().filter(|_| status.status == standing)
}
