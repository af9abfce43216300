//! A service in memory that keeps to the document, to hold the device's side against.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::Write,
};

use hallmark_core::{
    account::{
        AccountId, BlobId, ItemId, Signed,
        device_list::{Change, DeviceList, Entry},
        exchange::{
            AppendEntry, Commit, CreateAccount, Cursor, Devices, Erasure, Membership, PART_BYTES,
            Record, ServiceInfo, StartUpload, Sync, Upload, WrappedKey, Wraps,
        },
        manifest::{Leaves, Manifest},
    },
    key::{PublicKey, SigningKey},
    problem::{Code, Problem},
    time::Timestamp,
};
use hallmark_vault::service::{Known, Parts, Service, ServiceError};

type Answer<T> = Result<T, ServiceError>;

/// What the service holds of one account.
#[derive(Clone)]
pub struct Held {
    pub entries: Vec<Signed<Entry>>,
    pub wraps: Wraps,
    pub manifests: Vec<Signed<Manifest>>,
    /// With the manifest that changed it last, and the entry that wrapped its key last.
    pub records: BTreeMap<ItemId, (u64, u64, Record)>,
    pub removed: BTreeMap<ItemId, u64>,
    pub blobs: BTreeMap<BlobId, (u64, BTreeMap<u32, Vec<u8>>)>,
}

/// The service.
#[derive(Default)]
pub struct Memory {
    pub accounts: RefCell<BTreeMap<AccountId, Held>>,
    /// How many requests it had.
    pub requests: Cell<u32>,
    /// Answers these many records at a time; 0 for all.
    pub page: Cell<usize>,
    /// Whether it has room for nothing more.
    pub full: Cell<bool>,
    /// No entry is taken.
    pub busy: Cell<bool>,
    /// After so many more requests, none is answered any more, though it is carried out.
    pub answers_left: Cell<Option<u32>>,
}

fn refused<T>(code: Code) -> Answer<T> {
    Err(ServiceError::Refused(Problem::new(code, code.title())))
}

pub fn service_key() -> SigningKey {
    SigningKey::from_seed(&[99; 32])
}

impl Held {
    pub fn list(&self) -> DeviceList {
        let id = self.entries[0].claimed().account;
        DeviceList::open(id, &self.entries).unwrap()
    }

    fn may(&self, by: &PublicKey) -> Answer<()> {
        let list = self.list();
        if list.is_listed(by) || list.recovery() == *by {
            return Ok(());
        }
        refused(Code::Revoked)
    }

    fn leaves(&self) -> Leaves {
        Leaves(self.records.values().map(|(_, _, record)| (record.item, record.leaf())).collect())
    }
}

impl Memory {
    /// Another service that has the same.
    pub fn copied(&self) -> Self {
        Self { accounts: RefCell::new(self.accounts.borrow().clone()), ..Self::default() }
    }

    pub fn held<T>(&self, account: AccountId, look: impl FnOnce(&mut Held) -> T) -> T {
        look(self.accounts.borrow_mut().get_mut(&account).unwrap())
    }

    fn with<T>(
        &self,
        by: &SigningKey,
        account: AccountId,
        act: impl FnOnce(&mut Held) -> Answer<T>,
    ) -> Answer<T> {
        let mut accounts = self.accounts.borrow_mut();
        let Some(held) = accounts.get_mut(&account) else { return refused(Code::NoAccount) };
        held.may(&by.public())?;
        self.answered(act(held))
    }

    /// The answer, unless the line is cut.
    fn answered<T>(&self, answer: Answer<T>) -> Answer<T> {
        self.requests.set(self.requests.get() + 1);
        match self.answers_left.get() {
            Some(0) => Err(ServiceError::Unreachable {
                address: "memory".into(),
                source: "the line is cut".into(),
            }),
            left => {
                self.answers_left.set(left.map(|left| left - 1));
                answer
            }
        }
    }
}

impl Service for Memory {
    fn info(&self) -> Answer<ServiceInfo> {
        self.answered(Ok(ServiceInfo {
            key: service_key().public(),
            now: Timestamp::from_unix_s(1_800_000_000).unwrap(),
            quota_bytes: 1 << 30,
            max_body_bytes: 8 << 20,
        }))
    }

    fn membership(&self, by: &SigningKey) -> Answer<Membership> {
        let accounts = self.accounts.borrow();
        let found = accounts.iter().find(|(_, held)| held.list().is_listed(&by.public()));
        self.answered(Ok(Membership { account: found.map(|(id, _)| *id) }))
    }

