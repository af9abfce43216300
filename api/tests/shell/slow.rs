//! Clients that take their time, and clients that went away.

use std::{
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use hallmark_core::problem::Code;

use crate::{
    client::Client,
    service::{Service, until},
};

/// Sends a byte now and then until there is an answer, which has to come before `bytes` are over.
fn dribble(client: &mut Client, bytes: &[u8]) {
    for byte in bytes {
        if client.is_answered() {
            return;
        }
        client.try_send([*byte]);
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("a byte now and then holds a connection");
}

/// Each further byte buys no time.
#[test]
fn slow_headers_are_ended() {
    let service = Service::start(|limits| limits.header_timeout_ms = 300);
    let mut client = service.connect();
    client.send("GET /v1/things/1 HTTP/1.1\r\nx: ");
    dribble(&mut client, &[b'y'; 1000]);
    client.answer().unwrap().is_problem(Code::Timeout);
    assert!(client.is_closed());
    assert_eq!(service.metric("hallmark_rejected_total{limit=\"header\"}"), 1.0);
}

/// The limit holds for every request of a connection, not for the first alone.
#[test]
fn slow_headers_are_ended_on_a_used_connection() {
    let service = Service::start(|limits| limits.header_timeout_ms = 300);
    let mut client = service.connect();
    client.get("/v1/things/1");
    client.send("GET /v1/things/1 HTTP/1.1\r\nx: ");
    client.answer().unwrap().is_problem(Code::Timeout);
    assert!(client.is_closed());
}

/// Empty lines before a request are no way to stay.
#[test]
fn empty_lines_are_no_request() {
    let service = Service::start(|limits| limits.header_timeout_ms = 300);
    let mut client = service.connect();
    dribble(&mut client, &b"\r\n".repeat(500));
    client.answer().unwrap().is_problem(Code::Timeout);
}

#[test]
fn a_connection_without_a_request_is_closed() {
    let service = Service::start(|limits| limits.idle_timeout_ms = 3000);
    let mut silent = service.connect();
    let mut used = service.connect();
    used.get("/v1/things/1");
    assert!(silent.is_closed() && used.is_closed());
    assert_eq!(service.metric("hallmark_rejected_total{limit=\"idle\"}"), 2.0);
}

#[test]
fn a_body_that_stands_still_is_ended() {
    let service = Service::start(|limits| limits.body_timeout_ms = 300);
    let mut client = service.connect();
    client.send("POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n123");
    let answer = client.answer().unwrap();
    answer.is_problem(Code::Timeout);
    assert_eq!(answer.field("connection"), Some("close"));
    assert!(client.is_closed());
}

const LONG_POST: &str = "POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 2000\r\n\r\n";

/// A body below the least rate is ended although it never stands still.
#[test]
fn a_body_below_the_least_rate_is_ended() {
    let service = Service::start(|limits| {
        limits.body_timeout_ms = 300;
        limits.body_min_bytes_per_s = 2000;
    });
    let mut slow = service.connect();
    slow.send(LONG_POST);
    dribble(&mut slow, &[b'x'; 1000]);
    slow.answer().unwrap().is_problem(Code::Timeout);
}

/// One above it goes on after the time that a body of no bytes would have.
#[test]
fn a_body_above_the_least_rate_goes_on() {
    let service = Service::start(|limits| {
        limits.body_timeout_ms = 3000;
        limits.body_min_bytes_per_s = 100;
    });
    let start = Instant::now();
    let mut steady = service.connect();
    // These buy 16 s.
    steady.send([LONG_POST.as_bytes(), &[b'x'; 1600]].concat());
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(350));
        steady.send([b'x'; 40]);
    }
    assert!(start.elapsed() > Duration::from_millis(3000));
    assert_eq!(steady.answer().unwrap().text(), "2000");
}

