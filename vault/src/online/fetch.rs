//! Taking in what the service says, all of it or nothing.

use hallmark_core::{
    account::{
        ItemId,
        exchange::{Cursor, Sync},
        manifest::{MAX_ITEMS, ManifestError},
    },
    key::SigningKey,
    problem::Code,
    seal::item::MAX_ENVELOPE_LEN,
};
use rand_core::CryptoRng;

use super::{
    Deceit, Evicts, MAX_TRIES, Online, OnlineError, Synced,
    kept::{Closed, Outdated, Places, There},
};
use crate::{
    identity::Account,
    item::{
        Cache, Edit, Pending,
        merge::{Merged, PendingEdits},
        sealed::{self, SealedError},
    },
    service::{Known, Service, ServiceError},
};

/// The most answers that one synchronisation takes.
const MAX_PAGES: u32 = 10_000;
/// So many records may come beyond those that the manifests count: changed again meanwhile.
const SPARE_RECORDS: usize = 256;

/// What a device would hold if the answers so far were true.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) account: Account,
    pub(super) cache: Cache,
}

impl Fetched {
    /// How many items are not as `held` has them.
    fn changed_since(&self, held: &Cache) -> usize {
        let version = |cache: &Cache, item| cache.record(item).map(|record| record.version);
        let new = self.cache.records().filter(|one| version(held, &one.item) != Some(one.version));
        let gone = held.records().filter(|one| self.cache.record(&one.item).is_none());
        new.count() + gone.count()
    }
}

/// The most items there may be here before all have come: those held and those of the newest
/// manifest, twice over. Until then nothing shows which records belong, and a service could go on
/// for as long as there is memory.
fn most_items(account: &Account, cache: &Cache) -> usize {
    let counted = account.manifest().map_or(0, |manifest| manifest.claimed().items);
    let counted = usize::try_from(counted).unwrap_or(usize::MAX).min(MAX_ITEMS);
    2 * (counted + cache.records().count()) + SPARE_RECORDS
}

fn known(account: &Account, cache: &Cache) -> Known {
    Known {
        devices: account.entries().len() as u64,
        manifest: account.manifest().map_or(0, |manifest| manifest.claimed().version),
        cursor: cache.cursor(),
    }
}

impl Fetched {
    /// Takes in one answer; `true` when it was the last.
    fn absorb(&mut self, answer: Sync, held: &Cache) -> Result<bool, Deceit> {
        let goes_on = !(answer.entries.is_empty() && answer.manifests.is_empty());
        self.account.extend(&answer.entries, answer.wraps.as_ref())?;
        if !answer.manifests.is_empty() {
            let list = self.account.list();
            for manifest in answer.manifests {
                let says = list.verify_manifest(&manifest)?;
                says.check_follows(self.account.manifest())?;
                self.account.set_manifest(manifest);
            }
        }
        let most = most_items(&self.account, held);
        answer.rewrapped.iter().for_each(|key| self.cache.rewrap(key));
        for record in answer.records {
            if record.envelope.0.len() > MAX_ENVELOPE_LEN || record.key.0.len() > MAX_ENVELOPE_LEN {
                return Err(Deceit::Endless);
            }
            let held = self.cache.record(&record.item);
            if held.is_some_and(|held| record.version <= held.version) {
                return Err(Deceit::OlderItem { item: record.item });
            }
            self.cache.put(record);
        }
        if self.cache.records().count() > most {
            return Err(Deceit::Endless);
        }
        answer.removed.iter().for_each(|item| self.cache.remove(item));
        match answer.next {
            None => Ok(true),
            Some(next)
                if next > self.cache.cursor() || (goes_on && next == self.cache.cursor()) =>
            {
                self.cache.set_cursor(next);
                Ok(false)
            }
            Some(_) => Err(Deceit::Position),
        }
    }

