//! A device in wrong hands that keeps to the document, and signs what no honest one would.

use hallmark_core::{
    account::{
        Signed,
        device_list::Entry,
        exchange::{AppendEntry, Recipient},
    },
    json,
};
use hallmark_vault::{
    identity::account::IdentityError,
    item::{Content, Edit, Kind},
    online::{self, Deceit, OnlineError, Synced},
    service::Service,
};

use crate::{
    memory::Memory,
    people::{Device, key, paper, recover},
};

/// An entry whose root some recipients cannot open, signed by the device that wrote it.
fn keeping_the_root_from(
    mut body: AppendEntry,
    thief: &Device,
    shut_out: &[Recipient],
) -> AppendEntry {
    for wrap in body.wraps.wraps.iter_mut().filter(|wrap| shut_out.contains(&wrap.to)) {
        wrap.sealed.0[0] ^= 1;
    }
    let entry = Entry { wraps: body.wraps.hash(), ..body.entry.claimed().clone() };
    let key = thief.holdings().account.device().signing();
    AppendEntry { entry: Signed::new(entry, &key).unwrap(), ..body }
}

/// The owner's phone, and a laptop in wrong hands.
fn scene() -> (Memory, Device, Device) {
    let service = Memory::default();
    let mut phone = Device::new(1);
    for text in ["52", "a secret"] {
        phone.note(text, &service);
    }
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    (service, phone, laptop)
}

/// T-27: the paper takes the account back from whoever keeps the root from it; what the recovering
/// device knew is put back, and a fresh one says what does not open.
#[test]
fn a_root_that_is_kept_from_the_paper() {
    let (service, mut phone, mut thief) = scene();
    let (secret, notes) = (paper(&phone), phone.notes());
    let account = thief.holdings().account.clone();
    let next = account.revoke(key(&phone), account.entries()[0].claimed().at, &mut thief.rng());
    let next = next.unwrap();
    let rewrapped = service.held(account.id(), |held| {
        let records = held.records.values();
        let new = |(_, _, record): &(_, _, _)| {
            let mut rng = thief.rng();
            hallmark_vault::item::sealed::rewrapped(
                account.id(),
                record,
                account.root(),
                next.root(),
                &mut rng,
            )
        };
        records.map(new).collect::<Result<Vec<_>, _>>().unwrap()
    });
    let body = keeping_the_root_from(next.append(rewrapped), &thief, &[Recipient::Recovery]);
    service.append(&account.device().signing(), account.id(), &body).unwrap();
    assert!(matches!(phone.sync(&service), Err(OnlineError::Revoked(_))));

    let mut fresh = Device::blank(3);
    let recovered = recover(&mut fresh, &service, &secret).unwrap();
    assert_eq!((recovered.items, recovered.unopened), (0, 2), "told, and not more");
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert_eq!((recovered.items, recovered.unopened, recovered.restored.len()), (2, 0, 2));
    assert_eq!(phone.notes(), notes);
    assert!(matches!(thief.sync(&service), Err(OnlineError::Revoked(_))));
}

/// T-27: an entry that lets a device in, with wraps that open for nobody else.
#[test]
fn wraps_that_open_for_nobody() {
    let (service, mut phone, mut thief) = scene();
    let (secret, notes) = (paper(&phone), phone.notes());
    let account = thief.holdings().account.clone();
    let accomplice = hallmark_vault::identity::device::DeviceKeys::generate(&mut thief.rng());
    let at = account.entries()[0].claimed().at;
    let next = account.add(accomplice.public(), at, &mut thief.rng()).unwrap();
    let all = [Recipient::Recovery, Recipient::Device(key(&phone))];
    let body = keeping_the_root_from(next.append(Vec::new()), &thief, &all);
    service.append(&account.device().signing(), account.id(), &body).unwrap();

    phone.sync(&service).expect("it has that root already");
    let (mut copy, apart) = (phone.copied(), service.copied());
    copy.revoke(key(&thief), &apart).unwrap();
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert_eq!((recovered.unopened, recovered.revoked.len()), (0, 2));
    assert_eq!(phone.notes(), notes);
}

