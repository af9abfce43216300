//! A log read from its first entry to its last: every file of it, each believed only as far as it
//! comes to the checkpoint's root.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_consent::log::{
    audit::{Audit, Fault},
    checkpoint::{Accepted, Checkpoint, SignedCheckpoint},
    policy::Policy,
    tile::{Content, Tile, WIDTH, files},
};
use hallmark_core::hash::Sha256;

use super::Finding;
use crate::{
    remote::log::{LogSource, SourceError},
    report::Usage,
    session::Bar,
};

/// Files that are asked for at once where a log is at an address.
const AT_ONCE: usize = 16;
/// Beside the files of the log.
pub const VKEY: &str = "vkey";
/// Beside the files of the log.
pub const POLICY: &str = "policy";
const CHECKPOINT: &str = "checkpoint";

/// The checkpoint of a log, if it counts and none but log and witnesses of the policy signed it.
///
/// # Errors
/// [`Finding`].
pub fn checkpoint(source: &LogSource, policy: &Policy) -> Result<Accepted, Finding> {
    let signed = SignedCheckpoint::parse(&source.checkpoint()?)?;
    let known = policy.logs().iter().map(|log| &log.key);
    let known: Vec<_> = known.chain(policy.witnesses().iter().map(|one| &one.key)).collect();
    for line in signed.note().signatures() {
        if !known.iter().any(|key| line.is_by(key)) {
            return Err(Finding::Signer { name: line.name().to_string() });
        }
    }
    Ok(policy.accept(signed)?)
}

/// A copy that is made while a log is read, or was begun before.
pub struct Copy {
    folder: PathBuf,
}

