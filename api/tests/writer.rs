//! The one writer: one winner per version, nothing lost, and a queue that can be full.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use client::{Person, Service, device, key, new_item};
use hallmark_api::{
    app::Settings,
    limit::Rate,
    store::{Durability, Options},
};
use hallmark_core::{
    account::{Signed, device_list::Change, exchange::Sync},
    key::SigningKey,
    problem::Code,
};

/// 64 tasks commit to one account until each has had one taken.
async fn contend(options: &Options) {
    let account_rate = Rate::new(1, 1_000_000);
    let settings = Settings { account_rate, ..Settings::default() };
    let service = Arc::new(Service::with(settings, options));
    let person = Person::joined(&service).await;
    let phone = person.phone.seed();
    let person = Arc::new(tokio::sync::Mutex::new(person));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let (service, person) = (service.clone(), person.clone());
            let phone = SigningKey::from_seed(&phone);
            tokio::spawn(async move {
                let mut kept = Vec::new();
                while kept.is_empty() {
                    let item = new_item();
                    let (path, commit) = {
                        let person = person.lock().await;
                        (person.at("/items"), person.commit(vec![item.clone()], vec![]))
                    };
                    let answer = service.post(&phone, &path, &commit).await;
                    if answer.status.is_success() {
                        // The winner's next version is on the way to the others.
                        person.lock().await.follow(&commit);
                        kept.push(item);
                    } else {
                        assert_eq!(answer.code(), Code::ItemsChanged);
                        tokio::task::yield_now().await;
                    }
                }
                kept
            })
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        kept.extend(task.await.unwrap());
    }
    let person = person.lock().await;
    let sync: Sync = service.ask(&person.phone, "GET", &person.at("/sync")).await.json();
    assert_eq!(sync.manifests.len(), 64, "one winner for each version");
    assert!(sync.manifests.windows(2).all(|pair| {
        let [before, after] = pair else { return false };
        after.claimed().check_follows(Some(before)).is_ok()
    }));
    assert_eq!(sync.records.len(), kept.len());
    for item in kept {
        assert!(sync.records.contains(&item), "an acknowledged item is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_wins_each_version() {
    contend(&Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_wins_each_version_with_one_commit_per_request() {
    contend(&Options { group_max: 1, ..Options::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entries_and_manifests_do_not_pass_each_other() {
    let service = Arc::new(Service::start());
    for round in 0..20 {
        let person = Person::joined(&service).await;
        let laptop = device(&key(100 + round));
        let append = person.append(Change::Add { device: laptop }, &person.phone);
        let commit = person.commit(vec![new_item()], vec![]);
        let (at_devices, at_items) = (person.at("/devices"), person.at("/items"));
        let (entry, items) = tokio::join!(
            service.post(&person.phone, &at_devices, &append),
            service.post(&person.phone, &at_items, &commit),
        );
        assert!(entry.status.is_success() != items.status.is_success(), "{entry:?} {items:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_queue_is_said_and_nothing_of_it_happened() {
    let options = Options { queue_max: 1, group_max: 1, ..Options::default() };
    let service = Arc::new(Service::with(Settings::default(), &options));
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move {
                let mut person = Person::new();
                let create = person.create();
                let answer = service.post(&person.phone, "/v1/accounts", &create).await;
                let there = service.ask(&person.phone, "GET", &person.at("/sync")).await;
                if answer.status.is_success() {
                    there.ok();
                    return false;
                }
                assert_eq!(answer.code(), Code::Overloaded);
                assert_eq!(answer.headers["retry-after"], "1");
                assert_eq!(there.code(), Code::NoAccount);
                true
            })
        })
        .collect();
    let mut refused = 0;
    for task in tasks {
        refused += usize::from(task.await.unwrap());
    }
    assert!(refused > 0, "64 at once fit a queue of one");
}

#[tokio::test]
async fn what_is_discarded_is_acknowledged_and_nowhere() {
    let options = Options { durability: Durability::Discard, ..Options::default() };
    let service = Service::with(Settings::default(), &options);
    let mut person = Person::joined(&service).await;
    for _ in 0..3 {
        person.put(&service, vec![new_item()], vec![]).await.ok();
    }
    assert_eq!(person.manifests.last().map(Signed::claimed).unwrap().version, 3);
    let sync = service.ask(&person.phone, "GET", &person.at("/sync")).await;
    assert_eq!(sync.code(), Code::NoAccount);
}

#[tokio::test]
async fn the_store_counts_what_it_does_and_holds() {
    let service = Service::start();
    let store = service.app.store();
    let now = Instant::now();
    let empty = store.measures(now).held.unwrap();
    assert_eq!((empty.accounts, empty.items, empty.blobs, empty.bytes), (0, 0, 0, 0));
    let mut person = Person::joined(&service).await;
    person.put(&service, vec![new_item(), new_item()], vec![]).await.ok();
    assert_eq!(store.measures(now + Duration::from_secs(59)).held, Some(empty));
    let measures = store.measures(now + Duration::from_secs(60));
    let held = measures.held.unwrap();
    assert_eq!((held.accounts, held.items, held.blobs), (1, 2, 0));
    assert!(held.bytes > 2 * (340 + 340), "{held:?}");
    assert_eq!((measures.waiting, measures.group_sizes.count, measures.group_sizes.sum), (0, 2, 2));
    assert_eq!(measures.commits_us.count, 2);
    assert!(measures.database_bytes > 0 && measures.log_bytes > 0);
}
