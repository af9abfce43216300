//! Accounts, device lists, items and synchronising, through the router with signed requests.

#![allow(clippy::unwrap_used)]

mod client;

use client::{Person, Service, device, key, new_item, record};
use hallmark_api::app::Settings;
use hallmark_core::{
    account::{
        device_list::{Change, DeviceList},
        exchange::{AppendEntry, Cursor, Devices, Membership, ServiceInfo, Sync},
        manifest::Leaves,
    },
    hash::Sha256,
    key::SigningKey,
    problem::Code,
};

#[tokio::test]
async fn anybody_may_know_the_service() {
    let service = Service::start();
    let request = axum::http::Request::get("/v1/service").body(axum::body::Body::empty()).unwrap();
    let answer = service.send_raw(request).await;
    let info: ServiceInfo = answer.json();
    assert_eq!(info.key, service.app.key());
    assert_eq!(info.max_body_bytes, 8 << 20);
    assert_eq!(answer.headers["date"], "Fri, 15 Jan 2027 08:00:00 GMT");
}

#[tokio::test]
async fn what_is_announced_is_what_is_taken() {
    let settings = Settings { max_body_bytes: 1000, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let info: ServiceInfo = service.ask(&key(1), "GET", "/v1/service").await.json();
    assert_eq!(info.max_body_bytes, 1000);
    let post = async |length| {
        let call = service.call(&key(1), "POST", "/v1/accounts", &vec![b' '; length]);
        service.send(&call).await.code()
    };
    assert_eq!(post(1000).await, Code::Malformed);
    assert_eq!(post(1001).await, Code::TooLarge);
    let settings = Settings { max_body_bytes: u64::MAX, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let info: ServiceInfo = service.ask(&key(1), "GET", "/v1/service").await.json();
    assert_eq!(info.max_body_bytes, 8 << 20, "no more is read");
}

#[tokio::test]
async fn an_account_begins_once() {
    let service = Service::start();
    let mut person = Person::new();
    let create = person.create();
    let stranger = service.post(&key(1), "/v1/accounts", &create).await;
    assert_eq!(stranger.code(), Code::EntryRefused);
    assert_eq!(service.post(&person.phone, "/v1/accounts", &create).await.status, 201);
    assert_eq!(service.post(&person.phone, "/v1/accounts", &create).await.status, 200);
    assert_eq!(service.post(&person.recovery, "/v1/accounts", &create).await.status, 200);

    let mut other = Person { recovery: key(5), ..Person::new() };
    service.post(&key(5), "/v1/accounts", &other.create()).await.ok();
    let mut again = Person { recovery: key(5), ..Person::new() };
    let differs = service.post(&key_of(&again), "/v1/accounts", &again.create()).await;
    assert_eq!(differs.code(), Code::Differs);
}

#[tokio::test]
async fn an_account_begins_with_what_belongs_to_it() {
    let service = Service::start();
    let mut person = Person::new();
    let good = person.create();
    let mut wraps = good.clone();
    wraps.wraps.wraps.pop();
    let mut entry = good.clone();
    entry.entry = Person::new().create().entry;
    for create in [wraps, entry] {
        let answer = service.post(&person.recovery, "/v1/accounts", &create).await;
        assert_eq!(answer.code(), Code::EntryRefused);
    }
    service.post(&person.recovery, "/v1/accounts", &good).await.ok();
}

#[tokio::test]
async fn membership_follows_the_device_list() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (phone, laptop) = (key_of(&person), key(11));
    let of = async |key: SigningKey| {
        service.ask(&key, "GET", "/v1/membership").await.json::<Membership>().account
    };
    assert_eq!(of(key(11)).await, None);
    assert_eq!(of(key_of(&person)).await, Some(person.id()));
    person.change(&service, Change::Add { device: device(&laptop) }, &phone).await.ok();
    assert_eq!(of(key(11)).await, Some(person.id()));
    person.change(&service, Change::Revoke { device: phone.public() }, &laptop).await.ok();
    assert_eq!(of(phone).await, None);
}

/// Anybody can list any key; whoever listed it last is asked about, and words are compared.
#[tokio::test]
async fn of_two_accounts_that_list_a_key_the_last_is_named() {
    let service = Service::start();
    let (mut person, mut thief) = (Person::joined(&service).await, Person::joined(&service).await);
    let (phone, thief_phone, laptop) = (key_of(&person), key_of(&thief), key(11));
    let add = Change::Add { device: device(&laptop) };
    let of =
        async || service.ask(&laptop, "GET", "/v1/membership").await.json::<Membership>().account;
    person.change(&service, add.clone(), &phone).await.ok();
    assert_eq!(of().await, Some(person.id()));
    thief.change(&service, add.clone(), &thief_phone).await.ok();
    assert_eq!(of().await, Some(thief.id()));
    // An entry about another device lists nothing anew.
    person.change(&service, Change::Add { device: device(&key(12)) }, &phone).await.ok();
    assert_eq!(of().await, Some(thief.id()));
    person.change(&service, Change::Revoke { device: laptop.public() }, &phone).await.ok();
    assert_eq!(of().await, Some(thief.id()));
    person.change(&service, add, &phone).await.ok();
    assert_eq!(of().await, Some(person.id()));
    service.ask(&laptop, "GET", &person.at("/sync")).await.ok();
    service.ask(&laptop, "GET", &thief.at("/sync")).await.ok();
}

#[tokio::test]
async fn items_come_change_and_go() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (a, b) = (new_item(), new_item());
    person.put(&service, vec![a.clone(), b.clone()], vec![]).await.ok();
    person.put(&service, vec![record(a.item, 2)], vec![b.item]).await.ok();

    let everything = "/sync?devices=0&manifest=0&items=0";
    let sync: Sync = service.ask(&person.phone, "GET", &person.at(everything)).await.json();
    assert_eq!(sync.entries, person.entries);
    assert!(sync.wraps.expect("entries are new").belong_to(&person.list()));
    assert_eq!(sync.manifests, person.manifests);
    assert_eq!(sync.records, [person.items[&a.item].clone()]);
    assert_eq!((sync.removed, sync.next), (vec![], None), "a device that begins holds nothing");

    let nothing: Sync = service
        .ask(&person.phone, "GET", &person.at("/sync?devices=1&manifest=2&items=2"))
        .await
        .json();
    assert!(nothing.entries.is_empty() && nothing.wraps.is_none() && nothing.records.is_empty());
    assert!(nothing.manifests.is_empty() && nothing.removed.is_empty());

    let since: Sync = service
        .ask(&person.phone, "GET", &person.at("/sync?devices=1&manifest=1&items=1"))
        .await
        .json();
    assert_eq!((since.manifests.len(), since.records.len()), (1, 1));
    assert_eq!(since.removed, [b.item]);
    for beyond in ["devices=2&manifest=2&items=2", "devices=1&manifest=3", "items=3"] {
        let answer =
            service.ask(&person.phone, "GET", &person.at(&format!("/sync?{beyond}"))).await;
        assert_eq!(answer.code(), Code::Ahead, "{beyond}");
    }
}

