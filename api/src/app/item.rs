//! Items: the next manifest, and what a device does not have yet.

use std::{sync::Arc, time::Instant};

use hallmark_core::{
    account::{
        AccountId,
        exchange::{Base64, Commit, Sync},
        manifest::MAX_ITEMS,
    },
    hash::Sha256,
    json,
    seal::item::Envelope,
};

use super::{
    App, AppError,
    state::{Size, State},
};
use crate::store::{Caller, NextManifest, REMOVED_BYTES, StoreError, SyncFrom};

impl App {
    /// Takes the next manifest and what it changes, all or nothing. The manifest that is the newest
    /// already is taken again.
    ///
    /// # Errors
    /// Whether the caller may; [`StoreError::ItemsChanged`] and [`StoreError::DevicesChanged`] for
    /// a manifest that continues another state; [`AppError::Manifest`],
    /// [`AppError::ManifestParts`], [`AppError::TooManyItems`]; [`StoreError::Quota`].
    pub async fn commit(
        &self,
        caller: Caller,
        account: AccountId,
        commit: Commit,
    ) -> Result<(), AppError> {
        let manifest = commit.manifest.claimed();
        let fits = |state: &State| {
            manifest.previous == state.manifest_hash && manifest.devices + 1 == state.list.len()
        };
        let state = self.state(account, fits).await;
        let state = self.unless_replayed(caller, state).await?;
        let standing = self.check_standing(&caller, account, &state).await;
        self.unless_replayed(caller, standing).await?;
        let hash = commit.manifest.hash();
        if state.manifest_hash == Some(hash) {
            return Ok(self.store.spend(caller).await?);
        }
        let calm = self.calm.check(account, Instant::now());
        self.unless_replayed(caller, calm).await?;
        let next = after(&caller, account, &state, &commit, hash);
        let (next, delta_bytes) = self.unless_replayed(caller, next).await?;
        // Removing is possible in a full account too, whatever the manifest that says so adds.
        let only_removes = commit.records.is_empty() && !commit.removed.is_empty();
        let quota_bytes = if only_removes { json::MAX_INTEGER } else { self.settings.quota_bytes };
        let change =
            NextManifest { account, commit, head: state.list.head(), delta_bytes, quota_bytes };
        self.store.accept_commit(caller, change).await?;
        self.states.put(account, Arc::new(next));
        Ok(())
    }

    /// What a device does not have yet, at one moment of the account.
    ///
    /// # Errors
    /// Whether the caller may, and that a place is beyond the end.
    pub async fn sync(
        &self,
        caller: Caller,
        account: AccountId,
        from: SyncFrom,
    ) -> Result<Sync, AppError> {
        self.calm.renew(account, &caller.key, Instant::now());
        Ok(self.store.sync(caller.key, account, from).await?)
    }
}

/// The state after a manifest and by how many bytes the account grows, if it continues this state
/// and counts the items it comes with.
fn after(
    caller: &Caller,
    account: AccountId,
    state: &State,
    commit: &Commit,
    hash: Sha256,
) -> Result<(State, i64), AppError> {
    let manifest = commit.manifest.claimed();
    if manifest.account != account {
        return Err(AppError::ManifestParts { what: "The manifest belongs to another account" });
    }
    // Its version is checked by the store, in the transaction.
    if manifest.previous != state.manifest_hash {
        return Err(StoreError::ItemsChanged.into());
    }
    if manifest.devices + 1 != state.list.len() {
        return Err(StoreError::DevicesChanged.into());
    }
    if manifest.by != caller.key {
        let what = "Another key signed the manifest than the request";
        return Err(AppError::ManifestParts { what });
    }
    state.list.verify_manifest(&commit.manifest)?;
    let changed = commit.records.iter().map(|record| (record.item, record.leaf()));
    let leaves = state.leaves.clone().after(changed, &commit.removed)?;
    if leaves.0.len() > MAX_ITEMS {
        return Err(AppError::TooManyItems);
    }
    manifest.check_items(&leaves)?;
    let mut next = State {
        list: state.list.clone(),
        manifest: Some(commit.manifest.clone()),
        manifest_hash: Some(hash),
        leaves,
        sizes: state.sizes.clone(),
    };
    let delta_bytes = resize(&mut next, commit)? + history_bytes(commit);
    Ok((next, delta_bytes))
}

/// Takes in the sizes of what changed; returns by how many bytes the account grows.
fn resize(state: &mut State, commit: &Commit) -> Result<i64, AppError> {
    let mut delta_bytes = 0;
    for item in &commit.removed {
        delta_bytes -= state.sizes.remove(item).map_or(0, Size::total);
    }
    for record in &commit.records {
        check_envelope(&record.key)?;
        check_envelope(&record.envelope)?;
        let size = Size {
            envelope_bytes: record.envelope.0.len() as u64,
            key_bytes: record.key.0.len() as u64,
        };
        let before = state.sizes.insert(record.item, size);
        delta_bytes += size.total() - before.map_or(0, Size::total);
    }
    Ok(delta_bytes)
}

/// What a commit leaves for good, whatever becomes of its items: the manifest as it is stored, and
/// the names of what it removes.
fn history_bytes(commit: &Commit) -> i64 {
    let manifest = serde_json::to_value(&commit.manifest).expect("our own types are JSON");
    let removed = commit.removed.len() as u64 * REMOVED_BYTES;
    // Lengths of what was in one body.
    (json::canonical(&manifest).len() as u64 + removed) as i64
}

/// Whether bytes have the outside of a sealed item: nothing else is stored.
pub(super) fn check_envelope(bytes: &Base64) -> Result<(), AppError> {
    Envelope::parse(bytes.0.clone())
        .map(|_| ())
        .map_err(|_| AppError::Malformed { what: "An envelope or a wrapped key is no sealed item" })
}
