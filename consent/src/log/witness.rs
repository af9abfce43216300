//! What a log asks of a witness, and what a witness answers (C2SP tlog-witness): a checkpoint is
//! cosigned only if the log signed it and it goes on from the one that was cosigned before.
//!
//! In scope: the texts and the decision. Out of scope: HTTP, and the store in which comparing with
//! what was cosigned and keeping the new one have to be one step.

use std::{fmt, str::FromStr};

use data_encoding::BASE64;
use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};

use super::{
    checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, decimal},
    merkle::{empty_root, verify_consistency},
    note::{MAX_NOTE_LEN, NoteSignature, VerifierKey},
    proof::hashes,
};

/// The most hashes of a request.
pub const MAX_PROOF_LEN: usize = 63;
/// The longest request that is read, in bytes.
pub const MAX_REQUEST_LEN: usize = MAX_NOTE_LEN + 64 * 64;

/// Text that is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not of the form.
    #[error("not a request to a witness: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// Its checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// A request that a checkpoint be cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last, as the log believes.
    pub old_size: u64,
    /// That the new one goes on from it.
    pub proof: Vec<Sha256>,
    /// The new one.
    pub checkpoint: SignedCheckpoint,
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = RequestError;

    fn from_str(text: &str) -> Result<Self, RequestError> {
        let wrong = |what| RequestError::Malformed { what };
        if text.len() > MAX_REQUEST_LEN {
            return Err(wrong("too long"));
        }
        let (lines, checkpoint) = text.split_once("\n\n").ok_or(wrong("no checkpoint"))?;
        let mut lines = lines.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let proof = hashes(lines, MAX_PROOF_LEN).map_err(wrong)?;
        Ok(Self {
            old_size: old.ok_or(wrong("no old size"))?,
            proof,
            checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())?,
        })
    }
}

/// Why a witness does not cosign. Each has a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCosigned {
    /// 404: none of the logs that this witness knows.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// 403: no signature by the log.
    #[error("the log did not sign the checkpoint")]
    NotSigned,
    /// 400: the old size is larger than the checkpoint's.
    #[error("the old size is larger than the new one")]
    OldLarger,
    /// 409: another size was cosigned last, or another root of this one.
    #[error("size {size} was cosigned last, or another root of it")]
    Conflict {
        /// The size that was cosigned last, 0 for none.
        size: u64,
    },
    /// 422: the checkpoint does not go on from the one that was cosigned last.
    #[error("the checkpoint does not go on from the one that was cosigned last")]
    Inconsistent,
}

impl AddCheckpoint {
    /// Decides whether the checkpoint is to be cosigned, by a witness that knows these logs and has
    /// cosigned `held` last of this one. What is returned is to be kept, in one step with the
    /// comparison, before anything is answered.
    ///
    /// # Errors
    /// [`NotCosigned`].
    pub fn decide(
        &self,
        logs: &[VerifierKey],
        held: Option<&Checkpoint>,
    ) -> Result<Checkpoint, NotCosigned> {
        let new = self.checkpoint.claimed();
        let mut known = logs.iter().filter(|log| log.name().as_str() == new.origin).peekable();
        known.peek().ok_or(NotCosigned::UnknownLog)?;
        if !known.any(|log| self.checkpoint.is_signed_by(log) == Ok(true)) {
            return Err(NotCosigned::NotSigned);
        }
        if self.old_size > new.size {
            return Err(NotCosigned::OldLarger);
        }
        let (size, root) = held.map_or((0, empty_root()), |held| (held.size, held.root));
        if self.old_size != size || (size == new.size && root != new.root && size > 0) {
            return Err(NotCosigned::Conflict { size });
        }
        let goes_on = match size {
            0 => self.proof.is_empty() && (new.size > 0 || new.root == root),
            _ => verify_consistency(size, &root, new.size, &new.root, &self.proof).is_ok(),
        };
        if goes_on { Ok(new.clone()) } else { Err(NotCosigned::Inconsistent) }
    }

    /// The line that a witness answers with, once what it decided is kept.
    pub fn cosign(&self, witness: &VerifierKey, key: &SigningKey, now: Timestamp) -> NoteSignature {
        witness.cosign(key, self.checkpoint.note().text(), now)
    }
}

/// The cosignature by `witness` of this checkpoint, from a witness's answer; `None` where the answer has
/// none that holds. Lines by others are passed over.
pub fn cosignature(
    answer: &str,
    checkpoint: &SignedCheckpoint,
    witness: &VerifierKey,
) -> Option<(NoteSignature, Timestamp)> {
    if answer.len() > MAX_NOTE_LEN {
        return None;
    }
    let lines = answer.strip_suffix('\n')?.split('\n').map(str::parse::<NoteSignature>);
    lines.filter_map(Result::ok).find_map(|line| {
        let mut alone = super::note::Note::new(checkpoint.note().text().to_owned());
        alone.add(line.clone());
        Some((line, alone.verify(witness).ok()???))
    })
}

/// The size that a witness says it cosigned last, from the body of a 409.
pub fn conflicting_size(body: &str) -> Option<u64> {
    decimal(body.strip_suffix('\n')?)
}
