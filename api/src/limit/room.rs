//! Room in memory: so many bytes at once, and so many of them in one hand.
//!
//! Room is taken as bytes come, not for what is announced. Where it is full, or a share of it, whoever
//! has been at it for too long makes room for the next: so bytes that come slowly keep nobody out.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// The address that a request is counted by, as an extension of it; none where there is no telling
/// one client from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin(pub IpAddr);

/// What is kept until an answer has left, as an extension of the answer.
#[derive(Clone)]
pub struct UntilSent(pub Arc<dyn Any + Send + Sync>);

/// So many bytes at once, in the hands of `K`s. Safe to share; copies share one room.
#[derive(Debug)]
pub struct Room<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    most_bytes: u64,
    patience: Patience,
    kept: Mutex<Kept<K>>,
}

#[derive(Debug)]
struct Kept<K> {
    taken_bytes: u64,
    by_holder: HashMap<K, u64>,
    /// What still grows, begun first first.
    growing: BTreeMap<u64, Growing<K>>,
    begun: u64,
}

#[derive(Debug)]
struct Growing<K> {
    holders: Vec<K>,
    since: Instant,
    bytes: u64,
    turned_out: Arc<Notify>,
}

/// When what grows is late: after this time, and what its bytes take at this rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Whatever it is.
    pub time: Duration,
    /// Bytes a second that are expected of it.
    pub bytes_per_s: u64,
}

impl Patience {
    /// How far something that began at `since`, and has come to so many bytes, is behind.
    fn late(&self, since: Instant, bytes: u64, now: Instant) -> Option<Duration> {
        let rest_ms = bytes.saturating_mul(1000) / self.bytes_per_s.max(1);
        let end = since.checked_add(self.time)?.checked_add(Duration::from_millis(rest_ms))?;
        now.checked_duration_since(end).filter(|late| !late.is_zero())
    }
}

/// The most that one holder may have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share<K> {
    /// The holder.
    pub holder: K,
    /// Bytes of everything in its hands.
    pub most_bytes: u64,
}

/// There is no room, for anybody or for this holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room in memory")]
pub struct Full;

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub struct Taken<K: Eq + Hash> {
    room: Arc<Inner<K>>,
    number: u64,
    shares: Vec<Share<K>>,
    bytes: u64,
    turned_out: Arc<Notify>,
}

impl<K> Clone for Room<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Eq + Hash + Copy> Room<K> {
    /// Room for `most_bytes`. What is late gives way to others, the latest first.
    #[must_use]
    pub fn new(most_bytes: u64, patience: Patience) -> Self {
        let kept =
            Kept { taken_bytes: 0, by_holder: HashMap::new(), growing: BTreeMap::new(), begun: 0 };
        Self(Arc::new(Inner { most_bytes, patience, kept: Mutex::new(kept) }))
    }

    /// Nothing yet, about to grow in the hands of all these.
    #[must_use]
    pub fn begin(&self, shares: Vec<Share<K>>, now: Instant) -> Taken<K> {
        let turned_out = Arc::new(Notify::new());
        let mut kept = self.0.kept();
        kept.begun += 1;
        let number = kept.begun;
        let holders = shares.iter().map(|share| share.holder).collect();
        let turn = Arc::clone(&turned_out);
        let growing = Growing { holders, since: now, bytes: 0, turned_out: turn };
        kept.growing.insert(number, growing);
        Taken { room: Arc::clone(&self.0), number, shares, bytes: 0, turned_out }
    }

    /// Takes `bytes` at once or not at all.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&self, shares: Vec<Share<K>>, bytes: u64) -> Result<Taken<K>, Full> {
        let now = Instant::now();
        let mut taken = self.begin(shares, now);
        taken.grow(bytes, now)?;
        taken.stay();
        Ok(taken)
    }
}

impl<K: Eq + Hash + Copy> Taken<K> {
    /// Takes as much more as makes it `bytes`.
    ///
    /// # Errors
    /// [`Full`]; what was taken stays.
    pub fn grow(&mut self, bytes: u64, now: Instant) -> Result<(), Full> {
        let Some(more) = bytes.checked_sub(self.bytes) else { return Ok(()) };
        let mut kept = self.room.kept();
        let (patience, number) = (self.room.patience, self.number);
        let late = |other: u64, growing: &Growing<K>| {
            let late = patience.late(growing.since, growing.bytes, now);
            late.filter(|_| other != number && growing.bytes > 0)
        };
        let after = |share: &Share<K>| {
            kept.by_holder.get(&share.holder).copied().unwrap_or_default().saturating_add(more)
        };
        let full = self.shares.iter().find(|share| after(share) > share.most_bytes).copied();
        if let Some(full) = full {
            let over = after(&full) - full.most_bytes;
            kept.turn_out(over, |other, growing| {
                late(other, growing).filter(|_| growing.holders.contains(&full.holder))
            });
            return Err(Full);
        }
        let free = self.room.most_bytes - kept.taken_bytes;
        if more > free {
            kept.turn_out(more - free, late);
            return Err(Full);
        }
        kept.taken_bytes += more;
        for share in &self.shares {
            *kept.by_holder.entry(share.holder).or_default() += more;
        }
        if let Some(growing) = kept.growing.get_mut(&self.number) {
            growing.bytes = bytes;
        }
        self.bytes = bytes;
        Ok(())
    }

    /// It grows no more, so it has to make room for nobody.
    pub fn stay(&self) {
        self.room.kept().growing.remove(&self.number);
    }

    /// Ready when it has to make room for others.
    pub async fn turned_out(&self) {
        self.turned_out.notified().await;
    }
}

