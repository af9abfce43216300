//! WAV (RIFF WAVE, EBU Tech 3285): format, samples, cue points and loops are kept; every other chunk
//! is dropped. Streamed: samples may be as long as RIFF allows.

use std::io::{Read, Seek};

use super::plan::Plan;
use super::riff::Riff;
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
            b"fmt " => format = true,
            b"data" => samples = true,
            b"fact" | b"cue " | b"plst" | b"smpl" | b"inst" => {}
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
