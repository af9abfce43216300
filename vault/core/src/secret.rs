//! Secret bytes at rest in memory.

use rand_core::CryptoRng;
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

    /// The bytes, for a derivation or for sealed storage.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
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
