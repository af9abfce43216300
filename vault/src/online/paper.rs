//! The account brought back from paper.

use std::{collections::BTreeMap, path::Path};

use hallmark_core::{
    account::{ItemId, device_list::Device},
    key::PublicKey,
    problem::Code,
    recovery::RecoverySecret,
    time::Timestamp,
};
use rand_core::CryptoRng;

use super::{
    Deceit, Holdings, KnownService, MAX_TRIES, Online, OnlineError, Synced,
    fetch::{Fetched, fetch},
    kept::{KeptRoom, Places, Return},
    trusted_cache,
};
use crate::{
    identity::{Account, Succession, device::DeviceKeys, recovery::RecoveryKeys},
    item::{Cache, merge::PendingEdits, sealed},
    profile::Profile,
    service::{Service, ServiceError},
    state::Store,
};

/// What came back, and how old it is. Nothing anchors it: a service could show an older state than
/// there was.
#[derive(Debug)]
pub struct Recovered {
    /// When the device list was changed last before now, by the clock of the device that did.
    pub devices_at: Timestamp,
    /// When the items were changed last, by the clock of the device that did; nothing where there
    /// were none.
    pub items_at: Option<Timestamp>,
    /// How many items there are, those put back included, names of devices not.
    pub items: usize,
    /// Devices that are off the account now.
    pub revoked: Vec<PublicKey>,
    /// Items that do not open: whoever wrote them last kept their keys, and this device never had
    /// what they said.
    pub unopened: usize,
    /// Items that were removed or spoiled since this device last looked, and are put back.
    pub restored: Vec<ItemId>,
    /// Items that say something else since, and hid what they said before: that is in their history
    /// again.
    pub reminded: Vec<ItemId>,
    /// What became of the edits that waited.
    pub synced: Synced,
    /// Why what waits was not sent, if it was not. The account is this device's all the same.
    pub unsent: Option<OnlineError>,
}

/// Makes the device whose profile lies in `folder` the only one of the account that `secret` belongs
/// to, under a new root. A profile that knows the account keeps its device's keys and what waits to
/// be sent, and puts back what was removed since it last looked.
///
/// # Errors
/// [`OnlineError`]. The paper stays good: it can be done again.
pub fn recover<S: Service + ?Sized, R: CryptoRng>(
    store: &mut Store<Profile>,
    folder: &Path,
    service: &S,
    known: KnownService,
    secret: &RecoverySecret,
    now: Timestamp,
    mut rng: R,
) -> Result<Recovered, OnlineError> {
    let id = RecoveryKeys::of(secret).account();
    let mine = store.read().holdings.clone().filter(|mine| mine.account.id() == id);
    // Read before anything new is written over it.
    let held = mine.as_ref().map(|mine| trusted_cache(folder, &mine.account));
    for _ in 0..MAX_TRIES {
        let attempt = Attempt::new(folder, service, secret, mine.as_ref(), &mut rng)?;
        let before = attempt.fetched.account.list();
        let mut back = PutBack::default();
        if let (Some(mine), Some(held)) = (&mine, &held) {
            let now = (&attempt.fetched.account, &attempt.fetched.cache);
            back = Back { mine, held, now }.all();
            // Before the entry is sent: whoever runs first after an answer that was lost still has it.
            let mut mine = mine.clone();
            mine.pending.extend(back.edits.clone());
            store.update(&mut rng, |profile| profile.holdings = Some(mine))?;
        }
        let (account, cache) = match attempt.append(service, secret, now, &mut rng) {
            Err(OnlineError::Service(error))
                if matches!(error.code(), Some(Code::ItemsChanged | Code::DevicesChanged)) =>
            {
                continue;
            }
            outcome => outcome?,
        };
        let own = account.device().public().key;
        let others = |device: &Device| (device.key != own).then_some(device.key);
        let mut recovered = Recovered {
            devices_at: before.newest().at,
            items_at: account.manifest().map(|manifest| manifest.claimed().at),
            items: 0,
            revoked: before.devices().iter().filter_map(others).collect(),
            unopened: 0,
            restored: back.restored,
            reminded: back.reminded,
            synced: Synced { unkept: back.unkept, ..Synced::default() },
            unsent: None,
        };
        let mut pending = mine.as_ref().map(|mine| mine.pending.clone()).unwrap_or_default();
        pending.extend(back.edits);
        let mut holdings = mine.unwrap_or_else(|| Holdings::of(account.clone()));
        holdings.service = Some(known);
        holdings.pending = pending;
        holdings.last_read.clear();
        store.update(&mut rng, |profile| profile.holdings = Some(holdings))?;
        let mut online = Online {
            store,
            cache: cache.clone(),
            service,
            now,
            rng,
            evicts: true,
            anew: false,
            progress: None,
        };
        online.take_in(Fetched { account, cache }, &mut recovered.synced)?;
        recovered.unsent = online.sync(&mut recovered.synced).err();
        recovered.items = online.items().0.iter().filter(|seen| seen.is_kept()).count();
        recovered.unopened = online.unopened().len();
        return Ok(recovered);
    }
    Err(OnlineError::Busy)
}

