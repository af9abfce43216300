//! The same run again and again, with the fault one call later each time.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{Call, Descriptor, Hit, Program, Run, Running, Service, Strace, Table};

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The program is killed before it, as by `kill -9`.
    Kill,
    /// It fails as on a full disk.
    Full,
    /// It fails as on a broken disk.
    Broken,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Full, Self::Broken];

    fn in_words_of_strace(self) -> &'static str {
        match self {
            Self::Kill => "signal=SIGKILL",
            Self::Full => "error=ENOSPC",
            Self::Broken => "error=EIO",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "SIGKILL",
            Self::Full => "ENOSPC",
            Self::Broken => "EIO",
        })
    }
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those on files and folders that an undisturbed run touched below the campaign's folder. For
    /// programs that name their files alike each time.
    Touched,
    /// All, those on pipes and sockets too. For programs whose files have names by chance; faults
    /// outside the folder are then among the points.
    All,
}

/// A campaign against one folder. The folder is emptied before each run, so that paths are the same
/// in all of them.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Where the program works; nothing else may be in it. Absolute, without links.
    pub folder: PathBuf,
    /// A folder for traces, outside of it.
    pub scratch: PathBuf,
    /// The calls, each by itself, as `strace` names them; a `?` before those that a machine may not
    /// have.
    pub calls: Vec<&'static str>,
    /// What is done to them.
    pub faults: Vec<Fault>,
    /// Every so many-th call only: 1 for all of them.
    pub stride: usize,
    /// Which calls count.
    pub scope: Scope,
}

/// What one run came to.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The call that was hit; absent where there was no n-th.
    pub hit: Option<Hit>,
    /// Whether everything acknowledged is there, or what is wrong.
    pub outcome: Result<(), String>,
}

/// A campaign that has not ended by then goes on for ever.
const MOST_CALLS: usize = 100_000;

impl Campaign {
    /// The calls by which what is acknowledged reaches the disk.
    pub const WRITES: [&str; 8] =
        ["write", "pwrite64", "writev", "fsync", "fdatasync", "?rename", "?renameat", "?renameat2"];

    /// Every call of [`Campaign::WRITES`], with every fault, at every n.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: &Path, scratch: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.canonicalize()?,
            scratch: scratch.to_owned(),
            calls: Self::WRITES.to_vec(),
            faults: Fault::ALL.to_vec(),
            stride: 1,
            scope: Scope::Touched,
        })
    }

    /// Against a command that ends by itself. `prepare` fills the empty folder; `check` sees what
    /// the run said and what it left, and may run the command again.
    ///
    /// # Errors
    /// When a run cannot be made, or one without a fault is not as `check` wants it.
    pub fn against_command(
        &self,
        prepare: impl Fn(&Path) -> io::Result<()>,
        program: &Program,
        check: impl Fn(&Path, &Run) -> Result<(), String>,
    ) -> io::Result<Table> {
        let run = |strace: &Strace| {
            self.empty()?;
            prepare(&self.folder)?;
            let run = strace.run(program)?;
            Ok(Attempt { hit: run.hit.clone(), outcome: check(&self.folder, &run) })
        };
        self.walk(run)
    }

    /// Against a service. `drive` uses it until it has done its work or the service is gone, and
    /// returns what was acknowledged; then the service is stopped and started again without a
    /// fault, and `check` asks it for what was acknowledged.
    ///
    /// # Errors
    /// When a run cannot be made, or one without a fault is not as `check` wants it.
    pub fn against_service<A>(
        &self,
        prepare: impl Fn(&Path) -> io::Result<()>,
        service: &Service,
        drive: impl Fn(&Running) -> A,
        check: impl Fn(&Running, &A) -> Result<(), String>,
    ) -> io::Result<Table> {
        let run = |strace: &Strace| {
            self.empty()?;
            prepare(&self.folder)?;
            let traced = service.start(Some(strace))?;
            // A fault before it is ready: nothing was acknowledged, and it has to start afterwards.
            let acknowledged = traced.address().is_some().then(|| drive(&traced));
            let killed = traced.stop()?.was_killed;
            let hit = strace.hit(killed)?;
            let again = service.start(None)?;
            let outcome = match (again.address(), &acknowledged) {
                (None, _) => Err(format!("does not start again: {}", again.said())),
                (Some(_), None) => Ok(()),
                (Some(_), Some(acknowledged)) => check(&again, acknowledged),
            };
            again.stop()?;
            Ok(Attempt { hit, outcome })
        };
        self.walk(run)
    }

    /// Any run: the closure makes one as it is told and says what came of it.
    ///
    /// # Errors
    /// What the closure fails with; also when a run that no fault hit is not sound, since nothing
    /// is shown then by one that is.
    pub fn walk(&self, run: impl Fn(&Strace) -> io::Result<Attempt>) -> io::Result<Table> {
        let touched = self.touched(&run)?;
        let mut table = Table::default();
        for call in &self.calls {
            for fault in &self.faults {
                let every = (1..MOST_CALLS).step_by(self.stride.max(1));
                for n in every {
                    let inject = format!("{call}:{}:when={n}", fault.in_words_of_strace());
                    let strace = Strace::new(call, &self.trace()).inject(&inject);
                    let Attempt { hit, outcome } = run(&strace.only(&touched))?;
                    let Some(hit) = hit else {
                        sound(&inject, outcome)?;
                        break;
                    };
                    table.enter(call, *fault, n, hit, outcome);
                }
            }
        }
        Ok(table)
    }

    /// The files and folders below ours that a run without a fault touches.
    fn touched(&self, run: &impl Fn(&Strace) -> io::Result<Attempt>) -> io::Result<Vec<PathBuf>> {
        let calls = "openat,?creat,?mkdir,?mkdirat,?rename,?renameat,?renameat2";
        let strace = Strace::new(calls, &self.trace()).strings_up_to(4096);
        sound("no fault", run(&strace)?.outcome)?;
        if self.scope == Scope::All {
            return Ok(Vec::new());
        }
        let mut touched = BTreeSet::from([self.folder.clone()]);
        for call in strace.calls()?.iter().filter(|call| call.returned.is_some()) {
            let opened = match &call.opened {
                Some(Descriptor::File(path)) => vec![path.clone()],
                _ => Call::files(call, &self.folder),
            };
            touched.extend(opened.into_iter().filter(|path| path.starts_with(&self.folder)));
        }
        Ok(touched.into_iter().collect())
    }

    fn trace(&self) -> PathBuf {
        self.scratch.join("trace")
    }

    fn empty(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.folder)?;
        fs::create_dir(&self.folder)
    }
}

fn sound(run: &str, outcome: Result<(), String>) -> io::Result<()> {
    outcome.map_err(|wrong| io::Error::other(format!("a run without a fault ({run}): {wrong}")))
}
