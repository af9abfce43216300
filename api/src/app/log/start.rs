//! From what is on the disk to the log as the store says it is.
//!
//! Files are written again from the entries that the store still has; the map is brought on from the
//! entries it does not cover, and made anew where it is not what the log says.

use std::{collections::HashMap, sync::PoisonError};

use hallmark_consent::log::{
    checkpoint::SignedCheckpoint,
    entry::{Entry, MapRoot},
    map::Placed as InMap,
    merkle::{empty_root, leaf_hash},
    note::VerifierKey,
    policy::Policy,
    tile::{Content, Tile, WIDTH, first_entry},
};

use super::{Ends, LogError, LogSettings, Shared, round::Edge};
use crate::store::{LogFiles, LogRecord, LogState, MapStore, Run};

/// So many bundles are read into the map at once.
const BUNDLES_AT_ONCE: u64 = 256;

/// The log as it was found.
#[derive(Default)]
pub(super) struct Found {
    /// Not settled since the last leaf.
    pub(super) edge: Edge,
    /// Full files that are not known to be on the disk.
    pub(super) unsynced: Vec<Tile>,
    /// The end of the entries whose files are.
    pub(super) synced: u64,
    /// The last entry; `None` for a log without entries.
    pub(super) map_root: Option<MapRoot>,
    /// Why it does not go on.
    pub(super) ends: Option<Ends>,
}

pub(super) fn open(shared: &Shared, settings: &LogSettings) -> Result<Found, LogError> {
    let (name, store) = (&shared.key, &shared.store);
    let (origin, key) = (name.name().as_str(), name.key());
    let witnessed = settings.policy.as_ref().map(Policy::asks_for_witnesses);
    let Some(record) = store.log()? else {
        store.begin_log(origin.to_owned(), *key.as_bytes(), empty_root())?;
        store.note_witnessed(witnessed == Some(true))?;
        return Ok(Found::default());
    };
    if record.witnessed && witnessed.is_none() {
        return Err(LogError::NoPolicy);
    }
    if witnessed.is_some_and(|witnessed| witnessed != record.witnessed) {
        store.note_witnessed(witnessed == Some(true))?;
    }
    let is_key = record.key == *key.as_bytes();
    if record.origin == origin && !is_key && settings.accepts_another_key {
        store.rekey_log(*key.as_bytes())?;
    } else if record.origin != origin || !is_key {
        let known = hallmark_core::key::PublicKey::from_bytes(&record.key);
        let print = known.map_or_else(|_| "?".to_owned(), |key| key.fingerprint().to_string());
        return Err(LogError::AnotherLog { known: format!("{} {print}", record.origin) });
    }
    let is_behind = is_behind(&record, name, &shared.files)?;
    if is_behind && record.state == LogState::Open {
        tracing::error!(
            "the checkpoint that was published is newer than the database: entries are missing here"
        );
        store.set_log_state(LogState::Restored)?;
    }
    if is_behind || record.state == LogState::Restored {
        if !settings.goes_on_after_restore {
            return Ok(Found { ends: Some(Ends::Restored), ..Found::default() });
        }
        store.set_log_state(LogState::Open)?;
    }
    if record.size == 0 {
        return Ok(Found::default());
    }
    let mut found = edge(&shared.files, &record, &store.log_tail()?)?;
    let mut map = shared.map.lock().unwrap_or_else(PoisonError::into_inner);
    found.ends = (record.state == LogState::Frozen).then_some(Ends::Frozen);
    found.map_root = Some(bring_on(&mut map, &shared.files, record.size)?);
    Ok(found)
}

/// Whether a checkpoint was published that the record does not lead to: the database is an older one. What
/// is no checkpoint of this log, such as one that was cut off, says nothing.
fn is_behind(record: &LogRecord, log: &VerifierKey, files: &LogFiles) -> Result<bool, LogError> {
    let Some(bytes) = files.checkpoint()? else { return Ok(false) };
    let Ok(published) = SignedCheckpoint::parse(&bytes) else { return Ok(false) };
    let says = published.claimed();
    let is_other = says.size > record.size || says.size == record.size && says.root != record.root;
    Ok(is_other && published.is_signed_by(log) == Ok(true))
}

