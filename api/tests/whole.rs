//! The whole service as the network sees it: shell, limits and store together, over TCP.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{SystemTime, UNIX_EPOCH},
};

use client::{Person, sign};
use hallmark_api::serve::{Hooks, LogTo, Running, Settings, embedded, wire};
use hallmark_core::key::SigningKey;
use tempfile::TempDir;

const NAME: &str = "vault.example";

struct Whole {
    address: SocketAddr,
    running: Option<Running>,
    _directory: TempDir,
}

impl Drop for Whole {
    /// The directory goes after the service has ended: one that cannot write its files stops the process.
    fn drop(&mut self) {
        self.running.take().into_iter().for_each(Running::stop);
    }
}

/// What came back: the head in lower case, and the body.
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn all(&self, field: &str) -> Vec<&str> {
        let field = format!("{field}: ");
        self.head.lines().filter_map(|line| line.strip_prefix(field.as_str())).collect()
    }

    #[track_caller]
    fn is(&self, status: u16, code: &str) {
        assert_eq!(self.status(), status, "{}{}", self.head, self.body);
        assert!(self.body.contains(code), "{}{}", self.head, self.body);
    }
}

fn settings(directory: &TempDir) -> Settings {
    let mut settings = Settings {
        data: directory.path().join("data"),
        listen: "127.0.0.1:0".parse().unwrap(),
        authorities: vec![NAME.to_owned()],
        ..Settings::default()
    };
    settings.limits.limit_loopback = true;
    settings
}

fn open(settings: &Settings) -> (axum::Router, Hooks) {
    wire::open(settings, SigningKey::from_seed(&[7; 32]), settings.authorities.clone()).unwrap()
}

fn send_to(address: SocketAddr, line: &str, fields: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let end = format!("content-length: {length}\r\nconnection: close\r\n\r\n");
    let head = format!("{line} HTTP/1.1\r\n{fields}{end}");
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer { head: head.to_ascii_lowercase(), body: body.to_owned() }
}

impl Whole {
    fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut settings = settings(&directory);
        change(&mut settings);
        let (router, hooks) = open(&settings);
        let running = embedded(&settings, router, hooks, LogTo::Program).unwrap();
        Self { address: running.address(), running: Some(running), _directory: directory }
    }

    /// Sends a request line, fields and a body as they are.
    fn send(&self, line: &str, fields: &str, body: &[u8]) -> Answer {
        send_to(self.address, line, fields, body)
    }

    /// As [`Whole::send`], signed now for `authority`.
    fn signed(
        &self,
        key: &SigningKey,
        (method, target, path): (&str, &str, &str),
        (authority, host): (&str, &str),
        body: &[u8],
    ) -> Answer {
        // A second ahead: of what was signed in the second of the start nothing is known.
        let signed = sign(key, method, authority, path, body, now_s() + 1);
        let fields = format!(
            "host: {host}\r\ncontent-type: application/json\r\ncontent-digest: {}\r\n\
             signature-input: {}\r\nsignature: {}\r\n",
            signed.content_digest, signed.signature_input, signed.signature
        );
        self.send(&format!("{method} {target}"), &fields, body)
    }

    fn ask(&self, key: &SigningKey, method: &str, path: &str, body: &[u8]) -> Answer {
        self.signed(key, (method, path, path), (NAME, NAME), body)
    }
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

fn joined(service: &Whole) -> Person {
    let mut person = Person::new();
    let create = serde_json::to_vec(&person.create()).unwrap();
    assert_eq!(service.ask(&person.phone, "POST", "/v1/accounts", &create).status(), 201);
    person
}

