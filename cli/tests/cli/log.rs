//! `hallmark audit` on copies of logs: each spoilt in one place, and each told what it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use hallmark_cli::{
    cmd::audit::{Finding, reading},
    remote::log::LogSource,
    session::Bar,
};
use hallmark_consent::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    entry::{ChainKind, MapRoot, Place},
    growth::files_of,
    map::{self, InMemory, Placed},
    note::{Algorithm, VerifierKey},
    policy::Policy,
};
use hallmark_core::{
    chain::ChainSecret, hash::Sha256, key::SigningKey, secret::Secret, time::Timestamp,
};

use crate::world::World;

struct Signer {
    name: VerifierKey,
    key: SigningKey,
}

fn signer(seed: u8, name: &str, algorithm: Algorithm) -> Signer {
    let key = SigningKey::from_seed(&[seed; 32]);
    Signer { name: VerifierKey::new(name.parse().unwrap(), algorithm, key.public()), key }
}

fn log_key() -> Signer {
    signer(1, "vault.example/log", Algorithm::Ed25519)
}

fn witness_key() -> Signer {
    signer(2, "witness.example", Algorithm::CosignatureV1)
}

fn policy() -> String {
    format!("log {}\nwitness one {}\nquorum one\n", log_key().name, witness_key().name)
}

/// Entries of a log as it ought to be: `count` places, then the root of their map.
fn entries(count: u64, seed: u8) -> Vec<Vec<u8>> {
    let secret = serde_json::json!(Secret::from_bytes(&[seed; 32]));
    let chain: ChainSecret = serde_json::from_value(secret).unwrap();
    let places = (1..=count).map(|n| {
        let commitment = Sha256::of(&n.to_be_bytes());
        Place { kind: ChainKind::Custody, w: chain.opening(n), commitment }
    });
    let (mut entries, mut labels) = (Vec::new(), Vec::new());
    for (index, place) in (0..).zip(places) {
        labels.push(Placed { label: place.w.label(), index });
        entries.push(place.to_bytes());
    }
    let Ok(root) = map::insert(&mut InMemory::new(), labels);
    entries.push(MapRoot { covers: count, root }.to_bytes());
    entries
}

/// Publishes entries in a folder, seen by the witness at this second.
fn publish(folder: &Path, entries: &[Vec<u8>], at: i64) {
    let (growth, all) = files_of(entries);
    for (tile, bytes) in all {
        let path = folder.join(tile.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let (log, witness) = (log_key(), witness_key());
    let says = Checkpoint {
        origin: log.name.name().to_string(),
        size: growth.size(),
        root: growth.root(),
        extensions: Vec::new(),
    };
    let mut checkpoint = SignedCheckpoint::new(says);
    let text = checkpoint.note().text().to_owned();
    checkpoint.note_mut().add(log.name.sign(&log.key, &text));
    let at = Timestamp::from_unix_s(at).unwrap();
    checkpoint.note_mut().add(witness.name.cosign(&witness.key, &text, at));
    fs::write(folder.join("checkpoint"), checkpoint.to_string()).unwrap();
    fs::write(folder.join("policy"), policy()).unwrap();
}

/// What an audit of a folder finds, in this process.
fn found(folder: &Path, policy: &Policy) -> anyhow::Result<()> {
    let source = LogSource::new(&folder.display().to_string(), None)?;
    let under = reading::checkpoint(&source, policy)?;
    reading::has_no_strays(folder, under.size())?;
    reading::read(&source, &under, None, None, &Bar::hidden()).map(drop)
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    listed.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// T-41: no bit of any file of a log can be another one.
#[test]
fn every_bit_of_a_copy_counts() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), &entries(2, 1), 1_700_000_000);
    let policy: Policy = policy().parse().unwrap();
    found(folder.path(), &policy).unwrap();
    let mut flipped = 0;
    for path in all_files(folder.path()).into_iter().filter(|path| !path.ends_with("policy")) {
        let bytes = fs::read(&path).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &other).unwrap();
            let finding = found(folder.path(), &policy).expect_err("a flipped bit").to_string();
            assert!(!finding.is_empty(), "{} {bit}", path.display());
            flipped += 1;
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(flipped > 6000, "{flipped}");
    found(folder.path(), &policy).unwrap();
}

