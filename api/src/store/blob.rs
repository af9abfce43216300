//! Blobs: uploads that resume, part by part in any order, and what is there to read.

use std::{collections::HashSet, fs::File, sync::Arc};

use bytes::Bytes;
use hallmark_core::{
    account::{
        AccountId, BlobId,
        exchange::{PART_BYTES, StartUpload, Upload},
    },
    hash::Sha256,
    key::PublicKey,
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    Caller, Store, StoreError,
    device::allowed,
    file::{Claim, FileName},
    nonce::{self, check_unspent},
    writer::Tx,
};

/// After so long an upload that was not finished is removed: 7 days, in seconds.
pub const UNFINISHED_S: i64 = 7 * 86_400;

/// The unit in which file systems give room, bytes.
const BLOCK_BYTES: u64 = 4096;
/// What the rows of a blob and the name of its file take, bytes.
const ROWS_BYTES: u64 = 512;

/// What a blob of that size counts against the quota: whole blocks, since a file of one byte takes
/// one, and the same for every blob's rows. The migration to schema version 4 says the same in SQL.
#[must_use]
pub const fn counted_bytes(size_bytes: u64) -> u64 {
    let blocks = size_bytes.div_ceil(BLOCK_BYTES);
    blocks.saturating_mul(BLOCK_BYTES).saturating_add(ROWS_BYTES)
}

/// The most nonces forgotten at once.
const MAX_PRUNED: usize = 100_000;

/// A part of a blob as it came in.
#[derive(Debug, Clone)]
pub struct Part {
    /// The blob.
    pub blob: BlobId,
    /// Its place, counted from 0.
    pub part: u32,
    /// Its bytes.
    pub bytes: Bytes,
    /// `SHA-256(bytes)`.
    pub hash: Sha256,
}

/// A complete blob, open for reading.
#[derive(Debug)]
pub struct Content {
    /// Its file, which stays readable when the blob is deleted.
    pub file: File,
    /// Its size.
    pub size_bytes: u64,
}

/// A blob's row.
struct Row {
    number: i64,
    file: FileName,
    size_bytes: u64,
    parts: u64,
}

impl Row {
    fn is_complete(&self) -> bool {
        self.parts == self.size_bytes.div_ceil(PART_BYTES)
    }

    /// Bytes of a part; `None` where the blob has no such part.
    fn part_bytes(&self, part: u32) -> Option<u64> {
        let rest = self.size_bytes.checked_sub(u64::from(part) * PART_BYTES)?;
        (rest > 0).then_some(rest.min(PART_BYTES))
    }
}

impl Store {
    /// Starts an upload: its file is there and it counts from now on ([`counted_bytes`]). Durable when it
    /// returns. An upload of the same size is there already, or is started, all or nothing.
    ///
    /// # Errors
    /// Whether the caller may; [`StoreError::Differs`] for another size, [`StoreError::Quota`],
    /// [`StoreError::DiskFull`].
    pub async fn start_upload(
        &self,
        caller: Caller,
        account: AccountId,
        upload: StartUpload,
        quota_bytes: u64,
    ) -> Result<(), StoreError> {
        let StartUpload { blob, size_bytes } = upload;
        let there = self
            .readers
            .run(move |connection| {
                check_unspent(connection, &caller)?;
                let number = allowed(connection, account, &caller.key)?;
                let there = row(connection, number, blob)?.is_some();
                // Before a file of that size is made.
                let fits = there || counted_bytes(size_bytes) <= quota_bytes;
                if fits { Ok(there) } else { Err(StoreError::Quota) }
            })
            .await?;
        let name = FileName::of(account, blob, &caller);
        let claim = if there { None } else { Some(self.create_file(name, size_bytes).await?) };
        let file = claim.is_some().then_some(name);
        let started = self
            .writer
            .run(move |tx| {
                // Not to be swept before its row is committed.
                let _held = &claim;
                start(tx, &caller, account, &upload, file, quota_bytes)
            })
            .await;
        if file.is_some() && !matches!(started, Ok(true)) {
            self.remove_files(vec![name], false).await;
        }
        started.map(|_| ())
    }

    async fn create_file(
        &self,
        name: FileName,
        size_bytes: u64,
    ) -> Result<Claim<FileName>, StoreError> {
        let claim = self.files.claim_file(name).ok_or(StoreError::Replayed)?;
        let files = self.files.clone();
        let created = blocking(move || files.create(name, size_bytes).map(|()| claim)).await;
        self.fullness.note(&created);
        created
    }

    /// How far an upload is.
    ///
    /// # Errors
    /// Whether the caller may; [`StoreError::NoBlob`].
    pub async fn upload(
        &self,
        key: PublicKey,
        account: AccountId,
        blob: BlobId,
    ) -> Result<Upload, StoreError> {
        self.readers
            .run(move |connection| {
                let number = allowed(connection, account, &key)?;
                let row = row(connection, number, blob)?.ok_or(StoreError::NoBlob)?;
                let mut parts = connection
                    .prepare_cached("SELECT part FROM parts WHERE blob = ?1 ORDER BY part")?;
                let parts = parts.query_map([row.number], |row| row.get(0))?;
                Ok(Upload {
                    blob,
                    size_bytes: row.size_bytes,
                    parts: parts.collect::<Result<_, _>>()?,
                    complete: row.is_complete(),
                })
            })
            .await
    }

