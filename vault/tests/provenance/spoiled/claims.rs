//! Trust and strength borrowed from inside the file, and fields that are not hidden where shown.

use std::collections::BTreeMap;

use hallmark_core::{
    hash::Sha256,
    id::PieceId,
    json::Value,
    key::{PublicKey, SigningKey},
};
use hallmark_vault::provenance::{
    Outcome,
    claim::{Claim, Strength},
    hidden::{Disclosure, Field, Hidden},
    piece::Piece,
    trust::{PinRole, Pins},
    verdict::{Circumstances, judge},
};

use super::{malformed, refused, tampered};
use crate::{fixture::*, forge::*};

/// A claim about the metal that calls itself a laboratory's.
fn lab_claim() -> Claim {
    Claim {
        strength: Strength::Lab,
        by: "Gem Laboratory".parse().unwrap(),
        ..self_declared("metals/0", "Gold 750, tested")
    }
}

fn metal() -> Value {
    serde_json::to_value(&piece().metals[0]).unwrap()
}

fn attested(mut claim: Claim, id: PieceId, value: Value, key: &SigningKey) -> Claim {
    claim.attest(id, value, BTreeMap::new(), key, at(MINTED)).unwrap();
    claim
}

fn file_with(claim: &Claim) -> Vec<u8> {
    let mut loose = Loose::minted();
    let claim = serde_json::to_value(claim).unwrap();
    loose.remint(|manifest| manifest["credentialSubject"]["claims"][0] = claim);
    loose.sealed()
}

/// How the first claim is shown to who trusts the studio (seed 1) and `other` in that role.
fn shown(bytes: &[u8], other: Option<(PublicKey, PinRole)>) -> (String, bool) {
    let mut store: Vec<_> = pins(&[key(1).public()]).iter().cloned().collect();
    if let Some((key, role)) = other {
        store.retain(|pin| pin.fingerprint != key.fingerprint());
        store.extend(pins_as(&[key], role).iter().cloned());
    }
    let mut all = Pins::default();
    store.into_iter().for_each(|pin| all.add(pin).unwrap());
    let verdict = verdict(bytes, &all, LATER);
    assert_eq!(verdict.integrity.state.name(), "holds", "{:?}", verdict.integrity.problems);
    (verdict.claims[0].strength.clone(), verdict.claims[0].signed_by.is_some())
}

/// T-10: a claim is as strong as it calls itself only where a key pinned for that role signed it.
#[test]
fn a_claim_calling_itself_lab_is_shown_as_lab_only_under_a_laboratorys_pinned_key() {
    let says = ("self-declared (says laboratory)".to_owned(), false);
    let lab = key(40);
    let bare = file_with(&lab_claim());
    assert_eq!(shown(&bare, None), says, "no attestation");
    assert_eq!(shown(&bare, Some((lab.public(), PinRole::Lab))), says, "no attestation");

    let own = file_with(&attested(lab_claim(), piece_id(), metal(), &key(1)));
    assert_eq!(shown(&own, None), says, "by the studio's own pinned key");
    for role in [PinRole::Lab, PinRole::AssayOffice] {
        assert_eq!(shown(&own, Some((key(1).public(), role))), says, "nor pinned as {role:?}");
    }

    let signed = file_with(&attested(lab_claim(), piece_id(), metal(), &lab));
    assert_eq!(shown(&signed, None), says, "by an unpinned key");
    assert_eq!(shown(&signed, Some((key(41).public(), PinRole::Lab))), says, "by another lab");
    for role in [PinRole::Studio, PinRole::Supplier, PinRole::Auditor, PinRole::AssayOffice] {
        assert_eq!(shown(&signed, Some((lab.public(), role))), says, "pinned as {role:?}");
    }
    let (strength, named) = shown(&signed, Some((lab.public(), PinRole::Lab)));
    assert_eq!((strength.as_str(), named), ("laboratory", true), "by a key pinned as a laboratory");
}

