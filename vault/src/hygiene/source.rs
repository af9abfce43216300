//! The file being read: random access through one small window, so that looking at a long film
//! costs no more memory than looking at a short one.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::{DOCUMENT_LIMIT_BYTES, HygieneError, search};

/// Bytes held at a time. More than the longest Ogg page (65,307 bytes).
pub(super) const WINDOW_BYTES: usize = 128 << 10;

/// How much of the beginning decides what a file is.
const HEAD_BYTES: u64 = 4096;

/// A readable, seekable source with a known size.
pub(super) struct Source<'a, R> {
    inner: &'a mut R,
    size_bytes: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a, R: Read + Seek> Source<'a, R> {
    /// Reads `size_bytes` bytes of `inner`, from its start.
    pub(super) fn new(inner: &'a mut R, size_bytes: u64) -> Self {
        Self { inner, size_bytes, window: Vec::new(), window_at: 0 }
    }

    /// The size of the file, in bytes.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The first bytes, fewer in a short file.
    pub(super) fn head(&mut self) -> Result<Vec<u8>, HygieneError> {
        let end = self.size_bytes.min(HEAD_BYTES);
        Ok(self.view(0, end as usize)?.to_vec())
    }

    /// The whole of a picture or PDF.
    pub(super) fn whole(&mut self) -> Result<Vec<u8>, HygieneError> {
        self.read(0..self.size_bytes, DOCUMENT_LIMIT_BYTES)
    }

    /// A range of at most `limit_bytes`, owned.
    pub(super) fn read(
        &mut self,
        range: Range<u64>,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, HygieneError> {
        let len = range.end.saturating_sub(range.start);
        if len > limit_bytes {
            return Err(HygieneError::TooLarge { size_bytes: len, limit_bytes });
        }
        let mut bytes = Vec::new();
        self.inner.seek(SeekFrom::Start(range.start))?;
        if self.inner.by_ref().take(len).read_to_end(&mut bytes)? as u64 != len {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(bytes)
    }

    /// Exactly `len` bytes at `at`, at most one window. Past the end is an error of the copy: a
    /// reader asks only for what it knows to be there, unless the file shrank.
    pub(super) fn view(&mut self, at: u64, len: usize) -> Result<&[u8], HygieneError> {
        debug_assert!(len <= WINDOW_BYTES, "a view is smaller than the window");
        let in_window = at.checked_sub(self.window_at).and_then(|o| usize::try_from(o).ok());
        if let Some(offset) = in_window
            && offset.checked_add(len).is_some_and(|end| end <= self.window.len())
        {
            return Ok(&self.window[offset..offset + len]);
        }
        // Whoever goes backwards will go on doing so: tags at the end are found that way.
        let before = if at < self.window_at { (WINDOW_BYTES - len) as u64 / 2 } else { 0 };
        let start = at.saturating_sub(before);
        let wanted = self.size_bytes.saturating_sub(start).min(WINDOW_BYTES as u64);
        self.window.clear();
        self.window_at = start;
        self.inner.seek(SeekFrom::Start(start))?;
        self.inner.by_ref().take(wanted).read_to_end(&mut self.window)?;
        let offset = (at - start) as usize;
        self.window
            .get(offset..offset + len)
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }

    /// `N` bytes at `at`, or `None` where the file ends before.
    pub(super) fn array<const N: usize>(
        &mut self,
        at: u64,
    ) -> Result<Option<[u8; N]>, HygieneError> {
        if at.checked_add(N as u64).is_none_or(|end| end > self.size_bytes) {
            return Ok(None);
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.view(at, N)?);
        Ok(Some(bytes))
    }

    /// Calls `each` with the bytes of `range` in order, until it answers false.
    pub(super) fn for_each(
        &mut self,
        range: Range<u64>,
        mut each: impl FnMut(&[u8]) -> io::Result<bool>,
    ) -> Result<(), HygieneError> {
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(WINDOW_BYTES as u64) as usize;
            if !each(self.view(at, len)?)? {
                break;
            }
            at += len as u64;
        }
        Ok(())
    }

    /// Whether every byte of `range` is `byte`.
    pub(super) fn is_filled_with(
        &mut self,
        range: Range<u64>,
        byte: u8,
    ) -> Result<bool, HygieneError> {
        let mut filled = true;
        self.for_each(range, |bytes| {
            filled = bytes.iter().all(|&b| b == byte);
            Ok(filled)
        })?;
        Ok(filled)
    }

    /// Whether any of `needles`, each at most 64 bytes, lies within `range`.
    pub(super) fn contains(
        &mut self,
        range: Range<u64>,
        needles: &[&[u8]],
    ) -> Result<bool, HygieneError> {
        const OVERLAP: u64 = 64;
        let mut at = range.start;
        while at < range.end {
            let len = (range.end - at).min(WINDOW_BYTES as u64);
            if search::any(self.view(at, len as usize)?, needles) {
                return Ok(true);
            }
            at += if at + len == range.end { len } else { len - OVERLAP };
        }
        Ok(false)
    }
}
