//! The service as a device sees it: requests that go out, and answers that are claims.
//!
//! The trait is the boundary to a party that may answer anything. What is behind it (HTTP, its
//! signatures, its limits) is the caller's; what the answers are worth is decided in
//! [`crate::online`].

use std::io::{self, Write};

use hallmark_core::{
    account::{
        AccountId, BlobId, Signed,
        exchange::{
            AppendEntry, Commit, CreateAccount, Cursor, Devices, Erasure, Membership, ServiceInfo,
            StartUpload, Sync as SyncAnswer, Upload,
        },
    },
    key::SigningKey,
    problem::{Code, Problem},
};

/// What a device knows when it asks for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// How many entries of the device list.
    pub devices: u64,
    /// Version of the newest manifest, 0 for none.
    pub manifest: u64,
    /// How far it has read the items.
    pub cursor: Cursor,
}

/// A request did not get the answer that is documented.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The service says why not.
    #[error("the service refused: {}", .0.detail)]
    Refused(Problem),
    /// No answer came, or not all of it: whether the request was carried out is not known.
    #[error("the service at {address} could not be reached; check the address and the network")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// What the network said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not of the form that is documented.
    #[error("the service answered {what} in a form that is not documented; it was not used")]
    Garbled {
        /// What was asked for.
        what: &'static str,
    },
    /// The answer is longer than any answer is.
    #[error("the service answered {what} at more than {limit_bytes} bytes; it was not read")]
    TooLong {
        /// What was asked for.
        what: &'static str,
        /// The limit, bytes.
        limit_bytes: u64,
    },
    /// What was to be received could not be written down here.
    #[error("what the service sent could not be written down")]
    Unwritten(#[from] io::Error),
    /// What was to be sent could not be read here.
    #[error("what was to be sent cannot be read")]
    Unread(#[source] io::Error),
}

impl ServiceError {
    /// The code of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            _ => None,
        }
    }
}

/// Parts of a blob that are to be sent.
pub struct Parts<'a> {
    /// The blob.
    pub blob: BlobId,
    /// Their places, counted from 0.
    pub places: Vec<u32>,
    /// Puts the bytes of a part in place of what the buffer holds. Called from several threads.
    pub read: &'a (dyn Fn(u32, &mut Vec<u8>) -> io::Result<()> + Sync),
}

/// A service, over whatever carries the requests. Each request but [`Service::info`] is signed by
/// the key given, freshly each time (RFC 9421, [`hallmark_core::httpsig`]).
///
/// All requests may be repeated: the second one changes nothing. It is answered as the first, except
/// that what is gone is said to be (`no-blob`, `no-account`).
pub trait Service {
    /// Its key, its clock, its limits.
    ///
    /// # Errors
    /// [`ServiceError`], as of every request.
    fn info(&self) -> Result<ServiceInfo, ServiceError>;

    /// Which account lists the key.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn membership(&self, by: &SigningKey) -> Result<Membership, ServiceError>;

    /// Makes an account known.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn create(&self, by: &SigningKey, body: &CreateAccount) -> Result<(), ServiceError>;

    /// The device list from an entry on.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn devices(
        &self,
        by: &SigningKey,
        account: AccountId,
        from: u64,
    ) -> Result<Devices, ServiceError>;

    /// Adds an entry to the device list.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn append(
        &self,
        by: &SigningKey,
        account: AccountId,
        body: &AppendEntry,
    ) -> Result<(), ServiceError>;

    /// What a device does not have yet.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn sync(
        &self,
        by: &SigningKey,
        account: AccountId,
        known: Known,
    ) -> Result<SyncAnswer, ServiceError>;

    /// Changes items.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn commit(
        &self,
        by: &SigningKey,
        account: AccountId,
        body: &Commit,
    ) -> Result<(), ServiceError>;

    /// Announces a blob, and says how much of it is there already.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn start_upload(
        &self,
        by: &SigningKey,
        account: AccountId,
        body: &StartUpload,
    ) -> Result<Upload, ServiceError>;

    /// Sends parts of a blob, in any order, several at a time where that is faster. Ends with the
    /// first that is not taken.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn put_parts(
        &self,
        by: &SigningKey,
        account: AccountId,
        parts: &Parts<'_>,
    ) -> Result<(), ServiceError>;

    /// Writes a blob from a byte on to `out`, and returns how many bytes came: at most `most`. Fewer
    /// than there are came where the connection broke; the next call goes on.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn content(
        &self,
        by: &SigningKey,
        account: AccountId,
        blob: BlobId,
        from: u64,
        most: u64,
        out: &mut dyn Write,
    ) -> Result<u64, ServiceError>;

    /// Removes a blob.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn delete_blob(
        &self,
        by: &SigningKey,
        account: AccountId,
        blob: BlobId,
    ) -> Result<(), ServiceError>;

    /// Erases an account.
    ///
    /// # Errors
    /// [`ServiceError`].
    fn close(&self, by: &SigningKey, account: AccountId) -> Result<Signed<Erasure>, ServiceError>;
}
