//! Devices that join, are stolen, and come back from paper.

use hallmark_core::recovery::RecoverySecret;
use hallmark_vault::{
    identity::device::DeviceKeys,
    item::Edit,
    online::{self, Deceit, OnlineError, Synced},
};

use crate::{
    memory::Memory,
    people::{Device, key, now, paper, recover},
};

/// T-26: a service that answers with an account of its own is noticed by the words.
#[test]
fn joining_another_account_than_ones_own() {
    let service = Memory::default();
    let (mut mine, mut theirs) = (Device::new(1), Device::new(2));
    mine.sync(&service).unwrap();
    theirs.sync(&service).unwrap();
    let keys = DeviceKeys::generate(&mut mine.rng());
    let shown = theirs.online(&service).add_device(keys.public(), &mut Synced::default()).unwrap();
    let joined = || online::joined(&service, &keys).unwrap().unwrap();
    assert!(joined().compared(shown.as_str()).is_ok(), "the control");
    let expected = {
        let apart = Memory::default();
        let mut copy = mine.copied();
        let id = mine.holdings().account.id();
        let held = service.held(id, |held| held.clone());
        apart.accounts.borrow_mut().insert(id, held);
        copy.online(&apart).add_device(keys.public(), &mut Synced::default()).unwrap()
    };
    assert!(matches!(joined().compared(expected.as_str()), Err(Deceit::OtherAccount)));
    assert!(joined().compared("").is_err());
}

/// T-28: a revoked device, with all it ever had, opens nothing newer and is not served.
#[test]
fn a_stolen_device_is_cut_off() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let old = phone.note("52", &service);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    let mut stolen = laptop.copied();
    phone.revoke(key(&stolen), &service).unwrap();
    phone.change(old, &[("text", "53")], &service);
    let new = phone.note("new", &service);
    phone.sync(&service).unwrap();

    // With its whole state, at the honest service.
    let error = stolen.sync(&service).unwrap_err();
    assert!(matches!(error, OnlineError::Revoked(_)), "{error}");
    let by = key(&phone).fingerprint().to_string();
    assert!(error.to_string().contains(&by), "{error}");
    assert_eq!(stolen.notes()[&old], "52", "what it had, it has");

    // With its whole state, and everything the service has.
    let id = phone.holdings().account.id();
    service.held(id, |held| {
        let account = &stolen.holdings().account;
        for (item, (_, _, record)) in &held.records {
            let opened = hallmark_vault::item::sealed::open(id, record, account.root());
            assert!(opened.is_err(), "{item}");
        }
        let to = hallmark_core::account::exchange::Recipient::Device(key(&stolen));
        assert!(account.device().wrap().unwrap(&held.wraps, to).is_err());
    });
    assert_eq!(phone.notes().len(), 2);
    assert!(phone.notes().contains_key(&new));

    // What it still sends counts for nothing.
    stolen.note("by the thief", &service);
    assert!(stolen.sync(&service).is_err());
    phone.sync(&service).unwrap();
    assert_eq!(phone.notes().len(), 2);
}

/// T-27: a thief who takes the account over loses it again to the paper.
#[test]
fn a_thief_who_revokes_the_owner() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let secret = paper(&phone);
    let (kept, lost) = (phone.note("kept", &service), phone.note("lost", &service));
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    let mut thief = laptop.copied();
    let mut accomplice = thief.joined(3, &service);
    thief.revoke(key(&phone), &service).unwrap();
    thief.remove(lost, &service);
    thief.sync(&service).unwrap();
    let waiting = phone.note("waiting", &service);
    assert!(matches!(phone.sync(&service), Err(OnlineError::Revoked(_))));

    phone.without_writing_state(|phone| {
        assert!(recover(phone, &service, &secret).is_err(), "killed before it is kept");
    });
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert_eq!(recovered.restored, [lost]);
    assert_eq!(recovered.items, 3);
    let notes = phone.notes();
    assert_eq!((&*notes[&kept], &*notes[&lost], &*notes[&waiting]), ("kept", "lost", "waiting"));
    assert!(phone.holdings().pending.is_empty());
    for out in [&mut thief, &mut accomplice] {
        assert!(matches!(out.sync(&service), Err(OnlineError::Revoked(_))));
    }
    let mut again = phone.joined(4, &service);
    again.sync(&service).unwrap();
    assert_eq!(again.notes(), phone.notes());
}

