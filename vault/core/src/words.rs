//! Six words that two people, or one person with two screens, compare.
//!
//! ```text
//! words = first 66 bits of SHA-256(label || 0x00 || bytes), 11 bits each, of BIP-39's English list
//! ```
//!
//! Whoever wants other bytes to give the same words has to try 2^66 times.

use bip39::Language;

use crate::{hash::Sha256, key::Domain};

/// Number of words.
pub const WORDS: usize = 6;
const WORD_BITS: usize = 11;

/// Six words of BIP-39's English list, in order, with a space between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SixWords(String);

impl SixWords {
    /// The words of these bytes under that label.
    #[must_use]
    pub fn of(domain: Domain, bytes: &[u8]) -> Self {
        let hash = Sha256::of(&domain.message(bytes));
        let mut head = [0; 16];
        head.copy_from_slice(&hash.as_bytes()[..16]);
        let bits = u128::from_be_bytes(head);
        let words = (1..=WORDS).map(|n| {
            let index = (bits >> (128 - n * WORD_BITS)) & 0x7ff;
            Language::English.word_list()[usize::try_from(index).expect("eleven bits")]
        });
        Self(words.collect::<Vec<_>>().join(" "))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether these are the words, typed in any case with any blanks or dashes between them.
    #[must_use]
    pub fn are(&self, typed: &str) -> bool {
        spoken(typed).iter().map(String::as_str).eq(self.0.split(' '))
    }

    /// Whether these could be the words of anything: six of the list.
    #[must_use]
    pub fn could_be(typed: &str) -> bool {
        let words = spoken(typed);
        words.len() == WORDS && words.iter().all(|word| Language::English.find_word(word).is_some())
    }
}

fn spoken(typed: &str) -> Vec<String> {
    let words = typed.split(|c: char| c.is_whitespace() || c == '-' || c == ',');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

impl std::fmt::Display for SixWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_frozen_and_forgiving_to_type() {
        const DOMAIN: Domain = Domain::new("hallmark/test/v1");
        let words = SixWords::of(DOMAIN, b"a");
        assert_eq!(words.as_str(), "buzz action crush elbow lawn pyramid");
        assert!(words.are(&words.as_str().to_uppercase().replace(' ', " - ")));
        assert!(!words.are(SixWords::of(DOMAIN, b"b").as_str()));
        assert!(!words.are(words.as_str().rsplit_once(' ').unwrap().0));
        assert!(!words.are(""));
    }
}
