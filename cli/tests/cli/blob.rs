//! `hallmark blob`.

use crate::{golden::Transcript, world::World};

const CHUNK: usize = 16 * 1024;
const SEALED_CHUNK: usize = CHUNK + 16;
const HEADER: usize = 56;

fn sealed() -> World {
    let world = World::new();
    let content: Vec<u8> = (0..5 * CHUNK + 99).map(|i| (i % 251) as u8).collect();
    world.write("plain", &content);
    world
}

#[test]
fn a_file_is_sealed_and_opened() {
    let world = sealed();
    let mut told = Transcript::in_world(&world);
    told.run(&["blob", "seal", "plain", "sealed", "--key-file", "key"]);
    told.run(&["blob", "seal", "plain", "again", "--key-file", "key"]);
    told.run(&["--json", "blob", "open", "sealed", "opened", "--key-file", "key"]);
    let again = ["blob", "open", "again", "opened", "--key-file", "key"];
    told.run(&again).refused(1, &["opened is there already", "--force"]);
    told.run(&[&again as &[&str], &["--force"]].concat());
    told.holds("blob.txt");
    assert_eq!(world.read("opened"), world.read("plain"));
    assert_ne!(world.read("sealed"), world.read("again"), "a fresh salt each time");
    assert_eq!(world.read("key").len(), 65);
    world.write("nothing", b"");
    world.done(&["blob", "seal", "nothing", "sealed", "--key-file", "key", "--force"]);
    world.done(&["blob", "open", "sealed", "opened", "--key-file", "key", "--force"]);
    assert_eq!(world.read("opened"), b"");
}

/// T-19: what was cut, swapped, extended or sealed otherwise does not open, and what lay at the
/// output is still there.
#[test]
fn what_was_changed_does_not_open() {
    let world = sealed();
    world.done(&["blob", "seal", "plain", "sealed", "--key-file", "key"]);
    world.done(&["blob", "seal", "plain", "other", "--key-file", "otherkey"]);
    let whole = world.read("sealed");
    let chunk =
        |n: usize| whole[HEADER + n * SEALED_CHUNK..HEADER + (n + 1) * SEALED_CHUNK].to_vec();
    let rest = |n: usize| whole[HEADER + n * SEALED_CHUNK..].to_vec();
    let head = || whole[..HEADER].to_vec();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases: [(&str, Vec<u8>); 12] = [
        ("cut at a chunk boundary", [head(), chunk(0), chunk(1)].concat()),
        ("cut before the last chunk", whole[..HEADER + 5 * SEALED_CHUNK].to_vec()),
        ("cut inside a chunk", whole[..HEADER + 100].to_vec()),
        ("header only", head()),
        ("half a header", whole[..HEADER / 2].to_vec()),
        ("nothing", Vec::new()),
        ("chunks swapped", [head(), chunk(1), chunk(0), rest(2)].concat()),
        ("a chunk left out", [head(), chunk(0), rest(2)].concat()),
        ("a chunk twice", [head(), chunk(0), chunk(0), rest(1)].concat()),
        ("one byte more", [whole.clone(), vec![0]].concat()),
        ("a bit of the salt", flipped(0)),
        ("a bit of the last tag", flipped(whole.len() - 1)),
    ];
    world.write("opened", b"what was there");
    for (name, bytes) in cases {
        world.write("changed", &bytes);
        let open = ["blob", "open", "changed", "opened", "--key-file", "key", "--force"];
        let run = world.run(&open);
        run.refused(1, &["opened", "untouched", "opening changed with the key in key"]);
        assert_eq!(world.read("opened"), b"what was there", "{name}");
    }
    let open = ["blob", "open", "other", "opened", "--key-file", "key", "--force"];
    let run = world.run(&open);
    run.refused(1, &["opening other with the key in key"]);
    let left: Vec<_> = world.snapshot().into_iter().map(|(path, _)| path).collect();
    assert!(!left.iter().any(|path| path.to_string_lossy().contains(".part")), "{left:?}");
    world.done(&["blob", "open", "sealed", "opened", "--key-file", "key", "--force"]);
}

#[test]
fn a_key_file_is_64_digits() {
    let world = sealed();
    world.done(&["blob", "seal", "plain", "sealed", "--key-file", "key"]);
    let key = String::from_utf8(world.read("key")).unwrap();
    let wrong = [
        String::new(),
        "\n".into(),
        key[..63].into(),
        format!("{}0", key.trim()),
        key.to_uppercase(),
        "z".repeat(64),
        format!("{key}{key}"),
    ];
    for text in wrong {
        world.write("wrong", text.as_bytes());
        for verb in ["seal", "open"] {
            let run = world.run(&["blob", verb, "sealed", "out", "--key-file", "wrong"]);
            run.refused(1, &["wrong is no key file", "64 hexadecimal digits"]);
            assert_eq!(world.read("wrong"), text.as_bytes(), "{verb} leaves it alone");
        }
    }
    let run = world.run(&["blob", "open", "sealed", "out", "--key-file", "gone"]);
    run.refused(1, &["key file gone"]);
    assert!(!world.path("out").exists() && !world.path("gone").exists());
}

/// The key is never written over by what it seals or opens.
#[test]
fn a_key_is_never_written_over() {
    let world = sealed();
    let run = world.run(&["blob", "seal", "plain", "key", "--key-file", "./key"]);
    run.refused(1, &["key would be written over"]);
    assert!(!world.path("key").exists());
    world.done(&["blob", "seal", "plain", "sealed", "--key-file", "key"]);
    let key = world.read("key");
    std::os::unix::fs::symlink("key", world.path("link")).unwrap();
    for output in ["key", "./key", "link"] {
        for verb in ["seal", "open"] {
            let run = world.run(&["blob", verb, "sealed", output, "--key-file", "key"]);
            run.refused(1, &["key would be written over"]);
            assert_eq!(world.read("key"), key);
        }
    }
}
