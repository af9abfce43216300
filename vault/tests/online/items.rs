//! Items on several devices.

use hallmark_vault::item::Kind;

use crate::{
    memory::Memory,
    people::{Device, two_devices},
};

#[test]
fn an_item_is_on_every_device() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = phone.note("12 Rue de la Paix", &service);
    let synced = phone.sync(&service).unwrap();
    assert_eq!((synced.sent, synced.changed), (1, 0));
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    assert_eq!(laptop.notes()[&item], "12 Rue de la Paix");
    laptop.change(item, &[("text", "13 Rue de la Paix")], &service);
    laptop.sync(&service).unwrap();
    assert_eq!(phone.sync(&service).unwrap().changed, 1);
    assert_eq!(phone.notes()[&item], "13 Rue de la Paix");
    phone.remove(item, &service);
    assert!(phone.notes().is_empty(), "gone before it is sent");
    phone.sync(&service).unwrap();
    laptop.sync(&service).unwrap();
    assert!(laptop.notes().is_empty());
}

#[test]
fn nothing_private_lies_in_clear() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.note("12 Rue de la Paix", &service);
    phone.sync(&service).unwrap();
    phone.note("unsent: 13 Rue de la Paix", &service);
    let files = crate::people::everything_in(&phone.folder());
    assert!(!files.windows(10).any(|bytes| bytes == b"Rue de la "));
}

#[test]
fn two_devices_edit_at_once() {
    let (service, mut phone, mut laptop, item) = two_devices();
    phone.change(item, &[("text", "52"), ("title", "Ring")], &service);
    laptop.change(item, &[("text", "53")], &service);
    phone.sync(&service).unwrap();
    assert_eq!(laptop.sync(&service).unwrap().merged, [item]);
    phone.sync(&service).unwrap();
    for device in [&mut phone, &mut laptop] {
        let seen = device.online(&service).item(item).unwrap();
        assert_eq!((seen.version, seen.unsent), (3, false));
        assert_eq!(seen.content.now.fields["title"], "Ring");
        assert_eq!(seen.content.now.fields["text"], "53");
    }
}

#[test]
fn removing_what_another_device_edits() {
    let (service, mut phone, mut laptop, item) = two_devices();
    phone.change(item, &[("text", "53")], &service);
    phone.sync(&service).unwrap();
    laptop.remove(item, &service);
    assert_eq!(laptop.sync(&service).unwrap().kept, [item]);
    assert_eq!(laptop.notes()[&item], "53");
    // the other way round
    laptop.remove(item, &service);
    laptop.sync(&service).unwrap();
    phone.change(item, &[("text", "54")], &service);
    phone.sync(&service).unwrap();
    laptop.sync(&service).unwrap();
    assert_eq!(laptop.notes()[&item], "54", "an edit outweighs a removal");
}

/// Whatever answer is lost, the next run comes to the same end: nothing twice, nothing missing.
#[test]
fn a_line_that_is_cut_anywhere() {
    for cut in 0.. {
        let service = Memory::default();
        let mut phone = Device::new(1);
        let kept = phone.note("kept", &service);
        phone.sync(&service).unwrap();
        phone.change(kept, &[("text", "changed")], &service);
        let new = phone.note("new", &service);
        service.answers_left.set(Some(cut));
        let outcome = phone.sync(&service);
        service.answers_left.set(None);
        let notes = phone.notes();
        assert_eq!((notes[&kept].as_str(), notes[&new].as_str()), ("changed", "new"), "{cut}");
        phone.sync(&service).unwrap();
        let mut laptop = phone.joined(2, &service);
        laptop.sync(&service).unwrap();
        assert_eq!(laptop.notes(), phone.notes(), "{cut}");
        assert!(phone.holdings().pending.is_empty());
        let seen = phone.online(&service).item(kept).unwrap();
        assert_eq!(seen.version, 2, "an edit whose answer was lost is not made again");
        if outcome.is_ok() {
            assert!(cut > 1);
            break;
        }
    }
}

#[test]
fn a_thousand_unchanged_items_are_one_round_trip() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    for n in 0..40 {
        phone.note(&format!("{n}"), &service);
    }
    service.page.set(7);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    assert_eq!(laptop.notes(), phone.notes());
    service.requests.set(0);
    assert_eq!(laptop.sync(&service).unwrap(), Default::default());
    assert_eq!(service.requests.get(), 1);
}

