//! Keys, nonces and chunks of one blob: the cipher of C2SP chunked-encryption@v1.

use super::layout::{CHUNK_LEN, TAG_LEN};
use super::{BlobKey, OpenError, Salt};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use ring::hkdf;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What the derivation's info starts with: the specification's name and the AEAD's, zero-ended.
const INFO_PREFIX: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
const AEAD_KEY_LEN: usize = 32;
const COMMITMENT_LEN: usize = 32;
const DERIVED_LEN: usize = AEAD_KEY_LEN + NONCE_LEN + COMMITMENT_LEN;
/// Bytes before the first chunk: salt and commitment.
pub(super) const HEADER_LEN: usize = Salt::LEN + COMMITMENT_LEN;

/// The derived key and base nonce of one message. Shared by all threads that work on it.
pub(super) struct Cipher {
    key: LessSafeKey,
    base_nonce: [u8; NONCE_LEN],
}

impl Cipher {
    /// The cipher of a new message and the header to store before its chunks.
    pub(super) fn to_seal(key: &BlobKey, salt: Salt, context: &[u8]) -> (Self, [u8; HEADER_LEN]) {
        let (cipher, commitment) = Self::derive(key, salt, context);
        let mut header = [0; HEADER_LEN];
        header[..Salt::LEN].copy_from_slice(salt.as_bytes());
        header[Salt::LEN..].copy_from_slice(&commitment);
        (cipher, header)
    }

    /// The cipher of a stored message, after its commitment was checked in constant time.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotAuthentic`] when the header was not made with this key and context.
    pub(super) fn to_open(
        key: &BlobKey,
        header: &[u8; HEADER_LEN],
        context: &[u8],
    ) -> Result<Self, OpenError> {
        let (salt, stored) = header.split_at(Salt::LEN);
        let salt = Salt::from_bytes(salt.try_into().expect("the header starts with the salt"));
        let (cipher, commitment) = Self::derive(key, salt, context);
        if bool::from(commitment.ct_eq(stored)) { Ok(cipher) } else { Err(OpenError::NotAuthentic) }
    }

    /// `HKDF-Expand-SHA-512(key, prefix || salt || context, 76)`, chunked-encryption "Key
    /// derivation".
    fn derive(key: &BlobKey, salt: Salt, context: &[u8]) -> (Self, [u8; COMMITMENT_LEN]) {
        let mut derived = Zeroizing::new([0; DERIVED_LEN]);
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, key.as_bytes())
            .expand(&[INFO_PREFIX, salt.as_bytes(), context], DerivedLen)
            .and_then(|okm| okm.fill(derived.as_mut_slice()))
            .expect("76 bytes are within HKDF's 255 blocks");
        let (aead_key, rest) = derived.split_at(AEAD_KEY_LEN);
        let (nonce, commitment) = rest.split_at(NONCE_LEN);
        let key = UnboundKey::new(&AES_256_GCM, aead_key).expect("the key has the AEAD's length");
        let cipher = Self {
            key: LessSafeKey::new(key),
            base_nonce: nonce.try_into().expect("split at the nonce's length"),
        };
        (cipher, commitment.try_into().expect("the rest is the commitment"))
    }

    /// Seals a chunk where it lies: `slot` is the plaintext and 16 bytes for the tag.
    pub(super) fn seal_chunk(&self, chunk: u64, slot: &mut [u8]) {
        debug_assert!(slot.len() <= CHUNK_LEN + TAG_LEN);
        let (in_out, tag_slot) = slot.split_at_mut(slot.len() - TAG_LEN);
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(chunk), Aad::empty(), in_out)
            .expect("a chunk is far below the AEAD's limit");
        tag_slot.copy_from_slice(tag.as_ref());
    }

    /// Opens a chunk whose ciphertext starts `shift` bytes into `buffer` and ends with it. The
    /// plaintext is at the start of `buffer` afterwards, undefined when this fails.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotAuthentic`].
    pub(super) fn open_chunk(
        &self,
        chunk: u64,
        buffer: &mut [u8],
        shift: usize,
        tag: [u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        self.key
            .open_in_place_separate_tag(
                self.nonce(chunk),
                Aad::empty(),
                Tag::from(tag),
                buffer,
                shift..,
            )
            .map(|_| ())
            .map_err(|_| OpenError::NotAuthentic)
    }

    /// The base nonce XOR the chunk's number as a big-endian integer.
    fn nonce(&self, chunk: u64) -> Nonce {
        let mut nonce = self.base_nonce;
        for (byte, counter) in nonce[NONCE_LEN - 8..].iter_mut().zip(chunk.to_be_bytes()) {
            *byte ^= counter;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

struct DerivedLen;

impl hkdf::KeyType for DerivedLen {
    fn len(&self) -> usize {
        DERIVED_LEN
    }
}
