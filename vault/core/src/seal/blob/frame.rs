//! The plaintext of a framed blob: length, content, zeros up to the PADMÉ size.

use super::layout::Layout;
use super::{BlobError, OpenError};
use crate::position::ReadAt;
use crate::seal::padme::padme;
use std::io;

/// Bytes of the content length before the content.
pub(super) const LENGTH_LEN: usize = 8;
const LENGTH: u64 = LENGTH_LEN as u64;

/// The size in bytes of the blob that `content_len` bytes of content are sealed to.
///
/// # Errors
///
/// [`BlobError::TooLarge`] when one blob does not hold so much.
pub fn blob_len(content_len: u64) -> Result<u64, BlobError> {
    Ok(Frame::of_content(content_len)?.layout.ciphertext_len())
}

/// Content length and padded size, which belong together: the one framing of that content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    content_len: u64,
    layout: Layout,
}

impl Frame {
    pub(super) fn of_content(content_len: u64) -> Result<Self, BlobError> {
        let padded = content_len.checked_add(LENGTH).and_then(padme).ok_or(BlobError::TooLarge)?;
        let layout = Layout::of_plaintext(padded).ok_or(BlobError::TooLarge)?;
        Ok(Self { content_len, layout })
    }

    /// The frame an authentic plaintext says it has in its first bytes. Whether the plaintext also
    /// has that size is for [`Frame::fits`].
    ///
    /// # Errors
    ///
    /// [`OpenError::Framing`] when there is no length, or no blob holds so much.
    pub(super) fn parse(plaintext_start: &[u8]) -> Result<Self, OpenError> {
        let length = plaintext_start.first_chunk::<LENGTH_LEN>().ok_or(OpenError::Framing)?;
        Self::of_content(u64::from_be_bytes(*length)).map_err(|_| OpenError::Framing)
    }

    /// Checks that the plaintext has the size that belongs to its content length.
    ///
    /// # Errors
    ///
    /// [`OpenError::Framing`] when it has another.
    pub(super) fn fits(self, layout: Layout) -> Result<Self, OpenError> {
        if self.layout == layout { Ok(self) } else { Err(OpenError::Framing) }
    }

    pub(super) fn content_len(self) -> u64 {
        self.content_len
    }

    pub(super) fn layout(self) -> Layout {
        self.layout
    }

    pub(super) fn length_bytes(self) -> [u8; LENGTH_LEN] {
        self.content_len.to_be_bytes()
    }

    pub(super) fn padding_len(self) -> u64 {
        self.layout.plaintext_len() - LENGTH - self.content_len
    }

    /// Where a content offset lies in the plaintext.
    pub(super) fn plaintext_at(content_offset: u64) -> u64 {
        LENGTH + content_offset
    }

    /// The part of an opened stretch of plaintext that is content, and its offset in the content.
    ///
    /// # Errors
    ///
    /// [`OpenError::Framing`] when the stretch holds padding that is not zero.
    pub(super) fn content_of(
        self,
        plaintext_offset: u64,
        stretch: &[u8],
    ) -> Result<(u64, &[u8]), OpenError> {
        let skip = LENGTH.saturating_sub(plaintext_offset).min(stretch.len() as u64) as usize;
        let (_, stretch) = stretch.split_at(skip);
        let offset = (plaintext_offset + skip as u64).saturating_sub(LENGTH);
        let content = self.content_len.saturating_sub(offset).min(stretch.len() as u64) as usize;
        let (content, padding) = stretch.split_at(content);
        if padding.iter().all(|&byte| byte == 0) {
            Ok((offset, content))
        } else {
            Err(OpenError::Framing)
        }
    }
}

/// A message's plaintext as sealing asks for it, stretch by stretch and from several threads.
pub(super) trait Plaintext: Sync {
    /// Fills `buffer` with the plaintext from `offset` on. Never asked for more than there is.
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// The caller's bytes as they are.
pub(super) struct Unframed<'a, S: ?Sized>(pub(super) &'a S);

impl<S: ReadAt + ?Sized> Plaintext for Unframed<'_, S> {
    fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// Length, content, zeros.
pub(super) struct Framed<'a, S: ?Sized> {
    pub(super) frame: Frame,
    pub(super) content: &'a S,
}

impl<S: ReadAt + ?Sized> Plaintext for Framed<'_, S> {
    fn fill(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        if offset < LENGTH {
            let length = &self.frame.length_bytes()[offset as usize..];
            let (head, rest) = buffer.split_at_mut(length.len().min(buffer.len()));
            head.copy_from_slice(&length[..head.len()]);
            offset += head.len() as u64;
            buffer = rest;
        }
        if buffer.is_empty() {
            return Ok(());
        }
        let start = offset - LENGTH;
        let content = self.frame.content_len.saturating_sub(start).min(buffer.len() as u64);
        let (content, padding) = buffer.split_at_mut(content as usize);
        padding.fill(0);
        if content.is_empty() {
            return Ok(());
        }
        self.content.read_exact_at(content, start)
    }
}
