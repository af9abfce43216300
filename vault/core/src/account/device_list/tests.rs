use super::*;
use crate::key::SigningKey;

/// An account, its list so far, and the manifests it has.
struct Account {
    recovery: SigningKey,
    entries: Vec<Signed<Entry>>,
    manifests: Vec<Signed<Manifest>>,
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn device(n: u8) -> Device {
    Device { key: key(n).public(), wrap: WrapKey::from_bytes([n; 32]) }
}

impl Account {
    /// With device 1.
    fn new() -> Self {
        let recovery = key(200);
        let mut account = Self { recovery, entries: Vec::new(), manifests: Vec::new() };
        let create =
            Change::Create { recovery_wrap: WrapKey::from_bytes([9; 32]), device: device(1) };
        let entry = account.entry(create, &account.recovery);
        account.entries.push(Signed::new(entry, &account.recovery).unwrap());
        account
    }

    fn id(&self) -> AccountId {
        AccountId::of(&self.recovery.public())
    }

    fn list(&self) -> DeviceList {
        DeviceList::open(self.id(), &self.entries).unwrap()
    }

    /// The next entry as it should be.
    fn entry(&self, change: Change, by: &SigningKey) -> Entry {
        let last = self.entries.last();
        let same_root = matches!(change, Change::Add { .. });
        let epoch = last.map_or(0, |last| last.claimed().epoch + u64::from(!same_root));
        Entry {
            account: self.id(),
            seq: self.entries.len() as u64,
            previous: last.map(Signed::hash),
            at: Timestamp::from_unix_s(1_800_000_000).unwrap(),
            epoch,
            root: RootId::from_bytes(u128::from(epoch).to_be_bytes()),
            wraps: Sha256::of(b"wraps"),
            manifest: self.manifests.last().map(|manifest| ManifestHead {
                version: manifest.claimed().version,
                hash: manifest.hash(),
            }),
            change,
            by: by.public(),
        }
    }

    fn change(&mut self, change: Change, by: &SigningKey) {
        let entry = Signed::new(self.entry(change, by), by).unwrap();
        self.list().extend(&entry).unwrap();
        self.entries.push(entry);
    }

    /// The next manifest, by a device that knows the first `devices` entries.
    fn manifest(&self, devices: u64, by: &SigningKey) -> Signed<Manifest> {
        let last = self.manifests.last();
        let manifest = Manifest {
            account: self.id(),
            version: self.manifests.len() as u64 + 1,
            previous: last.map(Signed::hash),
            devices,
            items: 0,
            root: Sha256::of(b""),
            at: Timestamp::from_unix_s(1_800_000_000).unwrap(),
            by: by.public(),
        };
        manifest.check_follows(last).unwrap();
        Signed::new(manifest, by).unwrap()
    }

