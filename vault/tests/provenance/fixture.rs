//! A small valid file, made from fixed seeds.

use std::io::Cursor;

use hallmark_core::{
    chain::ChainSecret,
    id::{Label, PieceId},
    key::{PublicKey, SigningKey},
    time::Timestamp,
};
use hallmark_vault::{
    hygiene::MediaType,
    provenance::{
        Inspection, ProvenanceFile, Verdict,
        claim::{Claim, Strength},
        hidden::{Field, Hidden},
        inspect,
        minisign::WriterKey,
        part::{Metadata, Role},
        piece::{FORMAT, Maker, Metal, Piece},
        trust::{Pin, PinRole, PinSource, Pins},
        verdict::{Circumstances, judge},
        write::{self, Amendment, Minting, Source, StudioKeys},
    },
};
use rand::{SeedableRng, rngs::ChaCha20Rng};

pub const MINTED: &str = "2026-05-03T12:00:00Z";
pub const LATER: &str = "2026-05-04T12:00:00Z";

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// The studio of seed 1; its writer key is another.
pub fn studio() -> StudioKeys {
    studio_of(1)
}

pub fn studio_of(seed: u8) -> StudioKeys {
    StudioKeys { identity: key(seed), writer: WriterKey::new(key(100 + seed)) }
}

pub fn label(n: u8) -> Label {
    Label::from_bytes([n; 32])
}

pub fn self_declared(about: &str, says: &str) -> Claim {
    Claim {
        about: about.parse().unwrap(),
        says: says.parse().unwrap(),
        strength: Strength::SelfDeclared,
        by: "Rosa".parse().unwrap(),
        rule: "maker's own statement".parse().unwrap(),
        date: "2026-05-03".parse().unwrap(),
        attestation: None,
    }
}

pub fn piece() -> Piece {
    let (hidden, _) = hidden();
    Piece {
        id: PieceId::generate(&mut rng(1)),
        format: FORMAT.into(),
        title: "Tidewater ring".parse().unwrap(),
        kind: None,
        first_label: label(0),
        serial: Some("TW-1".parse().unwrap()),
        gs1: None,
        size: None,
        inscription: None,
        metals: vec![Metal {
            metal: "gold".parse().unwrap(),
            fineness: 750,
            colour: None,
            weight_mg: None,
        }],
        weight_mg: Some(4350),
        hallmark: None,
        stones: Vec::new(),
        origin: None,
        warranties: Vec::new(),
        materials: Vec::new(),
        maker: Maker {
            name: "Rosa".parse().unwrap(),
            domain: None,
            place: None,
            successor: key(99).public(),
        },
        claims: vec![self_declared("metals/0", "Gold 750"), self_declared("weightMg", "4.350 g")],
        hidden: Some(hidden),
        parts: Vec::new(),
        story: vec!["notes/01.md".parse().unwrap()],
    }
}

pub fn hidden() -> (Hidden, Vec<hallmark_vault::provenance::hidden::Disclosure>) {
    let price = Field { name: "price".into(), value: serde_json::json!({"amountMinor": 189_000}) };
    Hidden::hide(&[price], &mut rng(2)).unwrap()
}

/// The smallest JPEG shape our magic check knows: start of image, end of image.
pub const PHOTO: &[u8] = &[0xff, 0xd8, 0xff, 0xd9];

pub fn source(path: &str, media_type: MediaType, role: Role, content: &[u8]) -> Source {
    let metadata = Metadata { outcome: "clean".into(), removed: vec![], reveals: vec![] };
    let content = Box::new(Cursor::new(content.to_vec()));
    Source::new(path.parse().unwrap(), media_type, role, None, metadata, content).unwrap()
}

pub fn sources() -> Vec<Source> {
    vec![
        source("media/01.jpg", MediaType::Jpeg, Role::Photo, PHOTO),
        source("notes/01.md", MediaType::PlainText, Role::Note, b"Made by the sea.\n"),
    ]
}

pub fn chain() -> ChainSecret {
    ChainSecret::generate(&mut rng(3))
}

/// A minted file with one event.
pub fn minted() -> Vec<u8> {
    minted_by(&studio(), piece())
}

pub fn minted_by(keys: &StudioKeys, piece: Piece) -> Vec<u8> {
    let out = Cursor::new(Vec::new());
    let minting =
        Minting { piece, sources: sources(), made: None, at: at(MINTED), status_days: 180 };
    write::mint(minting, keys, &chain(), out).unwrap().into_inner()
}

pub fn inspect(bytes: &[u8]) -> Inspection {
    inspect::inspect(bytes, bytes.len() as u64, 2, &|_| true).unwrap()
}

pub fn open(bytes: &[u8]) -> ProvenanceFile {
    inspect(bytes).into_file().unwrap_or_else(|problems| panic!("{problems:?}"))
}

pub fn codes(bytes: &[u8]) -> Vec<&'static str> {
    inspect(bytes).problems.iter().map(hallmark_vault::provenance::Problem::code).collect()
}

pub fn pins(keys: &[PublicKey]) -> Pins {
    pins_as(keys, PinRole::Studio)
}

pub fn pins_as(keys: &[PublicKey], role: PinRole) -> Pins {
    let mut pins = Pins::default();
    for key in keys {
        let pin = Pin {
            fingerprint: key.fingerprint(),
            name: "Pinned".parse().unwrap(),
            role,
            source: PinSource::Card { pieces: [piece().id].into() },
            since: at(MINTED),
            followed: Vec::new(),
        };
        pins.add(pin).unwrap();
    }
    pins
}

pub fn verdict(bytes: &[u8], pins: &Pins, now: &str) -> Verdict {
    let circumstances = Circumstances { now: at(now), pins, domain: None, disclosures: &[] };
    judge(inspect(bytes), circumstances)
}

pub fn rewrite(bytes: &[u8], amendment: Amendment, writer: u8) -> Vec<u8> {
    let writer = WriterKey::new(key(writer));
    write::rewrite(&open(bytes), bytes, amendment, &writer, Cursor::new(Vec::new()))
        .unwrap()
        .into_inner()
}
