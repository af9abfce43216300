//! The one thread that writes.
//!
//! ```text
//! drain up to group_max changes -> BEGIN IMMEDIATE -> apply each -> COMMIT -> reply to each
//! ```
//!
//! Nobody hears of success before `COMMIT` has returned, which under `synchronous=FULL` is after
//! the log was synced. A change refused on its own merits leaves the others of its group alone:
//! it validates before it writes anything but its nonce.
//!
//! # Decisions
//!
//! - **A full disk refuses and the service goes on**: the group is rolled back and told so, whether
//!   it was the database, its log (`-wal`) or the log's index (`-shm`) that could not grow. The index
//!   comes last: a group refused for it may be found committed if the process dies before the next
//!   one is written. It had no answer but a refusal, and sent again it is taken as what is there.
//! - **What makes room finds room** on a full disk, while there is a reserve to give up: see `reserve`.
//! - **Any other failure of a write or a sync aborts** (design, section 6), that of a file system
//!   which turned read-only too: nobody can tell what is on the disk. The next start finds out, and
//!   refuses where it cannot write.

use std::{
    cell::Cell,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use super::{
    Options, StoreError,
    error::is_full,
    measure::{Fullness, Groups},
    nonce, open,
    reserve::Reserve,
};

/// How long to wait for another process, which only a tool of the operator's can be.
const BUSY: Duration = Duration::from_secs(5);

/// What an acknowledged change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is in the database and survives a crash of the process, the system or the power.
    #[default]
    Durable,
    /// **It is nowhere.** Changes are acknowledged and thrown away: what everything around the
    /// store costs, for measuring. No configuration and no command line reaches this.
    Discard,
}

/// A handle to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Change>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    groups: Arc<Groups>,
    fullness: Fullness,
}

impl Writer {
    /// Starts the thread, which owns the connection from now on.
    pub(super) fn start(
        connection: Connection,
        options: &Options,
        reserve: Arc<Reserve>,
    ) -> rusqlite::Result<Self> {
        let (queue, changes) = mpsc::channel(options.queue_max.max(1));
        let groups = Arc::new(Groups::default());
        let thread = Thread {
            groups: Arc::clone(&groups),
            floor_s: nonce::floor_s(&connection)?,
            connection,
            group_max: options.group_max.max(1),
            durability: options.durability,
            reserve,
            // What a crash has left behind.
            erased: true,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                // Half a group may be applied and nobody would hear of it.
                let _abort = AbortOnPanic;
                thread.serve(changes);
            })
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            groups,
            fullness: Fullness::default(),
        })
    }

    /// Has `apply` run in a transaction and returns what it returned once that is committed. It
    /// runs again where the transaction has to be repeated, so it must not change what it captured.
    ///
    /// # Errors
    /// Those of `apply`; [`StoreError::Busy`] when the queue is full, [`StoreError::Closing`] after
    /// [`Writer::close`], [`StoreError::DiskFull`].
    pub(super) async fn run<T: Default + Send + 'static>(
        &self,
        apply: impl Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let outcome = self.send(false, apply).await;
        self.fullness.note(&outcome);
        outcome
    }

    /// The same for a change that leaves less than there was: it may take the reserve. That it found
    /// room tells nothing of others.
    ///
    /// # Errors
    /// Those of [`Writer::run`].
    pub(super) async fn run_to_make_room<T: Default + Send + 'static>(
        &self,
        apply: impl Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.send(true, apply).await
    }

    /// As [`Writer::run`], for a thread of its own. Blocks.
    ///
    /// # Errors
    /// Those of [`Writer::run`].
    ///
    /// # Panics
    /// On a thread of a runtime.
    pub(super) fn run_blocking<T: Default + Send + 'static>(
        &self,
        makes_room: bool,
        apply: impl Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let queued = self.queue(makes_room, apply)?;
        let outcome = queued.blocking_recv().unwrap_or(Err(StoreError::Closing));
        if !makes_room {
            self.fullness.note(&outcome);
        }
        outcome
    }

    async fn send<T: Default + Send + 'static>(
        &self,
        makes_room: bool,
        apply: impl Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue(makes_room, apply)?.await.map_err(|_| StoreError::Closing)?
    }

    fn queue<T: Default + Send + 'static>(
        &self,
        makes_room: bool,
        apply: impl Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let change = Pending { apply, makes_room, outcome: None, sender };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        queue.ok_or(StoreError::Closing)?.try_send(Box::new(change)).map_err(
            |error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closing,
            },
        )?;
        Ok(receiver)
    }

    /// Whether the disk was full when a change was written last.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.fullness.is_full(now)
    }

    pub(super) fn is_running(&self) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().is_some_and(|queue| !queue.is_closed())
    }

    /// What was committed so far.
    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// How many changes wait; none when it is closed.
    pub(super) fn waiting(&self) -> usize {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Takes no more changes and waits for those that are queued.
    pub(super) fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that panicked has aborted the process.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the store's writer panicked; the process stops");
            std::process::abort();
        }
    }
}

