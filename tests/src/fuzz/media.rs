//! Metadata hygiene: whatever the file, what is kept is kept byte for byte, what is cleaned stays
//! clean, a picture stays upright, and the result is no longer than the file by more than a block
//! of orientation or an empty comment takes.
//!
//! PNG and Ogg carry checksums, which a mutation breaks: there the file is also taken with its
//! checksums made to fit, as whoever forges one would.

use std::io::Cursor;

use hallmark_vault::hygiene::{Cleaning, HygieneError, MediaType, Outcome, Policy, clean};

/// What the smallest EXIF segment and the empty Vorbis comment may add, in bytes.
const GROWTH_BYTES: usize = 16;

/// JPEG, whose orientation is in an EXIF segment.
pub fn jpeg(bytes: &[u8]) {
    cleaned(bytes, jpeg_orientation);
}

/// PNG, as it is and with its checksums made to fit.
pub fn png(bytes: &[u8]) {
    cleaned(bytes, png_orientation);
    let mut forged = bytes.to_vec();
    for chunk in png_chunks(bytes) {
        let crc = crc32fast::hash(&bytes[chunk.start + 4..chunk.end - 4]);
        forged[chunk.end - 4..chunk.end].copy_from_slice(&crc.to_be_bytes());
    }
    cleaned(&forged, png_orientation);
}

/// WebP.
pub fn webp(bytes: &[u8]) {
    cleaned(bytes, webp_orientation);
}

/// HEIC and AVIF. Nothing moves, so the result is never longer.
pub fn heif(bytes: &[u8]) {
    in_place(bytes);
}

/// MP4, M4A and QuickTime. Nothing moves.
pub fn mp4(bytes: &[u8]) {
    in_place(bytes);
}

/// PDF. Nothing moves.
pub fn pdf(bytes: &[u8]) {
    in_place(bytes);
}

/// MP3.
pub fn mp3(bytes: &[u8]) {
    cleaned(bytes, |_| None);
}

/// Ogg, as it is and with its checksums made to fit.
pub fn ogg(bytes: &[u8]) {
    cleaned(bytes, |_| None);
    let mut forged = bytes.to_vec();
    let mut at = 0;
    while let Some(len) = ogg_page_len(&forged[at..]) {
        let page = &mut forged[at..at + len];
        page[22..26].fill(0);
        let crc = ogg_crc(page);
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        at += len;
    }
    cleaned(&forged, |_| None);
}

/// FLAC.
pub fn flac(bytes: &[u8]) {
    cleaned(bytes, |_| None);
}

/// WAV.
pub fn wav(bytes: &[u8]) {
    cleaned(bytes, |_| None);
}

/// Plain text and everything that is told by its first bytes: what a text is taken for does not
/// change with how it is read.
pub fn media_type(bytes: &[u8]) {
    cleaned(bytes, |_| None);
    let sniffed = MediaType::sniff(bytes);
    assert!(hallmark_vault::hygiene::matches_magic(sniffed, bytes));
    if let Ok(mime) = std::str::from_utf8(bytes)
        && let Some(named) = MediaType::from_mime(mime)
    {
        assert_eq!(named.mime(), mime);
    }
}

fn in_place(bytes: &[u8]) {
    if let Some((cleaning, out)) = cleaned(bytes, |_| None) {
        assert!(out.len() <= bytes.len(), "{:?}: longer in place", cleaning.media_type);
    }
}

/// What holds for any file of any type. `orientation` reads it in a way of its own.
fn cleaned(
    bytes: &[u8],
    orientation: impl Fn(&[u8]) -> Option<u16>,
) -> Option<(Cleaning, Vec<u8>)> {
    let (kept, out) = apply(bytes, Policy::Keep).expect("content never fails what is kept");
    assert!(out == bytes, "kept, and changed");
    assert!(kept.removed.is_empty());

    let (cleaning, once) = apply(bytes, Policy::Remove).ok()?;
    assert_eq!(cleaning.media_type, kept.media_type);
    if cleaning.outcome != Outcome::Removed {
        assert!(once == bytes, "{:?}, and changed", cleaning.outcome);
        assert!(cleaning.removed.is_empty());
        return Some((cleaning, once));
    }
    assert!(!cleaning.removed.is_empty());
    assert!(once.len() <= bytes.len() + GROWTH_BYTES, "{} of {}", once.len(), bytes.len());
    assert_eq!(orientation(&once), orientation(bytes), "the picture is turned");
    let (again, twice) = apply(&once, Policy::Remove).expect("what was cleaned can be read");
    assert_ne!(again.outcome, Outcome::Removed, "removed again: {:?}", again.removed);
    assert!(twice == once);
    assert_eq!(again.media_type, cleaning.media_type);
    assert_eq!(again.reveals, cleaning.reveals, "what is left is named the same");
    Some((cleaning, once))
}

