//! Accounts: beginning one, and finding one's own.

use std::sync::Arc;

use hallmark_core::account::{
    device_list::DeviceList,
    exchange::{CreateAccount, Membership},
};

use super::{App, AppError, state::State};
use crate::store::{Caller, Created, NewAccount};

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
        let list = match first(&caller, &create) {
            Ok(list) => list,
            Err(error) => return Err(self.refused(caller, error).await),
        };
        let account = list.account();
        let new = NewAccount { account, create, device: list.devices()[0].key };
        let created = self.store.create_account(caller, new).await?;
        if created == Created::New {
            self.states.forget(account);
            self.states.put(account, Arc::new(State::new(list)));
        }
        Ok(created)
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
