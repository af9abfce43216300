//! An account and the service that holds it: what is sent, what is believed, and in which order
//! things are kept so that a run killed anywhere loses nothing (design, sections 1, 3 and 4).
//!
//! In scope: synchronising, sending edits, devices, recovery, attachments, closing. Out of scope:
//! HTTP ([`crate::service`]) and words for people.
//!
//! # What is believed
//!
//! | The service says | It counts if |
//! |---|---|
//! | device list entries | they continue the list this device knows, each signed by who may |
//! | a wrapped root | the newest entry names it by hash and id, and it opens |
//! | manifests | each continues the one before and is signed by a device listed then |
//! | no newer manifest | the list names none that is newer |
//! | items | all together are those the newest manifest counts, and none that was readable has a key that no longer opens it, unless a device was taken off since |
//! | an erasure | its receipt is signed by the key known from the first contact |
//!
//! Anything else is a [`Deceit`]: nothing of the answer is kept, and the person is told. What cannot
//! be seen is a service that holds back everything since some moment, or keeps two devices apart:
//! each sees a true past. Devices that compare notice; what the log has of the list shows it at a
//! recovery.
//!
//! # Order
//!
//! An edit is in sealed state before it is sent, with the version that it is sent as, and leaves it
//! after the service has it: where an answer is lost, the edit is known again when it comes back. What
//! is to be put back is an edit that waits before the answer that hides it is kept, and before a
//! recovery's entry is sent. A key of a blob is in sealed state before the blob is sent, and a blob to
//! be deleted is noted before the item that named it goes. The cache of records is written before the
//! state that counts on it: after a crash in between it counts for nothing and is fetched again.

mod attach;
mod devices;
mod fetch;
mod kept;
mod paper;
mod push;
mod seen;

use std::{collections::BTreeMap, path::Path};

use hallmark_core::{
    account::{
        BlobId, ItemId, Signed,
        exchange::{Erasure, Record},
        manifest::ManifestError,
    },
    hash::Sha256,
    key::{PublicKey, SigningKey},
    time::Timestamp,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::{
    identity::{Account, account::IdentityError, root::Root},
    item::{
        Cache, Content, Edit, Pending,
        content::{ContentError, Version},
        merge::PendingEdits,
        sealed::{self, SealedError},
    },
    profile::Profile,
    service::{Service, ServiceError},
    state::{StateError, Store},
};

pub use attach::{Download, Staged};
pub use devices::{Joined, joined};
pub use paper::{Recovered, Shown, recover};
pub use seen::{Seen, offline};
use seen::{seen, trusted_cache};

/// How often something is tried again when other devices come in between.
const MAX_TRIES: u32 = 16;

/// What a profile holds of an account: kept in sealed state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holdings {
    /// The account, as this device knows it.
    pub account: Account,
    /// The service that has it, or is to have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<KnownService>,
    /// Edits that wait to be sent.
    #[serde(default)]
    pub pending: PendingEdits,
    /// Attachments on their way.
    #[serde(default)]
    pub uploads: BTreeMap<BlobId, Staged>,
    /// Blobs to delete once no item names them any more.
    #[serde(default)]
    pub unwanted: Vec<BlobId>,
    /// What a person called devices when letting them in from this one. What items say of names,
    /// any device may have written.
    #[serde(default)]
    pub names: Vec<(PublicKey, String)>,
    /// Address of the service that is to have the account, until it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended: Option<String>,
    /// Hash of the newest entry of the device list that the log was offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<Sha256>,
    /// Roots that this device put out of force, until the log was offered that they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<Root>,
    /// How many entries the device list had when a person was shown it last, or when this device came to
    /// it; 0 in profiles of before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub shown_entries: u64,
    /// What items said last that another device has written and this one does not understand: a newer
    /// program did, or one in wrong hands, and then it is put back once that is off the account. Removing
    /// the item here forgets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_read: Vec<LastRead>,
    /// Items that were removed here, at most [`MAX_REMOVED`], the newest last: one that is there again
    /// was edited elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<ItemId>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What an item said in a version that could be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRead {
    /// The item.
    pub item: ItemId,
    /// The version.
    pub version: u64,
    /// What it said.
    pub content: Content,
}

