//! Key, salt and purpose of a blob.

use crate::secret::Secret;
use rand_core::CryptoRng;
use std::fmt;

/// The random 32-byte input key of one blob.
///
/// Zeroised when dropped. Use a fresh one for each blob; the random salt makes a second use of the
/// same key safe, but whoever holds the key then opens both.
pub struct BlobKey(Secret);

impl BlobKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// A fresh key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self(Secret::generate(rng))
    }

    /// A key from its bytes, which must be uniformly random. The caller's copy is not zeroised.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The bytes, to be wrapped under another key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        self.0.expose()
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobKey(redacted)")
    }
}

/// The 24-byte public salt at the head of a blob. It never repeats for one key: sealing draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; Salt::LEN]);

impl Salt {
    /// Length in bytes.
    pub const LEN: usize = 24;

    /// A fresh salt.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut salt = [0; Self::LEN];
        rng.fill_bytes(&mut salt);
        Self(salt)
    }

    /// The salt's bytes, public.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// A salt read from the head of a blob. Never used for sealing outside tests.
    pub(super) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

/// What a framed blob is for: the context of its key derivation.
///
/// A constant label with a version in it, `hallmark/blob/v1/...`; make one per kind of blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose(&'static str);

impl Purpose {
    /// A file sealed by itself, as the command `hallmark blob seal` does.
    pub const FILE: Self = Self::new("hallmark/blob/v1/file");

    /// A purpose from its label. Meant for `const` items, where a wrong label fails to compile.
    ///
    /// # Panics
    ///
    /// When the label is not `hallmark/blob/v1/` and a name of `a-z`, `0-9` and `-`.
    #[must_use]
    pub const fn new(label: &'static str) -> Self {
        let (bytes, prefix) = (label.as_bytes(), LABEL_PREFIX.as_bytes());
        assert!(bytes.len() > prefix.len(), "a purpose needs a name");
        let mut i = 0;
        while i < bytes.len() {
            assert!(
                if i < prefix.len() {
                    bytes[i] == prefix[i]
                } else {
                    matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9' | b'-')
                },
                "a purpose is hallmark/blob/v1/ and a name of a-z, 0-9 and -"
            );
            i += 1;
        }
        Self(label)
    }

    /// The label, as it enters the key derivation.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        self.0
    }

    pub(super) fn context(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

/// Every purpose's label starts so.
const LABEL_PREFIX: &str = "hallmark/blob/v1/";

#[cfg(test)]
mod tests {
    use super::{BlobKey, Purpose};

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", BlobKey::from_bytes(&[7; 32])), "BlobKey(redacted)");
    }

    #[test]
    fn purposes_carry_their_version() {
        assert_eq!(Purpose::FILE.label(), "hallmark/blob/v1/file");
        for wrong in ["", "hallmark/blob/v1/", "hallmark/blob/file", "hallmark/blob/v1/A", "file"] {
            assert!(std::panic::catch_unwind(|| Purpose::new(wrong)).is_err(), "{wrong}");
        }
    }
}
