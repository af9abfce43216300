//! From what came in to who asks.

use hallmark_core::{
    account::AccountId,
    httpsig::{ContentDigest, Target, Unverified},
    key::PublicKey,
};

use super::{App, AppError};
use crate::store::{Caller, Standing, StoreError, WINDOW};

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
}

/// Who asks, by what the head of the request proves.
#[derive(Debug, Clone, Copy)]
pub struct Authentic {
    /// Who signed it.
    pub caller: Caller,
    /// The digest that was signed: that of the body, if it is the one that was sent.
    pub digest: ContentDigest,
}

/// What a caller is where the request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A listed device of this account, or its recovery key.
    Own(AccountId),
    /// Neither, or where no account is named.
    Guest,
}

impl App {
    /// Who signed the request: form, time and signature, all of it from the head. Nobody has
    /// seen the body yet, so the digest is only what it has to be.
    ///
    /// # Errors
    /// [`AppError::Signature`], [`AppError::Unsigned`], [`AppError::Authority`].
    pub fn authenticate(&self, received: &Received<'_>) -> Result<Authentic, AppError> {
        let digest = ContentDigest::parse(received.content_digest)?;
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
        let verified = unverified.verify(&key, &target, &digest, now_s, WINDOW)?;
        let (nonce, created_s) = (*verified.nonce(), verified.created());
        Ok(Authentic { caller: Caller { key, nonce, created_s, now_s }, digest })
    }

    /// Whether a change was not sent before, as far as that is known before its body is there.
    ///
    /// # Errors
    /// [`StoreError::Replayed`], [`StoreError::BelowFloor`], or that nothing can be read.
    pub async fn check_unspent(&self, caller: &Caller) -> Result<(), AppError> {
        Ok(self.store.check_unspent(*caller).await?)
    }

    /// What the caller is to the account that the path names, before the body is read. A key that
    /// is nothing to it is refused here: nothing is remembered of it, in memory or in the store.
    /// A device that was listed once may still read, as a guest: the device list says who took it
    /// off.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], [`StoreError::NotListed`]; for a change [`StoreError::Revoked`],
    /// and that it was sent before.
    pub async fn admit(
        &self,
        caller: &Caller,
        account: Option<AccountId>,
        is_read: bool,
    ) -> Result<Role, AppError> {
        let Some(account) = account else { return Ok(Role::Guest) };
        // The kept state answers for a listed device, without a look into the store.
        if self.states.lists(account, &caller.key) {
            return Ok(Role::Own(account));
        }
        let role = match self.store.standing(caller.key, account).await {
            Ok(Standing::Device | Standing::Recovery) => Ok(Role::Own(account)),
            Ok(Standing::Former) if is_read => Ok(Role::Guest),
            Ok(Standing::Former) => Err(StoreError::Revoked.into()),
            Err(error) => Err(error.into()),
        };
        if is_read { role } else { self.unless_replayed(*caller, role).await }
    }
}
