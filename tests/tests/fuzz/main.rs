//! The fuzz targets without a fuzzer: the committed corpus, and mutations of it from fixed seeds.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Cursor,
    path::PathBuf,
};

use hallmark_suites::fuzz::TARGETS;
use hallmark_vault::{
    hygiene::{MediaType, Outcome, Policy, clean},
    provenance::inspect,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha20Rng};

mod seeds;

/// One small file of each media type, as the tests of metadata hygiene have them.
#[allow(dead_code)]
#[path = "../../../vault/tests/hygiene/fixtures.rs"]
mod fixtures;

/// Mutations per target.
const MUTATIONS: usize = 3000;
/// Pieces of the formats, for the mutations to build with.
const WORDS: [&str; 27] = [
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
    "\r\ncontent-length: 1\r\n",
    "\r\ntransfer-encoding: chunked\r\n",
    ", for=unknown",
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
    for (name, written) in seeds::written() {
        let mut out = Vec::new();
        let len = written.len() as u64;
        let media = MediaType::sniff(&written);
        if fixtures::all().iter().any(|fixture| fixture.media_type == media) {
            let cleaning =
                clean(&mut Cursor::new(&written), len, &mut out, Policy::Remove).unwrap();
            assert_eq!(cleaning.outcome, Outcome::Removed, "{name}");
        }
        assert!(seeds(name).contains(&written), "{name}: the seed is not what is written now");
    }
}

#[test]
#[ignore = "writes tests/fuzz/corpus again"]
fn write_seeds() {
    let mut counts = BTreeMap::new();
    for (name, content) in seeds::written() {
        let folder = fuzz_dir().join("corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        let count: &mut u32 = counts.entry(name).or_default();
        fs::write(folder.join(format!("seed-{count}")), content).unwrap();
        *count += 1;
    }
}
