//! The service itself behind a proxy that passes everything on: signed requests hold.

use std::{path::Path, time::Duration};

use hallmark_suites::{
    faults::{Program, Service},
    hostile::Proxy,
};

use super::people::{Kept, use_service};

#[test]
fn signed_requests_hold_through_the_proxy() {
    let test = std::env::current_exe().unwrap();
    let hallmarkd = test.ancestors().nth(2).unwrap().join("hallmarkd");
    if !hallmarkd.exists() {
        eprintln!("skipped: hallmarkd is not built: cargo build -p hallmark-api --bin hallmarkd");
        return;
    }
    let proxy = Proxy::first().unwrap();
    let place = tempfile::tempdir().unwrap();
    let data = |name: &str| Path::join(place.path(), name);
    let program = Program::new(hallmarkd).arg("--data").arg(data("data"));
    let program = program.arg("--key-file").arg(data("key")).args(["--listen", "127.0.0.1:0"]);
    let program = program.arg("--authority").arg(proxy.address().to_string());
    let ready = |line: &str| {
        let (_, rest) = line.split_once("hallmarkd: http://")?;
        rest.split(',').next()?.parse().ok()
    };
    let service = Service { program, ready, patience: Duration::from_secs(30) };
    let running = service.start(None).unwrap();
    proxy.turn_to(running.address().unwrap());
    let people = use_service(proxy.address(), 2, 3);
    for person in &people {
        let kept: Vec<&Kept> = person.kept.iter().map(|(_, kept)| kept).collect();
        assert_eq!(kept.len(), 5, "{:?}", proxy.exchanges().pop().and_then(|last| last.service));
        person.finds(proxy.address(), &kept).unwrap();
    }
    assert!(proxy.last_answer("GET", "/v1/accounts/{account}/sync").is_some());
}
