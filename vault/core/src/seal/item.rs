//! Small credential items: XChaCha20-Poly1305 with everything the item belongs to bound.
//!
//! Design, section 4. Each version of an item has a fresh content key; whoever stores the envelope
//! sees a size bucket and nothing else.
//!
//! ```text
//! prk = HKDF-Extract-SHA-512(salt(32), content key(32))
//! key(32) || nonce(24) || commitment(32) = HKDF-Expand-SHA-512(prk, "hallmark/item-keys/v1")
//! aad = "hallmark/item-aad/v1" || lp(account) || lp(item) || version(u64) || lp(purpose)
//! plaintext = content length(u32) || content || zeros up to the bucket
//! envelope = "HMI" || 0x01 || salt(32) || commitment(32) || ciphertext || tag(16)
//! ```
//!
//! Integers are big-endian; `lp(x)` is the length of `x` as a u32, then `x`. The commitment is
//! checked before anything is decrypted: XChaCha20-Poly1305 alone would open one envelope to two
//! contents under two keys.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;
use ring::hkdf;
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The sizes, in bytes, that framed plaintexts are padded to. What is larger goes into a
/// [blob](super::blob).
pub const BUCKETS: [usize; 5] = [256, 1024, 4096, 16_384, 65_536];
/// The longest content of an item, in bytes.
pub const MAX_CONTENT_LEN: usize = BUCKETS[BUCKETS.len() - 1] - LENGTH_LEN;

/// The longest envelope, in bytes.
pub const MAX_ENVELOPE_LEN: usize = HEADER_LEN + BUCKETS[BUCKETS.len() - 1] + TAG_LEN;

/// Derives key, nonce and commitment.
const KEYS_LABEL: &[u8] = b"hallmark/item-keys/v1";
/// Starts the associated data.
const AAD_LABEL: &[u8] = b"hallmark/item-aad/v1";
/// Starts every envelope: the format's name and version.
const MAGIC: [u8; 4] = *b"HMI\x01";

const SALT_LEN: usize = 32;
const COMMITMENT_LEN: usize = 32;
const TAG_LEN: usize = 16;
const LENGTH_LEN: usize = 4;
const AEAD_KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const DERIVED_LEN: usize = AEAD_KEY_LEN + NONCE_LEN + COMMITMENT_LEN;
const HEADER_LEN: usize = MAGIC.len() + SALT_LEN + COMMITMENT_LEN;

/// Where an item lives and what it is for. An envelope opens under the same binding only.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The account's identifier, any length.
    pub account: &'a [u8],
    /// The item's identifier within the account, any length.
    pub item: &'a [u8],
    /// The item's version, counted up by each change.
    pub version: u64,
    /// What the content is, a constant label with its version in it.
    pub purpose: &'static str,
}

/// Seals `content` under a fresh content key and returns both. The key is to be wrapped under the
/// account's root and kept with the envelope.
///
/// # Errors
///
/// [`ItemError::TooLarge`] beyond [`MAX_CONTENT_LEN`].
pub fn seal(
    binding: &Binding<'_>,
    rng: &mut (impl CryptoRng + ?Sized),
    content: &[u8],
) -> Result<(ItemKey, Envelope), ItemError> {
    let key = ItemKey::generate(rng);
    let envelope = seal_with(&key, binding, rng, content)?;
    Ok((key, envelope))
}

/// Seals `content` under a key that the caller has, with a fresh salt. For keys that are derived,
/// such as the one of the local state; an item's own version takes [`seal`].
///
/// # Errors
///
/// [`ItemError::TooLarge`] beyond [`MAX_CONTENT_LEN`].
pub fn seal_with(
    key: &ItemKey,
    binding: &Binding<'_>,
    rng: &mut (impl CryptoRng + ?Sized),
    content: &[u8],
) -> Result<Envelope, ItemError> {
    let mut salt = [0; SALT_LEN];
    rng.fill_bytes(&mut salt);
    seal_salted(key, binding, &salt, content)
}

