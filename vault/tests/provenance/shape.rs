//! What is said about metadata, and what a writer does not write.

use hallmark_core::{
    hash::Sha256,
    json::{self, Value},
    proof,
};
use hallmark_vault::provenance::{
    credential::{self, CredentialError},
    event::Kind,
    piece::Piece,
    write::{Amendment, WriteError},
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
    credential::open::<Piece>(&resigned(change)).expect_err("another shape")
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
