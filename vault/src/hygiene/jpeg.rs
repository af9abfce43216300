//! JPEG (ITU-T T.81, JFIF, EXIF): segments up to the end of the image, kept when a decoder needs
//! them, dropped otherwise. Scans are copied byte for byte.
//!
//! Kept: frame, tables, scans, restart interval; `APP0` JFIF without its thumbnail; `APP2` ICC
//! profiles; `APP14` Adobe, which says how colours are coded; the orientation, in an EXIF segment of
//! its own. What follows the end of the image goes, and with it the further pictures of MPF and the
//! films of "motion photos".

use std::ops::Range;

use super::plan::{Plan, Verdict, With};
use super::{HygieneError, Trace, exif, search, xmp};

/// C2PA superbox type, as JUMBF writes it (C2PA 2.1, section 11.1.4.2).
pub(super) const C2PA_JUMBF: [u8; 16] = *b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71";

const EXIF: &[u8] = b"Exif\0\0";
const ADOBE_LEN: usize = 12;

/// Reads the segments of a JPEG, from its first marker to its last byte.
pub(super) fn plan(data: &[u8]) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let mut kept_orientation = false;
    let (mut frames, mut scans) = (0_u32, 0_u32);
    let mut at = 2; // the start of image, by which the type was told
    loop {
        let Segment { marker, whole, payload } = Segment::read(data, at)?;
        at = whole.end;
        match marker {
            0xd9 => break,
            0xda => {
                scans += 1;
                at = end_of_scan(data, at)?;
            }
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => frames += 1,
            0xe0..=0xef | 0xfe => {
                application(data, marker, &whole, payload, &mut plan, &mut kept_orientation)?;
            }
            _ => {}
        }
    }
    if frames == 0 || scans == 0 {
        return Err(damaged("JPEG without a picture in it"));
    }
    if at < data.len() {
        plan.cut(span(at..data.len()), Trace::TrailingData)?;
    }
    Ok(plan)
}

/// Decides about an application segment or a comment.
fn application(
    data: &[u8],
    marker: u8,
    whole: &Range<usize>,
    payload: Range<usize>,
    plan: &mut Plan,
    kept_orientation: &mut bool,
) -> Result<(), HygieneError> {
    let body = &data[payload.clone()];
    let whole = span(whole.clone());
    if body.iter().all(|&b| b == 0) {
        return Ok(()); // blanked in place before, as pictures inside a PDF are
    }
    match marker {
        0xe0 if body.starts_with(b"JFIF\0") => trim_jfif(whole, body, plan),
        0xe0 if body.starts_with(b"JFXX\0") => plan.cut(whole, Trace::JpegThumbnail),
        0xe1 if body.starts_with(EXIF) => {
            let found = exif::inspect(&body[EXIF.len()..]);
            let orientation = found.orientation.filter(|_| !*kept_orientation);
            let Some(orientation) = orientation else {
                plan.takes.extend(found.traces);
                return plan.cut(whole, Trace::ExifOther);
            };
            *kept_orientation = true;
            let upright = exif::orientation_only(orientation);
            if body[EXIF.len()..] == upright {
                return Ok(());
            }
            plan.takes.extend(found.traces);
            plan.takes.insert(Trace::ExifOther);
            plan.replace(whole, exif_segment(&upright))
        }
        0xe1 if body.starts_with(b"http://ns.adobe.com/x") => {
            xmp::inspect(body, &mut plan.takes);
            plan.cut(whole, Trace::Xmp)
        }
        0xe2 if body.starts_with(b"ICC_PROFILE\0") => Ok(()),
        0xe2 if body.starts_with(b"MPF\0") => plan.cut(whole, Trace::Mpf),
        0xeb if search::find(body, &C2PA_JUMBF, 0).is_some() => {
            plan.signed(Trace::C2pa);
            Ok(())
        }
        0xed if body.starts_with(b"Photoshop ") => plan.cut(whole, Trace::Iptc),
        0xee if body.starts_with(b"Adobe") && body.len() >= ADOBE_LEN => {
            if body.len() > ADOBE_LEN {
                let end = whole.end;
                plan.takes.insert(Trace::JpegSegment);
                let mut segment = vec![0xff, 0xee, 0, ADOBE_LEN as u8 + 2];
                segment.extend_from_slice(&body[..ADOBE_LEN]);
                return plan.replace(whole.start..end, segment);
            }
            Ok(())
        }
        0xfe => plan.cut(whole, Trace::JpegComment),
        _ => plan.cut(whole, Trace::JpegSegment),
    }
}

