//! The account as one of its devices knows it: its verified device list, its root, and the newest
//! manifest. Kept in sealed local state.

use hallmark_core::{
    account::{
        AccountId, Signed,
        device_list::{Change, Device, DeviceList, DeviceListError, Entry, ManifestHead},
        exchange::{AppendEntry, CreateAccount, Recipient, WrappedKey, Wraps},
        manifest::Manifest,
    },
    key::{Fingerprint, PublicKey, SigningKey},
    recovery::{RecoverySecret, RecoveryWords},
    time::Timestamp,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::{
    WrapError,
    device::DeviceKeys,
    pairwise::{self, Successor},
    recovery::RecoveryKeys,
    root::Root,
    wrap::{open_for, wrap_to_all},
};

/// An account and this device's place in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    id: AccountId,
    device: DeviceKeys,
    /// All entries, from the first; verified before they were taken in.
    entries: Vec<Signed<Entry>>,
    root: Root,
    /// The newest manifest this device has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<Signed<Manifest>>,
    /// The recovery secret, until it has been written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovery: Option<RecoverySecret>,
    /// Successors for the pairwise identities to come.
    #[serde(default)]
    successors: Vec<Successor>,
    /// The wraps of the first root, until a service has the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unregistered: Option<Wraps>,
}

/// Why a device list, or this device's place in it, is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// An entry does not continue the list.
    #[error(transparent)]
    List(#[from] DeviceListError),
    /// A root does not wrap or unwrap.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// This device was taken off the account.
    #[error("this device is no longer on the account: the key {by} took it off on {at}")]
    Revoked {
        /// Who signed.
        by: Fingerprint,
        /// When, by that device's clock.
        at: Timestamp,
    },
    /// Whoever has the paper took this device off the account.
    #[error("this device is no longer on the account: the recovery code took it off on {at}")]
    Recovered {
        /// When, by the clock of the device that recovered.
        at: Timestamp,
    },
    /// A device put a root in force that it kept from this one.
    #[error("the device {by} gave this one no key that opens what is new, on {at}")]
    Locked {
        /// Who signed.
        by: Fingerprint,
        /// When, by that device's clock.
        at: Timestamp,
    },
    /// Entries came without the root they put in force.
    #[error("the device list went on, but the root in force did not come with it")]
    NoWraps,
    /// The list never named this device.
    #[error("the account never listed this device")]
    NeverListed,
}

impl IdentityError {
    /// Whether a listed key did this, as its signature shows: it is no lie of the service's.
    #[must_use]
    pub fn is_anothers_doing(&self) -> bool {
        matches!(self, Self::Revoked { .. } | Self::Recovered { .. } | Self::Locked { .. })
    }
}

/// A next entry that this device wrote, with the root that is in force after it: to be sent, and
/// taken in once the service has it.
#[derive(Debug, Clone)]
pub struct Succession {
    entry: Signed<Entry>,
    wraps: Wraps,
    root: Root,
}

impl Succession {
    /// What is sent; `rewrapped` are the content keys of all items under [`Succession::root`],
    /// nothing where the root stays.
    #[must_use]
    pub fn append(&self, rewrapped: Vec<WrappedKey>) -> AppendEntry {
        AppendEntry { entry: self.entry.clone(), wraps: self.wraps.clone(), rewrapped }
    }

    /// The root in force after it.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The entry.
    #[must_use]
    pub fn entry(&self) -> &Signed<Entry> {
        &self.entry
    }
}

impl Account {
    /// A new account with this device, known to no service yet.
    pub fn create<R: CryptoRng + ?Sized>(now: Timestamp, rng: &mut R) -> Self {
        let secret = RecoverySecret::generate(rng);
        let recovery = RecoveryKeys::of(&secret);
        let (device, root) = (DeviceKeys::generate(rng), Root::generate(rng));
        let (id, recovery_wrap) = (recovery.account(), recovery.wrap().public());
        let wraps = wrap_to_all(&root, id, 0, &[device.public()], &recovery_wrap, rng)
            .expect("derived keys are X25519 keys");
        let entry = Entry {
            account: id,
            seq: 0,
            previous: None,
            at: now,
            epoch: 0,
            root: root.id(),
            wraps: wraps.hash(),
            manifest: None,
            change: Change::Create { recovery_wrap, device: device.public() },
            by: recovery.signing().public(),
        };
        let entry = Signed::new(entry, recovery.signing()).expect("the key it names");
        let successors = pairwise::pool(&secret, 0);
        Self {
            id,
            device,
            entries: vec![entry],
            root,
            manifest: None,
            recovery: Some(secret),
            successors,
            unregistered: Some(wraps),
        }
    }

