//! Roots and proofs from the tiles that a log is published as.

use std::collections::HashMap;

use hallmark_core::hash::Sha256;

use super::{
    merkle::{Frontier, empty_root, node_hash, root_of_full},
    tile::{Content, MAX_SIZE, Tile, TileError, WIDTH},
};

/// Where the hashes of a log are read: a folder, or a service that is asked.
pub trait Tiles {
    /// Why one could not be had.
    type Error: From<TileError>;

    /// The bytes of a file of the log. They may be anything.
    ///
    /// # Errors
    /// [`Tiles::Error`].
    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Self::Error>;
}

/// The tree of a log of some size, read from its tiles; each is read once.
///
/// Nothing is believed of what is read: whoever uses a root compares it with a checkpoint's, and
/// proofs are verified by whoever takes them.
pub struct Tree<T> {
    tiles: T,
    size: u64,
    read: HashMap<Tile, Vec<Sha256>>,
}

impl<T: Tiles> Tree<T> {
    /// The tree of the first `size` leaves, at most [`MAX_SIZE`].
    pub fn new(tiles: T, size: u64) -> Self {
        Self { tiles, size: size.min(MAX_SIZE), read: HashMap::new() }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the first `size` leaves.
    ///
    /// # Errors
    /// [`Tiles::Error`].
    pub fn root(&mut self, size: u64) -> Result<Sha256, T::Error> {
        if size == 0 { Ok(empty_root()) } else { self.range(0, size) }
    }

    /// The right edge of the tree.
    ///
    /// # Errors
    /// [`Tiles::Error`].
    pub fn frontier(&mut self) -> Result<Frontier, T::Error> {
        let size = self.size;
        let (mut from, mut full) = (0, Vec::new());
        for height in (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1) {
            full.push(self.node(height, from >> height)?);
            from += 1 << height;
        }
        Ok(Frontier::from_parts(size, full).expect("one for each bit of the size"))
    }

    /// The hashes that show that leaf `index` is in the tree of `size` leaves.
    ///
    /// # Errors
    /// [`Tiles::Error`].
    ///
    /// # Panics
    /// Unless `index < size`, and `size` is at most the tree's.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Sha256>, T::Error> {
        assert!(index < size && size <= self.size, "a leaf of the tree");
        let (mut from, mut to, mut hashes) = (0, size, Vec::new());
        while to - from > 1 {
            let middle = from + below(to - from);
            let sibling = if index < middle {
                let sibling = self.range(middle, to)?;
                to = middle;
                sibling
            } else {
                let sibling = self.range(from, middle)?;
                from = middle;
                sibling
            };
            hashes.push(sibling);
        }
        hashes.reverse();
        Ok(hashes)
    }

    /// The hashes that show that the tree of `size` leaves goes on from the one of `old` leaves.
    ///
    /// # Errors
    /// [`Tiles::Error`].
    ///
    /// # Panics
    /// Unless `old <= size`, and `size` is at most the tree's.
    pub fn consistency(&mut self, old: u64, size: u64) -> Result<Vec<Sha256>, T::Error> {
        assert!(old <= size && size <= self.size, "an older tree of this one");
        let mut hashes = Vec::new();
        if old == 0 {
            return Ok(hashes);
        }
        let (mut from, mut to) = (0, size);
        while old < to {
            let middle = from + below(to - from);
            if old <= middle {
                hashes.push(self.range(middle, to)?);
                to = middle;
            } else {
                hashes.push(self.range(from, middle)?);
                from = middle;
            }
        }
        if from > 0 {
            hashes.push(self.range(from, to)?);
        }
        hashes.reverse();
        Ok(hashes)
    }

    /// `MTH(D[from:to])`, for a range that the tree splits off.
    fn range(&mut self, from: u64, to: u64) -> Result<Sha256, T::Error> {
        let len = to - from;
        if len.is_power_of_two() {
            return self.node(len.trailing_zeros(), from / len);
        }
        let middle = from + below(len);
        Ok(node_hash(&self.range(from, middle)?, &self.range(middle, to)?))
    }

    /// The root of the full subtree of `2^height` leaves number `index`.
    pub(super) fn node(&mut self, height: u32, index: u64) -> Result<Sha256, T::Error> {
        let (level, inside) = (height / 8, height % 8);
        let first = index << inside;
        let content = Content::Hashes(u8::try_from(level).expect("at most 7"));
        let tile = Tile::of_log(content, first / WIDTH, self.size).expect("inside the tree");
        if !self.read.contains_key(&tile) {
            let hashes = tile.hashes(&self.tiles.read(tile)?)?;
            self.read.insert(tile, hashes);
        }
        let at = usize::try_from(first % WIDTH).expect("at most 255");
        Ok(root_of_full(&self.read[&tile][at..at + (1 << inside)]))
    }
}

/// The largest power of two smaller than `len`, at least 2.
fn below(len: u64) -> u64 {
    1 << (u64::BITS - 1 - (len - 1).leading_zeros())
}