#[tokio::test]
async fn an_item_that_comes_back_is_not_removed() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let item = new_item();
    person.put(&service, vec![item.clone()], vec![]).await.ok();
    person.put(&service, vec![], vec![item.item]).await.ok();
    person.put(&service, vec![record(item.item, 3)], vec![]).await.ok();
    let sync: Sync = service.ask(&person.phone, "GET", &person.at("/sync?items=1")).await.json();
    assert_eq!((sync.records.len(), sync.removed.len()), (1, 0));
}

#[tokio::test]
async fn a_long_answer_comes_in_pages() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let large = |_| {
        let mut record = new_item();
        record.envelope.0.resize(84 + 65_536, 7);
        record
    };
    for _ in 0..2 {
        person.put(&service, (0..50).map(large).collect(), vec![]).await.ok();
    }
    let mut cursor = Cursor { manifest: 0, item: None };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let item = cursor.item.map_or(String::new(), |item| format!("&item={item}"));
        let path = person.at(&format!("/sync?items={}{item}", cursor.manifest));
        let sync: Sync = service.ask(&person.phone, "GET", &path).await.json();
        seen.extend(sync.records.iter().map(|record| (record.item, record.leaf())));
        pages += 1;
        match sync.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (100, 2));
    let root = Leaves(seen.into_iter().collect()).root();
    assert_eq!(root, person.manifests[1].claimed().root);
}