/// How many removed items a device remembers.
pub const MAX_REMOVED: usize = 256;

/// A service, as it was when first met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownService {
    /// Its address, such as `https://vault.example.com`.
    pub address: String,
    /// The key that signs its receipts.
    pub key: PublicKey,
}

impl Holdings {
    /// A new identity, known to no service.
    pub fn create<R: CryptoRng + ?Sized>(now: Timestamp, rng: &mut R) -> Self {
        Self::of(Account::create(now, rng))
    }

    /// An account with nothing waiting.
    #[must_use]
    pub fn of(account: Account) -> Self {
        let shown_entries = account.entries().len() as u64;
        Self {
            account,
            service: None,
            pending: BTreeMap::new(),
            uploads: BTreeMap::new(),
            unwanted: Vec::new(),
            names: Vec::new(),
            intended: None,
            offered: None,
            ended: Vec::new(),
            shown_entries,
            removed: Vec::new(),
            last_read: Vec::new(),
        }
    }

    /// Files on their way belong to another item now.
    fn move_uploads(&mut self, from: ItemId, to: ItemId) {
        let staged = self.uploads.values_mut().filter(|staged| staged.item == from);
        staged.for_each(|staged| staged.item = to);
    }

    fn remember_removed(&mut self, items: Vec<ItemId>) {
        self.removed.extend(items);
        let too_many = self.removed.len().saturating_sub(MAX_REMOVED);
        self.removed.drain(..too_many);
    }
}

