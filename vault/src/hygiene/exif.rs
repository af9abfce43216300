//! EXIF (CIPA DC-008): the TIFF directories in a picture, read only to say what they hold, and the
//! smallest EXIF block there is, which turns a picture upright and says nothing else.

use std::collections::BTreeSet;

use super::Trace;

/// What an EXIF block holds.
#[derive(Debug, Default)]
pub(super) struct Exif {
    /// How to turn the picture, 2 to 8. `None` when upright or unsaid.
    pub(super) orientation: Option<u8>,
    /// What else is there.
    pub(super) traces: BTreeSet<Trace>,
}

/// Directories followed at most, and entries read in each: real files have five and under 100.
const DIRECTORIES_LIMIT: usize = 32;
const ENTRIES_LIMIT: usize = 1024;

const ORIENTATION: u16 = 0x0112;

/// Reads an EXIF block that begins with its TIFF header. Never fails: what cannot be followed is
/// [`Trace::ExifUnreadable`].
pub(super) fn inspect(tiff: &[u8]) -> Exif {
    let mut exif = Exif::default();
    let Some((tiff, first)) = Tiff::open(tiff) else {
        exif.traces.insert(Trace::ExifUnreadable);
        return exif;
    };
    let mut waiting = vec![(Directory::Picture, first)];
    let mut seen = BTreeSet::new();
    while let Some((directory, at)) = waiting.pop() {
        if !seen.insert(at) || seen.len() > DIRECTORIES_LIMIT {
            exif.traces.insert(Trace::ExifUnreadable);
            continue;
        }
        if directory == Directory::Thumbnail {
            exif.traces.insert(Trace::ExifThumbnail);
        }
        if read_directory(&tiff, directory, at, &mut waiting, &mut exif).is_none() {
            exif.traces.insert(Trace::ExifUnreadable);
            if directory == Directory::Gps {
                exif.traces.insert(Trace::ExifGps);
            }
        }
    }
    exif
}

/// A TIFF block with one directory with one entry: the orientation.
pub(super) fn orientation_only(orientation: u8) -> [u8; 26] {
    let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    tiff[19] = orientation;
    tiff
}

/// A TIFF block with one empty directory, the shortest valid one.
pub(super) const EMPTY: [u8; 14] = *b"MM\0*\0\0\0\x08\0\0\0\0\0\0";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directory {
    Picture,
    Thumbnail,
    Exif,
    Gps,
    Interoperability,
}

/// Reads one directory and queues those it points to. `None` when it is not wholly in the block.
fn read_directory(
    tiff: &Tiff<'_>,
    directory: Directory,
    at: u32,
    waiting: &mut Vec<(Directory, u32)>,
    exif: &mut Exif,
) -> Option<()> {
    let at = at as usize;
    let count = usize::from(tiff.u16(at)?);
    for index in 0..count.min(ENTRIES_LIMIT) {
        let entry = at.checked_add(2 + 12 * index)?;
        let tag = tiff.u16(entry)?;
        let pointed = tiff.u32(entry + 8)?;
        match (directory, tag) {
            (Directory::Picture, ORIENTATION) => {
                let value = tiff.u16(entry + 8)?;
                if exif.orientation.is_none() && (2..=8).contains(&value) {
                    exif.orientation = u8::try_from(value).ok();
                }
                continue;
            }
            (Directory::Picture | Directory::Exif, 0x8769) => {
                waiting.push((Directory::Exif, pointed));
                continue;
            }
            (Directory::Picture | Directory::Exif, 0x8825) => {
                waiting.push((Directory::Gps, pointed));
                continue;
            }
            (Directory::Exif, 0xa005) => waiting.push((Directory::Interoperability, pointed)),
            _ => {}
        }
        if let Some(trace) = trace_of(directory, tag, tiff.is_blank(entry)) {
            exif.traces.insert(trace);
        }
    }
    if count > ENTRIES_LIMIT {
        return None;
    }
    if matches!(directory, Directory::Picture | Directory::Thumbnail) {
        let next = tiff.u32(at + 2 + 12 * count)?;
        if next != 0 {
            waiting.push((Directory::Thumbnail, next));
        }
    }
    Some(())
}

/// What a tag tells. A blank name or serial is what cameras write when nobody filled it in.
fn trace_of(directory: Directory, tag: u16, blank: bool) -> Option<Trace> {
    if directory == Directory::Gps {
        // The version alone (tag 0) says nothing about a place.
        return (tag != 0).then_some(Trace::ExifGps);
    }
    match tag {
        0xa431 | 0xa435 | 0xc62f | 0xa420 => Some(Trace::ExifSerial).filter(|_| !blank),
        0x013b | 0x8298 | 0xa430 | 0x9c9d | 0x013c => Some(Trace::ExifName).filter(|_| !blank),
        0x927c => Some(Trace::ExifMakerNote),
        0x83bb | 0x8649 => Some(Trace::Iptc),
        0x02bc => Some(Trace::Xmp),
        _ => None,
    }
    .or(Some(Trace::ExifOther))
}

/// A TIFF block in its byte order.
struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Tiff<'a> {
    /// The block and where its first directory is.
    fn open(bytes: &'a [u8]) -> Option<(Self, u32)> {
        let big_endian = match bytes.first_chunk::<4>()? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        let tiff = Self { bytes, big_endian };
        let first = tiff.u32(4)?;
        Some((tiff, first))
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// Whether the value of the entry at `entry` is only spaces and NULs. One that is not in the
    /// block is not blank: what cannot be seen is taken for something.
    fn is_blank(&self, entry: usize) -> bool {
        let value = || {
            let width = match self.u16(entry + 2)? {
                1 | 2 | 6 | 7 | 129 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                _ => 8,
            };
            let len = (self.u32(entry + 4)? as usize).checked_mul(width)?;
            let at = if len <= 4 { entry + 8 } else { self.u32(entry + 8)? as usize };
            self.bytes.get(at..at.checked_add(len)?)
        };
        value().is_some_and(|value| value.iter().all(|&b| b == 0 || b == b' '))
    }
}
