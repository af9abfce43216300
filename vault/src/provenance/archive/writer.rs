//! Writing the container.

use std::io::{self, Read, Seek, SeekFrom, Write};

use hallmark_core::hash::{Hasher, Sha256};

use super::layout::{Header, tail};

/// What was written of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The entry's name.
    pub name: String,
    /// SHA-256 of its content.
    pub sha256: Sha256,
    /// Length of its content in bytes.
    pub size_bytes: u64,
}

/// Writes entries one after the other, from the start of `out`.
pub struct ArchiveWriter<W: Write + Seek> {
    out: W,
    at: u64,
    headers: Vec<Header>,
    written: Vec<Written>,
}

impl<W: Write + Seek> ArchiveWriter<W> {
    /// Starts an empty container at the beginning of `out`.
    pub fn new(out: W) -> Self {
        Self { out, at: 0, headers: Vec::new(), written: Vec::new() }
    }

    /// Adds an entry with all that `content` yields. The name has been checked by the caller.
    ///
    /// # Errors
    /// As `content` and the output.
    pub fn add(&mut self, name: &str, content: &mut dyn Read) -> io::Result<&Written> {
        let mut header = Header { name: name.to_owned(), crc32: 0, size_bytes: 0, offset: self.at };
        self.out.write_all(&header.local())?;
        let mut hasher = Hasher::new();
        let mut crc = crc32fast::Hasher::new();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let n = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(&buffer[..n]);
            crc.update(&buffer[..n]);
            self.out.write_all(&buffer[..n])?;
            header.size_bytes += n as u64;
        }
        header.crc32 = crc.finalize();
        self.out.seek(SeekFrom::Start(header.offset))?;
        self.out.write_all(&header.local())?;
        self.at = header.offset + header.local_len() + header.size_bytes;
        self.out.seek(SeekFrom::Start(self.at))?;
        self.written.push(Written {
            name: header.name.clone(),
            sha256: hasher.finish(),
            size_bytes: header.size_bytes,
        });
        self.headers.push(header);
        Ok(&self.written[self.written.len() - 1])
    }

    /// What has been written so far, in order.
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// Writes the directory and gives the output back, flushed but not synced.
    ///
    /// # Errors
    /// As the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&tail(&self.headers, self.at))?;
        self.out.flush()?;
        Ok(self.out)
    }
}
