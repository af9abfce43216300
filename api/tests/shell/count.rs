//! Too many at once, and too many in a row.

use hallmark_core::problem::Code;

use crate::{
    client::Client,
    service::{Service, settings, until},
};

#[test]
fn connections_have_a_greatest_number() {
    let service = Service::start(|limits| limits.max_connections = 3);
    let mut held: Vec<Client> = (0..3).map(|_| service.connect()).collect();
    held.iter_mut().for_each(|client| assert_eq!(client.get("/livez").status, 200));
    for _ in 0..3 {
        let mut client = service.connect();
        client.try_send("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().unwrap().is_problem(Code::Overloaded);
        assert!(client.is_closed());
    }
    held.pop();
    until(|| {
        let mut client = service.connect();
        client.try_send("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is_some_and(|answer| answer.status == 200)
    });
}

#[test]
fn connections_of_one_address_have_a_greatest_number() {
    let strict = |limit_loopback| {
        Service::start(|limits| {
            limits.max_connections_per_address = 2;
            limits.limit_loopback = limit_loopback;
        })
    };
    let service = strict(true);
    let mut held: Vec<Client> = (0..2).map(|_| service.connect()).collect();
    held.iter_mut().for_each(|client| assert_eq!(client.get("/livez").status, 200));
    service.connect().answer().unwrap().is_problem(Code::RateLimited);
    held.pop();
    until(|| {
        let mut client = service.connect();
        client.try_send("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n");
        client.answer().is_some_and(|answer| answer.status == 200)
    });
    let service = strict(false);
    let mut held: Vec<Client> = (0..5).map(|_| service.connect()).collect();
    held.iter_mut().for_each(|client| assert_eq!(client.get("/livez").status, 200));
}

#[test]
fn requests_of_one_address_have_a_greatest_rate() {
    let service = Service::start(|limits| {
        (limits.requests_per_s, limits.request_burst) = (1, 3);
        limits.limit_loopback = true;
    });
    let mut client = service.connect();
    let first = client.get("/v1/things/1");
    assert_eq!(first.field("ratelimit-policy"), Some("\"address\";q=3;w=3"));
    assert_eq!(first.field("ratelimit"), Some("\"address\";r=2;t=1"));
    let refused = (0..20).map(|_| client.get("/v1/things/1")).find(|answer| answer.status != 200);
    let refused = refused.unwrap();
    refused.is_problem(Code::RateLimited);
    assert_eq!(refused.field("ratelimit"), Some("\"address\";r=0;t=3"));
}

/// Who is limited is who a trusted proxy names, and nobody else is believed.
#[test]
fn a_trusted_proxy_names_who_is_limited() {
    let run = |name: Option<&str>, trusted: &[&str]| {
        let mut settings = settings(|limits| {
            (limits.requests_per_s, limits.request_burst) = (1, 1);
        });
        settings.authorities = name.into_iter().map(str::to_owned).collect();
        settings.trusted_proxies = trusted.iter().map(|n| n.parse().unwrap()).collect();
        let service = Service::with(&settings);
        let mut client = service.connect();
        let mut from = |address: &str| {
            let field = format!("x-forwarded-for: {address}");
            client.send(format!("GET /v1/things/1 HTTP/1.1\r\nhost: a\r\n{field}\r\n\r\n"));
            client.answer().unwrap().status
        };
        let a = from("192.0.2.1");
        [a, from("192.0.2.1"), from("192.0.2.2"), from("192.0.2.3, 192.0.2.1")]
    };
    for name in [None, Some("vault.example")] {
        assert_eq!(run(name, &["127.0.0.0/8"]), [200, 429, 200, 429]);
    }
    assert_eq!(run(None, &[]), [200; 4], "the peer is this machine");
    let shared = run(Some("vault.example"), &[]);
    assert_eq!(shared, [200, 429, 429, 429], "a proxy nobody named stands for all its clients");
}

/// T-34: whoever hides behind a trusted proxy shares the rate of its address, on this machine too.
#[test]
fn a_proxy_that_names_nobody_has_a_rate() {
    let mut settings = settings(|limits| (limits.requests_per_s, limits.request_burst) = (1, 3));
    settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let service = Service::with(&settings);
    let mut client = service.connect();
    let mut ask = |field: &[u8]| {
        let head: [&[u8]; 2] =
            [b"GET /v1/things/1 HTTP/1.1\r\nhost: a\r\nx-forwarded-for: ", field];
        client.send(head.concat()).send("\r\n\r\n").answer().unwrap().status
    };
    let hidden: Vec<u16> = (0..6).map(|_| ask(b"\xff")).collect();
    assert!(hidden.contains(&429), "{hidden:?}");
    let named: Vec<u16> = (0..6).map(|_| ask(b"\xff, 192.0.2.1")).collect();
    assert_eq!((named[0], named.contains(&429)), (200, true), "{named:?}");
    assert_eq!(ask(b"\xff, 192.0.2.2"), 200);
}
