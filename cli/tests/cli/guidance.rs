//! What a command says to do next, and what it asks before it does something for good.

use crate::world::World;

const PIECE: &str = "piece.hallmark";

/// A minted piece, sold to a buyer as far as the draft.
fn drafted() -> World {
    let world = World::minted();
    world.person("buyer");
    world.done(&["--profile", "buyer", "piece", "offer", PIECE]);
    let sold = ["piece", "event", PIECE, "--kind", "sold", "--offer", "offer.json", "--price"];
    world.done(&[&sold as &[&str], &["1890.00 EUR"]].concat());
    world
}

/// T-22: without a terminal a buyer says --yes, after everything stood there.
#[test]
fn nothing_is_signed_unseen() {
    let world = drafted();
    let draft = world.read("draft.json");
    let sign = ["--profile", "buyer", "piece", "countersign", PIECE, "draft.json"];
    let print = world.json(&["studio", "show"])["fingerprint"].as_str().unwrap().to_owned();
    let shown = ["\"sold\"", "Tidewater ring", "1890.00 EUR", "Inês Prata", &print, "--yes"];
    world.run(&sign).refused(2, &shown);
    world.run(&[&["--json"] as &[&str], &sign].concat()).refused(2, &["1890.00 EUR", "--yes"]);
    assert_eq!(world.read("draft.json"), draft);
    let signed = world.done(&[&sign as &[&str], &["--yes"]].concat());
    assert!(signed.out.contains("send draft.json back to the studio"), "{signed:?}");
    assert_ne!(world.read("draft.json"), draft);
}

#[test]
fn the_file_goes_round_once_more() {
    let world = drafted();
    world.write("old.hallmark", &world.read(PIECE));
    world.done(&["--profile", "buyer", "piece", "countersign", PIECE, "draft.json", "--yes"]);
    let added = world.done(&["piece", "append", PIECE, "draft.json"]);
    assert!(added.out.contains("give piece.hallmark to the buyer again"), "{added:?}");
    let after = world.read(PIECE);
    world
        .run(&["piece", "append", PIECE, "draft.json"])
        .refused(1, &["already in the file", "sold", "event 2"]);
    assert_eq!(world.read(PIECE), after);

    let disclose = |file: &str, field: &str| {
        let by = ["--profile", "buyer", "piece", "disclose", file, "--field", field];
        world.run(&[&by as &[&str], &["--out", "price"]].concat())
    };
    disclose("old.hallmark", "price").refused(2, &["may end before the sale", "newer one"]);
    assert_eq!(disclose(PIECE, "price").code, Some(0));
    let polished = world.done(&["piece", "event", PIECE, "--kind", "serviced"]);
    assert!(polished.out.contains("give piece.hallmark to the owner again"), "{polished:?}");

    world.person("niece");
    world.done(&["--profile", "niece", "piece", "offer", PIECE]);
    let kind = ["--kind", "transferred", "--offer", "offer.json"];
    let by = ["--profile", "buyer", "piece", "event", PIECE];
    let drafted = world.done(&[&by as &[&str], &kind].concat());
    assert!(drafted.out.contains("Then: the new owner runs"), "{drafted:?}");
    world.done(&["--profile", "niece", "piece", "countersign", PIECE, "draft.json", "--yes"]);
    let confirmed = world.done(&["piece", "countersign", PIECE, "draft.json", "--yes"]);
    assert!(confirmed.out.contains("back to the new owner"), "{confirmed:?}");
    let added = world.done(&["--profile", "niece", "piece", "append", PIECE, "draft.json"]);
    assert!(added.out.contains("send piece.hallmark to the studio"), "{added:?}");
}

#[test]
fn a_field_that_is_not_there_names_those_that_are() {
    let world = World::minted();
    let says = ["piece", "event", PIECE, "--kind", "inspected", "--says", "x", "--about"];
    let run = world.run(&[&says as &[&str], &["stones/7"]].concat());
    run.refused(1, &["no field stones/7", "stones/0", "metals/0", "weightMg"]);
}

/// What `piece attest` prints can be pasted as it is.
#[test]
fn a_fresh_id_to_paste() {
    let world = World::with_studio();
    let recipe = "title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n";
    world.bench(recipe);
    let attest = |from: &str| {
        let claim = ["--about", "metals/0", "--says", "Gold", "--strength", "assay"];
        let to = ["--rule", "r", "--out", "lab.json"];
        world.run(&[&["piece", "attest", "--from", from] as &[&str], &claim, &to].concat())
    };
    let refused = attest("bench/");
    refused.refused(2, &["bench/piece.toml needs an id", "id = \"urn:uuid:"]);
    assert!(!refused.err.contains("//piece.toml"), "{refused:?}");
    let line = refused.err.lines().find(|line| line.starts_with("id = ")).unwrap();
    world.bench(&format!("{line}\n{recipe}"));
    assert_eq!(attest("bench/").code, Some(0));
}

#[test]
fn a_domain_is_named_later() {
    let world = World::new();
    world.studio("default", "Rosa", None);
    world.run(&["studio", "domain"]).refused(1, &["no domain", "studio domain --set"]);
    world.run(&["studio", "domain", "--set", "Rosa Example"]).refused(2, &["--set"]);
    let set = world.done(&["studio", "domain", "--set", "rosa.example"]);
    assert!(set.out.contains("https://rosa.example/.well-known/did.json"), "{set:?}");
    assert!(world.done(&["studio", "domain"]).out.contains("did:web:rosa.example"));
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    world.done(&["piece", "mint", "--from", "bench"]);
    assert_eq!(
        world.sound(PIECE).piece().maker.domain.as_ref().unwrap().to_string(),
        "rosa.example"
    );
}

/// The successor's page is what gives the studio's word when its key is given up.
#[test]
fn the_successor_gives_the_word() {
    let world = World::new();
    world.done(&["studio", "init", "--name", "Rosa"]);
    world.bench("title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n");
    world.done(&["piece", "mint", "--from", "bench"]);
    let page = "studio-successor-KEEP-OFFLINE.txt";
    let status = |key: &str| world.run(&["piece", "status", PIECE, "--successor-key", key]);
    let before = world.read(PIECE);
    world.write("other.txt", format!("Secret key: {}\n", "07".repeat(32)).as_bytes());
    world.write("cut.txt", b"Secret key: 0707\n");
    status("other.txt").refused(1, &["other.txt", "not the successor"]);
    status("cut.txt").refused(1, &["cut.txt", "no successor key", "64"]);
    status("studio.pub").refused(1, &["studio.pub", "no successor key"]);
    status("gone.txt").refused(1, &["gone.txt"]);
    assert_eq!(world.read(PIECE), before);
    let given = status(page);
    assert_eq!(given.code, Some(0), "{given:?}");
    assert!(given.out.contains("signed by the successor key"), "{given:?}");
    let verdict = world.done(&["verify", PIECE, "--trust", "studio.pub"]);
    assert!(verdict.out.contains("successor"), "{verdict:?}");
    let own = world.done(&["piece", "status", PIECE]);
    assert!(!own.out.contains("successor"), "{own:?}");
}
