//! Where chunks lie in plaintext and ciphertext.

use super::OpenError;
use super::cipher::HEADER_LEN;
use std::ops::Range;

/// Plaintext bytes in every chunk but the last.
pub(super) const CHUNK_LEN: usize = 16 * 1024;
/// Bytes of the AES-GCM tag after each chunk.
pub(super) const TAG_LEN: usize = 16;
/// A full chunk as stored.
pub(super) const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
/// Chunks handled at a time: 256 KiB, which stays in a core's second-level cache.
pub(super) const RUN_CHUNKS: u64 = 16;
/// Chunks the specification allows in one message, at most.
const MAX_CHUNKS: u64 = 1 << 38;

const CHUNK: u64 = CHUNK_LEN as u64;
const SEALED_CHUNK: u64 = SEALED_CHUNK_LEN as u64;
const TAG: u64 = TAG_LEN as u64;
const HEADER: u64 = HEADER_LEN as u64;

/// Where the chunks of a message lie. There is one layout per message length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    plaintext_len: u64,
}

impl Layout {
    /// The layout of a message of `plaintext_len` bytes, unless it has too many chunks.
    pub(super) fn of_plaintext(plaintext_len: u64) -> Option<Self> {
        let layout = Self { plaintext_len };
        (layout.chunks() <= MAX_CHUNKS).then_some(layout)
    }

    /// The layout of a stored message of `ciphertext_len` bytes with its header.
    ///
    /// # Errors
    ///
    /// [`OpenError::Truncated`] when no message has that length: its last chunk is missing or
    /// shorter than a tag. [`OpenError::NotAuthentic`] when it has too many chunks.
    pub(super) fn of_ciphertext(ciphertext_len: u64) -> Result<Self, OpenError> {
        let body = ciphertext_len.checked_sub(HEADER).ok_or(OpenError::Truncated)?;
        let last = (body % SEALED_CHUNK).checked_sub(TAG).ok_or(OpenError::Truncated)?;
        Self::of_plaintext(body / SEALED_CHUNK * CHUNK + last).ok_or(OpenError::NotAuthentic)
    }

    pub(super) fn plaintext_len(self) -> u64 {
        self.plaintext_len
    }

    pub(super) fn ciphertext_len(self) -> u64 {
        HEADER + self.plaintext_len + self.chunks() * TAG
    }

    /// Number of chunks, at least one.
    pub(super) fn chunks(self) -> u64 {
        self.plaintext_len / CHUNK + 1
    }

    /// Index of the last, short chunk.
    pub(super) fn last_chunk(self) -> u64 {
        self.chunks() - 1
    }

    /// The chunks in runs of [`RUN_CHUNKS`]; the last run may be shorter.
    pub(super) fn runs(self) -> Runs {
        Runs { next: 0, end: self.chunks() }
    }

    /// Bytes that consecutive chunks take as stored.
    pub(super) fn sealed_len(self, chunks: Range<u64>) -> usize {
        let full = (chunks.end - chunks.start) as usize * SEALED_CHUNK_LEN;
        let missing = CHUNK_LEN - self.chunk_len(chunks.end - 1);
        full - missing
    }

    /// Plaintext bytes in a chunk.
    pub(super) fn chunk_len(self, chunk: u64) -> usize {
        if chunk == self.last_chunk() { (self.plaintext_len % CHUNK) as usize } else { CHUNK_LEN }
    }

    /// Offset of a chunk in the stored message.
    pub(super) fn ciphertext_at(chunk: u64) -> u64 {
        HEADER + chunk * SEALED_CHUNK
    }

    /// Offset of a chunk in the plaintext.
    pub(super) fn plaintext_at(chunk: u64) -> u64 {
        chunk * CHUNK
    }

    /// The chunk that holds a plaintext offset.
    pub(super) fn chunk_of(plaintext_offset: u64) -> u64 {
        plaintext_offset / CHUNK
    }
}

/// Ranges of chunk numbers, from [`Layout::runs`].
pub(super) struct Runs {
    next: u64,
    end: u64,
}

impl Iterator for Runs {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        let first = self.next;
        self.next = (first + RUN_CHUNKS).min(self.end);
        (first < self.end).then_some(first..self.next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from((self.end - self.next).div_ceil(RUN_CHUNKS));
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ciphertext_lengths_map_back() {
        for len in [0, 1, 16_383, 16_384, 16_385, 32_768, 40_000, 1 << 40] {
            let layout = Layout::of_plaintext(len).unwrap();
            assert_eq!(Layout::of_ciphertext(layout.ciphertext_len()), Ok(layout), "{len}");
        }
    }

    #[test]
    fn runs_cover_every_chunk_once() {
        for len in [0, 16_383, 16_384, 16 * CHUNK - 1, 16 * CHUNK, 40 * CHUNK + 5] {
            let layout = Layout::of_plaintext(len).unwrap();
            let runs: Vec<_> = layout.runs().collect();
            assert_eq!(runs.len(), layout.runs().size_hint().0);
            let sealed: usize = runs.iter().map(|run| layout.sealed_len(run.clone())).sum();
            assert_eq!(HEADER + sealed as u64, layout.ciphertext_len(), "{len}");
            assert_eq!(runs.last().unwrap().end, layout.chunks());
        }
    }

    #[test]
    fn impossible_lengths_are_cut_blobs() {
        for len in [0, 55, 56, 71, 56 + SEALED_CHUNK, 56 + SEALED_CHUNK + 15, 56 + 5 * SEALED_CHUNK]
        {
            assert_eq!(Layout::of_ciphertext(len), Err(OpenError::Truncated), "{len}");
        }
        assert_eq!(Layout::of_ciphertext(72).unwrap().plaintext_len(), 0);
        assert_eq!(Layout::of_ciphertext(56 + SEALED_CHUNK + 16).unwrap().plaintext_len(), CHUNK);
    }

    #[test]
    fn the_chunk_counter_ends_at_four_pebibytes() {
        assert!(Layout::of_plaintext((1 << 52) - 1).is_some());
        assert!(Layout::of_plaintext(1 << 52).is_none());
        assert_eq!(Layout::of_ciphertext(u64::MAX), Err(OpenError::NotAuthentic));
    }
}
