//! The log as the service keeps it: taken in rounds, published, found again after any end.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hallmark_api::{
    app::log::{Cosigner, Log, LogError, LogSettings, NoCosignature},
    store::{Options, Store},
};
use hallmark_consent::log::{
    audit::Audit,
    checkpoint::{Checkpoint, SignedCheckpoint},
    entry::{ChainKind, Place},
    note::{Algorithm, VerifierKey},
    policy::Policy,
    tile::{Content, Tile, files},
    witness::AddCheckpoint,
};
use hallmark_core::{chain::ChainSecret, hash::Sha256, key::SigningKey, time::Timestamp};
use rand::{SeedableRng, rngs::StdRng};

fn key() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

fn settings() -> LogSettings {
    let mut settings = LogSettings::new("vault.example/log".parse().unwrap());
    settings.round = Duration::from_millis(5);
    settings
}

fn open_with(data: &Path, settings: LogSettings) -> Result<(Arc<Store>, Log), LogError> {
    let store = Arc::new(Store::open(data, &Options::default()).unwrap());
    Ok((Arc::clone(&store), Log::open(store, settings, key())?))
}

fn open(data: &Path) -> (Arc<Store>, Log) {
    open_with(data, settings()).unwrap()
}

/// Place `n` of a chain.
fn place_of(chain: &ChainSecret, n: u64) -> Vec<u8> {
    let commitment = Sha256::of(&n.to_be_bytes());
    Place { kind: ChainKind::Consent, w: chain.opening(n), commitment }.to_bytes()
}

fn chain(seed: u64) -> ChainSecret {
    ChainSecret::generate(&mut StdRng::seed_from_u64(seed))
}

async fn published(log: &Log) -> SignedCheckpoint {
    loop {
        if let Some(published) = log.published() {
            return published.checkpoint.clone();
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Reads all of a log from its folder, and holds it against its checkpoint.
fn audited(data: &Path, policy: &Policy) -> Audit {
    let folder = data.join("log");
    let checkpoint = SignedCheckpoint::parse(&fs::read(folder.join("checkpoint")).unwrap());
    let under = policy.accept(checkpoint.unwrap()).unwrap();
    let read = |tile: &Tile| fs::read(folder.join(tile.to_string()));
    let (mut audit, mut made) = (Audit::default(), Vec::new());
    for tile in files(under.size()).filter(|tile| tile.content() == Content::Entries) {
        let bytes = read(&tile).unwrap();
        for entry in tile.entries(&bytes).unwrap() {
            made.extend(audit.entry(entry).unwrap());
        }
    }
    made.extend(audit.edge_tiles());
    for (tile, bytes) in made {
        match read(&tile) {
            Ok(there) => assert_eq!(there, bytes, "{tile}"),
            Err(error) => panic!("{tile}: {error}"),
        }
    }
    audit.ends(under.root()).unwrap();
    audit
}

/// T-43: a place is taken once, and what is there already is answered with its first place.
#[tokio::test(flavor = "multi_thread")]
async fn entries_are_taken_proven_and_found_again() {
    let data = tempfile::tempdir().unwrap();
    let (_store, log) = open(data.path());
    let policy = log.policy().clone();
    assert_eq!(published(&log).await.claimed().size, 1, "the root of the empty map");

    let chain = chain(1);
    let first = log.submit(place_of(&chain, 1)).await.unwrap();
    let under = first.clone().verify(&place_of(&chain, 1), &policy).unwrap();
    assert_eq!((first.index, under.size()), (1, 3));

    let again = log.submit(place_of(&chain, 1)).await.unwrap();
    assert_eq!(again.index, 1, "its first place");
    again.verify(&place_of(&chain, 1), &policy).unwrap();

    let other =
        Place { kind: ChainKind::Consent, w: chain.opening(1), commitment: Sha256::of(b"another") };
    let refused = log.submit(other.to_bytes()).await;
    assert!(matches!(refused, Err(LogError::Taken { index: 1 })), "{refused:?}");

    for (label, expected) in [(chain.label(1), Some(1)), (chain.label(2), None)] {
        let found = log.look_up(&label).unwrap();
        assert_eq!(found.lookup.verify(&label, &found.published.map_root.root), Ok(expected));
    }
    for bad in [&b"{}"[..], b"", br#"{"kind":"map"}"#, br#"{"kind":"note","text":"x"}"#] {
        let refused = log.submit(bad.to_vec()).await;
        let told = matches!(refused, Err(LogError::Entry(_) | LogError::Kind { .. }));
        assert!(told, "{refused:?}");
    }
    let report = audited(data.path(), &policy).report().clone();
    assert_eq!((report.places[&ChainKind::Consent], report.map_roots), (1, 2));
}

/// T-48: whatever became of the files, each acknowledged entry is where it was.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_each_answered_and_survive_the_end() {
    const PEOPLE: u64 = 40;
    const EACH: u64 = 25;
    let data = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for start in 0..3 {
        let (store, log) = open(data.path());
        let log = Arc::new(log);
        let policy = log.policy().clone();
        for (entry, index) in &expected {
            let known: Vec<u8> = Vec::clone(entry);
            assert_eq!(log.submit(known).await.unwrap().index, *index, "after start {start}");
        }
        let people: Vec<_> = (0..PEOPLE)
            .map(|person| {
                let (log, policy) = (Arc::clone(&log), policy.clone());
                tokio::spawn(async move {
                    let chain = chain(1000 * start + person);
                    let mut last = None;
                    for n in 1..=EACH {
                        let entry = place_of(&chain, n);
                        let proof = log.submit(entry.clone()).await.unwrap();
                        let index = proof.index;
                        proof.verify(&entry, &policy).unwrap();
                        last = Some((entry, index));
                    }
                    last.unwrap()
                })
            })
            .collect();
        for person in people {
            expected.push(person.await.unwrap());
        }
        drop(log);
        drop(store);
        let audit = audited(data.path(), &policy);
        assert_eq!(audit.report().places[&ChainKind::Consent], (start + 1) * PEOPLE * EACH);
        match start {
            // What is made from the log is made again.
            0 => fs::remove_file(data.path().join("map.db")).unwrap(),
            // What a loss of power may do to files that were not synced.
            _ => torn(&data.path().join("log/tile")),
        }
    }
}

/// Empties every file that is not full, and the newest that is.
fn torn(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            torn(&path);
        } else if path.parent().unwrap().extension().is_some_and(|p| p == "p") {
            fs::write(&path, []).unwrap();
        }
    }
}

