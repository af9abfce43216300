//! Project Wycheproof's vectors, run against the primitives as this crate uses them.
//!
//! The files are read from the folder named by `HALLMARK_VECTORS`, or from `../shared/vectors` next
//! to the workspace. Where they are missing a test says so on standard error and passes.

#![allow(clippy::unwrap_used)]

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, VerifyingKey};
use ring::{aead, hkdf};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;

/// Compares `check` with the stated result of each test of a file. `None` from `check` passes over
/// a test whose key, nonce or tag length the primitive does not take.
fn run(file: &str, check: impl Fn(&Value, &Value) -> Option<bool>) -> Option<Outcome> {
    let folder = std::env::var_os("HALLMARK_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let path = folder.join("wycheproof").join(file);
    let Ok(bytes) = std::fs::read(&path) else {
        // Written past the test harness, which would keep it to itself.
        let line = format!("skipped: vectors not present ({file})\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    let vectors: Value = serde_json::from_slice(&bytes).unwrap();
    let mut outcome = Outcome::default();
    for group in vectors["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            match (check(group, test), test["result"].as_str().unwrap()) {
                (None, _) => outcome.not_taken += 1,
                (Some(true), "valid") | (Some(false), "invalid") => outcome.agreed += 1,
                (Some(false), "valid") => outcome.stricter.push(id),
                (Some(true), "invalid") => outcome.laxer.push(id),
                (Some(_), result) => panic!("{file} {id}: result {result}"),
            }
        }
    }
    let seen = outcome.agreed + outcome.not_taken + outcome.stricter.len() + outcome.laxer.len();
    assert_eq!(seen as u64, vectors["numberOfTests"].as_u64().unwrap(), "{file}");
    Some(outcome)
}

#[derive(Default, Debug, PartialEq)]
struct Outcome {
    agreed: usize,
    /// Nonce or tag lengths that the primitive's types do not allow.
    not_taken: usize,
    /// Valid and refused.
    stricter: Vec<u64>,
    /// Invalid and accepted.
    laxer: Vec<u64>,
}

impl Outcome {
    fn expect(self, agreed: usize, not_taken: usize) {
        let expected = Self { agreed, not_taken, ..Self::default() };
        assert_eq!(self, expected);
    }
}

fn hex(test: &Value, field: &str) -> Vec<u8> {
    HEXLOWER.decode(test[field].as_str().unwrap().as_bytes()).unwrap()
}

/// The parts of an AEAD test, if key, nonce and tag have the wanted lengths in bits.
fn aead_parts(group: &Value, key_bits: u64, nonce_bits: u64) -> Option<()> {
    let lengths = [("keySize", key_bits), ("ivSize", nonce_bits), ("tagSize", 128)];
    lengths.iter().all(|(name, bits)| group[name].as_u64() == Some(*bits)).then_some(())
}

fn ring_aead(algorithm: &'static aead::Algorithm, test: &Value) -> bool {
    let key = aead::UnboundKey::new(algorithm, &hex(test, "key")).unwrap();
    let key = aead::LessSafeKey::new(key);
    let nonce = || aead::Nonce::try_assume_unique_for_key(&hex(test, "iv")).unwrap();
    let (msg, ct, tag) = (hex(test, "msg"), hex(test, "ct"), hex(test, "tag"));

    let mut sealed = msg.clone();
    let computed = key
        .seal_in_place_separate_tag(nonce(), aead::Aad::from(hex(test, "aad")), &mut sealed)
        .unwrap();
    let seals = sealed == ct && computed.as_ref() == tag;

    let mut opened = ct.clone();
    let tag = aead::Tag::try_from(tag.as_slice()).unwrap();
    let aad = aead::Aad::from(hex(test, "aad"));
    let opens = key.open_in_place_separate_tag(nonce(), aad, tag, &mut opened, 0..).is_ok();
    assert_eq!(opens && opened == msg, seals, "sealing and opening agree: {test}");
    opens
}

fn rust_crypto_aead(
    test: &Value,
    seal: impl Fn(Payload<'_, '_>) -> Option<Vec<u8>>,
    open: impl Fn(Payload<'_, '_>) -> Option<Vec<u8>>,
) -> bool {
    let (msg, aad) = (hex(test, "msg"), hex(test, "aad"));
    let expected = [hex(test, "ct"), hex(test, "tag")].concat();
    let seals = seal(Payload { msg: &msg, aad: &aad }).unwrap() == expected;
    let opened = open(Payload { msg: &expected, aad: &aad });
    assert_eq!(opened == Some(msg), seals, "sealing and opening agree: {test}");
    opened.is_some()
}

#[test]
fn aes_256_gcm_by_ring() {
    if let Some(outcome) = run("aes_gcm_test.json", |group, test| {
        aead_parts(group, 256, 96)?;
        Some(ring_aead(&aead::AES_256_GCM, test))
    }) {
        outcome.expect(66, 250);
    }
}

#[test]
fn chacha20_poly1305_by_ring() {
    if let Some(outcome) = run("chacha20_poly1305_test.json", |group, test| {
        aead_parts(group, 256, 96)?;
        Some(ring_aead(&aead::CHACHA20_POLY1305, test))
    }) {
        outcome.expect(316, 9);
    }
}

#[test]
fn chacha20_poly1305_by_rust_crypto() {
    if let Some(outcome) = run("chacha20_poly1305_test.json", |group, test| {
        aead_parts(group, 256, 96)?;
        let cipher = ChaCha20Poly1305::new_from_slice(&hex(test, "key")).unwrap();
        let nonce: [u8; 12] = hex(test, "iv").try_into().unwrap();
        let nonce = nonce.into();
        Some(rust_crypto_aead(
            test,
            |payload| cipher.encrypt(&nonce, payload).ok(),
            |payload| cipher.decrypt(&nonce, payload).ok(),
        ))
    }) {
        outcome.expect(316, 9);
    }
}

#[test]
fn xchacha20_poly1305() {
    if let Some(outcome) = run("xchacha20_poly1305_test.json", |group, test| {
        aead_parts(group, 256, 192)?;
        let key: [u8; 32] = hex(test, "key").try_into().unwrap();
        let cipher = XChaCha20Poly1305::new(&Key::from(key));
        let nonce: [u8; 24] = hex(test, "iv").try_into().unwrap();
        let nonce = XNonce::from(nonce);
        Some(rust_crypto_aead(
            test,
            |payload| cipher.encrypt(&nonce, payload).ok(),
            |payload| cipher.decrypt(&nonce, payload).ok(),
        ))
    }) {
        outcome.expect(306, 9);
    }
}

struct OkmLen(usize);

impl hkdf::KeyType for OkmLen {
    fn len(&self) -> usize {
        self.0
    }
}

fn hkdf_agrees(algorithm: hkdf::Algorithm, test: &Value) -> bool {
    let (salt, info) = (hex(test, "salt"), hex(test, "info"));
    let prk = hkdf::Salt::new(algorithm, &salt).extract(&hex(test, "ikm"));
    let mut okm = vec![0; usize::try_from(test["size"].as_u64().unwrap()).unwrap()];
    let len = OkmLen(okm.len());
    let filled = prk.expand(&[&info], len).and_then(|expanded| expanded.fill(&mut okm));
    filled.is_ok() && okm == hex(test, "okm")
}

#[test]
fn hkdf_sha512() {
    if let Some(outcome) =
        run("hkdf_sha512_test.json", |_, test| Some(hkdf_agrees(hkdf::HKDF_SHA512, test)))
    {
        outcome.expect(83, 0);
    }
}

#[test]
fn hkdf_sha256() {
    if let Some(outcome) =
        run("hkdf_sha256_test.json", |_, test| Some(hkdf_agrees(hkdf::HKDF_SHA256, test)))
    {
        outcome.expect(86, 0);
    }
}

/// `verify_strict` is stricter than RFC 8032 asks on none of the vectors: the list of valid ones
/// that it refuses is empty, and so is that of invalid ones that it accepts.
#[test]
fn ed25519_verify_strict() {
    if let Some(outcome) = run("ed25519_test.json", |group, test| {
        let key: [u8; 32] = hex(&group["publicKey"], "pk").try_into().unwrap();
        let signature = <[u8; 64]>::try_from(hex(test, "sig"));
        Some(match (VerifyingKey::from_bytes(&key), signature) {
            (Ok(key), Ok(signature)) => {
                let signature = Signature::from_bytes(&signature);
                !key.is_weak() && key.verify_strict(&hex(test, "msg"), &signature).is_ok()
            }
            _ => false,
        })
    }) {
        outcome.expect(151, 0);
    }
}
