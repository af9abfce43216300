//! The device list: an append-only, hash-chained, signed record of which devices an account has
//! and which root is in force (design, section 3).

use serde::{Deserialize, Serialize};

use super::{
    AccountId, RootId, Signed, Statement, WrapKey,
    manifest::{Manifest, ManifestError},
};
use crate::{
    hash::Sha256,
    key::{Domain, PublicKey},
    time::Timestamp,
};

/// The most devices of one account.
pub const MAX_DEVICES: usize = 16;
/// The most entries that devices sign before the first by the recovery key.
pub const MAX_ENTRIES: u64 = 1000;
/// So many more may devices sign after each by the recovery key, so that a thief who fills the list does
/// not keep its owner out.
pub const ENTRIES_PER_RECOVERY: u64 = 32;
/// The most entries signed by the recovery key.
pub const MAX_RECOVERIES: u64 = 100;
/// The most entries of a list: the first, those by devices, and those by the recovery key.
pub const MAX_LEN: u64 = 1 + MAX_ENTRIES + MAX_RECOVERIES * (1 + ENTRIES_PER_RECOVERY);

/// The public half of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Signs its requests, manifests and entries.
    pub key: PublicKey,
    /// Roots are wrapped to this.
    pub wrap: WrapKey,
}

/// What an entry changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// The account begins, with one device. Signed by the recovery key.
    #[serde(rename_all = "camelCase")]
    Create {
        /// Roots are wrapped to this while the code stays on paper.
        recovery_wrap: WrapKey,
        /// The first device.
        device: Device,
    },
    /// A further device. Signed by a listed one.
    Add {
        /// The device.
        device: Device,
    },
    /// A device less, and a new root. Signed by another listed one: who leaves must not know the
    /// root that follows.
    Revoke {
        /// Its signing key.
        device: PublicKey,
    },
    /// From now on these devices and no others, and a new root. Signed by the recovery key.
    Recover {
        /// All of them, at least one.
        devices: Vec<Device>,
    },
}

/// The newest manifest at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestHead {
    /// Its version.
    pub version: u64,
    /// Its hash.
    pub hash: Sha256,
}

/// One entry of a device list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The account.
    pub account: AccountId,
    /// Counted from 0.
    pub seq: u64,
    /// Hash of the entry before; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sha256>,
    /// When, by the clock of the device that signed.
    pub at: Timestamp,
    /// Counts the roots from 0; the one in force after this entry.
    pub epoch: u64,
    /// Which root that is.
    pub root: RootId,
    /// `SHA-256(JCS(wraps))` of that root for each device and for the recovery key.
    pub wraps: Sha256,
    /// The newest manifest that the signer knew; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<ManifestHead>,
    /// What changes.
    pub change: Change,
    /// Who signed: a listed device, or the recovery key.
    pub by: PublicKey,
}

impl Statement for Entry {
    const DOMAIN: Domain = Domain::new("hallmark/device-list-entry/v1");
    fn by(&self) -> PublicKey {
        self.by
    }
}

/// Why an entry does not continue a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceListError {
    /// There is no entry at all.
    #[error("the device list is empty")]
    Empty,
    /// Another account's entry.
    #[error("device list entry {seq} belongs to another account")]
    Account {
        /// Its place.
        seq: u64,
    },
    /// Another place, or another entry before it.
    #[error("device list entry {seq} does not follow the one before it")]
    Chain {
        /// Its place.
        seq: u64,
    },
    /// The signature does not verify.
    #[error("device list entry {seq}: its signature does not verify")]
    Signature {
        /// Its place.
        seq: u64,
    },
    /// A key that may not say this: not listed, or not the recovery key.
    #[error("device list entry {seq} is signed by a key that may not do that")]
    Signer {
        /// Its place.
        seq: u64,
    },
    /// The root does not change when it has to, or changes when it must not.
    #[error("device list entry {seq} names a root that cannot be in force after it")]
    Root {
        /// Its place.
        seq: u64,
    },
    /// An older manifest than an earlier entry names.
    #[error("device list entry {seq} goes back to an older manifest")]
    Manifest {
        /// Its place.
        seq: u64,
    },
    /// A device that is listed already, one that is not, none left, or too many.
    #[error("device list entry {seq} lists no possible set of devices")]
    Devices {
        /// Its place.
        seq: u64,
    },
    /// A key for wraps that nothing can be wrapped to: it would keep every later root from everybody.
    #[error("device list entry {seq} lists a key that no root can be wrapped to")]
    WrapKey {
        /// Its place.
        seq: u64,
    },
    /// More than [`MAX_ENTRIES`], [`ENTRIES_PER_RECOVERY`] or [`MAX_RECOVERIES`] allow.
    #[error(
        "devices change a list at most {MAX_ENTRIES} times, and each of {MAX_RECOVERIES} recoveries \
         allows {ENTRIES_PER_RECOVERY} more; recover the account, or make a new one"
    )]
    TooLong,
}

