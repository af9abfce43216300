//! A buyer's vault at a service that stores what it cannot read: two devices, a stolen one, paper, a
//! lying service, and a search of everything the service has.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use hallmark_api::serve::{self, LogTo, Running, Settings};
use hallmark_core::{key::SigningKey, secret::Secret};
use hallmark_vault::{
    item::{Cache, sealed},
    online::{OnlineError, offline},
    profile::Profile,
    state::Store,
};
use rand_core::Rng;
use serde_json::Value;

use super::{
    Tour, World,
    blindness::Canaries,
    line::{Lie, Line},
    people::{Person, arguments},
    stage::{Checks, Stage, Stopped},
    summary::Outcome,
};
use crate::session::Server;

/// The service, the line to it, and who uses it.
struct Scene {
    running: Running,
    line: Line,
    /// The whole data directory, the log and a metrics scrape.
    folder: PathBuf,
    log: LogFile,
    phone: Person,
    laptop: Person,
    stolen: Person,
    thief: Person,
    fresh: Person,
    guest: Person,
    canaries: Canaries,
    /// The recovery code as it was written down.
    paper: PathBuf,
}

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, .. } = tour;
    let mut scene = open(world, stage)?;
    keep(world, stage, &mut scene)?;
    second_device(stage, &scene)?;
    stolen(world, stage, &scene)?;
    lies(stage, &scene)?;
    thief(stage, &scene)?;
    paper(world, stage, &scene)?;
    farewell(world, stage, &mut scene)?;
    blind(world, stage, scene)
}

fn open(world: &World<'_>, stage: &mut Stage) -> Result<Scene, Stopped> {
    stage.step("A service with nothing to set up", Outcome::Ok, |checks| {
        let folder = world.folder.at("service");
        fs::create_dir_all(&folder)?;
        let line = Line::open()?;
        let settings = Settings {
            data: folder.join("data"),
            listen: "127.0.0.1:0".parse()?,
            authorities: vec![line.authority()],
            ..Settings::default()
        };
        let log = LogFile::at(&folder.join("service.log"))?;
        let key = SigningKey::from_seed(Secret::generate(&mut world.session.rng()).expose());
        let (router, hooks) = serve::wire::open(&settings, key, settings.authorities.clone())?;
        let writer = log.clone();
        let log_to = LogTo::Writer(Box::new(move || Box::new(writer.clone())));
        let running = serve::embedded(&settings, router, hooks, log_to)?;
        line.lead_to(running.address());
        let ready = scraped(&running, "/readyz")?;
        checks.that(
            "it is ready, with an empty folder and a key",
            ready.starts_with("HTTP/1.1 200"),
        )?;
        let device = |name: &str| -> anyhow::Result<Person> {
            let person = Person::new(world.session, &world.people.home, name)?;
            let address = Some(format!("http://{}", line.authority()));
            Ok(person.with_server(Server { address, ..Server::default() }))
        };
        Ok(Scene {
            phone: world.people.buyer.with_server(Server {
                address: Some(format!("http://{}", line.authority())),
                ..Server::default()
            }),
            laptop: device("laptop")?,
            stolen: device("stolen")?,
            thief: device("thief")?,
            fresh: device("fresh")?,
            guest: device("guest")?,
            paper: world.people.home.join("paper"),
            canaries: Canaries::default(),
            running,
            line,
            folder,
            log,
        })
    })
}

