//! A profile's account and the service that keeps it, opened for one command.
//!
//! What a person changes is kept on this device first and sent then. Where the service cannot be
//! reached, that is said and nothing is lost: the next command that reaches it sends it.

use std::{collections::BTreeSet, io::Write, path::PathBuf};

use anyhow::Context;
use hallmark_core::{
    account::{
        AccountId, BlobId, ItemId, Signed,
        device_list::Change,
        exchange::{
            AppendEntry, Commit, CreateAccount, Devices, Erasure, Membership, ServiceInfo,
            StartUpload, Sync, Upload,
        },
    },
    key::SigningKey,
    problem::Code,
};
use hallmark_vault::{
    identity::{Account, root::Root},
    online::{Holdings, KnownService, Online, OnlineError, Seen, Synced},
    profile::Profile,
    service::{Known, Parts, Service, ServiceError},
    state::Store,
};

use super::{audit::Trusted, ids::Ids, recency};
use crate::{
    remote::{log::LogService, service::HttpService},
    report::Usage,
    session::{Session, SystemRng},
};

/// An account at hand.
pub struct Desk<'s> {
    /// The session.
    pub session: &'s Session,
    /// The profile's state.
    pub store: Store<Profile>,
    /// The profile's folder.
    pub folder: PathBuf,
    service: Box<dyn Service>,
    address: Option<String>,
}

/// What came of talking to the service.
#[derive(Debug)]
pub enum Exchange {
    /// All is sent and all is here.
    Done(Box<Synced>),
    /// Not all is sent, and what is may not be known: why.
    Waiting(String),
}

impl<'s> Desk<'s> {
    /// The account of the profile, which must have one.
    ///
    /// # Errors
    /// When there is none, or the state does not open.
    pub fn open(session: &'s Session) -> anyhow::Result<Self> {
        let desk = Self::of(session, session.open()?)?;
        anyhow::ensure!(desk.store.read().holdings.is_some(), OnlineError::NoAccount);
        Ok(desk)
    }

    /// The account of the profile, made on the spot where there is none.
    ///
    /// # Errors
    /// When the state does not open or cannot be written.
    pub fn open_or_create(session: &'s Session) -> anyhow::Result<Self> {
        let mut desk = Self::of(session, session.open_or_create()?)?;
        desk.begin()?;
        Ok(desk)
    }

