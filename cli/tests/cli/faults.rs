//! Disks that fill up or fail, runs that are killed: from outside, by `strace` and by a file system
//! that is too small. Whatever happens, a provenance file is the old one or the new one, the state
//! opens, and no piece is without its secrets.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
};

use hallmark_vault::provenance::event::Kind;

use crate::world::{Run, SUCCESSOR, TIDEWATER, World, missing};

const PIECE: &str = "piece.hallmark";
const MINT: [&str; 4] = ["piece", "mint", "--from", "bench"];
const EVENT: [&str; 7] =
    ["piece", "event", PIECE, "--kind", "serviced", "--with", "bench/ring.jpg"];
/// How a full disk shows in our messages: the state's own, and the system's.
const FULL: [&str; 2] = ["the disk is full", "No space left on device"];
/// The calls a file can take another name by; which of them is used is up to the libraries.
const RENAMES: [&str; 3] = ["?rename", "?renameat", "?renameat2"];
/// No command here makes more calls of one kind.
const MOST_CALLS: usize = 300;

/// What came of a run under `strace`.
struct Faulty {
    run: Run,
    killed: bool,
    hit: bool,
    /// The call that was made to fail, as `strace` prints it.
    at: String,
}

impl Faulty {
    /// True where only the answer on the terminal was lost.
    fn was_terminal(&self) -> bool {
        ["write(1", "write(2"].iter().any(|call| self.at.contains(call))
    }
}

fn strace_is_missing() -> bool {
    missing("strace", &["-o", "/dev/null", "true"])
}

/// Runs the program with faults; `options` go to `strace`.
fn strace(world: &World, options: &[&str], args: &[&str]) -> Faulty {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("strace");
    world.surround(&mut command);
    command.args(["-f", "-y", "-s", "64", "-o"]).arg(trace.path()).args(options);
    command.arg(env!("CARGO_BIN_EXE_hallmark")).args(args);
    let output = command.output().unwrap();
    let killed = output.status.signal() == Some(9);
    let trace = fs::read_to_string(trace.path()).unwrap();
    let injected = trace.lines().find(|line| line.contains("(INJECTED)"));
    // A killed run does not return from its last call.
    let last = trace.lines().rev().find(|line| line.contains('('));
    let at = injected.or(last.filter(|_| killed)).unwrap_or_default().to_owned();
    Faulty { run: Run::of(output), killed, hit: killed || injected.is_some(), at }
}

/// Runs `args` in a copy of `base` once for every n, with the n-th call failing or killing, until
/// there is no n-th call. Gives how many faults there were.
fn at_every(
    base: &World,
    call: &str,
    fault: &str,
    args: &[&str],
    check: impl Fn(&World, &Faulty),
) -> usize {
    for n in 1..=MOST_CALLS {
        let world = base.copy();
        let (only, inject) = (format!("trace={call}"), format!("inject={call}:{fault}:when={n}"));
        let faulty = strace(&world, &["-e", &only, "-e", &inject], args);
        if !faulty.hit {
            assert_eq!(faulty.run.code, Some(0), "without a fault: {:?}", faulty.run);
            return n - 1;
        }
        assert!(!faulty.run.err.contains("panicked"), "{}: {:?}", faulty.at, faulty.run);
        check(&world, &faulty);
    }
    panic!("more than {MOST_CALLS} calls of {call}");
}

/// [`at_every`] of several calls.
fn at_every_of(
    calls: &[&str],
    base: &World,
    fault: &str,
    args: &[&str],
    check: impl Fn(&World, &Faulty),
) -> usize {
    calls.iter().map(|call| at_every(base, call, fault, args, &check)).sum()
}

/// No piece without its secrets: every place the file names as the studio's was given out by it.
#[track_caller]
fn sound_with_secrets(world: &World, at: &str) {
    let file = world.sound(PIECE);
    let store = world.store("default");
    let secrets = store.read().pieces.get(&file.piece().id);
    let secrets = secrets.unwrap_or_else(|| panic!("a piece without its secrets after {at}"));
    assert!(secrets.gave_place(&file.piece().first_label), "after {at}");
    assert!(secrets.gave_place(&file.custody().next_label()), "after {at}");
}

fn leftovers(world: &World) -> Vec<String> {
    let names = world.snapshot().into_iter().map(|(path, _)| path.display().to_string());
    names.filter(|name| name.ends_with(".part") || name.ends_with(".new")).collect()
}

