//! One spelling per statement: what two readers could take for two things is refused.

use hallmark_core::{
    hash::Sha256,
    json::{self, Value},
    proof,
};
use hallmark_vault::provenance::{
    credential::{self, CredentialError},
    event::Kind,
    hidden::{Field, Hidden},
    minisign::WriterKey,
    piece::Piece,
    verdict::{Circumstances, judge},
    write::{Amendment, WriteError, copy_entry, rewrite as rewrite_from},
};
use serde_json::json;

use crate::{fixture::*, life::*};

/// The fixture's manifest, changed and signed again by the studio.
fn resigned(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let bytes = minted();
    let file = open(&bytes);
    let entry = &file.entries()[0];
    let start = entry.start as usize;
    let manifest = &bytes[start..start + entry.size_bytes as usize];
    let mut document = json::parse(manifest).unwrap();
    change(&mut document);
    let Value::Object(mut map) = document else { panic!("a manifest is an object") };
    map.remove("proof");
    proof::sign(&mut map, &key(1), at(MINTED));
    json::canonical(&Value::Object(map))
}

fn refused(change: impl FnOnce(&mut Value)) -> CredentialError {
    credential::open::<Piece>(&resigned(change)).expect_err("another spelling")
}

#[test]
fn null_and_empty_lists_are_left_out() {
    assert!(credential::open::<Piece>(&resigned(|_| {})).is_ok());
    for (pointer, field, value) in [
        ("/credentialSubject", "kind", Value::Null),
        ("/credentialSubject", "stones", json!([])),
        ("/credentialSubject/metals/0", "colour", Value::Null),
        ("/credentialSubject/claims/0", "attestation", Value::Null),
        ("/credentialSubject/parts/0/metadata", "removed", json!([])),
        ("", "validUntil", Value::Null),
    ] {
        let error = refused(|m| m.pointer_mut(pointer).unwrap()[field] = value);
        assert!(matches!(error, CredentialError::Spelling { .. }), "{field}: {error}");
    }
}

#[test]
fn a_manifest_has_no_end() {
    let error = refused(|m| m["validUntil"] = "2027-01-01T00:00:00Z".into());
    assert!(matches!(error, CredentialError::Ends { .. }), "{error}");
}

#[test]
fn metadata_speaks_in_known_outcomes_and_plain_codes() {
    let metadata = "/credentialSubject/parts/0/metadata";
    for (field, value) in [
        ("outcome", json!("spotless")),
        ("reveals", json!(["GPS"])),
        ("reveals", json!([""])),
        ("removed", json!(["exif gps"])),
    ] {
        let error = refused(|m| m.pointer_mut(metadata).unwrap()[field] = value);
        assert!(matches!(error, CredentialError::Shape { .. }), "{field}: {error}");
    }
}

#[test]
fn a_return_to_the_studio_settles_an_unconfirmed_transfer() {
    let (studio, owner, next) = (key(1), key(10), key(11));
    let mut bytes = append(&minted(), Kind::Sold, &[&studio, &owner]).unwrap();
    bytes = append(&bytes, Kind::Transferred, &[&owner, &next]).unwrap();
    assert!(open(&bytes).custody().unconfirmed_transfer());
    bytes = append(&bytes, Kind::Returned, &[&next, &studio]).unwrap();
    assert!(!open(&bytes).custody().unconfirmed_transfer());
}

#[test]
fn a_disclosure_given_twice_opens_one_field() {
    let mut rich = piece();
    let fields = ["price", "buyer"].map(|name| Field { name: name.into(), value: json!("x") });
    let (hidden, disclosures) = Hidden::hide(&fields, &mut rng(9)).unwrap();
    rich.hidden = Some(hidden);
    let bytes = minted_by(&studio(), rich);
    let twice = [disclosures[0].clone(), disclosures[0].clone()];
    let pins = pins(&[key(1).public()]);
    let circumstances =
        Circumstances { now: at(LATER), pins: &pins, domain: None, disclosures: &twice };
    let verdict = judge(inspect(&bytes), circumstances);
    assert_eq!((verdict.disclosed.len(), verdict.still_hidden), (1, 1));
}

/// What the reader would refuse is not written.
#[test]
fn a_claim_about_nothing_is_not_written() {
    let mut piece = piece();
    piece.claims.push(self_declared("stones/0", "There is none."));
    let minting = write_of(piece);
    assert!(matches!(minting, Err(WriteError::Claim(_))));

    let bytes = minted();
    let event = event(&bytes, Kind::Inspected, &[&key(20)], |event| {
        event.credential_subject.claims.push(self_declared("origin", "Unknown."));
    });
    assert!(matches!(append_value(&bytes, event), Err(WriteError::Claim(_))));
    let same = rewrite(&bytes, Amendment::default(), 101);
    assert_eq!(Sha256::of(&same), Sha256::of(&bytes), "written again by the same key");
}

fn write_of(piece: Piece) -> Result<(), WriteError> {
    use hallmark_vault::provenance::write::{Minting, mint};
    let minting =
        Minting { piece, sources: sources(), made: None, at: at(MINTED), status_days: 180 };
    mint(minting, &studio(), &chain(), std::io::Cursor::new(Vec::new())).map(drop)
}

/// T-01: a source that changes after it was inspected gives no content that nobody checked, neither
/// unpacked nor carried over into a new file.
#[test]
fn what_changed_since_it_was_inspected_is_not_copied() {
    let bytes = minted();
    let file = open(&bytes);
    for entry in file.entries() {
        let mut out = Vec::new();
        copy_entry(&file, bytes.as_slice(), &entry.name, &mut out).unwrap();
        assert_eq!(out.len() as u64, entry.size_bytes, "the control");
        let mut changed = bytes.clone();
        changed[usize::try_from(entry.start).unwrap()] ^= 1;
        let refused = copy_entry(&file, changed.as_slice(), &entry.name, &mut Vec::new());
        let named = matches!(refused, Err(WriteError::Changed { path }) if path == entry.name);
        assert!(named, "{}", entry.name);
        // VERIFY.txt, the sums and their signature are made anew.
        let carried = ["manifest.json", "events/", "status.json", "media/", "notes/"];
        if carried.iter().any(|start| entry.name.starts_with(start)) {
            let writer = WriterKey::new(key(101));
            let out = std::io::Cursor::new(Vec::new());
            let refused =
                rewrite_from(&file, changed.as_slice(), Amendment::default(), &writer, out);
            let named = matches!(refused, Err(WriteError::Changed { path }) if path == entry.name);
            assert!(named, "{} in a new file", entry.name);
        }
    }
}
