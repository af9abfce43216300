//! From a path to a database that may be written: lock, version, damage.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use hallmark_core::key::PublicKey;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::{
    error::OpenError,
    file, private,
    schema::{self, MIGRATIONS, Migration},
};

/// The database's file name.
pub(super) const DATABASE: &str = "hallmark.db";
/// The same while it is brought back from a backup.
pub(super) const RESTORING: &str = "hallmark.db.restoring";
const LOCK: &str = "lock";
/// What may be in a directory that has no database yet. The journal is that of the database's making:
/// a loss of power may keep its name and not the database's.
const OWN: [&str; 5] = [LOCK, file::FOLDER, "lost+found", DATABASE, "hallmark.db-journal"];

/// The key that signs receipts.
#[derive(Debug, Clone, Copy)]
pub struct ServedBy {
    /// Its public half.
    pub key: PublicKey,
    /// Whether the directory goes on with this key where it was served with another one.
    pub accepts_another: bool,
}

/// A database that may be written, and what keeps others away.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) lock: File,
}

/// Opens the database of a data directory, or makes one. Marks it as in use: whoever opens it next
/// without a close between looks for damage.
///
/// # Errors
/// [`OpenError`].
pub(super) fn open(directory: &Path, served: Option<&ServedBy>) -> Result<Opened, OpenError> {
    is_ours(directory)?;
    let lock = lock(directory)?;
    let database = directory.join(DATABASE);
    let mut connection = connect(&database, MIGRATIONS)?;
    if let Some(served) = served {
        check_key(&connection, directory, served)?;
    }
    inspect(&mut connection, &database)?;
    Ok(Opened { connection, lock })
}

/// Whether a folder without a database has nothing in it but what a first start cut short, or the
/// file system, has left there. What cannot be looked into is told by whoever writes there.
fn is_ours(directory: &Path) -> Result<(), OpenError> {
    if directory.join(DATABASE).exists() {
        return Ok(());
    }
    let directory = directory.to_owned();
    if directory.join(RESTORING).exists() {
        return Err(OpenError::Unfinished { directory });
    }
    let Ok(entries) = fs::read_dir(&directory) else { return Ok(()) };
    let names = entries.filter_map(Result::ok).map(|entry| PathBuf::from(entry.file_name()));
    match names.into_iter().find(|name| !OWN.iter().any(|own| Path::new(own) == name)) {
        Some(file) => Err(OpenError::NotEmpty { directory, file }),
        None => Ok(()),
    }
}

