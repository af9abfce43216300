//! Devices of people, each with a folder of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hallmark_core::{
    account::ItemId, key::PublicKey, recovery::RecoverySecret, seal::blob::Work, time::Timestamp,
};
use hallmark_vault::{
    identity::{device::DeviceKeys, pairing::JoinCode},
    item::{Content, Edit, Kind, content::Version},
    online::{self, Holdings, KnownService, Online, OnlineError, Recovered, Synced},
    profile::Profile,
    service::Service,
    state::{KdfCost, Passphrase, Store},
};
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use crate::memory::{Memory, service_key};

/// One device.
pub struct Device {
    home: TempDir,
    pub store: Store<Profile>,
    seed: u64,
    rng: StdRng,
}

pub fn now() -> Timestamp {
    Timestamp::from_unix_s(1_800_000_000).unwrap()
}

pub fn known() -> KnownService {
    KnownService { address: "memory".into(), key: service_key().public() }
}

impl Device {
    /// A device without an account.
    pub fn blank(seed: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let passphrase = Passphrase::new("correct horse".to_owned()).unwrap();
        let name = "default".parse().unwrap();
        let store =
            Store::create(home.path(), &name, &passphrase, KdfCost::MINIMUM, &mut rng).unwrap();
        Self { home, store, seed, rng }
    }

    /// A device with a new account.
    pub fn new(seed: u64) -> Self {
        let mut device = Self::blank(seed);
        let mut holdings = Holdings::create(now(), &mut device.rng);
        holdings.service = Some(known());
        device.store.update(&mut device.rng, |profile| profile.holdings = Some(holdings)).unwrap();
        device
    }

    pub fn folder(&self) -> PathBuf {
        self.home.path().join("default")
    }

    pub fn holdings(&self) -> &Holdings {
        self.store.read().holdings.as_ref().unwrap()
    }

    pub fn rng(&mut self) -> StdRng {
        StdRng::from_rng(&mut self.rng)
    }

    /// A copy of everything this device has, as a thief takes it or a backup keeps it.
    pub fn copied(&self) -> Self {
        let mut copy = Self::blank(self.seed + 1000);
        let profile = self.store.read().clone();
        copy.store.update(&mut copy.rng, |own| *own = profile).unwrap();
        let cache = self.folder().join("items.hallmark");
        if cache.exists() {
            std::fs::copy(cache, copy.folder().join("items.hallmark")).unwrap();
        }
        copy
    }

    pub fn online<'a, S: Service>(&'a mut self, service: &'a S) -> Online<'a, S, StdRng> {
        let (rng, folder) = (self.rng(), self.folder());
        Online::open(&mut self.store, &folder, service, now(), rng).unwrap()
    }

    pub fn sync(&mut self, service: &impl Service) -> Result<Synced, OnlineError> {
        let mut synced = Synced::default();
        self.online(service).sync(&mut synced).map(|()| synced)
    }

    pub fn revoke(
        &mut self,
        key: PublicKey,
        service: &impl Service,
    ) -> Result<Synced, OnlineError> {
        let mut synced = Synced::default();
        self.online(service).revoke_device(key, &mut synced).map(|()| synced)
    }

    /// Does something while the state cannot be written.
    pub fn without_writing_state(&mut self, work: impl FnOnce(&mut Self)) {
        let in_the_way = self.folder().join("state.hallmark.new");
        std::fs::create_dir(&in_the_way).unwrap();
        work(self);
        std::fs::remove_dir(&in_the_way).unwrap();
    }

    pub fn version(&self, fields: &[(&str, &str)]) -> Version {
        let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let by = self.holdings().account.device().public().key;
        Version { fields: pairs.collect(), attachments: Vec::new(), at: now(), by }
    }

    /// Keeps a new note, unsent.
    pub fn note(&mut self, text: &str, service: &impl Service) -> ItemId {
        self.keep(Kind::Note, &[("text", text.to_owned())], service)
    }

    /// Keeps a new item, unsent.
    pub fn keep(
        &mut self,
        kind: Kind,
        fields: &[(&str, String)],
        service: &impl Service,
    ) -> ItemId {
        let item = ItemId::generate(&mut self.rng);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let content = Content::new(kind, self.version(&fields)).unwrap();
        self.online(service).edit(item, 0, Edit::Put(Box::new(content))).unwrap();
        item
    }

