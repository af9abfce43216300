//! Files that belong to items.

use std::fs::File;

use hallmark_core::{account::ItemId, seal::blob::Work};
use hallmark_vault::{
    item::{Attachment, Content, Edit, Kind},
    online::{Deceit, OnlineError},
};

use crate::{memory::Memory, people::Device};

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

fn work() -> Work<'static> {
    Work::on(std::num::NonZeroUsize::MIN)
}

/// Keeps a note with an attachment, unsent.
pub fn attached(device: &mut Device, service: &Memory, bytes: &Vec<u8>) -> (ItemId, Attachment) {
    let item = ItemId::generate(&mut device.rng());
    let mut version = device.version(&[("text", "with a picture")]);
    let mut online = device.online(service);
    let attachment =
        online.stage(item, "ring.jpg".into(), bytes.len() as u64, bytes, &work()).unwrap();
    version.attachments.push(attachment.clone());
    let content = Content::new(Kind::Note, version).unwrap();
    online.edit(item, 0, Edit::Put(Box::new(content))).unwrap();
    (item, attachment)
}

fn fetched(
    device: &mut Device,
    service: &Memory,
    attachment: &Attachment,
) -> Result<Vec<u8>, OnlineError> {
    let out = tempfile::NamedTempFile::new().unwrap();
    let online = device.online(service);
    let download = online.fetch_attachment(attachment, &|_| ())?;
    download.open(&File::create(out.path()).unwrap(), &work())?;
    Ok(std::fs::read(out.path()).unwrap())
}

#[test]
fn an_attachment_is_on_every_device() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let bytes = content(9 << 20);
    let (item, attachment) = attached(&mut phone, &service, &bytes);
    assert_eq!(fetched(&mut phone, &service, &attachment).unwrap(), bytes, "before it is sent");
    phone.sync(&service).unwrap();
    assert!(phone.holdings().uploads.is_empty());
    assert_eq!(std::fs::read_dir(phone.folder().join("outbox")).unwrap().count(), 0);
    let mut laptop = phone.joined(2, &service);
    laptop.sync(&service).unwrap();
    let seen = laptop.online(&service).item(item).unwrap();
    let there = &seen.content.now.attachments[0];
    assert_eq!(fetched(&mut laptop, &service, there).unwrap(), bytes);
    laptop.remove(item, &service);
    laptop.sync(&service).unwrap();
    let id = phone.holdings().account.id();
    service.held(id, |held| assert!(held.blobs.is_empty(), "removed with its item"));
}

#[test]
fn an_upload_goes_on_where_it_stopped() {
    let bytes = content(9 << 20);
    for cut in 0.. {
        let service = Memory::default();
        let mut phone = Device::new(1);
        phone.sync(&service).unwrap();
        let (_, attachment) = attached(&mut phone, &service, &bytes);
        service.answers_left.set(Some(cut));
        let outcome = phone.sync(&service);
        service.answers_left.set(None);
        service.requests.set(0);
        phone.sync(&service).unwrap();
        assert!(service.requests.get() < 8, "no part that was answered is sent again");
        assert_eq!(fetched(&mut phone, &service, &attachment).unwrap(), bytes, "{cut}");
        if outcome.is_ok() {
            break;
        }
    }
}

/// T-19, T-26: what comes back is what was stored, or an error.
#[test]
fn a_spoiled_attachment_is_refused_and_asked_for_again() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let bytes = content(5 << 20);
    let (_, attachment) = attached(&mut phone, &service, &bytes);
    phone.sync(&service).unwrap();
    let id = phone.holdings().account.id();
    let spoil = |at: usize| {
        service.held(id, |held| {
            let (_, parts) = held.blobs.get_mut(&attachment.blob).unwrap();
            parts.get_mut(&1).unwrap()[at] ^= 1;
        });
    };
    spoil(100);
    let error = fetched(&mut phone, &service, &attachment).unwrap_err();
    assert!(matches!(error, OnlineError::Deceived(Deceit::Blob)), "{error}");
    spoil(100);
    assert_eq!(fetched(&mut phone, &service, &attachment).unwrap(), bytes);
    service.held(id, |held| {
        held.blobs.get_mut(&attachment.blob).unwrap().1.remove(&1);
    });
    assert!(fetched(&mut phone, &service, &attachment).is_err(), "cut short");
}

