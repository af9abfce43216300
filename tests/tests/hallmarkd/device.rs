//! Devices: profiles on which the real `hallmark` command is run.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hallmark_suites::faults::Program;
use hallmark_vault::{
    profile::Profile,
    state::{KdfCost, Passphrase, Store},
};
use serde_json::Value;
use tempfile::TempDir;

const PASSPHRASE: &str = "six words that nobody would guess";

/// A folder with a home and a passphrase file, in which people run the command.
pub struct Devices {
    folder: TempDir,
    command: PathBuf,
}

/// What a run said, and what it took.
#[derive(Debug)]
pub struct Told {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub peak_bytes: u64,
    pub took: Duration,
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Devices {
    /// Where `hallmark` is not built, says so in one line and returns nothing.
    pub fn new() -> Option<Self> {
        let test = std::env::current_exe().unwrap();
        let command = test.ancestors().nth(2).unwrap().join("hallmark");
        if !command.exists() {
            eprintln!("skipped: hallmark is not built: cargo build -p hallmark-cli");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let passphrase = folder.path().join("passphrase");
        fs::write(&passphrase, PASSPHRASE).unwrap();
        fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
        Some(Self { folder, command })
    }

    /// A profile whose passphrase costs as little as it may, since it is asked for at every run.
    pub fn profile(&self, name: &str) {
        let passphrase = Passphrase::new(PASSPHRASE).unwrap();
        let (home, cost) = (self.path("home"), KdfCost::MINIMUM);
        let name = name.parse().unwrap();
        Store::<Profile>::create(&home, &name, &passphrase, cost, &mut rand::rng()).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command as it is run on that profile; no service where none is named.
    pub fn program(&self, profile: &str, server: Option<&str>, args: &[&str]) -> Program {
        let program = Program::new(&self.command).inside(self.folder.path());
        let program = program
            .env("HALLMARK_HOME", self.path("home"))
            .env("HALLMARK_PASSPHRASE_FILE", self.path("passphrase"))
            .args(["--json", "--profile", profile]);
        let program = match server {
            Some(server) => program.args(["--server", server]),
            None => program,
        };
        program.args(args)
    }

    /// Runs it to its end, watching its memory.
    pub fn run(&self, profile: &str, server: Option<&str>, args: &[&str]) -> Told {
        watch(self.program(profile, server, args).command())
    }

    /// Runs it and expects success.
    #[track_caller]
    pub fn done(&self, profile: &str, server: Option<&str>, args: &[&str]) -> Value {
        let told = self.run(profile, server, args);
        assert_eq!(told.code, 0, "{profile} {args:?}: {told:?}");
        told.json()
    }

    /// Lets another profile into the account.
    #[track_caller]
    pub fn joins(&self, old: &str, new: &str, server: Option<&str>) {
        let words = self.lets_in(old, new, server);
        self.done(new, server, &["device", "join", "--wait", "0", "--words", &words]);
    }

    /// The same without the new device's last step: the words that it takes.
    #[track_caller]
    pub fn lets_in(&self, old: &str, new: &str, server: Option<&str>) -> String {
        let asked = self.done(new, server, &["device", "join", "--wait", "0"]);
        let (code, words) = (asked["code"].as_str().unwrap(), asked["words"].as_str().unwrap());
        let add = ["device", "add", code, "--words", words, "--name", new];
        self.done(old, server, &add)["words"].as_str().unwrap().to_owned()
    }

    /// What the items of a profile say, in order; of a run that failed, the run.
    pub fn items(&self, profile: &str, server: Option<&str>) -> Result<Vec<String>, Told> {
        let told = self.run(profile, server, &["item", "ls"]);
        if told.code != 0 {
            return Err(told);
        }
        let listed = told.json();
        let items = listed["items"].as_array().unwrap().iter();
        let mut items: Vec<String> =
            items.map(|item| item["summary"].as_str().unwrap().to_owned()).collect();
        items.sort();
        Ok(items)
    }
}

fn watch(mut command: Command) -> Told {
    let begun = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = child.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watches = thread::spawn(move || {
        let mut peak_kib = 0;
        while let Ok(status) = fs::read_to_string(&status) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            // A process that has ended has no memory.
            let Some(line) = line else { break };
            let kib = line.trim().split(' ').next().and_then(|kib| kib.parse().ok());
            peak_kib = peak_kib.max(kib.unwrap_or(0));
            thread::sleep(Duration::from_millis(3));
        }
        peak_kib
    });
    let output = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let peak_bytes: u64 = watches.join().unwrap() << 10;
    let code = output.status.code().unwrap_or(-1);
    Told { code, out: text(output.stdout), err: text(output.stderr), peak_bytes, took }
}
