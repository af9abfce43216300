//! Private chains of the log: who is given the events walks from label to label, and the chain is
//! complete where the label named last is absent (design, section 5; `consent/FORMAT.md`, section 3).
//!
//! Labels and what opens them are made by [`hallmark_core::chain`]. An event is committed to, with a
//! salt of its own; whoever has event and salt opens the entry, and nobody else learns anything of it.

use hallmark_core::{hash::Sha256, id::Label, json};
use rand_core::CryptoRng;

use super::entry::{ChainKind, Place};

const DOMAIN: &[u8] = b"hallmark/commitment/v1\0";

/// The 32 random bytes that an event is committed to with. Private as the event is.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Salt(hallmark_core::secret::Secret);

impl Salt {
    /// The one with these bytes.
    pub(super) fn from_secret(secret: hallmark_core::secret::Secret) -> Self {
        Self(secret)
    }

    /// A fresh one.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(hallmark_core::secret::Secret::generate(rng))
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// `SHA-256("hallmark/commitment/v1" || 0x00 || salt || JCS(event))`.
pub fn commitment(salt: &Salt, event: &json::Value) -> Sha256 {
    Sha256::of(&[DOMAIN, salt.0.expose(), &json::canonical(event)].concat())
}

/// What a signed event says of its chain. Its own room reads it off the event, after checking whose
/// signature counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// What the chain is about.
    pub kind: ChainKind,
    /// The event's place.
    pub label: Label,
    /// Where the next one will stand.
    pub next: Label,
}

/// An event, and what opens its entry.
#[derive(Debug, Clone)]
pub struct Link {
    /// What it says of its chain.
    pub named: Named,
    /// The event as it is signed.
    pub event: json::Value,
    /// What it is committed to with.
    pub salt: Salt,
}

/// Why events are no chain, or an entry is not an event's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The entry is of another kind than the event.
    #[error("the entry is logged as another kind than the event is")]
    Kind,
    /// The entry is at another label.
    #[error("the entry is not at the place that the event names as its own")]
    Label,
    /// Event and salt do not open the entry.
    #[error("the event is not the one that the entry commits to")]
    Commitment,
    /// An event does not follow the one before it, or the first does not begin the chain.
    #[error("event {at} does not stand where the one before it says")]
    Order {
        /// Its number, from 1.
        at: usize,
    },
}

impl Link {
    /// The [commitment] to the event.
    pub fn commitment(&self) -> Sha256 {
        commitment(&self.salt, &self.event)
    }

    /// Checks that a logged entry is this event's.
    ///
    /// # Errors
    /// [`ChainError::Kind`], [`ChainError::Label`], [`ChainError::Commitment`].
    pub fn check_entry(&self, place: &Place) -> Result<(), ChainError> {
        if place.kind != self.named.kind {
            return Err(ChainError::Kind);
        }
        if place.w.label() != self.named.label {
            return Err(ChainError::Label);
        }
        if place.commitment != self.commitment() {
            return Err(ChainError::Commitment);
        }
        Ok(())
    }
}

/// Walks a chain from its first label, and gives the label after the last event: where that is absent,
/// there is nothing more.
///
/// # Errors
/// [`ChainError::Kind`], [`ChainError::Order`].
pub fn walk(first: Label, kind: ChainKind, links: &[Link]) -> Result<Label, ChainError> {
    let mut expected = first;
    for (at, link) in (1..).zip(links) {
        if link.named.kind != kind {
            return Err(ChainError::Kind);
        }
        if link.named.label != expected {
            return Err(ChainError::Order { at });
        }
        expected = link.named.next;
    }
    Ok(expected)
}
