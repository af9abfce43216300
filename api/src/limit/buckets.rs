//! Token buckets in bounded memory.
//!
//! A bucket is stored as the moment at which it will be full again, which says all there is to say
//! of it (the generic cell rate algorithm, ITU-T I.371). A full bucket is the same as none, so those
//! are the ones forgotten first; after them, the one that is full the soonest, which gives away the
//! fewest tokens.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How fast a bucket fills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// `per_second` tokens a second, at most `burst` saved up. Zero stands for one in both.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), burst: burst.max(1) }
    }

    /// Tokens in a full bucket.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// How long an empty bucket takes to fill.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.interval * self.burst
    }
}

/// What is left after a token was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// Whole tokens in the bucket.
    pub tokens: u32,
    /// How long until it is full.
    pub full_in: Duration,
    /// The rate it fills at.
    pub rate: Rate,
}

/// The bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no more requests for {} ms", .wait.as_millis())]
pub struct RetryAfter {
    /// How long until there is a token; more than nothing.
    pub wait: Duration,
    /// The rate it fills at.
    pub rate: Rate,
}

impl RetryAfter {
    /// The wait in whole seconds, rounded up, so that nobody comes back too early.
    #[must_use]
    pub fn whole_s(&self) -> u64 {
        whole_s(self.wait)
    }
}

/// Seconds, rounded up, so that nobody comes back too early.
#[must_use]
pub fn whole_s(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// One bucket for each key, at most `capacity` of them remembered. Safe to share between threads.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    capacity: usize,
    kept: Mutex<Kept<K>>,
}

#[derive(Debug)]
struct Kept<K> {
    full_at: HashMap<K, Instant>,
    /// The same, the one that is full the soonest first.
    order: BTreeSet<(Instant, K)>,
}

impl<K: Copy + Eq + Hash + Ord> Buckets<K> {
    /// Full buckets of that rate. At least one is remembered.
    #[must_use]
    pub fn new(rate: Rate, capacity: usize) -> Self {
        let kept = Kept { full_at: HashMap::new(), order: BTreeSet::new() };
        Self { rate, capacity: capacity.max(1), kept: Mutex::new(kept) }
    }

    /// Takes a token from the bucket of `key`. A refusal takes nothing.
    ///
    /// # Errors
    /// [`RetryAfter`] when there is none.
    pub fn take(&self, key: K, now: Instant) -> Result<Remaining, RetryAfter> {
        let rate = self.rate;
        // A thread that panicked inside left whole entries behind.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.full_at.get(&key).copied();
        let full_at = before.map_or(now, |at| at.max(now)) + rate.interval;
        let full_in = full_at - now;
        if full_in > rate.window() {
            return Err(RetryAfter { wait: full_in - rate.window(), rate });
        }
        if let Some(before) = before {
            kept.order.remove(&(before, key));
        } else if kept.full_at.len() >= self.capacity {
            kept.forget_fullest(now);
        }
        kept.full_at.insert(key, full_at);
        kept.order.insert((full_at, key));
        let left = (rate.window() - full_in).as_nanos() / rate.interval.as_nanos().max(1);
        let tokens = u32::try_from(left).unwrap_or(rate.burst);
        Ok(Remaining { tokens, full_in, rate })
    }

