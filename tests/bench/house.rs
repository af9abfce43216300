//! What every benchmark needs: the command under test, a folder to work in, sizes, a way to say
//! what is going on.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::program::{Program, Run};

/// The surroundings of a run of benchmarks. Its folder is removed when this is dropped.
#[derive(Debug)]
pub struct House {
    hallmark: PathBuf,
    hallmarkd: PathBuf,
    work: TempDir,
    /// How many pairs of runs a row is made from.
    pub pairs: usize,
    /// Size of what is worked on, MiB.
    pub size_mib: u64,
}

impl House {
    /// Builds the `hallmark` command and `hallmarkd` as a release, unless `hallmark` names one that
    /// has the other beside it, and makes a folder inside `dir`.
    ///
    /// # Errors
    /// When the command does not build, or there is no room.
    pub fn new(
        hallmark: Option<PathBuf>,
        dir: &Path,
        pairs: usize,
        size_mib: u64,
    ) -> anyhow::Result<Self> {
        let hallmark = hallmark.map_or_else(built, Ok)?;
        let work = tempfile::Builder::new().prefix("hallmark-bench-").tempdir_in(dir);
        let work = work.with_context(|| format!("cannot work in {}", dir.display()))?;
        let hallmarkd = hallmark.with_file_name("hallmarkd");
        Ok(Self { hallmark, hallmarkd, work, pairs, size_mib })
    }

    /// The `hallmark` command, with a home of its own that holds nothing.
    pub fn hallmark(&self) -> Program {
        Program::new(&self.hallmark).env("HALLMARK_HOME", self.file("home"))
    }

    /// The service's program.
    pub fn hallmarkd(&self) -> &Path {
        &self.hallmarkd
    }

    /// A folder with nothing in it; what it held is removed.
    ///
    /// # Errors
    /// The system's.
    pub fn empty_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.file(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    /// A name in the folder to work in.
    pub fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// Runs a program that writes `output`, which is not there when it starts.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_writing(&self, program: &Program, output: &Path) -> anyhow::Result<Run> {
        self.remove(output)?;
        program.run(self.work.path())
    }

    /// Runs a program.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run(&self, program: &Program) -> anyhow::Result<Run> {
        program.run(self.work.path())
    }

    /// Removes a file that may not be there.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, path: &Path) -> anyhow::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| path.display().to_string())
            }
            _ => Ok(()),
        }
    }

    /// Size of what is worked on, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_mib << 20
    }

    /// A size in MiB as people say it.
    pub fn size_in_words(size_mib: u64) -> String {
        if size_mib.is_multiple_of(1024) {
            format!("{} GiB", size_mib / 1024)
        } else {
            format!("{size_mib} MiB")
        }
    }
}

/// Reads a file once, so that whoever comes next finds it in memory.
///
/// # Errors
/// The system's.
pub fn warm(path: &Path) -> anyhow::Result<()> {
    std::io::copy(&mut File::open(path)?, &mut std::io::sink())?;
    Ok(())
}

/// Says on standard error what is being done now.
pub fn tell(what: &str) {
    eprintln!("  {what}");
}

/// Builds `hallmark` and returns where it lies: above the examples, of which this program is one.
fn built() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).context("this program lies in no folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "-p", "hallmark-cli", "--bin", "hallmark"]);
    build.args(["-p", "hallmark-api", "--bin", "hallmarkd"]);
    if !build.status().context("cargo cannot be run")?.success() {
        bail!("hallmark and hallmarkd did not build");
    }
    Ok(folder.join("hallmark"))
}
