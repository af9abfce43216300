//! How much one account may ask.
//!
//! A request is charged to the account named in its path, and only if its key is a listed device of
//! that account or its recovery key: nobody else, a revoked device neither, can use up what the
//! owner may ask. Those are held back by the rate of their address alone. A request that turns out
//! to have been sent before is charged to nobody: whoever repeats it need not be its signer.

use std::time::Instant;

use hallmark_core::account::AccountId;

use super::App;
use crate::limit::{Remaining, RetryAfter};

impl App {
    /// Takes a token from the bucket of an account that is the caller's own. Returns what is left
    /// of it.
    ///
    /// # Errors
    /// [`RetryAfter`] when there is none.
    pub fn charge(&self, account: AccountId, now: Instant) -> Result<Remaining, RetryAfter> {
        self.rates.take(account, now)
    }

    /// Gives back what [`App::charge`] took.
    pub fn give_back(&self, account: AccountId) {
        self.rates.give_back(account);
    }
}