/// T-47: a log is not gone on with by somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_under_its_name_and_key_alone() {
    let data = tempfile::tempdir().unwrap();
    let (store, log) = open(data.path());
    published(&log).await;
    drop((log, store));
    let named = LogSettings::new("other.example/log".parse().unwrap());
    let refused = open_with(data.path(), named).map(|_| ());
    assert!(matches!(refused, Err(LogError::AnotherLog { .. })), "{refused:?}");
    let store = Arc::new(Store::open(data.path(), &Options::default()).unwrap());
    let another = SigningKey::from_seed(&[8; 32]);
    let refused = Log::open(store, settings(), another).map(|_| ());
    assert!(matches!(refused, Err(LogError::AnotherLog { .. })), "{refused:?}");
}

/// A witness in memory, which can be told to be away.
#[derive(Clone)]
struct Witness {
    name: VerifierKey,
    key: Arc<SigningKey>,
    log: VerifierKey,
    held: Arc<Mutex<Option<Checkpoint>>>,
    away: Arc<AtomicBool>,
    at: Arc<Mutex<i64>>,
}

impl Witness {
    fn new(seed: u8) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]);
        let name = format!("witness-{seed}.example").parse().unwrap();
        let log = "vault.example/log".parse().unwrap();
        Self {
            name: VerifierKey::new(name, Algorithm::CosignatureV1, key.public()),
            key: Arc::new(key),
            log: VerifierKey::new(log, Algorithm::Ed25519, self::key().public()),
            held: Arc::default(),
            away: Arc::default(),
            at: Arc::new(Mutex::new(1_800_000_000)),
        }
    }
}

impl Cosigner for Witness {
    fn key(&self) -> &VerifierKey {
        &self.name
    }

