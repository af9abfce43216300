//! `hallmark serve`: the same service as `hallmarkd`, which has tests of its own.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::world::World;

struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_service_runs_until_it_is_stopped() {
    let world = World::new();
    let child = Command::new(env!("CARGO_BIN_EXE_hallmark"))
        .args(["serve", "--data", "data", "--listen", "127.0.0.1:0", "--ready-file", "ready"])
        .current_dir(world.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut service = Service(child);
    let start = Instant::now();
    while !world.path("ready").exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "it never got ready");
        std::thread::sleep(Duration::from_millis(10));
    }
    let address = std::fs::read_to_string(world.path("ready")).unwrap();
    let mut stream = TcpStream::connect(address.trim()).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let id = service.0.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    let (mut out, mut err) = (String::new(), String::new());
    service.0.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    service.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(service.0.wait().unwrap().success(), "{err}");
    assert_eq!(out, "Stopped.\n");
    assert!(err.contains("hallmark serve: http://127.0.0.1:"), "{err}");
}

#[test]
fn what_cannot_work_is_said_with_its_cause() {
    let world = World::new();
    let run = world.run(&["serve", "--listen", "192.0.2.1:80"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("192.0.2.1:80 is no loopback address"), "{run:?}");
    let run = world.run(&["serve", "--config", "nowhere.toml"]);
    assert!(run.err.contains("nowhere.toml") && run.err.contains("because"), "{run:?}");
}
