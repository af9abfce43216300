//! The folder of a profile: its lock, and files replaced so that a kill or a power loss at any
//! moment leaves the old one or the new one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{ProfileName, StateError};

/// The longest state file that is written or read, in bytes: 256 MiB.
pub(super) const MAX_FILE_BYTES: u64 = 256 << 20;

/// Where a profile keeps its files.
pub(super) struct Folder {
    profile: ProfileName,
    dir: PathBuf,
    state: PathBuf,
    fresh: PathBuf,
    lock: PathBuf,
}

/// A profile that is locked.
pub(super) struct Lock(pub(super) File);

impl Drop for Lock {
    /// Closing the file would not always do: a program that another thread is about to start holds
    /// it too, until it has begun.
    fn drop(&mut self) {
        // Nobody is left to tell, and the end of the run unlocks as well.
        let _ = self.0.unlock();
    }
}

impl Folder {
    pub(super) fn new(home: &Path, profile: &ProfileName) -> Self {
        let dir = home.join(profile.as_str());
        Self {
            profile: profile.clone(),
            state: dir.join("state.hallmark"),
            fresh: dir.join("state.hallmark.new"),
            lock: dir.join("lock"),
            dir,
        }
    }

    pub(super) fn profile(&self) -> &ProfileName {
        &self.profile
    }

    /// The sealed file.
    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Makes the folder and what is missing above it, for its owner alone.
    pub(super) fn make(&self) -> Result<(), StateError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.dir).map_err(|source| unwritten(&self.dir, source))?;
        self.make_private()
    }

    /// Takes the folder's permissions away from everyone but its owner, as after a copy from a
    /// backup.
    pub(super) fn make_private(&self) -> Result<(), StateError> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let found = fs::metadata(&self.dir).map_err(|source| self.unread(&self.dir, source))?;
            if found.permissions().mode() & 0o077 != 0 {
                fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700))
                    .map_err(|source| unwritten(&self.dir, source))?;
            }
        }
        Ok(())
    }

    /// Locks the profile for as long as the returned lock lives; the system lets go of it even when
    /// the run is killed.
    pub(super) fn lock(&self) -> Result<Lock, StateError> {
        let path = &self.lock;
        let lock =
            private_options().create(true).open(path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => self.unread(path, source),
                _ => unwritten(path, source),
            })?;
        match lock.try_lock() {
            Ok(()) => Ok(Lock(lock)),
            Err(TryLockError::WouldBlock) => {
                Err(StateError::InUse { profile: self.profile.clone(), lock: path.clone() })
            }
            Err(TryLockError::Error(source)) => {
                Err(StateError::Unlockable { lock: path.clone(), source })
            }
        }
    }

    /// Whether there is a sealed file (whatever its condition).
    pub(super) fn has_state(&self) -> Result<bool, StateError> {
        self.state.try_exists().map_err(|source| self.unread(&self.state, source))
    }

    /// The sealed file's bytes.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, StateError> {
        let path = &self.state;
        let unread = |source| self.unread(path, source);
        let file = File::open(path).map_err(unread)?;
        let bytes = file.metadata().map_err(unread)?.len();
        self.fits(bytes)?;
        let mut content = Zeroizing::new(Vec::new());
        file.take(MAX_FILE_BYTES).read_to_end(&mut content).map_err(unread)?;
        Ok(content)
    }

    /// Puts `content` in the sealed file's place: write beside it, fsync, rename over it, fsync the
    /// folder. Returns once the change outlasts a loss of power.
    ///
    /// # Errors
    /// [`StateError::Unsettled`] if only the last step failed, so that readers see the new content;
    /// any other error leaves the old content in place.
    pub(super) fn replace(&self, content: &[u8]) -> Result<(), StateError> {
        self.fits(content.len() as u64)?;
        self.remove_leftover()?;
        let unwritten = |source| unwritten(&self.state, source);
        let dir = File::open(&self.dir).map_err(unwritten)?;
        let renamed =
            write_synced(&self.fresh, content).and_then(|()| fs::rename(&self.fresh, &self.state));
        if let Err(source) = renamed {
            // If this fails too, the next write or the next run removes it.
            let _ = fs::remove_file(&self.fresh);
            return Err(unwritten(source));
        }
        dir.sync_all().map_err(|source| StateError::Unsettled { path: self.state.clone(), source })
    }

    /// Removes what a killed run left of a write that was never acknowledged.
    pub(super) fn remove_leftover(&self) -> Result<(), StateError> {
        match fs::remove_file(&self.fresh) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(unwritten(&self.fresh, source))
            }
            _ => Ok(()),
        }
    }

    /// Makes the renames and removals in the folder outlast a loss of power.
    pub(super) fn sync(&self) -> Result<(), StateError> {
        sync_dir(&self.dir).map_err(|source| unwritten(&self.dir, source))
    }

    /// Does the same for the folder's own name and those above it, which this run or one that was
    /// killed may have made. Done before there is a state, so that a state always has a path that
    /// lasts. Folders we may not read are not of our making.
    pub(super) fn sync_ancestors(&self) -> Result<(), StateError> {
        for ancestor in self.dir.ancestors().skip(1) {
            let ancestor = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
            match sync_dir(ancestor) {
                Err(source) if source.kind() != io::ErrorKind::PermissionDenied => {
                    return Err(unwritten(ancestor, source));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn fits(&self, bytes: u64) -> Result<(), StateError> {
        if bytes <= MAX_FILE_BYTES {
            return Ok(());
        }
        Err(StateError::TooLarge { path: self.state.clone(), bytes, limit_bytes: MAX_FILE_BYTES })
    }

    fn unread(&self, path: &Path, source: io::Error) -> StateError {
        match source.kind() {
            io::ErrorKind::NotFound => StateError::Missing { path: self.state.clone() },
            _ => StateError::Unreadable { path: path.to_owned(), source },
        }
    }
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private_options().create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn unwritten(path: &Path, source: io::Error) -> StateError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StateError::DiskFull { path, source }
        }
        _ => StateError::Unwritable { path, source },
    }
}
