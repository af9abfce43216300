//! Backups taken while the service works, and brought back.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use client::{Call, NOW_S, Person, Service, new_item, rng};
use hallmark_api::{
    app::Settings,
    store::{
        Options,
        backup::{Backup, BackupError, backup, restore},
    },
};
use hallmark_core::{
    account::{
        BlobId,
        exchange::{StartUpload, Sync, Upload},
    },
    problem::Code,
    time::Timestamp,
};
use tempfile::TempDir;

fn taken() -> Timestamp {
    Timestamp::from_unix_s(NOW_S).unwrap()
}

/// A restore then is done before requests of now.
fn earlier() -> Timestamp {
    Timestamp::from_unix_s(NOW_S - 61).unwrap()
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

    assert_eq!(restore(&copy, &restored, earlier()).unwrap(), made);
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
        restore(copy, &to, earlier()).unwrap();
        let service = over(&to);
        for (person, blob) in &people {
            let path = person.at(&format!("/blobs/{blob}"));
            let upload = service.ask(&person.phone, "GET", &path).await;
            let is_there = upload.status.is_success();
            assert!(is_there || matches!(upload.code(), Code::NoBlob | Code::NoAccount));
            if is_there && upload.json::<Upload>().complete {
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
            let error = restore(&copy, &to, taken()).unwrap_err();
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
        let error = restore(&copy, &to, taken()).unwrap_err();
        assert!(matches!(error, BackupError::NotWhole { .. }), "{error}");
    }
    // Files that are there and as listed, in places where no file of a backup is.
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let outside = folders.path().join("outside");
    fs::write(&outside, "hello").unwrap();
    let absolute = outside.display().to_string();
    fs::create_dir(copy.join("blobs/7f")).ok();
    let inside = ["evil.txt", "lock", "hallmark.db-wal", "blobs/evil.txt", "blobs/7f/half"];
    let elsewhere = "blobs/7f/7e000000000000000000000000000000";
    for path in inside.into_iter().chain([elsewhere]) {
        fs::write(copy.join(path), "hello").unwrap();
    }
    let outside =
        ["../outside", "blobs/../../outside", absolute.as_str(), "hallmark.db", elsewhere];
    for path in outside.into_iter().chain(inside) {
        let more = format!(r#"{{"path": "{path}", "bytes": 5, "sha256": "{hello}"}},"#);
        let text = json.replace("\"files\": [", &format!("\"files\": [{more}"));
        assert_ne!(text, json);
        fs::write(&manifest, text).unwrap();
        let error = restore(&copy, &to, taken()).unwrap_err();
        assert!(matches!(error, BackupError::NotWhole { .. }), "{path}: {error}");
        assert!(!to.exists(), "nothing is made of it");
    }
    fs::remove_file(&manifest).unwrap();
    let error = restore(&copy, &to, taken()).unwrap_err();
    assert!(matches!(error, BackupError::NotWhole { .. }), "{error}");
    fs::write(&manifest, json).unwrap();
    // What one that was killed has left.
    fs::create_dir_all(to.join("blobs/7f")).unwrap();
    fs::write(to.join("blobs/7f/half"), "half").unwrap();
    fs::write(to.join("hallmark.db.restoring"), "half").unwrap();
    restore(&copy, &to, taken()).unwrap();
    assert!(!to.join("blobs/7f/half").exists());
}

/// A backup of one blob; where that blob's file is in it.
async fn of_one_blob(folder: &Path) -> (PathBuf, PathBuf) {
    let service = Service::start();
    with_a_blob(&service).await;
    let copy = folder.join("copy");
    let made = service.app.store().backup(&copy, taken()).unwrap();
    let blob = made.files.iter().find(|file| file.path.starts_with("blobs/")).unwrap();
    let blob = copy.join(&blob.path);
    (copy, blob)
}

/// T-36: what is copied is a file, and no longer than it is listed.
#[cfg(unix)]
#[tokio::test]
async fn nothing_endless_is_copied() {
    let folders = TempDir::new().unwrap();
    let (copy, blob) = of_one_blob(folders.path()).await;
    let (to, elsewhere) = (folders.path().join("to"), folders.path().join("elsewhere"));
    fs::rename(&blob, &elsewhere).unwrap();
    let is_refused = || {
        let error = restore(&copy, &to, taken()).unwrap_err();
        assert!(matches!(error, BackupError::Altered { .. }), "{error}");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 0, "it can be tried again");
        fs::remove_file(&blob).unwrap();
    };
    for target in [Path::new("/dev/zero"), &elsewhere] {
        std::os::unix::fs::symlink(target, &blob).unwrap();
        is_refused();
    }
    assert!(std::process::Command::new("mkfifo").arg(&blob).status().unwrap().success());
    is_refused();
    fs::File::create(&blob).unwrap().set_len(1 << 40).unwrap();
    is_refused();
    fs::rename(&elsewhere, &blob).unwrap();
    restore(&copy, &to, taken()).unwrap();
}

/// T-36: a blob of the database that is not in the backup is missed, not passed over.
#[tokio::test]
async fn the_blobs_are_those_of_the_database() {
    let folders = TempDir::new().unwrap();
    let (copy, _) = of_one_blob(folders.path()).await;
    let (to, manifest) = (folders.path().join("to"), copy.join("BACKUP.json"));
    let whole = fs::read(&manifest).unwrap();
    let without = |backup: &mut Backup| backup.files.retain(|file| file.path == "hallmark.db");
    let with_another = |backup: &mut Backup| {
        let mut another = backup.files[0].clone();
        another.path = "blobs/7f/7f000000000000000000000000000000".to_owned();
        fs::create_dir(copy.join("blobs/7f")).ok();
        fs::copy(copy.join(&backup.files[0].path), copy.join(&another.path)).unwrap();
        backup.files.push(another);
    };
    let changes: [&dyn Fn(&mut Backup); 2] = [&without, &with_another];
    for change in changes {
        let mut backup: Backup = serde_json::from_slice(&whole).unwrap();
        change(&mut backup);
        fs::write(&manifest, serde_json::to_vec(&backup).unwrap()).unwrap();
        let error = restore(&copy, &to, taken()).unwrap_err();
        assert!(matches!(error, BackupError::NotWhole { .. }), "{error}");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 0, "it can be tried again");
    }
    fs::write(&manifest, whole).unwrap();
    restore(&copy, &to, taken()).unwrap();
}