#[tokio::test]
async fn the_same_commit_is_taken_again_and_another_is_not() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (first, rival) =
        (person.commit(vec![new_item()], vec![]), person.commit(vec![new_item()], vec![]));
    let path = person.at("/items");
    service.post(&person.phone, &path, &first).await.ok();
    service.post(&person.phone, &path, &first).await.ok();
    let answer = service.post(&person.phone, &path, &rival).await;
    assert_eq!(answer.code(), Code::ItemsChanged);
    person.follow(&first);
    person.put(&service, vec![new_item()], vec![]).await.ok();
    let old = service.post(&person.phone, &path, &first).await;
    assert_eq!(old.code(), Code::ItemsChanged, "an old manifest");
}

#[tokio::test]
async fn a_commit_is_refused_unless_everything_belongs() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let other = Person::joined(&service).await;
    let laptop = key(11);
    let item = new_item();
    person.put(&service, vec![item.clone()], vec![]).await.ok();
    person.change(&service, Change::Add { device: device(&laptop) }, &key_of(&person)).await.ok();
    let phone = key_of(&person);
    let records = || vec![record(item.item, 2)];

    let moved = person.commit_by(&phone, records(), vec![], |_| ());
    let answer = service.post(&other.phone, &other.at("/items"), &moved).await;
    assert_eq!(answer.code(), Code::ManifestRefused, "an item moved to another account");

    let cases = [
        (Code::DevicesChanged, person.commit_by(&phone, records(), vec![], |m| m.devices = 0)),
        (Code::DevicesChanged, person.commit_by(&phone, records(), vec![], |m| m.devices = 2)),
        (Code::ItemsChanged, person.commit_by(&phone, records(), vec![], |m| m.version = 3)),
        (Code::ItemsChanged, person.commit_by(&phone, records(), vec![], |m| m.previous = None)),
        (Code::ManifestRefused, person.commit_by(&phone, records(), vec![], |m| m.items = 2)),
        (
            Code::ManifestRefused,
            person.commit_by(&phone, records(), vec![], |m| m.root = Sha256::of(b"")),
        ),
        (Code::ManifestRefused, person.commit_by(&laptop, records(), vec![], |_| ())),
        (Code::ManifestRefused, person.commit(vec![record(item.item, 1)], vec![])),
        (Code::ManifestRefused, person.commit(vec![], vec![new_item().item])),
    ];
    for (at, (code, commit)) in cases.into_iter().enumerate() {
        let answer = service.post(&phone, &person.at("/items"), &commit).await;
        assert_eq!(answer.code(), code, "case {at}");
    }
    let (mut plain, mut bare) = (new_item(), new_item());
    plain.envelope.0 = b"12 Rue de la Paix".to_vec();
    bare.key.0 = b"a key in clear".to_vec();
    for record in [plain, bare] {
        let commit = person.commit(vec![record], vec![]);
        let answer = service.post(&phone, &person.at("/items"), &commit).await;
        assert_eq!(answer.code(), Code::Malformed, "no sealed item");
    }
    let by_recovery = person.commit_by(&person.recovery, records(), vec![], |_| ());
    let answer = service.post(&person.recovery, &person.at("/items"), &by_recovery).await;
    assert_eq!(answer.code(), Code::ManifestRefused);
    person.put(&service, records(), vec![]).await.ok();
}

