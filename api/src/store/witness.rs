//! What a witness has seen of each log: size and root of the checkpoint that it cosigned last.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use hallmark_consent::log::checkpoint::{Checkpoint, SignedCheckpoint};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::{OpenError, error::is_full, private};

const DATABASE: &str = "witness.db";
const LOCK: &str = "lock";
/// Marks a database as a witness's: "HMwi".
const APPLICATION_ID: i64 = 0x484d_7769;
const VERSION: i64 = 1;

/// Why a witness does not answer for what it keeps.
#[derive(Debug, thiserror::Error)]
pub enum WitnessStoreError {
    /// SQLite failed.
    #[error("the witness's database failed: {0}")]
    Sql(#[from] rusqlite::Error),
    /// What is kept is no checkpoint.
    #[error("what is kept of {origin:?} is no checkpoint")]
    Damaged {
        /// The log.
        origin: String,
    },
}

/// The directory of a witness. No other process opens it as long as this lives.
#[derive(Debug)]
pub struct WitnessStore {
    connection: Mutex<Connection>,
    _lock: File,
}

impl WitnessStore {
    /// Opens a witness's directory, and makes one where there is none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let not_writable =
            |source: io::Error| OpenError::NotWritable { directory: directory.to_owned(), source };
        private::folder_and_above(directory).map_err(not_writable)?;
        let lock = private::file(&directory.join(LOCK)).map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { directory: directory.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(not_writable(source)),
        }
        let database = directory.join(DATABASE);
        private::file(&database).map_err(not_writable)?;
        let failed = |source| OpenError::database(&database, source);
        let mut connection = Connection::open(&database).map_err(failed)?;
        prepare(&mut connection, &database)?;
        File::open(directory).and_then(|folder| folder.sync_all()).map_err(not_writable)?;
        Ok(Self { connection: Mutex::new(connection), _lock: lock })
    }

    /// Compares and keeps in one step: `decide` is given the checkpoint that was cosigned last, and what
    /// it returns is durable before this returns. Blocks; one at a time.
    ///
    /// # Errors
    /// That of `decide`, inside; else what failed, after which nothing may be said to anybody.
    pub fn compare_and_keep<T, E>(
        &self,
        origin: &str,
        decide: impl FnOnce(Option<&Checkpoint>) -> Result<(SignedCheckpoint, T), E>,
    ) -> Result<Result<T, E>, WitnessStoreError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = Transaction::new(&mut connection, TransactionBehavior::Immediate)?;
        let held = held(&transaction, origin)?;
        let decided = decide(held.as_ref().map(SignedCheckpoint::claimed));
        let (new, answer) = match decided {
            Ok(decided) => decided,
            Err(refused) => return Ok(Err(refused)),
        };
        let kept = transaction
            .execute("REPLACE INTO logs VALUES (?1, ?2)", (origin, new.to_string()))
            .and_then(|_| transaction.commit());
        match kept {
            Ok(()) => Ok(Ok(answer)),
            Err(error) if is_full(&error) => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "nobody can tell what is kept; the process stops");
                std::process::abort()
            }
        }
    }

    /// The checkpoint of a log that was cosigned last. Blocks.
    ///
    /// # Errors
    /// [`WitnessStoreError`].
    pub fn held(&self, origin: &str) -> Result<Option<SignedCheckpoint>, WitnessStoreError> {
        held(&self.connection.lock().unwrap_or_else(PoisonError::into_inner), origin)
    }
}

fn held(
    connection: &Connection,
    origin: &str,
) -> Result<Option<SignedCheckpoint>, WitnessStoreError> {
    let sql = "SELECT checkpoint FROM logs WHERE origin = ?1";
    let note: Option<String> = connection.query_row(sql, [origin], |row| row.get(0)).optional()?;
    let damaged = |_| WitnessStoreError::Damaged { origin: origin.to_owned() };
    note.map(|note| SignedCheckpoint::parse(note.as_bytes()).map_err(damaged)).transpose()
}

fn prepare(connection: &mut Connection, database: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::database(database, source);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(failed)?;
    let version = pragma("user_version").map_err(failed)?;
    let database_is = || PathBuf::from(database);
    match (application, version) {
        (0, 0) => {}
        (APPLICATION_ID, VERSION) => {}
        (APPLICATION_ID, found) if found > VERSION => {
            return Err(OpenError::Newer { database: database_is(), found, known: VERSION });
        }
        _ => return Err(OpenError::Foreign { database: database_is() }),
    }
    let made = |connection: &mut Connection| -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(
            "CREATE TABLE IF NOT EXISTS logs (
                 origin TEXT PRIMARY KEY, checkpoint TEXT NOT NULL
             ) STRICT, WITHOUT ROWID",
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    made(connection).map_err(failed)
}
