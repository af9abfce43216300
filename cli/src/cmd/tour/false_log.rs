//! Logs as a dishonest service could publish them: written and signed with the log's own key.

use std::{fs, path::Path};

use hallmark_consent::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    entry::{Entry, MapRoot},
    growth::files_of,
    map::{self, InMemory, Placed},
    note::VerifierKey,
    tile::{Content, files},
};
use hallmark_core::{hash::Sha256, id::Label, key::SigningKey};

/// The key of a log, with its name.
pub(super) struct LogKey {
    pub(super) name: VerifierKey,
    pub(super) key: SigningKey,
}

/// The root of the map over entries, as it ought to be, except that `without` is left out.
pub(super) fn map_root(entries: &[Vec<u8>], without: Option<Label>) -> anyhow::Result<Sha256> {
    let mut labels = Vec::new();
    for (index, entry) in (0..).zip(entries) {
        let label = Entry::parse(entry)?.label().filter(|label| Some(*label) != without);
        labels.extend(label.map(|label| Placed { label, index }));
    }
    let Ok(root) = map::insert(&mut InMemory::new(), labels);
    Ok(root)
}

/// Ends entries with a root of the map, which leaves out `without`.
pub(super) fn ended(
    mut entries: Vec<Vec<u8>>,
    without: Option<Label>,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let root = map_root(&entries, without)?;
    entries.push(MapRoot { covers: entries.len() as u64, root }.to_bytes());
    Ok(entries)
}

/// Publishes entries as a log in a folder, and returns its checkpoint.
pub(super) fn publish(
    folder: &Path,
    entries: &[Vec<u8>],
    log: &LogKey,
) -> anyhow::Result<SignedCheckpoint> {
    let (growth, all) = files_of(entries);
    for (tile, bytes) in all {
        let path = folder.join(tile.to_string());
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, bytes)?;
    }
    let says = Checkpoint {
        origin: log.name.name().to_string(),
        size: growth.size(),
        root: growth.root(),
        extensions: Vec::new(),
    };
    let mut checkpoint = SignedCheckpoint::new(says);
    let line = log.name.sign(&log.key, checkpoint.note().text());
    checkpoint.note_mut().add(line);
    fs::write(folder.join("checkpoint"), checkpoint.to_string())?;
    Ok(checkpoint)
}

/// All entries of a log in a folder.
pub(super) fn entries(folder: &Path, size: u64) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for tile in files(size).filter(|tile| tile.content() == Content::Entries) {
        let bytes = fs::read(folder.join(tile.to_string()))?;
        all.extend(tile.entries(&bytes)?.into_iter().map(<[u8]>::to_vec));
    }
    Ok(all)
}
