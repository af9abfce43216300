//! Why a request is not signed or not accepted.

use std::fmt;
use thiserror::Error;

/// A header field of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// `Content-Digest` (RFC 9530).
    ContentDigest,
    /// `Signature-Input` (RFC 9421, section 4.1).
    SignatureInput,
    /// `Signature` (RFC 9421, section 4.2).
    Signature,
}

impl Header {
    /// The field's name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContentDigest => "content-digest",
            Self::SignatureInput => "signature-input",
            Self::Signature => "signature",
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a request could not be signed, or its signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HttpSigError {
    /// The method, authority, path or query is not in the form that is signed.
    #[error("the request's method, authority, path or query is not in canonical form")]
    Target,
    /// The key id is empty, too long or holds other characters than a key id may.
    #[error("the key id is not 1 to 128 characters of a-z, A-Z, 0-9 and -._:~#")]
    KeyId,
    /// A header field is not exactly as the profile writes it.
    #[error("the header field {header} is not as the request profile writes it")]
    Malformed {
        /// The field.
        header: Header,
    },
    /// The body is not the one whose digest was signed.
    #[error("the body does not have the digest in content-digest")]
    Digest,
    /// The signature was made too long ago or too far in the future.
    #[error("the signature was created at {created}, outside the accepted window around {now}")]
    OutsideWindow {
        /// When the request says it was signed, in Unix seconds.
        created: i64,
        /// When it was checked, in Unix seconds.
        now: i64,
    },
    /// The signature is not that of the key, or the key is weak.
    #[error("the signature does not verify")]
    Signature,
}
