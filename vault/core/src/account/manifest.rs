//! The manifest: a signed, hash-chained statement of which version of which item there is
//! (design, section 4). It shows a rollback to any device with memory.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AccountId, ItemId, Signed, Statement, tree};
use crate::{
    hash::Sha256,
    key::{Domain, PublicKey},
    time::Timestamp,
};

/// The most items of one account.
pub const MAX_ITEMS: usize = 10_000;
/// The highest version at which an item begins. Where it goes on from there is one at a time, and
/// [`MAX_INTEGER`](crate::json::MAX_INTEGER) is out of reach.
pub const MAX_FIRST_VERSION: u64 = 1 << 32;

/// One manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The account.
    pub account: AccountId,
    /// Counted from 1.
    pub version: u64,
    /// Hash of the manifest before; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sha256>,
    /// Place of the newest device list entry that the signer knew.
    pub devices: u64,
    /// Number of items.
    pub items: u64,
    /// [`Leaves::root`] of them.
    pub root: Sha256,
    /// When, by the clock of the device that signed.
    pub at: Timestamp,
    /// The device that signed.
    pub by: PublicKey,
}

impl Statement for Manifest {
    const DOMAIN: Domain = Domain::new("hallmark/manifest/v1");
    fn by(&self) -> PublicKey {
        self.by
    }
}

/// Why a manifest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The signature does not verify.
    #[error("the manifest's signature does not verify")]
    Signature,
    /// Another account's.
    #[error("the manifest belongs to another account")]
    Account,
    /// By a key that was no listed device then.
    #[error("the manifest is signed by a device that was not listed")]
    Signer,
    /// It does not continue the one known.
    #[error("manifest {version} does not follow the one before it")]
    Chain {
        /// Its version.
        version: u64,
    },
    /// An item goes back to an older version, is named twice, or is removed without being there.
    #[error("item {item} cannot change that way")]
    Change {
        /// The item.
        item: ItemId,
    },
    /// The items are not those it counts.
    #[error("the items are not those of manifest {version}")]
    Items {
        /// Its version.
        version: u64,
    },
}

impl Manifest {
    /// Whether this is the next one after `before`, or the first where there is none.
    ///
    /// # Errors
    /// [`ManifestError::Chain`].
    pub fn check_follows(&self, before: Option<&Signed<Self>>) -> Result<(), ManifestError> {
        let version = self.version;
        let follows = match before {
            None => version == 1 && self.previous.is_none(),
            Some(before) => {
                let earlier = before.claimed();
                earlier.version.checked_add(1) == Some(version)
                    && self.previous == Some(before.hash())
                    && self.devices >= earlier.devices
            }
        };
        if follows { Ok(()) } else { Err(ManifestError::Chain { version }) }
    }

    /// Whether these are its items, all of them and no others.
    ///
    /// # Errors
    /// [`ManifestError::Items`].
    pub fn check_items(&self, leaves: &Leaves) -> Result<(), ManifestError> {
        let same = self.items == leaves.0.len() as u64 && self.root == leaves.root();
        if same { Ok(()) } else { Err(ManifestError::Items { version: self.version }) }
    }
}

/// Version and envelope of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The item's version, counted from 1.
    pub version: u64,
    /// Hash of its envelope.
    pub envelope: Sha256,
}

/// The items of an account as the manifest counts them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Leaves(pub BTreeMap<ItemId, Leaf>);

impl Leaves {
    /// The leaves after some items changed and others went. An item that is there changes to the
    /// next version; one that is not begins anywhere up to [`MAX_FIRST_VERSION`], so that nobody can
    /// leave others without a version to come; no item is named twice; what goes was there.
    ///
    /// # Errors
    /// [`ManifestError::Change`].
    pub fn after(
        mut self,
        changed: impl IntoIterator<Item = (ItemId, Leaf)>,
        removed: &[ItemId],
    ) -> Result<Self, ManifestError> {
        let mut named = BTreeSet::new();
        for item in removed {
            if !named.insert(*item) || self.0.remove(item).is_none() {
                return Err(ManifestError::Change { item: *item });
            }
        }
        for (item, leaf) in changed {
            let fits = match self.0.get(&item) {
                Some(before) => before.version.checked_add(1) == Some(leaf.version),
                None => (1..=MAX_FIRST_VERSION).contains(&leaf.version),
            };
            if !named.insert(item) || !fits {
                return Err(ManifestError::Change { item });
            }
            self.0.insert(item, leaf);
        }
        Ok(self)
    }

    /// The Merkle tree hash (RFC 6962, section 2.1) over `id || version || envelope hash`, by
    /// ascending id.
    pub fn root(&self) -> Sha256 {
        let leaves: Vec<Vec<u8>> = self
            .0
            .iter()
            .map(|(id, leaf)| {
                let version = leaf.version.to_be_bytes();
                [&id.as_bytes()[..], &version, leaf.envelope.as_bytes()].concat()
            })
            .collect();
        tree::root(&leaves)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(version: u64) -> Leaf {
        Leaf { version, envelope: Sha256::of(&version.to_be_bytes()) }
    }

    #[test]
    fn items_change_forwards_and_once() {
        let [a, b, c] = [1, 2, 3].map(|n| ItemId::from_bytes([n; 16]));
        let start = || Leaves([(a, leaf(1)), (b, leaf(4))].into());
        let after = start().after([(b, leaf(5)), (c, leaf(1))], &[a]).expect("the control");
        assert_eq!(after, Leaves([(b, leaf(5)), (c, leaf(1))].into()));
        assert_ne!(after.root(), start().root());
        for (changed, removed, item) in [
            (vec![(b, leaf(4))], vec![], b),
            (vec![(b, leaf(3))], vec![], b),
            (vec![(b, leaf(6))], vec![], b),
            (vec![(c, leaf(MAX_FIRST_VERSION + 1))], vec![], c),
            (vec![(c, leaf(0))], vec![], c),
            (vec![(c, leaf(1)), (c, leaf(2))], vec![], c),
            (vec![(a, leaf(2))], vec![a], a),
            (vec![], vec![a, a], a),
            (vec![], vec![c], c),
        ] {
            let refused = start().after(changed, &removed);
            assert_eq!(refused, Err(ManifestError::Change { item }));
        }
    }
}
