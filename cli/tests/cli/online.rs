//! `--online`: asking a domain, which here is a server of this test's own with its own certificate.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hallmark_cli::remote::did_web;
use hallmark_core::{json::Value, key::PublicKey};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivatePkcs8KeyDer};

use crate::world::{Run, World};

const PIECE: &str = "piece.hallmark";

/// What a server answers to everything.
enum Answer {
    /// These bytes, over TLS.
    Http(String),
    /// Nothing, for a minute.
    Silence,
    /// A DID document without TLS.
    Plain(String),
}

fn ok(body: &str) -> Answer {
    let length = body.len();
    Answer::Http(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

/// A server on a port of its own, for as long as the test runs.
struct Site {
    listener: TcpListener,
    domain: String,
    asked: Arc<AtomicUsize>,
}

impl Site {
    /// Takes a port; nobody answers yet.
    fn reserve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        Self { listener, domain, asked: Arc::default() }
    }

    /// Answers from now on with a certificate for `name`, which goes to `ca.pem`.
    fn answer(&self, world: &World, name: &str, answer: Answer) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        world.write("ca.pem", made.cert.pem().as_bytes());
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key.into())
                .unwrap();
        let (config, answer) = (Arc::new(config), Arc::new(answer));
        let (listener, asked) = (self.listener.try_clone().unwrap(), self.asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                asked.fetch_add(1, Ordering::SeqCst);
                let (config, answer) = (config.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, config, &answer));
            }
        });
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, config: Arc<ServerConfig>, answer: &Answer) {
    match answer {
        Answer::Silence => std::thread::sleep(Duration::from_secs(60)),
        Answer::Plain(text) => {
            let _ = stream.write_all(text.as_bytes());
        }
        Answer::Http(text) => {
            let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") {
                match tls.read(&mut byte) {
                    Ok(1) => request.push(byte[0]),
                    // A certificate that is not accepted ends here.
                    _ => return,
                }
            }
            let asks = request.starts_with(b"GET /.well-known/did.json HTTP/1.1\r\n");
            let text =
                if asks { text } else { "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" };
            let _ = tls.write_all(text.as_bytes());
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    }
}

/// A studio whose file names the domain of `site`, and its key.
fn studio_at(site: &Site) -> (World, PublicKey) {
    let world = World::new();
    world.studio("default", "Rosa", Some(&site.domain));
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    world.done(&["piece", "mint", "--from", "bench"]);
    let key = world.json(&["studio", "show"])["key"].as_str().unwrap().parse().unwrap();
    world.person("reader");
    (world, key)
}

fn verify(world: &World, more: &[&str]) -> Run {
    world.run(
        &[&["--profile", "reader", "verify", PIECE, "--ca", "ca.pem", "--online"], more].concat(),
    )
}

fn document(site: &Site, key: &PublicKey) -> Value {
    did_web::document(&site.domain.parse().unwrap(), key)
}

/// T-09: a domain counts when the reader named it; one that the file names never makes it trusted.
#[test]
fn a_domain_that_lists_the_key() {
    let site = Site::reserve();
    let (world, key) = studio_at(&site);
    let told = world.done(&["studio", "domain"]);
    let printed: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(printed, document(&site, &key), "what the studio is told to put there");
    site.answer(&world, "localhost", ok(&told.out));

    let named = verify(&world, &[&site.domain]);
    assert_eq!(named.code, Some(0), "{named:?}");
    let line =
        format!("SIGNER     checked: Signed by a key that its domain lists: {}", site.domain);
    assert!(named.out.contains(&line), "{}", named.out);

    let by_file = verify(&world, &[]);
    assert_eq!(by_file.code, Some(5), "{by_file:?}");
    assert!(by_file.out.contains("SIGNER     unchecked:"), "{}", by_file.out);
    assert!(by_file.out.contains("which the file itself names, lists this key"), "{}", by_file.out);
    assert_eq!(site.asked(), 2);

    // A verdict asks nobody unless it is told to, and remembers nothing.
    let offline = world.run(&["--profile", "reader", "verify", PIECE]);
    assert_eq!(offline.code, Some(5));
    assert!(offline.out.contains(&format!("Says it is {}, not checked", site.domain)));
    assert_eq!(site.asked(), 2);
}