    /// Makes an account where there is none.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub fn begin(&mut self) -> anyhow::Result<()> {
        if self.store.read().holdings.is_none() {
            let rng = &mut self.session.rng();
            let holdings = Holdings::create(self.session.now(), rng);
            self.store.update(rng, |profile| profile.holdings = Some(holdings))?;
        }
        Ok(())
    }

    /// A profile with or without an account.
    ///
    /// # Errors
    /// [`Usage`] for a service with another key than the one that keeps the account. One with that key
    /// at another address may still be another: its address is remembered once it has shown that it
    /// holds the account ([`Desk::sync`]), and what it does not hold is found out as from any service.
    pub fn of(session: &'s Session, store: Store<Profile>) -> anyhow::Result<Self> {
        let folder = session.folder().context("a profile that is open has a folder")?;
        let profile = store.read();
        let known = profile.holdings.as_ref().and_then(|holdings| holdings.service.as_ref());
        let known = known.or(profile.joining.as_ref().map(|joining| &joining.service)).cloned();
        let server = session.server();
        let intended = profile.holdings.as_ref().and_then(|holdings| holdings.intended.clone());
        let kept_at = known.as_ref().map(|known| known.address.clone());
        let address = server.address.clone().or(kept_at).or(intended);
        let (service, address): (Box<dyn Service>, _) = match &address {
            Some(address) if !server.offline => {
                let http = HttpService::new(address, server, session)?;
                let address = http.address().to_owned();
                (Box::new(http), Some(address))
            }
            _ => (Box::new(Nowhere), None),
        };
        if let (Some(known), Some(address)) = (&known, &address)
            && known.address != *address
        {
            check_key(known, address, &*service)?;
        }
        Ok(Self { session, store, folder, service, address })
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &dyn Service {
        self.service.as_ref()
    }

    /// The service, for a command that needs the state beside it. What follows finds none.
    #[must_use]
    pub fn take_service(&mut self) -> Box<dyn Service> {
        std::mem::replace(&mut self.service, Box::new(Nowhere))
    }

    /// The service's address.
    ///
    /// # Errors
    /// [`Usage`] where none was ever named.
    pub fn address(&self) -> anyhow::Result<&str> {
        self.address.as_deref().ok_or_else(|| Usage(NO_SERVICE.into()).into())
    }

    /// What the profile holds.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn holdings(&self) -> anyhow::Result<&Holdings> {
        Ok(self.store.read().holdings.as_ref().ok_or(OnlineError::NoAccount)?)
    }

    /// The account.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn account(&self) -> anyhow::Result<&Account> {
        Ok(&self.holdings()?.account)
    }

    /// The account with the service.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn online(&mut self) -> Result<Online<'_, dyn Service, SystemRng>, OnlineError> {
        let (now, rng) = (self.session.now(), self.session.rng());
        Online::open(&mut self.store, &self.folder, self.service.as_ref(), now, rng)
    }

    /// The service as it is when first met.
    ///
    /// # Errors
    /// [`Usage`] where none is named; when it does not answer.
    pub fn introduced(&self) -> anyhow::Result<KnownService> {
        let address = self.address()?.to_owned();
        let key = self.service.info()?.key;
        Ok(KnownService { address, key })
    }

    /// Exchanges what is new with the service.
    ///
    /// # Errors
    /// [`Usage`] where no service was ever named; [`OnlineError`].
    pub fn sync(&mut self) -> anyhow::Result<Synced> {
        self.meet()?;
        let waiting = self.holdings()?.uploads.values().filter_map(|staged| staged.sealed_bytes);
        let waiting: u64 = waiting.sum();
        let bar = (waiting > 0).then(|| self.session.bar("sending", waiting));
        let progress = move |bytes| bar.iter().for_each(|bar| bar.advance(bytes));
        let mut synced = Synced::default();
        let outcome = self.online()?.reporting(&progress).sync(&mut synced);
        // Whether all could be done or not: what became of items is to be known.
        self.tell(&synced)?;
        outcome?;
        self.offer_list()?;
        if !self.holdings()?.unwanted.is_empty() {
            self.session.say(
                "hallmark: files that you removed are still at the service, sealed: an item that does \
                 not open here may name them; they go once every item opens or is removed",
            );
        }
        Ok(synced)
    }

    /// Offers the service's log the newest entry of the device list, where this device made it and did not
    /// yet. What does not come about is tried again next time: nothing rests on it but how much a recovery
    /// can tell.
    ///
    /// # Errors
    /// [`OnlineError::State`].
    pub fn offer_list(&mut self) -> anyhow::Result<()> {
        let holdings = self.holdings()?;
        let Some(newest) = holdings.account.entries().last() else { return Ok(()) };
        let (head, own) = (newest.hash(), holdings.account.device().public().key);
        let is_own = match &newest.claimed().change {
            Change::Create { .. } => true,
            Change::Recover { devices } => devices.iter().any(|device| device.key == own),
            Change::Add { .. } | Change::Revoke { .. } => newest.claimed().by == own,
        };
        if (holdings.offered == Some(head) || !is_own) && holdings.ended.is_empty() {
            return Ok(());
        }
        let roots: Vec<Root> =
            holdings.ended.iter().chain([holdings.account.root()]).cloned().collect();
        let roots: Vec<&Root> = roots.iter().collect();
        let trusted = Trusted::kept(self.session).ok().flatten();
        let service = LogService::hurried(self.address()?, self.session.server().ca.as_deref())?;
        match recency::offer(&service, trusted.as_ref(), &roots, head) {
            Ok(()) => Ok(self.online()?.was_offered(head)?),
            Err(_) => Ok(()),
        }
    }

    /// Items that do not open here and of which nothing waits to be sent, with their versions.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn closed(&mut self) -> Result<Vec<(ItemId, u64)>, OnlineError> {
        let online = self.online()?;
        let mut closed = online.unopened();
        let held = online.holdings();
        closed.retain(|(id, _)| !held.pending.contains_key(id));
        // Removed on another device, and kept here for when that one is off.
        let (items, _) = online.items();
        let known = |id: &ItemId| {
            closed.iter().any(|(known, _)| known == id) || items.iter().any(|seen| seen.item == *id)
        };
        let gone: BTreeSet<ItemId> =
            held.last_read.iter().map(|last| last.item).filter(|id| !known(id)).collect();
        closed.extend(gone.into_iter().map(|id| (id, 0)));
        Ok(closed)
    }

    /// The ids of all items, those that do not open included.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn ids(&mut self) -> Result<Ids, OnlineError> {
        let ((items, _), closed) = (self.online()?.items(), self.closed()?);
        let closed = closed.into_iter().map(|(id, _)| id);
        Ok(items.iter().map(|seen| seen.item).chain(closed).collect())
    }

    /// Says what became of items in a way that nobody expects.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn tell(&mut self, synced: &Synced) -> Result<(), OnlineError> {
        let ((items, _), ids) = (self.online()?.items(), self.ids()?);
        for remark in remarks(synced, &|item| named(item, &items, &ids)) {
            self.session.say(&format!("hallmark: {remark}"));
        }
        Ok(())
    }

    /// Takes in what other devices did. Sends nothing, but makes a new account known.
    ///
    /// # Errors
    /// As [`Desk::sync`].
    pub fn look(&mut self) -> anyhow::Result<()> {
        self.meet()?;
        if self.account()?.unregistered().is_some() {
            return self.sync().map(drop);
        }
        let synced = self.online()?.look()?;
        Ok(self.tell(&synced)?)
    }

    /// Where the account is from now on: the service there has shown all that this device knew of it.
    fn remember_address(&mut self, address: &str) -> anyhow::Result<()> {
        self.store.update(&mut self.session.rng(), |profile| {
            let kept = profile.holdings.iter_mut().flat_map(|holdings| &mut holdings.service);
            kept.for_each(|known| address.clone_into(&mut known.address));
        })?;
        self.session.say(&format!(
            "hallmark: your account is kept at {address} from now on; the service there shows all that \
             this device knew of it"
        ));
        Ok(())
    }

    /// Remembers the service's key when it is first met.
    fn meet(&mut self) -> anyhow::Result<()> {
        let address = self.address()?.to_owned();
        if let Some(known) = &self.holdings()?.service {
            if known.address == address {
                return Ok(());
            }
            // One that never took the account has nothing to show, and is met like any other.
            if self.account()?.unregistered().is_none() {
                let mut synced = Synced::default();
                let proven = self.online()?.prove(&mut synced);
                self.tell(&synced)?;
                proven?;
                return self.remember_address(&address);
            }
        }
        let rng = &mut self.session.rng();
        if self.holdings()?.intended.as_deref() != Some(&*address) {
            // Named once, wherever it is reached for the first time.
            self.store.update(rng, |profile| {
                profile.holdings.iter_mut().for_each(|held| held.intended = Some(address.clone()));
            })?;
        }
        let known = self.introduced()?;
        self.store.update(rng, |profile| {
            if let Some(holdings) = &mut profile.holdings {
                holdings.service = Some(known);
                holdings.intended = None;
            }
        })?;
        Ok(())
    }

    /// Items by their kinds and the first digits of their ids.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn named(&mut self, items: &[ItemId]) -> Result<Vec<String>, OnlineError> {
        let ((all, _), ids) = (self.online()?.items(), self.ids()?);
        Ok(items.iter().map(|item| named(item, &all, &ids)).collect())
    }

    /// Where the values are that gave way to this device's.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn overruled(&mut self, synced: &Synced) -> Result<Vec<String>, OnlineError> {
        let (names, ids) = (self.named(&synced.overruled)?, self.ids()?);
        let told = synced.overruled.iter().zip(names).map(|(item, name)| {
            format!(
                "{name}: another device had changed the same field; this device's value counts, and \
                 the other one is in `hallmark item history {}`",
                ids.short(item)
            )
        });
        Ok(told.collect())
    }

    /// As [`Desk::sync`], for a change that is kept already: no service, or one that cannot be
    /// reached, is no failure.
    ///
    /// # Errors
    /// When the service refuses or its answer does not hold.
    pub fn exchange(&mut self) -> anyhow::Result<Exchange> {
        self.reached().context("the change is kept on this device, and was not sent to the others")
    }

    fn reached(&mut self) -> anyhow::Result<Exchange> {
        if self.address.is_none() {
            let why = if self.session.server().offline { OFFLINE } else { NO_SERVICE };
            return Ok(Exchange::Waiting(why.into()));
        }
        match self.sync() {
            Ok(synced) => {
                for remark in self.overruled(&synced)? {
                    self.session.say(&format!("hallmark: {remark}"));
                }
                Ok(Exchange::Done(Box::new(synced)))
            }
            Err(error) => unreached(&error).map(Exchange::Waiting).ok_or(error),
        }
    }

    /// Takes in what is new if the service can be reached and has room; says so where not. What is
    /// here can be read all the same.
    ///
    /// # Errors
    /// When the service refuses or its answer does not hold.
    pub fn refresh(&mut self) -> anyhow::Result<Option<String>> {
        match self.reached() {
            Ok(Exchange::Done(_)) => Ok(None),
            Ok(Exchange::Waiting(why)) => Ok(Some(why)),
            Err(error) => only_unsent(&error).map(Some).ok_or(error),
        }
    }
}

