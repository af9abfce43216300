//! Accounts: how they begin, and what a use case verifies against.

use hallmark_core::{
    account::{
        AccountId, ItemId, Signed,
        device_list::Entry,
        exchange::{CreateAccount, Wraps},
        manifest::{Leaf, Manifest},
    },
    hash::Sha256,
    json,
    key::PublicKey,
};
use rusqlite::{Connection, OptionalExtension};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Caller, Store, StoreError,
    device::{self, allowed},
    file::FileName,
    writer::Tx,
};

/// An account about to begin, verified.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The account.
    pub account: AccountId,
    /// The first entry and the wraps it names.
    pub create: CreateAccount,
    /// The first device.
    pub device: PublicKey,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Created {
    /// It is new.
    #[default]
    New,
    /// Exactly this account was there already.
    Same,
}

/// What there is of an account, at one moment; nothing of it verified.
#[derive(Debug)]
pub struct StoredAccount {
    /// All entries of its device list.
    pub entries: Vec<Signed<Entry>>,
    /// The newest manifest; absent while there is none.
    pub manifest: Option<Signed<Manifest>>,
    /// Its items.
    pub items: Vec<StoredItem>,
}

/// An item as the manifest counts it.
#[derive(Debug, Clone, Copy)]
pub struct StoredItem {
    /// The item.
    pub item: ItemId,
    /// Its version and the hash of its envelope.
    pub leaf: Leaf,
    /// Bytes of its envelope.
    pub envelope_bytes: u64,
    /// Bytes of its wrapped key.
    pub key_bytes: u64,
}

/// What an erasure removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Items.
    pub items: u64,
    /// Blobs, unfinished ones too.
    pub blobs: u64,
    /// Bytes of both.
    pub bytes: u64,
}

impl Store {
    /// Begins an account: its first entry, its wraps and its first device, all or nothing and
    /// durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Differs`] when there is another account of that id, and the errors of every
    /// change.
    pub async fn create_account(
        &self,
        caller: Caller,
        new: NewAccount,
    ) -> Result<Created, StoreError> {
        let statement = stored(&new.create.entry);
        let wraps = stored(&new.create.wraps);
        let head = Sha256::of(&statement);
        self.writer
            .run(move |tx| {
                tx.spend(&caller)?;
                let first: Option<Vec<u8>> = tx
                    .prepare_cached(
                        "SELECT statement FROM entries JOIN accounts ON account = number
                         WHERE id = ?1 AND seq = 0",
                    )?
                    .query_row([new.account.as_bytes()], |row| row.get(0))
                    .optional()?;
                if let Some(first) = first {
                    return if first == statement {
                        Ok(Created::Same)
                    } else {
                        Err(StoreError::Differs)
                    };
                }
                let number: i64 = tx
                    .prepare_cached(
                        "INSERT INTO accounts (id, entries, head, manifest, bytes)
                         VALUES (?1, 1, ?2, 0, 0) RETURNING number",
                    )?
                    .query_row((new.account.as_bytes(), head.as_bytes()), |row| row.get(0))?;
                tx.prepare_cached("INSERT INTO entries VALUES (?1, 0, ?2)")?
                    .execute((number, &statement))?;
                tx.prepare_cached("INSERT INTO wraps VALUES (?1, ?2)")?
                    .execute((number, &wraps))?;
                tx.prepare_cached("INSERT INTO devices (account, key, listed) VALUES (?1, ?2, 1)")?
                    .execute((number, new.device.as_bytes()))?;
                Ok(Created::New)
            })
            .await
    }

    /// How many entries the device list of an account has: what it takes to verify it.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`].
    pub async fn entries(&self, account: AccountId) -> Result<u64, StoreError> {
        self.readers
            .run_for(account, move |connection| {
                device::count(connection, number(connection, account)?)
            })
            .await
    }

    /// What there is of an account, at one moment.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`].
    pub async fn account(&self, account: AccountId) -> Result<StoredAccount, StoreError> {
        self.readers
            .run_for(account, move |connection| {
                let number = number(connection, account)?;
                let manifest: Option<Vec<u8>> = connection
                    .prepare_cached(
                        "SELECT statement FROM manifests WHERE account = ?1
                         ORDER BY version DESC LIMIT 1",
                    )?
                    .query_row([number], |row| row.get(0))
                    .optional()?;
                Ok(StoredAccount {
                    entries: entries(connection, number, 0)?,
                    manifest: manifest.as_deref().map(read).transpose()?,
                    items: items(connection, number)?,
                })
            })
            .await
    }

