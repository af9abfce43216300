//! What lies in a maker's folder by accident and may not become part of a piece.

use std::fs;

use crate::world::{Run, SUCCESSOR, TIDEWATER, World};

const MINT: [&str; 4] = ["piece", "mint", "--from", "bench"];
const RECIPE: &str =
    "title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n[hidden]\nprice = 118900\n";

/// A studio with one of everything secret that the program writes, in `kept`.
fn workshop() -> World {
    let world = World::minted();
    world.bench(RECIPE);
    world.person("buyer");
    world.done(&["--profile", "rosa", "studio", "init", "--name", "Rosa", "--pub-out", "r.pub"]);
    let successor = SUCCESSOR.replace("default", "rosa");
    fs::create_dir(world.path("kept")).unwrap();
    fs::rename(world.path(&successor), world.path("kept/notes.txt")).unwrap();
    fs::copy(world.state_file(), world.path("kept/old state")).unwrap();
    world.done(&["--profile", "buyer", "piece", "offer", "piece.hallmark", "--out", "kept/o.json"]);
    let sell = ["piece", "event", "piece.hallmark", "--kind", "sold", "--offer", "kept/o.json"];
    world.done(&[&sell as &[&str], &["--price", "5 EUR", "--draft", "kept/d.json"]].concat());
    let disclose = ["piece", "disclose", "piece.hallmark", "--field", "price", "--out"];
    world.done(&[&disclose as &[&str], &["kept/price.txt"]].concat());
    world.done(&["blob", "seal", "studio.pub", "sealed", "--key-file", "kept/key.txt"]);
    world.write("kept/piece (copy).toml", RECIPE.as_bytes());
    world
}

