//! Device lists: who may, and how they go on.

use hallmark_core::{
    account::{
        AccountId,
        exchange::{AppendEntry, Devices},
    },
    hash::Sha256,
    key::PublicKey,
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    Caller, Store, StoreError,
    account::{entries, number, stored, wraps},
    writer::Tx,
};

/// What a key is to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A listed device.
    Device,
    /// The recovery key.
    Recovery,
    /// A device that was listed once.
    Former,
}

/// The next entry of a device list, verified against the state it names.
#[derive(Debug, Clone)]
pub struct NextEntry {
    /// The account.
    pub account: AccountId,
    /// The entry, the wraps it names and the keys that come with it.
    pub append: AppendEntry,
    /// Version of the manifest it was verified against; 0 for none.
    pub manifest: u64,
    /// All devices listed after it.
    pub listed: Vec<PublicKey>,
    /// By how much the account's bytes change.
    pub delta_bytes: i64,
}

impl Store {
    /// Appends an entry, with its wraps and the keys that come with it, if list and manifest are
    /// still those it was verified against. All or nothing, durable when it returns. The entry
    /// that is the head already is taken again.
    ///
    /// # Errors
    /// [`StoreError::DevicesChanged`], [`StoreError::ItemsChanged`], and the errors of every change.
    pub async fn append_entry(&self, caller: Caller, next: NextEntry) -> Result<(), StoreError> {
        let statement = stored(&next.append.entry);
        let wraps = stored(&next.append.wraps);
        let head = Sha256::of(&statement);
        self.writer
            .run(move |tx| {
                tx.spend(&caller)?;
                let entry = next.append.entry.claimed();
                let previous = entry.previous.ok_or(StoreError::DevicesChanged)?;
                let number: Option<i64> = tx
                    .prepare_cached(
                        "UPDATE accounts SET entries = ?2 + 1, head = ?3, bytes = bytes + ?6
                         WHERE id = ?1 AND head = ?4 AND manifest = ?5
                         RETURNING number",
                    )?
                    .query_row(
                        (
                            next.account.as_bytes(),
                            entry.seq,
                            head.as_bytes(),
                            previous.as_bytes(),
                            next.manifest,
                            next.delta_bytes,
                        ),
                        |row| row.get(0),
                    )
                    .optional()?;
                let Some(number) = number else { return appended(tx, &next, head, previous) };
                tx.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3)")?
                    .execute((number, entry.seq, &statement))?;
                tx.prepare_cached("UPDATE wraps SET statement = ?2 WHERE account = ?1")?
                    .execute((number, &wraps))?;
                list(tx, number, &next.listed)?;
                rewrap(tx, number, &next.append)
            })
            .await
    }

    /// The entries of a device list from place `from` on. The wraps come along for a listed device
    /// and for the recovery key. One moment of the account.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], [`StoreError::NotListed`]; [`StoreError::Position`] beyond the
    /// end.
    pub async fn devices(
        &self,
        key: PublicKey,
        account: AccountId,
        from: u64,
    ) -> Result<Devices, StoreError> {
        self.readers
            .run_for(account, move |connection| {
                let (number, standing) = standing(connection, account, &key)?;
                if from > count(connection, number)? {
                    return Err(StoreError::Position);
                }
                let open = standing != Standing::Former;
                Ok(Devices {
                    entries: entries(connection, number, from)?,
                    wraps: open.then(|| wraps(connection, number)).transpose()?,
                })
            })
            .await
    }

    /// What a key is to an account.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], [`StoreError::NotListed`].
    pub async fn standing(
        &self,
        key: PublicKey,
        account: AccountId,
    ) -> Result<Standing, StoreError> {
        self.readers.run(move |connection| Ok(standing(connection, account, &key)?.1)).await
    }
}

/// Why an entry was not appended; nothing, if it was before.
fn appended(
    tx: &Tx<'_>,
    next: &NextEntry,
    head: Sha256,
    previous: Sha256,
) -> Result<(), StoreError> {
    let now: [u8; 32] = tx
        .prepare_cached("SELECT head FROM accounts WHERE id = ?1")?
        .query_row([next.account.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NoAccount)?;
    match Sha256::from_bytes(now) {
        now if now == head => Ok(()),
        now if now == previous => Err(StoreError::ItemsChanged),
        _ => Err(StoreError::DevicesChanged),
    }
}

/// Lists these devices and no others. Those listed anew get the highest number there is: by it
/// [`Store::membership`] tells which account listed a device last.
fn list(tx: &Tx<'_>, number: i64, listed: &[PublicKey]) -> Result<(), StoreError> {
    let before = tx
        .prepare_cached("SELECT key FROM devices WHERE account = ?1 AND listed = 1")?
        .query_map([number], |row| row.get(0))?
        .collect::<Result<Vec<[u8; 32]>, _>>()?;
    for key in before.iter().filter(|key| !listed.iter().any(|kept| kept.as_bytes() == *key)) {
        tx.prepare_cached("UPDATE devices SET listed = 0 WHERE account = ?1 AND key = ?2")?
            .execute((number, key))?;
    }
    for key in listed.iter().filter(|key| !before.contains(key.as_bytes())) {
        tx.prepare_cached(
            "INSERT INTO devices (account, key, listed) VALUES (?1, ?2, 1)
             ON CONFLICT (key, account) DO UPDATE
             SET listed = 1, number = (SELECT max(number) + 1 FROM devices)",
        )?
        .execute((number, key.as_bytes()))?;
    }
    Ok(())
}

fn rewrap(tx: &Tx<'_>, number: i64, append: &AppendEntry) -> Result<(), StoreError> {
    let seq = append.entry.claimed().seq;
    for wrapped in &append.rewrapped {
        tx.prepare_cached(
            "UPDATE items SET key = ?4, rewrapped = ?5
             WHERE account = ?1 AND item = ?2 AND version = ?3",
        )?
        .execute((
            number,
            wrapped.item.as_bytes(),
            wrapped.version,
            &wrapped.key.0,
            seq,
        ))?;
    }
    Ok(())
}

/// Number of entries of a device list.
pub(super) fn count(connection: &Connection, number: i64) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT entries FROM accounts WHERE number = ?1")?
        .query_row([number], |row| row.get(0))?)
}

/// The short number of an account, and what a key is to it.
pub(super) fn standing(
    connection: &Connection,
    account: AccountId,
    key: &PublicKey,
) -> Result<(i64, Standing), StoreError> {
    let number = number(connection, account)?;
    if AccountId::of(key) == account {
        return Ok((number, Standing::Recovery));
    }
    let listed: Option<bool> = connection
        .prepare_cached("SELECT listed FROM devices WHERE key = ?1 AND account = ?2")?
        .query_row((key.as_bytes(), number), |row| row.get(0))
        .optional()?;
    match listed {
        Some(true) => Ok((number, Standing::Device)),
        Some(false) => Ok((number, Standing::Former)),
        None => Err(StoreError::NotListed),
    }
}

/// The short number of an account, for what a listed device and the recovery key may.
pub(super) fn allowed(
    connection: &Connection,
    account: AccountId,
    key: &PublicKey,
) -> Result<i64, StoreError> {
    match standing(connection, account, key)? {
        (_, Standing::Former) => Err(StoreError::Revoked),
        (number, Standing::Device | Standing::Recovery) => Ok(number),
    }
}
