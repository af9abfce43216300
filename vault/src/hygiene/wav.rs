//! WAV (RIFF WAVE, EBU Tech 3285): format, samples, cue points and loops are kept; every other chunk
//! is dropped. Streamed: samples may be as long as RIFF allows.

use std::io::{Read, Seek};

use super::plan::Plan;
use super::riff::{Chunk, Riff};
use super::source::Source;
use super::{HygieneError, Trace, c2pa, mp3};

/// Reads the chunks of a WAV file.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let riff = Riff::read(source)?;
    let (mut format, mut samples) = (false, false);
    for chunk in &riff.chunks {
        let whole = chunk.whole.clone();
        match &chunk.kind {
            b"data" => samples = true,
            b"fmt " | b"fact" | b"cue " | b"plst" | b"smpl" | b"inst" => {
                format |= &chunk.kind == b"fmt ";
                blank_behind(source, chunk, &mut plan)?;
            }
            b"C2PA" => c2pa::found_at(source, chunk.body.clone(), &mut plan)?,
            b"LIST" => match source.array(chunk.body.start)? {
                // Samples and silences in a list: a form nobody writes any more.
                Some(list) if &list == b"wavl" => return Ok(Plan::unreadable()),
                _ => plan.cut(whole, Trace::RiffInfo)?,
            },
            b"bext" => plan.cut(whole, Trace::WavBext)?,
            b"iXML" => plan.cut(whole, Trace::WavIxml)?,
            b"id3 " | b"ID3 " => {
                mp3::inspect_id3(source, chunk.body.clone(), &mut plan)?;
                plan.cut(whole, Trace::Id3)?;
            }
            b"_PMX" => plan.cut(whole, Trace::Xmp)?,
            b"JUNK" | b"junk" | b"PAD " | b"FLLR" => {
                if !source.is_filled_with(chunk.body.clone(), 0)? {
                    plan.cut(whole, Trace::TrailingData)?;
                }
            }
            _ => plan.cut(whole, Trace::RiffChunk)?,
        }
    }
    if !format || !samples {
        return Err(HygieneError::Damaged { what: "WAV without sound in it" });
    }
    riff.close(source.size_bytes(), &mut plan)?;
    Ok(plan)
}

/// Blanks what stands in a chunk behind what its kind and its own counts say is in it.
fn blank_behind<R: Read + Seek>(
    source: &mut Source<'_, R>,
    chunk: &Chunk,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let body = chunk.body.clone();
    let mut counted = |at: u64, head: u64, each: u64| -> Result<u64, HygieneError> {
        let count = source.array(body.start + at)?.map_or(0, u32::from_le_bytes);
        Ok(head + each * u64::from(count))
    };
    let own = match &chunk.kind {
        // The size of the extension is two bytes, of which the older form has none.
        b"fmt " => 18 + (counted(16, 0, 1)? & 0xffff),
        b"cue " => counted(0, 4, 24)?,
        b"plst" => counted(0, 4, 12)?,
        b"smpl" => counted(28, 36, 24)?,
        b"inst" => 7,
        _ => 4,
    };
    let start = body.start + own;
    if start < body.end && !source.is_filled_with(start..body.end, 0)? {
        plan.fill(start..body.end, 0, Trace::RiffChunk)?;
    }
    Ok(())
}
