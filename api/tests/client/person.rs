//! A person with an account: signs entries and manifests as a device would.

use std::collections::BTreeMap;

use hallmark_core::{
    account::{
        AccountId, ItemId, RootId, Signed, WrapKey,
        device_list::{Change, Device, DeviceList, Entry, ManifestHead},
        exchange::{
            AppendEntry, Base64, Commit, CreateAccount, Recipient, Record, Wrap, WrappedKey, Wraps,
        },
        manifest::{Leaf, Leaves, Manifest},
    },
    key::SigningKey,
    seal::item::{self, Binding},
    time::Timestamp,
};

use super::{Answer, NOW_S, Service, rng};

/// A key that is always the same.
pub fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

/// The public half of a device.
pub fn device(key: &SigningKey) -> Device {
    Device { key: key.public(), wrap: WrapKey::from_bytes([3; 32]) }
}

/// An account as its owner knows it.
pub struct Person {
    pub recovery: SigningKey,
    pub phone: SigningKey,
    pub entries: Vec<Signed<Entry>>,
    pub manifests: Vec<Signed<Manifest>>,
    pub items: BTreeMap<ItemId, Record>,
}

impl Person {
    pub fn new() -> Self {
        let mut rng = rng();
        Self {
            recovery: SigningKey::generate(&mut rng),
            phone: SigningKey::generate(&mut rng),
            entries: Vec::new(),
            manifests: Vec::new(),
            items: BTreeMap::new(),
        }
    }

    /// A person whose account the service has.
    pub async fn joined(service: &Service) -> Self {
        let mut person = Self::new();
        let create = person.create();
        service.post(&person.phone, "/v1/accounts", &create).await.ok();
        person
    }

    pub fn id(&self) -> AccountId {
        AccountId::of(&self.recovery.public())
    }

    /// `/v1/accounts/{account}` and what follows.
    pub fn at(&self, rest: &str) -> String {
        format!("/v1/accounts/{}{rest}", self.id())
    }

    pub fn list(&self) -> DeviceList {
        DeviceList::open(self.id(), &self.entries).unwrap()
    }

    /// Begins the account.
    pub fn create(&mut self) -> CreateAccount {
        let change = Change::Create {
            recovery_wrap: WrapKey::from_bytes([9; 32]),
            device: device(&self.phone),
        };
        let (entry, wraps) = self.entry(change, &self.recovery, |_| ());
        self.entries.push(entry.clone());
        CreateAccount { entry, wraps }
    }

    /// The next entry, with its wraps; `spoil` changes it before it is signed.
    pub fn entry(
        &self,
        change: Change,
        by: &SigningKey,
        spoil: impl FnOnce(&mut Entry),
    ) -> (Signed<Entry>, Wraps) {
        let last = self.entries.last();
        let same_root = matches!(change, Change::Add { .. });
        let epoch = last.map_or(0, |last| last.claimed().epoch + u64::from(!same_root));
        let root = RootId::from_bytes([u8::try_from(epoch).unwrap(); 16]);
        let mut devices = match &last {
            Some(_) => self.list().devices().to_vec(),
            None => Vec::new(),
        };
        match &change {
            Change::Create { device, .. } | Change::Add { device } => devices.push(*device),
            Change::Revoke { device } => devices.retain(|listed| listed.key != *device),
            Change::Recover { devices: all } => devices.clone_from(all),
        }
        let wraps = Wraps {
            account: self.id(),
            epoch,
            root,
            wraps: devices
                .iter()
                .map(|device| Recipient::Device(device.key))
                .chain([Recipient::Recovery])
                .map(|to| Wrap { to, enc: Base64(vec![1; 32]), sealed: Base64(vec![2; 48]) })
                .collect(),
        };
        let mut entry = Entry {
            account: self.id(),
            seq: self.entries.len() as u64,
            previous: last.map(Signed::hash),
            at: Timestamp::from_unix_s(NOW_S).unwrap(),
            epoch,
            root,
            wraps: wraps.hash(),
            manifest: self.manifests.last().map(|manifest| ManifestHead {
                version: manifest.claimed().version,
                hash: manifest.hash(),
            }),
            change,
            by: by.public(),
        };
        spoil(&mut entry);
        (Signed::new(entry, by).unwrap(), wraps)
    }

