//! Items: one compare-and-swap on the manifest, and what a device does not have yet.

use hallmark_core::{
    account::{
        AccountId, ItemId,
        exchange::{
            Base64, Commit, Cursor, MAX_SYNC_MANIFESTS, Record, SYNC_PAGE_BYTES, Sync, WrappedKey,
        },
    },
    hash::Sha256,
    key::PublicKey,
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    Caller, Store, StoreError,
    account::{entries, read, stored, wraps},
    device::{allowed, count},
    writer::Tx,
};

/// What the name of a removed item counts, bytes: its row and its places in the indexes.
pub const REMOVED_BYTES: u64 = 64;

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

/// What a device has.
#[derive(Debug, Clone, Copy)]
pub struct SyncFrom {
    /// Number of device list entries.
    pub devices: u64,
    /// Version of the newest manifest; 0 for none.
    pub manifest: u64,
    /// How far it has read the items.
    pub items: Cursor,
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
        self.writer
            .run(move |tx| {
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
                next.commit
                    .removed
                    .iter()
                    .try_for_each(|item| remove(tx, number, manifest.version, *item))
            })
            .await
    }

    /// What a device does not have yet, at one moment of the account; [`Sync`] says what is in it.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], [`StoreError::NotListed`], [`StoreError::Revoked`];
    /// [`StoreError::Position`] for a place beyond the end.
    pub async fn sync(
        &self,
        key: PublicKey,
        account: AccountId,
        from: SyncFrom,
    ) -> Result<Sync, StoreError> {
        self.readers
            .run(move |connection| {
                let number = allowed(connection, account, &key)?;
                sync(connection, number, &from)
            })
            .await
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

fn sync(connection: &Connection, number: i64, from: &SyncFrom) -> Result<Sync, StoreError> {
    let newest: u64 = connection
        .prepare_cached("SELECT manifest FROM accounts WHERE number = ?1")?
        .query_row([number], |row| row.get(0))?;
    let known = from.manifest.max(from.items.manifest);
    if from.devices > count(connection, number)? || known > newest {
        return Err(StoreError::Position);
    }
    let entries = entries(connection, number, from.devices)?;
    let manifests = connection
        .prepare_cached(
            "SELECT statement FROM manifests WHERE account = ?1 AND version > ?2
             ORDER BY version LIMIT ?3",
        )?
        .query_and_then((number, from.manifest, MAX_SYNC_MANIFESTS as u64), |row| {
            read(&row.get::<_, Vec<u8>>(0)?)
        })?
        .collect::<Result<Vec<_>, StoreError>>()?;
    let mut next = None;
    let records = records(connection, number, &from.items, &mut next)?;
    if from.manifest + (manifests.len() as u64) < newest && next.is_none() {
        next = Some(Cursor { manifest: newest, item: None });
    }
    let rewrapped =
        if entries.is_empty() { Vec::new() } else { rewrapped(connection, number, from)? };
    Ok(Sync {
        wraps: (!entries.is_empty()).then(|| wraps(connection, number)).transpose()?,
        entries,
        manifests,
        records,
        removed: removed(connection, number, from.items.manifest)?,
        rewrapped,
        next,
    })
}

/// Up to a page of the items changed after the cursor; where to go on, if that is not all.
fn records(
    connection: &Connection,
    number: i64,
    after: &Cursor,
    next: &mut Option<Cursor>,
) -> Result<Vec<Record>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT manifest, item, version, key, envelope FROM items
         WHERE account = ?1 AND (manifest, item) > (?2, ?3) ORDER BY manifest, item",
    )?;
    let mut rows = statement.query((number, after.manifest, last(after)))?;
    let (mut records, mut bytes, mut at) = (Vec::new(), 0, *after);
    while let Some(row) = rows.next()? {
        if bytes >= SYNC_PAGE_BYTES {
            *next = Some(at);
            break;
        }
        let item = ItemId::from_bytes(row.get(1)?);
        let (key, envelope) = (Base64(row.get(3)?), Base64(row.get(4)?));
        bytes += key.0.len() + envelope.0.len();
        at = Cursor { manifest: row.get(0)?, item: Some(item) };
        records.push(Record { item, version: row.get(2)?, key, envelope });
    }
    Ok(records)
}

fn removed(connection: &Connection, number: i64, after: u64) -> Result<Vec<ItemId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT item FROM removed WHERE account = ?1 AND manifest > ?2
         AND NOT EXISTS (SELECT 1 FROM items
             WHERE items.account = removed.account AND items.item = removed.item)
         ORDER BY item",
    )?;
    let removed =
        statement.query_map((number, after), |row| Ok(ItemId::from_bytes(row.get(0)?)))?;
    Ok(removed.collect::<Result<_, _>>()?)
}

/// The keys that entries unknown to the device have wrapped again, of items it has read.
fn rewrapped(
    connection: &Connection,
    number: i64,
    from: &SyncFrom,
) -> Result<Vec<WrappedKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT item, version, key FROM items
         WHERE account = ?1 AND (manifest, item) <= (?2, ?3) AND rewrapped >= ?4
         ORDER BY item",
    )?;
    let rewrapped = statement.query_map(
        (number, from.items.manifest, last(&from.items), from.devices.max(1)),
        |row| {
            Ok(WrappedKey {
                item: ItemId::from_bytes(row.get(0)?),
                version: row.get(1)?,
                key: Base64(row.get(2)?),
            })
        },
    )?;
    Ok(rewrapped.collect::<Result<_, _>>()?)
}

/// The greatest item id at the cursor: all of its manifest, where it names none.
fn last(cursor: &Cursor) -> &[u8; ItemId::LEN] {
    cursor.item.as_ref().map_or(&[0xff; ItemId::LEN], ItemId::as_bytes)
}
