//! What is on the disk for certain, and what may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::recording::{Before, Event, NodeId};

/// What became of one unsynced change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// It reached the disk.
    Whole,
    /// The first half of what was written did. Of other changes, nothing.
    Half,
    /// It did not.
    Lost,
}

/// A disk in the middle of a run.
#[derive(Debug)]
pub(super) struct Disk {
    files: BTreeMap<NodeId, Vec<u8>>,
    folders: BTreeMap<NodeId, Names>,
    /// What was not synced, in order, with the line in which each ended.
    pending: Vec<(usize, Event)>,
}

type Names = BTreeMap<OsString, NodeId>;

/// A state in which the disk may be found: every path with its content, or nothing for a folder.
pub(super) type State = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Disk {
    pub(super) fn new(before: &Before, folders: &BTreeSet<NodeId>) -> Self {
        let mut disk = Self {
            files: BTreeMap::new(),
            folders: folders.iter().map(|folder| (*folder, Names::new())).collect(),
            pending: Vec::new(),
        };
        let mut paths = BTreeMap::from([(PathBuf::new(), NodeId(0))]);
        let folders = before.folders.iter().map(|path| (path, None));
        let files = before.files.iter().map(|(path, content)| (path, Some(content)));
        // Numbered as the reader numbers them.
        for (path, content) in folders.chain(files) {
            let node = NodeId(paths.len());
            let parent = path.parent().and_then(|parent| paths.get(parent)).copied();
            if let (Some(parent), Some(name)) = (parent, path.file_name()) {
                disk.folders.entry(parent).or_default().insert(name.to_owned(), node);
            }
            if let Some(content) = content {
                disk.files.insert(node, content.clone());
            }
            paths.insert(path.clone(), node);
        }
        disk
    }

    /// Does what the program did next.
    pub(super) fn play(&mut self, line: usize, event: &Event) {
        match event {
            Event::Sync { node, begun } => {
                let (mut done, mut pending) = (Vec::new(), Vec::new());
                for (line, event) in self.pending.drain(..) {
                    let synced = event.node() == Some(*node) && line < *begun;
                    if synced { done.push(event) } else { pending.push((line, event)) }
                }
                self.pending = pending;
                for event in done {
                    self.apply(&event, Kept::Whole);
                }
            }
            Event::Sent(_) => {}
            change => self.pending.push((line, change.clone())),
        }
    }

    /// The changes that are not on the disk for certain.
    pub(super) fn pending(&self) -> impl ExactSizeIterator<Item = &Event> {
        self.pending.iter().map(|(_, event)| event)
    }

    /// The state in which this became of the pending changes, one for each.
    pub(super) fn state(&self, kept: &[Kept]) -> State {
        let touched = self.pending.iter().filter_map(|(_, event)| event.node());
        let mut disk =
            Self { files: BTreeMap::new(), folders: self.folders.clone(), pending: Vec::new() };
        for node in touched {
            if let Some(content) = self.files.get(&node) {
                disk.files.entry(node).or_insert_with(|| content.clone());
            }
        }
        for ((_, event), kept) in self.pending.iter().zip(kept) {
            disk.apply(event, *kept);
        }
        let mut state = State::new();
        disk.collect(&self.files, NodeId(0), Path::new(""), &mut state);
        state
    }

    fn collect(
        &self,
        synced: &BTreeMap<NodeId, Vec<u8>>,
        folder: NodeId,
        path: &Path,
        state: &mut State,
    ) {
        for (name, node) in self.folders.get(&folder).into_iter().flatten() {
            let path = path.join(name);
            if self.folders.contains_key(node) {
                state.insert(path.clone(), None);
                self.collect(synced, *node, &path, state);
            } else {
                let content = self.files.get(node).or_else(|| synced.get(node));
                state.insert(path, Some(content.cloned().unwrap_or_default()));
            }
        }
    }

    fn apply(&mut self, event: &Event, kept: Kept) {
        match (event, kept) {
            (Event::Write { file, offset, bytes }, Kept::Whole | Kept::Half) => {
                let len = if kept == Kept::Half { bytes.len() / 2 } else { bytes.len() };
                let content = self.files.entry(*file).or_default();
                let from = usize::try_from(*offset).unwrap_or(usize::MAX);
                if content.len() < from + len {
                    content.resize(from + len, 0);
                }
                content[from..from + len].copy_from_slice(&bytes[..len]);
            }
            (Event::Resize { file, len }, Kept::Whole) => {
                let len = usize::try_from(*len).unwrap_or(usize::MAX);
                self.files.entry(*file).or_default().resize(len, 0);
            }
            (Event::Name { folder, changes }, Kept::Whole) => {
                let names = self.folders.entry(*folder).or_default();
                for (name, node) in changes {
                    match node {
                        Some(node) => drop(names.insert(name.clone(), *node)),
                        None => drop(names.remove(name)),
                    }
                }
            }
            _ => {}
        }
    }
}

impl Event {
    /// What has to be synced for it to last.
    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Write { file: node, .. }
            | Self::Resize { file: node, .. }
            | Self::Name { folder: node, .. }
            | Self::Sync { node, .. } => Some(*node),
            Self::Sent(_) => None,
        }
    }
}

/// The same for the same states.
pub(super) fn fingerprint(state: &State, acknowledged: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (state, acknowledged).hash(&mut hasher);
    hasher.finish()
}

/// Writes a state to a folder, in place of what was there. All of it is the owner's alone.
pub(super) fn write(state: &State, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let mut private = fs::DirBuilder::new();
    private.mode(0o700).create(folder)?;
    for (path, content) in state {
        let path = folder.join(path);
        match content {
            None => private.create(path)?,
            Some(content) => {
                let mut file = fs::OpenOptions::new();
                file.write(true).create_new(true).mode(0o600).open(path)?.write_all(content)?;
            }
        }
    }
    Ok(())
}
