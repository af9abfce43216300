//! A moment without commits, for a device list that is to go on.
//!
//! An entry names the newest manifest, so that whoever is taken off has written nothing that the entry
//! does not know of. A device in wrong hands could commit without end, and no entry would ever be in time.
//! So when one came too late, the account takes no commits for a while. Whoever may send entries can
//! bring that about, a thief too; the entry that takes the thief off is not held up by it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hallmark_core::account::AccountId;

use super::AppError;
use crate::store::StoreError;

/// How long: to fetch what is new, wrap every key again, and send that.
const CALM: Duration = Duration::from_secs(20);

/// The accounts that take no commits now.
#[derive(Debug, Default)]
pub(super) struct Calm(Mutex<HashMap<AccountId, Instant>>);

impl Calm {
    /// Begins, or begins anew, where an entry came too late.
    pub(super) fn note<T>(&self, account: AccountId, outcome: &Result<T, AppError>, now: Instant) {
        if !matches!(outcome, Err(AppError::Store(StoreError::ItemsChanged))) {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, until| *until > now);
        kept.insert(account, now + CALM);
    }

    /// An entry was taken: commits are again.
    pub(super) fn end(&self, account: AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }

    /// Whether an account takes commits now.
    ///
    /// # Errors
    /// [`AppError::Calm`].
    pub(super) fn check(&self, account: AccountId, now: Instant) -> Result<(), AppError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(&account) {
            Some(until) if *until > now => Err(AppError::Calm),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T-27: who commits without end keeps no entry from being in time.
    #[test]
    fn an_entry_that_came_too_late_has_a_moment() {
        let (calm, now) = (Calm::default(), Instant::now());
        let [one, other] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        calm.note(one, &Ok(()), now);
        calm.note(one, &Err::<(), _>(StoreError::DevicesChanged.into()), now);
        assert!(calm.check(one, now).is_ok());
        calm.note(one, &Err::<(), _>(StoreError::ItemsChanged.into()), now);
        assert!(calm.check(one, now).is_err() && calm.check(other, now).is_ok());
        assert!(calm.check(one, now + CALM).is_ok());
        calm.end(one);
        assert!(calm.check(one, now).is_ok());
    }
}
