//! Which signed reads were answered already: remembered in memory, with a floor.
//!
//! A read changes nothing, so its nonce is not worth a write. It is remembered until no request
//! signed then would be taken any more; when memory is full the oldest go and the floor rises to
//! them. What was signed at or before the floor is refused, and the client signs again. The floor
//! begins at the time the service started, since what was remembered before is gone.
//!
//! # Decisions
//!
//! - **A read signed ahead of the service's clock is worth a write.** The floor of the next start
//!   may lie before it. So its nonce is spent in the store, durably, before it is answered, and for
//!   as long as the window reaches past the start each read is looked up there as well. A client
//!   with a right clock waits for nothing, one with a fast clock pays a commit for each read, and a
//!   service that was killed knows as much as one that was stopped.
//! - **What remains**: a service whose clock was set back between two runs takes again what was
//!   signed since the time it shows. A replayed read tells whoever sends it what the answer's
//!   ciphertext is, no more.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use hallmark_core::{httpsig::Nonce, key::PublicKey};

use super::{App, AppError};
use crate::store::{Caller, KEPT_S, StoreError, WINDOW};

/// The most reads remembered, about 10 MB.
const MAX_REMEMBERED: usize = 100_000;

pub(super) struct Replay {
    started_s: i64,
    seen: Mutex<Seen>,
}

struct Seen {
    floor_s: i64,
    most: usize,
    // Oldest first.
    reads: BTreeSet<(i64, [u8; 32], [u8; Nonce::LEN])>,
}

impl App {
    /// Remembers a read, so that it is not answered again.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`StoreError::BelowFloor`], [`AppError::BeforeStart`]; for a read
    /// signed ahead of the service's clock, that nothing can be written.
    pub async fn remember_read(&self, caller: &Caller) -> Result<(), AppError> {
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
        let seen = Seen { floor_s: started_s, most, reads: BTreeSet::new() };
        Self { started_s, seen: Mutex::new(seen) }
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
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget_older_than(caller.now_s - KEPT_S);
        if caller.created_s <= seen.floor_s {
            return Err(AppError::BeforeStart);
        }
        let key: &PublicKey = &caller.key;
        if !seen.reads.insert((caller.created_s, *key.as_bytes(), *caller.nonce.as_bytes())) {
            return Err(StoreError::Replayed.into());
        }
        while seen.reads.len() > seen.most {
            seen.forget_oldest_second();
        }
        Ok(())
    }
}

impl Seen {
    fn forget_older_than(&mut self, limit_s: i64) {
        while self.reads.first().is_some_and(|(created_s, ..)| *created_s < limit_s) {
            self.forget_oldest_second();
        }
    }

    fn forget_oldest_second(&mut self) {
        let Some((oldest_s, ..)) = self.reads.pop_first() else { return };
        self.floor_s = self.floor_s.max(oldest_s);
        self.reads = self.reads.split_off(&(oldest_s + 1, [0; 32], [0; Nonce::LEN]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;

    fn caller(created_s: i64, now_s: i64) -> Caller {
        let key = SigningKey::from_seed(&[1; 32]).public();
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        Caller { key, nonce: Nonce::generate(&mut rng), created_s, now_s }
    }

    #[test]
    fn a_read_counts_once() {
        let replay = Replay::new(100);
        let read = caller(101, 101);
        replay.remember(&read).expect("the first time");
        let again = replay.remember(&read);
        assert!(matches!(again, Err(AppError::Store(StoreError::Replayed))), "{again:?}");
        replay.remember(&caller(101, 101)).expect("another nonce");
        let old = replay.remember(&caller(100, 101));
        assert!(matches!(old, Err(AppError::BeforeStart)), "{old:?}");
    }

    #[test]
    fn what_is_forgotten_counts_no_more_even_when_the_clock_goes_back() {
        let replay = Replay::new(100);
        let read = caller(101, 101);
        replay.remember(&read).expect("the first time");
        replay.remember(&caller(5000, 5000)).expect("much later");
        let again = replay.remember(&Caller { now_s: 101, ..read });
        assert!(matches!(again, Err(AppError::BeforeStart)), "{again:?}");
    }

    #[test]
    fn a_full_memory_raises_the_floor() {
        let replay = Replay::with_room(0, 3);
        let reads = [1, 2, 3, 4].map(|at| caller(at, 4));
        for read in &reads {
            replay.remember(read).expect("room");
        }
        assert!(matches!(replay.remember(&reads[0]), Err(AppError::BeforeStart)));
        assert!(matches!(replay.remember(&reads[1]), Err(AppError::Store(StoreError::Replayed))));
    }
}
