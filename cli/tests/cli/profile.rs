//! Whose state: `--home`, `--profile`, the passphrase, and a state that is not as it was.

use std::{fs, os::unix::fs::PermissionsExt};

use hallmark_core::hash::Sha256;

use crate::world::{Run, TIDEWATER, World};

const SHOW: [&str; 2] = ["studio", "show"];
const SERVICED: [&str; 5] = ["piece", "event", "piece.hallmark", "--kind", "serviced"];

/// What is refused leaves state and file byte for byte.
#[track_caller]
fn untouched(world: &World, run: impl FnOnce() -> Run, code: i32, words: &[&str]) {
    let before = world.snapshot();
    run().refused(code, words);
    let after = world.snapshot();
    let changed: Vec<_> =
        before.iter().filter(|file| !after.contains(file)).map(|f| &f.0).collect();
    assert!(changed.is_empty(), "{changed:?} changed");
}

/// T-17: a wrong passphrase opens nothing and changes nothing.
#[test]
fn a_wrong_passphrase() {
    let world = World::minted();
    world.write("passphrase", b"another one\n");
    let words = ["passphrase does not open", "state.hallmark", "try again"];
    untouched(&world, || world.run(&SHOW), 1, &words);
    untouched(&world, || world.run(&SERVICED), 1, &words);
    // A verdict without the trust store it was asked to use would be another verdict.
    untouched(&world, || world.run(&["verify", "piece.hallmark"]), 2, &words);
}

#[test]
fn a_passphrase_file_that_is_none() {
    let world = World::with_studio();
    let variable = "HALLMARK_PASSPHRASE_FILE";
    for empty in [b"" as &[u8], b"\n", b"\r\n"] {
        world.write("passphrase", empty);
        untouched(&world, || world.run(&SHOW), 1, &["passphrase", variable, "is empty"]);
    }
    world.write("passphrase", &[b'x'; 2000]);
    untouched(&world, || world.run(&SHOW), 1, &["passphrase", "longer than 1024 bytes"]);
    fs::remove_file(world.path("passphrase")).unwrap();
    untouched(&world, || world.run(&SHOW), 1, &["passphrase cannot be read", variable]);
    let without = || Run::of(world.command().env_remove(variable).args(SHOW).output().unwrap());
    untouched(&world, without, 1, &["profile default", "no terminal", variable]);
}

#[test]
fn a_passphrase_file_that_others_read_is_warned_of() {
    let world = World::with_studio();
    let quiet = world.done(&SHOW);
    assert_eq!(quiet.err, "");
    for mode in [0o640, 0o604, 0o644] {
        fs::set_permissions(world.path("passphrase"), fs::Permissions::from_mode(mode)).unwrap();
        let run = world.done(&SHOW);
        assert!(run.err.contains("others on this machine may read"), "{run:?}");
        assert!(run.err.contains("chmod 600 passphrase"), "{run:?}");
    }
}

/// T-17: a damaged state is named, refused and left for a backup to be laid over.
#[test]
fn a_damaged_state_is_left_alone() {
    let world = World::minted();
    let whole = fs::read(world.state_file()).unwrap();
    let put = |bytes: &[u8]| fs::write(world.state_file(), bytes).unwrap();
    for at in [0, 14, 20, 50, 70, 90, 120, 160, 200, 240, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        put(&bytes);
        untouched(&world, || world.run(&SHOW), 1, &["state.hallmark", "damaged", "backup"]);
    }
    for length in [0, 1, 267, 268, whole.len() - 1] {
        put(&whole[..length]);
        let words = ["state.hallmark", "backup", "left as it is"];
        untouched(&world, || world.run(&SERVICED), 1, &words[..2]);
    }
    put(&[whole.as_slice(), b"x"].concat());
    untouched(&world, || world.run(&SHOW), 1, &["state.hallmark", "damaged"]);
    put(&whole);
    world.done(&SHOW);
}

#[test]
fn a_state_of_a_newer_version() {
    let world = World::with_studio();
    let mut bytes = fs::read(world.state_file()).unwrap();
    bytes[15] = 2;
    let sum = Sha256::of(&bytes[..236]);
    bytes[236..268].copy_from_slice(sum.as_bytes());
    fs::write(world.state_file(), bytes).unwrap();
    let words = ["state.hallmark", "format version 2", "newer version of the program"];
    untouched(&world, || world.run(&SHOW), 1, &words);
}

/// T-17: a state moved to another profile's folder is not that profile's.
#[test]
fn a_state_of_another_profile() {
    let world = World::with_studio();
    fs::create_dir(world.home().join("rosa")).unwrap();
    fs::copy(world.state_file(), world.home().join("rosa/state.hallmark")).unwrap();
    let words = ["written for profile default", "move it back"];
    untouched(&world, || world.run(&["--profile", "rosa", "studio", "show"]), 1, &words);
}

