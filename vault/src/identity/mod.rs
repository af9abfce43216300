//! Who a person is to their own devices and to nobody else: the account, its devices, its root, and
//! the keys that follow from it (design, section 3).
//!
//! In scope: the recovery secret and what it derives, the root and its wraps, this device's keys,
//! the entries of the device list that this device writes, pairing, pairwise identities. Out of
//! scope: items ([`crate::item`]) and talking to the service ([`crate::online`]).
//!
//! ```text
//! recovery signing key  = Ed25519(HKDF[recovery secret, "hallmark/recovery-sign/v1"])
//! recovery wrapping key = HPKE.DeriveKeyPair(HKDF[recovery secret, "hallmark/recovery-wrap/v1"])
//! root id               = HKDF[root, "hallmark/root-id/v1"], its first 16 bytes
//! item wrapping key     = HKDF[root, "hallmark/item-wrap/v1"]
//! pairwise identity     = Ed25519(HKDF[root, "hallmark/pairwise/v1" || controller])
//! successor n of range r = Ed25519(HKDF[recovery secret, "hallmark/successor/v1" || r || n])
//! rotate place n of r   = HKDF[recovery secret, "hallmark/rotate/v1" || r || n]
//! root wrap             = HPKE.SealBase(recipient, info = "hallmark/root-wrap/v1" || 0x00 ||
//!                           account || epoch(u64) || root id || recipient, aad = "", root)
//! ```
//!
//! HKDF is [`hallmark_core::secret::Secret::derive`]; HPKE (RFC 9180) is DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, ChaCha20-Poly1305. Integers are big-endian.
//!
//! # Decisions
//!
//! - **An identity needs no service.** It is made on the device and begins to exist for a service
//!   with the first thing that is synchronised.
//! - **The root id commits to the root.** A wrap that opens to another root than the signed entry
//!   names is refused, so nobody hands two devices two roots under one entry.
//! - **Two comparisons when a device joins.** The words of the code say to the old device whom it
//!   lets in; the words of the entry say to the new one whose account it is in. A service that
//!   answers with an account of its own fails at the second.

pub mod account;
pub mod device;
pub mod pairing;
pub mod pairwise;
pub mod recovery;
pub mod root;
mod wrap;

pub use account::{Account, Succession};
pub use wrap::{WrapError, WrapSecret};
