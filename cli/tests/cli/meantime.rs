//! Two runs at work on one file: what one of them acknowledged is not lost by the other.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    process::{Command, Stdio},
};

use crate::world::{PASSPHRASE, Run, World};

const PIECE: &str = "piece.hallmark";

/// T-18: a revocation while another command waits for its passphrase stands afterwards.
#[test]
fn a_revocation_during_a_question_stands() {
    let world = World::minted();
    world.studio("repairer", "Bench & Loupe", None);
    let made = Command::new("mkfifo").arg(world.path("typing")).status().unwrap();
    assert!(made.success());
    for slow in [
        &["piece", "event", PIECE, "--kind", "serviced"] as &[&str],
        &["--profile", "repairer", "piece", "event", PIECE, "--kind", "serviced"],
    ] {
        let mut command = world.command();
        command.env("HALLMARK_PASSPHRASE_FILE", "typing").args(slow);
        let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Opens only once the other end is waiting.
        let mut keyboard = OpenOptions::new().write(true).open(world.path("typing")).unwrap();
        world.done(&["piece", "status", PIECE, "--revoke", "--reason", "counterfeit"]);
        keyboard.write_all(PASSPHRASE.as_bytes()).unwrap();
        drop(keyboard);
        let done = Run::of(waiting.wait_with_output().unwrap());
        assert_eq!(done.code, Some(0), "{done:?}");
        let verdict = world.run(&["verify", PIECE, "--trust", "studio.pub"]);
        assert_eq!(verdict.code, Some(7), "{verdict:?}");
    }
    assert_eq!(world.sound(PIECE).custody().events(), 3);
}

/// T-18: while one run holds a file to write it again, another only reads it.
#[test]
fn a_file_that_is_being_continued_is_not_continued_by_another() {
    let world = World::minted();
    let before = world.read(PIECE);
    let held = File::open(world.path(PIECE)).unwrap();
    held.lock().unwrap();
    let event = ["piece", "event", PIECE, "--kind", "serviced"];
    let words = ["cannot use piece.hallmark", "another run is at work on it"];
    for args in [&event as &[&str], &["piece", "status", PIECE, "--revoke"]] {
        world.run(args).refused(1, &words);
    }
    let mint = ["piece", "mint", "--from", crate::world::TIDEWATER, "--force"];
    world.run(&mint).refused(1, &["piece.hallmark was changed by another run"]);
    assert_eq!(world.read(PIECE), before);
    world.done(&["verify", PIECE, "--trust", "studio.pub"]);
    world.done(&["piece", "show", PIECE]);
    held.unlock().unwrap();
    world.done(&event);
    let names = fs::read_dir(world.root()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains("lock")));
}