    /// Attaches files to an item, unsent.
    pub fn attach(&mut self, item: ItemId, names: &[String], service: &impl Service) {
        let mut online = self.online(service);
        let seen = online.item(item).unwrap();
        let mut now = seen.content.now.clone();
        for name in names {
            let bytes = name.as_bytes().to_vec();
            let work = Work::on(std::num::NonZeroUsize::MIN);
            let size = bytes.len() as u64;
            now.attachments.push(online.stage(item, name.clone(), size, &bytes, &work).unwrap());
        }
        let content = match seen.unsent {
            true => seen.content.amended(now),
            false => seen.content.edited(seen.version, now),
        };
        online.edit(item, seen.version, Edit::Put(Box::new(content.unwrap()))).unwrap();
    }

    /// As [`Device::change`], with texts of its own.
    pub fn change_all(&mut self, item: ItemId, fields: &[(&str, String)], service: &impl Service) {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.change(item, &fields, service);
    }

    /// Changes fields of an item, unsent.
    pub fn change(&mut self, item: ItemId, fields: &[(&str, &str)], service: &impl Service) {
        let mut version = self.version(fields);
        let mut online = self.online(service);
        let seen = online.item(item).unwrap();
        version.attachments = seen.content.now.attachments.clone();
        let content = match seen.unsent {
            true => seen.content.amended(version),
            false => seen.content.edited(seen.version, version),
        };
        let content = content.unwrap();
        online.edit(item, seen.version, Edit::Put(Box::new(content))).unwrap();
    }

    pub fn remove(&mut self, item: ItemId, service: &impl Service) {
        let mut online = self.online(service);
        let version = online.item(item).unwrap().version;
        online.edit(item, version, Edit::Remove).unwrap();
    }

    /// The texts of all notes, by item.
    pub fn notes(&self) -> BTreeMap<ItemId, String> {
        let (items, unopened) = online::offline(self.holdings(), &self.folder());
        assert_eq!(unopened, 0);
        items.into_iter().map(|seen| (seen.item, seen.content.now.fields["text"].clone())).collect()
    }

    /// A further device of the same account.
    pub fn joined(&mut self, seed: u64, service: &impl Service) -> Self {
        let mut other = Self::blank(seed);
        let keys = DeviceKeys::generate(&mut other.rng);
        assert!(online::joined(service, &keys).unwrap().is_none(), "not yet");
        let code: JoinCode = JoinCode::new(keys.public()).to_string().parse().unwrap();
        let words = self.online(service).add_device(code.device(), &mut Synced::default()).unwrap();
        let joined = online::joined(service, &keys).unwrap().unwrap();
        let account = joined.compared(words.as_str()).unwrap();
        let mut holdings = Holdings::of(account);
        holdings.service = Some(known());
        other.store.update(&mut other.rng, |profile| profile.holdings = Some(holdings)).unwrap();
        other
    }
}

/// The code, as its owner has it on paper.
pub fn paper(device: &Device) -> RecoverySecret {
    let words = device.holdings().account.recovery_words().expect("not erased yet");
    let words: Vec<&str> = words.iter().collect();
    RecoverySecret::parse(&words.join(" ")).unwrap()
}

/// Brings the account back on this device.
pub fn recover(
    device: &mut Device,
    service: &impl Service,
    secret: &RecoverySecret,
) -> Result<Recovered, OnlineError> {
    let (rng, folder) = (device.rng(), device.folder());
    online::recover(&mut device.store, &folder, service, known(), secret, now(), rng)
}

/// The device's signing key.
pub fn key(device: &Device) -> PublicKey {
    device.holdings().account.device().public().key
}

/// A service, two devices of one account, and a note, "52", that both have.
pub fn two_devices() -> (Memory, Device, Device, ItemId) {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = phone.note("52", &service);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    (service, phone, laptop, item)
}

/// All files below a folder, concatenated: to look for what must not be there.
pub fn everything_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything_in(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}
