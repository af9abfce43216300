//! Items on several devices.

use crate::{memory::Memory, people::Device};

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
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = phone.note("52", &service);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
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
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = phone.note("52", &service);
    phone.sync(&service).unwrap();
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
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
