//! PNG (W3C, third edition): chunks that change the picture are kept, all others dropped. Checksums
//! are checked; kept chunks are copied byte for byte.

use std::ops::Range;

use super::plan::Plan;
use super::{HygieneError, Trace, c2pa, exif, search, xmp};

const SIGNATURE_LEN: usize = 8;

/// Ancillary chunks that say how the picture looks.
const KEPT: [&[u8; 4]; 17] = [
    b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD",
    b"hIST", b"pHYs", b"sPLT", b"acTL", b"fcTL", b"fdAT", b"sTER",
];

/// Reads the chunks of a PNG, from its signature to its last byte.
pub(super) fn plan(data: &[u8]) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let mut at = SIGNATURE_LEN;
    let (mut first, mut pixels, mut kept_orientation) = (true, false, false);
    loop {
        let chunk = Chunk::read(data, at)?;
        at = chunk.whole.end;
        if first && &chunk.kind == b"CgBI" {
            return Ok(Plan::unreadable()); // Apple's own variant, not a PNG to others
        }
        if first != (&chunk.kind == b"IHDR") {
            return Err(damaged("PNG whose header is not its first chunk"));
        }
        first = false;
        let whole = chunk.whole.start as u64..chunk.whole.end as u64;
        match &chunk.kind {
            b"IEND" => break,
            b"IDAT" => pixels = true,
            b"IHDR" | b"PLTE" => {}
            kind if KEPT.contains(&kind) => {}
            b"caBX" => c2pa::found(chunk.body, &mut plan),
            b"tEXt" | b"zTXt" | b"iTXt" => text(chunk.body, whole, &mut plan)?,
            b"tIME" => plan.cut(whole, Trace::PngTime)?,
            b"eXIf" => {
                let found = exif::inspect(chunk.body);
                let upright =
                    found.orientation.filter(|_| !kept_orientation).map(exif::orientation_only);
                kept_orientation |= upright.is_some();
                if upright.is_some_and(|upright| upright == chunk.body) {
                    continue;
                }
                plan.takes.extend(found.traces);
                plan.takes.insert(Trace::ExifOther);
                plan.replace(whole, upright.map(|tiff| write(b"eXIf", &tiff)).unwrap_or_default())?;
            }
            kind if kind[0].is_ascii_lowercase() => plan.cut(whole, Trace::PngChunk)?,
            _ => return Ok(Plan::unreadable()), // critical and unknown: not ours to judge
        }
    }
    if !pixels {
        return Err(damaged("PNG without a picture in it"));
    }
    if at < data.len() {
        plan.cut(at as u64..data.len() as u64, Trace::TrailingData)?;
    }
    Ok(plan)
}

/// A text chunk; XMP and ImageMagick's "raw profiles" travel in them.
fn text(body: &[u8], whole: Range<u64>, plan: &mut Plan) -> Result<(), HygieneError> {
    if body.starts_with(b"XML:com.adobe.xmp\0") {
        xmp::inspect(body, &mut plan.takes);
        return plan.cut(whole, Trace::Xmp);
    }
    if body.starts_with(b"Raw profile type ") {
        let iptc = search::any(&body[..body.len().min(32)], &[b"iptc", b"8bim"]);
        plan.takes.insert(if iptc { Trace::Iptc } else { Trace::ExifOther });
    }
    plan.cut(whole, Trace::PngText)
}

/// One chunk whose checksum is right.
struct Chunk<'a> {
    kind: [u8; 4],
    whole: Range<usize>,
    body: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn read(data: &'a [u8], start: usize) -> Result<Self, HygieneError> {
        const CUT: HygieneError = damaged("PNG that ends before its last chunk");
        let rest = data.get(start..).ok_or(CUT)?;
        let len = u32::from_be_bytes(*rest.first_chunk().ok_or(CUT)?) as usize;
        let end = len.checked_add(12).filter(|&end| end <= rest.len()).ok_or(CUT)?;
        let (covered, crc) = rest[4..end].split_at(len + 4);
        if crc32fast::hash(covered).to_be_bytes() != crc {
            return Err(damaged("PNG with a chunk whose checksum is wrong"));
        }
        let kind = *covered.first_chunk().ok_or(CUT)?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(damaged("PNG with a chunk whose name is not one"));
        }
        Ok(Self { kind, whole: start..start + end, body: &covered[4..] })
    }
}

fn write(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = (body.len() as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(kind);
    chunk.extend_from_slice(body);
    let crc = crc32fast::hash(&chunk[4..]);
    chunk.extend_from_slice(&crc.to_be_bytes());
    chunk
}

const fn damaged(what: &'static str) -> HygieneError {
    HygieneError::Damaged { what }
}