/// What an answer claimed that it could not have been given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Deceit {
    /// The device list.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The manifests.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The device list names a newer manifest than the service shows, or another one.
    #[error("the device list names items of a later state than the service shows")]
    Withheld,
    /// The service has less than this device has seen: it lost it, or goes back on purpose.
    #[error("the service was set back: it has less than this device has seen")]
    SetBack,
    /// An older version of an item.
    #[error("the service went back to an older version of item {item}")]
    OlderItem {
        /// The item.
        item: ItemId,
    },
    /// The key of an item that was readable before.
    #[error(
        "the key that came with item {item} does not open it; if one of your devices may be in \
         wrong hands, `hallmark device revoke` takes it off; if not, the service may have spoiled it"
    )]
    Unreadable {
        /// The item.
        item: ItemId,
    },
    /// The answer does not go on from where it was asked to.
    #[error("the service's answer does not go on from where it was asked to")]
    Position,
    /// More items than there can be.
    #[error("the service's answer goes on beyond all items that there can be")]
    Endless,
    /// A receipt of another key, account or form.
    #[error("the receipt is not signed by the service's key for this account")]
    Receipt,
    /// A blob that is not the one that was stored.
    #[error("what the service sent is not the attachment that was stored")]
    Blob,
    /// An account that does not know this device under the words compared.
    #[error("the account found is not the one whose words were compared")]
    OtherAccount,
    /// The list that was known is not the beginning of the one shown.
    #[error("the device list the service shows is not the one this device knew")]
    OtherHistory,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum OnlineError {
    /// The service did not do it.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service's answer is not true. Nothing of it was kept.
    #[error(
        "the service's answer does not hold and nothing of it was kept: {0}. `--offline` goes on with \
         what is here: compare `hallmark --offline account show` on your devices, and ask the operator"
    )]
    Deceived(#[from] Deceit),
    /// This device is no longer on the account, or opens nothing new, as an entry shows that a listed
    /// key signed.
    #[error("{0}; if that was not you, `hallmark account recover` takes the account back")]
    Revoked(IdentityError),
    /// The local state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A file beside the state.
    #[error("{what} cannot be written; check the disk and the folder's permissions")]
    Disk {
        /// What was to be written.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The service does not have the account.
    #[error(
        "the service no longer has this account: a device of yours closed it, or the service lost \
         it. What is on this device stays, and `hallmark account export` writes it into a folder"
    )]
    Closed,
    /// There is no account here.
    #[error(
        "this profile has no account yet; `hallmark item put` makes one, `hallmark device join` \
         joins yours, `hallmark account recover` brings one back from paper"
    )]
    NoAccount,
    /// There is no such item.
    #[error("there is no item {item}")]
    NoItem {
        /// The item.
        item: ItemId,
    },
    /// An item that this account's root does not open.
    #[error("item {item} does not open on this device")]
    Unopened {
        /// The item.
        item: ItemId,
        /// What was wrong.
        source: SealedError,
    },
    /// An item that cannot be sealed.
    #[error("item {item} cannot be sealed to be sent; change it or remove it")]
    Unsealed {
        /// The item.
        item: ItemId,
        /// What was wrong.
        source: SealedError,
    },
    /// An item that another device has brought to a version that none can follow.
    #[error(
        "item {item} has come to its last version, which no honest device does; `hallmark item rm` \
         removes it, `hallmark device list` shows your devices"
    )]
    LastVersion {
        /// The item.
        item: ItemId,
    },
    /// The content cannot be kept.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// An entry that cannot be.
    #[error("that cannot be done to the device list: {0}")]
    Identity(IdentityError),
    /// Other devices came in between every time.
    #[error("other devices changed the account each time; try again in a moment")]
    Busy,
    /// A sealed file on its way to the service is gone from this disk, or damaged.
    #[error(
        "an attachment that was not sent yet is gone from this disk or damaged; take it off its item \
         (`hallmark item edit ITEM --detach NAME`) and attach the file again"
    )]
    Outbox {
        /// The blob it is sealed as.
        blob: BlobId,
    },
    /// A blob that an item names is not at the service.
    #[error(
        "the attachment is no longer at the service: a device of yours removed it, or the service lost \
         it. The item itself is here; take the file off it, or attach it again"
    )]
    LostFile,
    /// An attachment could not be sealed, opened or read.
    #[error("the attachment cannot be sealed or opened")]
    Attachment(#[from] hallmark_core::seal::blob::BlobError),
}

/// What synchronising changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// Items that other devices changed, added or removed.
    pub changed: usize,
    /// Edits of this device that were sent.
    pub sent: usize,
    /// Of those, edits that were joined with one of another device.
    pub merged: Vec<ItemId>,
    /// Of these, items of which both changed one field: the history alone has the other's value.
    pub overruled: Vec<ItemId>,
    /// Items whose two edits do not fit into one: the other device's has the id that it had, and
    /// this device's has the second one.
    pub apart: Vec<(ItemId, ItemId)>,
    /// Items that no longer open here, and the items that say what this device has of them: the same
    /// ones where nothing newer can be in them.
    pub restored: Vec<(ItemId, ItemId)>,
    /// Items that another device wrote anew with what they said before left out: they have it in their
    /// history again.
    pub reminded: Vec<ItemId>,
    /// Items that another device changed into what this program does not understand. What they said is
    /// [kept](Holdings::last_read).
    pub unread: Vec<ItemId>,
    /// Of those, items that were removed or written anew since: what they said first is kept on.
    pub outlived: Vec<ItemId>,
    /// Items that no longer open here, and of which this device has no room to keep what they said.
    pub unkept: Vec<ItemId>,
    /// Items that were to be removed, but were edited elsewhere: they stay.
    pub kept: Vec<ItemId>,
    /// Items that this device removed and that are there again, since another device had edited them.
    pub back: Vec<ItemId>,
}

