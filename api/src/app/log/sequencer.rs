//! The thread that sequences: rounds, their publication, and what is done when nothing comes.

use std::{
    io,
    sync::{
        Arc, PoisonError,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use hallmark_consent::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    entry::MapRoot,
    tile::{Content, Tile, WIDTH},
    tree::Tree,
};
use hallmark_core::{hash::Sha256, key::SigningKey};

use super::{
    Ends, LogError, LogSettings, Placed, Published, Shared, Submission,
    cosign::Cosigners,
    round::{Edge, Round, Where},
    start,
};
use crate::store::{Draft, NextRound, StoreError, is_passing};

/// The most entries of a round.
const MOST: usize = 16 * 1024;
/// The most bytes of a round.
const MOST_BYTES: usize = 32 << 20;
/// How long to wait before what failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// So many entries are kept in the store before their files are synced and they are forgotten there.
const TAIL: u64 = 64 * WIDTH;

/// A panic in the middle of a round leaves nobody to tell what is logged.
pub(super) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the log's sequencer panicked; the process stops");
            std::process::abort();
        }
    }
}

pub(super) struct Sequencer {
    shared: Arc<Shared>,
    key: SigningKey,
    cosigners: Cosigners,
    round: Duration,
    quiet: Duration,
    edge: Edge,
    root: Sha256,
    /// What is appended and not published.
    unpublished: Option<Unpublished>,
    /// Full files that are not synced.
    unsynced: Vec<Tile>,
    /// The end of the entries whose files are synced.
    synced: u64,
    ends: Option<Ends>,
}

/// A round that is in the store.
pub(super) struct Unpublished {
    pub(super) map_root: MapRoot,
    /// `None` where the map has it already.
    pub(super) draft: Option<Draft>,
    pub(super) files: Vec<(Tile, Vec<u8>)>,
    pub(super) map_inclusion: Vec<Sha256>,
    placed: Vec<(Submission, Where)>,
}

impl Sequencer {
    /// Brings everything to where the store says the log is.
    pub(super) fn open(
        shared: Arc<Shared>,
        settings: LogSettings,
        key: SigningKey,
    ) -> Result<Self, LogError> {
        let found = start::open(&shared, &settings)?;
        let cosigners = Cosigners::start(&shared.files, settings.cosigners)?;
        let mut sequencer = Self {
            shared,
            key,
            cosigners,
            round: settings.round,
            quiet: settings.quiet,
            root: found.edge.growth.root(),
            unpublished: None,
            unsynced: found.unsynced,
            synced: found.synced,
            ends: found.ends,
            edge: found.edge,
        };
        if let Some(map_root) = found.map_root {
            let size = sequencer.edge.growth.size();
            let map_inclusion = Tree::new(sequencer.shared.files.clone(), size)
                .inclusion(size - 1, size)
                .map_err(|error| LogError::File(error.0))?;
            let (draft, files, placed) = (None, Vec::new(), Vec::new());
            sequencer.unpublished =
                Some(Unpublished { map_root, draft, files, map_inclusion, placed });
        }
        sequencer.edge.growth.settle();
        Ok(sequencer)
    }