/// T-10: each strength has its one role.
#[test]
fn each_strength_needs_its_own_role() {
    let strengths = [
        (Strength::SupplierWarranty, PinRole::Supplier, "supplier warranty"),
        (Strength::Audited, PinRole::Auditor, "audited"),
        (Strength::Lab, PinRole::Lab, "laboratory"),
        (Strength::Assay, PinRole::AssayOffice, "assay"),
    ];
    let party = key(40);
    for (strength, needed, name) in strengths {
        let claim = Claim { strength, ..lab_claim() };
        let bytes = file_with(&attested(claim, piece_id(), metal(), &party));
        for (_, role, _) in strengths {
            let (found, _) = shown(&bytes, Some((party.public(), role)));
            assert_eq!(found == name, role == needed, "{strength:?} by {role:?}: {found}");
        }
    }
}

/// T-10: the report a laboratory signed for cannot be exchanged under its signature.
#[test]
fn an_exchanged_report_is_refused() {
    let mut loose = Loose::of(&crate::rich::minted());
    let report = b"%PDF-1.7\n% colour D, internally flawless\n";
    loose.remint(|manifest| {
        let parts = manifest["credentialSubject"]["parts"].as_array_mut().unwrap();
        let part = parts.iter_mut().find(|part| part["path"] == "certs/bl-77.pdf").unwrap();
        part["sha256"] = Sha256::of(report).to_string().into();
        part["size"] = report.len().into();
    });
    loose.set("certs/bl-77.pdf", report);
    tampered("the report exchanged", &loose.sealed(), &["attestation-elsewhere"]);
}

/// T-10: an attestation is for one claim about one value of one piece.
#[test]
fn a_transplanted_attestation_is_refused() {
    let lab = key(40);
    let good = attested(lab_claim(), piece_id(), metal(), &lab);
    assert_eq!(codes(&file_with(&good)), [""; 0]);
    let transplanted = |claim: Claim, id: PieceId, value: Value| Claim {
        attestation: attested(claim, id, value, &lab).attestation,
        ..lab_claim()
    };
    let other_piece = PieceId::generate(&mut rng(9));
    let other_value = serde_json::json!({"metal": "gold", "fineness": 375});
    let claims = [
        ("another piece", transplanted(lab_claim(), other_piece, metal())),
        ("another value", transplanted(lab_claim(), piece_id(), other_value)),
        ("the whole piece", transplanted(lab_claim(), piece_id(), Value::Null)),
    ];
    for (what, claim) in claims {
        tampered(what, &file_with(&claim), &["attestation-elsewhere"]);
    }
    type Change = fn(&mut Claim);
    let changed: [(&str, Change); 6] = [
        ("says", |c| c.says = "Gold 999, tested".parse().unwrap()),
        ("strength", |c| c.strength = Strength::Assay),
        ("by", |c| c.by = "Assay Office".parse().unwrap()),
        ("rule", |c| c.rule = "another".parse().unwrap()),
        ("date", |c| c.date = "2026-05-02".parse().unwrap()),
        ("about", |c| c.about = "metals".parse().unwrap()),
    ];
    for (what, change) in changed {
        let mut claim = good.clone();
        change(&mut claim);
        let mut loose = Loose::minted();
        let claim = serde_json::to_value(&claim).unwrap();
        // beside the maker's own claims, so that every field has somebody who vouches for it
        loose.remint(|m| m["credentialSubject"]["claims"].as_array_mut().unwrap().push(claim));
        tampered(what, &loose.sealed(), &["attestation-elsewhere"]);
    }
    // the value changed under the attestation, by the studio
    let mut other = Loose::minted();
    let claim = serde_json::to_value(&good).unwrap();
    other.remint(|manifest| {
        manifest["credentialSubject"]["claims"][0] = claim;
        manifest["credentialSubject"]["metals"][0]["fineness"] = 999.into();
    });
    tampered("the value itself", &other.sealed(), &["attestation-elsewhere"]);
}