/// Whether a device is being taken off: then what it spoiled stops nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evicts {
    No,
    /// The entry is still to come: what was spoiled is kept.
    Soon,
    /// The entry is there: what was spoiled comes back.
    Done,
}

/// The account of a profile, with or without a service at hand.
pub struct Online<'a, S: ?Sized, R> {
    store: &'a mut Store<Profile>,
    cache: Cache,
    service: &'a S,
    now: Timestamp,
    rng: R,
    /// Whether what was spoiled is somebody's doing who is taken off.
    evicts: Evicts,
    /// Nothing held here is why all would have to be asked for again: it was.
    is_fresh: bool,
    /// All is asked for again.
    anew: bool,
    /// Told how many more bytes of attachments were sent.
    progress: Option<&'a (dyn Fn(u64) + Sync)>,
}

impl<'a, S: Service + ?Sized, R: CryptoRng> Online<'a, S, R> {
    /// The account in `store`, whose profile lies in `folder`.
    ///
    /// # Errors
    /// [`OnlineError::NoAccount`].
    pub fn open(
        store: &'a mut Store<Profile>,
        folder: &Path,
        service: &'a S,
        now: Timestamp,
        rng: R,
    ) -> Result<Self, OnlineError> {
        let holdings = store.read().holdings.as_ref().ok_or(OnlineError::NoAccount)?;
        let cache = trusted_cache(folder, &holdings.account);
        Ok(Self {
            store,
            cache,
            service,
            now,
            rng,
            evicts: Evicts::No,
            is_fresh: false,
            anew: false,
            progress: None,
        })
    }

