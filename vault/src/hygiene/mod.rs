//! Metadata hygiene: what a media file says besides what it shows is taken out before the file is
//! hashed into a provenance file, because afterwards nothing can be.
//!
//! In scope: location, device serials and personal names in JPEG, PNG, WebP, HEIC/AVIF, MP4/MOV,
//! MP3, Ogg, FLAC, WAV and PDF files. Pixels and samples are never re-encoded: they are copied byte
//! for byte. What was removed is listed by category, never by value.
//!
//! Decisions:
//! - **Type by content.** The first bytes decide, never a file name.
//! - **One plan per file.** A format's reader only looks: it answers with a plan of byte ranges
//!   to replace and the traces they held. One writer applies it. So "keep", "preserve" and "remove"
//!   see the same facts, and nothing is half cleaned: a reader that does not understand a file gives
//!   it back whole, as [`Outcome::Unchecked`].
//! - **Keep-lists, not block-lists.** In JPEG, PNG, WebP, WAV and FLAC a part that no decoder needs
//!   goes, known or not. In MP4, HEIC and PDF, where offsets must not move, it is overwritten in place.
//! - **Signed files stay whole.** A C2PA manifest or a PDF signature covers the bytes; removing
//!   anything would break it. The maker is told what such a file still reveals.
//!
//! Out of scope: what a picture, a voice or a text itself shows; times (they stay where a format
//! stores them apart from other metadata). What each format's reader does not look at stands in
//! `FORMAT.md`, section 5.4.

mod bmff;
mod c2pa;
mod exif;
mod flac;
mod glimpse;
mod heif;
mod icc;
mod inflate;
mod jpeg;
mod media_type;
mod mp3;
mod mp4;
mod ogg;
mod pdf;
mod plan;
mod png;
mod riff;
mod sample_entry;
mod search;
mod source;
mod text;
mod trace;
mod user_data;
mod wav;
mod webp;
mod xmp;

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, Write};

use serde::Serialize;

pub use media_type::{MediaType, matches_magic};
pub use trace::{Trace, describe};

use plan::{Plan, Verdict};
use source::Source;

/// The largest picture or PDF that is read, in bytes (256 MiB). Sound and video have no limit: they
/// are streamed.
pub const DOCUMENT_LIMIT_BYTES: u64 = 256 << 20;

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cleaning {
    /// What the file is, by its content.
    pub media_type: MediaType,
    /// What was done.
    pub outcome: Outcome,
    /// What was taken out, sorted, each once. Empty unless the outcome is [`Outcome::Removed`].
    pub removed: Vec<Trace>,
    /// What is known to be still in the file that was written, sorted, each once.
    pub reveals: Vec<Trace>,
}

/// What was done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Read through; there was nothing to remove. Byte for byte the same.
    Clean,
    /// Something was removed. If `reveals` is not empty, that part could not be.
    Removed,
    /// There was something to remove, and it stays because [`Policy::Keep`] was asked for.
    Kept,
    /// A C2PA manifest or a PDF signature covers the bytes: kept byte for byte.
    Preserved,
    /// The file, or the part of it that `reveals` names, cannot be read or cleaned in place: kept
    /// byte for byte. An empty `reveals` then says nothing about what is inside.
    Unchecked,
}

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Take it out.
    Remove,
    /// Leave everything, and list it (`--keep-metadata`).
    Keep,
}

