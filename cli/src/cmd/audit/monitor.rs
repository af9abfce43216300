//! `hallmark audit monitor`: a log that is followed, and cosigned once its map was rebuilt.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hallmark_consent::log::{
    audit::Audit,
    checkpoint::{Accepted, SignedCheckpoint},
    note::VerifierKey,
    policy::Policy,
};
use serde_json::json;

use super::{Finding, Trusted, forked, is_recent, reading, seen_by};
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
        let (Some(name), Some(data)) = (&args.name, &args.data) else {
            return Err(Usage("--cosign needs --name and --data".into()).into());
        };
        let logs: Vec<VerifierKey> =
            trusted.policy.logs().iter().map(|log| log.key.clone()).collect();
        let map = map_check(source, logs.clone());
        return witness::monitor(args, (name, data), &logs, map);
    }
    let mut followed =
        Followed { source, policy: trusted.policy, seen: None, audit: Audit::default() };
    let mut looks = 0;
    loop {
        let begun = Instant::now();
        looks += 1;
        let looked = followed.look(args, session);
        let is_last = args.times.is_some_and(|times| looks >= times);
        match looked {
            Ok(line) if is_last => {
                let seen = followed.seen.as_ref();
                let size = seen.map_or(0, Accepted::size);
                return Report::new(&json!({"looks": looks, "size": size}), line);
            }
            Ok(line) => session.say(&line),
            Err(error) if args.times.is_some() => return Err(error),
            Err(error) => drop(print_error(&error, false)),
        }
        std::thread::sleep(Duration::from_secs(args.every).saturating_sub(begun.elapsed()));
    }
}

/// A log as far as it was read.
struct Followed {
    source: LogSource,
    policy: Policy,
    seen: Option<Accepted>,
    audit: Audit,
}

impl Followed {
    fn look(&mut self, args: &MonitorArgs, session: &Session) -> anyhow::Result<String> {
        let under = reading::checkpoint(&self.source, &self.policy)?;
        if let Some(seen) = &self.seen {
            if under.size() < seen.size() {
                return Err(Finding::Shrunk { size: under.size(), seen: seen.size() }.into());
            }
            // Read again from the start where it is not the same tree: one of the two is a lie.
            if under.size() == seen.size() && under.root() != seen.root() {
                let evidence = evidence(session)?;
                let root = *under.root();
                return Err(forked(&self.source, seen.signed(), (&under, root), &evidence)?.into());
            }
        }
        if under.size() > self.audit.size() {
            let mut audit = self.audit.clone();
            let bar = session.entries("reading", under.size() - audit.size());
            let read = reading::go_on(&mut audit, &self.source, &under, None, None, &bar);
            if let Err(error) = read {
                return Err(self.or_fork(&under, error, session)?);
            }
            self.audit = audit;
        }
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
        self.seen = Some(under);
        Ok(line)
    }

    /// What does not go on from what was read may be a history of its own.
    fn or_fork(
        &self,
        under: &Accepted,
        error: anyhow::Error,
        session: &Session,
    ) -> anyhow::Result<anyhow::Error> {
        let Some(seen) = &self.seen else { return Ok(error) };
        let bar = session.entries("reading again", under.size());
        let whole = reading::read(&self.source, under, Some(seen.signed().claimed()), None, &bar);
        match whole {
            Ok((_, Some(root))) => {
                let evidence = evidence(session)?;
                Ok(forked(&self.source, seen.signed(), (under, root), &evidence)?.into())
            }
            _ => Ok(error),
        }
    }
}

fn evidence(session: &Session) -> anyhow::Result<std::path::PathBuf> {
    let folder = session.home()?.path().join("logs");
    std::fs::create_dir_all(&folder)?;
    let name = format!("fork-{}.json", session.now().to_string().replace(':', ""));
    Ok(folder.join(name))
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
