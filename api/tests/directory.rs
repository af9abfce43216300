//! Data directories that cannot be served, and what the error says.
#![allow(clippy::unwrap_used)]

mod client;

use std::{fs, path::Path};

use client::{Person, Service, new_item};
use hallmark_api::{
    app::Settings,
    store::{OpenError, Options, ServedBy, Store},
};
use rusqlite::Connection;
use tempfile::TempDir;

fn open(directory: &Path) -> Result<Store, OpenError> {
    Store::open(directory, &Options::default())
}

/// A directory that was used and closed.
async fn used() -> TempDir {
    let directory = TempDir::new().unwrap();
    let service = Service::over(directory.path(), Settings::default(), &Options::default());
    let mut person = Person::joined(&service).await;
    for _ in 0..20 {
        person.put(&service, vec![new_item()], vec![]).await.ok();
    }
    directory
}

fn database(directory: &TempDir) -> Connection {
    database_at(directory.path())
}

fn database_at(directory: &Path) -> Connection {
    Connection::open(directory.join("hallmark.db")).unwrap()
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = used().await;
    let first = open(directory.path()).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }));
    assert!(error.to_string().contains("already in use"), "{error}");
    assert!(error.to_string().contains(&directory.path().display().to_string()));
    drop(first);
    open(directory.path()).unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let directory = used().await;
    database(&directory).pragma_update(None, "user_version", 7).unwrap();
    let before = fs::read(directory.path().join("hallmark.db")).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 7, known: 5, .. }), "{error}");
    assert_eq!(fs::read(directory.path().join("hallmark.db")).unwrap(), before);
}

/// Version 1 counted items and blobs alone.
#[tokio::test]
async fn an_older_schema_counts_what_it_had_not_counted() {
    let directory = used().await;
    let bytes = || {
        let sql = "SELECT bytes FROM accounts";
        database(&directory).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let counted = bytes();
    database(&directory)
        .execute_batch(
            "UPDATE accounts SET bytes = 20 * (340 + 340); DROP TABLE service; DROP TABLE log; DROP TABLE log_tail;
             ALTER TABLE accounts DROP COLUMN removed;
             PRAGMA user_version = 1",
        )
        .unwrap();
    drop(open(directory.path()).unwrap());
    assert_eq!(bytes(), counted);
    assert!(counted > 20 * (340 + 340) + 20 * 400, "{counted}");
    assert!(directory.path().join("hallmark.db.before-v2").exists());
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let directory = TempDir::new().unwrap();
    database(&directory).execute_batch("CREATE TABLE notes (text)").unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    for (field, value) in [("application_id", 7), ("user_version", 1)] {
        let directory = TempDir::new().unwrap();
        database(&directory).pragma_update(None, field, value).unwrap();
        let error = open(directory.path()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{field}: {error}");
    }
    fs::write(directory.path().join("hallmark.db"), "a text, no database").unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("hallmark.db"), "{error}");
}

#[tokio::test]
async fn damage_is_found_after_a_crash() {
    let directory = used().await;
    let path = directory.path().join("hallmark.db");
    let mut bytes = fs::read(&path).unwrap();
    // Pages in the middle: not the header, not the schema.
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    // A process that was killed has not marked it as closed.
    database(&directory).execute("UPDATE meta SET value = 0 WHERE name = 'clean'", []).unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    for part in ["hallmark.db", "damaged", "restore", "backup"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_directory_left_without_closing_opens() {
    let directory = used().await;
    database(&directory).execute("UPDATE meta SET value = 0 WHERE name = 'clean'", []).unwrap();
    drop(open(directory.path()).unwrap());
    let clean: bool = database(&directory)
        .query_row("SELECT value FROM meta WHERE name = 'clean'", [], |row| row.get(0))
        .unwrap();
    assert!(clean, "closed in order");
}

/// T-39: receipts of a directory are signed with one key, until its operator says otherwise.
#[tokio::test]
async fn a_directory_is_served_with_the_key_it_was_served_with() {
    let served = |n, accepts_another| {
        let served_by = Some(ServedBy { key: client::key(n).public(), accepts_another });
        Options { served_by, ..Options::default() }
    };
    let directory = used().await;
    // One of the version before, whose key nobody has taken down.
    database(&directory)
        .execute_batch(
            "ALTER TABLE accounts DROP COLUMN removed; DROP TABLE service; DROP TABLE log; DROP TABLE log_tail; PRAGMA user_version = 2",
        )
        .unwrap();
    let open = |options| Store::open(directory.path(), &options);
    drop(open(served(1, false)).unwrap());
    drop(open(served(1, false)).unwrap());
    let error = open(served(2, false)).unwrap_err();
    assert!(matches!(error, OpenError::OtherKey { .. }), "{error}");
    for part in [client::key(1), client::key(2)].map(|key| key.public().fingerprint().to_string()) {
        assert!(error.to_string().contains(&part), "{error}");
    }
    assert!(error.to_string().contains("--new-key"), "{error}");
    drop(open(served(2, true)).unwrap());
    drop(open(served(2, false)).unwrap());
    assert!(open(served(1, false)).is_err());
}

/// T-36: of a first start that a loss of power cut short, the journal's name may be all that is left.
#[test]
fn a_first_start_that_was_cut_short_begins_anew() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("blobs")).unwrap();
    fs::write(directory.path().join("hallmark.db-journal"), [0; 512]).unwrap();
    drop(open(directory.path()).unwrap());
    drop(open(directory.path()).unwrap());
}

#[test]
fn a_folder_of_other_files_is_left_alone() {
    let directory = TempDir::new().unwrap();
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    fs::write(directory.path().join("letter.txt"), "dear").unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::NotEmpty { .. }), "{error}");
    assert!(error.to_string().contains("letter.txt"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing was made");
    fs::remove_file(directory.path().join("letter.txt")).unwrap();
    fs::write(directory.path().join("hallmark.db.restoring"), "").unwrap();
    let error = open(directory.path()).unwrap_err();
    assert!(matches!(error, OpenError::Unfinished { .. }), "{error}");
    fs::remove_file(directory.path().join("hallmark.db.restoring")).unwrap();
    drop(open(directory.path()).unwrap());
}

/// Made and synced once, when nothing was acknowledged yet: a folder that a killed run left behind
/// may not last.
#[test]
fn the_folders_of_blobs_are_there_before_any_blob() {
    let directory = TempDir::new().unwrap();
    let blobs = directory.path().join("blobs");
    for _ in 0..2 {
        drop(open(directory.path()).unwrap());
        let mut names: Vec<_> =
            fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let expected: Vec<_> =
            (0..256).map(|xx| std::ffi::OsString::from(format!("{xx:02x}"))).collect();
        assert_eq!(names, expected);
        fs::remove_dir(blobs.join("7f")).unwrap();
    }
}

/// Every file and folder in it, and itself.
#[cfg(unix)]
fn all_below(path: &Path, found: &mut Vec<std::path::PathBuf>) {
    found.push(path.to_owned());
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| all_below(&entry.unwrap().path(), found));
    }
}

