//! What devices and the service say to each other over HTTP, as JSON. Binary is base64 (RFC 4648,
//! section 4, padded).
//!
//! Everything the service answers is a claim: a device checks it against what it knows.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, BlobId, ItemId, RootId, Signed, WrapKey,
    device_list::{DeviceList, Entry},
    manifest::{Leaf, Manifest},
};
use crate::{hash::Sha256, id::IdError, json, key::PublicKey, time::Timestamp};

/// Bytes in one part of a blob, the last excepted: 4 MiB.
pub const PART_BYTES: u64 = 4 << 20;
/// A sealed root: 32 bytes and the tag.
const SEALED_ROOT_LEN: usize = 48;

/// Bytes, written as base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl std::fmt::Display for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl std::fmt::Debug for Base64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

impl std::str::FromStr for Base64 {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        crate::base64::decode(text).map(Self).ok_or(IdError { what: "base64 text" })
    }
}

crate::text_in_json!(Base64);

/// Whom a root is wrapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Recipient {
    /// A listed device, by its signing key.
    Device(PublicKey),
    /// The recovery key.
    Recovery,
}

/// A root wrapped to one recipient by HPKE (RFC 9180).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrap {
    /// Whom it is for.
    pub to: Recipient,
    /// The encapsulated key, 32 bytes.
    pub enc: Base64,
    /// The sealed root, 48 bytes.
    pub sealed: Base64,
}

impl Wrap {
    /// Whether it is as long as a wrapped root; what is in it, only its recipient sees.
    fn has_its_form(&self) -> bool {
        self.enc.0.len() == WrapKey::LEN && self.sealed.0.len() == SEALED_ROOT_LEN
    }
}

/// One root for every device and for the recovery key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wraps {
    /// The account.
    pub account: AccountId,
    /// Which root, counted from 0.
    pub epoch: u64,
    /// Which root.
    pub root: RootId,
    /// One for each listed device, one for the recovery key.
    pub wraps: Vec<Wrap>,
}

impl Wraps {
    /// `SHA-256(JCS(wraps))`, as the device list entry names it.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(&json::canonical(&serde_json::to_value(self).expect("our own types are JSON")))
    }

    /// Whether these are the wraps that the newest entry of `list` names: its root, and one wrap for
    /// each device and for the recovery key. What is inside them only their recipients can tell.
    pub fn belong_to(&self, list: &DeviceList) -> bool {
        let entry = list.newest();
        let recipients = list.devices().iter().map(|device| Recipient::Device(device.key));
        let all_there = recipients
            .chain([Recipient::Recovery])
            .all(|to| self.wraps.iter().filter(|wrap| wrap.to == to).count() == 1);
        self.account == list.account()
            && self.epoch == entry.epoch
            && self.root == entry.root
            && self.hash() == entry.wraps
            && all_there
            && self.wraps.iter().all(Wrap::has_its_form)
            && self.wraps.len() == list.devices().len() + 1
    }
}

/// An item's content key, wrapped under the root in force: a [sealed item](crate::seal::item).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrappedKey {
    /// The item.
    pub item: ItemId,
    /// Its version.
    pub version: u64,
    /// The wrapped key.
    pub key: Base64,
}

/// One version of an item as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The item.
    pub item: ItemId,
    /// Its version, counted from 1.
    pub version: u64,
    /// Its content key, wrapped.
    pub key: Base64,
    /// The [sealed item](crate::seal::item).
    pub envelope: Base64,
}

impl Record {
    /// How the manifest counts it.
    pub fn leaf(&self) -> Leaf {
        Leaf { version: self.version, envelope: Sha256::of(&self.envelope.0) }
    }
}

/// `POST /v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAccount {
    /// The first entry.
    pub entry: Signed<Entry>,
    /// The first root, wrapped.
    pub wraps: Wraps,
}

/// `POST /v1/accounts/{account}/devices`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppendEntry {
    /// The entry.
    pub entry: Signed<Entry>,
    /// The root in force after it, wrapped.
    pub wraps: Wraps,
    /// Where the root changes: the content key of every item, wrapped under the new one.
    #[serde(default)]
    pub rewrapped: Vec<WrappedKey>,
}

/// `GET /v1/accounts/{account}/devices?from={seq}`: also for a device that is listed no more, so
/// that it sees who revoked it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// The entries from that place on.
    pub entries: Vec<Signed<Entry>>,
    /// The root in force, wrapped; only for a listed device and for the recovery key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wraps: Option<Wraps>,
}

/// `GET /v1/membership`: which account lists the device whose key signs the request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The account; absent while none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// `GET /v1/service`: unsigned, for anybody.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceInfo {
    /// Signs its receipts.
    pub key: PublicKey,
    /// The service's clock.
    pub now: Timestamp,
    /// The most bytes of items, blobs and manifests one account may hold.
    pub quota_bytes: u64,
    /// The longest JSON body, bytes.
    pub max_body_bytes: u64,
}

