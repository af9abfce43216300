//! A profile's state, open.

use std::fmt;
use std::io;
use std::path::Path;

use rand_core::CryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::disk::{Folder, Lock};
use super::sealed::{self, PREFIX_BYTES, StateKey, TAG_BYTES};
use super::{KdfCost, Passphrase, ProfileName, StateError};

/// The state `T` of one profile, open and locked: no other run opens it before this value is
/// dropped or its process ends, in whatever way.
///
/// `T` is kept as JSON inside the sealed file; it erases its own secrets in memory. While a change
/// is under way there are two copies of it.
pub struct Store<T> {
    file: SealedFile,
    value: T,
}

/// Whether `profile` has a state under `home`, be it sound or damaged. Neither opens nor locks it.
///
/// # Errors
/// [`StateError::Unreadable`] if the folder cannot be looked into.
pub fn exists(home: &Path, profile: &ProfileName) -> Result<bool, StateError> {
    Folder::new(home, profile).has_state()
}

impl<T: Serialize + DeserializeOwned + Clone> Store<T> {
    /// Creates the state of `profile` under `home` with `T::default()`, and the folders on the way
    /// to it (mode 0700). Takes as long as one Argon2id of `cost`. Returns once the state outlasts a
    /// loss of power.
    ///
    /// # Errors
    /// [`StateError::Exists`], [`StateError::InUse`], or one about the disk or memory. A creation
    /// that failed or was killed can be repeated, unless it came as far as a state.
    pub fn create(
        home: &Path,
        profile: &ProfileName,
        passphrase: &Passphrase,
        cost: KdfCost,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, StateError>
    where
        T: Default,
    {
        let folder = Folder::new(home, profile);
        folder.make()?;
        let lock = folder.lock()?;
        if folder.has_state()? {
            return Err(StateError::Exists { path: folder.state().to_owned() });
        }
        let key = StateKey::generate(folder.state(), profile, passphrase, cost, rng)?;
        folder.sync_ancestors()?;
        let mut file = SealedFile { folder, key, writes: 0, settled: true, _lock: lock };
        let value = T::default();
        file.persist(&value, rng)?;
        Ok(Self { file, value })
    }

    /// Opens the state of `profile` under `home`, removes what a killed run left of a write, and
    /// makes what it found outlast a loss of power, since that run may not have come to it. Takes as long as one Argon2id of the cost the file was created with.
    ///
    /// # Errors
    /// [`StateError::Missing`], [`StateError::InUse`], [`StateError::WrongPassphrase`], or one that
    /// says what is wrong with the file or the folder. A file that does not open is left untouched.
    pub fn open(
        home: &Path,
        profile: &ProfileName,
        passphrase: &Passphrase,
    ) -> Result<Self, StateError> {
        let folder = Folder::new(home, profile);
        folder.make_private()?;
        let lock = folder.lock()?;
        let opened = sealed::open(folder.state(), profile, passphrase, folder.read()?)?;
        let value = serde_json::from_slice(opened.content()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            StateError::Content { path: folder.state().to_owned(), line, column }
        })?;
        folder.remove_leftover()?;
        folder.sync()?;
        let (key, writes) = (opened.key, opened.writes);
        let file = SealedFile { folder, key, writes, settled: true, _lock: lock };
        Ok(Self { file, value })
    }

    /// The state: as on disk, unless a change ended in [`StateError::Unsettled`], when it is the
    /// state before that change.
    #[must_use]
    pub fn read(&self) -> &T {
        &self.value
    }

    /// The path of the sealed file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.folder.state()
    }

    /// How often this state was written, its creation included. It never goes down, except by
    /// putting an older file in place.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.file.writes
    }

    /// Makes one change: all of it, durable when this returns, or none of it.
    ///
    /// # Errors
    /// [`StateError::DiskFull`], [`StateError::Unwritable`], [`StateError::TooLarge`] or
    /// [`StateError::Unencodable`]: nothing has changed, here or on disk. [`StateError::Unsettled`]:
    /// the change may or may not be kept; from then on [`StateError::Reopen`].
    pub fn update<R>(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, StateError> {
        self.try_update(rng, |value| Ok(change(value)))
    }

    /// As [`Store::update`], for a change that may find it cannot be made: an error of its own
    /// leaves everything as it was.
    ///
    /// # Errors
    /// Those of `change` and those of [`Store::update`].
    pub fn try_update<R, E: From<StateError>>(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut value = self.value.clone();
        let outcome = change(&mut value)?;
        self.file.persist(&value, rng)?;
        self.value = value;
        Ok(outcome)
    }

    /// Seals the state under a new passphrase and a new state key, so that an old copy of the file
    /// with the old passphrase opens nothing written from here on. Such a copy itself still opens
    /// with the old passphrase.
    ///
    /// # Errors
    /// As [`Store::update`], and [`StateError::Kdf`]; except for [`StateError::Unsettled`] the old
    /// passphrase holds.
    pub fn change_passphrase(
        &mut self,
        passphrase: &Passphrase,
        cost: KdfCost,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), StateError> {
        let folder = &self.file.folder;
        let key = StateKey::generate(folder.state(), folder.profile(), passphrase, cost, rng)?;
        let old = std::mem::replace(&mut self.file.key, key);
        let persisted = self.file.persist(&self.value, rng);
        if persisted.is_err() {
            self.file.key = old;
        }
        persisted
    }
}

/// The file behind a [`Store`], and the lock on it.
struct SealedFile {
    folder: Folder,
    key: StateKey,
    writes: u64,
    /// False once the disk may hold more than was acknowledged.
    settled: bool,
    _lock: Lock,
}

impl SealedFile {
    fn persist(
        &mut self,
        value: &impl Serialize,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), StateError> {
        let path = self.folder.state();
        if !self.settled {
            return Err(StateError::Reopen { path: path.to_owned() });
        }
        let mut file = encode(value)
            .map_err(|source| StateError::Unencodable { path: path.to_owned(), source })?;
        let writes = self.writes.checked_add(1).expect("no disk takes 2^64 writes");
        self.key.seal(writes, &mut file, rng);
        let replaced = self.folder.replace(&file);
        self.settled = !matches!(replaced, Err(StateError::Unsettled { .. }));
        replaced?;
        self.writes = writes;
        Ok(())
    }
}

impl<T> fmt::Debug for Store<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("writes", &self.file.writes).finish_non_exhaustive()
    }
}

/// [`PREFIX_BYTES`] zeros, then `value` as JSON, with room for a tag. The length is counted first,
/// so that the buffer never grows and leaves no copy of the content behind.
fn encode(value: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut buffer = Zeroizing::new(Vec::with_capacity(PREFIX_BYTES + length.0 + TAG_BYTES));
    buffer.resize(PREFIX_BYTES + length.0, 0);
    let mut room = &mut buffer[PREFIX_BYTES..];
    serde_json::to_writer(&mut room, value)?;
    let unused = room.len();
    buffer.truncate(PREFIX_BYTES + length.0 - unused);
    Ok(buffer)
}

struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
