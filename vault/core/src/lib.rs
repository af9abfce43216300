//! The floor of Hallmark: what every room stands on.
//!
//! In scope: identifiers and hashes as newtypes, Ed25519 keys and signatures with domain
//! separation, `did:key`, strict JSON and RFC 8785, W3C `eddsa-jcs-2022` proofs, sealing of small
//! items and of large blobs, PADMÉ sizes, places in private chains, the recovery code, the RFC 9421
//! profile, and what a device and the service both know of an account.
//!
//! The one I/O is [reading and writing at positions](position) of a file somebody else opened, on
//! threads of its own: sealing a large file needs both, and every room seals.
//!
//! Out of scope: any other I/O, any async runtime, any reading of a clock or of the system's randomness.
//! Time and randomness are parameters everywhere.

pub mod account;
pub mod base64;
pub mod chain;
pub mod hash;
pub mod httpsig;
pub mod id;
pub mod json;
pub mod key;
pub mod position;
pub mod problem;
pub mod proof;
pub mod recovery;
pub mod seal;
pub mod secret;
pub mod time;
pub mod wire;
pub mod words;