/// Why a file could not be cleaned. Nothing usable has been written then.
#[derive(Debug, thiserror::Error)]
pub enum HygieneError {
    /// The content begins like its type and then breaks that type's rules.
    #[error("the file is damaged ({what}); repair it, or keep its metadata to take it as it is")]
    Damaged {
        /// The rule that is broken, with the format it belongs to.
        what: &'static str,
    },
    /// A picture or a PDF beyond [`DOCUMENT_LIMIT_BYTES`].
    #[error(
        "the file has {size_bytes} bytes, more than the {limit_bytes} a picture or PDF may have; \
         keep its metadata to take it as it is"
    )]
    TooLarge {
        /// Its size, in bytes.
        size_bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// Reading the source or writing the result failed, or the source is shorter than announced.
    #[error("the file could not be copied")]
    Copy {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// Copies `source` to `out` without what it tells about people, places and devices.
///
/// `source` is read from its start, `size_bytes` bytes of it, partly twice; `out` is written from
/// its current position, in order. Memory stays within a few hundred KiB for sound and video, and
/// about the file's size for pictures, PDFs and files of no known type.
///
/// # Errors
/// [`HygieneError::Damaged`] and [`HygieneError::TooLarge`] under [`Policy::Remove`] only: a file
/// whose metadata is to be kept is then [`Outcome::Unchecked`]. [`HygieneError::Copy`] on I/O.
pub fn clean(
    source: &mut (impl Read + Seek),
    size_bytes: u64,
    out: &mut impl Write,
    policy: Policy,
) -> Result<Cleaning, HygieneError> {
    let mut source = Source::new(source, size_bytes);
    let sniffed = MediaType::sniff(&source.head()?);
    let mut plan = match read(&mut source, sniffed).and_then(Plan::sorted) {
        Err(HygieneError::Damaged { .. } | HygieneError::TooLarge { .. })
            if policy == Policy::Keep =>
        {
            Plan::unreadable()
        }
        other => other?,
    };
    let whole = matches!(
        sniffed,
        MediaType::Png
            | MediaType::WebP
            | MediaType::Heic
            | MediaType::Avif
            | MediaType::OctetStream
    );
    if plan.verdict == Verdict::Unreadable && whole {
        plan.leaves.extend(glimpse::traces(&mut source)?);
    }
    let Plan { edits, takes, leaves, verdict } = plan;
    let all: BTreeSet<Trace> = takes.union(&leaves).copied().collect();

    let (outcome, removed, reveals) = match (verdict, policy) {
        (Verdict::Unreadable | Verdict::NotThisType, _) => {
            (Outcome::Unchecked, BTreeSet::new(), all)
        }
        (Verdict::Signed, _) => (Outcome::Preserved, BTreeSet::new(), all),
        (Verdict::Readable, _) if all.is_empty() => (Outcome::Clean, BTreeSet::new(), all),
        (Verdict::Readable, Policy::Keep) => (Outcome::Kept, BTreeSet::new(), all),
        (Verdict::Readable, Policy::Remove) if takes.is_empty() => {
            (Outcome::Unchecked, BTreeSet::new(), leaves)
        }
        (Verdict::Readable, Policy::Remove) => (Outcome::Removed, takes, leaves),
    };
    let edits = if outcome == Outcome::Removed { edits } else { Vec::new() };
    plan::apply(&mut source, &edits, out)?;

    let media_type = if verdict == Verdict::NotThisType { MediaType::OctetStream } else { sniffed };
    Ok(Cleaning {
        media_type,
        outcome,
        removed: removed.into_iter().collect(),
        reveals: reveals.into_iter().collect(),
    })
}

/// Lets the reader of that type look at the file.
fn read<R: Read + Seek>(
    source: &mut Source<'_, R>,
    media_type: MediaType,
) -> Result<Plan, HygieneError> {
    match media_type {
        MediaType::Jpeg => jpeg::plan(&source.whole()?),
        MediaType::Png => png::plan(&source.whole()?),
        MediaType::WebP => webp::plan(source),
        MediaType::Heic | MediaType::Avif => heif::plan(source),
        MediaType::Mp4 | MediaType::M4a | MediaType::QuickTime => mp4::plan(source),
        MediaType::Mp3 => mp3::plan(source),
        MediaType::Ogg => ogg::plan(source),
        MediaType::Flac => flac::plan(source),
        MediaType::Wav => wav::plan(source),
        MediaType::Pdf => pdf::plan(&source.whole()?),
        MediaType::PlainText | MediaType::Markdown => text::plan(source),
        MediaType::OctetStream => Ok(Plan::unreadable()),
    }
}
