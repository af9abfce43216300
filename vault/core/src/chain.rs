//! Places in private chains of the log (design, section 5, "One log, two entry shapes").
//!
//! `w_n = HMAC-SHA-256(k, n)` with `n` as 8 bytes big-endian and `k` random per chain and shown to
//! nobody; `label_n = SHA-256("hallmark/label/v1" || 0x00 || w_n)`. Whoever knows a label can look
//! whether its place is taken; only `w` takes it.

use rand_core::CryptoRng;
use ring::hmac;

use crate::{hash::Hasher, id::Label, secret::Secret};

const LABEL_DOMAIN: &[u8] = b"hallmark/label/v1\0";

/// The secret `k` of one chain.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ChainSecret(Secret);

/// The value `w_n` that takes one place. Secret until it is used.
#[derive(Debug, Clone)]
pub struct Opening(Secret);

impl ChainSecret {
    /// A fresh chain.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(Secret::generate(rng))
    }

    /// The chain with this secret.
    #[must_use]
    pub fn from_secret(k: Secret) -> Self {
        Self(k)
    }

    /// `w_n`, for `n` from 1.
    pub fn opening(&self, n: u64) -> Opening {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose());
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        bytes.copy_from_slice(hmac::sign(&key, &n.to_be_bytes()).as_ref());
        Opening(Secret::from_bytes(&bytes))
    }

    /// `label_n`, for `n` from 1.
    pub fn label(&self, n: u64) -> Label {
        self.opening(n).label()
    }
}

impl Opening {
    /// The opening of a place outside any chain of ours, such as one that was derived from the
    /// recovery secret.
    #[must_use]
    pub fn from_secret(w: Secret) -> Self {
        Self(w)
    }

    /// The label of the place this opens.
    pub fn label(&self) -> Label {
        let mut hasher = Hasher::new();
        hasher.update(LABEL_DOMAIN);
        hasher.update(self.0.expose());
        Label::from_bytes(*hasher.finish().as_bytes())
    }

    /// The 32 bytes of `w_n`, to be sent with the entry.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_frozen() {
        let chain = ChainSecret(Secret::from_bytes(&[1; 32]));
        assert_ne!(chain.label(1), chain.label(2));
        assert_eq!(chain.label(1), chain.opening(1).label());
        assert_eq!(
            chain.label(1).to_string(),
            "4c57ccfe889746dfd45ff574d8a74c99a3efdacbf9f2b7f7a193a7b660fbdc9f"
        );
    }
}