    fn add_checkpoint(&mut self, request: &str) -> Result<(u16, String), NoCosignature> {
        if self.away.load(Ordering::SeqCst) {
            return Err(NoCosignature { why: "away".into() });
        }
        let request: AddCheckpoint = request.parse().unwrap();
        let mut held = self.held.lock().unwrap();
        match request.decide(std::slice::from_ref(&self.log), held.as_ref()) {
            Ok(new) => {
                *held = Some(new);
                let mut at = self.at.lock().unwrap();
                *at += 1;
                let now = Timestamp::from_unix_s(*at).unwrap();
                Ok((200, format!("{}\n", request.cosign(&self.name, &self.key, now))))
            }
            Err(hallmark_consent::log::witness::NotCosigned::Conflict { size }) => {
                Ok((409, format!("{size}\n")))
            }
            Err(other) => panic!("{other}"),
        }
    }
}

fn witnessed(witnesses: &[Witness]) -> LogSettings {
    let mut settings = settings();
    let names: Vec<String> = (0..witnesses.len()).map(|n| format!("w{n}")).collect();
    let mut text = format!("log {}\n", witnesses[0].log);
    for (name, witness) in names.iter().zip(witnesses) {
        text.push_str(&format!("witness {name} {}\n", witness.name));
    }
    text.push_str(&format!("group most 2 {}\nquorum most\n", names.join(" ")));
    settings.policy = Some(text.parse().unwrap());
    settings.cosigners =
        witnesses.iter().map(|one| Box::new(one.clone()) as Box<dyn Cosigner>).collect();
    settings.quiet = Duration::from_millis(200);
    settings
}

/// T-40, T-46: witnesses who are away stop the log, and nothing is acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_without_its_witnesses() {
    let data = tempfile::tempdir().unwrap();
    let witnesses = [Witness::new(1), Witness::new(2), Witness::new(3)];
    let (store, log) = open_with(data.path(), witnessed(&witnesses)).unwrap();
    let log = Arc::new(log);
    let policy = log.policy().clone();
    let chain = chain(1);
    let one = log.submit(place_of(&chain, 1)).await.unwrap();
    one.verify(&place_of(&chain, 1), &policy).unwrap();
    // One away is no loss; the quorum is two.
    witnesses[0].away.store(true, Ordering::SeqCst);
    let two = log.submit(place_of(&chain, 2)).await.unwrap();
    let under = two.verify(&place_of(&chain, 2), &policy).unwrap();
    assert_eq!(under.seen().len(), 2);
    // Two are: nothing is published until one is back.
    witnesses[1].away.store(true, Ordering::SeqCst);
    let before = published(&log).await.claimed().size;
    let waiting = tokio::spawn({
        let (log, entry) = (Arc::clone(&log), place_of(&chain, 3));
        async move { log.submit(entry).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(published(&log).await.claimed().size, before);
    assert!(log.is_unwitnessed() && !waiting.is_finished());
    assert!(matches!(
        log.look_up(&chain.label(3)).unwrap().lookup.end,
        hallmark_consent::log::map::End::Another(_) | hallmark_consent::log::map::End::Nothing
    ));
    witnesses[0].away.store(false, Ordering::SeqCst);
    let three = waiting.await.unwrap().unwrap();
    three.verify(&place_of(&chain, 3), &policy).unwrap();
    // A quiet log is cosigned again.
    witnesses[1].away.store(false, Ordering::SeqCst);
    let as_of = |log: &Log| policy.accept(log.published().unwrap().checkpoint.clone());
    let then = as_of(&log).unwrap().as_of().unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(as_of(&log).unwrap().as_of().unwrap() > then);
    // Stopped while nobody answers: the next start goes on with what is durable.
    for witness in &witnesses {
        witness.away.store(true, Ordering::SeqCst);
    }
    let submit = |n| {
        let (log, entry) = (Arc::clone(&log), place_of(&chain, n));
        tokio::spawn(async move { log.submit(entry).await.map(|_| ()) })
    };
    let waiting = submit(4);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // This one waits behind the round that is not published.
    let behind = submit(5);
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::task::spawn_blocking({
        let log = Arc::clone(&log);
        move || log.close()
    })
    .await
    .unwrap();
    assert!(matches!(waiting.await.unwrap(), Err(LogError::Closing)));
    assert!(matches!(behind.await.unwrap(), Err(LogError::Closing)));
    drop((log, store));
    for witness in &witnesses {
        witness.away.store(false, Ordering::SeqCst);
    }
    let (_store, log) = open_with(data.path(), witnessed(&witnesses)).unwrap();
    let four = log.submit(place_of(&chain, 4)).await.unwrap();
    assert_eq!(four.index, 7, "it was durable, and is acknowledged now");
    assert_eq!(log.submit(place_of(&chain, 5)).await.unwrap().index, 9, "it was not");
    audited(data.path(), &policy);
}

/// T-47: a log that came out of a backup does not go on by itself, and what it has is whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_goes_on_when_told() {
    let place = tempfile::tempdir().unwrap();
    let [data, copy, again] = ["data", "copy", "again"].map(|name| place.path().join(name));
    let (store, log) = open(&data);
    let chain = chain(1);
    for n in 1..=300 {
        log.submit(place_of(&chain, n)).await.unwrap();
    }
    let now = Timestamp::from_unix_s(1_800_000_000).unwrap();
    // What is full goes out of the store, and comes with the files.
    drop(log);
    store.backup(&copy, now).unwrap();
    drop(store);
    hallmark_api::store::backup::restore(&copy, &again, now).unwrap();
    assert!(copy.join("log/tile/entries/000").is_file() && again.join("log/tile/0/000").is_file());
    let (store, log) = open(&again);
    let refused = log.submit(place_of(&chain, 301)).await;
    assert!(matches!(refused, Err(LogError::Restored)), "{refused:?}");
    assert!(log.published().is_none(), "nobody is shown an older log");
    drop((log, store));
    let (store, log) =
        open_with(&again, LogSettings { goes_on_after_restore: true, ..settings() }).unwrap();
    let policy = log.policy().clone();
    log.submit(place_of(&chain, 301)).await.unwrap();
    assert!(log.submit(place_of(&chain, 7)).await.unwrap().index < 20);
    drop((log, store));
    assert_eq!(audited(&again, &policy).report().places[&ChainKind::Consent], 301);
    let (_store, log) = open(&again);
    log.submit(place_of(&chain, 302)).await.unwrap();
}

/// A frozen log keeps what it has and takes nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_log_ends() {
    let data = tempfile::tempdir().unwrap();
    let (store, log) = open(data.path());
    let chain = chain(1);
    log.submit(place_of(&chain, 1)).await.unwrap();
    let log =
        tokio::task::spawn_blocking(move || log.freeze().map(|_| log)).await.unwrap().unwrap();
    drop((log, store));
    let (_store, log) = open(data.path());
    let size = published(&log).await.claimed().size;
    let refused = log.submit(place_of(&chain, 2)).await;
    assert!(matches!(refused, Err(LogError::Frozen)), "{refused:?}");
    assert_eq!(published(&log).await.claimed().size, size);
}

