//! W3C Data Integrity proofs with the `eddsa-jcs-2022` cryptosuite
//! (<https://www.w3.org/TR/vc-di-eddsa/>, section 3.3).
//!
//! We write and accept one shape of proof: exactly the fields of [`sign`], a `did:key`
//! verification method, and the document's own `@context` inside the proof. A document carries one
//! proof as an object, or several as an array; each covers the document without any proof.

use crate::{
    hash::Sha256,
    json::{self, Map, Value},
    key::{PublicKey, Signature, SigningKey},
    time::Timestamp,
};

const SUITE: &str = "eddsa-jcs-2022";
/// The most proofs one document may carry.
pub const MAX_PROOFS: usize = 8;

/// Why a document's proofs are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The document is no object, or has no `proof`.
    #[error("the document carries no proof")]
    Missing,
    /// A proof has other fields or values than this profile writes.
    #[error("the proof's {field} is not as eddsa-jcs-2022 with did:key has it")]
    Shape {
        /// The field at fault.
        field: &'static str,
    },
    /// The same key signed twice, or more than [`MAX_PROOFS`].
    #[error("too many proofs, or two by one key")]
    Repeated,
    /// The signature does not verify.
    #[error("a signature does not verify")]
    BadSignature,
}

/// One proof that verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedProof {
    /// The key that signed.
    pub key: PublicKey,
    /// When the signer says it signed.
    pub created: Timestamp,
}

/// A document all of whose proofs verified. Made only by [`verify`].
#[derive(Debug, Clone)]
pub struct Verified {
    document: Map<String, Value>,
    proofs: Vec<VerifiedProof>,
}

impl Verified {
    /// The document without its proofs.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// The proofs in the document's order, at least one, each by another key.
    pub fn proofs(&self) -> &[VerifiedProof] {
        &self.proofs
    }

    /// The document without its proofs, as a value to read types from.
    pub fn into_value(self) -> Value {
        Value::Object(self.document)
    }
}

/// Adds a proof by `key` to a document: the first as an object, further ones as an array.
///
/// `proofValue = z base58btc(Ed25519(key, SHA-256(JCS(config)) || SHA-256(JCS(document))))`,
/// where the config is the proof without `proofValue` and the document is without `proof`.
pub fn sign(document: &mut Map<String, Value>, key: &SigningKey, created: Timestamp) {
    let earlier = document.remove("proof");
    let mut proof = config(document, &key.public(), created);
    let signature = key.sign_standard(&signed_bytes(&proof, document));
    let value = format!("z{}", bs58::encode(signature.as_bytes()).into_string());
    proof.insert("proofValue".into(), value.into());
    let proofs = match earlier {
        None => Value::Object(proof),
        Some(Value::Array(mut proofs)) => {
            proofs.push(Value::Object(proof));
            Value::Array(proofs)
        }
        Some(first) => Value::Array(vec![first, Value::Object(proof)]),
    };
    document.insert("proof".into(), proofs);
}

/// Checks every proof of a document, strictly.
///
/// # Errors
/// [`ProofError`]: a document without proof, with a proof of another shape, with two proofs by one
/// key, or with a signature that does not verify. One bad proof refuses the whole document.
pub fn verify(document: Value) -> Result<Verified, ProofError> {
    let Value::Object(mut document) = document else { return Err(ProofError::Missing) };
    let proofs = match document.remove("proof").ok_or(ProofError::Missing)? {
        Value::Array(proofs) if proofs.len() > 1 => proofs,
        proof @ Value::Object(_) => vec![proof],
        _ => return Err(ProofError::Shape { field: "proof" }),
    };
    if proofs.len() > MAX_PROOFS {
        return Err(ProofError::Repeated);
    }
    let mut verified: Vec<VerifiedProof> = Vec::with_capacity(proofs.len());
    for proof in proofs {
        let one = verify_one(&document, proof)?;
        if verified.iter().any(|earlier| earlier.key == one.key) {
            return Err(ProofError::Repeated);
        }
        verified.push(one);
    }
    Ok(Verified { document, proofs: verified })
}

