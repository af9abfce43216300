//! `hallmark piece show`, `story`, `export`, `disclose`, `card` and `attest`.

use std::fs;

use crate::{
    golden::Transcript,
    world::{TIDEWATER, World},
};

const PIECE: &str = "piece.hallmark";

#[test]
fn what_a_file_says() {
    let world = World::minted();
    let mut told = Transcript::in_world(&world);
    told.run(&["piece", "show", PIECE]);
    told.run(&["piece", "story", PIECE]);
    told.run(&["piece", "story", PIECE, "--out", "story"]);
    told.run(&["piece", "export", PIECE, "--to", "plain"]);
    told.run(&["piece", "export", PIECE, "--to", "plain"]).refused(1, &["plain is not empty"]);
    told.run(&["piece", "card", PIECE, "--out", "card.svg"]);
    told.holds("read.txt");

    let story: Vec<String> = ["01.md", "02.mp3", "03.jpg"].map(str::to_owned).into();
    let mut found: Vec<String> = fs::read_dir(world.path("story"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, story, "in the maker's order");
    let json = world.json(&["piece", "show", PIECE]);
    assert_eq!(json["piece"]["title"], "Tidewater ring");
    assert!(json["status"]["status"] == "current" && json["events"].as_array().unwrap().len() == 1);
    let svg = String::from_utf8(world.read("card.svg")).unwrap();
    let card = world.json(&["piece", "card", PIECE])["card"].as_str().unwrap().to_owned();
    assert!(
        svg.starts_with("<svg")
            && svg.contains("Tidewater ring")
            && card.starts_with("HALLMARK:1:")
    );
}

/// T-03: everything that is unpacked lies in the folder named, under its own plain name.
#[test]
fn an_export_is_every_entry_and_nothing_else() {
    let world = World::minted();
    world.done(&["piece", "export", PIECE, "--to", "plain"]);
    let file = world.sound(PIECE);
    let before: Vec<_> = file.entries().iter().map(|e| world.path("plain").join(&e.name)).collect();
    assert!(before.iter().all(|path| path.is_file()));
    let unpacked = world.snapshot().into_iter().filter(|(p, _)| p.starts_with(world.path("plain")));
    assert_eq!(unpacked.count(), before.len());
    fs::write(world.path("occupied"), b"").unwrap();
    world.run(&["piece", "export", PIECE, "--to", "occupied"]).refused(1, &["occupied is a file"]);
    world.run(&["piece", "story", PIECE, "--out", "plain"]).refused(1, &["plain is not empty"]);
}

/// T-13: one hidden field is shown, the other stays hidden, and only its holder can show it.
#[test]
fn a_hidden_field_is_disclosed_alone() {
    let world = World::minted();
    world.person("stranger");
    world.done(&["piece", "mint", "--from", TIDEWATER, "--out", "other.hallmark"]);
    let mut told = Transcript::in_world(&world);
    told.run(&["piece", "disclose", PIECE, "--field", "price", "--out", "price.txt"]);
    let shown = told.run(&["verify", PIECE, "--trust", "studio.pub", "--disclosure", "price.txt"]);
    assert!(shown.out.contains("1890.00 EUR") && !shown.out.contains("A friend of the house"));
    assert!(shown.out.contains("Hidden fields that stay hidden: 1"), "{}", shown.out);
    let elsewhere =
        ["verify", "other.hallmark", "--trust", "studio.pub", "--disclosure", "price.txt"];
    let elsewhere = told.run(&elsewhere);
    assert!(
        elsewhere.out.contains("opens nothing in this file") && !elsewhere.out.contains("1890.00")
    );
    told.run(&["piece", "disclose", PIECE, "--field", "weight", "--out", "x"])
        .refused(2, &["--field is one of", "commissioned_by", "price"]);
    told.run(&[
        "--profile",
        "stranger",
        "piece",
        "disclose",
        PIECE,
        "--field",
        "price",
        "--out",
        "x",
    ])
    .refused(1, &["knows nothing hidden"]);
    told.holds("disclose.txt");
    assert!(!world.path("x").exists());
    let plain = String::from_utf8_lossy(&world.read(PIECE)).into_owned();
    assert!(
        !plain.contains("189000")
            && !plain.contains("1890.00")
            && !plain.contains("A friend of the house")
    );
}

/// T-09: a card is printed by the studio itself, not by whoever has its file.
#[test]
fn only_the_studio_prints_its_card() {
    let world = World::minted();
    world.studio("other", "Inês Prata", None);
    let refused = world.run(&["--profile", "other", "piece", "card", PIECE, "--out", "card.svg"]);
    refused.refused(1, &["piece.hallmark", "another studio"]);
    world.person("buyer");
    let refused = world.run(&["--profile", "buyer", "piece", "card", PIECE]);
    refused.refused(1, &["no signing keys"]);
    assert!(!world.path("card.svg").exists());
}

/// T-10: a claim is a laboratory's only where the laboratory signed it and the reader pinned it as
/// one.
#[test]
fn a_laboratory_signs_its_claim() {
    let world = World::with_studio();
    world.studio("lab", "Sample Stone Laboratory", None);
    let id = "id = \"urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab\"\n";
    let recipe = fs::read_to_string(format!("{TIDEWATER}/piece.toml")).unwrap();
    for file in fs::read_dir(TIDEWATER).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        world.write(&format!("bench/{name}"), &fs::read(file.path()).unwrap());
    }
    let attest = [
        "--profile",
        "lab",
        "piece",
        "attest",
        "--from",
        "bench",
        "--about",
        "stones/0",
        "--says",
        "laboratory-grown diamond, 0.31 ct",
        "--strength",
        "lab",
        "--rule",
        "ISO 18323",
        "--out",
        "bench/lab.json",
    ];
    let mut told = Transcript::in_world(&world);
    told.run(&attest).refused(2, &["piece.toml needs an id", "urn:uuid"]);
    world.write("bench/piece.toml", format!("{id}{recipe}").as_bytes());
    let signed = told.run(&attest);
    assert_eq!(signed.code, Some(0), "{signed:?}");
    let claim = "\n[[claim]]\nsigned = \"lab.json\"\n";
    world.write("bench/piece.toml", format!("{id}{recipe}{claim}").as_bytes());
    let minted = told.run(&["piece", "mint", "--from", "bench"]);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let says = |world: &World| {
        let json = world.json(&["verify", PIECE, "--trust", "studio.pub"]);
        let claims = json["claims"].as_array().unwrap().clone();
        claims.into_iter().find(|claim| claim["about"] == "stones/0").unwrap()
    };
    assert_eq!(says(&world)["strength"], "self-declared (says laboratory)");
    told.run(&["trust", "add", "--file", "lab.pub", "--role", "lab"]);
    assert_eq!(says(&world)["strength"], "laboratory");
    told.run(&["verify", PIECE, "--trust", "studio.pub"]);
    told.holds("attest.txt");

    // The same signature over another stone is no signature.
    let changed = format!(
        "{id}{}{claim}",
        recipe.replace("carat_thousandths = 310", "carat_thousandths = 999")
    )
    .replace("0123456789ab", "0123456789ac");
    world.write("bench/piece.toml", changed.as_bytes());
    let refused = world.run(&["piece", "mint", "--from", "bench", "--out", "forged.hallmark"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(!world.path("forged.hallmark").exists());
}
