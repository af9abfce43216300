//! Attachments: sealed into a file beside the state, sent in parts, fetched back and opened.
//!
//! ```text
//! <home>/<profile>/outbox/<blob id>   sealed, on its way to the service
//! <home>/<profile>/inbox/<blob id>    sealed, on its way from it
//! ```
//!
//! What is sent is read from the sealed file alone: the same bytes again after an interruption, and
//! never two contents under one key because a file changed meanwhile. The key is in the state before
//! the file is made.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use hallmark_core::{
    account::{
        BlobId, ItemId,
        exchange::{PART_BYTES, StartUpload},
    },
    position::{ReadAt, WriteAt},
    problem::Code,
    seal::blob::{self, BlobKey, Purpose, Work},
    secret::Secret,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{Deceit, Holdings, Online, OnlineError, push::Stuck};
use crate::{
    item::{Attachment, Edit, sealed},
    service::{Parts, Service, ServiceError},
};

const ATTACHMENT: Purpose = Purpose::new("hallmark/blob/v1/attachment");
const OUTBOX: &str = "outbox";
const INBOX: &str = "inbox";

/// An attachment on its way to the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staged {
    /// The item it belongs to.
    pub item: ItemId,
    /// Size of the sealed file in bytes, once all of it is on the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_bytes: Option<u64>,
}

/// An attachment on its way from the service: sealed, all of it here, not yet opened.
#[derive(Debug)]
pub struct Download {
    path: PathBuf,
    blob: BlobId,
    key: BlobKey,
    sealed_bytes: u64,
    size_bytes: u64,
}

