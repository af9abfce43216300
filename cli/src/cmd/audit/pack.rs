//! `hallmark audit pack`: everything that it takes to check a log again, offline and years later.

use std::{fs, path::Path};

use anyhow::Context;
use hallmark_core::hash::Hasher;

use super::{Trusted, read, reading::Copy, said};
use crate::{
    args::PackArgs,
    output::{Access, write_whole},
    remote::log::LogSource,
    report::{Report, Usage},
    session::Session,
};

/// The folder of the copy, in the pack.
const COPY: &str = "log";

/// Runs `hallmark audit pack`.
///
/// # Errors
/// As `audit log`; a folder that is there already, but for a pack that was begun and not ended.
pub fn run(args: &PackArgs, session: &Session) -> anyhow::Result<Report> {
    let trusted = Trusted::of(&args.trusted)?;
    if args.out.exists() && !is_unfinished(&args.out)? {
        let out = args.out.display();
        return Err(Usage(format!("{out} is there already: name a folder that is not")).into());
    }
    let source = LogSource::new(&args.log, args.trusted.ca.as_deref())?;
    let copy = Copy::open(&args.out.join(COPY))?;
    let (under, audit) = read(&source, &trusted, Some(&copy), session)?;
    copy.finish(&under, &trusted.text)?;
    let report = said(&source, &under, &audit)?;
    let tool = serde_json::json!({
        "name": "hallmark",
        "version": env!("CARGO_PKG_VERSION"),
        "sha256": own_hash()?,
        "packed": session.now(),
    });
    let text = format!(
        "This folder was written by hallmark {} on {}.\n\n\
         log/           a copy of the log {}: its {} entries, all hashes, its checkpoint\n\
         log/vkey       the key the checkpoint was checked with: compare it with one from elsewhere\n\
         log/policy     who had to have seen it (C2SP tlog-policy)\n\
         audit.json     what was found\n\
         tool.json      which program looked, with the SHA-256 of its file\n\n\
         To check it again:\n\n    hallmark audit log log --policy log/policy\n\n\
         The formats are public (C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-policy); any\n\
         other program that reads them will do as well.\n",
        env!("CARGO_PKG_VERSION"),
        session.now(),
        under.origin(),
        under.size(),
    );
    for (name, bytes) in [
        ("README.txt", text.into_bytes()),
        ("audit.json", serde_json::to_vec_pretty(report.json())?),
        ("tool.json", serde_json::to_vec_pretty(&tool)?),
    ] {
        write_whole(&args.out.join(name), Access::Shared, |out| {
            Ok(std::io::Write::write_all(out, &bytes)?)
        })?;
    }
    let told = format!("{}\nPacked into {}.", report.text(), args.out.display());
    Report::new(report.json(), told)
}

/// Whether a folder has nothing but the copy that a pack begins with.
fn is_unfinished(folder: &Path) -> anyhow::Result<bool> {
    let cannot = || format!("cannot list {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot)? {
        names.push(entry.with_context(cannot)?.file_name());
    }
    Ok(names == [COPY])
}

/// SHA-256 of this program's own file.
fn own_hash() -> anyhow::Result<hallmark_core::hash::Sha256> {
    let path = std::env::current_exe().context("cannot tell which file this program is")?;
    let mut file = fs::File::open(&path)
        .with_context(|| format!("cannot read this program's file {}", path.display()))?;
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; 1 << 20]);
    loop {
        match std::io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
