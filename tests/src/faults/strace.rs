//! A program under `strace`.

use std::{
    fs, io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use super::{Call, Program};

/// How a program is traced, and what is done to it.
#[derive(Debug, Clone)]
pub struct Strace {
    calls: String,
    inject: Option<String>,
    only: Vec<PathBuf>,
    longest_string: usize,
    trace: PathBuf,
}

/// The call that something was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// As `strace` names it.
    pub call: String,
    /// Of which file, where it is of one.
    pub file: Option<PathBuf>,
}

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error output.
    pub stderr: String,
    /// The call at which it was killed or that was made to fail.
    pub hit: Option<Hit>,
}

/// Prints one line and returns true where `strace` cannot be used.
pub fn strace_is_missing() -> bool {
    let reason = match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
        Ok(output) if output.status.success() => return false,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(_) => "strace not installed".to_owned(),
    };
    eprintln!("skipped: {reason}");
    true
}

impl Strace {
    /// Traces `calls`, separated by commas, into a file at `trace`.
    pub fn new(calls: &str, trace: &Path) -> Self {
        let (calls, trace) = (calls.to_owned(), trace.to_owned());
        Self { calls, inject: None, only: Vec::new(), longest_string: 32, trace }
    }

    /// Does something to calls, in the words of `strace -e inject`.
    #[must_use]
    pub fn inject(mut self, what: &str) -> Self {
        self.inject = Some(what.to_owned());
        self
    }

    /// Traces, counts and fails only calls on these paths, each as the kernel names it.
    #[must_use]
    pub fn only(mut self, paths: &[PathBuf]) -> Self {
        self.only = paths.to_vec();
        self
    }

    /// Keeps strings up to so many bytes.
    #[must_use]
    pub fn strings_up_to(mut self, bytes: usize) -> Self {
        self.longest_string = bytes;
        self
    }

    /// The command that runs a program under it.
    pub fn command(&self, program: &Program) -> Command {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-yy", "-xx", "-s", &self.longest_string.to_string(), "-o"]);
        strace.arg(&self.trace).arg("-e").arg(format!("trace={}", self.calls));
        match &self.inject {
            Some(inject) => strace.arg("-e").arg(format!("inject={inject}")),
            // Quicker; what is failed by path is not.
            None => strace.arg("--seccomp-bpf"),
        };
        for path in &self.only {
            strace.arg("-P").arg(path);
        }
        strace.arg("--");
        program.through(strace)
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// When `strace` cannot be started or leaves no trace.
    pub fn run(&self, program: &Program) -> io::Result<Run> {
        let output = self.command(program).stdin(Stdio::null()).output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let hit = self.hit(output.status.signal() == Some(9))?;
        Ok(Run { status: output.status, stdout, stderr, hit })
    }

    /// What it wrote.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn calls(&self) -> io::Result<Vec<Call>> {
        Ok(Call::parse(&fs::read_to_string(&self.trace)?))
    }

    /// The call that something was done to, given whether the program was killed.
    pub(super) fn hit(&self, killed: bool) -> io::Result<Option<Hit>> {
        if self.inject.is_none() {
            return Ok(None);
        }
        let calls = self.calls()?;
        // A killed program does not return from its last call.
        let last = || calls.iter().rev().find(|call| killed && call.returned.is_none());
        let hit = calls.iter().find(|call| call.injected).or_else(last);
        let missing = || Hit { call: "unknown".to_owned(), file: None };
        Ok(match hit {
            Some(call) => {
                let file = call.files(Path::new("")).pop();
                Some(Hit { call: call.name.clone(), file })
            }
            None => killed.then(missing),
        })
    }
}
