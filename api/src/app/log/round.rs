//! One round: what is new among the submissions, and the tree, map and files that it makes.

use std::collections::HashMap;

use hallmark_consent::log::{
    entry::{Entry, MapRoot},
    growth::Growth,
    map::Placed as InMap,
    merkle::leaf_hash,
    tile::{Content, Tile, WIDTH, append_entry},
};
use hallmark_core::{hash::Sha256, id::Label};

use super::{LogError, Submission};
use crate::store::{Draft, MapStore, Run};

/// A round that is nowhere yet.
pub(super) struct Round {
    pub(super) run: Run,
    pub(super) growth: Growth,
    pub(super) map_root: MapRoot,
    pub(super) draft: Draft,
    /// The files that it changes.
    pub(super) files: Vec<(Tile, Vec<u8>)>,
    /// Entries of the bundle that is not full yet.
    pub(super) bundle: Vec<u8>,
    /// What was submitted, and where it is.
    pub(super) placed: Vec<(Submission, Where)>,
}

/// Where an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Where {
    New(u64),
    There(u64),
}

/// The right edge of the log: its tree, and the entries of the bundle that is not full.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    pub(super) growth: Growth,
    pub(super) bundle: Vec<u8>,
}

impl Round {
    /// Lays submissions over the log.
    ///
    /// # Errors
    /// What is wrong with the map.
    pub(super) fn over(
        edge: &Edge,
        map: &mut MapStore,
        submissions: Vec<Submission>,
    ) -> Result<Self, LogError> {
        let first = edge.growth.size();
        let mut adding = Adding {
            edge: edge.clone(),
            full: Vec::new(),
            entries: Vec::new(),
            labels: HashMap::new(),
            facts: HashMap::new(),
        };
        let mut placed = Vec::with_capacity(submissions.len());
        for submission in submissions {
            let at = adding.place(map, &submission.entry, &submission.bytes)?;
            placed.push((submission, at));
        }
        let Adding { labels, facts, .. } = &mut adding;
        let labels = labels.drain().map(|(label, index)| InMap { label, index }).collect();
        let (draft, root) = map.draft(labels, std::mem::take(facts))?;
        let map_root = MapRoot { covers: adding.edge.growth.size(), root };
        adding.append(&map_root.to_bytes(), None);
        let Adding { edge: Edge { growth, bundle }, full, entries, .. } = adding;
        let size = growth.size();
        let mut files = growth.tiles(first);
        files.extend(full);
        let partial = Tile::of_log(Content::Entries, size / WIDTH, size);
        files.extend(partial.map(|tile| (tile, bundle.clone())));
        let run = Run { first, count: size - first, entries };
        Ok(Self { run, growth, map_root, draft, files, bundle, placed })
    }
}

/// What a round adds so far.
struct Adding {
    edge: Edge,
    full: Vec<(Tile, Vec<u8>)>,
    entries: Vec<u8>,
    labels: HashMap<Label, u64>,
    facts: HashMap<Sha256, u64>,
}

impl Adding {
    fn place(
        &mut self,
        map: &mut MapStore,
        entry: &Entry,
        bytes: &[u8],
    ) -> Result<Where, LogError> {
        let index = self.edge.growth.size();
        let leaf = leaf_hash(bytes);
        let known = match entry.label() {
            Some(label) => match self.labels.get(&label) {
                Some(known) => Some(*known),
                None => map.find(&label)?,
            },
            None => match self.facts.get(&leaf) {
                Some(known) => Some(*known),
                None => map.fact(&leaf)?,
            },
        };
        if let Some(known) = known {
            return Ok(Where::There(known));
        }
        match entry.label() {
            Some(label) => drop(self.labels.insert(label, index)),
            None => drop(self.facts.insert(leaf, index)),
        }
        self.append(bytes, Some(leaf));
        Ok(Where::New(index))
    }

    fn append(&mut self, bytes: &[u8], leaf: Option<Sha256>) {
        append_entry(&mut self.entries, bytes);
        self.edge.push(bytes, leaf.unwrap_or_else(|| leaf_hash(bytes)));
        self.full.extend(self.edge.full_bundle());
    }
}

impl Edge {
    /// Adds an entry.
    pub(super) fn push(&mut self, bytes: &[u8], leaf: Sha256) {
        append_entry(&mut self.bundle, bytes);
        self.growth.push(leaf);
    }

    /// The bundle that the last entry made full, which then is over.
    pub(super) fn full_bundle(&mut self) -> Option<(Tile, Vec<u8>)> {
        let size = self.growth.size();
        size.is_multiple_of(WIDTH).then(|| {
            let tile = Tile::full_at(Content::Entries, size / WIDTH - 1);
            (tile, std::mem::take(&mut self.bundle))
        })
    }
}