impl<S: Service + ?Sized, R: CryptoRng> Online<'_, S, R> {
    fn folder(&self) -> &Path {
        self.store.path().parent().expect("a state lies in its profile's folder")
    }

    /// Seals the first `size_bytes` of `input` into the outbox as an attachment of `item`. It is
    /// sent by [`Online::sync`], if an edit of the item names it by then.
    ///
    /// # Errors
    /// [`OnlineError::Attachment`], [`OnlineError::Disk`], [`OnlineError::State`].
    pub fn stage(
        &mut self,
        item: ItemId,
        name: String,
        size_bytes: u64,
        input: &(impl ReadAt + ?Sized),
        work: &Work<'_>,
    ) -> Result<Attachment, OnlineError> {
        let blob = BlobId::generate(&mut self.rng);
        let key = Secret::generate(&mut self.rng);
        self.keep(|holdings| {
            holdings.uploads.insert(blob, Staged { item, sealed_bytes: None });
        })?;
        let path = place(self.folder(), OUTBOX, blob)?;
        let sealed = create(&path).and_then(|file| {
            let seal_key = BlobKey::from_bytes(key.expose());
            let rng = &mut self.rng;
            let sealed =
                blob::file::seal(&seal_key, ATTACHMENT, rng, size_bytes, input, &file, work)?;
            file.sync_all().map_err(disk)?;
            // The name too, and that of the folder: the edit that counts on it is durable.
            let outbox = path.parent().expect("a place is in a folder");
            sync_folder(outbox).and_then(|()| sync_folder(self.folder())).map_err(disk)?;
            Ok(sealed)
        });
        let sealed_bytes = match sealed {
            Ok(sealed) => sealed,
            Err(error) => {
                self.drop_upload(blob)?;
                return Err(error);
            }
        };
        self.keep(|holdings| {
            let staged = Staged { item, sealed_bytes: Some(sealed_bytes) };
            holdings.uploads.insert(blob, staged);
        })?;
        Ok(Attachment { name, size_bytes, blob, key })
    }

    /// Sends what lies in the outbox and an edit names. Returns the items whose files are no longer
    /// there to be sent.
    pub(super) fn upload_staged(&mut self) -> Result<Stuck, OnlineError> {
        let mut stuck = Stuck::new();
        for (blob, staged) in self.holdings().uploads.clone() {
            let pending = self.holdings().pending.get(&staged.item);
            let named = matches!(pending.map(|pending| &pending.edit), Some(Edit::Put(content))
                if content.now.blobs().contains(&blob));
            match staged.sealed_bytes {
                Some(sealed_bytes) if named => match self.upload(blob, sealed_bytes) {
                    // One that cannot be sent stops no other, the removal that makes room above all.
                    Err(
                        error @ (OnlineError::Outbox { .. }
                        | OnlineError::Service(
                            ServiceError::Refused(_) | ServiceError::Unread(_),
                        )),
                    ) => {
                        stuck.insert(staged.item, error);
                    }
                    outcome => outcome?,
                },
                // A run that was killed before the edit, or an edit that another took the place of.
                _ => self.drop_upload(blob)?,
            }
        }
        Ok(stuck)
    }

    fn upload(&mut self, blob: BlobId, sealed_bytes: u64) -> Result<(), OnlineError> {
        let path = place(self.folder(), OUTBOX, blob)?;
        let file = File::open(&path).map_err(|_| OnlineError::Outbox { blob })?;
        if file.metadata().map_err(disk)?.len() != sealed_bytes {
            return Err(OnlineError::Outbox { blob });
        }
        let (by, id) = (self.device(), self.account().id());
        let start = StartUpload { blob, size_bytes: sealed_bytes };
        let there = self.service.start_upload(&by, id, &start)?;
        let parts = parts_of(sealed_bytes);
        if there.blob != blob || there.size_bytes != sealed_bytes {
            return Err(ServiceError::Garbled { what: "an upload" }.into());
        }
        let progress = self.progress;
        let length =
            |part: u32| PART_BYTES.min(sealed_bytes.saturating_sub(u64::from(part) * PART_BYTES));
        let read = |part: u32, buffer: &mut Vec<u8>| {
            let (from, length) = (u64::from(part) * PART_BYTES, length(part));
            progress.inspect(|progress| progress(length));
            buffer.resize(usize::try_from(length).expect("at most 4 MiB"), 0);
            file.read_exact_at(buffer, from)
        };
        let (have, places): (Vec<u32>, Vec<u32>) =
            (0..parts).partition(|part| there.parts.contains(part));
        progress.inspect(|progress| have.iter().for_each(|part| progress(length(*part))));
        self.service.put_parts(&by, id, &Parts { blob, places, read: &read })?;
        // The sealed file is dropped once the item names it: the service has to say that it has all.
        let there = self.service.start_upload(&by, id, &start)?;
        if !there.complete {
            return Err(ServiceError::Garbled { what: "an upload" }.into());
        }
        Ok(())
    }

    /// Forgets what is at the service as a whole and named by an item there, or by nothing.
    pub(super) fn finish_uploads(&mut self) -> Result<(), OnlineError> {
        let Holdings { uploads, pending, .. } = self.holdings();
        let waits = |staged: &Staged| pending.contains_key(&staged.item);
        let done = uploads.iter().filter(|(_, staged)| !waits(staged)).map(|(blob, _)| *blob);
        done.collect::<Vec<_>>().into_iter().try_for_each(|blob| self.drop_upload(blob))
    }

    /// Forgets an upload. Whether the service has something of it is not known: it is to delete what
    /// no item names.
    fn drop_upload(&mut self, blob: BlobId) -> Result<(), OnlineError> {
        remove(&place(self.folder(), OUTBOX, blob)?)?;
        self.keep(|holdings| {
            if holdings.uploads.remove(&blob).is_some_and(|staged| staged.sealed_bytes.is_some()) {
                holdings.unwanted.push(blob);
            }
        })
    }

    /// Removes from the service what no item names any more. Those that one names after all, since
    /// an edit was not sent in the end, stay.
    pub(super) fn delete_unwanted(&mut self) -> Result<(), OnlineError> {
        if self.holdings().unwanted.is_empty() {
            return Ok(());
        }
        let (named, closed) = self.named_blobs();
        for blob in self.holdings().unwanted.clone() {
            if named.contains(&blob) {
                self.keep(|holdings| holdings.unwanted.retain(|other| *other != blob))?;
                continue;
            }
            if closed {
                // Nobody can tell whether one that does not open names it.
                continue;
            }
            let (by, id) = (self.device(), self.account().id());
            match self.service.delete_blob(&by, id, blob) {
                Err(error) if error.code() != Some(Code::NoBlob) => return Err(error.into()),
                _ => self.keep(|holdings| holdings.unwanted.retain(|other| *other != blob))?,
            }
        }
        Ok(())
    }

    /// Blobs that an item at the service names, or an edit that waits; and whether there are items
    /// that do not open.
    fn named_blobs(&self) -> (BTreeSet<BlobId>, bool) {
        let Holdings { account, pending, .. } = self.holdings();
        let (mut named, mut closed) = (BTreeSet::new(), false);
        for record in self.cache.records() {
            match sealed::open(account.id(), record, account.root()) {
                Ok(content) => named.extend(content.now.blobs()),
                Err(_) => closed = true,
            }
        }
        for pending in pending.values() {
            if let Edit::Put(content) = &pending.edit {
                named.extend(content.now.blobs());
            }
        }
        (named, closed)
    }

    /// Fetches an attachment, going on where an interrupted run stopped. One that still lies in the
    /// outbox is not asked for.
    ///
    /// # Errors
    /// [`OnlineError::Service`], [`OnlineError::Disk`]; [`OnlineError::Deceived`] when the service
    /// sends more than there is.
    pub fn fetch_attachment(
        &self,
        attachment: &Attachment,
        progress: &dyn Fn(u64),
    ) -> Result<Download, OnlineError> {
        let Attachment { blob, key, size_bytes, .. } = attachment;
        let sealed_bytes = blob::blob_len(*size_bytes)?;
        let key = BlobKey::from_bytes(key.expose());
        let outgoing = place(self.folder(), OUTBOX, *blob)?;
        let size_bytes = *size_bytes;
        if fs::metadata(&outgoing).is_ok_and(|found| found.len() == sealed_bytes) {
            return Ok(Download { path: outgoing, blob: *blob, key, sealed_bytes, size_bytes });
        }
        let path = place(self.folder(), INBOX, *blob)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = private(&mut options).open(&path).map_err(disk)?;
        let mut have = file.seek(SeekFrom::End(0)).map_err(disk)?;
        if have > sealed_bytes {
            file.set_len(0).map_err(disk)?;
            have = file.seek(SeekFrom::Start(0)).map_err(disk)?;
        }
        progress(have);
        let (by, id) = (self.device(), self.account().id());
        while have < sealed_bytes {
            let most = sealed_bytes - have;
            let came = match self.service.content(&by, id, *blob, have, most, &mut file) {
                Err(error) if error.code() == Some(Code::NoBlob) => {
                    return Err(OnlineError::LostFile);
                }
                outcome => outcome?,
            };
            if came == 0 || came > most {
                return Err(Deceit::Blob.into());
            }
            have += came;
            progress(came);
        }
        Ok(Download { path, blob: *blob, key, sealed_bytes, size_bytes })
    }
}