/// Whether the service at an address names the key of the one that was known at another.
fn check_key(known: &KnownService, address: &str, service: &dyn Service) -> anyhow::Result<()> {
    let elsewhere = || {
        Usage(format!(
            "this account is kept at {}, not at {address}: leave --server (or HALLMARK_SERVER) out",
            known.address
        ))
    };
    match service.info() {
        Ok(info) if info.key == known.key => Ok(()),
        _ => Err(elsewhere().into()),
    }
}

const OFFLINE: &str = "no service is asked, since you said --offline";
const NO_SERVICE: &str =
    "no service is named yet; --server https://... (or HALLMARK_SERVER) names one, once";

/// Why a service was not reached, or has nothing, where that is all that went wrong.
fn unreached(error: &anyhow::Error) -> Option<String> {
    if let Some(closed @ OnlineError::Closed) = error.downcast_ref() {
        return Some(closed.to_string());
    }
    let service = match error.downcast_ref::<OnlineError>() {
        Some(OnlineError::Service(service)) => Some(service),
        _ => error.downcast_ref::<ServiceError>(),
    };
    match service {
        Some(error @ ServiceError::Unreachable { source, .. }) => {
            Some(format!("{error} ({source})"))
        }
        _ => None,
    }
}

/// Why something was not sent, where what the service has is here and nothing else is wrong: no
/// reason to keep a person from what this device holds.
fn only_unsent(error: &anyhow::Error) -> Option<String> {
    use OnlineError::{LastVersion, Outbox, Service, Unsealed};
    match error.downcast_ref::<OnlineError>()? {
        Service(service) => {
            let code = service.code()?;
            let whole = !matches!(code, Code::Revoked | Code::NotListed | Code::NoAccount);
            whole.then(|| service.to_string())
        }
        stuck @ (LastVersion { .. } | Outbox { .. } | Unsealed { .. }) => Some(stuck.to_string()),
        _ => None,
    }
}

