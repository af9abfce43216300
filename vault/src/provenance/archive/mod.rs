//! The container: an uncompressed zip64 in which every byte outside the parts is fixed
//! (`FORMAT.md`, section 2).
//!
//! Reading does not interpret a zip, it re-encodes one: names, sizes and checksums are taken from
//! the local headers in order, everything else is written again and compared byte for byte. A file
//! that any writer but ours could have made differently is refused, so two zip readers can never
//! see two different files. The `zip` crate accepts many altered files unchanged and is no check.

mod layout;
mod reader;
mod writer;

pub use hallmark_core::position::ReadAt;
pub use layout::MAX_ENTRIES;
pub use reader::{Archive, ArchiveError, Entry};
pub use writer::{ArchiveWriter, Written};
