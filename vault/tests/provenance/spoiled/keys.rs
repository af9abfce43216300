//! Weak keys, and signatures that only a lax verifier accepts (RFC 8032; "Taming the many EdDSAs",
//! Chalkias, Garillot, Nikolaenko 2020).
//!
//! The forgeries are made with the curve itself. Each has a control: the equation of a lax verifier
//! accepts it, so that what is refused here is the laxness and not a slip in the forging.

use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION},
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
    traits::IsIdentity,
};
use ed25519_dalek::Verifier;
use hallmark_core::{
    hash::Sha256,
    json::{self, Value},
    key::{KeyError, PublicKey, Signature},
};
use hallmark_vault::provenance::{event::Kind, minisign};

use super::{malformed, tampered};
use crate::{fixture::*, forge::*};

/// The order of the base point, little-endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Every encoding of a point of small order that a lenient decoder reads: the eight canonical ones
/// and the six others (y beyond the field, or a sign where x is 0).
fn weak_keys() -> Vec<[u8; 32]> {
    let canonical = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes());
    let with = |first: u8, last: u8, middle: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let others = [
        with(0xed, 0x7f, 0xff), // y = p, that is 0
        with(0xed, 0xff, 0xff),
        with(0xee, 0x7f, 0xff), // y = p + 1, that is 1
        with(0xee, 0xff, 0xff),
        with(0x01, 0x80, 0x00), // y = 1 with a sign
        with(0xec, 0xff, 0xff), // y = -1 with a sign
    ];
    canonical.chain(others).collect()
}

/// `did:key:z..` of any 32 bytes.
fn did(bytes: &[u8; 32]) -> String {
    format!("did:key:z{}", bs58::encode([&[0xed, 0x01], &bytes[..]].concat()).into_string())
}

/// The scalar of the key of this seed.
fn secret(seed: u8) -> Scalar {
    use ring::digest::{SHA512, digest};
    let hash = digest(&SHA512, &[seed; 32]);
    let mut bytes: [u8; 32] = hash.as_ref()[..32].try_into().unwrap();
    (bytes[0], bytes[31]) = (bytes[0] & 248, bytes[31] & 63 | 64);
    Scalar::from_bytes_mod_order(bytes)
}

/// `SHA-512(R || A || M)` as a scalar.
fn challenge(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    use ring::digest::{SHA512, digest};
    let hash = digest(&SHA512, &[r, a, message].concat());
    Scalar::from_bytes_mod_order_wide(hash.as_ref().try_into().unwrap())
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    [&r[..], s].concat().try_into().unwrap()
}

/// What batch verification asks: `8 S B = 8 R + 8 h A`.
fn batch_accepts(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let r: [u8; 32] = signature[..32].try_into().unwrap();
    let s = Scalar::from_bytes_mod_order(signature[32..].try_into().unwrap());
    let point = |bytes| CompressedEdwardsY(bytes).decompress().unwrap();
    let h = challenge(&r, key, message);
    (B * s - point(r) - point(*key) * h).mul_by_cofactor().is_identity()
}

/// What dalek's verification that is not strict asks.
fn lax_accepts(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key).unwrap();
    key.verify(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
}

/// A point of order 8.
fn torsion() -> EdwardsPoint {
    EIGHT_TORSION[1]
}

/// By the key of seed 1, with an R off by a point of small order: for batch verification only.
fn off_by_torsion(message: &[u8]) -> [u8; 64] {
    let nonce = Scalar::from(1_234_567_u64);
    let r = (B * nonce + torsion()).compress().to_bytes();
    let s = nonce + challenge(&r, key(1).public().as_bytes(), message) * secret(1);
    joined(&r, s.as_bytes())
}

/// By the key of seed 1, with an R of small order: for verification that is not strict.
fn small_order_r(message: &[u8]) -> [u8; 64] {
    let r = EdwardsPoint::default().compress().to_bytes();
    let s = challenge(&r, key(1).public().as_bytes(), message) * secret(1);
    joined(&r, s.as_bytes())
}

/// The honest signature with L added to S: another signature under the same equation.
fn second_spelling(message: &[u8]) -> [u8; 64] {
    let mut bytes = *key(1).sign_standard(message).as_bytes();
    let mut carry = 0;
    for (byte, l) in bytes[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0);
    bytes
}