    /// Whether everything together is one state of the account.
    fn settle(&mut self) -> Result<(), Deceit> {
        let list = self.account.list();
        let newest = self.account.manifest();
        if let Some(head) = list.newest().manifest {
            let shown = newest.ok_or(Deceit::Withheld)?;
            let version = shown.claimed().version;
            if version < head.version || (version == head.version && shown.hash() != head.hash) {
                return Err(Deceit::Withheld);
            }
        }
        let leaves = self.cache.leaves();
        let version = match newest {
            Some(manifest) => {
                manifest.claimed().check_items(&leaves)?;
                manifest.claimed().version
            }
            None if leaves.0.is_empty() => 0,
            None => return Err(ManifestError::Items { version: 0 }.into()),
        };
        self.cache.set_cursor(Cursor { manifest: version, item: None });
        self.cache.set_root(self.account.root().id());
        Ok(())
    }
}

/// Asks until the service has said everything, signing with `by`.
///
/// # Errors
/// [`OnlineError::Service`], [`OnlineError::Deceived`], [`OnlineError::Revoked`].
pub(super) fn fetch<S: Service + ?Sized>(
    service: &S,
    by: &SigningKey,
    account: Account,
    cache: Cache,
) -> Result<Fetched, OnlineError> {
    let whole = cache.cursor().manifest == 0;
    let mut fetched = Fetched { account, cache };
    match pages(service, by, &mut fetched) {
        // What is held here may be what is wrong: ask for everything before accusing anybody.
        Err(OnlineError::Deceived(
            Deceit::Manifest(ManifestError::Items { .. }) | Deceit::OlderItem { .. },
        )) if !whole => {
            fetched.cache.clear();
            pages(service, by, &mut fetched)?;
        }
        outcome => outcome?,
    }
    Ok(fetched)
}

fn pages<S: Service + ?Sized>(
    service: &S,
    by: &SigningKey,
    fetched: &mut Fetched,
) -> Result<(), OnlineError> {
    let id = fetched.account.id();
    let held = fetched.cache.clone();
    for _ in 0..MAX_PAGES {
        let answer =
            service.sync(by, id, known(&fetched.account, &fetched.cache)).map_err(|error| {
                match error.code() {
                    Some(Code::Ahead) => Deceit::SetBack.into(),
                    _ => OnlineError::from(error),
                }
            })?;
        let last = fetched.absorb(answer, &held).map_err(|deceit| match deceit {
            Deceit::Identity(error) if error.is_anothers_doing() => OnlineError::Revoked(error),
            deceit => deceit.into(),
        })?;
        if last {
            return Ok(fetched.settle()?);
        }
    }
    Err(Deceit::Position.into())
}

