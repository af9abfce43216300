//! Copies of a data directory: taken while it is served, checked when they are brought back.
//!
//! ```text
//! hallmark.db       the database at one moment, without what was deleted before
//! blobs/xx/<name>   the files of the blobs it names
//! log/tile/...      the full files of the log whose entries the database has no more
//! BACKUP.json       what is in the folder, with sizes and hashes; written last
//! ```
//!
//! A folder without `BACKUP.json` is no backup: it was cut short. A blob that is deleted while the
//! copy is taken is left out of it, row and file. An account erased later is still in the backups
//! taken before.
//!
//! # Decisions
//!
//! - **A backup is believed no more than its hashes**: no name but those above is written, no link or
//!   device is read, no file for longer than it is listed, and the blobs have to be those that the
//!   database names. Whoever can write the whole backup can still write another one.
//! - **What was signed before a restore counts no more.** Nonces spent since the copy was taken are in
//!   no backup, so the floor (see `nonce`) is raised to the latest time at which a request could have
//!   been signed by now. For a minute requests are refused.
//! - **A log that was brought back does not go on by itself**: entries may have been acknowledged since
//!   the copy was taken, and to log others in their place would be a second history.

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use hallmark_consent::log::tile::Tile;
use hallmark_core::{
    hash::{Hasher, Sha256},
    time::Timestamp,
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    StoreError, blob,
    file::{self, BlobFiles, FileName},
    log, nonce,
    open::{DATABASE, RESTORING},
    private, schema, tiles,
};

/// The file that makes a folder a backup.
const MANIFEST: &str = "BACKUP.json";
/// The format of [`Backup`].
const VERSION: u32 = 1;
/// The longest manifest read, bytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The format: 1.
    pub version: u32,
    /// When it was begun.
    pub taken: Timestamp,
    /// All files but this one.
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// Where it is, from the folder on, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash.
    pub sha256: Sha256,
}

