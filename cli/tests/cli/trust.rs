//! `hallmark trust`.

use crate::{
    golden::Transcript,
    world::{TIDEWATER, World},
};

const PIECE: &str = "piece.hallmark";

#[test]
fn from_a_file_a_card_and_a_fingerprint() {
    let world = World::minted();
    for reader in ["file", "card", "typed"] {
        world.person(reader);
    }
    let card = world.json(&["piece", "card", PIECE])["card"].as_str().unwrap().to_owned();
    let print = world.json(&["studio", "show"])["fingerprint"].as_str().unwrap().to_owned();
    let typed = print.to_lowercase().replace('-', " ");
    let mut told = Transcript::in_world(&world);
    let mut trusted = |profile: &str, args: &[&str], label: &str| {
        assert_eq!(world.run(&["--profile", profile, "verify", PIECE]).code, Some(5));
        let add = told.run(&[&["--profile", profile, "trust", "add"], args].concat());
        assert_eq!(add.code, Some(0), "{add:?}");
        told.run(&["--profile", profile, "trust", "list"]);
        let verdict = world.run(&["--profile", profile, "verify", PIECE]);
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
        assert!(verdict.out.contains(label), "{label} in {}", verdict.out);
    };
    trusted("file", &["--file", "studio.pub"], "from its .pub file");
    trusted("card", &["--card", &card, "--name", "Inês"], "from the card in the box");
    trusted("typed", &["--fingerprint", &print, "--name", "Inês"], "typed in by hand");
    world.done(&["--profile", "typed", "trust", "remove", "Inês"]);
    world.done(&["--profile", "typed", "trust", "add", "--fingerprint", &typed, "--name", "Inês"]);
    told.run(&["--profile", "file", "trust", "add", "--file", "studio.pub"])
        .refused(1, &["trusted already, as Inês Prata"]);
    told.run(&["--json", "--profile", "card", "trust", "list"]);
    told.run(&["--profile", "card", "trust", "remove", "Nobody"]).refused(1, &["trust list"]);
    told.run(&["--profile", "card", "trust", "remove", "Inês"]);
    told.run(&["--profile", "card", "trust", "list"]);
    told.holds("trust.txt");
    assert_eq!(world.run(&["--profile", "card", "verify", PIECE]).code, Some(5));
}

#[test]
fn what_names_no_key_is_refused_and_nothing_is_remembered() {
    let world = World::minted();
    let before = std::fs::read(world.state_file()).unwrap();
    let add = |more: &[&str]| world.run(&[&["trust", "add"], more].concat());
    let print = world.json(&["studio", "show"])["fingerprint"].as_str().unwrap().to_owned();
    world.write("plain.pub", b"untrusted comment: minisign public key 1\nRWQ1\n");
    add(&["--file", "plain.pub"]).refused(1, &["plain.pub", "did:key"]);
    add(&["--file", "gone.pub"]).refused(1, &["gone.pub"]);
    add(&["--card", "HALLMARK:1:x:y", "--name", "x"]).refused(2, &["--card", "HALLMARK:1:"]);
    let card = |text: &str, word: &str| {
        let words = ["--card", word, "--fingerprint"];
        add(&["--card", text, "--name", "x"]).refused(2, &words);
    };
    card("HALLMARK:1:x:y", "too short, with 14 of 80");
    card(&format!("HALLMARK:1:{}", "x".repeat(69)), "letters or figures");
    card(&format!("HALLMARK:1:{}", "x".repeat(90)), "too long");
    card("hello", "begins with HALLMARK:1:");
    add(&["--fingerprint", "ABCD", "--name", "x"]).refused(2, &["--fingerprint", "eight groups"]);
    add(&["--fingerprint", &print]).refused(2, &["--name"]);
    add(&["--fingerprint", &print, "--name", "a\nb\u{1b}[31m"]).refused(2, &["--name"]);
    add(&["--domain", "UPPER.example", "--key", "did:key:z6Mk"]).refused(2, &["--domain"]);
    add(&["--domain", "rosa.example", "--key", "did:key:z6Mk"]).refused(2, &["--key"]);
    assert_eq!(std::fs::read(world.state_file()).unwrap(), before);
}

/// T-09: a key pinned as a laboratory's does not make a studio's file trusted.
#[test]
fn a_role_is_what_a_key_is_trusted_for() {
    let world = World::minted();
    world.done(&["trust", "add", "--file", "studio.pub", "--role", "lab"]);
    assert_eq!(world.run(&["verify", PIECE]).code, Some(5));
    // Trusting it for one run, as a studio, is said and done.
    assert_eq!(world.run(&["verify", PIECE, "--trust", "studio.pub"]).code, Some(0));
    assert_eq!(world.run(&["verify", PIECE]).code, Some(5));
}

/// T-09: a forged studio of the same name stays unknown to the one who pinned the real one.
#[test]
fn a_forged_studio_stays_unknown() {
    let world = World::minted();
    world.done(&["trust", "add", "--file", "studio.pub"]);
    world.studio("forger", "Inês Prata", Some("ines.example"));
    let mint =
        ["--profile", "forger", "piece", "mint", "--from", TIDEWATER, "--out", "forged.hallmark"];
    world.done(&mint);
    let forged = world.run(&["verify", "forged.hallmark"]);
    assert_eq!(forged.code, Some(5), "{forged:?}");
    assert!(forged.out.contains("SIGNER     unchecked: Says it is ines.example, not checked."));
}

/// T-09: a card vouches for the piece it names; with another piece of that studio the verdict says so.
#[test]
fn a_card_of_another_piece_is_told() {
    let world = World::minted();
    world.done(&["piece", "mint", "--from", TIDEWATER, "--out", "other.hallmark"]);
    world.person("buyer");
    let card = |file: &str| {
        let card = world.json(&["piece", "card", file]);
        card["card"].as_str().unwrap().to_owned()
    };
    let pin = |card: &str| {
        world.done(&["--profile", "buyer", "trust", "add", "--card", card, "--name", "Inês"])
    };
    pin(&card("other.hallmark"));
    let verify = || world.done(&["--profile", "buyer", "verify", PIECE]).out;
    assert!(verify().contains("a card that belongs to another piece"), "{}", verify());
    pin(&card(PIECE));
    assert!(verify().contains("from the card in the box"), "{}", verify());
}
