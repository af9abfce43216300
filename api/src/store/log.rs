//! The log's record: how far it is, and the entries whose tiles are not known to be on the disk yet.
//!
//! Entries are durable here first; tiles are written after, and once they are synced their entries are
//! forgotten here. So a file of the log that a crash has left torn is written again from here.
//!
//! All of it is for the one thread that sequences the log: every method blocks, and none may be called
//! on a thread of a runtime.

use hallmark_consent::log::tile::{Tile, WIDTH, files};
use hallmark_core::hash::Sha256;
use rusqlite::{
    Connection, OptionalExtension,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};

use super::{Store, StoreError, open, readers};

/// How far the log is: the compare-and-swap that every round goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The log's name, which its checkpoints say.
    pub origin: String,
    /// The key that signs them.
    pub key: [u8; 32],
    /// Number of entries.
    pub size: u64,
    /// Root of their tree.
    pub root: Sha256,
    /// Whether it goes on.
    pub state: LogState,
    /// Whether it was served with witnesses last.
    pub witnessed: bool,
}

/// Whether a log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It does.
    Open,
    /// It came out of a backup: entries may have been acknowledged that are not here.
    Restored,
    /// It ended.
    Frozen,
}

impl LogState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Restored => "restored",
            Self::Frozen => "frozen",
        }
    }
}

impl FromSql for LogState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let all = [Self::Open, Self::Restored, Self::Frozen];
        let text = value.as_str()?;
        all.into_iter().find(|state| state.as_str() == text).ok_or(FromSqlError::InvalidType)
    }
}

/// Entries that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Index of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Each behind its length of 2 bytes, as in a bundle.
    pub entries: Vec<u8>,
}

/// One round: what is appended, and the tree it makes.
#[derive(Debug, Clone)]
pub struct NextRound {
    /// The entries.
    pub run: Run,
    /// Root of the tree before.
    pub old_root: Sha256,
    /// Root of the tree with them.
    pub root: Sha256,
}

impl Store {
    /// How far the log is; `None` before it was begun.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn log(&self) -> Result<Option<LogRecord>, StoreError> {
        let sql = "SELECT origin, key, size, root, state, witnessed FROM log";
        let record = self.reader()?.query_row(sql, [], |row| {
            Ok(LogRecord {
                origin: row.get(0)?,
                key: row.get(1)?,
                size: row.get(2)?,
                root: Sha256::from_bytes(row.get(3)?),
                state: row.get(4)?,
                witnessed: row.get(5)?,
            })
        });
        Ok(record.optional()?)
    }

    fn reader(&self) -> Result<Connection, StoreError> {
        Ok(readers::connect(&self.directory().join(open::DATABASE))?)
    }

    /// Begins a log without entries. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Differs`] if there is one; the errors of every change.
    pub fn begin_log(&self, origin: String, key: [u8; 32], root: Sha256) -> Result<(), StoreError> {
        self.writer.run_blocking(false, move |tx| {
            let begun = tx.execute(
                "INSERT INTO log (one, origin, key, size, root, state, witnessed)
                     VALUES (1, ?1, ?2, 0, ?3, 'open', 0) ON CONFLICT DO NOTHING",
                (&origin, &key, root.as_bytes()),
            )?;
            if begun == 1 { Ok(()) } else { Err(StoreError::Differs) }
        })
    }

    /// Appends a round's entries if the log is still as it was when the round began. All or nothing,
    /// durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::LogMoved`], after which nobody knows who else writes this log; the errors of
    /// every change.
    pub fn append_round(&self, round: NextRound) -> Result<(), StoreError> {
        self.writer.run_blocking(false, move |tx| {
            let Run { first, count, entries } = &round.run;
            let moved = tx
                .prepare_cached(
                    "UPDATE log SET size = ?1 + ?2, root = ?3
                         WHERE size = ?1 AND root = ?4 AND state = 'open'",
                )?
                .execute((first, count, round.root.as_bytes(), round.old_root.as_bytes()))?;
            if moved != 1 {
                return Err(StoreError::LogMoved);
            }
            tx.prepare_cached("INSERT INTO log_tail VALUES (?1, ?2, ?3)")?
                .execute((first, count, entries))?;
            Ok(())
        })
    }

    /// The entries that are still here, in order.
    ///
    /// # Errors
    /// That they cannot be read.
    pub fn log_tail(&self) -> Result<Vec<Run>, StoreError> {
        let connection = self.reader()?;
        let sql = "SELECT first, count, entries FROM log_tail ORDER BY first";
        let mut statement = connection.prepare(sql)?;
        let runs = statement.query_map([], |row| {
            Ok(Run { first: row.get(0)?, count: row.get(1)?, entries: row.get(2)? })
        })?;
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// Forgets all rounds that end at or before entry `end`, whose tiles are on the disk.
    ///
    /// # Errors
    /// The errors of every change.
    pub fn forget_rounds(&self, end: u64) -> Result<(), StoreError> {
        self.writer.run_blocking(true, move |tx| {
            tx.prepare_cached("DELETE FROM log_tail WHERE first + count <= ?1")?.execute([end])?;
            Ok(())
        })
    }

    /// Notes whether the log is served with witnesses.
    ///
    /// # Errors
    /// The errors of every change.
    pub fn note_witnessed(&self, witnessed: bool) -> Result<(), StoreError> {
        self.writer.run_blocking(false, move |tx| {
            tx.execute("UPDATE log SET witnessed = ?1", [witnessed])?;
            Ok(())
        })
    }

    /// Has the log go on with another key.
    ///
    /// # Errors
    /// The errors of every change.
    pub fn rekey_log(&self, key: [u8; 32]) -> Result<(), StoreError> {
        self.writer.run_blocking(false, move |tx| {
            tx.execute("UPDATE log SET key = ?1", [key])?;
            Ok(())
        })
    }

    /// Has a log go on, or end.
    ///
    /// # Errors
    /// The errors of every change.
    pub fn set_log_state(&self, state: LogState) -> Result<(), StoreError> {
        self.writer.run_blocking(false, move |tx| {
            tx.execute("UPDATE log SET state = ?1", [state.as_str()])?;
            Ok(())
        })
    }
}

/// The full files of the log that are synced, since the entries in them are not here any more.
pub(super) fn synced_files(connection: &Connection) -> rusqlite::Result<Vec<Tile>> {
    let sql = "SELECT coalesce((SELECT min(first) FROM log_tail), (SELECT size FROM log), 0)";
    let first: u64 = connection.query_row(sql, [], |row| row.get(0))?;
    let end = first.next_multiple_of(WIDTH);
    Ok(files(end).filter(Tile::is_full).collect())
}

/// Has a log that comes out of a backup not go on, unless it ended.
pub(super) fn mark_restored(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE log SET state = 'restored' WHERE state = 'open'";
    connection.execute(sql, []).map(drop)
}
