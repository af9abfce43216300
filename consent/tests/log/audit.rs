//! A log read as a whole, and logs that are none.

use hallmark_consent::log::{
    audit::{Audit, Fault},
    entry::{ChainKind, MapRoot, Place},
    map::{self, InMemory, Placed},
    tile::{Content, Tile},
    trie::Twice,
};
use hallmark_core::{chain::ChainSecret, hash::Sha256};
use rand::{SeedableRng, rngs::StdRng};

use crate::published::Published;

/// What a service that follows the rules would publish: places, a root of the map after each `every`.
fn honest(places: u64, every: u64) -> Vec<Vec<u8>> {
    let chain = ChainSecret::generate(&mut StdRng::seed_from_u64(1));
    let (mut entries, mut pages) = (Vec::new(), InMemory::new());
    let mut new = Vec::new();
    for n in 1..=places {
        let place = place(&chain, n);
        new.push(Placed { label: place.w.label(), index: entries.len() as u64 });
        entries.push(place.to_bytes());
        if n % every == 0 || n == places {
            let root = map::insert(&mut pages, std::mem::take(&mut new)).unwrap();
            entries.push(MapRoot { covers: entries.len() as u64, root }.to_bytes());
        }
    }
    entries
}

fn place(chain: &ChainSecret, n: u64) -> Place {
    let commitment = Sha256::of(&n.to_be_bytes());
    Place { kind: ChainKind::Consent, w: chain.opening(n), commitment }
}

/// Reads all entries, and holds every tile against what was published.
fn read(entries: &[Vec<u8>]) -> Result<Audit, Fault> {
    let (published, mut audit) = (Published::of(entries), Audit::default());
    let mut seen = 0;
    let mut is_published = |(tile, bytes): (Tile, Vec<u8>)| {
        assert_eq!(published.0.get(&tile), Some(&bytes), "{tile}");
        seen += 1;
    };
    for entry in entries {
        audit.entry(entry)?.into_iter().for_each(&mut is_published);
    }
    audit.edge_tiles().for_each(&mut is_published);
    let tiles = published.0.keys().filter(|tile| tile.content() != Content::Entries);
    assert_eq!(seen, tiles.count(), "every tile of hashes");
    Ok(audit)
}

#[test]
fn an_honest_log_is_read_whole() {
    for (places, every) in [(1, 1), (7, 3), (255, 1000), (600, 50), (70_000, 9_999)] {
        let entries = honest(places, every);
        let mut audit = read(&entries).unwrap();
        assert_eq!(audit.size(), entries.len() as u64);
        assert_eq!(audit.report().places[&ChainKind::Consent], places);
        let root = audit.root();
        audit.ends(&root).unwrap();
        assert!(matches!(audit.ends(&Sha256::of(b"x")), Err(Fault::Root)));
    }
}

#[test]
fn a_label_is_reused() {
    let mut entries = honest(10, 100);
    let again = entries[3].clone();
    entries.push(again);
    let told = Twice { index: 11, first: 3 };
    let mut audit = read(&entries).unwrap();
    let root = audit.root();
    assert!(matches!(audit.ends(&root), Err(Fault::LabelTwice(twice)) if twice == told));
    entries.push(MapRoot { covers: 12, root: Sha256::of(b"any") }.to_bytes());
    assert!(matches!(read(&entries), Err(Fault::LabelTwice(twice)) if twice == told));
}

#[test]
fn the_map_leaves_an_entry_out_or_covers_others() {
    let mut entries = honest(10, 5);
    // The root after ten without the tenth.
    let short = honest(9, 5);
    let MapRootOf { root } = root_of(&short[short.len() - 1]);
    let last = entries.len() - 1;
    entries[last] = MapRoot { covers: last as u64, root }.to_bytes();
    assert!(matches!(read(&entries), Err(Fault::MapRoot { index }) if index == last as u64));
    let mut entries = honest(10, 5);
    let MapRootOf { root } = root_of(&entries[last]);
    entries[last] = MapRoot { covers: last as u64 - 1, root }.to_bytes();
    assert!(matches!(read(&entries), Err(Fault::Covers { .. })));
    entries.pop();
    let mut audit = read(&entries).unwrap();
    let root = audit.root();
    assert!(matches!(audit.ends(&root), Err(Fault::NoMapRoot { .. })));
}

#[derive(serde::Deserialize)]
struct MapRootOf {
    root: Sha256,
}

fn root_of(entry: &[u8]) -> MapRootOf {
    serde_json::from_slice(entry).unwrap()
}

#[test]
fn what_is_no_entry_ends_it() {
    let mut entries = honest(3, 5);
    entries[1] = b"{\"kind\": \"note\"}".to_vec();
    assert!(matches!(read(&entries), Err(Fault::Entry { index: 1, .. })));
    let mut entries = honest(3, 5);
    entries.insert(0, br#"{"kind":"note","text":"x"}"#.to_vec());
    // The places moved by one: the root is no longer theirs.
    assert!(matches!(read(&entries), Err(Fault::Covers { .. })));
}
