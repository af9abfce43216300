//! A witness (C2SP tlog-witness): it cosigns checkpoints of the logs that it knows, each of which goes
//! on from the one it cosigned last, and so vouches that a log never showed two histories.
//!
//! One that also rebuilds the map ([`Rebuild`]) cosigns only what it has read as a whole.

use hallmark_consent::log::{
    checkpoint::SignedCheckpoint,
    note::{NoteSignature, VerifierKey},
    witness::{AddCheckpoint, NotCosigned, RequestError},
};
use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};

use super::Clock;
use crate::store::{WitnessStore, WitnessStoreError};

/// A clock that says less was never set: this program is newer. Unix seconds, 1 November 2026.
const EARLIEST_S: i64 = 1_793_491_200;

/// What a checkpoint has to be beside consistent, such as that of a log whose map is right. Called
/// before anything is kept, on a thread where it may block.
pub trait Rebuild: Send + Sync {
    /// Whether it is.
    ///
    /// # Errors
    /// Why not, in words.
    fn check(&self, checkpoint: &SignedCheckpoint) -> Result<(), String>;
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Not a request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The protocol's refusals.
    #[error(transparent)]
    Refused(#[from] NotCosigned),
    /// The log is not as it has to be.
    #[error("{why}")]
    Unsound {
        /// Why.
        why: String,
    },
    /// The clock is not set.
    #[error("this machine's clock says {now}, so no time can be vouched for: set it")]
    Clock {
        /// What it says.
        now: Timestamp,
    },
    /// What is kept cannot be read or written.
    #[error(transparent)]
    Store(#[from] WitnessStoreError),
}

/// A witness over its store.
pub struct Witness {
    store: WitnessStore,
    name: VerifierKey,
    key: SigningKey,
    logs: Vec<VerifierKey>,
    rebuild: Option<Box<dyn Rebuild>>,
    clock: Clock,
}

impl Witness {
    /// The witness with this key, of these logs.
    pub fn new(
        store: WitnessStore,
        (name, key): (VerifierKey, SigningKey),
        logs: Vec<VerifierKey>,
        rebuild: Option<Box<dyn Rebuild>>,
        clock: Clock,
    ) -> Self {
        Self { store, name, key, logs, rebuild, clock }
    }

    /// The key that it cosigns with.
    pub fn name(&self) -> &VerifierKey {
        &self.name
    }

    /// Cosigns the checkpoint of a request. What is decided is durable before this returns. Blocks.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub fn add_checkpoint(&self, request: &str) -> Result<NoteSignature, WitnessError> {
        let request: AddCheckpoint = request.parse()?;
        let origin = request.checkpoint.claimed().origin.clone();
        let now = (self.clock)();
        if now.unix_s() < EARLIEST_S {
            return Err(WitnessError::Clock { now });
        }
        if let Some(rebuild) = &self.rebuild {
            // First whether it would be cosigned at all: a rebuilding takes time.
            let held = self.store.held(&origin)?;
            request.decide(&self.logs, held.as_ref().map(SignedCheckpoint::claimed))?;
            let why = rebuild.check(&request.checkpoint);
            why.map_err(|why| WitnessError::Unsound { why })?;
        }
        let decided = self.store.compare_and_keep(&origin, |held| {
            request.decide(&self.logs, held)?;
            let line = request.cosign(&self.name, &self.key, now);
            // What a monitor is shown: the log's own signatures and ours.
            let mut kept = SignedCheckpoint::new(request.checkpoint.claimed().clone());
            for log in self.logs.iter().filter(|log| log.name().as_str() == origin) {
                let by_log = request.checkpoint.note().signatures().iter();
                by_log
                    .filter(|line| line.is_by(log))
                    .for_each(|line| kept.note_mut().add(line.clone()));
            }
            kept.note_mut().add(line.clone());
            Ok((kept, line))
        })?;
        decided.map_err(WitnessError::Refused)
    }

    /// The checkpoint cosigned last of the log whose origin has this hash; `None` for a log it does not
    /// know or has not cosigned. Blocks.
    ///
    /// # Errors
    /// [`WitnessError::Store`].
    pub fn checkpoint(&self, origin: &Sha256) -> Result<Option<SignedCheckpoint>, WitnessError> {
        let named = |log: &&VerifierKey| Sha256::of(log.name().as_str().as_bytes()) == *origin;
        let Some(log) = self.logs.iter().find(named) else { return Ok(None) };
        Ok(self.store.held(log.name().as_str())?)
    }
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Witness").field("name", &self.name).finish_non_exhaustive()
    }
}
