//! Outputs: whole or not at all, and never over what a command needs.

use std::{fs, process::Command};

use crate::world::{TIDEWATER, World};

const PIECE: &str = "piece.hallmark";

/// Every command that writes a file refuses a folder in its place, and names it.
#[test]
fn a_folder_is_no_file_to_write() {
    let world = World::minted();
    world.person("buyer");
    fs::create_dir(world.path("album")).unwrap();
    world.write("plain", b"x");
    for args in [
        &["studio", "pub", "--out", "album"] as &[&str],
        &["piece", "event", PIECE, "--kind", "serviced", "--out", "album"],
        &["piece", "status", PIECE, "--out", "album"],
        &["piece", "offer", PIECE, "--out", "album"],
        &["piece", "disclose", PIECE, "--field", "price", "--out", "album"],
        &["piece", "card", PIECE, "--out", "album"],
        &["blob", "seal", "plain", "album", "--key-file", "key"],
        &["blob", "seal", "plain", "sealed", "--key-file", "album"],
    ] {
        world.run(args).refused(1, &["album", "is a folder"]);
        assert_eq!(fs::read_dir(world.path("album")).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let world = World::minted();
    for args in [
        &["studio", "pub", "--out", "gone/x"] as &[&str],
        &["piece", "event", PIECE, "--kind", "serviced", "--out", "gone/x"],
        &["piece", "status", PIECE, "--out", "gone/x"],
        &["piece", "disclose", PIECE, "--field", "price", "--out", "gone/x"],
        &["piece", "card", PIECE, "--out", "gone/x"],
    ] {
        world.run(args).refused(1, &["the folder gone is not there", "gone/x"]);
    }
}

/// What a command reads is not written over by what it writes, whatever it is called.
#[test]
fn what_a_command_needs_is_not_written_over() {
    let world = World::minted();
    world.person("buyer");
    world.done(&["--profile", "buyer", "piece", "offer", PIECE]);
    let sell = ["piece", "event", PIECE, "--kind", "sold", "--offer", "offer.json"];
    world.done(&sell);
    let before = world.read(PIECE);
    let apart = "./piece.hallmark";
    for args in [
        &["--profile", "buyer", "piece", "offer", PIECE, "--out", apart] as &[&str],
        &[&sell as &[&str], &["--draft", apart]].concat(),
        &[
            "--profile",
            "buyer",
            "piece",
            "countersign",
            PIECE,
            "draft.json",
            "--out",
            apart,
            "--yes",
        ],
        &["piece", "disclose", PIECE, "--field", "price", "--out", apart],
        &["piece", "card", PIECE, "--out", apart],
    ] {
        world.run(args).refused(1, &["piece.hallmark would be written over"]);
        assert_eq!(world.read(PIECE), before, "{args:?}");
    }
    world.done(&["--profile", "buyer", "piece", "countersign", PIECE, "draft.json", "--yes"]);
    let draft = world.read("draft.json");
    let append = ["piece", "append", PIECE, "draft.json", "--out", "draft.json"];
    world.run(&append).refused(1, &["draft.json would be written over"]);
    assert_eq!(world.read("draft.json"), draft);
}

/// Nothing that is there already is replaced unasked: another piece, a photograph, a recipe, a key.
#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let world = World::minted();
    world.person("buyer");
    world.studio("lab", "Sample Stone Laboratory", None);
    world.done(&["piece", "mint", "--from", TIDEWATER, "--out", "other.hallmark"]);
    world.done(&["--profile", "buyer", "piece", "offer", PIECE, "--out", "o.json"]);
    let sell = ["piece", "event", PIECE, "--kind", "sold", "--offer", "o.json", "--draft"];
    world.done(&[&sell as &[&str], &["d.json"]].concat());
    let sign = ["--profile", "buyer", "piece", "countersign", PIECE, "d.json"];
    world.bench("id = \"urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    let photo = "bench/ring.jpg";
    let serviced = ["piece", "event", PIECE, "--kind", "serviced"];
    let attest = [
        "--profile",
        "lab",
        "piece",
        "attest",
        "--from",
        "bench",
        "--about",
        "metals/0",
        "--says",
        "Gold",
        "--strength",
        "lab",
        "--rule",
        "r",
        "--out",
    ];
    world.write("plain", b"x");
    let there = |taken: &str| [taken, "is there already", "--force"].map(str::to_owned);
    for (args, taken) in [
        (&[&serviced as &[&str], &["--out", "other.hallmark"]].concat(), "other.hallmark"),
        (&vec!["piece", "status", PIECE, "--out", "other.hallmark"], "other.hallmark"),
        (&[&sign as &[&str], &["--out", "other.hallmark"]].concat(), "other.hallmark"),
        (&vec!["piece", "append", PIECE, "d.json", "--out", "other.hallmark"], "other.hallmark"),
        (&[&sell as &[&str], &["other.hallmark"]].concat(), "other.hallmark"),
        (&vec!["piece", "offer", PIECE, "--out", "other.hallmark"], "other.hallmark"),
        (&vec!["piece", "card", PIECE, "--out", "other.hallmark"], "other.hallmark"),
        (&vec!["piece", "disclose", PIECE, "--field", "price", "--out", photo], photo),
        (&vec!["studio", "pub", "--out", "other.hallmark"], "other.hallmark"),
        (&vec!["studio", "pub", "--out", "lab.pub"], "lab.pub"),
        (&[&attest as &[&str], &["other.hallmark"]].concat(), "other.hallmark"),
        (&vec!["blob", "seal", "plain", photo, "--key-file", "key"], photo),
        (&vec!["blob", "open", "plain", photo, "--key-file", "key"], photo),
    ] {
        let before = world.read(taken);
        let words = there(taken);
        world.run(args).refused(1, &words.each_ref().map(String::as_str));
        assert_eq!(world.read(taken), before, "{args:?}");
    }
    // What a command reads is not replaced even when asked.
    for (args, taken) in [
        ([&serviced as &[&str], &["--with", photo, "--out", photo]].concat(), photo),
        ([&attest as &[&str], &["bench/piece.toml"]].concat(), "bench/piece.toml"),
        ([&attest as &[&str], &[photo]].concat(), photo),
        (vec!["piece", "mint", "--from", "bench", "--title", "T", "--out", photo], photo),
        (vec!["blob", "seal", "plain", "plain", "--key-file", "key"], "plain"),
    ] {
        let before = world.read(taken);
        let refused = world.run(&[&args as &[&str], &["--force"]].concat());
        refused.refused(1, &[taken, "would be written over"]);
        assert_eq!(world.read(taken), before, "{args:?}");
    }
    // The same file continued, the same key again, and whatever was asked for.
    world.done(&[&serviced as &[&str], &["--out", "./piece.hallmark"]].concat());
    world.done(&["studio", "pub"]);
    world.done(&[&serviced as &[&str], &["--out", "other.hallmark", "--force"]].concat());
    world.done(&[&attest as &[&str], &["bench/lab.json"]].concat());
    world.done(&[&attest as &[&str], &["bench/lab.json", "--force"]].concat());
    assert_eq!(world.sound("other.hallmark").piece().id, world.sound(PIECE).piece().id);
}

/// A pipe or a device keeps its name: an ordinary file in its place would take it from everybody.
#[test]
fn a_pipe_or_a_device_is_no_file_to_write() {
    use std::os::unix::fs::FileTypeExt;
    let world = World::minted();
    world.write("plain", b"x");
    let make = |program: &str, args: &[&str]| {
        let made = Command::new(program).args(args).current_dir(world.root()).output();
        made.is_ok_and(|output| output.status.success())
    };
    assert!(make("mkfifo", &["pipe"]));
    let mut names = vec!["pipe"];
    // A device like /dev/null, made here: only root may.
    if make("mknod", &["device", "c", "1", "3"]) {
        names.push("device");
    } else {
        eprintln!("skipped: no device may be made here");
    }
    for name in names {
        std::os::unix::fs::symlink(name, world.path("link")).unwrap();
        for out in [name, "link"] {
            for args in [
                &["piece", "disclose", PIECE, "--field", "price", "--out", out] as &[&str],
                &["piece", "status", PIECE, "--out", out],
                &["piece", "mint", "--from", TIDEWATER, "--out", out, "--force"],
                &["blob", "seal", "plain", out, "--key-file", "key"],
            ] {
                world.run(args).refused(1, &[out, "pipe or a device", "name a file"]);
            }
        }
        assert!(!fs::symlink_metadata(world.path(name)).unwrap().file_type().is_file());
        let kind = fs::metadata(world.path("link")).unwrap().file_type();
        assert!(kind.is_fifo() || kind.is_char_device());
        fs::remove_file(world.path("link")).unwrap();
    }
}

/// A link stays a link, and the file behind it is the one that changes.
#[test]
fn a_link_is_followed() {
    let world = World::minted();
    fs::create_dir(world.path("synced")).unwrap();
    fs::rename(world.path(PIECE), world.path("synced/ring.hallmark")).unwrap();
    std::os::unix::fs::symlink("synced/ring.hallmark", world.path(PIECE)).unwrap();
    world.done(&["piece", "event", PIECE, "--kind", "serviced"]);
    assert!(world.path(PIECE).is_symlink());
    assert_eq!(world.sound("synced/ring.hallmark").custody().events(), 2);
}

/// A file is replaced as a whole, with the access its kind has.
#[test]
fn outputs_have_the_access_of_their_kind() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::minted();
    world.write("plain", b"x");
    world.done(&["piece", "disclose", PIECE, "--field", "price", "--out", "price"]);
    world.done(&["blob", "seal", "plain", "sealed", "--key-file", "key"]);
    world.done(&["blob", "open", "sealed", "opened", "--key-file", "key"]);
    let mode = |name: &str| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    for (name, expected) in
        [("price", 0o600), ("key", 0o600), ("opened", 0o600), ("sealed", 0o644), (PIECE, 0o644)]
    {
        assert_eq!(mode(name), expected, "{name}");
    }
    // What its owner made private stays so.
    fs::set_permissions(world.path(PIECE), fs::Permissions::from_mode(0o600)).unwrap();
    world.done(&["piece", "event", PIECE, "--kind", "serviced"]);
    world.done(&["piece", "status", PIECE]);
    assert_eq!(mode(PIECE), 0o600);
}
