//! T-34: whatever a listed thief made of an account, what a device is told comes in answers that it
//! reads.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Person, Service, device, key, new_item};
use hallmark_api::store::{MAX_REMOVED, REMOVED_BYTES};
use hallmark_core::account::{
    ItemId,
    device_list::Change,
    exchange::{Cursor, MAX_ANSWER_BYTES, MAX_SYNC_MANIFESTS, Record, SYNC_PAGE_BYTES, Sync},
};
use rusqlite::Connection;

/// Bytes of the longest record, and a little more.
const RECORD_BYTES: usize = 70_000;

fn large() -> Record {
    let mut record = new_item();
    record.envelope.0.resize(84 + 65_536, 7);
    record
}

fn database(service: &Service) -> Connection {
    Connection::open(service.path().join("hallmark.db")).unwrap()
}

/// All answers to a device that has so many entries and manifests and has read the items so far. It
/// goes on as devices do: further each time, or to the same place where the answer said anything else.
async fn answers(service: &Service, person: &Person, devices: u64, manifest: u64) -> Vec<Sync> {
    let (mut devices, mut manifest) = (devices, manifest);
    let mut cursor = Cursor { manifest, item: None };
    let mut answers = Vec::new();
    loop {
        let item = cursor.item.map_or(String::new(), |item| format!("&item={item}"));
        let known = format!("devices={devices}&manifest={manifest}&items={}", cursor.manifest);
        let path = person.at(&format!("/sync?{known}{item}"));
        let answer = service.ask(&key(11), "GET", &path).await;
        assert!((answer.body.len() as u64) < MAX_ANSWER_BYTES / 2, "{}", answer.body.len());
        let answer: Sync = answer.json();
        let records = answer.records.iter().map(|it| it.key.0.len() + it.envelope.0.len());
        let keys = answer.rewrapped.iter().map(|it| it.key.0.len());
        let names = answer.removed.len() * REMOVED_BYTES as usize;
        let bytes = records.chain(keys).sum::<usize>() + names;
        assert!(bytes < SYNC_PAGE_BYTES + RECORD_BYTES, "{bytes}");
        devices += answer.entries.len() as u64;
        manifest += answer.manifests.len() as u64;
        let next = answer.next;
        let goes_on = !(answer.entries.is_empty() && answer.manifests.is_empty());
        answers.push(answer);
        let Some(next) = next else { return answers };
        assert!(next > cursor || goes_on && next == cursor, "{cursor:?} -> {next:?}");
        cursor = next;
    }
}

/// A person whose laptop, with key 11, is asked for in [`answers`].
async fn with_a_laptop(service: &Service) -> Person {
    let mut person = Person::joined(service).await;
    let phone = hallmark_core::key::SigningKey::from_seed(&person.phone.seed());
    person.change(service, Change::Add { device: device(&key(11)) }, &phone).await.ok();
    person
}

fn names<'a>(answers: &'a [Sync]) -> impl Iterator<Item = ItemId> + 'a {
    answers.iter().flat_map(|answer| answer.removed.iter().copied())
}

#[tokio::test]
async fn names_of_removed_items_come_in_pages_and_have_an_end() {
    let service = Service::start();
    let mut person = with_a_laptop(&service).await;
    let items: Vec<_> = (0..20).map(|_| new_item()).collect();
    person.put(&service, items.clone(), vec![]).await.ok();
    person.put(&service, vec![], vec![]).await.ok();
    // As if the second manifest had removed them.
    let database = database(&service);
    let before = MAX_REMOVED - 5;
    let removed = format!(
        "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < {before})
         INSERT INTO removed SELECT (SELECT number FROM accounts), 2, randomblob(16) FROM n;
         UPDATE accounts SET removed = {before}, bytes = bytes + {before} * {REMOVED_BYTES};"
    );
    database.execute_batch(&removed).unwrap();
    let gone: Vec<_> = items[..10].iter().map(|record| record.item).collect();
    let added = (0..40).map(|_| large()).collect();
    person.put(&service, added, gone.clone()).await.ok();

    let kept = "SELECT count(*), min(manifest), sum(manifest = 3) FROM removed";
    let kept = database.query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    assert_eq!(kept.unwrap(), (MAX_REMOVED, 2, 10), "the oldest are forgotten");
    let counted = "SELECT accounts.removed, bytes,
        (SELECT sum(length(key) + length(envelope)) FROM items)
        + (SELECT sum(length(statement)) FROM manifests) FROM accounts";
    let counted = database.query_row(counted, [], |row| {
        Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
    });
    let (names_kept, bytes, others_bytes) = counted.unwrap();
    assert_eq!(names_kept, MAX_REMOVED);
    assert_eq!(bytes, others_bytes + MAX_REMOVED * REMOVED_BYTES, "and count no more");

    let answers = answers(&service, &person, 2, 1).await;
    assert!(answers.len() > 1);
    let told: std::collections::BTreeSet<_> = names(&answers).collect();
    assert_eq!(told.len() as u64, MAX_REMOVED);
    assert!(gone.iter().all(|item| told.contains(item)));
    assert_eq!(answers.iter().map(|answer| answer.records.len()).sum::<usize>(), 40);
}