/// T-32: the nonces spent since a backup was taken are not in it.
#[tokio::test]
async fn a_change_of_before_a_restore_counts_no_more() {
    let service = Service::start();
    let (person, blob) = with_a_blob(&service).await;
    let folders = TempDir::new().unwrap();
    let (copy, restored) = (folders.path().join("copy"), folders.path().join("restored"));
    service.app.store().backup(&copy, taken()).unwrap();
    let delete = |at_s| {
        Call::signed(&person.phone, "DELETE", &person.at(&format!("/blobs/{blob}")), b"", at_s)
    };
    let (early, late) = (delete(NOW_S), delete(NOW_S + 60));
    for spent in [&early, &late] {
        service.send(spent).await;
    }
    restore(&copy, &restored, taken()).unwrap();
    let again = over(&restored);
    for spent in [&early, &late] {
        assert_eq!(again.send(spent).await.code(), Code::BeforeRestart);
    }
    again.set_now_s(NOW_S + 61);
    again.send(&delete(NOW_S + 61)).await.ok();
}

/// T-36: a copy in the folder that is served would be taken for a part of it.
#[tokio::test]
async fn no_copy_is_made_in_the_data_directory() {
    let service = Service::start();
    let data = service.path();
    for to in ["", "copy", "blobs/bk", "blobs/00", "a/b/../../c"] {
        let before = fs::read_dir(data).unwrap().count();
        let error = backup(data, &data.join(to), taken()).unwrap_err();
        assert!(matches!(error, BackupError::Inside { .. }), "{error}");
        assert_eq!(fs::read_dir(data).unwrap().count(), before);
    }
    #[cfg(unix)]
    {
        let folders = TempDir::new().unwrap();
        let link = folders.path().join("link");
        std::os::unix::fs::symlink(data, &link).unwrap();
        let error = backup(data, &link.join("copy"), taken()).unwrap_err();
        assert!(matches!(error, BackupError::Inside { .. }), "{error}");
    }
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
    let error = restore(&copy, service.path(), taken()).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty { .. }), "{error}");
    let none = folders.path().join("none");
    let error = backup(&none, &folders.path().join("to"), taken()).unwrap_err();
    assert!(matches!(error, BackupError::NoData { .. }), "{error}");
    assert!(!none.exists());
}
