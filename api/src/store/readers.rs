//! Connections for reading. They see what is committed, hold no lock against the writer, and cannot
//! write.
//!
//! # Decisions
//!
//! - **One account has at most half of them**: who asks much, or holds much, keeps others of the same
//!   account waiting and nobody else.
//! - **Nobody reads for someone who is gone.** A request that hung up or ran out of time does not
//!   begin to read, and a query under way is interrupted.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hallmark_core::account::AccountId;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{StoreError, error::is_full};

/// A fixed number of connections; who finds none waits for one.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
    turns: Arc<Turns>,
}

impl Readers {
    pub(super) fn open(database: &Path, count: usize) -> rusqlite::Result<Self> {
        let count = count.max(1);
        let idle = (0..count).map(|_| connect(database)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(idle)),
            free: Arc::new(Semaphore::new(count)),
            turns: Arc::new(Turns { most: count.div_ceil(2), accounts: Mutex::default() }),
        })
    }

    /// Runs `read` in one read transaction, on a thread where blocking is allowed.
    ///
    /// # Errors
    /// Those of `read`, and [`StoreError::Closing`] when the runtime is being shut down.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run_with(None, read).await
    }

    /// The same for what may take long and is about one account.
    ///
    /// # Errors
    /// Those of [`Readers::run`].
    pub(super) async fn run_for<T: Send + 'static>(
        &self,
        account: AccountId,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Turns::take(&self.turns, account).await?;
        self.run_with(Some(turn), read).await
    }

    async fn run_with<T: Send + 'static>(
        &self,
        turn: Option<Turn>,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.free.clone().acquire_owned().await.map_err(|_| StoreError::Closing)?;
        let idle = self.idle.clone();
        let asker = Asker::default();
        let gone = asker.0.clone();
        let task = tokio::task::spawn_blocking(move || {
            let connection = locked(&idle).pop();
            let mut connection = connection.ok_or(StoreError::Closing)?;
            let answer = read_for(gone, &mut connection, read);
            locked(&idle).push(connection);
            drop((permit, turn));
            answer.map_err(|error| match error {
                StoreError::Sql(error) if is_full(&error) => StoreError::DiskFull,
                error => error,
            })
        });
        task.await.map_err(|_| StoreError::Closing)?
    }
}

/// After so many steps of its machine SQLite asks whether somebody still waits.
const STEPS: i32 = 10_000;

/// Held by who waits for an answer; it says so when it is dropped.
#[derive(Default)]
struct Asker(Arc<AtomicBool>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `read`, unless and until whoever asked is gone.
fn read_for<T>(
    gone: Arc<AtomicBool>,
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if gone.load(Ordering::Relaxed) {
        return Err(StoreError::Closing);
    }
    connection.progress_handler(STEPS, Some(move || gone.load(Ordering::Relaxed)))?;
    let transaction = Transaction::new(connection, TransactionBehavior::Deferred)?;
    let answer = read(&transaction);
    drop(transaction);
    connection.progress_handler(STEPS, None::<fn() -> bool>)?;
    answer
}

/// How many readers each account has.
#[derive(Debug)]
struct Turns {
    most: usize,
    accounts: Mutex<HashMap<AccountId, Arc<Semaphore>>>,
}

/// A reader of an account's, or the wait for one.
struct Turn {
    turns: Arc<Turns>,
    account: AccountId,
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    async fn take(turns: &Arc<Self>, account: AccountId) -> Result<Turn, StoreError> {
        let semaphore = locked(&turns.accounts)
            .entry(account)
            .or_insert_with(|| Arc::new(Semaphore::new(turns.most)))
            .clone();
        // Before the wait, which may be given up.
        let mut turn = Turn {
            turns: turns.clone(),
            account,
            semaphore: Some(semaphore.clone()),
            permit: None,
        };
        let permit = semaphore.acquire_owned().await.map_err(|_| StoreError::Closing)?;
        turn.permit = Some(permit);
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        self.semaphore = None;
        let mut accounts = locked(&self.turns.accounts);
        if accounts.get(&self.account).is_some_and(|all| Arc::strong_count(all) == 1) {
            accounts.remove(&self.account);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that reads.
pub(super) fn connect(database: &Path) -> rusqlite::Result<Connection> {
    // Read and write, since a reader takes part in the log's index; `query_only` keeps it reading.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, sync::mpsc, task::Poll};

    use tempfile::TempDir;

    use super::*;

    fn readers(count: usize) -> (TempDir, Readers) {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("a.db");
        Connection::open(&database)
            .and_then(|connection| connection.execute_batch("CREATE TABLE t (v)"))
            .expect("a database");
        let readers = Readers::open(&database, count).expect("readers");
        (folder, readers)
    }

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 32])
    }

    /// Has a future begin: it is asked once.
    async fn begun<F: Future + Unpin>(mut future: F) -> F {
        std::future::poll_fn(|context| {
            assert!(Pin::new(&mut future).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        future
    }

    const ENDLESS: &str = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n)
        SELECT count(*) FROM n";

    /// T-34: without the interruption this never ends.
    #[tokio::test]
    async fn what_nobody_waits_for_is_not_read_on() {
        let (_folder, readers) = readers(1);
        let (began, begins) = mpsc::channel();
        let endless = readers.run(move |connection| {
            began.send(()).expect("the test listens");
            Ok(connection.query_row(ENDLESS, [], |row| row.get::<_, i64>(0))?)
        });
        let endless = begun(Box::pin(endless)).await;
        tokio::task::spawn_blocking(move || begins.recv()).await.expect("runs").expect("begins");
        drop(endless);
        readers.run(|_| Ok(())).await.expect("the reader is free again");
    }

    /// T-34: half of the readers are left to others.
    #[tokio::test]
    async fn one_account_has_half_of_the_readers() {
        let (_folder, readers) = readers(4);
        let mut held = Vec::new();
        for _ in 0..2 {
            let (end, ends) = mpsc::channel::<()>();
            let (began, begins) = mpsc::channel();
            let reading = readers.run_for(account(1), move |_| {
                began.send(()).expect("the test listens");
                ends.recv().ok();
                Ok(())
            });
            let reading = begun(Box::pin(reading)).await;
            tokio::task::spawn_blocking(move || begins.recv())
                .await
                .expect("runs")
                .expect("begins");
            held.push((end, reading));
        }
        let third = begun(Box::pin(readers.run_for(account(1), |_| Ok(3)))).await;
        let given_up = begun(Box::pin(readers.run_for(account(1), |_| Ok(4)))).await;
        for n in 2..9 {
            readers.run_for(account(n), |_| Ok(())).await.expect("another account's");
        }
        let third = begun(third).await;
        drop(given_up);
        for (end, reading) in held {
            drop(end);
            reading.await.expect("reads");
        }
        assert_eq!(third.await.expect("its turn"), 3);
        assert!(locked(&readers.turns.accounts).is_empty(), "nobody is remembered");
    }
}
