//! The recovery secret, and the 14 words it is written down as.
//!
//! Design, section 3. 128 random bits and a checksum of 26 make 154 bits: 14 words of 11 bits each
//! from BIP-39's English list. It is not a BIP-39 mnemonic (those have 12 or 15 words): no wallet
//! takes it for one.
//!
//! ```text
//! words = secret(128 bits) || first 26 bits of SHA-256("hallmark/recovery-checksum/v1" || secret)
//! ```
//!
//! A mistyped word that is a word of the list again, or two swapped ones, pass the checksum once in
//! 67 million times.

use bip39::Language;
use data_encoding::HEXLOWER;
use rand_core::CryptoRng;
use ring::digest;
use std::fmt;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Words in a recovery code.
pub const WORDS: usize = 14;

/// Enters the checksum before the secret.
const CHECKSUM_LABEL: &[u8] = b"hallmark/recovery-checksum/v1";
/// Bits in a word.
const WORD_BITS: usize = 11;
const WORD_MASK: u16 = (1 << WORD_BITS) - 1;
/// Bits of checksum at the end of the code, and the bytes they take.
const CHECKSUM_BITS: usize = 26;
const CHECKSUM_LEN: usize = 4;
/// Letters that tell every word of the list from all others.
const PREFIX_LEN: usize = 4;
/// Letters in the longest word of the list.
const LONGEST_WORD: usize = 8;

/// The account's recovery secret: 16 random bytes. Zeroised when dropped.
pub struct RecoverySecret(Box<Zeroizing<[u8; RecoverySecret::LEN]>>);

impl RecoverySecret {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// A fresh secret.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut secret = Self::zero();
        rng.fill_bytes(secret.0.as_mut_slice());
        secret
    }

    /// A secret from its bytes, as kept in sealed local state. The caller's copy is not zeroised.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        secret
    }

    /// The bytes, to derive keys from or to seal.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads a code as typed: 14 words between white space of any kind, in any case, each whole or
    /// cut to no fewer than its first four letters.
    ///
    /// # Errors
    ///
    /// [`RecoveryError`], which names positions and never a word.
    pub fn parse(code: &str) -> Result<Self, RecoveryError> {
        let found = code.split_whitespace().count();
        if found != WORDS {
            return Err(RecoveryError::WordCount { found });
        }
        let mut indices = Zeroizing::new([0; WORDS]);
        for (position, (word, index)) in (1..).zip(code.split_whitespace().zip(indices.iter_mut()))
        {
            *index = index_of(word).ok_or(RecoveryError::UnknownWord { position })?;
        }
        let mut bits = Zeroizing::new([0; PACKED_LEN]);
        for (slot, &index) in (0..).zip(indices.iter()) {
            put_word(&mut bits, slot, index);
        }
        let (bytes, checksum) = bits.split_first_chunk().expect("the secret comes first");
        let secret = Self::from_bytes(bytes);
        if bool::from(secret.checksum().ct_eq(checksum)) {
            Ok(secret)
        } else {
            Err(RecoveryError::Checksum)
        }
    }

    /// `HKDF-SHA-512[empty salt, label || 0x00 || context](secret, 32)`, as [`Secret::derive`].
    #[must_use]
    pub fn derive(&self, label: &'static str, context: &[u8]) -> Secret {
        crate::secret::derived(self.as_bytes(), label, context)
    }

    /// The words to write down.
    #[must_use]
    pub fn words(&self) -> RecoveryWords {
        let mut bits = Zeroizing::new([0; PACKED_LEN]);
        bits[..Self::LEN].copy_from_slice(self.as_bytes());
        bits[Self::LEN..].copy_from_slice(&self.checksum());
        let mut words = RecoveryWords(Box::new(Zeroizing::new([0; WORDS])));
        for (slot, index) in words.0.iter_mut().enumerate() {
            *index = word_at(&bits, slot);
        }
        words
    }

    /// `SHA-256(label || secret)`, its first 26 bits, then zeros.
    fn checksum(&self) -> [u8; CHECKSUM_LEN] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(CHECKSUM_LABEL);
        context.update(self.as_bytes());
        let digest = context.finish();
        let mut checksum: [u8; CHECKSUM_LEN] =
            *digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        checksum[CHECKSUM_LEN - 1] &= 0xff << (CHECKSUM_LEN * 8 - CHECKSUM_BITS);
        checksum
    }

    fn zero() -> Self {
        Self(Box::new(Zeroizing::new([0; Self::LEN])))
    }
}

impl Clone for RecoverySecret {
    fn clone(&self) -> Self {
        Self::from_bytes(self.as_bytes())
    }
}

