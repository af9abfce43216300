//! The log in process: entries admitted with their map, durable and not, and read again as a whole.

use std::{
    fs,
    hint::black_box,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::Context;
use hallmark_api::{
    app::{
        self,
        log::{Log, LogSettings},
    },
    store::{Durability, Options, Store},
};
use hallmark_consent::log::{
    anchor::{self, NewAnchor},
    checkpoint::SignedCheckpoint,
    complete::{CompleteProof, KeptLink, LookedUpAll},
    entry::{ChainKind, Entry, Place},
    policy::Policy,
    tile::{Content, files},
};
use hallmark_core::{chain::Opening, hash::Sha256, key::SigningKey, secret::Secret};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    house::{House, tell},
    pairs::interleave,
    row::{Row, Target},
};

/// Entries on their way at once.
const AT_ONCE: u64 = 16 * 1024;
/// Entries that a segment is measured over.
const SEGMENT: u64 = 50_000;
const MILLION: u64 = 1_000_000;
/// Seed of the service's key.
pub const SEED: [u8; 32] = [7; 32];
const ORIGIN: &str = "bench.example/log";

/// Entries a second, what one more costs when there are many, and what durability costs.
///
/// # Errors
/// When an entry is not taken.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let runtime = Runtime::new()?;
    let mut first_us = Vec::new();
    let compared = interleave(
        house.pairs,
        || {
            tell("admitting 200,000 entries");
            admitted(house, &runtime, Durability::Durable, 200_000)
        },
        || {
            tell("admitting 200,000 entries that are kept nowhere");
            admitted(house, &runtime, Durability::Discard, 200_000)
        },
    )?;
    first_us.extend(compared.iter().map(|(ours, _)| ours / 200_000.0 * 1e6));
    tell("admitting 1,000,000 entries");
    let scene = Scene::on(&house.empty_folder("million")?)?;
    let ages = Ages::watch(&scene.log);
    let early = scene.admit(&runtime, 10_000..10_000 + SEGMENT)?;
    scene.admit(&runtime, 100_000..MILLION - SEGMENT)?;
    let late = scene.admit(&runtime, MILLION..MILLION + SEGMENT)?;
    let oldest_s = ages.oldest_s();
    scene.close();
    tell("one commit for each entry");
    let folder = house.empty_folder("single")?;
    let settings = LogSettings { round: Duration::ZERO, ..LogSettings::new(ORIGIN.parse()?) };
    let scene = Scene::open(&folder, Durability::Durable, settings)?;
    let single_s = scene.admit_singly(&runtime, 0..1_000)? / 1_000.0;
    scene.close();
    Ok(vec![
        Row::at_most("an entry admitted, durable, with the map", "us", 50.0, first_us),
        Row::compared(
            "200,000 entries, durable",
            "kept nowhere",
            Target::SpeedAtLeast(0.7),
            &compared,
        ),
        Row::compared(
            "an entry at 1,000,000",
            "at 10,000",
            Target::CostAtMost(2.0),
            &[(late / SEGMENT as f64, early / SEGMENT as f64)],
        ),
        Row::at_most("the oldest checkpoint meanwhile", "s", 1.0, vec![oldest_s]),
        Row::noted("one commit for each entry", format!("{:.0} a second", 1.0 / single_s)),
    ])
}

/// A full audit of a million entries, against the hashing that it takes.
///
/// # Errors
/// When the log is not written, or the audit fails.
pub fn audit_rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let runtime = Runtime::new()?;
    tell("publishing 1,000,000 entries to audit");
    let (data, copy) = (house.empty_folder("audited")?, house.file("copy"));
    let scene = Scene::on(&data)?;
    scene.admit(&runtime, 0..MILLION)?;
    scene.publish(&copy)?;
    let vkey = scene.log.key().to_string();
    scene.close();
    let roots = MapRound::all(&copy)?;
    tell(&format!("the map has {} roots", roots.len()));
    let audit = house.hallmark().args(["audit", "log"]).arg(&copy).arg("--vkey").arg(&vkey);
    let mut peaks = Vec::new();
    let pairs = interleave(
        house.pairs,
        || {
            tell("auditing");
            let run = audit.run(data.parent().context("a folder")?)?;
            peaks.push(run.peak_kib as f64 / 1024.0);
            Ok(run.wall_s)
        },
        || Ok(hashed(&roots)),
    )?;
    Ok(vec![
        Row::compared(
            "full audit of 1,000,000 entries",
            "its SHA-256 work, each root of the map included, one thread",
            Target::SpeedAtLeast(0.5),
            &pairs,
        ),
        Row::at_most("full audit of 1,000,000 entries: memory", "MiB", 256.0, peaks),
    ])
}

