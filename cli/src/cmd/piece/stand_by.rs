//! What others added to a file, before the studio gives its word on it.

use hallmark_vault::provenance::ProvenanceFile;

use super::handover::said;
use crate::{report::Usage, session::Session};

/// Whether the studio stands by the events since its last word that it did not sign: anybody with a
/// copy of the file can add one. Shows them and asks, unless it has said so.
///
/// # Errors
/// [`Usage`] when nobody can be asked; an error when the answer is not yes.
pub(super) fn check(file: &ProvenanceFile, said_so: bool, session: &Session) -> anyhow::Result<()> {
    let (studio, covered) = (file.manifest().issuer, file.status().credential_subject.events);
    let added: Vec<String> = file
        .events()
        .iter()
        .filter(|event| event.subject().sequence > covered)
        .filter(|event| event.signers().all(|key| key != studio))
        .map(|event| {
            let subject = event.subject();
            let signers: Vec<String> =
                event.signers().map(|key| key.fingerprint().to_string()).collect();
            format!(
                "Event {}, {}, signed by {}:\n{}",
                subject.sequence,
                super::words(subject.kind.name()),
                signers.join(" and "),
                said(subject)
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