/// For sealed local state, where the secret stays until it is written down: 32 hexadecimal digits.
impl serde::Serialize for RecoverySecret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(HEXLOWER.encode(self.as_bytes())))
    }
}

impl<'de> serde::Deserialize<'de> for RecoverySecret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(d)?);
        let bytes = HEXLOWER.decode(text.as_bytes()).map(Zeroizing::new).ok();
        bytes
            .and_then(|bytes| Some(Self::from_bytes(bytes.as_slice().try_into().ok()?)))
            .ok_or_else(|| serde::de::Error::custom("not 32 hexadecimal digits"))
    }
}

impl fmt::Debug for RecoverySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverySecret(redacted)")
    }
}

/// The words of a recovery code, in order. Zeroised when dropped; there is no way to print it by
/// accident.
pub struct RecoveryWords(Box<Zeroizing<[u16; WORDS]>>);

impl RecoveryWords {
    /// The words, in lower case. Each is a constant of the list; their order is the secret.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static str> + '_ {
        self.0.iter().map(|&index| Language::English.word_list()[usize::from(index)])
    }

    /// Whether the words typed in answer to a challenge are those at its positions. They are read
    /// as [`RecoverySecret::parse`] reads them; the comparison takes the same time wherever they
    /// differ.
    #[must_use]
    pub fn answer(&self, challenge: &Challenge, typed: [&str; 2]) -> bool {
        let mut same = 1;
        for (position, word) in challenge.0.iter().zip(typed) {
            // No index of the list: an unknown word is never the right one.
            let typed = index_of(word.trim()).unwrap_or(u16::MAX);
            let written = self.0[usize::from(*position)];
            same &= written.ct_eq(&typed).unwrap_u8();
        }
        same == 1
    }
}

impl fmt::Debug for RecoveryWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryWords(redacted)")
    }
}

/// Two different positions whose words are to be typed back, to see that the code was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge([u8; 2]);

impl Challenge {
    /// Two random positions.
    pub fn new(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let first = position(rng);
        loop {
            let second = position(rng);
            if second != first {
                return Self([first.min(second), first.max(second)]);
            }
        }
    }

    /// The positions, counted from 1, the smaller one first.
    #[must_use]
    pub fn positions(&self) -> [usize; 2] {
        self.0.map(|position| usize::from(position) + 1)
    }
}

/// A uniform position below 14, by rejection.
fn position(rng: &mut (impl CryptoRng + ?Sized)) -> u8 {
    loop {
        let [low, ..] = rng.next_u32().to_le_bytes();
        let position = low & 0x0f;
        if usize::from(position) < WORDS {
            return position;
        }
    }
}

/// The list's index of a word, whole or cut to at least four letters, in any case.
fn index_of(word: &str) -> Option<u16> {
    let mut lower = Zeroizing::new([0; LONGEST_WORD]);
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    let lower = std::str::from_utf8(lower).ok()?;
    Language::English.find_word(lower).or_else(|| {
        if lower.len() < PREFIX_LEN {
            return None;
        }
        match Language::English.words_by_prefix(lower) {
            [word] => Language::English.find_word(word),
            _ => None,
        }
    })
}

/// Bytes of secret and checksum together, 154 bits and six of zero.
const PACKED_LEN: usize = RecoverySecret::LEN + CHECKSUM_LEN;

/// The word in a slot, most significant bits first.
fn word_at(bits: &[u8; PACKED_LEN], slot: usize) -> u16 {
    let (start, shift) = window(slot);
    let window = u32::from_be_bytes([0, bits[start], bits[start + 1], bits[start + 2]]);
    (window >> shift) as u16 & WORD_MASK
}

/// Puts a word into a slot that is zero so far.
fn put_word(bits: &mut [u8; PACKED_LEN], slot: usize, word: u16) {
    let (start, shift) = window(slot);
    let word = (u32::from(word) << shift).to_be_bytes();
    for (bits, word) in bits[start..].iter_mut().zip(&word[1..]) {
        *bits |= word;
    }
}

/// The first of the three bytes that a slot's word lies in, and how far it is from their end.
fn window(slot: usize) -> (usize, usize) {
    let bit = slot * WORD_BITS;
    (bit / 8, 24 - WORD_BITS - bit % 8)
}

/// Why a recovery code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecoveryError {
    /// There are too few or too many words.
    #[error("a recovery code has 14 words, and there are {found}")]
    WordCount {
        /// Words found.
        found: usize,
    },
    /// A word is not in the list.
    #[error("word {position} is not one of the list: look at its spelling")]
    UnknownWord {
        /// Position of the word, counted from 1.
        position: usize,
    },
    /// All words are in the list, but they do not belong together.
    #[error("the words do not belong together: one is mistyped, or two are swapped")]
    Checksum,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
