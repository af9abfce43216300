//! What happens to a part while its bytes are written: the blob goes, or the device does.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    collections::HashSet,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use client::{Answer, Person, Service, device, rng};
use hallmark_core::{
    account::{
        BlobId,
        device_list::Change,
        exchange::{PART_BYTES, StartUpload},
    },
    key::SigningKey,
    problem::Code,
};
use tokio::task::JoinHandle;

/// Rounds until the other request was the faster one. It nearly always is.
const ROUNDS: usize = 50;

fn files(service: &Service) -> HashSet<PathBuf> {
    let folders = fs::read_dir(service.path().join("blobs")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

fn is_begun(file: &Path) -> bool {
    let mut first = [0];
    File::open(file).and_then(|mut file| file.read(&mut first)).is_ok() && first != [0]
}

/// Starts an upload and sends its one part; returns when its first bytes are in the file, which is
/// after all that is looked up before.
async fn on_its_way(
    service: &Arc<Service>,
    person: &Person,
    by: &SigningKey,
) -> (BlobId, JoinHandle<Answer>) {
    let blob = BlobId::generate(&mut rng());
    let before = files(service);
    let upload = StartUpload { blob, size_bytes: PART_BYTES };
    service.post(by, &person.at("/blobs"), &upload).await.ok();
    let file = files(service).difference(&before).next().unwrap().clone();
    let path = person.at(&format!("/blobs/{blob}/parts/0"));
    let put = service.call(by, "PUT", &path, &vec![7; PART_BYTES as usize]);
    let service = service.clone();
    let sending = tokio::spawn(async move { service.send(&put).await });
    while !is_begun(&file) && !sending.is_finished() {
        tokio::task::yield_now().await;
    }
    (blob, sending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_part_of_a_blob_that_goes_meanwhile_is_a_part_of_none() {
    let service = Arc::new(Service::start());
    let person = Person::joined(&service).await;
    for _ in 0..ROUNDS {
        let (blob, sending) = on_its_way(&service, &person, &person.phone).await;
        let path = person.at(&format!("/blobs/{blob}"));
        service.ask(&person.phone, "DELETE", &path).await.ok();
        let answer = sending.await.unwrap();
        if !answer.status.is_success() {
            assert_eq!(answer.code(), Code::NoBlob);
            return;
        }
    }
    panic!("it was never deleted meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_part_of_a_device_that_is_revoked_meanwhile_is_not_taken() {
    let service = Arc::new(Service::start());
    let mut person = Person::joined(&service).await;
    let phone = SigningKey::from_seed(&person.phone.seed());
    for _ in 0..ROUNDS {
        let laptop = SigningKey::generate(&mut rng());
        person.change(&service, Change::Add { device: device(&laptop) }, &phone).await.ok();
        let (_, sending) = on_its_way(&service, &person, &laptop).await;
        let revoke = Change::Revoke { device: laptop.public() };
        person.change(&service, revoke, &phone).await.ok();
        let answer = sending.await.unwrap();
        if !answer.status.is_success() {
            assert_eq!(answer.code(), Code::Revoked);
            return;
        }
    }
    panic!("it was never revoked meanwhile");
}