/// T-41: a file that is cut off, longer, taken away or added.
#[test]
fn a_file_more_or_less_is_named() {
    let folder = tempfile::tempdir().unwrap();
    publish(folder.path(), &entries(300, 1), 1_700_000_000);
    let policy: Policy = policy().parse().unwrap();
    found(folder.path(), &policy).unwrap();
    let code = |error: anyhow::Error| error.downcast_ref::<Finding>().map(Finding::exit_code);
    for path in all_files(&folder.path().join("tile")) {
        let bytes = fs::read(&path).unwrap();
        for other in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat(), &[]] {
            fs::write(&path, other).unwrap();
            let finding = found(folder.path(), &policy).expect_err("another length");
            assert_eq!(code(finding), Some(11), "{}", path.display());
        }
        fs::remove_file(&path).unwrap();
        let finding = found(folder.path(), &policy).expect_err("a file less");
        assert_eq!(code(finding), Some(11), "{}", path.display());
        fs::write(&path, &bytes).unwrap();
    }
    let stray = folder.path().join("tile/0/000.p");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("7"), b"x").unwrap();
    assert_eq!(code(found(folder.path(), &policy).expect_err("a file more")), Some(15));
}

/// T-40, T-42, T-44: what each class of failure ends with, as a person runs it.
#[test]
fn each_class_of_failure_has_an_exit_code() {
    let world = World::new();
    let folder = |name: &str| world.path(name);
    let audit = |name: &str, more: &[&str]| {
        world.run(&[&["audit", "log", name, "--policy", "honest/policy"], more].concat())
    };
    publish(&folder("honest"), &entries(5, 1), 1_700_000_000);
    let done = audit("honest", &[]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.out.contains("The log vault.example/log holds"), "{}", done.out);
    let stale = audit("honest", &["--max-age", "1"]);
    assert_eq!(stale.code, Some(14), "{}", stale.err);

    publish(&folder("longer"), &entries(9, 1), 1_700_000_000);
    let forked = audit("longer", &[]);
    // Its sixth entry is another one: the root of the map stood there.
    assert_eq!(forked.code, Some(12), "{}", forked.err);
    assert!(forked.err.contains("two histories"), "{}", forked.err);

    let mut wrong = entries(5, 3);
    let last = wrong.len() - 1;
    wrong[last] = MapRoot { covers: 5, root: Sha256::of(b"another") }.to_bytes();
    publish(&folder("wrong-map"), &wrong, 1_700_000_000);
    assert_eq!(audit("wrong-map", &[]).code, Some(13));

    publish(&folder("unseen"), &entries(5, 1), 1_700_000_000);
    let path = folder("unseen").join("checkpoint");
    let text = fs::read_to_string(&path).unwrap();
    let (without, _) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(&path, format!("{without}\n")).unwrap();
    let unseen = audit("unseen", &[]);
    assert_eq!(unseen.code, Some(10), "{}", unseen.err);
    assert!(unseen.err.contains("too few witnesses"), "{}", unseen.err);
    assert_eq!(audit("nowhere", &[]).code, Some(11));
}

/// T-41: a copy is kept in a folder of its own, and nothing of anybody else's is touched.
#[test]
fn a_copy_removes_no_file_of_others() {
    let world = World::new();
    publish(&world.path("log"), &entries(3, 1), 1_700_000_000);
    world.write("mine/letter.txt", b"dear");
    let audit =
        |keep: &str| world.run(&["audit", "log", "log", "--policy", "log/policy", "--keep", keep]);
    let refused = audit("mine");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("letter.txt"), "{}", refused.err);
    assert_eq!(world.read("mine/letter.txt"), b"dear");
    assert_eq!(audit("copy").code, Some(0));
    // One that was begun is gone on with, whatever of an older size is left there.
    world.write("copy/tile/0/000.p/2", &[0; 64]);
    assert_eq!(audit("copy").code, Some(0));
    assert!(!world.path("copy/tile/0/000.p/2").exists());
}

/// T-40: a monitor that was started again remembers what was seen.
#[test]
fn a_monitor_remembers() {
    let world = World::new();
    let look = |log: &str| {
        let line = ["audit", "monitor", log, "--policy", "long/policy", "--times", "1"];
        world.run(&[&line[..], &["--max-age", "1000000000"]].concat())
    };
    publish(&world.path("long"), &entries(9, 1), 1_700_000_000);
    publish(&world.path("short"), &entries(5, 1), 1_700_000_000);
    publish(&world.path("other"), &entries(12, 2), 1_700_000_000);
    assert_eq!(look("long").code, Some(0));
    let back = look("short");
    assert!(back.code == Some(12) && back.err.contains("went back"), "{back:?}");
    let forked = look("other");
    assert!(forked.code == Some(12) && forked.err.contains("two histories"), "{forked:?}");
}

