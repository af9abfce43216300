//! Events and status: cut, mixed, forked, old.

use hallmark_core::{hash::Sha256, id::PieceId};
use hallmark_vault::provenance::{Outcome, event::Kind, piece::Piece, status::Standing};

use super::{malformed, refused, tampered};
use crate::{
    fixture::*,
    forge::*,
    life::{append, restatus},
};

/// Another piece by the same studio, with two events like [`with_two_events`].
fn another_piece() -> Loose {
    let other = Piece { id: PieceId::generate(&mut rng(9)), ..piece() };
    let bytes = append(&minted_by(&studio(), other), Kind::Serviced, &[&key(1)]).unwrap();
    Loose::of(&restatus(&bytes, Standing::Current, 180))
}

/// T-14: an event lent by another piece of the same studio.
#[test]
fn an_event_of_another_piece_is_refused() {
    let other = another_piece();
    for name in [EVENT_1, EVENT_2] {
        let mut loose = with_two_events();
        tampered(name, &loose.set(name, other.bytes(name)).sealed(), &["other-piece"]);
    }
    // under this piece's name it would need the studio's signature
    let mut renamed = with_two_events();
    let mut event = other.json(EVENT_2);
    event["credentialSubject"]["id"] = piece_id().to_string().into();
    tampered("renamed", &renamed.set_json(EVENT_2, &event).sealed(), &["signature"]);
}

/// T-14: events out of order, or not the first ones.
#[test]
fn reordered_and_left_out_events_are_refused() {
    let mut reordered = with_two_events();
    let (first, second) = (reordered.bytes(EVENT_1).to_vec(), reordered.bytes(EVENT_2).to_vec());
    tampered(
        "reordered",
        &reordered.set(EVENT_1, &second).set(EVENT_2, &first).sealed(),
        &["chain-broken"],
    );
    let mut left_out = with_two_events();
    left_out.remove(EVENT_2).set(EVENT_1, &second);
    tampered("the first left out", &left_out.sealed(), &["chain-broken"]);
    let mut gap = with_two_events();
    let at = gap.at(EVENT_1);
    gap.0.remove(at);
    malformed("no first event", &gap.sealed(), &["missing-entry", "unlisted-entry", "cut-tail"]);
    let mut twice = with_two_events();
    twice.insert_before(STATUS, "events/0003.json", &second);
    tampered("an event twice", &twice.sealed(), &["chain-forked"]);
}

/// T-14: two events on the same predecessor, in one file whose sums and signatures all fit.
#[test]
fn a_forked_chain_is_refused() {
    let bytes = minted();
    let branches = [Kind::Serviced, Kind::Inspected, Kind::ReportedStolen]
        .map(|kind| Loose::of(&append(&bytes, kind, &[&key(1)]).unwrap()).bytes(EVENT_2).to_vec());
    for (i, left) in branches.iter().enumerate() {
        for right in branches.iter().skip(i + 1) {
            for (a, b) in [(left, right), (right, left)] {
                let mut forked = with_two_events();
                forked.set(EVENT_2, a).insert_before(STATUS, "events/0003.json", b);
                tampered(i, &forked.sealed(), &["chain-forked"]);
                // the forger, being the studio, also gives it the place and the label it stands at
                let label = forked.json(EVENT_2)["credentialSubject"]["nextLabel"].clone();
                forked.resign("events/0003.json", &[&key(1)], |event| {
                    event["credentialSubject"]["sequence"] = 3.into();
                    event["credentialSubject"]["label"] = label;
                    event["credentialSubject"]["nextLabel"] =
                        crate::fixture::label(200).to_string().into();
                });
                tampered(i, &forked.sealed(), &["chain-forked"]);
            }
        }
    }
    // a second `made` beside the first
    let mut made = Loose::minted();
    let second = made.bytes(EVENT_1).to_vec();
    tampered(
        "made twice",
        &made.insert_before(STATUS, EVENT_2, second).sealed(),
        &["chain-forked"],
    );
}

/// T-14: each link by itself: predecessor, place, label, time.
#[test]
fn every_link_of_an_event_is_compared() {
    for (field, value) in [
        ("previous", Sha256::of(b"elsewhere").to_string().into()),
        ("sequence", 3.into()),
        ("sequence", 0.into()),
        ("label", label(7).to_string().into()),
    ] {
        let value: serde_json::Value = value;
        let mut loose = with_two_events();
        loose.resign(EVENT_2, &[&key(1)], |event| event["credentialSubject"][field] = value);
        tampered(field, &loose.sealed(), &["chain-broken"]);
    }
    let mut same = with_two_events();
    same.resign(EVENT_2, &[&key(1)], |event| {
        event["credentialSubject"]["nextLabel"] = event["credentialSubject"]["label"].clone();
    });
    tampered("next label is its own", &same.sealed(), &["chain-broken"]);
    let mut earlier = with_two_events();
    earlier.resign(EVENT_2, &[&key(1)], |event| event["validFrom"] = "2026-05-03T11:59:59Z".into());
    tampered("before the one before", &earlier.sealed(), &["chain-broken"]);
}

/// T-07: the end of a chain cannot be cut off while the studio's word on it is there.
#[test]
fn a_cut_tail_is_told_from_a_current_file() {
    let mut cut = with_two_events();
    tampered("cut", &cut.remove(EVENT_2).sealed(), &["cut-tail"]);
    // the cutter puts another last event in its place
    let mut replaced = with_two_events();
    let other =
        Loose::of(&append(&minted(), Kind::Inspected, &[&key(1)]).unwrap()).bytes(EVENT_2).to_vec();
    tampered("replaced", &replaced.set(EVENT_2, other).sealed(), &["status-head"]);
}

