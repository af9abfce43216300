//! A log with a witness and a monitor: an anchored piece, an auditor, and everything that a dishonest
//! service could try with it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use hallmark_api::{
    app::{
        log_key,
        witness::{Rebuild, Witness},
    },
    http,
    serve::{
        self, Hooks, LogTo, Running, Settings,
        config::{Log, LogLevel},
    },
    store::WitnessStore,
};
use hallmark_consent::log::{
    anchor::Anchor,
    entry::{ChainKind, Entry, Place},
    note::{Algorithm, VerifierKey},
};
use hallmark_core::{id::Label, key::SigningKey, secret::Secret};

use super::{
    Tour, World,
    false_log::{LogKey, ended, entries, publish},
    line::{Lie, Line},
    people::{Person, arguments},
    stage::{Stage, Stopped},
    summary::Outcome,
};
use crate::{cmd::audit::map_check, remote::log::LogSource, report::exit_code, session::Server};

/// The service of this chapter, and who watches it.
pub(super) struct Scene {
    service: Running,
    watchers: Vec<Running>,
    _to_monitor: Line,
    line: Line,
    log: LogKey,
    pub(super) vkey: PathBuf,
    pub(super) policy: PathBuf,
    auditor: Person,
    studio: Person,
}

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, .. } = tour;
    let scene = open(world, stage)?;
    anchor(world, stage, &scene)?;
    audit(world, stage, &scene)?;
    lies(world, stage, &scene)?;
    super::follow::play(world, stage, &scene)?;
    stage.step("The service stops, and the copy goes on", Outcome::Ok, |checks| {
        let Scene { service, watchers, auditor, .. } = scene;
        service.stop();
        watchers.into_iter().for_each(Running::stop);
        let log = world.folder.at("log");
        let read = auditor.run(arguments!["audit", "log", &log, "--policy", log.join("policy")])?;
        checks.that("it verifies without any service", read.json()["size"].is_u64())
    })
}

fn open(world: &World<'_>, stage: &mut Stage) -> Result<Scene, Stopped> {
    stage.step("A log, a witness, and a monitor that rebuilds its map", Outcome::Ok, |checks| {
        let scratch = world.scratch.join("log");
        fs::create_dir_all(&scratch)?;
        let rng = &mut world.session.rng();
        let (line, to_monitor) = (Line::open()?, Line::open()?);
        let key = SigningKey::from_seed(Secret::generate(rng).expose());
        let own = log_key(&key);
        let origin = format!("{}/log", line.authority());
        let name = VerifierKey::new(origin.parse()?, Algorithm::Ed25519, own.public());
        let log = LogKey { name: name.clone(), key: own };

        let map = LogSource::new(&format!("http://{}/log", to_monitor.authority()), None)?;
        let mut watchers = Vec::new();
        let mut policy = format!("log {name}\n");
        let checks_map = map_check(map, vec![name.clone()]);
        for (called, rebuild) in [("witness", None), ("map", Some(checks_map))] {
            let (watcher, vkey) = watch(&scratch.join(called), called, &name, rebuild, world)?;
            policy += &format!("witness {called} {vkey} http://{}\n", watcher.address());
            watchers.push(watcher);
        }
        policy += "group both all witness map\nquorum both\n";
        let files = [("vkey", format!("{name}\n")), ("policy", policy)].map(|(called, text)| {
            let path = scratch.join(called);
            fs::write(&path, text).map(|()| path)
        });
        let [vkey, policy] = files;
        let (vkey, policy) = (vkey?, policy?);

        let settings = Settings {
            data: scratch.join("data"),
            authorities: vec![line.authority()],
            witnesses: Some(policy.clone()),
            ..quiet()?
        };
        let (router, hooks) = serve::wire::open(&settings, key, settings.authorities.clone())?;
        let service = serve::embedded(&settings, router, hooks, LogTo::Program)?;
        line.lead_to(service.address());
        to_monitor.lead_to(service.address());
        let server =
            Server { address: Some(format!("http://{}", line.authority())), ..Server::default() };
        let auditor = Person::new(world.session, &world.people.home, "auditor")?;
        let studio = world.people.studio.with_server(server);
        let scene = Scene {
            service,
            watchers,
            _to_monitor: to_monitor,
            line,
            log,
            vkey,
            policy,
            auditor,
            studio,
        };
        let begun = until(|| scene.audit(&scene.address(), &[]).ok())?;
        checks.same("its first entry is the root of an empty map", begun, 1)?;
        Ok(scene)
    })
}

