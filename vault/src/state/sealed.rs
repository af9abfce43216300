//! The bytes of `state.hallmark`, version 1. Integers are big-endian.
//!
//! | Offset | Bytes | What |
//! |---|---|---|
//! | 0 | 14 | `hallmark-state` |
//! | 14 | 2 | format version, 1 |
//! | 16 | 32 | profile name, padded with zeros |
//! | 48 | 12 | Argon2id memory in KiB, passes, lanes: 4 each |
//! | 60 | 16 | Argon2id salt |
//! | 76 | 32 | commitment of the wrap |
//! | 108 | 48 | wrapped state key, its tag included |
//! | 156 | 8 | writes so far, this one included |
//! | 164 | 32 | salt of the body, fresh at every write |
//! | 196 | 32 | commitment of the body |
//! | 228 | 8 | length of the body, its tag included |
//! | 236 | 32 | SHA-256 of bytes 0 to 235 |
//! | 268 | | the body |
//!
//! ```text
//! key ‖ nonce ‖ commitment = HKDF-SHA-512[Argon2id salt, WRAP_LABEL](Argon2id(passphrase), 32 + 24 + 32)
//! wrapped state key        = XChaCha20-Poly1305[key, nonce, bytes 0 to 75](state key)
//! key ‖ nonce ‖ commitment = HKDF-SHA-512[salt of the body, BODY_LABEL](state key, 32 + 24 + 32)
//! body                     = XChaCha20-Poly1305[key, nonce, bytes 0 to 235](content)
//! ```
//!
//! A commitment is compared before anything is decrypted, so no file opens under two keys. The
//! SHA-256 has no key and defends against nobody: it tells a damaged file from a wrong passphrase,
//! and both from a cut one. Later versions keep the place of magic, version and checksum, so that
//! damage to the version number is never reported as a newer program's file.

use std::path::Path;

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;
use ring::{digest, hkdf};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::kdf::{self, SALT_BYTES};
use super::{KdfCost, Passphrase, ProfileName, StateError};

const MAGIC: &[u8; 14] = b"hallmark-state";
const VERSION: u16 = 1;
const WRAP_LABEL: &[u8] = b"hallmark/state-wrap/v1";
const BODY_LABEL: &[u8] = b"hallmark/state-body/v1";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const COMMITMENT_BYTES: usize = 32;
/// The length of the Poly1305 tag at the end of the body.
pub(super) const TAG_BYTES: usize = 16;

/// How much of the prefix the wrap authenticates: up to its own commitment.
const WRAP_AAD_BYTES: usize = 76;
const CHECKSUM_BYTES: usize = 32;
const CHECKSUM_AT: usize = PREFIX_BYTES - CHECKSUM_BYTES;
/// The length of everything before the body.
pub(super) const PREFIX_BYTES: usize = 268;

/// A state key and the form in which the file carries it.
pub(super) struct StateKey {
    key: Box<Zeroizing<[u8; KEY_BYTES]>>,
    wrap: Wrap,
}

#[derive(Clone)]
struct Wrap {
    profile: ProfileName,
    cost: KdfCost,
    salt: [u8; SALT_BYTES],
    commitment: [u8; COMMITMENT_BYTES],
    wrapped: [u8; KEY_BYTES + TAG_BYTES],
}

