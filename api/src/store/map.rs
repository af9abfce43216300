//! The map from label to index as the service keeps it: a database of its own, made from the log alone.
//!
//! # Decisions
//!
//! - **It may be behind, never ahead and never half.** Pages and how much they cover are written in one
//!   transaction, now and then; what a crash takes is read from the log again. So it is not synced.
//! - **A round is laid over it first** ([`Draft`]) and goes into it once its checkpoint is published: a
//!   lookup always answers from the map of the published checkpoint.
//! - **Pages are kept in memory up to a bound**, so that a large map costs the disk and not the memory.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use hallmark_consent::log::map::{self, InMemory, Lookup, Page, PageError, Pages, Placed, Prefix};
use hallmark_core::{hash::Sha256, id::Label};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::private;

const DATABASE: &str = "map.db";
/// Marks a database as a map: "HMmp".
const APPLICATION_ID: i64 = 0x484d_6d70;
const VERSION: i64 = 1;
/// Pages in memory that were only read. A page takes about 2 KiB.
const KEPT_PAGES: usize = 16 * 1024;
/// Bytes of changed pages in memory, about, after which they are written: the more, the fewer times
/// each is.
const CHANGED_BYTES: usize = 96 << 20;

/// Why the map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// SQLite failed.
    #[error("the map {} failed: {source}", database.display())]
    Sql {
        /// The database.
        database: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A page is none.
    #[error("the map {} is damaged", database.display())]
    Page {
        /// The database.
        database: PathBuf,
        /// What is wrong.
        source: PageError,
    },
    /// It cannot be made.
    #[error("cannot make the map {}: {source}", database.display())]
    Io {
        /// The database.
        database: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The map of the entries that it covers.
#[derive(Debug)]
pub struct MapStore {
    database: PathBuf,
    connection: Connection,
    covers: u64,
    /// Since they were written last.
    changed: InMemory,
    /// About how much memory these take.
    changed_bytes: usize,
    facts: HashMap<Sha256, u64>,
    read: InMemory,
    /// How much is written.
    written: u64,
}

/// A round over the map.
#[derive(Debug, Default)]
pub struct Draft {
    pages: InMemory,
    facts: HashMap<Sha256, u64>,
}

impl MapStore {
    /// Opens the map of a data directory. One that is missing, or no map of this version, begins with
    /// nothing.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn open(directory: &Path) -> Result<Self, MapError> {
        let database = directory.join(DATABASE);
        match Self::connect(&database) {
            Ok(Some(opened)) => Ok(opened),
            Ok(None) | Err(MapError::Sql { .. }) => {
                Self::remove(&database)?;
                let failed = |source| MapError::Sql { database: database.clone(), source };
                Self::connect(&database)?.ok_or_else(|| failed(rusqlite::Error::InvalidQuery))
            }
            Err(error) => Err(error),
        }
    }

    /// Throws everything away: the map begins with nothing.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn begin_again(&mut self) -> Result<(), MapError> {
        self.changed.clear();
        self.changed_bytes = 0;
        self.facts.clear();
        self.read.clear();
        (self.covers, self.written) = (0, 0);
        let all = "DELETE FROM pages; DELETE FROM facts; UPDATE covers SET entries = 0";
        self.connection.execute_batch(all).map_err(|source| self.sql(source))
    }

    fn remove(database: &Path) -> Result<(), MapError> {
        for suffix in ["", "-wal", "-shm"] {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(MapError::Io { database: database.to_owned(), source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `None` for a database of another version.
    fn connect(database: &Path) -> Result<Option<Self>, MapError> {
        let failed = |source| MapError::Sql { database: database.to_owned(), source };
        private::file(database)
            .map_err(|source| MapError::Io { database: database.to_owned(), source })?;
        let mut connection = Connection::open(database).map_err(failed)?;
        let made = prepare(&mut connection).map_err(failed)?;
        let Some(covers) = made else { return Ok(None) };
        Ok(Some(Self {
            database: database.to_owned(),
            connection,
            covers,
            changed: InMemory::new(),
            changed_bytes: 0,
            facts: HashMap::new(),
            read: HashMap::new(),
            written: covers,
        }))
    }

    /// How many entries it covers.
    pub fn covers(&self) -> u64 {
        self.covers
    }

    /// What it says of a label.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn look_up(&mut self, label: &Label) -> Result<Lookup, MapError> {
        map::look_up(self, label)
    }

    /// Index of the entry with a label.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn find(&mut self, label: &Label) -> Result<Option<u64>, MapError> {
        map::find(self, label)
    }

    /// Index of the fact in clear with this leaf hash, if it is among the entries covered.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn fact(&self, leaf: &Sha256) -> Result<Option<u64>, MapError> {
        if let Some(index) = self.facts.get(leaf) {
            return Ok(Some(*index));
        }
        let look_up = || {
            let sql = "SELECT entry FROM facts WHERE leaf = ?1";
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_row([leaf.as_bytes()], |row| row.get(0)).optional()
        };
        look_up().map_err(|source| self.sql(source))
    }

    /// Lays labels and facts over the map: the draft, and the root with them.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn draft(
        &mut self,
        labels: Vec<Placed>,
        facts: HashMap<Sha256, u64>,
    ) -> Result<(Draft, Sha256), MapError> {
        let mut over = Over { draft: Draft { facts, ..Draft::default() }, under: self };
        let root = map::insert(&mut over, labels)?;
        Ok((over.draft, root))
    }

    /// Takes a draft in: the map covers `covers` entries from now on.
    ///
    /// # Errors
    /// [`MapError`], where what is kept in memory has to be written.
    pub fn take(&mut self, draft: Draft, covers: u64) -> Result<(), MapError> {
        for (prefix, page) in draft.pages {
            self.change(prefix, page);
        }
        self.facts.extend(draft.facts);
        self.covers = covers;
        if self.changed_bytes > CHANGED_BYTES { self.write() } else { Ok(()) }
    }

    fn change(&mut self, prefix: Prefix, page: Arc<Page>) {
        self.read.remove(&prefix);
        self.changed_bytes += page.size_bytes();
        let before = self.changed.insert(prefix, page);
        self.changed_bytes -= before.map_or(0, |before| before.size_bytes());
    }

    /// Writes what is in memory alone. Blocks.
    ///
    /// # Errors
    /// [`MapError`].
    pub fn write(&mut self) -> Result<(), MapError> {
        if self.written == self.covers {
            return Ok(());
        }
        let covers = self.covers;
        let facts = &self.facts;
        // In the order of the table: each of its own pages is written once.
        let mut changed: Vec<_> = self.changed.iter().collect();
        changed.sort_by_cached_key(|(prefix, _)| prefix.to_bytes());
        let write = || -> rusqlite::Result<()> {
            let transaction =
                Transaction::new(&mut self.connection, TransactionBehavior::Immediate)?;
            {
                let mut put = transaction.prepare_cached("REPLACE INTO pages VALUES (?1, ?2)")?;
                for (prefix, page) in changed {
                    put.execute((prefix.to_bytes(), page.to_bytes()))?;
                }
                let mut put = transaction.prepare_cached("REPLACE INTO facts VALUES (?1, ?2)")?;
                for (leaf, index) in facts {
                    put.execute((leaf.as_bytes(), index))?;
                }
            }
            transaction.execute("UPDATE covers SET entries = ?1", [covers])?;
            transaction.commit()
        };
        write().map_err(|source| MapError::Sql { database: self.database.clone(), source })?;
        self.written = covers;
        self.facts.clear();
        self.changed_bytes = 0;
        let changed = std::mem::take(&mut self.changed);
        let kept = changed.len().min(KEPT_PAGES);
        self.make_room(kept);
        self.read.extend(changed.into_iter().take(kept));
        Ok(())
    }

    /// Forgets pages that were only read, so that so many more fit.
    fn make_room(&mut self, more: usize) {
        if self.read.len() + more <= KEPT_PAGES {
            return;
        }
        // Which ones go is left to the order of the table; the highest are asked for again at once.
        let mut leave = self.read.len().min(more + KEPT_PAGES / 4);
        self.read.retain(|_, _| {
            let goes = leave > 0;
            leave -= usize::from(goes);
            !goes
        });
    }

    fn sql(&self, source: rusqlite::Error) -> MapError {
        MapError::Sql { database: self.database.clone(), source }
    }
}