    fn create(&self, _: &SigningKey, body: &CreateAccount) -> Answer<()> {
        let id = body.entry.claimed().account;
        let mut accounts = self.accounts.borrow_mut();
        let held = Held {
            entries: vec![body.entry.clone()],
            wraps: body.wraps.clone(),
            manifests: Vec::new(),
            records: BTreeMap::new(),
            removed: BTreeMap::new(),
            blobs: BTreeMap::new(),
        };
        assert!(body.wraps.belong_to(&held.list()));
        let there = accounts.entry(id).or_insert(held);
        let answer = if there.entries[0] == body.entry { Ok(()) } else { refused(Code::Differs) };
        self.answered(answer)
    }

    fn devices(&self, by: &SigningKey, account: AccountId, from: u64) -> Answer<Devices> {
        let accounts = self.accounts.borrow();
        let Some(held) = accounts.get(&account) else { return refused(Code::NoAccount) };
        let key = by.public();
        let once = held.entries.iter().any(|entry| match &entry.claimed().change {
            Change::Create { device, .. } | Change::Add { device } => device.key == key,
            Change::Recover { devices } => devices.iter().any(|device| device.key == key),
            Change::Revoke { .. } => false,
        });
        let may = held.may(&key);
        if may.is_err() && !once {
            return refused(Code::NotListed);
        }
        let entries = held.entries[usize::try_from(from).unwrap()..].to_vec();
        self.answered(Ok(Devices { entries, wraps: may.is_ok().then(|| held.wraps.clone()) }))
    }

    fn append(&self, by: &SigningKey, account: AccountId, body: &AppendEntry) -> Answer<()> {
        self.with(by, account, |held| {
            if held.entries.last() == Some(&body.entry) {
                return Ok(());
            }
            if self.busy.get() {
                return refused(Code::Overloaded);
            }
            let entry = body.entry.claimed();
            let mut list = held.list();
            if entry.seq != list.len() || entry.previous != Some(list.head()) {
                return refused(Code::DevicesChanged);
            }
            let head = held.manifests.last();
            let same = entry.manifest.map(|head| head.hash) == head.map(Signed::hash);
            if !same {
                return refused(Code::ItemsChanged);
            }
            let root = list.newest().root;
            list.extend(&body.entry).expect("what a device sends is an entry");
            assert!(body.wraps.belong_to(&list));
            if root != list.newest().root {
                let keys: Vec<(ItemId, u64)> =
                    body.rewrapped.iter().map(|key| (key.item, key.version)).collect();
                let items: Vec<(ItemId, u64)> = held
                    .records
                    .values()
                    .map(|(_, _, record)| (record.item, record.version))
                    .collect();
                assert_eq!(keys, items, "every item's key under the new root");
            }
            for key in &body.rewrapped {
                let (_, at, record) = held.records.get_mut(&key.item).unwrap();
                record.key = key.key.clone();
                *at = entry.seq;
            }
            held.entries.push(body.entry.clone());
            held.wraps = body.wraps.clone();
            Ok(())
        })
    }

    fn sync(&self, by: &SigningKey, account: AccountId, known: Known) -> Answer<Sync> {
        let page = self.page.get();
        self.with(by, account, |held| {
            let cursor = known.cursor;
            if known.devices > held.entries.len() as u64
                || known.manifest > held.manifests.len() as u64
            {
                return refused(Code::Ahead);
            }
            let entries = held.entries[usize::try_from(known.devices).unwrap()..].to_vec();
            let mut records: Vec<(Cursor, Record, u64)> = held
                .records
                .iter()
                .map(|(item, (at, wrapped, record))| {
                    (Cursor { manifest: *at, item: Some(*item) }, record.clone(), *wrapped)
                })
                .collect();
            records.sort_by_key(|(at, ..)| *at);
            let read = |at: &Cursor| match cursor.item {
                None => at.manifest <= cursor.manifest,
                Some(_) => *at <= cursor,
            };
            let rewrapped =
                records.iter().filter(|(at, _, wrapped)| read(at) && *wrapped >= known.devices);
            let rewrapped = rewrapped
                .map(|(_, record, _)| WrappedKey {
                    item: record.item,
                    version: record.version,
                    key: record.key.clone(),
                })
                .collect();
            records.retain(|(at, ..)| !read(at));
            let mut next = None;
            if page > 0 && records.len() > page {
                records.truncate(page);
                next = records.last().map(|(at, ..)| *at);
            }
            let version = usize::try_from(known.manifest).unwrap();
            let removed = held.removed.iter().filter(|(_, at)| **at > cursor.manifest);
            Ok(Sync {
                wraps: (!entries.is_empty()).then(|| held.wraps.clone()),
                entries,
                manifests: held.manifests[version..].to_vec(),
                records: records.into_iter().map(|(_, record, _)| record).collect(),
                removed: removed.map(|(item, _)| *item).collect(),
                rewrapped,
                next,
            })
        })
    }

