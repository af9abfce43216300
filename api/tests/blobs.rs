//! Blobs through the router: uploads in any order, resumed, read by ranges, deleted, erased.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use client::{Answer, NOW_S, Person, Service, device, key, new_item, rng};
use hallmark_api::app::Settings;
use hallmark_core::{
    account::{
        BlobId, Signed,
        device_list::Change,
        exchange::{Erasure, PART_BYTES, StartUpload, Upload},
    },
    key::SigningKey,
    problem::Code,
};

const PART: usize = PART_BYTES as usize;

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at / 7) as u8 ^ (at >> 16) as u8).collect()
}

fn blob_id() -> BlobId {
    BlobId::generate(&mut rng())
}

async fn start(service: &Service, person: &Person, blob: BlobId, size_bytes: u64) -> Answer {
    let upload = StartUpload { blob, size_bytes };
    service.post(&person.phone, &person.at("/blobs"), &upload).await
}

async fn put(
    service: &Service,
    person: &Person,
    blob: BlobId,
    part: usize,
    bytes: &[u8],
) -> Answer {
    let path = person.at(&format!("/blobs/{blob}/parts/{part}"));
    service.send(&service.call(&person.phone, "PUT", &path, bytes)).await
}

async fn uploaded(service: &Service, person: &Person, bytes: &[u8]) -> BlobId {
    let blob = blob_id();
    start(service, person, blob, bytes.len() as u64).await.ok();
    for (part, bytes) in bytes.chunks(PART).enumerate() {
        put(service, person, blob, part, bytes).await.ok();
    }
    blob
}

async fn upload(service: &Service, person: &Person, blob: BlobId) -> Upload {
    service.ask(&person.phone, "GET", &person.at(&format!("/blobs/{blob}"))).await.json()
}

async fn read(service: &Service, person: &Person, blob: BlobId, range: Option<&str>) -> Answer {
    let path = person.at(&format!("/blobs/{blob}/content"));
    let mut call = service.call(&person.phone, "GET", &path, b"");
    call.extra.extend(range.map(|range| ("range", range.to_owned())));
    service.send(&call).await
}

fn files(service: &Service) -> usize {
    let folders = std::fs::read_dir(service.path().join("blobs")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn parts_come_in_any_order_and_twice() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let bytes = content(2 * PART + 100);
    let blob = blob_id();
    start(&service, &person, blob, bytes.len() as u64).await.ok();
    for part in [2, 0] {
        let bytes = bytes.chunks(PART).nth(part).unwrap();
        put(&service, &person, blob, part, bytes).await.ok();
        put(&service, &person, blob, part, bytes).await.ok();
    }
    let so_far = upload(&service, &person, blob).await;
    assert_eq!((so_far.parts, so_far.complete), (vec![0, 2], false));
    assert_eq!(read(&service, &person, blob, None).await.code(), Code::Incomplete);
    start(&service, &person, blob, bytes.len() as u64).await.ok();
    put(&service, &person, blob, 1, &bytes[PART..2 * PART]).await.ok();
    let all = upload(&service, &person, blob).await;
    assert_eq!(
        (all.parts, all.complete, all.size_bytes),
        (vec![0, 1, 2], true, bytes.len() as u64)
    );
    assert_eq!(read(&service, &person, blob, None).await.body, bytes);
    assert_eq!(files(&service), 1);
}

#[tokio::test]
async fn a_part_that_does_not_fit_changes_nothing() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let bytes = content(PART + 100);
    let blob = uploaded(&service, &person, &bytes).await;
    let (empty, full) = (blob_id(), content(PART));
    start(&service, &person, empty, bytes.len() as u64).await.ok();
    for (part, bytes, code) in [
        (0, &full[..PART - 1], Code::PartSize),
        (0, &full[..0], Code::PartSize),
        (1, &full[..101], Code::PartSize),
        (1, &full[..], Code::PartSize),
        (2, &full[..100], Code::PartSize),
        (2, &full[..0], Code::PartSize),
        (u32::MAX as usize, &full[..1], Code::PartSize),
        (u32::MAX as usize + 1, &full[..1], Code::Malformed),
    ] {
        let answer = put(&service, &person, empty, part, bytes).await;
        assert_eq!(answer.code(), code, "part {part} of {} bytes", bytes.len());
    }
    assert_eq!(put(&service, &person, blob_id(), 0, &full).await.code(), Code::NoBlob);
    assert_eq!(put(&service, &person, blob, 0, &vec![1; PART]).await.code(), Code::Differs);
    let long = put(&service, &person, empty, 0, &vec![1; PART + 1]).await;
    assert_eq!(long.code(), Code::TooLarge);
    assert!(upload(&service, &person, empty).await.parts.is_empty());
    assert_eq!(read(&service, &person, blob, None).await.body, bytes, "what is there stays");
}

