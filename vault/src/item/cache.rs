//! What this device holds of the records at the service: ciphertext, as it came.
//!
//! A file beside the sealed state, `items.hallmark`. Nothing secret is in it, and nothing in it is
//! believed: it counts only while its items are those of the manifest in the sealed state. A cache
//! that is not is empty, and is filled again from the service.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use hallmark_core::account::{
    AccountId, ItemId, RootId,
    exchange::{Cursor, Record},
    manifest::Leaves,
};
use serde::{Deserialize, Serialize};

/// The file's name, in the folder of a profile.
pub const FILE_NAME: &str = "items.hallmark";
/// The most that is read of it, bytes.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The records a device holds.
#[derive(Debug, Clone)]
pub struct Cache {
    path: PathBuf,
    held: Held,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    account: AccountId,
    /// Under which root the content keys are wrapped.
    root: RootId,
    cursor: Cursor,
    records: Vec<Record>,
    /// The same by item; not stored.
    #[serde(skip)]
    by_item: BTreeMap<ItemId, usize>,
}

const START: Cursor = Cursor { manifest: 0, item: None };

impl Cache {
    /// What the folder of a profile holds for that account under that root; nothing where the file
    /// is missing, damaged, or another account's.
    #[must_use]
    pub fn load(folder: &Path, account: AccountId, root: RootId) -> Self {
        let path = folder.join(FILE_NAME);
        let held = read(&path)
            .filter(|held| held.account == account && held.root == root)
            .and_then(Held::indexed)
            .unwrap_or_else(|| Held::empty(account, root));
        Self { path, held }
    }

    /// Forgets everything, so that it is asked for again.
    pub fn clear(&mut self) {
        self.held = Held::empty(self.held.account, self.held.root);
    }

    /// How far the items have been read.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.held.cursor
    }

    /// They have been read so far.
    pub fn set_cursor(&mut self, cursor: Cursor) {
        self.held.cursor = cursor;
    }

    /// The content keys are wrapped under that root from now on.
    pub fn set_root(&mut self, root: RootId) {
        self.held.root = root;
    }

    /// All records, by ascending item.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.held.by_item.values().map(|at| &self.held.records[*at])
    }

    /// The record of an item.
    #[must_use]
    pub fn record(&self, item: &ItemId) -> Option<&Record> {
        self.held.by_item.get(item).map(|at| &self.held.records[*at])
    }

    /// Puts a record in the place of the item's former one.
    pub fn put(&mut self, record: Record) {
        let held = &mut self.held;
        match held.by_item.get(&record.item) {
            Some(at) => held.records[*at] = record,
            None => {
                held.by_item.insert(record.item, held.records.len());
                held.records.push(record);
            }
        }
    }

    /// Wraps the content key of an item anew, where its version is held.
    pub fn rewrap(&mut self, key: &hallmark_core::account::exchange::WrappedKey) {
        let Some(at) = self.held.by_item.get(&key.item) else { return };
        let record = &mut self.held.records[*at];
        if record.version == key.version {
            record.key = key.key.clone();
        }
    }

    /// Drops an item.
    pub fn remove(&mut self, item: &ItemId) {
        let held = &mut self.held;
        if let Some(at) = held.by_item.remove(item) {
            held.records.swap_remove(at);
            if let Some(moved) = held.records.get(at) {
                held.by_item.insert(moved.item, at);
            }
        }
    }

    /// How a manifest counts what is held.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        Leaves(self.records().map(|record| (record.item, record.leaf())).collect())
    }

    /// Writes the file beside its place, then over it. It need not outlast a loss of power: what is
    /// missing is asked for again.
    ///
    /// # Errors
    /// The disk's; what was there stays.
    pub fn save(&self) -> io::Result<()> {
        let fresh = self.path.with_extension("hallmark.new");
        let written = write(&fresh, &self.held).and_then(|()| fs::rename(&fresh, &self.path));
        if written.is_err() {
            // What cannot be removed now is written over next time.
            let _ = fs::remove_file(&fresh);
        }
        written
    }

    /// Removes the file.
    ///
    /// # Errors
    /// The disk's.
    pub fn delete(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Held {
    fn empty(account: AccountId, root: RootId) -> Self {
        Self { account, root, cursor: START, records: Vec::new(), by_item: BTreeMap::new() }
    }

    /// Nothing where an item is there twice.
    fn indexed(mut self) -> Option<Self> {
        let items = self.records.iter().map(|record| record.item);
        self.by_item = items.enumerate().map(|(at, item)| (item, at)).collect();
        (self.by_item.len() == self.records.len()).then_some(self)
    }
}

fn read(path: &Path) -> Option<Held> {
    let file = File::open(path).ok()?;
    let small_enough = file.metadata().ok()?.len() <= MAX_FILE_BYTES;
    small_enough.then(|| serde_json::from_reader(io::BufReader::new(file)).ok())?
}

fn write(path: &Path, held: &Held) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = io::BufWriter::new(options.open(path)?);
    serde_json::to_writer(&mut out, held)?;
    out.flush()
}
