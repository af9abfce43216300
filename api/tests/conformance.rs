//! What any store does: functions over a store, so that another one can run them.
#![allow(clippy::unwrap_used)]

mod client;

use client::{NOW_S, Person, device, key, new_item, rng};
use hallmark_api::store::{
    Caller, Created, KEPT_S, NewAccount, NextEntry, NextManifest, Options, Part, Store, StoreError,
    SyncFrom,
};
use hallmark_core::{
    account::{
        BlobId, Signed,
        device_list::Change,
        exchange::{Commit, Cursor, StartUpload},
        manifest::Manifest,
    },
    hash::Sha256,
    httpsig::Nonce,
    key::SigningKey,
};
use tempfile::TempDir;

/// Everything, from where a device has nothing.
const NOTHING: SyncFrom =
    SyncFrom { devices: 0, manifest: 0, items: Cursor { manifest: 0, item: None } };
const QUOTA_BYTES: u64 = 100_000;

fn caller(key: &SigningKey) -> Caller {
    let nonce = Nonce::generate(&mut rng());
    Caller { key: key.public(), nonce, created_s: NOW_S, now_s: NOW_S }
}

async fn create(store: &Store, caller: Caller, person: &mut Person) -> Result<Created, StoreError> {
    let create = person.create();
    let new = NewAccount { account: person.id(), create, device: person.phone.public() };
    store.create_account(caller, new).await
}

async fn joined(store: &Store) -> Person {
    let mut person = Person::new();
    let caller = caller(&person.phone);
    assert_eq!(create(store, caller, &mut person).await.unwrap(), Created::New);
    person
}

fn next(person: &Person, commit: Commit, delta_bytes: i64) -> NextManifest {
    let head = person.list().head();
    NextManifest { account: person.id(), commit, head, delta_bytes, quota_bytes: QUOTA_BYTES }
}

async fn an_account_is_there_whole_or_not_at_all(store: &Store) {
    let mut person = Person::new();
    assert!(matches!(store.account(person.id()).await, Err(StoreError::NoAccount)));
    let first = caller(&person.phone);
    assert_eq!(create(store, first, &mut person).await.unwrap(), Created::New);
    person.entries.clear();
    let again = caller(&person.phone);
    assert_eq!(create(store, again, &mut person).await.unwrap(), Created::Same);
    person.entries.clear();
    let replayed = create(store, first, &mut person).await;
    assert!(matches!(replayed, Err(StoreError::Replayed)), "{replayed:?}");
    let there = store.account(person.id()).await.unwrap();
    assert_eq!(there.entries, person.entries);
    assert!(there.manifest.is_none() && there.items.is_empty());
    assert_eq!(store.membership(person.phone.public()).await.unwrap(), Some(person.id()));
}

async fn a_manifest_is_taken_by_the_state_it_was_verified_against(store: &Store) {
    let person = joined(store).await;
    let commit = person.commit(vec![new_item()], vec![]);
    let elsewhere =
        NextManifest { head: Sha256::of(b"another"), ..next(&person, commit.clone(), 1) };
    let refused = store.accept_commit(caller(&person.phone), elsewhere).await;
    assert!(matches!(refused, Err(StoreError::DevicesChanged)), "{refused:?}");
    let full = next(&person, commit.clone(), i64::try_from(QUOTA_BYTES).unwrap() + 1);
    let refused = store.accept_commit(caller(&person.phone), full).await;
    assert!(matches!(refused, Err(StoreError::Quota)), "{refused:?}");
    let sync = store.sync(person.phone.public(), person.id(), NOTHING).await.unwrap();
    assert!(sync.records.is_empty() && sync.manifests.is_empty(), "a refused one leaves nothing");

    for _ in 0..2 {
        let next = next(&person, commit.clone(), 1);
        store.accept_commit(caller(&person.phone), next).await.unwrap();
    }
    let previous = Some(commit.manifest.hash());
    let with = |version, previous| {
        let spoil = move |manifest: &mut Manifest| {
            (manifest.version, manifest.previous) = (version, previous);
        };
        next(&person, person.commit_by(&person.phone, vec![new_item()], vec![], spoil), 1)
    };
    for rival in [with(1, None), with(2, Some(Sha256::of(b"another"))), with(3, previous)] {
        let refused = store.accept_commit(caller(&person.phone), rival).await;
        assert!(matches!(refused, Err(StoreError::ItemsChanged)), "{refused:?}");
    }
    let sync = store.sync(person.phone.public(), person.id(), NOTHING).await.unwrap();
    assert_eq!(sync.records, commit.records);
}