    /// Takes a part. Its bytes and then its row are durable when it returns; the same part again is
    /// taken again.
    ///
    /// # Errors
    /// Whether the caller may; [`StoreError::NoBlob`], [`StoreError::PartSize`];
    /// [`StoreError::Differs`] when the part is there with other content, which stays;
    /// [`StoreError::InProgress`], [`StoreError::DiskFull`].
    pub async fn put_part(
        &self,
        caller: Caller,
        account: AccountId,
        part: Part,
    ) -> Result<(), StoreError> {
        let at = (account, part.blob, part.part);
        // Until the row is committed nobody else writes there: the row must not name others' bytes.
        // It goes along to the threads that write, since the client may hang up in between.
        let claim = self.files.claim_part(at).ok_or(StoreError::InProgress)?;
        let (number, blob, place, hash) = (part.blob, part.bytes.len(), part.part, part.hash);
        let (row, recorded) = self
            .readers
            .run(move |connection| {
                check_unspent(connection, &caller)?;
                let account = allowed(connection, account, &caller.key)?;
                let row = row(connection, account, number)?.ok_or(StoreError::NoBlob)?;
                if row.part_bytes(place) != Some(blob as u64) {
                    return Err(StoreError::PartSize);
                }
                let recorded = recorded(connection, &row, place)?;
                Ok((row, recorded))
            })
            .await?;
        match recorded {
            Some(recorded) if recorded == hash => return self.spend(caller).await,
            Some(_) => return Err(StoreError::Differs),
            None => {}
        }
        let (files, file, reserve) = (self.files.clone(), row.file, Arc::clone(&self.reserve));
        let claim = blocking(move || {
            if !reserve.is_kept() {
                return Err(StoreError::DiskFull);
            }
            files.write_part(file, place, &part.bytes)?;
            Ok(claim)
        });
        let claim = claim.await;
        self.fullness.note(&claim);
        let claim = claim?;
        self.writer
            .run(move |tx| {
                let _held = &claim;
                record(tx, &caller, account, &row, place, hash)
            })
            .await
    }

    /// Opens a complete blob.
    ///
    /// # Errors
    /// Whether the caller may; [`StoreError::NoBlob`], [`StoreError::Incomplete`].
    pub async fn content(
        &self,
        key: PublicKey,
        account: AccountId,
        blob: BlobId,
    ) -> Result<Content, StoreError> {
        let files = self.files.clone();
        self.readers
            .run(move |connection| {
                let number = allowed(connection, account, &key)?;
                let row = row(connection, number, blob)?.ok_or(StoreError::NoBlob)?;
                if !row.is_complete() {
                    return Err(StoreError::Incomplete);
                }
                Ok(Content { file: files.read(row.file)?, size_bytes: row.size_bytes })
            })
            .await
    }

    /// Deletes a blob or an upload: first its rows, all of them, durably; then its file, which goes
    /// at the next sweep if it cannot be removed or the power fails.
    ///
    /// # Errors
    /// Whether the caller may; [`StoreError::NoBlob`]. Then nothing was changed.
    pub async fn delete_blob(
        &self,
        caller: Caller,
        account: AccountId,
        blob: BlobId,
    ) -> Result<(), StoreError> {
        let deleted = self
            .writer
            .run_to_make_room(move |tx| {
                tx.spend(&caller)?;
                let number = allowed(tx, account, &caller.key)?;
                let row = row(tx, number, blob)?.ok_or(StoreError::NoBlob)?;
                delete(tx, number, &row)?;
                Ok(Some(row.file))
            })
            .await?;
        self.remove_files(deleted.into_iter().collect(), false).await;
        Ok(())
    }

    /// Removes uploads that were started [`UNFINISHED_S`] before `now_s` and never finished, and
    /// files that no row names, and forgets nonces that count no more. Returns how many files went.
    ///
    /// # Errors
    /// That rows or files cannot be read or written.
    pub async fn sweep(&self, now_s: i64) -> Result<usize, StoreError> {
        let unfinished =
            self.writer.run_to_make_room(move |tx| delete_unfinished(tx, now_s)).await?;
        let removed = unfinished.len();
        self.remove_files(unfinished, false).await;
        let files = self.files.clone();
        let swept =
            self.readers.run(move |connection| files.sweep(|| all_files(connection))).await?;
        Ok(removed + swept)
    }

    /// Removes files whose rows are gone. What the caller did is done by then, so a file that
    /// stays is no error of theirs: it is left to the next sweep.
    pub(super) async fn remove_files(&self, names: Vec<FileName>, durable: bool) {
        let files = self.files.clone();
        if let Err(error) = blocking(move || files.remove(&names, durable)).await {
            tracing::warn!(%error, "files that no row names stay until the next sweep");
        }
    }
}

/// Runs on a thread where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closing)?
}

