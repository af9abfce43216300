//! What the store measures of itself. Numbers alone: nothing here tells one account from another.

use std::{
    fs,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Store, StoreError, open, readers};

/// Upper bounds of the buckets of group sizes, changes.
const SIZES: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Upper bounds of the buckets of commit durations, microseconds.
const DURATIONS_US: [u64; 12] = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
];
/// Rows are counted at most this often: counting reads an index of each table.
const COUNTED_EVERY: Duration = Duration::from_secs(60);

/// How many values there were up to each bound, and all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Upper bounds, each with the number of values that are not above it.
    pub buckets: Vec<(u64, u64)>,
    /// Number of all values.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

/// What the store holds, as it was counted last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Accounts.
    pub accounts: u64,
    /// Items of all accounts.
    pub items: u64,
    /// Blobs of all accounts, unfinished ones too.
    pub blobs: u64,
    /// What counts against the quotas of all accounts, bytes.
    pub bytes: u64,
}

/// One look at the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measures {
    /// Changes that wait for the writer.
    pub waiting: u64,
    /// Changes in each committed group.
    pub group_sizes: Distribution,
    /// From the beginning of each committed group to the end of its commit, microseconds.
    pub commits_us: Distribution,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes of its log.
    pub log_bytes: u64,
    /// What is held; absent when it cannot be read.
    pub held: Option<Held>,
}

/// Counts of a fixed set of buckets. Safe to share; a look at it while it counts may be one behind.
#[derive(Debug)]
struct Histogram<const N: usize> {
    bounds: [u64; N],
    counts: [AtomicU64; N],
    count: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    fn new(bounds: [u64; N]) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self { bounds, counts, count: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    fn record(&self, value: u64) {
        if let Some(at) = self.bounds.iter().position(|bound| value <= *bound) {
            self.counts[at].fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Distribution {
        let mut below = 0;
        let counts = self.counts.iter().map(|count| {
            below += count.load(Ordering::Relaxed);
            below
        });
        let buckets: Vec<_> = self.bounds.iter().copied().zip(counts).collect();
        // Never fewer than in the buckets, which may have gone on meanwhile.
        let count = self.count.load(Ordering::Relaxed);
        let count = buckets.last().map_or(count, |(_, below)| count.max(*below));
        Distribution { buckets, count, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// What the writer has committed.
#[derive(Debug)]
pub(super) struct Groups {
    sizes: Histogram<{ SIZES.len() }>,
    durations_us: Histogram<{ DURATIONS_US.len() }>,
}

impl Default for Groups {
    fn default() -> Self {
        Self { sizes: Histogram::new(SIZES), durations_us: Histogram::new(DURATIONS_US) }
    }
}

impl Groups {
    /// Counts a group.
    pub(super) fn committed(&self, changes: usize, took: Duration) {
        self.sizes.record(changes as u64);
        self.durations_us.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// How long a store that has found the disk full counts as full, if nothing is written meanwhile.
const FULL_FOR: Duration = Duration::from_secs(60);

/// Whether the disk was full when something was written last. Safe to share.
#[derive(Debug, Default)]
pub(super) struct Fullness(Mutex<Option<Instant>>);

impl Fullness {
    /// Notes how a write ended.
    pub(super) fn note<T>(&self, written: &Result<T, StoreError>) {
        let full = matches!(written, Err(StoreError::DiskFull)).then(Instant::now);
        if full.is_some() || written.is_ok() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = full;
        }
    }

    /// Whether it is: a write was refused for that less than a minute ago, and none has succeeded
    /// since.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| now.saturating_duration_since(since) < FULL_FOR)
    }
}

/// What was counted last, and when.
#[derive(Debug, Default)]
pub(super) struct Counted(Mutex<Option<(Instant, Held)>>);

impl Store {
    /// Looks at the store. What it holds is counted at most once a minute. Blocks for that long.
    #[must_use]
    pub fn measures(&self, now: Instant) -> Measures {
        let bytes = |name: &str| fs::metadata(self.directory.join(name)).map_or(0, |it| it.len());
        let groups = self.writer.groups();
        Measures {
            waiting: self.writer.waiting() as u64,
            group_sizes: groups.sizes.read(),
            commits_us: groups.durations_us.read(),
            database_bytes: bytes(open::DATABASE),
            log_bytes: bytes(&format!("{}-wal", open::DATABASE)),
            held: self.held(now),
        }
    }

    fn held(&self, now: Instant) -> Option<Held> {
        let mut counted = self.counted.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*counted {
            Some((at, held)) if now.saturating_duration_since(*at) < COUNTED_EVERY => Some(*held),
            _ => {
                let held = self.count().inspect_err(|error| {
                    tracing::warn!(%error, "what is held cannot be counted");
                });
                let held = held.ok()?;
                *counted = Some((now, held));
                Some(held)
            }
        }
    }

    fn count(&self) -> Result<Held, StoreError> {
        // Of its own: one of the readers' might be needed for an answer.
        let connection = readers::connect(&self.directory.join(open::DATABASE))?;
        let sql = "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM items),
                   (SELECT count(*) FROM blobs), (SELECT coalesce(sum(bytes), 0) FROM accounts)";
        Ok(connection.query_row(sql, [], |row| {
            let [accounts, items, blobs, bytes] =
                [row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?];
            Ok(Held { accounts, items, blobs, bytes })
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_full_until_a_write_succeeds_or_a_minute_has_passed() {
        let fullness = Fullness::default();
        let now = Instant::now();
        assert!(!fullness.is_full(now));
        fullness.note::<()>(&Err(StoreError::DiskFull));
        fullness.note::<()>(&Err(StoreError::Quota));
        assert!(fullness.is_full(now));
        assert!(!fullness.is_full(Instant::now() + FULL_FOR));
        fullness.note(&Ok(()));
        assert!(!fullness.is_full(now));
    }

    #[test]
    fn values_are_counted_up_to_their_bounds() {
        let histogram = Histogram::new([1, 10]);
        for value in [0, 1, 2, 10, 11, 100] {
            histogram.record(value);
        }
        let read = histogram.read();
        assert_eq!(read, Distribution { buckets: vec![(1, 2), (10, 4)], count: 6, sum: 124 });
    }
}
