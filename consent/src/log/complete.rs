//! That these are all events of a private chain, and that the label named last is absent: what
//! `log prove complete` writes and anybody checks offline (`consent/FORMAT.md`, section 5).

use hallmark_core::{chain::Opening, hash::Sha256, id::Label, json, secret::Secret};
use serde::{Deserialize, Serialize};

use super::{
    chain::{ChainError, Link, Named, Salt, walk},
    checkpoint::{Accepted, CheckpointError, SignedCheckpoint},
    entry::{ChainKind, MapRoot, Place},
    map::{End, Lookup, LookupError},
    merkle::{ProofError, leaf_hash, verify_inclusion},
    policy::{Policy, RefusedCheckpoint},
};

/// The most events of a chain that are proven at once.
pub const MAX_LINKS: usize = 65_536;

/// Why a proof shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// Not of the form.
    #[error("not a proof of completeness")]
    Malformed(#[from] serde_json::Error),
    /// Not strict JSON.
    #[error("not a proof of completeness")]
    Json(#[from] json::JsonError),
    /// Its checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its checkpoint does not count.
    #[error(transparent)]
    Refused(#[from] RefusedCheckpoint),
    /// The root of the map is not the last entry of the checkpoint.
    #[error("the root of the map is not the last entry of the checkpoint")]
    MapRoot(#[source] ProofError),
    /// The checkpoint is of an empty log.
    #[error("the checkpoint is of an empty log")]
    Empty,
    /// An event that is none.
    #[error("event {at} cannot be read, or nobody who may has signed it")]
    Event {
        /// Its number, from 1.
        at: usize,
    },
    /// An entry is not where the proof says.
    #[error("the entry of event {at} is not in the log where the proof says")]
    Inclusion {
        /// Number of the event, from 1.
        at: usize,
        /// What is wrong.
        source: ProofError,
    },
    /// A lookup shows nothing.
    #[error("what the map says of event {at} does not lead to its root")]
    Lookup {
        /// Number of the event, from 1; one more than there are for the end.
        at: usize,
        /// What is wrong.
        source: LookupError,
    },
    /// The map has another entry at a label, or none.
    #[error("the map has another entry at the label of event {at}, or none")]
    Elsewhere {
        /// Number of the event, from 1.
        at: usize,
    },
    /// An entry is not the event's.
    #[error("event {at}: {source}")]
    Chain {
        /// Number of the event, from 1.
        at: usize,
        /// What is wrong.
        source: ChainError,
    },
    /// The events do not follow each other.
    #[error(transparent)]
    Order(ChainError),
    /// There is more.
    #[error("the chain goes on: the label after its last event is taken, by entry {index}")]
    GoesOn {
        /// Index of the entry there.
        index: u64,
    },
    /// More events than are proven at once.
    #[error("more than {MAX_LINKS} events")]
    TooMany,
}

/// A proof nobody has checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompleteProof {
    hallmark: Form,
    /// The checkpoint, as a note.
    pub checkpoint: String,
    /// The root of the map, which is the checkpoint's last entry.
    pub map_root: Sha256,
    /// That it is.
    pub map_inclusion: Vec<Sha256>,
    /// The events, from the first.
    pub links: Vec<ProvenLink>,
    /// What the map says of the label named last.
    pub end: Lookup,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Form {
    #[serde(rename = "complete/1")]
    First,
}

/// An event, what opens its entry, and where that is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenLink {
    /// The event as it is signed.
    pub event: json::Value,
    /// What it is committed to with.
    pub salt: Salt,
    /// `w` of its entry.
    pub w: Sha256,
    /// Index of its entry.
    pub index: u64,
    /// That the entry is there.
    pub inclusion: Vec<Sha256>,
    /// That the map says so.
    pub lookup: Lookup,
}

/// A chain that is complete under a checkpoint that counts.
#[derive(Debug, Clone)]
pub struct Complete {
    /// The checkpoint.
    pub under: Accepted,
    /// The events, from the first.
    pub links: Vec<Link>,
    /// The label named last, which is absent.
    pub next: Label,
}

impl CompleteProof {
    /// A proof of these parts.
    pub fn new(
        checkpoint: &SignedCheckpoint,
        (map_root, map_inclusion): (Sha256, Vec<Sha256>),
        links: Vec<ProvenLink>,
        end: Lookup,
    ) -> Self {
        let (hallmark, checkpoint) = (Form::First, checkpoint.to_string());
        Self { hallmark, checkpoint, map_root, map_inclusion, links, end }
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// [`CompleteError::Json`], [`CompleteError::Malformed`], [`CompleteError::TooMany`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CompleteError> {
        // Once for its form, once for what it says: sooner than by way of a tree of values.
        json::check(bytes)?;
        let read: Self = serde_json::from_slice(bytes)?;
        if read.links.len() > MAX_LINKS {
            return Err(CompleteError::TooMany);
        }
        Ok(read)
    }

    /// Checks that the chain which begins at `first` has these events and no more, under a checkpoint
    /// that counts. `named` reads what an event says of its chain, if who signed it may.
    ///
    /// # Errors
    /// [`CompleteError`].
    pub fn verify(
        self,
        policy: &Policy,
        (kind, first): (ChainKind, Label),
        named: impl Fn(&json::Value) -> Option<Named>,
    ) -> Result<Complete, CompleteError> {
        let under = policy.accept(SignedCheckpoint::parse(self.checkpoint.as_bytes())?)?;
        ends_with(&under, self.map_root, &self.map_inclusion)?;
        let mut links = Vec::with_capacity(self.links.len());
        for (at, proven) in (1..).zip(self.links) {
            let named = named(&proven.event).ok_or(CompleteError::Event { at })?;
            links.push(proven.check(at, named, &under, &self.map_root)?);
        }
        let next = walk(first, kind, &links).map_err(CompleteError::Order)?;
        let at = links.len() + 1;
        match self.end.verify(&next, &self.map_root) {
            Ok(None) => Ok(Complete { under, links, next }),
            Ok(Some(index)) => Err(CompleteError::GoesOn { index }),
            Err(source) => Err(CompleteError::Lookup { at, source }),
        }
    }
}

/// Checks that the last entry under a checkpoint is this root of the map, over all before it.
fn ends_with(under: &Accepted, root: Sha256, inclusion: &[Sha256]) -> Result<(), CompleteError> {
    let covers = under.size().checked_sub(1).ok_or(CompleteError::Empty)?;
    let leaf = leaf_hash(&MapRoot { covers, root }.to_bytes());
    verify_inclusion(covers, under.size(), &leaf, inclusion, under.root())
        .map_err(CompleteError::MapRoot)
}

/// What a service answers when a label is looked up, and nobody has checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookedUp {
    /// The checkpoint, as a note.
    pub checkpoint: String,
    /// The root of the map, which is the checkpoint's last entry.
    pub map_root: Sha256,
    /// That it is.
    pub map_inclusion: Vec<Sha256>,
    /// What the map says of the label.
    pub lookup: Lookup,
}

impl LookedUp {
    /// The checkpoint, if it counts, and the index of the label's entry or `None` where the map has
    /// none.
    ///
    /// # Errors
    /// [`CompleteError`].
    pub fn verify(
        &self,
        policy: &Policy,
        label: &Label,
    ) -> Result<(Accepted, Option<u64>), CompleteError> {
        let under = policy.accept(SignedCheckpoint::parse(self.checkpoint.as_bytes())?)?;
        ends_with(&under, self.map_root, &self.map_inclusion)?;
        match self.lookup.verify(label, &self.map_root) {
            Ok(index) => Ok((under, index)),
            Err(source) => Err(CompleteError::Lookup { at: 1, source }),
        }
    }
}

/// What a service answers when labels of a chain are looked up at one moment, and nobody has checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookedUpAll {
    /// The checkpoint, as a note.
    pub checkpoint: String,
    /// The root of the map, which is the checkpoint's last entry.
    pub map_root: Sha256,
    /// That it is.
    pub map_inclusion: Vec<Sha256>,
    /// Of each label, in the order they were asked in.
    pub labels: Vec<Found>,
}

