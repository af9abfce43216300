//! A full disk refuses and loses nothing; the service goes on when there is room again. On a small
//! file system of the test's own, which only the superuser can mount.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use client::{Call, NOW_S, Person, Service, key, new_item, rng};
use hallmark_api::{
    app::Settings,
    store::{Caller, OpenError, Options, Store, StoreError},
};
use hallmark_core::{
    account::{BlobId, exchange::Sync},
    httpsig::Nonce,
    key::SigningKey,
    problem::Code,
};
use tempfile::TempDir;

/// Bytes of a page of memory, in which the file system counts.
const PAGE: u64 = 4096;

/// A file system of a few MiB.
struct Small(TempDir);

impl Small {
    /// None, and a line that says so, where nothing can be mounted.
    fn mount(mib: usize) -> Option<Self> {
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(directory));
        }
        eprintln!("skipped: no file system can be mounted here");
        None
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    /// Leaves room for so many pages and no more.
    fn leave(&self, pages: u64) {
        let mut filler =
            File::options().create(true).append(true).open(self.0.path().join("filler")).unwrap();
        loop {
            match filler.write(&[1; PAGE as usize]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        let size = filler.metadata().unwrap().len() / PAGE * PAGE;
        filler.set_len(size.saturating_sub(pages * PAGE)).unwrap();
    }

    fn make_room(&self) {
        fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |it| it.len())
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let Some(small) = Small::mount(16) else { return };
    let over = || Service::over(&small.data(), Settings::default(), &Options::default());
    let service = over();
    let mut person = Person::joined(&service).await;
    person.put(&service, vec![new_item()], vec![]).await.ok();
    let blob = BlobId::generate(&mut rng());
    let upload = format!(r#"{{"blob":"{blob}","sizeBytes":1000000}}"#);
    let start = service.call(&person.phone, "POST", &person.at("/blobs"), upload.as_bytes());
    service.send(&start).await.ok();

    small.leave(0);
    let part = person.at(&format!("/blobs/{blob}/parts/0"));
    let phone = SigningKey::from_seed(&person.phone.seed());
    let put = || service.call(&phone, "PUT", &part, &[7; 1_000_000]);
    let is_ready = || service.app.store().is_ready(Instant::now());
    assert!(is_ready());
    assert_eq!(service.send(&put()).await.code(), Code::DiskFull);
    assert!(!is_ready(), "parts find no room");
    let mut tries = 0;
    let refused = loop {
        // The log may have room of its own, as long as it has grown.
        let answer = person.put(&service, vec![new_item()], vec![]).await;
        if !answer.status.is_success() {
            break answer.code();
        }
        tries += 1;
        assert!(tries < 5000, "it is never full");
    };
    assert_eq!(refused, Code::DiskFull);
    let sync: Sync = service.ask(&person.phone, "GET", &person.at("/sync")).await.json();
    assert_eq!(sync.records.len(), person.items.len(), "reading goes on");
    // Its nonce would have to be written down.
    let refused = loop {
        let ahead = Call::signed(&phone, "GET", &person.at("/sync"), b"", NOW_S + 50);
        let answer = service.send(&ahead).await;
        if !answer.status.is_success() {
            break answer.code();
        }
        tries += 1;
        assert!(tries < 10_000, "it is never full");
    };
    assert_eq!(refused, Code::DiskFull);
    assert!(service.app.store().is_healthy());

    small.make_room();
    person.put(&service, vec![new_item()], vec![]).await.ok();
    assert!(!is_ready(), "no part was written since");
    service.send(&put()).await.ok();
    assert!(is_ready());
    drop(service);
    let again = over();
    let sync: Sync = again.ask(&person.phone, "GET", &person.at("/sync")).await.json();
    assert_eq!(sync.records.len(), person.items.len());
    assert_eq!(sync.manifests.last(), person.manifests.last());
    drop(again);
}

/// T-36: whoever wants to make room can.
#[tokio::test]
async fn on_a_full_disk_things_can_be_deleted() {
    let Some(small) = Small::mount(24) else { return };
    let service = Service::over(&small.data(), Settings::default(), &Options::default());
    let mut person = Person::joined(&service).await;
    let items: Vec<_> = (0..100).map(|_| new_item()).collect();
    person.put(&service, items.clone(), vec![]).await.ok();
    let phone = SigningKey::from_seed(&person.phone.seed());
    let start = |blob: BlobId| {
        let upload = format!(r#"{{"blob":"{blob}","sizeBytes":1000000}}"#);
        service.call(&phone, "POST", &person.at("/blobs"), upload.as_bytes())
    };
    let part = |blob: BlobId| {
        let path = person.at(&format!("/blobs/{blob}/parts/0"));
        service.call(&phone, "PUT", &path, &[7; 1_000_000])
    };
    let [first, second] = [BlobId::generate(&mut rng()), BlobId::generate(&mut rng())];
    for blob in [first, second] {
        service.send(&start(blob)).await.ok();
    }
    service.send(&part(first)).await.ok();
    // Nothing of the log is there to be written again, and nothing can be added.
    database(&small).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    small.leave(0);
    let delete = |path: String| service.call(&phone, "DELETE", &path, b"");
    service.send(&delete(person.at(&format!("/blobs/{first}")))).await.ok();
    assert!(!small.data().join("reserve").exists());
    // Its room is for deletions alone, and so is what they have made.
    small.leave(0);
    assert_eq!(service.send(&part(second)).await.code(), Code::DiskFull);
    let (commit, removed) = (
        person.commit(vec![new_item()], vec![]),
        person.commit(vec![], items.iter().map(|record| record.item).collect()),
    );
    let path = person.at("/items");
    assert_eq!(service.post(&phone, &path, &commit).await.code(), Code::DiskFull);
    small.make_room();
    small.leave(1024);
    assert_eq!(service.post(&phone, &path, &commit).await.code(), Code::DiskFull);
    service.post(&phone, &path, &removed).await.ok();
    person.follow(&removed);
    service.send(&service.call(&phone, "DELETE", &person.at(""), b"")).await.ok();

    small.make_room();
    let mut other = Person::joined(&service).await;
    assert!(small.data().join("reserve").exists());
    other.put(&service, vec![new_item()], vec![]).await.ok();
}

fn database(small: &Small) -> rusqlite::Connection {
    rusqlite::Connection::open(small.data().join("hallmark.db")).unwrap()
}

/// The index of the log grows by 32 KiB when the log has some 4,000 frames.
#[tokio::test]
async fn a_log_whose_index_cannot_grow_refuses_and_loses_nothing() {
    let Some(small) = Small::mount(64) else { return };
    let store = Store::open(&small.data(), &Options::default()).unwrap();
    let (log, index) = (small.data().join("hallmark.db-wal"), small.data().join("hallmark.db-shm"));
    // Somebody who reads an old moment keeps the log from beginning again.
    let reader = rusqlite::Connection::open(small.data().join("hallmark.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM nonces").unwrap();
    let caller = || Caller {
        key: key(1).public(),
        nonce: Nonce::generate(&mut rng()),
        created_s: NOW_S,
        now_s: NOW_S,
    };
    let before = size(&index);
    let mut taken = Vec::new();
    while size(&index) == before {
        if size(&log) > 3900 * (PAGE + 24) {
            // Enough for a few frames, not for the index.
            small.leave(6);
        }
        let more = caller();
        match store.spend(more).await {
            Ok(()) => assert_eq!(size(&index), before, "there was no room for it"),
            Err(refused) => {
                assert!(matches!(refused, StoreError::DiskFull), "{refused:?}");
                assert!(store.is_healthy());
                small.make_room();
                // Refused and not spent. If it was the index that could not grow, it does now.
                store.spend(more).await.unwrap();
            }
        }
        taken.push(more);
    }
    drop((reader, store));
    let store = Store::open(&small.data(), &Options::default()).unwrap();
    for caller in taken {
        let known = store.check_unspent(caller).await;
        assert!(matches!(known, Err(StoreError::Replayed)), "{known:?}");
    }
    drop(store);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_said() {
    let Some(small) = Small::mount(4) else { return };
    for room in [0, 1, 2, 8, 16] {
        small.leave(room);
        let error = Store::open(&small.data(), &Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{room}: {error}");
        assert!(error.to_string().contains(&small.data().display().to_string()), "{error}");
        small.make_room();
    }
    drop(Store::open(&small.data(), &Options::default()).unwrap());
}

#[tokio::test]
async fn a_read_only_mount_is_said() {
    let Some(small) = Small::mount(4) else { return };
    drop(Store::open(&small.data(), &Options::default()).unwrap());
    let remount = |how: &str| {
        let mut mount = Command::new("mount");
        let status = mount.args(["-o", how]).arg(small.0.path()).status().unwrap();
        assert!(status.success());
    };
    remount("remount,ro");
    let error = Store::open(&small.data(), &Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error}");
    remount("remount,rw");
    drop(Store::open(&small.data(), &Options::default()).unwrap());
}
