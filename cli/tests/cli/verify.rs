//! `hallmark verify`: the verdict, and what is no file to give one on.

use std::{
    io::Read,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use hallmark_vault::provenance::archive::ArchiveWriter;

use crate::{
    golden::Transcript,
    world::{Run, World},
};

const PIECE: &str = "piece.hallmark";
const TRUST: [&str; 2] = ["--trust", "studio.pub"];

#[test]
fn the_verdict_for_people_and_for_machines() {
    let world = World::minted();
    let mut told = Transcript::in_world(&world);
    assert_eq!(told.run(&["verify", PIECE]).code, Some(5));
    assert_eq!(told.run(&["verify", PIECE, "--trust", "studio.pub"]).code, Some(0));
    assert_eq!(
        told.run(&["--json", "piece", "verify", PIECE, "--trust", "studio.pub"]).code,
        Some(0)
    );
    let stale = ["verify", PIECE, "--trust", "studio.pub", "--at", "2099-01-01T00:00:00Z"];
    assert_eq!(told.run(&stale).code, Some(6));
    told.holds("verify.txt");
}

/// T-01: what is wrong is named, for people and for machines, and the exit code tells its kind.
#[test]
fn what_is_wrong_is_named() {
    let world = World::minted();
    let whole = world.read(PIECE);
    let mut photo = whole.clone();
    let at = whole.windows(3).position(|window| window == [0xff, 0xd8, 0xff]).unwrap();
    photo[at + 60] ^= 1;
    world.write("photo.hallmark", &photo);
    world.write("cut.hallmark", &whole[..whole.len() / 2]);
    world.write("longer.hallmark", &[whole.as_slice(), b"\n"].concat());
    world.write("empty.hallmark", b"");
    world.write("text.hallmark", b"This is a letter, not a provenance file.\n");
    let mut told = Transcript::in_world(&world);
    for (file, code) in [
        ("photo.hallmark", 3),
        ("cut.hallmark", 4),
        ("longer.hallmark", 4),
        ("empty.hallmark", 4),
        ("text.hallmark", 4),
    ] {
        let run = told.run(&["verify", file, "--trust", "studio.pub"]);
        assert_eq!(run.code, Some(code), "{file}");
        let json = world.json(&["verify", file]);
        assert_eq!(json["exitCode"], code, "{file}");
        assert!(json["integrity"]["problems"][0]["code"].is_string(), "{file}");
    }
    told.run(&["--json", "verify", "photo.hallmark"]);
    told.holds("verify-wrong.txt");
}

/// T-12: a manifest of 100 MB is refused by its size, before it is read.
#[test]
fn a_huge_manifest_is_refused_by_its_size() {
    let world = World::new();
    let mut archive =
        ArchiveWriter::new(std::fs::File::create(world.path("huge.hallmark")).unwrap());
    archive.add("manifest.json", &mut std::io::repeat(b' ').take(100 << 20)).unwrap();
    archive.finish().unwrap();
    let run = world.run(&["verify", "huge.hallmark"]);
    assert_eq!(run.code, Some(4), "{run:?}");
    for word in ["manifest.json has 104857600 bytes", "too-large"] {
        assert!(run.out.contains(word), "{run:?}");
    }
}

/// T-12: what is no file is named as that, at once: nothing hangs and nothing endless is read.
#[test]
fn what_is_no_file_is_said_at_once() {
    let world = World::minted();
    std::fs::create_dir(world.path("album")).unwrap();
    let made = Command::new("mkfifo").arg(world.path("pipe")).status().unwrap();
    assert!(made.success());
    for (path, words) in [
        ("gone.hallmark", ["gone.hallmark", "No such file"]),
        ("album", ["album", "is a folder"]),
        ("pipe", ["pipe", "no ordinary file"]),
        ("/dev/zero", ["/dev/zero", "no ordinary file"]),
        ("/dev/null", ["/dev/null", "no ordinary file"]),
    ] {
        at_once(&world, &["verify", path]).refused(2, &words);
        let words = [words[0]];
        at_once(&world, &["verify", PIECE, "--trust", path]).refused(2, &words);
        at_once(&world, &["verify", PIECE, "--disclosure", path]).refused(2, &words);
        at_once(&world, &["trust", "add", "--file", path]).refused(1, &words);
        at_once(&world, &["piece", "show", path]).refused(2, &words);
        at_once(&world, &["piece", "append", PIECE, path]).refused(1, &words);
        at_once(&world, &["piece", "event", PIECE, "--kind", "sold", "--offer", path])
            .refused(1, &words);
        at_once(&world, &["piece", "event", PIECE, "--kind", "set", "--with", path])
            .refused(1, &words);
        at_once(&world, &["blob", "seal", path, "x", "--key-file", "k"]).refused(1, &words);
        at_once(&world, &["blob", "open", path, "x", "--key-file", "studio.pub"]).refused(1, &[]);
        assert!(!world.path("x").exists());
    }
}

/// Runs a command that must end within seconds.
fn at_once(world: &World, args: &[&str]) -> Run {
    let mut child =
        world.command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            panic!("{args:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Run::of(child.wait_with_output().unwrap())
}

#[test]
fn wrong_arguments_are_named() {
    let world = World::minted();
    let verify = |more: &[&str]| world.run(&[&["verify", PIECE], more].concat());
    for at in ["yesterday", "2026-05-03", "2026-05-03T12:00:00+01:00", "2026-13-01T00:00:00Z", ""] {
        verify(&["--at", at]).refused(2, &["--at", "2026-05-03T12:00:00Z"]);
    }
    world.write("plain.pub", b"untrusted comment: minisign public key 1\nRWQ1\n");
    verify(&["--trust", "plain.pub"]).refused(2, &["plain.pub", "did:key"]);
    world.write("binary.pub", &[0xff; 64]);
    verify(&["--trust", "binary.pub"]).refused(2, &["binary.pub"]);
    verify(&["--disclosure", "studio.pub"]).refused(2, &["studio.pub", "piece disclose"]);
    verify(&["--online", "not a domain"]).refused(2, &["--online", "domain"]);
    let json = world.json(&["verify", "gone.hallmark"]);
    assert_eq!(json["exitCode"], 2, "{json}");
    assert!(json["error"].as_str().unwrap().contains("gone.hallmark"));
}

/// Where several things are wrong, the order is 2, 4, 3, 5, 7, 6.
#[test]
fn the_first_of_several_counts() {
    let world = World::minted();
    world.done(&["piece", "status", PIECE, "--revoke", "--out", "revoked.hallmark"]);
    let code = |args: &[&str]| world.run(args).code;
    let later = ["--at", "2099-01-01T00:00:00Z"];
    assert_eq!(code(&["verify", "revoked.hallmark"]), Some(5), "untrusted before revoked");
    let both = [&["verify", "revoked.hallmark"] as &[&str], &TRUST, &later].concat();
    assert_eq!(code(&both), Some(7), "revoked before stale");
    let untrusted = [&["verify", PIECE] as &[&str], &later].concat();
    assert_eq!(code(&untrusted), Some(5), "untrusted before stale");
    let mut bytes = world.read("revoked.hallmark");
    let at = bytes.windows(3).position(|window| window == [0xff, 0xd8, 0xff]).unwrap();
    bytes[at + 60] ^= 1;
    world.write("both.hallmark", &bytes);
    assert_eq!(code(&["verify", "both.hallmark"]), Some(3), "tampered before untrusted");
    bytes.push(0);
    world.write("both.hallmark", &bytes);
    assert_eq!(code(&["verify", "both.hallmark"]), Some(4), "malformed before tampered");
    assert_eq!(code(&["verify", "both.hallmark", "--at", "x"]), Some(2), "usage before all");
}

/// A trust store that cannot be looked at makes nobody trusted, and the verdict says so.
#[test]
fn a_trust_store_that_stays_closed_is_said() {
    let world = World::minted();
    world.done(&["trust", "add", "--file", "studio.pub"]);
    assert_eq!(world.run(&["verify", PIECE]).code, Some(0));

    let mut without = world.command();
    without.env_remove("HALLMARK_PASSPHRASE_FILE").args(["verify", PIECE]);
    let run = Run::of(without.output().unwrap());
    assert_eq!(run.code, Some(5));
    assert!(run.out.contains("your trust store was not looked at"), "{}", run.out);
    assert!(run.out.contains("HALLMARK_PASSPHRASE_FILE"), "{}", run.out);
    let signer = run.out.lines().find(|line| line.starts_with("SIGNER")).unwrap();
    assert!(signer.contains("trust store was not opened"), "{}", run.out);
    assert!(!run.out.contains("Pin the studio's key"), "{}", run.out);
    let mut without = world.command();
    without.env_remove("HALLMARK_PASSPHRASE_FILE").args(["--json", "verify", PIECE]);
    let json: serde_json::Value =
        serde_json::from_slice(&without.output().unwrap().stdout).unwrap();
    assert_eq!(json["signer"]["trustStore"], "not-opened");
    assert_eq!(world.json(&["verify", PIECE])["signer"]["trustStore"], serde_json::Value::Null);

    let held = world.store("default");
    let run = world.run(&["verify", PIECE]);
    assert_eq!(run.code, Some(5));
    assert!(run.out.contains("not looked at") && run.out.contains("in use"), "{}", run.out);
    drop(held);
    assert_eq!(world.run(&["verify", PIECE]).code, Some(0));
}

/// T-17: the successor's page in a file's place is known for what it is.
#[test]
fn a_successor_in_a_files_place_is_named() {
    let world = World::new();
    world.done(&["studio", "init", "--name", "Rosa", "--successor-out", "page.txt"]);
    let run = world.run(&["verify", "page.txt"]);
    assert_eq!(run.code, Some(4), "{run:?}");
    let words = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("this is a successor key, which is secret"), "{run:?}");
}
