//! Ogg (RFC 3533) with one Vorbis or Opus (RFC 7845) stream: the comment packet is replaced by an
//! empty one. Header pages are written anew; the pages of sound keep their packets and get new
//! sequence numbers and checksums when the count of header pages changed.
//!
//! Chained or multiplexed streams and other codecs are left unchecked, whole.

use std::io::{Read, Seek, Write};
use std::ops::Range;

use super::plan::{Plan, With};
use super::source::Source;
use super::{HygieneError, Trace};

/// Longer comments and code books than any real file has, in bytes.
const HEADERS_LIMIT_BYTES: usize = 64 << 20;

const CONTINUED: u8 = 1;
const BEGINS: u8 = 2;
const SEGMENTS_PER_PAGE: usize = 255;

/// Reads all pages of an Ogg file, checksums included.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let first = Page::read(source, 0)?.ok_or(damaged("Ogg without a page"))?;
    let first_packet = source.read(first.body.clone(), u64::MAX)?;
    let Some(codec) = Codec::of(&first_packet).filter(|_| first.flags & BEGINS != 0) else {
        return Ok(Plan::unreadable());
    };
    let Some(headers) = Headers::read(source, &first, codec)? else {
        return Ok(Plan::unreadable());
    };
    let Some(end) = end_of_sound(source, &first, headers.range.end)? else {
        return Ok(Plan::unreadable());
    };

    let mut plan = Plan::default();
    if end < source.size_bytes() {
        plan.cut(end..source.size_bytes(), Trace::TrailingData)?;
    }
    let Some(comment) = headers.packets.first() else { return Ok(Plan::unreadable()) };
    if !comment.starts_with(codec.comment_magic()) {
        return Err(damaged("Ogg whose second packet is not its comments"));
    }
    if comment == codec.empty_comment() {
        return Ok(plan);
    }
    plan.takes.insert(Trace::VorbisComment);
    let upper = comment.to_ascii_uppercase();
    if super::search::any(&upper, &[b"METADATA_BLOCK_PICTURE=", b"COVERART="]) {
        plan.takes.insert(Trace::VorbisPicture);
    }
    let mut packets = headers.packets;
    packets[0] = codec.empty_comment().to_vec();
    let (pages, count) = paginate(&packets, first.serial, first.sequence.wrapping_add(1));
    plan.replace(headers.range.clone(), pages)?;
    let shift = count.wrapping_sub(headers.pages);
    if shift != 0 {
        plan.edit(headers.range.end..end, With::RenumberedPages(shift))?;
    }
    Ok(plan)
}

/// Copies the pages in `range` with their sequence numbers moved by `shift`, modulo 2^32.
pub(super) fn renumber<R: Read + Seek>(
    source: &mut Source<'_, R>,
    range: Range<u64>,
    shift: u32,
    out: &mut impl Write,
) -> Result<(), HygieneError> {
    let mut at = range.start;
    while at < range.end {
        let page = Page::read(source, at)?.ok_or(damaged("Ogg with bytes between its pages"))?;
        let mut bytes = source.view(at, page.len())?.to_vec();
        bytes[18..22].copy_from_slice(&page.sequence.wrapping_add(shift).to_le_bytes());
        seal(&mut bytes);
        out.write_all(&bytes)?;
        at = page.body.end;
    }
    Ok(())
}

/// The two codecs whose comments are understood.
#[derive(Clone, Copy)]
enum Codec {
    Vorbis,
    Opus,
}

impl Codec {
    fn of(packet: &[u8]) -> Option<Self> {
        match packet {
            _ if packet.starts_with(b"\x01vorbis") => Some(Self::Vorbis),
            _ if packet.starts_with(b"OpusHead") => Some(Self::Opus),
            _ => None,
        }
    }

    /// Header packets after the first.
    fn header_packets(self) -> usize {
        match self {
            Self::Vorbis => 2,
            Self::Opus => 1,
        }
    }

    fn comment_magic(self) -> &'static [u8] {
        match self {
            Self::Vorbis => b"\x03vorbis",
            Self::Opus => b"OpusTags",
        }
    }

    /// No vendor, no comments; Vorbis ends with a framing bit.
    fn empty_comment(self) -> &'static [u8] {
        match self {
            Self::Vorbis => b"\x03vorbis\0\0\0\0\0\0\0\0\x01",
            Self::Opus => b"OpusTags\0\0\0\0\0\0\0\0",
        }
    }
}

/// The header packets after the first page, and the pages they fill.
struct Headers {
    packets: Vec<Vec<u8>>,
    range: Range<u64>,
    pages: u32,
}

