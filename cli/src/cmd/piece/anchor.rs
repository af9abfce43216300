//! `hallmark piece anchor`: the log says since when a provenance file exists.

use anyhow::Context;
use hallmark_consent::log::{
    anchor::{Anchor, AnchorError, NewAnchor},
    checkpoint::Accepted,
    proof::LogProof,
};
use hallmark_core::key::SigningKey;
use hallmark_vault::provenance::{
    ProvenanceFile,
    archive::ReadAt,
    minisign::WriterKey,
    write::{self, Amendment, copy_entry},
};
use serde_json::json;

use super::{
    handover::{is_studio_of, writing},
    held, sound_in, there,
};
use crate::{
    args::AnchorArgs,
    cmd::audit::{Finding, seen_by},
    output::{Access, Output},
    remote::log::LogService,
    report::Report,
    session::Session,
};

/// The file's name in `proofs/`.
pub const NAME: &str = "anchor.json";

/// Runs `hallmark piece anchor`.
///
/// # Errors
/// A log that does not take it, or whose proof does not hold; a file that cannot be written.
pub(super) fn run(args: &AnchorArgs, session: &Session) -> anyhow::Result<Report> {
    there(&args.file)?;
    let (trusted, log) = LogService::of_person(&args.log, session)?;
    let writer = writer(args, session)?;
    let held = held(&args.file)?;
    let out = args.out.as_ref().unwrap_or(&args.file);
    let output = Output::continuing(out, &held, args.force)?;
    let file = sound_in(&held, session)?;
    let sha256 = file.custody().manifest_hash();
    let new = NewAnchor::of(sha256, &mut session.rng());
    let proof: LogProof = log
        .submit(&new.entry())?
        .parse()
        .map_err(Finding::from)
        .context("what the log answered is no proof")?;
    let anchor = new.logged(&proof);
    let under = match anchor.verify(&sha256, &trusted.policy) {
        Ok(under) => under,
        Err(AnchorError::Proof(error)) => return Err(Finding::from(error).into()),
        Err(error) => return Err(error.into()),
    };
    let proof = Some((NAME.to_owned(), anchor.to_bytes()));
    let amendment = Amendment { proof, ..Amendment::default() };
    let bar = writing(&file, session);
    output.write(Access::Shared, |target| {
        write::rewrite(&file, held.file(), amendment, &writer, bar.over(target))?;
        Ok(())
    })?;
    let text = format!("{}\nWritten into {}.", words(&under), out.display());
    Report::new(
        &json!({"out": out, "log": under.origin(), "existedBefore": under.existed_by()}),
        text,
    )
}

/// The studio's writer key for its own pieces; else a fresh one, which joins nothing.
fn writer(args: &AnchorArgs, session: &Session) -> anyhow::Result<WriterKey> {
    if let Ok(store) = session.open()
        && let Some(studio) = &store.read().studio
    {
        let (source, file) = super::sound(&args.file, session)?;
        drop(source);
        if is_studio_of(&file, store.read()) {
            return Ok(studio.keys().writer);
        }
    }
    Ok(WriterKey::new(SigningKey::generate(&mut session.rng())))
}

/// The anchor that a file carries, if it carries one.
pub fn of<R: ReadAt + ?Sized>(
    file: &ProvenanceFile,
    source: &R,
) -> Option<Result<Anchor, AnchorError>> {
    let mut bytes = Vec::new();
    copy_entry(file, source, &format!("proofs/{NAME}"), &mut bytes).ok()?;
    Some(Anchor::parse(&bytes))
}

/// What a checked anchor says.
pub fn words(under: &Accepted) -> String {
    match under.existed_by() {
        Some(at) => format!(
            "It existed before {at}: it is in the log {}, which was seen by {}.",
            under.origin(),
            seen_by(under)
        ),
        None => format!(
            "It is in the log {}, on the word of its service alone: no witness says since when.",
            under.origin()
        ),
    }
}
