//! Sealing and opening stretches of chunks in place. The four doors differ only in where chunks
//! come from and go to.

use super::cipher::{Cipher, HEADER_LEN};
use super::frame::Plaintext;
use super::layout::{CHUNK_LEN, Layout, RUN_CHUNKS, SEALED_CHUNK_LEN, TAG_LEN};
use super::{BlobKey, OpenError, Work};
use std::io;

/// A run as stored, in bytes.
pub(super) const SEALED_RUN_LEN: usize = RUN_CHUNKS as usize * SEALED_CHUNK_LEN;
/// A run's plaintext, in bytes.
const RUN_LEN: usize = RUN_CHUNKS as usize * CHUNK_LEN;

/// Seals consecutive chunks from `first` on into `body`, which they fill exactly.
///
/// # Errors
///
/// The plaintext's own.
pub(super) fn seal_run(
    cipher: &Cipher,
    first: u64,
    plaintext: &impl Plaintext,
    body: &mut [u8],
) -> io::Result<()> {
    for (chunk, slot) in (first..).zip(body.chunks_mut(SEALED_CHUNK_LEN)) {
        let plaintext_len = slot.len() - TAG_LEN;
        plaintext.fill(Layout::plaintext_at(chunk), &mut slot[..plaintext_len])?;
        cipher.seal_chunk(chunk, slot);
    }
    Ok(())
}

/// Opens consecutive chunks from `first` on where they lie, moving their plaintext together at the
/// start of `body`. Returns its length.
///
/// # Errors
///
/// [`OpenError::NotAuthentic`], or [`OpenError::Truncated`] when `body` ends within a tag.
pub(super) fn open_run(cipher: &Cipher, first: u64, body: &mut [u8]) -> Result<usize, OpenError> {
    let mut opened = 0;
    for (chunk, start) in (first..).zip((0..body.len()).step_by(SEALED_CHUNK_LEN)) {
        let end = body.len().min(start + SEALED_CHUNK_LEN);
        let (rest, tag) = body[..end].split_last_chunk::<TAG_LEN>().ok_or(OpenError::Truncated)?;
        let (tag, tag_start) = (*tag, rest.len());
        let len = tag_start.checked_sub(start).ok_or(OpenError::Truncated)?;
        cipher.open_chunk(chunk, &mut body[opened..tag_start], start - opened, tag)?;
        opened += len;
    }
    Ok(opened)
}

/// Seals a whole message into `out`, which has exactly its length.
///
/// # Errors
///
/// The plaintext's own.
pub(super) fn seal_message(
    (cipher, header): &(Cipher, [u8; HEADER_LEN]),
    plaintext: &impl Plaintext,
    out: &mut [u8],
    work: &Work<'_>,
) -> io::Result<()> {
    let (head, body) = out.split_at_mut(HEADER_LEN);
    head.copy_from_slice(header);
    work.share(
        body.chunks_mut(SEALED_RUN_LEN).enumerate(),
        || (),
        |(), (run, body)| {
            seal_run(cipher, run as u64 * RUN_CHUNKS, plaintext, body)?;
            work.report(body.len());
            Ok(())
        },
    )
}

/// A whole sealed message in memory whose key, context and length have been checked.
pub(super) struct SealedMessage<'a> {
    cipher: Cipher,
    bytes: &'a [u8],
    pub(super) layout: Layout,
}

impl<'a> SealedMessage<'a> {
    /// # Errors
    ///
    /// [`OpenError::Truncated`] or [`OpenError::NotAuthentic`].
    pub(super) fn new(key: &BlobKey, context: &[u8], bytes: &'a [u8]) -> Result<Self, OpenError> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(OpenError::Truncated)?;
        let layout = Layout::of_ciphertext(bytes.len() as u64)?;
        Ok(Self { cipher: Cipher::to_open(key, header, context)?, bytes, layout })
    }

    /// Opens one chunk into `out`, which has exactly the length of its plaintext.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotAuthentic`]; `out` is undefined then.
    pub(super) fn open_chunk(&self, chunk: u64, out: &mut [u8]) -> Result<(), OpenError> {
        let start = Layout::ciphertext_at(chunk) as usize;
        let sealed = &self.bytes[start..start + out.len() + TAG_LEN];
        let (ciphertext, tag) = sealed.split_last_chunk().ok_or(OpenError::Truncated)?;
        out.copy_from_slice(ciphertext);
        self.cipher.open_chunk(chunk, out, 0, *tag)
    }

    /// Opens full chunks from `first` on into `out`, as many as fit, and shows each run to `check`
    /// with the number of its first chunk.
    ///
    /// # Errors
    ///
    /// [`OpenError::NotAuthentic`], or what `check` answers.
    pub(super) fn open_full_chunks(
        &self,
        first: u64,
        out: &mut [u8],
        work: &Work<'_>,
        check: impl Fn(u64, &[u8]) -> Result<(), OpenError> + Sync,
    ) -> Result<(), OpenError> {
        work.share(
            out.chunks_mut(RUN_LEN).enumerate(),
            || (),
            |(), (run, out)| {
                let first = first + run as u64 * RUN_CHUNKS;
                for (chunk, out) in (first..).zip(out.chunks_mut(CHUNK_LEN)) {
                    self.open_chunk(chunk, out)?;
                }
                check(first, out)?;
                work.report(out.len());
                Ok(())
            },
        )
    }
}