/// A verified device list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList {
    account: AccountId,
    recovery: PublicKey,
    recovery_wrap: WrapKey,
    head: Sha256,
    newest: Entry,
    /// Entries by devices, and by the recovery key after the first.
    by_devices: u64,
    recoveries: u64,
    /// The devices after each entry, and the newest manifest each entry saw.
    moments: Vec<Moment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    devices: Vec<Device>,
    manifest: Option<ManifestHead>,
}

impl DeviceList {
    /// Verifies the whole list of `account`.
    ///
    /// # Errors
    /// [`DeviceListError`], of the first entry that is wrong.
    pub fn open(account: AccountId, entries: &[Signed<Entry>]) -> Result<Self, DeviceListError> {
        let (first, rest) = entries.split_first().ok_or(DeviceListError::Empty)?;
        let mut list = Self::first(account, first)?;
        rest.iter().try_for_each(|entry| list.extend(entry))?;
        Ok(list)
    }

    fn first(account: AccountId, signed: &Signed<Entry>) -> Result<Self, DeviceListError> {
        let seq = 0;
        let entry = signed.verify().map_err(|_| DeviceListError::Signature { seq })?;
        if entry.account != account {
            return Err(DeviceListError::Account { seq });
        }
        if entry.seq != seq || entry.previous.is_some() || entry.manifest.is_some() {
            return Err(DeviceListError::Chain { seq });
        }
        if entry.epoch != 0 {
            return Err(DeviceListError::Root { seq });
        }
        let Change::Create { recovery_wrap, device } = entry.change else {
            return Err(DeviceListError::Devices { seq });
        };
        if AccountId::of(&entry.by) != account || device.key == entry.by {
            return Err(DeviceListError::Signer { seq });
        }
        if !(recovery_wrap.is_usable() && device.wrap.is_usable()) {
            return Err(DeviceListError::WrapKey { seq });
        }
        Ok(Self {
            account,
            recovery: entry.by,
            recovery_wrap,
            head: signed.hash(),
            newest: entry.clone(),
            by_devices: 0,
            recoveries: 0,
            moments: vec![Moment { devices: vec![device], manifest: None }],
        })
    }

    /// Verifies one more entry and takes it in; a refused one changes nothing.
    ///
    /// # Errors
    /// [`DeviceListError`].
    pub fn extend(&mut self, signed: &Signed<Entry>) -> Result<(), DeviceListError> {
        let seq = self.len();
        let entry = signed.verify().map_err(|_| DeviceListError::Signature { seq })?;
        let is_recovery = matches!(entry.change, Change::Recover { .. });
        let (by_devices, recoveries) = match is_recovery {
            true => (self.by_devices, self.recoveries + 1),
            false => (self.by_devices + 1, self.recoveries),
        };
        let most = MAX_ENTRIES + ENTRIES_PER_RECOVERY * recoveries;
        if by_devices > most || recoveries > MAX_RECOVERIES {
            return Err(DeviceListError::TooLong);
        }
        if entry.account != self.account {
            return Err(DeviceListError::Account { seq });
        }
        if entry.seq != seq || entry.previous != Some(self.head) {
            return Err(DeviceListError::Chain { seq });
        }
        let devices = self.devices_after(entry)?;
        let same_root = matches!(entry.change, Change::Add { .. });
        let newest = &self.newest;
        let root_fits = if same_root {
            entry.epoch == newest.epoch && entry.root == newest.root
        } else {
            entry.epoch == newest.epoch + 1 && entry.root != newest.root
        };
        if !root_fits {
            return Err(DeviceListError::Root { seq });
        }
        if !follows(newest.manifest, entry.manifest) {
            return Err(DeviceListError::Manifest { seq });
        }
        (self.by_devices, self.recoveries) = (by_devices, recoveries);
        self.moments.push(Moment { devices, manifest: entry.manifest });
        self.head = signed.hash();
        self.newest = entry.clone();
        Ok(())
    }

