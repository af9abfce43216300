//! How much one key of an account may ask.
//!
//! A request is charged to the account named in its path and to its key, and only if that is a listed
//! device of the account or its recovery key: nobody else, a revoked device neither, has a bucket.
//! Those are held back by the rate of their address alone. Each key has a bucket of its own, so that
//! a thief among the devices cannot use up what the others and the recovery key need to revoke it. A
//! request that turns out to have been sent before is charged to nobody: whoever repeats it need not
//! be its signer.

use std::time::Instant;

use hallmark_core::{account::AccountId, key::PublicKey};

use super::{App, AppError};
use crate::limit::{Origin, Remaining, RetryAfter};

/// Whose bucket it is: a key, in an account of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(AccountId, [u8; 32]);

impl Bucket {
    /// That of a key in this account.
    #[must_use]
    pub fn of(account: AccountId, key: &PublicKey) -> Self {
        Self(account, *key.as_bytes())
    }

    /// That of a key, whatever account it asks for.
    #[must_use]
    pub fn of_any(key: &PublicKey) -> Self {
        Self(AccountId::from_bytes([0; 32]), *key.as_bytes())
    }
}

impl App {
    /// Takes a token from a bucket. Returns what is left of it.
    ///
    /// # Errors
    /// [`RetryAfter`] when there is none.
    pub fn charge(&self, bucket: Bucket, now: Instant) -> Result<Remaining, RetryAfter> {
        self.rates.take(bucket, now)
    }

    /// Takes a token for an entry of the log from the bucket of an address; where that is not known,
    /// none.
    ///
    /// # Errors
    /// [`AppError::RateLimited`].
    pub fn charge_entry(&self, origin: Option<Origin>) -> Result<(), AppError> {
        let Some(Origin(address)) = origin else { return Ok(()) };
        let taken = self.entry_rates.take(address, Instant::now());
        taken.map(drop).map_err(|limit| AppError::RateLimited { limit })
    }

    /// Gives back what [`App::charge`] took.
    pub fn give_back(&self, bucket: Bucket) {
        self.rates.give_back(bucket);
    }
}
