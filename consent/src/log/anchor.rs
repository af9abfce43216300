//! That something existed by a time that witnesses vouch for (design, section 5, "Mint and verify";
//! `consent/FORMAT.md`, section 7): a private chain of one event, which says a SHA-256 hash.
//!
//! # Decisions
//!
//! - **An anchor is not signed.** It shows that something was there, not who says so: of a provenance
//!   file the manifest is signed already, and a buyer may anchor what they were given.

use hallmark_core::{chain::ChainSecret, hash::Sha256, id::Label, json};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{
    chain::{Link, Named, Salt},
    checkpoint::Accepted,
    complete::KeptLink,
    entry::{ChainKind, Place},
    policy::Policy,
    proof::{LogProof, LogProofError},
};

/// The longest anchor that is read, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// Why an anchor shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// Not of the form.
    #[error("not an anchor")]
    Malformed(#[from] serde_json::Error),
    /// Not strict JSON.
    #[error("not an anchor")]
    Json(#[from] json::JsonError),
    /// Longer than an anchor can be.
    #[error("an anchor of {len_bytes} bytes: at most {MAX_LEN} are read")]
    TooLong {
        /// Its length.
        len_bytes: usize,
    },
    /// It is about something else.
    #[error("it anchors something else")]
    Another,
    /// Its proof does not hold.
    #[error(transparent)]
    Proof(#[from] LogProofError),
}

/// The event of an anchor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    hallmark: Form,
    kind: ChainKind,
    label: Label,
    next: Label,
    sha256: Sha256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Form {
    #[serde(rename = "anchor/1")]
    First,
}

/// An anchor that is about to be logged: its entry, and what opens it.
#[derive(Debug, Clone)]
pub struct NewAnchor {
    place: Place,
    event: Event,
    salt: Salt,
}

/// An anchor as it is kept, which nobody has checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    event: Event,
    salt: Salt,
    /// `w` of its entry.
    w: Sha256,
    /// That the entry is logged (C2SP tlog-proof).
    proof: String,
}

impl NewAnchor {
    /// An anchor of something with this hash.
    pub fn of<R: CryptoRng + ?Sized>(sha256: Sha256, rng: &mut R) -> Self {
        let (chain, salt) = (ChainSecret::generate(rng), Salt::generate(rng));
        let (label, next) = (chain.label(1), chain.label(2));
        let (hallmark, kind) = (Form::First, ChainKind::Anchor);
        let event = Event { hallmark, kind, label, next, sha256 };
        let link = link(&event, &salt);
        let place = Place { kind, w: chain.opening(1), commitment: link.commitment() };
        Self { place, event, salt }
    }

    /// The entry to log.
    pub fn entry(&self) -> Vec<u8> {
        self.place.to_bytes()
    }

    /// The anchor with what the log answered.
    pub fn logged(self, proof: &LogProof) -> Anchor {
        let w = Sha256::from_bytes(*self.place.w.expose());
        Anchor { event: self.event, salt: self.salt, w, proof: proof.to_string() }
    }
}

fn link(event: &Event, salt: &Salt) -> Link {
    let Event { kind, label, next, .. } = *event;
    let event = serde_json::to_value(event).expect("our own forms are JSON");
    Link { named: Named { kind, label, next }, event, salt: salt.clone() }
}

impl Anchor {
    /// Reads an anchor.
    ///
    /// # Errors
    /// [`AnchorError::TooLong`], [`AnchorError::Json`], [`AnchorError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AnchorError> {
        if bytes.len() > MAX_LEN {
            return Err(AnchorError::TooLong { len_bytes: bytes.len() });
        }
        Ok(serde_json::from_value(json::parse(bytes)?)?)
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        json::canonical(&serde_json::to_value(self).expect("our own forms are JSON"))
    }

    /// Its chain: the event, and where it begins.
    pub fn chain(&self) -> (KeptLink, Named) {
        let Event { kind, label, next, .. } = self.event;
        let event = serde_json::to_value(&self.event).expect("our own forms are JSON");
        let link = KeptLink { event, salt: self.salt.clone(), w: self.w };
        (link, Named { kind, label, next })
    }

    /// The same anchor with another proof.
    #[must_use]
    pub fn with_proof(&self, proof: &LogProof) -> Self {
        Self { proof: proof.to_string(), ..self.clone() }
    }

    /// Checks that something with this hash is anchored under a checkpoint that counts:
    /// [`Accepted::existed_by`] says since when at the latest.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn verify(&self, sha256: &Sha256, policy: &Policy) -> Result<Accepted, AnchorError> {
        if self.event.sha256 != *sha256 || self.event.kind != ChainKind::Anchor {
            return Err(AnchorError::Another);
        }
        let link = link(&self.event, &self.salt);
        let secret = hallmark_core::secret::Secret::from_bytes(self.w.as_bytes());
        let w = hallmark_core::chain::Opening::from_secret(secret);
        let place = Place { kind: ChainKind::Anchor, w, commitment: link.commitment() };
        // The label is not asked for here: the entry has this commitment at whatever place it is.
        let proof: LogProof = self.proof.parse()?;
        Ok(proof.verify(&place.to_bytes(), policy)?)
    }
}

/// What an event of an anchor says of its chain. Nobody signs it: whoever opens the entry has it.
pub fn named(event: &json::Value) -> Option<Named> {
    let Event { kind, label, next, .. } = Event::deserialize(event).ok()?;
    (kind == ChainKind::Anchor).then_some(Named { kind, label, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{
        checkpoint::{Checkpoint, SignedCheckpoint},
        merkle::leaf_hash,
        note::{Algorithm, VerifierKey},
    };
    use hallmark_core::key::SigningKey;
    use rand::{SeedableRng, rngs::StdRng};

    /// T-45: an anchor is about one thing, and under a checkpoint that counts.
    #[test]
    fn an_anchor_shows_one_thing() {
        let key = SigningKey::from_seed(&[1; 32]);
        let log =
            VerifierKey::new("a.example/log".parse().unwrap(), Algorithm::Ed25519, key.public());
        let sha256 = Sha256::of(b"a manifest");
        let new = NewAnchor::of(sha256, &mut StdRng::seed_from_u64(1));
        let says = Checkpoint {
            origin: log.name().as_str().to_owned(),
            size: 1,
            root: leaf_hash(&new.entry()),
            extensions: Vec::new(),
        };
        let mut checkpoint = SignedCheckpoint::new(says);
        let line = log.sign(&key, checkpoint.note().text());
        checkpoint.note_mut().add(line);
        let anchor = new.logged(&LogProof { index: 0, hashes: Vec::new(), checkpoint });
        let read = Anchor::parse(&anchor.to_bytes()).unwrap();
        let policy = Policy::of_log(log);
        assert_eq!(read.verify(&sha256, &policy).unwrap().existed_by(), None, "nobody saw it");
        let other = read.verify(&Sha256::of(b"another"), &policy);
        assert!(matches!(other, Err(AnchorError::Another)));
        let mut salted = read.clone();
        salted.salt = Salt::generate(&mut StdRng::seed_from_u64(2));
        assert!(matches!(salted.verify(&sha256, &policy), Err(AnchorError::Proof(_))));
    }
}
