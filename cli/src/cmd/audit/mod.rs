//! `hallmark audit`: a log checked by whoever wants to, trusting nobody.

mod compare;
mod evidence;
mod finding;
mod monitor;
mod pack;
pub mod reading;
mod trusted;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_consent::log::{
    audit::Audit,
    checkpoint::{Accepted, SignedCheckpoint},
    fork::Fork,
    tree::Tree,
};
use hallmark_core::hash::Sha256;
use serde_json::json;

pub use finding::Finding;
pub use monitor::map_check;
pub use trusted::Trusted;

use crate::{
    args::{AuditCommand, AuditLogArgs},
    output::{Access, Output},
    remote::log::LogSource,
    report::{Report, Usage},
    session::Session,
};
use reading::Copy;

/// Runs `hallmark audit`.
///
/// # Errors
/// [`Finding`], each class with an exit code; what cannot be read.
pub fn run(command: &AuditCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        AuditCommand::Log(args) => log(args, session),
        AuditCommand::Monitor(args) => monitor::run(args, session),
        AuditCommand::Compare(args) => compare::run(args, session),
        AuditCommand::Pack(args) => pack::run(args, session),
        AuditCommand::Evidence(args) => evidence::run(args),
    }
}

fn log(args: &AuditLogArgs, session: &Session) -> anyhow::Result<Report> {
    let trusted = Trusted::of(&args.trusted)?;
    let source = LogSource::new(&args.log, args.trusted.ca.as_deref())?;
    let copy = args.keep.as_deref().map(Copy::open).transpose()?;
    let (under, audit) = read(&source, &trusted, copy.as_ref(), session)?;
    is_recent(&under, args.max_age, session)?;
    if let Some(copy) = &copy {
        copy.finish(&under, &trusted.text)?;
    }
    said(&source, &under, &audit)
}

/// Reads a whole log, compares it with what was seen before, and remembers it.
fn read(
    source: &LogSource,
    trusted: &Trusted,
    copy: Option<&Copy>,
    session: &Session,
) -> anyhow::Result<(Accepted, Audit)> {
    let under = reading::checkpoint(source, &trusted.policy)?;
    if let Some(folder) = source.folder() {
        reading::has_no_strays(folder, under.size())?;
    }
    let memory = Memory::of(&under, session)?;
    let seen = memory.seen()?;
    let claimed = seen.as_ref().map(SignedCheckpoint::claimed);
    // A copy may be older than what was seen at the service; then it says nothing of the rest.
    let is_older = claimed.is_some_and(|seen| seen.size > under.size());
    if let Some(seen) = claimed.filter(|_| is_older && source.folder().is_none()) {
        return Err(Finding::Shrunk { size: under.size(), seen: seen.size }.into());
    }
    let bar = session.entries("auditing", under.size());
    let seen_here = claimed.filter(|_| !is_older);
    let (audit, other) = reading::read(source, &under, seen_here, copy, &bar)?;
    drop(bar);
    if let (Some(root), Some(seen)) = (other, &seen) {
        let evidence = memory.evidence();
        return Err(forked(source, seen, (&under, root), &evidence)?.into());
    }
    if !is_older {
        memory.keep(&under)?;
    }
    Ok((under, audit))
}

/// Two checkpoints of one log that do not belong to one history, as a finding with its evidence. `root`
/// is that of as many entries of the newer one as the older one has.
fn forked(
    source: &LogSource,
    older: &SignedCheckpoint,
    (newer, root): (&Accepted, Sha256),
    evidence: &Path,
) -> anyhow::Result<Finding> {
    let size = older.claimed().size;
    let consistency = Tree::new(source.clone(), newer.size()).consistency(size, newer.size());
    let fork = Fork::new(older, newer.signed(), root, consistency.map_err(Finding::from)?);
    let text = serde_json::to_string_pretty(&fork)?;
    replace(evidence, text.as_bytes())?;
    Ok(Finding::Forked { size, evidence: evidence.display().to_string() })
}

/// The checkpoint of each log that was seen last on this machine. Public, so not sealed.
struct Memory(PathBuf);

