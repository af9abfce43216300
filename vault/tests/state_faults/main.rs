//! Local state under a killed program, a failing disk, a loss of power and a second run, each done
//! to the program from outside.
//!
//! The faults come from `strace`, which kills the program or fails a call at the n-th call of a
//! kind. Where it is not installed or not permitted, those tests say so in one line and pass.

mod power;
mod strace;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use hallmark_vault::state::{KdfCost, Passphrase, ProfileName, StateError, Store};
use strace::{Run, Traced, run_under_strace, strace_is_missing, workload};

/// Every kind of call with which the program touches its files, as `strace` names them on one
/// machine or another.
const CALLS: [&str; 11] = [
    "?mkdir,?mkdirat",
    "openat",
    "flock",
    "statx",
    "read",
    "write",
    "fsync",
    "close",
    RENAME,
    "?unlink,?unlinkat",
    "?chmod,?fchmodat",
];

const RENAME: &str = "?rename,?renameat,?renameat2";

fn open(home: &Path) -> Result<Store<u64>, StateError> {
    Store::open(home, &ProfileName::default(), &passphrase())
}

fn create(home: &Path) -> Result<Store<u64>, StateError> {
    let name = ProfileName::default();
    Store::create(home, &name, &passphrase(), KdfCost::MINIMUM, &mut rand::rng())
}

fn passphrase() -> Passphrase {
    Passphrase::new("workload").expect("not empty")
}

#[derive(Clone, Copy)]
enum Start {
    /// No home folder yet.
    Nothing,
    /// A state of two updates in a folder anyone may look into, and half a write that a killed
    /// run left beside it.
    TwoUpdates,
}

impl Start {
    fn prepare(self, home: &Path) -> Option<u64> {
        match self {
            Start::Nothing => None,
            Start::TwoUpdates => {
                let mut store = create(home).expect("creates");
                for _ in 0..2 {
                    store.update(&mut rand::rng(), |count| *count += 1).expect("updates");
                }
                let leftover = store.path().with_file_name("state.hallmark.new");
                fs::write(&leftover, b"hallmark-sta").expect("leaves");
                let dir = leftover.parent().expect("a folder");
                fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("widens");
                Some(2)
            }
        }
    }
}

/// Applies `effect` to the first, second, ... call of that kind until a run ends without it, and
/// checks the state after each. Returns how many points were hit.
fn walk(start: Start, call: &str, effect: &str) -> usize {
    for n in 1.. {
        let place = tempfile::tempdir().expect("a folder for the test");
        let home = place.path().join("home");
        let before = start.prepare(&home);
        let inject = format!("inject={call}:{effect}:when={n}");
        let run = run_under_strace(&home, 2, &[&format!("trace={call}"), &inject]);
        if !run.was_hit {
            assert!(run.succeeded, "{inject} did not hit, yet: {}", run.stderr);
            return n - 1;
        }
        check(&home, before, &run, &inject);
    }
    unreachable!("the workload makes finitely many calls")
}

/// The state holds what was acknowledged last or the change after it, never less, and goes on.
fn check(home: &Path, before: Option<u64>, run: &Run, inject: &str) {
    let acknowledged = run.acknowledged.or(before);
    let told_unchanged = run.stderr.contains("the state is as it was");
    assert!(!run.stderr.contains("panicked"), "{inject}: {}", run.stderr);
    let mut store = match open(home) {
        Ok(store) => store,
        Err(StateError::Missing { .. }) if acknowledged.is_none() => {
            create(home).expect("a creation that was cut short can be repeated")
        }
        Err(error) => panic!("{inject}, after {acknowledged:?}: {error}"),
    };
    let found = *store.read();
    let allowed = match acknowledged {
        None => 0..=0,
        Some(count) if told_unchanged => count..=count,
        Some(count) => count..=count + 1,
    };
    assert!(allowed.contains(&found), "{inject}: {found} is not in {allowed:?}: {}", run.stderr);
    assert!(!store.path().with_file_name("state.hallmark.new").exists(), "{inject}: a leftover");
    store.update(&mut rand::rng(), |count| *count += 1).expect("goes on");
    drop(store);
    assert_eq!(*open(home).expect("opens again").read(), found + 1);
}

fn walk_calls(start: Start, effect: &str) {
    let points: Vec<(&str, usize)> =
        CALLS.iter().map(|call| (*call, walk(start, call, effect))).collect();
    for (call, at_least) in [("openat", 4), ("write", 4), ("fsync", 4), (RENAME, 2)] {
        let hit = points.iter().find(|(name, _)| *name == call).map_or(0, |(_, hit)| *hit);
        assert!(hit >= at_least, "only {hit} points in {call}: {points:?}");
    }
    let total: usize = points.iter().map(|(_, hit)| hit).sum();
    eprintln!("{effect}: {total} points: {points:?}");
}

#[test]
fn a_kill_at_any_call_of_a_first_run_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    walk_calls(Start::Nothing, "signal=SIGKILL");
}

#[test]
fn a_kill_at_any_call_of_a_later_run_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    walk_calls(Start::TwoUpdates, "signal=SIGKILL");
}

#[test]
fn a_full_disk_at_any_call_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    walk_calls(Start::Nothing, "error=ENOSPC");
    walk_calls(Start::TwoUpdates, "error=ENOSPC");
}

#[test]
fn a_failing_disk_at_any_call_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    walk_calls(Start::Nothing, "error=EIO");
    walk_calls(Start::TwoUpdates, "error=EIO");
}

