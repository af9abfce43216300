//! Anchors of an account's device list: a private chain for each epoch of its root, whose places are the
//! heads that the list had, so that whoever opens the account again, from paper or on a device, knows
//! whether the service shows the newest (design, section 3; `consent/FORMAT.md`, section 10).
//!
//! Nothing of it is kept: both secrets follow from the root, and an entry from its head. The epoch that a
//! device ends by a new root gets a last place with the head that ends it. Whoever had the root of an epoch
//! can take places of its chain, a thief among the devices too, and what they take is an unknown head.

use hallmark_core::{chain::ChainSecret, hash::Sha256, id::Label, json, secret::Secret};
use serde::Serialize;

use super::{
    chain::{Salt, commitment},
    entry::{ChainKind, Place},
};

/// The chain of one epoch.
#[derive(Debug, Clone)]
pub struct DevicesChain {
    places: ChainSecret,
    salts: ChainSecret,
}

#[derive(Serialize)]
struct Event {
    hallmark: &'static str,
    kind: ChainKind,
    label: Label,
    next: Label,
    head: Sha256,
}

/// What the log says of the heads that a service shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recency {
    /// The chain has nothing.
    Unknown,
    /// Its last place is the newest of them.
    Newest,
    /// Its last place is an older one: what came after was not anchored.
    Older {
        /// Which, as an index into them.
        at: usize,
    },
    /// It has a place that is none of them: the service shows less than there was, or a device in wrong
    /// hands took the place.
    Another,
}

impl DevicesChain {
    /// The chain of these secrets, of its places and of its salts.
    pub fn new(places: ChainSecret, salts: ChainSecret) -> Self {
        Self { places, salts }
    }

    /// The label of its place `n`, from 1.
    pub fn label(&self, n: u64) -> Label {
        self.places.label(n)
    }

    /// The entry of place `n` when the list's newest entry has this hash.
    pub fn entry(&self, n: u64, head: Sha256) -> Vec<u8> {
        let event = Event {
            hallmark: "devices/1",
            kind: ChainKind::Devices,
            label: self.label(n),
            next: self.label(n + 1),
            head,
        };
        let event: json::Value = serde_json::to_value(event).expect("our own forms are JSON");
        let salt = Salt::from_secret(Secret::from_bytes(self.salts.opening(n).expose()));
        let commitment = commitment(&salt, &event);
        Place { kind: ChainKind::Devices, w: self.places.opening(n), commitment }.to_bytes()
    }

    /// What its places, from the first to the last that is taken, say of these heads, the oldest first.
    pub fn recency(&self, taken: &[Vec<u8>], heads: &[Sha256]) -> Recency {
        let mut last = Recency::Unknown;
        for (n, entry) in (1..).zip(taken) {
            match heads.iter().rposition(|head| self.entry(n, *head) == *entry) {
                Some(at) if at + 1 == heads.len() => last = Recency::Newest,
                Some(at) => last = Recency::Older { at },
                None => return Recency::Another,
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::entry::Entry;

    fn chain(seed: u8) -> DevicesChain {
        let secret = |seed| ChainSecret::from_secret(Secret::from_bytes(&[seed; 32]));
        DevicesChain::new(secret(seed), secret(seed + 1))
    }

    #[test]
    fn an_entry_follows_from_root_place_and_head() {
        let (chain, head) = (chain(1), Sha256::of(b"head"));
        let entry = chain.entry(1, head);
        assert_eq!(entry, chain.clone().entry(1, head));
        assert_eq!(Entry::parse(&entry).unwrap().label(), Some(chain.label(1)));
        for other in [chain.entry(2, head), chain.entry(1, Sha256::of(b"other"))] {
            assert_ne!(entry, other);
        }
    }

    /// T-29: a service that goes back is caught by what was anchored.
    #[test]
    fn what_was_anchored_tells_how_recent_a_list_is() {
        let (chain, heads) = (chain(1), [1, 2, 3].map(|n: u8| Sha256::of(&[n])));
        let taken = |of: &[usize]| -> Vec<Vec<u8>> {
            (1..).zip(of).map(|(n, at)| chain.entry(n, heads[*at])).collect()
        };
        assert_eq!(chain.recency(&[], &heads), Recency::Unknown);
        assert_eq!(chain.recency(&taken(&[0, 1, 2]), &heads), Recency::Newest);
        assert_eq!(chain.recency(&taken(&[0, 1]), &heads), Recency::Older { at: 1 });
        assert_eq!(chain.recency(&taken(&[0, 1, 2]), &heads[..2]), Recency::Another, "set back");
        let foreign = vec![chain.entry(1, heads[0]), b"anything".to_vec()];
        assert_eq!(chain.recency(&foreign, &heads), Recency::Another);
    }
}
