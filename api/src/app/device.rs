//! Device lists: an entry more, and reading them.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use hallmark_core::account::{
    AccountId,
    device_list::Change,
    exchange::{AppendEntry, Devices},
};

use super::{App, AppError, state::State};
use crate::store::{Caller, NextEntry, Standing, StoreError};

impl App {
    /// Appends an entry to a device list, with the wraps of the root after it and, where that
    /// changes, every content key under it. The entry that is the head already is taken again.
    ///
    /// # Errors
    /// Whether the caller may; [`AppError::Calm`] while the recovery key is to have its turn;
    /// [`StoreError::DevicesChanged`] and [`StoreError::ItemsChanged`] for
    /// an entry that continues another state; [`AppError::Entry`] and [`AppError::EntryParts`].
    pub async fn append_entry(
        &self,
        caller: Caller,
        account: AccountId,
        append: AppendEntry,
    ) -> Result<(), AppError> {
        let entry = append.entry.claimed();
        let fits = |state: &State| {
            entry.previous == Some(state.list.head()) && entry.manifest == state.manifest_head()
        };
        let state = self.state(account, fits).await;
        let state = self.unless_replayed(caller, state).await?;
        let standing = self.check_standing(&caller, account, &state).await;
        self.unless_replayed(caller, standing).await?;
        if state.list.head() == append.entry.hash() {
            return Ok(self.store.spend(caller).await?);
        }
        let is_recovery = state.list.recovery() == caller.key;
        let calm = self.calm.check_entry(account, is_recovery, Instant::now());
        self.unless_replayed(caller, calm).await?;
        let next = after(&caller, account, &state, &append);
        let by = (caller.key, is_recovery);
        self.calm.note(account, by, &next, Instant::now());
        let next = self.unless_replayed(caller, next).await?;
        let change = NextEntry {
            account,
            manifest: state.manifest_head().map_or(0, |head| head.version),
            listed: next.list.devices().iter().map(|device| device.key).collect(),
            delta_bytes: bytes(&next) - bytes(&state),
            append,
        };
        let appended = self.store.append_entry(caller, change).await.map_err(AppError::from);
        self.calm.note(account, by, &appended, Instant::now());
        appended?;
        self.calm.end(account, is_recovery);
        self.states.put(account, Arc::new(next));
        Ok(())
    }

    /// The entries from place `from` on; also for a device that is listed no more.
    ///
    /// # Errors
    /// Whether the caller may, and that the place is beyond the end.
    pub async fn devices(
        &self,
        caller: Caller,
        account: AccountId,
        from: u64,
    ) -> Result<Devices, AppError> {
        self.calm.renew(account, &caller.key, Instant::now());
        Ok(self.store.devices(caller.key, account, from).await?)
    }

    /// Whether the caller is a listed device or the recovery key.
    pub(super) async fn check_standing(
        &self,
        caller: &Caller,
        account: AccountId,
        state: &State,
    ) -> Result<(), AppError> {
        if state.list.is_listed(&caller.key) || state.list.recovery() == caller.key {
            return Ok(());
        }
        match self.store.standing(caller.key, account).await? {
            Standing::Former => Err(StoreError::Revoked.into()),
            // Listed since the state was read.
            Standing::Device | Standing::Recovery => Err(StoreError::DevicesChanged.into()),
        }
    }
}

/// The state after an entry, if everything that comes with it belongs to it.
fn after(
    caller: &Caller,
    account: AccountId,
    state: &State,
    append: &AppendEntry,
) -> Result<State, AppError> {
    let entry = append.entry.claimed();
    if entry.account != account {
        return Err(AppError::EntryParts { what: "The entry belongs to another account" });
    }
    if entry.previous != Some(state.list.head()) {
        return Err(StoreError::DevicesChanged.into());
    }
    if entry.manifest != state.manifest_head() {
        return Err(StoreError::ItemsChanged.into());
    }
    if entry.by != caller.key {
        return Err(AppError::EntryParts { what: "Another key signed the entry than the request" });
    }
    let mut next = state.clone();
    next.list.extend(&append.entry)?;
    if !append.wraps.belong_to(&next.list) {
        return Err(AppError::EntryParts { what: "The wraps are not those the entry names" });
    }
    rewrap(&mut next, append)?;
    Ok(next)
}

/// Takes in the keys under a new root: one for each item there is, at its version.
fn rewrap(state: &mut State, append: &AppendEntry) -> Result<(), AppError> {
    let entry = append.entry.claimed();
    let wrong = AppError::EntryParts {
        what: "The wrapped keys are not those of the items, each once and at its version",
    };
    let keys: BTreeMap<_, _> = append.rewrapped.iter().map(|key| (key.item, key)).collect();
    let same_root = matches!(entry.change, Change::Add { .. });
    let expected = if same_root { 0 } else { state.leaves.0.len() };
    if append.rewrapped.len() != expected || keys.len() != expected {
        return Err(wrong);
    }
    for (item, key) in keys {
        let at_version = state.leaves.0.get(&item).is_some_and(|leaf| leaf.version == key.version);
        let Some(size) = state.sizes.get_mut(&item).filter(|_| at_version) else {
            return Err(wrong);
        };
        super::item::check_envelope(&key.key)?;
        size.key_bytes = key.key.0.len() as u64;
    }
    Ok(())
}

fn bytes(state: &State) -> i64 {
    state.sizes.values().map(|size| size.total()).sum()
}
