//! Large blobs: C2SP `chunked-encryption@v1` as Cobblestone-256, and the framing that hides sizes.
//!
//! **Cipher** ([`raw`]; <https://c2sp.org/chunked-encryption>). AES-256-GCM over 16 KiB chunks:
//!
//! ```text
//! key(32) || base nonce(12) || commitment(32) = HKDF-Expand-SHA-512(input key(32),
//!     "c2sp.org/chunked-encryption@v1+" || "AEAD_AES_256_GCM" || 0x00 || salt(24) || context)
//! blob = salt(24) || commitment(32) || chunk 0 || chunk 1 || ... || last chunk
//! ```
//!
//! Chunk `k` is sealed under `base nonce XOR k`. Every chunk but the last holds 16 KiB; the last is
//! always shorter and may be empty, which is what tells a cut blob from a whole one.
//!
//! **Framing** ([`memory`], [`stream`], [`file`](mod@file), [`range`]; design, section 4). The
//! plaintext handed to the cipher is
//!
//! ```text
//! content length (u64, big-endian) || content || zeros up to padme(8 + content length)
//! ```
//!
//! and the context is a [`Purpose`], so a blob sealed for one purpose does not open for another.
//! Opening accepts one encoding only: the padded size must be exactly PADMÉ's and the padding zero.
//!
//! Which door to take:
//!
//! | Content | Door | Memory | Threads |
//! |---|---|---|---|
//! | a buffer | [`memory`] | the buffers | as many as asked |
//! | a file, length known | [`file`](mod@file) | 256 KiB per thread | as many as asked |
//! | a pipe or socket | [`stream`] | 256 KiB | one |
//! | a part of a stored blob | [`range`] | the part | one |
//!
//! Streams and files are written while later chunks have not been checked yet: **until the call
//! returns `Ok`, what was written is not known to be whole.** Write to a temporary file and rename
//! it afterwards; on an error delete it.

mod cipher;
mod error;
pub mod file;
mod frame;
mod key;
mod layout;
pub mod memory;
pub mod range;
pub mod raw;
mod runs;
pub mod stream;
mod workers;

pub use crate::position::{ReadAt, WriteAt};
pub use error::{BlobError, OpenError};
pub use frame::blob_len;
pub use key::{BlobKey, Purpose, Salt};
pub use range::BlobReader;
pub use workers::Work;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
