//! JPEG (ITU-T T.81, JFIF, EXIF): segments up to the end of the image, kept when a decoder needs
//! them, dropped otherwise. Scans are copied byte for byte.
//!
//! Kept: frame, tables, scans, restart interval; `APP0` JFIF without its thumbnail; `APP2` ICC
//! profiles without their texts; `APP14` Adobe, which says how colours are coded; the orientation, in an EXIF segment of
//! its own. What follows the end of the image goes, and with it the further pictures of MPF and the
//! films of "motion photos".

use std::ops::Range;

use super::plan::{Plan, Verdict, With};
use super::{HygieneError, Trace, c2pa, exif, icc, search, xmp};

const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const ADOBE_LEN: usize = 12;

/// Reads the segments of a JPEG, from its first marker to its last byte.
pub(super) fn plan(data: &[u8]) -> Result<Plan, HygieneError> {
    let mut reader = Reader::default();
    let (mut frames, mut scans) = (0_u32, 0_u32);
    let mut at = 2; // the start of image, by which the type was told
    loop {
        let segment = Segment::read(data, at)?;
        if !fills_its_segment(segment.marker, &data[segment.payload.clone()]) {
            return Err(damaged("JPEG with bytes behind a table or a header"));
        }
        at = segment.whole.end;
        match segment.marker {
            0xd9 => break,
            0xda => {
                scans += 1;
                at = end_of_scan(data, at)?;
            }
            0xc0..=0xcf if !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc) => frames += 1,
            // Tables, restart interval, number of lines, hierarchical frames; markers alone.
            0xc4 | 0xcc | 0xdb..=0xdf | 0x01 | 0xd0..=0xd7 => {}
            _ => reader.application(&segment, &data[segment.payload.clone()])?,
        }
    }
    if frames == 0 || scans == 0 {
        return Err(damaged("JPEG without a picture in it"));
    }
    if at < data.len() {
        reader.plan.cut(span(at..data.len()), Trace::TrailingData)?;
    }
    reader.colours(data)?;
    reader.finish()
}

/// What the application segments and comments say so far.
#[derive(Default)]
struct Reader {
    plan: Plan,
    kept_orientation: bool,
    /// JUMBF boxes, which may be cut into several segments: where they are, and their bytes.
    box_segments: Vec<Range<u64>>,
    boxes: Vec<u8>,
    /// The segments of the colour profile: number, start, payload.
    profile: Vec<(u8, usize, Range<usize>)>,
}

impl Reader {
    fn application(&mut self, segment: &Segment, body: &[u8]) -> Result<(), HygieneError> {
        let whole = span(segment.whole.clone());
        let plan = &mut self.plan;
        if body.iter().all(|&b| b == 0) {
            return Ok(()); // blanked in place before, as pictures inside a PDF are
        }
        match segment.marker {
            0xe0 if body.starts_with(b"JFIF\0") => trim_jfif(whole, body, plan),
            0xe0 if body.starts_with(b"JFXX\0") => plan.cut(whole, Trace::JpegThumbnail),
            0xe1 if body.starts_with(EXIF) => self.exif(whole, &body[EXIF.len()..]),
            0xe1 if body.starts_with(b"http://ns.adobe.com/x") => {
                xmp::inspect(body, &mut plan.takes);
                plan.cut(whole, Trace::Xmp)
            }
            0xe2 if body.starts_with(ICC) && body.len() >= ICC.len() + 2 => {
                let number = body[ICC.len()];
                self.profile.push((number, segment.whole.start, segment.payload.clone()));
                Ok(())
            }
            0xe2 if body.starts_with(b"MPF\0") => plan.cut(whole, Trace::Mpf),
            0xeb if body.starts_with(b"JP") => {
                // Identifier, instance, sequence, then the box header, repeated in each segment.
                self.boxes.extend_from_slice(body.get(16..).unwrap_or_default());
                self.box_segments.push(whole);
                Ok(())
            }
            0xed if body.starts_with(b"Photoshop ") => plan.cut(whole, Trace::Iptc),
            0xee if body.starts_with(b"Adobe") && body.len() >= ADOBE_LEN => {
                if body.len() == ADOBE_LEN {
                    return Ok(());
                }
                plan.takes.insert(Trace::JpegSegment);
                plan.replace(whole, write(0xee, &[&body[..ADOBE_LEN]]))
            }
            0xfe => plan.cut(whole, Trace::JpegComment),
            _ => plan.cut(whole, Trace::JpegSegment),
        }
    }

    fn exif(&mut self, whole: Range<u64>, tiff: &[u8]) -> Result<(), HygieneError> {
        let found = exif::inspect(tiff);
        let orientation = found.orientation.filter(|_| !self.kept_orientation);
        let upright = orientation.map(exif::orientation_only);
        self.kept_orientation |= upright.is_some();
        if upright.is_some_and(|upright| upright == tiff) {
            return Ok(());
        }
        self.plan.takes.extend(found.traces);
        self.plan.takes.insert(Trace::ExifOther);
        let kept = upright.map(|tiff| write(0xe1, &[EXIF, &tiff])).unwrap_or_default();
        self.plan.replace(whole, kept)
    }

