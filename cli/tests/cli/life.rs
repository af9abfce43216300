//! A piece from the bench to its end, by everyone it concerns.

use std::fs::File;

use hallmark_core::{json::Value, key::SigningKey};
use hallmark_vault::provenance::{
    credential::{self, Credential},
    event::{Event, Kind},
    hidden::{Field, Hidden},
    minisign::WriterKey,
    write::{self, Amendment},
};

use crate::{
    golden::Transcript,
    world::{TIDEWATER, World, rng},
};

const PIECE: &str = "piece.hallmark";

#[test]
fn every_kind_of_event() {
    let world = World::minted();
    world.person("buyer");
    world.person("niece");
    world.studio("repairer", "Bench & Loupe", None);
    let photo = format!("{TIDEWATER}/detail.png");
    let mut told = Transcript::in_world(&world);
    let mut done = |args: &[&str]| {
        let run = told.run(args);
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
    };

    done(&[
        "piece",
        "event",
        PIECE,
        "--kind",
        "inspected",
        "--note",
        "Under the loupe",
        "--with",
        &photo,
    ]);
    done(&["piece", "event", PIECE, "--kind", "set", "--stone", "1", "--occurred", "2026-05-03"]);

    done(&["--profile", "buyer", "piece", "offer", PIECE]);
    done(&[
        "piece",
        "event",
        PIECE,
        "--kind",
        "sold",
        "--offer",
        "offer.json",
        "--price",
        "1890.00 EUR",
        "--buyer",
        "A friend",
        "--warranty",
        "Stones stay set for two years",
    ]);
    done(&["--profile", "buyer", "piece", "countersign", PIECE, "draft.json", "--yes"]);
    done(&["piece", "append", PIECE, "draft.json"]);
    done(&["verify", PIECE, "--trust", "studio.pub"]);

    done(&[
        "--profile",
        "repairer",
        "piece",
        "event",
        PIECE,
        "--kind",
        "serviced",
        "--note",
        "Polished",
    ]);
    done(&["--profile", "buyer", "piece", "event", PIECE, "--kind", "stolen", "--days", "30"]);
    let stolen = world.run(&["verify", PIECE, "--trust", "studio.pub"]);
    assert_eq!(stolen.code, Some(7), "{stolen:?}");
    done(&["--profile", "buyer", "piece", "event", PIECE, "--kind", "recovered"]);
    let newer = world.run(&["verify", PIECE, "--trust", "studio.pub"]);
    assert_eq!(newer.code, Some(6), "{newer:?}");
    let unseen = world.run(&["piece", "status", PIECE]);
    unseen.refused(2, &["Event 5, serviced", "note: Polished", "reported stolen", "--stand-by"]);
    done(&["piece", "status", PIECE, "--stand-by"]);

    done(&["--profile", "niece", "piece", "offer", PIECE, "--out", "niece.json"]);
    done(&[
        "--profile",
        "buyer",
        "piece",
        "event",
        PIECE,
        "--kind",
        "transferred",
        "--offer",
        "niece.json",
        "--draft",
        "gift.json",
    ]);
    done(&["--profile", "niece", "piece", "countersign", PIECE, "gift.json", "--yes"]);
    done(&["piece", "countersign", PIECE, "gift.json", "--yes"]);
    done(&["--profile", "niece", "piece", "append", PIECE, "gift.json"]);

    done(&["piece", "offer", PIECE, "--out", "back.json"]);
    let returned = ["--profile", "niece", "piece", "event", PIECE, "--kind", "returned", "--offer"];
    let not_the_studios = world.run(&[&returned as &[&str], &["niece.json", "--force"]].concat());
    not_the_studios.refused(1, &["niece.json", "not the studio's offer"]);
    done(&[&returned as &[&str], &["back.json", "--force"]].concat());
    done(&["piece", "countersign", PIECE, "draft.json", "--yes"]);
    done(&["piece", "append", PIECE, "draft.json"]);
    done(&["piece", "event", PIECE, "--kind", "destroyed", "--note", "Melted down"]);
    let end = told.run(&["verify", PIECE, "--trust", "studio.pub"]);
    assert_eq!(end.code, Some(7), "{end:?}");
    told.holds("life.txt");

    let file = world.sound(PIECE);
    assert_eq!(file.custody().events(), 10);
    assert!(!file.custody().unconfirmed_transfer());
}