/// A document with one proof in `key`'s name whose signature `sign` makes of the signed bytes.
fn forged(document: &Value, key: &[u8; 32], sign: impl FnOnce(&[u8]) -> [u8; 64]) -> Value {
    let mut document = signed(document.clone(), &[&crate::fixture::key(1)]);
    let did = did(key);
    let mut proof = document.as_object_mut().unwrap().remove("proof").unwrap();
    proof.as_object_mut().unwrap().remove("proofValue");
    proof["verificationMethod"] = format!("{did}#{}", &did["did:key:".len()..]).into();
    let halves = [&proof, &document].map(|half| *Sha256::of(&json::canonical(half)).as_bytes());
    let signature = sign(&halves.concat());
    proof["proofValue"] = format!("z{}", bs58::encode(signature).into_string()).into();
    document["proof"] = proof;
    document
}

/// T-08: a signature that only batch verification, or only verification that is not strict, or
/// only a reader of unreduced scalars accepts, is none.
#[test]
fn signatures_that_only_lax_verification_accepts_are_refused() {
    let public = key(1).public();
    let refused = |message: &[u8], signature: [u8; 64]| {
        let signature = Signature::from_bytes(signature);
        assert_eq!(public.verify_standard(message, &signature), Err(KeyError::BadSignature));
    };
    let message = b"a ring";
    let (batch, lax, second) =
        (off_by_torsion(message), small_order_r(message), second_spelling(message));
    assert!(batch_accepts(public.as_bytes(), message, &batch), "control");
    assert!(!lax_accepts(public.as_bytes(), message, &batch), "for batch verification alone");
    assert!(lax_accepts(public.as_bytes(), message, &lax), "control");
    assert!(batch_accepts(public.as_bytes(), message, &second), "control");
    for signature in [batch, lax, second] {
        refused(message, signature);
    }

    for name in [MANIFEST, EVENT_1, STATUS] {
        for sign in [off_by_torsion, small_order_r, second_spelling] {
            let mut loose = Loose::minted();
            let document = forged(&loose.json(name), public.as_bytes(), sign);
            tampered(name, &loose.set_json(name, &document).sealed(), &["signature"]);
        }
    }
    // the control: the same way of forging with an honest signature
    let mut loose = Loose::minted();
    let honest =
        forged(&loose.json(STATUS), public.as_bytes(), |m| *key(1).sign_standard(m).as_bytes());
    assert_eq!(codes(&loose.set_json(STATUS, &honest).sealed()), [""; 0]);
}

/// T-08: a key with a component of small order signs for batch verification what strict
/// verification refuses; two verifiers would disagree about the file.
#[test]
fn a_key_of_mixed_order_cannot_make_verifiers_disagree() {
    let secret = secret(1);
    let mixed = (B * secret + torsion()).compress().to_bytes();
    let key = PublicKey::from_bytes(&mixed).unwrap();
    let disagreements = (0..32_u64).filter(|n| {
        let message = n.to_le_bytes();
        let nonce = Scalar::from(n + 1);
        let r = (B * nonce).compress().to_bytes();
        let h = challenge(&r, &mixed, &message);
        let signature = joined(&r, (nonce + h * secret).as_bytes());
        assert!(batch_accepts(&mixed, &message, &signature), "control");
        let strict = key.verify_standard(&message, &Signature::from_bytes(signature)).is_ok();
        let exact = (torsion() * h).is_identity();
        assert_eq!(strict, exact, "strict verification asks the exact equation");
        !strict
    });
    assert!(disagreements.count() > 16);
}

/// T-08: under a key of small order anybody signs anything: no such key is read anywhere.
#[test]
fn keys_of_small_order_are_refused_wherever_a_key_stands() {
    let weak = weak_keys();
    assert_eq!(weak.len(), 14);
    // the control: under the neutral element one signature fits every message
    let neutral = EdwardsPoint::default().compress().to_bytes();
    let any = |_: &[u8]| joined(&B.compress().to_bytes(), Scalar::ONE.as_bytes());
    assert!(lax_accepts(&neutral, b"anything", &any(b"")));
    assert!(weak.contains(&neutral));

    for key_bytes in &weak {
        let did = did(key_bytes);
        assert!(PublicKey::from_bytes(key_bytes).is_err(), "{did}");
        assert!(did.parse::<PublicKey>().is_err(), "{did}");
        for name in [MANIFEST, EVENT_1, STATUS] {
            let mut loose = Loose::minted();
            let mut document = loose.json(name);
            document["issuer"] = did.clone().into();
            let document = forged(&document, key_bytes, any);
            malformed((name, &did), &loose.set_json(name, &document).sealed(), &["proof-shape"]);
        }
        let mut issuer = Loose::minted();
        issuer.resign(MANIFEST, &[&key(1)], |manifest| manifest["issuer"] = did.clone().into());
        malformed(("issuer", &did), &issuer.sealed(), &["document-shape"]);

        let mut successor = Loose::minted();
        successor.remint(|manifest| {
            manifest["credentialSubject"]["maker"]["successor"] = did.clone().into();
        });
        malformed(("successor", &did), &successor.sealed(), &["document-shape"]);

        let mut owner =
            Loose::of(&crate::life::append(&minted(), Kind::Sold, &[&key(1), &key(9)]).unwrap());
        owner.resign(EVENT_2, &[&key(1), &key(9)], |event| {
            event["credentialSubject"]["owner"] = did.clone().into();
        });
        malformed(("owner", &did), &owner.sealed(), &["document-shape"]);

        let mut writer = Loose::minted();
        let minisig = weak_minisig(key_bytes, writer.text(MINISIG));
        malformed(("writer", &did), &writer.set(MINISIG, minisig).pack(), &["minisign-shape"]);
    }
}