/// A witness on a port of its own, and its key.
fn watch(
    data: &Path,
    called: &str,
    log: &VerifierKey,
    rebuild: Option<Box<dyn Rebuild>>,
    world: &World<'_>,
) -> anyhow::Result<(Running, VerifierKey)> {
    let key = SigningKey::from_seed(Secret::generate(&mut world.session.rng()).expose());
    let name = format!("{called}.example").parse()?;
    let name = VerifierKey::new(name, Algorithm::CosignatureV1, key.public());
    let clock = Box::new(world.session.clock());
    let store = WitnessStore::open(data)?;
    let witness = Witness::new(store, (name.clone(), key), vec![log.clone()], rebuild, clock);
    let router = http::witness::router(Arc::new(witness));
    let running = serve::embedded(&quiet()?, router, Hooks::default(), LogTo::Program)?;
    Ok((running, name))
}

fn quiet() -> anyhow::Result<Settings> {
    let log = Log { level: LogLevel::Off, ..Log::default() };
    Ok(Settings { listen: "127.0.0.1:0".parse()?, log, ..Settings::default() })
}

/// What comes within some seconds.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    for _ in 0..100 {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    anyhow::bail!("it did not come")
}

impl Scene {
    /// The service, as people reach it.
    pub(super) fn server(&self) -> Server {
        let address = Some(format!("http://{}", self.line.authority()));
        Server { address, ..Server::default() }
    }

    fn address(&self) -> String {
        format!("http://{}/log", self.line.authority())
    }

    /// The number of entries that an audit by the policy finds.
    fn audit(&self, log: &str, more: &[&str]) -> anyhow::Result<u64> {
        let line = arguments!["audit", "log", log, "--policy", &self.policy];
        let line = line.into_iter().chain(more.iter().map(Into::into));
        let read = self.auditor.run(line)?;
        read.json()["size"].as_u64().context("an audit counts entries")
    }

    /// The exit code of an audit by somebody who has the log's key, and never saw the log before.
    fn audited_anew(&self, log: &Path, world: &World<'_>) -> anyhow::Result<u8> {
        let home = tempfile::tempdir_in(&world.scratch)?;
        let somebody = Person::new(world.session, home.path(), "somebody")?;
        Ok(outcome(somebody.run(arguments!["audit", "log", log, "--vkey", &self.vkey])).0)
    }
}

pub(super) fn outcome<T>(run: anyhow::Result<T>) -> (u8, String) {
    run.map_or_else(|error| (exit_code(&error), format!("{error:#}")), |_| (0, String::new()))
}

fn anchor(world: &World<'_>, stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let piece = world.piece();
    let buyer = &world.people.buyer;
    stage.step(
        "The studio anchors the piece, and learns that it is logged",
        Outcome::Ok,
        |checks| {
            scene.studio.run(arguments!["trust", "log", "--policy", &scene.policy])?;
            let anchored = scene.studio.run(arguments!["piece", "anchor", &piece])?;
            let since = anchored.json()["existedBefore"].is_string();
            checks.that("witness and monitor say since when it exists", since)
        },
    )?;
    stage.step("The buyer verifies offline that it existed before", Outcome::Ok, |checks| {
        let seen = buyer.verify(&piece, arguments!["--log-policy", &scene.policy])?;
        checks.that(
            "the verdict says so, beside what it said before",
            seen.verdict["existedBefore"].is_string() && seen.codes().is_empty(),
        )?;
        let key_alone = buyer.verify(&piece, arguments!["--log-vkey", &scene.vkey])?;
        checks.that(
            "on the log's word alone no time is said",
            key_alone.verdict["existedBefore"].is_null() && key_alone.verdict["log"].is_string(),
        )
    })?;
    stage.step("The anchor's chain is complete, and that is its end", Outcome::Ok, |checks| {
        let proof = world.scratch.join("chain.complete.json");
        let proven = scene.studio.run(arguments![
            "log",
            "prove",
            "complete",
            &piece,
            "--max-age",
            "300",
            "--out",
            &proof
        ])?;
        checks.that(
            "that nothing follows rests on the monitor's word too",
            proven.json()["mapAsOf"].is_string(),
        )?;
        let first = proven.json()["first"].as_str().unwrap_or_default().to_owned();
        let check = |first: &str| {
            let line =
                arguments!["log", "check", &proof, "--first", first, "--policy", &scene.policy];
            outcome(scene.auditor.run(line)).0
        };
        checks.same("anyone checks it offline", check(&first), 0)?;
        checks.same("it is no proof of another chain", check(&"0".repeat(64)), 11)
    })
}