/// Keeps a JFIF segment's version and density; the thumbnail behind them goes.
fn trim_jfif(whole: Range<u64>, body: &[u8], plan: &mut Plan) -> Result<(), HygieneError> {
    const LEN: usize = 14;
    match body.len() {
        LEN if body[12..] == [0, 0] => Ok(()),
        LEN.. => {
            plan.takes.insert(Trace::JpegThumbnail);
            let mut segment = vec![0xff, 0xe0, 0, LEN as u8 + 2];
            segment.extend_from_slice(&body[..12]);
            segment.extend_from_slice(&[0, 0]);
            plan.replace(whole, segment)
        }
        _ => Err(damaged("JPEG with a JFIF segment that is too short")),
    }
}

/// Blanks in place what [`plan`] would take out of a JPEG that may not move, `start` bytes into its
/// file: segments keep their marker and length. Not for a signed or damaged picture.
pub(super) fn blank(data: &[u8], start: u64, into: &mut Plan) -> Result<(), HygieneError> {
    let Ok(found) = plan(data) else { return Ok(()) };
    if found.verdict != Verdict::Readable {
        into.leaves.extend(found.takes);
        into.leaves.extend(found.leaves);
        return Ok(());
    }
    let trailing = found.takes.contains(&Trace::TrailingData);
    for edit in &found.edits {
        let (mut from, to) = (edit.range.start as usize, edit.range.end as usize);
        if trailing && to == data.len() {
            // Between the picture and the word `endstream` there may be the end of a line.
            if data[from..].iter().all(|b| *b == 0 || b.is_ascii_whitespace()) {
                continue;
            }
            into.takes.insert(Trace::TrailingData);
        } else {
            from += data[from..to].iter().take_while(|&&b| b == 0xff).count() + 3;
        }
        into.edit(start + from as u64..start + to as u64, With::Fill(0))?;
    }
    into.takes.extend(found.takes.into_iter().filter(|&trace| trace != Trace::TrailingData));
    Ok(())
}

fn exif_segment(tiff: &[u8]) -> Vec<u8> {
    let len = 2 + EXIF.len() + tiff.len();
    let mut segment = vec![0xff, 0xe1, 0, len as u8];
    segment.extend_from_slice(EXIF);
    segment.extend_from_slice(tiff);
    segment
}

/// One marker, from its first fill byte, with what belongs to it.
struct Segment {
    marker: u8,
    whole: Range<usize>,
    payload: Range<usize>,
}

impl Segment {
    fn read(data: &[u8], start: usize) -> Result<Self, HygieneError> {
        const CUT: HygieneError = damaged("JPEG that ends before its picture does");
        if *data.get(start).ok_or(CUT)? != 0xff {
            return Err(damaged("JPEG with bytes between its segments"));
        }
        let mut at = start;
        while *data.get(at).ok_or(CUT)? == 0xff {
            at += 1;
        }
        let marker = data[at];
        at += 1;
        if matches!(marker, 0x01 | 0xd0..=0xd7 | 0xd9) {
            return Ok(Self { marker, whole: start..at, payload: at..at });
        }
        if matches!(marker, 0x00 | 0xd8) {
            return Err(damaged("JPEG with a marker where none may be"));
        }
        let length = data.get(at..).and_then(|rest| rest.first_chunk()).ok_or(CUT)?;
        let end = at + usize::from(u16::from_be_bytes(*length));
        if end < at + 2 || end > data.len() {
            return Err(damaged("JPEG with a segment that does not fit"));
        }
        Ok(Self { marker, whole: start..end, payload: at + 2..end })
    }
}

/// The first marker after a scan that is not part of it.
fn end_of_scan(data: &[u8], mut at: usize) -> Result<usize, HygieneError> {
    loop {
        at = search::find(data, &[0xff], at)
            .ok_or(damaged("JPEG that ends before its picture does"))?;
        match data.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            _ => return Ok(at),
        }
    }
}

fn span(range: Range<usize>) -> Range<u64> {
    range.start as u64..range.end as u64
}

const fn damaged(what: &'static str) -> HygieneError {
    HygieneError::Damaged { what }
}