/// The minisign file with a writer's key of small order, under which its signatures fit.
fn weak_minisig(key: &[u8; 32], minisig: String) -> String {
    use data_encoding::BASE64;
    let lines: Vec<&str> = minisig.lines().collect();
    let id = &Sha256::of(&[b"hallmark/minisign-key-id/v1\0", &key[..]].concat()).as_bytes()[..8]
        .to_vec();
    let signature = joined(&B.compress().to_bytes(), Scalar::ONE.as_bytes());
    let (comment, _) = lines[0].rsplit_once(' ').unwrap();
    format!(
        "{comment} {}\n{}\n{}\n{}\n",
        BASE64.encode(&[b"Ed", &id[..], key].concat()),
        BASE64.encode(&[b"ED", &id[..], &signature].concat()),
        lines[2],
        BASE64.encode(&signature),
    )
}

/// T-08: a key has one spelling; a second one would be a second fingerprint of the same key.
#[test]
fn keys_written_otherwise_are_refused() {
    // y = 3 is a point of large order; y = p + 3 is the same point in a second spelling
    let mut three = [0; 32];
    three[0] = 3;
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xf0, 0x7f);
    let point = |bytes| CompressedEdwardsY(bytes).decompress().unwrap();
    assert_eq!(point(three), point(second), "control");
    assert!(PublicKey::from_bytes(&three).is_ok());
    assert_eq!(PublicKey::from_bytes(&second), Err(KeyError::NotAKey));

    let good = key(1).public().to_string();
    let p256 = {
        let bytes = [&[0x80, 0x24][..], &[2; 33]].concat();
        format!("did:key:z{}", bs58::encode(bytes).into_string())
    };
    for wrong in [
        did(&second),
        did(&[0xff; 32]),
        p256,
        good.replace("z6Mk", "z16Mk"),
        good.replace("did:key:z", "did:key:m"),
        good.replace("did:key:", "DID:KEY:"),
        good.replace("did:key:", "did:web:"),
        format!("{good}#{}", &good[8..]),
        format!("{good}1"),
        format!(" {good}"),
        good[..good.len() - 1].to_owned(),
        good[8..].to_owned(),
        String::new(),
    ] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        let mut loose = Loose::minted();
        loose.remint(|manifest| {
            manifest["credentialSubject"]["maker"]["successor"] = wrong.clone().into();
        });
        malformed(&wrong, &loose.sealed(), &["document-shape"]);
    }
}

/// T-08: the signatures of `SHA256SUMS` are verified as strictly.
#[test]
fn lax_minisign_signatures_are_refused() {
    use blake2::{Blake2b512, Digest};
    use data_encoding::BASE64;

    let loose = Loose::minted();
    let sums = loose.bytes(SUMS);
    let writer = minisign::WriterKey::new(key(1));
    let honest = writer.sign(sums, piece_id());
    assert_eq!(minisign::verify(honest.as_bytes(), sums, piece_id()), Ok(()));
    let lines: Vec<&str> = honest.lines().collect();
    let prehash: [u8; 64] = Blake2b512::digest(sums).into();
    let comment = lines[2].strip_prefix("trusted comment: ").unwrap();
    for sign in [off_by_torsion, small_order_r, second_spelling] {
        let signature = sign(&prehash);
        let id = &BASE64.decode(lines[1].as_bytes()).unwrap()[..10];
        let global = sign(&[&signature[..], comment.as_bytes()].concat());
        let first = BASE64.encode(&[id, &signature].concat());
        let forged = format!("{}\n{first}\n{}\n{}\n", lines[0], lines[2], BASE64.encode(&global));
        let error = minisign::verify(forged.as_bytes(), sums, piece_id());
        assert_eq!(error, Err(minisign::MinisignError::BadSignature));
        tampered("lax", &Loose::minted().set(MINISIG, forged).pack(), &["minisign-signature"]);
    }
}
