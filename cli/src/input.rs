//! Files we read: ordinary ones. A pipe would keep a run waiting, a device would never end, and
//! neither has a size.
//!
//! A file that is read to be written again is [`Held`]: locked against other runs of this program,
//! and remembered as it was, since programs that know of no lock may change it as well.

use std::{
    fs::{File, Metadata, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The largest file that is read whole, in bytes: as large as a JSON document may be.
pub const MAX_WHOLE_BYTES: u64 = 8 << 20;

/// Opens an ordinary file; gives its size in bytes as well.
///
/// # Errors
/// The system's, or [`io::ErrorKind::InvalidInput`] for a folder, a pipe or a device, which is not
/// opened at all.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    ordinary(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Again, in case another took the name in between.
    let metadata = file.metadata()?;
    ordinary(&metadata)?;
    Ok((file, metadata.len()))
}

/// Reads a file whole that a person or another run of this program wrote: a key, an offer, a
/// draft, a `piece.toml`.
///
/// # Errors
/// As [`open`], and [`io::ErrorKind::FileTooLarge`] past [`MAX_WHOLE_BYTES`].
pub fn whole(path: &Path) -> io::Result<Vec<u8>> {
    whole_of(&open(path)?.0)
}

/// As [`whole`], for a file that is open.
///
/// # Errors
/// As [`whole`].
pub fn whole_of(file: &File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(MAX_WHOLE_BYTES + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_WHOLE_BYTES {
        let why =
            format!("it has more than {MAX_WHOLE_BYTES} bytes, too many for what it should be");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(content)
}

/// As [`whole`], for text.
///
/// # Errors
/// As [`whole`], and [`io::ErrorKind::InvalidData`] where it is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(whole(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text (UTF-8)"))
}

fn ordinary(metadata: &Metadata) -> io::Result<()> {
    let why = match metadata.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "it is a folder, not a file",
        _ => "it is no ordinary file but a pipe or a device; copy its content into a file first",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// A file as it was when somebody looked: which one it is, its size in bytes, and when it was last
/// changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Device and inode; nothing where the system has no such numbers.
    which: Option<(u64, u64)>,
    size_bytes: u64,
    changed: Option<SystemTime>,
}

impl Seen {
    /// What the metadata of an open file or of a path says.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let which = {
            use std::os::unix::fs::MetadataExt;
            Some((metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let which = None;
        Self { which, size_bytes: metadata.len(), changed: metadata.modified().ok() }
    }

    /// All of it in words that stand for this file as it is and no other on this machine.
    #[must_use]
    pub fn words(&self) -> String {
        let changed = self.changed.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let ns = changed.map_or(0, |changed| changed.as_nanos());
        let (device, inode) = self.which.unwrap_or_default();
        format!("{device}:{inode}:{}:{ns}", self.size_bytes)
    }

    /// True when both are the same file, whatever became of its content.
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        if self.which.is_some() { self.which == other.which } else { self == other }
    }
}

/// A file that is read to be written again, locked against other runs of this program as long as
/// this value lives.
#[derive(Debug)]
pub struct Held {
    file: File,
    path: PathBuf,
    seen: Seen,
}

impl Held {
    /// How often the name may go to another file while it is being locked.
    const TRIES: usize = 16;

    /// Opens and locks an ordinary file. Where the file system has no locks there is none, and only
    /// what was [`Seen`] tells that the file was changed.
    ///
    /// # Errors
    /// As [`open`], or [`io::ErrorKind::ResourceBusy`] when another run holds the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        for _ in 0..Self::TRIES {
            let (file, _) = open(path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => break,
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            let held = Self { seen: Seen::of(&file.metadata()?), file, path: path.to_owned() };
            // A run that had the lock until now has put another file in this one's place.
            if Seen::of(&std::fs::metadata(path)?).is_same_file(&held.seen) {
                return Ok(held);
            }
        }
        let why = "another run is at work on it; let that run finish, then run the command again";
        Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its path, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it was before anything of it was read.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }
}

impl Drop for Held {
    /// Closing the file would not always do: a program that another thread is about to start holds
    /// it too, until it has begun.
    fn drop(&mut self) {
        // Nobody is left to tell, and the end of the run unlocks as well.
        let _ = self.file.unlock();
    }
}
