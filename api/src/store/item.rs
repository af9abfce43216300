//! Items: one compare-and-swap on the manifest.
//!
//! # Decisions
//!
//! - **Of the removed items an account keeps the names of the newest [`MAX_REMOVED`].** A device that
//!   was away for longer holds an item too many, which its newest manifest does not count: it drops
//!   what it holds and asks for all items again. So whatever a thief adds and removes, what there is
//!   to tell a device, and to erase with the account, has an end.

use hallmark_core::{
    account::{
        AccountId, ItemId,
        exchange::{Commit, Record, SYNC_PAGE_BYTES},
    },
    hash::Sha256,
};
use rusqlite::OptionalExtension;

use super::{Caller, Store, StoreError, account::stored, writer::Tx};

/// What the name of a removed item counts, bytes: its row and its place in the index.
pub const REMOVED_BYTES: u64 = 64;
/// The most names of removed items that an account keeps, as many as fit one answer to a device; the
/// oldest are forgotten, and count no more.
pub const MAX_REMOVED: u64 = SYNC_PAGE_BYTES as u64 / REMOVED_BYTES;

/// The next manifest and what it changes, verified against the state it names.
#[derive(Debug, Clone)]
pub struct NextManifest {
    /// The account.
    pub account: AccountId,
    /// The manifest, what is new and what is gone.
    pub commit: Commit,
    /// Hash of the newest device list entry it was verified against.
    pub head: Sha256,
    /// By how much the account's bytes change: those of items, of the manifest itself, and
    /// [`REMOVED_BYTES`] for each item removed.
    pub delta_bytes: i64,
    /// The most the account may hold, bytes.
    pub quota_bytes: u64,
}

impl Store {
    /// Takes the next manifest and its items, if device list and manifest are still those it was
    /// verified against. All or nothing, durable when it returns. The manifest that is the newest
    /// already is taken again.
    ///
    /// # Errors
    /// [`StoreError::ItemsChanged`], [`StoreError::DevicesChanged`], [`StoreError::Quota`], and the
    /// errors of every change.
    pub async fn accept_commit(
        &self,
        caller: Caller,
        next: NextManifest,
    ) -> Result<(), StoreError> {
        let statement = stored(&next.commit.manifest);
        let hash = Sha256::of(&statement);
        let only_removes = next.commit.records.is_empty() && !next.commit.removed.is_empty();
        let accept = move |tx: &Tx<'_>| {
            tx.spend(&caller)?;
            let manifest = next.commit.manifest.claimed();
            let number: Option<i64> = tx
                .prepare_cached(
                    "UPDATE accounts SET manifest = ?2, manifest_hash = ?3, bytes = bytes + ?6
                         WHERE id = ?1 AND manifest = ?2 - 1 AND manifest_hash IS ?4 AND head = ?5
                         AND (?6 <= 0 OR bytes + ?6 <= ?7)
                         RETURNING number",
                )?
                .query_row(
                    (
                        next.account.as_bytes(),
                        manifest.version,
                        hash.as_bytes(),
                        manifest.previous.as_ref().map(Sha256::as_bytes),
                        next.head.as_bytes(),
                        next.delta_bytes,
                        next.quota_bytes,
                    ),
                    |row| row.get(0),
                )
                .optional()?;
            let Some(number) = number else { return accepted(tx, &next, hash) };
            tx.prepare_cached("INSERT INTO manifests VALUES (?1, ?2, ?3)")?.execute((
                number,
                manifest.version,
                &statement,
            ))?;
            for record in &next.commit.records {
                put(tx, number, manifest.version, record)?;
            }
            for item in &next.commit.removed {
                remove(tx, number, manifest.version, *item)?;
            }
            forget(tx, number, next.commit.removed.len())
        };
        match only_removes {
            true => self.writer.run_to_make_room(accept).await,
            false => self.writer.run(accept).await,
        }
    }
}

/// Why a manifest was not accepted; nothing, if it was before.
fn accepted(tx: &Tx<'_>, next: &NextManifest, hash: Sha256) -> Result<(), StoreError> {
    type Row = ([u8; 32], u64, Option<[u8; 32]>);
    let (head, version, newest): Row = tx
        .prepare_cached("SELECT head, manifest, manifest_hash FROM accounts WHERE id = ?1")?
        .query_row([next.account.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or(StoreError::NoAccount)?;
    let manifest = next.commit.manifest.claimed();
    let newest = newest.map(Sha256::from_bytes);
    if newest == Some(hash) {
        Ok(())
    } else if newest != manifest.previous || version + 1 != manifest.version {
        Err(StoreError::ItemsChanged)
    } else if Sha256::from_bytes(head) != next.head {
        Err(StoreError::DevicesChanged)
    } else {
        Err(StoreError::Quota)
    }
}

fn put(tx: &Tx<'_>, number: i64, manifest: u64, record: &Record) -> Result<(), StoreError> {
    let leaf = record.leaf();
    tx.prepare_cached(
        "INSERT INTO items (account, item, version, manifest, hash, key, envelope)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (account, item) DO UPDATE SET version = excluded.version,
         manifest = excluded.manifest, rewrapped = 0, hash = excluded.hash,
         key = excluded.key, envelope = excluded.envelope",
    )?
    .execute((
        number,
        record.item.as_bytes(),
        leaf.version,
        manifest,
        leaf.envelope.as_bytes(),
        &record.key.0,
        &record.envelope.0,
    ))?;
    Ok(())
}

fn remove(tx: &Tx<'_>, number: i64, manifest: u64, item: ItemId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM items WHERE account = ?1 AND item = ?2")?
        .execute((number, item.as_bytes()))?;
    tx.prepare_cached("INSERT INTO removed VALUES (?1, ?2, ?3)")?.execute((
        number,
        manifest,
        item.as_bytes(),
    ))?;
    Ok(())
}

/// Counts the names that were added, and forgets the oldest beyond [`MAX_REMOVED`].
fn forget(tx: &Tx<'_>, number: i64, added: usize) -> Result<(), StoreError> {
    if added == 0 {
        return Ok(());
    }
    let names: u64 = tx
        .prepare_cached(
            "UPDATE accounts SET removed = removed + ?2 WHERE number = ?1 RETURNING removed",
        )?
        .query_row((number, added as u64), |row| row.get(0))?;
    let Some(excess) = names.checked_sub(MAX_REMOVED).filter(|excess| *excess > 0) else {
        return Ok(());
    };
    let forgotten = tx
        .prepare_cached(
            "DELETE FROM removed WHERE account = ?1 AND (manifest, item) < (
                 SELECT manifest, item FROM removed WHERE account = ?1
                 ORDER BY manifest, item LIMIT 1 OFFSET ?2)",
        )?
        .execute((number, excess))? as u64;
    tx.prepare_cached(
        "UPDATE accounts SET removed = removed - ?2, bytes = bytes - ?3 WHERE number = ?1",
    )?
    .execute((number, forgotten, forgotten * REMOVED_BYTES))?;
    Ok(())
}