impl Headers {
    /// `None` when the sound does not begin on a page of its own, as both codecs require.
    fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        first: &Page,
        codec: Codec,
    ) -> Result<Option<Self>, HygieneError> {
        let mut headers =
            Self { packets: Vec::new(), range: first.body.end..first.body.end, pages: 0 };
        let mut packet = Vec::new();
        let mut total = 0;
        while headers.packets.len() < codec.header_packets() {
            let page = Page::read(source, headers.range.end)?
                .ok_or(damaged("Ogg that ends before its sound"))?;
            let continues = page.flags & CONTINUED != 0;
            if page.serial != first.serial || continues == packet.is_empty() {
                return Ok(None);
            }
            let mut at = page.body.start;
            for (index, &lacing) in page.segments.iter().enumerate() {
                packet.extend_from_slice(source.view(at, usize::from(lacing))?);
                at += u64::from(lacing);
                total += usize::from(lacing);
                if lacing < 255 {
                    headers.packets.push(std::mem::take(&mut packet));
                    let last = headers.packets.len() == codec.header_packets();
                    if last && index + 1 != page.segments.len() {
                        return Ok(None);
                    }
                }
            }
            if total > HEADERS_LIMIT_BYTES {
                return Err(damaged("Ogg with far longer headers than any real file has"));
            }
            headers.range.end = page.body.end;
            headers.pages += 1;
        }
        Ok(Some(headers))
    }
}

/// Where the last page ends. `None` for chained or multiplexed streams.
fn end_of_sound<R: Read + Seek>(
    source: &mut Source<'_, R>,
    first: &Page,
    mut at: u64,
) -> Result<Option<u64>, HygieneError> {
    while at < source.size_bytes() {
        let Some(page) = Page::read(source, at)? else {
            if source.contains(at..source.size_bytes(), &[b"OggS"])? {
                return Err(damaged("Ogg with bytes between its pages"));
            }
            break;
        };
        if page.serial != first.serial || page.flags & BEGINS != 0 {
            return Ok(None);
        }
        at = page.body.end;
    }
    Ok(Some(at))
}

/// One page whose checksum is right.
struct Page {
    flags: u8,
    serial: u32,
    sequence: u32,
    segments: Vec<u8>,
    body: Range<u64>,
    start: u64,
}

impl Page {
    /// `None` where no page begins.
    fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        start: u64,
    ) -> Result<Option<Self>, HygieneError> {
        const CUT: HygieneError = damaged("Ogg that ends inside a page");
        if source.array(start)? != Some(*b"OggS\0") {
            return Ok(None);
        }
        let head: [u8; 27] = source.array(start)?.ok_or(CUT)?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let table = usize::from(head[26]);
        if start + 27 + table as u64 > source.size_bytes() {
            return Err(CUT);
        }
        let segments = source.view(start + 27, table)?.to_vec();
        let body_start = start + 27 + table as u64;
        let body_len: u64 = segments.iter().map(|&lacing| u64::from(lacing)).sum();
        let body = body_start..body_start + body_len;
        if body.end > source.size_bytes() {
            return Err(CUT);
        }
        let page =
            Self { flags: head[5], serial: word(14), sequence: word(18), segments, body, start };
        let bytes = source.view(start, page.len())?;
        let crc = checksum(&bytes[..22], 0);
        let crc = checksum(&bytes[26..], checksum(&[0; 4], crc));
        if crc != word(22) {
            return Err(damaged("Ogg with a page whose checksum is wrong"));
        }
        Ok(Some(page))
    }

    fn len(&self) -> usize {
        (self.body.end - self.start) as usize
    }
}

/// Lays packets out on pages, each as full as it can be; the last page ends with the last packet.
fn paginate(packets: &[Vec<u8>], serial: u32, first_sequence: u32) -> (Vec<u8>, u32) {
    let mut segments = Vec::new();
    for packet in packets {
        segments.extend(std::iter::repeat_n(255_u8, packet.len() / 255));
        segments.push((packet.len() % 255) as u8);
    }
    let data = packets.concat();
    let (mut out, mut at, mut count, mut continued) = (Vec::new(), 0, 0_u32, false);
    for table in segments.chunks(SEGMENTS_PER_PAGE) {
        // RFC 3533, section 6: -1 where no packet ends on the page.
        let granule = if table.iter().any(|&lacing| lacing < 255) { 0 } else { u64::MAX };
        let len: usize = table.iter().map(|&lacing| usize::from(lacing)).sum();
        let mut page = b"OggS\0".to_vec();
        page.push(if continued { CONTINUED } else { 0 });
        page.extend_from_slice(&granule.to_le_bytes());
        page.extend_from_slice(&serial.to_le_bytes());
        page.extend_from_slice(&first_sequence.wrapping_add(count).to_le_bytes());
        page.extend_from_slice(&[0; 4]);
        page.push(table.len() as u8);
        page.extend_from_slice(table);
        page.extend_from_slice(&data[at..at + len]);
        seal(&mut page);
        out.extend_from_slice(&page);
        continued = table.last() == Some(&255);
        at += len;
        count += 1;
    }
    (out, count)
}

/// Writes a page's checksum into it.
fn seal(page: &mut [u8]) {
    page[22..26].fill(0);
    let crc = checksum(page, 0);
    page[22..26].copy_from_slice(&crc.to_le_bytes());
}

/// CRC-32 with polynomial 0x04c11db7, unreflected, initial and final value 0.
fn checksum(bytes: &[u8], crc: u32) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = (index as u32) << 24;
            let mut bit = 0;
            while bit < 8 {
                value = (value << 1) ^ if value >> 31 == 1 { 0x04c1_1db7 } else { 0 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    bytes.iter().fold(crc, |crc, &byte| (crc << 8) ^ TABLE[((crc >> 24) as u8 ^ byte) as usize])
}

const fn damaged(what: &'static str) -> HygieneError {
    HygieneError::Damaged { what }
}