impl Copy {
    /// The copy in a folder, which is made.
    ///
    /// # Errors
    /// [`Usage`] for a folder with other files in it; when it cannot be made or read.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        if let Some(other) = all_files(folder)?.iter().find(|name| !is_of_a_copy(name)) {
            return Err(Usage(format!(
                "{} has other files in it, such as {}: name an empty folder, or a copy that was begun",
                folder.display(),
                other.display()
            ))
            .into());
        }
        Ok(Self { folder: folder.to_owned() })
    }

    fn read(&self, tile: Tile) -> Option<Vec<u8>> {
        fs::read(self.folder.join(tile.to_string())).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            let draft = path.with_added_extension("new");
            fs::write(&draft, bytes)?;
            fs::rename(draft, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Ends the copy: the files of this checkpoint and no others.
    ///
    /// # Errors
    /// When files cannot be written or removed.
    pub fn finish(&self, under: &Accepted, policy: &str) -> anyhow::Result<()> {
        self.write(VKEY, format!("{}\n", under.log()).as_bytes())?;
        self.write(POLICY, policy.as_bytes())?;
        self.write(CHECKPOINT, under.signed().to_string().as_bytes())?;
        for stray in strays(&self.folder, under.size())? {
            let path = self.folder.join(&stray);
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            // Folders that are empty now; others stay.
            let above = path.ancestors().skip(1).take_while(|above| *above != self.folder);
            above.for_each(|above| drop(fs::remove_dir(above)));
        }
        Ok(())
    }
}

/// Reads all of a log under a checkpoint that counts. `seen` is one that it was read under before:
/// returned is the root that as many entries have here, where it is another.
///
/// # Errors
/// [`Finding`]; a copy that cannot be written.
pub fn read(
    source: &LogSource,
    under: &Accepted,
    seen: Option<&Checkpoint>,
    copy: Option<&Copy>,
    bar: &Bar,
) -> anyhow::Result<(Audit, Option<Sha256>)> {
    let mut audit = Audit::default();
    let other = go_on(&mut audit, source, under, seen, copy, bar)?;
    Ok((audit, other))
}

/// Reads on, from what was read to the end.
///
/// # Errors
/// As [`read`].
pub fn go_on(
    audit: &mut Audit,
    source: &LogSource,
    under: &Accepted,
    seen: Option<&Checkpoint>,
    copy: Option<&Copy>,
    bar: &Bar,
) -> anyhow::Result<Option<Sha256>> {
    let mut other = None;
    let mut part = |audit: &Audit| {
        let there = seen.filter(|seen| seen.size == audit.size());
        other = other.or(there.filter(|seen| seen.root != audit.root()).map(|_| audit.root()));
    };
    let mut waiting = files(under.size())
        .take_while(|tile| tile.content() == Content::Entries)
        .skip((audit.size() / WIDTH) as usize)
        .peekable();
    while waiting.peek().is_some() {
        let some: Vec<Tile> = waiting.by_ref().take(AT_ONCE).collect();
        for (tile, bytes) in some.iter().zip(fetched(source, &some, copy)) {
            let bytes = bytes?;
            let entries = tile.entries(&bytes).map_err(SourceError::from).map_err(Finding::from)?;
            for (index, entry) in (tile.index() * WIDTH..).zip(entries) {
                if index < audit.size() {
                    continue;
                }
                part(audit);
                for full in audit.entry(entry).map_err(Finding::from)? {
                    compare(source, full, copy)?;
                }
            }
            copy.map_or(Ok(()), |copy| copy.write(&tile.to_string(), &bytes))?;
            bar.advance(u64::from(tile.width()));
        }
    }
    part(audit);
    let edge: Vec<_> = audit.edge_tiles().collect();
    edge.into_iter().try_for_each(|tile| compare(source, tile, copy))?;
    audit.ends(under.root()).map_err(Finding::from)?;
    Ok(other)
}

/// What is published has to be what was computed.
fn compare(
    source: &LogSource,
    (tile, bytes): (Tile, Vec<u8>),
    copy: Option<&Copy>,
) -> anyhow::Result<()> {
    let there = source.file(tile).map_err(Finding::from)?;
    if there != bytes {
        let fault = Fault::Tile { tile };
        return Err(Finding::from(fault).into());
    }
    copy.map_or(Ok(()), |copy| copy.write(&tile.to_string(), &bytes))
}

fn fetched(
    source: &LogSource,
    tiles: &[Tile],
    copy: Option<&Copy>,
) -> Vec<Result<Vec<u8>, Finding>> {
    let fetch = |tile: Tile| {
        // What is full never changes; whether it is right shows when it is hashed.
        let kept = copy.filter(|_| tile.is_full()).and_then(|copy| copy.read(tile));
        kept.map_or_else(|| source.file(tile).map_err(Finding::from), Ok)
    };
    if source.folder().is_some() {
        return tiles.iter().copied().map(fetch).collect();
    }
    std::thread::scope(|scope| {
        let all: Vec<_> = tiles.iter().map(|tile| scope.spawn(|| fetch(*tile))).collect();
        all.into_iter().map(|one| one.join().expect("fetching does not panic")).collect()
    })
}

/// Whether a folder has nothing but the files of a log of this size.
///
/// # Errors
/// [`Finding::Stray`]; when it cannot be listed.
pub fn has_no_strays(folder: &Path, size: u64) -> anyhow::Result<()> {
    match strays(folder, size)?.into_iter().next() {
        Some(file) => Err(Finding::Stray { file: file.display().to_string() }.into()),
        None => Ok(()),
    }
}

fn strays(folder: &Path, size: u64) -> anyhow::Result<Vec<PathBuf>> {
    let mut strays = all_files(folder)?;
    strays.retain(|name| !name.to_str().is_some_and(|name| belongs(name, size)));
    Ok(strays)
}

/// Whether a log of this size has a file of that name. Nothing is listed: a size may be anything.
fn belongs(name: &str, size: u64) -> bool {
    let is_file = |tile: Tile| Tile::of_log(tile.content(), tile.index(), size) == Some(tile);
    [CHECKPOINT, VKEY, POLICY].contains(&name) || name.parse().is_ok_and(is_file)
}

/// Whether a copy of a log, of whatever size, may have a file of that name: a draft of one too.
fn is_of_a_copy(name: &Path) -> bool {
    let Some(name) = name.to_str() else { return false };
    let name = name.strip_suffix(".new").unwrap_or(name);
    [CHECKPOINT, VKEY, POLICY].contains(&name) || name.parse::<Tile>().is_ok()
}

/// Every file in a folder, from there on, sorted.
fn all_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut all, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inside) = folders.pop() {
        let listed = fs::read_dir(folder.join(&inside))
            .with_context(|| format!("cannot list {}", folder.join(&inside).display()))?;
        for entry in listed {
            let entry = entry?;
            let name = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() { folders.push(name) } else { all.push(name) }
        }
    }
    all.sort();
    Ok(all)
}