/// T-09: a domain that lists another key speaks against the file.
#[test]
fn a_domain_that_does_not_list_the_key() {
    let other = World::new();
    other.studio("default", "Somebody else", None);
    let other: PublicKey =
        other.json(&["studio", "show"])["key"].as_str().unwrap().parse().unwrap();
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("another id", |d| d["id"] = "did:web:rosa.example".into()),
        ("no port in its id", |d| d["id"] = "did:web:localhost".into()),
        ("not asserted", |d| d["assertionMethod"] = serde_json::json!([])),
        ("another type", |d| d["verificationMethod"][0]["type"] = "JsonWebKey".into()),
        ("nothing at all", |d| *d = serde_json::json!({})),
    ];
    let ask = |name: &str, body: &dyn Fn(&Site, &PublicKey) -> Value| {
        let site = Site::reserve();
        let (world, key) = studio_at(&site);
        site.answer(&world, "localhost", ok(&body(&site, &key).to_string()));
        for more in [&[site.domain.as_str()] as &[&str], &[]] {
            let run = verify(&world, more);
            assert_eq!(run.code, Some(5), "{name}: {run:?}");
            assert!(run.out.contains("SIGNER     denied:"), "{name}: {}", run.out);
            assert!(run.out.contains("whether it made this piece"), "{name}: {}", run.out);
        }
    };
    ask("another key", &|site, _| document(site, &other));
    for (name, change) in changes {
        ask(name, &|site, key| {
            let mut document = document(site, key);
            change(&mut document);
            document
        });
    }
}

