//! What the service keeps: SQLite and files in one data directory (design, section 6).
//!
//! ```text
//! hallmark.db        accounts, device lists, manifests, items, blobs' rows, nonces
//! blobs/xx/<name>    one file per blob
//! log/               the log as it is published: checkpoint, tiles, entries
//! map.db             the map from label to index, made from the log and made again if it is lost
//! lock               locked for as long as a process serves the directory
//! reserve            room that a deletion takes when the disk is full
//! ```
//!
//! In scope: whole business operations, each with its atomicity and durability in its doc comment,
//! and the only SQL of the workspace. Out of scope: signatures and decisions (`app`), HTTP.
//!
//! # Decisions
//!
//! - **One writer.** Every change goes through one thread that applies what waits in one
//!   transaction and answers after `COMMIT`: see `writer`.
//! - **A change is a compare-and-swap.** The use case has verified against one state of the account;
//!   the writer only checks that it is still that state, in the statement that changes it.
//! - **Whatever an account can add without end counts against its quota**: items, manifests, blobs as
//!   what they take on a disk ([`counted_bytes`]), and the names of removed items, as long as they
//!   are kept. Its device list does not, so that a full account can still revoke a device; the list
//!   has an end of its own. With 4,301 entries, 100 of them recoveries of
//!   16 devices, and the wraps of the newest, which have one length, it takes at most 4 MiB. Nonces
//!   are forgotten within the hour, and the rate bounds them.
//! - **Nothing here is encrypted at rest.** Every content is ciphertext already, under keys the
//!   service never had. Who has how many devices, items and bytes, and when, is there in the clear, so
//!   the directory and what is in it are made for their owner alone; backups too.
//! - **Erased is erased.** SQLite overwrites what is deleted, and the log of an erasure is emptied
//!   soon after. Copies made before (`backup`) still hold it.

mod account;
pub mod backup;
mod blob;
mod device;
mod error;
mod file;
mod item;
mod log;
mod map;
mod measure;
mod nonce;
mod open;
mod private;
mod readers;
mod reserve;
mod schema;
mod sync;
mod tiles;
mod witness;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

pub use account::{Created, Erased, NewAccount, StoredAccount, StoredItem};
pub use blob::{Content, Part, UNFINISHED_S, counted_bytes};
pub use device::{NextEntry, Standing};
pub use error::{OpenError, StoreError};
pub use item::{MAX_REMOVED, NextManifest, REMOVED_BYTES};
pub use log::{LogRecord, LogState, NextRound, Run};
pub use map::{Draft, MapError, MapStore};
pub use measure::{Distribution, Held, Measures};
pub use nonce::{Caller, KEPT_S, WINDOW};
pub use open::ServedBy;
pub use sync::SyncFrom;
pub use tiles::{LogFiles, Unreadable, is_passing};
pub use witness::{WitnessStore, WitnessStoreError};
pub use writer::Durability;

use file::BlobFiles;
use hallmark_core::time::Timestamp;
use readers::Readers;
use reserve::Reserve;
use writer::Writer;

/// How a store works. Not what it keeps.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The most changes of one transaction; 1 is one commit per request. Default 256.
    pub group_max: usize,
    /// The most changes that wait; more are refused with [`StoreError::Busy`]. Default 4096.
    pub queue_max: usize,
    /// Connections for reading. Default 4.
    pub readers: usize,
    /// What an acknowledgement means. Default [`Durability::Durable`].
    pub durability: Durability,
    /// The key that signs receipts, to be the one that the directory was served with before. Default:
    /// none, which asks nothing and takes nothing down.
    pub served_by: Option<ServedBy>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            group_max: 256,
            queue_max: 4096,
            readers: 4,
            durability: Durability::Durable,
            served_by: None,
        }
    }
}

/// An open data directory. No other process opens it as long as this lives.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    // Before the lock: fields drop in this order.
    writer: Writer,
    readers: Readers,
    files: BlobFiles,
    reserve: Arc<Reserve>,
    counted: measure::Counted,
    fullness: measure::Fullness,
    _lock: std::fs::File,
}

impl Store {
    /// Opens a data directory, and makes one where there is none.
    ///
    /// # Errors
    /// [`OpenError`], which names the file and the way out.
    pub fn open(directory: &Path, options: &Options) -> Result<Self, OpenError> {
        let opened = open::open(directory, options.served_by.as_ref())?;
        if private::is_open_to_others(directory).is_ok_and(|is_open| is_open) {
            let directory = directory.display();
            tracing::warn!("other users can read {directory}: chmod -R go= {directory}");
        }
        let files = BlobFiles::open(directory)
            .map_err(|source| OpenError::NotWritable { directory: directory.to_owned(), source })?;
        let database = directory.join(open::DATABASE);
        let readers = Readers::open(&database, options.readers)
            .map_err(|source| OpenError::database(&database, source))?;
        let reserve = Arc::new(Reserve::open(directory));
        let writer = Writer::start(opened.connection, options, Arc::clone(&reserve))
            .map_err(|source| OpenError::database(&database, source))?;
        let (directory, _lock) = (directory.to_owned(), opened.lock);
        let counted = measure::Counted::default();
        let fullness = measure::Fullness::default();
        Ok(Self { directory, writer, readers, files, reserve, counted, fullness, _lock })
    }

    /// Whether there is a database in a data directory: it was served before, or restored.
    pub fn is_in(directory: &Path) -> bool {
        directory.join(open::DATABASE).exists()
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether changes are taken: the writer runs and was not closed.
    pub fn is_healthy(&self) -> bool {
        self.writer.is_running()
    }

    /// Whether changes will be written: they are taken, and the disk was not full when a change or a
    /// blob's file was written last, less than a minute ago.
    pub fn is_ready(&self, now: Instant) -> bool {
        self.is_healthy() && !self.writer.is_full(now) && !self.fullness.is_full(now)
    }

    /// Copies everything into the folder `to` while serving: see [`backup::backup`]. Blocks.
    ///
    /// # Errors
    /// [`backup::BackupError`].
    pub fn backup(
        &self,
        to: &Path,
        taken: Timestamp,
    ) -> Result<backup::Backup, backup::BackupError> {
        backup::backup(&self.directory, to, taken)
    }

    /// Takes no more changes, applies those that wait, and marks the directory as left in order.
    /// Blocks until that is done. Reading goes on.
    pub fn close(&self) {
        self.writer.close();
    }
}
