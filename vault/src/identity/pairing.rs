//! A further device joins: its code, and the words compared on both.

use data_encoding::BASE32_NOPAD;
use hallmark_core::{
    account::{
        Signed, WrapKey,
        device_list::{Device, Entry},
    },
    hash::Sha256,
    key::{Domain, PublicKey},
    words::SixWords,
};

const CODE_PREFIX: &str = "HMJ1";
const CHECKSUM_LABEL: &[u8] = b"hallmark/join-checksum/v1\0";
const CHECKSUM_LEN: usize = 4;
const DEVICE_WORDS: Domain = Domain::new("hallmark/join-device-words/v1");
const ENTRY_WORDS: Domain = Domain::new("hallmark/join-entry-words/v1");

/// What a new device shows, as text or QR, to a device that is listed:
/// `"HMJ1" || base32(signing key(32) || wrapping key(32) || checksum(4))`, 113 letters and digits.
/// Nothing of it is secret; what matters is that nobody exchanged it, which its [words] show.
///
/// [words]: JoinCode::words
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinCode(Device);

/// A text that is no [`JoinCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a join code: it begins with {CODE_PREFIX} and has 113 letters and digits; copy it whole \
     from the new device"
)]
pub struct JoinCodeError;

impl JoinCode {
    /// The code of a device.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self(device)
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> Device {
        self.0
    }

    /// What both screens show before the device is let in.
    #[must_use]
    pub fn words(&self) -> SixWords {
        SixWords::of(DEVICE_WORDS, &self.bytes())
    }

    fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(self.0.key.as_bytes());
        bytes[32..].copy_from_slice(self.0.wrap.as_bytes());
        bytes
    }
}

/// What both screens show once the device is let in: the entry that did it, its account, and
/// everything before.
#[must_use]
pub fn entry_words(entry: &Signed<Entry>) -> SixWords {
    SixWords::of(ENTRY_WORDS, entry.hash().as_bytes())
}

impl std::fmt::Display for JoinCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.bytes();
        let text = BASE32_NOPAD.encode(&[&bytes[..], &checksum(&bytes)].concat());
        write!(f, "{CODE_PREFIX}{text}")
    }
}

impl std::str::FromStr for JoinCode {
    type Err = JoinCodeError;
    /// Reads a code in any case, with blanks or dashes anywhere.
    fn from_str(text: &str) -> Result<Self, JoinCodeError> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let plain = plain.to_ascii_uppercase();
        let bytes = plain
            .strip_prefix(CODE_PREFIX)
            .and_then(|text| BASE32_NOPAD.decode(text.as_bytes()).ok())
            .ok_or(JoinCodeError)?;
        let (keys, sum) = bytes.split_first_chunk::<64>().ok_or(JoinCodeError)?;
        if sum != checksum(keys) {
            return Err(JoinCodeError);
        }
        let (mut sign, mut wrap) = ([0; 32], [0; 32]);
        sign.copy_from_slice(&keys[..32]);
        wrap.copy_from_slice(&keys[32..]);
        let key = PublicKey::from_bytes(&sign).map_err(|_| JoinCodeError)?;
        Ok(Self(Device { key, wrap: WrapKey::from_bytes(wrap) }))
    }
}

fn checksum(bytes: &[u8; 64]) -> [u8; CHECKSUM_LEN] {
    let hash = Sha256::of(&[CHECKSUM_LABEL, bytes].concat());
    let mut sum = [0; CHECKSUM_LEN];
    sum.copy_from_slice(&hash.as_bytes()[..CHECKSUM_LEN]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;

    #[test]
    fn a_code_reads_back_as_typed_and_not_mistyped() {
        let key = SigningKey::from_seed(&[1; 32]).public();
        let code = JoinCode::new(Device { key, wrap: WrapKey::from_bytes([2; 32]) });
        let text = code.to_string();
        assert_eq!(text.len(), 113);
        let typed = text
            .to_lowercase()
            .as_bytes()
            .chunks(5)
            .map(|five| String::from_utf8(five.to_vec()).unwrap())
            .collect::<Vec<_>>()
            .join(" - ");
        assert_eq!(typed.parse(), Ok(code));
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(other.parse::<JoinCode>(), Err(JoinCodeError), "{at}");
        }
        for wrong in ["", "HMJ1", &text[..112], &format!("{text}A")] {
            assert_eq!(wrong.parse::<JoinCode>(), Err(JoinCodeError), "{wrong}");
        }
    }
}
