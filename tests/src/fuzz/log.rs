//! What a log, its witnesses and whoever passes proofs on may send.

use hallmark_consent::log::{
    anchor::Anchor,
    audit::Audit,
    checkpoint::SignedCheckpoint,
    complete::{CompleteProof, LookedUp, LookedUpAll},
    entry::Entry,
    fork::Fork,
    key,
    map::Page,
    note::{Algorithm, NoteSignature, VerifierKey},
    policy::Policy,
    proof::LogProof,
    tile::{Content, Tile},
    witness::{AddCheckpoint, conflicting_size, cosignature},
};
use hallmark_core::{hash::Sha256, json, key::SigningKey};
use serde::{Serialize, de::DeserializeOwned};

use super::{in_one_spelling, parsed, reads_back};

/// Notes and checkpoints: one spelling each, and no policy takes what it has not signed.
pub fn checkpoint(bytes: &[u8]) {
    in_one_spelling::<NoteSignature>(bytes);
    if let Ok(signed) = SignedCheckpoint::parse(bytes) {
        assert_eq!(signed.to_string().as_bytes(), bytes);
        assert_eq!(signed.claimed().text(), signed.note().text());
        assert!(Policy::of_log(stranger()).accept(signed).is_err());
    }
}

/// The key of a log that signs nothing here.
fn stranger() -> VerifierKey {
    let name = "stranger.example/log".parse().expect("a name");
    VerifierKey::new(name, Algorithm::Ed25519, SigningKey::from_seed(&[99; 32]).public())
}

/// Verifier keys: one spelling each.
pub fn vkey(bytes: &[u8]) {
    in_one_spelling::<VerifierKey>(bytes);
}

/// Policies.
pub fn policy(bytes: &[u8]) {
    if let Some(policy) = parsed::<Policy>(bytes) {
        assert!(!policy.asks_for_witnesses() || !policy.witnesses().is_empty());
    }
}

/// Proofs of places.
pub fn proof(bytes: &[u8]) {
    reads_back::<LogProof>(bytes);
}

/// Entries, and a log that has nothing else.
pub fn entry(bytes: &[u8]) {
    let entry = Entry::parse(bytes);
    match &entry {
        Ok(Entry::Place(place)) => assert_eq!(place.to_bytes(), bytes),
        Ok(Entry::MapRoot(root)) => assert_eq!(root.to_bytes(), bytes),
        Ok(Entry::Key(signed)) => assert_eq!(key::entry(signed), bytes),
        Ok(Entry::Other { value, .. }) => assert_eq!(json::canonical(value), bytes),
        Err(_) => {}
    }
    let mut audit = Audit::default();
    if audit.entry(bytes).is_ok() {
        assert!(entry.is_ok() && audit.size() == 1);
        assert!(audit.ends(&audit.root()).is_err() || matches!(entry, Ok(Entry::MapRoot(_))));
    }
}

/// Names and contents of a log's files.
pub fn tile(bytes: &[u8]) {
    in_one_spelling::<Tile>(bytes);
    for (content, width) in [(Content::Entries, 3), (Content::Hashes(1), 256 * 3)] {
        let tile = Tile::of_log(content, 0, width).expect("it has some");
        if let Ok(entries) = tile.entries(bytes) {
            let len: usize = entries.iter().map(|entry| 2 + entry.len()).sum();
            assert_eq!((entries.len(), len), (tile.width().into(), bytes.len()));
        }
        if let Ok(hashes) = tile.hashes(bytes) {
            assert_eq!(hashes.len() * 32, bytes.len());
        }
        if let Ok(prefix) = tile.prefix_of(bytes) {
            assert!(bytes.starts_with(prefix));
        }
    }
}

/// What witnesses are sent, and answer.
pub fn witness(bytes: &[u8]) {
    reads_back::<AddCheckpoint>(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(size) = conflicting_size(text) {
        assert_eq!(format!("{size}\n"), text);
    }
    let asked: AddCheckpoint = ASKED.parse().expect("a request");
    assert!(cosignature(text, &asked.checkpoint, &stranger()).is_none());
}

/// A request without a signature that counts.
const ASKED: &str = "old 0\n\nlog.example\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u{2014} x AAAAAAE=\n";

/// Proofs and evidence in JSON: what is read is written as what reads as the same, and proves nothing
/// of what it was not made for.
pub fn log_json(bytes: &[u8]) {
    let policy = Policy::of_log(stranger());
    if let Ok(fork) = Fork::parse(bytes) {
        assert!(fork.verify(&stranger()).is_err());
    }
    if let Ok(anchor) = Anchor::parse(bytes) {
        assert_eq!(
            Anchor::parse(&anchor.to_bytes()).expect("own writing").to_bytes(),
            anchor.to_bytes()
        );
        assert!(anchor.verify(&Sha256::of(b"something else"), &policy).is_err());
    }
    let _ = CompleteProof::parse(bytes);
    same_again::<CompleteProof>(bytes);
    same_again::<LookedUp>(bytes);
    same_again::<LookedUpAll>(bytes);
}

fn same_again<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    if let Ok(read) = serde_json::from_value::<T>(value) {
        let written = serde_json::to_value(&read).expect("our own types are JSON");
        let again: T = serde_json::from_value(written.clone()).expect("own writing");
        assert_eq!(serde_json::to_value(&again).expect("as before"), written);
    }
}

/// Pages of the map.
pub fn map_page(bytes: &[u8]) {
    if let Ok(page) = Page::from_bytes(bytes) {
        assert_eq!(page.to_bytes(), bytes);
    }
}