/// Everything private that there is, each value one of a kind.
fn keep(world: &World<'_>, stage: &mut Stage, scene: &mut Scene) -> Result<(), Stopped> {
    let piece = world.piece();
    let phone = scene.phone.clone();
    let canaries = &mut scene.canaries;
    let mut rng = world.session.rng();
    let mut unique = |kind: &str, text: &str| {
        let mut random = [0; 10];
        rng.fill_bytes(&mut random);
        let random = data_encoding::BASE32.encode(&random).to_lowercase();
        // An e-mail address has no blanks.
        let between = if text.contains('@') { '.' } else { ' ' };
        let value = format!("{text}{between}{random}");
        canaries.plant(kind, value.clone());
        value
    };
    stage.step("The buyer keeps an address, a ring size and more", Outcome::Ok, |checks| {
        let mut put = |kind: &str, fields: &[(&str, &str)]| {
            let given = fields.iter().map(|(name, value)| match *value {
                "eu" | "52" | "SE" => format!("{name}={value}"),
                value => format!("{name}={}", unique(kind, value)),
            });
            let line = [String::from("item"), "put".into(), kind.into()];
            phone.run(line.into_iter().chain(given).map(Into::into))
        };
        put(
            "delivery-address",
            &[
                ("name", "Ines Halloran"),
                ("line1", "Östra Förstadsgatan"),
                ("city", "Malmö"),
                ("country", "SE"),
                ("phone", "+46 40"),
            ],
        )?;
        put("contact", &[("email", "ines@example.org")])?;
        put("ring-size", &[("size", "52"), ("system", "eu"), ("finger", "left ring finger")])?;
        put("payment-token", &[("provider", "Provider"), ("token", "tok")])?;
        put("membership", &[("studio", "Atelier"), ("number", "member")])?;
        let picture = world.scratch.join(format!("{}.jpg", unique("file-name", "portrait")));
        let content = unique("file-content", "what is in the portrait");
        fs::write(&picture, content.repeat(40_000))?;
        let text = unique("note", "engrave for our anniversary");
        phone.run(arguments![
            "item",
            "put",
            "note",
            format!("text={text}"),
            "--attach",
            &picture
        ])?;
        phone.run(arguments!["piece", "keep", &piece])?;
        let listed = phone.run(arguments!["item", "ls"])?;
        checks.same("seven items are kept", items(listed.json()), 7)?;
        let shown = phone.run(arguments!["account", "show"])?;
        checks.same("nothing waits to be sent", shown.json()["unsent"].as_u64(), Some(0))
    })?;

    stage.step("The recovery code goes on paper, and off the device", Outcome::Ok, |checks| {
        let shown = phone.run(arguments!["account", "code"])?;
        let words: Vec<&str> = shown.json()["words"]
            .as_array()
            .map(|words| words.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        checks.same("the code has fourteen words", words.len(), 14)?;
        fs::write(&scene.paper, words.join(" "))?;
        canaries.plant("recovery-code", words.join(" "));
        // Every secret that is there before the code is erased.
        for (kind, key) in secret_keys(world, &phone)? {
            canaries.plant(&kind, key);
        }
        phone.run(arguments!["account", "code", "--written", &scene.paper])?;
        let again = phone.run(arguments!["account", "code"]);
        checks.that("given back, it is erased: no command shows it again", again.is_err())?;
        let left = serde_json::to_string(&profile_of(&phone)?.read().holdings)?;
        checks.that("the device's state no longer holds it", !left.contains("\"recovery\""))
    })
}

fn second_device(stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let Scene { phone, laptop, .. } = scene;
    stage.step("A second device under other words", Outcome::Refused, |checks| {
        let asked = laptop.run(arguments!["device", "join", "--wait", "0"])?;
        let code = text(asked.json(), "code");
        let other = "zoo zoo zoo zoo zoo zoo";
        let added = phone.run(arguments!["device", "add", code, "--words", other]);
        let why = added.err().map(|error| format!("{error:#}")).unwrap_or_default();
        checks
            .that("a device whose words differ is not let in", why.contains("it is another device"))
    })?;

    stage.step("A second device joins, words compared on both", Outcome::Ok, |checks| {
        join(phone, laptop, "laptop")?;
        checks.same(
            "it lists the same items",
            items(laptop.run(arguments!["item", "ls"])?.json()),
            items(phone.run(arguments!["item", "ls"])?.json()),
        )?;
        let words = |person: &Person| -> anyhow::Result<String> {
            Ok(text(person.run(arguments!["account", "show"])?.json(), "stateWords"))
        };
        checks.same(
            "both show the same six words for the account's state",
            words(phone)?,
            words(laptop)?,
        )
    })?;

    stage.step("Both change one item at once", Outcome::Ok, |checks| {
        let offline = scene
            .line
            .lying(Lie::Cut, || laptop.run(arguments!["item", "edit", "ring-size", "size=53"]))?;
        checks.same(
            "while the laptop is offline, its change is kept and not sent",
            offline.json()["sent"].as_bool(),
            Some(false),
        )?;
        phone.run(arguments!["item", "edit", "ring-size", "finger=right ring finger"])?;
        laptop.run(arguments!["account", "sync"])?;
        for person in [phone, laptop] {
            let seen = person.run(arguments!["item", "get", "ring-size"])?;
            let fields = &seen.json()["now"]["fields"];
            checks.same(
                "both changes are there on both devices",
                (fields["size"].as_str(), fields["finger"].as_str()),
                (Some("53"), Some("right ring finger")),
            )?;
        }
        Ok(())
    })
}

fn stolen(world: &World<'_>, stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let Scene { phone, laptop, stolen, .. } = scene;
    stage.step("The laptop is stolen, with all it has, and revoked", Outcome::Ok, |checks| {
        copy_profile(world, laptop, stolen)?;
        let revoked = phone.run(arguments!["device", "revoke", "laptop", "--yes"])?;
        checks.that("the phone took it off", revoked.json()["revoked"].is_string())?;
        phone.run(arguments!["item", "edit", "ring-size", "size=54"])?;
        Ok(())
    })?;

    stage.step("The thief opens what is new", Outcome::Refused, |checks| {
        let listed = stolen.run(arguments!["item", "ls"]);
        let error = listed.err().context("the stolen laptop was answered")?;
        checks.that(
            "the service does not answer it, and it says who took it off and when",
            matches!(error.downcast_ref(), Some(OnlineError::Revoked(_))),
        )?;
        let (theirs, ours) = (profile_of(stolen)?, profile_of(phone)?);
        let account = |store: &Store<Profile>| -> anyhow::Result<_> {
            Ok(store.read().holdings.as_ref().context("no account")?.account.clone())
        };
        let (theirs, ours) = (account(&theirs)?, account(&ours)?);
        let cache = Cache::load(&folder_of(world, phone), ours.id(), ours.root().id());
        let (mut all, mut opened) = (0, 0);
        for record in cache.records() {
            all += 1;
            opened += usize::from(sealed::open(ours.id(), record, theirs.root()).is_ok());
        }
        checks.that("what the service has now is there to try", all >= 7)?;
        checks.same("with all keys of the stolen laptop, none of it opens", opened, 0)
    })
}

fn lies(stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let Scene { phone, laptop: _, fresh, line, .. } = scene;
    for (lie, name) in [
        (Lie::SpoiledItem, "The service exchanges an item's ciphertext"),
        (Lie::MissingItem, "The service leaves an item out"),
    ] {
        stage.step(name, Outcome::Caught, |checks| {
            let asked = fresh.run(arguments!["device", "join", "--wait", "0"])?;
            let added = phone.run(arguments![
                "device",
                "add",
                text(asked.json(), "code"),
                "--name",
                "tablet",
                "--words",
                text(asked.json(), "words"),
            ])?;
            let words = text(added.json(), "words");
            let joined =
                line.lying(lie, || fresh.run(arguments!["device", "join", "--words", words]));
            deceived(checks, joined)?;
            let listed = line.lying(lie, || fresh.run(arguments!["item", "ls"]));
            deceived(checks, listed)?;
            checks.same(
                "asked again honestly, it has everything",
                items(fresh.run(arguments!["item", "ls"])?.json()),
                7,
            )?;
            // The next lie is told to a device that knows nothing yet.
            phone.run(arguments!["device", "revoke", "tablet", "--yes"])?;
            forget(fresh)
        })?;
    }
    stage.step("The service gives an old answer again", Outcome::Caught, |checks| {
        let listed = line.lying(Lie::OldAnswer, || phone.run(arguments!["item", "ls"]));
        deceived(checks, listed)?;
        checks.same(
            "asked again honestly, nothing is lost",
            items(phone.run(arguments!["item", "ls"])?.json()),
            7,
        )
    })
}

fn thief(stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let Scene { phone, thief, paper, .. } = scene;
    stage.step(
        "A thief's device takes the owner's off, and paper takes it back",
        Outcome::Caught,
        |checks| {
            join(phone, thief, "thief")?;
            let own = text(phone.run(arguments!["account", "show"])?.json(), "device");
            let listed = thief.run(arguments!["device", "list"])?;
            let print = listed.json()["devices"]
                .as_array()
                .and_then(|all| all.iter().find(|device| device["key"] == own.as_str()))
                .map(|device| text(device, "fingerprint"))
                .context("the phone is listed")?;
            thief.run(arguments!["device", "revoke", print, "--yes"])?;
            thief.run(arguments!["item", "rm", "membership", "--yes"])?;
            checks.that("the owner is shut out, and told by whom", is_off(phone))?;
            let back = phone.run(arguments!["account", "recover", "--code", paper])?;
            checks.same(
                "the fourteen words bring it back",
                back.json()["items"].as_u64(),
                Some(7),
            )?;
            checks.same(
                "what the thief removed is put back",
                back.json()["restored"].as_array().map(Vec::len),
                Some(1),
            )?;
            checks.same(
                "all seven items are there",
                items(phone.run(arguments!["item", "ls"])?.json()),
                7,
            )?;
            checks.that("the thief's device is off", is_off(thief))
        },
    )
}

fn paper(world: &World<'_>, stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let Scene { phone, fresh, paper, .. } = scene;
    stage.step("Every device is lost; paper brings everything back", Outcome::Ok, |checks| {
        let back = fresh.run(arguments!["account", "recover", "--code", paper])?;
        checks.same(
            "it says how old what came back is, and that nothing verifies that",
            (back.json()["itemsAt"].is_string(), back.json()["verified"].as_bool()),
            (true, Some(false)),
        )?;
        checks.same(
            "all seven items are there",
            items(fresh.run(arguments!["item", "ls"])?.json()),
            7,
        )?;
        let saved = world.scratch.join("saved");
        fresh.run(arguments!["item", "get", "provenance", "--save", &saved])?;
        checks.that(
            "the provenance file comes back byte for byte",
            fs::read(saved.join("piece.hallmark"))? == fs::read(world.piece())?,
        )?;
        checks.that("the lost phone is off", is_off(phone))
    })
}

/// Somebody else comes and goes.
fn farewell(world: &World<'_>, stage: &mut Stage, scene: &mut Scene) -> Result<(), Stopped> {
    let Scene { guest, canaries, .. } = scene;
    stage.step("A guest closes the account, and has a receipt", Outcome::Ok, |checks| {
        let secret = "a guest's words, soon erased";
        canaries.plant("erased", secret);
        guest.run(arguments!["item", "put", "note", format!("text={secret}")])?;
        let receipt = world.scratch.join("erasure.json");
        let closed = guest.run(arguments!["account", "close", "--yes", "--receipt", &receipt])?;
        checks.same("one item is erased", closed.json()["says"]["items"].as_u64(), Some(1))?;
        checks.that("the service's signature is on it", {
            let says: Value = serde_json::from_slice(&fs::read(&receipt)?)?;
            says["signature"].is_string()
        })?;
        checks.that(
            "the device has no account any more",
            guest.run(arguments!["item", "ls"]).is_err(),
        )
    })
}

fn blind(world: &World<'_>, stage: &mut Stage, scene: Scene) -> Result<(), Stopped> {
    let Scene { running, folder, log, canaries, line, .. } = scene;
    stage.step("Everything the service has is searched", Outcome::Ok, |checks| {
        fs::write(folder.join("metrics.txt"), scraped(&running, "/metrics")?)?;
        drop(line);
        running.stop();
        log.flush()?;
        let json = serde_json::to_vec_pretty(&canaries.0)?;
        fs::write(world.folder.at("canaries.json"), json)?;
        let short = canaries.0.values().flatten().filter(|text| text.chars().count() < 12).count();
        checks.same("every planted text has twelve characters or more", short, 0)?;
        let found = canaries.found_in(&folder)?;
        checks.same(
            format!(
                "none of {} private texts, file names and secret keys is in its data, log or \
                 metrics, in any of the forms that are looked for",
                canaries.len()
            ),
            found,
            Vec::new(),
        )
    })?;

    stage.step("The same search where everything leaks", Outcome::Caught, |checks| {
        let leaky = world.scratch.join("leaky");
        let written = canaries.leak_into(&leaky)?;
        let found = canaries.found_in(&leaky)?.len();
        checks.same(format!("the control finds all {written}"), found, written)
    })
}

/// Lets a device in.
fn join(old: &Person, new: &Person, name: &str) -> anyhow::Result<()> {
    let asked = new.run(arguments!["device", "join", "--wait", "0"])?;
    let added = old.run(arguments![
        "device",
        "add",
        text(asked.json(), "code"),
        "--name",
        name,
        "--words",
        text(asked.json(), "words"),
    ])?;
    new.run(arguments!["device", "join", "--words", text(added.json(), "words")])?;
    Ok(())
}

fn deceived(
    checks: &mut Checks,
    outcome: anyhow::Result<crate::report::Report>,
) -> anyhow::Result<()> {
    let error = outcome.err().context("the lie was believed")?;
    match error.downcast_ref() {
        Some(OnlineError::Deceived(deceit)) => {
            checks.that(format!("refused, and nothing of it kept: {deceit}"), true)
        }
        _ => checks.that(format!("another error than a lie: {error:#}"), false),
    }
}

/// Whether a person is told that a listed device took theirs off the account.
fn is_off(person: &Person) -> bool {
    let error = person.run(arguments!["item", "ls"]).err();
    error.is_some_and(|error| matches!(error.downcast_ref(), Some(OnlineError::Revoked(_))))
}

fn items(listed: &Value) -> usize {
    listed["items"].as_array().map_or(0, Vec::len)
}

fn text(json: &Value, name: &str) -> String {
    json[name].as_str().unwrap_or_default().to_owned()
}

fn folder_of(world: &World<'_>, person: &Person) -> PathBuf {
    world.people.home.join(person.session().profile().as_str())
}

fn profile_of(person: &Person) -> anyhow::Result<Store<Profile>> {
    person.session().open()
}

/// A thief's copy of a device: its folder, and the passphrase that was on a note beside it.
fn copy_profile(world: &World<'_>, from: &Person, to: &Person) -> anyhow::Result<()> {
    let profile = profile_of(from)?.read().clone();
    let mut store = to.session().open_or_create()?;
    store.update(&mut world.session.rng(), |own| *own = profile)?;
    let (from, to) = (folder_of(world, from), folder_of(world, to));
    fs::copy(from.join("items.hallmark"), to.join("items.hallmark"))?;
    Ok(())
}

fn forget(person: &Person) -> anyhow::Result<()> {
    let mut store = person.session().open_or_create()?;
    store.update(&mut person.session().rng(), |profile| profile.holdings = None)?;
    Ok(())
}

/// The secret keys that a device has, in hexadecimal, by what they are.
fn secret_keys(world: &World<'_>, person: &Person) -> anyhow::Result<Vec<(String, String)>> {
    let store = profile_of(person)?;
    let profile = store.read();
    let holdings = profile.holdings.as_ref().context("no account")?;
    let account = serde_json::to_value(&holdings.account)?;
    let mut keys = Vec::new();
    for (kind, pointer) in [
        ("signing-key", "/device/sign"),
        ("wrapping-key", "/device/wrap"),
        ("root", "/root"),
        ("recovery-secret", "/recovery"),
    ] {
        let key = account.pointer(pointer).and_then(Value::as_str).context("no such key")?;
        keys.push((kind.to_owned(), key.to_owned()));
    }
    for secrets in profile.pieces.values() {
        let secrets = serde_json::to_value(secrets)?;
        for name in ["owner", "chain"] {
            if let Some(key) = secrets[name].as_str() {
                keys.push((format!("piece-{name}"), key.to_owned()));
            }
        }
    }
    let (items, _) = offline(holdings, &folder_of(world, person));
    for attachment in items.iter().flat_map(|seen| &seen.content.now.attachments) {
        let key = serde_json::to_value(&attachment.key)?;
        keys.push(("attachment-key".into(), key.as_str().unwrap_or_default().to_owned()));
    }
    Ok(keys)
}

/// A file that the service's log goes into.
#[derive(Clone)]
struct LogFile(Arc<Mutex<fs::File>>);

impl LogFile {
    fn at(path: &Path) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(fs::File::create(path)?))))
    }

    fn flush(&self) -> std::io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Self::flush(self)
    }
}

/// What the service answers to an unsigned GET, head and body.
fn scraped(running: &Running, path: &str) -> anyhow::Result<String> {
    let address = running.address();
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
