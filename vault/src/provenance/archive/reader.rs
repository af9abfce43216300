//! Reading the container strictly.

use std::io;

use hallmark_core::position::ReadAt;

use super::layout::{END_LEN, Header, LOCAL_EXTRA, LOCAL_FIXED, MAX_ENTRIES, tail};

/// Why bytes are not a container.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// No zip end record where FORMAT.md has it.
    #[error("not a .hallmark file, or one cut short: it does not end as such a file ends")]
    NotAnArchive,
    /// A header differs from the one FORMAT.md fixes.
    #[error("the zip header of entry {position} is not as FORMAT.md fixes it")]
    Header {
        /// Entry, counted from 1.
        position: usize,
    },
    /// The central directory or the end records differ from the local headers.
    #[error("the zip directory does not say the same as the entries' own headers")]
    Directory,
    /// More than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} entries")]
    TooMany,
    /// The file cannot be read.
    #[error("cannot read the file: {source}")]
    Read {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// One entry: its name as found (not yet judged), where its content lies, and its CRC-32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name in the zip.
    pub name: String,
    /// Offset of the content from the start of the file.
    pub start: u64,
    /// Length of the content in bytes.
    pub size_bytes: u64,
    /// CRC-32 that the headers state; nothing has compared it with the content yet.
    pub crc32: u32,
}

/// A container whose every header byte has been compared.
#[derive(Debug)]
pub struct Archive<'a, R: ReadAt + ?Sized> {
    source: &'a R,
    entries: Vec<Entry>,
}

impl<'a, R: ReadAt + ?Sized> Archive<'a, R> {
    /// Reads the headers of a file of `len` bytes.
    ///
    /// # Errors
    /// [`ArchiveError`] when any byte outside the entries' contents is not the one FORMAT.md fixes.
    pub fn open(source: &'a R, len: u64) -> Result<Self, ArchiveError> {
        let directory = directory_offset(source, len)?;
        let mut headers: Vec<Header> = Vec::new();
        let mut offset = 0;
        while offset < directory {
            if headers.len() == MAX_ENTRIES {
                return Err(ArchiveError::TooMany);
            }
            let wrong = ArchiveError::Header { position: headers.len() + 1 };
            let Some(header) = local_header(source, offset, directory)? else { return Err(wrong) };
            offset = header.end().filter(|end| *end <= directory).ok_or(wrong)?;
            headers.push(header);
        }
        let expected = tail(&headers, directory);
        if expected.len() as u64 != len - directory {
            return Err(ArchiveError::Directory);
        }
        let mut found = vec![0; expected.len()];
        source.read_exact_at(&mut found, directory)?;
        if found != expected {
            return Err(ArchiveError::Directory);
        }
        let entries = headers
            .into_iter()
            .map(|header| Entry {
                start: header.offset + header.local_len(),
                size_bytes: header.size_bytes,
                crc32: header.crc32,
                name: header.name,
            })
            .collect();
        Ok(Self { source, entries })
    }

    /// The entries in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where the bytes are.
    pub fn source(&self) -> &'a R {
        self.source
    }

    /// The whole content of one entry; the caller has bounded its size.
    ///
    /// # Errors
    /// As the source.
    pub fn read(&self, entry: &Entry) -> io::Result<Vec<u8>> {
        let size = usize::try_from(entry.size_bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut content = vec![0; size];
        self.source.read_exact_at(&mut content, entry.start)?;
        Ok(content)
    }
}

/// Where the central directory starts, as the zip64 end record says.
fn directory_offset<R: ReadAt + ?Sized>(source: &R, len: u64) -> Result<u64, ArchiveError> {
    let end = len.checked_sub(END_LEN as u64).ok_or(ArchiveError::NotAnArchive)?;
    let mut record = [0; 56];
    source.read_exact_at(&mut record, end)?;
    if record[..4] != 0x0606_4b50_u32.to_le_bytes() {
        return Err(ArchiveError::NotAnArchive);
    }
    let offset = u64_at(&record, 48);
    // A directory larger than its most entries could fill is never read into memory.
    let largest = (MAX_ENTRIES * (46 + 28 + MAX_NAME)) as u64;
    if offset > end || end - offset > largest {
        return Err(ArchiveError::NotAnArchive);
    }
    Ok(offset)
}

/// Longest name a header is read for; FORMAT.md allows less.
const MAX_NAME: usize = 256;

/// The header at `offset`, or nothing when it is not one of ours.
fn local_header<R: ReadAt + ?Sized>(
    source: &R,
    offset: u64,
    directory: u64,
) -> io::Result<Option<Header>> {
    let room = directory - offset;
    if room < LOCAL_FIXED as u64 {
        return Ok(None);
    }
    let mut fixed = [0; LOCAL_FIXED];
    source.read_exact_at(&mut fixed, offset)?;
    let name_len = usize::from(u16::from_le_bytes([fixed[26], fixed[27]]));
    let len = LOCAL_FIXED + name_len + LOCAL_EXTRA;
    if name_len > MAX_NAME || room < len as u64 {
        return Ok(None);
    }
    let mut bytes = vec![0; len];
    source.read_exact_at(&mut bytes, offset)?;
    let Ok(name) = std::str::from_utf8(&bytes[LOCAL_FIXED..LOCAL_FIXED + name_len]) else {
        return Ok(None);
    };
    let header = Header {
        name: name.to_owned(),
        crc32: u32::from_le_bytes([fixed[14], fixed[15], fixed[16], fixed[17]]),
        size_bytes: u64_at(&bytes, LOCAL_FIXED + name_len + 4),
        offset,
    };
    Ok((header.local() == bytes).then_some(header))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
