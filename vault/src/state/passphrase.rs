//! The passphrase that wraps the state key.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase: 1 to [`Passphrase::MAX_BYTES`] bytes, taken as they are (no trimming, no Unicode
/// normalisation). Erased on drop; `Debug` shows nothing of it.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// The longest passphrase, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Takes the bytes over without copying them; they are erased on failure as well.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`], or [`PassphraseError::TooLong`] beyond
    /// [`Passphrase::MAX_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PassphraseError> {
        let bytes = Zeroizing::new(bytes.into());
        match bytes.len() {
            0 => Err(PassphraseError::Empty),
            1..=Self::MAX_BYTES => Ok(Self(bytes)),
            _ => Err(PassphraseError::TooLong),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Why bytes are no passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// There are no bytes.
    #[error("the passphrase is empty; choose one of several words")]
    Empty,
    /// There are more than [`Passphrase::MAX_BYTES`].
    #[error("the passphrase is longer than {} bytes; choose a shorter one", Passphrase::MAX_BYTES)]
    TooLong,
}