/// What is said of one label.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// What the map says.
    pub lookup: Lookup,
    /// That its entry is in the log; nothing where there is none.
    pub inclusion: Vec<Sha256>,
}

/// An event of a chain with what opens its entry, as its owner keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLink {
    /// The event as it is signed.
    pub event: json::Value,
    /// What it is committed to with.
    pub salt: Salt,
    /// `w` of its entry.
    pub w: Sha256,
}

/// What a service said of labels, under a checkpoint that counts.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The checkpoint.
    pub under: Accepted,
    places: Vec<Option<(u64, Vec<Sha256>)>>,
}

impl Answered {
    /// Index of the entry at the label that was asked for as number `at`, from 0; `None` where it is
    /// absent.
    pub fn index(&self, at: usize) -> Option<u64> {
        self.places.get(at)?.as_ref().map(|(index, _)| *index)
    }

    /// Whether this is the entry at the label that was asked for as number `at`, from 0.
    ///
    /// # Errors
    /// [`CompleteError::Inclusion`], [`CompleteError::Elsewhere`] where there is none.
    pub fn check_entry(&self, at: usize, entry: &[u8]) -> Result<(), CompleteError> {
        let place = self.places.get(at).and_then(Option::as_ref);
        let (index, inclusion) = place.ok_or(CompleteError::Elsewhere { at: at + 1 })?;
        let (size, root) = (self.under.size(), self.under.root());
        verify_inclusion(*index, size, &leaf_hash(entry), inclusion, root)
            .map_err(|source| CompleteError::Inclusion { at: at + 1, source })
    }
}

