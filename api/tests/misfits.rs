//! What a request costs that continues nothing.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Person, Service, device, key, new_item};
use hallmark_core::{
    account::{device_list::Change, exchange::AppendEntry},
    key::SigningKey,
    problem::Code,
};

/// T-34: a request that continues nothing has nothing verified again: what is stored of the list is not
/// even read, but for its end.
#[tokio::test]
async fn a_misfit_does_not_have_the_list_verified_again() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let phone = SigningKey::from_seed(&person.phone.seed());
    for n in 11..14 {
        person.change(&service, Change::Add { device: device(&key(n)) }, &phone).await.ok();
    }
    person.put(&service, vec![new_item()], vec![]).await.ok();
    let database = rusqlite::Connection::open(service.path().join("hallmark.db")).unwrap();
    database.execute("UPDATE entries SET statement = x'00' WHERE seq = 1", []).unwrap();
    let misfit = person.commit_by(&phone, vec![], vec![], |manifest| manifest.previous = None);
    let refused = service.post(&phone, &person.at("/items"), &misfit).await;
    assert_eq!(refused.code(), Code::ItemsChanged);
    let change = Change::Add { device: device(&key(14)) };
    let (entry, wraps) = person.entry(change, &phone, |entry| entry.previous = None);
    let misfit = AppendEntry { entry, wraps, rewrapped: vec![] };
    let refused = service.post(&phone, &person.at("/devices"), &misfit).await;
    assert_eq!(refused.code(), Code::DevicesChanged);
    person.put(&service, vec![new_item()], vec![]).await.ok();
}
