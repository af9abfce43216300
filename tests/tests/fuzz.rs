//! The fuzz targets without a fuzzer: the committed corpus, and mutations of it from fixed seeds.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Cursor,
    path::PathBuf,
};

use hallmark_core::{
    chain::ChainSecret, id::PieceId, json, key::SigningKey, proof, time::Timestamp,
};
use hallmark_suites::fuzz::{self, TARGETS};
use hallmark_vault::{
    hygiene::MediaType,
    provenance::{
        archive::Archive,
        claim::{Claim, Strength},
        hidden::{Field, Hidden},
        inspect,
        minisign::WriterKey,
        part::{Metadata, Role},
        piece::{FORMAT, Maker, Metal, Piece},
        trust::Card,
        write::{self, Minting, Source, StudioKeys},
    },
};
use rand::{RngExt, SeedableRng, rngs::ChaCha20Rng};

/// Mutations per target.
const MUTATIONS: usize = 3000;
/// Pieces of the formats, for the mutations to build with.
const WORDS: [&str; 24] = [
    "did:key:z6Mk",
    "urn:uuid:",
    "HALLMARK:1:",
    "\"proof\":",
    "\"credentialSubject\":",
    "null",
    "9007199254740993",
    "1.0",
    "-0",
    "{\"a\":1,\"a\":2}",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "\u{1b}[2J",
    "media/",
    "../",
    "PK\u{1}\u{2}",
    "PK\u{3}\u{4}",
    "untrusted comment: ",
    "trusted comment: ",
    "2026-05-03T12:00:00Z",
    "2026-02-29",
    "example.com:443",
    "\n",
];

fn fuzz_dir() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz"].iter().collect()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(fuzz_dir().join("corpus").join(target))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_corpus_and_its_mutations_break_no_decoder() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        target(&[]);
        seeds.iter().for_each(|seed| target(seed));
        let mut rng = ChaCha20Rng::seed_from_u64(0x4841_4c4c);
        for _ in 0..MUTATIONS {
            let mut bytes = seeds[rng.random_range(0..seeds.len())].clone();
            for _ in 0..rng.random_range(1..4) {
                mutate(&mut bytes, &seeds, &mut rng);
            }
            target(&bytes);
        }
    }
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut ChaCha20Rng) {
    let at = rng.random_range(0..=bytes.len());
    let end = rng.random_range(at..=bytes.len().min(at + 40));
    match rng.random_range(0..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = rng.random(),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => bytes.truncate(at),
        5 => {
            let other = &seeds[rng.random_range(0..seeds.len())];
            bytes.truncate(at);
            bytes.extend(&other[at.min(other.len())..]);
        }
        _ => {
            let word = WORDS[rng.random_range(0..WORDS.len())];
            bytes.splice(at..end, word.bytes());
        }
    }
}

/// A target without a binary, a corpus or a line in the manifest would never be run.
#[test]
fn every_target_has_its_binary_and_its_corpus() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz_dir().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| name.trim_end_matches(".rs").to_owned()).collect()
    };
    assert_eq!(listed("fuzz_targets"), names);
    assert_eq!(listed("corpus"), names);
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    let binaries: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();
    assert_eq!(binaries, names);
}

/// Mutations of a seed that is not accepted reach little. When the format has changed:
/// `cargo test -p hallmark-suites --test fuzz -- --ignored` writes the seeds again.
#[test]
fn the_seeds_are_what_the_decoders_accept() {
    for file in [seeds("inspect"), seeds("archive")].concat() {
        let inspection = inspect::inspect(&file[..], file.len() as u64, 1, &|_| true).unwrap();
        assert!(inspection.problems.is_empty(), "{:?}", inspection.problems);
    }
    for (name, written) in written_seeds() {
        assert!(seeds(name).contains(&written), "{name}: the seed is not what is written now");
    }
}