fn said_full(faulty: &Faulty) {
    let (run, at) = (&faulty.run, &faulty.at);
    assert_eq!(run.code, Some(1), "{at}: {run:?}");
    // What cannot be said on a full terminal is not said; the exit code still tells.
    if !faulty.was_terminal() {
        assert!(FULL.iter().any(|word| run.err.contains(word)), "{at}: {run:?}");
    }
}

fn bench() -> World {
    let world = World::with_studio();
    world.bench(
        "id = \"urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab\"\ntitle = \"T\"\n\
         [[metal]]\nmetal = \"gold\"\nfineness = 750\n[hidden]\nprice = 5\n",
    );
    world
}

fn minted() -> World {
    let world = bench();
    world.done(&MINT);
    world
}

/// T-18: a disk that fills up at any write of a mint leaves no half file and no lost secret, and
/// once there is room the same command does it.
#[test]
fn mint_on_a_full_disk() {
    if strace_is_missing() {
        return;
    }
    let faults = at_every(&bench(), "write", "error=ENOSPC", &MINT, |world, faulty| {
        said_full(faulty);
        assert!(leftovers(world).is_empty(), "{}: {:?}", faulty.at, leftovers(world));
        if world.path(PIECE).exists() {
            sound_with_secrets(world, &faulty.at);
        } else {
            world.done(&MINT);
            sound_with_secrets(world, "another try");
        }
    });
    assert!(faults >= 10, "only {faults} writes");
}

/// T-18: killed at any write, sync or rename, a mint is done or can be done again.
#[test]
fn mint_killed_anywhere() {
    if strace_is_missing() {
        return;
    }
    let calls = [&["write", "fsync", "unlink"] as &[&str], &RENAMES].concat();
    let faults = at_every_of(&calls, &bench(), "signal=SIGKILL", &MINT, |world, faulty| {
        assert!(faulty.killed);
        if world.path(PIECE).exists() {
            sound_with_secrets(world, &faulty.at);
        } else {
            // The same identity again: what a laboratory signed for it is not lost.
            world.done(&MINT);
            sound_with_secrets(world, "another try");
        }
        world.done(&["piece", "disclose", PIECE, "--field", "price", "--out", "price"]);
    });
    assert!(faults >= 15, "only {faults} calls");
}

/// T-18: the file is the old one or the new one, at any fault of an event.
#[test]
fn event_on_a_full_disk_or_killed() {
    if strace_is_missing() {
        return;
    }
    let base = minted();
    let old = base.read(PIECE);
    let check = |world: &World, faulty: &Faulty| {
        sound_with_secrets(world, &faulty.at);
        if world.read(PIECE) != old {
            let file = world.sound(PIECE);
            assert_eq!(file.custody().events(), 2);
            assert_eq!(file.events()[1].subject().kind, Kind::Serviced);
        }
        world.done(&EVENT);
        sound_with_secrets(world, "another try");
    };
    let full = at_every(&base, "write", "error=ENOSPC", &EVENT, |world, faulty| {
        said_full(faulty);
        assert!(leftovers(world).is_empty(), "{}: {:?}", faulty.at, leftovers(world));
        let told = faulty.was_terminal() || world.read(PIECE) == old;
        assert!(told, "{}: done, though it says that it is not", faulty.at);
        check(world, faulty);
    });
    let calls = [&["write", "fsync", "unlink"] as &[&str], &RENAMES].concat();
    let killed = at_every_of(&calls, &base, "signal=SIGKILL", &EVENT, check);
    assert!(full >= 10 && killed >= 15, "only {full} and {killed} calls");
}

/// T-18: a disk that fails at a sync or a rename is not trusted with what it did not confirm.
#[test]
fn event_on_a_failing_disk() {
    if strace_is_missing() {
        return;
    }
    let base = minted();
    let old = base.read(PIECE);
    for calls in [&["fsync"] as &[&str], &RENAMES] {
        let faults = at_every_of(calls, &base, "error=EIO", &EVENT, |world, faulty| {
            faulty.run.refused(1, &["Input/output error"]);
            sound_with_secrets(world, &faulty.at);
            // Where the message says that the old one is untouched, it is.
            let err = &faulty.run.err;
            assert!(!err.contains("is untouched") || world.read(PIECE) == old, "{err}");
            assert!(leftovers(world).is_empty(), "{}: {:?}", faulty.at, leftovers(world));
        });
        assert!(faults >= 2, "only {faults} of {calls:?}");
    }
}

