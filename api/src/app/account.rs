//! Accounts: beginning one, and finding one's own.

use std::sync::Arc;

use hallmark_core::account::{
    AccountId, Signed,
    device_list::DeviceList,
    exchange::{CreateAccount, Erasure, Membership},
};

use super::{App, AppError, state::State};
use crate::store::{Caller, Created, Erased, NewAccount, StoreError};

impl App {
    /// Begins an account. Asked for by its first device or by its recovery key.
    ///
    /// # Errors
    /// [`AppError::Entry`] and [`AppError::EntryParts`] for a first entry that is none, and that
    /// there is another account of that id.
    pub async fn create_account(
        &self,
        caller: Caller,
        create: CreateAccount,
    ) -> Result<Created, AppError> {
        let list = self.unless_replayed(caller, first(&caller, &create)).await?;
        let account = list.account();
        let new = NewAccount { account, create, device: list.devices()[0].key };
        let created = self.store.create_account(caller, new).await?;
        if created == Created::New {
            self.states.forget(account);
            self.states.put(account, Arc::new(State::new(list)));
        }
        Ok(created)
    }

    /// Erases an account and signs for what was erased. Asked for by a listed device or by the
    /// recovery key. The receipt counts what the account no longer has: a blob's file that cannot
    /// be removed at once goes at the next [`App::tidy`].
    ///
    /// # Errors
    /// Whether the caller may; then nothing was erased.
    pub async fn erase_account(
        &self,
        caller: Caller,
        account: AccountId,
    ) -> Result<Signed<Erasure>, AppError> {
        // On a task of its own: it is finished even when the client hangs up.
        let store = self.store.clone();
        let erasing = tokio::spawn(async move { store.erase_account(caller, account).await });
        let erased = erasing.await.map_err(|_| StoreError::Closing)?;
        self.states.forget(account);
        let Erased { items, blobs, bytes } = erased?;
        let at = self.now();
        let erasure = Erasure { account, at, items, blobs, bytes, by: self.key() };
        Ok(Signed::new(erasure, &self.key).expect("the erasure names the key that signs it"))
    }

    /// The account that lists the caller's device.
    ///
    /// # Errors
    /// That nothing can be read.
    pub async fn membership(&self, caller: Caller) -> Result<Membership, AppError> {
        Ok(Membership { account: self.store.membership(caller.key).await? })
    }
}

/// The list of one entry, if caller and wraps belong to it.
fn first(caller: &Caller, create: &CreateAccount) -> Result<DeviceList, AppError> {
    let account = create.entry.claimed().account;
    let list = DeviceList::open(account, std::slice::from_ref(&create.entry))?;
    if caller.key != list.recovery() && !list.is_listed(&caller.key) {
        let what = "The request is signed neither by the first device nor by the recovery key";
        return Err(AppError::EntryParts { what });
    }
    if !create.wraps.belong_to(&list) {
        return Err(AppError::EntryParts { what: "The wraps are not those the entry names" });
    }
    Ok(list)
}
