//! HEIC and AVIF (ISO/IEC 23008-12): EXIF and XMP are items of the picture; their bytes are
//! overwritten in place, so that every other item stays where it is. How to turn the picture is a
//! property of its own (`irot`, `imir`) and stays.

use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::ops::Range;

use super::bmff::{self, Block};
use super::plan::Plan;
use super::source::Source;
use super::{DOCUMENT_LIMIT_BYTES, HygieneError, Trace, c2pa, exif, xmp};

/// Longer tables than any real picture has, in bytes.
const TABLE_LIMIT_BYTES: u64 = 4 << 20;
/// More pieces of items, and more items of metadata, than any real picture has.
const EXTENTS_LIMIT: usize = 1 << 16;
const METADATA_ITEMS_LIMIT: usize = 256;

/// Reads the item tables and what the EXIF and XMP items hold.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let size = source.size_bytes();
    if size > DOCUMENT_LIMIT_BYTES {
        return Err(HygieneError::TooLarge { size_bytes: size, limit_bytes: DOCUMENT_LIMIT_BYTES });
    }
    let mut plan = Plan::default();
    let (mut at, mut tables, mut media) = (0, Vec::new(), Vec::new());
    while at < size {
        let Some(block) = Block::read(source, at, size)? else {
            if tables.is_empty() {
                return Err(damaged("HEIC that ends before its picture does"));
            }
            plan.cut(at..size, Trace::TrailingData)?;
            break;
        };
        at = block.body.end;
        match &block.kind {
            b"ftyp" => {}
            b"mdat" | b"idat" => media.push(block.body.clone()),
            b"free" | b"skip" | b"wide" => bmff::blank_leftovers(source, &block, &mut plan)?,
            b"meta" => tables.push(block),
            // A picture sequence is a movie as well; cleaning one half is not cleaning.
            b"moov" => return Ok(Plan::unreadable()),
            b"uuid" if block.user_type(source)? == Some(c2pa::USER_TYPE) => {
                c2pa::found_at(source, block.body.clone(), &mut plan)?;
            }
            b"uuid" if block.user_type(source)? == Some(bmff::XMP) => {
                block.blank(&mut plan, Trace::Xmp)?
            }
            _ => block.blank(&mut plan, Trace::Mp4OtherBox)?,
        }
    }
    let [meta] = tables.as_slice() else { return Ok(Plan::unreadable()) };
    let understood = items(source, meta, media, &mut plan)?;
    Ok(if understood { plan } else { Plan::unreadable() })
}

/// Reads the `meta` box; `media` is where items may be. False when they are stored in a way that is
/// not understood.
fn items<R: Read + Seek>(
    source: &mut Source<'_, R>,
    meta: &Block,
    mut media: Vec<Range<u64>>,
    plan: &mut Plan,
) -> Result<bool, HygieneError> {
    let children = meta.children(source, 4)?;
    let mut table = |kind: &[u8; 4]| -> Result<Option<Vec<u8>>, HygieneError> {
        let block = children.iter().find(|child| child.kind == *kind);
        block.map(|block| source.read(block.body.clone(), TABLE_LIMIT_BYTES)).transpose()
    };
    let (Some(info), Some(locations)) = (table(b"iinf")?, table(b"iloc")?) else {
        return Ok(false);
    };
    let idat = children.iter().find(|child| &child.kind == b"idat").map(|b| b.body.clone());
    let (Some(info), Some(locations)) =
        (item_kinds(&info), item_places(&locations, idat.as_ref(), source.size_bytes()))
    else {
        return Ok(false);
    };
    // Items of no metadata are pictures, or derived from them.
    let metadata: BTreeMap<u32, Item> =
        info.into_iter().filter(|(_, kind)| *kind != Item::Picture).collect();
    // Bytes shared with another item, or used twice, are not ours to overwrite.
    if shares_bytes(&metadata, &locations) {
        return Ok(false);
    }
    media.extend(idat);
    // What lies anywhere else is the file's own structure.
    let is_media = |place: &Range<u64>| {
        media.iter().any(|media| media.start <= place.start && place.end <= media.end)
    };
    for (item, kind) in &metadata {
        let Some(places) = locations.get(item).filter(|places| !places.is_empty()) else {
            return Ok(false);
        };
        if !places.iter().all(is_media) {
            return Ok(false);
        }
        match kind {
            Item::Exif => blank_exif(source, places, plan)?,
            _ => blank_text(source, places, plan)?,
        }
    }
    for child in &children {
        match &child.kind {
            b"hdlr" | b"pitm" | b"iinf" | b"iloc" | b"iprp" | b"iref" | b"idat" | b"dinf"
            | b"grpl" | b"ipro" => {}
            b"free" | b"skip" => bmff::blank_leftovers(source, child, plan)?,
            b"uuid" if child.user_type(source)? == Some(c2pa::USER_TYPE) => {
                c2pa::found_at(source, child.body.clone(), plan)?;
            }
            _ => child.blank(plan, Trace::Mp4OtherBox)?,
        }
    }
    Ok(true)
}

/// Writes an empty EXIF block over the item: four bytes of offset, an empty directory, zeros.
fn blank_exif<R: Read + Seek>(
    source: &mut Source<'_, R>,
    places: &[Range<u64>],
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let item = joined(source, places)?;
    let mut empty = vec![0; item.len()];
    if item.len() >= 4 + exif::EMPTY.len() {
        empty[4..4 + exif::EMPTY.len()].copy_from_slice(&exif::EMPTY);
    }
    if item == empty {
        return Ok(());
    }
    let offset = item.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes)) as usize;
    let tiff = offset.checked_add(4).and_then(|at| item.get(at..)).unwrap_or_default();
    plan.takes.extend(exif::inspect(tiff).traces);
    plan.takes.insert(Trace::ExifOther);
    spread(&empty, places, plan)
}

