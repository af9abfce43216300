//! Signature parameters: key id, nonce, creation time, and their one spelling (RFC 9421, section 2.3).

use super::base::signature_base;
use super::{ContentDigest, Header, HttpSigError, Target};
use data_encoding::BASE64URL_NOPAD;
use rand_core::CryptoRng;

/// The one label a request's signature has.
pub(super) const LABEL: &str = "hm";
/// Keeps request signatures apart from all other signatures of a key.
const TAG: &str = "hallmark/request/v1";
const COMPONENTS: &str = r#"("@method" "@authority" "@path" "@query" "content-digest")"#;
/// The largest integer of RFC 8941 (15 digits).
const MAX_INTEGER: i64 = 999_999_999_999_999;

/// How far from now a request may have been signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Seconds in the past. Nonces must be remembered for at least `past_s + future_s`.
    pub past_s: u32,
    /// Seconds in the future, for clocks that run ahead.
    pub future_s: u32,
}

impl Window {
    /// # Errors
    ///
    /// [`HttpSigError::OutsideWindow`].
    pub(super) fn check(self, created: i64, now: i64) -> Result<(), HttpSigError> {
        let oldest = now.saturating_sub(i64::from(self.past_s));
        let newest = now.saturating_add(i64::from(self.future_s));
        if (oldest..=newest).contains(&created) {
            Ok(())
        } else {
            Err(HttpSigError::OutsideWindow { created, now })
        }
    }
}

/// Sixteen random bytes that make each signed request its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce([u8; Nonce::LEN]);

impl Nonce {
    /// Length in bytes. On the wire it is 22 characters of base64url without padding.
    pub const LEN: usize = 16;

    /// A fresh nonce.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut nonce = [0; Self::LEN];
        rng.fill_bytes(&mut nonce);
        Self(nonce)
    }

    /// The nonce's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }
}

/// The name under which the verifier finds a signer's key: 1 to 128 characters of `a-z`, `A-Z`,
/// `0-9` and `-._:~#`, such as a `did:key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Longest key id, in characters.
    pub const MAX_LEN: usize = 128;

    /// A key id from its text.
    ///
    /// # Errors
    ///
    /// [`HttpSigError::KeyId`].
    pub fn new(text: &str) -> Result<Self, HttpSigError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~#".contains(&byte);
        if (1..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(HttpSigError::KeyId)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parameters of a signature that differ from request to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Params {
    pub(super) created: i64,
    pub(super) nonce: Nonce,
    pub(super) key_id: KeyId,
}

impl Params {
    /// The inner list and its parameters as they are signed, RFC 9421 section 2.3.
    pub(super) fn serialize(&self) -> String {
        let Self { created, nonce, key_id } = self;
        let nonce = BASE64URL_NOPAD.encode(nonce.as_bytes());
        let key_id = key_id.as_str();
        format!(
            r#"{COMPONENTS};created={created};nonce="{nonce}";keyid="{key_id}";alg="ed25519";tag="{TAG}""#
        )
    }

    /// Reads the value of `Signature-Input`. What is accepted is exactly what [`Self::serialize`]
    /// writes, under our label.
    pub(super) fn parse(value: &str) -> Result<Self, HttpSigError> {
        let malformed = HttpSigError::Malformed { header: Header::SignatureInput };
        let params = Self::parse_fields(value).ok_or(malformed)?;
        if value == format!("{LABEL}={}", params.serialize()) { Ok(params) } else { Err(malformed) }
    }

    fn parse_fields(value: &str) -> Option<Self> {
        let rest = value.strip_prefix(LABEL)?.strip_prefix('=')?.strip_prefix(COMPONENTS)?;
        let (created, rest) = rest.strip_prefix(";created=")?.split_once(";nonce=\"")?;
        let (nonce, rest) = rest.split_once("\";keyid=\"")?;
        let (key_id, _) = rest.split_once('"')?;
        let created = created.parse().ok().filter(is_integer)?;
        Some(Self { created, nonce: Nonce::parse(nonce)?, key_id: KeyId::new(key_id).ok()? })
    }

    /// What is signed: RFC 9421, section 2.5, over the profile's five components.
    pub(super) fn signature_base(&self, target: &Target, digest: &ContentDigest) -> String {
        signature_base(
            &[
                ("@method", target.method()),
                ("@authority", target.authority()),
                ("@path", target.path()),
                ("@query", target.query()),
                ("content-digest", &digest.header_value()),
            ],
            &self.serialize(),
        )
    }
}

/// Whether a time is one that the header can carry.
pub(super) fn is_integer(created: &i64) -> bool {
    (0..=MAX_INTEGER).contains(created)
}