/// T-27: a new root that the owner's device is not given is the thief's doing, and said to be.
#[test]
fn a_root_that_is_kept_from_a_device() {
    let (service, mut phone, mut thief) = scene();
    let tablet = phone.joined(3, &service);
    thief.sync(&service).unwrap();
    let account = thief.holdings().account.clone();
    let at = account.entries()[0].claimed().at;
    let next = account.revoke(key(&tablet), at, &mut thief.rng()).unwrap();
    let rewrapped = service.held(account.id(), |held| {
        let keys = held.records.values().map(|(_, _, record)| {
            let (id, root) = (account.id(), account.root());
            let rng = &mut thief.rng();
            hallmark_vault::item::sealed::rewrapped(id, record, root, next.root(), rng).unwrap()
        });
        keys.collect()
    });
    let owner = Recipient::Device(key(&phone));
    let body = keeping_the_root_from(next.append(rewrapped), &thief, &[owner]);
    service.append(&account.device().signing(), account.id(), &body).unwrap();
    let told = phone.sync(&service).unwrap_err();
    assert!(
        matches!(told, OnlineError::Revoked(IdentityError::Locked { by, .. })
            if by == key(&thief).fingerprint()),
        "{told}"
    );
    let secret = paper(&phone);
    assert_eq!(recover(&mut phone, &service, &secret).unwrap().items, 2);
}

/// T-27: what cannot be sent, an account filled up to its quota for instance, keeps no device on.
#[test]
fn a_full_account_keeps_nobody_on() {
    let (service, mut phone, mut thief) = scene();
    let secret = paper(&phone);
    phone.note("waits", &service);
    service.full.set(true);
    assert!(phone.sync(&service).is_err(), "the control");
    phone.revoke(key(&thief), &service).unwrap();
    assert!(matches!(thief.sync(&service), Err(OnlineError::Revoked(_))));
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert!(recovered.unsent.is_some());
    service.full.set(false);
    phone.sync(&service).unwrap();
    assert_eq!(phone.notes().len(), 3);
}

/// T-27: an item that was brought to a version that none can begin with, and then removed, is put back
/// as another.
#[test]
fn a_version_that_none_can_begin_with() {
    let (service, mut phone, _) = scene();
    let stuck = phone.note("goes on under another id", &service);
    let content = phone.online(&service).item(stuck).unwrap().content;
    let edit = Edit::Put(Box::new(content));
    phone.online(&service).edit(stuck, json::MAX_INTEGER, edit).unwrap();
    phone.sync(&service).unwrap();
    let notes = phone.notes();
    assert!(phone.holdings().pending.is_empty() && !notes.contains_key(&stuck));
    assert!(notes.values().any(|text| text == "goes on under another id"));
}

/// A removal of what another device removed already is done.
#[test]
fn removed_twice() {
    let (service, mut phone, mut laptop) = scene();
    let item = *phone.notes().keys().next().unwrap();
    phone.sync(&service).unwrap();
    laptop.remove(item, &service);
    laptop.sync(&service).unwrap();
    phone.sync(&service).unwrap();
    phone.online(&service).edit(item, 1, Edit::Remove).unwrap();
    phone.sync(&service).unwrap();
    assert!(phone.holdings().pending.is_empty());
    phone.note("goes on", &service);
    phone.sync(&service).unwrap();
}

/// T-27: a recovery whose answer is lost, and any other command before it is run again.
#[test]
fn a_recovery_that_was_cut_short() {
    for cut in 0..12 {
        let (service, mut phone, mut thief) = scene();
        let (secret, notes) = (paper(&phone), phone.notes());
        for item in notes.keys() {
            thief.remove(*item, &service);
        }
        thief.sync(&service).unwrap();
        thief.revoke(key(&phone), &service).unwrap();
        service.answers_left.set(Some(cut));
        drop(recover(&mut phone, &service, &secret));
        service.answers_left.set(None);
        drop(phone.sync(&service));
        recover(&mut phone, &service, &secret).unwrap();
        assert_eq!(phone.notes(), notes, "{cut}");
    }
}

/// T-27: a past that is hidden behind one that fills the history.
#[test]
fn a_past_that_there_is_no_room_for() {
    let (service, mut phone, mut thief) = scene();
    let (secret, notes) = (paper(&phone), phone.notes());
    let item = *notes.keys().next().unwrap();
    let version = thief.online(&service).item(item).unwrap().version;
    let said = thief.version(&[("text", "99")]);
    let mut content = Content::new(Kind::Note, said.clone()).unwrap();
    for n in 10..40 {
        content = content.edited(n, said.clone()).unwrap();
    }
    let mut online = thief.online(&service);
    online.edit(item, version, Edit::Put(Box::new(content))).unwrap();
    online.sync(&mut Synced::default()).unwrap();
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert_eq!(recovered.restored, [item]);
    let texts: Vec<String> = phone.notes().into_values().collect();
    assert!(texts.contains(&notes[&item]) && texts.contains(&"99".to_owned()), "{texts:?}");
}

