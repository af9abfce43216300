//! `hallmark log`: proofs from the log, and its end.

use anyhow::Context;
use hallmark_consent::log::{
    anchor,
    complete::{Complete, CompleteProof, LookedUpAll},
    entry::ChainKind,
};
use hallmark_core::{id::Label, json};

use super::{
    audit::{Finding, Trusted, is_recent, seen_by},
    studio::parsed,
    verify::inspected,
};
use crate::{
    args::{CheckArgs, LogCommand, ProveCommand, ProveCompleteArgs},
    input,
    output::{Access, Output},
    remote::log::LogService,
    report::Report,
    session::Session,
};

/// Runs `hallmark log`.
///
/// # Errors
/// [`Finding`]; what cannot be read or written.
pub fn run(command: &LogCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        LogCommand::Freeze(args) => super::serve::freeze(args),
        LogCommand::Prove(ProveCommand::Complete(args)) => prove(args, session),
        LogCommand::Check(args) => check(args, session),
    }
}

fn prove(args: &ProveCompleteArgs, session: &Session) -> anyhow::Result<Report> {
    let (trusted, service) = LogService::of_person(&args.log, session)?;
    let output = Output::new(&args.out, args.force)?;
    let (source, inspection) = inspected(&args.file, session)?;
    let file = inspection.file().context("this is no provenance file that holds")?;
    let anchor = super::piece::anchor::of(file, &source).with_context(|| {
        format!("{} is not anchored: hallmark piece anchor", args.file.display())
    })??;
    let (link, named) = anchor.chain();
    let said = service.look_up(&[named.label, named.next])?;
    let said: LookedUpAll = json::parse(said.as_bytes())
        .map_err(anyhow::Error::from)
        .and_then(|said| Ok(serde_json::from_value(said)?))
        .context("what the log answered is not what was asked")?;
    let proof = said.into_proof(vec![link]).with_context(|| {
        format!("the log has no entry at the anchor of {}", args.file.display())
    })?;
    let bytes = json::canonical(&serde_json::to_value(&proof)?);
    let complete = verified(proof, named.label, &trusted)?;
    is_recent(&complete.under, args.max_age, session)?;
    output.write(Access::Shared, |out| Ok(std::io::Write::write_all(out, &bytes)?))?;
    let text = format!(
        "{}\nWritten to {}. Anyone checks it with:\n  hallmark log check {} --first {} --policy POLICY",
        words(&complete),
        args.out.display(),
        args.out.display(),
        named.label
    );
    Report::new(&as_json(&complete, named.label), text)
}

fn check(args: &CheckArgs, session: &Session) -> anyhow::Result<Report> {
    let trusted = Trusted::of(&args.trusted)?;
    let first: Label = parsed("--first", Some(&args.first))?.context("it was given")?;
    let bytes = input::whole(&args.proof)
        .with_context(|| format!("cannot read {}", args.proof.display()))?;
    let proof = CompleteProof::parse(&bytes).map_err(Finding::from)?;
    let complete = verified(proof, first, &trusted)?;
    is_recent(&complete.under, args.max_age, session)?;
    Report::new(&as_json(&complete, first), words(&complete))
}

fn verified(proof: CompleteProof, first: Label, trusted: &Trusted) -> Result<Complete, Finding> {
    let begins = (ChainKind::Anchor, first);
    Ok(proof.verify(&trusted.policy, begins, anchor::named)?)
}

/// What a complete chain shows, and what it rests on.
fn words(complete: &Complete) -> String {
    let under = &complete.under;
    let map = match under.map_as_of() {
        Some(at) => format!("The monitor of the policy rebuilt the map at {at}."),
        None => {
            "That nothing comes after it rests on the service's word: no monitor of the policy \
                 rebuilt the map."
                .to_owned()
        }
    };
    let events = match complete.links.len() {
        1 => "The chain has one event and no more".to_owned(),
        count => format!("The chain has {count} events and no more"),
    };
    format!(
        "{events}, in the log {} of {} entries, seen by {}.\n{map}",
        under.origin(),
        under.size(),
        seen_by(under)
    )
}

fn as_json(complete: &Complete, first: Label) -> serde_json::Value {
    serde_json::json!({
        "first": first,
        "events": complete.links.len(),
        "log": complete.under.origin(),
        "size": complete.under.size(),
        "asOf": complete.under.as_of(),
        "mapAsOf": complete.under.map_as_of(),
    })
}