#[tokio::test]
async fn devices_come_and_go_with_the_keys_under_the_new_root() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (phone, laptop) = (key_of(&person), key(11));
    let item = new_item();
    person.put(&service, vec![item.clone(), new_item()], vec![]).await.ok();
    person.change(&service, Change::Add { device: device(&laptop) }, &phone).await.ok();

    let revoke = Change::Revoke { device: phone.public() };
    let good = person.append(revoke.clone(), &laptop);
    let spoilt: [fn(&mut hallmark_core::account::exchange::AppendEntry); 5] = [
        |append| drop(append.rewrapped.pop()),
        |append| append.rewrapped[0] = append.rewrapped[1].clone(),
        |append| append.rewrapped[0].version = 2,
        |append| append.rewrapped.push(append.rewrapped[0].clone()),
        |append| drop(append.wraps.wraps.pop()),
    ];
    for (at, spoil) in spoilt.into_iter().enumerate() {
        let mut append = good.clone();
        spoil(&mut append);
        let answer = service.post(&laptop, &person.at("/devices"), &append).await;
        assert_eq!(answer.code(), Code::EntryRefused, "case {at}");
    }
    let mut bare = good.clone();
    bare.rewrapped[0].key.0 = b"a key in clear".to_vec();
    let answer = service.post(&laptop, &person.at("/devices"), &bare).await;
    assert_eq!(answer.code(), Code::Malformed, "no sealed item");
    let answer = service.post(&phone, &person.at("/devices"), &good).await;
    assert_eq!(answer.code(), Code::EntryRefused, "sent by another device than signed it");
    let mut same_root = person.append(Change::Add { device: device(&key(12)) }, &laptop);
    same_root.rewrapped = good.rewrapped.clone();
    let answer = service.post(&laptop, &person.at("/devices"), &same_root).await;
    assert_eq!(answer.code(), Code::EntryRefused, "keys of a root that stays");
    let other = Person::joined(&service).await;
    let answer = service.post(&other.phone, &other.at("/devices"), &good).await;
    assert_eq!(answer.code(), Code::EntryRefused, "an entry of another account");

    person.change(&service, revoke, &laptop).await.ok();
    service.post(&laptop, &person.at("/devices"), &good).await.ok();
    let sync: Sync =
        service.ask(&laptop, "GET", &person.at("/sync?devices=2&manifest=1&items=1")).await.json();
    assert_eq!(sync.rewrapped.len(), 2);
    for wrapped in &sync.rewrapped {
        assert_eq!(wrapped.key, person.items[&wrapped.item].key);
    }
    assert!(sync.wraps.expect("a new root").belong_to(&person.list()));
}

#[tokio::test]
async fn an_entry_continues_list_and_manifest() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let phone = key_of(&person);
    let add = |n| Change::Add { device: device(&key(n)) };
    let before_items = person.append(add(12), &phone);
    person.put(&service, vec![new_item()], vec![]).await.ok();
    let path = person.at("/devices");
    assert_eq!(service.post(&phone, &path, &before_items).await.code(), Code::ItemsChanged);
    let rival = person.append(add(13), &phone);
    person.change(&service, add(14), &phone).await.ok();
    assert_eq!(service.post(&phone, &path, &rival).await.code(), Code::DevicesChanged);
    let last = service.ask(&phone, "GET", &format!("{path}?from=1")).await.json::<Devices>();
    assert_eq!(last.entries, person.entries[1..]);
    let beyond = service.ask(&phone, "GET", &format!("{path}?from=3")).await;
    assert_eq!(beyond.code(), Code::Ahead);
}