    /// The account that a device finds itself added to.
    ///
    /// # Errors
    /// [`IdentityError`] when the entries are not a list of `id` that names this device and these
    /// wraps.
    pub fn join(
        id: AccountId,
        device: DeviceKeys,
        entries: Vec<Signed<Entry>>,
        wraps: &Wraps,
    ) -> Result<Self, IdentityError> {
        let list = DeviceList::open(id, &entries)?;
        let to = Recipient::Device(device.public().key);
        check_listed(&list, &entries, &device)?;
        let root = open_for(&list, wraps, device.wrap(), to)?;
        Ok(Self {
            id,
            device,
            entries,
            root,
            manifest: None,
            recovery: None,
            successors: Vec::new(),
            unregistered: None,
        })
    }

    /// The account as its recovery secret finds it, with the keys of a device that is not listed
    /// yet: [`Account::recover`] lists it. Where a device put a root in force that it kept from the
    /// paper, the root is `held` if that is the one, else one that opens nothing: the account is the
    /// paper's all the same.
    ///
    /// # Errors
    /// As [`Account::join`].
    pub fn from_paper<R: CryptoRng + ?Sized>(
        secret: &RecoverySecret,
        device: DeviceKeys,
        entries: Vec<Signed<Entry>>,
        wraps: &Wraps,
        held: Option<&Root>,
        rng: &mut R,
    ) -> Result<Self, IdentityError> {
        let recovery = RecoveryKeys::of(secret);
        let id = recovery.account();
        let list = DeviceList::open(id, &entries)?;
        let root = match open_for(&list, wraps, recovery.wrap(), Recipient::Recovery) {
            Err(WrapError::Unopened) => {
                let held = held.filter(|root| root.id() == list.newest().root);
                held.cloned().unwrap_or_else(|| Root::generate(rng))
            }
            root => root?,
        };
        let range = u32::try_from(list.len()).unwrap_or(u32::MAX);
        Ok(Self {
            id,
            device,
            entries,
            root,
            manifest: None,
            recovery: None,
            successors: pairwise::pool(secret, range),
            unregistered: None,
        })
    }

    /// The account's id.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// This device's keys.
    #[must_use]
    pub fn device(&self) -> &DeviceKeys {
        &self.device
    }

    /// The root in force.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The entries of the device list.
    #[must_use]
    pub fn entries(&self) -> &[Signed<Entry>] {
        &self.entries
    }

    /// The newest manifest this device has seen.
    #[must_use]
    pub fn manifest(&self) -> Option<&Signed<Manifest>> {
        self.manifest.as_ref()
    }

    /// The device list.
    ///
    /// # Panics
    /// Never: what is in the state was verified before it was kept.
    #[must_use]
    pub fn list(&self) -> DeviceList {
        DeviceList::open(self.id, &self.entries).expect("verified before it was kept")
    }

    /// The words to write down, until they have been.
    #[must_use]
    pub fn recovery_words(&self) -> Option<RecoveryWords> {
        self.recovery.as_ref().map(RecoverySecret::words)
    }

    /// The recovery secret is on paper: this device erases it.
    pub fn forget_recovery(&mut self) {
        self.recovery = None;
    }

    /// Successors for the pairwise identities to come.
    #[must_use]
    pub fn successors(&self) -> &[Successor] {
        &self.successors
    }

    /// What makes the account known to a service; nothing once one has it.
    #[must_use]
    pub fn unregistered(&self) -> Option<CreateAccount> {
        let wraps = self.unregistered.clone()?;
        Some(CreateAccount { entry: self.entries[0].clone(), wraps })
    }

    /// A service has the account.
    pub fn registered(&mut self) {
        self.unregistered = None;
    }

