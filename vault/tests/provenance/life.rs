//! The life of a piece: every kind of event, by the parties it concerns.

use hallmark_core::{key::SigningKey, proof};
use hallmark_vault::provenance::{
    Outcome,
    credential::{self, Credential},
    event::{Event, Kind, Setting},
    minisign::WriterKey,
    status::Standing,
    write::{self, Amendment, Restatus, WriteError, next_event},
};

use crate::fixture::*;

/// The next event of `bytes`, signed by `signers` in order.
pub fn event(
    bytes: &[u8],
    kind: Kind,
    signers: &[&SigningKey],
    change: impl FnOnce(&mut Credential<Event>),
) -> serde_json::Value {
    let file = open(bytes);
    let custody = file.custody();
    let visits = matches!(kind, Kind::Set | Kind::Inspected | Kind::Serviced)
        && signers[0].public() != custody.owner();
    let place = if visits { custody.next_label() } else { label(100 + custody.events() as u8) };
    let next = next_event(&file, kind, place);
    let mut credential = Credential::new(signers[0].public(), at(LATER), next);
    if matches!(kind, Kind::Sold | Kind::Transferred) {
        credential.credential_subject.owner = Some(signers[1].public());
    }
    if kind == Kind::ReportedStolen {
        credential.credential_subject.until = Some(at(LATER).plus_days(90));
    }
    change(&mut credential);
    let mut document = credential.sign(signers[0]).unwrap();
    for signer in &signers[1..] {
        document = credential::countersign(document, signer, at(LATER)).unwrap();
    }
    document
}

pub fn append(bytes: &[u8], kind: Kind, signers: &[&SigningKey]) -> Result<Vec<u8>, WriteError> {
    append_value(bytes, event(bytes, kind, signers, |_| {}))
}

pub fn append_value(bytes: &[u8], event: serde_json::Value) -> Result<Vec<u8>, WriteError> {
    let amendment = Amendment { event: Some((event, Vec::new())), ..Amendment::default() };
    let writer = WriterKey::new(key(50));
    let out = std::io::Cursor::new(Vec::new());
    Ok(write::rewrite(&open(bytes), bytes, amendment, &writer, out)?.into_inner())
}

pub fn restatus(bytes: &[u8], standing: Standing, days: u32) -> Vec<u8> {
    let status = Restatus { standing, reason: None, at: at(LATER), days, identity: key(1) };
    rewrite(bytes, Amendment { status: Some(status), ..Amendment::default() }, 101)
}

#[test]
fn a_minted_file_holds_and_is_trusted_only_when_pinned() {
    let bytes = minted();
    let studio = key(1).public();
    assert_eq!(verdict(&bytes, &pins(&[]), LATER).outcome, Outcome::Untrusted);
    assert_eq!(verdict(&bytes, &pins(&[key(2).public()]), LATER).outcome, Outcome::Untrusted);
    let held = verdict(&bytes, &pins(&[studio]), LATER);
    assert_eq!(held.outcome, Outcome::Holds);
    assert_eq!(held.still_hidden, 1);
    assert!(!held.does_not_prove.is_empty() && !held.compare.is_empty());
}

#[test]
fn a_whole_life() {
    let (studio, owner, next) = (key(1), key(10), key(11));
    let stone_setter = key(20);
    let mut bytes = minted();
    for (kind, signers) in [
        (Kind::Inspected, vec![&stone_setter]),
        (Kind::Sold, vec![&studio, &owner]),
        (Kind::Serviced, vec![&studio]),
        (Kind::Returned, vec![&owner, &studio]),
        (Kind::Sold, vec![&studio, &owner]),
        (Kind::ReportedStolen, vec![&owner]),
        (Kind::Recovered, vec![&owner]),
        (Kind::Transferred, vec![&owner, &next]),
        (Kind::Destroyed, vec![&next]),
    ] {
        bytes = append(&bytes, kind, &signers).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
    }
    let file = open(&bytes);
    assert_eq!(file.custody().events(), 10);
    assert_eq!(file.custody().owner(), next.public());
    assert!(file.custody().unconfirmed_transfer());
    let verdict = verdict(&bytes, &pins(&[studio.public()]), LATER);
    assert_eq!(verdict.outcome, Outcome::Revoked, "destroyed");
    assert!(verdict.freshness.text.contains("not confirmed by the studio"));
}

