//! MP3 (ISO/IEC 11172-3 layer III): audio frames, one after the other to the end. Whatever stands
//! before, between or behind them is no sound: ID3v2, ID3v1, APE and Lyrics3 tags by name, leftovers
//! as trailing data. Frames are copied byte for byte.

use std::io::{Cursor, Read, Seek};
use std::ops::Range;

use super::plan::Plan;
use super::source::Source;
use super::{HygieneError, Trace, c2pa};

/// Walks the frames and tags.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let end = cut_tail(source, source.size_bytes(), &mut plan)?;
    let (mut at, mut sound, mut stray) = (0, 0_u64, 0_u64);
    let mut like: Option<Frame> = None;
    while at < end {
        if let Some((len, trace)) = tag_at(source, at)? {
            if at + len > end {
                return Err(HygieneError::Damaged { what: "MP3 with a tag that does not fit" });
            }
            if trace == Trace::Id3 {
                inspect_id3(source, at..at + len, &mut plan)?;
            }
            plan.cut(at..at + len, trace)?;
            at += len;
            continue;
        }
        let frame = Frame::at(source, at, end)?.filter(|frame| match &like {
            Some(first) => frame.is_like(first),
            None => true,
        });
        match frame {
            Some(frame) if like.is_some() || is_run(source, at, &frame, end)? => {
                let len = u64::from(frame.len_bytes).min(end - at);
                (at, sound) = (at + len, sound + len);
                like = Some(frame);
            }
            _ => {
                let next = next_run(source, at + 1, end, like.as_ref())?;
                stray += next - at;
                plan.cut(at..next, Trace::TrailingData)?;
                at = next;
            }
        }
    }
    // More leftovers than sound: frames of free format, or not MP3 at all.
    if sound == 0 {
        return Ok(Plan::not_this_type());
    }
    if stray > sound || hides_a_tag(source, &plan)? {
        return Ok(Plan::unreadable());
    }
    Ok(plan)
}

/// Whether what is kept ends in a tag that only shows once the rest is cut: then the frames are not
/// what they seem.
pub(super) fn hides_a_tag<R: Read + Seek>(
    source: &mut Source<'_, R>,
    plan: &Plan,
) -> Result<bool, HygieneError> {
    let mut cuts: Vec<Range<u64>> = plan.edits.iter().map(|edit| edit.range.clone()).collect();
    cuts.sort_by_key(|cut| cut.start);
    let (mut end, mut room) = (source.size_bytes(), LYRICS_LIMIT);
    let mut pieces = Vec::new();
    for cut in cuts.into_iter().rev().chain(std::iter::once(0..0)) {
        let from = cut.end.max(end.saturating_sub(room)).min(end);
        pieces.push(source.read(from..end, LYRICS_LIMIT)?);
        room -= end - from;
        end = cut.start.min(end);
        if room == 0 {
            break;
        }
    }
    pieces.reverse();
    let tail = pieces.concat();
    let len = tail.len() as u64;
    Ok(tag_before(&mut Source::new(&mut Cursor::new(tail), len), len)?.is_some())
}

/// How far from the end Lyrics3 may begin, in bytes; all other tags say so nearer to it.
const LYRICS_LIMIT: u64 = 5100 + 20;

/// One frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    version: u8,
    sample_rate_hz: u32,
    /// Of the whole frame, header included.
    pub(super) len_bytes: u32,
}

impl Frame {
    /// Reads a layer III header. Free format, which does not say its length, is none.
    pub(super) fn parse(header: &[u8; 4]) -> Option<Self> {
        const KBPS_1: [u32; 14] = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const KBPS_2: [u32; 14] = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let [0xff, second, third, _] = *header else { return None };
        let version = (second >> 3) & 3;
        if second & 0xe6 != 0xe2 || version == 1 {
            return None;
        }
        let rate = [44_100, 48_000, 32_000].get(usize::from((third >> 2) & 3)).copied()?;
        let kbps = if version == 3 { KBPS_1 } else { KBPS_2 };
        let kbps = kbps.get(usize::from(third >> 4).checked_sub(1)?).copied()?;
        let (sample_rate_hz, factor) = match version {
            3 => (rate, 144_000),
            2 => (rate / 2, 72_000),
            _ => (rate / 4, 72_000),
        };
        let len_bytes = factor * kbps / sample_rate_hz + u32::from((third >> 1) & 1);
        Some(Self { version, sample_rate_hz, len_bytes })
    }

    /// Whether both can be of one stream.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.version, self.sample_rate_hz) == (other.version, other.sample_rate_hz)
    }

    /// The header at `at`, if it is wholly before `end`.
    fn at<R: Read + Seek>(
        source: &mut Source<'_, R>,
        at: u64,
        end: u64,
    ) -> Result<Option<Self>, HygieneError> {
        let header = source.array(at)?.filter(|_| at + 4 <= end);
        Ok(header.and_then(|header| Self::parse(&header)))
    }
}

/// Whether what follows a frame confirms it: another frame, a tag or the end.
fn is_run<R: Read + Seek>(
    source: &mut Source<'_, R>,
    at: u64,
    frame: &Frame,
    end: u64,
) -> Result<bool, HygieneError> {
    let next = at + u64::from(frame.len_bytes);
    Ok(next == end
        || Frame::at(source, next, end)?.is_some_and(|next| next.is_like(frame))
        || (next < end && tag_at(source, next)?.is_some()))
}

/// How far behind its tags the first frame of an MP3 may be, in bytes.
const FIRST_FRAME_WITHIN: u64 = 1 << 20;

