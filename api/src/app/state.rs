//! What a change is verified against: an account's verified device list, its newest manifest and
//! its leaves, kept in memory for the accounts that were busy last.
//!
//! A kept state may be behind the store, so it counts only where it fits what the request continues;
//! else the store is asked what came since. It is never ahead, and the store checks once more in the
//! transaction. A request that fits nothing costs a look at the ends of both: what was verified once is not
//! verified again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use hallmark_core::{
    account::{
        AccountId, ItemId, Signed,
        device_list::{DeviceList, Entry, ManifestHead},
        exchange::Cursor,
        manifest::{Leaves, Manifest},
    },
    hash::Sha256,
    key::PublicKey,
};

use super::{App, AppError, work};
use crate::store::{StoreError, StoredAccount, SyncFrom};

/// The most that all kept states weigh together, about 20 MB.
const MAX_WEIGHT: usize = 100_000;
/// What a state weighs beside its items, its entries and the devices after each of these.
const OWN_WEIGHT: usize = 16;
/// So many new entries are verified where they are asked for: some milliseconds.
const SHORT_LIST: u64 = 32;

/// A verified moment of an account.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) list: DeviceList,
    pub(super) manifest: Option<Signed<Manifest>>,
    /// Hash of the manifest.
    pub(super) manifest_hash: Option<Sha256>,
    pub(super) leaves: Leaves,
    pub(super) sizes: BTreeMap<ItemId, Size>,
}

/// Bytes of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) envelope_bytes: u64,
    pub(super) key_bytes: u64,
}

impl Size {
    pub(super) fn total(self) -> i64 {
        // Sizes of bodies that were in memory.
        (self.envelope_bytes + self.key_bytes) as i64
    }
}

impl State {
    /// A state with no items yet.
    pub(super) fn new(list: DeviceList) -> Self {
        Self {
            list,
            manifest: None,
            manifest_hash: None,
            leaves: Leaves::default(),
            sizes: BTreeMap::new(),
        }
    }

    /// What is stored, verified, but for the entries that `kept` has verified already.
    fn of(
        account: AccountId,
        stored: StoredAccount,
        kept: Option<&Self>,
    ) -> Result<Self, AppError> {
        let list = match kept.and_then(|kept| kept.continued_by(&stored)) {
            Some((list, new)) => {
                let mut list = list.clone();
                new.iter().try_for_each(|entry| list.extend(entry)).map(|()| list)
            }
            None => DeviceList::open(account, &stored.entries),
        };
        let mut state = Self::new(list.map_err(AppError::Corrupt)?);
        state.manifest_hash = stored.manifest.as_ref().map(Signed::hash);
        state.manifest = stored.manifest;
        for item in stored.items {
            let size = Size { envelope_bytes: item.envelope_bytes, key_bytes: item.key_bytes };
            state.leaves.0.insert(item.item, item.leaf);
            state.sizes.insert(item.item, size);
        }
        Ok(state)
    }

    /// The list, and what is stored after it, if that continues it.
    fn continued_by<'s>(
        &self,
        stored: &'s StoredAccount,
    ) -> Option<(&DeviceList, &'s [Signed<Entry>])> {
        let (known, new) = stored.entries.split_at_checked(self.list.len() as usize)?;
        // An entry names the one before, so the last one stands for all.
        (known.last()?.hash() == self.list.head()).then_some((&self.list, new))
    }

    /// The newest manifest.
    pub(super) fn manifest_head(&self) -> Option<ManifestHead> {
        let version = self.manifest.as_ref()?.claimed().version;
        Some(ManifestHead { version, hash: self.manifest_hash? })
    }

    /// How far it is: each change counts one of these up.
    fn age(&self) -> (u64, u64) {
        (self.list.len(), self.manifest.as_ref().map_or(0, |manifest| manifest.claimed().version))
    }

    fn weight(&self) -> usize {
        OWN_WEIGHT
            + self.leaves.0.len()
            + self.list.len() as usize
            + self.list.devices_over_time() / 2
    }
}

