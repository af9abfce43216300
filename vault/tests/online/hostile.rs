//! T-26: the service answers what it likes. Each lie is told once; the device keeps what it had, says
//! that the answer does not hold, and is well again as soon as the service is honest.

use std::{cell::RefCell, collections::BTreeSet, io::Write};

use hallmark_core::{
    account::{
        AccountId, BlobId, ItemId, Signed,
        device_list::Change,
        exchange::{
            AppendEntry, Commit, CreateAccount, Cursor, Devices, Erasure, Membership, ServiceInfo,
            StartUpload, Sync, Upload,
        },
    },
    key::SigningKey,
};
use hallmark_vault::{
    online::{self, Deceit, OnlineError, Synced},
    service::{Known, Parts, Service, ServiceError},
};

use crate::{
    memory::{Held, Memory},
    people::Device,
};

pub type Answer<T> = Result<T, ServiceError>;
type Lie<'a, T> = RefCell<Box<dyn FnMut(Answer<T>) -> Answer<T> + 'a>>;

/// An honest service some of whose answers are told differently.
pub struct Liar<'a> {
    honest: &'a Memory,
    sync: Lie<'a, Sync>,
    upload: Lie<'a, Upload>,
    receipt: Lie<'a, Signed<Erasure>>,
}

impl<'a> Liar<'a> {
    fn honest(honest: &'a Memory) -> Self {
        fn truth<'a, T>() -> Lie<'a, T> {
            RefCell::new(Box::new(|answer| answer))
        }
        Self { honest, sync: truth(), upload: truth(), receipt: truth() }
    }

    pub fn of_items(
        honest: &'a Memory,
        lie: impl FnMut(Answer<Sync>) -> Answer<Sync> + 'a,
    ) -> Self {
        Self { sync: RefCell::new(Box::new(lie)), ..Self::honest(honest) }
    }

    pub fn of_uploads(honest: &'a Memory, mut lie: impl FnMut(&mut Upload) + 'a) -> Self {
        let lie = move |answer: Answer<Upload>| {
            let mut answer = answer?;
            lie(&mut answer);
            Ok(answer)
        };
        Self { upload: RefCell::new(Box::new(lie)), ..Self::honest(honest) }
    }

    pub fn of_receipts(honest: &'a Memory, receipt: Signed<Erasure>) -> Self {
        let lie = move |_| Ok(receipt.clone());
        Self { receipt: RefCell::new(Box::new(lie)), ..Self::honest(honest) }
    }
}

impl Service for Liar<'_> {
    fn info(&self) -> Answer<ServiceInfo> {
        self.honest.info()
    }
    fn membership(&self, by: &SigningKey) -> Answer<Membership> {
        self.honest.membership(by)
    }
    fn create(&self, by: &SigningKey, body: &CreateAccount) -> Answer<()> {
        self.honest.create(by, body)
    }
    fn devices(&self, by: &SigningKey, account: AccountId, from: u64) -> Answer<Devices> {
        self.honest.devices(by, account, from)
    }
    fn append(&self, by: &SigningKey, account: AccountId, body: &AppendEntry) -> Answer<()> {
        self.honest.append(by, account, body)
    }
    fn sync(&self, by: &SigningKey, account: AccountId, known: Known) -> Answer<Sync> {
        (self.sync.borrow_mut())(self.honest.sync(by, account, known))
    }
    fn commit(&self, by: &SigningKey, account: AccountId, body: &Commit) -> Answer<()> {
        self.honest.commit(by, account, body)
    }
    fn start_upload(&self, by: &SigningKey, id: AccountId, body: &StartUpload) -> Answer<Upload> {
        (self.upload.borrow_mut())(self.honest.start_upload(by, id, body))
    }
    fn put_parts(&self, by: &SigningKey, account: AccountId, parts: &Parts<'_>) -> Answer<()> {
        self.honest.put_parts(by, account, parts)
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
        self.honest.content(by, account, blob, from, most, out)
    }
    fn delete_blob(&self, by: &SigningKey, account: AccountId, blob: BlobId) -> Answer<()> {
        self.honest.delete_blob(by, account, blob)
    }
    fn close(&self, by: &SigningKey, account: AccountId) -> Answer<Signed<Erasure>> {
        (self.receipt.borrow_mut())(self.honest.close(by, account))
    }
}

/// Two devices; the second one has not seen what the first did since.
pub struct Scene {
    pub service: Memory,
    pub phone: Device,
    pub laptop: Device,
    items: [ItemId; 3],
    /// What the service held before the first device went on.
    before: Held,
}

