//! The envelope every signed document of a provenance file has: a W3C Verifiable Credential 2.0
//! with `eddsa-jcs-2022` proofs (`FORMAT.md`, section 4).

use hallmark_core::{
    json::{self, JsonError, Value},
    key::{PublicKey, SigningKey},
    proof::{self, ProofError, VerifiedProof},
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::text;

/// The contexts every document states, in this order.
pub const CONTEXTS: [&str; 2] = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/ns/credentials/undefined-terms/v2",
];

/// What a credential speaks of: its second `type`, and the shape of its subject.
pub trait Subject: Serialize + DeserializeOwned {
    /// The value after `VerifiableCredential` in `type`.
    const TYPE: &'static str;
    /// Whether such a credential may say until when it counts (`validUntil`). Where nobody looks at
    /// that, it is refused rather than passed over.
    const ENDS: bool = false;
}

/// A credential before it is signed, or after its proofs verified; the proofs are apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential<S> {
    #[serde(rename = "@context")]
    context: Vec<String>,
    #[serde(rename = "type")]
    types: Vec<String>,
    /// Who signs first.
    pub issuer: PublicKey,
    /// When it was issued.
    pub valid_from: Timestamp,
    /// Until when it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// What it says.
    pub credential_subject: S,
}

/// A credential whose proofs all verified, the first by its issuer. Made only by [`open`].
#[derive(Debug, Clone)]
pub struct Signed<S> {
    credential: Credential<S>,
    proofs: Vec<VerifiedProof>,
}

impl<S> Signed<S> {
    /// The credential.
    pub fn credential(&self) -> &Credential<S> {
        &self.credential
    }

    /// What it says.
    pub fn subject(&self) -> &S {
        &self.credential.credential_subject
    }

    /// Who signed: the issuer first, each key once.
    pub fn signers(&self) -> impl ExactSizeIterator<Item = PublicKey> {
        self.proofs.iter().map(|proof| proof.key)
    }
}

/// Why a signed document is refused.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Not strict or not canonical JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// Control characters in a text.
    #[error("a text holds control characters")]
    NotPlain,
    /// Fields that FORMAT.md does not have, or lacks ones it has.
    #[error("not a {kind} as FORMAT.md has it: {source}")]
    Shape {
        /// The type that was expected.
        kind: &'static str,
        /// What was wrong.
        source: serde_json::Error,
    },
    /// The document says it is something else.
    #[error("not a {kind}: it has another context or type")]
    Type {
        /// The type that was expected.
        kind: &'static str,
    },
    /// The document states its end, which this type has not.
    #[error("a {kind} has no validUntil")]
    Ends {
        /// The type.
        kind: &'static str,
    },
    /// A field that is there and says nothing, which FORMAT.md leaves out.
    #[error("not a {kind} as FORMAT.md has it: an empty field that should be left out")]
    Spelling {
        /// The type that was expected.
        kind: &'static str,
    },
    /// The proofs are missing, of another shape, or do not verify.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The first proof is not by the issuer.
    #[error("signed by another key than its issuer")]
    Issuer,
}

impl CredentialError {
    /// True where the document is what it should be but the signature is not: tampered with,
    /// rather than malformed.
    pub fn is_tampering(&self) -> bool {
        matches!(self, Self::Proof(ProofError::BadSignature) | Self::Issuer)
    }
}

impl<S: Subject> Credential<S> {
    /// A credential by `issuer`.
    pub fn new(issuer: PublicKey, valid_from: Timestamp, subject: S) -> Self {
        Self {
            context: CONTEXTS.map(str::to_owned).to_vec(),
            types: vec!["VerifiableCredential".into(), S::TYPE.into()],
            issuer,
            valid_from,
            valid_until: None,
            credential_subject: subject,
        }
    }

    /// Signs with the issuer's key; further parties sign with [`countersign`].
    ///
    /// # Errors
    /// [`CredentialError::Issuer`] when `key` is not the issuer's.
    pub fn sign(&self, key: &SigningKey) -> Result<Value, CredentialError> {
        if key.public() != self.issuer {
            return Err(CredentialError::Issuer);
        }
        let value = serde_json::to_value(self)
            .map_err(|source| CredentialError::Shape { kind: S::TYPE, source })?;
        let Value::Object(mut document) = value else {
            return Err(CredentialError::Type { kind: S::TYPE });
        };
        proof::sign(&mut document, key, self.valid_from);
        Ok(Value::Object(document))
    }
}

/// Adds a further party's proof to a signed document.
///
/// # Errors
/// [`CredentialError::Type`] for anything but a JSON object.
pub fn countersign(
    document: Value,
    key: &SigningKey,
    created: Timestamp,
) -> Result<Value, CredentialError> {
    let Value::Object(mut document) = document else {
        return Err(CredentialError::Type { kind: "credential" });
    };
    proof::sign(&mut document, key, created);
    Ok(Value::Object(document))
}

/// Reads and verifies a canonical signed document.
///
/// # Errors
/// [`CredentialError`]: every way in which the bytes are not exactly such a document.
pub fn open<S: Subject>(bytes: &[u8]) -> Result<Signed<S>, CredentialError> {
    open_value(json::parse_canonical(bytes)?)
}

/// [`open`] for a document embedded in another that was read strictly.
///
/// # Errors
/// As [`open`].
pub fn open_value<S: Subject>(document: Value) -> Result<Signed<S>, CredentialError> {
    if !text::all_plain(&document) {
        return Err(CredentialError::NotPlain);
    }
    let verified = proof::verify(document)?;
    let proofs = verified.proofs().to_vec();
    let credential = read(verified.into_value())?;
    if proofs[0].key != credential.issuer {
        return Err(CredentialError::Issuer);
    }
    Ok(Signed { credential, proofs })
}

/// The credential a document states, its proofs not looked at.
fn read<S: Subject>(document: Value) -> Result<Credential<S>, CredentialError> {
    let shape = |source| CredentialError::Shape { kind: S::TYPE, source };
    let credential: Credential<S> = serde_json::from_value(document.clone()).map_err(shape)?;
    let typed =
        credential.context == CONTEXTS && credential.types == ["VerifiableCredential", S::TYPE];
    if !typed {
        return Err(CredentialError::Type { kind: S::TYPE });
    }
    if credential.valid_until.is_some() && !S::ENDS {
        return Err(CredentialError::Ends { kind: S::TYPE });
    }
    // `null` or an empty list where a field is simply left out would be a second spelling, and what
    // an attestation signs is the first one.
    if serde_json::to_value(&credential).map_err(shape)? != document {
        return Err(CredentialError::Spelling { kind: S::TYPE });
    }
    Ok(credential)
}