/// The wraps are those of the newest entry: they belong to the list as it is without this one.
#[tokio::test]
async fn an_entry_that_cannot_stand_in_the_list_is_refused_whatever_comes_with_it() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let phone = key_of(&person);
    let path = person.at("/devices");
    let wraps = service.ask(&phone, "GET", &path).await.json::<Devices>().wraps.unwrap();
    let add = |n| Change::Add { device: device(&key(n)) };
    let (again, _) = person.entry(Change::Add { device: device(&phone) }, &phone, |_| ());
    let (root, _) = person.entry(add(11), &phone, |entry| entry.epoch = 1);
    let (place, _) = person.entry(add(11), &phone, |entry| entry.seq = 2);
    let mut forged = serde_json::to_value(&root).unwrap();
    forged["statement"]["epoch"] = 0.into();
    let forged = serde_json::from_value(forged).unwrap();
    for (what, entry) in [("again", again), ("root", root), ("place", place), ("forged", forged)] {
        let append = AppendEntry { entry, wraps: wraps.clone(), rewrapped: vec![] };
        let answer = service.post(&phone, &path, &append).await;
        assert_eq!(answer.code(), Code::EntryRefused, "{what}");
    }
}

#[tokio::test]
async fn a_thief_is_undone_by_the_recovery_key() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (phone, thief, fresh) = (key_of(&person), key(66), key(20));
    person.change(&service, Change::Add { device: device(&thief) }, &phone).await.ok();
    person.change(&service, Change::Revoke { device: phone.public() }, &thief).await.ok();
    let sync = person.at("/sync");
    assert_eq!(service.ask(&phone, "GET", &sync).await.code(), Code::Revoked);
    service.ask(&person.recovery, "GET", &sync).await.ok();
    let recovery = SigningKey::from_seed(&person.recovery.seed());
    let recover = Change::Recover { devices: vec![device(&fresh)] };
    person.change(&service, recover, &recovery).await.ok();
    service.ask(&fresh, "GET", &sync).await.ok();
    assert_eq!(service.ask(&thief, "GET", &sync).await.code(), Code::Revoked);
}

#[tokio::test]
async fn who_may_and_who_may_not() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (phone, gone) = (key_of(&person), key(11));
    person.change(&service, Change::Add { device: device(&gone) }, &phone).await.ok();
    let late = person.commit_by(&gone, vec![new_item()], vec![], |_| ());
    person.change(&service, Change::Revoke { device: gone.public() }, &phone).await.ok();

    let devices: Devices = service.ask(&gone, "GET", &person.at("/devices")).await.json();
    assert!(devices.wraps.is_none(), "a revoked device sees who revoked it, and no root");
    DeviceList::open(person.id(), &devices.entries).expect("the whole list");
    let devices: Devices = service.ask(&phone, "GET", &person.at("/devices")).await.json();
    assert!(devices.wraps.is_some());
    assert_eq!(service.ask(&gone, "GET", &person.at("/sync")).await.code(), Code::Revoked);
    let answer = service.post(&gone, &person.at("/items"), &late).await;
    assert_eq!(answer.code(), Code::Revoked);
    let append = person.append(Change::Add { device: device(&gone) }, &gone);
    let answer = service.post(&gone, &person.at("/devices"), &append).await;
    assert_eq!(answer.code(), Code::Revoked);

    let stranger = key(99);
    for path in ["/sync", "/devices"] {
        let answer = service.ask(&stranger, "GET", &person.at(path)).await;
        assert_eq!(answer.code(), Code::NotListed, "{path}");
        let answer = service.ask(&stranger, "GET", &Person::new().at(path)).await;
        assert_eq!(answer.code(), Code::NoAccount, "{path}");
    }
    let commit = person.commit_by(&stranger, vec![new_item()], vec![], |_| ());
    let answer = service.post(&stranger, &person.at("/items"), &commit).await;
    assert_eq!(answer.code(), Code::NotListed);
}

/// The phone's key, apart from the person.
fn key_of(person: &Person) -> SigningKey {
    SigningKey::from_seed(&person.phone.seed())
}
