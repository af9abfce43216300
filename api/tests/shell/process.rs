//! `hallmarkd` as it is run.

use std::{
    io::Read,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::{client::Client, service::until};

const READY: &[&str] = &["--ready-file", "ready"];

struct Daemon {
    child: Child,
    dir: tempfile::TempDir,
}

impl Daemon {
    fn start(more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_hallmarkd"))
            .args(["--data", "data", "--listen", "127.0.0.1:0"])
            .args(if more.contains(&"--ready-file") { &[] } else { READY })
            .args(more)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, dir }
    }

    fn ready(&self) -> Client {
        let path = self.dir.path().join("ready");
        until(|| path.exists());
        let address = std::fs::read_to_string(path).unwrap();
        Client::connect(address.trim().parse().unwrap())
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// How it ended and what it said.
    fn end(&mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_where_it_is_serves_and_stops() {
    for signal in ["TERM", "INT"] {
        let mut daemon = Daemon::start(&[]);
        let mut client = daemon.ready();
        assert_eq!(client.get("/readyz").status, 200);
        let key = daemon.dir.path().join("data.key");
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let address = std::fs::read_to_string(daemon.dir.path().join("ready")).unwrap();
        daemon.signal("HUP");
        assert_eq!(client.get("/readyz").status, 200, "there is nothing to read again");
        daemon.signal(signal);
        let (status, said) = daemon.end();
        assert!(status.success(), "{status} {said}");
        let line = format!("hallmarkd: http://{}, data in data, service key ", address.trim());
        assert!(said.contains(&line), "{said}");
        assert!(said.contains("open_files"), "{said}");
    }
}

/// The first signal waits for a body that is under way, up to `stop_timeout_ms`; the second does not.
#[test]
fn a_second_signal_ends_it_at_once() {
    let mut daemon = Daemon::start(&[]);
    let mut client = daemon.ready();
    client.send("GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").answer().unwrap();
    client.send("POST /livez HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n");
    daemon.signal("TERM");
    let (status, _) = daemon.end();
    assert!(status.success(), "half a head is no request: {status}");
}

#[test]
fn what_cannot_work_is_refused_at_the_start() {
    for (more, why) in [
        (&["--key-file", "data/key"] as &[&str], "inside the data directory"),
        (&["--config", "nowhere.toml"], "nowhere.toml"),
        (&["--metrics-listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
        (&["--tls-cert", "no.pem", "--tls-key", "no.pem"], "no.pem"),
        (&["--ready-file", "no/such/folder/ready"], "no/such/folder/ready"),
    ] {
        let (status, said) = Daemon::start(more).end();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