/// T-47: a database that is older than what was published is not gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_is_found_out() {
    let place = tempfile::tempdir().unwrap();
    let [data, aside] = ["data", "aside"].map(|name| place.path().join(name));
    let (store, log) = open(&data);
    let chain = chain(1);
    log.submit(place_of(&chain, 1)).await.unwrap();
    drop((log, store));
    fs::copy(data.join("hallmark.db"), &aside).unwrap();
    let (store, log) = open(&data);
    log.submit(place_of(&chain, 2)).await.unwrap();
    drop((log, store));
    for beside in ["hallmark.db-wal", "hallmark.db-shm"] {
        let _ = fs::remove_file(data.join(beside));
    }
    fs::copy(&aside, data.join("hallmark.db")).unwrap();
    for _ in 0..2 {
        let (_store, log) = open(&data);
        let refused = log.submit(place_of(&chain, 3)).await;
        assert!(matches!(refused, Err(LogError::Restored)), "{refused:?}");
    }
}

/// T-40: a log that had witnesses does not go on without saying so.
#[tokio::test(flavor = "multi_thread")]
async fn witnesses_are_not_left_out_by_mistake() {
    let data = tempfile::tempdir().unwrap();
    let witnesses = [Witness::new(1), Witness::new(2)];
    let (store, log) = open_with(data.path(), witnessed(&witnesses)).unwrap();
    published(&log).await;
    drop((log, store));
    let refused = open_with(data.path(), settings()).map(|_| ());
    assert!(matches!(refused, Err(LogError::NoPolicy)), "{refused:?}");
    let without = format!("log {}\nquorum none\n", witnesses[0].log).parse().unwrap();
    let said = LogSettings { policy: Some(without), ..settings() };
    let (_store, log) = open_with(data.path(), said).unwrap();
    published(&log).await;
}
