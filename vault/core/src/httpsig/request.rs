//! The parts of a request that its signature covers (RFC 9421, section 2.2).

use super::params::{LABEL, Params, is_integer};
use super::{ContentDigest, Header, HttpSigError, KeyId, Nonce, Window};
use crate::base64;
use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;

/// What a request asks of whom, in the canonical form that is signed (RFC 9421, section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    method: String,
    authority: String,
    path: String,
    query: String,
}

impl Target {
    /// A target from the request line and the `Host` header field (or `:authority`).
    ///
    /// - `method`: upper-case letters, as sent.
    /// - `authority`: host, and the port unless it is the scheme's own; brought to lower case. The
    ///   verifier takes the name it is known by, not whatever a request says.
    /// - `path`: absolute and still percent-encoded, as sent; empty stands for `/`.
    /// - `query`: what follows the `?`, still percent-encoded; `None` without a `?`. Both `None`
    ///   and empty are signed as `?`, as RFC 9421 says.
    ///
    /// # Errors
    ///
    /// [`HttpSigError::Target`] when a part has characters that it cannot have.
    pub fn new(
        method: &str,
        authority: &str,
        path: &str,
        query: Option<&str>,
    ) -> Result<Self, HttpSigError> {
        let path = if path.is_empty() { "/" } else { path };
        let query = query.unwrap_or_default();
        let visible = |byte: u8| byte.is_ascii_graphic();
        let host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let canonical = !method.is_empty()
            && method.bytes().all(|byte| byte.is_ascii_uppercase())
            && !authority.is_empty()
            && authority.bytes().all(host)
            && path.starts_with('/')
            && path.bytes().all(|byte| visible(byte) && byte != b'?' && byte != b'#')
            && query.bytes().all(|byte| visible(byte) && byte != b'#');
        if !canonical {
            return Err(HttpSigError::Target);
        }
        Ok(Self {
            method: method.to_owned(),
            authority: authority.to_ascii_lowercase(),
            path: path.to_owned(),
            query: format!("?{query}"),
        })
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The authority, in lower case.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path, starting with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, starting with `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }
}

/// The header fields that sign a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeaders {
    /// Value of `Content-Digest`.
    pub content_digest: String,
    /// Value of `Signature-Input`.
    pub signature_input: String,
    /// Value of `Signature`.
    pub signature: String,
}

/// Signs a request under a fresh nonce. `created` is the time now in Unix seconds.
///
/// # Errors
///
/// [`HttpSigError::OutsideWindow`] when `created` is before 1970 or has more than 15 digits.
pub fn sign(
    key: &SigningKey,
    key_id: &KeyId,
    target: &Target,
    digest: &ContentDigest,
    created: i64,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<SignedHeaders, HttpSigError> {
    if !is_integer(&created) {
        return Err(HttpSigError::OutsideWindow { created, now: created });
    }
    let params = Params { created, nonce: Nonce::generate(rng), key_id: key_id.clone() };
    let signature = key.sign(params.signature_base(target, digest).as_bytes());
    Ok(SignedHeaders {
        content_digest: digest.header_value(),
        signature_input: format!("{LABEL}={}", params.serialize()),
        signature: format!("{LABEL}=:{}:", BASE64.encode(&signature.to_bytes())),
    })
}

/// What a request's header fields claim. Nothing of it has been checked.
#[derive(Clone, Debug)]
pub struct Unverified {
    digest: ContentDigest,
    params: Params,
    signature: Signature,
}

impl Unverified {
    /// Reads the values of `Content-Digest`, `Signature-Input` and `Signature`. A field that occurs
    /// more than once in the request is to be refused before: the profile has one of each.
    ///
    /// # Errors
    ///
    /// [`HttpSigError::Malformed`] unless each is exactly as the profile writes it: one digest, one
    /// signature labelled `hm`, the components and parameters in their order, canonical base64.
    pub fn parse(
        content_digest: &str,
        signature_input: &str,
        signature: &str,
    ) -> Result<Self, HttpSigError> {
        Ok(Self {
            digest: ContentDigest::parse(content_digest)?,
            params: Params::parse(signature_input)?,
            signature: parse_signature(signature)
                .ok_or(HttpSigError::Malformed { header: Header::Signature })?,
        })
    }

    /// The key id the request names, to look the key up by. Anybody can name any.
    #[must_use]
    pub fn claimed_key_id(&self) -> &KeyId {
        &self.params.key_id
    }

    /// Checks the request against the key that the claimed key id stands for: time, body, key and
    /// signature (`verify_strict`).
    ///
    /// `target` is what the verifier itself saw asked of it, `digest` that of the body it received,
    /// `now` its time in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`HttpSigError::OutsideWindow`], [`HttpSigError::Digest`] or [`HttpSigError::Signature`].
    pub fn verify(
        self,
        key: &VerifyingKey,
        target: &Target,
        digest: &ContentDigest,
        now: i64,
        window: Window,
    ) -> Result<Verified, HttpSigError> {
        let Self { digest: signed_digest, params, signature } = self;
        window.check(params.created, now)?;
        if signed_digest != *digest {
            return Err(HttpSigError::Digest);
        }
        if key.is_weak() {
            return Err(HttpSigError::Signature);
        }
        key.verify_strict(params.signature_base(target, digest).as_bytes(), &signature)
            .map_err(|_| HttpSigError::Signature)?;
        let Params { created, nonce, key_id } = params;
        Ok(Verified { key_id, nonce, created })
    }
}

fn parse_signature(value: &str) -> Option<Signature> {
    let encoded = value.strip_prefix(LABEL)?.strip_prefix("=:")?.strip_suffix(':')?;
    let bytes = base64::decode(encoded)?;
    Some(Signature::from_bytes(&bytes.try_into().ok()?))
}

/// A request that its key signed, within the window. It may still be a replay: see
/// [`Verified::nonce`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    key_id: KeyId,
    nonce: Nonce,
    created: i64,
}

impl Verified {
    /// The id of the key that signed.
    #[must_use]
    pub fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    /// The request's nonce. One seen before under the same key makes the request a replay.
    #[must_use]
    pub fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// When the request was signed, by the signer's clock, in Unix seconds.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.created
    }
}