/// T-05: nobody signs for somebody else.
#[test]
fn each_event_needs_the_parties_it_concerns() {
    let (studio, owner, other) = (key(1), key(10), key(11));
    let unsold = minted();
    let sold = append(&unsold, Kind::Sold, &[&studio, &owner]).unwrap();
    let cases: [(&[u8], Kind, Vec<&SigningKey>); 14] = [
        (&unsold, Kind::Made, vec![&studio]),
        (&unsold, Kind::Sold, vec![&other, &owner]),
        (&unsold, Kind::Sold, vec![&studio, &studio]),
        (&unsold, Kind::Inspected, vec![&studio, &other]),
        (&unsold, Kind::ReportedStolen, vec![&other]),
        (&unsold, Kind::Recovered, vec![&studio]),
        (&unsold, Kind::Returned, vec![&owner, &studio]),
        (&unsold, Kind::Transferred, vec![&studio, &owner]),
        (&sold, Kind::Sold, vec![&studio, &other]),
        (&sold, Kind::Returned, vec![&owner]),
        (&sold, Kind::Returned, vec![&studio, &owner]),
        (&sold, Kind::ReportedStolen, vec![&studio]),
        (&sold, Kind::Transferred, vec![&other, &owner]),
        (&sold, Kind::Destroyed, vec![&studio]),
    ];
    for (bytes, kind, signers) in cases {
        assert!(append(bytes, kind, &signers).is_err(), "{kind:?} by {signers:?}");
    }
    // `sold` with one signature only
    let mut half = event(&unsold, Kind::Sold, &[&studio, &owner], |_| {});
    let proofs = half["proof"].as_array().unwrap().clone();
    half["proof"] = proofs[0].clone();
    assert!(matches!(append_value(&unsold, half), Err(WriteError::Chain(_))));
}

#[test]
fn fields_belong_to_their_kinds() {
    let studio = key(1);
    let bytes = minted();
    type Change = fn(&mut Credential<Event>);
    let cases: [(Kind, Change); 9] = [
        (Kind::Set, |_| {}),
        (Kind::Inspected, |e| {
            e.credential_subject.setting = Some(Setting { stone: 0, report: None });
        }),
        (Kind::Inspected, |e| e.credential_subject.owner = Some(key(9).public())),
        (Kind::Inspected, |e| e.credential_subject.until = Some(at(LATER).plus_days(1))),
        (Kind::Inspected, |e| e.credential_subject.resume_label = Some(label(9))),
        (Kind::Inspected, |e| e.credential_subject.biz_step = Some("shipping".into())),
        (Kind::ReportedStolen, |e| e.credential_subject.until = None),
        (Kind::ReportedStolen, |e| e.credential_subject.until = Some(at(LATER).plus_days(367))),
        (Kind::ReportedStolen, |e| e.credential_subject.until = Some(e.valid_from)),
    ];
    for (i, (kind, change)) in cases.into_iter().enumerate() {
        let event = event(&bytes, kind, &[&studio], change);
        let error = append_value(&bytes, event).expect_err("wrong field").to_string();
        assert!(error.contains("missing, or should not be there"), "{i}: {error}");
    }
}

#[test]
fn order_labels_and_dates_bind_an_event_to_its_place() {
    let studio = key(1);
    let bytes = minted();
    type Change = fn(&mut Credential<Event>);
    let cases: [Change; 6] = [
        |e| e.credential_subject.sequence = 3,
        |e| e.credential_subject.label = label(1),
        |e| e.credential_subject.next_label = e.credential_subject.label,
        |e| e.credential_subject.previous = hallmark_core::hash::Sha256::of(b"elsewhere"),
        |e| e.credential_subject.id = hallmark_core::id::PieceId::generate(&mut rng(77)),
        |e| e.valid_from = at("2026-05-03T11:59:59Z"),
    ];
    for (i, change) in cases.into_iter().enumerate() {
        let event = event(&bytes, Kind::Serviced, &[&studio], change);
        assert!(append_value(&bytes, event).is_err(), "case {i}");
    }
}

