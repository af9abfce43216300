//! Which signed reads were answered already: remembered in memory, with a floor for each key.
//!
//! A read changes nothing, so its nonce is not worth a write. It is remembered until no request
//! signed then would be taken any more; when memory is full the key with the most reads loses its
//! oldest, and its floor rises to them. What a key signed at or before its floor is refused, and
//! the client signs again. The floor of all keys begins at the time the service started, since what
//! was remembered before is gone.
//!
//! # Decisions
//!
//! - **A key raises its own floor.** Whoever asks much, or signs ahead of the clock, makes the
//!   service forget what it asked itself. Only where each of very many keys has one read left does a
//!   whole key go, the one that asked longest ago, and the floor of all rises to that: never
//!   beyond the service's clock, since a read signed ahead of it is refused then.
//! - **Guests are remembered apart**: those whose key is nothing to an account, who ask which account
//!   lists them, and devices that were taken off one. Their answers hold nothing that an earlier one
//!   did not, so the oldest are forgotten without a floor, and none is worth a write.
//! - **A read signed ahead of the service's clock is worth a write.** The floor of the next start
//!   may lie before it. So its nonce is spent in the store, durably, before it is answered, and for
//!   as long as the window reaches past the start each read is looked up there as well. A client
//!   with a right clock waits for nothing, one with a fast clock pays a commit for each read, and a
//!   service that was killed knows as much as one that was stopped.
//! - **What remains**: a service whose clock was set back between two runs takes again what was
//!   signed since the time it shows. A replayed read tells whoever sends it what the answer's
//!   ciphertext is, no more. A guest's read may be answered again after a restart or when very many
//!   others came since.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use hallmark_core::httpsig::Nonce;

use super::{App, AppError, request::Role};
use crate::store::{Caller, KEPT_S, StoreError, WINDOW};

/// The most reads remembered, each key counting as one more: about 10 MB.
const MAX_REMEMBERED: usize = 100_000;
/// The most reads of guests remembered, about 2 MB.
const MAX_GUESTS: usize = 20_000;

type Key = [u8; 32];

pub(super) struct Replay {
    started_s: i64,
    own: Mutex<Own>,
    // Oldest first.
    guests: Mutex<BTreeSet<(i64, Key, [u8; Nonce::LEN])>>,
}

/// Reads of keys that are something to the account they ask for.
struct Own {
    /// Of the keys that are not kept.
    floor_s: i64,
    most: usize,
    held: usize,
    keys: HashMap<Key, Reads>,
    by_number: BTreeSet<(usize, Key)>,
    by_newest: BTreeSet<(i64, Key)>,
}

/// Reads of one key.
struct Reads {
    floor_s: i64,
    // Oldest first.
    reads: BTreeSet<(i64, [u8; Nonce::LEN])>,
}

impl App {
    /// Remembers a read, so that it is not answered again.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`StoreError::BelowFloor`], [`AppError::BeforeStart`]; for a read
    /// signed ahead of the service's clock, that nothing can be written.
    pub async fn remember_read(&self, caller: &Caller, role: Role) -> Result<(), AppError> {
        if role == Role::Guest {
            return self.replay.remember_guest(caller);
        }
        self.replay.remember(caller)?;
        if caller.created_s > caller.now_s {
            self.store.spend(*caller).await?;
        } else if self.replay.is_near_start(caller) {
            self.store.check_unspent(*caller).await?;
        }
        Ok(())
    }
}

impl Replay {
    /// Nothing signed at or before `started_s` (Unix seconds) counts.
    pub(super) fn new(started_s: i64) -> Self {
        Self::with_room(started_s, MAX_REMEMBERED)
    }

    fn with_room(started_s: i64, most: usize) -> Self {
        let own = Own {
            floor_s: started_s,
            most,
            held: 0,
            keys: HashMap::new(),
            by_number: BTreeSet::new(),
            by_newest: BTreeSet::new(),
        };
        Self { started_s, own: Mutex::new(own), guests: Mutex::default() }
    }

    /// Whether a run before this one could have taken the read, as one signed ahead of its clock.
    fn is_near_start(&self, caller: &Caller) -> bool {
        caller.created_s <= self.started_s + i64::from(WINDOW.future_s)
    }