/// Whether the directory was served with this key, or with none yet; takes it down.
fn check_key(
    connection: &Connection,
    directory: &Path,
    served: &ServedBy,
) -> Result<(), OpenError> {
    let database = directory.join(DATABASE);
    let failed = |source| OpenError::database(&database, source);
    let known: Option<[u8; 32]> = connection
        .query_row("SELECT key FROM service", [], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    let given = served.key.as_bytes();
    match known {
        Some(known) if known == *given => return Ok(()),
        Some(known) if !served.accepts_another => {
            let known = PublicKey::from_bytes(&known).map_err(|error| OpenError::Damaged {
                database: database.clone(),
                finding: format!("the service's key: {error}"),
            })?;
            return Err(OpenError::OtherKey {
                directory: directory.to_owned(),
                known: known.fingerprint(),
                given: served.key.fingerprint(),
            });
        }
        Some(_) => connection.execute("UPDATE service SET key = ?1", [given]),
        None => connection.execute("INSERT INTO service VALUES (?1)", [given]),
    }
    .map(|_| ())
    .map_err(failed)
}

/// Makes the directory and what is missing above it. Until it has a database, the names of all of
/// them are made durable, since a run that was killed may not have come to it: what is kept is as
/// lasting as its path. Folders that this program may not read are not of its making.
fn make(directory: &Path) -> io::Result<()> {
    private::folder_and_above(directory)?;
    if directory.join(DATABASE).exists() {
        return Ok(());
    }
    for above in std::path::absolute(directory)?.ancestors().skip(1) {
        match File::open(above).and_then(|folder| folder.sync_all()) {
            Err(error) if error.kind() != ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let not_writable = |source| OpenError::NotWritable { directory: directory.to_owned(), source };
    make(directory).map_err(not_writable)?;
    let path = directory.join(LOCK);
    let lock = private::file(&path).map_err(not_writable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(not_writable(source)),
    }
}

/// Opens the database and brings it to the newest of `migrations`.
fn connect(database: &Path, migrations: &[Migration]) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::database(database, source);
    // Its log and the log's index are made like it.
    private::file(database).map_err(|source| OpenError::NotWritable {
        directory: database.parent().unwrap_or(database).to_owned(),
        source,
    })?;
    let mut connection = Connection::open(database).map_err(failed)?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let found = schema::version(&connection).map_err(failed)?;
    let known = migrations.len() as i64;
    let empty = is_empty(&connection).map_err(failed)?;
    if !(application == schema::APPLICATION_ID || application == 0 && found == 0 && empty) {
        return Err(OpenError::Foreign { database: database.to_owned() });
    }
    if found > known {
        return Err(OpenError::Newer { database: database.to_owned(), found, known });
    }
    configure(&connection).map_err(failed)?;
    let from = usize::try_from(found).map_err(|_| OpenError::Damaged {
        database: database.to_owned(),
        finding: format!("schema version {found}"),
    })?;
    if from < migrations.len() {
        if !empty {
            keep_a_copy(&connection, database, found)?;
        }
        let transaction = Transaction::new(&mut connection, TransactionBehavior::Immediate);
        transaction
            .and_then(|transaction| {
                schema::migrate(&transaction, from, migrations)?;
                transaction.commit()
            })
            .map_err(failed)?;
    }
    Ok(connection)
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Copies the database to `hallmark.db.before-vN` before it is migrated from version `found`.
fn keep_a_copy(connection: &Connection, database: &Path, found: i64) -> Result<(), OpenError> {
    let copy = PathBuf::from(format!("{}.before-v{}", database.display(), found + 1));
    let not_writable = |source: std::io::Error| OpenError::NotWritable {
        directory: database.parent().unwrap_or(database).to_owned(),
        source,
    };
    // One that a migration cut short has left behind.
    match fs::remove_file(&copy) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(not_writable(error)),
        _ => {}
    }
    private::new_file(&copy).map_err(not_writable)?;
    connection
        .execute("VACUUM INTO ?1", [copy.display().to_string()])
        .map_err(|source| OpenError::database(database, source))?;
    File::open(&copy).and_then(|file| file.sync_all()).map_err(not_writable)
}

/// What each connection that writes has in common.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // The log stays as long as it has grown: appending to a file costs more than overwriting.
    connection.pragma_update(None, "journal_size_limit", -1)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Looks for damage if the last process did not close the database, and marks it as open.
fn inspect(connection: &mut Connection, database: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::database(database, source);
    let clean: bool = connection
        .query_row("SELECT value FROM meta WHERE name = 'clean'", [], |row| row.get(0))
        .map_err(failed)?;
    if !clean {
        let finding: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
        if finding != "ok" {
            return Err(OpenError::Damaged { database: database.to_owned(), finding });
        }
    }
    mark_clean(connection, false).map_err(failed)
}

/// Writes whether the database was closed in order.
pub(super) fn mark_clean(connection: &Connection, clean: bool) -> rusqlite::Result<()> {
    connection.execute("UPDATE meta SET value = ?1 WHERE name = 'clean'", [clean])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { sql: "CREATE TABLE notes (text TEXT NOT NULL) STRICT" };
    const SECOND: Migration = Migration { sql: "ALTER TABLE notes ADD COLUMN at INTEGER" };
    const BROKEN: Migration = Migration { sql: "DROP TABLE notes; DROP TABLE notes" };

    fn with_a_note(database: &Path) {
        let connection = connect(database, &[FIRST]).expect("a new database");
        connection.execute("INSERT INTO notes VALUES ('kept')", []).expect("a table");
    }

    fn columns(database: &Path) -> i64 {
        let connection = Connection::open(database).expect("a database");
        let sql = "SELECT count(*) FROM pragma_table_info('notes')";
        let kept: String = connection
            .query_row("SELECT text FROM notes", [], |row| row.get(0))
            .expect("the note is kept");
        assert_eq!(kept, "kept");
        connection.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    #[test]
    fn an_older_schema_is_copied_and_brought_to_the_newest() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = directory.path().join(DATABASE);
        with_a_note(&database);
        let connection = connect(&database, &[FIRST, SECOND]).expect("migrates");
        assert_eq!(schema::version(&connection).expect("a version"), 2);
        drop(connection);
        assert_eq!(columns(&database), 2);
        let copy = directory.path().join("hallmark.db.before-v2");
        assert_eq!(columns(&copy), 1);
        connect(&copy, &[FIRST]).expect("the copy is the older schema, whole");
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = directory.path().join(DATABASE);
        with_a_note(&database);
        for _ in 0..2 {
            let failed = connect(&database, &[FIRST, SECOND, BROKEN]);
            assert!(matches!(failed, Err(OpenError::Database { .. })), "{failed:?}");
        }
        let connection = connect(&database, &[FIRST]).expect("as it was");
        assert_eq!(schema::version(&connection).expect("a version"), 1);
        assert_eq!(columns(&database), 1);
    }

    #[test]
    fn a_database_that_was_never_finished_begins_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let database = directory.path().join(DATABASE);
        fs::write(&database, []).expect("an empty file");
        connect(&database, MIGRATIONS).expect("a new database");
    }
}