    /// What the list says to an entry that was changed and then signed again.
    #[track_caller]
    fn refused(
        &self,
        change: Change,
        by: &SigningKey,
        spoil: impl FnOnce(&mut Entry),
    ) -> DeviceListError {
        let mut entry = self.entry(change, by);
        spoil(&mut entry);
        let mut list = self.list();
        let before = list.clone();
        let error = list.extend(&Signed::new(entry, by).unwrap()).unwrap_err();
        assert_eq!(list, before, "a refused entry changes nothing");
        error
    }
}

#[test]
fn devices_come_and_go() {
    let mut account = Account::new();
    account.change(Change::Add { device: device(2) }, &key(1));
    account.change(Change::Add { device: device(3) }, &key(2));
    account.change(Change::Revoke { device: key(1).public() }, &key(3));
    let list = account.list();
    assert_eq!(list.devices(), [device(2), device(3)]);
    assert_eq!((list.len(), list.newest().epoch), (4, 1));
    assert!(!list.is_listed(&key(1).public()));
}

/// T-27: a thief's device that revoked the owner is undone by the recovery key.
#[test]
fn a_recovery_overrides_everything_since() {
    let mut account = Account::new();
    account.change(Change::Add { device: device(2) }, &key(1));
    account.change(Change::Add { device: device(66) }, &key(2));
    account.change(Change::Revoke { device: key(1).public() }, &key(66));
    account.change(Change::Revoke { device: key(2).public() }, &key(66));
    assert_eq!(account.list().devices(), [device(66)]);
    let recover = Change::Recover { devices: vec![device(1), device(4)] };
    assert_eq!(
        account.refused(recover.clone(), &key(66), |_| ()),
        DeviceListError::Signer { seq: 5 },
        "a device is no recovery key"
    );
    account.change(recover, &key(200));
    assert_eq!(account.list().devices(), [device(1), device(4)]);
    let entry = Change::Add { device: device(67) };
    assert_eq!(
        account.refused(entry, &key(66), |_| ()),
        DeviceListError::Signer { seq: 6 },
        "the thief's device is out"
    );
}

/// T-27: a thief who fills the list does not keep its owner out.
#[test]
fn a_full_list_is_recovered() {
    let mut account = Account::new();
    let mut list = account.list();
    let mut next = |change: Change, by: &SigningKey| {
        let entry = Signed::new(account.entry(change, by), by).unwrap();
        list.extend(&entry).map(|()| account.entries.push(entry))
    };
    let (add, revoke) =
        (|| Change::Add { device: device(66) }, || Change::Revoke { device: key(66).public() });
    for _ in 0..MAX_ENTRIES / 2 {
        next(add(), &key(1)).unwrap();
        next(revoke(), &key(1)).unwrap();
    }
    assert_eq!(next(add(), &key(1)), Err(DeviceListError::TooLong));
    let recover = || Change::Recover { devices: vec![device(2)] };
    for _ in 0..MAX_RECOVERIES {
        next(recover(), &key(200)).unwrap();
        for _ in 0..ENTRIES_PER_RECOVERY / 2 {
            next(add(), &key(2)).unwrap();
            next(Change::Revoke { device: key(66).public() }, &key(2)).unwrap();
        }
        assert_eq!(next(add(), &key(2)), Err(DeviceListError::TooLong));
    }
    assert_eq!(next(recover(), &key(200)), Err(DeviceListError::TooLong));
    assert_eq!(list.len(), MAX_LEN);
}

/// T-26: whatever a service or a device that may not makes of the list is refused.
#[test]
fn entries_that_do_not_belong() {
    let mut account = Account::new();
    account.change(Change::Add { device: device(2) }, &key(1));
    let (seq, add) = (2, Change::Add { device: device(3) });
    let revoke = Change::Revoke { device: key(2).public() };
    let wrong = |change: &Change, by: &SigningKey, spoil: fn(&mut Entry)| {
        account.refused(change.clone(), by, spoil)
    };
    let own = key(1);
    assert_eq!(
        wrong(&add, &own, |entry| entry.account = AccountId::from_bytes([1; 32])),
        DeviceListError::Account { seq }
    );
    for spoil in [
        (|entry| entry.seq = 1) as fn(&mut Entry),
        |entry| entry.seq = 3,
        |entry| entry.previous = None,
        |entry| entry.previous = Some(Sha256::of(b"another")),
    ] {
        assert_eq!(wrong(&add, &own, spoil), DeviceListError::Chain { seq });
    }
    assert_eq!(wrong(&add, &key(5), |_| ()), DeviceListError::Signer { seq });
    assert_eq!(wrong(&add, &key(200), |_| ()), DeviceListError::Signer { seq });
    assert_eq!(
        wrong(&revoke, &key(2), |_| ()),
        DeviceListError::Signer { seq },
        "who leaves does not choose the next root"
    );
    for spoil in [(|entry| entry.epoch = 1) as fn(&mut Entry), |entry| {
        entry.root = RootId::from_bytes([8; 16])
    }] {
        assert_eq!(wrong(&add, &own, spoil), DeviceListError::Root { seq });
    }
    for spoil in [
        (|entry| entry.epoch = 0) as fn(&mut Entry),
        |entry| entry.epoch = 2,
        |entry| entry.root = RootId::from_bytes([0; 16]),
    ] {
        assert_eq!(wrong(&revoke, &own, spoil), DeviceListError::Root { seq });
    }
    let create = Change::Create { recovery_wrap: WrapKey::from_bytes([9; 32]), device: device(3) };
    let sixteen = (3..=17).map(device).collect::<Vec<_>>();
    for (change, by) in [
        (create, 200),
        (Change::Add { device: device(1) }, 1),
        (Change::Add { device: device(200) }, 1),
        (Change::Revoke { device: key(9).public() }, 1),
        (Change::Recover { devices: vec![] }, 200),
        (Change::Recover { devices: vec![device(4), device(4)] }, 200),
        (Change::Recover { devices: [vec![device(1), device(2)], sixteen].concat() }, 200),
    ] {
        let error = account.refused(change.clone(), &key(by), |_| ());
        assert_eq!(error, DeviceListError::Devices { seq }, "{change:?}");
    }
    let forged = Signed::<Entry>::new(account.entry(add, &own), &own).unwrap();
    let mut json = serde_json::to_value(forged).unwrap();
    json["statement"]["at"] = "2026-05-03T12:00:00Z".into();
    let forged = serde_json::from_value(json).unwrap();
    assert_eq!(account.list().extend(&forged), Err(DeviceListError::Signature { seq }));
}

/// T-27: a device whose key nothing can be wrapped to would keep every later root from everybody.
#[test]
fn keys_that_nothing_can_be_wrapped_to() {
    let mut account = Account::new();
    let order_eight = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let order_eight = data_encoding::HEXLOWER.decode(order_eight.as_bytes()).unwrap();
    let mut one = [0; 32];
    one[0] = 1;
    for bytes in [[0; 32], one, order_eight.try_into().unwrap()] {
        let spoiled = Device { wrap: WrapKey::from_bytes(bytes), ..device(3) };
        let (own, paper) = (key(1), key(200));
        let expected = DeviceListError::WrapKey { seq: 1 };
        let add = Change::Add { device: spoiled };
        assert_eq!(account.refused(add, &own, |_| ()), expected);
        let recover = Change::Recover { devices: vec![device(1), spoiled] };
        assert_eq!(account.refused(recover, &paper, |_| ()), expected);
        let wrap = WrapKey::from_bytes(bytes);
        for (recovery_wrap, device) in [(wrap, device(1)), (device(9).wrap, spoiled)] {
            let mut other = Account::new();
            let entry = Entry {
                change: Change::Create { recovery_wrap, device },
                ..other.entries.remove(0).claimed().clone()
            };
            let entry = Signed::new(entry, &other.recovery).unwrap();
            let opened = DeviceList::open(account.id(), &[entry]);
            assert_eq!(opened, Err(DeviceListError::WrapKey { seq: 0 }));
        }
    }
    account.change(Change::Add { device: device(3) }, &key(1));
}

#[test]
fn a_list_begins_with_its_own_recovery_key() {
    let account = Account::new();
    assert_eq!(DeviceList::open(account.id(), &[]), Err(DeviceListError::Empty));
    let other = AccountId::of(&key(201).public());
    assert_eq!(DeviceList::open(other, &account.entries), Err(DeviceListError::Account { seq: 0 }));
    let entry = Entry { account: other, ..account.entries[0].claimed().clone() };
    let passed_off = Signed::new(entry, &account.recovery).unwrap();
    assert_eq!(
        DeviceList::open(other, &[passed_off]),
        Err(DeviceListError::Signer { seq: 0 }),
        "another account's id with one's own recovery key"
    );
}

/// T-28: a revoked device signs no manifest that counts, whenever it says it signed it.
#[test]
fn manifests_of_a_revoked_device() {
    let mut account = Account::new();
    account.change(Change::Add { device: device(2) }, &key(1));
    for by in [1, 2] {
        let manifest = account.manifest(1, &key(by));
        account.list().verify_manifest(&manifest).unwrap();
        account.manifests.push(manifest);
    }
    account.change(Change::Revoke { device: key(2).public() }, &key(1));
    let list = account.list();
    for earlier in &account.manifests {
        list.verify_manifest(earlier).expect("what it signed before stands");
    }
    list.verify_manifest(&account.manifest(2, &key(1))).expect("the control");
    for devices in [1, 2, 3] {
        let late = account.manifest(devices, &key(2));
        assert_eq!(list.verify_manifest(&late), Err(ManifestError::Signer), "{devices}");
    }
    // the same version again, with other content
    account.manifests.pop();
    let mut instead = account.manifest(1, &key(2)).claimed().clone();
    instead.items = 1;
    let instead = Signed::new(instead, &key(2)).unwrap();
    assert_eq!(list.verify_manifest(&instead), Err(ManifestError::Signer));
}

#[test]
fn a_list_never_goes_back_to_an_older_manifest() {
    let mut account = Account::new();
    for _ in 0..2 {
        account.manifests.push(account.manifest(0, &key(1)));
    }
    account.change(Change::Add { device: device(2) }, &key(1));
    let older = account.manifests[0].hash();
    let add = Change::Add { device: device(3) };
    for manifest in [
        None,
        Some(ManifestHead { version: 1, hash: older }),
        Some(ManifestHead { version: 2, hash: older }),
    ] {
        let error = account.refused(add.clone(), &key(1), |entry| entry.manifest = manifest);
        assert_eq!(error, DeviceListError::Manifest { seq: 2 });
    }
}