fn blank_text<R: Read + Seek>(
    source: &mut Source<'_, R>,
    places: &[Range<u64>],
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let item = joined(source, places)?;
    let empty = vec![b' '; item.len()];
    if item == empty {
        return Ok(());
    }
    xmp::inspect(&item, &mut plan.takes);
    spread(&empty, places, plan)
}

fn joined<R: Read + Seek>(
    source: &mut Source<'_, R>,
    places: &[Range<u64>],
) -> Result<Vec<u8>, HygieneError> {
    let mut item = Vec::new();
    for place in places {
        item.extend(source.read(place.clone(), DOCUMENT_LIMIT_BYTES - item.len() as u64)?);
    }
    Ok(item)
}

fn spread(bytes: &[u8], places: &[Range<u64>], plan: &mut Plan) -> Result<(), HygieneError> {
    let mut rest = bytes;
    for place in places {
        let (here, after) = rest.split_at((place.end - place.start) as usize);
        plan.replace(place.clone(), here)?;
        rest = after;
    }
    Ok(())
}

/// Whether a place of an item of metadata overlaps any other place. Places may be many, and all of
/// them the whole file: they are put in order and walked once.
fn shares_bytes(metadata: &BTreeMap<u32, Item>, places: &BTreeMap<u32, Vec<Range<u64>>>) -> bool {
    let mut all: Vec<(u64, u64, bool)> = places
        .iter()
        .flat_map(|(item, places)| {
            let is_metadata = metadata.contains_key(item);
            places.iter().map(move |place| (place.start, place.end, is_metadata))
        })
        .filter(|(start, end, _)| start < end)
        .collect();
    all.sort_unstable();
    // how far the places so far reach, and those of metadata among them
    let (mut reach, mut metadata_reach) = (0, 0);
    all.into_iter().any(|(start, end, is_metadata)| {
        let shared = start < metadata_reach || is_metadata && start < reach;
        reach = reach.max(end);
        if is_metadata {
            metadata_reach = metadata_reach.max(end);
        }
        shared
    })
}

/// What an item is, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Item {
    Picture,
    Exif,
    Text,
}

/// Reads `iinf` (section 8.11.6 of ISO/IEC 14496-12). `None` when it is not as described there.
fn item_kinds(table: &[u8]) -> Option<Vec<(u32, Item)>> {
    let mut fields = Fields { rest: table };
    let version = fields.uint(4)? >> 24;
    let count = fields.uint(if version == 0 { 2 } else { 4 })?;
    let mut items = Vec::new();
    for _ in 0..count {
        let size = fields.uint(4)?;
        let mut entry = Fields { rest: fields.take(size.checked_sub(4)?)? };
        if entry.take(4)? != b"infe" {
            return None;
        }
        let version = entry.uint(4)? >> 24;
        let id = entry.uint(match version {
            2 => 2,
            3 => 4,
            _ => return None, // names no type, only a MIME string: no HEIC has it
        })?;
        entry.take(2)?;
        let item = match entry.take(4)? {
            b"Exif" => Item::Exif,
            b"mime" | b"uri " => Item::Text,
            _ => Item::Picture,
        };
        items.push((u32::try_from(id).ok()?, item));
    }
    let metadata = items.iter().filter(|(_, item)| *item != Item::Picture).count();
    (metadata <= METADATA_ITEMS_LIMIT).then_some(items)
}

/// Reads `iloc` (section 8.11.3): where each item's bytes are, in order.
fn item_places(
    table: &[u8],
    idat: Option<&Range<u64>>,
    size: u64,
) -> Option<BTreeMap<u32, Vec<Range<u64>>>> {
    let mut fields = Fields { rest: table };
    let version = fields.uint(4)? >> 24;
    let sizes = fields.uint(2)?;
    let [offset_size, length_size, base_size, index_size] =
        [12, 8, 4, 0].map(|shift| (sizes >> shift) & 0xf);
    let wide = if version < 2 { 2 } else { 4 };
    let count = fields.uint(wide)?;
    let mut places = BTreeMap::new();
    let mut total = 0;
    for _ in 0..count {
        let id = u32::try_from(fields.uint(wide)?).ok()?;
        let method = if version == 0 { 0 } else { fields.uint(2)? & 0xf };
        let elsewhere = fields.uint(2)? != 0;
        let base = fields.uint(base_size)?;
        let within = match method {
            0 => 0..size,
            1 => idat?.clone(),
            2 => 0..0, // made of other items
            _ => return None,
        };
        let extents = fields.uint(2)?;
        let mut ranges = Vec::new();
        total += extents as usize;
        if total > EXTENTS_LIMIT {
            return None;
        }
        for _ in 0..extents {
            if version > 0 {
                fields.uint(index_size)?;
            }
            let (offset, len) = (fields.uint(offset_size)?, fields.uint(length_size)?);
            let start = within.start.checked_add(base)?.checked_add(offset)?;
            // A length of zero means the rest.
            let end = if len == 0 { within.end } else { start.checked_add(len)? };
            if method != 2 && !elsewhere {
                if start > end || end > within.end {
                    return None;
                }
                ranges.push(start..end);
            }
        }
        if places.insert(id, ranges).is_some() {
            return None;
        }
    }
    Some(places)
}

/// Big-endian fields of a table.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(len).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// An unsigned number of up to eight bytes; zero where it has none.
    fn uint(&mut self, len: u64) -> Option<u64> {
        if len > 8 {
            return None;
        }
        Some(self.take(len)?.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }
}

const fn damaged(what: &'static str) -> HygieneError {
    HygieneError::Damaged { what }
}
