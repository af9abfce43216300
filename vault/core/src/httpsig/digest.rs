//! `Content-Digest` with SHA-256 (RFC 9530, section 2).

use super::{Header, HttpSigError};
use crate::base64;
use data_encoding::BASE64;
use ring::digest;

const PREFIX: &str = "sha-256=:";

/// The SHA-256 digest of a request's body, as RFC 9530 carries it. An empty body has one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentDigest([u8; ContentDigest::LEN]);

impl ContentDigest {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The digest of a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, body);
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// A SHA-256 digest computed elsewhere, of a body that was streamed.
    #[must_use]
    pub const fn from_sha256(digest: [u8; Self::LEN]) -> Self {
        Self(digest)
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The value of the header field `Content-Digest`.
    #[must_use]
    pub fn header_value(&self) -> String {
        format!("{PREFIX}{}:", BASE64.encode(&self.0))
    }

    /// Reads the value of `Content-Digest`: exactly one digest, SHA-256, in canonical base64.
    ///
    /// # Errors
    ///
    /// [`HttpSigError::Malformed`].
    pub fn parse(value: &str) -> Result<Self, HttpSigError> {
        value
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(':'))
            .and_then(base64::decode)
            .and_then(|digest| digest.try_into().ok())
            .map(Self)
            .ok_or(HttpSigError::Malformed { header: Header::ContentDigest })
    }
}
