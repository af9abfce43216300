//! The right edge of a log's tree while it grows: the tiles that have to be written, and the proofs of
//! what was added last.

use hallmark_core::hash::Sha256;

use super::{
    merkle::{empty_root, leaf_hash, node_hash},
    tile::{Content, TILE_HEIGHT, Tile, WIDTH, append_entry, files},
    tree::{Tiles, Tree},
};

/// Heights of the largest tree, leaves included.
pub(super) const HEIGHTS: u32 = 63;

/// The right edge of a tree, and all nodes since [`Growth::settle`].
///
/// Of each height it holds the nodes that no later work can make again: at the heights of tiles those
/// that no full tile has, at the others the one that waits for its neighbour. At most 8 times 256 hashes
/// and one for each height, and twice as many as leaves were added since it was settled.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    size: u64,
    heights: Vec<Height>,
}

/// Roots of the full subtrees of one height, from number `first` on.
#[derive(Debug, Clone, Default)]
struct Height {
    first: u64,
    nodes: Vec<Sha256>,
}

impl Height {
    fn get(&self, at: u64) -> Option<Sha256> {
        let at = usize::try_from(at.checked_sub(self.first)?).ok()?;
        self.nodes.get(at).copied()
    }

    /// How many there are in the tree.
    fn end(&self) -> u64 {
        self.first + self.nodes.len() as u64
    }
}

/// Number of the first node of a height that has to be held, in a tree of `size` leaves.
fn first_held(height: u32, size: u64) -> u64 {
    let there = size >> height;
    if height.is_multiple_of(TILE_HEIGHT) { there / WIDTH * WIDTH } else { there - there % 2 }
}

