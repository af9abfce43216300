//! Parts of a stored blob, without opening the rest.

use super::file::{StoredBlob, buffer};
use super::frame::Frame;
use super::layout::{Layout, RUN_CHUNKS};
use super::{BlobError, BlobKey, Purpose, ReadAt};
use std::ops::Range;

/// A framed blob open for random access: its commitment, length, last chunk and content length have
/// been checked, so the content's length is authentic and no cut blob gets this far.
///
/// Each read opens the chunks it touches and no others. That the chunks never read are authentic,
/// and that all the padding is zero, is not known; [`file::open`](super::file::open) checks the
/// whole.
pub struct BlobReader<'a, R: ?Sized>(StoredBlob<'a, R>);

impl<'a, R: ReadAt + ?Sized> BlobReader<'a, R> {
    /// Checks the ends of the blob of `blob_len` bytes that starts at the input's first byte.
    ///
    /// # Errors
    ///
    /// [`BlobError::Open`] or [`BlobError::Read`].
    pub fn new(
        key: &BlobKey,
        purpose: Purpose,
        blob_len: u64,
        input: &'a R,
    ) -> Result<Self, BlobError> {
        StoredBlob::check(key, purpose, blob_len, input).map(Self)
    }

    /// Length of the content in bytes, authentic.
    #[must_use]
    pub fn content_len(&self) -> u64 {
        self.0.frame.content_len()
    }

    /// The content's bytes in `range`, in memory.
    ///
    /// # Errors
    ///
    /// [`BlobError::Range`] when the range is reversed or ends past the content,
    /// [`BlobError::Open`] when a chunk is not authentic, [`BlobError::Read`].
    pub fn read(&self, range: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let content_len = self.content_len();
        let (start, end) = (range.start, range.end);
        if start > end || end > content_len {
            return Err(BlobError::Range { start, end, content_len });
        }
        let len = usize::try_from(end - start).map_err(|_| BlobError::TooLarge)?;
        let mut out = Vec::with_capacity(len);
        if len == 0 {
            return Ok(out);
        }
        let layout = self.0.frame.layout();
        let last = Layout::chunk_of(Frame::plaintext_at(end - 1));
        let mut first = Layout::chunk_of(Frame::plaintext_at(start));
        let mut buffer = buffer();
        while first <= last {
            let run_end = (first + RUN_CHUNKS).min(last + 1);
            let body = &mut buffer[..layout.sealed_len(first..run_end)];
            let (offset, content) = self.0.content_of(first, body)?;
            let skip = start.saturating_sub(offset).min(content.len() as u64) as usize;
            let wanted = (end - offset).min(content.len() as u64) as usize;
            out.extend_from_slice(&content[skip..wanted]);
            first = run_end;
        }
        Ok(out)
    }
}