/// What lies beside the sealed state is not believed, and not needed.
#[test]
fn a_lost_or_spoiled_cache_is_fetched_again() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = phone.note("52", &service);
    phone.sync(&service).unwrap();
    let older = std::fs::read(phone.folder().join("items.hallmark")).unwrap();
    phone.change(item, &[("text", "53")], &service);
    phone.sync(&service).unwrap();
    let path = phone.folder().join("items.hallmark");
    let newest = std::fs::read_to_string(&path).unwrap();
    let cursor_ahead = newest.replace("\"manifest\":2", "\"manifest\":3");
    let no_records = format!("{}\"records\":[]}}", newest.split("\"records\"").next().unwrap());
    for spoiled in [&b""[..], b"{}", &older, cursor_ahead.as_bytes(), no_records.as_bytes()] {
        std::fs::write(&path, spoiled).unwrap();
        phone.sync(&service).unwrap();
        assert_eq!(phone.notes()[&item], "53");
    }
    std::fs::remove_file(&path).unwrap();
    phone.sync(&service).unwrap();
    assert_eq!(phone.notes()[&item], "53");
}

/// T-34: of what was removed long ago the service may know the names no more.
#[test]
fn what_went_before_the_service_remembers_goes_here_too() {
    let (service, mut phone, mut laptop, item) = two_devices();
    let kept = phone.note("kept", &service);
    phone.sync(&service).unwrap();
    laptop.sync(&service).unwrap();
    phone.remove(item, &service);
    phone.sync(&service).unwrap();
    service.held(phone.holdings().account.id(), |held| held.removed.clear());
    laptop.sync(&service).unwrap();
    assert_eq!(laptop.notes(), phone.notes());
    assert!(laptop.notes().keys().eq([&kept]));
}

/// Nine files on each of two devices, and an item so long that its history has no room: all of it is
/// there afterwards, at the service too.
#[test]
fn two_devices_attach_and_edit_at_once() {
    let (service, mut phone, mut laptop, item) = two_devices();
    for (device, name) in [(&mut phone, "p"), (&mut laptop, "l")] {
        device.attach(item, &(0..9).map(|n| format!("{name}{n}")).collect::<Vec<_>>(), &service);
    }
    phone.sync(&service).unwrap();
    assert_eq!(laptop.sync(&service).unwrap().merged, [item]);
    phone.sync(&service).unwrap();
    let seen = phone.online(&service).item(item).unwrap();
    let blobs = seen.content.now.blobs();
    assert_eq!(blobs.len(), 18);
    let id = phone.holdings().account.id();
    service.held(id, |held| assert!(held.blobs.keys().eq(blobs.iter())));
}

/// What does not fit into one item is kept as two, with the files of both.
#[test]
fn two_edits_too_long_for_one_item_become_two() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let fields = ["name", "line1", "line2", "city", "region", "phone", "note"];
    let address = |letter: &str| {
        let text = letter.repeat(7_000);
        let mut all: Vec<(&str, String)> =
            fields.iter().map(|name| (*name, text.clone())).collect();
        all.push(("country", "FR".into()));
        all
    };
    let item = phone.keep(Kind::DeliveryAddress, &address("x"), &service);
    phone.attach(item, &["shared".into()], &service);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    phone.change_all(item, &address("p"), &service);
    laptop.change_all(item, &address("l"), &service);
    laptop.attach(item, &["own".into()], &service);
    phone.sync(&service).unwrap();
    let synced = laptop.sync(&service).unwrap();
    let [(there, own)] = synced.apart[..] else { panic!("{synced:?}") };
    assert_eq!(there, item);
    phone.sync(&service).unwrap();
    for device in [&mut phone, &mut laptop] {
        let online = device.online(&service);
        let said = |item| online.item(item).unwrap().content.now.fields["name"].clone();
        assert_eq!((said(item), said(own)), ("p".repeat(7_000), "l".repeat(7_000)));
        assert_eq!(online.item(own).unwrap().content.now.attachments.len(), 2);
    }
    // A file that both name outlives either.
    let files =
        |device: &Device| service.held(device.holdings().account.id(), |held| held.blobs.len());
    phone.remove(item, &service);
    phone.sync(&service).unwrap();
    assert_eq!(files(&phone), 2);
    phone.remove(own, &service);
    phone.sync(&service).unwrap();
    assert_eq!(files(&phone), 0);
}