/// T-10: an attestation is a signed credential of its own kind, by one party.
#[test]
fn an_attestation_of_another_shape_is_refused() {
    let lab = key(40);
    let good = attested(lab_claim(), piece_id(), metal(), &lab).attestation.unwrap();
    let with =
        |attestation: Value| file_with(&Claim { attestation: Some(attestation), ..lab_claim() });
    assert_eq!(codes(&with(good.clone())), [""; 0]);

    let mut forged = good.clone();
    forged["credentialSubject"]["claim"]["says"] = "x".into();
    tampered("changed", &with(forged), &["attestation-signature"]);
    tampered(
        "by another than its issuer",
        &with(signed(good.clone(), &[&key(41)])),
        &["attestation-signature"],
    );
    let both = signed(good.clone(), &[&lab, &key(41)]);
    tampered("by two", &with(both), &["attestation-elsewhere"]);

    let mut unsigned = good.clone();
    unsigned.as_object_mut().unwrap().remove("proof");
    let mut other_kind = good.clone();
    other_kind["type"][1] = "HallmarkStatus".into();
    let mut ends = good.clone();
    ends["validUntil"] = MINTED.into();
    for (what, attestation) in [
        ("unsigned", unsigned),
        ("of another kind", signed(other_kind, &[&lab])),
        ("one that ends", signed(ends, &[&lab])),
        ("a status", signed(Loose::minted().json(STATUS), &[&key(1)])),
        ("text", "trust me".into()),
        ("nothing in it", serde_json::json!({})),
    ] {
        malformed(what, &with(attestation), &["attestation"]);
    }
}

#[test]
fn a_claim_about_nothing_is_refused() {
    for about in
        ["metals/1", "metals/00", "metals/-1", "stones/0", "weight", "/metals/0", "metals/0/"]
    {
        let claim = serde_json::to_value(self_declared(about, "so it is")).unwrap();
        let mut loose = Loose::minted();
        loose.remint(|m| m["credentialSubject"]["claims"].as_array_mut().unwrap().push(claim));
        malformed(about, &loose.sealed(), &["claim-field"]);
    }
}

/// T-09: nothing inside a file makes its signer trusted.
#[test]
fn a_forged_studio_with_its_own_key_inside_is_untrusted() {
    let forger = studio_of(2);
    let public = forger.identity.public();
    let name = format!("Rosa {public}");
    let mut piece = piece();
    piece.maker.name = name.parse().unwrap();
    piece.maker.domain = Some("rosa.example".parse().unwrap());
    piece.inscription = Some(format!("trust {}", public.fingerprint()).parse().unwrap());
    piece.claims.push(self_declared("maker", "this is Rosa's own key"));
    let bytes = minted_by(&forger, piece);
    let pub_file = hallmark_vault::provenance::write::pub_file(
        &public,
        &name.parse().unwrap(),
        &forger.writer,
    );
    assert_eq!(
        hallmark_vault::provenance::trust::key_of_pub_file(&pub_file).unwrap(),
        public,
        "a pub file inside would be a real one"
    );
    let with_pub = {
        let mut loose = Loose::of(&bytes);
        let sha256 = hallmark_core::hash::Sha256::of(pub_file.as_bytes()).to_string();
        loose.resign(MANIFEST, &[&forger.identity], |manifest| {
            let parts = manifest["credentialSubject"]["parts"].as_array_mut().unwrap();
            let mut part = parts[1].clone();
            part["path"] = "notes/studio.pub".into();
            part["sha256"] = sha256.into();
            part["size"] = pub_file.len().into();
            parts.push(part);
        });
        loose.insert_before(VERIFY, "notes/studio.pub", &pub_file);
        let mut head = hallmark_core::hash::Sha256::of(loose.bytes(MANIFEST)).to_string();
        let manifest = head.clone();
        loose.resign(EVENT_1, &[&forger.identity], |e| {
            e["credentialSubject"]["previous"] = std::mem::take(&mut head).into();
        });
        let head = hallmark_core::hash::Sha256::of(loose.bytes(EVENT_1)).to_string();
        loose.resign(STATUS, &[&forger.identity], |status| {
            status["credentialSubject"]["manifest"] = manifest.into();
            status["credentialSubject"]["head"] = head.into();
        });
        loose.sealed()
    };
    for bytes in [&bytes, &with_pub] {
        refused("forged", bytes, &[], Outcome::Untrusted);
        assert_eq!(verdict(bytes, &pins(&[]), LATER).outcome.exit_code(), 5);
        // a key trusted for something else is not trusted as a studio
        for role in [PinRole::Supplier, PinRole::Auditor, PinRole::Lab, PinRole::AssayOffice] {
            let verdict = verdict(bytes, &pins_as(&[public], role), LATER);
            assert_eq!(verdict.outcome, Outcome::Untrusted, "{role:?}");
        }
        assert_eq!(verdict(bytes, &pins(&[public]), LATER).outcome, Outcome::Holds, "control");
    }
}

