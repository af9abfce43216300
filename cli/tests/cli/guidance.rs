//! What a command says to do next, and what it asks before it does something for good.

use crate::world::{SUCCESSOR, World};

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
    world.done(&["--profile", "niece", "piece", "offer", PIECE, "--force"]);
    let kind = ["--kind", "transferred", "--offer", "offer.json", "--force"];
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
    let page = SUCCESSOR;
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
    assert!(!own.out.contains("by the successor"), "{own:?}");
}

const BAND: &str = "title = \"T\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n";

/// T-16: what stays in a file comes first where it matters, with the way out.
#[test]
fn what_a_kept_file_tells_is_listed_with_the_way_out() {
    let world = World::with_studio();
    world.bench(BAND);
    world.signed_photograph("bench/signed.jpg");
    let minted = world.done(&["piece", "mint", "--from", "bench"]);
    let told = &minted.out[minted.out.find("STILL REVEALS:").unwrap()..];
    let lines: Vec<&str> = told.lines().map(str::trim).collect();
    assert!(lines[1].starts_with("the place") && lines[2].starts_with("the place"), "{told}");
    assert!(lines[3].starts_with("the serial number"), "{told}");
    let out =
        "To avoid this: export the photograph again without Content Credentials, and mint again";
    assert!(lines.join(" ").contains(out), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{minted:?}");
    let kept = ["piece", "mint", "--from", "bench", "--keep-metadata", "--out", "kept.hallmark"];
    let kept = world.done(&kept);
    assert!(kept.out.contains("mint again without --keep-metadata"), "{kept:?}");
}

#[test]
fn a_metal_and_a_weight_that_are_hardly_meant_are_noted() {
    let world = World::with_studio();
    world.bench(BAND);
    let mint = |more: &[&str]| {
        let from = ["piece", "mint", "--from", "bench", "--force"];
        world.done(&[&from as &[&str], more].concat()).out
    };
    assert!(!mint(&[]).contains("Note:"));
    let odd = mint(&["--metal", "unobtainium", "--fineness", "750", "--grams", "5000,001"]);
    for word in ["Note: unobtainium is no metal", "Note: 5000 g is more than 5 kg"] {
        assert!(odd.contains(word), "{odd}");
    }
}

/// A file that is damaged names the flag that takes it as it is.
#[test]
fn a_damaged_photograph_names_the_way_round() {
    let world = World::with_studio();
    world.bench(BAND);
    world.write("bench/broken.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\x10\0meta");
    let mint = ["piece", "mint", "--from", "bench"];
    world.run(&mint).refused(1, &["broken.heic", "--keep-metadata", "damaged"]);
    world.done(&[&mint as &[&str], &["--keep-metadata"]].concat());
}

/// A price is taken as people write it, where it can be read in one way.
#[test]
fn prices_as_people_write_them() {
    let world = World::minted();
    world.person("buyer");
    world.done(&["--profile", "buyer", "piece", "offer", PIECE]);
    let sell = |price: &str| {
        let sold = ["piece", "event", PIECE, "--kind", "sold", "--offer", "offer.json", "--price"];
        world.run(&[&sold as &[&str], &[price, "--force"]].concat())
    };
    sell("1890").refused(2, &["--price", "currency"]);
    sell("1.890 EUR").refused(2, &["--price", "two places"]);
    for price in ["1.890,00 €", "1890,00 EUR", "EUR 1890.00", "1890.00 eur", "1 890,00 EUR"] {
        assert_eq!(sell(price).code, Some(0), "{price}");
        let sign = ["--profile", "buyer", "piece", "countersign", PIECE, "draft.json"];
        world.run(&sign).refused(2, &["1890.00 EUR"]);
    }
}

/// Our own other files are known by sight, and stay what they are: no provenance files.
#[test]
fn our_other_files_are_recognised() {
    let world = World::minted();
    world.done(&["piece", "card", PIECE, "--out", "card.svg"]);
    let card = String::from_utf8(world.read("card.svg")).unwrap();
    let text = world.json(&["piece", "card", PIECE])["card"].as_str().unwrap().to_owned();
    assert!(card.contains(&format!(">{text}</text>")) && card.contains("--fingerprint"), "{card}");
    for (file, word) in [
        ("studio.pub", "--trust"),
        ("card.svg", "trust add --card"),
        ("home/default/state.hallmark", "this is a profile"),
    ] {
        let run = world.run(&["verify", file]);
        assert_eq!(run.code, Some(4), "{run:?}");
        assert!(run.out.contains(word), "{word} in {}", run.out);
    }
    world.write("letter.txt", b"A letter.\n");
    assert!(!world.run(&["verify", "letter.txt"]).out.contains("Note: this is"));
}

#[test]
fn wrong_usage_is_json_where_json_is_asked_for() {
    let world = World::new();
    for args in [&["verify"] as &[&str], &["no-such"], &["piece", "mint", "--fineness", "18k"]] {
        let json = world.json(args);
        assert_eq!(json["exitCode"], 2, "{json}");
        assert!(json["error"].as_str().unwrap().contains("--help"), "{json}");
    }
    assert_eq!(world.run(&["--json", "verify", "--help"]).code, Some(0));
}