fn seal_salted(
    key: &ItemKey,
    binding: &Binding<'_>,
    salt: &[u8; SALT_LEN],
    content: &[u8],
) -> Result<Envelope, ItemError> {
    let too_large = ItemError::TooLarge { content_len: content.len() };
    let bucket = bucket_of(content.len()).ok_or(too_large)?;
    let content_len = u32::try_from(content.len()).map_err(|_| too_large)?;
    let aad = binding.aad()?;
    let keys = Keys::derive(key, salt);

    let mut bytes = vec![0; HEADER_LEN + bucket + TAG_LEN];
    let (header, body) = bytes.split_at_mut(HEADER_LEN);
    header[..MAGIC.len()].copy_from_slice(&MAGIC);
    header[MAGIC.len()..][..SALT_LEN].copy_from_slice(salt);
    header[MAGIC.len() + SALT_LEN..].copy_from_slice(keys.commitment());
    let (plaintext, tag) = body.split_at_mut(bucket);
    plaintext[..LENGTH_LEN].copy_from_slice(&content_len.to_be_bytes());
    plaintext[LENGTH_LEN..][..content.len()].copy_from_slice(content);
    let computed = keys
        .aead()
        .encrypt_inout_detached(&keys.nonce(), &aad, plaintext.into())
        .expect("a bucket is far below the AEAD's limit");
    tag.copy_from_slice(&computed);
    Ok(Envelope(bytes))
}

/// The 32-byte content key of one version of one item. Zeroised when dropped.
pub struct ItemKey(Secret);

impl ItemKey {
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

impl fmt::Debug for ItemKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ItemKey(redacted)")
    }
}

/// A sealed item as it is stored: 84 bytes more than one of the [`BUCKETS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope(Vec<u8>);

impl Envelope {
    /// Takes bytes for an envelope if their magic, version and size are those of one. Nothing is
    /// authenticated yet.
    ///
    /// # Errors
    ///
    /// [`ItemError::Malformed`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ItemError> {
        let sized = BUCKETS.iter().any(|bucket| bytes.len() == HEADER_LEN + bucket + TAG_LEN);
        if sized && bytes.starts_with(&MAGIC) { Ok(Self(bytes)) } else { Err(ItemError::Malformed) }
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Opens the item and returns its content.
    ///
    /// # Errors
    ///
    /// [`ItemError::NotAuthentic`] for another key, another binding or altered bytes;
    /// [`ItemError::Malformed`] when the authentic plaintext breaks the framing.
    pub fn open(
        &self,
        key: &ItemKey,
        binding: &Binding<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, ItemError> {
        let aad = binding.aad()?;
        let (salt, rest) = self.0[MAGIC.len()..].split_first_chunk().ok_or(ItemError::Malformed)?;
        let (commitment, body) = rest.split_at(COMMITMENT_LEN);
        let (ciphertext, tag) = body.split_last_chunk::<TAG_LEN>().ok_or(ItemError::Malformed)?;
        let keys = Keys::derive(key, salt);
        if !bool::from(keys.commitment().ct_eq(commitment)) {
            return Err(ItemError::NotAuthentic);
        }
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        keys.aead()
            .decrypt_inout_detached(
                &keys.nonce(),
                &aad,
                plaintext.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| ItemError::NotAuthentic)?;
        unframe(plaintext)
    }
}

/// Takes the content out of a plaintext that has exactly the bucket of its length, and zeros.
fn unframe(mut plaintext: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, ItemError> {
    let (length, rest) = plaintext.split_first_chunk().ok_or(ItemError::Malformed)?;
    let content_len = usize::try_from(u32::from_be_bytes(*length)).ok();
    let (content_len, padding) =
        content_len.and_then(|len| Some((len, rest.get(len..)?))).ok_or(ItemError::Malformed)?;
    if bucket_of(content_len) != Some(plaintext.len()) || padding.iter().any(|&byte| byte != 0) {
        return Err(ItemError::Malformed);
    }
    plaintext.copy_within(LENGTH_LEN..LENGTH_LEN + content_len, 0);
    plaintext.truncate(content_len);
    Ok(plaintext)
}

/// The smallest bucket that holds so much content and its length.
fn bucket_of(content_len: usize) -> Option<usize> {
    BUCKETS.into_iter().find(|bucket| bucket - LENGTH_LEN >= content_len)
}

impl Binding<'_> {
    fn aad(&self) -> Result<Vec<u8>, ItemError> {
        let mut aad = AAD_LABEL.to_vec();
        length_prefixed(&mut aad, self.account)?;
        length_prefixed(&mut aad, self.item)?;
        aad.extend(self.version.to_be_bytes());
        length_prefixed(&mut aad, self.purpose.as_bytes())?;
        Ok(aad)
    }
}

fn length_prefixed(aad: &mut Vec<u8>, field: &[u8]) -> Result<(), ItemError> {
    let len = u32::try_from(field.len()).map_err(|_| ItemError::BindingTooLong)?;
    aad.extend(len.to_be_bytes());
    aad.extend(field);
    Ok(())
}

/// Key, nonce and commitment of one envelope.
struct Keys(Zeroizing<[u8; DERIVED_LEN]>);

impl Keys {
    fn derive(key: &ItemKey, salt: &[u8; SALT_LEN]) -> Self {
        let mut derived = Zeroizing::new([0; DERIVED_LEN]);
        hkdf::Salt::new(hkdf::HKDF_SHA512, salt)
            .extract(key.as_bytes())
            .expand(&[KEYS_LABEL], DerivedLen)
            .and_then(|okm| okm.fill(derived.as_mut_slice()))
            .expect("88 bytes are within HKDF's 255 blocks");
        Self(derived)
    }

