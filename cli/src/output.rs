//! Files we write: whole or not at all.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::NamedTempFile;

/// Writes `target` through a temporary file beside it, which takes its name only once everything
/// is on the disk. Until then, and when `fill` fails, `target` stays what it was.
///
/// # Errors
/// Those of `fill`, and the disk's with the path in the message.
pub fn write_whole<T>(
    target: &Path,
    access: Access,
    fill: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let folder = folder_of(target);
    let failed =
        || format!("cannot write {}; what was there before is untouched", target.display());
    let mut temporary = temporary_in(&folder, access).with_context(failed)?;
    let outcome = fill(temporary.as_file_mut()).with_context(failed)?;
    temporary.as_file_mut().flush().with_context(failed)?;
    temporary.as_file().sync_all().with_context(failed)?;
    temporary.persist(target).map_err(|error| error.error).with_context(failed)?;
    sync_folder(&folder).with_context(failed)?;
    Ok(outcome)
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
    tempfile::tempfile_in(&folder)
        .with_context(|| format!("cannot make a temporary file in {}", folder.display()))
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