impl Scene {
    pub fn new() -> Self {
        let service = Memory::default();
        let mut phone = Device::new(1);
        let items = ["a", "b", "c"].map(|text| phone.note(text, &service));
        phone.sync(&service).unwrap();
        let mut laptop = phone.joined(2, &service);
        laptop.sync(&service).unwrap();
        let before = service.held(phone.holdings().account.id(), |held| held.clone());
        phone.change(items[0], &[("text", "a2")], &service);
        phone.sync(&service).unwrap();
        phone.change(items[1], &[("text", "b2")], &service);
        phone.note("d", &service);
        phone.sync(&service).unwrap();
        phone.joined(3, &service);
        Self { service, phone, laptop, items, before }
    }

    /// What the second device says to one lie; afterwards it is well again.
    #[track_caller]
    pub fn told(&mut self, mut lie: impl FnMut(&mut Sync)) -> Deceit {
        let notes = self.laptop.notes();
        let state = serde_json::to_string(self.laptop.holdings()).unwrap();
        let lie = move |answer: Answer<Sync>| {
            let mut answer = answer?;
            lie(&mut answer);
            Ok(answer)
        };
        let liar = Liar::of_items(&self.service, lie);
        let mut copy = self.laptop.copied();
        let deceit = match copy.sync(&liar) {
            Err(OnlineError::Deceived(deceit)) => deceit,
            other => panic!("{other:?}"),
        };
        drop(liar);
        assert_eq!(copy.notes(), notes);
        assert_eq!(serde_json::to_string(copy.holdings()).unwrap(), state, "nothing was kept");
        copy.sync(&self.service).unwrap();
        assert_eq!(copy.notes(), self.phone.notes());
        deceit
    }
}

#[test]
fn lies_about_items() {
    let mut scene = Scene::new();
    let [a, _, c] = scene.items;
    let old = scene.before.records[&a].2.clone();
    let swap = |answer: &mut Sync,
                spoil: &dyn Fn(&mut Vec<hallmark_core::account::exchange::Record>)| {
        spoil(&mut answer.records);
    };
    let is_items = |deceit: Deceit| {
        let refused = matches!(deceit, Deceit::Manifest(_) | Deceit::Unreadable { .. });
        assert!(refused, "{deceit}");
    };
    is_items(scene.told(|answer| answer.records.clear()));
    is_items(scene.told(|answer| swap(answer, &|records| drop(records.pop()))));
    is_items(scene.told(|answer| answer.removed.push(c)));
    is_items(scene.told(|answer| {
        swap(answer, &|records| {
            let (first, second) = (records[0].item, records[1].item);
            records[0].item = second;
            records[1].item = first;
        });
    }));
    is_items(scene.told(|answer| answer.records[0].envelope.0[90] ^= 1));
    is_items(scene.told(|answer| answer.records[0].version += 1));
    let deceit = scene.told(|answer| {
        answer.records.retain(|record| record.item != a);
        answer.records.push(old.clone());
    });
    assert!(matches!(deceit, Deceit::Manifest(_) | Deceit::OlderItem { .. }), "{deceit}");
    let deceit = scene.told(|answer| answer.records.push(answer.records[0].clone()));
    assert_eq!(deceit, Deceit::OlderItem { item: deceit_item(&deceit) });
}

fn deceit_item(deceit: &Deceit) -> ItemId {
    match deceit {
        Deceit::OlderItem { item } => *item,
        other => panic!("{other}"),
    }
}

/// T-26: wrapped keys are in no manifest, and what was readable stays readable all the same.
#[test]
fn lies_about_keys() {
    let mut scene = Scene::new();
    let [a, ..] = scene.items;
    let deceit = scene.told(|answer| {
        let changed = answer.records.iter_mut().find(|record| record.item == a).unwrap();
        changed.key.0[200] ^= 1;
    });
    assert_eq!(deceit, Deceit::Unreadable { item: a });
}

/// T-26: a key that a device could not rewrap when it put a new root in force. Who knows what the item
/// said seals it again.
#[test]
fn a_key_that_was_lost_with_a_root() {
    let Scene { service, mut phone, mut laptop, items, .. } = Scene::new();
    laptop.sync(&service).unwrap();
    let (notes, id) = (laptop.notes(), phone.holdings().account.id());
    let gone = phone.joined(4, &service).holdings().account.device().public().key;
    phone.revoke(gone, &service).unwrap();
    service.held(id, |held| held.records.get_mut(&items[2]).unwrap().2.key.0[200] ^= 1);
    assert_eq!(laptop.sync(&service).unwrap().restored, [(items[2], items[2])]);
    assert_eq!(laptop.notes(), notes);
    phone.sync(&service).unwrap();
    assert_eq!(phone.notes(), notes);
}