    /// Takes the texts out of the colour profile, which may be cut into several segments. They keep
    /// their lengths.
    fn colours(&mut self, data: &[u8]) -> Result<(), HygieneError> {
        const HEAD: usize = ICC.len() + 2; // number and count of segments
        self.profile.sort_by_key(|(number, ..)| *number);
        let pieces = || self.profile.iter().map(|(.., payload)| &data[payload.clone()][HEAD..]);
        let profile = pieces().collect::<Vec<_>>().concat();
        if profile.iter().all(|&byte| byte == 0) {
            return Ok(()); // none, or blanked before
        }
        let Some(clean) = icc::without_texts(&profile) else {
            self.plan.leaves.insert(Trace::ColourProfile);
            return Ok(());
        };
        let mut at = 0;
        for (_, start, payload) in &self.profile {
            let head = payload.start + HEAD;
            let piece = &clean[at..at + (payload.end - head)];
            at += piece.len();
            if data[head..payload.end] != *piece {
                self.plan.takes.insert(Trace::ColourProfile);
                let segment = [&data[*start..head], piece].concat();
                self.plan.replace(span(*start..payload.end), segment)?;
            }
        }
        Ok(())
    }

    /// Decides about the JUMBF boxes, now that they are whole.
    fn finish(mut self) -> Result<Plan, HygieneError> {
        if search::find(&self.boxes, &c2pa::JUMBF_TYPE, 0).is_some() {
            c2pa::found(&self.boxes, &mut self.plan);
        } else {
            for segment in self.box_segments {
                self.plan.cut(segment, Trace::JpegSegment)?;
            }
        }
        Ok(self.plan)
    }
}

/// Keeps a JFIF segment's version and density; the thumbnail behind them goes.
fn trim_jfif(whole: Range<u64>, body: &[u8], plan: &mut Plan) -> Result<(), HygieneError> {
    const LEN: usize = 14;
    match body.len() {
        LEN if body[12..] == [0, 0] => Ok(()),
        LEN.. => {
            plan.takes.insert(Trace::JpegThumbnail);
            plan.replace(whole, write(0xe0, &[&body[..12], &[0, 0]]))
        }
        _ => Err(damaged("JPEG with a JFIF segment that is too short")),
    }
}

/// A short segment.
fn write(marker: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut segment = vec![0xff, marker, 0, body.len() as u8 + 2];
    segment.extend_from_slice(&body);
    segment
}

/// Blanks in place what [`plan`] would take out of a JPEG that may not move, `start` bytes into its
/// file: segments keep their marker and length. A signed picture stays as it is; one that cannot be
/// followed is named.
pub(super) fn blank(data: &[u8], start: u64, into: &mut Plan) -> Result<(), HygieneError> {
    let Ok(found) = plan(data) else {
        into.leaves.insert(Trace::PdfPicture);
        return Ok(());
    };
    into.leaves.extend(found.leaves.iter().copied());
    if found.verdict != Verdict::Readable {
        into.leaves.extend(found.takes);
        return Ok(());
    }
    let trailing = found.takes.contains(&Trace::TrailingData);
    for edit in found.edits {
        let (mut from, to) = (edit.range.start as usize, edit.range.end as usize);
        if let With::Bytes(bytes) = &edit.with
            && bytes.len() == to - from
        {
            into.edit(start + from as u64..start + to as u64, edit.with)?;
            continue;
        }
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

/// Whether what a decoder reads of a segment (ITU-T T.81, annex B) is all there is in it.
fn fills_its_segment(marker: u8, payload: &[u8]) -> bool {
    let components = |at: usize| payload.get(at).map_or(0, |&count| usize::from(count));
    match marker {
        0xc4 => is_all_tables(payload, |table| {
            let counts = table.get(1..17)?;
            Some(17 + counts.iter().map(|&count| usize::from(count)).sum::<usize>())
        }),
        0xdb => is_all_tables(payload, |table| Some(if table[0] < 16 { 65 } else { 129 })),
        0xcc => payload.len().is_multiple_of(2),
        0xc8 => true, // goes
        0xc0..=0xcf | 0xde => payload.len() == 6 + 3 * components(5),
        0xda => payload.len() == 4 + 2 * components(0),
        0xdc | 0xdd => payload.len() == 2,
        0xdf => payload.len() == 1,
        _ => true,
    }
}

/// Whether tables, whose length `len_of` reads off their beginning, follow one another to the end.
fn is_all_tables(mut rest: &[u8], len_of: impl Fn(&[u8]) -> Option<usize>) -> bool {
    while !rest.is_empty() {
        let Some(after) = len_of(rest).and_then(|len| rest.get(len..)) else { return false };
        rest = after;
    }
    true
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
