//! Content to work on: random bytes, repeated, made as they are read so that no copy is kept.

use std::io::{self, Read, Seek, SeekFrom};

use rand::{SeedableRng, rngs::StdRng};

const BLOCK_BYTES: usize = 1 << 20;

/// So many bytes of content, each time the same.
#[derive(Debug, Clone)]
pub struct Filler {
    block: Vec<u8>,
    len: u64,
    at: u64,
}

impl Filler {
    /// `len` bytes that differ from those of another `seed`.
    pub fn new(seed: u64, len: u64) -> Self {
        let mut block = vec![0; BLOCK_BYTES];
        rand::Rng::fill_bytes(&mut StdRng::seed_from_u64(seed), &mut block);
        Self { block, len, at: 0 }
    }
}

impl Read for Filler {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = (self.at % BLOCK_BYTES as u64) as usize;
        let left = usize::try_from(self.len - self.at).unwrap_or(usize::MAX);
        let n = buffer.len().min(BLOCK_BYTES - from).min(left);
        buffer[..n].copy_from_slice(&self.block[from..from + n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Filler {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.at = to.filter(|to| *to <= self.len).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