/// T-18: status, export, cards, disclosures and blobs on a full disk.
#[test]
fn everything_else_on_a_full_disk() {
    if strace_is_missing() {
        return;
    }
    let base = minted();
    let content: Vec<u8> = (0..40_000u32).map(|i| (i % 251) as u8).collect();
    base.write("plain", &content);
    base.done(&["blob", "seal", "plain", "sealed", "--key-file", "key"]);
    base.write("out", b"what was there");
    let old = base.read(PIECE);
    for (calls, args) in [
        ("write", &["piece", "status", PIECE, "--days", "5"] as &[&str]),
        ("write", &["piece", "export", PIECE, "--to", "folder"]),
        ("write", &["piece", "story", PIECE, "--out", "folder"]),
        ("write", &["piece", "disclose", PIECE, "--field", "price", "--out", "out", "--force"]),
        ("write", &["piece", "offer", PIECE, "--out", "out", "--force"]),
        ("write,pwrite64", &["blob", "seal", "plain", "out", "--key-file", "newkey", "--force"]),
        ("write,pwrite64", &["blob", "open", "sealed", "out", "--key-file", "key", "--force"]),
    ] {
        let mut faults = 0;
        for call in calls.split(',') {
            faults += at_every(&base, call, "error=ENOSPC", args, |world, faulty| {
                said_full(faulty);
                assert!(leftovers(world).is_empty(), "{args:?}: {:?}", leftovers(world));
                if !faulty.was_terminal() {
                    assert_eq!(world.read("out"), b"what was there", "{args:?} {}", faulty.at);
                    assert_eq!(world.read(PIECE), old, "{args:?} {}", faulty.at);
                    // What did not come whole is not there by half.
                    let half = fs::read_dir(world.path("folder")).map_or(0, Iterator::count);
                    assert_eq!(half, 0, "{args:?} {}", faulty.at);
                }
                // A key is written whole before anything is sealed with it, or not at all.
                if let Ok(key) = fs::read(world.path("newkey")) {
                    assert_eq!(key.len(), 65);
                }
                world.store("default");
            });
        }
        assert!(faults >= 1, "no fault in {args:?}");
    }
}

/// T-18: a studio that was half made can be made.
#[test]
fn studio_init_killed_anywhere() {
    if strace_is_missing() {
        return;
    }
    let base = World::new();
    base.person("default");
    let init = ["studio", "init", "--name", "Rosa"];
    for calls in [&["write"] as &[&str], &["fsync"], &RENAMES] {
        let faults = at_every_of(calls, &base, "signal=SIGKILL", &init, |world, faulty| {
            if world.store("default").read().studio.is_some() {
                // It is made: then its successor is on paper and its public file is there.
                assert!(world.path(SUCCESSOR).exists(), "{}", faulty.at);
                return;
            }
            let again = world.run(&init);
            if again.code != Some(0) {
                again.refused(1, &["is there already", "move it away"]);
                for name in ["studio.pub", SUCCESSOR] {
                    let _ = fs::rename(world.path(name), world.path(&format!("{name}.old")));
                }
                world.done(&init);
            }
        });
        assert!(faults >= 3, "only {faults} of {calls:?}");
    }
}

/// A file or folder that may not be read is named, and nothing is changed. Root may read anything,
/// so the refusal comes from `strace`.
#[test]
fn what_may_not_be_read_is_named() {
    if strace_is_missing() {
        return;
    }
    let base = minted();
    base.write("key", b"x");
    for (path, args, code) in [
        ("bench", &["piece", "mint", "--from", "bench", "--out", "new.hallmark"] as &[&str], 1),
        ("bench/ring.jpg", &["piece", "mint", "--from", "bench", "--out", "new.hallmark"], 1),
        ("bench/piece.toml", &["piece", "mint", "--from", "bench", "--out", "new.hallmark"], 1),
        ("bench/ring.jpg", &EVENT, 1),
        (PIECE, &EVENT, 2),
        (PIECE, &["verify", PIECE], 2),
        ("studio.pub", &["verify", PIECE, "--trust", "studio.pub"], 2),
        ("passphrase", &EVENT, 1),
        ("home/default/state.hallmark", &EVENT, 1),
        ("home/default/lock", &EVENT, 1),
        ("key", &["blob", "seal", PIECE, "sealed", "--key-file", "key"], 1),
    ] {
        let world = base.copy();
        let before = world.snapshot();
        let refused = ["-P", path, "-e", "trace=openat", "-e", "inject=openat:error=EACCES"];
        let faulty = strace(&world, &refused, args);
        assert!(faulty.hit, "{path} was opened by {args:?}: {:?}", faulty.run);
        faulty.run.refused(code, &[path, "Permission denied"]);
        assert_eq!(world.snapshot(), before, "{path}");
    }
}