/// What synchronising did that nobody asked for.
fn remarks(synced: &Synced, named: &dyn Fn(&ItemId) -> String) -> Vec<String> {
    let kept = synced.kept.iter().map(|item| {
        format!("{} was changed on another device meanwhile and is not removed", named(item))
    });
    let back = synced.back.iter().map(|item| {
        format!(
            "{}, which you removed here, is there again: another device had changed it meanwhile",
            named(item)
        )
    });
    let apart = synced.apart.iter().map(|(item, own)| {
        format!(
            "{} was changed here and on another device, and both changes are too long for one item: \
             it says what the other device made it, and {} what this one did",
            named(item),
            named(own)
        )
    });
    let restored = synced.restored.iter().map(|(item, at)| match item == at {
        true => format!(
            "{} was removed, or does not open here any more, since a device of yours or the service \
             spoiled it: it is put back as this device knew it",
            named(item)
        ),
        false => format!(
            "{} does not say here any more what it said, since a device of yours or the service spoiled \
             it or a newer program wrote it: what this device has of it is beside it, as {}",
            named(item),
            named(at)
        ),
    });
    let reminded = synced.reminded.iter().map(|item| {
        format!(
            "{} was written anew on another device, with what it said before left out: it says what that \
             device made it, and its history has the rest again; look at it (`hallmark item history`)",
            named(item)
        )
    });
    let unread = synced.unread.iter().map(|item| {
        format!(
            "{} was changed on another device into what this program cannot read: a newer program did \
             that, or a device in wrong hands; what it said is kept, and comes back when a device is taken \
             off your account",
            named(item)
        )
    });
    let outlived = synced.outlived.iter().map(|item| {
        format!(
            "{}, which was changed into what this program cannot read, was then removed or \
             written anew on another device: what it said before is kept, and comes back when a device \
             is taken off your account; removing the item here (`hallmark item rm {item}`) forgets it",
            named(item)
        )
    });
    let unkept = synced.unkept.iter().map(|item| {
        format!(
            "{} does not say here any more what it said, and this device has no room to keep that: too \
             much was spoiled or removed at once; `account export` on a device that reads it writes it out",
            named(item)
        )
    });
    kept.chain(back)
        .chain(apart)
        .chain(restored)
        .chain(reminded)
        .chain(unread)
        .chain(outlived)
        .chain(unkept)
        .collect()
}

