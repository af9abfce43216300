//! What is measured, in the Prometheus text format. Labels are methods, route templates, classes of
//! status, codes and names of limits: never a path, a key or an address.

use std::time::{Duration, Instant};

use axum::http::Method;
use hallmark_core::problem::Code;
use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

const METADATA: Metadata<'static> = Metadata::new("hallmark", Level::INFO, None);
/// Upper bounds of the buckets of durations, seconds.
const DURATION_BUCKETS_S: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
/// The route of a request that no route fits.
pub(super) const NO_ROUTE: &str = "none";

const REQUESTS: &str = "hallmark_http_requests_total";
const DURATION: &str = "hallmark_http_request_duration_seconds";
const REJECTED: &str = "hallmark_rejected_total";

/// Which limit turned something away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Connections,
    ConnectionsPerAddress,
    Handshake,
    Idle,
    Header,
    Body,
    Answer,
    Send,
    Requests,
    Stopping,
}

impl Limit {
    const fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerAddress => "connections-per-address",
            Self::Handshake => "handshake",
            Self::Idle => "idle",
            Self::Header => "header",
            Self::Body => "body",
            Self::Answer => "answer",
            Self::Send => "send",
            Self::Requests => "requests",
            Self::Stopping => "stopping",
        }
    }
}

/// One answered request, in the words of the log and of the metrics.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) method: &'static str,
    /// The route's template.
    pub(super) route: String,
    pub(super) status: u16,
    pub(super) code: Option<Code>,
    pub(super) duration: Duration,
}

/// The measurements of one running service.
pub(super) struct Meter {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    started: Instant,
    pub(super) in_flight: Gauge,
    pub(super) connections: Gauge,
    pub(super) accepted: Counter,
    received: Counter,
    sent: Counter,
}

impl Meter {
    /// Measurements of a service that starts now.
    pub(super) fn new(started: Instant) -> Self {
        let builder = PrometheusBuilder::new()
            .set_buckets(&DURATION_BUCKETS_S)
            .expect("there is at least one bucket");
        let recorder = builder.build_recorder();
        let gauge =
            |name: &'static str| recorder.register_gauge(&Key::from_static_name(name), &METADATA);
        let counter =
            |name: &'static str| recorder.register_counter(&Key::from_static_name(name), &METADATA);
        for (name, text) in [
            (REQUESTS, "Requests answered, by route, method, class of status and problem code"),
            (REJECTED, "What a limit turned away or ended, by limit"),
            ("hallmark_connections_accepted_total", "Connections accepted"),
            ("hallmark_received_bytes_total", "Bytes received, headers included, TLS excluded"),
            ("hallmark_sent_bytes_total", "Bytes sent, headers included, TLS excluded"),
        ] {
            recorder.describe_counter(name.into(), None, text.into());
        }
        recorder.describe_histogram(DURATION.into(), None, "Time to the first byte".into());
        recorder.describe_gauge("hallmark_connections".into(), None, "Open connections".into());
        recorder.describe_gauge(
            "hallmark_http_in_flight".into(),
            None,
            "Requests that are not answered to the end".into(),
        );
        Self {
            handle: recorder.handle(),
            started,
            in_flight: gauge("hallmark_http_in_flight"),
            connections: gauge("hallmark_connections"),
            accepted: counter("hallmark_connections_accepted_total"),
            received: counter("hallmark_received_bytes_total"),
            sent: counter("hallmark_sent_bytes_total"),
            recorder,
        }
    }

    pub(super) fn answered(&self, answered: &Answered) {
        let class = match answered.status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let route = Label::new("route", answered.route.clone());
        let method = Label::from_static_parts("method", answered.method);
        let code = answered.code.map_or("none", Code::as_str);
        let labels = vec![
            route.clone(),
            method.clone(),
            Label::from_static_parts("status", class),
            Label::from_static_parts("code", code),
        ];
        self.recorder.register_counter(&Key::from_parts(REQUESTS, labels), &METADATA).increment(1);
        let key = Key::from_parts(DURATION, vec![route, method]);
        self.recorder.register_histogram(&key, &METADATA).record(answered.duration);
    }

    pub(super) fn rejected(&self, limit: Limit) {
        let labels = vec![Label::from_static_parts("limit", limit.name())];
        self.recorder.register_counter(&Key::from_parts(REJECTED, labels), &METADATA).increment(1);
    }

    pub(super) fn traffic(&self, (received, sent): (u64, u64)) {
        self.received.increment(received);
        self.sent.increment(sent);
    }

    /// Keeps the memory of durations small; to be called every few seconds.
    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Everything in the Prometheus text format.
    pub(super) fn render(&self, now: Instant) -> String {
        let uptime = now.saturating_duration_since(self.started).as_secs_f64();
        let mut text = self.handle.render();
        let mut gauge = |name: &str, help: &str, value: &str| {
            text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
        };
        gauge("process_uptime_seconds", "Time since the start", &uptime.to_string());
        if let Some(bytes) = resident_bytes() {
            gauge("process_resident_memory_bytes", "Resident memory", &bytes.to_string());
        }
        text
    }
}

/// The method as a label: one of a few, whatever a client sends.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Resident memory of this process, where the system tells (Linux, proc(5)).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
