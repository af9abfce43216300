//! Programs run as a person runs them, with what they took.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, bail};

/// GNU time, which reports what the system counted for its one child.
const TIME: &str = "/usr/bin/time";

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// From start to end, seconds.
    pub wall_s: f64,
    /// Processor time outside the kernel, seconds, to the hundredth.
    pub user_s: f64,
    /// Most memory resident at once, KiB.
    pub peak_kib: u64,
}

/// A command line that can be run again and again.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
}

impl Program {
    /// A program, found as the shell finds it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), args: Vec::new(), env: Vec::new() }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// A variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// Runs it to its end; `scratch` is a folder for what GNU time says.
    ///
    /// # Errors
    /// When it cannot be run or does not end with exit code 0.
    pub fn run(&self, scratch: &Path) -> anyhow::Result<Run> {
        let took = scratch.join("took");
        let mut command = Command::new(TIME);
        command.args(["--quiet", "-f", "%U %M", "-o"]).arg(&took).arg("--").arg(&self.path);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let begun = Instant::now();
        let output = command.output().with_context(|| format!("{TIME} (Debian package time)"))?;
        let wall_s = begun.elapsed().as_secs_f64();
        if !output.status.success() {
            bail!("{self}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
        }
        let took = std::fs::read_to_string(&took)?;
        let figures = took.trim().split_once(' ').context("what GNU time says is not readable")?;
        Ok(Run { wall_s, user_s: figures.0.parse()?, peak_kib: figures.1.parse()? })
    }

    /// Runs it and returns what it prints, in one line.
    ///
    /// # Errors
    /// When it cannot be run or does not end with exit code 0.
    pub fn says(&self) -> anyhow::Result<String> {
        let output = Command::new(&self.path).args(&self.args).output();
        let output = output.with_context(|| self.to_string())?;
        if !output.status.success() {
            bail!("{self}: {}", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().replace('\n', " "))
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", arg.display()))
    }
}