/// The next place where frames or a tag begin, or the end.
fn next_run<R: Read + Seek>(
    source: &mut Source<'_, R>,
    from: u64,
    end: u64,
    like: Option<&Frame>,
) -> Result<u64, HygieneError> {
    let until = if like.is_none() { end.min(from + FIRST_FRAME_WITHIN) } else { end };
    for at in from..until {
        let Some(first) = source.array::<4>(at)? else { break };
        if let Some(frame) = Frame::at(source, at, end)?
            && like.is_none_or(|like| frame.is_like(like))
            && is_run(source, at, &frame, end)?
        {
            return Ok(at);
        }
        if matches!(&first, b"APET" | [b'I', b'D', b'3', _])
            && tag_at(source, at)?.is_some_and(|(len, _)| at + len <= end)
        {
            return Ok(at);
        }
    }
    Ok(end)
}

/// The length of the tag that begins here: ID3v2 (id3.org, 2.2 to 2.4) or APE.
fn tag_at<R: Read + Seek>(
    source: &mut Source<'_, R>,
    at: u64,
) -> Result<Option<(u64, Trace)>, HygieneError> {
    let Some(head): Option<[u8; 10]> = source.array(at)? else { return Ok(None) };
    if head.starts_with(b"ID3") && head[3] < 0xff && head[4] < 0xff {
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        return Ok(syncsafe(&head[6..]).map(|len| (10 + len + footer, Trace::Id3)));
    }
    if head.starts_with(b"APETAGEX")
        && let Some(head) = source.array::<32>(at)?
    {
        let len = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
        return Ok(Some((32 + u64::from(len), Trace::Ape)));
    }
    Ok(None)
}

/// Takes tags off the end, as many as there are; the new end.
pub(super) fn cut_tail<R: Read + Seek>(
    source: &mut Source<'_, R>,
    mut end: u64,
    plan: &mut Plan,
) -> Result<u64, HygieneError> {
    while let Some((len, trace)) = tag_before(source, end)?.filter(|(len, _)| *len <= end) {
        let tag = end - len..end;
        if trace == Trace::Id3 {
            inspect_id3(source, tag.clone(), plan)?;
        }
        end = tag.start;
        plan.cut(tag, trace)?;
    }
    Ok(end)
}

/// The length of the tag that ends here: ID3v1 with its "TAG+" extension, ID3v2 with a footer, APE,
/// Lyrics3.
fn tag_before<R: Read + Seek>(
    source: &mut Source<'_, R>,
    end: u64,
) -> Result<Option<(u64, Trace)>, HygieneError> {
    const ID3V1: u64 = 128;
    const EXTENSION: u64 = 227;
    let starts =
        |source: &mut Source<'_, R>, before: u64, magic: &[u8; 3]| match end.checked_sub(before) {
            Some(at) => source.array(at).map(|found| found == Some(*magic)),
            None => Ok(false),
        };
    if starts(source, ID3V1, b"TAG")? {
        let extended = starts(source, ID3V1 + EXTENSION, b"TAG")?;
        return Ok(Some((ID3V1 + if extended { EXTENSION } else { 0 }, Trace::Id3)));
    }
    let Some(tail) = end.checked_sub(32) else { return Ok(None) };
    let Some(tail): Option<[u8; 32]> = source.array(tail)? else { return Ok(None) };
    if tail.starts_with(b"APETAGEX") {
        let len = u64::from(u32::from_le_bytes([tail[12], tail[13], tail[14], tail[15]]));
        let header = if tail[23] & 0x80 != 0 { 32 } else { 0 };
        return Ok((len >= 32).then_some((len + header, Trace::Ape)));
    }
    if tail[22..].starts_with(b"3DI") {
        return Ok(syncsafe(&tail[28..]).map(|len| (len + 20, Trace::Id3)));
    }
    if tail.ends_with(b"LYRICS200") {
        let digits = std::str::from_utf8(&tail[17..23]).ok().and_then(|d| d.parse::<u64>().ok());
        return Ok(digits.map(|len| (len + 15, Trace::Id3)));
    }
    if tail.ends_with(b"LYRICSEND") {
        let start = end.saturating_sub(LYRICS_LIMIT);
        let text = source.read(start..end, LYRICS_LIMIT)?;
        let begin = text.windows(11).rposition(|w| w == b"LYRICSBEGIN");
        return Ok(begin.map(|begin| (text.len() as u64 - begin as u64, Trace::Id3)));
    }
    Ok(None)
}

/// Looks into an ID3 tag for pictures, and for a C2PA manifest, which covers the whole file.
pub(super) fn inspect_id3<R: Read + Seek>(
    source: &mut Source<'_, R>,
    tag: Range<u64>,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    if source.contains(tag.clone(), &[b"APIC", b"image/", b"PIC\0"])? {
        plan.takes.insert(Trace::Id3Picture);
    }
    let manifest: [&[u8]; 3] = [b"c2pa-manifest-store", b"application/c2pa", &c2pa::JUMBF_TYPE];
    if source.contains(tag.clone(), &manifest)? {
        c2pa::found_at(source, tag, plan)?;
    }
    Ok(())
}

/// Four bytes of seven bits.
fn syncsafe(bytes: &[u8]) -> Option<u64> {
    let bytes: &[u8; 4] = bytes.first_chunk()?;
    let low = bytes.iter().all(|b| b & 0x80 == 0);
    low.then(|| bytes.iter().fold(0, |len, &b| len << 7 | u64::from(b)))
}