/// Checking a proof of completeness, against the sum of its hashes and signatures.
///
/// # Errors
/// When the proof does not hold.
pub fn complete_rows(house: &House) -> anyhow::Result<Vec<Row>> {
    const TIMES: u32 = 2_000;
    let runtime = Runtime::new()?;
    tell("a proof of completeness in a log of 100,000 entries");
    let folder = house.empty_folder("complete")?;
    let scene = Scene::on(&folder)?;
    scene.admit(&runtime, 0..100_000)?;
    let new = NewAnchor::of(Sha256::of(b"a manifest"), &mut rand::rng());
    let proof = runtime.block_on(scene.log.submit(new.entry()))?;
    let (link, named) = new.logged(&proof).chain();
    let proof = scene.complete(vec![link], &[named.label, named.next])?;
    let bytes = serde_json::to_vec(&proof)?;
    let policy = Policy::of_log(scene.log.key().clone());
    let begins = (ChainKind::Anchor, named.label);
    let hashes = hashes_of(&serde_json::to_value(&proof)?);
    let (name, checkpoint) = (scene.log.key().clone(), scene.log.published());
    let note = checkpoint.context("it is published")?.checkpoint.note().clone();
    let pairs = interleave(
        house.pairs,
        || {
            let begun = Instant::now();
            for _ in 0..TIMES {
                let proof = CompleteProof::parse(&bytes)?;
                black_box(proof.verify(&policy, begins, anchor::named)?);
            }
            Ok(begun.elapsed().as_secs_f64())
        },
        || {
            let begun = Instant::now();
            for _ in 0..TIMES {
                black_box(note.verify(&name)?);
                for _ in 0..hashes {
                    black_box(Sha256::of(&black_box([1; 65])));
                }
            }
            Ok(begun.elapsed().as_secs_f64())
        },
    )?;
    scene.close();
    Ok(vec![Row::compared(
        "a proof of completeness, read and verified",
        "its hashes and signature",
        Target::CostAtMost(1.3),
        &pairs,
    )])
}

/// How many hashes a proof has to compute: one for each that it holds, and of each entry its leaf, its
/// label, its commitment and its place in the map.
fn hashes_of(proof: &serde_json::Value) -> u64 {
    let count = |value: &serde_json::Value| value.as_array().map_or(0, |all| all.len() as u64);
    let links = proof["links"].as_array().into_iter().flatten();
    let each: u64 =
        links.map(|link| 4 + count(&link["inclusion"]) + count(&link["lookup"]["siblings"])).sum();
    each + count(&proof["mapInclusion"]) + count(&proof["end"]["siblings"]) + 2
}

/// The log of a service in this program.
pub struct Scene {
    store: Arc<Store>,
    log: Arc<Log>,
}

