//! RIFF (Microsoft and IBM, 1991): the chunks of WebP and WAV files.

use std::io::{Read, Seek};
use std::ops::Range;

use super::plan::{Plan, With};
use super::source::Source;
use super::{HygieneError, Trace};

/// More chunks than any real file has.
const CHUNKS_LIMIT: usize = 1 << 16;

/// The chunks of one RIFF form.
pub(super) struct Riff {
    pub(super) chunks: Vec<Chunk>,
    /// Where the form ends; anything after belongs to no part of it.
    end: u64,
}

/// One chunk.
pub(super) struct Chunk {
    pub(super) kind: [u8; 4],
    /// With its header and padding.
    pub(super) whole: Range<u64>,
    /// What its length covers.
    pub(super) body: Range<u64>,
}

impl Riff {
    /// Reads the chunk headers after the 12 bytes by which the type was told.
    pub(super) fn read<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Self, HygieneError> {
        let announced = u64::from(length(source, 4)?);
        // Some writers count the last padding byte and do not write it.
        let end = match (8 + announced).checked_sub(source.size_bytes()) {
            None | Some(0) => 8 + announced,
            Some(1) => source.size_bytes(),
            Some(_) => return Err(damaged("RIFF file that ends before its last chunk")),
        };
        Ok(Self { chunks: chunks(source, 12..end)?, end })
    }

    /// Drops what follows the form, and corrects its length for the edits so far.
    pub(super) fn close(&self, size_bytes: u64, plan: &mut Plan) -> Result<(), HygieneError> {
        let mut len = self.end - 8;
        for edit in &plan.edits {
            if let With::Bytes(bytes) = &edit.with {
                len = len - (edit.range.end - edit.range.start) + bytes.len() as u64;
            }
        }
        if len != self.end - 8 {
            let len = u32::try_from(len).map_err(|_| damaged("RIFF file that is too long"))?;
            plan.replace(4..8, len.to_le_bytes())?;
        }
        if self.end < size_bytes {
            plan.cut(self.end..size_bytes, Trace::TrailingData)?;
        }
        Ok(())
    }
}

/// The chunks that fill `range`, which begins at an even place.
pub(super) fn chunks<R: Read + Seek>(
    source: &mut Source<'_, R>,
    range: Range<u64>,
) -> Result<Vec<Chunk>, HygieneError> {
    let (mut at, end) = (range.start, range.end);
    let mut chunks = Vec::new();
    while at < end {
        if end - at < 8 || chunks.len() >= CHUNKS_LIMIT {
            return Err(damaged("RIFF file whose chunks do not add up"));
        }
        let body = at + 8..at + 8 + u64::from(length(source, at + 4)?);
        if body.end > end {
            return Err(damaged("RIFF file with a chunk that does not fit"));
        }
        let Some(kind) = source.array(at)? else {
            return Err(damaged("RIFF file that ends inside a chunk"));
        };
        let next = (body.end + body.end % 2).min(end);
        chunks.push(Chunk { kind, whole: at..next, body });
        at = next;
    }
    Ok(chunks)
}

fn length<R: Read + Seek>(source: &mut Source<'_, R>, at: u64) -> Result<u32, HygieneError> {
    let bytes = source.array(at)?.ok_or(damaged("RIFF file that ends inside a chunk"))?;
    Ok(u32::from_le_bytes(bytes))
}

const fn damaged(what: &'static str) -> HygieneError {
    HygieneError::Damaged { what }
}