/// T-24: whatever the program wrote for its owner's eyes is packed by no command, under no name, and
/// the way out works.
#[test]
fn a_secret_in_the_folder_is_refused_by_what_it_holds() {
    let world = workshop();
    let secrets: Vec<_> =
        fs::read_dir(world.path("kept")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(secrets.len(), 7);
    let piece = world.read("piece.hallmark");
    let state = fs::read(world.state_file()).unwrap();
    for secret in &secrets {
        for name in ["care instructions.txt", "film.mp4"] {
            let inside = world.path("bench").join(name);
            fs::copy(secret, &inside).unwrap();
            let shown = format!("bench/{name} is ");
            let words = [shown.as_str(), "everybody", "move it to another folder"];
            let out = ["--out", "new.hallmark"];
            world.run(&[&MINT as &[&str], &out].concat()).refused(1, &words);
            let event = ["piece", "event", "piece.hallmark", "--kind", "serviced", "--with"];
            world
                .run(&[&event as &[&str], &[inside.to_str().unwrap()]].concat())
                .refused(1, &[name, "move it to another folder"]);
            assert!(!world.path("new.hallmark").exists(), "{}", secret.display());
            assert_eq!(world.read("piece.hallmark"), piece);
            assert_eq!(fs::read(world.state_file()).unwrap(), state);
            fs::remove_file(inside).unwrap();
        }
    }
    world.done(&[&MINT as &[&str], &["--out", "new.hallmark"]].concat());
}

/// T-24: where a studio's first two commands are run in the folder of the photographs, nothing but
/// the photographs is packed.
#[test]
fn a_studio_made_in_the_folder_of_its_piece() {
    let world = World::new();
    fs::create_dir(world.path("bench")).unwrap();
    fs::copy(format!("{TIDEWATER}/ring.jpg"), world.path("bench/ring.jpg")).unwrap();
    fs::rename(world.path("passphrase"), world.path("bench/passphrase.txt")).unwrap();
    let here = |args: &[&str]| {
        let mut command = world.command();
        command.current_dir(world.path("bench")).args(args);
        command.env("HALLMARK_PASSPHRASE_FILE", "passphrase.txt");
        Run::of(command.env("HALLMARK_HOME", "../home").output().unwrap())
    };
    let init = here(&["studio", "init", "--name", "Rosa"]);
    assert_eq!(init.code, Some(0), "{init:?}");
    assert!(init.out.contains("../home/default-successor-KEEP-OFFLINE.txt"), "{init:?}");
    for left in
        ["piece.toml~", "piece.toml.bak", "#piece.toml#", ".DS_Store", "Thumbs.db", "a.part"]
    {
        world.write(&format!("bench/{left}"), RECIPE.as_bytes());
    }
    world.write("bench/care.txt", b"Keep it away from chlorine.\n");
    let basics = ["--title", "T", "--metal", "gold", "--fineness", "750"];
    let mint = [&["piece", "mint", "--from", "."] as &[&str], &basics].concat();
    let minted = here(&mint);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let left_out = minted.out.lines().find(|line| line.starts_with("Left out: ")).unwrap();
    for name in ["passphrase.txt", "studio.pub", "piece.toml~", "Thumbs.db", "a.part", "#piece"] {
        assert!(left_out.contains(name), "{name} in {left_out}");
    }
    assert!(minted.out.contains("everybody who gets the file can read: care.txt\n"), "{minted:?}");
    let file = world.sound("bench/piece.hallmark");
    assert_eq!(file.parts().count(), 2);
    let bytes = world.read("bench/piece.hallmark");
    for secret in [crate::world::PASSPHRASE, "118900", "Secret key"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    // The tour has passphrases of its own; the person's is none of its files either.
    let toured = here(&["tour", "--from", ".", "--out", "../tour", "--json"]);
    assert_eq!(toured.code, Some(0), "{toured:?}");
    assert!(!toured.out.contains("passphrase.txt"), "{}", toured.out);
    fs::rename(world.home().join("default-successor-KEEP-OFFLINE.txt"), world.path("bench/x.md"))
        .unwrap();
    let toured = here(&["tour", "--from", ".", "--out", "../tour", "--json"]);
    assert_eq!(toured.code, Some(1), "{toured:?}");
    assert!(toured.out.contains("x.md is the successor key of a studio"), "{}", toured.out);
}

/// T-24: a recipe that hides a field is known however TOML lets it be written, and where it would
/// not be read at all; a key is known behind other words, and a list of checksums is none.
#[test]
fn a_hidden_field_and_a_key_are_refused_in_every_form() {
    let world = World::with_studio();
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    let key = "01".repeat(32);
    let mint = [&MINT as &[&str], &["--out", "new.hallmark"]].concat();
    for (hidden, text) in [
        (true, "hidden.price = \"1890 EUR\"\n".to_owned()),
        (true, "hidden = { price = \"1890 EUR\" }\n".to_owned()),
        (true, "[\"hidden\"]\nprice = \"1890 EUR\"\n".to_owned()),
        (true, "\"\\u0068idden\" = { price = \"1890 EUR\" }\n".to_owned()),
        (true, "cut off [\nhidden.price = \"1890 EUR\"\n".to_owned()),
        (true, "cut off [\n[\"hidden\"]\nprice = \"1890 EUR\"\n".to_owned()),
        (true, "cut off [\n[hidden\nprice = \"1890 EUR\"\n".to_owned()),
        (false, format!("Secret key (hex): {key}\n")),
        (false, format!("key.bin {key}\n")),
        (false, format!("{key}  ring.jpg\nkey.bin {key}\n")),
    ] {
        world.write("bench/care.txt", text.as_bytes());
        let what = if hidden { "a piece.toml with hidden fields" } else { "a secret key" };
        world.run(&mint).refused(1, &["bench/care.txt is ", what, "move it to another folder"]);
        assert!(!world.path("new.hallmark").exists(), "{text}");
    }
    let sums = format!("{key}  ring.jpg\n{key} *film.mp4\n");
    world.write("bench/care.txt", sums.as_bytes());
    world.done(&mint);
}

/// T-24: a copy of the passphrase file gives away as much as the file itself.
#[test]
fn a_copy_of_the_passphrase_is_refused() {
    let world = World::minted();
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    let words = ["care.txt is a copy of your passphrase", "move it to another folder"];
    let mint = [&MINT as &[&str], &["--out", "new.hallmark"]].concat();
    let event = ["piece", "event", "piece.hallmark", "--kind", "serviced", "--with"];
    let passphrase = crate::world::PASSPHRASE;
    let utf16: Vec<u8> = passphrase.bytes().flat_map(|byte| [byte, 0]).collect();
    for copy in [
        passphrase.as_bytes().to_vec(),
        format!("{passphrase}\r\n").into_bytes(),
        format!("\u{feff}My studio:\n  {passphrase}\n").into_bytes(),
        [&[0xff, 0xfe], utf16.as_slice()].concat(),
    ] {
        world.write("bench/care.txt", &copy);
        world.run(&mint).refused(1, &words);
        world.run(&[&event as &[&str], &["bench/care.txt"]].concat()).refused(1, &words);
    }
    assert!(!world.path("new.hallmark").exists());
    world.write("bench/care.txt", b"six words\n");
    world.done(&mint);
}