/// The right edge, with all files that the store has the entries of written again.
fn edge(files: &LogFiles, record: &LogRecord, tail: &[Run]) -> Result<Found, LogError> {
    let damaged = |what: &str| LogError::Damaged { what: what.to_owned() };
    let first = tail.first().map_or(record.size, |run| run.first);
    let border = first.next_multiple_of(WIDTH);
    let growth = files.growth(border.min(record.size / WIDTH * WIDTH))?;
    let mut edge = Edge { growth, bundle: Vec::new() };
    let (mut index, mut bundles) = (first, Vec::new());
    for run in tail {
        if run.first != index {
            return Err(damaged("the store lacks entries"));
        }
        let mut rest = &run.entries[..];
        while let Some((entry, behind)) = first_entry(rest) {
            if index >= border {
                edge.push(entry, leaf_hash(entry));
                bundles.extend(edge.full_bundle());
            }
            (index, rest) = (index + 1, behind);
        }
        if index != run.first + run.count {
            return Err(damaged("the store's entries are not as many as it says"));
        }
    }
    let size = edge.growth.size();
    if index != record.size || size != record.size || edge.growth.root() != record.root {
        return Err(damaged("the files and the store's entries do not come to the log's root"));
    }
    let mut all = edge.growth.tiles(border);
    all.extend(edge.growth.edge_tiles());
    all.extend(bundles);
    let partial = Tile::of_log(Content::Entries, size / WIDTH, size);
    all.extend(partial.map(|tile| (tile, edge.bundle.clone())));
    all.iter().try_for_each(|(tile, bytes)| files.write(*tile, bytes))?;
    let unsynced = all.into_iter().map(|(tile, _)| tile).filter(Tile::is_full).collect();
    Ok(Found { edge, unsynced, synced: border, map_root: None, ends: None })
}

/// Brings the map to all entries but the last, which says its root.
fn bring_on(map: &mut MapStore, files: &LogFiles, size: u64) -> Result<MapRoot, LogError> {
    let last = entry(files, size, size - 1)?;
    let Entry::MapRoot(says) = last else {
        return Err(LogError::Damaged { what: "it does not end with a root of its map".into() });
    };
    if map.covers() > size {
        map.begin_again()?;
    }
    // A page that does not read is as good as a wrong one.
    if !reads_on(map, files, size).is_ok_and(|root| root == says.root) {
        tracing::warn!("the map is not what the log says: it is made anew");
        map.begin_again()?;
        if reads_on(map, files, size)? != says.root {
            let what = "its map is not what its last entry says".into();
            return Err(LogError::Damaged { what });
        }
    }
    Ok(says)
}

fn reads_on(
    map: &mut MapStore,
    files: &LogFiles,
    size: u64,
) -> Result<hallmark_core::hash::Sha256, LogError> {
    while map.covers() < size {
        let from = map.covers();
        let to = size.min((from / WIDTH + BUNDLES_AT_ONCE) * WIDTH);
        let (mut labels, mut facts) = (Vec::new(), HashMap::new());
        for bundle in from / WIDTH..to.div_ceil(WIDTH) {
            for (index, bytes) in (bundle * WIDTH..).zip(entries(files, size, bundle)?) {
                if !(from..to).contains(&index) {
                    continue;
                }
                let entry = parse(&bytes, index)?;
                match (entry.label(), entry) {
                    (Some(label), _) => labels.push(InMap { label, index }),
                    (None, Entry::MapRoot(_)) => {}
                    (None, _) => drop(facts.entry(leaf_hash(&bytes)).or_insert(index)),
                }
            }
        }
        let (draft, _) = map.draft(labels, facts)?;
        map.take(draft, to)?;
    }
    Ok(map.draft(Vec::new(), HashMap::new())?.1)
}

fn entries(files: &LogFiles, size: u64, bundle: u64) -> Result<Vec<Vec<u8>>, LogError> {
    let tile = Tile::of_log(Content::Entries, bundle, size).expect("inside the log");
    Ok(files.entries(tile)?)
}

fn entry(files: &LogFiles, size: u64, index: u64) -> Result<Entry, LogError> {
    let mut all = entries(files, size, index / WIDTH)?;
    parse(&all.swap_remove((index % WIDTH) as usize), index)
}

fn parse(bytes: &[u8], index: u64) -> Result<Entry, LogError> {
    let wrong = |error| LogError::Damaged { what: format!("entry {index}: {error}") };
    Entry::parse(bytes).map_err(wrong)
}