/// An item's kind and the first digits of its id.
fn named(item: &ItemId, items: &[Seen], ids: &Ids) -> String {
    let kind = items.iter().find(|seen| seen.item == *item).map(|seen| seen.content.kind.title());
    format!("{} {}", kind.unwrap_or("Item"), ids.short(item))
}

/// The first digits of an account's id.
#[must_use]
pub fn short(id: &str) -> &str {
    &id[..id.len().min(8)]
}

/// Where no service is named.
struct Nowhere;

impl Nowhere {
    fn answer<T>() -> Result<T, ServiceError> {
        Err(ServiceError::Unreachable { address: "no address".into(), source: NO_SERVICE.into() })
    }
}

impl Service for Nowhere {
    fn info(&self) -> Result<ServiceInfo, ServiceError> {
        Self::answer()
    }
    fn membership(&self, _: &SigningKey) -> Result<Membership, ServiceError> {
        Self::answer()
    }
    fn create(&self, _: &SigningKey, _: &CreateAccount) -> Result<(), ServiceError> {
        Self::answer()
    }
    fn devices(&self, _: &SigningKey, _: AccountId, _: u64) -> Result<Devices, ServiceError> {
        Self::answer()
    }
    fn append(&self, _: &SigningKey, _: AccountId, _: &AppendEntry) -> Result<(), ServiceError> {
        Self::answer()
    }
    fn sync(&self, _: &SigningKey, _: AccountId, _: Known) -> Result<Sync, ServiceError> {
        Self::answer()
    }
    fn commit(&self, _: &SigningKey, _: AccountId, _: &Commit) -> Result<(), ServiceError> {
        Self::answer()
    }
    fn start_upload(
        &self,
        _: &SigningKey,
        _: AccountId,
        _: &StartUpload,
    ) -> Result<Upload, ServiceError> {
        Self::answer()
    }
    fn put_parts(&self, _: &SigningKey, _: AccountId, _: &Parts<'_>) -> Result<(), ServiceError> {
        Self::answer()
    }
    fn content(
        &self,
        _: &SigningKey,
        _: AccountId,
        _: BlobId,
        _: u64,
        _: u64,
        _: &mut dyn Write,
    ) -> Result<u64, ServiceError> {
        Self::answer()
    }
    fn delete_blob(&self, _: &SigningKey, _: AccountId, _: BlobId) -> Result<(), ServiceError> {
        Self::answer()
    }
    fn close(&self, _: &SigningKey, _: AccountId) -> Result<Signed<Erasure>, ServiceError> {
        Self::answer()
    }
}