    fn commit(&self, by: &SigningKey, account: AccountId, body: &Commit) -> Answer<()> {
        self.with(by, account, |held| {
            if held.manifests.last() == Some(&body.manifest) {
                return Ok(());
            }
            if self.full.get() && !body.records.is_empty() {
                return refused(Code::Quota);
            }
            let list = held.list();
            let manifest = body.manifest.claimed();
            if manifest.devices + 1 != list.len() {
                return refused(Code::DevicesChanged);
            }
            if manifest.check_follows(held.manifests.last()).is_err() {
                return refused(Code::ItemsChanged);
            }
            assert_eq!(manifest.by, by.public());
            list.verify_manifest(&body.manifest).expect("signed by a listed device");
            let changed: Vec<_> =
                body.records.iter().map(|record| (record.item, record.leaf())).collect();
            let leaves = held.leaves().after(changed, &body.removed).expect("forwards and once");
            manifest.check_items(&leaves).expect("the items it counts");
            let version = manifest.version;
            for record in &body.records {
                held.removed.remove(&record.item);
                held.records.insert(record.item, (version, manifest.devices, record.clone()));
            }
            for item in &body.removed {
                held.records.remove(item);
                held.removed.insert(*item, version);
            }
            held.manifests.push(body.manifest.clone());
            Ok(())
        })
    }

    fn start_upload(
        &self,
        by: &SigningKey,
        account: AccountId,
        body: &StartUpload,
    ) -> Answer<Upload> {
        self.with(by, account, |held| {
            let (size, parts) =
                held.blobs.entry(body.blob).or_insert((body.size_bytes, BTreeMap::new()));
            assert_eq!(*size, body.size_bytes);
            let count = body.size_bytes.div_ceil(PART_BYTES);
            Ok(Upload {
                blob: body.blob,
                size_bytes: *size,
                parts: parts.keys().copied().collect(),
                complete: parts.len() as u64 == count,
            })
        })
    }

    fn put_parts(&self, by: &SigningKey, account: AccountId, parts: &Parts<'_>) -> Answer<()> {
        let mut bytes = Vec::new();
        parts.places.iter().try_for_each(|place| {
            (parts.read)(*place, &mut bytes).map_err(ServiceError::Unread)?;
            self.with(by, account, |held| {
                let (_, there) = held.blobs.get_mut(&parts.blob).unwrap();
                let there = there.entry(*place).or_insert_with(|| bytes.clone());
                if *there == bytes { Ok(()) } else { refused(Code::Differs) }
            })
        })
    }

    fn content(
        &self,
        by: &SigningKey,
        account: AccountId,
        blob: BlobId,
        from: u64,
        most: u64,
        out: &mut dyn Write,
    ) -> Answer<u64> {
        self.with(by, account, |held| {
            let Some((_, parts)) = held.blobs.get(&blob) else { return refused(Code::NoBlob) };
            let whole: Vec<u8> = parts.values().flatten().copied().collect();
            let rest = &whole[usize::try_from(from).unwrap()..];
            // A line that carries a million bytes at a time.
            let length = rest.len().min(usize::try_from(most).unwrap()).min(1_000_000);
            out.write_all(&rest[..length])?;
            Ok(length as u64)
        })
    }

    fn delete_blob(&self, by: &SigningKey, account: AccountId, blob: BlobId) -> Answer<()> {
        self.with(by, account, |held| match held.blobs.remove(&blob) {
            Some(_) => Ok(()),
            None => refused(Code::NoBlob),
        })
    }

    fn close(&self, by: &SigningKey, account: AccountId) -> Answer<Signed<Erasure>> {
        let held = self.with(by, account, |held| Ok(held.clone()))?;
        self.accounts.borrow_mut().remove(&account);
        let erasure = Erasure {
            account,
            at: Timestamp::from_unix_s(1_800_000_000).unwrap(),
            items: held.records.len() as u64,
            blobs: held.blobs.len() as u64,
            bytes: 0,
            by: service_key().public(),
        };
        Ok(Signed::new(erasure, &service_key()).unwrap())
    }
}