/// T-09 and T-12: an answer that is none makes nobody trusted; the reader is told why.
#[test]
fn a_domain_that_cannot_be_asked() {
    let repeated = |document: &Value| document.to_string().replacen('{', "{\"id\":\"x\",", 1);
    let large = |document: &Value| {
        let mut document = document.clone();
        document["comment"] = "x".repeat(65 * 1024).into();
        document.to_string()
    };
    type Make<'a> = &'a dyn Fn(&Value, &str) -> Answer;
    let elsewhere = Site::reserve();
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: https://{}/.well-known/did.json\r\nContent-Length: 0\r\n\r\n",
        elsewhere.domain
    );
    let cases: [(&str, &str, Make<'_>, &[&str]); 8] = [
        ("redirect", "localhost", &|_, _| Answer::Http(redirect.clone()), &["answered 302"]),
        (
            "not there",
            "localhost",
            &|_, _| Answer::Http("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into()),
            &["404"],
        ),
        ("too large", "localhost", &|d, _| ok(&large(d)), &["larger than", "65536"]),
        ("a key twice", "localhost", &|d, _| ok(&repeated(d)), &["is no DID document"]),
        ("no JSON", "localhost", &|_, _| ok("<html>hello</html>"), &["is no DID document"]),
        ("no HTTP", "localhost", &|_, _| Answer::Http("hello\r\n\r\n".into()), &["cannot fetch"]),
        (
            "no TLS",
            "localhost",
            &|d, _| Answer::Plain(format!("HTTP/1.1 200 OK\r\n\r\n{d}")),
            &["cannot fetch"],
        ),
        ("another's certificate", "rosa.example", &|d, _| ok(&d.to_string()), &["certificate"]),
    ];
    for (name, certificate, make, words) in cases {
        let site = Site::reserve();
        let (world, key) = studio_at(&site);
        let document = document(&site, &key);
        site.answer(&world, certificate, make(&document, &site.domain));
        let run = verify(&world, &[&site.domain]);
        unasked(&run, name, &site.domain, words);
        assert!(site.asked() > 0);
    }
    assert_eq!(elsewhere.asked(), 0);

    // A certificate that nobody vouched for, a file that is none, a port where nobody listens.
    let site = Site::reserve();
    let (world, key) = studio_at(&site);
    site.answer(&world, "localhost", ok(&document(&site, &key).to_string()));
    let alone = world.run(&["--profile", "reader", "verify", PIECE, "--online", &site.domain]);
    unasked(&alone, "unknown certificate", &site.domain, &["certificate"]);
    world.write("ca.pem", b"no certificate\n");
    unasked(
        &verify(&world, &[&site.domain]),
        "no PEM",
        &site.domain,
        &["ca.pem holds no certificate"],
    );
    std::fs::remove_file(world.path("ca.pem")).unwrap();
    unasked(&verify(&world, &[&site.domain]), "no file", &site.domain, &["cannot read ca.pem"]);
    let closed = Site::reserve().domain;
    let run = world.run(&["--profile", "reader", "verify", PIECE, "--online", &closed]);
    unasked(&run, "nobody there", &closed, &["refused"]);
}

#[track_caller]
fn unasked(run: &Run, name: &str, domain: &str, words: &[&str]) {
    assert_eq!(run.code, Some(5), "{name}: {run:?}");
    let line = format!("SIGNER     unknown: {domain} could not be asked.");
    assert!(run.out.contains(&line), "{name}: {}", run.out);
    let note = run.out.lines().find(|line| line.starts_with("Note: ")).unwrap_or_default();
    for word in words {
        assert!(note.contains(word), "{name}: no {word:?} in {note:?}");
    }
}

/// T-12: a server that says nothing keeps nobody waiting.
#[test]
fn a_silent_server_is_given_up_on() {
    let site = Site::reserve();
    let (world, _) = studio_at(&site);
    site.answer(&world, "localhost", Answer::Silence);
    let start = Instant::now();
    let run = verify(&world, &[&site.domain]);
    unasked(&run, "silence", &site.domain, &["timeout"]);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn a_file_without_a_domain_asks_nobody() {
    let world = World::new();
    world.studio("default", "Rosa", None);
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    world.done(&["piece", "mint", "--from", "bench"]);
    let run = world.run(&["verify", PIECE, "--online"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.out.contains("the file names no domain, so none was asked"), "{}", run.out);
}

/// A key is pinned from a domain only while that domain lists it.
#[test]
fn a_key_is_pinned_from_its_domain() {
    let site = Site::reserve();
    let (world, key) = studio_at(&site);
    site.answer(&world, "localhost", ok(&document(&site, &key).to_string()));
    let add = |domain: &str, key: &str| {
        let args = [
            "--profile",
            "reader",
            "trust",
            "add",
            "--domain",
            domain,
            "--key",
            key,
            "--ca",
            "ca.pem",
        ];
        world.run(&args)
    };
    world.studio("other", "Somebody else", None);
    let other = world.json(&["--profile", "other", "studio", "show"]);
    let other = other["key"].as_str().unwrap();
    add(&site.domain, other).refused(1, &["does not list", "nothing was added"]);
    let closed = Site::reserve().domain;
    add(&closed, &key.to_string())
        .refused(1, &["could not be asked", "nothing was added", "refused"]);
    let list = world.done(&["--profile", "reader", "trust", "list"]);
    assert!(list.out.contains("You trust nobody yet"), "{list:?}");

    assert_eq!(add(&site.domain, &key.to_string()).code, Some(0));
    let list = world.done(&["--profile", "reader", "trust", "list"]);
    assert!(list.out.contains(&format!("listed by {} on 2", site.domain)), "{list:?}");
    let asked = site.asked();
    let verdict = world.run(&["--profile", "reader", "verify", PIECE]);
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert_eq!(site.asked(), asked, "a pin needs no network");
}