/// T-31: other users of the machine, too, who would see who has how much, and when.
#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = TempDir::new().unwrap();
    let [data, copy, again] = ["above/data", "copy", "again"].map(|name| place.path().join(name));
    let service = Service::over(&data, Settings::default(), &Options::default());
    let mut person = Person::joined(&service).await;
    person.put(&service, vec![new_item()], vec![]).await.ok();
    let upload = br#"{"blob":"00000000000000000000000000000001","sizeBytes":5}"#;
    let start = service.call(&person.phone, "POST", &person.at("/blobs"), upload);
    service.send(&start).await.ok();
    let taken = hallmark_core::time::Timestamp::from_unix_s(client::NOW_S).unwrap();
    service.app.store().backup(&copy, taken).unwrap();
    hallmark_api::store::backup::restore(&copy, &again, taken).unwrap();
    database_at(&again)
        .execute_batch(
            "ALTER TABLE accounts DROP COLUMN removed; DROP TABLE service; DROP TABLE log; DROP TABLE log_tail; PRAGMA user_version = 1",
        )
        .unwrap();
    drop(open(&again).unwrap());
    let mut all = Vec::new();
    [&data, &copy, &again].into_iter().for_each(|path| all_below(path, &mut all));
    assert!(all.iter().any(|path| path.ends_with("hallmark.db-wal")), "{all:?}");
    assert!(all.iter().any(|path| path.ends_with("hallmark.db.before-v2")), "{all:?}");
    for path in all {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} {mode:o}", path.display());
    }
}

/// Where nobody may make files, the superuser neither.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let error = open(Path::new("/sys/kernel/data")).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
    assert!(error.to_string().contains("/sys/kernel/data"), "{error}");
}

#[tokio::test]
async fn a_file_is_no_directory() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("data");
    fs::write(&file, "x").unwrap();
    let error = open(&file).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
}