/// Which error a failing call ends in, as told to the person.
#[test]
fn a_failing_write_is_named() {
    if strace_is_missing() {
        return;
    }
    for (call, error, path, says) in [
        ("write", "ENOSPC", "state.hallmark.new", "the disk is full: "),
        ("fsync", "ENOSPC", "state.hallmark.new", "the disk is full: "),
        (RENAME, "ENOSPC", "state.hallmark.new", "the disk is full: "),
        ("fsync", "EIO", "state.hallmark.new", "cannot be written, and the state is as it was"),
        ("openat", "EROFS", "state.hallmark.new", "check the folder's permissions"),
        (RENAME, "EACCES", "state.hallmark.new", "check the folder's permissions"),
        ("openat", "EIO", "state.hallmark", "cannot be read"),
        ("flock", "ENOLCK", "lock", "put the home folder on a local disk"),
    ] {
        let place = tempfile::tempdir().expect("a folder for the test");
        let home = place.path().join("home");
        Start::TwoUpdates.prepare(&home);
        let path = home.join("default").join(path);
        let options = [
            &format!("trace={call}"),
            &format!("inject={call}:error={error}:when=1"),
            "-P",
            &path.to_string_lossy(),
        ];
        let run = run_under_strace(&home, 1, &options);
        assert!(run.was_hit && !run.succeeded, "{call} {error}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{call} {error}: {}", run.stderr);
        assert!(run.stderr.contains(&*home.to_string_lossy()), "names the path: {}", run.stderr);
        check(&home, Some(2), &run, call);
    }
}

/// The folder's fsync comes after the rename: what is on disk is then unknown, and is said to be.
#[test]
fn an_unconfirmed_change_is_not_called_unchanged() {
    if strace_is_missing() {
        return;
    }
    let place = tempfile::tempdir().expect("a folder for the test");
    let home = place.path().join("home");
    Start::TwoUpdates.prepare(&home);
    // The calls of an opening and one update: the folder, the new file, the folder.
    let run = run_under_strace(&home, 1, &["trace=fsync", "inject=fsync:error=EIO:when=3"]);
    assert!(run.was_hit && run.stderr.contains("may or may not be kept"), "{}", run.stderr);
    assert!(run.stderr.contains("again: an earlier change"), "{}", run.stderr);
    check(&home, Some(2), &run, "the folder's fsync");
}

/// A loss of power keeps of a run what it synced, and perhaps more. Two controls leave out syncs
/// and must lose acknowledged changes.
#[test]
fn a_loss_of_power_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    let place = tempfile::tempdir().expect("a folder for the test");
    let home = place.path().join("home");
    let run = run_under_strace(&home, 3, &[strace::ALL_CALLS]);
    let trace = strace::parse(&run.trace);
    assert_eq!(run.acknowledged, Some(3));
    let points = power::Disk::default().replay(&trace).expect("keeps what was acknowledged");
    eprintln!("loss of power: {points} points");

    let without = |lost: fn(&Path) -> bool| -> Vec<Traced> {
        let kept = |call: &&Traced| !matches!(call, Traced::Sync(path) if lost(path));
        trace.iter().filter(kept).cloned().collect()
    };
    let unsynced_file = without(|path| path.ends_with("state.hallmark.new"));
    power::Disk::default().replay(&unsynced_file).expect_err("the file was not synced");
    let unsynced_folder = without(|path| path.ends_with("default"));
    power::Disk::default().replay(&unsynced_folder).expect_err("the folder was not synced");
    let unsynced_home = without(|path| path.ends_with("home"));
    power::Disk::default().replay(&unsynced_home).expect_err("the home was not synced");
}

/// A run is killed at a sync, the next run reads what it finds, and then the power goes.
#[test]
fn what_a_run_after_a_kill_has_read_outlasts_a_loss_of_power() {
    if strace_is_missing() {
        return;
    }
    for n in 1.. {
        let place = tempfile::tempdir().expect("a folder for the test");
        let home = place.path().join("home");
        let kill = format!("inject=fsync:signal=SIGKILL:when={n}");
        let first = run_under_strace(&home, 1, &[strace::ALL_CALLS, &kill]);
        let second = run_under_strace(&home, 0, &[strace::ALL_CALLS]);
        assert!(second.succeeded, "{}", second.stderr);
        let mut disk = power::Disk::default();
        disk.replay(&strace::parse(&first.trace)).expect("the killed run lost nothing");
        disk.replay(&strace::parse(&second.trace)).expect("nor did the one after it");
        if !first.was_hit {
            assert!(n > 4, "fewer syncs than expected");
            break;
        }
    }
}

#[test]
fn a_second_program_is_refused_until_the_first_is_gone() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let mut command = Command::new(workload());
    command.arg(home.path()).args(["2", "hold"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut first = command.spawn().expect("starts");
    let said = BufReader::new(first.stdout.take().expect("piped"));
    let holding = said.lines().map_while(Result::ok).any(|line| line == "holding");
    assert!(holding, "the first run holds the profile");

    let second = Command::new(workload()).arg(home.path()).arg("1").output().expect("runs");
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && told.contains("profile default is in use"), "{told}");
    assert!(matches!(open(home.path()), Err(StateError::InUse { .. })));

    first.kill().expect("kills");
    first.wait().expect("ends");
    assert_eq!(*open(home.path()).expect("the lock went with the run").read(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let mut store = create(home.path()).expect("creates");
    let dir = store.path().parent().expect("a folder").to_owned();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o500)).expect("closes");
    if fs::write(dir.join("probe"), b"").is_ok() {
        eprintln!("skipped: this user writes to read-only folders");
        return;
    }
    let refused = store.update(&mut rand::rng(), |count| *count += 1);
    assert!(matches!(refused, Err(StateError::Unwritable { .. })));
    assert_eq!(*store.read(), 0);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("opens");
    store.update(&mut rand::rng(), |count| *count += 1).expect("goes on");
}