impl StateKey {
    /// A random state key, wrapped under `passphrase` with a fresh salt.
    pub(super) fn generate(
        path: &Path,
        profile: &ProfileName,
        passphrase: &Passphrase,
        cost: KdfCost,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, StateError> {
        let mut key = Box::new(Zeroizing::new([0; KEY_BYTES]));
        rng.fill_bytes(key.as_mut_slice());
        let mut wrap = Wrap {
            profile: profile.clone(),
            cost,
            salt: [0; SALT_BYTES],
            commitment: [0; COMMITMENT_BYTES],
            wrapped: [0; KEY_BYTES + TAG_BYTES],
        };
        rng.fill_bytes(&mut wrap.salt);
        let once = wrap.derive(path, passphrase)?;
        wrap.commitment = once.commitment;
        let (sealed, tag) = wrap.wrapped.split_at_mut(KEY_BYTES);
        sealed.copy_from_slice(key.as_slice());
        let aad: &[u8] = &Wrap::aad(&wrap.profile, cost, &wrap.salt);
        tag.copy_from_slice(&once.seal(aad, sealed));
        Ok(Self { key, wrap })
    }

    /// Seals a buffer in place. It holds [`PREFIX_BYTES`] of anything, then the content; it comes
    /// back as the whole file. Spare capacity of [`TAG_BYTES`] avoids a copy.
    pub(super) fn seal(
        &self,
        writes: u64,
        buffer: &mut Vec<u8>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let once = Once::derive(&salt, BODY_LABEL, self.key.as_slice());
        let prefix = Prefix {
            wrap: self.wrap.clone(),
            writes,
            salt,
            commitment: once.commitment,
            body_bytes: (buffer.len() - PREFIX_BYTES + TAG_BYTES) as u64,
        }
        .encode();
        let tag = once.seal(&prefix[..CHECKSUM_AT], &mut buffer[PREFIX_BYTES..]);
        buffer[..PREFIX_BYTES].copy_from_slice(&prefix);
        buffer.extend_from_slice(&tag);
    }
}

/// A file that was opened.
pub(super) struct Opened {
    pub(super) key: StateKey,
    pub(super) writes: u64,
    file: Zeroizing<Vec<u8>>,
}

impl Opened {
    /// The content, as it was sealed.
    pub(super) fn content(&self) -> &[u8] {
        &self.file[PREFIX_BYTES..self.file.len() - TAG_BYTES]
    }
}

/// Opens the bytes of a whole file, in place.
pub(super) fn open(
    path: &Path,
    profile: &ProfileName,
    passphrase: &Passphrase,
    mut file: Zeroizing<Vec<u8>>,
) -> Result<Opened, StateError> {
    let damaged = || StateError::Damaged { path: path.to_owned() };
    let prefix = Prefix::parse(path, &file)?;
    if prefix.wrap.profile != *profile {
        let found = prefix.wrap.profile;
        return Err(StateError::OtherProfile { path: path.to_owned(), found });
    }
    let key = prefix.wrap.open(path, passphrase)?;
    let once = Once::derive(&prefix.salt, BODY_LABEL, key.as_slice());
    once.check(&prefix.commitment).ok_or_else(damaged)?;
    let (head, body) = file.split_at_mut(PREFIX_BYTES);
    let (sealed, tag) = body.split_last_chunk_mut().ok_or_else(damaged)?;
    once.open(&head[..CHECKSUM_AT], sealed, tag).ok_or_else(damaged)?;
    Ok(Opened { key: StateKey { key, wrap: prefix.wrap }, writes: prefix.writes, file })
}

impl Wrap {
    fn aad(profile: &ProfileName, cost: KdfCost, salt: &[u8; SALT_BYTES]) -> [u8; WRAP_AAD_BYTES] {
        let mut aad = [0; WRAP_AAD_BYTES];
        aad[..14].copy_from_slice(MAGIC);
        aad[14..16].copy_from_slice(&VERSION.to_be_bytes());
        aad[16..16 + profile.as_str().len()].copy_from_slice(profile.as_str().as_bytes());
        aad[48..52].copy_from_slice(&cost.memory_kib().to_be_bytes());
        aad[52..56].copy_from_slice(&cost.passes().to_be_bytes());
        aad[56..60].copy_from_slice(&cost.lanes().to_be_bytes());
        aad[60..].copy_from_slice(salt);
        aad
    }

    fn derive(&self, path: &Path, passphrase: &Passphrase) -> Result<Once, StateError> {
        let stretched = kdf::stretch(passphrase, &self.salt, self.cost).map_err(|source| {
            StateError::Kdf { path: path.to_owned(), memory_kib: self.cost.memory_kib(), source }
        })?;
        Ok(Once::derive(&self.salt, WRAP_LABEL, stretched.as_slice()))
    }

