//! Blobs as files: `blobs/xx/<32 hex digits>`, one each, never replaced.
//!
//! A file is there, with its name durable, before the row that names it; a part's bytes are synced
//! before the row of the part; a row is gone before its file. So every row has its bytes, and a
//! crash leaves at most a file without a row, which [`BlobFiles::sweep`] removes. All 256 folders
//! `xx` are made, and their names synced, when the data directory is opened: who finds one of them
//! there cannot tell whether the run that made it came to its sync.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use hallmark_core::{
    account::{AccountId, BlobId, exchange::PART_BYTES},
    hash::Hasher,
    position::WriteAt,
};

use super::{Caller, StoreError, private, writer::unreliable};

/// The folder of blobs, in a data directory.
pub(super) const FOLDER: &str = "blobs";
const NAME_DOMAIN: &[u8] = b"hallmark/blob-file/v1\0";

/// The name of one blob's file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileName([u8; 16]);

impl FileName {
    /// A name of its own for each request that starts an upload: the first 16 bytes of
    /// `SHA-256("hallmark/blob-file/v1" || 0x00 || account || blob || key || created || nonce)`.
    pub(super) fn of(account: AccountId, blob: BlobId, caller: &Caller) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(NAME_DOMAIN);
        hasher.update(account.as_bytes());
        hasher.update(blob.as_bytes());
        hasher.update(caller.key.as_bytes());
        hasher.update(&caller.created_s.to_be_bytes());
        hasher.update(caller.nonce.as_bytes());
        let mut name = [0; 16];
        name.copy_from_slice(&hasher.finish().as_bytes()[..16]);
        Self(name)
    }

    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// `xx/<name>`, in the folder of blobs.
    pub(super) fn path(&self) -> PathBuf {
        let name = data_encoding::HEXLOWER.encode(&self.0);
        Path::new(&name[..2]).join(&name)
    }
}

impl std::fmt::Debug for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileName({})", self.path().display())
    }
}

/// Something that is being worked on, until this is dropped.
pub(super) struct Claim<T: std::hash::Hash + Eq> {
    all: Arc<Mutex<HashSet<T>>>,
    one: T,
}

impl<T: std::hash::Hash + Eq + Copy> Claim<T> {
    fn new(all: &Arc<Mutex<HashSet<T>>>, one: T) -> Option<Self> {
        let fresh = all.lock().unwrap_or_else(PoisonError::into_inner).insert(one);
        fresh.then(|| Self { all: all.clone(), one })
    }
}

impl<T: std::hash::Hash + Eq> Drop for Claim<T> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.one);
    }
}

/// A part, by its place.
type PartAt = (AccountId, BlobId, u32);

/// The folder of blobs.
#[derive(Debug, Clone)]
pub(super) struct BlobFiles {
    folder: PathBuf,
    creating: Arc<Mutex<HashSet<FileName>>>,
    parts: Arc<Mutex<HashSet<PartAt>>>,
}

impl BlobFiles {
    /// The folder of a data directory with all folders in it, made where they are not there. Their
    /// names are durable when it returns.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let files = Self::at(directory);
        private::folder(&files.folder)?;
        for xx in 0..=u8::MAX {
            private::folder(&files.folder.join(format!("{xx:02x}")))?;
        }
        sync(&files.folder)?;
        sync(directory)?;
        Ok(files)
    }

    /// The folder of a data directory, wherever it is.
    pub(super) fn at(directory: &Path) -> Self {
        let folder = directory.join(FOLDER);
        Self { folder, creating: Arc::default(), parts: Arc::default() }
    }

    pub(super) fn path(&self, name: FileName) -> PathBuf {
        self.folder.join(name.path())
    }

    /// Keeps a file that has no row yet from being swept. `None` while another request has it.
    pub(super) fn claim_file(&self, name: FileName) -> Option<Claim<FileName>> {
        Claim::new(&self.creating, name)
    }

    /// Keeps others from writing a part. `None` while another request has it.
    pub(super) fn claim_part(&self, part: PartAt) -> Option<Claim<PartAt>> {
        Claim::new(&self.parts, part)
    }

    /// Makes the file of a blob, its name durable. Blocks.
    pub(super) fn create(&self, name: FileName, size_bytes: u64) -> Result<(), StoreError> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder);
        let file = match private::new_file(&path) {
            // The name is the request's: it was here before.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(StoreError::Replayed);
            }
            file => file?,
        };
        file.set_len(size_bytes)?;
        sync(folder)?;
        Ok(())
    }

    /// Writes a part to its place and syncs it. Blocks.
    pub(super) fn write_part(
        &self,
        name: FileName,
        part: u32,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let file = File::options().write(true).open(self.path(name)).map_err(gone)?;
        file.write_all_at(bytes, u64::from(part) * PART_BYTES)?;
        file.sync_data().map_err(|error| not_synced(error, &self.path(name)).into())
    }

    /// Opens a blob for reading. Blocks.
    pub(super) fn read(&self, name: FileName) -> Result<File, StoreError> {
        File::open(self.path(name)).map_err(gone)
    }

    /// Removes files; those that are gone already are gone. `durable` when nothing of them is to
    /// come back after a power loss. One that cannot be removed keeps none of the others; the error
    /// is the last one's. Blocks.
    pub(super) fn remove(&self, names: &[FileName], durable: bool) -> Result<(), StoreError> {
        let mut folders = HashSet::new();
        let mut removed = Ok(());
        for name in names {
            let path = self.path(*name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => removed = Err(error.into()),
                _ => {}
            }
            folders.extend(path.parent().map(Path::to_owned));
        }
        if durable {
            folders.iter().filter(|folder| folder.exists()).try_for_each(|folder| sync(folder))?;
        }
        removed
    }

    /// Removes the files that `rows` does not name; returns how many. A file about to get its row
    /// stays: those are known before the rows are read. Blocks.
    pub(super) fn sweep(
        &self,
        rows: impl FnOnce() -> Result<HashSet<FileName>, StoreError>,
    ) -> Result<usize, StoreError> {
        let mut files = self.list()?;
        for claimed in self.creating.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            files.remove(claimed);
        }
        let rows = rows()?;
        let leftover: Vec<FileName> = files.difference(&rows).copied().collect();
        self.remove(&leftover, false)?;
        Ok(leftover.len())
    }

    fn list(&self) -> io::Result<HashSet<FileName>> {
        let mut names = HashSet::new();
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?;
            if folder.file_type()?.is_dir() {
                for file in fs::read_dir(folder.path())? {
                    // Files of any other name are not ours to remove.
                    names.extend(file?.file_name().to_str().and_then(FileName::parse));
                }
            }
        }
        Ok(names)
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all().map_err(|error| not_synced(error, folder))
}

/// A full disk is an answer. After any other error of a sync nobody can tell what is on the disk,
/// and the process aborts (design, section 6).
fn not_synced(error: io::Error, path: &Path) -> io::Error {
    if !is_full(&error) {
        let told = unreliable(path.display());
        tracing::error!(%error, "{told}");
        std::process::abort();
    }
    error
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A file whose row went while the request was on its way.
fn gone(error: io::Error) -> StoreError {
    if error.kind() == ErrorKind::NotFound { StoreError::NoBlob } else { error.into() }
}
