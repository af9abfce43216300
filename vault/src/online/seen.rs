//! Items as a person sees them: what was synchronised, with what waits to be sent over it.

use std::{collections::BTreeMap, path::Path};

use hallmark_core::account::ItemId;

use super::Holdings;
use crate::{
    identity::Account,
    item::{Cache, Content, Edit, Kind, sealed},
};

/// An item as this device sees it: what was synchronised, with what waits to be sent over it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its id.
    pub item: ItemId,
    /// The version at the service that it is, or follows; 0 for none.
    pub version: u64,
    /// What it says.
    pub content: Content,
    /// Whether an edit waits to be sent.
    pub unsent: bool,
}

impl Seen {
    /// Whether a person keeps it: names of devices are items as well, and are not counted as such.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.content.kind != Kind::Device
    }
}

/// Items without a service: what the state and the cache in `folder` hold.
#[must_use]
pub fn offline(holdings: &Holdings, folder: &Path) -> (Vec<Seen>, usize) {
    seen(holdings, &trusted_cache(folder, &holdings.account))
}

/// The cache, where it is what the manifest in the state counts.
pub(super) fn trusted_cache(folder: &Path, account: &Account) -> Cache {
    let mut cache = Cache::load(folder, account.id(), account.root().id());
    let counted = account.manifest().map(|manifest| manifest.claimed());
    let leaves = cache.leaves();
    let whole = match counted {
        Some(manifest) => manifest.check_items(&leaves).is_ok(),
        None => leaves.0.is_empty(),
    };
    if !whole || cache.cursor().manifest != counted.map_or(0, |manifest| manifest.version) {
        cache.clear();
    }
    cache
}

pub(super) fn seen(holdings: &Holdings, cache: &Cache) -> (Vec<Seen>, usize) {
    let account = &holdings.account;
    let mut unopened = 0;
    let mut items: BTreeMap<ItemId, Seen> = BTreeMap::new();
    for record in cache.records() {
        if holdings.pending.contains_key(&record.item) {
            continue;
        }
        match sealed::open(account.id(), record, account.root()) {
            Ok(content) => {
                let (item, version) = (record.item, record.version);
                items.insert(item, Seen { item, version, content, unsent: false });
            }
            Err(_) => unopened += 1,
        }
    }
    for (item, pending) in &holdings.pending {
        if let Edit::Put(content) = &pending.edit {
            let (item, version) = (*item, pending.base);
            let content = content.as_ref().clone();
            items.insert(item, Seen { item, version, content, unsent: true });
        }
    }
    (items.into_values().collect(), unopened)
}
