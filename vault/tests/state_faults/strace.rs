//! The workload under `strace`, and what its trace says.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What [`parse`] understands.
pub(crate) const ALL_CALLS: &str = "trace=?mkdir,?mkdirat,openat,write,fsync,?rename,\
    ?renameat,?renameat2,?unlink,?unlinkat";

/// Prints one line and returns true where `strace` cannot be used.
pub(crate) fn strace_is_missing() -> bool {
    let reason = match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => return false,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(_) => "strace not installed".to_owned(),
    };
    eprintln!("skipped: {reason}");
    true
}

/// The example program, next to this test's own.
pub(crate) fn workload() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let target = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let workload = target.join("examples/state_workload");
    assert!(
        workload.exists(),
        "{} is missing: cargo build -p hallmark-vault --example state_workload",
        workload.display()
    );
    workload
}

pub(crate) struct Run {
    /// The last count acknowledged on standard output.
    pub(crate) acknowledged: Option<u64>,
    pub(crate) stderr: String,
    pub(crate) succeeded: bool,
    /// Whether a fault was injected.
    pub(crate) was_hit: bool,
    pub(crate) trace: String,
}

/// Runs the workload with `updates` updates; `expressions` go to strace, those with `=` after `-e`.
pub(crate) fn run_under_strace(home: &Path, updates: u64, expressions: &[&str]) -> Run {
    let place = tempfile::tempdir().expect("a folder for the trace");
    let trace = place.path().join("trace");
    let mut strace = Command::new("strace");
    // Else the loader looks for each library in each of cargo's folders, a fault at a time.
    strace.env_remove("LD_LIBRARY_PATH");
    strace.args(["-f", "-y", "-xx", "-s", "4096", "-o"]).arg(&trace);
    for expression in expressions {
        if expression.contains('=') {
            strace.arg("-e");
        }
        strace.arg(expression);
    }
    strace.arg(workload()).arg(home).arg(updates.to_string());
    let output = strace.output().expect("strace starts");
    let trace = fs::read_to_string(trace).expect("strace leaves a trace");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut acknowledgements =
        stdout.lines().filter_map(|line| line.strip_prefix("ack ")?.parse().ok());
    Run {
        acknowledged: acknowledgements.next_back(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        succeeded: output.status.success(),
        was_hit: output.status.signal() == Some(9) || trace.contains("(INJECTED)"),
        trace,
    }
}

/// A call that succeeded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Traced {
    MakeFolder(PathBuf),
    /// A file was created, exclusively.
    Create(PathBuf),
    Write(PathBuf, Vec<u8>),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Acknowledge(u64),
}

/// Reads the output of `strace -f -y -xx -e` [`ALL_CALLS`].
pub(crate) fn parse(trace: &str) -> Vec<Traced> {
    trace.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Traced> {
    let (_, call) = line.split_once(' ')?;
    let (name, rest) = call.trim_start().split_once('(')?;
    let (arguments, outcome) = rest.rsplit_once(" = ")?;
    if !outcome.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let descriptor = || Some(path(arguments.split_once('<')?.1.split_once('>')?.0));
    let mut strings = arguments.split('"').skip(1).step_by(2);
    Some(match name {
        "mkdir" | "mkdirat" => Traced::MakeFolder(path(strings.next()?)),
        "openat" if arguments.contains("O_EXCL") => Traced::Create(path(strings.next()?)),
        "write" if arguments.starts_with("1<") => {
            let text = String::from_utf8(bytes(strings.next()?)).ok()?;
            Traced::Acknowledge(text.strip_prefix("ack ")?.trim_end().parse().ok()?)
        }
        "write" => Traced::Write(descriptor()?, bytes(strings.next()?)),
        "fsync" => Traced::Sync(descriptor()?),
        "rename" | "renameat" | "renameat2" => {
            Traced::Rename(path(strings.next()?), path(strings.next()?))
        }
        "unlink" | "unlinkat" => Traced::Remove(path(strings.next()?)),
        _ => return None,
    })
}

fn path(hex: &str) -> PathBuf {
    PathBuf::from(String::from_utf8(bytes(hex)).expect("the tests' paths are UTF-8"))
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).expect("strace -xx prints hexadecimal");
    hex.split("\\x").skip(1).map(byte).collect()
}
