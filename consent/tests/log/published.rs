//! A log in memory, as the files that it is published as.

use std::collections::HashMap;

use hallmark_consent::log::{
    merkle::{Frontier, leaf_hash},
    tile::{Content, Tile, TileError, append_entry, files},
    tree::Tiles,
};
use hallmark_core::hash::Sha256;

/// A log in memory, as its files.
pub struct Published(pub HashMap<Tile, Vec<u8>>);

impl Published {
    pub fn of(entries: &[Vec<u8>]) -> Self {
        let mut levels = vec![entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>()];
        while levels.last().unwrap().len() >= 256 {
            let full = levels.last().unwrap().chunks_exact(256);
            levels.push(full.map(subtree).collect());
        }
        let bytes = |tile: Tile| {
            let from = usize::try_from(tile.index()).unwrap() * 256;
            let range = from..from + usize::from(tile.width());
            match tile.content() {
                Content::Entries => {
                    let mut bundle = Vec::new();
                    for entry in &entries[range] {
                        append_entry(&mut bundle, entry);
                    }
                    bundle
                }
                Content::Hashes(level) => {
                    let hashes = &levels[usize::from(level)][range];
                    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
                }
            }
        };
        Self(files(entries.len() as u64).map(|tile| (tile, bytes(tile))).collect())
    }
}

fn subtree(leaves: &[Sha256]) -> Sha256 {
    let mut edge = Frontier::default();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge.root()
}

#[derive(Debug)]
pub struct NotThere;

impl From<TileError> for NotThere {
    fn from(_: TileError) -> Self {
        Self
    }
}

impl Tiles for &Published {
    type Error = NotThere;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, NotThere> {
        self.0.get(&tile).cloned().ok_or(NotThere)
    }
}
