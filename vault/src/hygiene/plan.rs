//! What a reader wants done with a file: ranges to replace, and what they held.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;

use super::source::Source;
use super::{HygieneError, Trace, ogg};

/// More replaced ranges than any real file needs; a file that wants more is refused rather than
/// followed.
const EDITS_LIMIT: usize = 1 << 16;

/// The finding of one reader. Bytes outside the edits are copied as they are.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What to replace.
    pub(super) edits: Vec<Edit>,
    /// What the edits take out.
    pub(super) takes: BTreeSet<Trace>,
    /// What was found and cannot be taken out.
    pub(super) leaves: BTreeSet<Trace>,
    /// Whether the edits may be applied.
    pub(super) verdict: Verdict,
}

/// Whether a file may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Understood.
    #[default]
    Readable,
    /// Understood, and covered by a signature that a change would break.
    Signed,
    /// Of this type, in a form that is not understood.
    Unreadable,
    /// Only looks like this type.
    NotThisType,
}

/// One range of the source and what stands there in the result.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) range: Range<u64>,
    pub(super) with: With,
}

/// A replacement.
#[derive(Debug)]
pub(super) enum With {
    /// These bytes, of any length.
    Bytes(Vec<u8>),
    /// As many bytes of this value as there were.
    Fill(u8),
    /// The Ogg pages in the range, their sequence numbers moved by this much and checksums renewed.
    RenumberedPages(u32),
}

impl Plan {
    /// A file that is left alone because it is not understood.
    pub(super) fn unreadable() -> Self {
        Self { verdict: Verdict::Unreadable, ..Self::default() }
    }

    /// A file that turns out to be of another, unknown type.
    pub(super) fn not_this_type() -> Self {
        Self { verdict: Verdict::NotThisType, ..Self::default() }
    }

    /// Takes a range out.
    pub(super) fn cut(&mut self, range: Range<u64>, trace: Trace) -> Result<(), HygieneError> {
        self.takes.insert(trace);
        self.edit(range, With::Bytes(Vec::new()))
    }

    /// Overwrites a range in place.
    pub(super) fn fill(
        &mut self,
        range: Range<u64>,
        byte: u8,
        trace: Trace,
    ) -> Result<(), HygieneError> {
        self.takes.insert(trace);
        self.edit(range, With::Fill(byte))
    }

    /// Replaces a range by other bytes. Its trace is noted by the caller.
    pub(super) fn replace(
        &mut self,
        range: Range<u64>,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<(), HygieneError> {
        self.edit(range, With::Bytes(bytes.into()))
    }

    /// Adds an edit of any kind.
    pub(super) fn edit(&mut self, range: Range<u64>, with: With) -> Result<(), HygieneError> {
        if self.edits.len() >= EDITS_LIMIT {
            return Err(HygieneError::Damaged { what: "far more parts than any real file has" });
        }
        self.edits.push(Edit { range, with });
        Ok(())
    }

    /// Notes that a signature covers the file.
    pub(super) fn signed(&mut self, by: Trace) {
        self.verdict = Verdict::Signed;
        self.leaves.insert(by);
    }

    /// What a file in memory becomes, by edits in order that are no Ogg pages.
    pub(super) fn applied(&self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len());
        let mut at = 0;
        let place = |offset: u64| usize::try_from(offset).unwrap_or(data.len()).min(data.len());
        for Edit { range, with } in &self.edits {
            let (start, end) = (place(range.start), place(range.end));
            out.extend(data.get(at..start).unwrap_or_default());
            match with {
                With::Bytes(bytes) => out.extend(bytes),
                With::Fill(byte) => out.extend(std::iter::repeat_n(*byte, end - start)),
                With::RenumberedPages(_) => out.extend(&data[start..end]),
            }
            at = end;
        }
        out.extend(data.get(at..).unwrap_or_default());
        out
    }

    /// The same plan with its edits in order.
    ///
    /// # Errors
    /// [`HygieneError::Damaged`] when two edits overlap: two parts of the file claim the same bytes.
    pub(super) fn sorted(mut self) -> Result<Self, HygieneError> {
        self.edits.sort_by_key(|edit| edit.range.start);
        let overlap = self.edits.windows(2).any(|pair| pair[0].range.end > pair[1].range.start);
        if overlap && self.verdict == Verdict::Readable {
            return Err(HygieneError::Damaged {
                what: "two parts of the file claim the same bytes",
            });
        }
        Ok(self)
    }
}

/// Writes `source` to `out` with `edits`, which are in order and do not overlap.
pub(super) fn apply<R: Read + Seek>(
    source: &mut Source<'_, R>,
    edits: &[Edit],
    out: &mut impl Write,
) -> Result<(), HygieneError> {
    let mut at = 0;
    for Edit { range, with } in edits {
        copy(source, at..range.start, out)?;
        match with {
            With::Bytes(bytes) => out.write_all(bytes)?,
            With::Fill(byte) => {
                io::copy(&mut io::repeat(*byte).take(range.end - range.start), out)?;
            }
            With::RenumberedPages(shift) => ogg::renumber(source, range.clone(), *shift, out)?,
        }
        at = range.end;
    }
    copy(source, at..source.size_bytes(), out)
}

fn copy<R: Read + Seek>(
    source: &mut Source<'_, R>,
    range: Range<u64>,
    out: &mut impl Write,
) -> Result<(), HygieneError> {
    source.for_each(range, |bytes| out.write_all(bytes).map(|()| true))
}
