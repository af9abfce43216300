//! What a person keeps: delivery addresses, contacts, ring sizes, payment-provider tokens,
//! memberships, provenance files and notes, sealed on the device (design, section 4).
//!
//! In scope: kinds and their fields, the plaintext of an item with its history, merging two edits,
//! sealing one version, what this device holds of the service's records. Out of scope: whose account
//! it is ([`crate::identity`]) and the service ([`crate::online`]).
//!
//! ```text
//! plaintext       = JCS(content)
//! content key     = 32 random bytes, fresh for each version
//! envelope        = item(content key, {account, item, version, "hallmark/item/v1"}, plaintext)
//! wrapped key     = item(item wrapping key, {account, item, version, "hallmark/item-key/v1"},
//!                        content key)
//! ```
//!
//! `item` is [`hallmark_core::seal::item`]; ids are their raw bytes.
//!
//! # Decisions
//!
//! - **History is inside the plaintext.** Earlier versions travel with the item, so that the service
//!   need not keep them and every device has them. What does not fit any more is dropped, the oldest
//!   first.
//! - **An edit is merged field by field.** What only one side changed is kept from both; where both
//!   changed a field, the edit that comes second counts and the other one is in the history. What
//!   both attached stays attached. Two that do not fit into one item become two.
//! - **An edit outweighs a removal.** Removing again is easy; what was removed is gone.
//! - **Removed is gone.** No tombstone stays in the plaintext or at the service.

pub mod cache;
pub mod content;
pub mod kind;
pub mod merge;
pub mod sealed;

pub use cache::Cache;
pub use content::{Attachment, Content};
pub use kind::Kind;
pub use merge::{Edit, Pending};

#[cfg(test)]
mod tests;