/// The studio gives its word, takes it back, and gives it again only when it says so.
#[test]
fn the_word_of_the_studio() {
    let world = World::minted();
    world.studio("other", "Another", None);
    let mut told = Transcript::in_world(&world);
    told.run(&["--profile", "other", "piece", "status", PIECE]).refused(1, &["only the studio"]);
    told.run(&["piece", "status", PIECE, "--days", "10"]);
    told.run(&["piece", "status", PIECE, "--days", "0"]).refused(2, &["--days", "1..=3660"]);
    told.run(&["piece", "status", PIECE, "--revoke", "--reason", "Minted by mistake"]);
    let revoked = told.run(&["verify", PIECE, "--trust", "studio.pub"]);
    assert_eq!(revoked.code, Some(7));
    told.run(&["piece", "status", PIECE]).refused(2, &["revoked", "--reinstate"]);
    told.run(&["piece", "event", PIECE, "--kind", "serviced"]);
    let still = world.run(&["verify", PIECE, "--trust", "studio.pub"]);
    assert_eq!(still.code, Some(7), "an event does not bring a certificate back");
    told.run(&["piece", "status", PIECE, "--reinstate"]);
    told.run(&["piece", "status", PIECE, "--stolen", "--out", "stolen.hallmark"]);
    let stolen = told.run(&["verify", "stolen.hallmark", "--trust", "studio.pub"]);
    assert_eq!(stolen.code, Some(7));
    assert_eq!(world.run(&["verify", PIECE, "--trust", "studio.pub"]).code, Some(0));
    told.holds("status.txt");
}

#[test]
fn an_event_says_what_it_lacks() {
    let world = World::minted();
    world.person("buyer");
    let before = world.read(PIECE);
    let event = |more: &[&str]| world.run(&[&["piece", "event", PIECE, "--kind"], more].concat());
    event(&["sold"]).refused(2, &["offer", "piece offer", "--offer"]);
    event(&["serviced", "--offer", "x.json"])
        .refused(2, &["--offer", "sold, returned or transferred"]);
    event(&["set"]).refused(2, &["--stone 1"]);
    event(&["set", "--stone", "9"]).refused(2, &["1 stones"]);
    event(&["serviced", "--occurred", "3 May"]).refused(2, &["--occurred"]);
    event(&["serviced", "--note", "a\u{7}b"]).refused(2, &["--note"]);
    event(&["serviced", "--price", "a lot"]).refused(2, &["--price", "a lot", "1890.00 EUR"]);
    event(&["serviced", "--with", "gone.jpg"]).refused(1, &["gone.jpg"]);
    event(&["serviced", "--says", "x"]).refused(2, &["--about"]);
    event(&["serviced", "--about", "stones/9", "--says", "x"]).refused(1, &["stones/9"]);
    for days in ["0", "367"] {
        event(&["stolen", "--days", days]).refused(2, &["--days", "1 to 366 days"]);
    }
    let buyer = ["--profile", "buyer", "piece", "event", PIECE, "--kind"];
    let by_buyer = |kind: &str| world.run(&[&buyer as &[&str], &[kind]].concat());
    by_buyer("serviced").refused(1, &["no signing keys", "studio init"]);
    by_buyer("stolen").refused(1, &["only the owner", "this profile"]);
    world.write("changed.hallmark", &{
        let mut bytes = before.clone();
        let at = bytes.windows(3).position(|window| window == [0xff, 0xd8, 0xff]).unwrap();
        bytes[at + 40] ^= 1;
        bytes
    });
    let changed = world.run(&["piece", "event", "changed.hallmark", "--kind", "serviced"]);
    changed.refused(1, &["changed.hallmark does not hold", "media/"]);
    assert_eq!(world.read(PIECE), before);
}

