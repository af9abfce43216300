//! Connections for reading. They see what is committed, hold no lock against the writer, and cannot
//! write.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Mutex, Semaphore};

use super::{StoreError, error::is_full};

/// A fixed number of connections; who finds none waits for one.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(database: &Path, count: usize) -> rusqlite::Result<Self> {
        let count = count.max(1);
        let idle = (0..count).map(|_| connect(database)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { idle: Arc::new(Mutex::new(idle)), free: Arc::new(Semaphore::new(count)) })
    }

    /// Runs `read` in one read transaction, on a thread where blocking is allowed.
    ///
    /// # Errors
    /// Those of `read`, and [`StoreError::Closing`] when the runtime is being shut down.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.free.clone().acquire_owned().await.map_err(|_| StoreError::Closing)?;
        let connection = self.idle.lock().await.pop().ok_or(StoreError::Closing)?;
        let idle = self.idle.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = connection;
            let answer = in_transaction(&mut connection, read).map_err(|error| match error {
                StoreError::Sql(error) if is_full(&error) => StoreError::DiskFull,
                error => error,
            });
            idle.blocking_lock().push(connection);
            drop(permit);
            answer
        });
        task.await.map_err(|_| StoreError::Closing)?
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = Transaction::new(connection, TransactionBehavior::Deferred)?;
    read(&transaction)
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
