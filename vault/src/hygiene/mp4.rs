//! MP4 (ISO/IEC 14496-14), M4A and QuickTime: streamed, and overwritten in place. Sample tables name
//! places in the file, so nothing may move: a box that tells too much becomes free space of the same
//! size, and the samples of a timed metadata or text track are left and named.
//!
//! Kept: what a player needs, by a list for each level. The words in the headers it needs are blanked;
//! times of creation stay there.

use std::io::{Read, Seek};
use std::ops::Range;

use super::bmff::{self, Block};
use super::plan::Plan;
use super::source::Source;
use super::{HygieneError, Trace, c2pa, sample_entry, user_data};

/// User type of spherical video metadata, which says how to show the picture.
const SPHERICAL: [u8; 16] = [
    0xff, 0xcc, 0x82, 0x63, 0xf8, 0x55, 0x4a, 0x93, 0x88, 0x14, 0x58, 0x7a, 0x02, 0x52, 0x1f, 0xdd,
];

/// Reads the boxes down to the tracks.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let mut plan = Plan::default();
    let size = source.size_bytes();
    let (mut at, mut has_movie, mut samples_can_tell) = (0, false, false);
    let (mut media, mut mdat, mut chunks) = (Vec::new(), Vec::new(), Some(Vec::new()));
    while at < size {
        let Some(block) = Block::read(source, at, size)? else {
            if !has_movie {
                return Err(HygieneError::Damaged { what: "MP4 that ends before its movie does" });
            }
            // Telephones append blocks of their own, which are no boxes.
            plan.cut(at..size, Trace::TrailingData)?;
            break;
        };
        at = block.body.end;
        match &block.kind {
            b"moov" => {
                has_movie = true;
                match movie(source, &block, &mut plan)? {
                    Some(tell) => samples_can_tell |= tell,
                    None => return Ok(Plan::unreadable()),
                }
                if let Some(tables) = chunks.as_mut()
                    && !chunk_tables(source, &block, tables)?
                {
                    chunks = None;
                }
            }
            b"moof" => {
                chunks = None;
                fragment(source, &block, &mut plan)?;
            }
            b"mdat" => {
                mdat.push(block.body.clone());
                media.push(block.body);
            }
            b"imda" => media.push(block.body),
            b"ftyp" | b"styp" | b"sidx" | b"ssix" | b"mfra" | b"pdin" | b"pnot" => {}
            _ => other(source, &block, &mut plan)?,
        }
    }
    if !has_movie {
        return Ok(Plan::unreadable());
    }
    if let Some(tables) = chunks.filter(|tables| !tables.is_empty()) {
        blank_unused(source, &mdat, &tables, &mut plan)?;
    }
    if samples_can_tell && !plan.leaves.contains(&Trace::Mp4StreamData) {
        for range in media {
            if user_data::find(source, range)? {
                plan.leaves.insert(Trace::Mp4StreamData);
                break;
            }
        }
    }
    Ok(plan)
}

/// The movie header box. Answers, as those it calls, whether samples can hold user data; `None` when
/// its content is compressed.
fn movie<R: Read + Seek>(
    source: &mut Source<'_, R>,
    movie: &Block,
    plan: &mut Plan,
) -> Result<Option<bool>, HygieneError> {
    let mut samples_can_tell = false;
    for child in movie.children(source, 0)? {
        match &child.kind {
            b"cmov" => return Ok(None),
            b"trak" => samples_can_tell |= track(source, &child, plan)?,
            b"mvhd" | b"mvex" | b"iods" | b"pssh" | b"ctab" | b"clip" => {}
            _ => other(source, &child, plan)?,
        }
    }
    Ok(Some(samples_can_tell))
}

fn track<R: Read + Seek>(
    source: &mut Source<'_, R>,
    track: &Block,
    plan: &mut Plan,
) -> Result<bool, HygieneError> {
    let mut samples_can_tell = false;
    for child in track.children(source, 0)? {
        match &child.kind {
            b"mdia" => samples_can_tell |= media(source, &child, plan)?,
            b"tkhd" | b"edts" | b"tref" | b"tapt" | b"load" | b"imap" | b"matt" | b"clip"
            | b"tsel" | b"trgr" | b"strk" | b"txas" => {}
            b"uuid" if child.user_type(source)? == Some(SPHERICAL) => {}
            _ => other(source, &child, plan)?,
        }
    }
    Ok(samples_can_tell)
}

fn media<R: Read + Seek>(
    source: &mut Source<'_, R>,
    media: &Block,
    plan: &mut Plan,
) -> Result<bool, HygieneError> {
    let mut samples_can_tell = false;
    for child in media.children(source, 0)? {
        match &child.kind {
            b"hdlr" => {
                // Version, flags, pre-defined, then the kind of media.
                match source.array(child.body.start + 8)?.as_ref() {
                    Some(b"meta" | b"nrtm" | b"data" | b"gpmd" | b"camm") => {
                        plan.leaves.insert(Trace::Mp4TimedMetadata);
                    }
                    Some(b"text" | b"sbtl" | b"subt" | b"clcp") => {
                        plan.leaves.insert(Trace::Mp4TextTrack);
                    }
                    _ => {}
                }
                sample_entry::blank_handler(source, &child, plan)?;
            }
            b"minf" => {
                for inner in child.children(source, 0)? {
                    match &inner.kind {
                        b"vmhd" | b"smhd" | b"hmhd" | b"sthd" | b"nmhd" | b"gmhd" => {}
                        b"hdlr" => sample_entry::blank_handler(source, &inner, plan)?,
                        b"dinf" => sample_entry::data_references(source, &inner, plan)?,
                        b"stbl" => samples_can_tell |= sample_table(source, &inner, plan)?,
                        _ => other(source, &inner, plan)?,
                    }
                }
            }
            b"mdhd" | b"elng" => {}
            _ => other(source, &child, plan)?,
        }
    }
    Ok(samples_can_tell)
}