    fn aead(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(&self.0[..AEAD_KEY_LEN])
            .expect("the key has the AEAD's length")
    }

    fn nonce(&self) -> XNonce {
        let nonce = self.0[AEAD_KEY_LEN..][..NONCE_LEN].first_chunk::<NONCE_LEN>();
        XNonce::from(*nonce.expect("the slice has the nonce's length"))
    }

    fn commitment(&self) -> &[u8] {
        &self.0[AEAD_KEY_LEN + NONCE_LEN..]
    }
}

struct DerivedLen;

impl hkdf::KeyType for DerivedLen {
    fn len(&self) -> usize {
        DERIVED_LEN
    }
}

/// Why an item was not sealed or did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ItemError {
    /// The content is longer than the largest bucket holds.
    #[error(
        "an item holds at most {MAX_CONTENT_LEN} bytes and {content_len} were given: use a blob"
    )]
    TooLarge {
        /// Length of the content in bytes.
        content_len: usize,
    },
    /// An identifier of the binding is longer than 2^32 - 1 bytes.
    #[error("an identifier the item is bound to is too long")]
    BindingTooLong,
    /// Another key, account, item, version or purpose, or altered bytes.
    #[error("the item is not authentic")]
    NotAuthentic,
    /// The bytes are not an envelope, or its plaintext is not framed as one.
    #[error("the item's envelope is malformed")]
    Malformed,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const BINDING: Binding<'static> = Binding {
        account: b"account",
        item: b"item",
        version: 3,
        purpose: "hallmark/item/v1/address",
    };

    fn key() -> ItemKey {
        ItemKey::from_bytes(&[0x11; 32])
    }

    fn sealed(content: &[u8]) -> Envelope {
        seal_salted(&key(), &BINDING, &[0x22; 32], content).unwrap()
    }

    #[test]
    fn round_trip_in_every_bucket() {
        let mut rng = StdRng::seed_from_u64(1);
        for (len, bucket) in [
            (0, 256),
            (252, 256),
            (253, 1024),
            (1020, 1024),
            (1021, 4096),
            (4093, 16_384),
            (16_381, 65_536),
            (MAX_CONTENT_LEN, 65_536),
        ] {
            let content = vec![0xa7; len];
            let (key, envelope) = seal(&BINDING, &mut rng, &content).unwrap();
            assert_eq!(envelope.as_bytes().len(), HEADER_LEN + bucket + TAG_LEN, "{len}");
            let stored = Envelope::parse(envelope.as_bytes().to_vec()).unwrap();
            assert_eq!(*stored.open(&key, &BINDING).unwrap(), content);
        }
        assert_eq!(
            seal(&BINDING, &mut rng, &vec![0; MAX_CONTENT_LEN + 1]).map(|_| ()),
            Err(ItemError::TooLarge { content_len: 65_533 })
        );
    }

    #[test]
    fn every_bound_field() {
        let envelope = sealed(b"12 Rue de la Paix");
        assert!(envelope.open(&key(), &BINDING).is_ok(), "the control");
        for other in [
            Binding { account: b"accounT", ..BINDING },
            Binding { item: b"Item", ..BINDING },
            Binding { version: 2, ..BINDING },
            Binding { version: 4, ..BINDING },
            Binding { purpose: "hallmark/item/v1/phone", ..BINDING },
            Binding { account: b"accounti", item: b"tem", ..BINDING },
            Binding { account: b"item", item: b"account", ..BINDING },
            Binding { account: b"", ..BINDING },
        ] {
            let opened = envelope.open(&key(), &other);
            assert_eq!(opened, Err(ItemError::NotAuthentic), "{other:?}");
        }
        let wrong = ItemKey::from_bytes(&[0x12; 32]);
        assert_eq!(envelope.open(&wrong, &BINDING), Err(ItemError::NotAuthentic));
    }

    #[test]
    fn every_flipped_bit() {
        let envelope = sealed(b"12 Rue de la Paix");
        for bit in 0..envelope.0.len() * 8 {
            let mut bytes = envelope.0.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = Envelope::parse(bytes).and_then(|sealed| sealed.open(&key(), &BINDING));
            let expected =
                if bit < MAGIC.len() * 8 { ItemError::Malformed } else { ItemError::NotAuthentic };
            assert_eq!(opened, Err(expected), "bit {bit}");
        }
    }

    #[test]
    fn every_other_length() {
        let bytes = sealed(b"x").0;
        for len in (0..bytes.len()).chain([bytes.len() + 1]) {
            let mut cut = bytes.clone();
            cut.resize(len, 0);
            assert_eq!(Envelope::parse(cut), Err(ItemError::Malformed), "{len}");
        }
        let mut grown = bytes;
        grown.resize(HEADER_LEN + 1024 + TAG_LEN, 0);
        let grown = Envelope::parse(grown).unwrap();
        assert_eq!(grown.open(&key(), &BINDING), Err(ItemError::NotAuthentic));
    }

    #[test]
    fn framing_is_one_encoding_only() {
        let framed = |length: u32, len: usize, last: u8| {
            let mut plaintext = vec![0; len];
            plaintext[..4].copy_from_slice(&length.to_be_bytes());
            plaintext[len - 1] = last;
            unframe(Zeroizing::new(plaintext))
        };
        assert!(framed(100, 256, 0).is_ok(), "the control");
        assert!(framed(252, 256, 9).is_ok());
        for (length, len, last) in
            [(100, 256, 1), (253, 256, 0), (u32::MAX, 256, 0), (100, 1024, 0), (1021, 1024, 0)]
        {
            assert_eq!(framed(length, len, last), Err(ItemError::Malformed), "{length} in {len}");
        }
    }

    #[test]
    fn frozen() {
        let envelope = sealed(b"12 Rue de la Paix");
        let hex = data_encoding::HEXLOWER.encode(&envelope.0);
        assert_eq!(hex, FROZEN);
        let stored = data_encoding::HEXLOWER.decode(FROZEN.as_bytes()).unwrap();
        let opened = Envelope::parse(stored).unwrap().open(&key(), &BINDING).unwrap();
        assert_eq!(*opened, b"12 Rue de la Paix");
    }
    const FROZEN: &str = concat!(
        "484d4901222222222222222222222222222222222222222222222222222222222222222207484046",
        "a43f93d82099f0307de175292d8e5cd494643927a75cb13ac748f99a3429209769d399a3ed740a08",
        "7b04337879d4131d0a002c1e2e80d0b217c7db167b160cd9f537aafa2eb100e4b30f624dd8d38b07",
        "5404ef6d278bf3a1a51e06b6fc5127a8f4354c4ef9c5c5aece5e2adebc0f49559dd0c284e0c19528",
        "bfe9662b7e5771fb02b9c95e01466c9ff084491735a274ed27ca0fd3c1d0a5781fce86809999e739",
        "043d96223d17dd6f79200985ef713941d8b9c241153433474f56726f689ec22c4a4a8946fdd1bb28",
        "d22bb2d7206a80304236b355517937fbf4c598687cda524ed16f32fd2d23b120085546c8d21263da",
        "8751b6af3f56e28ebbe7e45b63c2226d4b5131b2a020dfa075791381fc7465844722af370e0b2f07",
        "4c04a513e0eb67cf835c46e9c7d5a805cdd97781",
    );

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key()), "ItemKey(redacted)");
    }
}