/// T-26: nor by asking for everything again, which a first lie brings about.
#[test]
fn a_spoiled_key_after_another_lie() {
    let mut scene = Scene::new();
    let mut asked = 0;
    let [a, ..] = scene.items;
    let deceit = scene.told(|answer| {
        asked += 1;
        match asked {
            1 => drop(answer.records.pop()),
            _ => answer.records.iter_mut().for_each(|record| record.key.0[200] ^= 1),
        }
    });
    assert!(matches!(deceit, Deceit::Unreadable { .. }), "{deceit}, not only of {a}");
}

/// T-27: a device that spoils items to stay on the account is taken off, and they are put back.
#[test]
fn spoiling_keeps_no_device_on() {
    let Scene { service, mut phone, mut laptop, items, .. } = Scene::new();
    phone.sync(&service).unwrap();
    laptop.sync(&service).unwrap();
    let notes = phone.notes();
    laptop.change(items[0], &[("text", "by the thief")], &service);
    laptop.sync(&service).unwrap();
    service.held(phone.holdings().account.id(), |held| {
        held.records.get_mut(&items[0]).unwrap().2.key.0[200] ^= 1;
    });
    let refused = phone.sync(&service);
    let unreadable = Deceit::Unreadable { item: items[0] };
    assert!(matches!(refused, Err(OnlineError::Deceived(deceit)) if deceit == unreadable));
    assert_eq!(phone.notes(), notes, "what was readable still is");
    let thief = laptop.holdings().account.device().public().key;
    let put_back = phone.revoke(thief, &service).unwrap().restored;
    let [(spoiled, beside)] = put_back[..] else { panic!("{put_back:?}") };
    assert!(spoiled == items[0] && beside != items[0]);
    phone.sync(&service).unwrap();
    assert!(phone.holdings().pending.is_empty(), "put back at the service too");
    let mut other = phone.joined(7, &service);
    other.sync(&service).unwrap();
    for device in [&phone, &other] {
        // Beside what does not open: nobody can tell what that says.
        let (there, unopened) = texts(device);
        assert_eq!((there, unopened), (notes.values().cloned().collect(), 1));
    }
}

/// The texts of all notes, and how many items do not open.
fn texts(device: &Device) -> (BTreeSet<String>, usize) {
    let (items, unopened) = online::offline(device.holdings(), &device.folder());
    let texts = items.iter().map(|seen| seen.content.now.fields["text"].clone());
    (texts.collect(), unopened)
}

/// T-27: a run that ends while it takes a device off still has what that device spoiled.
#[test]
fn spoiled_items_outlive_a_run_that_was_killed() {
    let Scene { service, mut phone, mut laptop, items, .. } = Scene::new();
    phone.sync(&service).unwrap();
    laptop.sync(&service).unwrap();
    let notes = phone.notes();
    let thief = laptop.holdings().account.device().public().key;
    laptop.change(items[0], &[("text", "by the thief")], &service);
    laptop.sync(&service).unwrap();
    service.held(phone.holdings().account.id(), |held| {
        held.records.get_mut(&items[0]).unwrap().2.key.0[200] ^= 1;
    });
    phone.without_writing_state(|phone| {
        assert!(phone.revoke(thief, &service).is_err());
    });
    phone.revoke(thief, &service).unwrap();
    assert_eq!(texts(&phone), (notes.into_values().collect(), 1));
}

/// T-26: after a new root, a newer version that does not open is left as it is: what this device had is
/// beside it, and whoever wrote it puts it right.
#[test]
fn after_a_new_root_nothing_newer_is_written_over() {
    let Scene { service, mut phone, mut laptop, items, .. } = Scene::new();
    laptop.sync(&service).unwrap();
    let (before, id) = (laptop.notes()[&items[2]].clone(), phone.holdings().account.id());
    phone.change(items[2], &[("text", "newer")], &service);
    phone.sync(&service).unwrap();
    let gone = phone.joined(4, &service).holdings().account.device().public().key;
    phone.revoke(gone, &service).unwrap();
    service.held(id, |held| held.records.get_mut(&items[2]).unwrap().2.key.0[200] ^= 1);
    let restored = laptop.sync(&service).unwrap().restored;
    let [(spoiled, beside)] = restored[..] else { panic!("{restored:?}") };
    assert!(spoiled == items[2] && beside != items[2]);
    let (seen, unopened) = online::offline(laptop.holdings(), &laptop.folder());
    let kept = seen.iter().find(|seen| seen.item == beside).unwrap();
    assert_eq!((&kept.content.now.fields["text"], unopened), (&before, 1));
    service.held(id, |held| assert_eq!(held.records[&items[2]].2.version, 2, "not written over"));
}