#[tokio::test]
async fn ranges_of_a_blob() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let bytes = content(PART + 300_000);
    let size = bytes.len();
    let blob = uploaded(&service, &person, &bytes).await;
    let all = read(&service, &person, blob, None).await;
    assert_eq!(
        (all.status.as_u16(), &all.headers["accept-ranges"]),
        (200, &"bytes".parse().unwrap())
    );
    for (field, range) in [
        ("bytes=0-0", 0..1),
        ("bytes=4194300-4194309", 4_194_300..4_194_310),
        ("bytes=1000000-", 1_000_000..size),
        ("bytes=-5", size - 5..size),
    ] {
        let part = read(&service, &person, blob, Some(field)).await;
        assert_eq!(part.status, 206, "{field}");
        let described = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        assert_eq!(part.headers["content-range"], described);
        assert!(part.body == bytes[range], "{field}");
    }
    for field in ["bytes=9999999-", "bytes=0-1,5-6", "bytes=x"] {
        let none = read(&service, &person, blob, Some(field)).await;
        assert_eq!(none.code(), Code::Range, "{field}");
        assert_eq!(none.headers["content-range"], format!("bytes */{size}"));
    }
}

#[tokio::test]
async fn a_blob_is_its_own_accounts() {
    let service = Service::start();
    let (person, other) = (Person::joined(&service).await, Person::joined(&service).await);
    let blob = uploaded(&service, &person, &content(10)).await;
    assert_eq!(read(&service, &other, blob, None).await.code(), Code::NoBlob);
    assert_eq!(put(&service, &other, blob, 0, &content(10)).await.code(), Code::NoBlob);
    for (method, path) in [("GET", ""), ("GET", "/content"), ("DELETE", ""), ("PUT", "/parts/0")] {
        let path = person.at(&format!("/blobs/{blob}{path}"));
        let answer = service.ask(&other.phone, method, &path).await;
        assert_eq!(answer.code(), Code::NotListed, "{method} {path}");
    }
    start(&service, &other, blob, 20).await.ok();
    assert_eq!(upload(&service, &person, blob).await.size_bytes, 10);
}

#[tokio::test]
async fn a_revoked_device_touches_no_blob() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let blob = uploaded(&service, &person, &content(10)).await;
    let (phone, laptop) = (SigningKey::from_seed(&person.phone.seed()), key(11));
    person.change(&service, Change::Add { device: device(&laptop) }, &phone).await.ok();
    person.change(&service, Change::Revoke { device: phone.public() }, &laptop).await.ok();
    assert_eq!(start(&service, &person, blob_id(), 1).await.code(), Code::Revoked);
    assert_eq!(put(&service, &person, blob, 0, &content(10)).await.code(), Code::Revoked);
    for (method, rest) in [("GET", ""), ("GET", "/content"), ("DELETE", "")] {
        let path = person.at(&format!("/blobs/{blob}{rest}"));
        assert_eq!(
            service.ask(&phone, method, &path).await.code(),
            Code::Revoked,
            "{method} {rest}"
        );
    }
    assert_eq!(service.ask(&phone, "DELETE", &person.at("")).await.code(), Code::Revoked);
}

