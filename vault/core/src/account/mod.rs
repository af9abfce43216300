//! What a device and the service both know of an account: the device list, the manifest of its
//! items, and the shapes in which they travel.
//!
//! Design, sections 3 and 4. Nothing here is secret and nothing here opens anything: the service
//! checks these signatures to know whom it serves, a device checks them because the service may
//! answer anything.
//!
//! ```text
//! account id  = SHA-256("hallmark/account/v1" || 0x00 || recovery signing key)
//! entry hash  = SHA-256(JCS(signed entry)), manifest hash likewise
//! signature   = Ed25519(key, label || 0x00 || JCS(statement))
//! tree        = RFC 6962, section 2.1, over the items by ascending id
//! leaf        = item id(16) || version(u64) || SHA-256(envelope)
//! ```
//!
//! The account id is its recovery key: whoever holds the code finds the account, and the service
//! cannot pass off another as it. Integers are big-endian.
//!
//! # Decisions
//!
//! - **One chain for devices and root epochs.** An entry names the root in force after it, so there
//!   is no moment at which a revoked device is gone from the list and still opens what is written.
//! - **An entry names the newest manifest.** What a revoked device signs afterwards continues none
//!   that the entry saw, and counts for nothing, however the service dates it.
//! - **A recovery names the whole set of devices.** Whatever a thief's device added or revoked since
//!   is undone by one entry, without asking which entries were the thief's.
//! - **The recovery key stays the same for the life of the account.** Whoever reads the code has the
//!   account until it is closed; a new code is a new account.

pub mod device_list;
pub mod exchange;
pub mod manifest;
mod signed;
mod tree;

pub use signed::{Signed, Statement};

use curve25519_dalek::montgomery::MontgomeryPoint;

use crate::{hash::Sha256, id::id, key::PublicKey};

const ACCOUNT_DOMAIN: &[u8] = b"hallmark/account/v1\0";

id! {
    /// An account, 32 bytes: the hash of its recovery signing key.
    AccountId, 32
}

impl AccountId {
    /// `SHA-256("hallmark/account/v1" || 0x00 || key)`.
    pub fn of(recovery: &PublicKey) -> Self {
        Self::from_bytes(*Sha256::of(&[ACCOUNT_DOMAIN, recovery.as_bytes()].concat()).as_bytes())
    }
}

id! {
    /// An item of an account, 16 random bytes.
    ItemId, 16
}

id! {
    /// A blob of an account, 16 random bytes.
    BlobId, 16
}

id! {
    /// Tells one root from another without telling the root, 16 bytes.
    RootId, 16
}

id! {
    /// An X25519 public key (RFC 7748) that roots are wrapped to, 32 bytes. Any bytes until
    /// [`WrapKey::is_usable`], which every listed one is.
    WrapKey, 32
}

impl WrapKey {
    /// Whether something can be wrapped to it: it is not one of the points of small order, with
    /// which every secret agrees on nothing (RFC 7748, section 6.1).
    pub fn is_usable(&self) -> bool {
        MontgomeryPoint(*self.as_bytes()).mul_clamped([0; Self::LEN]).0 != [0; Self::LEN]
    }
}

macro_rules! random {
    ($($name:ident),+) => {$(
        impl $name {
            /// A fresh one.
            pub fn generate<R: rand_core::CryptoRng + ?Sized>(rng: &mut R) -> Self {
                let mut bytes = [0; Self::LEN];
                rng.fill_bytes(&mut bytes);
                Self::from_bytes(bytes)
            }
        }
    )+};
}
random!(ItemId, BlobId);
