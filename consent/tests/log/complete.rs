//! Chains that are complete, and what is said to be one.

use hallmark_consent::log::{
    chain::{Named, Salt},
    checkpoint::{Checkpoint, SignedCheckpoint},
    complete::{Complete, CompleteError, CompleteProof, ProvenLink},
    entry::{ChainKind, MapRoot, Place},
    map::{self, InMemory, Placed},
    note::{Algorithm, VerifierKey},
    policy::Policy,
    tree::Tree,
};
use hallmark_core::{chain::ChainSecret, hash::Sha256, id::Label, json::Value, key::SigningKey};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use crate::published::Published;

/// A log, and two chains in it.
struct Log {
    entries: Vec<Vec<u8>>,
    pages: InMemory,
    rng: StdRng,
}

/// What is logged of one event.
#[derive(Clone)]
struct Logged {
    event: Value,
    salt: Salt,
    place: Place,
    index: u64,
}

fn event(kind: &str, label: Label, next: Label, says: &str) -> Value {
    json!({"kind": kind, "label": label, "next": next, "says": says})
}

fn named(event: &Value) -> Option<Named> {
    let read = |name| serde_json::from_value(event[name].clone()).ok();
    Some(Named {
        kind: serde_json::from_value(event["kind"].clone()).ok()?,
        label: read("label")?,
        next: read("next")?,
    })
}

impl Log {
    fn new() -> Self {
        Self { entries: Vec::new(), pages: InMemory::new(), rng: StdRng::seed_from_u64(7) }
    }

    /// Logs event `n` of a chain under a kind.
    fn logs(&mut self, chain: &ChainSecret, n: u64, kind: ChainKind, event: Value) -> Logged {
        let salt = Salt::generate(&mut self.rng);
        let commitment = hallmark_consent::log::chain::commitment(&salt, &event);
        let place = Place { kind, w: chain.opening(n), commitment };
        let index = self.entries.len() as u64;
        self.entries.push(place.to_bytes());
        Logged { event, salt, place, index }
    }

    /// The checkpoint over everything, with a map of these places.
    fn closes(&mut self, places: Vec<Placed>) -> (SignedCheckpoint, Sha256) {
        let root = map::insert(&mut self.pages, places).unwrap();
        let covers = self.entries.len() as u64;
        self.entries.push(MapRoot { covers, root }.to_bytes());
        let size = covers + 1;
        let published = Published::of(&self.entries);
        let tree = Tree::new(&published, size).root(size).unwrap();
        let (key, public) = log_key();
        let origin = public.name().to_string();
        let says = Checkpoint { origin, size, root: tree, extensions: Vec::new() };
        let mut signed = SignedCheckpoint::new(says);
        let signature = public.sign(&key, signed.note().text());
        signed.note_mut().add(signature);
        (signed, root)
    }

    fn proves(
        &mut self,
        (checkpoint, root): &(SignedCheckpoint, Sha256),
        logged: &[Logged],
        next: Label,
    ) -> CompleteProof {
        let size = checkpoint.claimed().size;
        let published = Published::of(&self.entries[..usize::try_from(size).unwrap()]);
        let mut tree = Tree::new(&published, size);
        let links = logged.iter().map(|one| ProvenLink {
            event: one.event.clone(),
            salt: one.salt.clone(),
            w: Sha256::from_bytes(*one.place.w.expose()),
            index: one.index,
            inclusion: tree.inclusion(one.index, size).unwrap(),
            lookup: map::look_up(&mut self.pages, &one.place.w.label()).unwrap(),
        });
        let links = links.collect();
        let map_inclusion = tree.inclusion(size - 1, size).unwrap();
        let end = map::look_up(&mut self.pages, &next).unwrap();
        CompleteProof::new(checkpoint, (*root, map_inclusion), links, end)
    }
}

fn log_key() -> (SigningKey, VerifierKey) {
    let key = SigningKey::from_seed(&[1; 32]);
    let name = "log.example.com".parse().unwrap();
    let public = VerifierKey::new(name, Algorithm::Ed25519, key.public());
    (key, public)
}

fn placed(logged: &Logged) -> Placed {
    Placed { label: logged.place.w.label(), index: logged.index }
}

fn verify(proof: CompleteProof, first: Label) -> Result<Complete, CompleteError> {
    proof.verify(&Policy::of_log(log_key().1), (ChainKind::Custody, first), named)
}

/// A log with a chain of `count` events among strangers'.
fn scene(count: u64) -> (Log, ChainSecret, Vec<Logged>) {
    let mut log = Log::new();
    let (chain, other) = (ChainSecret::generate(&mut log.rng), ChainSecret::generate(&mut log.rng));
    let mut logged = Vec::new();
    for n in 1..=count {
        let says = event("custody", chain.label(n), chain.label(n + 1), &format!("event {n}"));
        logged.push(log.logs(&chain, n, ChainKind::Custody, says));
        log.logs(&other, n, ChainKind::Consent, json!({}));
    }
    (log, chain, logged)
}

#[test]
fn a_chain_is_complete() {
    for count in [0, 1, 2, 7] {
        let (mut log, chain, logged) = scene(count);
        let checkpoint = log.closes(logged.iter().map(placed).collect());
        let proof = log.proves(&checkpoint, &logged, chain.label(count + 1));
        let bytes = serde_json::to_vec(&proof).unwrap();
        let complete = verify(CompleteProof::parse(&bytes).unwrap(), chain.label(1)).unwrap();
        assert_eq!(complete.links.len() as u64, count);
        assert_eq!((complete.next, complete.under.map_as_of()), (chain.label(count + 1), None));
    }
}

