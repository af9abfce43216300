//! PNG (W3C, third edition): chunks that change the picture are kept, all others dropped, and what
//! follows the end of the compressed picture. Checksums are checked; kept chunks are copied byte for
//! byte. A compressed colour profile with texts in it is kept and named.

use std::ops::Range;

use super::inflate::{self, Stop};
use super::plan::Plan;
use super::{HygieneError, Trace, c2pa, exif, icc, search, xmp};

const SIGNATURE_LEN: usize = 8;

/// Ancillary chunks that say how the picture looks, and the most bytes each can need.
const KEPT: [(&[u8; 4], usize); 14] = [
    (b"tRNS", 256),
    (b"cHRM", 32),
    (b"gAMA", 4),
    (b"sBIT", 4),
    (b"sRGB", 1),
    (b"cICP", 4),
    (b"mDCV", 24),
    (b"cLLI", 8),
    (b"bKGD", 6),
    (b"hIST", 512),
    (b"pHYs", 9),
    (b"acTL", 8),
    (b"fcTL", 26),
    (b"sTER", 1),
];
/// The largest colour profile that is looked into.
const PROFILE_LIMIT_BYTES: usize = 16 << 20;

/// Reads the chunks of a PNG, from its signature to its last byte.
pub(super) fn plan(data: &[u8]) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let mut at = SIGNATURE_LEN;
    let (mut first, mut kept_orientation) = (true, false);
    let (mut pixels, mut frames) = (Vec::new(), vec![Vec::<u8>::new()]);
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
            b"IEND" => {
                if !chunk.body.is_empty() {
                    plan.takes.insert(Trace::TrailingData);
                    plan.replace(whole, write(b"IEND", &[]))?;
                }
                break;
            }
            b"IDAT" => pixels.push(chunk),
            b"IHDR" | b"PLTE" => {}
            b"fdAT" => {
                // A sequence number, then what an IDAT holds.
                let body = chunk.body.get(4..).unwrap_or_default();
                if let Some(frame) = frames.last_mut() {
                    frame.extend_from_slice(body);
                }
            }
            kind if KEPT.iter().any(|&(kept, most)| kept == kind && chunk.body.len() <= most) => {
                if kind == b"fcTL" {
                    frames.push(Vec::new());
                }
            }
            b"iCCP" => profile(chunk.body, whole, &mut plan)?,
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
    if pixels.is_empty() {
        return Err(damaged("PNG without a picture in it"));
    }
    cut_behind_pixels(&pixels, &mut plan)?;
    for frame in frames {
        let end = inflate::end(&frame);
        if end == Err(Stop::Invalid) || end.is_ok_and(|end| end < frame.len()) {
            plan.leaves.insert(Trace::TrailingData); // the chunks are numbered
        }
    }
    if at < data.len() {
        plan.cut(at as u64..data.len() as u64, Trace::TrailingData)?;
    }
    Ok(plan)
}

/// Cuts what follows the end of the compressed picture inside its chunks.
fn cut_behind_pixels(chunks: &[Chunk<'_>], plan: &mut Plan) -> Result<(), HygieneError> {
    let stream = chunks.iter().map(|chunk| chunk.body).collect::<Vec<_>>().concat();
    let mut left = match inflate::end(&stream) {
        Ok(end) => end,
        Err(Stop::Cut | Stop::TooLong) => return Ok(()),
        Err(Stop::Invalid) => {
            plan.leaves.insert(Trace::TrailingData); // no decoder gets to the end of this
            return Ok(());
        }
    };
    for chunk in chunks {
        let here = chunk.body.len().min(left);
        left -= here;
        if here == chunk.body.len() {
            continue;
        }
        let whole = chunk.whole.start as u64..chunk.whole.end as u64;
        plan.takes.insert(Trace::TrailingData);
        let kept = if here > 0 { write(b"IDAT", &chunk.body[..here]) } else { Vec::new() };
        plan.replace(whole, kept)?;
    }
    Ok(())
}

/// A colour profile: its own name is one of many that mean nothing; it is compressed, so that its
/// texts cannot go without the rest.
fn profile(body: &[u8], whole: Range<u64>, plan: &mut Plan) -> Result<(), HygieneError> {
    const NAME: &[u8] = b"icc";
    let Some(end) = body.iter().position(|&byte| byte == 0) else {
        return plan.cut(whole, Trace::PngChunk);
    };
    let (name, rest) = body.split_at(end);
    let compressed = rest.get(2..).unwrap_or_default();
    let inflated = inflate::inflate(compressed, PROFILE_LIMIT_BYTES);
    let is_silent = inflated.is_ok_and(|profile| {
        icc::without_texts(&profile).is_some_and(|clean| clean == profile)
            && inflate::end(compressed) == Ok(compressed.len())
    });
    if !is_silent {
        plan.leaves.insert(Trace::ColourProfile);
    }
    if name.len() < NAME.len() || name == NAME {
        return Ok(());
    }
    plan.takes.insert(Trace::ColourProfile);
    plan.replace(whole, write(b"iCCP", &[NAME, rest].concat()))
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