/// Why a backup is not taken or not brought back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder has something in it.
    #[error("{} is not empty; name a folder that is, or that is not there yet", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder for the copy is in the data directory.
    #[error("{} is inside the data directory; name a folder outside of it", folder.display())]
    Inside {
        /// The folder.
        folder: PathBuf,
    },
    /// No data directory, or one of another version.
    #[error("{} holds no database that this program can copy; name the data directory", folder.display())]
    NoData {
        /// The folder.
        folder: PathBuf,
    },
    /// No backup, one that was cut short, or of a newer program.
    #[error("{} is no whole backup ({why}); use another one", folder.display())]
    NotWhole {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file is not the one that was copied.
    #[error("{} is not the file that was backed up; use another backup", file.display())]
    Altered {
        /// The file.
        file: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database cannot be copied.
    #[error("the database cannot be copied: {0}")]
    Database(#[from] StoreError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Copies the data directory `from` into the folder `to`, which is empty or not there. A service
/// may be running on it: the copy is one moment of it. Everything is durable when this returns.
/// Blocks.
///
/// # Errors
/// [`BackupError`]; what was copied by then stays, without its manifest.
pub fn backup(from: &Path, to: &Path, taken: Timestamp) -> Result<Backup, BackupError> {
    outside(from, to)?;
    empty(to)?;
    // Now the whole path is there.
    outside(from, to)?;
    let database = to.join(DATABASE);
    let live = copy_database(from, &database)?;
    let source = BlobFiles::at(from);
    let target = BlobFiles::at(to);
    let copy = Connection::open(&database)?;
    let mut files = Vec::new();
    for name in blob::all_files(&copy)? {
        match copy_file(&source.path(name), &target.path(name), u64::MAX) {
            Ok((bytes, sha256)) => {
                files.push(BackupFile { path: listed_path(name), bytes, sha256 });
            }
            // Deleted meanwhile, unless the service still names it: then it is lost.
            Err(error) if is_gone(&error) && !blob::all_files(&live)?.contains(&name) => {
                blob::delete_file(&copy, name)?;
            }
            Err(error) => return Err(error),
        }
    }
    // None of these changes or goes any more.
    for tile in log::synced_files(&copy)? {
        let path = listed_tile(tile);
        let (bytes, sha256) = copy_file(&from.join(&path), &to.join(&path), u64::MAX)?;
        files.push(BackupFile { path, bytes, sha256 });
    }
    copy.close().map_err(|(_, error)| error)?;
    let (bytes, sha256) = hash(&database)?;
    files.push(BackupFile { path: DATABASE.to_owned(), bytes, sha256 });
    files.sort_by(|one, other| one.path.cmp(&other.path));
    sync_all(to, &files)?;
    let backup = Backup { version: VERSION, taken, files };
    write_manifest(to, &backup)?;
    Ok(backup)
}

/// Makes the data directory `to`, which is empty or not there, from the backup `from`. Every file
/// is checked before it counts, and all are durable when this returns. Requests signed before `now`,
/// or up to a minute after, are refused there. What an earlier one has left that did not come to its
/// end is removed first. Blocks.
///
/// # Errors
/// [`BackupError`]; then `to` has no database, and nothing starts on it. What was copied by then is
/// removed, as far as that is possible.
pub fn restore(from: &Path, to: &Path, now: Timestamp) -> Result<Backup, BackupError> {
    let backup = read_manifest(from)?;
    // The database under another name until all is there; that name is there first and goes last.
    let unfinished = to.join(RESTORING);
    if unfinished.exists() && !to.join(DATABASE).exists() {
        at(to, clear(to))?;
    }
    empty(to)?;
    let restored = bring_back(&backup, from, to, now);
    if restored.is_err() {
        // The error at hand says more than one of clearing up would.
        let _ = clear(to);
    }
    restored.map(|()| backup)
}

fn bring_back(backup: &Backup, from: &Path, to: &Path, now: Timestamp) -> Result<(), BackupError> {
    let unfinished = to.join(RESTORING);
    let (database, others): (Vec<_>, Vec<_>) =
        backup.files.iter().partition(|listed| listed.path == DATABASE);
    for listed in database {
        copy_listed(from, listed, &unfinished)?;
    }
    let blobs: HashSet<FileName> = others.iter().filter_map(|it| blob_name(&it.path)).collect();
    let tiles: HashSet<Tile> = others.iter().filter_map(|it| tile_name(&it.path)).collect();
    if begin_anew(&unfinished, now)? != (blobs, tiles) {
        let why = "its BACKUP.json lists other files than its database";
        return Err(BackupError::NotWhole { folder: from.to_owned(), why });
    }
    at(&unfinished, sync_file(&unfinished))?;
    for listed in others {
        let target = to.join(&listed.path);
        copy_listed(from, listed, &target)?;
        at(&target, sync_file(&target))?;
    }
    sync_folders(to, &backup.files)?;
    let database = to.join(DATABASE);
    at(&database, fs::rename(unfinished, &database))?;
    at(to, file::sync(to))
}

/// Copies a file that is to be the one listed.
fn copy_listed(from: &Path, listed: &BackupFile, target: &Path) -> Result<(), BackupError> {
    let source = from.join(&listed.path);
    if !at(&source, fs::symlink_metadata(&source))?.is_file() {
        return Err(BackupError::Altered { file: source });
    }
    match copy_file(&source, target, listed.bytes)? == (listed.bytes, listed.sha256) {
        true => Ok(()),
        false => Err(BackupError::Altered { file: source }),
    }
}

/// Has nothing count in a database that was signed by now; returns the files that it names.
fn begin_anew(
    database: &Path,
    now: Timestamp,
) -> Result<(HashSet<FileName>, HashSet<Tile>), BackupError> {
    let connection = Connection::open(database)?;
    // Until it has its name, nothing of it is worth a file beside it.
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    nonce::raise_floor(&connection, now.unix_s())?;
    log::mark_restored(&connection)?;
    let named = blob::all_files(&connection)?;
    let tiles = log::synced_files(&connection)?.into_iter().collect();
    connection.close().map_err(|(_, error)| error)?;
    Ok((named, tiles))
}

/// Removes what an unfinished restore has made: the folder was empty before.
fn clear(folder: &Path) -> io::Result<()> {
    let unless_gone = |removed: io::Result<()>| match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    for below in [file::FOLDER, tiles::FOLDER] {
        unless_gone(fs::remove_dir_all(folder.join(below)))?;
    }
    for beside in ["-journal", "-wal", "-shm", ""] {
        unless_gone(fs::remove_file(folder.join(format!("{RESTORING}{beside}"))))?;
    }
    Ok(())
}

/// Whether a folder, or where it is to be made, is outside a data directory.
fn outside(data: &Path, folder: &Path) -> Result<(), BackupError> {
    let data = data.canonicalize().map_err(|_| BackupError::NoData { folder: data.to_owned() })?;
    let path = at(folder, std::path::absolute(folder))?;
    let there = path.ancestors().find_map(|above| above.canonicalize().ok());
    match there.is_some_and(|there| there.starts_with(&data)) {
        true => Err(BackupError::Inside { folder: folder.to_owned() }),
        false => Ok(()),
    }
}

fn empty(folder: &Path) -> Result<(), BackupError> {
    at(folder, private::folder_and_above(folder))?;
    if at(folder, fs::read_dir(folder))?.next().is_some() {
        return Err(BackupError::NotEmpty { folder: folder.to_owned() });
    }
    Ok(())
}

/// Writes the database at one moment, and at its smallest; returns the one that goes on.
fn copy_database(from: &Path, to: &Path) -> Result<Connection, BackupError> {
    let source = from.join(DATABASE);
    let no_data = || BackupError::NoData { folder: from.to_owned() };
    if !source.is_file() {
        return Err(no_data());
    }
    let connection = Connection::open(&source)?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version = schema::version(&connection)?;
    if application != schema::APPLICATION_ID || version != schema::MIGRATIONS.len() as i64 {
        return Err(no_data());
    }
    at(to, private::new_file(to))?;
    connection.execute("VACUUM INTO ?1", [to.display().to_string()])?;
    Ok(connection)
}

fn is_gone(error: &BackupError) -> bool {
    matches!(error, BackupError::File { source, .. } if source.kind() == ErrorKind::NotFound)
}

fn write_manifest(folder: &Path, backup: &Backup) -> Result<(), BackupError> {
    let path = folder.join(MANIFEST);
    let json = serde_json::to_vec_pretty(backup).expect("our own types are JSON");
    let written = private::new_file(&path).and_then(|mut file| {
        file.write_all(&json)?;
        file.sync_all()
    });
    at(&path, written)?;
    at(folder, file::sync(folder))
}

fn read_manifest(folder: &Path) -> Result<Backup, BackupError> {
    let not_whole = |why| BackupError::NotWhole { folder: folder.to_owned(), why };
    let path = folder.join(MANIFEST);
    let mut json = Vec::new();
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(not_whole("it has no BACKUP.json"));
        }
        Ok(found) if !found.is_file() => return Err(not_whole("its BACKUP.json is no file")),
        found => at(&path, found)?,
    };
    let mut bounded = at(&path, File::open(&path))?.take(MAX_MANIFEST_BYTES);
    at(&path, bounded.read_to_end(&mut json))?;
    let backup: Backup =
        serde_json::from_slice(&json).map_err(|_| not_whole("its BACKUP.json does not read"))?;
    if backup.version != VERSION {
        return Err(not_whole("it was taken by a newer program"));
    }
    let paths: BTreeSet<&str> = backup.files.iter().map(|file| file.path.as_str()).collect();
    let possible =
        |path: &&str| *path == DATABASE || blob_name(path).is_some() || tile_name(path).is_some();
    if paths.len() != backup.files.len() || !paths.iter().all(possible) || !paths.contains(DATABASE)
    {
        return Err(not_whole("its BACKUP.json names no possible files"));
    }
    Ok(backup)
}

/// The blob's file at a path of a backup, `blobs/xx/<name>`.
fn blob_name(path: &str) -> Option<FileName> {
    let name = FileName::parse(path.rsplit('/').next()?)?;
    (path == listed_path(name)).then_some(name)
}

/// The full file of the log at a path of a backup, `log/tile/...`.
fn tile_name(path: &str) -> Option<Tile> {
    let tile: Tile = path.strip_prefix(tiles::FOLDER)?.strip_prefix('/')?.parse().ok()?;
    tile.is_full().then_some(tile)
}

/// Where a file of the log is in a backup.
fn listed_tile(tile: Tile) -> String {
    format!("{}/{tile}", tiles::FOLDER)
}

/// Where the file of a blob is in a backup.
fn listed_path(name: FileName) -> String {
    format!("{}/{}", file::FOLDER, name.path().display())
}

/// Copies a file to a new one, and no more of it than shows that it is longer than `most_bytes`;
/// returns size and hash of what was copied. Never held whole.
fn copy_file(from: &Path, to: &Path, most_bytes: u64) -> Result<(u64, Sha256), BackupError> {
    let mut source = at(from, File::open(from))?.take(most_bytes.saturating_add(1));
    if let Some(folder) = to.parent() {
        at(folder, private::folders(folder))?;
    }
    let mut target = at(to, private::new_file(to))?;
    pass(from, &mut source, |bytes| at(to, target.write_all(bytes)))
}

fn hash(path: &Path) -> Result<(u64, Sha256), BackupError> {
    let mut file = at(path, File::open(path))?;
    pass(path, &mut file, |_| Ok(()))
}

/// Hands a file on piece by piece; returns its size and hash.
fn pass(
    path: &Path,
    file: &mut impl Read,
    mut to: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(u64, Sha256), BackupError> {
    let (mut hasher, mut size_bytes) = (Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = at(path, file.read(&mut buffer))?;
        if read == 0 {
            return Ok((size_bytes, hasher.finish()));
        }
        hasher.update(&buffer[..read]);
        to(&buffer[..read])?;
        size_bytes += read as u64;
    }
}

fn sync_all(folder: &Path, files: &[BackupFile]) -> Result<(), BackupError> {
    for listed in files {
        let path = folder.join(&listed.path);
        at(&path, sync_file(&path))?;
    }
    sync_folders(folder, files)
}

fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the names of files durable, down from the folder they are in.
fn sync_folders(folder: &Path, files: &[BackupFile]) -> Result<(), BackupError> {
    let folders: BTreeSet<PathBuf> = files
        .iter()
        .flat_map(|listed| Path::new(&listed.path).ancestors().skip(1))
        .map(|relative| folder.join(relative))
        .collect();
    folders.iter().try_for_each(|folder| at(folder, file::sync(folder)))
}

fn at<T>(file: &Path, result: io::Result<T>) -> Result<T, BackupError> {
    result.map_err(|source| BackupError::File { file: file.to_owned(), source })
}