/// T-07: a copy from before a revocation, or from before a theft report, is not made current by the
/// studio that is handed it.
#[test]
fn an_older_copy_takes_nothing_back() {
    let world = World::minted();
    world.person("buyer");
    let keep = |name: &str| std::fs::copy(world.path(PIECE), world.path(name)).unwrap();
    let code = |file: &str| world.run(&["verify", file, "--trust", "studio.pub"]).code;
    let at_work = |file: &str| {
        [
            world.run(&["piece", "event", file, "--kind", "serviced", "--out", "x", "--force"]),
            world.run(&["piece", "status", file, "--out", "x", "--force"]),
        ]
    };
    world.done(&["--profile", "buyer", "piece", "offer", PIECE]);
    world.done(&["piece", "event", PIECE, "--kind", "sold", "--offer", "offer.json"]);
    world.done(&["--profile", "buyer", "piece", "countersign", PIECE, "draft.json", "--yes"]);
    world.done(&["piece", "append", PIECE, "draft.json"]);
    keep("before");
    world.done(&["--profile", "buyer", "piece", "event", PIECE, "--kind", "stolen"]);
    world.done(&["piece", "status", PIECE, "--stand-by"]);
    assert_eq!((code("before"), code(PIECE)), (Some(0), Some(7)));
    for run in at_work("before") {
        run.refused(2, &["older copy", "3 events", "--despite-newer"]);
    }
    world.done(&["--profile", "buyer", "piece", "event", PIECE, "--kind", "recovered"]);
    world.done(&["piece", "status", PIECE, "--stand-by"]);

    keep("before");
    world.done(&["piece", "status", PIECE, "--revoke", "--reason", "counterfeit"]);
    let [event, status] = at_work("before");
    status.refused(2, &["revoked", "--reinstate"]);
    assert_eq!(event.code, Some(0), "{event:?}");
    assert_eq!(code("x"), Some(7), "the event is there, and the certificate stays revoked");
}

/// T-07: taking an older copy back does not make the studio forget the newer one; T-14: nor does
/// writing elsewhere let the same file be continued twice.
#[test]
fn the_memory_of_a_word_does_not_go_back() {
    let world = World::minted();
    let event = |file: &str, out: &str| {
        world.run(&["piece", "event", file, "--kind", "serviced", "--out", out, "--force"])
    };
    assert_eq!(event(PIECE, "two").code, Some(0));
    event(PIECE, "rival").refused(2, &["older copy", "2 events"]);
    assert_eq!(event("two", "three").code, Some(0));
    world.done(&["piece", "status", PIECE, "--revoke", "--out", "revoked"]);
    let back = ["piece", "status", PIECE, "--reinstate", "--out", "x"];
    world.run(&back).refused(2, &["older copy", "3 events"]);
    world.done(&["piece", "status", "three", "--reinstate"]);
}

/// T-23: what others dated ahead or hid is not covered unseen.
#[test]
fn a_word_is_not_given_on_what_is_to_come_or_hidden() {
    let world = World::minted();
    let file = world.sound(PIECE);
    let added = |at: &str, out: &str| {
        let visitor = SigningKey::from_seed(&[30; 32]);
        let mut event = write::next_event(&file, Kind::Serviced, file.custody().next_label());
        let grade = Field { name: "grade".into(), value: "D".into() };
        event.hidden = Some(Hidden::hide(&[grade], &mut rng()).unwrap().0);
        let at = at.parse().unwrap();
        let event = Credential::new(visitor.public(), at, event).sign(&visitor).unwrap();
        let amendment = Amendment { event: Some((event, Vec::new())), ..Amendment::default() };
        let writer = WriterKey::new(SigningKey::from_seed(&[31; 32]));
        let target = File::create(world.path(out)).unwrap();
        let source = File::open(world.path(PIECE)).unwrap();
        write::rewrite(&file, &source, amendment, &writer, target).unwrap();
    };
    added("2099-05-03T12:00:00Z", "ahead");
    world.run(&["piece", "status", "ahead", "--stand-by"]).refused(1, &["2099-05-03", "to come"]);
    let now = &file.status().valid_from.to_string();
    added(now, "hidden");
    world
        .run(&["piece", "status", "hidden"])
        .refused(2, &["It hides 1 of its fields", "--stand-by"]);
}

/// T-23: nobody's event dates the piece's next one.
#[test]
fn what_is_dated_ahead_is_not_signed_or_added() {
    let world = World::minted();
    world.person("buyer");
    world.done(&["--profile", "buyer", "piece", "offer", PIECE]);
    world.done(&["piece", "event", PIECE, "--kind", "sold", "--offer", "offer.json"]);
    let studio = world.store("default").read().studio.as_ref().unwrap().keys().identity;
    let mut draft: Value = serde_json::from_slice(&world.read("draft.json")).unwrap();
    let mut event: Credential<Event> =
        credential::open_value(draft["event"].clone()).unwrap().credential().clone();
    event.valid_from = "2099-05-03T12:00:00Z".parse().unwrap();
    draft["event"] = event.sign(&studio).unwrap();
    world.write("ahead.json", draft.to_string().as_bytes());
    let before = world.read(PIECE);
    for command in ["countersign", "append"] {
        let run = world.run(&["--profile", "buyer", "piece", command, PIECE, "ahead.json"]);
        run.refused(1, &["2099-05-03", "to come"]);
    }
    assert_eq!(world.read(PIECE), before);
}