impl Memory {
    fn of(under: &Accepted, session: &Session) -> anyhow::Result<Self> {
        let folder = session.home()?.path().join("logs");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let name = Sha256::of(format!("{}", under.log()).as_bytes());
        Ok(Self(folder.join(format!("{name}.checkpoint"))))
    }

    /// Where evidence of two histories of it goes.
    fn evidence(&self) -> PathBuf {
        self.0.with_extension("fork.json")
    }

    fn seen(&self) -> anyhow::Result<Option<SignedCheckpoint>> {
        let read = || format!("cannot read what was seen of the log last, {}", self.0.display());
        match fs::read(&self.0) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            bytes => {
                let bytes = bytes.with_context(read)?;
                Ok(Some(SignedCheckpoint::parse(&bytes).with_context(read)?))
            }
        }
    }

    fn keep(&self, under: &Accepted) -> anyhow::Result<()> {
        let text = under.signed().to_string();
        replace(&self.0, text.as_bytes())
    }
}

/// Writes a file of ours in one step, over the one that was there.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let output = Output::new(path, true)?;
    output.write(Access::Shared, |out| Ok(std::io::Write::write_all(out, bytes)?))
}

/// How far clocks may be apart.
const CLOCKS_APART_S: i64 = 300;

/// Whether witnesses saw a log no longer ago than asked.
pub fn is_recent(
    under: &Accepted,
    max_age_s: Option<u64>,
    session: &Session,
) -> anyhow::Result<()> {
    let Some(allowed_s) = max_age_s else { return Ok(()) };
    let as_of = under.as_of().ok_or_else(|| {
        Usage(
            "--max-age needs a --policy with witnesses: the service's own word on time is none"
                .into(),
        )
    })?;
    let age_s = session.now().unix_s() - as_of.unix_s();
    if age_s < -CLOCKS_APART_S {
        return Err(Finding::Clock { as_of: as_of.to_string() }.into());
    }
    if age_s > i64::try_from(allowed_s).unwrap_or(i64::MAX) {
        return Err(Finding::Stale { as_of: as_of.to_string(), allowed_s }.into());
    }
    Ok(())
}

/// Who saw a checkpoint, in words.
pub fn seen_by(under: &Accepted) -> String {
    match (under.seen(), under.as_of()) {
        ([], _) => {
            "no witness: nobody but the service vouches that it shows all people the same log"
                .to_owned()
        }
        (seen, as_of) => {
            let names: Vec<&str> = seen.iter().map(|one| one.by.as_str()).collect();
            let when = as_of.map(|at| format!(", last at {at}")).unwrap_or_default();
            format!("{}{when}", names.join(", "))
        }
    }
}

fn said(source: &LogSource, under: &Accepted, audit: &Audit) -> anyhow::Result<Report> {
    let report = audit.report();
    let mut lines = vec![
        format!("The log {} holds: {source}", under.origin()),
        format!("entries    {} (root {})", under.size(), under.root()),
        format!("witnesses  {}", seen_by(under)),
    ];
    let map = match under.map_as_of() {
        Some(at) => format!("rebuilt here, and by the monitor of the policy at {at}"),
        None => "rebuilt here from all entries; it is what the log says".to_owned(),
    };
    lines.push(format!("map        {map}"));
    for (kind, count) in &report.places {
        lines.push(format!("{:<10} {count} entries of private chains", kind.as_str()));
    }
    if report.keys > 0 {
        lines.push(format!("keys       {} say who follows them", report.keys));
    }
    for (kind, count) in &report.others {
        lines.push(format!("{:<10} {count} entries in clear", crate::report::short_line(kind, 40)));
    }
    let seen: Vec<_> = under
        .seen()
        .iter()
        .map(|one| json!({"name": one.by, "key": one.key.as_str(), "at": one.at}))
        .collect();
    let places: serde_json::Map<String, serde_json::Value> = report
        .places
        .iter()
        .map(|(kind, count)| (kind.as_str().to_owned(), json!(count)))
        .collect();
    let json = json!({
        "log": under.origin(),
        "size": under.size(),
        "root": under.root(),
        "witnesses": seen,
        "asOf": under.as_of(),
        "mapAsOf": under.map_as_of(),
        "places": places,
        "keys": report.keys,
        "mapRoots": report.map_roots,
        "others": report.others,
    });
    Report::new(&json, lines.join("\n"))
}