impl<S: Service + ?Sized, R: CryptoRng> Online<'_, S, R> {
    /// Takes in what other devices did, then sends what waits here. `synced` says what became of it,
    /// whether all of it could be done or not.
    ///
    /// # Errors
    /// [`OnlineError`]. What waits stays in the state until the service has it.
    pub fn sync(&mut self, synced: &mut Synced) -> Result<(), OnlineError> {
        let create = self.account().unregistered();
        if let Some(create) = &create {
            self.service.create(&self.device(), create)?;
        }
        self.pull(synced)?;
        if create.is_some() {
            // Only a service that shows the account has it: until then the first root is kept, so
            // that it can be sent again.
            self.keep(|holdings| holdings.account.registered())?;
        }
        let mut stuck = self.upload_staged()?;
        let mut pushed = self.push(synced, &mut stuck);
        if matches!(&pushed, Err(OnlineError::Service(error)) if error.code() == Some(Code::Quota))
        {
            // Whatever waits, what is to go goes, and may make room for it.
            self.delete_unwanted()?;
            pushed = self.push(synced, &mut stuck);
        }
        pushed?;
        self.finish_uploads()?;
        self.delete_unwanted()?;
        // All else is done: one edit that cannot be sent stops no other.
        stuck.into_values().next().map_or(Ok(()), Err)
    }

    /// Has the service show all that this device knows of the account: one at another address could
    /// say that nothing is new, and be believed. `synced` says what came of it, proven or not.
    ///
    /// # Errors
    /// [`OnlineError`]; [`Deceit::OtherHistory`] for another device list.
    pub fn prove(&mut self, synced: &mut Synced) -> Result<(), OnlineError> {
        let (by, id) = (self.device(), self.account().id());
        let shown = self.service.devices(&by, id, 0)?;
        if !shown.entries.starts_with(self.account().entries()) {
            return Err(Deceit::OtherHistory.into());
        }
        self.anew = true;
        let pulled = self.pull(synced);
        self.anew = false;
        pulled
    }

    /// Takes in what other devices did, and sends nothing.
    ///
    /// # Errors
    /// [`OnlineError`]; [`OnlineError::Closed`] where no service has the account yet.
    pub fn look(&mut self) -> Result<Synced, OnlineError> {
        let mut synced = Synced::default();
        self.pull(&mut synced)?;
        Ok(synced)
    }

    /// The account as the service shows it now, of which nothing is kept: what it says of items may not
    /// be fit to be.
    ///
    /// # Errors
    /// [`OnlineError`].
    pub fn peek(&mut self) -> Result<Account, OnlineError> {
        let mut cache = self.cache.clone();
        cache.clear();
        Ok(fetch(self.service, &self.device(), self.account().clone(), cache)?.account)
    }

    pub(super) fn pull(&mut self, synced: &mut Synced) -> Result<(), OnlineError> {
        let before = self.account().clone();
        let (by, mut cache) = (self.device(), self.cache.clone());
        // No manifest names the wrapped keys: where one was spoiled, all is asked for again.
        let is_spoiled = |record| {
            let opened = sealed::open(before.id(), record, before.root());
            matches!(opened, Err(SealedError::Item(_)))
        };
        // Once: asking anew each time would take so long that nothing is ever in time.
        let spoiled = !self.is_fresh && cache.records().any(is_spoiled);
        if spoiled || self.anew {
            cache.clear();
        }
        let fetched = match fetch(self.service, &by, before.clone(), cache) {
            Err(OnlineError::Service(error)) => return Err(self.explained(error)),
            outcome => outcome?,
        };
        self.is_fresh |= spoiled || self.anew;
        let closed = self.no_longer_readable(&fetched);
        // Somebody was taken off, or is being: what was spoiled until then stops nothing, and is put
        // back where nothing is written over.
        let new_root = fetched.account.root().id() != before.root().id();
        let somebody_is_off = new_root || self.evicts == Evicts::Done;
        let stops = |one: &&Closed| !one.opens && !somebody_is_off && self.evicts == Evicts::No;
        if let Some(Closed { item, .. }) = closed.iter().find(stops) {
            return Err(Deceit::Unreadable { item: *item }.into());
        }
        let same_list = fetched.account.entries().len() == before.entries().len();
        let same_items = fetched.account.manifest().map(|manifest| manifest.claimed().version)
            == before.manifest().map(|manifest| manifest.claimed().version);
        let cache_was_whole = !spoiled && self.cache.cursor() == fetched.cache.cursor();
        let in_doubt = self.holdings().pending.values().any(|pending| pending.sent.is_some());
        if same_list && same_items && cache_was_whole && !in_doubt {
            return Ok(());
        }
        synced.changed += fetched.changed_since(&self.cache);
        // Before what was readable goes: a run killed in between still has what is to be put back.
        let outdated = self.keep_closed(&fetched, closed, somebody_is_off, synced)?;
        self.take_in(fetched, &outdated, synced)
    }

    /// Keeps what was fetched, and makes the edits that wait follow it.
    pub(super) fn take_in(
        &mut self,
        fetched: Fetched,
        outdated: &Outdated,
        synced: &mut Synced,
    ) -> Result<(), OnlineError> {
        let Fetched { account, cache } = fetched;
        let waited = self.holdings().pending.clone();
        let mut pending = PendingEdits::new();
        let (mut moved, mut removed) = (Vec::new(), Vec::new());
        let back: Vec<ItemId> = self.holdings().removed.clone();
        let back: Vec<ItemId> =
            back.into_iter().filter(|item| cache.record(item).is_some()).collect();
        for (item, edit) in waited.clone() {
            let record = cache.record(&item);
            let theirs = record.and_then(|record| {
                let content = sealed::open(account.id(), record, account.root()).ok()?;
                Some((record.version, content))
            });
            if let (Some(record), None) = (record, &theirs) {
                if edit.base == record.version {
                    // Who made the edit knew that version, or that it does not open.
                    pending.insert(item, Pending { sent: None, ..edit });
                } else if let Edit::Put(content) = &edit.edit {
                    // Nobody here can tell what the newer one says: it is not written over.
                    let (account, cache) = (&account, &cache);
                    let places = Places { account, cache, pending: &[&pending, &waited] };
                    let own = match places.beside(item, edit.base, content) {
                        Ok(own) => {
                            pending.insert(own, Pending::new(0, edit.edit));
                            own
                        }
                        Err(There(own)) => own,
                    };
                    synced.restored.push((item, own));
                    moved.push((item, own));
                } else {
                    synced.kept.push(item);
                }
                continue;
            }
            match edit.merge(theirs.as_ref().map(|(version, content)| (*version, content))) {
                Merged::Edit(edit) => {
                    pending.insert(item, edit);
                }
                Merged::Joined { edit, overruled } => {
                    synced.merged.push(item);
                    if overruled {
                        synced.overruled.push(item);
                    }
                    pending.insert(item, edit);
                }
                Merged::Apart(edit) => {
                    let own = ItemId::generate(&mut self.rng);
                    synced.apart.push((item, own));
                    moved.push((item, own));
                    pending.insert(own, edit);
                }
                Merged::Nothing if theirs.is_none() => removed.push(item),
                Merged::Nothing => {}
                Merged::Kept => synced.kept.push(item),
            }
        }
        save(&cache)?;
        self.cache = cache;
        synced.back.extend(&back);
        self.keep(|holdings| {
            holdings.account = account;
            holdings.pending = pending;
            holdings.last_read.retain(|last| !outdated.contains(&(last.item, last.version)));
            holdings.removed.retain(|item| !back.contains(item));
            holdings.remember_removed(removed);
            moved.into_iter().for_each(|(item, own)| holdings.move_uploads(item, own));
        })
    }

    /// Why the service refused this device: it may have been taken off the account, which an entry
    /// shows that the service cannot make up.
    fn explained(&self, error: ServiceError) -> OnlineError {
        match error.code() {
            Some(Code::Revoked | Code::NotListed) => {}
            Some(Code::NoAccount) => return OnlineError::Closed,
            _ => return error.into(),
        }
        let mut account = self.account().clone();
        let from = account.entries().len() as u64;
        let Ok(shown) = self.service.devices(&self.device(), account.id(), from) else {
            return error.into();
        };
        match account.extend(&shown.entries, shown.wraps.as_ref()) {
            Err(error) if error.is_anothers_doing() => OnlineError::Revoked(error),
            _ => error.into(),
        }
    }

    fn known(&self) -> Known {
        known(self.account(), &self.cache)
    }

    /// Does something that other devices may come in between of: pulls and tries again when the
    /// service says so.
    pub(super) fn until_done<T>(
        &mut self,
        synced: &mut Synced,
        mut attempt: impl FnMut(&mut Self) -> Result<T, OnlineError>,
    ) -> Result<T, OnlineError> {
        for _ in 0..MAX_TRIES {
            match attempt(self) {
                Err(OnlineError::Service(error))
                    if matches!(error.code(), Some(Code::ItemsChanged | Code::DevicesChanged)) =>
                {
                    let before = self.known();
                    self.pull(synced)?;
                    // It refused because of something newer, and shows nothing newer.
                    if self.known() == before {
                        return Err(Deceit::Withheld.into());
                    }
                }
                outcome => return outcome,
            }
        }
        Err(OnlineError::Busy)
    }
}

pub(super) fn save(cache: &Cache) -> Result<(), OnlineError> {
    cache.save().map_err(|source| OnlineError::Disk { what: "the copy of your items", source })
}