/// Whether an upload was started now; no if one of that size was there.
fn start(
    tx: &Tx<'_>,
    caller: &Caller,
    account: AccountId,
    upload: &StartUpload,
    file: Option<FileName>,
    quota_bytes: u64,
) -> Result<bool, StoreError> {
    tx.spend(caller)?;
    let number = allowed(tx, account, &caller.key)?;
    if let Some(row) = row(tx, number, upload.blob)? {
        let same = row.size_bytes == upload.size_bytes;
        return if same { Ok(false) } else { Err(StoreError::Differs) };
    }
    // Deleted since the caller found it there.
    let file = file.ok_or(StoreError::InProgress)?;
    let counted = tx
        .prepare_cached(
            "UPDATE accounts SET bytes = bytes + ?2 WHERE number = ?1 AND bytes + ?2 <= ?3",
        )?
        .execute((number, counted_bytes(upload.size_bytes), quota_bytes))?;
    if counted == 0 {
        return Err(StoreError::Quota);
    }
    tx.prepare_cached(
        "INSERT INTO blobs (account, blob, file, size, started_s) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        number,
        upload.blob.as_bytes(),
        file.as_bytes(),
        upload.size_bytes,
        caller.now_s,
    ))?;
    Ok(true)
}

/// Records a part whose bytes are durable, if its blob is still the same.
fn record(
    tx: &Tx<'_>,
    caller: &Caller,
    account: AccountId,
    before: &Row,
    part: u32,
    hash: Sha256,
) -> Result<(), StoreError> {
    tx.spend(caller)?;
    allowed(tx, account, &caller.key)?;
    let counted = tx
        .prepare_cached("UPDATE blobs SET parts = parts + 1 WHERE number = ?1 AND file = ?2")?
        .execute((before.number, before.file.as_bytes()))?;
    if counted == 0 {
        return Err(StoreError::NoBlob);
    }
    tx.prepare_cached("INSERT INTO parts VALUES (?1, ?2, ?3)")?.execute((
        before.number,
        part,
        hash.as_bytes(),
    ))?;
    Ok(())
}

fn row(connection: &Connection, account: i64, blob: BlobId) -> Result<Option<Row>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT number, file, size, parts FROM blobs WHERE account = ?1 AND blob = ?2",
        )?
        .query_row((account, blob.as_bytes()), |row| {
            Ok(Row {
                number: row.get(0)?,
                file: FileName::from_bytes(row.get(1)?),
                size_bytes: row.get(2)?,
                parts: row.get(3)?,
            })
        })
        .optional()?)
}

fn recorded(connection: &Connection, row: &Row, part: u32) -> Result<Option<Sha256>, StoreError> {
    let hash = connection
        .prepare_cached("SELECT hash FROM parts WHERE blob = ?1 AND part = ?2")?
        .query_row((row.number, part), |row| row.get(0))
        .optional()?;
    Ok(hash.map(Sha256::from_bytes))
}

fn delete(tx: &Connection, account: i64, row: &Row) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM parts WHERE blob = ?1")?.execute([row.number])?;
    tx.prepare_cached("DELETE FROM blobs WHERE number = ?1")?.execute([row.number])?;
    tx.prepare_cached("UPDATE accounts SET bytes = bytes - ?2 WHERE number = ?1")?
        .execute((account, counted_bytes(row.size_bytes)))?;
    Ok(())
}

/// Deletes the rows of the blob that has this file, if there is one.
pub(super) fn delete_file(connection: &Connection, name: FileName) -> Result<(), StoreError> {
    let found = connection
        .prepare_cached("SELECT account, number, size, parts FROM blobs WHERE file = ?1")?
        .query_row([name.as_bytes()], |row| {
            let (number, size_bytes, parts) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, Row { number, file: name, size_bytes, parts }))
        })
        .optional()?;
    found.map_or(Ok(()), |(account, row)| delete(connection, account, &row))
}

/// Deletes the rows of uploads that were not finished in time; returns their files.
fn delete_unfinished(tx: &Tx<'_>, now_s: i64) -> Result<Vec<FileName>, StoreError> {
    let old = tx
        .prepare_cached(
            "SELECT account, number, file, size, parts FROM blobs WHERE started_s < ?1
             AND parts < (size + ?2 - 1) / ?2",
        )?
        .query_map((now_s - UNFINISHED_S, PART_BYTES), |row| {
            let file = FileName::from_bytes(row.get(2)?);
            let (number, size_bytes, parts) = (row.get(1)?, row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, Row { number, file, size_bytes, parts }))
        })?
        .collect::<Result<Vec<(i64, Row)>, _>>()?;
    old.iter().try_for_each(|(account, row)| delete(tx, *account, row))?;
    nonce::prune(tx, now_s, MAX_PRUNED)?;
    tx.saw(now_s);
    Ok(old.into_iter().map(|(_, row)| row.file).collect())
}

/// The files of all rows.
pub(super) fn all_files(connection: &Connection) -> Result<HashSet<FileName>, StoreError> {
    let mut files = connection.prepare_cached("SELECT file FROM blobs")?;
    let files = files.query_map([], |row| Ok(FileName::from_bytes(row.get(0)?)))?;
    Ok(files.collect::<Result<_, _>>()?)
}