    /// Works until nobody sends any more.
    pub(super) fn serve(mut self, waiting: &Receiver<Submission>) {
        if self.ends == Some(Ends::Restored) {
            // Nothing is published, taken or cosigned: entries may be missing.
            return refuse(waiting, Ends::Restored);
        }
        let mut begun = Instant::now();
        match &self.unpublished {
            Some(_) => self.publish(),
            // The first checkpoint, of the map of nothing.
            None => self.take(Vec::new()),
        }
        // A round that could not be published before the service was told to stop is the next start's:
        // nothing may be laid over what lacks it.
        while self.unpublished.is_none() {
            match waiting.recv_timeout(self.quiet.saturating_sub(begun.elapsed())) {
                Ok(first) => {
                    std::thread::sleep(self.round.saturating_sub(begun.elapsed()));
                    begun = Instant::now();
                    let all = gathered(first, waiting);
                    match self.ends {
                        Some(ends) => all.into_iter().for_each(|one| one.refuse(ends)),
                        None => self.take(all),
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    begun = Instant::now();
                    self.witness_again();
                    self.forget(WIDTH);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    self.forget(1);
                    break;
                }
            }
        }
        while let Ok(waits) = waiting.try_recv() {
            let _ = waits.reply.send(Err(LogError::Closing));
        }
        let written = self.map(|map| map.write());
        if let Err(error) = written {
            tracing::warn!(%error, "the map was not written: the next start makes it up");
        }
    }

    fn map<T>(&self, work: impl FnOnce(&mut crate::store::MapStore) -> T) -> T {
        work(&mut self.shared.map.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One round, from submissions to replies.
    fn take(&mut self, submissions: Vec<Submission>) {
        let round = self.map(|map| Round::over(&self.edge, map, submissions));
        let round = round.unwrap_or_else(|error| stop(&error));
        let Round { run, growth, map_root, draft, files, bundle, placed } = round;
        let root = growth.root();
        if !placed.is_empty() && run.count == 1 {
            // Nothing is new: no round is needed to say where it is.
            return self.reply(placed, None);
        }
        let next = NextRound { run, old_root: self.root, root };
        if let Err(error) = self.append(next) {
            for (submission, _) in placed {
                let _ = submission.reply.send(Err(match &error {
                    StoreError::DiskFull => StoreError::DiskFull.into(),
                    _ => LogError::Closing,
                }));
            }
            return;
        }
        let map_inclusion = growth.proofs().inclusion(growth.size() - 1).expect("it is new");
        self.edge = Edge { growth, bundle };
        self.root = root;
        self.unpublished =
            Some(Unpublished { map_root, draft: Some(draft), files, map_inclusion, placed });
        self.publish();
    }

    /// Appends, however long others keep the store busy.
    fn append(&self, next: NextRound) -> Result<(), StoreError> {
        loop {
            match self.shared.store.append_round(next.clone()) {
                Err(StoreError::Busy) => std::thread::sleep(Duration::from_millis(10)),
                Err(error @ (StoreError::DiskFull | StoreError::Closing)) => return Err(error),
                Err(error) => stop(&error),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Publishes what is appended: files, cosignatures, checkpoint; then replies. Gives up when the
    /// service stops: the next start goes on here.
    fn publish(&mut self) {
        let Some(round) = self.unpublished.take() else { return };
        self.unpublished = self.published(round);
    }

    /// Publishes a round, or gives it back.
    fn published(&mut self, mut round: Unpublished) -> Option<Unpublished> {
        let size = self.edge.growth.size();
        if !self.again("write the log's files", || {
            round.files.iter().try_for_each(|(tile, bytes)| self.shared.files.write(*tile, bytes))
        }) {
            return Some(round);
        }
        let full = round.files.iter().map(|(tile, _)| *tile).filter(Tile::is_full);
        self.unsynced.extend(full);
        let checkpoint = loop {
            let gathered = self.cosigners.gather(self.checkpoint(size), &self.shared.policy);
            if self.shared.policy.is_met(&gathered) {
                break gathered;
            }
            self.shared.unwitnessed.store(true, Ordering::Relaxed);
            if self.shared.is_closing() {
                return Some(round);
            }
            tracing::warn!(size, "too few witnesses cosigned: nothing is acknowledged");
            std::thread::sleep(AGAIN);
        };
        self.shared.unwitnessed.store(false, Ordering::Relaxed);
        let text = checkpoint.to_string();
        if !self.again("publish the checkpoint", || self.shared.files.publish(&text)) {
            return Some(round);
        }
        let published =
            Published { checkpoint, map_root: round.map_root, map_inclusion: round.map_inclusion };
        let published = Arc::new(published);
        let taken = self.map(|map| {
            let taken = round.draft.take().map_or(Ok(()), |draft| map.take(draft, size));
            let mut now = self.shared.published.write().unwrap_or_else(PoisonError::into_inner);
            *now = Some(Arc::clone(&published));
            taken
        });
        if let Err(error) = taken {
            // It is in memory all the same, and the log has all of it.
            tracing::warn!(%error, "the map was not written");
        }
        self.reply(round.placed, Some(published));
        self.edge.growth.settle();
        self.forget(TAIL);
        None
    }

    fn reply(&self, placed: Vec<(Submission, Where)>, published: Option<Arc<Published>>) {
        let proofs = self.edge.growth.proofs();
        for (submission, at) in placed {
            let answer = match (at, &published) {
                (Where::New(index), Some(published)) => {
                    let hashes = proofs.inclusion(index).expect("a leaf of this round");
                    Ok(Placed::New { index, hashes, published: Arc::clone(published) })
                }
                (Where::New(_), None) => Err(LogError::Unpublished),
                (Where::There(index), _) => Ok(Placed::There { index }),
            };
            // Who asked may be gone.
            let _ = submission.reply.send(answer);
        }
    }

    /// The checkpoint of the tree as it is, signed by the log alone.
    fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        let name = &self.shared.key;
        let says = Checkpoint {
            origin: name.name().as_str().to_owned(),
            size,
            root: self.root,
            extensions: Vec::new(),
        };
        let mut checkpoint = SignedCheckpoint::new(says);
        let line = name.sign(&self.key, checkpoint.note().text());
        checkpoint.note_mut().add(line);
        checkpoint
    }

    /// Has the checkpoint cosigned again, so that it says of a later time that nothing is newer.
    fn witness_again(&mut self) {
        if !self.shared.policy.asks_for_witnesses() {
            return;
        }
        let Some(published) = self.shared.published() else { return };
        let fresh = self.checkpoint(published.size());
        let checkpoint = self.cosigners.gather(fresh, &self.shared.policy);
        let is_met = self.shared.policy.is_met(&checkpoint);
        self.shared.unwitnessed.store(!is_met, Ordering::Relaxed);
        if !is_met {
            tracing::warn!("too few witnesses cosigned: the checkpoint grows old");
            return;
        }
        if self
            .again("publish the checkpoint", || self.shared.files.publish(&checkpoint.to_string()))
        {
            let published = Published { checkpoint, ..Published::clone(&published) };
            let mut now = self.shared.published.write().unwrap_or_else(PoisonError::into_inner);
            *now = Some(Arc::new(published));
        }
    }

    /// Syncs the full files and forgets their entries in the store, once there are so many of them.
    fn forget(&mut self, at_least: u64) {
        let end = self.edge.growth.size() / WIDTH * WIDTH;
        if end - self.synced < at_least {
            return;
        }
        let files = &self.shared.files;
        match files.sync(&self.unsynced) {
            // Next time.
            Err(error) if is_passing(&error) => return,
            Err(error) => stop(&LogError::File(error)),
            Ok(()) => {}
        }
        let (store, unsynced) = (&self.shared.store, std::mem::take(&mut self.unsynced));
        match store.forget_rounds(end) {
            // Next time.
            Err(StoreError::Busy | StoreError::DiskFull | StoreError::Closing) => {}
            Err(error) => stop(&error),
            Ok(()) => {}
        }
        self.synced = end;
        let bundles = unsynced.iter().filter(|tile| tile.content() == Content::Entries).count();
        if let Err(error) = files.remove_narrower(&unsynced) {
            tracing::warn!(%error, bundles, "narrower files of the log stay");
        }
    }

    /// Tries again until it succeeds, where room is missing; `false` when the service stops before.
    fn again(&self, what: &str, work: impl Fn() -> io::Result<()>) -> bool {
        loop {
            match work() {
                Ok(()) => return true,
                Err(error) if is_passing(&error) => {
                    tracing::error!(%error, "cannot {what} now: nothing is acknowledged");
                }
                Err(error) => stop(&LogError::File(error)),
            }
            if self.shared.is_closing() {
                return false;
            }
            std::thread::sleep(AGAIN);
        }
    }
}

/// Answers whoever sends that the log does not go on.
fn refuse(waiting: &Receiver<Submission>, ends: Ends) {
    while let Ok(submission) = waiting.recv() {
        submission.refuse(ends);
    }
}

/// What waits, beginning with `first`, as far as a round takes it.
fn gathered(first: Submission, waiting: &Receiver<Submission>) -> Vec<Submission> {
    let mut bytes = first.bytes.len();
    let mut all = vec![first];
    while all.len() < MOST && bytes < MOST_BYTES {
        let Ok(next) = waiting.try_recv() else { break };
        bytes += next.bytes.len();
        all.push(next);
    }
    all
}

/// Nobody can tell what is logged and what is not.
fn stop(error: &dyn std::error::Error) -> ! {
    tracing::error!(%error, "the log cannot go on; the process stops");
    std::process::abort()
}