impl App {
    /// The state of an account: the kept one if `fits` or if nothing came since, else as the store has
    /// it.
    ///
    /// # Errors
    /// That there is no such account, or that it cannot be read.
    pub(super) async fn state(
        &self,
        account: AccountId,
        fits: impl Fn(&State) -> bool,
    ) -> Result<Arc<State>, AppError> {
        let mut kept = match self.kept_state(account, &fits).await? {
            Ok(fitting) => return Ok(fitting),
            Err(kept) => kept,
        };
        let verified = kept.as_ref().map_or(0, |kept| kept.list.len());
        let new = self.store.entries(account).await?.saturating_sub(verified);
        let mut place = None;
        if new > SHORT_LIST {
            // A long list waits for its place unread: many of them would fill the memory. Of several
            // who wait for one, the first verifies it.
            place = Some(work::place(Arc::clone(&self.work.verifying)).await?);
            kept = match self.kept_state(account, &fits).await? {
                Ok(fitting) => return Ok(fitting),
                Err(kept) => kept,
            };
        }
        let stored = self.store.account(account).await?;
        let verify = move || State::of(account, stored, kept.as_deref());
        let state = Arc::new(match place {
            Some(place) => work::on(place, verify).await?,
            None => verify()?,
        });
        self.states.put(account, state.clone());
        Ok(state)
    }

    /// The state that is kept, if it fits or nothing came since; else what there is to go on from.
    async fn kept_state(
        &self,
        account: AccountId,
        fits: &impl Fn(&State) -> bool,
    ) -> Result<Result<Arc<State>, Option<Arc<State>>>, AppError> {
        let Some(kept) = self.states.get(account) else { return Ok(Err(None)) };
        let is_newest = fits(&kept) || self.is_newest(account, &kept).await?;
        Ok(if is_newest { Ok(kept) } else { Err(Some(kept)) })
    }

    /// Whether list and manifest of this state are still the newest that the store has.
    async fn is_newest(&self, account: AccountId, kept: &State) -> Result<bool, AppError> {
        // In the name of the recovery key, which always may.
        let key = kept.list.recovery();
        let (devices, manifest) = kept.age();
        let ends = |at: Result<bool, StoreError>| match at {
            // Another account of that id, which has not come as far.
            Err(StoreError::Position) => Ok(false),
            at => at.map_err(AppError::from),
        };
        let last = self.store.devices(key, account, devices - 1).await;
        let is_head = |entry: &Signed<Entry>| entry.hash() == kept.list.head();
        if !ends(last.map(|last| matches!(&last.entries[..], [entry] if is_head(entry))))? {
            return Ok(false);
        }
        let items = Cursor { manifest, item: None };
        let from = SyncFrom { devices, manifest: manifest.saturating_sub(1), items };
        let last = self.store.sync(key, account, from).await;
        ends(last.map(|last| match &last.manifests[..] {
            [] => kept.manifest.is_none(),
            [newest] => Some(newest.hash()) == kept.manifest_hash,
            _ => false,
        }))
    }
}

/// The states of the accounts that were busy last.
#[derive(Debug, Default)]
pub(super) struct States(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    states: HashMap<AccountId, (u64, Arc<State>)>,
    /// By when they were used.
    order: BTreeMap<u64, AccountId>,
    uses: u64,
    weight: usize,
}

impl States {
    fn get(&self, account: AccountId) -> Option<Arc<State>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = kept.take(account)?;
        kept.put(account, state.clone());
        Some(state)
    }

    /// Whether a state is kept that lists this device. No tells nothing.
    pub(super) fn lists(&self, account: AccountId, key: &PublicKey) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.states.get(&account).is_some_and(|(_, state)| state.list.is_listed(key))
    }

    /// Keeps a state, unless a newer one of the account is kept.
    pub(super) fn put(&self, account: AccountId, state: Arc<State>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = match kept.take(account) {
            Some(other) if other.age() > state.age() => other,
            _ => state,
        };
        kept.put(account, newest);
        while kept.weight > MAX_WEIGHT
            && let Some(oldest) = kept.order.values().next().copied()
        {
            kept.take(oldest);
        }
    }

    /// Keeps nothing of an account.
    pub(super) fn forget(&self, account: AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(account);
    }
}

impl Kept {
    fn take(&mut self, account: AccountId) -> Option<Arc<State>> {
        let (used, state) = self.states.remove(&account)?;
        self.order.remove(&used);
        self.weight -= state.weight();
        Some(state)
    }

    fn put(&mut self, account: AccountId, state: Arc<State>) {
        self.uses += 1;
        self.weight += state.weight();
        self.order.insert(self.uses, account);
        self.states.insert(account, (self.uses, state));
    }
}
