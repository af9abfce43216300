//! Reading a log from its first entry to its last, and believing nothing: every entry is hashed again,
//! every tile compared with what it has to be, every root of the map rebuilt, every label counted once
//! (design, section 5; `consent/FORMAT.md`, sections 2 to 4).
//!
//! In scope: what entries and tiles have to be, in order. Out of scope: where they come from, whose
//! signatures count, what events say.

use std::collections::BTreeMap;

use hallmark_core::hash::Sha256;

use super::{
    entry::{ChainKind, Entry, EntryError},
    growth::Growth,
    map::Placed,
    merkle::leaf_hash,
    tile::{Tile, TileError, WIDTH},
    trie::{Trie, Twice},
};

/// What is wrong with a log, whoever signed its checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Something that is no entry.
    #[error("entry {index} is none: {source}")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong.
        source: EntryError,
    },
    /// A label that an earlier entry has.
    #[error(transparent)]
    LabelTwice(#[from] Twice),
    /// A root of the map that says it covers other entries than those before it.
    #[error("entry {index} is a root of the map over {covers} entries, and {index} are before it")]
    Covers {
        /// Its index.
        index: u64,
        /// What it says.
        covers: u64,
    },
    /// A root of the map that is not the one that the entries have.
    #[error("entry {index} is not the root of the map over the entries before it")]
    MapRoot {
        /// Its index.
        index: u64,
    },
    /// The log ends, and not with a root of the map.
    #[error("the log of {size} entries does not end with the root of its map")]
    NoMapRoot {
        /// Number of entries.
        size: u64,
    },
    /// A tile that is not what its entries come to.
    #[error("{tile} is not what the entries below it come to")]
    Tile {
        /// The tile.
        tile: Tile,
    },
    /// A file that is not of its form.
    #[error(transparent)]
    File(#[from] TileError),
    /// Another root than the checkpoint's.
    #[error("the entries do not come to the root that the checkpoint says")]
    Root,
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    growth: Growth,
    map: Trie,
    /// Since the last root of the map.
    new: Vec<Placed>,
    ends_with_root: bool,
    report: Report,
}

/// What a log holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Places of private chains, by what these are about.
    pub places: BTreeMap<ChainKind, u64>,
    /// What keys say of their successors.
    pub keys: u64,
    /// Roots of the map.
    pub map_roots: u64,
    /// Entries of other kinds, which nothing here checks.
    pub others: BTreeMap<String, u64>,
}

impl Audit {
    /// Number of entries read.
    pub fn size(&self) -> u64 {
        self.growth.size()
    }

    /// Root of the tree of these.
    pub fn root(&self) -> Sha256 {
        self.growth.root()
    }

    /// What they are.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Reads the next entry. Returns the full tiles of hashes that it completes, with their bytes.
    /// That a label is taken twice shows at the next root of the map, or at the [end](Audit::ends).
    ///
    /// # Errors
    /// [`Fault`]; nothing after it is of use.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<Vec<(Tile, Vec<u8>)>, Fault> {
        let index = self.size();
        let entry = Entry::parse(bytes).map_err(|source| Fault::Entry { index, source })?;
        self.ends_with_root = matches!(entry, Entry::MapRoot(_));
        if let Some(label) = entry.label() {
            self.new.push(Placed { label, index });
        }
        match &entry {
            Entry::Place(place) => *self.report.places.entry(place.kind).or_default() += 1,
            Entry::Key(_) => self.report.keys += 1,
            Entry::MapRoot(says) => {
                if says.covers != index {
                    return Err(Fault::Covers { index, covers: says.covers });
                }
                let root = self.map.insert(std::mem::take(&mut self.new))?;
                if root != says.root {
                    return Err(Fault::MapRoot { index });
                }
                self.report.map_roots += 1;
            }
            Entry::Other { kind, .. } => {
                *self.report.others.entry(kind.clone()).or_default() += 1;
            }
        }
        self.growth.push(leaf_hash(bytes));
        if !self.size().is_multiple_of(WIDTH) {
            return Ok(Vec::new());
        }
        let mut full = self.growth.tiles(index);
        full.retain(|(tile, _)| tile.is_full());
        self.growth.settle();
        Ok(full)
    }

    /// The narrower tiles at the right edge, with their bytes.
    pub fn edge_tiles(&self) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        self.growth.edge_tiles()
    }

    /// Whether the log may end here, with this root.
    ///
    /// # Errors
    /// [`Fault::NoMapRoot`], [`Fault::Root`], [`Fault::LabelTwice`].
    pub fn ends(&mut self, root: &Sha256) -> Result<(), Fault> {
        self.map.insert(std::mem::take(&mut self.new))?;
        if self.root() != *root {
            return Err(Fault::Root);
        }
        if !self.ends_with_root {
            return Err(Fault::NoMapRoot { size: self.size() });
        }
        Ok(())
    }
}