    /// Remembers a read in memory.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`AppError::BeforeStart`].
    fn remember(&self, caller: &Caller) -> Result<(), AppError> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.forget_keys_before(caller.now_s - KEPT_S);
        if caller.created_s > caller.now_s && own.is_crowded() {
            return Err(AppError::BeforeStart);
        }
        let key = *caller.key.as_bytes();
        let mut reads = own.take(key);
        reads.forget_before(caller.now_s - KEPT_S);
        let added = reads.add(caller);
        own.put(key, reads);
        added?;
        own.make_room();
        Ok(())
    }

    /// Remembers a guest's read in memory, as long as there is room.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`AppError::BeforeStart`].
    fn remember_guest(&self, caller: &Caller) -> Result<(), AppError> {
        if caller.created_s <= self.started_s {
            return Err(AppError::BeforeStart);
        }
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let read = (caller.created_s, *caller.key.as_bytes(), *caller.nonce.as_bytes());
        if !guests.insert(read) {
            return Err(StoreError::Replayed.into());
        }
        if guests.len() > MAX_GUESTS {
            guests.pop_first();
        }
        Ok(())
    }
}

impl Own {
    /// Whether it is full and no key has more than one read to forget.
    fn is_crowded(&self) -> bool {
        self.held >= self.most && self.by_number.last().is_none_or(|(number, _)| *number <= 1)
    }

    /// The reads of a key, until they are put back.
    fn take(&mut self, key: Key) -> Reads {
        let Some(reads) = self.keys.remove(&key) else {
            return Reads { floor_s: self.floor_s, reads: BTreeSet::new() };
        };
        self.held -= 1 + reads.reads.len();
        self.by_number.remove(&(reads.reads.len(), key));
        self.by_newest.remove(&(reads.newest_s(), key));
        reads
    }

    fn put(&mut self, key: Key, reads: Reads) {
        if reads.reads.is_empty() && reads.floor_s <= self.floor_s {
            return;
        }
        self.held += 1 + reads.reads.len();
        self.by_number.insert((reads.reads.len(), key));
        self.by_newest.insert((reads.newest_s(), key));
        self.keys.insert(key, reads);
    }

    /// Forgets the keys that have asked nothing since; the floor of all rises to them.
    fn forget_keys_before(&mut self, limit_s: i64) {
        while let Some((_, key)) = self.by_newest.first().filter(|(at_s, _)| *at_s < limit_s) {
            self.forget(*key);
        }
    }

    fn forget(&mut self, key: Key) {
        self.floor_s = self.floor_s.max(self.take(key).newest_s());
    }

    fn make_room(&mut self) {
        while self.held > self.most
            && let Some((number, most)) = self.by_number.last().copied()
            && let Some((_, oldest)) = self.by_newest.first().copied()
        {
            if number > 1 {
                let mut reads = self.take(most);
                reads.forget_oldest_second();
                self.put(most, reads);
            } else {
                self.forget(oldest);
            }
        }
    }
}

impl Reads {
    /// When the newest was signed that this knows of, Unix seconds.
    fn newest_s(&self) -> i64 {
        self.reads.last().map_or(self.floor_s, |(at_s, _)| *at_s)
    }

    fn add(&mut self, caller: &Caller) -> Result<(), AppError> {
        if caller.created_s <= self.floor_s {
            return Err(AppError::BeforeStart);
        }
        let fresh = self.reads.insert((caller.created_s, *caller.nonce.as_bytes()));
        if fresh { Ok(()) } else { Err(StoreError::Replayed.into()) }
    }

    fn forget_before(&mut self, limit_s: i64) {
        while self.reads.first().is_some_and(|(created_s, _)| *created_s < limit_s) {
            self.forget_oldest_second();
        }
    }

