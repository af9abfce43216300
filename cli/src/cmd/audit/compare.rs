//! `hallmark audit compare`: two views of one log.

use serde_json::json;

use super::{Trusted, forked, reading};
use crate::{
    args::CompareArgs,
    remote::log::LogSource,
    report::{Report, Usage},
    session::Session,
};

/// Runs `hallmark audit compare`.
///
/// # Errors
/// [`Finding::Forked`](super::Finding::Forked), with evidence written; what makes either view none.
pub fn run(args: &CompareArgs, session: &Session) -> anyhow::Result<Report> {
    let trusted = Trusted::of(&args.trusted)?;
    if args.evidence.exists() && !args.force {
        let text = format!("{} is there already: --force writes over it", args.evidence.display());
        return Err(Usage(text).into());
    }
    let view = |place: &str| -> anyhow::Result<_> {
        let source = LogSource::new(place, args.trusted.ca.as_deref())?;
        let under = reading::checkpoint(&source, &trusted.policy)?;
        Ok((source, under))
    };
    let mut views = [view(&args.one)?, view(&args.other)?];
    views.sort_by_key(|(_, under)| under.size());
    let [(older, old), (newer, new)] = &views;
    if old.log() != new.log() {
        anyhow::bail!("these are two logs: {} and {}", old.log(), new.log());
    }
    let bar = session.entries("comparing", new.size());
    let (_, other) = reading::read(newer, new, Some(old.signed().claimed()), None, &bar)?;
    drop(bar);
    if let Some(root) = other {
        return Err(forked(newer, old.signed(), (new, root), &args.evidence)?.into());
    }
    let text = format!(
        "One history: {older} has the first {} of the {} entries of {newer}.",
        old.size(),
        new.size()
    );
    Report::new(&json!({"forked": false, "sizes": [old.size(), new.size()]}), text)
}