#[test]
fn both_rates_are_in_the_answer() {
    let service = Whole::start(|settings| {
        (settings.limits.account_requests_per_s, settings.limits.account_request_burst) = (1, 5);
    });
    let person = joined(&service);
    let sync = person.at("/sync");
    let answer = service.ask(&person.phone, "GET", &sync, b"");
    assert_eq!(answer.status(), 200, "{}{}", answer.head, answer.body);
    let policies = [r#""key";q=5;w=5"#, r#""address";q=1000;w=10"#];
    assert_eq!(answer.all("ratelimit-policy"), policies);
    assert_eq!(answer.all("ratelimit").len(), 2);
    let refused = (0..50)
        .map(|_| service.ask(&person.phone, "GET", &sync, b""))
        .find(|answer| answer.status() != 200)
        .unwrap();
    refused.is(429, "urn:hallmark:problem:rate-limited");
    assert_eq!(refused.all("ratelimit-policy"), policies);
    assert_eq!(refused.all("retry-after"), ["1"]);
}

#[test]
fn a_target_in_absolute_form_names_the_service() {
    let service = Whole::start(|_| ());
    let key = client::key(1);
    let ask = |target: &str, authority: &str, host: &str| {
        service.signed(&key, ("GET", target, "/v1/membership"), (authority, host), b"")
    };
    let absolute = format!("http://{NAME}/v1/membership");
    assert_eq!(ask(&absolute, NAME, NAME).status(), 200);
    assert_eq!(ask(&absolute, NAME, "other.example").status(), 200, "the target has the last word");
    let elsewhere = "http://other.example/v1/membership";
    ask(elsewhere, NAME, NAME).is(401, "problem:signature");
    ask(elsewhere, "other.example", NAME).is(401, "problem:signature");
    ask(&format!("http://me@{NAME}/v1/membership"), NAME, NAME).is(401, "problem:signature");
    assert_eq!(service.send("GET http://any.example/v1/service", "host: a\r\n", b"").status(), 200);
}

#[test]
fn other_forms_and_methods_get_an_answer() {
    let service = Whole::start(|_| ());
    let host = format!("host: {NAME}\r\n");
    for (line, status, code) in [
        ("OPTIONS *", 404, "not-found"),
        ("CONNECT vault.example:443", 404, "not-found"),
        ("OPTIONS /v1/service", 405, "problem:method"),
        ("FROB /v1/service", 405, "problem:method"),
        ("POST /livez", 405, "problem:method"),
        ("DELETE /metrics", 405, "problem:method"),
        ("get /v1/service", 405, "problem:method"),
        ("GET /v1/service/", 404, "not-found"),
        ("GET /v1/service;x", 404, "not-found"),
        ("GET /v1/../v1/service", 404, "not-found"),
        ("GET /v1/service?a=1&a=2", 200, "quotaBytes"),
    ] {
        let answer = service.send(line, &host, b"");
        answer.is(status, code);
        if status == 405 {
            assert_eq!(answer.all("allow"), ["get,head"], "{line}");
        }
    }
    let head = service.send("HEAD /v1/service", &host, b"");
    assert_eq!((head.status(), head.body.as_str()), (200, ""));
}

#[test]
fn the_metrics_tell_of_the_store_and_of_nobody() {
    let directory = TempDir::new().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings { metrics_listen: Some(free), ..settings(&directory) };
    let (router, hooks) = open(&settings);
    let mut before = String::new();
    (hooks.metrics)(&mut before);
    assert!(before.contains("\nhallmark_store_accounts 0\n"), "{before}");
    let running = embedded(&settings, router, hooks, LogTo::Program).unwrap();
    let address = running.address();
    let service = Whole { address, running: Some(running), _directory: directory };
    let person = joined(&service);
    let metrics = send_to(free, "GET /metrics", "host: a\r\n", b"").body;
    for part in [
        "\nhallmark_store_waiting ",
        "\nhallmark_store_group_size_bucket{le=\"1\"} ",
        "\nhallmark_store_commit_seconds_sum ",
    ] {
        assert!(metrics.contains(part), "{part}: {metrics}");
    }
    assert!(!metrics.contains("hallmark_store_commit_seconds_count 0"), "{metrics}");
    assert!(!metrics.contains(&person.id().to_string()));
    for line in metrics.lines().filter(|line| line.starts_with("hallmark_store_")) {
        assert!(!line.contains('{') || line.contains("_bucket{le=\""), "{line}");
    }
}