/// The transaction a change is applied in.
pub(super) struct Tx<'a> {
    connection: &'a Connection,
    floor_s: i64,
    newest_s: Cell<i64>,
    erased: Cell<bool>,
}

impl Tx<'_> {
    /// What was signed at or before this counts no more, Unix seconds.
    pub(super) fn floor_s(&self) -> i64 {
        self.floor_s
    }

    /// Notes that something was erased: the log is to be emptied of it.
    pub(super) fn erased(&self) {
        self.erased.set(true);
    }

    /// Notes the service's time.
    pub(super) fn saw(&self, now_s: i64) {
        self.newest_s.set(self.newest_s.get().max(now_s));
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// A change that waits for its group.
trait Change: Send {
    /// Applies it. An error here is the database's and concerns the whole group; a refusal is kept
    /// for the reply.
    fn apply(&mut self, tx: &Tx<'_>) -> Result<(), rusqlite::Error>;
    /// Replies that it was committed, or that it was refused.
    fn committed(self: Box<Self>);
    /// Replies that it was not.
    fn failed(self: Box<Self>, error: StoreError);
    /// Replies as if it had been committed.
    fn discarded(self: Box<Self>);
    /// Whether it may take the reserve.
    fn makes_room(&self) -> bool;
}

struct Pending<F, T> {
    apply: F,
    makes_room: bool,
    outcome: Option<Result<T, StoreError>>,
    sender: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Change for Pending<F, T>
where
    F: Fn(&Tx<'_>) -> Result<T, StoreError> + Send,
    T: Default + Send,
{
    fn apply(&mut self, tx: &Tx<'_>) -> Result<(), rusqlite::Error> {
        match (self.apply)(tx) {
            Err(StoreError::Sql(error)) => Err(error),
            outcome => {
                self.outcome = Some(outcome);
                Ok(())
            }
        }
    }

    fn committed(mut self: Box<Self>) {
        let outcome = self.outcome.take().unwrap_or(Err(StoreError::Closing));
        self.reply(outcome);
    }

    fn failed(self: Box<Self>, error: StoreError) {
        self.reply(Err(error));
    }

    fn discarded(self: Box<Self>) {
        self.reply(Ok(T::default()));
    }

    fn makes_room(&self) -> bool {
        self.makes_room
    }
}

impl<F, T> Pending<F, T> {
    fn reply(self, outcome: Result<T, StoreError>) {
        // First what the change has claimed, for whoever asks next.
        drop(self.apply);
        // Who asked may be gone: then nobody hears.
        let _ = self.sender.send(outcome);
    }
}

struct Thread {
    connection: Connection,
    groups: Arc<Groups>,
    floor_s: i64,
    group_max: usize,
    durability: Durability,
    reserve: Arc<Reserve>,
    /// Whether the log may hold what was erased.
    erased: bool,
}

impl Thread {
    fn serve(mut self, mut changes: mpsc::Receiver<Box<dyn Change>>) {
        let mut group = Vec::with_capacity(self.group_max);
        while changes.blocking_recv_many(&mut group, self.group_max) > 0 {
            match self.durability {
                Durability::Durable => self.settle(&mut group),
                Durability::Discard => group.drain(..).for_each(|change| change.discarded()),
            }
        }
        if let Err(error) = open::mark_clean(&self.connection, true) {
            tracing::warn!(%error, "the database was not marked as closed");
        }
    }

    /// Commits a group and replies to all of it.
    fn settle(&mut self, group: &mut Vec<Box<dyn Change>>) {
        let begun = Instant::now();
        if !group.iter().all(|change| change.makes_room()) && !self.reserve.is_kept() {
            refuse_what_fills(group);
        }
        if group.is_empty() {
            return;
        }
        let Err(error) = self.commit(group) else {
            self.groups.committed(group.len(), begun.elapsed());
            self.empty_the_log();
            group.drain(..).for_each(|change| change.committed());
            return;
        };
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            self.abort(&error);
        }
        if is_full(&error) {
            tracing::error!("the disk is full: {} changes were rolled back", group.len());
            refuse_what_fills(group);
            if !group.is_empty() && self.reserve.give_up() {
                tracing::warn!(
                    "the reserve was given up: until there is room, deletions are taken"
                );
                self.settle(group);
            }
            group.drain(..).for_each(|change| change.failed(StoreError::DiskFull));
        } else if is_fatal(&error) {
            self.abort(&error)
        } else {
            self.apart(group, error);
        }
    }

    /// After an erasure: moves the log into the database, where what was deleted is overwritten,
    /// and empties it. Not while somebody reads an older moment: then after the next group.
    fn empty_the_log(&mut self) {
        if !self.erased {
            return;
        }
        let emptied = self.connection.busy_timeout(Duration::ZERO).and_then(|()| {
            let pragma = "PRAGMA wal_checkpoint(TRUNCATE)";
            self.connection.query_row(pragma, [], |row| row.get::<_, bool>(0))
        });
        let _ = self.connection.busy_timeout(BUSY);
        match emptied {
            Ok(busy) => self.erased = busy,
            Err(error) if is_fatal(&error) && !is_full(&error) => self.abort(&error),
            Err(error) => tracing::warn!(%error, "the log was not emptied after an erasure"),
        }
    }

    /// What was written cannot be trusted to be there.
    fn abort(&self, error: &rusqlite::Error) -> ! {
        let told = unreliable(self.connection.path().unwrap_or_default());
        tracing::error!(%error, "{told}");
        std::process::abort()
    }

    /// One change of the group is wrong in itself: each gets a transaction of its own.
    fn apart(&mut self, group: &mut Vec<Box<dyn Change>>, error: rusqlite::Error) {
        if group.len() > 1 {
            for change in std::mem::take(group) {
                self.settle(&mut vec![change]);
            }
        } else if let Some(change) = group.pop() {
            change.failed(StoreError::Sql(error));
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Change>]) -> Result<(), rusqlite::Error> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let tx = Tx {
            connection: &self.connection,
            floor_s: self.floor_s,
            newest_s: Cell::new(i64::MIN),
            erased: Cell::new(false),
        };
        for change in group.iter_mut() {
            change.apply(&tx)?;
        }
        let newest_s = tx.newest_s.get();
        let floor_s = match newest_s {
            i64::MIN => self.floor_s,
            now_s => nonce::prune(&self.connection, now_s, 2 * group.len() + 16)?,
        };
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.erased |= tx.erased.get();
        self.floor_s = floor_s;
        Ok(())
    }
}

/// Refuses all changes of a group but those that make room.
fn refuse_what_fills(group: &mut Vec<Box<dyn Change>>) {
    for change in group.extract_if(.., |change| !change.makes_room()) {
        change.failed(StoreError::DiskFull);
    }
}

/// Whether nobody can tell any more what is on the disk.
fn is_fatal(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseCorrupt, NotADatabase, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(SystemIoFailure | DatabaseCorrupt | NotADatabase))
}

/// What is said of a file that the system failed to write, and the way out.
pub(super) fn unreliable(file: impl std::fmt::Display) -> String {
    format!(
        "{file} cannot be written reliably; the process stops. Look after the disk and start it \
         again: it says whether the data are whole. If they are not, restore a backup into another \
         folder (restore --from BACKUP --data FOLDER)"
    )
}
