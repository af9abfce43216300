//! From what came in to who asks.

use hallmark_core::{
    httpsig::{ContentDigest, Target, Unverified},
    key::PublicKey,
};

use super::{App, AppError};
use crate::store::{Caller, WINDOW};

/// A request as it came in, with the values of the header fields that sign it.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// Value of `Host`.
    pub authority: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: Option<&'a str>,
    /// Value of `Content-Digest`.
    pub content_digest: &'a str,
    /// Value of `Signature-Input`.
    pub signature_input: &'a str,
    /// Value of `Signature`.
    pub signature: &'a str,
    /// Digest of the body that came in.
    pub body: ContentDigest,
}

impl App {
    /// Who signed the request: form, time, digest, signature and, for a read, the nonce. That of a
    /// change is spent with its effect.
    ///
    /// # Errors
    /// [`AppError::Signature`], [`AppError::Unsigned`], [`AppError::Authority`],
    /// [`AppError::BeforeStart`], or that it was sent before.
    pub async fn authenticate(&self, received: &Received<'_>) -> Result<Caller, AppError> {
        let unverified = Unverified::parse(
            received.content_digest,
            received.signature_input,
            received.signature,
        )?;
        let key: PublicKey = unverified.claimed_key_id().as_str().parse().map_err(|_| {
            AppError::Unsigned { what: "The key id is no did:key of an Ed25519 key" }
        })?;
        let authority = received.authority.to_ascii_lowercase();
        let authorities = &self.settings.authorities;
        if !authorities.is_empty()
            && !authorities.iter().any(|own| own.eq_ignore_ascii_case(&authority))
        {
            return Err(AppError::Authority);
        }
        let target = Target::new(received.method, &authority, received.path, received.query)?;
        let now_s = self.now().unix_s();
        let verified = unverified.verify(&key, &target, &received.body, now_s, WINDOW)?;
        let (nonce, created_s) = (*verified.nonce(), verified.created());
        let caller = Caller { key, nonce, created_s, now_s };
        if matches!(received.method, "GET" | "HEAD") {
            self.remember_read(&caller).await?;
        }
        Ok(caller)
    }
}