    fn open(
        &self,
        path: &Path,
        passphrase: &Passphrase,
    ) -> Result<Box<Zeroizing<[u8; KEY_BYTES]>>, StateError> {
        let once = self.derive(path, passphrase)?;
        once.check(&self.commitment)
            .ok_or_else(|| StateError::WrongPassphrase { path: path.to_owned() })?;
        let (sealed, tag) = self.wrapped.split_at(KEY_BYTES);
        let mut key = Box::new(Zeroizing::new([0; KEY_BYTES]));
        key.copy_from_slice(sealed);
        let mut sealed_tag = [0; TAG_BYTES];
        sealed_tag.copy_from_slice(tag);
        once.open(
            &Self::aad(&self.profile, self.cost, &self.salt),
            key.as_mut_slice(),
            &sealed_tag,
        )
        .ok_or_else(|| StateError::Damaged { path: path.to_owned() })?;
        Ok(key)
    }
}

/// Everything before the body, the checksum aside.
struct Prefix {
    wrap: Wrap,
    writes: u64,
    salt: [u8; 32],
    commitment: [u8; COMMITMENT_BYTES],
    body_bytes: u64,
}

impl Prefix {
    fn encode(&self) -> [u8; PREFIX_BYTES] {
        let wrap = &self.wrap;
        let mut bytes = [0; PREFIX_BYTES];
        bytes[..76].copy_from_slice(&Wrap::aad(&wrap.profile, wrap.cost, &wrap.salt));
        bytes[76..108].copy_from_slice(&wrap.commitment);
        bytes[108..156].copy_from_slice(&wrap.wrapped);
        bytes[156..164].copy_from_slice(&self.writes.to_be_bytes());
        bytes[164..196].copy_from_slice(&self.salt);
        bytes[196..228].copy_from_slice(&self.commitment);
        bytes[228..236].copy_from_slice(&self.body_bytes.to_be_bytes());
        let checksum = digest::digest(&digest::SHA256, &bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(checksum.as_ref());
        bytes
    }

    /// Reads the prefix of a whole file, which may not be shorter than it says. What it says is
    /// bounded, not yet authentic: an older version, or bytes too many, are left to the tags.
    fn parse(path: &Path, file: &[u8]) -> Result<Self, StateError> {
        let damaged = || StateError::Damaged { path: path.to_owned() };
        let truncated = |expected_bytes| StateError::Truncated {
            path: path.to_owned(),
            expected_bytes,
            found_bytes: file.len() as u64,
        };
        let prefix =
            file.get(..PREFIX_BYTES).ok_or_else(|| truncated((PREFIX_BYTES + TAG_BYTES) as u64))?;
        let checksum = digest::digest(&digest::SHA256, &prefix[..CHECKSUM_AT]);
        if !prefix.starts_with(MAGIC) || checksum.as_ref() != &prefix[CHECKSUM_AT..] {
            return Err(damaged());
        }
        let found = u16::from_be_bytes(at(prefix, 14));
        if found > VERSION {
            return Err(StateError::Newer { path: path.to_owned(), found, supported: VERSION });
        }
        let name: &[u8; ProfileName::MAX_BYTES] = &at(prefix, 16);
        let profile = std::str::from_utf8(name).ok();
        let profile = profile.and_then(|name| name.trim_end_matches('\0').parse().ok());
        let cost = KdfCost::new(
            u32::from_be_bytes(at(prefix, 48)),
            u32::from_be_bytes(at(prefix, 52)),
            u32::from_be_bytes(at(prefix, 56)),
        )
        .map_err(|source| StateError::Cost { path: path.to_owned(), source })?;
        let body_bytes = u64::from_be_bytes(at(prefix, 228));
        let expected = body_bytes.saturating_add(PREFIX_BYTES as u64);
        if expected > file.len() as u64 {
            return Err(truncated(expected));
        }
        Ok(Self {
            wrap: Wrap {
                profile: profile.ok_or_else(damaged)?,
                cost,
                salt: at(prefix, 60),
                commitment: at(prefix, 76),
                wrapped: at(prefix, 108),
            },
            writes: u64::from_be_bytes(at(prefix, 156)),
            salt: at(prefix, 164),
            commitment: at(prefix, 196),
            body_bytes,
        })
    }
}

/// One use of a key: its derived key and nonce, and the commitment to it.
struct Once {
    secret: Zeroizing<[u8; KEY_BYTES + NONCE_BYTES]>,
    commitment: [u8; COMMITMENT_BYTES],
}

impl Once {
    /// `key ‖ nonce ‖ commitment = HKDF-SHA-512[salt, label](secret, 88)` (RFC 5869).
    fn derive(salt: &[u8], label: &[u8], secret: &[u8]) -> Self {
        let mut all = Zeroizing::new([0; KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES]);
        let length = OutputBytes(all.len());
        hkdf::Salt::new(hkdf::HKDF_SHA512, salt)
            .extract(secret)
            .expand(&[label], length)
            .and_then(|okm| okm.fill(all.as_mut_slice()))
            .expect("88 bytes are within HKDF-SHA-512's 255 blocks");
        Self { secret: Zeroizing::new(at(all.as_slice(), 0)), commitment: at(all.as_slice(), 56) }
    }

