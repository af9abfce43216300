//! `hallmark audit monitor`: a log that is followed, and cosigned once its map was rebuilt.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hallmark_consent::log::{
    audit::Audit, checkpoint::SignedCheckpoint, note::VerifierKey, policy::Policy,
};
use serde_json::json;

use super::{Finding, Memory, Trusted, forked, is_recent, reading, seen_by};
use crate::{
    args::MonitorArgs,
    cmd::witness,
    remote::log::LogSource,
    report::{Report, Usage, print_error},
    session::Session,
};

/// Runs `hallmark audit monitor`.
///
/// # Errors
/// The first [`Finding`] where `--times` says when to end; without it they are told, and it goes on.
pub fn run(args: &MonitorArgs, session: &Session) -> anyhow::Result<Report> {
    let trusted = Trusted::of(&args.trusted)?;
    let source = LogSource::new(&args.log, args.trusted.ca.as_deref())?;
    if args.cosign {
        let (Some(name), Some(data)) = (&args.serves.name, &args.serves.data) else {
            return Err(Usage("--cosign needs --name and --data".into()).into());
        };
        let logs: Vec<VerifierKey> =
            trusted.policy.logs().iter().map(|log| log.key.clone()).collect();
        let map = map_check(source, logs.clone());
        return witness::monitor(args, (name, data), &logs, map);
    }
    let mut followed = Followed { source, policy: trusted.policy, audit: Audit::default() };
    let mut looks = 0;
    loop {
        let begun = Instant::now();
        looks += 1;
        let looked = followed.look(args, session);
        let is_last = args.times.is_some_and(|times| looks >= times);
        match looked {
            Ok((size, line)) if is_last => {
                return Report::new(&json!({"looks": looks, "size": size}), line);
            }
            Ok((_, line)) => session.say(&line),
            Err(error) if args.times.is_some() => return Err(error),
            Err(error) => drop(print_error(&error, session.json)),
        }
        std::thread::sleep(Duration::from_secs(args.every).saturating_sub(begun.elapsed()));
    }
}

/// A log as far as it was read.
struct Followed {
    source: LogSource,
    policy: Policy,
    audit: Audit,
}

impl Followed {
    fn look(&mut self, args: &MonitorArgs, session: &Session) -> anyhow::Result<(u64, String)> {
        let under = reading::checkpoint(&self.source, &self.policy)?;
        let memory = Memory::of(&under, session)?;
        let seen = memory.seen()?;
        if let Some(seen) = seen.as_ref().map(SignedCheckpoint::claimed)
            && under.size() < seen.size
        {
            return Err(Finding::Shrunk { size: under.size(), seen: seen.size }.into());
        }
        let bar = session.entries("reading", under.size().saturating_sub(self.audit.size()));
        let mut audit = self.audit.clone();
        let claimed = seen.as_ref().map(SignedCheckpoint::claimed);
        let read = match under.size() < audit.size() {
            true => Err(anyhow::anyhow!("it is not what was read")),
            false => reading::go_on(&mut audit, &self.source, &under, claimed, None, &bar),
        };
        let (audit, other) = match read {
            Ok(other) => (audit, other),
            Err(error) if is_unread(&error) => return Err(error),
            // What does not go on from what was read is read from its start, against what was seen.
            Err(_) => reading::read(&self.source, &under, claimed, None, &bar)?,
        };
        drop(bar);
        if let (Some(root), Some(seen)) = (other, &seen) {
            let evidence = memory.evidence();
            return Err(forked(&self.source, seen, (&under, root), &evidence)?.into());
        }
        memory.keep(&under)?;
        self.audit = audit;
        if self.policy.asks_for_witnesses() {
            is_recent(&under, Some(args.max_age), session)?;
        }
        let line = format!(
            "{} {}: {} entries; seen by {}",
            session.now(),
            under.origin(),
            under.size(),
            seen_by(&under)
        );
        Ok((under.size(), line))
    }
}

/// Whether an error only says that the network, or the disk, did not give something.
fn is_unread(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Finding::Unread(_)))
}

/// What lets a witness cosign only checkpoints of a log whose map it has rebuilt.
pub fn map_check(source: LogSource, logs: Vec<VerifierKey>) -> Box<dyn witness::Rebuild> {
    Box::new(MapCheck { source, logs, read: Mutex::default() })
}

/// Reads a log to each checkpoint that is to be cosigned, rebuilding its map.
struct MapCheck {
    source: LogSource,
    logs: Vec<VerifierKey>,
    read: Mutex<Audit>,
}

impl witness::Rebuild for MapCheck {
    fn check(&self, checkpoint: &SignedCheckpoint) -> Result<(), String> {
        let signed = |log: &&VerifierKey| checkpoint.is_signed_by(log) == Ok(true);
        let log = self.logs.iter().find(signed).ok_or("the log did not sign it")?;
        let under = Policy::of_log(log.clone()).accept(checkpoint.clone());
        let under = under.map_err(|error| error.to_string())?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if under.size() < read.size() {
            return Err("it is older than what was read".to_owned());
        }
        // Only what is sound is kept.
        let mut audit = read.clone();
        let bar = crate::session::Bar::hidden();
        reading::go_on(&mut audit, &self.source, &under, None, None, &bar)
            .map_err(|error| error.to_string())?;
        *read = audit;
        Ok(())
    }
}
