//! The log: entries are taken in rounds, each of which is durable, witnessed and published before
//! anybody hears of it (design, section 6).
//!
//! ```text
//! take what waits -> labels against the map -> tree and map with it -> append (compare-and-swap)
//!     -> tiles -> cosignatures -> checkpoint -> reply
//! ```
//!
//! # Decisions
//!
//! - **One thread sequences.** What it holds of the tree is the right edge alone.
//! - **A round begins at once after a rest, and else 200 ms after the one before**: a checkpoint is
//!   never older than that and the round's own time, and witnesses are not asked more often.
//! - **The root of the map is the last entry of every round**, so of every checkpoint.
//! - **It fails closed.** Without the policy's quorum a round is not published: the checkpoint stays,
//!   nothing is acknowledged, witnesses are asked again every second. What was appended is told to
//!   whoever sends it again.
//! - **An entry that is there already is answered with its first place**; another one of the same label is
//!   refused.
//! - **Where nobody can tell what is on the disk, the process stops** (`abort`), as the store's writer
//!   does. A full disk does not: what cannot be appended is refused, what is appended waits.

mod cosign;
mod round;
mod sequencer;
mod start;

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use hallmark_consent::log::{
    checkpoint::SignedCheckpoint,
    complete::Found,
    entry::{Entry, EntryError, MapRoot},
    map::{End, Lookup},
    merkle::leaf_hash,
    note::{Algorithm, KeyName, VerifierKey},
    policy::Policy,
    proof::LogProof,
    tile::{Content, Tile, WIDTH},
    tree::Tree,
};
use hallmark_core::{hash::Sha256, id::Label, key::SigningKey};
use tokio::sync::oneshot;

use crate::store::{LogFiles, LogState, MapError, MapStore, Store, StoreError};

pub use cosign::{Cosigner, NoCosignature};

/// Entries that wait at most; more are refused.
const QUEUE: usize = 16 * 1024;
/// How long one who submits waits for witnesses, before hearing that there are too few.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long freezing waits for witnesses.
const FREEZING: Duration = Duration::from_secs(60);

/// How a log works.
pub struct LogSettings {
    /// Its name: what its key is called and its checkpoints say first.
    pub origin: KeyName,
    /// Whose cosignatures a checkpoint needs before it is published; `None` asks for nobody's.
    pub policy: Option<Policy>,
    /// Who is asked for cosignatures, by the keys that the policy names.
    pub cosigners: Vec<Box<dyn Cosigner>>,
    /// The least time from one round's beginning to the next one's. Default 200 ms.
    pub round: Duration,
    /// After how long without an entry the checkpoint is cosigned again. Default 60 s.
    pub quiet: Duration,
    /// Whether the log goes on with this key where it was signed with another one.
    pub accepts_another_key: bool,
    /// Whether a log that came out of a backup goes on, although entries may be missing in it.
    pub goes_on_after_restore: bool,
}

impl LogSettings {
    /// The settings of a log without witnesses.
    pub fn new(origin: KeyName) -> Self {
        Self {
            origin,
            policy: None,
            cosigners: Vec::new(),
            round: Duration::from_millis(200),
            quiet: Duration::from_secs(60),
            accepts_another_key: false,
            goes_on_after_restore: false,
        }
    }
}

/// Why there is no log, or it does not take an entry.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Bytes that are no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// An entry that nobody may send in.
    #[error("entries of kind {kind:?} are not taken from outside")]
    Kind {
        /// Its kind.
        kind: String,
    },
    /// Its label is taken by another entry.
    #[error("the place is taken, by entry {index}")]
    Taken {
        /// Index of that.
        index: u64,
    },
    /// Too many entries wait.
    #[error("too many entries wait")]
    Busy,
    /// Too few witnesses answer.
    #[error("too few witnesses answer: the entry may be in the log, and is not acknowledged")]
    Unwitnessed,
    /// No checkpoint is published yet.
    #[error("no checkpoint is published yet")]
    Unpublished,
    /// The log came out of a backup.
    #[error("the log came out of a backup, and does not go on")]
    Restored,
    /// The log was ended.
    #[error("the log was ended, and takes nothing more")]
    Frozen,
    /// The service is stopping.
    #[error("the service is stopping")]
    Closing,
    /// The data directory has a log of another name or key.
    #[error(
        "the data directory has the log {known}: serve it under that name (--origin) and with its key, \
         or say --new-key where that is lost"
    )]
    AnotherLog {
        /// Its name and key.
        known: String,
    },
    /// It was served with witnesses.
    #[error(
        "the log was served with witnesses: name the file again (--witnesses), or one that says \
         \"quorum none\" where it is to go on without"
    )]
    NoPolicy,
    /// What is kept of the log does not fit together.
    #[error("the log is damaged: {what}; bring the data directory back from a backup")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// A file of the log cannot be read or written.
    #[error("a file of the log failed: {0}")]
    File(#[from] io::Error),
    /// The map.
    #[error(transparent)]
    Map(#[from] MapError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A published checkpoint, and what goes with it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The checkpoint, as it is published.
    pub checkpoint: SignedCheckpoint,
    /// The root of the map, its last entry.
    pub map_root: MapRoot,
    /// That it is.
    pub map_inclusion: Vec<Sha256>,
}

impl Published {
    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.claimed().size
    }
}

