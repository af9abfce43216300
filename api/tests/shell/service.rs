//! A small service behind the real shell.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::Request,
    http::header,
    routing::{get, post, put},
};
use hallmark_api::{
    limit::UntilSent,
    serve::{Hooks, LogTo, Running, Settings, config::Limits, embedded},
};
use tokio::sync::Semaphore;

use crate::client::Client;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Service {
    pub running: Running,
    pub state: State,
}

/// What the tests see and steer from outside.
#[derive(Clone)]
pub struct State {
    /// One request to `/v1/gate` passes for each permit.
    pub gate: Arc<Semaphore>,
    pub is_ready: Arc<AtomicBool>,
    pub is_drained: Arc<AtomicBool>,
    /// One for itself, and one for each answer of `/v1/held` that has not left.
    pub held: Arc<()>,
}

impl State {
    pub fn new() -> Self {
        Self {
            gate: Arc::new(Semaphore::new(0)),
            is_ready: Arc::new(AtomicBool::new(true)),
            is_drained: Arc::new(AtomicBool::new(false)),
            held: Arc::new(()),
        }
    }

    pub fn hooks(&self) -> Hooks {
        let (ready, drained) = (self.is_ready.clone(), self.is_drained.clone());
        Hooks {
            is_ready: Box::new(move || ready.load(Ordering::SeqCst)),
            drain: Box::new(move || drained.store(true, Ordering::SeqCst)),
            metrics: Box::new(|text| text.push_str("test_store_rows 7\n")),
            ..Hooks::default()
        }
    }

    pub fn router(&self) -> Router {
        let (gate, held) = (self.gate.clone(), self.held.clone());
        let held = move || async move {
            let big = Body::from(vec![b'x'; 64 << 20]);
            (Extension(UntilSent(held.clone())), big)
        };
        let gated = move || async move {
            gate.acquire().await.unwrap().forget();
            "through"
        };
        let page = [(header::CACHE_CONTROL, "max-age=60"), (header::CONTENT_SECURITY_POLICY, "x")];
        Router::new()
            .route("/v1/things/{id}", get(|| async { "thing" }))
            .route("/v1/things", post(|body: Bytes| async move { body.len().to_string() }))
            .route(
                "/v1/things/{id}/parts/{part}",
                put(|body: Bytes| async move { body.len().to_string() }),
            )
            .route("/v1/careless", post(careless))
            .route("/v1/unread", post(|| async { "unread" }))
            .route("/v1/gate", get(gated.clone()).post(gated))
            .route("/v1/mistake", get(mistake))
            .route("/v1/big", get(|| async { Body::from(vec![b'x'; 64 << 20]) }))
            .route("/v1/held", get(held))
            .route("/page", get(move || async move { (page, "page") }))
    }
}

/// Reads the body and takes no notice of how it ended.
async fn careless(request: Request) -> &'static str {
    let _ = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    "all is well"
}

async fn mistake() -> &'static str {
    panic!("a secret that was read")
}

/// Settings on a free port, with these limits changed.
pub fn settings(change: impl FnOnce(&mut Limits)) -> Settings {
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut settings = Settings { listen, ..Settings::default() };
    change(&mut settings.limits);
    settings
}

impl Service {
    pub fn start(change: impl FnOnce(&mut Limits)) -> Self {
        Self::with(&settings(change))
    }

    pub fn with(settings: &Settings) -> Self {
        let state = State::new();
        let running = embedded(settings, state.router(), state.hooks(), LogTo::Program).unwrap();
        Self { running, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// The value of a measurement, by its name and labels as they are written.
    pub fn metric(&self, name: &str) -> f64 {
        let answer = self.connect().get("/metrics");
        assert_eq!(answer.status, 200, "{answer:?}");
        let line =
            answer.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a measurement is so.
    pub fn until_metric(&self, name: &str, is_so: impl Fn(f64) -> bool) {
        until(|| is_so(self.metric(name)));
    }
}

/// Waits until something is so.
pub fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never came about");
        std::thread::sleep(Duration::from_millis(10));
    }
}
