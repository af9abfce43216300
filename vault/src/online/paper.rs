//! The account brought back from paper.

use std::path::Path;

use hallmark_core::{
    account::{ItemId, Signed, device_list::Device},
    hash::Sha256,
    key::PublicKey,
    problem::Code,
    recovery::RecoverySecret,
    time::Timestamp,
};
use rand_core::CryptoRng;

use super::{
    Deceit, Evicts, Holdings, KnownService, LastRead, MAX_TRIES, Online, OnlineError, Synced,
    fetch::{Fetched, fetch},
    kept::{BroughtBack, Outdated},
    trusted_cache,
};
use crate::{
    identity::{Account, Succession, device::DeviceKeys, recovery::RecoveryKeys, root::Root},
    item::{Cache, sealed},
    profile::Profile,
    service::{Service, ServiceError},
    state::Store,
};

/// What came back, and how old it is. A service could show an older state than there was: what the log
/// has of the device list tells.
#[derive(Debug)]
pub struct Recovered {
    /// When the device list was changed last before now, by the clock of the device that did.
    pub devices_at: Timestamp,
    /// When the items were changed last, by the clock of the device that did; nothing where there
    /// were none.
    pub items_at: Option<Timestamp>,
    /// The device list as the service showed it.
    pub shown: Shown,
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
    let all = mine.as_ref().zip(held.as_ref()).map(|(mine, held)| read_last(mine, held));
    let mut earlier = None;
    for _ in 0..MAX_TRIES {
        let attempt = match earlier.take() {
            Some(earlier) => Attempt::again(earlier, service, secret)
                .or_else(|_| Attempt::new(folder, service, secret, mine.as_ref(), &mut rng))?,
            None => Attempt::new(folder, service, secret, mine.as_ref(), &mut rng)?,
        };
        let before = attempt.fetched.account.list();
        let shown = Shown::of(&attempt.fetched.account);
        let mut back = BroughtBack::default();
        if let (Some(mine), Some(all)) = (&mine, &all) {
            let now = (&attempt.fetched.account, &attempt.fetched.cache);
            back = BroughtBack::new(all.clone(), now, &mine.pending);
            // Before the entry is sent: whoever runs first after an answer that was lost still has it.
            // As what it was: without that entry, none of it is an edit.
            let mine = Holdings { last_read: back.kept.clone(), ..mine.clone() };
            store.update(&mut rng, |profile| profile.holdings = Some(mine))?;
        }
        let (account, cache) = match attempt.append(service, secret, now, &mut rng) {
            Err(OnlineError::Service(error)) if error.code() == Some(Code::ItemsChanged) => {
                // Only what is new is asked for: a device in wrong hands may change items without end.
                earlier = Some(attempt.fetched);
                continue;
            }
            Err(OnlineError::Service(error)) if error.code() == Some(Code::DevicesChanged) => {
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
            shown,
            revoked: before.devices().iter().filter_map(others).collect(),
            unopened: 0,
            restored: back.restored.iter().map(|(item, _)| *item).collect(),
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
        holdings.ended.push(recovered.shown.root.clone());
        store.update(&mut rng, |profile| profile.holdings = Some(holdings))?;
        let mut online = Online {
            store,
            cache: cache.clone(),
            service,
            now,
            rng,
            evicts: Evicts::Done,
            is_fresh: true,
            anew: false,
            progress: None,
        };
        online.take_in(Fetched { account, cache }, &Outdated::new(), &mut recovered.synced)?;
        recovered.unsent = online.sync(&mut recovered.synced).err();
        recovered.items = online.items().0.iter().filter(|seen| seen.is_kept()).count();
        recovered.unopened = online.unopened().len();
        return Ok(recovered);
    }
    Err(OnlineError::Busy)
}

/// The device list that the service showed.
#[derive(Debug)]
pub struct Shown {
    /// The hash of each entry, the oldest first.
    pub heads: Vec<Sha256>,
    /// The root that was in force.
    pub root: Root,
}

impl Shown {
    fn of(account: &Account) -> Self {
        let heads = account.entries().iter().map(Signed::hash).collect();
        Self { heads, root: account.root().clone() }
    }
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

    /// What came since an earlier try.
    fn again<S: Service + ?Sized>(
        earlier: Fetched,
        service: &S,
        secret: &RecoverySecret,
    ) -> Result<Self, OnlineError> {
        let paper = RecoveryKeys::of(secret);
        let Fetched { account, cache } = earlier;
        Ok(Self { fetched: fetch(service, paper.signing(), account, cache)? })
    }

    fn append<S: Service + ?Sized, R: CryptoRng>(
        &self,
        service: &S,
        secret: &RecoverySecret,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(Account, Cache), OnlineError> {
        let Fetched { mut account, mut cache } = self.fetched.clone();
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

/// What this device could read of an account last, before anything newer: all that may be gone now.
fn read_last(mine: &Holdings, held: &Cache) -> Vec<LastRead> {
    let account = &mine.account;
    let read = held.records().filter_map(|record| {
        let content = sealed::open(account.id(), record, account.root()).ok()?;
        Some(LastRead { item: record.item, version: record.version, content })
    });
    read.chain(mine.last_read.iter().cloned()).collect()
}
