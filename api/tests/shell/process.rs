//! `hallmarkd` as it is run.

use std::{
    io::Read,
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, ExitStatus, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use hallmark_core::{
    httpsig::{self, ContentDigest, KeyId, Target},
    key::SigningKey,
    problem::Code,
};

use crate::{client::Client, service::until};

const DATA: &[&str] = &["--data", "data"];
const READY: &[&str] = &["--ready-file", "ready"];

struct Daemon {
    child: Child,
    dir: tempfile::TempDir,
}

impl Daemon {
    fn start(more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_hallmarkd"))
            .args(["--listen", "127.0.0.1:0"])
            .args(if more.contains(&"--data") { &[] } else { DATA })
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
        Client::connect(self.address())
    }

    fn address(&self) -> SocketAddr {
        let address = std::fs::read_to_string(self.dir.path().join("ready")).unwrap();
        address.trim().parse().unwrap()
    }

    fn try_connect(&self) -> Option<TcpStream> {
        TcpStream::connect(self.address()).ok()
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

/// The head of a request signed now by a key that nobody knows, but for the length and the end.
fn signed_head(host: &str, path: &str) -> String {
    let key = SigningKey::from_seed(&[5; 32]);
    let id = KeyId::new(&key.public().to_string()).unwrap();
    let target = Target::new("POST", host, path, None).unwrap();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let created_s = i64::try_from(since.as_secs()).unwrap();
    let digest = ContentDigest::of(b"12345");
    let signed = httpsig::sign(&key, &id, &target, &digest, created_s, &mut rand::rng()).unwrap();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-digest: {}\r\nsignature-input: {}\r\n\
         signature: {}\r\n",
        signed.content_digest, signed.signature_input, signed.signature
    )
}

#[test]
fn it_says_where_it_is_serves_and_stops() {
    for signal in ["TERM", "INT"] {
        let mut daemon = Daemon::start(&[]);
        let mut client = daemon.ready();
        assert_eq!(client.get("/readyz").status, 200);
        let key = daemon.dir.path().join("data.key");
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let address = daemon.address();
        daemon.signal("HUP");
        assert_eq!(client.get("/readyz").status, 200, "there is nothing to read again");
        daemon.signal(signal);
        let (status, said) = daemon.end();
        assert!(status.success(), "{status} {said}");
        let line = format!("hallmarkd: http://{}, data in data, service key ", address);
        assert!(said.contains(&line), "{said}");
        assert!(!said.contains("raised") || said.contains("open_files"), "{said}");
    }
}

/// Whoever reads the log by program finds objects and nothing else, from the start to the stop.
#[test]
fn a_log_of_objects_tells_of_the_start_and_the_stop() {
    let mut daemon = Daemon::start(&["--log-format", "json"]);
    daemon.ready();
    let address = daemon.address().to_string();
    daemon.signal("TERM");
    let (_, said) = daemon.end();
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let with = |message: &str| lines.iter().find(|line| line["message"] == message);
    assert_eq!(with("serving").unwrap()["address"], address, "{said}");
    assert!(with("stopping").is_some() && with("stopped").is_some(), "{said}");
}

#[test]
fn raised_limits_are_told_where_they_were_raised() {
    for (limits, raised) in [("ulimit -n 1000", false), ("ulimit -Sn 500; ulimit -Hn 1000", true)] {
        let dir = tempfile::tempdir().unwrap();
        let command = format!(
            "{limits}; exec {} --listen 127.0.0.1:0 --ready-file no/ready",
            env!("CARGO_BIN_EXE_hallmarkd")
        );
        let run = Command::new("sh").args(["-c", &command]).current_dir(dir.path()).output();
        let said = String::from_utf8(run.unwrap().stderr).unwrap();
        assert!(said.contains("no/ready"), "{said}");
        assert_eq!(said.contains("limit of open files raised"), raised, "{limits}: {said}");
    }
}

/// T-34: a connection to which a blob is sent takes two.
#[test]
fn too_few_open_files_for_the_connections_are_told() {
    for (most, few) in [(1000, true), (1300, false)] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("limits.toml"), "[limits]\nmax_connections = 500\n")
            .unwrap();
        let command = format!(
            "ulimit -n {most}; exec {} --config limits.toml --listen 127.0.0.1:0 --ready-file no/ready",
            env!("CARGO_BIN_EXE_hallmarkd")
        );
        let run = Command::new("sh").args(["-c", &command]).current_dir(dir.path()).output();
        let said = String::from_utf8(run.unwrap().stderr).unwrap();
        assert!(said.contains("no/ready"), "{said}");
        assert_eq!(said.contains("more than the open files allow"), few, "{most}: {said}");
    }
}

