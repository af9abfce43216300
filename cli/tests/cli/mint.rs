//! `hallmark piece mint`.

use std::fs;

use crate::{
    golden::Transcript,
    world::{TIDEWATER, World},
};

/// T-16 and T-20: what was removed is named, and the files' own names stay outside.
#[test]
fn a_piece_from_a_folder_with_a_recipe() {
    let world = World::with_studio();
    let mut told = Transcript::in_world(&world);
    let minted = told.run(&["piece", "mint", "--from", TIDEWATER]);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    told.run(&["--json", "piece", "mint", "--from", TIDEWATER, "--out", "second.hallmark"]);
    told.run(&["verify", "piece.hallmark", "--trust", "studio.pub"]);
    told.holds("mint.txt");
    let bytes = world.read("piece.hallmark");
    for secret in ["CAM-00417", "Prata\0", "ring.jpg", "bench.mp3", "00417"] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is in the file");
    }
    let kept = world.done(&[
        "piece",
        "mint",
        "--from",
        TIDEWATER,
        "--out",
        "kept.hallmark",
        "--keep-metadata",
    ]);
    assert!(
        kept.out.contains("kept as you asked") && kept.out.contains("STILL REVEALS"),
        "{kept:?}"
    );
    let bytes = world.read("kept.hallmark");
    assert!(bytes.windows(9).any(|window| window == b"CAM-00417"), "the control");
}

#[test]
fn a_piece_from_arguments() {
    let world = World::with_studio();
    world.bench("");
    let basics = ["--title", "Plain band", "--metal", "silver", "--fineness", "925"];
    let mint = [&["piece", "mint", "--from", "bench"] as &[&str], &basics, &["--grams", "3,2"]];
    world.done(&mint.concat());
    let file = world.sound("piece.hallmark");
    assert_eq!(file.piece().weight_mg, Some(3200));
    assert_eq!(file.piece().title.as_str(), "Plain band");
    assert_eq!((file.piece().metals.len(), file.piece().metals[0].fineness), (1, 925));
    // The file holds no more than it was given, under names that say nothing.
    let names: Vec<&str> = file.entries().iter().map(|entry| entry.name.as_str()).collect();
    assert!(names.contains(&"media/001.jpg") && names.len() == 7, "{names:?}");
}

/// Nothing of a refused mint is left: no file, and the state as it was.
#[test]
fn what_is_missing_or_wrong_is_named() {
    let world = World::with_studio();
    let state = fs::read(world.state_file()).unwrap();
    let metal = "title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n";
    let cases: [(&str, &[&str], i32, &[&str]); 28] = [
        ("", &[], 2, &["What is the piece called?", "--title"]),
        ("", &["--title", "T"], 2, &["Which metal", "--metal"]),
        ("", &["--title", "T", "--metal", "gold"], 2, &["fineness", "--fineness"]),
        ("title = \"T\"\n", &["--fineness", "750"], 2, &["--metal"]),
        (metal, &["--title", ""], 2, &["--title"]),
        (metal, &["--title", "a\u{202e}b"], 2, &["--title"]),
        (metal, &["--grams", "heavy"], 2, &["--grams", "heavy", "4.35"]),
        (metal, &["--fineness", "1000", "--metal", "gold"], 2, &["--fineness", "1 to 999"]),
        (metal, &["--fineness", "18k", "--metal", "gold"], 2, &["in thousandths", "18k is 750"]),
        (metal, &["--grams", "0"], 2, &["--grams", "more than nothing"]),
        (metal, &["--grams", "1 oz"], 2, &["--grams", "in grams, please"]),
        ("weight_mg = 0\n", &[], 1, &["piece.toml", "weight_mg is more than 0"]),
        ("title = \"T\"\nmetal = \"gold\"\n", &[], 1, &["[[metal]]", "fineness = 750"]),
        (
            "title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = \"18k\"\n",
            &[],
            1,
            &["piece.toml", "in thousandths", "fineness = 750"],
        ),
        (
            "title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 1000\n",
            &[],
            1,
            &["piece.toml", "1 to 999"],
        ),
        ("colour = \"red\"\n", &[], 1, &["piece.toml", "colour"]),
        ("weight_mg = 4.35\n", &[], 1, &["piece.toml", "weight_mg = 4350"]),
        ("weight_mg = -1\n", &[], 1, &["piece.toml", "weight_mg"]),
        ("title = \n", &[], 1, &["piece.toml", "title"]),
        (
            "[[file]]\nname = \"gone.jpg\"\n",
            &[],
            1,
            &["piece.toml", "gone.jpg", "not in the folder"],
        ),
        (
            "[hallmark]\nexemption_rule = \"small\"\n",
            &[],
            1,
            &["exemption_rule", "exemption_below_mg"],
        ),
        (
            "weight_mg = 9000\n[hallmark]\nexemption_rule = \"below 1 g\"\nexemption_below_mg = 1000\n",
            &[],
            1,
            &["exempt"],
        ),
        (
            "[[stone]]\nspecies = \"diamond\"\nformation = \"grown\"\n",
            &[],
            1,
            &["piece.toml", "formation", "laboratory-grown"],
        ),
        (
            "[[stone]]\nspecies = \"diamond\"\nformation = \"natural\"\nlength_um = 4000\n",
            &[],
            1,
            &["length_um", "width_um", "depth_um"],
        ),
        (
            "[[material]]\nname = \"gold\"\nfile = \"gone.pdf\"\n",
            &[],
            1,
            &["piece.toml", "gone.pdf", "not in the folder"],
        ),
        ("[[claim]]\nabout = \"stones/7\"\nsays = \"blue\"\n", &[], 1, &["stones/7"]),
        ("[[claim]]\nsigned = \"gone.json\"\n", &[], 1, &["gone.json"]),
        ("[hidden]\nprice = 18.9\n", &[], 1, &["[hidden]", "price", "whole numbers"]),
    ];
    for (recipe, arguments, code, words) in cases {
        let mut recipe = recipe.to_owned();
        if !recipe.starts_with("title") && !recipe.is_empty() {
            recipe = format!(
                "title = \"T\"\nmetal = [{{ metal = \"gold\", fineness = 750 }}]\n{recipe}"
            );
        }
        world.bench(&recipe);
        let run = world.run(&[&["piece", "mint", "--from", "bench"], arguments].concat());
        run.refused(code, words);
        assert!(!world.path("piece.hallmark").exists(), "{recipe}");
        assert_eq!(fs::read(world.state_file()).unwrap(), state, "{recipe}");
    }
}

