//! Checkpoints (C2SP tlog-checkpoint): a signed note that says origin, size and root of a log, and
//! who saw that it only grew.
//!
//! [`SignedCheckpoint`] is what came from anywhere; only [`Policy::accept`] makes an [`Accepted`] one
//! of it.
//!
//! [`Policy::accept`]: super::policy::Policy::accept

use std::{fmt, str::FromStr};

use data_encoding::BASE64;
use hallmark_core::{base64, hash::Sha256, time::Timestamp};

use super::{
    note::{KeyName, Note, NoteError, VerifierKey},
    tile::MAX_SIZE,
};

/// Bytes that are no checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// No signed note.
    #[error("no checkpoint")]
    Note(#[from] NoteError),
    /// A note whose text is not origin, size and root.
    #[error("no checkpoint: {what}")]
    Text {
        /// What is wrong.
        what: &'static str,
    },
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of leaves, at most [`MAX_SIZE`].
    pub size: u64,
    /// Root of the tree of these leaves.
    pub root: Sha256,
    /// Lines that the log added. Ours adds none, and its readers take none.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let root = BASE64.encode(self.root.as_bytes());
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.size);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let wrong = |what| CheckpointError::Text { what };
        let lines = text.strip_suffix('\n').ok_or(wrong("its text has no last line's end"))?;
        let mut lines = lines.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(wrong("no origin"))?;
        let size = lines.next().and_then(decimal).filter(|size| *size <= MAX_SIZE);
        let root = lines.next().and_then(base64::decode).and_then(|root| root.try_into().ok());
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(wrong("an empty line"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: size.ok_or(wrong("its size is no number of leaves"))?,
            root: Sha256::from_bytes(root.ok_or(wrong("its root is no SHA-256 hash"))?),
            extensions,
        })
    }
}

/// A decimal without leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A checkpoint whose signatures were not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    says: Checkpoint,
}

impl SignedCheckpoint {
    /// A checkpoint without signatures: whoever makes it adds them.
    pub fn new(says: Checkpoint) -> Self {
        Self { note: Note::new(says.text()), says }
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let says: Checkpoint = note.text().parse()?;
        Ok(Self { note, says })
    }

    /// What it says, believed by nobody yet.
    pub fn claimed(&self) -> &Checkpoint {
        &self.says
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The note, to add signatures to.
    pub fn note_mut(&mut self) -> &mut Note {
        &mut self.note
    }

    /// Whether the log with this key signed it, under its origin.
    ///
    /// # Errors
    /// [`NoteError::Signature`] where a signature in the key's name is not by it.
    pub fn is_signed_by(&self, log: &VerifierKey) -> Result<bool, NoteError> {
        Ok(log.name().as_str() == self.says.origin && self.note.verify(log)?.is_some())
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// A checkpoint that a policy accepts: a log of the policy signed it, and so many witnesses saw it
/// that the policy's quorum is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub(super) signed: SignedCheckpoint,
    pub(super) log: VerifierKey,
    pub(super) seen: Vec<Seen>,
    pub(super) map_as_of: Option<Timestamp>,
    pub(super) as_of: Option<Timestamp>,
    pub(super) existed_by: Option<Timestamp>,
}

/// A witness of the policy that cosigned a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The witness's name in the policy.
    pub by: String,
    /// The name of its key.
    pub key: KeyName,
    /// When, by its clock.
    pub at: Timestamp,
}

impl Accepted {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.signed.says.size
    }

    /// Root of the tree.
    pub fn root(&self) -> &Sha256 {
        &self.signed.says.root
    }

    /// Name of the log.
    pub fn origin(&self) -> &str {
        &self.signed.says.origin
    }

    /// The key of the log that signed.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// The witnesses of the policy that cosigned it.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// The latest time at which as many witnesses as the policy asks for knew of nothing newer; `None`
    /// where the policy asks for none.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// The earliest time by which as many witnesses as the policy asks for had seen it; `None` where
    /// the policy asks for none.
    pub fn existed_by(&self) -> Option<Timestamp> {
        self.existed_by
    }

    /// As [`Accepted::as_of`], by those who, by the policy, rebuild the map; `None` where they did not
    /// cosign it, so that absence rests on the service's word.
    pub fn map_as_of(&self) -> Option<Timestamp> {
        self.map_as_of
    }

    /// The checkpoint as it came.
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }
}