impl<K> Inner<K> {
    fn kept(&self) -> MutexGuard<'_, Kept<K>> {
        // Nothing in between panics.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> Kept<K> {
    /// Tells those that are late to go, the latest first, until `bytes` are free. They are told once; the
    /// room is there when they have gone.
    fn turn_out(&mut self, bytes: u64, late: impl Fn(u64, &Growing<K>) -> Option<Duration>) {
        let mut freed = 0;
        while freed < bytes
            && let Some((_, number)) = self
                .growing
                .iter()
                .filter_map(|(number, growing)| Some((late(*number, growing)?, *number)))
                .max()
        {
            if let Some(late) = self.growing.remove(&number) {
                freed += late.bytes;
                late.turned_out.notify_one();
            }
        }
    }
}

impl<K: Eq + Hash> Drop for Taken<K> {
    fn drop(&mut self) {
        let mut kept = self.room.kept();
        kept.growing.remove(&self.number);
        kept.taken_bytes -= self.bytes;
        for share in &self.shares {
            let Some(held) = kept.by_holder.get_mut(&share.holder) else { continue };
            *held -= self.bytes;
            if *held == 0 {
                kept.by_holder.remove(&share.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(10);
    const PATIENCE: Patience = Patience { time: TIME, bytes_per_s: 100 };

    fn of(holder: u8, most_bytes: u64) -> Vec<Share<u8>> {
        vec![Share { holder, most_bytes }]
    }

    #[test]
    fn room_is_there_once_and_comes_back() {
        let (room, now) = (Room::new(100, PATIENCE), Instant::now());
        let mut first = room.begin(of(1, 100), now);
        assert_eq!(first.grow(60, now), Ok(()));
        let second = room.take(of(2, 100), 40).expect("the rest");
        assert_eq!(first.grow(61, now), Err(Full));
        assert!(room.take(of(3, 100), 1).is_err() && room.take(of(3, 100), 0).is_ok());
        drop(second);
        assert_eq!(first.grow(100, now), Ok(()));
        drop(first);
        assert!(room.take(of(3, u64::MAX), u64::MAX).is_err());
        assert!(room.take(of(3, 100), 100).is_ok());
        assert!(room.0.kept().by_holder.is_empty() && room.0.kept().growing.is_empty());
    }

    #[test]
    fn nobody_has_more_than_its_share() {
        let room = Room::new(100, PATIENCE);
        let first = room.take(of(1, 50), 30).expect("room");
        assert!(room.take(of(1, 50), 21).is_err());
        assert!(room.take([of(2, 50), of(1, 50)].concat(), 21).is_err(), "in both hands");
        let both = room.take([of(2, 50), of(1, 50)].concat(), 20).expect("room");
        assert!(room.take(of(2, 50), 31).is_err());
        drop((first, both));
        assert!(room.take(of(1, 50), 50).is_ok());
    }

    fn is_out(taken: &Taken<u8>) -> bool {
        let mut out = Box::pin(taken.turned_out());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        out.as_mut().poll(&mut context).is_ready()
    }

    /// What is long and comes as fast as it should is not turned out for what is short; of two that are
    /// late, the later one is.
    #[tokio::test]
    async fn what_is_late_is_told_by_its_rate() {
        let (room, start) = (Room::new(10_000, PATIENCE), Instant::now());
        let mut fast = room.begin(of(1, 10_000), start);
        fast.grow(8_000, start).expect("room");
        let mut slow = room.begin(of(2, 10_000), start + TIME);
        slow.grow(10, start + TIME).expect("room");
        let mut slower = room.begin(of(3, 10_000), start + TIME / 2);
        slower.grow(1_990, start + TIME).expect("room");
        let mut next = room.begin(of(4, 10_000), start + 6 * TIME);
        assert_eq!(next.grow(1, start + 6 * TIME), Err(Full));
        assert!(!is_out(&fast) && is_out(&slow) && !is_out(&slower));
        assert_eq!(next.grow(11, start + 10 * TIME), Err(Full));
        assert!(is_out(&slower) && !is_out(&fast));
    }

    /// Where a share is full, what comes slowly in the same hands gives way, and nothing else.
    #[tokio::test]
    async fn what_comes_slowly_gives_way_in_its_share() {
        let (room, start) = (Room::new(100, PATIENCE), Instant::now());
        let mut other = room.begin(of(2, 50), start);
        other.grow(10, start).expect("room");
        let mut slow = room.begin(of(1, 50), start);
        slow.grow(50, start).expect("room");
        let late = start + TIME + Duration::from_secs(1);
        let mut next = room.begin(of(1, 50), late);
        assert_eq!(next.grow(10, start + TIME), Err(Full));
        assert!(!is_out(&slow), "it still has time");
        assert_eq!(next.grow(10, late), Err(Full));
        assert!(is_out(&slow) && !is_out(&other));
        drop(slow);
        assert_eq!(next.grow(10, late), Ok(()));
    }

    #[tokio::test]
    async fn what_comes_slowly_gives_way() {
        let (room, start) = (Room::new(100, PATIENCE), Instant::now());
        let mut whole = room.begin(of(1, 100), start);
        whole.grow(40, start).expect("room");
        whole.stay();
        let mut slow = room.begin(of(2, 100), start);
        slow.grow(60, start).expect("room");
        let mut next = room.begin(of(3, 100), start + TIME);
        assert_eq!(next.grow(10, start + TIME), Err(Full));
        assert!(!is_out(&slow), "it still has time");
        let late = start + TIME + Duration::from_secs(1);
        assert_eq!(next.grow(10, late), Err(Full));
        assert!(is_out(&slow) && !is_out(&whole) && !is_out(&next));
        drop(slow);
        assert_eq!(next.grow(10, late), Ok(()));
    }
}