    /// The entry that adds a device.
    ///
    /// # Errors
    /// [`IdentityError`] for a device that cannot be listed.
    pub fn add<R: CryptoRng + ?Sized>(
        &self,
        device: Device,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Succession, IdentityError> {
        let root = self.root.clone();
        self.succession(Change::Add { device }, root, &self.device.signing(), now, rng)
    }

    /// The entry that takes a device off, under a new root.
    ///
    /// # Errors
    /// [`IdentityError`] for a device that is not listed, or is this one.
    pub fn revoke<R: CryptoRng + ?Sized>(
        &self,
        device: PublicKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Succession, IdentityError> {
        let root = Root::generate(rng);
        self.succession(Change::Revoke { device }, root, &self.device.signing(), now, rng)
    }

    /// The entry that makes this device the only one, under a new root.
    ///
    /// # Errors
    /// [`IdentityError`], also for another account's recovery secret.
    pub fn recover<R: CryptoRng + ?Sized>(
        &self,
        secret: &RecoverySecret,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Succession, IdentityError> {
        let change = Change::Recover { devices: vec![self.device.public()] };
        let root = Root::generate(rng);
        self.succession(change, root, RecoveryKeys::of(secret).signing(), now, rng)
    }

    fn succession<R: CryptoRng + ?Sized>(
        &self,
        change: Change,
        root: Root,
        by: &SigningKey,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Succession, IdentityError> {
        let mut list = self.list();
        let newest = list.newest();
        let same_root = root.id() == newest.root;
        let epoch = newest.epoch + u64::from(!same_root);
        let mut devices = list.devices().to_vec();
        match &change {
            Change::Add { device } => devices.push(*device),
            Change::Revoke { device } => devices.retain(|listed| listed.key != *device),
            Change::Recover { devices: all } => devices.clone_from(all),
            Change::Create { .. } => {}
        }
        let wraps = wrap_to_all(&root, self.id, epoch, &devices, &list.recovery_wrap(), rng)?;
        let entry = Entry {
            account: self.id,
            seq: list.len(),
            previous: Some(list.head()),
            at: now,
            epoch,
            root: root.id(),
            wraps: wraps.hash(),
            manifest: self.manifest_head(),
            change,
            by: by.public(),
        };
        let entry = Signed::new(entry, by).expect("the key it names");
        // The rules have one home: an entry that others would refuse is not sent.
        list.extend(&entry)?;
        Ok(Succession { entry, wraps, root })
    }

    /// Takes in an entry of one's own that the service has.
    pub fn accept(&mut self, succession: Succession) {
        self.entries.push(succession.entry);
        self.root = succession.root;
    }

    /// Verifies what a service says of the device list, and takes it in; refused, it changes
    /// nothing.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn extend(
        &mut self,
        entries: &[Signed<Entry>],
        wraps: Option<&Wraps>,
    ) -> Result<(), IdentityError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut list = self.list();
        entries.iter().try_for_each(|entry| list.extend(entry))?;
        let all = [&self.entries[..], entries].concat();
        check_listed(&list, &all, &self.device)?;
        let to = Recipient::Device(self.device.public().key);
        let wraps = wraps.ok_or(IdentityError::NoWraps)?;
        match open_for(&list, wraps, self.device.wrap(), to) {
            Ok(root) => self.root = root,
            // Wrapped to this device badly, by whoever signed: it has it already.
            Err(WrapError::Unopened) if self.root.id() == list.newest().root => {}
            Err(WrapError::Unopened) => {
                let Entry { by, at, .. } = list.newest();
                return Err(IdentityError::Locked { by: by.fingerprint(), at: *at });
            }
            Err(error) => return Err(error.into()),
        }
        self.entries = all;
        Ok(())
    }

    /// A newer manifest was verified.
    pub fn set_manifest(&mut self, manifest: Signed<Manifest>) {
        self.manifest = Some(manifest);
    }

    fn manifest_head(&self) -> Option<ManifestHead> {
        let manifest = self.manifest.as_ref()?;
        Some(ManifestHead { version: manifest.claimed().version, hash: manifest.hash() })
    }
}

fn check_listed(
    list: &DeviceList,
    entries: &[Signed<Entry>],
    device: &DeviceKeys,
) -> Result<(), IdentityError> {
    let key = device.public().key;
    if list.is_listed(&key) {
        return Ok(());
    }
    let out = entries.iter().map(Signed::claimed).rev().find(|entry| match &entry.change {
        Change::Revoke { device } => *device == key,
        Change::Recover { devices } => !devices.iter().any(|device| device.key == key),
        Change::Create { .. } | Change::Add { .. } => false,
    });
    let added = entries.iter().map(Signed::claimed).any(|entry| match &entry.change {
        Change::Create { device, .. } | Change::Add { device } => device.key == key,
        Change::Recover { devices } => devices.iter().any(|device| device.key == key),
        Change::Revoke { .. } => false,
    });
    match out {
        Some(entry) if added => {
            let (by, at) = (entry.by.fingerprint(), entry.at);
            Err(match entry.change {
                Change::Recover { .. } => IdentityError::Recovered { at },
                _ => IdentityError::Revoked { by, at },
            })
        }
        _ => Err(IdentityError::NeverListed),
    }
}