fn verify_one(document: &Map<String, Value>, proof: Value) -> Result<VerifiedProof, ProofError> {
    let Value::Object(mut proof) = proof else { return Err(ProofError::Shape { field: "proof" }) };
    let method = proof.get("verificationMethod").and_then(Value::as_str).unwrap_or_default();
    let key: PublicKey = method
        .split_once('#')
        .and_then(|(did, _)| did.parse().ok())
        .ok_or(ProofError::Shape { field: "verificationMethod" })?;
    let created = proof
        .get("created")
        .and_then(Value::as_str)
        .and_then(|at| at.parse().ok())
        .ok_or(ProofError::Shape { field: "created" })?;
    let signature = match proof.remove("proofValue") {
        Some(Value::String(text)) => signature(&text),
        _ => None,
    }
    .ok_or(ProofError::Shape { field: "proofValue" })?;
    let expected = config(document, &key, created);
    if let Some(field) = ["type", "cryptosuite", "verificationMethod", "proofPurpose", "@context"]
        .into_iter()
        .find(|field| proof.get(*field) != expected.get(*field))
    {
        return Err(ProofError::Shape { field });
    }
    if proof.len() != expected.len() {
        return Err(ProofError::Shape { field: "set of fields" });
    }
    key.verify_standard(&signed_bytes(&proof, document), &signature)
        .map_err(|_| ProofError::BadSignature)?;
    Ok(VerifiedProof { key, created })
}

fn config(
    document: &Map<String, Value>,
    key: &PublicKey,
    created: Timestamp,
) -> Map<String, Value> {
    let mut proof = Map::new();
    proof.insert("type".into(), "DataIntegrityProof".into());
    proof.insert("cryptosuite".into(), SUITE.into());
    proof.insert("created".into(), created.to_string().into());
    proof.insert("verificationMethod".into(), key.verification_method().into());
    proof.insert("proofPurpose".into(), "assertionMethod".into());
    if let Some(context) = document.get("@context") {
        proof.insert("@context".into(), context.clone());
    }
    proof
}

fn signed_bytes(config: &Map<String, Value>, document: &Map<String, Value>) -> [u8; 64] {
    let mut bytes = [0; 64];
    for (half, map) in bytes.chunks_mut(32).zip([config, document]) {
        let canonical = json::canonical(&Value::Object(map.clone()));
        half.copy_from_slice(Sha256::of(&canonical).as_bytes());
    }
    bytes
}

/// `z` and the base58btc of 64 bytes, in its one spelling.
fn signature(text: &str) -> Option<Signature> {
    let mut bytes = [0; 64];
    let len = bs58::decode(text.strip_prefix('z')?).onto(&mut bytes[..]).ok()?;
    let canonical = bs58::encode(bytes).into_string() == text[1..];
    (len == 64 && canonical).then(|| Signature::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-05-03T12:00:00Z".parse().expect("a time")
    }

    fn signed(keys: &[u8]) -> Value {
        let mut document = Map::new();
        document.insert("@context".into(), serde_json::json!(["https://example.com/a"]));
        document.insert("name".into(), "ring".into());
        for seed in keys {
            sign(&mut document, &SigningKey::from_seed(&[*seed; 32]), at());
        }
        Value::Object(document)
    }

    #[test]
    fn one_and_two_proofs_verify() {
        for keys in [&[1][..], &[1, 2], &[1, 2, 3]] {
            let verified = verify(signed(keys)).expect("own proofs");
            assert_eq!(verified.proofs().len(), keys.len());
            assert_eq!(verified.document()["name"], "ring");
        }
    }

    #[test]
    fn any_changed_field_is_refused() {
        let original = signed(&[1]);
        for pointer in [
            "/name",
            "/@context/0",
            "/proof/created",
            "/proof/proofPurpose",
            "/proof/type",
            "/proof/cryptosuite",
            "/proof/@context/0",
        ] {
            let mut changed = original.clone();
            *changed.pointer_mut(pointer).expect(pointer) = "2026-05-03T12:00:01Z".into();
            assert!(verify(changed).is_err(), "{pointer}");
        }
        let mut extra = original.clone();
        extra["proof"]["domain"] = "x".into();
        assert_eq!(verify(extra).expect_err("extra"), ProofError::Shape { field: "set of fields" });
        let mut none = original;
        none.as_object_mut().expect("object").remove("proof");
        assert_eq!(verify(none).expect_err("none"), ProofError::Missing);
    }

    #[test]
    fn two_proofs_by_one_key_and_lone_arrays_are_refused() {
        assert_eq!(verify(signed(&[1, 1])).expect_err("twice"), ProofError::Repeated);
        let mut lone = signed(&[1]);
        lone["proof"] = Value::Array(vec![lone["proof"].clone()]);
        assert_eq!(verify(lone).expect_err("array"), ProofError::Shape { field: "proof" });
        assert_eq!(
            verify(signed(&[1, 2, 3, 4, 5, 6, 7, 8, 9])).expect_err("nine"),
            ProofError::Repeated
        );
    }
}