/// One try, up to the entry that overrides.
struct Attempt {
    fetched: Fetched,
}

impl Attempt {
    fn new<S: Service + ?Sized, R: CryptoRng>(
        folder: &Path,
        service: &S,
        secret: &RecoverySecret,
        mine: Option<&Holdings>,
        rng: &mut R,
    ) -> Result<Self, OnlineError> {
        let paper = RecoveryKeys::of(secret);
        let shown = service.devices(paper.signing(), paper.account(), 0)?;
        let wraps = shown.wraps.ok_or(ServiceError::Garbled { what: "the device list" })?;
        let device = match mine {
            Some(mine) => mine.account.device().clone(),
            None => DeviceKeys::generate(rng),
        };
        let held = mine.map(|mine| mine.account.root());
        let mut account = Account::from_paper(secret, device, shown.entries, &wraps, held, rng)
            .map_err(Deceit::from)?;
        if let Some(mine) = mine {
            if !account.entries().starts_with(mine.account.entries()) {
                return Err(Deceit::OtherHistory.into());
            }
            if let Some(manifest) = mine.account.manifest() {
                account.set_manifest(manifest.clone());
            }
        }
        let mut cache = Cache::load(folder, account.id(), account.root().id());
        cache.clear();
        let fetched = fetch(service, paper.signing(), account, cache)?;
        Ok(Self { fetched })
    }

    fn append<S: Service + ?Sized, R: CryptoRng>(
        self,
        service: &S,
        secret: &RecoverySecret,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(Account, Cache), OnlineError> {
        let Fetched { mut account, mut cache, .. } = self.fetched;
        let next: Succession = account.recover(secret, now, rng).map_err(OnlineError::Identity)?;
        let rewrapped = cache
            .records()
            .map(|record| {
                sealed::rewrapped(account.id(), record, account.root(), next.root(), rng)
                    .map_err(|source| OnlineError::Unopened { item: record.item, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let body = next.append(rewrapped);
        service.append(RecoveryKeys::of(secret).signing(), account.id(), &body)?;
        body.rewrapped.iter().for_each(|key| cache.rewrap(key));
        cache.set_root(next.root().id());
        account.accept(next);
        Ok((account, cache))
    }
}

/// What this device still holds of an account, and what the account has now.
struct Back<'a> {
    mine: &'a Holdings,
    held: &'a Cache,
    now: (&'a Account, &'a Cache),
}

/// What is put back, and how.
#[derive(Default)]
struct PutBack {
    edits: PendingEdits,
    restored: Vec<ItemId>,
    reminded: Vec<ItemId>,
    unkept: Vec<ItemId>,
}

impl Back<'_> {
    /// What the account has no longer, or no longer readably, and what an item hides of its past. An
    /// item that says something newer is not written over: what it said comes beside it. Where an edit
    /// waits, that is for [merging](Pending::merge).
    fn all(&self) -> PutBack {
        let mut back = PutBack::default();
        let account = &self.mine.account;
        let read = self.held.records().filter_map(|record| {
            let content = sealed::open(account.id(), record, account.root()).ok()?;
            Some((record.item, record.version, content))
        });
        let last_read = self.mine.last_read.iter();
        let last_read = last_read.map(|(item, last)| (*item, last.version, last.content.clone()));
        let mut room = KeptRoom::beside(&BTreeMap::new(), &self.mine.pending);
        for (item, version, held) in read.chain(last_read) {
            if self.mine.pending.contains_key(&item) {
                continue;
            }
            let (account, cache) = self.now;
            let places = Places { account, cache, pending: &[&self.mine.pending, &back.edits] };
            let Ok(Return { at, edit, is_reminder }) = places.bring_back(item, version, &held)
            else {
                continue;
            };
            if !room.takes(&held) {
                // Recovering is worth more than what there is no room for: it is told.
                back.unkept.push(item);
                continue;
            }
            back.edits.insert(at, edit);
            if is_reminder { back.reminded.push(item) } else { back.restored.push(item) }
        }
        back
    }
}
