//! Offers and drafts that should not be signed.

use hallmark_core::{id::Label, json::Value};
use hallmark_vault::provenance::{
    credential::{self, Credential},
    event::Event,
    write::copy_entry,
};
use serde_json::json;

use crate::world::{TIDEWATER, World};

const PIECE: &str = "piece.hallmark";

/// A minted piece, a buyer with an offer for it, and another piece.
fn market() -> World {
    let world = World::minted();
    world.person("buyer");
    world.person("stranger");
    world.done(&["piece", "mint", "--from", TIDEWATER, "--out", "other.hallmark"]);
    world.done(&["--profile", "buyer", "piece", "offer", PIECE]);
    world
}

fn sell(world: &World, offer: &str) -> crate::world::Run {
    world.run(&["piece", "event", PIECE, "--kind", "sold", "--offer", offer])
}

fn edit(world: &World, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let mut json: Value = serde_json::from_slice(&world.read(from)).unwrap();
    change(&mut json);
    world.write(to, json.to_string().as_bytes());
}

/// T-22: an offer counts for its own piece, from the one who holds its key.
#[test]
fn offers_that_are_none() {
    let world = market();
    let before = world.read(PIECE);
    world.done(&["--profile", "buyer", "piece", "offer", "other.hallmark", "--out", "other.json"]);
    sell(&world, "other.json").refused(1, &["other.json", "offer for another piece"]);
    let theirs: Value = serde_json::from_slice(&world.read("other.json")).unwrap();
    edit(&world, "offer.json", "stranger.json", |offer| offer["owner"] = theirs["owner"].clone());
    sell(&world, "stranger.json").refused(1, &["stranger.json", "not signed by the key it offers"]);
    edit(&world, "offer.json", "cut.json", |offer| {
        offer.as_object_mut().unwrap().remove("signature");
    });
    for not_one in ["cut.json", "passphrase", PIECE] {
        sell(&world, not_one).refused(1, &[not_one, "not an offer"]);
    }
    sell(&world, "gone.json").refused(1, &["cannot read gone.json"]);
    assert_eq!(world.read(PIECE), before);
    assert!(!world.path("draft.json").exists(), "nothing was signed");
}

/// T-22: a draft is signed by whom it names, for the file as it is, with what its offer gave.
#[test]
fn drafts_that_are_not_to_be_signed() {
    let world = market();
    assert_eq!(sell(&world, "offer.json").code, Some(0));
    let before = world.read(PIECE);
    let sign = |profile: &str, file: &str, draft: &str| {
        world.run(&["--profile", profile, "piece", "countersign", file, draft, "--yes"])
    };
    sign("stranger", PIECE, "draft.json").refused(1, &["somebody else's signature"]);
    sign("default", PIECE, "draft.json").refused(1, &["somebody else's signature"]);
    sign("buyer", "other.hallmark", "draft.json").refused(1, &["does not continue this file"]);
    sign("buyer", PIECE, "offer.json").refused(1, &["offer.json", "not a draft"]);
    edit(&world, "draft.json", "price.json", |draft| {
        draft["event"]["credentialSubject"]["note"] = "something else".into();
    });
    sign("buyer", PIECE, "price.json").refused(1, &["price.json"]);
    edit(&world, "draft.json", "opening.json", |draft| {
        draft["disclosures"] =
            serde_json::json!(["WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUEiLCJwcmljZSIsMV0"]);
    });
    sign("buyer", PIECE, "opening.json").refused(1, &["opening.json", "do not sign it"]);
    let append = |draft: &str| world.run(&["piece", "append", PIECE, draft]);
    append("draft.json").refused(1, &["sold"]);
    assert_eq!(world.read(PIECE), before);

    // Signed, and then the chain moved on: the draft is for a state of it that is gone.
    assert_eq!(sign("buyer", PIECE, "draft.json").code, Some(0));
    sign("buyer", PIECE, "draft.json").refused(1, &["needs no further signature"]);
    world.done(&["piece", "event", PIECE, "--kind", "serviced"]);
    let moved = world.read(PIECE);
    let stale = append("draft.json");
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(stale.err.contains("event"), "{stale:?}");
    sign("buyer", PIECE, "draft.json").refused(1, &["does not continue this file"]);
    assert_eq!(world.read(PIECE), moved);
}

/// T-22: a studio that signs a sale with a place of its own choosing, or with a field it does not
/// show, gets no signature for it.
#[test]
fn a_studio_cannot_slip_something_into_a_sale() {
    let world = market();
    world.done(&[
        "piece",
        "event",
        PIECE,
        "--kind",
        "sold",
        "--offer",
        "offer.json",
        "--price",
        "5 EUR",
    ]);
    let studio = world.store("default").read().studio.as_ref().unwrap().keys().identity;
    let resigned = |to: &str, change: &dyn Fn(&mut Value)| {
        edit(&world, "draft.json", to, |draft| {
            let mut event: Credential<Event> =
                credential::open_value(draft["event"].clone()).unwrap().credential().clone();
            let mut subject = serde_json::to_value(&event.credential_subject).unwrap();
            change(&mut subject);
            event.credential_subject = serde_json::from_value(subject).unwrap();
            draft["event"] = event.sign(&studio).unwrap();
        });
        world.run(&["--profile", "buyer", "piece", "countersign", PIECE, to, "--yes"])
    };
    resigned("place.json", &|event| {
        event["nextLabel"] = Label::from_bytes([9; 32]).to_string().into()
    })
    .refused(1, &["the place that your offer gave", "do not sign it"]);
    edit(&world, "draft.json", "closed.json", |draft| draft["disclosures"] = json!([]));
    world
        .run(&["--profile", "buyer", "piece", "countersign", PIECE, "closed.json", "--yes"])
        .refused(1, &["closed.json", "does not show you", "do not sign it"]);
    assert_eq!(resigned("same.json", &|_| ()).code, Some(0), "the control");
}