impl Download {
    /// Opens it to `out`, which is whole only once this returns.
    ///
    /// # Errors
    /// [`OnlineError::Deceived`] when what the service sent is not what was sealed: then nothing of it
    /// is kept, and the next try asks for all of it. [`OnlineError::Outbox`] when it was never sent.
    /// [`OnlineError::Disk`].
    pub fn open(self, out: &(impl WriteAt + ?Sized), work: &Work<'_>) -> Result<u64, OnlineError> {
        let file = File::open(&self.path).map_err(disk)?;
        let opened = blob::file::open(&self.key, ATTACHMENT, self.sealed_bytes, &file, out, work);
        match opened {
            Ok(size) if size == self.size_bytes => {
                self.done()?;
                Ok(size)
            }
            Ok(_) | Err(blob::BlobError::Open(_)) if self.came() => {
                self.done()?;
                Err(Deceit::Blob.into())
            }
            Ok(_) | Err(blob::BlobError::Open(_)) => Err(OnlineError::Outbox { blob: self.blob }),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it came from the service.
    fn came(&self) -> bool {
        self.path.parent().is_some_and(|folder| folder.ends_with(INBOX))
    }

    /// Removes what came, unless it is on its way out.
    fn done(&self) -> Result<(), OnlineError> {
        if self.came() { remove(&self.path) } else { Ok(()) }
    }
}

/// Removes everything on its way, of the profile in `folder`.
pub(super) fn delete_staged(folder: &Path) -> Result<(), OnlineError> {
    for box_name in [OUTBOX, INBOX] {
        match fs::remove_dir_all(folder.join(box_name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(error)),
            _ => {}
        }
    }
    Ok(())
}

/// How many parts a sealed file has.
fn parts_of(sealed_bytes: u64) -> u32 {
    u32::try_from(sealed_bytes.div_ceil(PART_BYTES)).unwrap_or(u32::MAX)
}

fn place(folder: &Path, box_name: &str, blob: BlobId) -> Result<PathBuf, OnlineError> {
    let folder = folder.join(box_name);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder).map_err(disk)?;
    Ok(folder.join(blob.to_string()))
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn create(path: &Path) -> Result<File, OnlineError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    private(&mut options).open(path).map_err(disk)
}

/// Makes the names in a folder durable, where folders are files that can be synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn remove(path: &Path) -> Result<(), OnlineError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk(error)),
        _ => Ok(()),
    }
}

fn disk(source: io::Error) -> OnlineError {
    OnlineError::Disk { what: "an attachment on its way", source }
}
