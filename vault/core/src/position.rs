//! Reading and writing at positions, from several threads at once: files and slices of bytes.

use std::fs::File;
use std::io;

/// Input that several threads may read at any position: a file or a slice of bytes.
pub trait ReadAt: Sync {
    /// Fills `buffer` with the bytes from `offset` (in bytes from the start) on.
    ///
    /// # Errors
    ///
    /// The reader's own, or [`io::ErrorKind::UnexpectedEof`] when there are fewer.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Output that several threads may write at any position: a file.
pub trait WriteAt: Sync {
    /// Writes all of `bytes` from `offset` (in bytes from the start) on.
    ///
    /// # Errors
    ///
    /// The writer's own. Some of the bytes may have been written then.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..)?.get(..buffer.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, offset)
    }
}

#[cfg(unix)]
impl ReadAt for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}

#[cfg(unix)]
impl WriteAt for File {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }
}

/// Where files have no positioned I/O: one lock around seek and transfer, for all files at once.
/// The file's own position moves.
#[cfg(not(unix))]
mod seek {
    use super::{File, ReadAt, WriteAt, io};
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::sync::{Mutex, PoisonError};

    static POSITION: Mutex<()> = Mutex::new(());

    impl ReadAt for File {
        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let _held = POSITION.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = self;
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(buffer)
        }
    }

    impl WriteAt for File {
        fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
            let _held = POSITION.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = self;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        }
    }
}