async fn an_entry_is_taken_by_the_state_it_was_verified_against(store: &Store) {
    let mut person = joined(store).await;
    let entry = |person: &Person, n| NextEntry {
        account: person.id(),
        append: person.append(Change::Add { device: device(&key(n)) }, &person.phone),
        manifest: person.manifests.len() as u64,
        listed: vec![person.phone.public(), key(n).public()],
        delta_bytes: 0,
    };
    let (early, rival) = (entry(&person, 1), entry(&person, 2));
    let commit = person.commit(vec![new_item()], vec![]);
    let taken = next(&person, commit.clone(), 1);
    store.accept_commit(caller(&person.phone), taken).await.unwrap();
    person.follow(&commit);
    let refused = store.append_entry(caller(&person.phone), early).await;
    assert!(matches!(refused, Err(StoreError::ItemsChanged)), "{refused:?}");
    let good = entry(&person, 1);
    for _ in 0..2 {
        store.append_entry(caller(&person.phone), good.clone()).await.unwrap();
    }
    let refused = store.append_entry(caller(&person.phone), rival).await;
    assert!(matches!(refused, Err(StoreError::DevicesChanged)), "{refused:?}");
    let list = store.devices(key(1).public(), person.id(), 0).await.unwrap();
    assert_eq!(list.entries.last().map(Signed::hash), Some(good.append.entry.hash()));
}

async fn a_part_is_there_with_its_bytes_or_not_at_all(store: &Store) {
    let person = joined(store).await;
    let (key, account, blob) = (person.phone.public(), person.id(), BlobId::generate(&mut rng()));
    let upload = StartUpload { blob, size_bytes: 5 };
    store.start_upload(caller(&person.phone), account, upload, QUOTA_BYTES).await.unwrap();
    let part =
        |bytes: &'static [u8]| Part { blob, part: 0, bytes: bytes.into(), hash: Sha256::of(bytes) };
    let short = store.put_part(caller(&person.phone), account, part(b"hell")).await;
    assert!(matches!(short, Err(StoreError::PartSize)), "{short:?}");
    assert!(matches!(store.content(key, account, blob).await, Err(StoreError::Incomplete)));
    store.put_part(caller(&person.phone), account, part(b"hello")).await.unwrap();
    let other = store.put_part(caller(&person.phone), account, part(b"HELLO")).await;
    assert!(matches!(other, Err(StoreError::Differs)), "{other:?}");
    let content = store.content(key, account, blob).await.unwrap();
    assert_eq!(std::io::read_to_string(content.file).unwrap(), "hello");
}

async fn nothing_is_left_of_an_erased_account(store: &Store) {
    let person = joined(store).await;
    let commit = person.commit(vec![new_item()], vec![]);
    store.accept_commit(caller(&person.phone), next(&person, commit, 680)).await.unwrap();
    let erased = store.erase_account(caller(&person.phone), person.id()).await.unwrap();
    assert_eq!((erased.items, erased.blobs, erased.bytes), (1, 0, 680));
    assert!(matches!(store.account(person.id()).await, Err(StoreError::NoAccount)));
    assert_eq!(store.membership(person.phone.public()).await.unwrap(), None);
    let again = store.erase_account(caller(&person.phone), person.id()).await;
    assert!(matches!(again, Err(StoreError::NoAccount)), "{again:?}");
}

/// Last of all: it moves the store's time on, and what the others sign counts no more.
async fn a_nonce_that_is_forgotten_counts_no_more(store: &Store) {
    let spent = caller(&key(3));
    store.spend(spent).await.unwrap();
    let replayed = store.check_unspent(spent).await;
    assert!(matches!(replayed, Err(StoreError::Replayed)), "{replayed:?}");
    store.sweep(NOW_S + KEPT_S + 1).await.unwrap();
    for caller in [spent, caller(&key(3))] {
        let checked = store.check_unspent(caller).await;
        assert!(matches!(checked, Err(StoreError::BelowFloor)), "{checked:?}");
        let again = store.spend(caller).await;
        assert!(matches!(again, Err(StoreError::BelowFloor)), "{again:?}");
    }
    let later = Caller { created_s: NOW_S + 1, ..caller(&key(3)) };
    store.check_unspent(later).await.unwrap();
    store.spend(later).await.unwrap();
}

#[tokio::test]
async fn sqlite_conforms() {
    let directory = TempDir::new().unwrap();
    let store = Store::open(directory.path(), &Options::default()).unwrap();
    an_account_is_there_whole_or_not_at_all(&store).await;
    a_manifest_is_taken_by_the_state_it_was_verified_against(&store).await;
    an_entry_is_taken_by_the_state_it_was_verified_against(&store).await;
    a_part_is_there_with_its_bytes_or_not_at_all(&store).await;
    nothing_is_left_of_an_erased_account(&store).await;
    a_nonce_that_is_forgotten_counts_no_more(&store).await;
    store.close();
    let closed = store.spend(caller(&key(1))).await;
    assert!(matches!(closed, Err(StoreError::Closing)), "{closed:?}");
}