    /// The same, telling `progress` how many more bytes of attachments were read to be sent, or were
    /// there already.
    #[must_use]
    pub fn reporting(self, progress: &'a (dyn Fn(u64) + Sync)) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// What the profile holds.
    ///
    /// # Panics
    /// Never: [`Online::open`] found it, and [`Online::forget`] takes `self`.
    #[must_use]
    pub fn holdings(&self) -> &Holdings {
        self.store.read().holdings.as_ref().expect("found when opened")
    }

    fn account(&self) -> &Account {
        &self.holdings().account
    }

    fn device(&self) -> SigningKey {
        self.account().device().signing()
    }

    /// Notes that a person was shown so many entries of the device list.
    ///
    /// # Errors
    /// [`OnlineError::State`] where that is not kept.
    pub fn was_shown(&mut self, entries: u64) -> Result<(), OnlineError> {
        self.keep(|holdings| holdings.shown_entries = entries)
    }

    fn keep(&mut self, change: impl FnOnce(&mut Holdings)) -> Result<(), OnlineError> {
        let rng = &mut self.rng;
        self.store.update(rng, |profile| profile.holdings.as_mut().map(change))?;
        Ok(())
    }

    /// All items, those that wait to be sent included, by ascending id. Items that do not open are
    /// left out and counted.
    #[must_use]
    pub fn items(&self) -> (Vec<Seen>, usize) {
        seen(self.holdings(), &self.cache)
    }

    /// Items that do not open on this device, with their versions: they can be removed.
    #[must_use]
    pub fn unopened(&self) -> Vec<(ItemId, u64)> {
        let account = self.account();
        let closed = |record: &&Record| !sealed::opens(account.id(), record, account.root());
        self.cache.records().filter(closed).map(|record| (record.item, record.version)).collect()
    }

    /// One item.
    ///
    /// # Errors
    /// [`OnlineError::NoItem`], [`OnlineError::Unopened`].
    pub fn item(&self, item: ItemId) -> Result<Seen, OnlineError> {
        let holdings = self.holdings();
        match holdings.pending.get(&item) {
            Some(Pending { edit: Edit::Remove, .. }) => Err(OnlineError::NoItem { item }),
            Some(Pending { base, edit: Edit::Put(content), .. }) => {
                let content = content.as_ref().clone();
                Ok(Seen { item, version: *base, content, unsent: true })
            }
            None => {
                let record = self.cache.record(&item).ok_or(OnlineError::NoItem { item })?;
                let account = self.account();
                let content = sealed::open(account.id(), record, account.root())
                    .map_err(|source| OnlineError::Unopened { item, source })?;
                Ok(Seen { item, version: record.version, content, unsent: false })
            }
        }
    }

    /// Keeps an edit on this device, made from version `base`: durable when this returns, sent by
    /// [`Online::sync`].
    ///
    /// # Errors
    /// [`OnlineError::State`].
    pub fn edit(&mut self, item: ItemId, base: u64, edit: Edit) -> Result<(), OnlineError> {
        let waits = self.holdings().pending.get(&item);
        let sent = waits.and_then(|waits| waits.sent.clone());
        let before = match waits.filter(|waits| waits.base == base) {
            Some(waits) => waits.before.clone(),
            None => self.said(item, base).map(Box::new),
        };
        self.keep(|holdings| {
            if matches!(edit, Edit::Remove) {
                holdings.last_read.retain(|last| last.item != item);
            }
            match edit {
                // What no service has, and none can have got without an answer, needs no removal.
                Edit::Remove if base == 0 && sent.is_none() => holdings.pending.remove(&item),
                edit => holdings.pending.insert(item, Pending { base, edit, before, sent }),
            };
        })
    }

    /// Notes that the log was offered the device list up to the entry with this hash, and every root that
    /// was put out of force.
    ///
    /// # Errors
    /// [`OnlineError::State`].
    pub fn was_offered(&mut self, head: Sha256) -> Result<(), OnlineError> {
        self.keep(|holdings| {
            holdings.offered = Some(head);
            holdings.ended.clear();
        })
    }

    /// Remembers what a person calls a device.
    ///
    /// # Errors
    /// [`OnlineError::State`].
    pub fn name_device(&mut self, key: PublicKey, name: &str) -> Result<(), OnlineError> {
        self.keep(|holdings| {
            holdings.names.retain(|(named, _)| *named != key);
            holdings.names.push((key, name.to_owned()));
        })
    }

    /// What a version of an item says, where it is the one that is held here.
    fn said(&self, item: ItemId, version: u64) -> Option<Version> {
        let account = self.account();
        let record = self.cache.record(&item).filter(|record| record.version == version)?;
        Some(sealed::open(account.id(), record, account.root()).ok()?.now)
    }

    /// The recovery code is on paper, and this device erases it.
    ///
    /// # Errors
    /// [`OnlineError::State`].
    pub fn forget_recovery(&mut self) -> Result<(), OnlineError> {
        self.keep(|holdings| holdings.account.forget_recovery())
    }

    /// Erases the account at the service. Locally nothing changes until [`Online::forget`].
    ///
    /// # Errors
    /// [`OnlineError::Service`]; [`OnlineError::Deceived`] where the receipt is not the service's.
    pub fn close(&mut self) -> Result<Signed<Erasure>, OnlineError> {
        let (by, id) = (self.device(), self.account().id());
        let receipt = self.service.close(&by, id)?;
        let known = self.holdings().service.as_ref().map(|service| service.key);
        let says = receipt.verify().ok().filter(|says| says.account == id);
        match says {
            Some(says) if Some(says.by) == known => Ok(receipt),
            _ => Err(Deceit::Receipt.into()),
        }
    }

    /// Drops the account from this device.
    ///
    /// # Errors
    /// [`OnlineError::Disk`], [`OnlineError::State`].
    pub fn forget(self) -> Result<(), OnlineError> {
        let Self { store, cache, mut rng, .. } = self;
        let disk = |source| OnlineError::Disk { what: "the copy of your items", source };
        cache.delete().map_err(disk)?;
        if let Some(folder) = store.path().parent() {
            attach::delete_staged(folder)?;
        }
        store.update(&mut rng, |profile| profile.holdings = None)?;
        Ok(())
    }
}