#[tokio::test]
async fn uploads_count_when_they_start_and_no_more_when_deleted() {
    let settings = Settings { quota_bytes: 2 * 4096 + 1000, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let mut person = Person::joined(&service).await;
    let blob = blob_id();
    start(&service, &person, blob, 8000).await.ok();
    assert_eq!(start(&service, &person, blob, 8001).await.code(), Code::Differs);
    assert_eq!(start(&service, &person, blob_id(), 101).await.code(), Code::Quota);
    assert_eq!(start(&service, &person, blob_id(), (1 << 53) - 1).await.code(), Code::Quota);
    let beyond = start(&service, &person, blob_id(), 1 << 53).await;
    assert_eq!(beyond.code(), Code::Malformed, "no integer that every client reads alike");
    assert_eq!(start(&service, &person, blob_id(), 0).await.code(), Code::Malformed);
    assert_eq!(person.put(&service, vec![new_item()], vec![]).await.code(), Code::Quota);
    assert_eq!(files(&service), 1, "a refused upload leaves no file");
    let path = person.at(&format!("/blobs/{blob}"));
    assert_eq!(service.ask(&person.phone, "DELETE", &path).await.status, 204);
    assert_eq!(service.ask(&person.phone, "DELETE", &path).await.code(), Code::NoBlob);
    assert_eq!(files(&service), 0);
    person.put(&service, vec![new_item()], vec![]).await.ok();
    start(&service, &person, blob, 500).await.ok();
    assert_eq!(start(&service, &person, blob_id(), 500).await.code(), Code::Quota);
}

#[tokio::test]
async fn a_part_is_bytes_and_says_so() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let blob = blob_id();
    start(&service, &person, blob, 10).await.ok();
    let path = person.at(&format!("/blobs/{blob}/parts/0"));
    let mut part = service.call(&person.phone, "PUT", &path, &content(10));
    part.media_type = Some("application/json");
    assert_eq!(service.send(&part).await.code(), Code::MediaType);
    put(&service, &person, blob, 0, &content(10)).await.ok();
}

/// Whatever arrives together, the row names the bytes that are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_part_sent_twice_at_once_is_one_of_the_two() {
    let service = Arc::new(Service::start());
    let person = Arc::new(Person::joined(&service).await);
    for _ in 0..8 {
        let blob = blob_id();
        start(&service, &person, blob, 100_000).await.ok();
        let tasks: Vec<_> = (0..8_u8)
            .map(|n| {
                let (service, person) = (service.clone(), person.clone());
                tokio::spawn(async move {
                    let bytes = vec![n; 100_000];
                    let answer = put(&service, &person, blob, 0, &bytes).await;
                    if answer.status.is_success() {
                        return Some(bytes);
                    }
                    let code = answer.code();
                    assert!(matches!(code, Code::Overloaded | Code::Differs), "{code}");
                    None
                })
            })
            .collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(task.await.unwrap());
        }
        assert_eq!(taken.len(), 1, "one part was taken twice");
        assert!(read(&service, &person, blob, None).await.body == taken[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upload_that_begins_is_not_swept() {
    let service = Arc::new(Service::start());
    let person = Arc::new(Person::joined(&service).await);
    let done = Arc::new(AtomicBool::new(false));
    let sweeping = {
        let (service, done) = (service.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                service.app.tidy().await.unwrap();
            }
        })
    };
    for _ in 0..60 {
        uploaded(&service, &person, &content(10)).await;
    }
    done.store(true, Ordering::SeqCst);
    sweeping.await.unwrap();
    assert_eq!(files(&service), 60);
}

#[tokio::test]
async fn what_nobody_needs_is_swept() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let done = uploaded(&service, &person, &content(10)).await;
    let unfinished = blob_id();
    start(&service, &person, unfinished, 10).await.ok();
    let leftover = service.path().join("blobs/ab");
    std::fs::create_dir_all(&leftover).unwrap();
    std::fs::write(leftover.join(format!("ab{}", "0".repeat(30))), b"no row").unwrap();
    std::fs::write(leftover.join("README"), b"not ours").unwrap();
    service.app.tidy().await.unwrap();
    assert_eq!(files(&service), 3, "the leftover alone is gone");
    service.set_now_s(NOW_S + 7 * 86_400 + 1);
    service.app.tidy().await.unwrap();
    assert_eq!(files(&service), 2);
    let gone = service.ask(&person.phone, "GET", &person.at(&format!("/blobs/{unfinished}"))).await;
    assert_eq!(gone.code(), Code::NoBlob);
    assert_eq!(read(&service, &person, done, None).await.body, content(10));
}