/// `POST /v1/accounts/{account}/items`: a manifest and what it changes, all or nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The next manifest.
    pub manifest: Signed<Manifest>,
    /// Items that are new or have a new version.
    #[serde(default)]
    pub records: Vec<Record>,
    /// Items that are gone.
    #[serde(default)]
    pub removed: Vec<ItemId>,
}

/// How far a device has read the items: by the manifest that changed them last, then by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Version of the manifest that changed the last item read; 0 before the first.
    pub manifest: u64,
    /// That item; absent when all that the manifest changed was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
}

/// `GET /v1/accounts/{account}/sync?devices={n}&manifest={v}&items={m}[&item={id}]`: everything a
/// device does not have yet, given that it has `n` entries, the manifest of version `v` (0: none),
/// and has read the items up to the [`Cursor`] `m`, `id`. One consistent moment of the account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// Device list entries from that place on.
    pub entries: Vec<Signed<Entry>>,
    /// The root in force, wrapped; absent when no entry is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wraps: Option<Wraps>,
    /// Manifests after that version, oldest first, at most [`MAX_SYNC_MANIFESTS`].
    pub manifests: Vec<Signed<Manifest>>,
    /// Items changed after the cursor, as they are now, in the cursor's order.
    pub records: Vec<Record>,
    /// Items removed after the cursor, the newest 65,536; none for a device that begins.
    pub removed: Vec<ItemId>,
    /// Where the root changed: the wrapped keys of items that did not change otherwise.
    #[serde(default)]
    pub rewrapped: Vec<WrappedKey>,
    /// Where to go on: there is more than fits one answer. Absent in the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// The most manifests of one [`Sync`].
pub const MAX_SYNC_MANIFESTS: usize = 4000;
/// After so many bytes of manifests, records, wrapped keys and names of removed items, an answer ends
/// and names a [`Sync::next`].
pub const SYNC_PAGE_BYTES: usize = 4 << 20;
/// The most bytes of one answer in JSON that a device reads.
pub const MAX_ANSWER_BYTES: u64 = 32 << 20;

/// `POST /v1/accounts/{account}/blobs`: a blob is about to be uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartUpload {
    /// Chosen by the device.
    pub blob: BlobId,
    /// Its size.
    pub size_bytes: u64,
}

/// How far an upload is: `GET /v1/accounts/{account}/blobs/{blob}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upload {
    /// The blob.
    pub blob: BlobId,
    /// Its size.
    pub size_bytes: u64,
    /// Numbers of the parts that are there, counted from 0.
    pub parts: Vec<u32>,
    /// Whether all of them are, and the blob can be read.
    pub complete: bool,
}

/// `DELETE /v1/accounts/{account}`: what was erased, signed by the service. No request reaches any of
/// it from then on; a blob's file that could not be removed at once, the service removes within
/// hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Erasure {
    /// The account.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// Items erased.
    pub items: u64,
    /// Blobs erased.
    pub blobs: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// The service's key.
    pub by: PublicKey,
}

impl super::Statement for Erasure {
    const DOMAIN: crate::key::Domain = crate::key::Domain::new("hallmark/erasure/v1");
    fn by(&self) -> PublicKey {
        self.by
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::device_list::{Change, Device},
        key::SigningKey,
    };

    /// Wraps for one device and the recovery key, of these lengths in bytes, and the list that names
    /// them.
    fn wraps(enc_len: usize, sealed_len: usize) -> (Wraps, DeviceList) {
        let [recovery, device] = [1, 2].map(|n| SigningKey::from_seed(&[n; 32]));
        let (account, key) = (AccountId::of(&recovery.public()), device.public());
        let root = RootId::from_bytes([3; 16]);
        let wrap =
            |to| Wrap { to, enc: Base64(vec![4; enc_len]), sealed: Base64(vec![5; sealed_len]) };
        let all = [Recipient::Device(key), Recipient::Recovery].map(wrap);
        let wraps = Wraps { account, epoch: 0, root, wraps: all.to_vec() };
        let wrap = WrapKey::from_bytes([9; 32]);
        let entry = Entry {
            account,
            seq: 0,
            previous: None,
            at: Timestamp::from_unix_s(1_800_000_000).expect("a time"),
            epoch: 0,
            root,
            wraps: wraps.hash(),
            manifest: None,
            change: Change::Create { recovery_wrap: wrap, device: Device { key, wrap } },
            by: recovery.public(),
        };
        let entry = Signed::new(entry, &recovery).expect("its own key");
        (wraps, DeviceList::open(account, &[entry]).expect("a list"))
    }

    /// T-34: a wrap is no room for anything else.
    #[test]
    fn wraps_are_as_long_as_wraps() {
        let (own, list) = wraps(32, 48);
        assert!(own.belong_to(&list));
        for (enc_len, sealed_len) in [(31, 48), (33, 48), (32, 47), (32, 49), (32, 5 << 20)] {
            let (own, list) = wraps(enc_len, sealed_len);
            assert!(!own.belong_to(&list), "{enc_len} {sealed_len}");
        }
    }
}