#[test]
fn what_was_staged_and_never_named_is_swept() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = ItemId::generate(&mut phone.rng());
    phone.online(&service).stage(item, "x".into(), 3, &content(3), &work()).unwrap();
    phone.sync(&service).unwrap();
    assert!(phone.holdings().uploads.is_empty());
    assert_eq!(std::fs::read_dir(phone.folder().join("outbox")).unwrap().count(), 0);
    let short = phone.online(&service).stage(item, "x".into(), 4, &content(3), &work());
    assert!(short.is_err());
    assert!(phone.holdings().uploads.is_empty());
}

/// A sealed file that a power cut took stops nothing else, and can be attached again.
#[test]
fn a_sealed_file_that_is_gone() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let (item, attachment) = attached(&mut phone, &service, &content(3));
    let other = phone.note("sent", &service);
    std::fs::remove_file(phone.folder().join("outbox").join(attachment.blob.to_string())).unwrap();
    let refused = phone.sync(&service).unwrap_err();
    assert!(
        matches!(refused, OnlineError::Outbox { blob } if blob == attachment.blob),
        "{refused}"
    );
    let id = phone.holdings().account.id();
    service.held(id, |held| assert!(held.records.keys().eq([&other])));
    let seen = phone.online(&service).item(item).unwrap();
    let mut now = seen.content.now.clone();
    now.attachments.clear();
    let edit = Edit::Put(Box::new(seen.content.amended(now).unwrap()));
    phone.online(&service).edit(item, 0, edit).unwrap();
    phone.sync(&service).unwrap();
    service.held(id, |held| assert!(held.records.contains_key(&item) && held.blobs.is_empty()));
}

/// An answer that is lost, wherever, leaves no blob at the service that no item names.
#[test]
fn a_removed_attachment_goes_whatever_is_answered() {
    for cut in 0.. {
        let service = Memory::default();
        let mut phone = Device::new(1);
        let (item, _) = attached(&mut phone, &service, &content(5 << 20));
        phone.sync(&service).unwrap();
        phone.remove(item, &service);
        service.answers_left.set(Some(cut));
        let outcome = phone.sync(&service);
        service.answers_left.set(None);
        phone.sync(&service).unwrap();
        let id = phone.holdings().account.id();
        service.held(id, |held| assert!(held.blobs.is_empty(), "{cut}"));
        if outcome.is_ok() {
            break;
        }
    }
}

/// The same for an upload that was given up before an item named it.
#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    for cut in 0..8 {
        let service = Memory::default();
        let mut phone = Device::new(1);
        phone.sync(&service).unwrap();
        let (item, _) = attached(&mut phone, &service, &content(9 << 20));
        service.answers_left.set(Some(cut));
        drop(phone.sync(&service));
        service.answers_left.set(None);
        let version = phone.online(&service).item(item).map_or(0, |seen| seen.version);
        phone.online(&service).edit(item, version, Edit::Remove).unwrap();
        phone.sync(&service).unwrap();
        phone.sync(&service).unwrap();
        let id = phone.holdings().account.id();
        service.held(id, |held| {
            let named = held.records.contains_key(&item);
            assert!(named || held.blobs.is_empty(), "{cut}");
        });
    }
}

/// What is reported while sealing comes to the size of what is sealed, which a bar counts up to.
#[test]
fn progress_ends_at_the_sealed_size() {
    let service = Memory::default();
    let mut phone = Device::new(1);
    let item = ItemId::generate(&mut phone.rng());
    let bytes = content(3 << 20);
    let done = std::sync::atomic::AtomicU64::new(0);
    let progress = |n| {
        done.fetch_add(n, std::sync::atomic::Ordering::SeqCst);
    };
    let work = Work::on(std::num::NonZeroUsize::MIN).reporting(&progress);
    let size = bytes.len() as u64;
    phone.online(&service).stage(item, "x".into(), size, &bytes, &work).unwrap();
    let sealed = hallmark_core::seal::blob::blob_len(size).unwrap();
    let done = done.into_inner();
    assert!(size < done && done <= sealed, "{done} of {sealed}");
}