    fn forget_oldest_second(&mut self) {
        let Some((oldest_s, _)) = self.reads.pop_first() else { return };
        self.floor_s = self.floor_s.max(oldest_s);
        self.reads = self.reads.split_off(&(oldest_s + 1, [0; Nonce::LEN]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;

    fn by(n: u8, created_s: i64, now_s: i64) -> Caller {
        let key = SigningKey::from_seed(&[n; 32]).public();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        Caller { key, nonce: Nonce::generate(&mut rng), created_s, now_s }
    }

    fn caller(created_s: i64, now_s: i64) -> Caller {
        by(1, created_s, now_s)
    }

    fn is_replayed(outcome: &Result<(), AppError>) -> bool {
        matches!(outcome, Err(AppError::Store(StoreError::Replayed)))
    }

    #[test]
    fn a_read_counts_once() {
        let replay = Replay::new(100);
        for remember in [Replay::remember, Replay::remember_guest] {
            let read = caller(101, 101);
            remember(&replay, &read).expect("the first time");
            assert!(is_replayed(&remember(&replay, &read)));
            remember(&replay, &caller(101, 101)).expect("another nonce");
            let old = remember(&replay, &caller(100, 101));
            assert!(matches!(old, Err(AppError::BeforeStart)), "{old:?}");
        }
    }

    #[test]
    fn what_is_forgotten_counts_no_more_even_when_the_clock_goes_back() {
        for other in [1, 2] {
            let replay = Replay::new(100);
            let read = caller(101, 101);
            replay.remember(&read).expect("the first time");
            replay.remember(&by(other, 5000, 5000)).expect("much later");
            let again = replay.remember(&Caller { now_s: 101, ..read });
            assert!(matches!(again, Err(AppError::BeforeStart)), "{again:?}");
        }
    }

    #[test]
    fn a_full_memory_raises_the_floor() {
        let replay = Replay::with_room(0, 4);
        let reads = [1, 2, 3, 4].map(|at| caller(at, 4));
        for read in &reads {
            replay.remember(read).expect("room");
        }
        assert!(matches!(replay.remember(&reads[0]), Err(AppError::BeforeStart)));
        assert!(is_replayed(&replay.remember(&reads[1])));
    }

    /// T-34.
    #[test]
    fn who_asks_much_and_ahead_of_the_clock_raises_nobody_elses_floor() {
        let replay = Replay::with_room(0, 10);
        let before = by(1, 95, 100);
        replay.remember(&before).expect("room");
        for n in 0..1000 {
            replay.remember(&by(2, 100 + n % 61, 100)).err();
        }
        let late = by(1, 41, 100);
        replay.remember(&late).expect("signed a minute ago");
        for read in [&before, &late] {
            assert!(is_replayed(&replay.remember(read)));
        }
        let own = replay.own.lock().expect("no panic");
        assert!(own.held <= 10 && own.floor_s == 0, "{} {}", own.held, own.floor_s);
        let held: usize = own.keys.values().map(|reads| 1 + reads.reads.len()).sum();
        assert_eq!((held, own.keys.len()), (own.held, own.by_newest.len()));
        assert_eq!(own.by_number.len(), own.by_newest.len());
    }

    #[test]
    fn very_many_keys_raise_the_floor_up_to_the_clock_and_no_further() {
        let replay = Replay::with_room(0, 20);
        let all: Vec<Caller> = (2..200).map(|n| by(n, 160, 100)).collect();
        let taken = all.iter().filter(|read| replay.remember(read).is_ok()).count();
        assert_eq!(taken, 10, "the others find no room ahead of the clock");
        for now_s in 100..105 {
            let read = by(1, now_s, now_s);
            replay.remember(&read).expect("signed now");
            assert!(replay.remember(&read).is_err(), "known, or below the floor");
        }
        assert!(replay.own.lock().expect("no panic").floor_s < 105);
        assert!(all.iter().all(|read| replay.remember(read).is_err()), "nothing is answered again");
    }

    #[test]
    fn guests_are_forgotten_without_a_floor() {
        let replay = Replay::new(100);
        let guest = Caller { created_s: 101, ..by(3, 101, 101) };
        replay.remember_guest(&guest).expect("the first time");
        for _ in 0..MAX_GUESTS {
            replay.remember_guest(&by(4, 160, 101)).expect("room");
        }
        replay.remember_guest(&by(5, 101, 101)).expect("no floor");
        assert_eq!(replay.guests.lock().expect("no panic").len(), MAX_GUESTS);
        replay.remember(&by(1, 101, 101)).expect("nothing to the others");
    }
}
