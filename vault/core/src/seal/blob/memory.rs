//! Framed blobs from buffer to buffer, on several threads.
//!
//! Each thread takes contiguous runs of chunks, copies a chunk to its place in the output and seals
//! or opens it there while it is in cache: one pass over the memory and no allocation per chunk.

use super::cipher::Cipher;
use super::frame::{Frame, Framed, LENGTH_LEN};
use super::layout::{CHUNK_LEN, Layout};
use super::runs::{SealedMessage, seal_message};
use super::{BlobError, BlobKey, OpenError, Purpose, Salt, Work};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Seals `content` and returns the blob, [`blob_len`](super::blob_len) bytes long.
///
/// # Errors
///
/// [`BlobError::TooLarge`].
pub fn seal(
    key: &BlobKey,
    purpose: Purpose,
    rng: &mut (impl CryptoRng + ?Sized),
    content: &[u8],
    work: &Work<'_>,
) -> Result<Vec<u8>, BlobError> {
    let len = super::blob_len(content.len() as u64)?;
    let mut blob = vec![0; usize::try_from(len).map_err(|_| BlobError::TooLarge)?];
    seal_into(key, purpose, rng, content, &mut blob, work)?;
    Ok(blob)
}

/// Seals `content` into a buffer of exactly [`blob_len`](super::blob_len) bytes.
///
/// # Errors
///
/// [`BlobError::TooLarge`] or [`BlobError::OutputLength`].
pub fn seal_into(
    key: &BlobKey,
    purpose: Purpose,
    rng: &mut (impl CryptoRng + ?Sized),
    content: &[u8],
    blob: &mut [u8],
    work: &Work<'_>,
) -> Result<(), BlobError> {
    let frame = Frame::of_content(content.len() as u64)?;
    let (expected, given) = (frame.layout().ciphertext_len(), blob.len() as u64);
    if expected != given {
        return Err(BlobError::OutputLength { expected, given });
    }
    let cipher = Cipher::to_seal(key, Salt::generate(rng), purpose.context());
    seal_message(&cipher, &Framed { frame, content }, blob, work).map_err(BlobError::read)
}

/// Opens a blob and returns its content.
///
/// # Errors
///
/// [`OpenError`], without any of the content.
pub fn open(
    key: &BlobKey,
    purpose: Purpose,
    blob: &[u8],
    work: &Work<'_>,
) -> Result<Vec<u8>, OpenError> {
    let message = SealedMessage::new(key, purpose.context(), blob)?;
    let mut content = vec![0; content_room(&message)];
    let content_len = open_message(&message, &mut content, work)?;
    content.truncate(content_len);
    Ok(content)
}

/// Opens a blob into a buffer and returns the content's length in bytes. The buffer must hold the
/// padded content (`blob.len()` bytes always do); what follows the content is zero.
///
/// # Errors
///
/// [`BlobError::Open`], and the buffer is all zero then; or [`BlobError::OutputLength`] when it is
/// too small.
pub fn open_into(
    key: &BlobKey,
    purpose: Purpose,
    blob: &[u8],
    content: &mut [u8],
    work: &Work<'_>,
) -> Result<usize, BlobError> {
    let message = SealedMessage::new(key, purpose.context(), blob).inspect_err(|_| {
        content.fill(0);
    })?;
    let expected = content_room(&message);
    let given = content.len();
    let Some((padded, rest)) = content.split_at_mut_checked(expected) else {
        let (expected, given) = (expected as u64, given as u64);
        return Err(BlobError::OutputLength { expected, given });
    };
    rest.fill(0);
    Ok(open_message(&message, padded, work).inspect_err(|_| padded.fill(0))?)
}

/// Bytes of content and padding in a message.
fn content_room(message: &SealedMessage<'_>) -> usize {
    (message.layout.plaintext_len() as usize).saturating_sub(LENGTH_LEN)
}

/// Opens the ends first: the last chunk holds the message's end, the first one its length. `padded`
/// has exactly the room for content and padding.
fn open_message(
    message: &SealedMessage<'_>,
    padded: &mut [u8],
    work: &Work<'_>,
) -> Result<usize, OpenError> {
    let layout = message.layout;
    let mut head = Zeroizing::new([0; CHUNK_LEN]);
    let mut tail = Zeroizing::new([0; CHUNK_LEN]);
    let last = layout.last_chunk();
    let (head, tail) = (&mut head[..layout.chunk_len(0)], &mut tail[..layout.chunk_len(last)]);
    message.open_chunk(last, tail)?;
    message.open_chunk(0, head)?;
    let frame = Frame::parse(head)?.fits(layout)?;

    for (chunk, opened) in [(0, head), (last, tail)] {
        let (offset, content) = frame.content_of(Layout::plaintext_at(chunk), opened)?;
        if !content.is_empty() {
            padded[offset as usize..][..content.len()].copy_from_slice(content);
        }
    }
    if last > 1 {
        let middle = CHUNK_LEN - LENGTH_LEN..last as usize * CHUNK_LEN - LENGTH_LEN;
        message.open_full_chunks(1, &mut padded[middle], work, |first, opened| {
            frame.content_of(Layout::plaintext_at(first), opened).map(|_| ())
        })?;
    }
    let content_len = frame.content_len() as usize;
    padded[content_len..].fill(0);
    Ok(content_len)
}