/// T-07: the word the studio gave of an earlier state does not make a later one current.
#[test]
fn the_status_of_an_older_state_is_stale() {
    let mut old = with_two_events();
    let bytes = old.set(STATUS, Loose::minted().bytes(STATUS)).sealed();
    refused("an older status", &bytes, &[], Outcome::Stale);
    let shown = verdict(&bytes, &pins(&[key(1).public()]), LATER);
    assert_eq!(shown.freshness.state.name(), "newer-events");
    // and one of no event at all is a word on the manifest alone
    let mut none = Loose::minted();
    let manifest = Sha256::of(none.bytes(MANIFEST)).to_string();
    none.resign(STATUS, &[&key(1)], |status| {
        status["credentialSubject"]["events"] = 0.into();
        status["credentialSubject"]["head"] = manifest.into();
    });
    refused("a status of no events", &none.sealed(), &[], Outcome::Stale);
}

/// T-07: a status without an end has ended.
#[test]
fn a_status_must_say_until_when_it_counts() {
    let mut endless = Loose::minted();
    endless.resign(STATUS, &[&key(1)], |status| {
        status.as_object_mut().unwrap().remove("validUntil");
    });
    refused("no end", &endless.sealed(), &[], Outcome::Stale);
}

/// T-07: the studio's word on another piece, or on another manifest of this one, says nothing here.
#[test]
fn the_status_of_another_piece_is_refused() {
    let bytes = with_two_events().set(STATUS, another_piece().bytes(STATUS)).sealed();
    tampered("another piece", &bytes, &["status-elsewhere", "status-head"]);
    for (field, value, codes) in [
        ("id", PieceId::generate(&mut rng(9)).to_string(), &["status-elsewhere"][..]),
        ("manifest", Sha256::of(b"another").to_string(), &["status-elsewhere"]),
        ("head", Sha256::of(b"another").to_string(), &["status-head"]),
    ] {
        let mut loose = Loose::minted();
        loose.resign(STATUS, &[&key(1)], |status| {
            status["credentialSubject"][field] = value.into();
        });
        tampered(field, &loose.sealed(), codes);
    }
    let mut many = Loose::minted();
    many.resign(STATUS, &[&key(1)], |status| {
        status["credentialSubject"]["events"] = u32::MAX.into();
    });
    tampered("of more events than there can be", &many.sealed(), &["cut-tail"]);
}

/// T-07: only the studio gives its word.
#[test]
fn a_status_by_anybody_else_is_refused() {
    let mut owner = Loose::minted();
    owner.resign(STATUS, &[&key(2)], |status| {
        status["issuer"] = key(2).public().to_string().into();
    });
    tampered("by another", &owner.sealed(), &["status-signer"]);
}

/// T-06: a report dated ahead does not count before its date, so no report outlasts a year by
/// being dated into the far future.
#[test]
fn a_theft_report_from_the_future_does_not_count_yet() {
    let studio = pins(&[key(1).public()]);
    let report = crate::life::event(&minted(), Kind::ReportedStolen, &[&key(1)], |event| {
        event.valid_from = at("2029-01-01T00:00:00Z");
        event.credential_subject.until = Some(at("2029-12-31T00:00:00Z"));
    });
    let bytes = crate::life::append_value(&minted(), report).unwrap();
    let bytes = restatus(&bytes, Standing::Current, 3650);
    let outcome = |now| verdict(&bytes, &studio, now).outcome;
    assert_eq!(outcome("2026-06-01T00:00:00Z"), Outcome::Stale, "dated ahead, not stolen");
    assert_eq!(outcome("2029-06-01T00:00:00Z"), Outcome::Revoked);
    assert_eq!(outcome("2030-06-01T00:00:00Z"), Outcome::Holds);
}

/// Fields of an event that its kind does not have, signed by the studio itself.
#[test]
fn hidden_fields_of_an_event_have_one_form() {
    let hidden = Loose::minted().json(MANIFEST)["credentialSubject"]["hidden"].clone();
    let digest = hidden["_sd"][0].clone();
    for (what, digests) in [
        ("twice", serde_json::json!([digest, digest])),
        ("unsorted", serde_json::json!([digest, "A".repeat(43)])),
        ("none", serde_json::json!([])),
    ] {
        let mut loose = Loose::minted();
        loose.resign(EVENT_1, &[&key(1)], |event| {
            event["credentialSubject"]["hidden"] = hidden.clone();
            event["credentialSubject"]["hidden"]["_sd"] = digests;
        });
        malformed(what, &loose.settle().sealed(), &["event-field"]);
    }
}

/// A return that the studio signed is confirmed by it, whatever was missing before.
#[test]
fn a_return_to_the_studio_ends_an_unconfirmed_transfer() {
    let (studio, owner, next) = (key(1), key(10), key(11));
    let mut bytes = append(&minted(), Kind::Sold, &[&studio, &owner]).unwrap();
    bytes = append(&bytes, Kind::Transferred, &[&owner, &next]).unwrap();
    assert!(open(&bytes).custody().unconfirmed_transfer());
    bytes = append(&bytes, Kind::Returned, &[&next, &studio]).unwrap();
    assert!(!open(&bytes).custody().unconfirmed_transfer());
}
