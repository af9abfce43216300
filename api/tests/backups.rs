//! Backups taken while the service works, and brought back.
#![allow(clippy::unwrap_used)]

mod client;

use std::{fs, path::Path, sync::Arc};

use client::{NOW_S, Person, Service, new_item, rng};
use hallmark_api::{
    app::Settings,
    store::{
        Options,
        backup::{BackupError, backup, restore},
    },
};
use hallmark_core::{
    account::{
        BlobId,
        exchange::{StartUpload, Sync, Upload},
    },
    time::Timestamp,
};
use tempfile::TempDir;

fn taken() -> Timestamp {
    Timestamp::from_unix_s(NOW_S).unwrap()
}

fn over(directory: &Path) -> Service {
    Service::over(directory, Settings::default(), &Options::default())
}

async fn with_a_blob(service: &Service) -> (Person, BlobId) {
    let mut person = Person::joined(service).await;
    person.put(service, vec![new_item()], vec![]).await.ok();
    let blob = BlobId::generate(&mut rng());
    let upload = StartUpload { blob, size_bytes: 5 };
    service.post(&person.phone, &person.at("/blobs"), &upload).await.ok();
    let path = person.at(&format!("/blobs/{blob}/parts/0"));
    service.send(&service.call(&person.phone, "PUT", &path, b"hello")).await.ok();
    (person, blob)
}

#[tokio::test]
async fn everything_comes_back() {
    let service = Service::start();
    let (mut person, blob) = with_a_blob(&service).await;
    let folders = TempDir::new().unwrap();
    let (copy, restored) = (folders.path().join("copy"), folders.path().join("restored"));
    let made = service.app.store().backup(&copy, taken()).unwrap();
    assert_eq!(made.files.len(), 2);
    person.put(&service, vec![new_item()], vec![]).await.ok();

    assert_eq!(restore(&copy, &restored).unwrap(), made);
    let again = over(&restored);
    let sync: Sync = again.ask(&person.phone, "GET", &person.at("/sync")).await.json();
    assert_eq!(sync.manifests, person.manifests[..1], "as it was when the copy was taken");
    let path = person.at(&format!("/blobs/{blob}/content"));
    assert_eq!(again.ask(&person.phone, "GET", &path).await.body, &b"hello"[..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_is_one_moment_of_a_busy_service() {
    let service = Arc::new(Service::start());
    let busy = service.clone();
    let writing = tokio::spawn(async move {
        let mut people = Vec::new();
        for round in 0..40 {
            let (person, blob) = with_a_blob(&busy).await;
            if round % 2 == 1 {
                let path = person.at(&format!("/blobs/{blob}"));
                busy.ask(&person.phone, "DELETE", &path).await.ok();
            }
            people.push((person, blob));
        }
        people
    });
    let folders = TempDir::new().unwrap();
    let mut copies = Vec::new();
    while !writing.is_finished() {
        let copy = folders.path().join(format!("copy{}", copies.len()));
        let (store, to) = (service.app.store().clone(), copy.clone());
        tokio::task::spawn_blocking(move || store.backup(&to, taken()).unwrap()).await.unwrap();
        copies.push(copy);
    }
    let people = writing.await.unwrap();
    for (at, copy) in copies.iter().enumerate() {
        let to = folders.path().join(format!("restored{at}"));
        restore(copy, &to).unwrap();
        let service = over(&to);
        for (person, blob) in &people {
            let path = person.at(&format!("/blobs/{blob}"));
            let upload = service.ask(&person.phone, "GET", &path).await;
            if upload.status.is_success() && upload.json::<Upload>().complete {
                let path = format!("{path}/content");
                let content = service.ask(&person.phone, "GET", &path).await;
                assert_eq!(content.body, &b"hello"[..]);
            }
        }
    }
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_not_brought_back() {
    let service = Service::start();
    with_a_blob(&service).await;
    let folders = TempDir::new().unwrap();
    let copy = folders.path().join("copy");
    let made = service.app.store().backup(&copy, taken()).unwrap();
    let to = folders.path().join("to");
    for file in &made.files {
        let path = copy.join(&file.path);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[3] ^= 1;
        for bytes in [&bad[..], &good[..good.len() - 1], &[]] {
            fs::write(&path, bytes).unwrap();
            let error = restore(&copy, &to).unwrap_err();
            assert!(matches!(error, BackupError::Altered { .. }), "{error}");
            assert_eq!(fs::read_dir(&to).unwrap().count(), 0, "it can be tried again");
        }
        fs::write(&path, good).unwrap();
    }
    fs::remove_dir(&to).unwrap();
    let manifest = copy.join("BACKUP.json");
    let json = fs::read_to_string(&manifest).unwrap();
    for text in [
        "{".to_owned(),
        json.replace("\"version\": 1", "\"version\": 2"),
        json.replace("hallmark.db", "../hallmark.db"),
        json.replace("hallmark.db", "/etc/passwd"),
        json.replace("hallmark.db", "other.db"),
    ] {
        fs::write(&manifest, text).unwrap();
        let error = restore(&copy, &to).unwrap_err();
        assert!(matches!(error, BackupError::NotWhole { .. }), "{error}");
    }
    // Files that are there and as listed, in places where no file of a backup is.
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let outside = folders.path().join("outside");
    fs::write(&outside, "hello").unwrap();
    let absolute = outside.display().to_string();
    for path in ["../outside", "blobs/../../outside", absolute.as_str(), "hallmark.db"] {
        let more = format!(r#"{{"path": "{path}", "bytes": 5, "sha256": "{hello}"}},"#);
        let text = json.replace("\"files\": [", &format!("\"files\": [{more}"));
        assert_ne!(text, json);
        fs::write(&manifest, text).unwrap();
        let error = restore(&copy, &to).unwrap_err();
        assert!(matches!(error, BackupError::NotWhole { .. }), "{path}: {error}");
        assert!(!to.exists(), "nothing is made of it");
    }
    fs::remove_file(&manifest).unwrap();
    let error = restore(&copy, &to).unwrap_err();
    assert!(matches!(error, BackupError::NotWhole { .. }), "{error}");
    fs::write(&manifest, json).unwrap();
    // What one that was killed has left.
    fs::create_dir_all(to.join("blobs/7f")).unwrap();
    fs::write(to.join("blobs/7f/half"), "half").unwrap();
    fs::write(to.join("hallmark.db.restoring"), "half").unwrap();
    restore(&copy, &to).unwrap();
    assert!(!to.join("blobs/7f/half").exists());
}

#[tokio::test]
async fn a_blob_that_is_lost_is_not_left_out_in_silence() {
    let service = Service::start();
    with_a_blob(&service).await;
    fs::remove_dir_all(service.path().join("blobs")).unwrap();
    let folders = TempDir::new().unwrap();
    let error = service.app.store().backup(&folders.path().join("copy"), taken()).unwrap_err();
    assert!(matches!(error, BackupError::File { .. }), "{error}");
}

#[tokio::test]
async fn nothing_is_written_over() {
    let service = Service::start();
    let folders = TempDir::new().unwrap();
    let copy = folders.path().join("copy");
    service.app.store().backup(&copy, taken()).unwrap();
    let error = service.app.store().backup(&copy, taken()).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty { .. }), "{error}");
    let error = restore(&copy, service.path()).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty { .. }), "{error}");
    let none = folders.path().join("none");
    let error = backup(&none, &folders.path().join("to"), taken()).unwrap_err();
    assert!(matches!(error, BackupError::NoData { .. }), "{error}");
    assert!(!none.exists());
}