/// T-27: an item that nobody can open does not keep a thief's device on the account.
#[test]
fn a_spoiled_item_blocks_nothing() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let secret = paper(&phone);
    let (item, other) = (phone.note("kept", &service), phone.note("spoiled", &service));
    phone.sync(&service).unwrap();
    let laptop = phone.joined(2, &service);
    service.held(phone.holdings().account.id(), |held| {
        held.records.get_mut(&other).unwrap().2.key.0[200] ^= 1;
    });
    std::fs::remove_file(phone.folder().join("items.hallmark")).unwrap();
    phone.revoke(key(&laptop), &service).unwrap();
    let mut fresh = Device::blank(3);
    recover(&mut fresh, &service, &secret).unwrap();
    let (items, unopened) = online::offline(fresh.holdings(), &fresh.folder());
    assert_eq!((items.len(), items[0].item, unopened), (1, item, 1));
    let mut online = fresh.online(&service);
    let [(closed, version)] = online.unopened()[..] else { panic!("one does not open") };
    assert_eq!(closed, other);
    online.edit(closed, version, Edit::Remove).unwrap();
    online.sync(&mut Synced::default()).unwrap();
    assert!(online.unopened().is_empty());
}

#[test]
fn everything_lost_but_the_paper() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let secret = paper(&phone);
    phone.online(&service).forget_recovery().unwrap();
    assert!(phone.holdings().account.recovery_words().is_none(), "erased from the device");
    let item = phone.note("52", &service);
    phone.sync(&service).unwrap();
    let mut fresh = Device::blank(2);
    let recovered = recover(&mut fresh, &service, &secret).unwrap();
    assert_eq!((recovered.items, recovered.items_at), (1, Some(now())));
    assert_eq!(recovered.revoked, [key(&phone)]);
    assert_eq!(fresh.notes()[&item], "52");
    assert!(matches!(phone.sync(&service), Err(OnlineError::Revoked(_))));
    let ranges = (fresh.holdings().account.successors(), phone.holdings().account.successors());
    assert!(ranges.0.iter().all(|one| ranges.1.iter().all(|other| one.key != other.key)));
    let other = recover(&mut Device::blank(3), &service, &RecoverySecret::from_bytes(&[1; 16]));
    assert!(matches!(other, Err(OnlineError::Service(_))), "no such account");
}

/// A line cut at any answer of a revocation or a recovery leaves something that the next run ends.
#[test]
fn a_line_that_is_cut_while_devices_change() {
    for cut in 0.. {
        let service = Memory::default();
        let mut phone = Device::new(1);
        let secret = paper(&phone);
        let item = phone.note("52", &service);
        phone.sync(&service).unwrap();
        let laptop = phone.joined(2, &service);
        service.answers_left.set(Some(cut));
        let revoked = phone.revoke(key(&laptop), &service);
        service.answers_left.set(None);
        phone.sync(&service).unwrap();
        assert_eq!(phone.notes()[&item], "52");
        if revoked.is_err() && phone.holdings().account.list().devices().len() == 2 {
            phone.revoke(key(&laptop), &service).unwrap();
        }
        assert_eq!(phone.holdings().account.list().devices().len(), 1);
        let mut fresh = Device::blank(3);
        service.answers_left.set(Some(cut));
        let recovered = recover(&mut fresh, &service, &secret);
        service.answers_left.set(None);
        if recovered.is_err() {
            recover(&mut fresh, &service, &secret).unwrap();
        }
        assert_eq!(fresh.notes()[&item], "52");
        if revoked.is_ok() && recovered.is_ok() {
            break;
        }
    }
}

#[test]
fn a_device_does_not_revoke_itself() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.sync(&service).unwrap();
    let own = key(&phone);
    let error = phone.revoke(own, &service).unwrap_err();
    assert!(matches!(error, OnlineError::Identity(_)), "{error}");
}

#[test]
fn closing_leaves_a_receipt_and_nothing_else() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.note("52", &service);
    phone.sync(&service).unwrap();
    let receipt = phone.online(&service).close().unwrap();
    assert_eq!(receipt.verify().unwrap().items, 1);
    phone.online(&service).forget().unwrap();
    assert!(phone.store.read().holdings.is_none());
    assert!(!phone.folder().join("items.hallmark").exists());
    assert!(service.accounts.borrow().is_empty());
}
