//! What a device does not have yet, page by page.
//!
//! # Decisions
//!
//! - **One walk over what is there and what is gone**: records and names of removed items, both in
//!   the order of the manifest that changed them and then of the item, which is that of the
//!   [`Cursor`]. A page ends after [`SYNC_PAGE_BYTES`] of both; what comes along beside them counts
//!   first. So no answer comes near what a device reads of one
//!   ([`MAX_ANSWER_BYTES`](hallmark_core::account::exchange::MAX_ANSWER_BYTES)), whatever a listed
//!   thief made of the account: keys wrapped again came in one body of at most 8 MiB, and a device
//!   list has an end.
//! - **A device that begins gets no names of removed items**: it holds none of them. One that goes on
//!   gets those after its cursor, also where it began a page ago, since what that page said may be
//!   gone by now.

use hallmark_core::{
    account::{
        AccountId, ItemId, Signed,
        exchange::{Base64, Cursor, MAX_SYNC_MANIFESTS, Record, SYNC_PAGE_BYTES, Sync, WrappedKey},
        manifest::Manifest,
    },
    key::PublicKey,
};
use rusqlite::Connection;

use super::{
    Store, StoreError,
    account::{entries, read, wraps},
    device::{allowed, count},
    item::REMOVED_BYTES,
};

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
            .run_for(account, move |connection| {
                let number = allowed(connection, account, &key)?;
                sync(connection, number, &from)
            })
            .await
    }
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
    let rewrapped =
        if entries.is_empty() { Vec::new() } else { rewrapped(connection, number, from)? };
    let (manifests, manifests_bytes) = manifests(connection, number, from.manifest)?;
    let keys_bytes: usize = rewrapped.iter().map(|wrapped| wrapped.key.0.len()).sum();
    let last = from.manifest + manifests.len() as u64;
    let more_manifests = last < newest;
    // Nothing of manifests that are not told yet: who asks counts items by the newest that it has.
    let until = if more_manifests { last } else { newest };
    let page = walk(connection, number, (&from.items, until), manifests_bytes + keys_bytes)?;
    let next = match (page.is_last, more_manifests) {
        (false, _) => Some(page.at),
        // Never behind the cursor: an item of the last manifest told is at or beyond that manifest.
        (true, true) => Some(page.at.max(Cursor { manifest: last, item: None })),
        (true, false) => None,
    };
    Ok(Sync {
        wraps: (!entries.is_empty()).then(|| wraps(connection, number)).transpose()?,
        entries,
        manifests,
        records: page.records,
        removed: page.removed,
        rewrapped,
        next,
    })
}

/// Up to [`MAX_SYNC_MANIFESTS`] manifests after a version, and their bytes.
fn manifests(
    connection: &Connection,
    number: i64,
    after: u64,
) -> Result<(Vec<Signed<Manifest>>, usize), StoreError> {
    let mut bytes = 0;
    let manifests = connection
        .prepare_cached(
            "SELECT statement FROM manifests WHERE account = ?1 AND version > ?2
             ORDER BY version LIMIT ?3",
        )?
        .query_and_then((number, after, MAX_SYNC_MANIFESTS as u64), |row| {
            let statement: Vec<u8> = row.get(0)?;
            bytes += statement.len();
            read(&statement)
        })?
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok((manifests, bytes))
}

/// What was changed after a cursor, as far as it fits one answer.
struct Page {
    records: Vec<Record>,
    removed: Vec<ItemId>,
    /// How far it goes.
    at: Cursor,
    /// Whether there is nothing after it.
    is_last: bool,
}

/// The page after a cursor and until a manifest, of an answer that has so many bytes already.
fn walk(
    connection: &Connection,
    number: i64,
    (after, until): (&Cursor, u64),
    mut bytes: usize,
) -> Result<Page, StoreError> {
    // Merged from two indexes: nothing is sorted.
    let mut statement = connection.prepare_cached(
        "SELECT manifest, item, version, key, envelope FROM items
         WHERE account = ?1 AND (manifest, item) > (?2, ?3) AND manifest <= ?4
         UNION ALL
         SELECT manifest, item, NULL, NULL, NULL FROM removed
         WHERE account = ?1 AND (manifest, item) > (?2, ?3) AND ?2 > 0 AND manifest <= ?4
         AND NOT EXISTS (SELECT 1 FROM items
             WHERE items.account = removed.account AND items.item = removed.item)
         ORDER BY manifest, item",
    )?;
    let mut rows = statement.query((number, after.manifest, last_of(after), until))?;
    let mut page = Page { records: Vec::new(), removed: Vec::new(), at: *after, is_last: true };
    while let Some(row) = rows.next()? {
        if bytes >= SYNC_PAGE_BYTES {
            page.is_last = false;
            break;
        }
        let item = ItemId::from_bytes(row.get(1)?);
        page.at = Cursor { manifest: row.get(0)?, item: Some(item) };
        let Some(version) = row.get(2)? else {
            bytes += REMOVED_BYTES as usize;
            page.removed.push(item);
            continue;
        };
        let (key, envelope) = (Base64(row.get(3)?), Base64(row.get(4)?));
        bytes += key.0.len() + envelope.0.len();
        page.records.push(Record { item, version, key, envelope });
    }
    Ok(page)
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
        (number, from.items.manifest, last_of(&from.items), from.devices.max(1)),
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
fn last_of(cursor: &Cursor) -> &[u8; ItemId::LEN] {
    cursor.item.as_ref().map_or(&[0xff; ItemId::LEN], ItemId::as_bytes)
}