/// T-26: an edit that waits writes over no newer version that does not open, and removes none.
#[test]
fn what_waits_writes_over_nothing_unseen() {
    let Scene { service, mut phone, mut laptop, items, .. } = Scene::new();
    phone.sync(&service).unwrap();
    laptop.sync(&service).unwrap();
    for item in [items[0], items[1]] {
        laptop.change(item, &[("text", "newer, by another device of mine")], &service);
    }
    laptop.sync(&service).unwrap();
    phone.change(items[0], &[("text", "edited unseen")], &service);
    phone.remove(items[1], &service);
    let id = phone.holdings().account.id();
    let spoil = |bit| {
        for item in [items[0], items[1]] {
            service.held(id, |held| held.records.get_mut(&item).unwrap().2.key.0[200] ^= bit);
        }
    };
    spoil(1);
    let refused = phone.sync(&service).unwrap_err();
    assert!(matches!(refused, OnlineError::Deceived(Deceit::Unreadable { .. })), "{refused}");
    spoil(1);
    phone.sync(&service).unwrap();
    let seen = phone.online(&service).item(items[0]).unwrap();
    assert_eq!(seen.content.now.fields["text"], "edited unseen");
    assert_eq!(
        seen.content.history[0].said.fields["text"], "newer, by another device of mine",
        "nothing of it is lost"
    );
    assert!(phone.notes().contains_key(&items[1]), "an edit outweighs a removal");
}

/// T-29: a service at another address that knows the account's key and nothing else.
#[test]
fn a_service_that_has_nothing_to_show() {
    let Scene { service, mut phone, .. } = Scene::new();
    phone.online(&service).prove(&mut Synced::default()).expect("the control");
    let nothing_new = |answer: Answer<Sync>| {
        let mut answer = answer?;
        answer.records.clear();
        answer.manifests.clear();
        answer.next = None;
        Ok(answer)
    };
    let liar = Liar::of_items(&service, nothing_new);
    phone.sync(&liar).expect("of an account that is up to date that says nothing");
    assert!(phone.online(&liar).prove(&mut Synced::default()).is_err());
    let other = Memory::default();
    let mut stranger = Device::new(9);
    stranger.sync(&other).unwrap();
    assert!(phone.online(&other).prove(&mut Synced::default()).is_err());
}

#[test]
fn lies_about_manifests() {
    let mut scene = Scene::new();
    let is_manifest = |deceit: Deceit| assert!(matches!(deceit, Deceit::Manifest(_)), "{deceit}");
    is_manifest(scene.told(|answer| answer.manifests.swap(0, 1)));
    is_manifest(scene.told(|answer| {
        answer.manifests.remove(0);
    }));
    is_manifest(scene.told(|answer| {
        let mut json = serde_json::to_value(&answer.manifests[1]).unwrap();
        json["statement"]["items"] = 3.into();
        answer.manifests[1] = serde_json::from_value(json).unwrap();
    }));
    let mut stranger = Device::new(9);
    let service = Memory::default();
    stranger.note("x", &service);
    stranger.sync(&service).unwrap();
    let theirs = stranger.holdings().account.manifest().unwrap().clone();
    is_manifest(scene.told(|answer| answer.manifests = vec![theirs.clone()]));
    is_manifest(scene.told(|answer| {
        let first = answer.manifests[0].clone();
        answer.manifests.push(first);
    }));
    // The entry that let a third device in names the newest manifest.
    assert_eq!(scene.told(|answer| answer.manifests.clear()), Deceit::Withheld);
    let deceit = scene.told(|answer| {
        answer.manifests.truncate(1);
        answer.records.truncate(1);
    });
    assert_eq!(deceit, Deceit::Withheld);
}