#[test]
fn a_piece_needs_a_photograph() {
    let world = World::with_studio();
    world.write("bench/note.md", b"No picture yet.\n");
    let basics = ["--title", "T", "--metal", "gold", "--fineness", "750"];
    let mint = [&["piece", "mint", "--from", "bench"] as &[&str], &basics].concat();
    world.run(&mint).refused(2, &["at least one photograph", "bench"]);
    world.write("bench/empty.jpg", b"");
    world.run(&mint).refused(2, &["at least one photograph", "bench"]);
    world.bench("");
    world.done(&mint);
}

#[test]
fn the_folder_and_the_output_are_what_they_should_be() {
    let world = World::minted();
    let mint = |from: &str, out: &str, more: &[&str]| {
        world.run(&[&["piece", "mint", "--from", from, "--out", out], more].concat())
    };
    let minted = world.read("piece.hallmark");
    mint("gone", "x.hallmark", &[]).refused(1, &["the folder gone"]);
    mint("passphrase", "x.hallmark", &[]).refused(1, &["passphrase"]);
    let there = mint(TIDEWATER, "piece.hallmark", &[]);
    there.refused(1, &["piece.hallmark is there already", "--force"]);
    assert_eq!(world.read("piece.hallmark"), minted);
    mint(TIDEWATER, "no/such/folder.hallmark", &[])
        .refused(1, &["the folder no/such is not there"]);
    fs::create_dir(world.path("album")).unwrap();
    for more in [&[] as &[&str], &["--force"]] {
        mint(TIDEWATER, "album", more).refused(1, &["album", "is a folder", "name a file"]);
    }
    assert!(mint(TIDEWATER, "piece.hallmark", &["--force"]).code == Some(0));
    assert_ne!(world.read("piece.hallmark"), minted);
    world.sound("piece.hallmark");
}

#[test]
fn what_is_left_out_is_said() {
    let world = World::with_studio();
    world.bench("");
    world.write("bench/.DS_Store", b"x");
    world.write("bench/older/x.jpg", b"x");
    world.write("bench/last.hallmark", b"x");
    std::os::unix::fs::symlink("/etc/hostname", world.path("bench/link.jpg")).unwrap();
    let basics = ["--title", "T", "--metal", "gold", "--fineness", "750"];
    let minted = world.done(&[&["piece", "mint", "--from", "bench"] as &[&str], &basics].concat());
    for name in [".DS_Store", "older", "last.hallmark", "link.jpg"] {
        assert!(minted.out.contains(name), "{name} in {}", minted.out);
    }
}

/// A recipe with an identity mints once; what did not come to a file can be done again.
#[test]
fn an_identity_is_minted_once() {
    let world = World::with_studio();
    let recipe = "id = \"urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab\"\n\
                  title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n";
    world.bench(recipe);
    let mint = ["piece", "mint", "--from", "bench", "--out"];
    // A file that cannot be written leaves the identity free.
    let refused = world.run(&[&mint as &[&str], &["none/piece.hallmark"]].concat());
    assert_eq!(refused.code, Some(1));
    world.done(&[&mint as &[&str], &["piece.hallmark"]].concat());
    let twice = world.run(&[&mint as &[&str], &["twice.hallmark"]].concat());
    twice.refused(1, &["minted before", "piece.toml"]);
    assert!(!world.path("twice.hallmark").exists());
}
