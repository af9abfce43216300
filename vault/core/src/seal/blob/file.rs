//! Framed blobs from file to file by positioned reads and writes, on several threads, each with a
//! buffer of its own: reading, the cipher and writing overlap, and memory stays at 256 KiB a thread.

use super::cipher::{Cipher, HEADER_LEN};
use super::frame::{Frame, Framed};
use super::layout::{Layout, SEALED_CHUNK_LEN};
use super::runs::{SEALED_RUN_LEN, open_run, seal_run};
use super::{BlobError, BlobKey, Purpose, ReadAt, Salt, Work, WriteAt};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Seals the first `content_len` bytes of `input` to `output` from its start on, and returns the
/// blob's length in bytes.
///
/// `output` must be empty or new: what it holds past the blob is not cut off.
///
/// # Errors
///
/// [`BlobError::Read`] (also when `input` is shorter), [`BlobError::Write`] or
/// [`BlobError::TooLarge`]. What was written by then has holes and is to be thrown away.
pub fn seal(
    key: &BlobKey,
    purpose: Purpose,
    rng: &mut (impl CryptoRng + ?Sized),
    content_len: u64,
    input: &(impl ReadAt + ?Sized),
    output: &(impl WriteAt + ?Sized),
    work: &Work<'_>,
) -> Result<u64, BlobError> {
    let frame = Frame::of_content(content_len)?;
    let layout = frame.layout();
    let (cipher, header) = Cipher::to_seal(key, Salt::generate(rng), purpose.context());
    let plaintext = Framed { frame, content: input };
    output.write_all_at(&header, 0).map_err(BlobError::write)?;
    work.share(layout.runs(), buffer, |buffer, chunks| {
        let first = chunks.start;
        let body = &mut buffer[..layout.sealed_len(chunks)];
        seal_run(&cipher, first, &plaintext, body).map_err(BlobError::read)?;
        output.write_all_at(body, Layout::ciphertext_at(first)).map_err(BlobError::write)?;
        work.report(body.len());
        Ok::<_, BlobError>(())
    })?;
    Ok(layout.ciphertext_len())
}

/// Opens the blob of `blob_len` bytes in `input` to `output` from its start on, and returns the
/// content's length in bytes.
///
/// Key, purpose, the blob's end and its content length are checked before anything is written; the
/// chunks between as they are written. `output` must be empty or new, **and is only whole once this
/// returns `Ok`**: give it a temporary name until then.
///
/// # Errors
///
/// [`BlobError::Open`], [`BlobError::Read`] or [`BlobError::Write`]. What was written by then has
/// holes and is to be thrown away.
pub fn open(
    key: &BlobKey,
    purpose: Purpose,
    blob_len: u64,
    input: &(impl ReadAt + ?Sized),
    output: &(impl WriteAt + ?Sized),
    work: &Work<'_>,
) -> Result<u64, BlobError> {
    let blob = StoredBlob::check(key, purpose, blob_len, input)?;
    let layout = blob.frame.layout();
    work.share(layout.runs(), buffer, |buffer, chunks| {
        let first = chunks.start;
        let body = &mut buffer[..layout.sealed_len(chunks)];
        let sealed_len = body.len();
        let (offset, content) = blob.content_of(first, body)?;
        if !content.is_empty() {
            output.write_all_at(content, offset).map_err(BlobError::write)?;
        }
        work.report(sealed_len);
        Ok::<_, BlobError>(())
    })?;
    Ok(blob.frame.content_len())
}

/// A stored blob whose commitment, length, last chunk and framing have been checked.
pub(super) struct StoredBlob<'a, R: ?Sized> {
    cipher: Cipher,
    input: &'a R,
    pub(super) frame: Frame,
}

impl<'a, R: ReadAt + ?Sized> StoredBlob<'a, R> {
    /// # Errors
    ///
    /// [`BlobError::Open`] or [`BlobError::Read`].
    pub(super) fn check(
        key: &BlobKey,
        purpose: Purpose,
        blob_len: u64,
        input: &'a R,
    ) -> Result<Self, BlobError> {
        let layout = Layout::of_ciphertext(blob_len)?;
        let mut header = [0; HEADER_LEN];
        input.read_exact_at(&mut header, 0).map_err(BlobError::read)?;
        let cipher = Cipher::to_open(key, &header, purpose.context())?;
        let mut chunk = Zeroizing::new([0; SEALED_CHUNK_LEN]);
        let last = layout.last_chunk();
        let end = layout.sealed_len(last..last + 1);
        open_chunks(&cipher, input, last, &mut chunk[..end])?;
        let start = layout.sealed_len(0..1);
        let opened = open_chunks(&cipher, input, 0, &mut chunk[..start])?;
        let frame = Frame::parse(&chunk[..opened])?.fits(layout)?;
        Ok(Self { cipher, input, frame })
    }

    /// Reads and opens the sealed chunks from `first` on that fill `body`, and returns the part of
    /// them that is content with its offset.
    ///
    /// # Errors
    ///
    /// [`BlobError::Open`] or [`BlobError::Read`].
    pub(super) fn content_of<'b>(
        &self,
        first: u64,
        body: &'b mut [u8],
    ) -> Result<(u64, &'b [u8]), BlobError> {
        let opened = open_chunks(&self.cipher, self.input, first, body)?;
        Ok(self.frame.content_of(Layout::plaintext_at(first), &body[..opened])?)
    }
}

/// Reads sealed chunks and opens them where they lie. Returns the length of their plaintext, then
/// at the start of `body`.
fn open_chunks(
    cipher: &Cipher,
    input: &(impl ReadAt + ?Sized),
    first: u64,
    body: &mut [u8],
) -> Result<usize, BlobError> {
    input.read_exact_at(body, Layout::ciphertext_at(first)).map_err(BlobError::read)?;
    Ok(open_run(cipher, first, body)?)
}

/// What one thread works in.
pub(super) fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![0; SEALED_RUN_LEN])
}
