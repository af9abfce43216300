//! WebP (RFC 9649): picture, animation and the numbers of the colour profile are kept; EXIF, XMP and unknown chunks are
//! dropped and the feature flags follow. The orientation stays, in the smallest EXIF chunk.

use std::io::{Read, Seek};

use super::plan::Plan;
use super::riff::{self, Chunk, Riff};
use super::source::Source;
use super::{DOCUMENT_LIMIT_BYTES, HygieneError, Trace, c2pa, exif, icc, xmp};

const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// Reads the chunks of a WebP file.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let size_bytes = source.size_bytes();
    if size_bytes > DOCUMENT_LIMIT_BYTES {
        return Err(HygieneError::TooLarge { size_bytes, limit_bytes: DOCUMENT_LIMIT_BYTES });
    }
    let mut plan = Plan::default();
    let riff = Riff::read(source)?;
    let (mut picture, mut kept_orientation, mut features) = (false, false, None);
    for chunk in &riff.chunks {
        match &chunk.kind {
            b"VP8 " | b"VP8L" => picture = true,
            b"ANMF" => {
                picture = true;
                frame(source, chunk, &mut plan)?;
            }
            b"ALPH" | b"ANIM" => {}
            b"ICCP" => {
                let profile = source.read(chunk.body.clone(), DOCUMENT_LIMIT_BYTES)?;
                match icc::without_texts(&profile) {
                    Some(clean) if clean == profile => {}
                    Some(clean) => {
                        plan.takes.insert(Trace::ColourProfile);
                        plan.replace(chunk.body.clone(), clean)?;
                    }
                    None => drop(plan.leaves.insert(Trace::ColourProfile)),
                }
            }
            b"VP8X" => {
                let flags: Option<[u8; 1]> = source.array(chunk.body.start)?;
                features = flags.map(|[flags]| (chunk.body.start, flags));
            }
            b"C2PA" => c2pa::found_at(source, chunk.body.clone(), &mut plan)?,
            b"EXIF" => {
                let body = source.read(chunk.body.clone(), DOCUMENT_LIMIT_BYTES)?;
                let found = exif::inspect(body.strip_prefix(b"Exif\0\0").unwrap_or(&body));
                let may_keep = features.is_some() && !kept_orientation;
                let upright = found.orientation.filter(|_| may_keep).map(exif::orientation_only);
                kept_orientation |= upright.is_some();
                if upright.is_some_and(|upright| body == upright) {
                    continue;
                }
                plan.takes.extend(found.traces);
                plan.takes.insert(Trace::ExifOther);
                let kept = upright.map(|tiff| exif_chunk(&tiff)).unwrap_or_default();
                plan.replace(chunk.whole.clone(), kept)?;
            }
            b"XMP " => {
                xmp::inspect(
                    &source.read(chunk.body.clone(), DOCUMENT_LIMIT_BYTES)?,
                    &mut plan.takes,
                );
                plan.cut(chunk.whole.clone(), Trace::Xmp)?;
            }
            _ => plan.cut(chunk.whole.clone(), Trace::RiffChunk)?,
        }
    }
    if !picture {
        return Err(HygieneError::Damaged { what: "WebP without a picture in it" });
    }
    riff.close(size_bytes, &mut plan)?;
    if let Some((at, flags)) = features.filter(|_| !plan.takes.is_empty()) {
        let exif = if kept_orientation { HAS_EXIF } else { 0 };
        plan.replace(at..at + 1, [flags & !(HAS_EXIF | HAS_XMP) | exif])?;
    }
    Ok(plan)
}

/// One frame of an animation, which has chunks of its own behind 16 bytes about its place.
fn frame<R: Read + Seek>(
    source: &mut Source<'_, R>,
    frame: &Chunk,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    const PLACE: u64 = 16;
    let mut kept = PLACE;
    for chunk in riff::chunks(source, frame.body.start + PLACE..frame.body.end)? {
        if matches!(&chunk.kind, b"ALPH" | b"VP8 " | b"VP8L") {
            kept += chunk.whole.end - chunk.whole.start;
            continue;
        }
        let body = source.read(chunk.body.clone(), DOCUMENT_LIMIT_BYTES)?;
        let trace = match &chunk.kind {
            b"EXIF" => {
                plan.takes
                    .extend(exif::inspect(body.strip_prefix(b"Exif\0\0").unwrap_or(&body)).traces);
                Trace::ExifOther
            }
            b"XMP " => {
                xmp::inspect(&body, &mut plan.takes);
                Trace::Xmp
            }
            _ => Trace::RiffChunk,
        };
        plan.cut(chunk.whole, trace)?;
    }
    if kept < frame.body.end - frame.body.start {
        let size = frame.whole.start + 4;
        plan.replace(size..size + 4, (kept as u32).to_le_bytes())?;
        if kept.is_multiple_of(2) && frame.whole.end > frame.body.end {
            plan.replace(frame.body.end..frame.whole.end, [])?;
        }
    }
    Ok(())
}

fn exif_chunk(tiff: &[u8]) -> Vec<u8> {
    let mut chunk = b"EXIF".to_vec();
    chunk.extend_from_slice(&(tiff.len() as u32).to_le_bytes());
    chunk.extend_from_slice(tiff);
    chunk
}
