//! The files that a log is published as (C2SP tlog-tiles): `checkpoint`, `tile/<L>/<N>[.p/<W>]`,
//! `tile/entries/<N>[.p/<W>]`.
//!
//! A tile is 256 neighbouring hashes of one height, 8 heights apart from the next; a bundle is the
//! 256 entries below a tile of leaves, each behind its length. At the right edge both are narrower.

use std::{fmt, str::FromStr};

use hallmark_core::hash::Sha256;

/// Hashes or entries in a full tile.
pub const WIDTH: u64 = 256;
/// Heights that one tile spans.
pub(super) const TILE_HEIGHT: u32 = 8;
/// Bytes of a hash.
const HASH_LEN: usize = 32;
/// The longest entry, in bytes: what its length field holds.
pub const MAX_ENTRY_LEN: usize = 65_535;
/// The largest bundle, in bytes.
pub const MAX_BUNDLE_LEN: usize = WIDTH as usize * (2 + MAX_ENTRY_LEN);
/// The largest size of a log. Every sum of sizes and indices stays within 63 bits.
pub const MAX_SIZE: u64 = 1 << 62;

/// What a file of a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// Entries.
    Entries,
    /// Hashes of this level: 0 are the leaves. At most 7 in a log of [`MAX_SIZE`].
    Hashes(u8),
}

/// One file of a log beside its checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    content: Content,
    index: u64,
    width: u16,
}

/// Text that names no file of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no file of a log is called {name:?}")]
pub struct TileNameError {
    /// The text.
    name: String,
}

/// A file of a log that is not what its name says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Not as long as so many hashes, or its entries do not fill it.
    #[error("{tile} is {len_bytes} bytes long, which {} do not fill", tile.what())]
    Length {
        /// The file.
        tile: Tile,
        /// Its length.
        len_bytes: usize,
    },
}

impl Tile {
    /// A file of a log of `size` leaves, at most [`MAX_SIZE`]; `None` where such a log has none, since
    /// nothing is there yet.
    pub fn of_log(content: Content, index: u64, size: u64) -> Option<Self> {
        let level = match content {
            Content::Entries => 0,
            Content::Hashes(level) => u32::from(level),
        };
        let there = size.checked_shr(TILE_HEIGHT * level)?;
        let width = there.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        let width = u16::try_from(width).expect("at most 256");
        (width > 0).then_some(Self { content, index, width })
    }

    /// A full file.
    pub fn full_at(content: Content, index: u64) -> Self {
        Self { content, index, width: WIDTH as u16 }
    }

    /// What it holds.
    pub fn content(&self) -> Content {
        self.content
    }

    /// Its place among those of its level, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes or entries it holds, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it will never change.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The same place, full.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: WIDTH as u16, ..self }
    }

    /// The longest it can be, in bytes.
    pub fn max_len(&self) -> usize {
        match self.content {
            Content::Entries => usize::from(self.width) * (2 + MAX_ENTRY_LEN),
            Content::Hashes(_) => usize::from(self.width) * HASH_LEN,
        }
    }

    /// Its hashes.
    ///
    /// # Errors
    /// [`TileError::Length`].
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<Sha256>, TileError> {
        let (hashes, rest) = bytes.as_chunks::<HASH_LEN>();
        if hashes.len() != usize::from(self.width) || !rest.is_empty() {
            return Err(TileError::Length { tile: *self, len_bytes: bytes.len() });
        }
        Ok(hashes.iter().copied().map(Sha256::from_bytes).collect())
    }

    /// Its entries.
    ///
    /// # Errors
    /// [`TileError::Length`].
    pub fn entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, TileError> {
        let (entries, rest) = self.split(bytes)?;
        if rest.is_empty() { Ok(entries) } else { Err(self.wrong_length(bytes)) }
    }

    /// Its entries, from a file of the same place that may be wider.
    ///
    /// # Errors
    /// [`TileError::Length`].
    pub fn first_entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, TileError> {
        self.split(bytes).map(|(entries, _)| entries)
    }

    /// Its bytes, from those of a file of the same place that may be wider.
    ///
    /// # Errors
    /// [`TileError::Length`].
    pub fn prefix_of<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], TileError> {
        let len = match self.content {
            Content::Entries => bytes.len() - self.split(bytes)?.1.len(),
            Content::Hashes(_) => self.max_len(),
        };
        bytes.get(..len).ok_or_else(|| self.wrong_length(bytes))
    }

    fn split<'a>(&self, bytes: &'a [u8]) -> Result<(Vec<&'a [u8]>, &'a [u8]), TileError> {
        let (mut entries, mut rest) = (Vec::with_capacity(usize::from(self.width)), bytes);
        for _ in 0..self.width {
            let (entry, behind) = first_entry(rest).ok_or_else(|| self.wrong_length(bytes))?;
            entries.push(entry);
            rest = behind;
        }
        Ok((entries, rest))
    }

    fn wrong_length(&self, bytes: &[u8]) -> TileError {
        TileError::Length { tile: *self, len_bytes: bytes.len() }
    }

    fn what(&self) -> String {
        match self.content {
            Content::Entries => format!("{} entries", self.width),
            Content::Hashes(_) => format!("{} hashes", self.width),
        }
    }
}

/// Adds an entry of at most [`MAX_ENTRY_LEN`] bytes to a bundle.
///
/// # Panics
/// If it is longer: an entry cannot be.
pub fn append_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let len = u16::try_from(entry.len()).expect("an entry of at most 65,535 bytes");
    bundle.extend(len.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The first entry of a bundle, or of entries written like one, and what comes behind.
pub fn first_entry(bundle: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, behind) = bundle.split_first_chunk::<2>()?;
    behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// The files beside its checkpoint that a log of `size` leaves consists of, at most [`MAX_SIZE`]: from
/// the first entries to the highest hashes.
pub fn files(size: u64) -> impl Iterator<Item = Tile> {
    let of = move |content| (0..).map_while(move |index| Tile::of_log(content, index, size));
    of(Content::Entries).chain((0..8).map(Content::Hashes).flat_map(of))
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Entries => f.write_str("tile/entries/")?,
            Content::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut above = self.index / 1000;
        while above > 0 {
            groups.push(above % 1000);
            above /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = TileNameError;

    /// The one spelling of a file's path below the log's prefix.
    fn from_str(name: &str) -> Result<Self, TileNameError> {
        let read = || {
            let (content, rest) = name.strip_prefix("tile/")?.split_once('/')?;
            let content = match content {
                "entries" => Content::Entries,
                level => Content::Hashes(level.parse().ok().filter(|level| *level < 8)?),
            };
            let (path, width) = match rest.split_once(".p/") {
                Some((path, width)) => (path, width.parse().ok().filter(|w| (1..256).contains(w))?),
                None => (rest, WIDTH as u16),
            };
            let mut index = 0_u64;
            for group in path.split('/') {
                let digits = group.strip_prefix('x').unwrap_or(group);
                index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
            }
            Some(Self { content, index, width }).filter(|_| index <= MAX_SIZE / WIDTH)
        };
        let tile: Option<Self> = read();
        // A name that would be written otherwise is no name.
        tile.filter(|tile| tile.to_string() == name)
            .ok_or_else(|| TileNameError { name: name.chars().take(64).collect() })
    }
}