impl Growth {
    /// The edge of a tree that is published, read from its tiles.
    ///
    /// # Errors
    /// [`Tiles::Error`].
    pub fn of_tree<T: Tiles>(tree: &mut Tree<T>) -> Result<Self, T::Error> {
        let size = tree.size();
        let mut heights = Vec::new();
        for height in (0..HEIGHTS).take_while(|height| size >> height > 0) {
            let first = first_held(height, size);
            let nodes = (first..size >> height).map(|at| tree.node(height, at));
            heights.push(Height { first, nodes: nodes.collect::<Result<_, _>>()? });
        }
        Ok(Self { size, heights })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of one leaf.
    pub fn push(&mut self, leaf: Sha256) {
        let mut node = leaf;
        for height in 0.. {
            if self.heights.len() == height {
                self.heights.push(Height::default());
            }
            let here = &mut self.heights[height];
            here.nodes.push(node);
            let end = here.end();
            if !end.is_multiple_of(2) {
                break;
            }
            let left = here.get(end - 2).expect("a node that waits for its neighbour is held");
            node = node_hash(&left, &node);
        }
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Sha256 {
        self.edge().1.last().copied().unwrap_or_else(empty_root)
    }

    /// The last subtree of each height, full or not, up to the whole tree; and the first of these heights,
    /// below which all subtrees are full.
    fn edge(&self) -> (u32, Vec<Sha256>) {
        let Some(last) = self.size.checked_sub(1) else { return (0, Vec::new()) };
        let lowest = self.size.trailing_zeros();
        let held = |height, at| self.node(height, at).expect("it waits for its neighbour");
        let mut node = held(lowest, last >> lowest);
        let mut edge = vec![node];
        for height in lowest.. {
            let at = last >> height;
            if at == 0 {
                break;
            }
            if at % 2 == 1 {
                node = node_hash(&held(height, at - 1), &node);
            }
            edge.push(node);
        }
        (lowest, edge)
    }

    fn node(&self, height: u32, at: u64) -> Option<Sha256> {
        self.heights.get(height as usize)?.get(at)
    }

    /// What proves leaves that were added since the tree was settled.
    pub fn proofs(&self) -> Proofs<'_> {
        let (lowest, edge) = self.edge();
        Proofs { growth: self, lowest, edge }
    }

    /// The files of hashes in which this tree differs from the one of `since` leaves, full ones and
    /// those at the edge, with their bytes.
    ///
    /// # Panics
    /// If the tree was settled when it had more than `since` leaves.
    pub fn tiles(&self, since: u64) -> Vec<(Tile, Vec<u8>)> {
        let mut tiles = Vec::new();
        for level in 0..8_u8 {
            let height = u32::from(level) * TILE_HEIGHT;
            let (old, new) = (since >> height, self.size >> height);
            if old == new {
                break;
            }
            let changed = old / WIDTH..new.div_ceil(WIDTH);
            tiles.extend(changed.map(|index| self.tile(level, index)));
        }
        tiles
    }

    /// The files of hashes at the edge, which are not full, with their bytes.
    pub fn edge_tiles(&self) -> impl Iterator<Item = (Tile, Vec<u8>)> {
        let at_edge = |level| (level, self.size >> (u32::from(level) * TILE_HEIGHT));
        (0..8_u8)
            .map(at_edge)
            .filter(|(_, there)| !there.is_multiple_of(WIDTH))
            .map(|(level, there)| self.tile(level, there / WIDTH))
    }

    fn tile(&self, level: u8, index: u64) -> (Tile, Vec<u8>) {
        let tile = Tile::of_log(Content::Hashes(level), index, self.size).expect("it has hashes");
        let height = u32::from(level) * TILE_HEIGHT;
        let hashes = (index * WIDTH..).take(tile.width().into()).flat_map(|at| {
            *self.node(height, at).expect("held since the tree had fewer leaves").as_bytes()
        });
        (tile, hashes.collect())
    }

    /// Forgets what only [`Growth::proofs`] and [`Growth::tiles`] of leaves so far need.
    pub fn settle(&mut self) {
        for (height, here) in (0..).zip(&mut self.heights) {
            let first = first_held(height, self.size);
            here.nodes.drain(..(first - here.first) as usize);
            here.first = first;
        }
    }
}

/// Every file of hashes and of entries of a log with these entries, and its tree.
///
/// # Panics
/// For an entry that is longer than [one can be](super::tile::MAX_ENTRY_LEN).
pub fn files_of(entries: &[impl AsRef<[u8]>]) -> (Growth, Vec<(Tile, Vec<u8>)>) {
    let mut growth = Growth::default();
    entries.iter().for_each(|entry| growth.push(leaf_hash(entry.as_ref())));
    let mut all = growth.tiles(0);
    for tile in files(growth.size()).filter(|tile| tile.content() == Content::Entries) {
        let mut bundle = Vec::new();
        let first = (tile.index() * WIDTH) as usize;
        for entry in &entries[first..first + usize::from(tile.width())] {
            append_entry(&mut bundle, entry.as_ref());
        }
        all.push((tile, bundle));
    }
    (growth, all)
}

/// Proves that leaves are in a tree.
#[derive(Debug)]
pub struct Proofs<'a> {
    growth: &'a Growth,
    lowest: u32,
    edge: Vec<Sha256>,
}

impl Proofs<'_> {
    /// The hashes that show that leaf `index` is in the tree; `None` if there is no such leaf, or if it
    /// was there when the tree was settled.
    pub fn inclusion(&self, index: u64) -> Option<Vec<Sha256>> {
        let last = self.growth.size.checked_sub(1).filter(|last| index <= *last)?;
        self.growth.node(0, index)?;
        let mut hashes = Vec::new();
        for height in 0..HEIGHTS {
            let (last, sibling) = (last >> height, (index >> height) ^ 1);
            if last == 0 {
                break;
            }
            if sibling < last || (sibling == last && height < self.lowest) {
                hashes.push(self.growth.node(height, sibling)?);
            } else if sibling == last {
                hashes.push(self.edge[(height - self.lowest) as usize]);
            }
        }
        Some(hashes)
    }
}