    /// Gives a token back that was taken for nothing. A bucket that was forgotten meanwhile is full.
    pub fn give_back(&self, key: K) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = kept.full_at.get(&key).copied() else { return };
        kept.order.remove(&(before, key));
        // At the start of the system's clock there is no earlier moment: then it stays taken.
        let full_at = before.checked_sub(self.rate.interval).unwrap_or(before);
        kept.full_at.insert(key, full_at);
        kept.order.insert((full_at, key));
    }

    /// Number of buckets remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).full_at.len()
    }

    /// Whether none is remembered: all are full.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Copy + Eq + Hash + Ord> Kept<K> {
    /// Forgets every full bucket, or the fullest where none is full.
    fn forget_fullest(&mut self, now: Instant) {
        let mut first = true;
        while let Some(&(full_at, key)) = self.order.first() {
            if !first && full_at > now {
                break;
            }
            self.order.pop_first();
            self.full_at.remove(&key);
            first = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_is_served_then_the_rate() {
        let buckets = Buckets::new(Rate::new(10, 3), 8);
        let start = Instant::now();
        for left in [2, 1, 0] {
            assert_eq!(buckets.take(1, start).expect("a token").tokens, left);
        }
        let refused = buckets.take(1, start).expect_err("none is left");
        assert_eq!(refused.wait, ms(100));
        assert!(buckets.take(2, start).is_ok(), "another key has its own");
        assert!(buckets.take(1, start + ms(99)).is_err());
        assert!(buckets.take(1, start + ms(100)).is_ok());
        assert_eq!(buckets.take(1, start + ms(10_000)).expect("full again").tokens, 2);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing_away() {
        let buckets = Buckets::new(Rate::new(1, 2), 8);
        let start = Instant::now() + ms(60_000);
        assert!(buckets.take(1, start).is_ok());
        assert!(buckets.take(1, start).is_ok());
        assert!(buckets.take(1, start - ms(30_000)).is_err());
    }

    #[test]
    fn a_token_given_back_can_be_taken_again() {
        let buckets = Buckets::new(Rate::new(1, 2), 8);
        let start = Instant::now();
        for _ in 0..5 {
            assert!(buckets.take(1, start).is_ok());
            buckets.give_back(1);
        }
        assert!(buckets.take(1, start).is_ok() && buckets.take(1, start).is_ok());
        assert!(buckets.take(1, start).is_err());
        buckets.give_back(2);
        assert_eq!(buckets.len(), 1, "a full bucket is the same as none");
    }

    /// Somebody with many addresses cannot make the service forget who is at the limit.
    #[test]
    fn the_emptiest_bucket_is_forgotten_last() {
        let buckets = Buckets::new(Rate::new(1, 10), 4);
        let now = Instant::now();
        for _ in 0..10 {
            assert!(buckets.take(0, now).is_ok());
        }
        for key in 1..1000 {
            assert!(buckets.take(key, now).is_ok());
        }
        assert!(buckets.take(0, now).is_err(), "the greedy one was forgotten");
        assert_eq!(buckets.len(), 4);
    }

    proptest! {
        /// Over any stretch of time, at most the burst and what filled in meanwhile is served; what
        /// is refused is served after the wait it was told; memory stays bounded.
        #[test]
        fn never_more_than_the_rate(
            rate in 1_u32..50,
            burst in 1_u32..20,
            steps in prop::collection::vec((0_u64..400, 0_u8..3), 1..200),
        ) {
            let all = Rate::new(rate, burst);
            let buckets = Buckets::new(all, 3);
            let start = Instant::now();
            let mut now = start;
            let mut served = std::collections::HashMap::new();
            for (pause, key) in steps {
                now += ms(pause);
                match buckets.take(key, now) {
                    Ok(remaining) => {
                        prop_assert!(remaining.tokens < burst);
                        prop_assert!(remaining.full_in <= all.window());
                        *served.entry(key).or_insert(0_u32) += 1;
                    }
                    Err(refused) => {
                        prop_assert!(refused.wait > Duration::ZERO);
                        prop_assert!(refused.wait <= all.interval);
                        let later = Buckets::new(all, 3);
                        for _ in 0..burst {
                            prop_assert!(later.take(key, now).is_ok());
                        }
                        prop_assert!(later.take(key, now + all.interval).is_ok());
                    }
                }
                let filled = (now - start).as_nanos() / all.interval.as_nanos();
                let most = u128::from(burst) + filled + 1;
                prop_assert!(served.values().all(|served| u128::from(*served) <= most));
                prop_assert!(buckets.len() <= 3);
            }
        }

        /// However many keys come, no more than the capacity is kept, and both indexes agree.
        #[test]
        fn memory_is_bounded(keys in prop::collection::vec((any::<u16>(), 0_u64..50), 1..500)) {
            let buckets = Buckets::new(Rate::new(5, 4), 16);
            let mut now = Instant::now();
            for (key, pause) in keys {
                now += ms(pause);
                let _ = buckets.take(key, now);
                let kept = buckets.kept.lock().expect("no panic");
                prop_assert!(kept.full_at.len() <= 16);
                prop_assert_eq!(kept.full_at.len(), kept.order.len());
            }
        }
    }
}