/// T-31: other users of the machine are kept out, or it is said how.
#[test]
fn a_data_directory_that_others_can_read_is_said_and_no_core_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).unwrap();
    let shown = data.to_str().unwrap();
    let mut daemon = Daemon::start(&["--data", shown]);
    daemon.ready();
    #[cfg(target_os = "linux")]
    {
        let limits =
            std::fs::read_to_string(format!("/proc/{}/limits", daemon.child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    }
    daemon.signal("TERM");
    let (_, said) = daemon.end();
    assert!(said.contains(&format!("chmod -R go= {shown}")), "{said}");
    let mut private = Daemon::start(&[]);
    private.ready();
    private.signal("TERM");
    let (_, said) = private.end();
    assert!(!said.contains("chmod"), "{said}");
}

/// The first signal waits for what is under way, up to `stop_timeout_ms`; the second does not.
#[test]
fn a_second_signal_ends_it_at_once() {
    let mut daemon = Daemon::start(&[]);
    let (mut probe, mut client) = (daemon.ready(), daemon.ready());
    // Only of a request that is signed is the body waited for.
    let head = signed_head(&daemon.address().to_string(), "/v1/accounts");
    client.send(format!("{head}content-length: 5\r\n\r\n123"));
    until(|| probe.get("/metrics").text().contains("hallmark_http_in_flight 2\n"));
    daemon.signal("TERM");
    until(|| daemon.try_connect().is_none());
    assert!(daemon.child.try_wait().unwrap().is_none(), "it did not wait");
    probe.get("/readyz").is_problem(Code::Stopping);
    daemon.signal("TERM");
    let (status, _) = daemon.end();
    assert_eq!(status.code(), Some(130));
}

/// The shell and the service together.
#[test]
fn it_serves_the_real_service() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let apart = ["--metrics-listen", &free.to_string()];
    let mut daemon = Daemon::start(
        &[&["--authority", "vault.example", "--quota-bytes", "4096"] as &[&str], &apart].concat(),
    );
    let mut client = daemon.ready();
    let answer = client.get("/v1/service");
    answer.is_guarded();
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(info["quotaBytes"], 4096);
    client.get("/v1/nowhere").is_problem(Code::NotFound);
    client.get("/v1/membership").is_problem(Code::Unsigned);
    let metrics = Client::connect(free).get("/metrics").text().to_owned();
    let line = r#"route="/v1/membership",method="GET",status="4xx",code="unsigned"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    drop(client);
    daemon.signal("TERM");
    assert!(daemon.end().0.success());
}

/// What the configuration says is what the service says of itself.
#[test]
fn the_longest_body_is_announced_as_configured() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("hallmarkd.toml");
    let config = |limit: u64| {
        std::fs::write(&config, format!("[limits]\nmax_json_bytes = {limit}\n")).unwrap();
        config.to_str().unwrap().to_owned()
    };
    let daemon = Daemon::start(&["--config", &config(1000)]);
    let answer = daemon.ready().get("/v1/service");
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(info["maxBodyBytes"], 1000);
    let (status, said) = Daemon::start(&["--config", &config(8_388_609)]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("limits.max_json_bytes must be at most 8388608"), "{said}");
}

#[test]
fn two_services_do_not_share_a_data_directory() {
    let daemon = Daemon::start(&[]);
    daemon.ready();
    let second = Command::new(env!("CARGO_BIN_EXE_hallmarkd"))
        .args(["--data", "data", "--listen", "127.0.0.1:0"])
        .current_dir(daemon.dir.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("data"), "{said}");
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

/// A copy is made while the service runs, and served in its stead.
#[test]
fn a_running_service_is_backed_up_and_restored() {
    let mut daemon = Daemon::start(&[]);
    let mut client = daemon.ready();
    let folder = daemon.dir.path().to_owned();
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallmarkd"));
        let run = command.args(args).current_dir(&folder).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (run.status.code(), text(run.stdout) + &text(run.stderr))
    };
    let (code, said) = run(&["backup", "--data", "data", "--to", "copy"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Backed up to copy") && said.contains("key file"), "{said}");
    assert_eq!(client.get("/readyz").status, 200);
    let (code, said) = run(&["restore", "--from", "copy", "--data", "data"]);
    assert_eq!(code, Some(1), "over a data directory in use: {said}");
    let (code, said) = run(&["restore", "--from", "copy", "--data", "again"]);
    assert_eq!(code, Some(0), "{said}");
    daemon.signal("TERM");
    assert!(daemon.end().0.success());
    let again = folder.join("again");
    let again = again.to_str().unwrap();
    let (status, said) = Daemon::start(&["--data", again]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("there is no key file") && said.contains("--new-key"), "{said}");
    let (key, other) = (folder.join("data.key"), folder.join("other.key"));
    std::fs::write(&other, format!("{}\n", "07".repeat(32))).unwrap();
    std::fs::set_permissions(&other, PermissionsExt::from_mode(0o600)).unwrap();
    let with = |key: &std::path::Path, more: &[&str]| {
        Daemon::start(&[&["--data", again, "--key-file", key.to_str().unwrap()], more].concat())
    };
    let (_, said) = with(&other, &[]).end();
    assert!(said.contains("was served with the key"), "{said}");
    let mut second = with(&key, &[]);
    assert_eq!(second.ready().get("/readyz").status, 200);
    second.signal("TERM");
    assert!(second.end().0.success());
    let third = with(&other, &["--new-key"]);
    assert_eq!(third.ready().get("/readyz").status, 200);
}
