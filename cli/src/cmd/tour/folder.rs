//! The folder that takes the evidence. A tour replaces what an earlier tour left there and nothing
//! else: it works only in a folder that is new, empty, or marked by an earlier one.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{output::outside_profiles, report::Usage};

const MARKER: &str = ".hallmark-tour";
const MARKER_TEXT: &str = "The folder around this file was filled by `hallmark tour`. The next tour \
replaces report.html, summary.json, canaries.json, piece, refused, log and service in it, and touches \
nothing else.\n";
/// What a tour writes, and so may remove.
const OURS: [&str; 7] =
    ["summary.json", "report.html", "canaries.json", "piece", "refused", "log", "service"];

/// The folder, held by this run alone.
pub(super) struct Folder {
    path: PathBuf,
    /// Locked as long as the tour plays.
    _marker: File,
}

impl Folder {
    /// Takes `path` for this tour and clears away what an earlier one left.
    ///
    /// # Errors
    /// [`Usage`] for a folder with something in it that no tour made, or where another tour is
    /// playing; else the disk's.
    pub(super) fn take(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot use {} for the evidence", path.display());
        outside_profiles(path)?;
        fs::create_dir_all(path).with_context(cannot)?;
        let marked = path.join(MARKER).is_file();
        if !marked && fs::read_dir(path).with_context(cannot)?.next().is_some() {
            return Err(Usage(format!(
                "{} holds files that no tour made; name a new or empty folder with --out",
                path.display()
            ))
            .into());
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let mut marker = options.open(path.join(MARKER)).with_context(cannot)?;
        match marker.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Usage(format!(
                    "another tour is playing in {}; wait for it, or name another --out",
                    path.display()
                ))
                .into());
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        marker.set_len(0).with_context(cannot)?;
        marker.write_all(MARKER_TEXT.as_bytes()).with_context(cannot)?;
        for name in OURS {
            remove(&path.join(name)).with_context(|| {
                format!("cannot replace {}, which an earlier tour left", path.join(name).display())
            })?;
        }
        let folder = Self { path: path.to_owned(), _marker: marker };
        for name in ["piece", "refused"] {
            fs::create_dir(folder.at(name)).with_context(cannot)?;
        }
        Ok(folder)
    }

    /// The path of something in it.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_tour_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("deep/tour");
        drop(Folder::take(&out).unwrap());
        fs::write(out.join("piece/piece.hallmark"), "old").unwrap();
        fs::write(out.join("mine.txt"), "mine").unwrap();
        drop(Folder::take(&out).unwrap());
        assert!(!out.join("piece/piece.hallmark").exists());
        assert_eq!(fs::read_to_string(out.join("mine.txt")).unwrap(), "mine");
    }

    #[test]
    fn a_folder_no_tour_made_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("piece")).unwrap();
        assert!(Folder::take(dir.path()).is_err());
        assert!(dir.path().join("piece").is_dir());
    }

    #[test]
    fn one_tour_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = Folder::take(dir.path()).unwrap();
        assert!(Folder::take(dir.path()).is_err());
        drop(held);
        assert!(Folder::take(dir.path()).is_ok());
    }
}
