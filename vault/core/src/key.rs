//! Ed25519 keys and signatures (RFC 8032), `did:key`, fingerprints.
//!
//! Every signature of ours is over `label || 0x00 || message` with a named, versioned
//! [`Domain`], or made by a key dedicated to one standard that fixes the signed bytes (VC proofs,
//! minisign). Verification is always strict and refuses weak keys (design, section 3).

use ed25519_dalek::{Signer, SigningKey as Dalek, VerifyingKey};
use rand_core::CryptoRng;

use crate::{hash::Sha256, id::IdError};

/// Multicodec prefix of an Ed25519 public key (`ed25519-pub`, 0xed as a varint).
const MULTICODEC_ED25519: [u8; 2] = [0xed, 0x01];
const FINGERPRINT_DOMAIN: &[u8] = b"hallmark/fingerprint/v1\0";

/// A label that separates the uses of a key. Constants only; the version is part of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain(&'static str);

impl Domain {
    /// A label such as `hallmark/owner-offer/v1`.
    pub const fn new(label: &'static str) -> Self {
        Self(label)
    }

    pub(crate) fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.0.as_bytes(), b"\0", bytes].concat()
    }
}

/// A secret Ed25519 key. Boxed, zeroised on drop, never shown.
pub struct SigningKey(Box<Dalek>);

impl SigningKey {
    /// Length of the seed in bytes.
    pub const SEED_LEN: usize = 32;

    /// A fresh key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = zeroize::Zeroizing::new([0; Self::SEED_LEN]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// The key of an RFC 8032 seed of 32 bytes.
    pub fn from_seed(seed: &[u8; Self::SEED_LEN]) -> Self {
        Self(Box::new(Dalek::from_bytes(seed)))
    }

    /// The seed, for sealed storage alone.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; Self::SEED_LEN]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// `Ed25519(key, domain || 0x00 || message)`.
    pub fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        self.sign_standard(&domain.message(message))
    }

    /// `Ed25519(key, message)`, for a key dedicated to one standard that fixes the signed bytes.
    pub fn sign_standard(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

/// An Ed25519 signature, 64 bytes, not yet checked against anything. In JSON it is base64, 88
/// characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// From its 64 bytes `R || S`.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes `R || S`.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::BASE64.encode(&self.0))
    }
}

impl std::str::FromStr for Signature {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        crate::base64::decode(text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(IdError { what: "signature (64 bytes in base64)" })
    }
}

crate::text_in_json!(Signature);

/// Why a key or a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the canonical encoding of a point on the curve.
    #[error("not an Ed25519 public key")]
    NotAKey,
    /// A point of small order, under which signatures prove nothing.
    #[error("a weak Ed25519 public key (small order)")]
    Weak,
    /// The signature does not verify under strict verification.
    #[error("the signature does not verify")]
    BadSignature,
}

/// A public Ed25519 key that is canonical and not weak. Written as `did:key:z6Mk...`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032, section 5.1.5.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] for bytes that are no point or not its canonical encoding,
    /// [`KeyError::Weak`] for a point of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAKey)?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotAKey);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self(key))
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Checks `Ed25519(key, domain || 0x00 || message)` strictly.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`].
    pub fn verify(
        &self,
        domain: Domain,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), KeyError> {
        self.verify_standard(&domain.message(message), signature)
    }

    /// Checks `Ed25519(key, message)` strictly, for standards that fix the signed bytes.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`].
    pub fn verify_standard(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).map_err(|_| KeyError::BadSignature)
    }

    /// The Multikey spelling: `z` and the base58btc of `0xed01 || key`, 48 characters.
    pub fn multikey(&self) -> String {
        let bytes = [&MULTICODEC_ED25519[..], self.as_bytes()].concat();
        format!("z{}", bs58::encode(bytes).into_string())
    }

    /// The DID URL of the only verification method of this `did:key`: `did:key:z..#z..`.
    pub fn verification_method(&self) -> String {
        let key = self.multikey();
        format!("did:key:{key}#{key}")
    }

    /// What a person compares: [`Fingerprint`].
    pub fn fingerprint(&self) -> Fingerprint {
        let hash = Sha256::of(&[FINGERPRINT_DOMAIN, self.as_bytes()].concat());
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&hash.as_bytes()[..20]);
        Fingerprint(bytes)
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "did:key:{}", self.multikey())
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for PublicKey {
    type Err = KeyError;
    /// Reads `did:key:z6Mk...` in its one spelling (W3C did:key, `ed25519-pub`).
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix("did:key:z").ok_or(KeyError::NotAKey)?;
        let mut bytes = [0; 34];
        let len = bs58::decode(encoded).onto(&mut bytes[..]).map_err(|_| KeyError::NotAKey)?;
        let [0xed, 0x01, key @ ..] = &bytes else { return Err(KeyError::NotAKey) };
        let key = Self::from_bytes(key)?;
        (len == 34 && key.to_string() == text).then_some(key).ok_or(KeyError::NotAKey)
    }
}

crate::text_in_json!(PublicKey);

/// A key as a person compares it: the first 20 bytes of
/// `SHA-256("hallmark/fingerprint/v1" || 0x00 || key)` in base32 (RFC 4648), eight groups of four.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = data_encoding::BASE32.encode(&self.0);
        for (i, c) in text.chars().enumerate() {
            if i > 0 && i % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = IdError;
    /// Reads 32 base32 characters; case, spaces and dashes do not matter, since people type this.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        data_encoding::BASE32
            .decode(plain.to_ascii_uppercase().as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(IdError { what: "fingerprint (eight groups of four letters and digits)" })
    }
}

crate::text_in_json!(Fingerprint);

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(&[7; 32])
    }

    #[test]
    fn a_did_key_reads_back_in_its_one_spelling() {
        let did = key().public().to_string();
        assert!(did.starts_with("did:key:z6Mk"), "{did}");
        assert_eq!(did.parse::<PublicKey>().expect("own spelling"), key().public());
        for wrong in [did.replace("z6Mk", "z16Mk"), format!("{did}1"), did[8..].to_owned()] {
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
    }

    /// T-08: a key under which forged signatures verify is never accepted as a key.
    #[test]
    fn weak_and_non_canonical_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(PublicKey::from_bytes(&one), Err(KeyError::Weak));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::Weak));
        // y = p + 3, a second spelling of y = 3
        let mut second = [0xff; 32];
        (second[0], second[31]) = (0xf0, 0x7f);
        assert_eq!(PublicKey::from_bytes(&second), Err(KeyError::NotAKey));
    }

    #[test]
    fn domains_separate() {
        const A: Domain = Domain::new("hallmark/test-a/v1");
        const B: Domain = Domain::new("hallmark/test-b/v1");
        let signature = key().sign(A, b"m");
        assert_eq!(key().public().verify(A, b"m", &signature), Ok(()));
        assert_eq!(key().public().verify(B, b"m", &signature), Err(KeyError::BadSignature));
        assert_eq!(key().public().verify_standard(b"m", &signature), Err(KeyError::BadSignature));
    }

    #[test]
    fn a_fingerprint_is_forgiving_to_type() {
        let print = key().public().fingerprint();
        let typed = print.to_string().to_lowercase().replace('-', " ");
        assert_eq!(typed.parse::<Fingerprint>().expect("typed by hand"), print);
        assert!("ABCD".parse::<Fingerprint>().is_err());
    }

    #[test]
    fn a_secret_key_is_never_shown() {
        assert_eq!(format!("{:?}", key()), "SigningKey(secret)");
    }
}
