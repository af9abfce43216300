//! What the headers of a track say in words (ISO/IEC 14496-12, sections 8.4.3, 8.5.2 and 8.7.2;
//! QuickTime file format): names of handlers, compressors and reels, and paths of files. All are
//! overwritten with zeros, which is an empty name.

use std::io::{Read, Seek};

use super::bmff::Block;
use super::plan::Plan;
use super::source::Source;
use super::{HygieneError, Trace, user_data};

/// Blanks the name of a handler: what follows version, two types and reserved bytes.
pub(super) fn blank_handler<R: Read + Seek>(
    source: &mut Source<'_, R>,
    handler: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    blank(source, handler, 12, u64::MAX, Trace::Mp4Name, plan)
}

/// Blanks where the samples once were. A track whose samples are elsewhere keeps the path, or it
/// could not be found: it is named.
pub(super) fn data_references<R: Read + Seek>(
    source: &mut Source<'_, R>,
    information: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    const SELF_CONTAINED: u8 = 1;
    for references in information.children(source, 0)? {
        if &references.kind != b"dref" || references.body.end - references.body.start < 8 {
            unknown(source, &references, plan)?;
            continue;
        }
        for reference in references.children(source, 8)? {
            let flags: Option<[u8; 4]> = match reference.body.end - reference.body.start {
                4.. => source.array(reference.body.start)?,
                _ => None,
            };
            match flags {
                Some([.., flags]) if flags & SELF_CONTAINED != 0 => {
                    blank(source, &reference, 4, u64::MAX, Trace::Mp4Path, plan)?;
                }
                _ => drop(plan.leaves.insert(Trace::Mp4Path)),
            }
        }
    }
    Ok(())
}

/// A box where only one kind may be: it goes.
fn unknown<R: Read + Seek>(
    source: &mut Source<'_, R>,
    block: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    if matches!(&block.kind, b"free" | b"skip") && source.is_filled_with(block.body.clone(), 0)? {
        return Ok(());
    }
    block.blank(plan, Trace::Mp4OtherBox)
}

/// Looks at one kind of sample. True for H.264 and H.265, whose samples can hold user data.
pub(super) fn inspect<R: Read + Seek>(
    source: &mut Source<'_, R>,
    entry: &Block,
    plan: &mut Plan,
) -> Result<bool, HygieneError> {
    // The names of two old codecs say how the samples are coded.
    const CODING: [&[u8]; 2] = [b"\x19Planar Y'CbCr 8-bit 4:2:0", b"\x0dSorenson H263"];
    const COMPRESSOR: u64 = 42;
    const VISUAL: u64 = 78;
    const TIME_CODE: u64 = 26;
    let len = entry.body.end - entry.body.start;
    match &entry.kind {
        b"tmcd" if len >= TIME_CODE => {
            for child in inner(source, entry, TIME_CODE)? {
                if !matches!(&child.kind, b"free" | b"skip") {
                    child.blank(plan, Trace::Mp4Name)?;
                }
            }
            Ok(false)
        }
        kind if is_visual(kind) && len >= VISUAL => {
            let name: Option<[u8; 32]> = source.array(entry.body.start + COMPRESSOR)?;
            if !name.is_some_and(|name| CODING.iter().any(|coding| name.starts_with(coding))) {
                blank(source, entry, COMPRESSOR, COMPRESSOR + 32, Trace::Mp4Name, plan)?;
            }
            let mut has_user_data = matches!(kind, b"avc1" | b"avc2" | b"avc3" | b"avc4");
            has_user_data |=
                matches!(kind, b"hvc1" | b"hev1" | b"hvc2" | b"hev2" | b"dvh1" | b"dvhe");
            for child in inner(source, entry, VISUAL)? {
                match &child.kind {
                    b"udta" | b"meta" | b"name" => child.blank(plan, Trace::Mp4Name)?,
                    b"avcC" | b"hvcC" => user_data::configuration(source, &child, plan)?,
                    _ => {}
                }
            }
            Ok(has_user_data)
        }
        _ => Ok(false),
    }
}

/// The kinds of pictures that begin as section 12.1.3 has it.
fn is_visual(kind: &[u8; 4]) -> bool {
    matches!(
        kind,
        b"avc1"
            | b"avc2"
            | b"avc3"
            | b"avc4"
            | b"hvc1"
            | b"hev1"
            | b"hvc2"
            | b"hev2"
            | b"dvh1"
            | b"dvhe"
            | b"dva1"
            | b"dvav"
            | b"av01"
            | b"vp08"
            | b"vp09"
            | b"mp4v"
            | b"s263"
            | b"h263"
            | b"jpeg"
            | b"mjpa"
            | b"mjpb"
            | b"png "
            | b"apcn"
            | b"apch"
            | b"apcs"
            | b"apco"
            | b"ap4h"
            | b"ap4x"
            | b"encv"
            | b"vvc1"
            | b"vvi1"
            | b"SVQ1"
            | b"SVQ3"
            | b"rle "
            | b"raw "
            | b"2vuy"
            | b"yuv2"
            | b"v210"
            | b"dvc "
            | b"dvcp"
            | b"AVdn"
            | b"AVdh"
            | b"cvid"
    )
}

/// The boxes of an entry behind its fixed part, as far as they can be followed: some entries end
/// in bytes that are none.
fn inner<R: Read + Seek>(
    source: &mut Source<'_, R>,
    entry: &Block,
    skip: u64,
) -> Result<Vec<Block>, HygieneError> {
    const LIMIT: usize = 64;
    let mut boxes = Vec::new();
    let mut at = entry.body.start + skip;
    while at < entry.body.end && boxes.len() < LIMIT {
        let Some(child) = Block::read(source, at, entry.body.end)? else { break };
        at = child.body.end;
        boxes.push(child);
    }
    Ok(boxes)
}

/// Overwrites bytes of a body, if there are any that are not zero.
fn blank<R: Read + Seek>(
    source: &mut Source<'_, R>,
    block: &Block,
    from: u64,
    to: u64,
    trace: Trace,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let start = block.body.start.saturating_add(from);
    let end = block.body.start.saturating_add(to).min(block.body.end);
    if start < end && !source.is_filled_with(start..end, 0)? {
        plan.fill(start..end, 0, trace)?;
    }
    Ok(())
}
