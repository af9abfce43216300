//! ISO base media file format (ISO/IEC 14496-12) and QuickTime: boxes, and how one is blanked so that
//! nothing behind it moves.

use std::io::{Read, Seek};
use std::ops::Range;

use super::plan::Plan;
use super::source::Source;
use super::{HygieneError, Trace};

/// User type of the box with an XMP packet (XMP specification, part 3).
pub(super) const XMP: [u8; 16] = [
    0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac,
];

/// One box.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: [u8; 4],
    pub(super) start: u64,
    /// What follows the size and the type.
    pub(super) body: Range<u64>,
}

impl Block {
    /// The box that begins at `start`, wholly before `end`. `None` where none can.
    pub(super) fn read<R: Read + Seek>(
        source: &mut Source<'_, R>,
        start: u64,
        end: u64,
    ) -> Result<Option<Self>, HygieneError> {
        let Some(head) = source.array::<8>(start)?.filter(|_| end - start >= 8) else {
            return Ok(None);
        };
        let size = u64::from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]));
        let kind = [head[4], head[5], head[6], head[7]];
        let (header, size) = match size {
            0 if end == source.size_bytes() => (8, end - start),
            1 => match source.array(start + 8)? {
                Some(long) => (16, u64::from_be_bytes(long)),
                None => return Ok(None),
            },
            size => (8, size),
        };
        let fits = size >= header && size <= end - start;
        Ok(fits.then(|| Self { kind, start, body: start + header..start + size }))
    }

    /// The boxes inside, from `skip` bytes into the body. What is left at the end must be zeros,
    /// as QuickTime ends some lists.
    pub(super) fn children<R: Read + Seek>(
        &self,
        source: &mut Source<'_, R>,
        skip: u64,
    ) -> Result<Vec<Self>, HygieneError> {
        const LIMIT: usize = 1 << 16;
        let mut children = Vec::new();
        let mut at = self.body.start + skip;
        while at < self.body.end {
            let Some(child) = Self::read(source, at, self.body.end)? else {
                if self.body.end - at < 8 && source.is_filled_with(at..self.body.end, 0)? {
                    break;
                }
                return Err(HygieneError::Damaged { what: "MP4 with a box that does not fit" });
            };
            at = child.body.end;
            children.push(child);
            if children.len() > LIMIT {
                return Err(HygieneError::Damaged {
                    what: "MP4 with far more boxes than any real file",
                });
            }
        }
        Ok(children)
    }

    /// The user type of a `uuid` box.
    pub(super) fn user_type<R: Read + Seek>(
        &self,
        source: &mut Source<'_, R>,
    ) -> Result<Option<[u8; 16]>, HygieneError> {
        if &self.kind != b"uuid" || self.body.end - self.body.start < 16 {
            return Ok(None);
        }
        source.array(self.body.start)
    }

    /// Turns the box into free space of the same size, filled with zeros.
    pub(super) fn blank(&self, plan: &mut Plan, trace: Trace) -> Result<(), HygieneError> {
        plan.replace(self.start + 4..self.start + 8, *b"free")?;
        plan.fill(self.body.clone(), 0, trace)
    }
}

/// Blanks free space that is not empty: editors leave there what they meant to delete.
pub(super) fn blank_leftovers<R: Read + Seek>(
    source: &mut Source<'_, R>,
    free: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    if !source.is_filled_with(free.body.clone(), 0)? {
        plan.fill(free.body.clone(), 0, Trace::TrailingData)?;
    }
    Ok(())
}
