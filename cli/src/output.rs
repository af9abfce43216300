//! Files we write: whole or not at all.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::NamedTempFile;

/// Writes `target` through a temporary file beside it, which takes its name only once everything
/// is on the disk. Until then, and when `fill` fails, `target` stays what it was. A link stays a
/// link: the file it names is replaced.
///
/// # Errors
/// Those of `fill`, and the disk's with the path in the message.
pub fn write_whole<T>(
    target: &Path,
    access: Access,
    fill: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let resolved = ordinary(target)?;
    let target = resolved.as_path();
    let folder = folder_of(target);
    is_there(&folder, target)?;
    let failed =
        || format!("cannot write {}; what was there before is untouched", target.display());
    let mut temporary = temporary_in(&folder, access).with_context(failed)?;
    let outcome = fill(temporary.as_file_mut()).with_context(failed)?;
    temporary.as_file_mut().flush().with_context(failed)?;
    temporary.as_file().sync_all().with_context(failed)?;
    temporary.persist(target).map_err(|error| error.error).with_context(failed)?;
    sync_folder(&folder).with_context(|| {
        format!(
            "{} is written, but the disk did not confirm its name, which may not outlast a loss of \
             power; check the disk",
            target.display()
        )
    })?;
    Ok(outcome)
}

/// What takes the new content's place: the file itself, where `target` is a link to one. A device
/// or a pipe would lose its name to an ordinary file, so neither is written to.
fn ordinary(target: &Path) -> anyhow::Result<PathBuf> {
    let Ok(metadata) = std::fs::metadata(target) else { return Ok(target.to_owned()) };
    anyhow::ensure!(!metadata.is_dir(), "{} is a folder; name a file to write", target.display());
    anyhow::ensure!(
        metadata.is_file(),
        "{} is no ordinary file but a pipe or a device; name a file to write",
        target.display()
    );
    match target.is_symlink() {
        true => Ok(target.canonicalize()?),
        false => Ok(target.to_owned()),
    }
}

/// Refuses to write over a file that the same command reads, by whatever path it is named.
///
/// # Errors
/// Names the file.
pub fn keep_apart(target: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
    // A file that is not there yet is known by its folder.
    let resolved = |path: &Path| {
        path.canonicalize().or_else(|_| {
            Ok::<_, io::Error>(
                folder_of(path).canonicalize()?.join(path.file_name().unwrap_or_default()),
            )
        })
    };
    for input in inputs {
        anyhow::ensure!(
            match (resolved(target), resolved(input)) {
                (Ok(target), Ok(input)) => target != input,
                // What has no folder cannot be written, which is said later.
                _ => true,
            },
            "{} would be written over, and this command needs it; name another file to write",
            input.display()
        );
    }
    Ok(())
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody whom the folder lets in: something to hand on.
    Shared,
    /// Its owner alone: something secret.
    Private,
}

/// A temporary file that leaves no name behind, for content on its way.
///
/// # Errors
/// The system's.
pub fn scratch_beside(target: &Path) -> anyhow::Result<File> {
    let folder = folder_of(target);
    is_there(&folder, target)?;
    tempfile::tempfile_in(&folder)
        .with_context(|| format!("cannot make a temporary file in {}", folder.display()))
}

/// A folder that is not there is named as that: nobody made it by hand that way.
fn is_there(folder: &Path, target: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !matches!(folder.try_exists(), Ok(false)),
        "the folder {} is not there, so {} cannot be written; make the folder first",
        folder.display(),
        target.display()
    );
    Ok(())
}

fn folder_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn temporary_in(folder: &Path, access: Access) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hallmark-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if access == Access::Private { 0o600 } else { 0o644 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.tempfile_in(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