    /// The devices there would be after `entry`.
    fn devices_after(&self, entry: &Entry) -> Result<Vec<Device>, DeviceListError> {
        let seq = self.len();
        let mut devices = self.devices().to_vec();
        let allowed = match &entry.change {
            Change::Create { .. } => return Err(DeviceListError::Devices { seq }),
            Change::Recover { .. } => entry.by == self.recovery,
            Change::Add { .. } => self.is_listed(&entry.by),
            Change::Revoke { device } => self.is_listed(&entry.by) && entry.by != *device,
        };
        if !allowed {
            return Err(DeviceListError::Signer { seq });
        }
        match &entry.change {
            Change::Create { .. } => {}
            Change::Add { device } => devices.push(*device),
            Change::Revoke { device } => {
                let before = devices.len();
                devices.retain(|listed| listed.key != *device);
                if devices.len() == before {
                    return Err(DeviceListError::Devices { seq });
                }
            }
            Change::Recover { devices: all } => devices.clone_from(all),
        }
        let distinct = devices.iter().enumerate().all(|(at, device)| {
            device.key != self.recovery
                && !devices[..at].iter().any(|other| other.key == device.key)
        });
        if devices.is_empty() || devices.len() > MAX_DEVICES || !distinct {
            return Err(DeviceListError::Devices { seq });
        }
        let new = match &entry.change {
            Change::Add { device } => std::slice::from_ref(device),
            Change::Recover { devices } => devices,
            Change::Create { .. } | Change::Revoke { .. } => &[],
        };
        if !new.iter().all(|device| device.wrap.is_usable()) {
            return Err(DeviceListError::WrapKey { seq });
        }
        Ok(devices)
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The key that overrides.
    pub fn recovery(&self) -> PublicKey {
        self.recovery
    }

    /// The key each root is also wrapped to.
    pub fn recovery_wrap(&self) -> WrapKey {
        self.recovery_wrap
    }

    /// Hash of the newest entry.
    pub fn head(&self) -> Sha256 {
        self.head
    }

    /// The newest entry.
    pub fn newest(&self) -> &Entry {
        &self.newest
    }

    /// Number of entries, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a verified list is never empty")]
    pub fn len(&self) -> u64 {
        self.moments.len() as u64
    }

    /// The devices after each entry, counted together: each takes 64 bytes of memory.
    #[must_use]
    pub fn devices_over_time(&self) -> usize {
        self.moments.iter().map(|moment| moment.devices.len()).sum()
    }

    /// The devices listed now.
    pub fn devices(&self) -> &[Device] {
        self.moments.last().map_or(&[], |moment| &moment.devices)
    }

    /// Whether this key is a listed device's now.
    pub fn is_listed(&self, key: &PublicKey) -> bool {
        self.devices().iter().any(|device| device.key == *key)
    }

    /// Verifies a manifest: signed by a device that was listed when it says it signed, and not
    /// after an entry that had seen other manifests.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn verify_manifest<'a>(
        &self,
        signed: &'a Signed<Manifest>,
    ) -> Result<&'a Manifest, ManifestError> {
        let manifest = signed.verify().map_err(|_| ManifestError::Signature)?;
        if manifest.account != self.account {
            return Err(ManifestError::Account);
        }
        let at = usize::try_from(manifest.devices).unwrap_or(usize::MAX);
        let moment = self.moments.get(at).ok_or(ManifestError::Signer)?;
        if !moment.devices.iter().any(|device| device.key == manifest.by) {
            return Err(ManifestError::Signer);
        }
        // Every later entry has seen it, or its signer was too late.
        let seen = self.moments.get(at + 1).is_none_or(|later| {
            later.manifest.is_some_and(|head| match manifest.version.cmp(&head.version) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => head.hash == signed.hash(),
                std::cmp::Ordering::Greater => false,
            })
        });
        if seen { Ok(manifest) } else { Err(ManifestError::Signer) }
    }
}

/// Whether the manifest seen now is the one seen before, or a later one.
fn follows(before: Option<ManifestHead>, now: Option<ManifestHead>) -> bool {
    match (before, now) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(before), Some(now)) => now.version > before.version || now == before,
    }
}

#[cfg(test)]
mod tests;
