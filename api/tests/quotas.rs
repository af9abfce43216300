//! What counts against an account's quota, and that nothing an account adds is left out.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Person, Service, device, key, new_item, record, rng};
use hallmark_api::app::Settings;
use hallmark_core::{
    account::{
        BlobId, ItemId,
        device_list::{Change, MAX_DEVICES, MAX_LEN, MAX_RECOVERIES, ManifestHead},
        exchange::{Record, StartUpload},
    },
    hash::Sha256,
    json,
    key::SigningKey,
    problem::Code,
};

#[tokio::test]
async fn an_account_holds_no_more_than_its_quota() {
    // Three items with their manifest, and room for three more manifests.
    let quota_bytes = 3 * (340 + 340) + 4 * MANIFEST_BYTES;
    let settings = Settings { quota_bytes, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let mut person = Person::joined(&service).await;
    let items = [new_item(), new_item(), new_item()];
    person.put(&service, items.to_vec(), vec![]).await.ok();
    let more = vec![new_item(), new_item(), new_item(), new_item()];
    assert_eq!(person.put(&service, more, vec![]).await.code(), Code::Quota);
    person.put(&service, vec![new_item()], vec![items[0].item]).await.ok();
    person.put(&service, vec![record(items[1].item, 2)], vec![]).await.ok();
}

/// More than a manifest takes and less than two.
const MANIFEST_BYTES: u64 = 800;

#[tokio::test]
async fn manifests_and_removed_names_count_and_a_full_account_can_still_shrink() {
    let settings = Settings { quota_bytes: 20_000, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let mut person = Person::joined(&service).await;
    let item = new_item();
    person.put(&service, vec![item.clone()], vec![]).await.ok();
    let mut manifests = 1;
    let full = loop {
        let answer = person.put(&service, vec![], vec![]).await;
        if !answer.status.is_success() {
            break answer.code();
        }
        manifests += 1;
        assert!(manifests < 100, "an account grows without end");
    };
    assert_eq!(full, Code::Quota);
    assert!(manifests > 20_000 / MANIFEST_BYTES, "{manifests}");
    let phone = SigningKey::from_seed(&person.phone.seed());
    person.change(&service, Change::Add { device: device(&key(11)) }, &phone).await.ok();
    person.change(&service, Change::Revoke { device: phone.public() }, &key(11)).await.ok();
    let laptop = key(11);
    let commit = person.commit_by(&laptop, vec![], vec![item.item], |_| ());
    service.post(&laptop, &person.at("/items"), &commit).await.ok();

    let settings = Settings { quota_bytes: 300_000, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let mut person = Person::joined(&service).await;
    let (mut rounds, mut removed) = (0, Vec::new());
    loop {
        let items: Vec<_> = (0..100).map(|_| new_item()).collect();
        let names = items.iter().map(|record| record.item).collect();
        if !person.put(&service, items, removed).await.status.is_success() {
            break;
        }
        (rounds, removed) = (rounds + 1, names);
        assert!(rounds < 100, "names of what is gone are kept without end");
    }
    assert!(rounds > 20, "{rounds}");
}

/// T-34: a file of one byte takes a block of the disk, and every blob its rows.
#[tokio::test]
async fn a_blob_counts_as_what_it_takes() {
    let settings = Settings { quota_bytes: 10 * (4096 + 512), ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let person = Person::joined(&service).await;
    let start = async |size_bytes| {
        let upload = StartUpload { blob: BlobId::generate(&mut rng()), size_bytes };
        (upload.blob, service.post(&person.phone, &person.at("/blobs"), &upload).await)
    };
    let mut blobs = Vec::new();
    for size_bytes in [1, 4096, 1, 1, 1, 1, 1, 1, 1, 1] {
        let (blob, started) = start(size_bytes).await;
        started.ok();
        blobs.push(blob);
    }
    assert_eq!(start(1).await.1.code(), Code::Quota);
    for blob in blobs {
        let path = person.at(&format!("/blobs/{blob}"));
        service.ask(&person.phone, "DELETE", &path).await.ok();
    }
    assert_eq!(start(11 * 4096 + 1).await.1.code(), Code::Quota);
    start(11 * 4096).await.1.ok();
    let database = rusqlite::Connection::open(service.path().join("hallmark.db")).unwrap();
    let bytes = database.query_row("SELECT bytes FROM accounts", [], |row| row.get::<_, u64>(0));
    assert_eq!(bytes.unwrap(), 11 * 4096 + 512, "what was deleted counts no more");
}

#[tokio::test]
async fn an_account_has_at_most_ten_thousand_items() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let one = new_item();
    let another = || Record { item: ItemId::generate(&mut rng()), ..one.clone() };
    for _ in 0..2 {
        person.put(&service, (0..5000).map(|_| another()).collect(), vec![]).await.ok();
    }
    let answer = person.put(&service, vec![another()], vec![]).await;
    assert_eq!(answer.code(), Code::ManifestRefused);
    let first = *person.items.keys().next().unwrap();
    person.put(&service, vec![another()], vec![first]).await.ok();
}

/// What no quota counts is bounded all the same: [`hallmark_api::store`] says so.
#[test]
fn a_device_list_takes_no_more_than_four_mib() {
    let mut person = Person::new();
    person.create();
    let longest = |change| {
        let (entry, wraps) = person.entry(change, &person.recovery, |entry| {
            (entry.seq, entry.epoch) = (MAX_LEN - 1, MAX_LEN - 1);
            entry.previous = Some(Sha256::of(b""));
            entry.manifest =
                Some(ManifestHead { version: json::MAX_INTEGER, hash: Sha256::of(b"") });
        });
        let length = |value| json::canonical(&value).len() as u64;
        (length(serde_json::to_value(entry).unwrap()), length(serde_json::to_value(wraps).unwrap()))
    };
    let most = u8::try_from(MAX_DEVICES).unwrap();
    let devices: Vec<_> = (1..=most).map(|n| device(&key(n))).collect();
    let (recovery, wraps) = longest(Change::Recover { devices: devices.clone() });
    let (add, _) = longest(Change::Add { device: devices[0] });
    let (revoke, _) = longest(Change::Revoke { device: devices[0].key });
    assert!(revoke < add && add < recovery && wraps < 8 << 10, "{revoke} {add} {recovery} {wraps}");
    let all = MAX_RECOVERIES * recovery + (MAX_LEN - MAX_RECOVERIES) * add + wraps;
    // The rest is for rows and indexes.
    assert!((3 << 20..15 << 18).contains(&all), "{all}");
}