impl LookedUpAll {
    /// What is said of these labels, which were asked for, if the checkpoint counts.
    ///
    /// # Errors
    /// [`CompleteError`].
    pub fn verify(self, policy: &Policy, labels: &[Label]) -> Result<Answered, CompleteError> {
        let under = policy.accept(SignedCheckpoint::parse(self.checkpoint.as_bytes())?)?;
        ends_with(&under, self.map_root, &self.map_inclusion)?;
        if self.labels.len() != labels.len() {
            return Err(CompleteError::Elsewhere { at: self.labels.len().min(labels.len()) + 1 });
        }
        let mut places = Vec::with_capacity(labels.len());
        for (at, (label, found)) in (1..).zip(labels.iter().zip(self.labels)) {
            match found.lookup.verify(label, &self.map_root) {
                Ok(index) => places.push(index.map(|index| (index, found.inclusion))),
                Err(source) => return Err(CompleteError::Lookup { at, source }),
            }
        }
        Ok(Answered { under, places })
    }

    /// The proof that a chain has these events and no more, from what was said of their labels and of
    /// the one named last. It shows nothing before it is [verified](CompleteProof::verify). `None` where
    /// what was said is not about as many labels, or an event is not there.
    pub fn into_proof(mut self, links: Vec<KeptLink>) -> Option<CompleteProof> {
        let end = self.labels.pop()?.lookup;
        if self.labels.len() != links.len() {
            return None;
        }
        let prove = |(kept, found): (KeptLink, Found)| {
            let KeptLink { event, salt, w } = kept;
            let End::There(index) = found.lookup.end else { return None };
            let (inclusion, lookup) = (found.inclusion, found.lookup);
            Some(ProvenLink { event, salt, w, index, inclusion, lookup })
        };
        let links = links.into_iter().zip(self.labels).map(prove).collect::<Option<Vec<_>>>()?;
        let (hallmark, map_root) = (Form::First, self.map_root);
        let (checkpoint, map_inclusion) = (self.checkpoint, self.map_inclusion);
        Some(CompleteProof { hallmark, checkpoint, map_root, map_inclusion, links, end })
    }
}

impl ProvenLink {
    fn check(
        self,
        at: usize,
        named: Named,
        under: &Accepted,
        map_root: &Sha256,
    ) -> Result<Link, CompleteError> {
        let link = Link { named, event: self.event, salt: self.salt };
        let w = Opening::from_secret(Secret::from_bytes(self.w.as_bytes()));
        if w.label() != named.label {
            return Err(CompleteError::Chain { at, source: ChainError::Label });
        }
        // The entry is made from the event: another kind or commitment leads to another root.
        let place = Place { kind: named.kind, w, commitment: link.commitment() };
        let leaf = leaf_hash(&place.to_bytes());
        verify_inclusion(self.index, under.size(), &leaf, &self.inclusion, under.root())
            .map_err(|source| CompleteError::Inclusion { at, source })?;
        match self.lookup.verify(&named.label, map_root) {
            Ok(Some(index)) if index == self.index => Ok(link),
            Ok(_) => Err(CompleteError::Elsewhere { at }),
            Err(source) => Err(CompleteError::Lookup { at, source }),
        }
    }
}
