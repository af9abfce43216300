//! Framed blobs from a reader to a writer, on the caller's thread, in 256 KiB of memory.
//!
//! The content's length is needed before its first byte, since it comes first in the blob. Content
//! of unknown length is to be spooled to a file.

use super::cipher::{Cipher, HEADER_LEN};
use super::frame::Frame;
use super::layout::{CHUNK_LEN, Layout, RUN_CHUNKS, SEALED_CHUNK_LEN, TAG_LEN};
use super::runs::{SEALED_RUN_LEN, open_run};
use super::{BlobError, BlobKey, OpenError, Purpose, Salt};
use rand_core::CryptoRng;
use std::io::{self, Read, Write};
use zeroize::Zeroizing;

/// Seals `content_len` bytes of `input`, which must end there, and returns the blob's length in
/// bytes.
///
/// # Errors
///
/// [`BlobError::ContentLength`] when `input` is shorter or longer; [`BlobError::Read`],
/// [`BlobError::Write`], [`BlobError::TooLarge`]. What was written by then is to be thrown away.
pub fn seal(
    key: &BlobKey,
    purpose: Purpose,
    rng: &mut (impl CryptoRng + ?Sized),
    content_len: u64,
    input: &mut impl Read,
    output: &mut impl Write,
) -> Result<u64, BlobError> {
    let frame = Frame::of_content(content_len)?;
    let cipher = Cipher::to_seal(key, Salt::generate(rng), purpose.context());
    let length = frame.length_bytes();
    let mut plaintext = length
        .chain(input.by_ref().take(content_len))
        .chain(io::repeat(0).take(frame.padding_len()));
    let sealed = seal_message(&cipher, &mut plaintext, output)?;
    let ended = read_full(input, &mut [0]).map_err(BlobError::read)? == 0;
    if sealed == frame.layout().plaintext_len() && ended {
        Ok(frame.layout().ciphertext_len())
    } else {
        Err(BlobError::ContentLength { declared: content_len })
    }
}

/// Opens a blob as it arrives and returns the content's length in bytes.
///
/// Content is written as soon as its chunk is authentic, which is before the blob is known to be
/// whole: nothing written counts until this returns `Ok`.
///
/// # Errors
///
/// [`BlobError::Open`], [`BlobError::Read`] or [`BlobError::Write`]; what was written by then is to
/// be thrown away.
pub fn open(
    key: &BlobKey,
    purpose: Purpose,
    input: &mut impl Read,
    output: &mut impl Write,
) -> Result<u64, BlobError> {
    let mut frame = None;
    let plaintext_len = open_message(key, purpose.context(), input, |offset, stretch| {
        let known = match frame {
            Some(frame) => frame,
            None => *frame.insert(Frame::parse(stretch)?),
        };
        let (_, content) = known.content_of(offset, stretch)?;
        output.write_all(content).map_err(BlobError::write)
    })?;
    let layout = Layout::of_plaintext(plaintext_len).ok_or(OpenError::Framing)?;
    let frame = frame.ok_or(OpenError::Framing)?.fits(layout)?;
    output.flush().map_err(BlobError::write)?;
    Ok(frame.content_len())
}

/// Seals all of `plaintext` and returns its length in bytes.
pub(super) fn seal_message(
    (cipher, header): &(Cipher, [u8; HEADER_LEN]),
    plaintext: &mut impl Read,
    output: &mut impl Write,
) -> Result<u64, BlobError> {
    output.write_all(header).map_err(BlobError::write)?;
    let mut buffer = Zeroizing::new(vec![0; SEALED_RUN_LEN]);
    let mut plaintext_len = 0;
    for first in (0..).step_by(RUN_CHUNKS as usize) {
        let mut filled = 0;
        let mut ended = false;
        for (chunk, slot) in (first..).zip(buffer.chunks_mut(SEALED_CHUNK_LEN)) {
            let len = read_full(plaintext, &mut slot[..CHUNK_LEN]).map_err(BlobError::read)?;
            plaintext_len += len as u64;
            Layout::of_plaintext(plaintext_len).ok_or(BlobError::TooLarge)?;
            cipher.seal_chunk(chunk, &mut slot[..len + TAG_LEN]);
            filled += len + TAG_LEN;
            ended = len < CHUNK_LEN;
            if ended {
                break;
            }
        }
        output.write_all(&buffer[..filled]).map_err(BlobError::write)?;
        if ended {
            break;
        }
    }
    output.flush().map_err(BlobError::write)?;
    Ok(plaintext_len)
}

/// Opens all of `input`, hands each stretch of plaintext with its offset to `sink`, and returns the
/// plaintext's length in bytes. The first stretch is handed over even if it is empty.
pub(super) fn open_message(
    key: &BlobKey,
    context: &[u8],
    input: &mut impl Read,
    mut sink: impl FnMut(u64, &[u8]) -> Result<(), BlobError>,
) -> Result<u64, BlobError> {
    let mut header = [0; HEADER_LEN];
    if read_full(input, &mut header).map_err(BlobError::read)? < HEADER_LEN {
        return Err(OpenError::Truncated.into());
    }
    let cipher = Cipher::to_open(key, &header, context)?;
    let mut buffer = Zeroizing::new(vec![0; SEALED_RUN_LEN]);
    let mut plaintext_len = 0;
    for first in (0..).step_by(RUN_CHUNKS as usize) {
        let filled = read_full(input, &mut buffer).map_err(BlobError::read)?;
        // A message ends in a short chunk, so also never at the end of a run.
        if filled % SEALED_CHUNK_LEN == 0 && filled < SEALED_RUN_LEN {
            return Err(OpenError::Truncated.into());
        }
        let opened = open_run(&cipher, first, &mut buffer[..filled])?;
        let offset = plaintext_len;
        plaintext_len += opened as u64;
        Layout::of_plaintext(plaintext_len).ok_or(OpenError::NotAuthentic)?;
        sink(offset, &buffer[..opened])?;
        if filled < SEALED_RUN_LEN {
            break;
        }
    }
    Ok(plaintext_len)
}

/// Reads until the buffer is full or the input ends.
fn read_full(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