    /// Erases an account: first all its rows, in one transaction, then its files. Both are durable
    /// when it returns; a file that cannot be removed then goes at the next sweep, since the rows
    /// that would say so to a second request are gone. SQLite overwrites what it deletes, and the
    /// log is emptied at once, or after the next change while somebody reads. What remains are the
    /// nonces of the last hour, with the keys that used them, and copies made before.
    ///
    /// # Errors
    /// Whether the caller may; then nothing was changed.
    pub async fn erase_account(
        &self,
        caller: Caller,
        account: AccountId,
    ) -> Result<Erased, StoreError> {
        let (erased, files) = self
            .writer
            .run_to_make_room(move |tx| {
                tx.spend(&caller)?;
                let number = allowed(tx, account, &caller.key)?;
                erase(tx, number)
            })
            .await?;
        self.remove_files(files, true).await;
        Ok(erased)
    }

    /// Which account lists the device of this key now; of several the one that listed it last.
    /// Anybody can list any key, so this is where to look and nothing to believe: the device
    /// compares words with the one that let it in. An account whose listing was covered by
    /// another's takes the device off and lists it again.
    ///
    /// # Errors
    /// That nothing can be read.
    pub async fn membership(&self, key: PublicKey) -> Result<Option<AccountId>, StoreError> {
        self.readers
            .run(move |connection| {
                let account = connection
                    .prepare_cached(
                        "SELECT id FROM devices JOIN accounts ON account = accounts.number
                         WHERE key = ?1 AND listed = 1 ORDER BY devices.number DESC LIMIT 1",
                    )?
                    .query_row([key.as_bytes()], |row| row.get(0))
                    .optional()?;
                Ok(account.map(AccountId::from_bytes))
            })
            .await
    }
}

fn erase(tx: &Tx<'_>, number: i64) -> Result<(Erased, Vec<FileName>), StoreError> {
    let count = |sql: &str| -> rusqlite::Result<(u64, u64)> {
        tx.prepare_cached(sql)?.query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let (items, items_bytes) = count(
        "SELECT count(*), coalesce(sum(length(envelope) + length(key)), 0)
         FROM items WHERE account = ?1",
    )?;
    let (blobs, blobs_bytes) =
        count("SELECT count(*), coalesce(sum(size), 0) FROM blobs WHERE account = ?1")?;
    let files = tx
        .prepare_cached("SELECT file FROM blobs WHERE account = ?1")?
        .query_map([number], |row| Ok(FileName::from_bytes(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    for table in [
        "parts WHERE blob IN (SELECT number FROM blobs WHERE account = ?1)",
        "blobs WHERE account = ?1",
        "removed WHERE account = ?1",
        "items WHERE account = ?1",
        "manifests WHERE account = ?1",
        "devices WHERE account = ?1",
        "wraps WHERE account = ?1",
        "entries WHERE account = ?1",
        "accounts WHERE number = ?1",
    ] {
        tx.prepare_cached(&format!("DELETE FROM {table}"))?.execute([number])?;
    }
    tx.erased();
    Ok((Erased { items, blobs, bytes: items_bytes + blobs_bytes }, files))
}

/// The short number of an account.
pub(super) fn number(connection: &Connection, account: AccountId) -> Result<i64, StoreError> {
    connection
        .prepare_cached("SELECT number FROM accounts WHERE id = ?1")?
        .query_row([account.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::NoAccount)
}

/// The entries of a device list from place `from` on.
pub(super) fn entries(
    connection: &Connection,
    number: i64,
    from: u64,
) -> Result<Vec<Signed<Entry>>, StoreError> {
    connection
        .prepare_cached(
            "SELECT statement FROM entries WHERE account = ?1 AND seq >= ?2 ORDER BY seq",
        )?
        .query_and_then((number, from), |row| read(&row.get::<_, Vec<u8>>(0)?))?
        .collect()
}

/// The root in force, wrapped.
pub(super) fn wraps(connection: &Connection, number: i64) -> Result<Wraps, StoreError> {
    let statement: Vec<u8> = connection
        .prepare_cached("SELECT statement FROM wraps WHERE account = ?1")?
        .query_row([number], |row| row.get(0))?;
    read(&statement)
}

fn items(connection: &Connection, number: i64) -> Result<Vec<StoredItem>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT item, version, hash, length(envelope), length(key) FROM items WHERE account = ?1",
    )?;
    let items = statement.query_map([number], |row| {
        Ok(StoredItem {
            item: ItemId::from_bytes(row.get(0)?),
            leaf: Leaf { version: row.get(1)?, envelope: Sha256::from_bytes(row.get(2)?) },
            envelope_bytes: row.get(3)?,
            key_bytes: row.get(4)?,
        })
    })?;
    Ok(items.collect::<Result<_, _>>()?)
}

/// The canonical bytes (RFC 8785) of a statement, as it is stored.
pub(super) fn stored(value: &impl Serialize) -> Vec<u8> {
    json::canonical(&serde_json::to_value(value).expect("our own types are JSON"))
}

/// A stored statement.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    Ok(serde_json::from_value(json::parse(bytes)?)?)
}
