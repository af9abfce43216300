//! A moment without commits, for a device list that is to go on.
//!
//! An entry names the newest manifest, so that whoever is taken off has written nothing that the entry
//! does not know of. A device in wrong hands could commit without end, and no entry would ever be in time.
//! So when one came too late, the account takes no commits for a while. Whoever may send entries can
//! bring that about, a thief too; the entry that takes the thief off is not held up by it. One by the
//! recovery key can also come too late for entries of devices: then those wait as well. As long as who was
//! late goes on, fetching what is new or sending the next entry, the while begins anew.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hallmark_core::{account::AccountId, key::PublicKey};

use super::AppError;
use crate::store::StoreError;

/// How long without a request of who was late: to wrap every key again, and send that.
const CALM: Duration = Duration::from_secs(60);

/// The accounts that take no commits now.
#[derive(Debug, Default)]
pub(super) struct Calm(Mutex<HashMap<AccountId, Moment>>);

#[derive(Debug, Clone, Copy)]
struct Moment {
    until: Instant,
    /// Whose entry was late.
    by: PublicKey,
    /// It is the recovery key: entries of devices wait too.
    is_for_recovery: bool,
}

impl Calm {
    /// Begins, or begins anew, where an entry came too late.
    pub(super) fn note<T>(
        &self,
        account: AccountId,
        (by, is_recovery): (PublicKey, bool),
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
        if !is_recovery && kept.get(&account).is_some_and(|moment| moment.is_for_recovery) {
            return;
        }
        kept.insert(account, Moment { until: now + CALM, by, is_for_recovery: is_recovery });
    }

    /// A request came: who was late goes on.
    pub(super) fn renew(&self, account: AccountId, by: &PublicKey, now: Instant) {
        if let Some(moment) = self.kept().get_mut(&account)
            && moment.by == *by
            && moment.until > now
        {
            moment.until = now + CALM;
        }
    }

    /// An entry was taken: commits are again, unless the recovery key is to have its turn.
    pub(super) fn end(&self, account: AccountId, is_recovery: bool) {
        let mut kept = self.kept();
        if is_recovery || kept.get(&account).is_none_or(|moment| !moment.is_for_recovery) {
            kept.remove(&account);
        }
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
    use hallmark_core::key::SigningKey;

    use super::*;

    fn late(why: StoreError) -> Result<(), AppError> {
        Err(why.into())
    }

    fn key(seed: u8) -> PublicKey {
        SigningKey::from_seed(&[seed; 32]).public()
    }

    /// T-27: who commits without end keeps no entry from being in time.
    #[test]
    fn an_entry_that_came_too_late_has_a_moment() {
        let (calm, now) = (Calm::default(), Instant::now());
        let [one, other] = [1, 2].map(|n| AccountId::from_bytes([n; 32]));
        let phone = (key(1), false);
        calm.note(one, phone, &Ok(()), now);
        calm.note(one, phone, &late(StoreError::DevicesChanged), now);
        assert!(calm.check(one, now).is_ok());
        calm.note(one, phone, &late(StoreError::ItemsChanged), now);
        assert!(calm.check(one, now).is_err() && calm.check(other, now).is_ok());
        assert!(calm.check_entry(one, false, now).is_ok(), "that is what it is for");
        assert!(calm.check(one, now + CALM).is_ok());
        calm.end(one, false);
        assert!(calm.check(one, now).is_ok());
    }

    /// T-27: who changes devices without end keeps no recovery from being in time.
    #[test]
    fn a_recovery_that_came_too_late_has_a_moment_of_its_own() {
        for why in [StoreError::DevicesChanged, StoreError::ItemsChanged] {
            let (calm, now) = (Calm::default(), Instant::now());
            let one = AccountId::from_bytes([1; 32]);
            calm.note(one, (key(9), true), &late(why), now);
            assert!(calm.check(one, now).is_err() && calm.check_entry(one, false, now).is_err());
            assert!(calm.check_entry(one, true, now).is_ok());
            calm.note(one, (key(1), false), &late(StoreError::ItemsChanged), now);
            calm.end(one, false);
            assert!(calm.check_entry(one, false, now).is_err(), "nobody else makes it less");
            assert!(calm.check_entry(one, false, now + CALM).is_ok());
            calm.end(one, true);
            assert!(calm.check_entry(one, false, now).is_ok());
        }
    }

    /// T-27: a recovery that takes longer is not too late again.
    #[test]
    fn who_goes_on_has_more_time() {
        let (calm, now) = (Calm::default(), Instant::now());
        let (one, half) = (AccountId::from_bytes([1; 32]), CALM / 2);
        calm.note(one, (key(9), true), &late(StoreError::ItemsChanged), now);
        calm.renew(one, &key(1), now + half);
        assert!(calm.check(one, now + CALM).is_ok(), "another key's requests are nothing to it");
        calm.renew(one, &key(9), now + half);
        assert!(calm.check(one, now + CALM).is_err());
        calm.renew(one, &key(9), now + 2 * CALM);
        assert!(calm.check(one, now + 2 * CALM).is_ok(), "it was over");
    }
}