impl Pages for MapStore {
    type Error = MapError;

    fn page(&mut self, prefix: Prefix) -> Result<Option<Arc<Page>>, MapError> {
        if let Some(page) = self.changed.get(&prefix).or_else(|| self.read.get(&prefix)) {
            return Ok(Some(Arc::clone(page)));
        }
        let read = || {
            let sql = "SELECT page FROM pages WHERE prefix = ?1";
            let mut statement = self.connection.prepare_cached(sql)?;
            let page = statement.query_row([prefix.to_bytes()], |row| row.get::<_, Vec<u8>>(0));
            page.optional()
        };
        let Some(bytes) = read().map_err(|source| self.sql(source))? else { return Ok(None) };
        let page = Page::from_bytes(&bytes)
            .map_err(|source| MapError::Page { database: self.database.clone(), source })?;
        let page = Arc::new(page);
        self.make_room(1);
        self.read.insert(prefix, Arc::clone(&page));
        Ok(Some(page))
    }

    fn keep(&mut self, prefix: Prefix, page: Arc<Page>) -> Result<(), MapError> {
        self.change(prefix, page);
        Ok(())
    }
}

struct Over<'a> {
    draft: Draft,
    under: &'a mut MapStore,
}

impl Pages for Over<'_> {
    type Error = MapError;

    fn page(&mut self, prefix: Prefix) -> Result<Option<Arc<Page>>, MapError> {
        match self.draft.pages.get(&prefix) {
            Some(page) => Ok(Some(Arc::clone(page))),
            None => self.under.page(prefix),
        }
    }

    fn keep(&mut self, prefix: Prefix, page: Arc<Page>) -> Result<(), MapError> {
        self.draft.pages.insert(prefix, page);
        Ok(())
    }
}

/// Brings a connection to a map, and says how much it covers; `None` if it is of another version.
fn prepare(connection: &mut Connection) -> rusqlite::Result<Option<u64>> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -8192)?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match (application, version) {
        (0, 0) => {
            let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
            transaction.execute_batch(
                "CREATE TABLE pages (prefix BLOB PRIMARY KEY, page BLOB NOT NULL)
                     STRICT, WITHOUT ROWID;
                 CREATE TABLE facts (leaf BLOB PRIMARY KEY, entry INTEGER NOT NULL)
                     STRICT, WITHOUT ROWID;
                 CREATE TABLE covers (entries INTEGER NOT NULL) STRICT;
                 INSERT INTO covers VALUES (0);",
            )?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
            transaction.commit()?;
        }
        (APPLICATION_ID, VERSION) => {}
        _ => return Ok(None),
    }
    connection.query_row("SELECT entries FROM covers", [], |row| row.get(0)).map(Some)
}
