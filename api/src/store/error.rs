//! Why a data directory does not open and why an operation is refused.

use std::path::{Path, PathBuf};

use hallmark_core::{json::JsonError, key::Fingerprint};

use super::open::DATABASE;

/// Why a data directory does not open. Each text names the file and the way out.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be made or written.
    #[error("cannot write in the data directory {}: {source}; make it writable or name another", directory.display())]
    NotWritable {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("the data directory {} is already in use; stop the service that runs there or name another", directory.display())]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// Written by a newer program.
    #[error(
        "{} has schema version {found} and this program knows up to {known}; install a newer one, the file was not touched", database.display()
    )]
    Newer {
        /// The database.
        database: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// A database, but none of ours.
    #[error("{} is a database of another program; name another data directory", database.display())]
    Foreign {
        /// The database.
        database: PathBuf,
    },
    /// Not a database, or a broken one.
    #[error(
        "{} is damaged ({finding}); keep it aside and restore the data directory from a backup", database.display()
    )]
    Damaged {
        /// The database.
        database: PathBuf,
        /// What was found first.
        finding: String,
    },
    /// The receipts of this directory were signed with another key.
    #[error(
        "{} was served with the key {known} and the key file holds {given}: bring the right key \
         file back (no backup of the data has it), or say --new-key to go on with this one, which \
         ends what clients can check of older receipts", directory.display()
    )]
    OtherKey {
        /// The directory.
        directory: PathBuf,
        /// The key it was served with.
        known: Fingerprint,
        /// The key it is to be served with.
        given: Fingerprint,
    },
    /// A folder with other files and no database of ours.
    #[error(
        "{} has no {DATABASE} and holds other files, such as {}: name a folder that is empty or not \
         there yet", directory.display(), file.display()
    )]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
        /// One of them.
        file: PathBuf,
    },
    /// A backup that was brought back in part.
    #[error("a restore into {} did not come to its end: run it again", directory.display())]
    Unfinished {
        /// The directory.
        directory: PathBuf,
    },
    /// SQLite refused otherwise.
    #[error("cannot open {}: {source}", database.display())]
    Database {
        /// The database.
        database: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// What SQLite said about a database.
    pub(super) fn database(database: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let database = database.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::Damaged { database, finding: source.to_string() }
            }
            Some(Code::ReadOnly | Code::PermissionDenied) => Self::not_writable(&database, source),
            _ if is_full(&source) => Self::not_writable(&database, source),
            _ => Self::Database { database, source },
        }
    }

    fn not_writable(database: &Path, source: rusqlite::Error) -> Self {
        Self::NotWritable {
            directory: database.parent().unwrap_or(database).to_owned(),
            source: std::io::Error::other(source),
        }
    }
}

/// Why an operation is refused. Unless said otherwise nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such account.
    #[error("there is no such account")]
    NoAccount,
    /// The key never was a device of the account.
    #[error("the key is no device of the account")]
    NotListed,
    /// The key was a device of the account.
    #[error("the device was taken off the account")]
    Revoked,
    /// The nonce was spent.
    #[error("the nonce was used before")]
    Replayed,
    /// Signed at or before the floor, where nonces are known no more.
    #[error("signed before the oldest nonce that is known")]
    BelowFloor,
    /// The device list is another than the caller verified against.
    #[error("the device list has changed")]
    DevicesChanged,
    /// The manifest is another than the caller verified against.
    #[error("the items have changed")]
    ItemsChanged,
    /// There is something of that name with other content.
    #[error("there is another one of that name")]
    Differs,
    /// A position beyond what there is.
    #[error("a position that is not there yet")]
    Position,
    /// No such blob.
    #[error("there is no such blob")]
    NoBlob,
    /// Parts of the blob are missing.
    #[error("the blob is not complete")]
    Incomplete,
    /// The blob has no such part, or one of another size.
    #[error("the part has another size than its place")]
    PartSize,
    /// The account would hold more than it may.
    #[error("the account is full")]
    Quota,
    /// The log is not where the round began.
    #[error("the log is not where the round began: another process writes it")]
    LogMoved,
    /// The queue of changes is full.
    #[error("the queue of changes is full")]
    Busy,
    /// Another request is changing the same blob or part.
    #[error("the blob is being changed")]
    InProgress,
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The store takes no more changes.
    #[error("the store is closing")]
    Closing,
    /// SQLite failed.
    #[error("the database failed: {0}")]
    Sql(#[from] rusqlite::Error),
    /// A file cannot be read or written.
    #[error("a blob's file failed: {0}")]
    File(#[source] std::io::Error),
    /// A stored statement is not what was stored.
    #[error("a stored statement does not read back: {0}")]
    Json(#[from] serde_json::Error),
    /// A stored statement is not strict JSON.
    #[error("a stored statement does not read back: {0}")]
    Strict(#[from] JsonError),
}

/// Whether SQLite ran out of room. The index of the log (`-shm`) is no content: where it cannot
/// grow, the change is rolled back like one that does not fit the log itself. SQLite has no code of
/// its own for that case, only `SQLITE_IOERR_SHMSIZE`.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == rusqlite::ErrorCode::DiskFull
            || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        if super::file::is_full(&error) { Self::DiskFull } else { Self::File(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_is_told_from_one_that_fails() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_SHMSIZE] {
            assert!(is_full(&failure(code)), "{code}");
            let error = OpenError::database(Path::new("d/hallmark.db"), failure(code));
            assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
        }
        for code in [
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_SHMMAP,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_BUSY,
        ] {
            assert!(!is_full(&failure(code)), "{code}");
        }
    }
}
