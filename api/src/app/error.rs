//! Why a use case refuses.

use hallmark_core::{
    account::{
        device_list::DeviceListError,
        manifest::{MAX_ITEMS, ManifestError},
    },
    httpsig::HttpSigError,
    json::JsonError,
};

use super::log::LogError;
use crate::{limit::RetryAfter, store::StoreError};

/// Why a request is refused. `crate::error` says what the client is told.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A header field of the signature is missing or there twice.
    #[error("{what}")]
    Unsigned {
        /// Which, in words.
        what: &'static str,
    },
    /// The signature, its time or the body's digest.
    #[error(transparent)]
    Signature(#[from] HttpSigError),
    /// Signed for another service.
    #[error("the request is for another authority")]
    Authority,
    /// A read signed before the service started or before the oldest nonce it remembers.
    #[error("signed before the oldest nonce that is remembered")]
    BeforeStart,
    /// The path, a parameter or a field.
    #[error("{what}")]
    Malformed {
        /// What is wrong with which, in words.
        what: &'static str,
    },
    /// The body is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The body is JSON of another shape.
    #[error("{0}")]
    Body(#[source] serde_json::Error),
    /// A device list entry does not continue the list.
    #[error(transparent)]
    Entry(#[from] DeviceListError),
    /// What comes with an entry does not belong to it.
    #[error("{what}")]
    EntryParts {
        /// What, in words.
        what: &'static str,
    },
    /// A manifest does not continue the account.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What comes with a manifest does not belong to it.
    #[error("{what}")]
    ManifestParts {
        /// What, in words.
        what: &'static str,
    },
    /// Other bodies or answers take all the memory there is for them, or for this asker.
    #[error("no room in memory")]
    NoRoom,
    /// The account's device list is being changed.
    #[error("the account's device list is being changed")]
    Calm,
    /// A manifest counts more items than an account may have.
    #[error("more than {MAX_ITEMS} items")]
    TooManyItems,
    /// The account asks too much.
    #[error(transparent)]
    RateLimited {
        /// When to come back.
        limit: RetryAfter,
    },
    /// The log refuses.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored of an account does not verify.
    #[error("what is stored of an account does not verify: {0}")]
    Corrupt(#[source] DeviceListError),
}
