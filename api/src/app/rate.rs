//! How much one account may ask.
//!
//! A request is charged to the account named in its path, and only if its key is a listed device of
//! that account or its recovery key: nobody else, a revoked device neither, can use up what the
//! owner may ask. Those are held back by the rate of their address alone. A request that turns out
//! to have been sent before is charged to nobody: whoever repeats it need not be its signer.

use std::time::Instant;

use hallmark_core::account::AccountId;

use super::{App, AppError};
use crate::{
    limit::Remaining,
    store::{Caller, Standing, StoreError},
};

impl App {
    /// Takes a token from the account's bucket, if the caller is one of its own. Returns what is
    /// left of it; nothing where nobody was charged.
    ///
    /// # Errors
    /// [`AppError::RateLimited`], or that nothing can be read.
    pub async fn charge(
        &self,
        caller: &Caller,
        account: AccountId,
        now: Instant,
    ) -> Result<Option<Remaining>, AppError> {
        if !self.is_own(caller, account).await? {
            return Ok(None);
        }
        let left = self.rates.take(account, now);
        left.map(Some).map_err(|limit| AppError::RateLimited { limit })
    }

    /// Gives back what [`App::charge`] took.
    pub fn give_back(&self, account: AccountId) {
        self.rates.give_back(account);
    }

    /// Whether the key is a listed device of the account or its recovery key. The kept state
    /// answers for a listed device, without a look into the store.
    async fn is_own(&self, caller: &Caller, account: AccountId) -> Result<bool, AppError> {
        if AccountId::of(&caller.key) == account || self.states.lists(account, &caller.key) {
            return Ok(true);
        }
        match self.store.standing(caller.key, account).await {
            Ok(Standing::Device | Standing::Recovery) => Ok(true),
            Ok(Standing::Former) | Err(StoreError::NoAccount | StoreError::NotListed) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