#[test]
fn two_runs_at_once() {
    let world = World::minted();
    let held = world.store("default");
    for args in [&SHOW as &[&str], &SERVICED, &["piece", "mint", "--from", TIDEWATER, "--out", "x"]]
    {
        let words = ["profile default is in use", "lock", "let that run finish"];
        untouched(&world, || world.run(args), 1, &words);
    }
    // Another profile is another person.
    world.person("buyer");
    world.done(&["--profile", "buyer", "trust", "list"]);
    drop(held);
    world.done(&SHOW);
}

#[test]
fn a_profile_name_is_no_path() {
    let world = World::with_studio();
    for name in ["../x", "", "a/b", ".", "Default", "a b", &"a".repeat(33)] {
        let run = || world.run(&["--profile", name, "trust", "list"]);
        untouched(&world, run, 2, &["--profile", "is no profile name", "a-z, 0-9 and -"]);
    }
    assert!(!world.path("x").exists());
}

#[test]
fn a_home_that_cannot_be_one() {
    let world = World::with_studio();
    let run = || world.run(&["--home", "", "studio", "show"]);
    untouched(&world, run, 2, &["--home"]);
    let run = || world.run(&["--home", "passphrase", "trust", "list"]);
    untouched(&world, run, 1, &["passphrase/default"]);
    let run = || world.run(&["--home", "/proc/none", "studio", "init", "--name", "Rosa"]);
    untouched(&world, run, 1, &["/proc/none"]);
    let run = || world.run(&["--home", "elsewhere", "studio", "show"]);
    untouched(&world, run, 1, &["nothing stored yet in elsewhere", "studio init"]);
    // `--home` comes before the variable, and the variable before the platform's folder.
    world.done(&["--home", "other", "trust", "add", "--file", "studio.pub"]);
    assert!(world.path("other/default/state.hallmark").exists());
    let mut plain = world.command();
    plain.env_remove("HALLMARK_HOME").env("XDG_DATA_HOME", world.path("data")).env("HOME", "/none");
    let args = ["trust", "add", "--file", "studio.pub"];
    assert_eq!(Run::of(plain.args(args).output().unwrap()).code, Some(0));
    assert!(world.path("data/hallmark/default/state.hallmark").exists());
}

/// One person can be studio and buyer on one machine.
#[test]
fn profiles_are_people() {
    let world = World::minted();
    world.done(&["--profile", "buyer", "trust", "add", "--file", "studio.pub"]);
    assert_eq!(world.run(&["--profile", "buyer", "verify", "piece.hallmark"]).code, Some(0));
    assert_eq!(world.run(&["verify", "piece.hallmark"]).code, Some(5));
    assert_eq!(world.run(&["--profile", "nobody", "verify", "piece.hallmark"]).code, Some(5));
    assert!(!world.home().join("nobody").exists(), "looking makes no profile");
}

/// T-18: no command writes into the folder of a profile, or over its state by another name, whether
/// asked to replace something or not.
#[test]
fn nothing_is_written_where_the_keys_lie() {
    let world = World::minted();
    world.studio("vic", "Vic", None);
    fs::create_dir(world.path("home/vic/deep")).unwrap();
    std::os::unix::fs::symlink("home/vic", world.path("link")).unwrap();
    std::os::unix::fs::symlink("home/vic/state.hallmark", world.path("to-state")).unwrap();
    fs::copy(world.path("home/vic/state.hallmark"), world.path("old-state")).unwrap();
    let before = world.snapshot();
    let inside = [
        "home/vic/state.hallmark",
        "home/vic/state.hallmark.new",
        "home/vic/lock",
        "home/vic/new.pub",
        "home/vic/deep/new.pub",
        "home/default/state.hallmark",
        "link/new.pub",
        "to-state",
        "old-state",
    ];
    for out in inside {
        for command in [
            &["studio", "pub", "--out"] as &[&str],
            &["piece", "card", "piece.hallmark", "--out"],
            &["piece", "offer", "piece.hallmark", "--out"],
            &["piece", "status", "piece.hallmark", "--out"],
            &["piece", "mint", "--from", TIDEWATER, "--out"],
        ] {
            let refused = world.run(&[command, &[out, "--force"]].concat());
            refused.refused(1, &[out, "profile", "name"]);
        }
        assert!(world.snapshot() == before, "{out}");
    }
    for command in [&["man"] as &[&str], &["tour", "--from", TIDEWATER, "--out"]] {
        for dir in ["home/vic", "home/vic/deep", "home/vic/new/one", "link/deep"] {
            world.run(&[command, &[dir]].concat()).refused(1, &[dir, "keys of a profile"]);
            assert!(!world.path("home/vic/new").exists());
            assert!(world.snapshot() == before, "{dir}");
        }
    }
    let story = ["piece", "story", "piece.hallmark", "--out", "home/vic/deep"];
    world.run(&story).refused(1, &["keys of a profile"]);
    assert!(world.snapshot() == before);
    world.done(&["studio", "show", "--profile", "vic"]);
    // What lies beside the profiles is nobody's keys.
    world.done(&["studio", "pub", "--out", "home/new.pub"]);
}