/// T-06: a theft report counts until its date, and a recovery ends it.
#[test]
fn a_theft_report_expires_unless_renewed() {
    let studio = pins(&[key(1).public()]);
    let stolen = append(&minted(), Kind::ReportedStolen, &[&key(1)]).unwrap();
    let stolen = restatus(&stolen, Standing::Current, 365);
    assert_eq!(verdict(&stolen, &studio, "2026-06-01T00:00:00Z").outcome, Outcome::Revoked);
    assert_eq!(verdict(&stolen, &studio, "2026-08-03T00:00:00Z").outcome, Outcome::Holds);
    let renewed = append(&stolen, Kind::ReportedStolen, &[&key(1)]).unwrap();
    assert_eq!(verdict(&renewed, &studio, "2026-06-01T00:00:00Z").outcome, Outcome::Revoked);
    let back = append(&renewed, Kind::Recovered, &[&key(1)]).unwrap();
    let back = restatus(&back, Standing::Current, 365);
    assert_eq!(verdict(&back, &studio, "2026-06-01T00:00:00Z").outcome, Outcome::Holds);
}

/// T-07: freshness rests on the studio's word alone.
#[test]
fn status_expires_revokes_and_does_not_cover_newer_events() {
    let studio = pins(&[key(1).public()]);
    let bytes = minted();
    let state = |bytes: &[u8], now: &str| {
        let verdict = verdict(bytes, &studio, now);
        (verdict.outcome, verdict.freshness.state.name())
    };
    assert_eq!(state(&bytes, LATER), (Outcome::Holds, "current"));
    assert_eq!(state(&bytes, "2026-10-31T00:00:00Z"), (Outcome::Stale, "expired"));
    assert_eq!(state(&bytes, "2026-05-03T11:54:00Z"), (Outcome::Stale, "not-yet-valid"));
    let newer = append(&bytes, Kind::Serviced, &[&key(30)]).unwrap();
    assert_eq!(state(&newer, LATER), (Outcome::Stale, "newer-events"));
    let revoked = restatus(&bytes, Standing::Revoked, 365);
    assert_eq!(state(&revoked, LATER), (Outcome::Revoked, "revoked"));
    // untrusted counts before revoked, revoked before stale
    assert_eq!(verdict(&revoked, &pins(&[]), LATER).outcome, Outcome::Untrusted);
    assert_eq!(state(&revoked, "2099-01-01T00:00:00Z"), (Outcome::Revoked, "revoked"));
}

#[test]
fn a_status_by_another_key_is_refused() {
    let status = Restatus {
        standing: Standing::Current,
        reason: None,
        at: at(LATER),
        days: 9,
        identity: key(2),
    };
    let forged = rewrite(&minted(), Amendment { status: Some(status), ..Amendment::default() }, 50);
    assert_eq!(codes(&forged), ["status-signer"]);
}

#[test]
fn proofs_of_a_sale_are_a_proof_set_any_verifier_can_read() {
    let sold = event(&minted(), Kind::Sold, &[&key(1), &key(10)], |_| {});
    let verified = proof::verify(sold).unwrap();
    assert_eq!(verified.proofs().len(), 2);
}

/// T-23: whoever does not hold the piece decides neither who speaks next nor from when on.
#[test]
fn a_visitor_takes_no_place_and_sets_no_date() {
    let visitor = key(30);
    let bytes = minted();
    let place = open(&bytes).custody().next_label();
    let takes = event(&bytes, Kind::Serviced, &[&visitor], |e| {
        e.credential_subject.next_label = label(9);
    });
    assert!(append_value(&bytes, takes).is_err(), "a visitor that names the next place");

    let far = event(&bytes, Kind::Inspected, &[&visitor], |e| {
        e.valid_from = at("9999-12-31T23:59:59Z");
    });
    let visited = append_value(&bytes, far).unwrap();
    assert_eq!(open(&visited).custody().next_label(), place);
    let known = restatus(&visited, Standing::Current, 9);
    let judged = verdict(&known, &pins(&[key(1).public()]), LATER);
    assert_eq!(judged.outcome, Outcome::Holds, "a visitor's date makes nothing wait");
    let sold = append(&visited, Kind::Sold, &[&key(1), &key(10)]).unwrap();
    // The owner of the piece is no longer the studio, so the studio is a visitor too.
    let place = open(&sold).custody().next_label();
    let serviced = append(&sold, Kind::Serviced, &[&key(1)]).unwrap();
    assert_eq!(open(&serviced).custody().next_label(), place);
    let holder_without_place = event(&sold, Kind::Serviced, &[&key(10)], |e| {
        e.credential_subject.next_label = e.credential_subject.label;
    });
    assert!(append_value(&sold, holder_without_place).is_err());
}

