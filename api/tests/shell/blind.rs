//! What a client sends is in no log and no measurement.

use std::{
    io,
    sync::{Arc, Mutex},
};

use hallmark_api::serve::{
    Hooks, LogTo,
    config::{LogFormat, LogLevel},
    embedded,
};

use crate::{
    client::Client,
    service::{State, settings},
};

const CANARY: &str = "canary7d1f3e";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends canaries in every place of a request, in every way a request can go; returns the log and
/// the metrics.
fn traces(format: LogFormat, level: LogLevel) -> (String, String) {
    let mut settings = settings(|limits| {
        limits.header_timeout_ms = 300;
        limits.body_timeout_ms = 300;
        limits.max_json_bytes = 1000;
    });
    (settings.log.format, settings.log.level) = (format, level);
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    settings.metrics_listen = Some(free);
    let log = Log::default();
    let writer = log.clone();
    let writer = LogTo::Writer(Box::new(move || Box::new(writer.clone())));
    let state = State::new();
    let hooks = Hooks { metrics: Box::new(|_| {}), ..state.hooks() };
    let running = embedded(&settings, state.router(), hooks, writer).unwrap();
    let from = "x-forwarded-for: 203.0.113.77";
    for request in [
        format!(
            "GET /v1/things/{CANARY}?q={CANARY} HTTP/1.1\r\n{CANARY}: {CANARY}\r\n{from}\r\n\r\n"
        ),
        format!("GET /{CANARY} HTTP/1.1\r\n\r\n"),
        format!("{CANARY} / HTTP/1.1\r\n\r\n"),
        format!("GET /v1/things/1 HTTP/9.9\r\nx: {CANARY}\r\n\r\n"),
        format!("GET /v1/things/1 HTTP/1.1\r\nx: {CANARY}"),
        format!("POST /v1/things HTTP/1.1\r\ncontent-length: 12\r\n\r\n{CANARY}"),
        format!("POST /v1/things HTTP/1.1\r\ncontent-length: 90\r\n\r\n{CANARY}"),
        format!("POST /v1/things HTTP/1.1\r\ncontent-length: 2000\r\n\r\n{CANARY}"),
        format!("GET /v1/mistake?{CANARY} HTTP/1.1\r\nhost: {CANARY}\r\n\r\n"),
    ] {
        let mut client = Client::connect(running.address());
        client.send(request);
        assert!(client.answer().is_some());
    }
    let metrics = Client::connect(free).get("/metrics").text().to_owned();
    running.stop();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (log, metrics)
}

#[test]
fn nothing_a_client_sends_is_logged_or_measured() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let (log, metrics) = traces(format, LogLevel::Info);
        assert!(log.contains("/v1/things/{id}"), "the log says nothing at all: {log}");
        assert!(metrics.contains("/v1/things/{id}"));
        for text in [&log, &metrics] {
            for leak in [CANARY, "203.0.113.77", "127.0.0.1", "secret that was read"] {
                assert!(!text.to_lowercase().contains(&leak.to_lowercase()), "{leak}: {text}");
            }
        }
    }
    assert_eq!(traces(LogFormat::Text, LogLevel::Off).0, "");
}

#[test]
fn a_line_for_a_request_has_five_fields() {
    let (log, _) = traces(LogFormat::Json, LogLevel::Info);
    let line = log.lines().find(|line| line.contains("too-large")).unwrap();
    let line: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
    let names: Vec<&str> = line.keys().map(String::as_str).collect();
    let all = ["code", "duration_ms", "level", "message", "method", "route", "status", "timestamp"];
    assert_eq!(names, all);
    assert_eq!(line["route"], "/v1/things");
    assert_eq!(line["status"], 413);
}