/// What the map says of a label, under a checkpoint.
#[derive(Debug, Clone)]
pub struct LookedUp {
    /// The checkpoint.
    pub published: Arc<Published>,
    /// What the map says.
    pub lookup: Lookup,
}

/// The log of a service.
pub struct Log {
    shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Submission>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the sequencer shares with those who read.
struct Shared {
    store: Arc<Store>,
    files: LogFiles,
    key: VerifierKey,
    policy: Policy,
    map: Mutex<MapStore>,
    published: RwLock<Option<Arc<Published>>>,
    closing: AtomicBool,
    unwitnessed: AtomicBool,
}

impl Shared {
    fn published(&self) -> Option<Arc<Published>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

/// An entry that waits for its round.
struct Submission {
    entry: Entry,
    bytes: Vec<u8>,
    reply: oneshot::Sender<Result<Placed, LogError>>,
}

impl Submission {
    fn refuse(self, ends: Ends) {
        // Who asked may be gone.
        let _ = self.reply.send(Err(ends.into()));
    }
}

/// Why a log takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Restored,
    Frozen,
}

impl From<Ends> for LogError {
    fn from(ends: Ends) -> Self {
        match ends {
            Ends::Restored => Self::Restored,
            Ends::Frozen => Self::Frozen,
        }
    }
}

/// Where an entry is.
enum Placed {
    /// In this round.
    New { index: u64, hashes: Vec<Sha256>, published: Arc<Published> },
    /// It, or another one of its label, was there before.
    There { index: u64 },
}

impl Log {
    /// Opens the log of a store, or begins one, and sequences on a thread of its own. What the last run
    /// left unpublished is published first. Blocks until the thread runs, not until it has published.
    ///
    /// # Errors
    /// [`LogError::AnotherLog`], [`LogError::Damaged`], and what cannot be read.
    pub fn open(
        store: Arc<Store>,
        settings: LogSettings,
        key: SigningKey,
    ) -> Result<Self, LogError> {
        let name = VerifierKey::new(settings.origin.clone(), Algorithm::Ed25519, key.public());
        let files = LogFiles::open(store.directory())?;
        let map = MapStore::open(store.directory())?;
        let policy = settings.policy.clone().unwrap_or_else(|| Policy::of_log(name.clone()));
        let shared = Arc::new(Shared {
            store,
            files,
            key: name,
            policy,
            map: Mutex::new(map),
            published: RwLock::default(),
            closing: AtomicBool::new(false),
            unwitnessed: AtomicBool::new(false),
        });
        let (queue, waiting) = mpsc::sync_channel(QUEUE);
        let (told, opened) = mpsc::sync_channel(1);
        let inner = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("log-sequencer".to_owned()).spawn(move || {
                let _abort = sequencer::AbortOnPanic;
                match sequencer::Sequencer::open(inner, settings, key) {
                    Ok(sequencer) => {
                        let _ = told.send(Ok(()));
                        sequencer.serve(&waiting);
                    }
                    Err(error) => {
                        let _ = told.send(Err(error));
                    }
                }
            })?;
        opened.recv().unwrap_or(Err(LogError::Closing))?;
        let (queue, thread) = (Mutex::new(Some(queue)), Mutex::new(Some(thread)));
        Ok(Self { shared, queue, thread })
    }

    /// The key that signs checkpoints, and with it the log's name.
    pub fn key(&self) -> &VerifierKey {
        &self.shared.key
    }

    /// Whose cosignatures a checkpoint needs.
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// The files of the log.
    pub fn files(&self) -> &LogFiles {
        &self.shared.files
    }

    /// What is published; `None` before the first checkpoint of this run.
    pub fn published(&self) -> Option<Arc<Published>> {
        self.shared.published()
    }

    /// Whether the last round waits for witnesses.
    pub fn is_unwitnessed(&self) -> bool {
        self.shared.unwitnessed.load(Ordering::Relaxed)
    }

    /// Takes an entry from outside: a place of a private chain, or what a key says of its successor.
    /// Returns its proof under a published
    /// checkpoint; of one that is there already, its first place.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn submit(&self, bytes: Vec<u8>) -> Result<LogProof, LogError> {
        match Entry::parse(&bytes)? {
            entry @ (Entry::Place(_) | Entry::Key(_)) => self.log(entry, bytes).await,
            Entry::MapRoot(_) => Err(LogError::Kind { kind: "map".to_owned() }),
            Entry::Other { kind, .. } => Err(LogError::Kind { kind }),
        }
    }