/// T-09: a domain that the file itself names vouches for nobody; one that the reader named does.
#[test]
fn a_domain_named_by_the_file_trusts_nobody() {
    use hallmark_vault::provenance::trust::DomainCheck;
    let mut piece = piece();
    piece.maker.domain = Some("rosa.example".parse().unwrap());
    let bytes = minted_by(&studio_of(2), piece);
    let outcome = |named_by_person, lists_key| {
        let check = DomainCheck {
            domain: "rosa.example".parse().unwrap(),
            named_by_person,
            at: at(LATER),
            lists_key,
        };
        let circumstances = Circumstances {
            now: at(LATER),
            pins: &pins(&[]),
            domain: Some(&check),
            disclosures: &[],
        };
        judge(inspect(&bytes), circumstances).outcome
    };
    assert_eq!(outcome(false, Some(true)), Outcome::Untrusted);
    assert_eq!(outcome(true, Some(false)), Outcome::Untrusted);
    assert_eq!(outcome(true, None), Outcome::Untrusted);
    assert_eq!(outcome(true, Some(true)), Outcome::Holds);
}

fn with_disclosures(bytes: &[u8], disclosures: &[Disclosure]) -> (usize, usize) {
    let circumstances =
        Circumstances { now: at(LATER), pins: &pins(&[]), domain: None, disclosures };
    let verdict = judge(inspect(bytes), circumstances);
    (verdict.disclosed.len(), verdict.still_hidden)
}

/// T-13: a disclosure opens the field it was made for, in the file it was made for, once.
#[test]
fn a_disclosure_of_another_file_opens_nothing() {
    let (_, own) = hidden();
    let price = Field { name: "price".into(), value: serde_json::json!({"amountMinor": 189_000}) };
    let (_, other) = Hidden::hide(&[price], &mut rng(99)).unwrap();
    let bytes = minted();
    assert_eq!(with_disclosures(&bytes, &[]), (0, 1));
    assert_eq!(with_disclosures(&bytes, &own), (1, 0));
    assert_eq!(with_disclosures(&bytes, &other), (0, 1), "the same price under another salt");
    assert_eq!(with_disclosures(&bytes, &[&own[..], &other].concat()), (1, 0));

    let two = [
        Field { name: "price".into(), value: 1.into() },
        Field { name: "buyer".into(), value: "Ines".into() },
    ];
    let (hidden, both) = Hidden::hide(&two, &mut rng(5)).unwrap();
    let bytes = minted_by(&studio(), Piece { hidden: Some(hidden), ..piece() });
    let twice = [both[0].clone(), both[0].clone()];
    assert_eq!(with_disclosures(&bytes, &twice), (1, 1), "one field told twice is one field");
}

/// T-13: a changed or unsalted disclosure is a guess, and opens nothing.
#[test]
fn a_guessed_disclosure_opens_nothing() {
    use data_encoding::BASE64URL_NOPAD;
    let (hidden, own) = hidden();
    let line = own[0].as_str();
    let array = BASE64URL_NOPAD.decode(line.as_bytes()).unwrap();
    let text = String::from_utf8(array).unwrap();
    for guess in [
        text.replace("189000", "189001"),
        text.replace("price", "prize"),
        text.replace(&text[2..24], ""),
        text.replace(',', ", "),
    ] {
        assert_ne!(guess, text);
        let guess: Disclosure = BASE64URL_NOPAD.encode(guess.as_bytes()).parse().unwrap();
        assert!(!hidden.opens(&guess));
    }
    for bad in ["", "!", "W10", line.trim_end_matches(|_| true), &format!("{line}=")] {
        assert!(bad.parse::<Disclosure>().is_err(), "{bad}");
    }
    // T-11: what a disclosure shows is text like any other
    for bad in [
        "[\"s\",\"\\u001b[2J\",1]",
        "[\"s\",\"n\",{\"a\":[\"\\u202e\"]}]",
        "[1,\"n\",1]",
        "[\"s\",\"n\"]",
    ] {
        let line = BASE64URL_NOPAD.encode(bad.as_bytes());
        assert!(line.parse::<Disclosure>().is_err(), "{bad}");
    }
}
