//! Claims: who says what about the piece, how strongly, under which rule, at which date
//! (`FORMAT.md`, section 6).

use std::collections::BTreeMap;

use hallmark_core::{
    hash::Sha256,
    id::PieceId,
    json::Value,
    key::{PublicKey, SigningKey},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    credential::{self, Credential, CredentialError, Signed, Subject},
    path::PartPath,
    text::{Date, Text},
};

/// How strong a claim calls itself. Above self-declared it needs the party's own signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// The maker says so.
    SelfDeclared,
    /// A supplier warrants it.
    SupplierWarranty,
    /// An auditor examined the chain of supply.
    Audited,
    /// A gemmological laboratory examined the stone or the metal.
    Lab,
    /// An assay office tested and marked the metal.
    Assay,
}

/// One claim about one field of the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// The field it speaks of, as a JSON pointer into the piece without the leading slash
    /// (RFC 6901): `metals/0`, `weightMg`, `stones/1`, `origin`.
    pub about: Text,
    /// The claim in one sentence.
    pub says: Text,
    /// How strong it calls itself.
    pub strength: Strength,
    /// Who makes it, as a name.
    pub by: Text,
    /// The rule it is made under, such as `ISO 18323:2015` or `maker's own statement`.
    pub rule: Text,
    /// When it was made.
    pub date: Date,
    /// The party's own signed credential ([`Attestation`]), for a strength above self-declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Value>,
}

/// What the party signs: the claim, the piece, the exact value of the field it speaks of, and the
/// content of every part that value names, so that none can be exchanged under the signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attestation {
    /// The piece.
    pub id: PieceId,
    /// The claim, without attestation.
    pub claim: Claim,
    /// The value of the field at `claim.about`.
    pub value: Value,
    /// SHA-256 of each part whose path stands in `value`: [`named_parts`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<PartPath, Sha256>,
}

/// The parts of a manifest (its subject as JSON) whose paths stand anywhere in `value`, with their
/// SHA-256: a report that a value names is part of what is said.
pub fn named_parts(value: &Value, piece: &Value) -> BTreeMap<PartPath, Sha256> {
    let text = |part: &Value, member: &str| part.get(member)?.as_str().map(str::to_owned);
    let parts = piece.get("parts").and_then(Value::as_array).into_iter().flatten();
    parts
        .filter_map(|part| Some((text(part, "path")?, text(part, "sha256")?)))
        .filter(|(path, _)| names(value, path))
        .filter_map(|(path, sha256)| Some((path.parse().ok()?, sha256.parse().ok()?)))
        .collect()
}

fn names(value: &Value, path: &str) -> bool {
    match value {
        Value::String(text) => text == path,
        Value::Array(items) => items.iter().any(|item| names(item, path)),
        Value::Object(members) => members.values().any(|member| names(member, path)),
        _ => false,
    }
}

impl Subject for Attestation {
    const TYPE: &'static str = "HallmarkAttestation";
}

/// What is known of who stands behind a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// No signature but the maker's own.
    None,
    /// This key of the party signed it.
    Key(PublicKey),
}

/// Why an attestation does not belong to its claim.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The field the claim speaks of is not in the manifest.
    #[error("the claim speaks of {about}, which the manifest does not have")]
    NoField {
        /// The pointer.
        about: Text,
    },
    /// The attestation is not a valid credential.
    #[error("the attestation of the claim about {about}: {source}")]
    Credential {
        /// The pointer.
        about: Text,
        /// What was wrong.
        source: CredentialError,
    },
    /// The attestation is for another piece, claim, value or content of a part.
    #[error("the attestation of the claim about {about} was made for something else")]
    Elsewhere {
        /// The pointer.
        about: Text,
    },
}

impl ClaimError {
    /// True where signed content was exchanged, rather than badly formed.
    pub fn is_tampering(&self) -> bool {
        match self {
            Self::NoField { .. } => false,
            Self::Credential { source, .. } => source.is_tampering(),
            Self::Elsewhere { .. } => true,
        }
    }
}

impl Claim {
    /// Signs this claim as the party it is by: `value` is the field of the manifest it speaks of,
    /// `parts` its [`named_parts`].
    ///
    /// # Errors
    /// [`CredentialError`] when the credential cannot be made.
    pub fn attest(
        &mut self,
        id: PieceId,
        value: Value,
        parts: BTreeMap<PartPath, Sha256>,
        key: &SigningKey,
        at: Timestamp,
    ) -> Result<(), CredentialError> {
        let claim = Self { attestation: None, ..self.clone() };
        let subject = Attestation { id, claim, value, parts };
        self.attestation = Some(Credential::new(key.public(), at, subject).sign(key)?);
        Ok(())
    }

    /// Checks the claim against the piece it stands in (`piece` is the manifest's subject as JSON).
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn check(&self, id: PieceId, piece: &Value) -> Result<Backing, ClaimError> {
        let about = || self.about.clone();
        let value = piece
            .pointer(&format!("/{}", self.about))
            .ok_or_else(|| ClaimError::NoField { about: about() })?;
        let Some(attestation) = &self.attestation else { return Ok(Backing::None) };
        let signed: Signed<Attestation> = credential::open_value(attestation.clone())
            .map_err(|source| ClaimError::Credential { about: about(), source })?;
        let subject = signed.subject();
        let same = subject.id == id
            && subject.value == *value
            && subject.parts == named_parts(value, piece)
            && subject.claim == Self { attestation: None, ..self.clone() }
            && signed.signers().len() == 1;
        if !same {
            return Err(ClaimError::Elsewhere { about: about() });
        }
        Ok(Backing::Key(signed.credential().issuer))
    }
}
