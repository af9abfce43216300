//! Which signed requests had an effect already, across restarts.
//!
//! A change spends its nonce in its own transaction: there is no moment at which the effect is
//! durable and the nonce is not. Nonces are dropped in the order of the times they were signed at,
//! and the *floor* rises to the newest dropped one: what was signed at or before it counts no more.
//! So whatever the service's clock says later, a request either finds its nonce or is below the
//! floor; a clock set back lets nothing in. A restored backup knows nothing of the nonces since: it
//! begins with a floor of its own.
//!
//! A refused change has spent its nonce or has not; it had no effect either way. A key that is
//! nothing to the account never comes this far: `app` refuses it first, and what it asks leaves no
//! row.

use hallmark_core::{
    httpsig::{Nonce, Window},
    key::PublicKey,
};
use rusqlite::Connection;

use super::{Store, StoreError, writer::Tx};

/// How far from now a request may have been signed: 300 s in the past, 60 s in the future.
pub const WINDOW: Window = Window { past_s: 300, future_s: 60 };
/// How long a nonce is kept at least, seconds: twice the window.
pub const KEPT_S: i64 = 2 * (WINDOW.past_s as i64 + WINDOW.future_s as i64);

/// Who signed a request, and what makes it one of its kind. Only made of a verified one.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The key.
    pub key: PublicKey,
    /// Its nonce.
    pub nonce: Nonce,
    /// When it says it was signed, Unix seconds.
    pub created_s: i64,
    /// The service's time when it came in, Unix seconds.
    pub now_s: i64,
}

impl Store {
    /// Spends the nonce of a request that changes nothing else. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`StoreError::BelowFloor`], or that nothing can be written.
    pub async fn spend(&self, caller: Caller) -> Result<(), StoreError> {
        self.writer.run(move |tx| tx.spend(&caller)).await
    }

    /// Whether the nonce of a request was spent, or can be told no more.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`StoreError::BelowFloor`], or that nothing can be read.
    pub async fn check_unspent(&self, caller: Caller) -> Result<(), StoreError> {
        self.readers.run(move |connection| check_unspent(connection, &caller)).await
    }
}

/// As [`Store::check_unspent`].
pub(super) fn check_unspent(connection: &Connection, caller: &Caller) -> Result<(), StoreError> {
    if caller.created_s <= floor_s(connection)? {
        return Err(StoreError::BelowFloor);
    }
    let spent = connection
        .prepare_cached("SELECT 1 FROM nonces WHERE created_s = ?1 AND key = ?2 AND nonce = ?3")?
        .exists((caller.created_s, caller.key.as_bytes(), caller.nonce.as_bytes()))?;
    if spent { Err(StoreError::Replayed) } else { Ok(()) }
}

impl Tx<'_> {
    /// Spends the caller's nonce, as part of the transaction.
    pub(super) fn spend(&self, caller: &Caller) -> Result<(), StoreError> {
        if caller.created_s <= self.floor_s() {
            return Err(StoreError::BelowFloor);
        }
        let fresh = self
            .prepare_cached("INSERT INTO nonces VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute((caller.created_s, caller.key.as_bytes(), caller.nonce.as_bytes()))?;
        self.saw(caller.now_s);
        if fresh == 1 { Ok(()) } else { Err(StoreError::Replayed) }
    }
}

/// What was signed at or before this counts no more, Unix seconds.
pub(super) fn floor_s(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'nonce-floor-s'")?
        .query_row([], |row| row.get(0))
}

/// Has nothing count any more that was signed up to `now_s`, or ahead of it as far as the [`WINDOW`]
/// allows.
pub(super) fn raise_floor(connection: &Connection, now_s: i64) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE meta SET value = max(value, ?1) WHERE name = 'nonce-floor-s'",
        [now_s + WINDOW.future_s as i64],
    )?;
    Ok(())
}

/// Drops up to `most` nonces that are older than [`KEPT_S`], oldest first, and raises the floor to
/// the newest of them. Returns the floor.
pub(super) fn prune(connection: &Connection, now_s: i64, most: usize) -> rusqlite::Result<i64> {
    let newest: Option<i64> = connection
        .prepare_cached(
            "SELECT max(created_s) FROM (SELECT created_s FROM nonces WHERE created_s < ?1
             ORDER BY created_s LIMIT ?2)",
        )?
        .query_row((now_s - KEPT_S, most as i64), |row| row.get(0))?;
    let floor = floor_s(connection)?;
    let Some(newest) = newest.filter(|newest| *newest > floor) else { return Ok(floor) };
    connection.prepare_cached("DELETE FROM nonces WHERE created_s <= ?1")?.execute([newest])?;
    connection
        .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'nonce-floor-s'")?
        .execute([newest])?;
    Ok(newest)
}