#[test]
fn lies_about_devices() {
    let mut scene = Scene::new();
    let is_list = |deceit: Deceit| assert!(matches!(deceit, Deceit::Identity(_)), "{deceit}");
    is_list(scene.told(|answer| answer.wraps = None));
    is_list(scene.told(|answer| {
        let wraps = answer.wraps.as_mut().unwrap();
        wraps.wraps.swap(0, 1);
    }));
    is_list(scene.told(|answer| {
        let wraps = answer.wraps.as_mut().unwrap();
        wraps.wraps.iter_mut().for_each(|wrap| wrap.sealed.0[0] ^= 1);
    }));
    is_list(scene.told(|answer| {
        let entry = answer.entries[0].clone();
        answer.entries.push(entry);
    }));
    is_list(scene.told(|answer| {
        let mut json = serde_json::to_value(&answer.entries[0]).unwrap();
        json["statement"]["at"] = "2026-05-03T12:00:00Z".into();
        answer.entries[0] = serde_json::from_value(json).unwrap();
    }));
    let mut stranger = Device::new(9);
    let service = Memory::default();
    stranger.sync(&service).unwrap();
    let theirs = stranger.holdings().account.entries()[0].clone();
    assert!(matches!(theirs.claimed().change, Change::Create { .. }));
    is_list(scene.told(|answer| answer.entries = vec![theirs.clone()]));
}

/// T-37: pages that go back end at once, and pages that do not go on as soon as that shows.
#[test]
fn pages_that_do_not_go_on() {
    let mut scene = Scene::new();
    let mut pages = 0;
    let still = scene.told(|answer| {
        pages += 1;
        assert!(pages < 10);
        let end = Cursor { manifest: 1 << 40, item: None };
        answer.next = Some(end);
    });
    assert_eq!(still, Deceit::Position);
    let back = scene.told(|answer| {
        answer.next = Some(Cursor { manifest: 0, item: None });
    });
    assert_eq!(back, Deceit::Position);
}

/// T-29: a service that goes back to an older state, and says so or does not.
#[test]
fn a_service_that_was_set_back() {
    let Scene { service, mut phone, before, .. } = Scene::new();
    let id = phone.holdings().account.id();
    service.accounts.borrow_mut().insert(id, before);
    let error = phone.sync(&service).unwrap_err();
    assert!(matches!(error, OnlineError::Deceived(Deceit::SetBack)), "{error}");
    let Scene { service, mut phone, mut laptop, before, .. } = Scene::new();
    laptop.sync(&service).unwrap();
    service.accounts.borrow_mut().insert(id, before);
    let nothing = |_| {
        Ok(Sync {
            entries: Vec::new(),
            wraps: None,
            manifests: Vec::new(),
            records: Vec::new(),
            removed: Vec::new(),
            rewrapped: Vec::new(),
            next: None,
        })
    };
    let nothing_new = Liar::of_items(&service, nothing);
    phone.note("x", &nothing_new);
    let error = phone.sync(&nothing_new).unwrap_err();
    assert!(matches!(error, OnlineError::Deceived(Deceit::Withheld)), "{error}");
    assert_eq!(phone.holdings().pending.len(), 1, "what waits is not lost");
}

/// T-30: two histories. Each device sees a true past for as long as they are kept apart; what one of
/// them writes shows it to the other.
#[test]
fn two_histories_meet() {
    let Scene { service, mut phone, mut laptop, before, .. } = Scene::new();
    let id = phone.holdings().account.id();
    let apart = Memory::default();
    apart.accounts.borrow_mut().insert(id, before);
    laptop.note("in the other history", &apart);
    laptop.sync(&apart).unwrap();
    let deceived = |outcome: Result<_, OnlineError>| {
        let error = outcome.map(|_: hallmark_vault::online::Synced| ()).unwrap_err();
        assert!(matches!(error, OnlineError::Deceived(_)), "{error}");
    };
    deceived(laptop.sync(&service));
    let forked = apart.held(id, |held| held.clone());
    service.accounts.borrow_mut().insert(id, forked);
    phone.note("x", &service);
    deceived(phone.sync(&service));
}

/// A receipt that anybody could have written is none.
#[test]
fn a_receipt_of_another_key() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.sync(&service).unwrap();
    let mut rng = phone.rng();
    let stranger = SigningKey::from_seed(&[5; 32]).public();
    phone
        .store
        .update(&mut rng, |profile| {
            let known = profile.holdings.as_mut().unwrap().service.as_mut().unwrap();
            known.key = stranger;
        })
        .unwrap();
    let error = phone.online(&service).close().unwrap_err();
    assert!(matches!(error, OnlineError::Deceived(Deceit::Receipt)), "{error}");
    assert!(phone.store.read().holdings.is_some(), "nothing is dropped without a receipt");
}
