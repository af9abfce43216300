//! The fixed bytes of the container: PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to
//! 4.3.16 and 4.5.3, with one choice made for every field.

/// The most entries one file may have.
pub const MAX_ENTRIES: usize = 4096;
/// Local header without the name: 30 fixed bytes and a zip64 extra field of 20.
pub(super) const LOCAL_FIXED: usize = 30;
pub(super) const LOCAL_EXTRA: usize = 20;
/// zip64 end record, its locator and the end record.
pub(super) const END_LEN: usize = 56 + 20 + 22;

const VERSION: u16 = 45;
const DOS_DATE_1980_01_01: u16 = 0x0021;
const STORED_FLAGS: u16 = 0;
const METHOD_STORED: u16 = 0;
const IN_ZIP64: u32 = u32::MAX;

/// What differs between two entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) crc32: u32,
    pub(super) size_bytes: u64,
    /// Offset of the local header from the start of the file.
    pub(super) offset: u64,
}

impl Header {
    pub(super) fn local_len(&self) -> u64 {
        (LOCAL_FIXED + self.name.len() + LOCAL_EXTRA) as u64
    }

    /// Offset of the first byte after the entry's content.
    pub(super) fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.local_len())?.checked_add(self.size_bytes)
    }

    pub(super) fn local(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LOCAL_FIXED + self.name.len() + LOCAL_EXTRA);
        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        self.common(&mut out, LOCAL_EXTRA);
        out.extend(self.name.as_bytes());
        self.zip64(&mut out, 16);
        out
    }

    fn central(&self, out: &mut Vec<u8>) {
        out.extend(0x0201_4b50_u32.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        self.common(out, 28);
        out.extend([0; 2 + 2 + 2 + 4]); // no comment, first disk, no attributes
        out.extend(IN_ZIP64.to_le_bytes());
        out.extend(self.name.as_bytes());
        self.zip64(out, 24);
        out.extend(self.offset.to_le_bytes());
    }

    /// From the flags to the length of the extra field: the same in both headers.
    fn common(&self, out: &mut Vec<u8>, extra_len: usize) {
        out.extend(STORED_FLAGS.to_le_bytes());
        out.extend(METHOD_STORED.to_le_bytes());
        out.extend(0_u16.to_le_bytes());
        out.extend(DOS_DATE_1980_01_01.to_le_bytes());
        out.extend(self.crc32.to_le_bytes());
        out.extend(IN_ZIP64.to_le_bytes());
        out.extend(IN_ZIP64.to_le_bytes());
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((extra_len as u16).to_le_bytes());
    }

    fn zip64(&self, out: &mut Vec<u8>, len: u16) {
        out.extend(1_u16.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend(self.size_bytes.to_le_bytes());
        out.extend(self.size_bytes.to_le_bytes());
    }
}

/// Central directory and end records of a file with these entries, the directory at `offset`.
pub(super) fn tail(entries: &[Header], offset: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        entry.central(&mut out);
    }
    let directory_len = out.len() as u64;
    let count = entries.len() as u64;
    out.extend(0x0606_4b50_u32.to_le_bytes());
    out.extend(44_u64.to_le_bytes());
    out.extend(VERSION.to_le_bytes());
    out.extend(VERSION.to_le_bytes());
    out.extend([0; 8]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(directory_len.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend(0x0706_4b50_u32.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend((offset + directory_len).to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(0x0605_4b50_u32.to_le_bytes());
    out.extend([0; 4]);
    out.extend(u16::MAX.to_le_bytes());
    out.extend(u16::MAX.to_le_bytes());
    out.extend(IN_ZIP64.to_le_bytes());
    out.extend(IN_ZIP64.to_le_bytes());
    out.extend([0; 2]);
    out
}
