//! T-26 again: lies that would cost memory, an upload, or an account.

use hallmark_core::{
    account::{
        BlobId, ItemId,
        exchange::{Cursor, Record, Sync, Upload},
        manifest::ManifestError,
    },
    seal::item::MAX_ENVELOPE_LEN,
};
use hallmark_vault::{
    online::{Deceit, OnlineError},
    service::ServiceError,
};

use crate::{
    attachments::attached,
    hostile::{Answer, Liar, Scene},
    memory::{Held, Memory},
    people::Device,
};

/// T-37: what is more than there can be is not kept until it shows.
#[test]
fn more_than_there_can_be() {
    let mut scene = Scene::new();
    let long = scene.told(|answer| answer.records[0].envelope.0.resize(MAX_ENVELOPE_LEN + 1, 0));
    assert_eq!(long, Deceit::Endless);
    let long = scene.told(|answer| answer.records[0].key.0.resize(MAX_ENVELOPE_LEN + 1, 0));
    assert_eq!(long, Deceit::Endless);
    let many = scene.told(|answer| {
        let one = answer.records[0].clone();
        answer.records.extend((0..1000_u128).map(|n| {
            let item = ItemId::from_bytes(n.to_be_bytes());
            Record { item, ..one.clone() }
        }));
        answer.next = Some(Cursor { manifest: 2, item: None });
    });
    assert_eq!(many, Deceit::Endless);
}

/// T-26, T-29: a device that was just let in and shown nothing knows from the list that there is more.
#[test]
fn everything_is_withheld_from_a_new_device() {
    let Scene { service, mut phone, .. } = Scene::new();
    let mut fresh = phone.joined(5, &service);
    let nothing = |answer: Answer<Sync>| {
        let mut answer = answer?;
        answer.manifests.clear();
        answer.records.clear();
        Ok(answer)
    };
    let error = fresh.sync(&Liar::of_items(&service, nothing)).unwrap_err();
    assert!(matches!(error, OnlineError::Deceived(Deceit::Withheld)), "{error}");
    let records_alone = |answer: Answer<Sync>| {
        let mut answer = answer?;
        answer.manifests.clear();
        Ok(answer)
    };
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.sync(&service).unwrap();
    let mut early = phone.joined(2, &service);
    phone.note("later than the entry", &service);
    phone.sync(&service).unwrap();
    let error = early.sync(&Liar::of_items(&service, records_alone)).unwrap_err();
    let unsigned = Deceit::Manifest(ManifestError::Items { version: 0 });
    assert!(matches!(&error, OnlineError::Deceived(deceit) if *deceit == unsigned), "{error}");
}

/// T-26: the newest manifest that the list names, exchanged for another of the same version.
#[test]
fn another_manifest_of_the_version_that_the_list_names() {
    let Scene { service, mut phone, mut laptop, .. } = Scene::new();
    laptop.sync(&service).unwrap();
    let apart = service.copied();
    laptop.note("signed by a listed device", &apart);
    laptop.sync(&apart).unwrap();
    phone.note("the version that the entry names", &service);
    phone.sync(&service).unwrap();
    let mut fresh = phone.joined(6, &service);
    let id = phone.holdings().account.id();
    let (theirs, entries) =
        (apart.held(id, |held| held.clone()), service.held(id, |held| held.entries.clone()));
    let wraps = service.held(id, |held| held.wraps.clone());
    let exchanged = Memory::default();
    exchanged.accounts.borrow_mut().insert(id, Held { entries, wraps, ..theirs });
    let error = fresh.sync(&exchanged).unwrap_err();
    assert!(matches!(error, OnlineError::Deceived(_)), "{error}");
}

/// T-26: an upload is what it was, and whole, before the sealed file goes from here.
#[test]
fn lies_about_uploads() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    phone.sync(&service).unwrap();
    let (item, attachment) = attached(&mut phone, &service, &vec![7; 100]);
    let lies: [fn(&mut Upload); 3] = [
        |upload| upload.size_bytes += 1,
        |upload| {
            upload.parts = vec![0];
            upload.complete = false;
        },
        |upload| upload.blob = BlobId::from_bytes([9; 16]),
    ];
    for lie in lies {
        let error = phone.sync(&Liar::of_uploads(&service, lie)).unwrap_err();
        let garbled = matches!(error, OnlineError::Service(ServiceError::Garbled { .. }));
        assert!(garbled, "{error}");
        assert_eq!(phone.holdings().pending.len(), 1);
        assert_eq!(phone.holdings().uploads.len(), 1);
    }
    phone.sync(&service).unwrap();
    assert!(phone.holdings().uploads.is_empty());
    let seen = phone.online(&service).item(item).unwrap();
    assert!(seen.content.now.blobs().contains(&attachment.blob));
}

/// T-39: a receipt for another account, one that was altered, or none.
#[test]
fn receipts_that_are_none() {
    let service = Memory::default();
    let (mut phone, mut theirs) = (Device::new(1), Device::new(2));
    phone.sync(&service).unwrap();
    theirs.sync(&service).unwrap();
    let other = theirs.online(&service.copied()).close().unwrap();
    let own = phone.online(&service.copied()).close().unwrap();
    let mut json = serde_json::to_value(&own).unwrap();
    json["statement"]["items"] = 1000.into();
    let altered = serde_json::from_value(json).unwrap();
    for receipt in [other, altered] {
        let error = phone.online(&Liar::of_receipts(&service.copied(), receipt)).close();
        let error = error.unwrap_err();
        assert!(matches!(error, OnlineError::Deceived(Deceit::Receipt)), "{error}");
    }
    phone.online(&Liar::of_receipts(&service.copied(), own)).close().expect("the control");
}
