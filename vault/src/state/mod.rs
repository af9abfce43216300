//! Local encrypted state: what one profile of one device remembers between two runs.
//!
//! In scope: one sealed file per profile, its lock, and the promise that a run killed at any
//! moment leaves either the state before a change or the state after it. Out of scope: what the
//! state says (the type is a parameter), where the home folder is, and how a passphrase is asked
//! for.
//!
//! # Layout
//!
//! ```text
//! <home>/<profile>/                     mode 0700
//! <home>/<profile>/state.hallmark       mode 0600, the sealed file
//! <home>/<profile>/state.hallmark.new   mode 0600, a write in progress; left only by a killed run
//! <home>/<profile>/lock                 mode 0600, empty, locked for the life of a [`Store`]
//! ```
//!
//! # Decisions
//!
//! - **One file, replaced whole.** A later room puts group state here whose transitions must not be
//!   torn; a single rename is the only commit point there is. The price is that every change
//!   rewrites the whole state, so content that grows belongs in sealed blobs which the state names.
//! - **No previous copy.** A second file would bring back what was removed from the first, such as
//!   the recovery secret once it has been written down. A damaged state is never touched, so a
//!   backup can be laid over it.
//! - **The passphrase never seals the content.** It wraps a random state key. A new passphrase comes
//!   with a new state key, since an old copy of the file and the old passphrase together hold the
//!   old one.
//! - **Rollback is not detected here.** The write counter is authenticated, yet nothing outside the
//!   file remembers it: an older copy of the whole file opens. [`Store::writes`] is what an anchor
//!   elsewhere can compare.
//! - **Sizes and times show.** The length of the file is that of the content, and its modification
//!   time is that of the last change.

mod disk;
mod error;
mod kdf;
mod passphrase;
mod profile;
mod sealed;
mod store;
#[cfg(test)]
mod tests;

pub use error::StateError;
pub use kdf::{CostError, KdfCost};
pub use passphrase::{Passphrase, PassphraseError};
pub use profile::{ProfileName, ProfileNameError};
pub use store::{Store, exists};