fn apply(bytes: &[u8], policy: Policy) -> Result<(Cleaning, Vec<u8>), HygieneError> {
    let mut out = Vec::new();
    let cleaning = clean(&mut Cursor::new(bytes), bytes.len() as u64, &mut out, policy)?;
    Ok((cleaning, out))
}

/// The orientation, 2 to 8, that the first EXIF segment with one gives.
fn jpeg_orientation(bytes: &[u8]) -> Option<u16> {
    let mut at = 2;
    loop {
        at += bytes.get(at..)?.iter().take_while(|&&byte| byte == 0xff).count();
        let marker = *bytes.get(at)?;
        at += 1;
        match marker {
            0xd9 => return None,
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let len = usize::from(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let body = bytes.get(at + 2..at + len)?;
        let tiff = body.strip_prefix(b"Exif\0\0").filter(|_| marker == 0xe1);
        if let Some(found) = tiff.and_then(tiff_orientation) {
            return Some(found);
        }
        at += len;
        if marker == 0xda {
            // to the next marker that is no part of the scan
            while !matches!(bytes.get(at..at + 2)?, [0xff, next] if !matches!(next, 0 | 0xd0..=0xd7 | 0xff))
            {
                at += 1;
            }
        }
    }
}

/// The same of a PNG.
fn png_orientation(bytes: &[u8]) -> Option<u16> {
    png_chunks(bytes)
        .filter(|chunk| bytes[chunk.start + 4..].starts_with(b"eXIf"))
        .find_map(|chunk| tiff_orientation(&bytes[chunk.start + 8..chunk.end - 4]))
}

/// The chunks of a PNG up to its end.
fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = Some(8);
    std::iter::from_fn(move || {
        let start = at?;
        let len = u32::from_be_bytes(*bytes.get(start..)?.first_chunk()?) as usize;
        let end = start.checked_add(len)?.checked_add(12).filter(|&end| end <= bytes.len())?;
        at = Some(end).filter(|_| !bytes[start + 4..].starts_with(b"IEND"));
        Some(start..end)
    })
}

/// The same of a WebP, which has EXIF only behind the features that announce it.
fn webp_orientation(bytes: &[u8]) -> Option<u16> {
    let (mut at, mut features) = (12, false);
    loop {
        let chunk = bytes.get(at..)?;
        let len = u32::from_le_bytes(*chunk.get(4..)?.first_chunk()?) as usize;
        let body = chunk.get(8..8_usize.checked_add(len)?)?;
        features |= chunk.starts_with(b"VP8X");
        if features && chunk.starts_with(b"EXIF") {
            let found = tiff_orientation(body.strip_prefix(b"Exif\0\0").unwrap_or(body));
            if found.is_some() {
                return found;
            }
        }
        at += 8 + len + len % 2;
    }
}

/// The first entry of the first directory that turns the picture.
fn tiff_orientation(tiff: &[u8]) -> Option<u16> {
    let big_endian = match tiff.first_chunk()? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let number = |at: usize, len: usize| -> Option<usize> {
        let bytes = tiff.get(at..at.checked_add(len)?)?;
        let sum = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        Some(if big_endian { bytes.iter().fold(0, sum) } else { bytes.iter().rev().fold(0, sum) })
    };
    let directory = number(4, 4)?;
    (0..number(directory, 2)?.min(1024))
        .map_while(|index| {
            let entry = directory + 2 + 12 * index;
            // an entry that is cut ends the directory
            number(entry + 8, 4)?;
            Some((number(entry, 2)?, number(entry + 8, 2)?))
        })
        .find(|(tag, value)| *tag == 0x0112 && (2..=8).contains(value))
        .map(|(_, value)| value as u16)
}

/// The length of the page that begins here, if it is whole.
fn ogg_page_len(bytes: &[u8]) -> Option<usize> {
    bytes.strip_prefix(b"OggS\0")?;
    let table = usize::from(*bytes.get(26)?);
    let body: usize = bytes.get(27..27 + table)?.iter().map(|&lacing| usize::from(lacing)).sum();
    Some(27 + table + body).filter(|&len| len <= bytes.len())
}

/// Bit by bit, unlike the code under test.
fn ogg_crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc: u32, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}