/// T-22: who signs sees every word of it, and a return leaves the next word with the studio.
#[test]
fn every_word_of_a_draft_is_shown() {
    let world = market();
    world.done(&[
        "piece",
        "event",
        PIECE,
        "--kind",
        "sold",
        "--offer",
        "offer.json",
        "--warranty",
        "Two years",
    ]);
    let studio = world.store("default").read().studio.as_ref().unwrap().keys().identity;
    let with = |to: &str, name: &str, value: Value| {
        edit(&world, "draft.json", to, |draft| {
            let mut event: Credential<Event> =
                credential::open_value(draft["event"].clone()).unwrap().credential().clone();
            let mut subject = serde_json::to_value(&event.credential_subject).unwrap();
            subject[name] = value;
            event.credential_subject = serde_json::from_value(subject).unwrap();
            draft["event"] = event.sign(&studio).unwrap();
        });
        world.run(&["--profile", "buyer", "piece", "countersign", PIECE, to, "--yes"])
    };
    let warranty = json!([{
        "system": "SoW", "statement": "Conflict free", "date": "2026-05-03",
        "invoice": "No 12 for Anna M."
    }]);
    let shown = with("warranty.json", "warranties", warranty);
    for word in ["SoW", "Conflict free", "2026-05-03", "No 12 for Anna M."] {
        assert!(shown.out.contains(word), "{word} in {}", shown.out);
    }
    let note = format!("{}The buyer waives every right.", "As described. ".repeat(60));
    let long = with("long.json", "note", note.into());
    assert!(long.out.contains("waives every right"), "nothing is cut: {}", long.out);
    let part = json!([{
        "path": "notes/900.txt", "sha256": "00".repeat(32), "size": 1, "type": "text/plain",
        "role": "note", "metadata": {"outcome": "clean"}
    }]);
    with("part.json", "parts", part).refused(1, &["part.json", "adds files", "do not sign it"]);
    let label = Label::from_bytes([8; 32]).to_string().into();
    with("label.json", "label", label).refused(1, &["does not fit this file", "do not sign it"]);
}

/// T-22: what a draft hides is shown to the one who signs, who can show it to others later.
#[test]
fn hidden_fields_are_shown_before_they_are_signed() {
    let world = market();
    world.done(&[
        "piece",
        "event",
        PIECE,
        "--kind",
        "sold",
        "--offer",
        "offer.json",
        "--price",
        "1890.00 EUR",
        "--note",
        "With its box",
    ]);
    let signed =
        world.done(&["--profile", "buyer", "piece", "countersign", PIECE, "draft.json", "--yes"]);
    for shown in ["price", "1890.00 EUR", "With its box"] {
        assert!(signed.out.contains(shown), "{shown} in {}", signed.out);
    }
    world.done(&["piece", "append", PIECE, "draft.json"]);
    let bytes = world.read(PIECE);
    assert!(!bytes.windows(6).any(|window| window == b"189000"), "the price is in no file");
    world.done(&[
        "--profile",
        "buyer",
        "piece",
        "disclose",
        PIECE,
        "--field",
        "price",
        "--out",
        "p",
    ]);
    let shown = world.done(&["verify", PIECE, "--trust", "studio.pub", "--disclosure", "p"]);
    assert!(shown.out.contains("1890.00 EUR"), "{}", shown.out);
}

/// T-21: two pieces of one owner share no key, neither for events nor for the bytes.
#[test]
fn two_pieces_of_one_owner_share_no_key() {
    let world = market();
    for (file, offer) in [(PIECE, "a.json"), ("other.hallmark", "b.json")] {
        world.done(&["--profile", "buyer", "piece", "offer", file, "--out", offer]);
        let draft = &format!("draft-{offer}");
        world.done(&["piece", "event", file, "--kind", "sold", "--offer", offer, "--draft", draft]);
        world.done(&["--profile", "buyer", "piece", "countersign", file, draft, "--yes"]);
        world.done(&["--profile", "buyer", "piece", "append", file, draft]);
    }
    let (one, other) = (world.sound(PIECE), world.sound("other.hallmark"));
    assert_ne!(one.custody().owner(), other.custody().owner());
    // The second line of a minisign signature begins with the id of its key.
    let writer = |name: &str| -> String {
        let (file, bytes) = (world.sound(name), world.read(name));
        let mut minisig = Vec::new();
        copy_entry(&file, bytes.as_slice(), "SHA256SUMS.minisig", &mut minisig).unwrap();
        let line = String::from_utf8(minisig).unwrap().lines().nth(1).unwrap().to_owned();
        line[..13].to_owned()
    };
    assert_ne!(writer(PIECE), writer("other.hallmark"));
}