#[test]
#[ignore = "writes tests/fuzz/corpus again"]
fn write_seeds() {
    let mut counts = BTreeMap::new();
    for (name, content) in written_seeds() {
        let folder = fuzz_dir().join("corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        let count: &mut u32 = counts.entry(name).or_default();
        fs::write(folder.join(format!("seed-{count}")), content).unwrap();
        *count += 1;
    }
}

/// One or more accepted inputs per target, from fixed seeds.
fn written_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let file = minted();
    let archive = Archive::open(&file[..], file.len() as u64).unwrap();
    let entry = |name: &str| {
        let entry = archive.entries().iter().find(|entry| entry.name == name).unwrap();
        archive.read(entry).unwrap()
    };
    let studio = key(1).public();
    let card = Card { piece: piece().id, studio: studio.fingerprint() };
    let pub_file = write::pub_file(&studio, &"Rosa".parse().unwrap(), &WriterKey::new(key(2)));
    let minisig = WriterKey::new(key(2)).sign(fuzz::SUMS, fuzz::PIECE.parse().unwrap());
    let mut twice: json::Map<String, json::Value> = json::Map::new();
    twice.insert("name".into(), "ring".into());
    for seed in [1, 2] {
        proof::sign(&mut twice, &key(seed), at());
    }
    let (_, disclosures) = hidden();
    let jcs = br#"{"a":[1,-1,9007199254740991],"b":{"c":"\u0007\"x"},"d":null,"e":true}"#;
    vec![
        ("archive", file.clone()),
        ("card", card.to_string().into()),
        ("date", "2024-02-29".into()),
        ("did_key", studio.to_string().into()),
        ("did_key", studio.as_bytes().to_vec()),
        ("disclosure", disclosures[0].as_str().into()),
        ("disclosure", serde_json::to_vec(&hidden().0).unwrap()),
        ("documents", entry("manifest.json")),
        ("documents", entry("events/0001.json")),
        ("documents", entry("status/status.json")),
        ("domain", "rosa.example:8443".into()),
        ("fingerprint", studio.fingerprint().to_string().into()),
        ("inspect", file.clone()),
        ("json", jcs.to_vec()),
        ("json", entry("status/status.json")),
        ("minisign", minisig.into()),
        ("part_path", "media/01-front.jpg".into()),
        ("piece_id", fuzz::PIECE.into()),
        ("proof", entry("events/0001.json")),
        ("proof", json::canonical(&json::Value::Object(twice))),
        ("studio_pub", pub_file.into()),
        ("text", "Ring \"Flut\", 18 kt — für Ána".into()),
        ("timestamp", "2026-05-03T12:00:00Z".into()),
    ]
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn at() -> Timestamp {
    "2026-05-03T12:00:00Z".parse().unwrap()
}

fn hidden() -> (Hidden, Vec<hallmark_vault::provenance::hidden::Disclosure>) {
    let price = Field { name: "price".into(), value: 189_000.into() };
    Hidden::hide(&[price], &mut ChaCha20Rng::seed_from_u64(2)).unwrap()
}

fn piece() -> Piece {
    let claim = Claim {
        about: "metals/0".parse().unwrap(),
        says: "Gold 750".parse().unwrap(),
        strength: Strength::Lab,
        by: "Laboratory".parse().unwrap(),
        rule: "own".parse().unwrap(),
        date: "2026-05-03".parse().unwrap(),
        attestation: None,
    };
    let metal =
        Metal { metal: "gold".parse().unwrap(), fineness: 750, colour: None, weight_mg: None };
    let id = PieceId::generate(&mut ChaCha20Rng::seed_from_u64(1));
    let mut claims = vec![claim];
    let value = serde_json::to_value(&metal).unwrap();
    claims[0].attest(id, value, BTreeMap::new(), &key(40), at()).unwrap();
    Piece {
        id,
        format: FORMAT.into(),
        title: "Ring".parse().unwrap(),
        kind: None,
        first_label: chain().label(1),
        serial: None,
        gs1: None,
        size: None,
        inscription: None,
        metals: vec![metal],
        weight_mg: None,
        hallmark: None,
        stones: Vec::new(),
        origin: None,
        warranties: Vec::new(),
        materials: Vec::new(),
        maker: Maker {
            name: "Rosa".parse().unwrap(),
            domain: None,
            place: None,
            successor: key(99).public(),
        },
        claims,
        hidden: Some(hidden().0),
        parts: Vec::new(),
        story: Vec::new(),
    }
}

fn chain() -> ChainSecret {
    ChainSecret::generate(&mut ChaCha20Rng::seed_from_u64(3))
}

/// A small valid file.
fn minted() -> Vec<u8> {
    let metadata = Metadata { outcome: "clean".into(), removed: vec![], reveals: vec![] };
    let content = Box::new(Cursor::new(b"\xff\xd8\xff\xd9".to_vec()));
    let path = "media/01.jpg".parse().unwrap();
    let photo = Source::new(path, MediaType::Jpeg, Role::Photo, None, metadata, content).unwrap();
    let minting =
        Minting { piece: piece(), sources: vec![photo], made: None, at: at(), status_days: 180 };
    let keys = StudioKeys { identity: key(1), writer: WriterKey::new(key(2)) };
    write::mint(minting, &keys, &chain(), Cursor::new(Vec::new())).unwrap().into_inner()
}
