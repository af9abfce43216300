//! Devices that come and go.

use hallmark_core::{
    account::{
        Signed,
        device_list::{Change, Device, Entry},
        exchange::WrappedKey,
    },
    key::PublicKey,
    words::SixWords,
};
use rand_core::CryptoRng;

use super::{
    Deceit, Evicts, Holdings, Online, OnlineError, Synced, fetch::save, kept::BroughtBack,
};
use crate::{
    identity::{
        Account, Succession, account::IdentityError, device::DeviceKeys, pairing::entry_words,
    },
    item::sealed,
    service::{Service, ServiceError},
};

/// An account that has let a new device in: not used before a person has compared the words.
#[derive(Debug)]
pub struct Joined {
    account: Account,
    words: SixWords,
}

impl Joined {
    /// What the other device shows as well, if it is the same account.
    #[must_use]
    pub fn words(&self) -> &SixWords {
        &self.words
    }

    /// The account, once the words were compared.
    ///
    /// # Errors
    /// [`Deceit::OtherAccount`] where they are others.
    pub fn compared(self, typed: &str) -> Result<Account, Deceit> {
        if self.words.are(typed) { Ok(self.account) } else { Err(Deceit::OtherAccount) }
    }
}

/// Asks whether an account has let this device in.
///
/// # Errors
/// [`OnlineError::Service`]; [`OnlineError::Deceived`] where the list shown is none.
pub fn joined<S: Service + ?Sized>(
    service: &S,
    device: &DeviceKeys,
) -> Result<Option<Joined>, OnlineError> {
    let by = device.signing();
    let Some(id) = service.membership(&by)?.account else { return Ok(None) };
    let shown = service.devices(&by, id, 0)?;
    let wraps = shown.wraps.ok_or(ServiceError::Garbled { what: "the device list" })?;
    let entry = added_by(&shown.entries, &by.public()).cloned().ok_or(Deceit::OtherAccount)?;
    let account = Account::join(id, device.clone(), shown.entries, &wraps).map_err(Deceit::from)?;
    Ok(Some(Joined { account, words: entry_words(&entry) }))
}

/// The newest entry that lists a device.
fn added_by<'a>(entries: &'a [Signed<Entry>], key: &PublicKey) -> Option<&'a Signed<Entry>> {
    entries.iter().rev().find(|entry| match &entry.claimed().change {
        Change::Create { device, .. } | Change::Add { device } => device.key == *key,
        Change::Recover { devices } => devices.iter().any(|device| device.key == *key),
        Change::Revoke { .. } => false,
    })
}

impl<S: Service + ?Sized, R: CryptoRng> Online<'_, S, R> {
    /// Lets a device in, and returns the words that it will show as well.
    ///
    /// # Errors
    /// [`OnlineError`]; [`OnlineError::Identity`] for a device that cannot be listed.
    pub fn add_device(
        &mut self,
        device: Device,
        synced: &mut Synced,
    ) -> Result<SixWords, OnlineError> {
        self.sync(synced)?;
        if let Some(entry) = self
            .account()
            .list()
            .is_listed(&device.key)
            .then(|| added_by(self.account().entries(), &device.key))
            .flatten()
        {
            // Asked again after an answer that was lost.
            return Ok(entry_words(entry));
        }
        let (entry, _) = self.until_done(synced, |online| {
            let now = online.now;
            let account = online.account().clone();
            let next = account.add(device, now, &mut online.rng).map_err(OnlineError::Identity)?;
            online.append(&account, next)
        })?;
        Ok(entry_words(&entry))
    }

    /// Takes a device off: it opens nothing newer, and none of its requests counts.
    ///
    /// `synced` says what came of it, done or not. What waits, and what is put back, goes out with the next [`Online::sync`], under the new root
    /// alone: nothing that cannot be sent keeps a device on.
    ///
    /// # Errors
    /// [`OnlineError`]; [`OnlineError::Identity`] for a device that is not listed, or this one.
    pub fn revoke_device(
        &mut self,
        key: PublicKey,
        synced: &mut Synced,
    ) -> Result<(), OnlineError> {
        self.evicts = Evicts::Soon;
        self.pull(synced)?;
        let (_, back) = self.until_done(synced, |online| {
            let now = online.now;
            let account = online.account().clone();
            let next = account.revoke(key, now, &mut online.rng).map_err(OnlineError::Identity)?;
            online.append(&account, next)
        })?;
        self.evicts = Evicts::Done;
        back.tell(synced);
        Ok(())
    }

    /// Sends an entry, and takes it in; what comes back with it where it takes a device off.
    fn append(
        &mut self,
        account: &Account,
        next: Succession,
    ) -> Result<(Signed<Entry>, BroughtBack), OnlineError> {
        let rewrapped = self.rewrapped(account, &next)?;
        let body = next.append(rewrapped);
        self.service.append(&self.device(), account.id(), &body)?;
        let back = self.accept(account.clone(), next, &body.rewrapped)?;
        Ok((body.entry, back))
    }

    /// The content keys of all items under the root of `next`; none where the root stays.
    fn rewrapped(
        &mut self,
        account: &Account,
        next: &Succession,
    ) -> Result<Vec<WrappedKey>, OnlineError> {
        let (old, new) = (account.root(), next.root());
        if old.id() == new.id() {
            return Ok(Vec::new());
        }
        let rng = &mut self.rng;
        self.cache
            .records()
            .map(|record| {
                sealed::rewrapped(account.id(), record, old, new, rng)
                    .map_err(|source| OnlineError::Unopened { item: record.item, source })
            })
            .collect()
    }

    fn accept(
        &mut self,
        mut account: Account,
        next: Succession,
        rewrapped: &[WrappedKey],
    ) -> Result<BroughtBack, OnlineError> {
        rewrapped.iter().for_each(|key| self.cache.rewrap(key));
        self.cache.set_root(next.root().id());
        save(&self.cache)?;
        let ended = (account.root().id() != next.root().id()).then(|| account.root().clone());
        account.accept(next);
        let mut back = BroughtBack::default();
        if self.evicts == Evicts::Soon {
            // The entry names these items: whoever is off changes none of them any more.
            let Holdings { last_read, pending, .. } = self.holdings();
            back = BroughtBack::new(last_read.clone(), (&account, &self.cache), pending);
        }
        let edits = std::mem::take(&mut back.edits);
        let is_over = self.evicts == Evicts::Soon;
        self.keep(|holdings| {
            holdings.account = account;
            holdings.ended.extend(ended);
            holdings.pending.extend(edits);
            if is_over {
                holdings.last_read.clear();
            }
        })?;
        Ok(back)
    }
}

/// So that a caller need not know where the error comes from.
impl From<IdentityError> for OnlineError {
    fn from(error: IdentityError) -> Self {
        match error {
            error if error.is_anothers_doing() => Self::Revoked(error),
            error => Self::Deceived(error.into()),
        }
    }
}