#[tokio::test]
async fn a_device_that_begins_hears_of_what_goes_meanwhile_alone() {
    let service = Service::start();
    let mut person = with_a_laptop(&service).await;
    // The first is before where any page ends: what went behind that in one manifest may be told.
    let first = Record { item: ItemId::from_bytes([0; ItemId::LEN]), ..new_item() };
    let second = new_item();
    person.put(&service, vec![first.clone(), second.clone()], vec![]).await.ok();
    person.put(&service, (0..90).map(|_| large()).collect(), vec![first.item]).await.ok();
    let path = person.at("/sync?devices=2&manifest=2");
    let page: Sync = service.ask(&key(11), "GET", &path).await.json();
    assert!(page.removed.is_empty() && page.records.iter().any(|it| it.item == second.item));
    let Some(Cursor { manifest: 2, item: Some(item) }) = page.next else {
        panic!("{:?}", page.next)
    };
    person.put(&service, vec![], vec![second.item]).await.ok();
    let path = format!("{path}&items=2&item={item}");
    let page: Sync = service.ask(&key(11), "GET", &path).await.json();
    assert_eq!(page.removed, [second.item]);
}

/// T-27: an account with more manifests than fit two answers, the newest of which changed all items. They
/// come with the manifest that changed them: who asks counts them by what it was told.
#[tokio::test]
async fn items_do_not_come_before_their_manifests() {
    let service = Service::start();
    let mut person = with_a_laptop(&service).await;
    person.put(&service, (0..40).map(|_| large()).collect(), vec![]).await.ok();
    let newest = 2 * MAX_SYNC_MANIFESTS + 1000;
    let more = format!(
        "WITH RECURSIVE n(v) AS (SELECT 2 UNION ALL SELECT v + 1 FROM n WHERE v < {newest})
         INSERT INTO manifests SELECT account, v, statement FROM manifests, n;
         UPDATE items SET manifest = {newest};
         UPDATE accounts SET manifest = {newest};"
    );
    database(&service).execute_batch(&more).unwrap();
    let answers = answers(&service, &person, 0, 0).await;
    assert_eq!(answers.iter().map(|answer| answer.manifests.len()).sum::<usize>(), newest);
    assert_eq!(answers.iter().map(|answer| answer.records.len()).sum::<usize>(), 40);
    let whole = Cursor { manifest: MAX_SYNC_MANIFESTS as u64, item: None };
    assert_eq!((answers[0].records.len(), answers[0].next), (0, Some(whole)));
    assert_eq!(answers[1].records.len(), 0);
    assert_eq!(answers[2].records.len(), 40);
}

#[tokio::test]
async fn wrapped_keys_leave_their_room_to_no_items() {
    let service = Service::start();
    let mut person = with_a_laptop(&service).await;
    person.put(&service, (0..63).map(|_| new_item()).collect(), vec![]).await.ok();
    let phone = person.phone.public();
    let mut append = person.append(Change::Revoke { device: phone }, &key(11));
    for wrapped in &mut append.rewrapped {
        wrapped.key.0.resize(84 + 65_536, 7);
    }
    service.post(&key(11), &person.at("/devices"), &append).await.ok();
    person.entries.push(append.entry);
    let commit = person.commit_by(&key(11), (0..40).map(|_| large()).collect(), vec![], |_| ());
    service.post(&key(11), &person.at("/items"), &commit).await.ok();
    let answers = answers(&service, &person, 2, 1).await;
    assert_eq!(answers[0].rewrapped.len(), 63);
    assert_eq!(answers.iter().map(|answer| answer.records.len()).sum::<usize>(), 40);
}
