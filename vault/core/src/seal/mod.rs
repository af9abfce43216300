//! Sealing: what keeps content unreadable to whoever stores it.
//!
//! - [`blob`]: large content, C2SP `chunked-encryption@v1` with length framing.
//! - [`item`]: small credential items, XChaCha20-Poly1305 with everything it belongs to bound.
//! - [`padme`]: the size both hide behind, where size is a fact about content.
//!
//! Out of scope: where keys come from and how they are wrapped (`hallmark-vault`), and storage.

pub mod blob;
pub mod item;
pub mod padme;