/// Looks at what kinds of samples there are; the tables themselves stay.
fn sample_table<R: Read + Seek>(
    source: &mut Source<'_, R>,
    table: &Block,
    plan: &mut Plan,
) -> Result<bool, HygieneError> {
    let mut samples_can_tell = false;
    for child in table.children(source, 0)? {
        match &child.kind {
            b"stsd" => {
                let timed: [&[u8]; 8] =
                    [b"gpmd", b"mebx", b"camm", b"rtmd", b"fdsc", b"mett", b"metx", b"urim"];
                for entry in child.children(source, 8)? {
                    samples_can_tell |= sample_entry::inspect(source, &entry, plan)?;
                    if timed.contains(&entry.kind.as_slice()) {
                        plan.leaves.insert(Trace::Mp4TimedMetadata);
                    }
                }
            }
            b"udta" | b"meta" => other(source, &child, plan)?,
            _ => {}
        }
    }
    Ok(samples_can_tell)
}

/// One table of chunks: where its entries are, and how many bytes each has.
struct Chunks {
    entries: Range<u64>,
    width: u64,
}

/// Collects the tables that say where chunks of samples are. False when something else says so too:
/// fragments, or auxiliary data of encryption.
fn chunk_tables<R: Read + Seek>(
    source: &mut Source<'_, R>,
    movie: &Block,
    tables: &mut Vec<Chunks>,
) -> Result<bool, HygieneError> {
    let mut inside = movie.children(source, 0)?;
    while let Some(block) = inside.pop() {
        match &block.kind {
            b"mvex" | b"saio" => return Ok(false),
            b"trak" | b"mdia" | b"minf" | b"stbl" => inside.extend(block.children(source, 0)?),
            b"stco" | b"co64" => {
                let width = if &block.kind == b"stco" { 4 } else { 8 };
                let start = block.body.start + 8;
                let Some(count) = source.array(block.body.start + 4)?.map(u32::from_be_bytes)
                else {
                    return Ok(false);
                };
                let end = start + width * u64::from(count);
                if end > block.body.end {
                    return Err(HygieneError::Damaged { what: "MP4 with a table that is cut off" });
                }
                tables.push(Chunks { entries: start..end, width });
            }
            _ => {}
        }
    }
    Ok(true)
}

/// Blanks media data in which no chunk of any track begins, and what stands before the first chunk.
/// Where a chunk begins outside all media data, the places are not understood: leftovers are named.
fn blank_unused<R: Read + Seek>(
    source: &mut Source<'_, R>,
    media: &[Range<u64>],
    tables: &[Chunks],
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let mut firsts: Vec<Option<u64>> = vec![None; media.len()];
    let mut understood = false;
    'tables: for Chunks { entries, width } in tables {
        for at in entries.clone().step_by(*width as usize) {
            let chunk = match width {
                4 => source.array(at)?.map(|bytes| u64::from(u32::from_be_bytes(bytes))),
                _ => source.array(at)?.map(u64::from_be_bytes),
            };
            let chunk = chunk.unwrap_or_default();
            let index = media.partition_point(|media| media.end <= chunk);
            understood = media.get(index).is_some_and(|media| media.start <= chunk);
            if !understood {
                break 'tables;
            }
            firsts[index] = Some(firsts[index].map_or(chunk, |first| first.min(chunk)));
        }
    }
    for (media, first) in media.iter().zip(firsts) {
        let unused = media.start..first.unwrap_or(media.end);
        if source.is_filled_with(unused.clone(), 0)? {
            continue;
        }
        if understood {
            plan.fill(unused, 0, Trace::TrailingData)?;
        } else {
            plan.leaves.insert(Trace::TrailingData);
        }
    }
    Ok(())
}

/// A movie fragment: only what is metadata by name goes, since encryption puts boxes of its own here.
fn fragment<R: Read + Seek>(
    source: &mut Source<'_, R>,
    fragment: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    for child in fragment.children(source, 0)? {
        if &child.kind == b"traf" {
            for inner in child.children(source, 0)? {
                if matches!(&inner.kind, b"udta" | b"meta") {
                    other(source, &inner, plan)?;
                }
            }
        } else if matches!(&child.kind, b"udta" | b"meta") {
            other(source, &child, plan)?;
        }
    }
    Ok(())
}

/// A box that no player needs.
fn other<R: Read + Seek>(
    source: &mut Source<'_, R>,
    block: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    const LOCATION: [&[u8]; 5] =
        [b"\xa9xyz", b"loci", b"location.ISO6709", b"GPSLatitude", b"GPSCoordinates"];
    let trace = match &block.kind {
        b"free" | b"skip" | b"wide" | b"junk" => {
            return bmff::blank_leftovers(source, block, plan);
        }
        b"udta" => Trace::Mp4UserData,
        b"meta" => Trace::Mp4Metadata,
        b"uuid" => match block.user_type(source)? {
            Some(c2pa::USER_TYPE) => {
                return c2pa::found_at(source, block.body.clone(), plan);
            }
            Some(bmff::XMP) => Trace::Xmp,
            _ => Trace::Mp4OtherBox,
        },
        _ => Trace::Mp4OtherBox,
    };
    if source.contains(block.body.clone(), &LOCATION)? {
        plan.takes.insert(Trace::Mp4Location);
    }
    block.blank(plan, trace)
}
