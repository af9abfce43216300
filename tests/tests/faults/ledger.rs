//! The example program `ledger`, next to these tests' own, and what drives it.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use hallmark_suites::faults::{Program, Running, Service};

pub fn program(folder: &Path, how: &str) -> Program {
    let test = std::env::current_exe().unwrap();
    let path: PathBuf = test.ancestors().nth(2).unwrap().join("examples/ledger");
    let build = "cargo build -p hallmark-suites --example ledger";
    assert!(path.exists(), "{} is missing: {build}", path.display());
    Program::new(path).arg(folder).arg(how)
}

pub fn service(folder: &Path, how: &str) -> Service {
    Service {
        program: program(folder, how).arg("listen"),
        ready: |line| line.strip_prefix("listening on ")?.parse().ok(),
        patience: Duration::from_secs(20),
    }
}

/// Puts some numbers, one after the other, and returns those that were acknowledged.
pub fn put(running: &Running, numbers: std::ops::Range<u32>) -> Vec<u32> {
    let Ok(mut said) = Lines::open(running.address().unwrap()) else { return Vec::new() };
    numbers.filter(|n| said.ask(&format!("put {n}")) == Some(format!("ok {n}"))).collect()
}

/// Whether all of these are there.
pub fn has(running: &Running, acknowledged: &[u32]) -> Result<(), String> {
    let mut said = Lines::open(running.address().unwrap()).map_err(|error| error.to_string())?;
    missing(&said.ask("all").ok_or("does not answer")?, acknowledged)
}

/// What of these is not among the numbers listed.
pub fn missing(all: &str, acknowledged: &[u32]) -> Result<(), String> {
    let kept: Vec<u32> = all.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !kept.contains(number)).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("lost {lost:?}")) }
}

pub struct Lines(BufReader<TcpStream>);

impl Lines {
    pub fn open(address: SocketAddr) -> std::io::Result<Self> {
        let connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self(BufReader::new(connection)))
    }

    /// The answer without its end of line; nothing when the service is gone.
    pub fn ask(&mut self, line: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).ok()?;
        let mut answer = String::new();
        self.0.read_line(&mut answer).ok()?;
        answer.strip_suffix('\n').map(str::to_owned)
    }
}