    /// Whether the file commits to this key.
    fn check(&self, commitment: &[u8; COMMITMENT_BYTES]) -> Option<()> {
        bool::from(self.commitment.ct_eq(commitment)).then_some(())
    }

    fn seal(&self, aad: &[u8], content: &mut [u8]) -> [u8; TAG_BYTES] {
        self.cipher()
            .encrypt_inout_detached(&self.nonce(), aad, content.into())
            .expect("a state is far below XChaCha20's 256 GiB")
            .into()
    }

    fn open(&self, aad: &[u8], sealed: &mut [u8], tag: &[u8; TAG_BYTES]) -> Option<()> {
        let tag = Tag::from(*tag);
        self.cipher().decrypt_inout_detached(&self.nonce(), aad, sealed.into(), &tag).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let key = Zeroizing::new(at::<KEY_BYTES>(self.secret.as_slice(), 0));
        XChaCha20Poly1305::new((&*key).into())
    }

    fn nonce(&self) -> XNonce {
        at::<NONCE_BYTES>(self.secret.as_slice(), KEY_BYTES).into()
    }
}

struct OutputBytes(usize);

impl hkdf::KeyType for OutputBytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The `N` bytes at `offset`, both fixed by the layout above.
fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[offset..offset + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A forger who knows the keys can make everything else fit. Only the commitments say that the
    /// file was made for this key and no other.
    #[test]
    fn a_commitment_to_another_key_is_refused_although_all_else_fits() {
        let path = Path::new("state.hallmark");
        let (profile, rng) = (ProfileName::default(), &mut rand::rng());
        let passphrase = Passphrase::new("right").expect("not empty");
        let mut state_key =
            StateKey::generate(path, &profile, &passphrase, KdfCost::MINIMUM, rng).expect("wraps");
        let seal = |state_key: &StateKey, flip: u8| {
            let mut body = *b"null";
            let salt = [7; 32];
            let mut once = Once::derive(&salt, BODY_LABEL, state_key.key.as_slice());
            once.commitment[0] ^= flip;
            let prefix = Prefix {
                wrap: state_key.wrap.clone(),
                writes: 1,
                salt,
                commitment: once.commitment,
                body_bytes: (body.len() + TAG_BYTES) as u64,
            }
            .encode();
            let tag = once.seal(&prefix[..CHECKSUM_AT], &mut body);
            Zeroizing::new([prefix.as_slice(), &body, &tag].concat())
        };
        let open = |file| open(path, &profile, &passphrase, file).map(|opened| opened.writes);

        assert!(matches!(open(seal(&state_key, 0)), Ok(1)));
        assert!(matches!(open(seal(&state_key, 1)), Err(StateError::Damaged { .. })));
        state_key.wrap.commitment[0] ^= 1;
        assert!(matches!(open(seal(&state_key, 0)), Err(StateError::WrongPassphrase { .. })));
    }
}
