//! What devices and the service say to each other, and what a device keeps of it.

use hallmark_core::{
    account::{
        Signed,
        device_list::DeviceList,
        exchange::{
            AppendEntry, Commit, CreateAccount, Devices, Erasure, Membership, ServiceInfo,
            StartUpload, Sync, Upload,
        },
    },
    json,
    problem::Problem,
};
use hallmark_vault::{identity::pairing::JoinCode, item::Content};
use serde_json::Value;

/// Answers of the service: read by a device that believes nothing.
pub fn answer(bytes: &[u8]) {
    stands::<ServiceInfo>(bytes);
    stands::<Membership>(bytes);
    stands::<Upload>(bytes);
    if let Some(devices) = stands::<Devices>(bytes)
        && let Some(first) = devices.entries.first()
        && let Ok(list) = DeviceList::open(first.claimed().account, &devices.entries)
    {
        assert_eq!(list.len(), devices.entries.len() as u64);
        assert!(!list.devices().is_empty());
        if let Some(wraps) = devices.wraps {
            assert!(!wraps.belong_to(&list) || wraps.wraps.len() == list.devices().len() + 1);
        }
    }
    if let Some(sync) = stands::<Sync>(bytes) {
        for manifest in &sync.manifests {
            // Whatever it says, saying so twice says the same.
            assert_eq!(manifest.hash(), manifest.clone().hash());
        }
    }
    if let Some(receipt) = stands::<Signed<Erasure>>(bytes) {
        let _ = receipt.verify();
    }
}

/// Requests of a device: read by the service, as strict JSON first.
pub fn wire_request(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    same::<StartUpload>(&value);
    same::<AppendEntry>(&value);
    if let Some(create) = same::<CreateAccount>(&value) {
        let account = create.entry.claimed().account;
        if let Ok(list) = DeviceList::open(account, &[create.entry]) {
            assert_eq!(list.account(), account);
        }
    }
    if let Some(commit) = same::<Commit>(&value) {
        let _ = commit.manifest.verify();
        let _ = commit.manifest.claimed().check_follows(None);
    }
}

/// Problem documents.
pub fn problem(bytes: &[u8]) {
    stands::<Problem>(bytes);
}

/// Join codes: forgiving to type, one code each.
pub fn join_code(bytes: &[u8]) {
    let Some(code) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()) else {
        return;
    };
    let code: JoinCode = code;
    assert_eq!(code.to_string().parse(), Ok(code));
}

/// The plaintext of items: one spelling each.
pub fn item_content(bytes: &[u8]) {
    if let Some(content) = Content::read(bytes) {
        assert_eq!(&content.plaintext()[..], bytes);
        let _ = content.summary();
    }
}

/// What is read is written, and read as the same again.
fn stands<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    written_again(serde_json::from_slice(bytes).ok()?)
}

/// The same of a document that was parsed.
fn same<T: serde::Serialize + serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    written_again(serde_json::from_value(value.clone()).ok()?)
}

fn written_again<T: serde::Serialize + serde::de::DeserializeOwned>(read: T) -> Option<T> {
    let written = serde_json::to_value(&read).expect("our own types are JSON");
    let again: T = serde_json::from_value(written.clone()).expect("own writing");
    let twice: Value = serde_json::to_value(&again).expect("our own types are JSON");
    assert_eq!(twice, written);
    Some(read)
}
