//! The store's measurements in the Prometheus text format. No labels but the bounds of buckets.

use std::fmt::Write;

use crate::store::{Distribution, Measures};

/// Microseconds in a second.
const US_PER_S: f64 = 1e6;

/// Appends them, whole lines.
pub(super) fn write(text: &mut String, measures: &Measures) {
    let waiting = ("hallmark_store_waiting", "Changes that wait for the writer", measures.waiting);
    let database =
        ("hallmark_store_database_bytes", "Size of the database file", measures.database_bytes);
    let log = ("hallmark_store_log_bytes", "Size of the database's log", measures.log_bytes);
    let held = measures.held.map(|held| {
        [
            ("hallmark_store_accounts", "Accounts, counted once a minute", held.accounts),
            ("hallmark_store_items", "Items, counted once a minute", held.items),
            ("hallmark_store_blobs", "Blobs, counted once a minute", held.blobs),
            ("hallmark_store_bytes", "What counts against quotas, once a minute", held.bytes),
        ]
    });
    for (name, help, value) in
        [waiting, database, log].into_iter().chain(held.into_iter().flatten())
    {
        // Writing to a string cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    }
    let sizes = ("hallmark_store_group_size", "Changes of a committed group");
    histogram(text, sizes, &measures.group_sizes, 1.0);
    let commits = ("hallmark_store_commit_seconds", "Time from a group's beginning to its commit");
    histogram(text, commits, &measures.commits_us, US_PER_S);
}

/// Values are divided by `unit`.
fn histogram(text: &mut String, (name, help): (&str, &str), all: &Distribution, unit: f64) {
    let scaled = |value: u64| value as f64 / unit;
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} histogram\n");
    for (bound, below) in &all.buckets {
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {below}", scaled(*bound));
    }
    let (count, sum) = (all.count, scaled(all.sum));
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
    let _ = write!(text, "{name}_sum {sum}\n{name}_count {count}\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Held;

    #[test]
    fn the_text_is_frozen() {
        let measures = Measures {
            waiting: 3,
            group_sizes: Distribution { buckets: vec![(1, 2), (2, 2)], count: 3, sum: 9 },
            commits_us: Distribution { buckets: vec![(500, 1)], count: 2, sum: 1_500_000 },
            database_bytes: 4096,
            log_bytes: 32,
            held: Some(Held { accounts: 1, items: 2, blobs: 0, bytes: 680 }),
        };
        let mut text = String::new();
        write(&mut text, &measures);
        let values: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                "hallmark_store_waiting 3",
                "hallmark_store_database_bytes 4096",
                "hallmark_store_log_bytes 32",
                "hallmark_store_accounts 1",
                "hallmark_store_items 2",
                "hallmark_store_blobs 0",
                "hallmark_store_bytes 680",
                "hallmark_store_group_size_bucket{le=\"1\"} 2",
                "hallmark_store_group_size_bucket{le=\"2\"} 2",
                "hallmark_store_group_size_bucket{le=\"+Inf\"} 3",
                "hallmark_store_group_size_sum 9",
                "hallmark_store_group_size_count 3",
                "hallmark_store_commit_seconds_bucket{le=\"0.0005\"} 1",
                "hallmark_store_commit_seconds_bucket{le=\"+Inf\"} 2",
                "hallmark_store_commit_seconds_sum 1.5",
                "hallmark_store_commit_seconds_count 2",
            ]
        );
        assert_eq!(text.lines().count(), 16 + 2 * 9);
    }
}
