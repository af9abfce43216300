//! The tables, and how an older schema becomes the newest.

use rusqlite::{Connection, Transaction};

/// Marks a database as the service's: "HMdb".
pub(super) const APPLICATION_ID: i64 = 0x484d_6462;

/// One step from a schema version to the next.
pub(super) struct Migration {
    /// Statements that bring the version before to this one.
    pub(super) sql: &'static str,
}

/// All steps; the step at place `n` makes version `n + 1`.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { sql: V1 },
    Migration { sql: V2 },
    Migration { sql: V3 },
    Migration { sql: V4 },
    Migration { sql: V5 },
];

/// Accounts have a short number of their own inside, so that each row below does not repeat 32
/// bytes. Rows that are written often are appended (row ids), so that a group of commits touches
/// few pages.
const V1: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('clean', 1), ('nonce-floor-s', -1);

CREATE TABLE accounts (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    entries INTEGER NOT NULL,
    head BLOB NOT NULL CHECK (length(head) = 32),
    manifest INTEGER NOT NULL,
    manifest_hash BLOB CHECK (length(manifest_hash) = 32),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT;

CREATE TABLE entries (
    account INTEGER NOT NULL REFERENCES accounts,
    seq INTEGER NOT NULL,
    statement BLOB NOT NULL,
    PRIMARY KEY (account, seq)
) STRICT;

CREATE TABLE wraps (
    account INTEGER PRIMARY KEY REFERENCES accounts,
    statement BLOB NOT NULL
) STRICT;

CREATE TABLE devices (
    number INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts,
    key BLOB NOT NULL CHECK (length(key) = 32),
    listed INTEGER NOT NULL CHECK (listed IN (0, 1)),
    UNIQUE (key, account)
) STRICT;
CREATE INDEX devices_of ON devices (account);

CREATE TABLE manifests (
    account INTEGER NOT NULL REFERENCES accounts,
    version INTEGER NOT NULL,
    statement BLOB NOT NULL,
    PRIMARY KEY (account, version)
) STRICT;

CREATE TABLE items (
    account INTEGER NOT NULL REFERENCES accounts,
    item BLOB NOT NULL CHECK (length(item) = 16),
    version INTEGER NOT NULL,
    manifest INTEGER NOT NULL,
    rewrapped INTEGER NOT NULL DEFAULT 0,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    key BLOB NOT NULL,
    envelope BLOB NOT NULL,
    PRIMARY KEY (account, item)
) STRICT;
CREATE INDEX items_by_change ON items (account, manifest, item);

CREATE TABLE removed (
    account INTEGER NOT NULL REFERENCES accounts,
    manifest INTEGER NOT NULL,
    item BLOB NOT NULL CHECK (length(item) = 16),
    PRIMARY KEY (account, manifest, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    number INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts,
    blob BLOB NOT NULL CHECK (length(blob) = 16),
    file BLOB NOT NULL UNIQUE CHECK (length(file) = 16),
    size INTEGER NOT NULL CHECK (size > 0),
    parts INTEGER NOT NULL DEFAULT 0,
    started_s INTEGER NOT NULL,
    UNIQUE (account, blob)
) STRICT;

CREATE TABLE parts (
    blob INTEGER NOT NULL REFERENCES blobs,
    part INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (blob, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE nonces (
    created_s INTEGER NOT NULL,
    key BLOB NOT NULL CHECK (length(key) = 32),
    nonce BLOB NOT NULL CHECK (length(nonce) = 16),
    PRIMARY KEY (created_s, key, nonce)
) STRICT, WITHOUT ROWID;
";

/// Manifests and the names of removed items count as well ([`super::REMOVED_BYTES`] each).
const V2: &str = "
UPDATE accounts SET bytes = bytes
    + (SELECT coalesce(sum(length(statement)), 0) FROM manifests WHERE account = number)
    + 64 * (SELECT count(*) FROM removed WHERE account = number);
";

/// The public key that receipts were signed with last; no row while none is known.
const V3: &str = "
CREATE TABLE service (key BLOB NOT NULL CHECK (length(key) = 32)) STRICT;
";

/// Names of removed items have an end ([`super::MAX_REMOVED`]) and are counted in the account's row. A
/// blob counts in whole blocks, and for its rows ([`super::counted_bytes`]).
const V4: &str = "
ALTER TABLE accounts ADD COLUMN removed INTEGER NOT NULL DEFAULT 0 CHECK (removed >= 0);
DELETE FROM removed WHERE (account, manifest, item) IN (
    SELECT account, manifest, item FROM (
        SELECT account, manifest, item,
            row_number() OVER (PARTITION BY account ORDER BY manifest DESC, item DESC) AS place
        FROM removed)
    WHERE place > 65536);
UPDATE accounts SET
    removed = (SELECT count(*) FROM removed WHERE account = number),
    bytes = (SELECT coalesce(sum(length(key) + length(envelope)), 0) FROM items
            WHERE account = accounts.number)
        + (SELECT coalesce(sum(length(statement)), 0) FROM manifests WHERE account = number)
        + 64 * (SELECT count(*) FROM removed WHERE account = number)
        + (SELECT coalesce(sum((size + 4095) / 4096 * 4096 + 512), 0) FROM blobs
            WHERE account = accounts.number);
";

/// How far the log is, and its newest entries ([`super::Run`]).
const V5: &str = "
CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    origin TEXT NOT NULL,
    key BLOB NOT NULL CHECK (length(key) = 32),
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    state TEXT NOT NULL CHECK (state IN ('open', 'restored', 'frozen')),
    witnessed INTEGER NOT NULL CHECK (witnessed IN (0, 1))
) STRICT;
CREATE TABLE log_tail (
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL CHECK (count > 0),
    entries BLOB NOT NULL
) STRICT;
";

/// Which version a database has; 0 is none yet.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes a database from `from` to the newest version of `migrations`, all in `transaction`.
pub(super) fn migrate(
    transaction: &Transaction<'_>,
    from: usize,
    migrations: &[Migration],
) -> rusqlite::Result<()> {
    for step in &migrations[from..] {
        transaction.execute_batch(step.sql)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", migrations.len() as i64)
}

#[cfg(test)]
mod tests {
    use rusqlite::TransactionBehavior;

    use super::*;
    use crate::store::{MAX_REMOVED, REMOVED_BYTES, counted_bytes};

    /// T-34: what an account held before counts from now on as if it came now.
    #[test]
    fn what_accounts_use_is_counted_anew() {
        let mut database = Connection::open_in_memory().expect("a database");
        let step = |database: &mut Connection, from, migrations: &[Migration]| {
            let transaction = Transaction::new(database, TransactionBehavior::Immediate);
            let transaction = transaction.expect("a transaction");
            migrate(&transaction, from, migrations).expect("migrates");
            transaction.commit().expect("commits");
        };
        step(&mut database, 0, &MIGRATIONS[..3]);
        let filled = format!(
            "INSERT INTO accounts (number, id, entries, head, manifest, bytes) VALUES
                 (1, zeroblob(32), 1, zeroblob(32), 7, 5), (2, randomblob(32), 1, zeroblob(32), 0, 0);
             INSERT INTO manifests VALUES (1, 7, zeroblob(700));
             INSERT INTO items (account, item, version, manifest, hash, key, envelope)
                 VALUES (1, randomblob(16), 1, 7, zeroblob(32), zeroblob(340), zeroblob(1100));
             WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {})
                 INSERT INTO removed SELECT 1, v, randomblob(16) FROM n;",
            MAX_REMOVED + 3
        );
        database.execute_batch(&filled).expect("rows");
        let sizes = [1, 4096, 4097, 1 << 40];
        for size in sizes {
            let sql = "INSERT INTO blobs (account, blob, file, size, started_s)
                       VALUES (1, randomblob(16), randomblob(16), ?1, 0)";
            database.execute(sql, [size]).expect("a blob");
        }
        step(&mut database, 3, MIGRATIONS);
        let sql = "SELECT removed, bytes FROM accounts ORDER BY number";
        let rows = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let mut statement = database.prepare(sql).expect("a query");
        let counted: Vec<(u64, u64)> =
            statement.query_map([], rows).expect("runs").map(|row| row.expect("numbers")).collect();
        let blobs: u64 = sizes.into_iter().map(counted_bytes).sum();
        let bytes = 700 + 340 + 1100 + MAX_REMOVED * REMOVED_BYTES + blobs;
        assert_eq!(counted, [(MAX_REMOVED, bytes), (0, 0)]);
        let sql = "SELECT count(*), min(manifest) FROM removed";
        let kept: (u64, u64) = database.query_row(sql, [], rows).expect("numbers");
        assert_eq!(kept, (MAX_REMOVED, 4), "the newest stay");
    }
}