/// T-27: an item written over with its past left out has that past again after a recovery.
#[test]
fn a_past_that_is_hidden() {
    let (service, mut phone, mut thief) = scene();
    let secret = paper(&phone);
    let (item, before) = phone.notes().into_iter().next().unwrap();
    let mut online = thief.online(&service);
    let version = online.item(item).unwrap().version;
    drop(online);
    let content = Content::new(Kind::Note, thief.version(&[("text", "99")])).unwrap();
    online = thief.online(&service);
    online.edit(item, version, Edit::Put(Box::new(content))).unwrap();
    online.sync(&mut Synced::default()).unwrap();
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert_eq!((recovered.reminded, recovered.restored.len()), (vec![item], 0));
    let seen = phone.online(&service).item(item).unwrap();
    assert_eq!(seen.content.now.fields["text"], "99");
    assert_eq!(seen.content.history[0].said.fields["text"], before);
    let fresh = &mut Device::blank(4);
    recover(fresh, &service, &secret).unwrap();
    let (items, _) = online::offline(fresh.holdings(), &fresh.folder());
    let there = items.iter().find(|seen| seen.item == item).unwrap();
    assert_eq!(there.content.history[0].said.fields["text"], before, "sent");
}

/// T-27: what is put back beside an item that does not open is there once, however often that is done
/// and whoever does it.
#[test]
fn put_back_once() {
    let (service, mut phone, mut thief) = scene();
    let (secret, notes, id) = (paper(&phone), phone.notes(), phone.holdings().account.id());
    let mut tablet = phone.joined(3, &service);
    tablet.sync(&service).unwrap();
    let item = *notes.keys().next().unwrap();
    thief.sync(&service).unwrap();
    thief.change(item, &[("text", "spoiled")], &service);
    thief.sync(&service).unwrap();
    service.held(id, |held| held.records.get_mut(&item).unwrap().2.key.0[200] ^= 1);
    let whole = (1..30).find(|&answers| {
        service.answers_left.set(Some(answers));
        // Copies draw the same random bytes: each has to be at another place of them.
        let mut copy = tablet.copied();
        (0..answers).for_each(|_| drop(copy.rng()));
        let outcome = recover(&mut copy, &service, &secret);
        service.answers_left.set(None);
        outcome.is_ok_and(|recovered| recovered.unsent.is_none())
    });
    assert!(whole > Some(3), "cut short at every answer before: {whole:?}");
    for device in [&mut tablet, &mut phone] {
        recover(device, &service, &secret).unwrap();
        let (items, unopened) = online::offline(device.holdings(), &device.folder());
        let texts: Vec<&String> =
            items.iter().map(|seen| &seen.content.now.fields["text"]).collect();
        assert_eq!((texts.len(), unopened), (notes.len(), 1), "{texts:?}");
        assert!(notes.values().all(|text| texts.contains(&text)), "{texts:?}");
    }
}

/// A full account takes a removal, whatever else waits.
#[test]
fn a_removal_makes_room() {
    let (service, mut phone, _) = scene();
    let item = *phone.notes().keys().next().unwrap();
    phone.sync(&service).unwrap();
    phone.note("waits", &service);
    phone.remove(item, &service);
    service.full.set(true);
    assert!(phone.sync(&service).is_err(), "the note waits for room");
    let id = phone.holdings().account.id();
    service.held(id, |held| assert!(!held.records.contains_key(&item)));
    service.full.set(false);
    phone.sync(&service).unwrap();
    assert_eq!(phone.notes().len(), 2);
}

/// T-29: a device with memory recovers from no list that is older than its own.
#[test]
fn a_recovery_from_an_older_list() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let secret = paper(&phone);
    phone.sync(&service).unwrap();
    let before = service.copied();
    phone.joined(2, &service);
    let refused = recover(&mut phone, &before, &secret).unwrap_err();
    assert!(matches!(refused, OnlineError::Deceived(Deceit::OtherHistory)), "{refused}");
    recover(&mut phone, &service, &secret).unwrap();
}
