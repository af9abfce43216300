//! The cipher alone: C2SP `chunked-encryption@v1` with any context and no framing.
//!
//! What it seals, any implementation of Cobblestone-256 opens, and the other way round. It hides no
//! size: within Hallmark, content goes through the framed doors.

use super::cipher::Cipher;
use super::frame::Unframed;
use super::layout::{CHUNK_LEN, Layout};
use super::runs::{SealedMessage, seal_message};
use super::{BlobError, BlobKey, OpenError, Salt, Work, stream};
use rand_core::CryptoRng;
use std::io::{Read, Write};
use zeroize::Zeroizing;

/// The size in bytes of the message that `plaintext_len` bytes are sealed to: 56 bytes, and 16 more
/// for every chunk.
///
/// # Errors
///
/// [`BlobError::TooLarge`].
pub fn sealed_len(plaintext_len: u64) -> Result<u64, BlobError> {
    Layout::of_plaintext(plaintext_len).map(Layout::ciphertext_len).ok_or(BlobError::TooLarge)
}

/// Seals `plaintext` under a fresh salt.
///
/// # Errors
///
/// [`BlobError::TooLarge`].
pub fn seal(
    key: &BlobKey,
    context: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
    plaintext: &[u8],
    work: &Work<'_>,
) -> Result<Vec<u8>, BlobError> {
    seal_with_salt(key, context, Salt::generate(rng), plaintext, work)
}

/// Seals under a given salt, which must never repeat for a key; hence not for others.
pub(super) fn seal_with_salt(
    key: &BlobKey,
    context: &[u8],
    salt: Salt,
    plaintext: &[u8],
    work: &Work<'_>,
) -> Result<Vec<u8>, BlobError> {
    let len = usize::try_from(sealed_len(plaintext.len() as u64)?);
    let mut sealed = vec![0; len.map_err(|_| BlobError::TooLarge)?];
    let cipher = Cipher::to_seal(key, salt, context);
    seal_message(&cipher, &Unframed(plaintext), &mut sealed, work).map_err(BlobError::read)?;
    Ok(sealed)
}

/// Opens a sealed message.
///
/// # Errors
///
/// [`OpenError::Truncated`] or [`OpenError::NotAuthentic`].
pub fn open(
    key: &BlobKey,
    context: &[u8],
    sealed: &[u8],
    work: &Work<'_>,
) -> Result<Vec<u8>, OpenError> {
    let message = SealedMessage::new(key, context, sealed)?;
    let layout = message.layout;
    let last = layout.last_chunk();
    let mut tail = Zeroizing::new([0; CHUNK_LEN]);
    let tail = &mut tail[..layout.chunk_len(last)];
    message.open_chunk(last, tail)?;

    let mut plaintext = vec![0; layout.plaintext_len() as usize];
    let (full, end) = plaintext.split_at_mut(last as usize * CHUNK_LEN);
    end.copy_from_slice(tail);
    message.open_full_chunks(0, full, work, |_, _| Ok(()))?;
    Ok(plaintext)
}

/// Seals everything `input` holds, of any length, and returns that length in bytes.
///
/// # Errors
///
/// [`BlobError::Read`], [`BlobError::Write`] or [`BlobError::TooLarge`]; what was written by then
/// is to be thrown away.
pub fn seal_stream(
    key: &BlobKey,
    context: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
    input: &mut impl Read,
    output: &mut impl Write,
) -> Result<u64, BlobError> {
    stream::seal_message(&Cipher::to_seal(key, Salt::generate(rng), context), input, output)
}

/// Opens a message as it arrives and returns the plaintext's length in bytes.
///
/// # Errors
///
/// [`BlobError::Open`], [`BlobError::Read`] or [`BlobError::Write`]; what was written by then is
/// authentic but not whole, and is to be thrown away.
pub fn open_stream(
    key: &BlobKey,
    context: &[u8],
    input: &mut impl Read,
    output: &mut impl Write,
) -> Result<u64, BlobError> {
    let opened = stream::open_message(key, context, input, |_, stretch| {
        output.write_all(stretch).map_err(BlobError::write)
    })?;
    output.flush().map_err(BlobError::write)?;
    Ok(opened)
}
