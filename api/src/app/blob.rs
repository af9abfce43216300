//! Blobs: uploading part by part, reading, deleting.

use bytes::Bytes;
use hallmark_core::{
    account::{
        AccountId, BlobId,
        exchange::{StartUpload, Upload},
    },
    hash::Sha256,
    httpsig::ContentDigest,
};

use super::{App, AppError};
use crate::store::{Caller, Content, Part};

impl App {
    /// Starts an upload, which counts against the quota from now on. One of the same size that is
    /// there already goes on.
    ///
    /// # Errors
    /// Whether the caller may; an empty blob; that there is another of that id; the quota.
    pub async fn start_upload(
        &self,
        caller: Caller,
        account: AccountId,
        upload: StartUpload,
    ) -> Result<(), AppError> {
        if upload.size_bytes == 0 {
            let empty = AppError::Malformed { what: "A blob has at least one byte" };
            return self.unless_replayed(caller, Err(empty)).await;
        }
        let quota_bytes = self.settings.quota_bytes;
        Ok(self.store.start_upload(caller, account, upload, quota_bytes).await?)
    }

    /// How far an upload is.
    ///
    /// # Errors
    /// Whether the caller may, and that there is no such blob.
    pub async fn upload(
        &self,
        caller: Caller,
        account: AccountId,
        blob: BlobId,
    ) -> Result<Upload, AppError> {
        Ok(self.store.upload(caller.key, account, blob).await?)
    }

    /// Takes a part, whose digest was verified; the last missing one completes the blob. The same
    /// part again is taken again.
    ///
    /// # Errors
    /// Whether the caller may; no such blob; a part of another size than its place, or with other
    /// content than the one that is there.
    pub async fn put_part(
        &self,
        caller: Caller,
        account: AccountId,
        (blob, part): (BlobId, u32),
        bytes: Bytes,
        digest: ContentDigest,
    ) -> Result<(), AppError> {
        let hash = Sha256::from_bytes(*digest.as_bytes());
        let part = Part { blob, part, bytes, hash };
        Ok(self.store.put_part(caller, account, part).await?)
    }

    /// Opens a complete blob.
    ///
    /// # Errors
    /// Whether the caller may; no such blob, or not complete.
    pub async fn content(
        &self,
        caller: Caller,
        account: AccountId,
        blob: BlobId,
    ) -> Result<Content, AppError> {
        Ok(self.store.content(caller.key, account, blob).await?)
    }

    /// Deletes a blob or an upload.
    ///
    /// # Errors
    /// Whether the caller may, and that there is no such blob.
    pub async fn delete_blob(
        &self,
        caller: Caller,
        account: AccountId,
        blob: BlobId,
    ) -> Result<(), AppError> {
        Ok(self.store.delete_blob(caller, account, blob).await?)
    }
}
