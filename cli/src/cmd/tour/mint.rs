//! Minting: from a folder to a signed file, with what had to leave the files.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::Path,
};

use anyhow::Context;
use hallmark_vault::hygiene::{self, Outcome as Hygiene, Policy};
use serde::Deserialize;

use super::{
    Tour,
    container::Original,
    people::arguments,
    sample::{Planted, Subject, contains},
    stage::{Checks, Stopped},
    summary::Outcome,
};

/// The largest file that is searched whole, bytes.
const SEARCHED_BYTES: u64 = 64 << 20;

/// One file, as `piece mint --json` tells of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct MintedFile {
    /// Its name in the maker's folder.
    pub(super) name: String,
    /// The part it became.
    pub(super) path: String,
    /// `clean`, `removed`, `kept`, `preserved` or `unchecked`.
    pub(super) outcome: String,
    /// What was taken out, in words.
    pub(super) removed: Vec<String>,
    /// What it still tells, in words.
    pub(super) reveals: Vec<String>,
}

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let (piece, parts) = (world.piece(), world.scratch.join("parts"));
    let (people, subject) = (&world.people, &world.subject);

    let files = stage.step("Mint the folder", Outcome::Ok, |checks| {
        let minted = people.studio.run(command_line(&piece, subject))?;
        let files: Vec<MintedFile> = serde_json::from_value(minted.json()["files"].clone())?;
        let original = Original::open(&piece)?;
        checks.that("inspection finds nothing wrong with the new file", true)?;
        checks.same(
            format!("it carries {} parts, one for each file of the folder", files.len()),
            original.file.parts().count(),
            files.len(),
        )?;
        checks.same("its history has one event: made", original.file.events().len(), 1)?;
        people.studio.run(arguments!["piece", "export", &piece, "--to", &parts])?;
        fs::copy(&piece, world.scratch.join("as-minted.hallmark"))?;
        Ok(files)
    })?;

    for file in &files {
        let planted = subject.planted(&file.name);
        let (from, part) = (subject.folder.join(&file.name), parts.join(&file.path));
        stage.step(heading(file), Outcome::Ok, |checks| {
            compare(file, planted, &from, &part, checks)
        })?;
    }
    evidence.files = files;
    Ok(())
}

/// The command line that mints the folder.
pub(super) fn command_line(out: &Path, subject: &Subject) -> Vec<OsString> {
    let mut line = arguments!["piece", "mint", "--from", &subject.folder, "--out", out].to_vec();
    if let Some(title) = &subject.title {
        line.extend(arguments!["--title", title]);
    }
    if let Some((metal, fineness)) = &subject.metal {
        line.extend(arguments!["--metal", metal, "--fineness", fineness]);
    }
    line
}

fn heading(file: &MintedFile) -> String {
    let kept = match file.outcome.as_str() {
        "clean" | "removed" => "",
        "preserved" => ", kept as it is: it carries a signature that a change would break",
        _ => ", kept as it is: this program cannot read all of it",
    };
    format!("{}, now {}{kept}", file.name, file.path)
}

/// Holds a part against the file it came from.
fn compare(
    file: &MintedFile,
    planted: Option<&Planted>,
    from: &Path,
    part: &Path,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let size_bytes = fs::metadata(from)?.len().max(fs::metadata(part)?.len());
    if size_bytes <= SEARCHED_BYTES {
        let (before, after) = (fs::read(from)?, fs::read(part)?);
        let changed = before != after;
        match (file.outcome.as_str(), planted) {
            ("removed", Some(planted)) => search(planted, &before, &after, checks)?,
            ("removed", None) => {
                checks.that(format!("taken out: {}", file.removed.join(", ")), changed)?;
            }
            _ => checks.that("the part is the file, byte for byte", !changed)?,
        }
        if let Some(scan) = jpeg_scan(&after).filter(|_| changed) {
            let what = "the compressed picture is the same bytes as before: nothing was re-encoded";
            checks.that(what, contains(&before, scan))?;
        }
    }
    let mut content = File::open(part)?;
    let size_bytes = content.metadata()?.len();
    let again = hygiene::clean(&mut content, size_bytes, &mut std::io::sink(), Policy::Remove)
        .with_context(|| format!("{} cannot be read again", part.display()))?;
    match file.outcome.as_str() {
        "clean" | "removed" if file.reveals.is_empty() => checks.same(
            "read again, our reader finds nothing more to take out",
            again.outcome,
            Hygiene::Clean,
        ),
        _ => {
            let reveals: Vec<&str> = again.reveals.into_iter().map(hygiene::describe).collect();
            let told = match reveals.as_slice() {
                [] => "what is in it, nobody here can tell".to_owned(),
                reveals => format!("it still reveals {}", reveals.join(", ")),
            };
            let heard: Vec<&str> = file.reveals.iter().map(String::as_str).collect();
            checks.same(format!("read again, as the maker was told: {told}"), &reveals, &heard)
        }
    }
}

/// Looks for what was planted: there before, gone after.
fn search(
    planted: &Planted,
    before: &[u8],
    after: &[u8],
    checks: &mut Checks,
) -> anyhow::Result<()> {
    let mut gone = Vec::new();
    for (what, needle) in planted.gone {
        anyhow::ensure!(needle.is_in(before), "{what} was not even in the file before");
        anyhow::ensure!(!needle.is_in(after), "{what} is still in the part");
        gone.push(*what);
    }
    checks.that(format!("in the file and not in the part: {}", gone.join(", ")), true)?;
    for (what, needle) in planted.stays {
        checks.that(format!("still there: {what}"), needle.is_in(before) && needle.is_in(after))?;
    }
    Ok(())
}

/// From the first start-of-scan marker of a JPEG to its end: the compressed picture.
fn jpeg_scan(content: &[u8]) -> Option<&[u8]> {
    if !content.starts_with(&[0xff, 0xd8, 0xff]) {
        return None;
    }
    let mut at = 2;
    loop {
        let marker = content.get(at..at + 4)?;
        if marker[1] == 0xda {
            return content.get(at..);
        }
        at += 2 + usize::from(u16::from_be_bytes([marker[2], marker[3]]));
    }
}
