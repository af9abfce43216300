//! That a log has two histories, as evidence that anybody can check who knows the log's key
//! (`consent/FORMAT.md`, section 6).

use hallmark_core::{hash::Sha256, json};
use serde::{Deserialize, Serialize};

use super::{
    checkpoint::{CheckpointError, SignedCheckpoint},
    merkle::{MAX_PROOF_LEN, verify_consistency},
    note::{NoteError, VerifierKey},
};

/// Why evidence shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    /// Not of the form.
    #[error("not evidence of two histories")]
    Malformed(#[from] serde_json::Error),
    /// Not strict JSON.
    #[error("not evidence of two histories")]
    Json(#[from] json::JsonError),
    /// A checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint is not by the log.
    #[error("the log did not sign both checkpoints")]
    NotSigned,
    /// A signature in the log's name does not hold.
    #[error(transparent)]
    Signature(#[from] NoteError),
    /// The two checkpoints may be of one history.
    #[error("nothing here shows that the two checkpoints are of two histories")]
    NoFork,
}

/// Two checkpoints of one log, and what the newer one has in place of the older one's entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fork {
    hallmark: Form,
    older: String,
    newer: String,
    /// Root of the first entries of the newer one, as many as the older one has.
    root: Sha256,
    /// That the newer one goes on from that.
    consistency: Vec<Sha256>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Form {
    #[serde(rename = "fork/1")]
    First,
}

impl Fork {
    /// Evidence of these parts.
    pub fn new(
        older: &SignedCheckpoint,
        newer: &SignedCheckpoint,
        root: Sha256,
        consistency: Vec<Sha256>,
    ) -> Self {
        let (older, newer) = (older.to_string(), newer.to_string());
        Self { hallmark: Form::First, older, newer, root, consistency }
    }

    /// Reads evidence.
    ///
    /// # Errors
    /// [`ForkError::Json`], [`ForkError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ForkError> {
        Ok(serde_json::from_value(json::parse(bytes)?)?)
    }

    /// Checks that the log with this key signed two checkpoints that no one history has. Returns them,
    /// the smaller one first.
    ///
    /// # Errors
    /// [`ForkError`].
    pub fn verify(&self, log: &VerifierKey) -> Result<[SignedCheckpoint; 2], ForkError> {
        let read = |text: &str| -> Result<SignedCheckpoint, ForkError> {
            let signed = SignedCheckpoint::parse(text.as_bytes())?;
            if signed.is_signed_by(log)? { Ok(signed) } else { Err(ForkError::NotSigned) }
        };
        let (older, newer) = (read(&self.older)?, read(&self.newer)?);
        let (old, new) = (older.claimed(), newer.claimed());
        let is_other = self.root != old.root && self.consistency.len() <= MAX_PROOF_LEN;
        verify_consistency(old.size, &self.root, new.size, &new.root, &self.consistency)
            .ok()
            .filter(|()| is_other)
            .ok_or(ForkError::NoFork)?;
        Ok([older, newer])
    }
}
