//! What a person keeps, on one device and on several, with and without a service.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use hallmark_core::json::Value;

use crate::{
    golden::Transcript,
    world::{Run, World},
};

/// A service that is killed when the test ends.
pub struct Service {
    child: Child,
    pub address: String,
}

impl Service {
    /// One that keeps its data in the world's folder `name`.
    pub fn start(world: &World, name: &str) -> Self {
        Self::on(world, name, "127.0.0.1:0")
    }

    fn on(world: &World, name: &str, listen: &str) -> Self {
        let ready = world.path(&format!("{name}.ready"));
        let _ = fs::remove_file(&ready);
        let data = format!("service-{name}");
        let key = format!("{name}.key");
        let child = world
            .command()
            .args(["serve", "--data", &data, "--listen", listen, "--key-file", &key])
            .args(["--ready-file".as_ref(), ready.as_os_str()])
            .args(["--log-level", "error"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let address = loop {
            match fs::read_to_string(&ready) {
                Ok(address) => break address.trim().to_owned(),
                Err(_) => assert!(started.elapsed() < Duration::from_secs(60), "not ready"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        Self { child, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A person at a service.
pub struct At<'a>(pub &'a World, pub &'a str, pub String);

impl At<'_> {
    pub fn run(&self, args: &[&str]) -> Run {
        let (world, profile, url) = (self.0, self.1, self.2.as_str());
        world.run(&[&["--profile", profile, "--server", url], args].concat())
    }

    #[track_caller]
    pub fn done(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
        run
    }

    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let run = self.done(&[&["--json"], args].concat());
        serde_json::from_str(&run.out).unwrap()
    }

    /// Lets another profile into the account.
    pub fn joins(&self, other: &Self, name: &str) {
        let asked = other.json(&["device", "join", "--wait", "0"]);
        let (code, words) = (asked["code"].as_str().unwrap(), asked["words"].as_str().unwrap());
        let added = self.json(&["device", "add", code, "--words", words, "--name", name]);
        other.done(&["device", "join", "--words", added["words"].as_str().unwrap()]);
    }

    /// Writes the recovery code into the file `paper`.
    pub fn writes_the_code_down(&self) -> Vec<String> {
        let words = self.json(&["account", "code"])["words"].clone();
        let words: Vec<String> = serde_json::from_value(words).unwrap();
        self.0.write("paper", words.join("\n").as_bytes());
        words
    }

    /// Buys a piece of the studio of the profile `default`.
    pub fn buys(&self, piece: &str) {
        self.done(&["piece", "offer", piece, "--out", "offer-of-buyer.json"]);
        let sell = ["piece", "event", piece, "--kind", "sold", "--price", "5 EUR", "--force"];
        let drafts = ["--offer", "offer-of-buyer.json", "--draft", "sale.json"];
        self.0.done(&[&sell[..], &drafts].concat());
        self.done(&["piece", "countersign", piece, "sale.json", "--yes"]);
        self.0.done(&["piece", "append", piece, "sale.json"]);
    }

    pub fn items(&self) -> Vec<String> {
        let listed = self.json(&["item", "ls"]);
        let all = listed["items"].as_array().unwrap().iter();
        all.map(|item| item["summary"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn people<const N: usize>(world: &World, names: [&str; N]) {
    names.iter().for_each(|name| world.person(name));
}

#[test]
fn a_vault_on_one_device() {
    let world = World::new();
    world.person("default");
    let mut told = Transcript::in_world(&world);
    told.run(&["item", "ls"]);
    told.run(&["item", "put", "ring-size", "size=52"]);
    told.run(&["item", "put", "ring", "size=52"]);
    told.run(&["item", "put", "payment-token", "provider=X", "token=4242 4242 4242 4242"]);
    told.run(&["item", "put", "ring-size", "size=52", "system=eu"]);
    told.run(&["item", "put", "delivery-address"]);
    told.run(&["item", "edit", "ring-size", "size=53"]);
    told.run(&["item", "edit", "ring-size"]);
    told.run(&["item", "get", "ring-size"]);
    told.run(&["item", "get", "ring-size", "--field", "size"]);
    told.run(&["item", "get", "contact"]);
    told.run(&["item", "history", "ring-size"]);
    told.run(&["item", "rm", "ring-size"]);
    told.run(&["item", "rm", "ring-size", "--yes"]);
    told.run(&["account", "sync"]);
    told.run(&["account", "create"]);
    told.run(&["device", "list"]);
    told.run(&["device", "add", "HMJ1AAAA"]);
    told.run(&["account", "recover"]);
    told.run(&["--server", "http://vault.example.com", "account", "sync"]);
    told.run(&["--server", "http://127.0.0.1:9", "account", "sync"]);
    told.run(&["account", "close", "--yes"]);
    told.run(&["item", "ls"]);
    told.holds("vault.txt");
}

#[test]
fn two_devices_and_a_thief() {
    let world = World::new();
    people(&world, ["phone", "laptop", "fresh"]);
    let service = Service::start(&world, "s");
    let [phone, laptop, fresh] =
        ["phone", "laptop", "fresh"].map(|name| At(&world, name, service.url()));
    phone.done(&["item", "put", "note", "text=one"]);
    phone.joins(&laptop, "laptop");
    laptop.done(&["item", "put", "note", "text=two"]);
    let mut both = phone.items();
    both.sort();
    assert_eq!(both, ["one", "two"]);
    let words = |at: &At<'_>| at.json(&["account", "show"])["stateWords"].clone();
    assert_eq!(words(&phone), words(&laptop));

    let code = phone.writes_the_code_down();
    let code: Vec<&str> = code.iter().map(String::as_str).collect();
    world.write("wrong", code.iter().rev().copied().collect::<Vec<_>>().join(" ").as_bytes());
    phone.run(&["account", "code", "--written", "wrong"]).refused(1, &["wrong", "words"]);
    phone.done(&["account", "code", "--written", "paper"]);
    phone.run(&["account", "code"]).refused(1, &["on your paper alone"]);

    laptop.done(&["device", "revoke", &fingerprint(&phone), "--yes"]);
    let out = phone.run(&["item", "ls"]);
    out.refused(1, &["took it off", "hallmark account recover"]);
    let back = phone.done(&["account", "recover", "--code", "paper"]);
    assert!(back.out.contains("UNVERIFIED"), "{back:?}");
    laptop.run(&["item", "ls"]).refused(1, &["took it off"]);
    fresh.done(&["account", "recover", "--code", "paper"]);
    assert_eq!(fresh.items().len(), 2);
    phone.run(&["device", "list"]).refused(1, &["took it off"]);
}

/// Whoever edits or removes without a line is told what became of it.
#[test]
fn what_two_devices_did_at_once_is_told() {
    let world = World::new();
    people(&world, ["phone", "laptop"]);
    let service = Service::start(&world, "s");
    let [phone, laptop] = ["phone", "laptop"].map(|name| At(&world, name, service.url()));
    phone.done(&["item", "put", "note", "text=52"]);
    phone.joins(&laptop, "laptop");
    let address = service.address.clone();
    drop(service);
    let id = phone.json(&["item", "ls"])["items"][0]["item"].as_str().unwrap()[..8].to_owned();
    phone.done(&["item", "edit", "note", "text=53"]);
    laptop.done(&["item", "edit", "note", "text=54"]);
    let service = Service::on(&world, "s", &address);
    phone.done(&["account", "sync"]);
    let told = laptop.done(&["account", "sync"]).out;
    let words = [
        "1 item came from",
        &format!("joined with a change from there: Note {id}"),
        &format!("`hallmark item history {id}`"),
    ];
    assert!(words.iter().all(|words| told.contains(words)), "{told}");
    phone.done(&["account", "sync"]);

    drop(service);
    let removed = phone.done(&["item", "rm", &id, "--yes"]).out;
    assert!(removed.contains("Your other devices are told with the next command"), "{removed}");
    laptop.done(&["item", "edit", "note", "text=55"]);
    let service = Service::on(&world, "s", &address);
    phone.done(&["account", "sync"]);
    laptop.done(&["account", "sync"]);
    let told = phone.done(&["item", "ls"]).err;
    assert!(told.contains(&format!("Note {id}, which you removed here, is there again")), "{told}");
    drop(service);
}

/// T-11: what turns text around or hides in it is spelt out, wherever it is shown; a program that
/// asks for a field gets it as it is.
#[test]
fn what_is_kept_shows_as_what_it_is() {
    let world = World::new();
    world.person("default");
    let name = "ring\u{202e}gpj.sh";
    world.write(name, b"x");
    let text = "text=52\u{202e}35\u{200b}";
    let put = ["item", "put", "note", text, "--attach", name];
    let mut shown = vec![world.done(&put).out];
    world.done(&["item", "edit", "note", "title=Ring\u{2066}"]);
    for args in [
        &["item", "ls"][..],
        &["item", "get", "note"],
        &["item", "history", "note"],
        &["item", "get", "note", "--save", "saved"],
        &["account", "export", "--to", "plain"],
    ] {
        let run = world.done(args);
        shown.extend([run.out, run.err]);
    }
    let again = world.run(&["item", "get", "note", "--save", "saved"]);
    shown.push(again.err);
    for out in shown {
        assert!(!out.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{out:?}");
    }
    let field = world.done(&["item", "get", "note", "--field", "text"]).out;
    assert_eq!(field, "52\u{202e}35\u{200b}\n");
    let out = world.run(&["item", "put", "note", "text=\u{1b}[2J\r"]);
    out.refused(2, &["control character"]);
}

/// What cannot be is refused before anything is sealed, and no account is made for it; what changes
/// nothing makes no version.
#[test]
fn edits_that_change_nothing_or_cannot_be() {
    let world = World::new();
    world.person("default");
    world.write("photo.jpg", b"one");
    fs::create_dir(world.path("other")).unwrap();
    world.write("other/photo.jpg", b"two");
    let both = ["--attach", "photo.jpg", "--attach", "other/photo.jpg"];
    let refused = world.run(&[&["item", "put", "note", "text=52"], &both[..]].concat());
    refused.refused(2, &["other/photo.jpg", "already"]);
    world.run(&["item", "ls"]).refused(1, &["no account yet"]);

    world.done(&["item", "put", "note", "text=52", "--attach", "photo.jpg"]);
    let sealed = || {
        world
            .snapshot()
            .into_iter()
            .filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with("outbox")))
    };
    assert_eq!(sealed().count(), 1);
    let again = world.run(&["item", "edit", "note", "--attach", "other/photo.jpg"]);
    again.refused(2, &["other/photo.jpg", "already"]);
    assert_eq!(sealed().count(), 1);
    world.done(&["item", "edit", "note", "--detach", "photo.jpg", "--attach", "other/photo.jpg"]);

    let same = world.done(&["item", "edit", "note", "text=52", "title="]);
    assert!(same.out.contains("Nothing changed: Note"), "{same:?}");
    let service = Service::start(&world, "s");
    let online = At(&world, "default", service.url());
    online.done(&["account", "sync"]);
    online.done(&["item", "edit", "note", "text=52"]);
    assert_eq!(online.json(&["item", "get", "note"])["version"], 1);
}

pub fn fingerprint(at: &At<'_>) -> String {
    let own = at.json(&["account", "show"])["device"].clone();
    let listed = at.json(&["device", "list"]);
    let devices = listed["devices"].as_array().unwrap();
    let device = devices.iter().find(|device| device["key"] == own).unwrap();
    device["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn what_cannot_be_sent_waits() {
    let world = World::new();
    people(&world, ["phone", "fresh"]);
    let service = Service::start(&world, "s");
    let address = service.address.clone();
    let phone = At(&world, "phone", service.url());
    phone.done(&["item", "put", "note", "text=sent"]);
    drop(service);
    let kept = phone.done(&["item", "put", "note", "text=waiting"]);
    assert!(kept.out.contains("with the next command that reaches the service"), "{kept:?}");
    let listed = phone.done(&["item", "ls"]);
    assert!(listed.out.contains("(not sent yet)"), "{listed:?}");
    phone.run(&["account", "sync"]).refused(1, &["could not be reached", "check the address"]);
    let again = Service::on(&world, "s", &address);
    let synced = phone.json(&["account", "sync"]);
    assert_eq!(synced["sent"], 1);
    let elsewhere = At(&world, "phone", "http://127.0.0.1:1".into());
    elsewhere.run(&["account", "sync"]).refused(2, &["kept at", "leave --server"]);
    let other = Service::start(&world, "other");
    let impostor = At(&world, "phone", other.url());
    impostor.run(&["account", "sync"]).refused(2, &["kept at", "leave --server"]);
    drop(again);
    let moved = Service::start(&world, "s");
    let synced = At(&world, "phone", moved.url()).done(&["account", "sync"]);
    assert!(synced.err.contains("from now on"), "{synced:?}");
    world.done(&["--profile", "phone", "account", "sync"]);
}

/// The account is kept where it was brought back.
#[test]
fn recovered_at_another_address() {
    let world = World::new();
    people(&world, ["phone"]);
    let service = Service::start(&world, "s");
    let (phone, before) = (At(&world, "phone", service.url()), service.url());
    phone.done(&["item", "put", "note", "text=52"]);
    phone.writes_the_code_down();
    drop(service);
    let moved = Service::start(&world, "s");
    assert_ne!(moved.url(), before);
    let at_new = At(&world, "phone", moved.url());
    let back = at_new.done(&["account", "recover", "--code", "paper"]);
    assert!(back.out.contains(&format!("It is kept at {} from now on", moved.url())), "{back:?}");
    world.done(&["--profile", "phone", "account", "sync"]);
    let shown = world.json(&["--profile", "phone", "account", "show"]);
    assert_eq!(shown["service"]["address"], moved.url());
}

#[test]
fn attachments_and_a_provenance_file() {
    let world = World::minted();
    people(&world, ["phone", "fresh", "friend"]);
    let service = Service::start(&world, "s");
    let [phone, fresh] = ["phone", "fresh"].map(|name| At(&world, name, service.url()));
    world.write("photo.jpg", &vec![7; 5 << 20]);
    phone.done(&["item", "put", "note", "text=photo", "--attach", "photo.jpg"]);
    phone.buys("piece.hallmark");
    phone.done(&["piece", "keep", "piece.hallmark"]);
    phone.joins(&fresh, "fresh");
    fresh.done(&["item", "get", "note", "--save", "saved"]);
    assert_eq!(world.read("saved/photo.jpg"), world.read("photo.jpg"));
    fresh.run(&["item", "get", "note", "--save", "saved"]).refused(1, &["is there already"]);
    fresh.done(&["item", "get", "provenance", "--save", "saved"]);
    assert_eq!(world.read("saved/piece.hallmark"), world.read("piece.hallmark"));
    // Either device can hand the piece on, and open what is hidden in it.
    world.done(&[
        "--profile",
        "friend",
        "piece",
        "offer",
        "piece.hallmark",
        "--out",
        "friend.json",
    ]);
    let hand_on = ["piece", "event", "piece.hallmark", "--kind", "transferred", "--offer"];
    for (at, draft) in [(&phone, "one.json"), (&fresh, "other.json")] {
        at.done(&[&hand_on[..], &["friend.json", "--draft", draft]].concat());
    }
    let sign = ["piece", "countersign", "piece.hallmark", "other.json", "--yes"];
    world.done(&[&["--profile", "friend"], &sign[..]].concat());
    fresh.done(&["piece", "disclose", "piece.hallmark", "--field", "price", "--out", "price"]);
    let shown = fresh.done(&["item", "get", "provenance"]);
    assert!(!shown.out.contains("secrets"), "{shown:?}");

    phone.done(&["piece", "keep", "piece.hallmark", "--note", "again"]);
    assert_eq!(phone.items().len(), 2, "the same piece is one item");
    fresh.done(&["item", "edit", "note", "--detach", "photo.jpg"]);
    phone.done(&["account", "export", "--to", "plain"]);
    let plain = world.snapshot();
    let exported = |end: &str| {
        plain.iter().any(|(path, _)| {
            path.starts_with(world.path("plain")) && path.to_string_lossy().ends_with(end)
        })
    };
    assert!(exported("files/piece.hallmark") && exported("item.json"));
    assert!(!exported("photo.jpg"));
    phone.run(&["account", "export", "--to", "plain"]).refused(1, &["not empty"]);

    fresh.done(&["account", "close", "--yes"]);
    let receipt: Value = serde_json::from_slice(&world.read("erasure.json")).unwrap();
    assert_eq!(receipt["statement"]["items"], 3);
    let listed = phone.done(&["item", "ls"]);
    assert!(listed.out.contains("the service no longer has this account"), "{listed:?}");
    phone.run(&["account", "sync"]).refused(1, &["hallmark account export"]);
    let left = phone.run(&["account", "export", "--to", "left"]);
    assert_eq!(left.code, Some(1), "{left:?}");
    assert!(left.out.contains("NOT THERE: piece.hallmark"), "{left:?}");
    assert_eq!(fs::read_dir(world.path("left")).unwrap().count(), 3);
    let blobs = world.path("service-s/blobs");
    let left = world.snapshot().into_iter().filter(|(path, _)| path.starts_with(&blobs)).count();
    assert_eq!(left, 0, "no file of the account is left");
}

/// T-38: what a service says is one line, and not our own.
#[test]
fn a_service_that_speaks_in_our_name() {
    use std::io::{Read, Write};
    let world = World::new();
    world.person("default");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let speaker = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let body = r#"{"type":"urn:hallmark:problem:internal","title":"x","status":500,"detail":"no\n\u001b[2JINTEGRITY  sound\u202e"}"#;
        let head = format!("HTTP/1.1 500 x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    });
    world.done(&["item", "put", "note", "text=x"]);
    let run = world.run(&["--server", &url, "account", "sync"]);
    speaker.join().unwrap();
    run.refused(1, &["the service refused: no / \\u{1b}[2JINTEGRITY sound\\u{202e}"]);
    assert!(run.err.lines().all(|line| !line.starts_with("INTEGRITY")), "{run:?}");
    assert!(!run.err.contains(['\u{1b}', '\u{202e}']), "{run:?}");
}
