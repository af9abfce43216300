//! FLAC (RFC 9639): stream information, seek table, empty padding and empty comments are kept; every
//! other metadata block is dropped. Frames are copied byte for byte.

use std::io::{Read, Seek};
use std::ops::Range;

use super::plan::Plan;
use super::source::Source;
use super::{HygieneError, Trace, mp3};

const LAST: u8 = 0x80;

/// Reads the metadata blocks, from the signature to the first frame, and tags at the end.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let mut last_kept = None;
    let mut at = 4;
    loop {
        let header: [u8; 4] =
            source.array(at)?.ok_or(damaged("FLAC that ends before its sound"))?;
        let len = u32::from_be_bytes([0, header[1], header[2], header[3]]);
        let body = at + 4..at + 4 + u64::from(len);
        if body.end > source.size_bytes() {
            return Err(damaged("FLAC with a metadata block that does not fit"));
        }
        let (kind, is_last) = (header[0] & !LAST, header[0] & LAST != 0);
        if (kind == 0) != (at == 4) || kind == 127 {
            return Err(damaged("FLAC whose stream information is not its first block"));
        }
        match judge(source, kind, &body, &mut plan)? {
            Some(trace) => plan.cut(at..body.end, trace)?,
            None => last_kept = Some((at, header[0])),
        }
        at = body.end;
        if is_last {
            break;
        }
    }
    if source.array(at)?.is_none_or(|sync: [u8; 2]| sync[0] != 0xff || sync[1] & 0xfc != 0xf8) {
        return Err(damaged("FLAC without a frame after its metadata"));
    }
    if let Some((place, flags)) = last_kept
        && flags & LAST == 0
    {
        plan.replace(place..place + 1, [flags | LAST])?;
    }
    mp3::cut_tail(source, source.size_bytes(), &mut plan)?;
    Ok(if mp3::hides_a_tag(source, &plan)? { Plan::unreadable() } else { plan })
}

/// What a block tells, or `None` when it stays.
fn judge<R: Read + Seek>(
    source: &mut Source<'_, R>,
    kind: u8,
    body: &Range<u64>,
    plan: &mut Plan,
) -> Result<Option<Trace>, HygieneError> {
    Ok(match kind {
        0 | 3 => None,
        1 if source.is_filled_with(body.clone(), 0)? => None,
        1 => Some(Trace::TrailingData),
        // No vendor, no comments.
        4 if source.array(body.start)? == Some([0; 8]) && body.end - body.start == 8 => None,
        4 => {
            let pictures: [&[u8]; 2] = [b"METADATA_BLOCK_PICTURE=", b"metadata_block_picture="];
            if source.contains(body.clone(), &pictures)? {
                plan.takes.insert(Trace::VorbisPicture);
            }
            Some(Trace::VorbisComment)
        }
        5 => Some(Trace::FlacCueSheet),
        6 => Some(Trace::VorbisPicture),
        _ => Some(Trace::FlacBlock),
    })
}

const fn damaged(what: &'static str) -> HygieneError {
    HygieneError::Damaged { what }
}
