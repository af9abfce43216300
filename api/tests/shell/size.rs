//! Requests that are too large.

use hallmark_core::problem::Code;

use crate::{client::Client, service::Service};

fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n")
}

#[test]
fn headers_have_a_longest_length() {
    let service = Service::start(|limits| limits.max_header_bytes = 2000);
    let head = |len: usize| {
        let frame = "GET /v1/things/1 HTTP/1.1\r\nhost: a\r\nx: \r\n\r\n".len();
        format!("GET /v1/things/1 HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(len - frame))
    };
    let mut client = service.connect();
    assert_eq!(client.send(head(2000)).answer().unwrap().text(), "thing");
    client.send(head(2001)).answer().unwrap().is_problem(Code::HeadersTooLarge);
    assert!(client.is_closed());
    let mut endless = service.connect();
    endless.try_send("GET /v1/things/1 HTTP/1.1\r\nx: ");
    endless.try_send("y".repeat(1 << 20));
    endless.answer().unwrap().is_problem(Code::HeadersTooLarge);
}

/// What came before on the same connection is answered first.
#[test]
fn headers_that_are_too_large_end_nothing_before_them() {
    let service = Service::start(|limits| limits.max_header_bytes = 2000);
    let mut client = service.connect();
    client.send("GET /v1/gate HTTP/1.1\r\nhost: a\r\n\r\n");
    client.send(format!("GET /v1/things/1 HTTP/1.1\r\nx: {}", "y".repeat(3000)));
    service.until_metric("hallmark_http_in_flight", |n| n == 2.0);
    service.state.gate.add_permits(1);
    assert_eq!(client.answer().unwrap().text(), "through");
    client.answer().unwrap().is_problem(Code::HeadersTooLarge);
}

#[test]
fn header_fields_have_a_greatest_number() {
    let service = Service::start(|limits| limits.max_headers = 20);
    let head = |n| format!("GET /v1/things/1 HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(n));
    let mut client = service.connect();
    assert_eq!(client.send(head(20)).answer().unwrap().text(), "thing");
    client.send(head(21)).answer().unwrap().is_problem(Code::HeadersTooLarge);
}

/// Nothing of the body is waited for.
#[test]
fn a_body_that_says_it_is_too_large_is_refused_unseen() {
    let service = Service::start(|limits| limits.max_json_bytes = 1000);
    let mut client = service.connect();
    assert_eq!(client.send(post("/v1/things", 1000)).send([1; 1000]).answer().unwrap().status, 200);
    for path in ["/v1/things", "/v1/unread", "/v1/careless"] {
        let mut client = service.connect();
        let answer = client.send(post(path, 1001)).answer().unwrap();
        answer.is_problem(Code::TooLarge);
        assert_eq!(answer.field("connection"), Some("close"));
    }
}

/// The answer arrives although the client is still sending.
#[test]
fn a_client_that_does_not_stop_sending_still_reads_why() {
    let service = Service::start(|limits| limits.max_json_bytes = 1000);
    let mut client = service.connect();
    client.send(post("/v1/things", 4 << 20)).try_send(vec![1; 4 << 20]);
    client.answer().unwrap().is_problem(Code::TooLarge);
}

#[test]
fn a_body_of_unknown_length_ends_at_the_limit() {
    let service = Service::start(|limits| limits.max_json_bytes = 1000);
    for path in ["/v1/things", "/v1/careless"] {
        let mut client = service.connect();
        let head = format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.send(head);
        for _ in 0..11 {
            client.try_send(format!("64\r\n{}\r\n", "x".repeat(100)));
        }
        client.answer().unwrap().is_problem(Code::TooLarge);
    }
}

#[test]
fn a_part_has_a_limit_of_its_own() {
    let service = Service::start(|limits| {
        limits.max_json_bytes = 1000;
        limits.max_part_bytes = 5000;
    });
    let put = |length: usize| {
        post("/v1/things/1/parts/2", length).replacen("POST", "PUT", 1).into_bytes()
    };
    let send = |client: &mut Client, length| {
        client.send(put(length)).send(vec![1; length]);
        client.answer().unwrap()
    };
    let mut client = service.connect();
    assert_eq!(send(&mut client, 5000).text(), "5000");
    send(&mut client, 5001).is_problem(Code::TooLarge);
}