fn audit(world: &World<'_>, stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    stage.step("An auditor reads the whole log, and keeps a copy", Outcome::Ok, |checks| {
        let copy = world.folder.at("log");
        let copied = copy.display().to_string();
        let size = scene.audit(&scene.address(), &["--keep", &copied, "--max-age", "300"])?;
        checks.same("the anchor and two roots of the map are in it", size, 3)?;
        checks.same("the copy verifies by itself", scene.audit(&copied, &[])?, size)?;
        let pack = world.scratch.join("pack");
        scene.auditor.run(arguments![
            "audit",
            "pack",
            scene.address(),
            "--policy",
            &scene.policy,
            "--out",
            &pack
        ])?;
        let packed = pack.join("log").display().to_string();
        checks.same("so does what was packed", scene.audit(&packed, &[])?, size)?;
        let strayed = world.scratch.join("strayed");
        copy_folder(&copy, &strayed)?;
        fs::write(strayed.join("tile/extra"), b"x")?;
        let (code, why) = outcome(scene.audit(&strayed.display().to_string(), &[]));
        checks.that("a file that does not belong is named", why.contains("extra"))?;
        checks.same("and has an exit code of its own", code, 15)
    })
}

fn lies(world: &World<'_>, stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let log = world.folder.at("log");
    let place = |name: &str| -> anyhow::Result<PathBuf> {
        let folder = world.scratch.join("false-logs").join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    };
    let honest = || entries(&log, 3);

    stage.step("The service rewrites an entry", Outcome::Caught, |checks| {
        let folder = place("rewritten")?;
        copy_folder(&log, &folder)?;
        let bundle = folder.join("tile/entries/000.p/3");
        let mut bytes = fs::read(&bundle)?;
        // A digit of the anchor's commitment: the entry is one all the same.
        let mark = b"\"commitment\":\"";
        let at = bytes.windows(mark.len()).position(|window| window == mark);
        let at = at.context("the anchor")? + mark.len();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        fs::write(&bundle, bytes)?;
        let (code, why) = outcome(scene.audit(&folder.display().to_string(), &[]));
        checks
            .that("the audit says what it means", why.contains("altered since they were signed"))?;
        checks.same("and has an exit code for it", code, 11)
    })?;

    stage.step("The service forks the log", Outcome::Caught, |checks| {
        let folder = place("forked")?;
        let mut other = honest()?;
        other.truncate(1);
        other.push(br#"{"kind":"note","text":"another history"}"#.to_vec());
        other.push(br#"{"kind":"note","text":"and more of it"}"#.to_vec());
        let forged = publish(&folder, &ended(other, None)?, &scene.log)?;
        let evidence = world.scratch.join("fork.json");
        // One view is for people who ask for no witness: the honest one as such people are shown it.
        let bare = place("bare")?;
        publish(&bare, &honest()?, &scene.log)?;
        let compared = scene.auditor.run(arguments![
            "audit",
            "compare",
            &bare,
            &folder,
            "--vkey",
            &scene.vkey,
            "--evidence",
            &evidence
        ]);
        checks.same("two histories have an exit code", outcome(compared).0, 12)?;
        let shown =
            scene.auditor.run(arguments!["audit", "evidence", &evidence, "--vkey", &scene.vkey])?;
        checks.same(
            "the evidence convinces whoever has the key",
            shown.json()["forked"].as_bool(),
            Some(true),
        )?;
        checks.that("the witness does not cosign it", !cosigned(scene, &forged.to_string())?)
    })?;

    stage.step("The service rolls a checkpoint back", Outcome::Caught, |checks| {
        let address = scene.address();
        let old = scene.line.lying(Lie::OldAnswer, || scene.audit(&address, &[]));
        let (code, why) = outcome(old);
        checks.that("what was read before is remembered", why.contains("went back"))?;
        checks.same("going back has an exit code", code, 12)
    })?;

    let anchor_label = || -> anyhow::Result<Label> {
        Entry::parse(&honest()?[1])?.label().context("the anchor has a label")
    };
    stage.step("The service leaves an entry out of the map", Outcome::Caught, |checks| {
        let folder = place("left-out")?;
        let kept = honest()?[..2].to_vec();
        publish(&folder, &ended(kept, Some(anchor_label()?))?, &scene.log)?;
        checks.same("whoever rebuilds the map sees it", scene.audited_anew(&folder, world)?, 13)
    })?;

    stage.step("The service gives a place away twice", Outcome::Caught, |checks| {
        let folder = place("twice")?;
        let mut twice = honest()?;
        let Entry::Place(place) = Entry::parse(&twice[1])? else { anyhow::bail!("an anchor") };
        let commitment = hallmark_core::hash::Sha256::of(b"another event");
        twice.push(Place { commitment, ..place }.to_bytes());
        publish(&folder, &ended(twice, None)?, &scene.log)?;
        checks.same("the audit counts each place once", scene.audited_anew(&folder, world)?, 13)
    })?;

    stage.step("The service logs the anchor as something else", Outcome::Caught, |checks| {
        let folder = place("another-kind")?;
        let mut entries = honest()?[..1].to_vec();
        let Entry::Place(anchor) = Entry::parse(&honest()?[1])? else { anyhow::bail!("an anchor") };
        entries.push(Place { kind: ChainKind::Consent, ..anchor }.to_bytes());
        let entries = ended(entries, None)?;
        let checkpoint = publish(&folder, &entries, &scene.log)?;
        checks.same(
            "the log by itself holds: nobody sees what is private",
            scene.audited_anew(&folder, world)?,
            0,
        )?;
        let leaves: Vec<_> =
            entries.iter().map(|entry| hallmark_consent::log::merkle::leaf_hash(entry)).collect();
        let hashes = vec![leaves[0], leaves[2]];
        let proof = hallmark_consent::log::proof::LogProof { index: 1, hashes, checkpoint };
        let policy = hallmark_consent::log::policy::Policy::of_log(scene.log.name.clone());
        let (anchor, hash) = anchor_of(world)?;
        let verified = anchor.with_proof(&proof).verify(&hash, &policy);
        checks.that("who opens it sees that it is not the anchor", verified.is_err())
    })?;

    stage.step("The service dates a cosignature back", Outcome::Caught, |checks| {
        let folder = place("back-dated")?;
        copy_folder(&log, &folder)?;
        let path = folder.join("checkpoint");
        let text = fs::read_to_string(&path)?;
        fs::write(&path, back_dated(&text)?)?;
        let (code, why) = outcome(scene.audit(&folder.display().to_string(), &[]));
        checks.that("the time is under the witness's signature", why.contains("does not hold"))?;
        checks.same("and its exit code is that of signatures", code, 10)
    })
}

/// The anchor in the piece, and the hash that it is about.
fn anchor_of(world: &World<'_>) -> anyhow::Result<(Anchor, hallmark_core::hash::Sha256)> {
    let (source, inspection) = crate::cmd::verify::inspected(&world.piece(), world.session)?;
    let file = inspection.file().context("the piece holds")?;
    let anchor = crate::cmd::piece::anchor::of(file, &source).context("it is anchored")??;
    Ok((anchor, file.custody().manifest_hash()))
}

/// A checkpoint whose last cosignature says an hour earlier.
fn back_dated(text: &str) -> anyhow::Result<String> {
    let (before, line) = text.trim_end().rsplit_once(' ').context("a signature line")?;
    let mut bytes = data_encoding::BASE64.decode(line.as_bytes())?;
    let time: [u8; 8] = bytes[4..12].try_into()?;
    bytes[4..12].copy_from_slice(&(u64::from_be_bytes(time) - 3600).to_be_bytes());
    Ok(format!("{before} {}\n", data_encoding::BASE64.encode(&bytes)))
}

/// Whether the witness cosigns a checkpoint that does not go on from what it has seen.
fn cosigned(scene: &Scene, checkpoint: &str) -> anyhow::Result<bool> {
    let address = format!("http://{}/add-checkpoint", scene.watchers[0].address());
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent: ureq::Agent = config.into();
    let answer = agent.post(address).send(format!("old 0\n\n{checkpoint}"))?;
    Ok(answer.status().is_success())
}

pub(super) fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?, to);
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
