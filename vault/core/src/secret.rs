//! Secret bytes at rest in memory.

use rand_core::CryptoRng;
use ring::hkdf;
use zeroize::{Zeroize, Zeroizing};

/// 32 secret bytes: boxed, zeroised on drop, never shown, compared by nobody. In sealed JSON they
/// are 64 lower-case hexadecimal digits.
pub struct Secret(Box<Zeroizing<[u8; 32]>>);

impl Secret {
    /// Fresh random bytes.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut secret = Self(Box::default());
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    /// These bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut secret = Self(Box::default());
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// `HKDF-SHA-512[empty salt, label || 0x00 || context](secret, 32)` (RFC 5869). `label` is a
    /// constant with a version in it; `context` says which one of its kind.
    #[must_use]
    pub fn derive(&self, label: &'static str, context: &[u8]) -> Self {
        derived(self.expose(), label, context)
    }

    /// The bytes, for a derivation or for sealed storage.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// [`Secret::derive`] from a secret of any length, at least 16 bytes.
pub(crate) fn derived(secret: &[u8], label: &'static str, context: &[u8]) -> Secret {
    let mut derived = Secret(Box::default());
    hkdf::Salt::new(hkdf::HKDF_SHA512, &[])
        .extract(secret)
        .expand(&[label.as_bytes(), b"\0", context], Length)
        .and_then(|okm| okm.fill(derived.0.as_mut_slice()))
        .expect("32 bytes are within HKDF's 255 blocks");
    derived
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::from_bytes(self.expose())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(data_encoding::HEXLOWER.encode(self.expose())))
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(d)?;
        let mut secret = Self(Box::default());
        let read = data_encoding::HEXLOWER
            .decode_len(text.len())
            .is_ok_and(|len| len == 32)
            .then(|| data_encoding::HEXLOWER.decode_mut(text.as_bytes(), secret.0.as_mut_slice()));
        text.zeroize();
        match read {
            Some(Ok(32)) => Ok(secret),
            _ => Err(serde::de::Error::custom("not 64 hexadecimal digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_are_frozen_and_apart() {
        let secret = Secret::from_bytes(&[1; 32]);
        let hex =
            |label, context| data_encoding::HEXLOWER.encode(secret.derive(label, context).expose());
        assert_eq!(
            hex("hallmark/test/v1", b"x"),
            "b4c4fd1dcb091742ce33094e51461e3ee06dc251a401a967c8e92602f6541d99"
        );
        assert_ne!(hex("hallmark/test/v1", b"x"), hex("hallmark/test/v1", b"y"));
        assert_ne!(hex("hallmark/test/v1", b"x"), hex("hallmark/test/v2", b"x"));
    }

    #[test]
    fn a_secret_reads_back_and_is_never_shown() {
        let secret = Secret::from_bytes(&[0xab; 32]);
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(serde_json::from_str::<Secret>(&json).unwrap().expose(), &[0xab; 32]);
        for bad in ["\"ab\"", "\"\"", "1", &json.to_uppercase()] {
            assert!(serde_json::from_str::<Secret>(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