/// A disk that fails while it is read: the file is named, and nothing is written.
#[test]
fn what_cannot_be_read_to_its_end_is_named() {
    if strace_is_missing() {
        return;
    }
    let base = minted();
    for (path, call, args, code) in [
        (
            "bench/ring.jpg",
            "read",
            &["piece", "mint", "--from", "bench", "--out", "n"] as &[&str],
            1,
        ),
        ("bench/piece.toml", "read", &["piece", "mint", "--from", "bench", "--out", "n"], 1),
        (PIECE, "pread64", &["verify", PIECE], 2),
        (PIECE, "pread64", &EVENT, 2),
        ("home/default/state.hallmark", "read", &EVENT, 1),
        (PIECE, "pread64", &["blob", "seal", PIECE, "n", "--key-file", "k"], 1),
    ] {
        let world = base.copy();
        let before = world.read(PIECE);
        let (only, inject) = (format!("trace={call}"), format!("inject={call}:error=EIO"));
        let faulty = strace(&world, &["-P", path, "-e", &only, "-e", &inject], args);
        assert!(faulty.hit, "{path} was read by {args:?}: {:?}", faulty.run);
        faulty.run.refused(code, &[path, "Input/output error"]);
        assert_eq!(world.read(PIECE), before);
        assert!(!world.path("n").exists() && leftovers(&world).is_empty());
    }
}

/// A home that can only be read: what needs no change works, the rest is refused.
#[test]
fn a_home_that_is_read_only() {
    if strace_is_missing() {
        return;
    }
    let base = minted();
    let refused = [
        "-P",
        "home/default/state.hallmark.new",
        "-e",
        "trace=openat",
        "-e",
        "inject=openat:error=EROFS",
    ];
    let faulty = strace(&base, &refused, &EVENT);
    assert!(faulty.hit);
    faulty.run.refused(1, &["state.hallmark", "state is as it was", "read-only"]);
    sound_with_secrets(&base, "a read-only home");
    let fresh = ["-e", "trace=mkdir", "-e", "inject=mkdir:error=EROFS"];
    let faulty = strace(&base, &fresh, &["--home", "fresh", "studio", "init", "--name", "Rosa"]);
    faulty.run.refused(1, &["fresh/default", "cannot be written", "read-only"]);
}

/// A file system of 256 KiB, mounted where that is permitted; taken away at the end.
struct SmallDisk<'a>(&'a World);

impl<'a> SmallDisk<'a> {
    fn mount(world: &'a World) -> Option<Self> {
        fs::create_dir(world.path("small")).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(world.path("small"));
        let mounted = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(world));
        }
        eprintln!("skipped: no file system may be mounted here");
        None
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path("small")).status();
    }
}

/// T-18: the same on a disk that is really full, with the home on it too.
#[test]
fn a_disk_that_is_really_full() {
    let world = World::new();
    let Some(disk) = SmallDisk::mount(&world) else { return };
    let on_disk = |args: &[&str]| {
        let mut command = world.command();
        Run::of(command.env("HALLMARK_HOME", "small/home").args(args).output().unwrap())
    };
    let paths = ["--pub-out", "studio.pub", "--successor-out", "next"];
    let init = on_disk(&[&["studio", "init", "--name", "Rosa"] as &[&str], &paths].concat());
    assert_eq!(init.code, Some(0), "{init:?}");
    let mint = ["piece", "mint", "--from", TIDEWATER, "--out", "small/piece.hallmark"];
    assert_eq!(on_disk(&mint).code, Some(0));
    let (state, piece) = ("small/home/default/state.hallmark", "small/piece.hallmark");
    let fill = |name: &str| {
        // Down to the last page: what does not fit is left half written.
        let full = (0..64).any(|n| {
            let file = world.path(&format!("small/{name}-{n}"));
            fs::write(file, vec![0; 16 << 10]).is_err()
        });
        assert!(full, "the small disk is larger than it was asked to be");
    };
    fill("ballast");
    let before = (world.read(state), world.read(piece));
    let event = ["piece", "event", piece, "--kind", "serviced"];
    for args in
        [&event as &[&str], &["piece", "status", piece], &[&mint as &[&str], &["--force"]].concat()]
    {
        let run = on_disk(args);
        assert_eq!(run.code, Some(1), "{args:?}: {run:?}");
        assert!(FULL.iter().any(|word| run.err.contains(word)), "{run:?}");
        assert_eq!((world.read(state), world.read(piece)), before, "{args:?}");
    }
    for file in fs::read_dir(world.path("small")).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("ballast") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    let again = on_disk(&event);
    assert_eq!(again.code, Some(0), "{again:?}");
    drop(disk);
}