#[test]
fn the_last_event_is_held_back() {
    let (mut log, chain, logged) = scene(3);
    let checkpoint = log.closes(logged.iter().map(placed).collect());
    let proof = log.proves(&checkpoint, &logged[..2], chain.label(3));
    assert!(matches!(
        verify(proof, chain.label(1)),
        Err(CompleteError::GoesOn { index }) if index == logged[2].index
    ));
    // A lookup of another label is none of this one.
    let elsewhere = log.proves(&checkpoint, &logged[..2], chain.label(9));
    assert!(matches!(verify(elsewhere, chain.label(1)), Err(CompleteError::Lookup { at: 3, .. })));
}

#[test]
fn an_event_is_left_out_or_exchanged() {
    let (mut log, chain, logged) = scene(3);
    let checkpoint = log.closes(logged.iter().map(placed).collect());
    let end = chain.label(4);
    let without = [logged[0].clone(), logged[2].clone()];
    let proof = log.proves(&checkpoint, &without, end);
    assert!(matches!(verify(proof, chain.label(1)), Err(CompleteError::Order(_))));
    let swapped = [logged[1].clone(), logged[0].clone(), logged[2].clone()];
    let proof = log.proves(&checkpoint, &swapped, end);
    assert!(matches!(verify(proof, chain.label(1)), Err(CompleteError::Order(_))));
    let proof = log.proves(&checkpoint, &logged, end);
    assert!(matches!(verify(proof.clone(), chain.label(2)), Err(CompleteError::Order(_))));
    let mut changed = proof.clone();
    changed.links[1].event["says"] = "something else".into();
    assert!(matches!(verify(changed, chain.label(1)), Err(CompleteError::Inclusion { at: 2, .. })));
    let mut salted = proof.clone();
    salted.links[1].salt = Salt::generate(&mut log.rng);
    assert!(matches!(verify(salted, chain.label(1)), Err(CompleteError::Inclusion { at: 2, .. })));
    let mut moved = proof.clone();
    moved.links[1].index += 1;
    assert!(verify(moved, chain.label(1)).is_err());
    let mut w = proof.clone();
    w.links[1].w = Sha256::of(b"another");
    assert!(matches!(verify(w, chain.label(1)), Err(CompleteError::Chain { at: 2, .. })));
    let mut unsigned = proof;
    unsigned.links[1].event["kind"] = 7.into();
    assert!(matches!(verify(unsigned, chain.label(1)), Err(CompleteError::Event { at: 2 })));
}

#[test]
fn an_event_is_logged_as_another_kind() {
    let mut log = Log::new();
    let chain = ChainSecret::generate(&mut log.rng);
    let says = event("custody", chain.label(1), chain.label(2), "event 1");
    let logged = [log.logs(&chain, 1, ChainKind::Consent, says)];
    let checkpoint = log.closes(logged.iter().map(placed).collect());
    let proof = log.proves(&checkpoint, &logged, chain.label(2));
    assert!(matches!(verify(proof, chain.label(1)), Err(CompleteError::Inclusion { at: 1, .. })));
}

#[test]
fn a_map_that_is_not_the_checkpoints() {
    let (mut log, chain, logged) = scene(2);
    let old = log.closes(logged.iter().map(placed).collect());
    let says = event("custody", chain.label(3), chain.label(4), "event 3");
    let mut all = logged.clone();
    all.push(log.logs(&chain, 3, ChainKind::Custody, says));
    let mut earlier = log.pages.clone();
    let new = log.closes(all.iter().map(placed).collect());
    // The map of before under the checkpoint of now: what it lacks would seem absent.
    let mut proof = log.proves(&new, &logged, chain.label(3));
    proof.end = map::look_up(&mut earlier, &chain.label(3)).unwrap();
    proof.map_root = old.1;
    assert!(matches!(verify(proof, chain.label(1)), Err(CompleteError::MapRoot(_))));
    // A map that leaves the entry out, if only the service vouches for it, is found out by nobody here.
    let (mut log, chain, logged) = scene(2);
    let left_out = log.closes(vec![placed(&logged[0])]);
    let proof = log.proves(&left_out, &logged[..1], chain.label(2));
    assert_eq!(verify(proof, chain.label(1)).unwrap().under.map_as_of(), None, "and says so");
    let proof = log.proves(&left_out, &logged, chain.label(3));
    assert!(matches!(verify(proof, chain.label(1)), Err(CompleteError::Elsewhere { at: 2 })));
}

#[test]
fn what_is_no_proof() {
    let (mut log, chain, logged) = scene(1);
    let checkpoint = log.closes(logged.iter().map(placed).collect());
    let proof = log.proves(&checkpoint, &logged, chain.label(2));
    let good = serde_json::to_value(&proof).unwrap();
    let parse = |value: &Value| CompleteProof::parse(&serde_json::to_vec(value).unwrap());
    assert!(parse(&good).is_ok());
    for (member, value) in [
        ("hallmark", json!("complete/2")),
        ("more", json!(1)),
        ("mapRoot", json!("AB")),
        ("links", json!([{}])),
        ("end", json!({"end": "there", "siblings": []})),
    ] {
        let mut changed = good.clone();
        changed[member] = value;
        assert!(parse(&changed).is_err(), "{member}");
    }
    let mut forged = proof.clone();
    forged.checkpoint = forged.checkpoint.replacen("\n3\n", "\n2\n", 1);
    assert!(matches!(verify(forged, chain.label(1)), Err(CompleteError::Refused(_))));
}
