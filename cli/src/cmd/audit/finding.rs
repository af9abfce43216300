//! What an audit finds, by what has to be done about it: each class has an exit code of its own.

use hallmark_consent::log::{
    audit::Fault, checkpoint::CheckpointError, complete::CompleteError, policy::RefusedCheckpoint,
    proof::LogProofError,
};

use crate::{remote::log::SourceError, report::FAILED};

/// Exit code: nobody who may has signed this, or too few have seen it.
pub const UNSIGNED: u8 = 10;
/// Exit code: files, entries or tiles are not what the checkpoint commits to.
pub const ALTERED: u8 = 11;
/// Exit code: the log shows two histories.
pub const FORKED: u8 = 12;
/// Exit code: the entries break the log's own rules.
pub const UNSOUND: u8 = 13;
/// Exit code: the log is behind the time.
pub const STALE: u8 = 14;
/// Exit code: files that belong to no log.
pub const STRAY: u8 = 15;

/// Something that must not be, in words that say what it means.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// The checkpoint is none.
    #[error("the checkpoint is none: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not count.
    #[error("the checkpoint does not count: {0}")]
    Refused(#[from] RefusedCheckpoint),
    /// Somebody else signed it too.
    #[error(
        "the checkpoint has a signature by {name}, whom the policy does not name: in a log that is \
         read as a whole, the log and its witnesses alone may sign"
    )]
    Signer {
        /// Who.
        name: String,
    },
    /// It cannot be read now, which says nothing of the log.
    #[error("{0}; nothing was found against the log: try again")]
    Unread(#[source] SourceError),
    /// A file of the log is not there, or cannot be of a log.
    #[error("a file of the log was altered, cut off or taken away: {0}")]
    File(#[source] SourceError),
    /// What is in the log is not what the checkpoint says, or breaks its rules.
    #[error(transparent)]
    Fault(#[from] FaultAt),
    /// It was longer.
    #[error(
        "the log went back: it has {size} entries, and had {seen} when it was read last; what was \
         logged since then is denied"
    )]
    Shrunk {
        /// Number of entries.
        size: u64,
        /// What it was.
        seen: u64,
    },
    /// It was another one.
    #[error(
        "the log shows two histories: its first {size} entries are not those it had when it was read \
         last; both checkpoints are in {evidence}"
    )]
    Forked {
        /// Where they part at the latest.
        size: u64,
        /// The file with both checkpoints.
        evidence: String,
    },
    /// Nothing newer came.
    #[error("the log is behind: its witnesses saw it last at {as_of}, more than {allowed_s} s ago")]
    Stale {
        /// When they did.
        as_of: String,
        /// How long ago it may be, seconds.
        allowed_s: u64,
    },
    /// Witnesses say a time to come.
    #[error(
        "the witnesses' time, {as_of}, is to come: a clock of theirs is wrong, or this machine's"
    )]
    Clock {
        /// What they say.
        as_of: String,
    },
    /// A key's history is not what it ought to be.
    #[error("ALARM, key {key}: {why}")]
    Key {
        /// Fingerprint of the key.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// A file that belongs to no log of this size.
    #[error("{file} does not belong to a log of this size: somebody put it there")]
    Stray {
        /// The file.
        file: String,
    },
    /// A proof that shows nothing.
    #[error("the proof does not hold: {0}")]
    Proof(#[from] LogProofError),
    /// A proof of completeness that shows nothing.
    #[error("the proof does not hold: {0}")]
    Complete(#[from] CompleteError),
}

/// What is wrong inside a log.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", self.means())]
pub struct FaultAt {
    fault: Fault,
}

impl FaultAt {
    fn is_unsound(&self) -> bool {
        matches!(
            self.fault,
            Fault::LabelTwice { .. }
                | Fault::Covers { .. }
                | Fault::MapRoot { .. }
                | Fault::NoMapRoot { .. }
                | Fault::Entry { .. }
        )
    }

    fn means(&self) -> &'static str {
        match self.fault {
            Fault::LabelTwice { .. } => "the service let a place be taken twice",
            Fault::Covers { .. } | Fault::MapRoot { .. } | Fault::NoMapRoot { .. } => {
                "the service's map leaves something out or invents it, so nothing it says of what is \
                 absent counts"
            }
            Fault::Entry { .. } => "the service logged what is no entry",
            _ => "the log's files were altered since they were signed",
        }
    }
}

impl Finding {
    /// The exit code of its class.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Checkpoint(_) | Self::Refused(_) | Self::Signer { .. } | Self::Key { .. } => {
                UNSIGNED
            }
            Self::Unread(_) => FAILED,
            Self::File(_) => ALTERED,
            Self::Fault(fault) if fault.is_unsound() => UNSOUND,
            Self::Fault(_) => ALTERED,
            Self::Shrunk { .. } | Self::Forked { .. } => FORKED,
            Self::Stale { .. } | Self::Clock { .. } => STALE,
            Self::Stray { .. } => STRAY,
            Self::Proof(LogProofError::Refused(_) | LogProofError::Checkpoint(_))
            | Self::Complete(CompleteError::Refused(_) | CompleteError::Checkpoint(_)) => UNSIGNED,
            Self::Proof(_) | Self::Complete(_) => ALTERED,
        }
    }
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self::Fault(FaultAt { fault })
    }
}

impl From<SourceError> for Finding {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Unread { .. } => Self::Unread(error),
            error => Self::File(error),
        }
    }
}
