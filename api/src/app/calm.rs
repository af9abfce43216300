//! A moment without commits, for a device list that is to go on.
//!
//! An entry names the newest manifest, so that whoever is taken off has written nothing that the entry
//! does not know of. A device in wrong hands could commit without end, and no entry would ever be in time.
//! So when one came too late, the account takes no commits for a while. Whoever may send entries can
//! bring that about, a thief too; the entry that takes the thief off is not held up by it. One by the
//! recovery key can also come too late for entries of devices: then those wait as well.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hallmark_core::account::AccountId;

use super::AppError;
use crate::store::StoreError;

/// How long: to fetch what is new, wrap every key again, and send that.
const CALM: Duration = Duration::from_secs(20);

/// The accounts that take no commits now.
#[derive(Debug, Default)]
pub(super) struct Calm(Mutex<HashMap<AccountId, Moment>>);

#[derive(Debug, Clone, Copy)]
struct Moment {
    until: Instant,
    /// Entries of devices wait too.
    is_for_recovery: bool,
}

impl Calm {
    /// Begins, or begins anew, where an entry came too late.
    pub(super) fn note<T>(
        &self,
        account: AccountId,
        is_recovery: bool,
        outcome: &Result<T, AppError>,
        now: Instant,
    ) {
        let Err(AppError::Store(why)) = outcome else { return };
        let is_late = match why {
            StoreError::ItemsChanged => true,
            StoreError::DevicesChanged => is_recovery,
            _ => false,
        };
        if !is_late {
            return;
        }
        let mut kept = self.kept();
        kept.retain(|_, moment| moment.until > now);
        let before = kept.get(&account).is_some_and(|moment| moment.is_for_recovery);
        let is_for_recovery = is_recovery || before;
        kept.insert(account, Moment { until: now + CALM, is_for_recovery });
    }

    /// An entry was taken: commits are again.
    pub(super) fn end(&self, account: AccountId) {
        self.kept().remove(&account);
    }

    /// Whether an account takes commits now.
    ///
    /// # Errors
    /// [`AppError::Calm`].
    pub(super) fn check(&self, account: AccountId, now: Instant) -> Result<(), AppError> {
        self.check_where(account, now, |_| true)
    }

    /// Whether an account takes an entry now.
    ///
    /// # Errors
    /// [`AppError::Calm`].
    pub(super) fn check_entry(
        &self,
        account: AccountId,
        is_recovery: bool,
        now: Instant,
    ) -> Result<(), AppError> {
        self.check_where(account, now, |moment| moment.is_for_recovery && !is_recovery)
    }

    fn check_where(
        &self,
        account: AccountId,
        now: Instant,
        holds: impl Fn(&Moment) -> bool,
    ) -> Result<(), AppError> {
        match self.kept().get(&account) {
            Some(moment) if moment.until > now && holds(moment) => Err(AppError::Calm),
            _ => Ok(()),
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<AccountId, Moment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(why: StoreError) -> Result<(), AppError> {
        Err(why.into())
    }

    /// T-27: who commits without end keeps no entry from being in time.
    #[test]
    fn an_entry_that_came_too_late_has_a_moment() {
        let (calm, now) = (Calm::default(), Instant::now());
        let [one, other] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        calm.note(one, false, &Ok(()), now);
        calm.note(one, false, &late(StoreError::DevicesChanged), now);
        assert!(calm.check(one, now).is_ok());
        calm.note(one, false, &late(StoreError::ItemsChanged), now);
        assert!(calm.check(one, now).is_err() && calm.check(other, now).is_ok());
        assert!(calm.check_entry(one, false, now).is_ok(), "that is what it is for");
        assert!(calm.check(one, now + CALM).is_ok());
        calm.end(one);
        assert!(calm.check(one, now).is_ok());
    }

    /// T-27: who changes devices without end keeps no recovery from being in time.
    #[test]
    fn a_recovery_that_came_too_late_has_a_moment_of_its_own() {
        for why in [StoreError::DevicesChanged, StoreError::ItemsChanged] {
            let (calm, now) = (Calm::default(), Instant::now());
            let one = AccountId::from_bytes([1; 32]);
            calm.note(one, true, &late(why), now);
            assert!(calm.check(one, now).is_err() && calm.check_entry(one, false, now).is_err());
            assert!(calm.check_entry(one, true, now).is_ok());
            calm.note(one, false, &late(StoreError::ItemsChanged), now);
            assert!(calm.check_entry(one, false, now).is_err(), "nobody else makes it less");
            assert!(calm.check_entry(one, false, now + CALM).is_ok());
        }
    }
}
