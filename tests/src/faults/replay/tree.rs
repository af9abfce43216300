//! The names of files and folders as they are while the program runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::recording::{Event, NodeId};

/// Paths below the recorded folder, which itself is the empty path.
#[derive(Debug)]
pub(super) struct Tree {
    names: BTreeMap<PathBuf, NodeId>,
    /// Length of each node in bytes, with all that was written.
    lens: Vec<u64>,
    folders: BTreeSet<NodeId>,
    /// The first name of each node, for messages.
    first: Vec<PathBuf>,
}

impl Tree {
    /// The folder alone.
    pub(super) fn new() -> Self {
        let names = BTreeMap::from([(PathBuf::new(), NodeId(0))]);
        let folders = BTreeSet::from([NodeId(0)]);
        Self { names, lens: vec![0], folders, first: vec![PathBuf::from(".")] }
    }

    pub(super) fn find(&self, path: &Path) -> Option<NodeId> {
        self.names.get(path).copied()
    }

    pub(super) fn len(&mut self, node: NodeId) -> &mut u64 {
        &mut self.lens[node.0]
    }

    /// A new folder.
    pub(super) fn add_folder(&mut self, path: &Path) -> Option<Event> {
        self.folders.insert(NodeId(self.lens.len()));
        self.add(path, 0)
    }

    /// All that are folders, under whatever name, and the first name of each node.
    pub(super) fn into_nodes(self) -> (BTreeSet<NodeId>, Vec<PathBuf>) {
        (self.folders, self.first)
    }

    /// A new file of that length.
    pub(super) fn add(&mut self, path: &Path, len: u64) -> Option<Event> {
        let node = NodeId(self.lens.len());
        self.lens.push(len);
        self.first.push(path.to_owned());
        self.name(path, node)
    }

    /// Another name of a node.
    pub(super) fn name(&mut self, path: &Path, node: NodeId) -> Option<Event> {
        let (folder, name) = self.place(path)?;
        self.names.insert(path.to_owned(), node);
        Some(Event::Name { folder, changes: vec![(name, Some(node))] })
    }

    pub(super) fn remove(&mut self, path: &Path) -> Option<Event> {
        let (folder, name) = self.place(path)?;
        self.names.remove(path)?;
        Some(Event::Name { folder, changes: vec![(name, None)] })
    }

    /// One event within a folder, two between folders.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Option<Vec<Event>> {
        let ((old_folder, old), (folder, new)) = (self.place(from)?, self.place(to)?);
        let node = self.find(from)?;
        let moved: Vec<PathBuf> =
            self.names.keys().filter(|path| path.starts_with(from)).cloned().collect();
        for path in moved {
            let inside = path.strip_prefix(from).unwrap_or(Path::new(""));
            // Joined with nothing, a path would end in a separator.
            let target = if path == from { to.to_owned() } else { to.join(inside) };
            if let Some(node) = self.names.remove(&path) {
                self.names.insert(target, node);
            }
        }
        let (gone, come) = ((old, None), (new, Some(node)));
        Some(if old_folder == folder {
            vec![Event::Name { folder, changes: vec![gone, come] }]
        } else {
            let gone = Event::Name { folder: old_folder, changes: vec![gone] };
            vec![Event::Name { folder, changes: vec![come] }, gone]
        })
    }

    fn place(&self, path: &Path) -> Option<(NodeId, OsString)> {
        Some((self.find(path.parent()?)?, path.file_name()?.to_owned()))
    }
}
