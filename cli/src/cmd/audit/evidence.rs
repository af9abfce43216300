//! `hallmark audit evidence`: what somebody else found.

use anyhow::Context;
use hallmark_consent::log::fork::Fork;
use serde_json::json;

use super::trusted::verifier_key;
use crate::{args::EvidenceArgs, input, report::Report};

/// Runs `hallmark audit evidence`.
///
/// # Errors
/// When the file shows nothing.
pub fn run(args: &EvidenceArgs) -> anyhow::Result<Report> {
    let shown = || format!("{} shows nothing", args.file.display());
    let bytes =
        input::whole(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let log = verifier_key(&args.vkey)?;
    let [older, newer] =
        Fork::parse(&bytes).and_then(|fork| fork.verify(&log)).with_context(shown)?;
    let (old, new) = (older.claimed(), newer.claimed());
    let text = format!(
        "{} signed two histories: one checkpoint of {} entries and one of {}, of which the first are \
         other ones. Nothing that rests on this log alone counts any more.",
        old.origin, old.size, new.size
    );
    Report::new(&json!({"log": old.origin, "forked": true, "sizes": [old.size, new.size]}), text)
}