    /// Takes an entry that the service itself vouches for.
    ///
    /// # Errors
    /// [`LogError`].
    pub(super) async fn log(&self, entry: Entry, bytes: Vec<u8>) -> Result<LogProof, LogError> {
        let label = entry.label();
        let leaf = leaf_hash(&bytes);
        let (reply, placed) = oneshot::channel();
        let submission = Submission { entry, bytes, reply };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        queue.ok_or(LogError::Closing)?.try_send(submission).map_err(|error| match error {
            TrySendError::Full(_) => LogError::Busy,
            TrySendError::Disconnected(_) => LogError::Closing,
        })?;
        let placed = tokio::time::timeout(PATIENCE, placed)
            .await
            .map_err(|_| LogError::Unwitnessed)?
            .map_err(|_| LogError::Closing)??;
        match placed {
            Placed::New { index, hashes, published } => {
                Ok(LogProof { index, hashes, checkpoint: published.checkpoint.clone() })
            }
            Placed::There { index } => {
                let shared = Arc::clone(&self.shared);
                let prove = move || {
                    let (there, proof) = shared.prove(index)?;
                    if label.is_some() && leaf_hash(&there) != leaf {
                        return Err(LogError::Taken { index });
                    }
                    Ok(proof)
                };
                tokio::task::spawn_blocking(prove).await.map_err(|_| LogError::Closing)?
            }
        }
    }

    /// An entry, and its proof under the published checkpoint. Blocks.
    ///
    /// # Errors
    /// [`LogError::Unpublished`], also for an entry that is not covered yet; what cannot be read.
    pub fn prove(&self, index: u64) -> Result<(Vec<u8>, LogProof), LogError> {
        self.shared.prove(index)
    }

    /// What the map of the published checkpoint says of a label. Blocks.
    ///
    /// # Errors
    /// [`LogError::Unpublished`]; what cannot be read.
    pub fn look_up(&self, label: &Label) -> Result<LookedUp, LogError> {
        let mut map = self.shared.map.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: the map takes a round in when its checkpoint is published.
        let published = self.shared.published().ok_or(LogError::Unpublished)?;
        let lookup = map.look_up(label)?;
        Ok(LookedUp { published, lookup })
    }

    /// What the map of the published checkpoint says of labels, and that their entries are there: all
    /// at one moment. Blocks.
    ///
    /// # Errors
    /// As [`Log::look_up`].
    pub fn look_up_all(&self, labels: &[Label]) -> Result<(Arc<Published>, Vec<Found>), LogError> {
        let (published, lookups) = {
            let mut map = self.shared.map.lock().unwrap_or_else(PoisonError::into_inner);
            let published = self.shared.published().ok_or(LogError::Unpublished)?;
            let lookups = labels.iter().map(|label| map.look_up(label));
            (published, lookups.collect::<Result<Vec<_>, _>>()?)
        };
        let size = published.size();
        let mut tree = Tree::new(self.shared.files.clone(), size);
        let found = lookups.into_iter().map(|lookup| {
            let inclusion = match lookup.end {
                End::There(index) => tree.inclusion(index, size),
                End::Another(_) | End::Nothing => Ok(Vec::new()),
            };
            let inclusion = inclusion.map_err(|error| LogError::File(error.0))?;
            Ok(Found { lookup, inclusion })
        });
        let found = found.collect::<Result<_, LogError>>()?;
        Ok((published, found))
    }

    /// Ends the log, once what it has is published: it takes nothing more. Returns what is published.
    /// Blocks; not for a thread of a runtime.
    ///
    /// # Errors
    /// [`LogError::Unwitnessed`] where that takes longer than a minute; that it cannot be written.
    pub fn freeze(&self) -> Result<Arc<Published>, LogError> {
        let until = Instant::now() + FREEZING;
        while self.published().is_none() {
            if self.shared.store.log()?.is_some_and(|log| log.state == LogState::Restored) {
                return Err(LogError::Restored);
            }
            if Instant::now() > until {
                return Err(LogError::Unwitnessed);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.close();
        self.shared.store.set_log_state(LogState::Frozen)?;
        self.published().ok_or(LogError::Unpublished)
    }

    /// Takes no more entries, publishes those that wait if witnesses answer, and writes what is in
    /// memory. Blocks.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that panicked has aborted the process.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("key", &self.shared.key).finish_non_exhaustive()
    }
}

impl Shared {
    fn prove(&self, index: u64) -> Result<(Vec<u8>, LogProof), LogError> {
        let published = self.published().ok_or(LogError::Unpublished)?;
        let size = published.size();
        let bundle = Tile::of_log(Content::Entries, index / WIDTH, size);
        let bundle = bundle.filter(|_| index < size).ok_or(LogError::Unpublished)?;
        let mut entries = self.files.entries(bundle)?;
        let entry = entries.swap_remove((index % WIDTH) as usize);
        let hashes = Tree::new(self.files.clone(), size).inclusion(index, size);
        let hashes = hashes.map_err(|error| LogError::File(error.0))?;
        Ok((entry, LogProof { index, hashes, checkpoint: published.checkpoint.clone() }))
    }
}