    /// The next entry with everything that comes with it.
    pub fn append(&self, change: Change, by: &SigningKey) -> AppendEntry {
        let same_root = matches!(change, Change::Add { .. });
        let (entry, wraps) = self.entry(change, by, |_| ());
        let rewrapped = match same_root {
            true => Vec::new(),
            false => self
                .items
                .values()
                .map(|record| WrappedKey {
                    item: record.item,
                    version: record.version,
                    key: sealed(b"again"),
                })
                .collect(),
        };
        AppendEntry { entry, wraps, rewrapped }
    }

    /// Has the service append an entry, and follows.
    pub async fn change(&mut self, service: &Service, change: Change, by: &SigningKey) -> Answer {
        let append = self.append(change, by);
        let answer = service.post(by, &self.at("/devices"), &append).await;
        if answer.status.is_success() {
            for wrapped in append.rewrapped {
                self.items.get_mut(&wrapped.item).unwrap().key = wrapped.key;
            }
            self.entries.push(append.entry);
        }
        answer
    }

    /// The next manifest with these records and without those items; `spoil` changes the manifest
    /// before it is signed.
    pub fn commit_by(
        &self,
        by: &SigningKey,
        records: Vec<Record>,
        removed: Vec<ItemId>,
        spoil: impl FnOnce(&mut Manifest),
    ) -> Commit {
        let leaves: BTreeMap<ItemId, Leaf> =
            self.items.iter().map(|(id, record)| (*id, record.leaf())).collect();
        let changed = records.iter().map(|record| (record.item, record.leaf()));
        let leaves = Leaves(leaves.clone()).after(changed, &removed).unwrap_or(Leaves(leaves));
        let last = self.manifests.last();
        let mut manifest = Manifest {
            account: self.id(),
            version: self.manifests.len() as u64 + 1,
            previous: last.map(Signed::hash),
            devices: self.entries.len() as u64 - 1,
            items: leaves.0.len() as u64,
            root: leaves.root(),
            at: Timestamp::from_unix_s(NOW_S).unwrap(),
            by: by.public(),
        };
        spoil(&mut manifest);
        Commit { manifest: Signed::new(manifest, by).unwrap(), records, removed }
    }

    pub fn commit(&self, records: Vec<Record>, removed: Vec<ItemId>) -> Commit {
        self.commit_by(&self.phone, records, removed, |_| ())
    }

    /// Has the service take a commit of the phone, and follows.
    pub async fn put(
        &mut self,
        service: &Service,
        records: Vec<Record>,
        removed: Vec<ItemId>,
    ) -> Answer {
        let commit = self.commit(records, removed);
        let answer = service.post(&self.phone, &self.at("/items"), &commit).await;
        if answer.status.is_success() {
            self.follow(&commit);
        }
        answer
    }

    /// Takes a commit in.
    pub fn follow(&mut self, commit: &Commit) {
        self.manifests.push(commit.manifest.clone());
        for item in &commit.removed {
            self.items.remove(item);
        }
        for record in &commit.records {
            self.items.insert(record.item, record.clone());
        }
    }
}

/// A version of an item.
pub fn record(item: ItemId, version: u64) -> Record {
    Record { item, version, key: sealed(b"key"), envelope: sealed(&version.to_be_bytes()) }
}

/// A new item.
pub fn new_item() -> Record {
    record(ItemId::generate(&mut rng()), 1)
}

fn sealed(content: &[u8]) -> Base64 {
    let binding = Binding { account: b"a", item: b"i", version: 1, purpose: "hallmark/test/v1" };
    let (_, envelope) = item::seal(&binding, &mut rng(), content).unwrap();
    Base64(envelope.as_bytes().to_vec())
}