#[tokio::test]
async fn an_erased_account_is_gone_from_the_disk() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let other = Person::joined(&service).await;
    let items = vec![new_item(), new_item()];
    let needle = items[0].envelope.0.clone();
    person.put(&service, items, vec![]).await.ok();
    uploaded(&service, &person, &content(10)).await;
    let kept = uploaded(&service, &other, &content(10)).await;
    assert!(found(&service, &needle), "the control");
    assert!(found(&service, person.id().as_bytes()), "the control");

    assert_eq!(service.ask(&other.phone, "DELETE", &person.at("")).await.code(), Code::NotListed);
    let receipt: Signed<Erasure> =
        service.ask(&person.recovery, "DELETE", &person.at("")).await.json();
    let erasure = receipt.verify().unwrap();
    assert_eq!(erasure.by, service.app.key());
    assert_eq!((erasure.account, erasure.items, erasure.blobs), (person.id(), 2, 1));
    assert_eq!(erasure.bytes, 2 * (340 + 340) + 10);
    assert_eq!(files(&service), 1);
    assert!(!found(&service, &needle), "an envelope is still there");
    assert!(!found(&service, person.id().as_bytes()), "the account's id is still there");

    let sync = service.ask(&person.phone, "GET", &person.at("/sync")).await;
    assert_eq!(sync.code(), Code::NoAccount);
    let again = service.ask(&person.recovery, "DELETE", &person.at("")).await;
    assert_eq!(again.code(), Code::NoAccount);
    assert_eq!(read(&service, &other, kept, None).await.body, content(10));
    let mut person = Person { recovery: person.recovery, ..Person::new() };
    let create = person.create();
    service.post(&person.phone, "/v1/accounts", &create).await.ok();
}

/// The rows are gone by then, so nobody could ask again: the answer is what was done, and the file
/// goes with the next sweep.
#[tokio::test]
async fn a_file_that_cannot_be_removed_is_no_failure_of_what_was_done() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let blob = uploaded(&service, &person, &content(10)).await;
    let stuck: Vec<_> = blob_paths(&service).into_iter().map(held).collect();
    let path = person.at(&format!("/blobs/{blob}"));
    assert_eq!(service.ask(&person.phone, "DELETE", &path).await.status, 204);
    assert_eq!(service.ask(&person.phone, "DELETE", &path).await.code(), Code::NoBlob);
    assert_eq!(blob_paths(&service), stuck, "the control");

    for _ in 0..8 {
        uploaded(&service, &person, &content(10)).await;
    }
    let others = blob_paths(&service).into_iter().filter(|path| !stuck.contains(path));
    let others: Vec<_> = others.take(4).map(held).collect();
    let stuck = [stuck, others].concat();
    let receipt: Signed<Erasure> =
        service.ask(&person.phone, "DELETE", &person.at("")).await.json();
    assert_eq!(receipt.verify().unwrap().blobs, 8);
    let again = service.ask(&person.phone, "DELETE", &person.at("")).await;
    assert_eq!(again.code(), Code::NoAccount);
    assert_eq!(files(&service), 5, "what can be removed is removed");

    assert!(service.app.tidy().await.is_err(), "the operator is told");
    for path in stuck {
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, b"can be removed").unwrap();
    }
    service.app.tidy().await.unwrap();
    assert_eq!(files(&service), 0);
}

/// All files of blobs.
fn blob_paths(service: &Service) -> Vec<PathBuf> {
    let list = |folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    list(service.path().join("blobs")).flat_map(list).collect()
}

/// Puts something in a file's place that cannot be removed as a file.
fn held(path: PathBuf) -> PathBuf {
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    path
}

/// Whether bytes stand anywhere in the database and its log.
fn found(service: &Service, needle: &[u8]) -> bool {
    ["hallmark.db", "hallmark.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(service.path().join(name)).unwrap_or_default();
        // A cell may break off into a page of its own: look for a piece.
        let needle = &needle[needle.len().saturating_sub(32)..];
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