#[test]
fn a_place_is_named_once() {
    let (studio, owner) = (key(1), key(10));
    let bytes = append(&minted(), Kind::Sold, &[&studio, &owner]).unwrap();
    let first = open(&bytes).piece().first_label;
    let again = event(&bytes, Kind::Serviced, &[&owner], |e| {
        e.credential_subject.next_label = first;
    });
    assert!(append_value(&bytes, again).is_err());
}

/// T-23: whoever signs is shown for who they are then, not for what the kind of event suggests.
#[test]
fn an_owner_is_no_third_party() {
    let (studio, owner) = (key(1), key(10));
    let mut bytes = append(&minted(), Kind::Sold, &[&studio, &owner]).unwrap();
    for signer in [&owner, &key(30), &studio] {
        bytes = append(&bytes, Kind::Inspected, &[signer]).unwrap();
    }
    let bytes = append(&bytes, Kind::Returned, &[&owner, &studio]).unwrap();
    let judged = verdict(&bytes, &pins(&[studio.public()]), LATER);
    let roles: Vec<Vec<&str>> = judged
        .events
        .iter()
        .map(|event| event.signers.iter().map(|signer| signer.role).collect())
        .collect();
    let expected: [&[&str]; 6] = [
        &["studio"],
        &["studio", "new owner"],
        &["owner"],
        &["third party"],
        &["studio"],
        &["owner", "studio"],
    ];
    assert_eq!(roles, expected);
}

/// T-07: no word counts for ever, whatever it says.
#[test]
fn a_status_counts_ten_years_at_most() {
    let bytes = restatus(&minted(), Standing::Current, 1_000_000);
    let studio = pins(&[key(1).public()]);
    assert_eq!(verdict(&bytes, &studio, "2036-01-01T00:00:00Z").outcome, Outcome::Holds);
    assert_eq!(verdict(&bytes, &studio, "2037-01-01T00:00:00Z").outcome, Outcome::Stale);
}

/// T-12: an event makes no more claims than can be read.
#[test]
fn an_event_has_sixteen_claims_at_most() {
    let with = |claims: usize| {
        let event = event(&minted(), Kind::Inspected, &[&key(30)], |e| {
            e.credential_subject.claims = vec![self_declared("metals/0", "Gold"); claims];
        });
        append_value(&minted(), event).is_ok()
    };
    assert!(with(16));
    assert!(!with(17));
    let warranted = |warranties: usize| {
        let event = event(&minted(), Kind::Inspected, &[&key(30)], |e| {
            let warranty = crate::rich::piece().warranties.remove(0);
            e.credential_subject.warranties = vec![warranty; warranties];
        });
        append_value(&minted(), event).is_ok()
    };
    assert!(warranted(16));
    assert!(!warranted(17));
}

/// T-07: a document dated ahead is not current yet.
#[test]
fn what_is_dated_ahead_is_not_current() {
    let studio = pins(&[key(1).public()]);
    let ahead = event(&minted(), Kind::Serviced, &[&key(1)], |e| {
        e.valid_from = at("2027-01-01T00:00:00Z");
    });
    let bytes = restatus(&append_value(&minted(), ahead).unwrap(), Standing::Current, 365);
    assert_eq!(verdict(&bytes, &studio, LATER).freshness.state.name(), "not-yet-valid");
    assert_eq!(verdict(&bytes, &studio, "2027-01-02T00:00:00Z").outcome, Outcome::Holds);
}

/// The successor named in the manifest can give the studio's word; nobody else can.
#[test]
fn the_successor_keeps_the_studios_word_alive() {
    let by = |seed: u8| {
        let identity = key(seed);
        let (standing, at, days) = (Standing::Current, at(LATER), 9);
        let status = Restatus { standing, reason: None, at, days, identity };
        rewrite(&minted(), Amendment { status: Some(status), ..Amendment::default() }, 50)
    };
    assert_eq!(verdict(&by(99), &pins(&[key(1).public()]), LATER).outcome, Outcome::Holds);
    assert_eq!(codes(&by(98)), ["status-signer"]);
}
