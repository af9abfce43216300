//! `/livez`, `/readyz` and `/metrics`: for whoever looks after the service.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Response, header},
    routing::get,
};
use hallmark_core::problem::Code;

use super::{meter::Meter, refusal};

const LIVE: &str = "/livez";
const READY: &str = "/readyz";
const METRICS: &str = "/metrics";
/// The Prometheus text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What these answers are made from.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) is_ready: Arc<dyn Fn() -> bool + Send + Sync>,
    pub(super) metrics: Arc<dyn Fn(&mut String) + Send + Sync>,
    pub(super) meter: Arc<Meter>,
    pub(super) stopping: Arc<AtomicBool>,
    /// Whether `/metrics` is served here, to peers on a loopback address: not where those may ask for
    /// others.
    pub(super) metrics_here: bool,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client {
    /// The other end of the connection.
    pub(super) peer: IpAddr,
    /// The one a trusted proxy named, or the same.
    pub(super) client: IpAddr,
}

/// Whether the path is one of these: they are answered while the service stops.
pub(super) fn is_own(path: &str) -> bool {
    [LIVE, READY, METRICS].contains(&path)
}

pub(super) fn router(asked: Asked) -> Router {
    Router::new()
        .route(LIVE, get(|| async { "alive\n" }))
        .route(READY, get(ready))
        .route(METRICS, get(near_metrics))
        .method_not_allowed_fallback(not_here)
        .with_state(asked)
}

/// The router of a listener for `/metrics` alone.
pub(super) fn metrics_router(asked: Asked) -> Router {
    let routes = Router::new().route(METRICS, get(metrics));
    routes.method_not_allowed_fallback(not_here).with_state(asked)
}

async fn not_here() -> Response<Body> {
    refusal::response(Code::Method, "Allow names the methods this address knows.")
}

async fn ready(State(asked): State<Asked>) -> Response<Body> {
    if asked.stopping.load(Ordering::SeqCst) {
        return refusal::response(Code::Stopping, refusal::detail(Code::Stopping));
    }
    if !(asked.is_ready)() {
        return refusal::response(Code::Overloaded, "The service is not ready to take requests.");
    }
    Response::new(Body::from("ready\n"))
}

/// `/metrics` beside everything else: only for this machine, and not for what a proxy on it passes
/// on for others.
async fn near_metrics(
    State(asked): State<Asked>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response<Body> {
    let near = |address: IpAddr| address.to_canonical().is_loopback();
    let passed_on =
        ["x-forwarded-for", "forwarded", "via"].iter().any(|f| headers.contains_key(*f));
    if !asked.metrics_here || passed_on || !near(client.peer) || !near(client.client) {
        return refusal::response(Code::NotFound, "Metrics are served to this machine alone.");
    }
    metrics(State(asked)).await
}

async fn metrics(State(asked): State<Asked>) -> Response<Body> {
    let rendered = tokio::task::spawn_blocking(move || {
        let mut text = asked.meter.render(Instant::now());
        (asked.metrics)(&mut text);
        text
    });
    match rendered.await {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            let format = HeaderValue::from_static(TEXT_FORMAT);
            response.headers_mut().insert(header::CONTENT_TYPE, format);
            response
        }
        Err(_) => refusal::response(Code::Internal, refusal::detail(Code::Internal)),
    }
}
