//! The same file in the hands of tools that are not ours: unzip, sha256sum, minisign.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    Tour,
    people::arguments,
    stage::{Stage, Stopped},
    summary::Outcome,
};

/// Plays the chapter: what VERIFY.txt tells a person without this program to do.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, .. } = tour;
    let (piece, studio_pub, laboratory_pub) =
        (world.piece(), world.studio_pub(), world.laboratory_pub());
    let folder = world.scratch.join("unpacked");
    let people = &world.people;

    if there("unzip", stage) {
        stage.step("unzip -t piece.hallmark", Outcome::Ok, |checks| {
            let piece = std::path::absolute(&piece)?;
            let tested = ran("unzip", arguments!["-t", &piece], &world.scratch)?;
            checks.that("unzip exits 0 and finds no errors", tested.is_ok())?;
            let unpacked = ran("unzip", arguments!["-q", &piece, "-d", &folder], &world.scratch)?;
            checks.that("it unpacks the file", unpacked.is_ok())
        })?;
    } else {
        stage.step("Unpack the file", Outcome::Ok, |checks| {
            people.stranger.run(arguments!["piece", "export", &piece, "--to", &folder])?;
            checks.that("our own export unpacks it", folder.join("SHA256SUMS").is_file())
        })?;
    }

    if there("sha256sum", stage) {
        stage.step("sha256sum -c SHA256SUMS", Outcome::Ok, |checks| {
            let summed = ran("sha256sum", arguments!["--strict", "-c", "SHA256SUMS"], &folder)?;
            let lines = summed.map_err(|said| anyhow::anyhow!("sha256sum says: {said}"))?;
            let (all, listed) = (files_below(&folder)?.len(), lines.lines().count());
            checks.that(
                format!("{listed} lines say OK"),
                lines.lines().all(|line| line.ends_with(": OK")),
            )?;
            checks.same("only SHA256SUMS and its signature are not listed", all, listed + 2)
        })?;
        stage.step(
            "sha256sum, after one byte of a part was changed",
            Outcome::Caught,
            |checks| {
                let victim = changed_part(&folder)?;
                let summed = ran("sha256sum", arguments!["-c", "SHA256SUMS"], &folder)?;
                let said = summed.err().unwrap_or_default();
                flip_last_byte(&victim)?;
                let name = victim.strip_prefix(&folder)?.display().to_string();
                checks.that(
                    format!("it exits 1 and names {name}"),
                    said.contains(&format!("{name}: FAILED")),
                )
            },
        )?;
    }

    if there("minisign", stage) {
        let with = |key: &Path| {
            let key = std::path::absolute(key)?;
            ran("minisign", arguments!["-V", "-p", key, "-m", "SHA256SUMS"], &folder)
        };
        stage.step("minisign -V -p studio.pub -m SHA256SUMS", Outcome::Ok, |checks| {
            checks.that("the signature is the studio's", with(&studio_pub)?.is_ok())
        })?;
        stage.step("minisign with another key than the studio's", Outcome::Refused, |checks| {
            checks.that("it does not verify with laboratory.pub", with(&laboratory_pub)?.is_err())
        })?;
    }
    Ok(())
}

/// Whether a tool is installed; where it is not, a person is told what is not checked.
fn there(tool: &str, stage: &mut Stage) -> bool {
    let mut command = Command::new(tool);
    let asked = command.arg("--help").stdin(Stdio::null()).output();
    let there = !matches!(asked, Err(error) if error.kind() == io::ErrorKind::NotFound);
    if !there {
        stage.note(format!(
            "not checked with {tool}: it is not installed here (on Debian: apt-get install {})",
            if tool == "sha256sum" { "coreutils" } else { tool }
        ));
    }
    there
}

/// Runs a tool in a folder: what it printed when it exits 0, and otherwise too, as the error.
fn ran<const N: usize>(
    tool: &str,
    arguments: [OsString; N],
    folder: &Path,
) -> anyhow::Result<Result<String, String>> {
    let mut command = Command::new(tool);
    command.args(arguments).current_dir(folder).env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output()?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(Ok(said));
    }
    said += &String::from_utf8_lossy(&output.stderr);
    Ok(Err(said))
}

/// Changes one byte of the largest part in a folder, and tells which it was.
fn changed_part(folder: &Path) -> anyhow::Result<PathBuf> {
    let parts = files_below(&folder.join("media"))?;
    let largest = parts.into_iter().max_by_key(|(_, size_bytes)| *size_bytes);
    let (path, _) = largest.ok_or_else(|| anyhow::anyhow!("no part to change"))?;
    flip_last_byte(&path)?;
    Ok(path)
}

fn flip_last_byte(path: &Path) -> anyhow::Result<()> {
    let mut content = std::fs::read(path)?;
    if let Some(last) = content.last_mut() {
        *last ^= 1;
    }
    Ok(std::fs::write(path, content)?)
}

fn files_below(folder: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push((entry.path(), metadata.len()));
        }
    }
    Ok(files)
}