impl Scene {
    /// A durable log in this folder, as a service with the key of [`SEED`] has it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn on(folder: &Path) -> anyhow::Result<Self> {
        Self::open(folder, Durability::Durable, LogSettings::new(ORIGIN.parse()?))
    }

    fn open(folder: &Path, durability: Durability, settings: LogSettings) -> anyhow::Result<Self> {
        let options = Options { durability, ..Options::default() };
        let store = Arc::new(Store::open(folder, &options)?);
        let key = app::log_key(&SigningKey::from_seed(&SEED));
        let log = Arc::new(Log::open(Arc::clone(&store), settings, key)?);
        Ok(Self { store, log })
    }

    /// Admits entries of these numbers; seconds. Making them is not counted.
    ///
    /// # Errors
    /// When one is not taken.
    pub fn admit(&self, runtime: &Runtime, numbers: std::ops::Range<u64>) -> anyhow::Result<f64> {
        let (mut seconds, mut from) = (0.0, numbers.start);
        while from < numbers.end {
            let to = numbers.end.min(from + AT_ONCE);
            let entries: Vec<Vec<u8>> = (from..to).map(entry).collect();
            let begun = Instant::now();
            runtime.block_on(async {
                let mut all = JoinSet::new();
                for entry in entries {
                    let log = Arc::clone(&self.log);
                    all.spawn(async move { log.submit(entry).await });
                }
                while let Some(taken) = all.join_next().await {
                    taken??;
                }
                anyhow::Ok(())
            })?;
            seconds += begun.elapsed().as_secs_f64();
            from = to;
        }
        Ok(seconds)
    }

    fn admit_singly(
        &self,
        runtime: &Runtime,
        numbers: std::ops::Range<u64>,
    ) -> anyhow::Result<f64> {
        let entries: Vec<Vec<u8>> = numbers.map(entry).collect();
        let begun = Instant::now();
        for entry in entries {
            runtime.block_on(self.log.submit(entry))?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    fn publish(&self, to: &Path) -> anyhow::Result<()> {
        let published = self.log.published().context("it is published")?;
        self.log.files().copy_to(to, published.size())?;
        fs::write(to.join("checkpoint"), published.checkpoint.to_string())?;
        Ok(())
    }

    fn complete(
        &self,
        links: Vec<KeptLink>,
        labels: &[hallmark_core::id::Label],
    ) -> anyhow::Result<CompleteProof> {
        let (published, labels) = self.log.look_up_all(labels)?;
        let said = LookedUpAll {
            checkpoint: published.checkpoint.to_string(),
            map_root: published.map_root.root,
            map_inclusion: published.map_inclusion.clone(),
            labels,
        };
        said.into_proof(links).context("it is there")
    }

    /// Closes it in order.
    pub fn close(self) {
        self.log.close();
        self.store.close();
    }
}

fn admitted(
    house: &House,
    runtime: &Runtime,
    durability: Durability,
    entries: u64,
) -> anyhow::Result<f64> {
    let scene =
        Scene::open(&house.empty_folder("log")?, durability, LogSettings::new(ORIGIN.parse()?))?;
    let seconds = scene.admit(runtime, 0..entries)?;
    scene.close();
    Ok(seconds)
}

/// How long checkpoints stay the newest.
struct Ages {
    stop: Arc<AtomicBool>,
    watching: JoinHandle<Duration>,
}

impl Ages {
    fn watch(log: &Arc<Log>) -> Self {
        let (log, stop) = (Arc::clone(log), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let watching = std::thread::spawn(move || {
            let (mut size, mut since, mut oldest) = (0, Instant::now(), Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                let now = log.published().map_or(0, |published| published.size());
                if now != size {
                    (size, oldest, since) = (now, oldest.max(since.elapsed()), Instant::now());
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            oldest.max(since.elapsed())
        });
        Self { stop, watching }
    }

    /// The age of the oldest so far, seconds.
    fn oldest_s(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.watching.join().map_or(f64::INFINITY, |oldest| oldest.as_secs_f64())
    }
}

/// A place of a private chain, another one for each number.
pub fn entry(n: u64) -> Vec<u8> {
    let w = Opening::from_secret(Secret::from_bytes(Sha256::of(&n.to_le_bytes()).as_bytes()));
    let commitment = Sha256::of(&n.to_be_bytes());
    Place { kind: ChainKind::Consent, w, commitment }.to_bytes()
}

/// The hashing that an audit takes, on one thread: of each entry its leaf, its label, its leaf in the
/// map and a node of the tree; and of each root of the map what is above the labels that are new in it.
/// Seconds.
fn hashed(roots: &[MapRound]) -> f64 {
    let line = entry(1);
    let begun = Instant::now();
    for root in roots {
        for _ in 0..root.new {
            black_box(Sha256::of(black_box(&line)));
            black_box(Sha256::of(black_box(&[1; 50])));
            black_box(Sha256::of(black_box(&[2; 41])));
            black_box(Sha256::of(black_box(&[3; 65])));
        }
        for _ in 0..root.nodes() {
            black_box(Sha256::of(black_box(&[4; 65])));
        }
    }
    begun.elapsed().as_secs_f64()
}

/// What one root of the map covers.
struct MapRound {
    labels: u64,
    new: u64,
}

impl MapRound {
    /// The rounds of a published log.
    fn all(copy: &Path) -> anyhow::Result<Vec<Self>> {
        let checkpoint = SignedCheckpoint::parse(&fs::read(copy.join("checkpoint"))?)?;
        let (mut rounds, mut labels, mut new) = (Vec::new(), 0, 0);
        let bundles = files(checkpoint.claimed().size);
        for tile in bundles.take_while(|tile| tile.content() == Content::Entries) {
            for entry in tile.entries(&fs::read(copy.join(tile.to_string()))?)? {
                match Entry::parse(entry)? {
                    Entry::MapRoot(_) => {
                        labels += new;
                        rounds.push(Self { labels, new });
                        new = 0;
                    }
                    entry => new += u64::from(entry.label().is_some()),
                }
            }
        }
        Ok(rounds)
    }

    /// How many nodes of the map have at least two labels below them and one that is new, as labels
    /// are spread evenly.
    fn nodes(&self) -> u64 {
        let (labels, new) = (self.labels as f64, self.new as f64);
        let at = |depth: i32| {
            let share = 0.5_f64.powi(depth);
            let without = (-share).ln_1p();
            let touched = -(new * without).exp_m1();
            let alone = new * share * ((labels - 1.0) * without).exp();
            2.0_f64.powi(depth) * (touched - alone)
        };
        (0..64).map(at).sum::<f64>() as u64
    }
}
