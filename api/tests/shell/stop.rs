//! The orderly end.

use std::{
    net::TcpStream,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use hallmark_core::problem::Code;

use crate::service::{Service, until};

#[test]
fn what_is_under_way_is_answered_and_nothing_new_is_taken() {
    let Service { running, state } = Service::start(|_| {});
    let address = running.address();
    let connect = || crate::client::Client::connect(address);
    let (mut working, mut kept, mut probe) = (connect(), connect(), connect());
    assert_eq!(kept.get("/v1/things/1").status, 200);
    assert_eq!(probe.get("/readyz").status, 200);
    working.send("GET /v1/gate HTTP/1.1\r\nhost: a\r\n\r\n");
    until(|| kept.get("/metrics").text().contains("hallmark_http_in_flight 2\n"));

    let stopping = std::thread::spawn(move || running.stop());
    until(|| TcpStream::connect(address).is_err());
    probe.get("/readyz").is_problem(Code::Stopping);
    let refused = kept.get("/v1/things/1");
    refused.is_problem(Code::Stopping);
    assert_eq!(refused.field("connection"), Some("close"));
    assert!(kept.is_closed());
    assert!(!state.is_drained.load(Ordering::SeqCst), "drained before the last answer");

    state.gate.add_permits(1);
    let answer = working.answer().unwrap();
    assert_eq!((answer.text(), answer.field("connection")), ("through", Some("close")));
    stopping.join().unwrap();
    assert!(state.is_drained.load(Ordering::SeqCst));
}

/// A large answer that is being taken is taken to its end.
#[test]
fn an_answer_under_way_is_sent_whole() {
    let Service { running, state } = Service::start(|_| {});
    let address = running.address();
    let mut client = crate::client::Client::connect(address);
    client.send("GET /v1/big HTTP/1.1\r\nhost: a\r\n\r\n");
    until(|| client.is_answered());
    let stopping = std::thread::spawn(move || running.stop());
    until(|| TcpStream::connect(address).is_err());
    assert_eq!(client.answer().unwrap().body.len(), 64 << 20);
    stopping.join().unwrap();
    assert!(state.is_drained.load(Ordering::SeqCst));
}

#[test]
fn what_takes_too_long_is_cut_off() {
    let Service { running, state } = Service::start(|limits| limits.stop_timeout_ms = 300);
    let mut stuck = crate::client::Client::connect(running.address());
    stuck.send("GET /v1/gate HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut probe = crate::client::Client::connect(running.address());
    until(|| probe.get("/metrics").text().contains("hallmark_http_in_flight 2\n"));
    let start = Instant::now();
    running.stop();
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(stuck.is_closed());
    assert!(state.is_drained.load(Ordering::SeqCst));
}

/// Connections that wait, half a head and silence keep nobody from stopping.
#[test]
fn idle_connections_do_not_delay_the_end() {
    let Service { running, state } = Service::start(|_| {});
    let connect = || crate::client::Client::connect(running.address());
    let (mut kept, mut half, mut silent) = (connect(), connect(), connect());
    kept.get("/v1/things/1");
    half.send("GET /v1/thi");
    let start = Instant::now();
    running.stop();
    assert!(start.elapsed() < Duration::from_secs(20), "the timeouts are 30 seconds and more");
    assert!(kept.is_closed() && half.is_closed() && silent.is_closed());
    assert!(state.is_drained.load(Ordering::SeqCst));
}

#[test]
fn a_program_on_a_runtime_can_wait_for_the_end() {
    let Service { running, state } = Service::start(|_| {});
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(running.shutdown());
    assert!(state.is_drained.load(Ordering::SeqCst));
}