/// A new item whose answer was lost anywhere, and then a removal or another edit: the service may
/// have the item, and it is gone, or says the new.
#[test]
fn what_follows_an_edit_whose_answer_was_lost() {
    let mut arrived = 0;
    for cut in 0.. {
        let service = Memory::default();
        let mut phone = Device::new(1);
        phone.sync(&service).unwrap();
        let mut laptop = phone.joined(2, &service);
        let (gone, amended) = (phone.note("gone", &service), phone.note("one", &service));
        service.answers_left.set(Some(cut));
        let outcome = phone.sync(&service);
        service.answers_left.set(None);
        phone.remove(gone, &service);
        phone.change(amended, &[("text", "two")], &service);
        assert_eq!(phone.notes().into_values().collect::<Vec<_>>(), ["two"], "{cut}");
        phone.sync(&service).unwrap();
        phone.sync(&service).unwrap();
        laptop.sync(&service).unwrap();
        for device in [&phone, &laptop] {
            assert_eq!(device.notes().into_values().collect::<Vec<_>>(), ["two"], "{cut}");
            assert!(device.holdings().pending.is_empty());
        }
        let seen = phone.online(&service).item(amended).unwrap();
        let before: Vec<_> =
            seen.content.history.iter().map(|past| past.said.fields["text"].as_str()).collect();
        match seen.version {
            1 => assert!(before.is_empty()),
            version => {
                assert_eq!((version, before), (2, vec!["one"]), "{cut}");
                arrived += 1;
            }
        }
        if outcome.is_ok() {
            break;
        }
    }
    assert!(arrived > 1, "an answer was lost that the service gave");
}

/// What another device made of an item whose answer was lost, stays.
#[test]
fn an_edit_elsewhere_follows_one_whose_answer_was_lost() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    phone.sync(&service).unwrap();
    let item = phone.note("one", &service);
    service.answers_left.set(Some(1));
    phone.sync(&service).unwrap_err();
    service.answers_left.set(None);
    laptop.sync(&service).unwrap();
    laptop.change(item, &[("text", "two")], &service);
    laptop.sync(&service).unwrap();
    assert_eq!(phone.sync(&service).unwrap().merged, []);
    assert_eq!(phone.notes()[&item], "two");
}

/// Whoever removed an item is told that it is there again, once; whether the answer to the removal
/// came or not.
#[test]
fn an_item_that_comes_back_is_reported() {
    for answered in [true, false] {
        let (service, mut phone, mut laptop, item) = two_devices();
        phone.sync(&service).unwrap();
        phone.remove(item, &service);
        laptop.change(item, &[("text", "53")], &service);
        service.answers_left.set((!answered).then_some(1));
        assert_eq!(phone.sync(&service).is_ok(), answered);
        service.answers_left.set(None);
        assert_eq!(phone.sync(&service).unwrap().back, []);
        laptop.sync(&service).unwrap();
        assert_eq!(phone.sync(&service).unwrap().back, [item]);
        assert_eq!(phone.notes()[&item], "53");
        laptop.change(item, &[("text", "54")], &service);
        laptop.sync(&service).unwrap();
        assert_eq!(phone.sync(&service).unwrap().back, []);
    }
}

/// Two edits of one field: what the other device said is in the history, and that is told.
#[test]
fn what_was_overruled_is_reported() {
    let (service, mut phone, mut laptop, item) = two_devices();
    phone.change(item, &[("text", "53")], &service);
    laptop.change(item, &[("text", "54")], &service);
    phone.sync(&service).unwrap();
    let synced = laptop.sync(&service).unwrap();
    assert_eq!((&synced.merged[..], &synced.overruled[..]), (&[item][..], &[item][..]));
    let seen = laptop.online(&service).item(item).unwrap();
    assert_eq!(seen.content.history[0].said.fields["text"], "53");
}