/// A connection that rested for longer than anything is kept for goes on as before.
#[test]
fn a_connection_may_rest_between_requests() {
    let service = Service::start(|_| {});
    let mut client = service.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/v1/things/1").text(), "thing");
        std::thread::sleep(Duration::from_millis(1200));
        client.send("POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n12345");
        assert_eq!(client.answer().unwrap().text(), "5");
    }
    assert_eq!(service.metric("hallmark_connections_accepted_total"), 2.0);
}

/// Whatever a handler makes of a body that broke off, the limit is what is answered.
#[test]
fn a_careless_handler_acknowledges_nothing() {
    let service = Service::start(|limits| limits.body_timeout_ms = 200);
    let mut client = service.connect();
    client.send("POST /v1/careless HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n123");
    client.answer().unwrap().is_problem(Code::Timeout);
}

#[test]
fn an_answer_that_never_comes_is_given_up() {
    let service = Service::start(|limits| limits.answer_timeout_ms = 3000);
    let mut client = service.connect();
    client.get("/v1/gate").is_problem(Code::Overloaded);
    assert_eq!(client.get("/v1/things/1").text(), "thing", "the request itself was whole");
}

/// The same where the body is not there yet: then it is the request that was late.
#[test]
fn an_answer_that_never_comes_to_half_a_request_ends_the_connection() {
    let service = Service::start(|limits| limits.answer_timeout_ms = 200);
    let mut client = service.connect();
    client.send("POST /v1/gate HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n123");
    client.answer().unwrap().is_problem(Code::Timeout);
    assert!(client.is_closed(), "the body was not");
}

#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    let service = Service::start(|limits| limits.send_timeout_ms = 200);
    let mut client = service.connect();
    client.send("GET /v1/big HTTP/1.1\r\nhost: a\r\n\r\n");
    service.until_metric("hallmark_rejected_total{limit=\"send\"}", |n| n == 1.0);
    service.until_metric("hallmark_http_in_flight", |n| n == 1.0);
}

/// Memory counts as taken until the answer has left, not until it was handed over to be sent.
#[test]
fn what_an_answer_holds_is_held_until_it_has_left() {
    let service = Service::start(|_| {});
    let held = || Arc::strong_count(&service.state.held) - 2;
    let mut client = service.connect();
    client.send("GET /v1/held HTTP/1.1\r\nhost: a\r\n\r\n");
    until(|| held() == 1);
    service.until_metric("hallmark_http_in_flight", |n| n == 1.0);
    assert_eq!(held(), 1, "nobody has read it");
    assert_eq!(client.answer().unwrap().body.len(), 64 << 20);
    until(|| held() == 0);
    assert_eq!(client.get("/v1/things/1").text(), "thing");
}

/// Who goes away in the middle leaves nothing behind.
#[test]
fn a_request_whose_client_went_away_is_dropped() {
    let service = Service::start(|_| {});
    let mut waiting = service.connect();
    waiting.send("GET /v1/gate HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut half = service.connect();
    half.send("POST /v1/things HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n123");
    let mut head = service.connect();
    head.send("POST /v1/thi");
    service.until_metric("hallmark_http_in_flight", |n| n == 3.0);
    drop((waiting, half, head));
    service.until_metric("hallmark_http_in_flight", |n| n == 1.0);
    service.until_metric("hallmark_connections", |n| n == 1.0);
}

#[test]
fn idle_and_slow_connections_do_not_disturb_others() {
    let service = Service::start(|_| {});
    let connect = |_| TcpStream::connect(service.address()).unwrap();
    let idle: Vec<TcpStream> = (0..300).map(connect).collect();
    let slow: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = service.connect();
            client.send("GET /v1/things/1 HTTP/1.1\r\nx");
            client
        })
        .collect();
    let mut client = service.connect();
    for _ in 0..100 {
        assert_eq!(client.get("/v1/things/1").text(), "thing");
    }
    assert!(service.metric("hallmark_connections") >= 401.0);
    drop((idle, slow));
    service.until_metric("hallmark_connections", |n| n <= 2.0);
}
