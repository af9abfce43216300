//! Provenance files: `*.hallmark` (design, section 4; specified in `vault/FORMAT.md`).
//!
//! In scope: writing, amending and inspecting the format, the verdict on it, the trust store.
//! Out of scope: asking a domain (that is I/O, done by the command line and handed in), the public
//! log's proofs (`hallmark-consent`), lockers.
//!
//! A file is read in two steps of different kinds: [`inspect`](inspect::inspect) takes bytes nobody
//! vouches for and yields either a [`ProvenanceFile`] all of whose signatures verified or the list
//! of what is wrong; [`judge`](verdict::judge) says what a sound file is worth to this reader, now.

pub mod archive;
pub mod chain;
pub mod claim;
pub mod credential;
mod digest;
pub mod event;
pub mod handover;
pub mod hidden;
pub mod inspect;
pub mod minisign;
pub mod part;
pub mod path;
pub mod piece;
pub mod problem;
pub mod shown;
pub mod status;
pub mod text;
pub mod texts;
pub mod trust;
pub mod verdict;
pub mod write;

pub use digest::Progress;
pub use inspect::{Inspection, ProvenanceFile};
pub use problem::Problem;
pub use shown::Verdict;
pub use verdict::Outcome;

use hallmark_core::hash::Sha256;

/// The lines of `SHA256SUMS`: hash, two spaces, name, line feed, as `sha256sum` writes them.
fn sums_text<'a>(entries: impl Iterator<Item = (&'a str, Sha256)>) -> String {
    entries.map(|(name, sha256)| format!("{sha256}  {name}\n")).collect()
}
