//! An entry's place in a log, to be kept and checked offline (C2SP tlog-proof).

use std::{fmt, str::FromStr};

use data_encoding::BASE64;
use hallmark_core::{base64, hash::Sha256};

use super::{
    checkpoint::{Accepted, CheckpointError, SignedCheckpoint, decimal},
    merkle::{MAX_PROOF_LEN, ProofError, leaf_hash, verify_inclusion},
    note::MAX_NOTE_LEN,
    policy::{Policy, RefusedCheckpoint},
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// The longest proof that is read, in bytes.
pub const MAX_LEN: usize = 2 * MAX_NOTE_LEN;

/// Text that is no proof, or a proof that shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// Not of the form.
    #[error("not a proof of a log: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// Its checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its checkpoint does not count.
    #[error(transparent)]
    Refused(#[from] RefusedCheckpoint),
    /// The entry is not where it says.
    #[error("the entry is not in the log where the proof says: {0}")]
    Inclusion(#[from] ProofError),
}

/// A proof nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Place of the entry, from 0.
    pub index: u64,
    /// Hashes from the leaf's neighbour up to below the root.
    pub hashes: Vec<Sha256>,
    /// The checkpoint that it leads to.
    pub checkpoint: SignedCheckpoint,
}

impl LogProof {
    /// Checks that `entry` is at the index, under a checkpoint that counts.
    ///
    /// # Errors
    /// [`LogProofError`].
    pub fn verify(self, entry: &[u8], policy: &Policy) -> Result<Accepted, LogProofError> {
        let accepted = policy.accept(self.checkpoint)?;
        let (size, root) = (accepted.size(), *accepted.root());
        verify_inclusion(self.index, size, &leaf_hash(entry), &self.hashes, &root)?;
        Ok(accepted)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", BASE64.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for LogProof {
    type Err = LogProofError;

    /// Extra data is left out: nothing vouches for it.
    fn from_str(text: &str) -> Result<Self, LogProofError> {
        let wrong = |what| LogProofError::Malformed { what };
        if text.len() > MAX_LEN {
            return Err(wrong("longer than 128 KiB"));
        }
        let (lines, checkpoint) = text.split_once("\n\n").ok_or(wrong("no checkpoint"))?;
        let mut lines = lines.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(wrong("its first line is not c2sp.org/tlog-proof@v1"));
        }
        if let Some(extra) = lines.next_if(|line| line.starts_with("extra "))
            && base64::decode(&extra["extra ".len()..]).is_none()
        {
            return Err(wrong("extra data that is not base64"));
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let hashes = hashes(lines, MAX_PROOF_LEN).map_err(wrong)?;
        Ok(Self {
            index: index.and_then(decimal).ok_or(wrong("no index"))?,
            hashes,
            checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())?,
        })
    }
}

/// Hashes, each a line of base64, at most `most`; else what is wrong.
pub(super) fn hashes<'a>(
    lines: impl Iterator<Item = &'a str>,
    most: usize,
) -> Result<Vec<Sha256>, &'static str> {
    let hash = |line| Some(Sha256::from_bytes(base64::decode(line)?.try_into().ok()?));
    let hashes = lines.map(hash).collect::<Option<Vec<Sha256>>>();
    let hashes = hashes.ok_or("a line that is no hash")?;
    if hashes.len() > most { Err("more hashes than there can be") } else { Ok(hashes) }
}