/// T-44: a time to come says nothing of now.
#[test]
fn witnesses_of_tomorrow_are_not_recent() {
    let world = World::new();
    publish(&world.path("log"), &entries(3, 1), 4_000_000_000);
    let line = ["audit", "log", "log", "--policy", "log/policy"];
    assert_eq!(world.run(&line).code, Some(0), "nobody asked how old it is");
    let ahead = world.run(&[&line[..], &["--max-age", "60"]].concat());
    assert!(ahead.code == Some(14) && ahead.err.contains("to come"), "{ahead:?}");
}

/// T-40: in a log that is read as a whole, none but the log and its witnesses may sign.
#[test]
fn a_line_of_somebody_else_is_refused() {
    let world = World::new();
    publish(&world.path("log"), &entries(3, 1), 1_700_000_000);
    let audit = || world.run(&["audit", "log", "log", "--policy", "log/policy"]);
    assert_eq!(audit().code, Some(0), "the control");
    let path = world.path("log/checkpoint");
    let text = fs::read_to_string(&path).unwrap();
    let mut checkpoint = SignedCheckpoint::parse(text.as_bytes()).unwrap();
    let stranger = signer(3, "stranger.example", Algorithm::CosignatureV1);
    let at = Timestamp::from_unix_s(1_700_000_000).unwrap();
    let signed = checkpoint.note().text().to_owned();
    checkpoint.note_mut().add(stranger.name.cosign(&stranger.key, &signed, at));
    fs::write(&path, checkpoint.to_string()).unwrap();
    let found = audit();
    assert!(found.code == Some(10) && found.err.contains("stranger.example"), "{found:?}");
}

/// Where a key and a policy are both given, they are of one log, and it alone counts.
#[test]
fn a_key_and_a_policy_are_of_one_log() {
    let world = World::new();
    publish(&world.path("log"), &entries(3, 1), 1_700_000_000);
    let other = signer(9, "other.example/log", Algorithm::Ed25519).name.to_string();
    let line = ["audit", "log", "log", "--policy", "log/policy", "--vkey"];
    let refused = world.run(&[&line[..], &[other.as_str()]].concat());
    assert!(refused.code == Some(2) && refused.err.contains("another log"), "{refused:?}");
    let own = log_key().name.to_string();
    assert_eq!(world.run(&[&line[..], &[own.as_str()]].concat()).code, Some(0));
    let both = format!("log {other}\n{}", policy());
    world.write("both", both.as_bytes());
    let line = ["trust", "log", "--policy", "both", "--vkey"];
    let trusted = world.run(&[&line[..], &[own.as_str()]].concat());
    assert!(trusted.code == Some(0) && !trusted.out.contains("other.example"), "{trusted:?}");
    let listed = world.done(&["trust", "list"]);
    assert!(listed.out.contains("log vault.example/log (as far as these have seen it: one)"));
    world.done(&["trust", "remove", "vault.example/log"]);
    assert!(world.done(&["trust", "list"]).out.contains("You trust nobody yet"));
}

/// A pack that was cut short is gone on with; one that is whole is left alone.
#[test]
fn a_pack_is_gone_on_with() {
    let world = World::new();
    publish(&world.path("log"), &entries(300, 1), 1_700_000_000);
    let tile = world.path("log/tile/0/001.p/45");
    let bytes = fs::read(&tile).unwrap();
    fs::remove_file(&tile).unwrap();
    let pack = || world.run(&["audit", "pack", "log", "--policy", "log/policy", "--out", "pack"]);
    assert_eq!(pack().code, Some(11));
    fs::write(&tile, bytes).unwrap();
    assert_eq!(pack().code, Some(0));
    assert_eq!(pack().code, Some(2), "it is whole");
}

/// Evidence is not written over.
#[test]
fn evidence_stays() {
    let world = World::new();
    publish(&world.path("one"), &entries(5, 1), 1_700_000_000);
    publish(&world.path("other"), &entries(9, 2), 1_700_000_000);
    let line = ["audit", "compare", "one", "other", "--policy", "one/policy"];
    assert_eq!(world.run(&line).code, Some(12));
    let vkey = log_key().name.to_string();
    world.done(&["audit", "evidence", "fork-evidence.json", "--vkey", &vkey]);
    assert_eq!(world.run(&line).code, Some(2), "it is there");
    assert_eq!(world.run(&[&line[..], &["--force"]].concat()).code, Some(12));
}
