//! Requests as they should be, and what every answer carries.

use std::sync::atomic::Ordering;

use hallmark_api::serve::Settings;
use hallmark_core::problem::Code;

use crate::{
    client::Client,
    service::{Service, settings},
};

#[test]
fn requests_follow_each_other_on_one_connection() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/v1/things/1").text(), "thing");
        client.send("POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n12345");
        assert_eq!(client.answer().unwrap().text(), "5");
    }
    service.until_metric("hallmark_received_bytes_total", |n| n > 300.0);
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let service = Service::start(|_| {});
    service.state.gate.add_permits(1);
    let mut client = service.connect();
    let gate = "GET /v1/gate HTTP/1.1\r\nhost: a\r\n\r\n";
    let post = "POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n123";
    client.send(format!("{post}{gate}{post}{gate}{post}"));
    for text in ["3", "through", "3"] {
        assert_eq!(client.answer().unwrap().text(), text);
    }
    service.state.gate.add_permits(1);
    for text in ["through", "3"] {
        assert_eq!(client.answer().unwrap().text(), text);
    }
    assert_eq!(client.get("/v1/things/1").text(), "thing");
}

#[test]
fn a_request_may_come_byte_by_byte_or_in_chunks() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    for byte in b"POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n123" {
        client.send([*byte]);
    }
    assert_eq!(client.answer().unwrap().text(), "3");
    client.send("POST /v1/things HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    client.send("4\r\n1234\r\n").send("2\r\n56\r\n0\r\n\r\n");
    let answer = client.answer().unwrap();
    assert_eq!((answer.text(), answer.field("connection")), ("6", Some("close")));
    assert!(client.is_closed());
}

#[test]
fn a_large_body_that_is_asked_for_comes_whole() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    let head = "PUT /v1/things/1/parts/2 HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n";
    client.send(format!("{head}content-length: 4194304\r\n\r\n"));
    client.send(vec![7; 4 << 20]);
    assert_eq!(client.answer().unwrap().text(), "4194304");
    assert_eq!(client.get("/v1/things/1").text(), "thing");
}

#[test]
fn every_answer_is_guarded() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    for path in ["/v1/things/1", "/page", "/nowhere", "/livez", "/metrics"] {
        client.get(path).is_guarded();
    }
    let answer = client.get("/v1/things/1");
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let policy = Some("default-src 'none'; frame-ancestors 'none'");
    assert_eq!(answer.field("content-security-policy"), policy);
    let page = client.get("/page");
    assert_eq!(page.field("cache-control"), Some("max-age=60"), "a page sets its own");
    assert_eq!(page.field("content-security-policy"), Some("x"));
}

#[test]
fn what_is_not_http_is_told_so() {
    let service = Service::start(|_| {});
    for bytes in [
        "\u{16}\u{3}\u{1}\u{2}\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /v1/<> HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        "POST /v1/things HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12",
        "POST /v1/things HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1",
    ] {
        let mut client = service.connect();
        client.send(bytes).answer().unwrap().is_problem(Code::Malformed);
        assert!(client.is_closed());
    }
    let mut client = service.connect();
    client.send("GET /v1/things/1 HTTP/1.1\r\nhost: a\r\n\r\nrubbish\r\n");
    assert_eq!(client.answer().unwrap().text(), "thing", "what came before is answered");
    client.answer().unwrap().is_problem(Code::Malformed);
}

/// A mistake in one handler is an answer, not an end.
#[test]
fn a_mistake_of_the_service_is_a_problem_document() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    client.get("/v1/mistake").is_problem(Code::Internal);
    assert_eq!(client.get("/v1/things/1").text(), "thing");
}

#[test]
fn health_is_told() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    assert_eq!(client.get("/livez").status, 200);
    assert_eq!(client.get("/readyz").status, 200);
    service.state.is_ready.store(false, Ordering::SeqCst);
    client.get("/readyz").is_problem(Code::Overloaded);
    assert_eq!(client.get("/livez").status, 200);
}

#[test]
fn metrics_are_told_by_route() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    client.get("/v1/things/1");
    client.get("/v1/things/2");
    client.get("/nowhere/at/all");
    let text = client.get("/metrics").text().to_owned();
    for line in [
        r#"hallmark_http_requests_total{route="/v1/things/{id}",method="GET",status="2xx",code="none"} 2"#,
        r#"hallmark_http_requests_total{route="none",method="GET",status="4xx",code="none"} 1"#,
        "hallmark_http_in_flight 1",
        "hallmark_connections 1",
        "hallmark_connections_accepted_total 1",
        "test_store_rows 7",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(text.contains("process_resident_memory_bytes "));
    assert!(text.contains("process_uptime_seconds "));
    assert!(text.contains("hallmark_http_request_duration_seconds_bucket"));
    assert!(!text.contains("nowhere"));
}

/// A proxy on this machine passes on what others ask.
#[test]
fn metrics_are_for_this_machine_alone() {
    let service = Service::start(|_| {});
    for field in ["x-forwarded-for: 127.0.0.1", "forwarded: for=127.0.0.1", "via: 1.1 proxy"] {
        let mut client = service.connect();
        client.send(format!("GET /metrics HTTP/1.1\r\nhost: a\r\n{field}\r\n\r\n"));
        client.answer().unwrap().is_problem(Code::NotFound);
    }
}

/// T-34: a proxy on this machine need not say that it asks for others.
#[test]
fn where_a_proxy_may_ask_metrics_are_not_told() {
    let is_told = |change: fn(&mut Settings)| {
        let mut settings = settings(|_| {});
        change(&mut settings);
        Service::with(&settings).connect().get("/metrics").status == 200
    };
    assert!(is_told(|_| {}));
    assert!(is_told(|all| all.authorities = vec!["127.0.0.1:8470".into(), "localhost:1".into()]));
    assert!(is_told(|all| all.authorities = vec!["[::1]:8470".into()]));
    assert!(!is_told(|all| all.authorities = vec!["localhost".into(), "vault.example".into()]));
    assert!(!is_told(|all| all.authorities = vec!["192.0.2.1:8470".into()]));
    assert!(!is_told(|all| all.behind_proxy = true));
    assert!(!is_told(|all| all.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]));
}

#[test]
fn metrics_may_have_a_listener_of_their_own() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings(|_| {});
    settings.metrics_listen = Some(free);
    let service = Service::with(&settings);
    service.connect().get("/metrics").is_problem(Code::NotFound);
    assert_eq!(Client::connect(free).get("/metrics").status, 200);
    assert_eq!(Client::connect(free).get("/v1/things/1").status, 404);
}
