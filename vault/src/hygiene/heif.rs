//! HEIC and AVIF (ISO/IEC 23008-12): EXIF and XMP are items of the picture; their bytes are
//! overwritten in place, so that every other item stays where it is. How to turn the picture is a
//! property of its own (`irot`, `imir`) and stays.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};
use std::ops::Range;

use super::bmff::{self, Block};
use super::plan::Plan;
use super::source::Source;
use super::{DOCUMENT_LIMIT_BYTES, HygieneError, Trace, c2pa, exif, icc, sample_entry, xmp};

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
    let Some(info) = item_kinds(&info) else { return Ok(false) };
    // Items of no metadata are pictures, or derived from them.
    let metadata: BTreeMap<u32, Item> =
        info.into_iter().filter(|(_, kind)| *kind != Item::Picture).collect();
    let places = |is_empty: &dyn Fn(u32) -> bool| {
        item_places(&locations, idat.as_ref(), source.size_bytes(), is_empty)
            // Bytes shared with another item, or used twice, are not ours to overwrite.
            .filter(|places| !shares_bytes(&metadata, places))
    };
    // ExifTool leaves items without bytes, which by the letter have all that follows.
    let emptied = |item: u32| metadata.contains_key(&item);
    let Some(locations) = places(&|_| false).or_else(|| places(&emptied)) else { return Ok(false) };
    media.extend(idat);
    // What lies anywhere else is the file's own structure.
    let is_media = |place: &Range<u64>| {
        media.iter().any(|media| media.start <= place.start && place.end <= media.end)
    };
    for (item, kind) in &metadata {
        let Some(places) = locations.get(item).filter(|places| !places.is_empty()) else {
            return Ok(false);
        };
        // An item that ExifTool has emptied has no bytes and no place.
        if places.iter().all(Range::is_empty) {
            continue;
        }
        if !places.iter().all(is_media) {
            return Ok(false);
        }
        match kind {
            Item::Exif => blank_exif(source, places, plan)?,
            _ => blank_text(source, places, plan)?,
        }
    }
    blank_gaps(source, &media, &locations, plan)?;
    for child in &children {
        match &child.kind {
            b"hdlr" => sample_entry::blank_handler(source, child, plan)?,
            b"dinf" => sample_entry::data_references(source, child, plan)?,
            b"iprp" => properties(source, child, plan)?,
            b"iinf" => blank_item_names(source, child, plan)?,
            b"pitm" | b"iloc" | b"iref" | b"idat" | b"grpl" | b"ipro" => {}
            b"free" | b"skip" => bmff::blank_leftovers(source, child, plan)?,
            b"uuid" if child.user_type(source)? == Some(c2pa::USER_TYPE) => {
                c2pa::found_at(source, child.body.clone(), plan)?;
            }
            _ => child.blank(plan, Trace::Mp4OtherBox)?,
        }
    }
    Ok(true)
}

/// Blanks media data that belongs to no item: editors leave there what they meant to delete.
fn blank_gaps<R: Read + Seek>(
    source: &mut Source<'_, R>,
    media: &[Range<u64>],
    locations: &BTreeMap<u32, Vec<Range<u64>>>,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let mut used: Vec<&Range<u64>> = locations.values().flatten().collect();
    used.sort_by_key(|place| place.start);
    for media in media {
        let (mut at, mut gaps) = (media.start, Vec::new());
        for place in &used {
            if place.start > at && at < media.end {
                gaps.push(at..place.start.min(media.end));
            }
            at = at.max(place.end);
        }
        gaps.push(at..media.end);
        for gap in gaps.into_iter().filter(|gap| gap.start < gap.end) {
            if !source.is_filled_with(gap.clone(), 0)? {
                plan.fill(gap, 0, Trace::TrailingData)?;
            }
        }
    }
    Ok(())
}

/// Properties that say how a picture is decoded, turned, cut and coloured (ISO/IEC 23008-12, section
/// 6.5, ISO/IEC 14496-12, AV1 and VVC in HEIF).
const PROPERTIES: [&[u8; 4]; 36] = [
    b"hvcC", b"av1C", b"avcC", b"vvcC", b"lhvC", b"evcC", b"jpgC", b"j2kH", b"uncC", b"cmpd",
    b"cmpC", b"icef", b"splz", b"cpat", b"sbpm", b"ispe", b"pixi", b"pasp", b"clap", b"irot",
    b"imir", b"iscl", b"auxC", b"rloc", b"rref", b"lsel", b"tols", b"oinf", b"mskC", b"clli",
    b"mdcv", b"cclv", b"amve", b"ndwt", b"a1op", b"a1lx",
];

/// Goes through the item properties. Others than those of [`PROPERTIES`] become zeros, unless the
/// picture cannot be shown without them. They keep their places, by which items refer to them.
fn properties<R: Read + Seek>(
    source: &mut Source<'_, R>,
    properties: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let (mut containers, mut essential) = (Vec::new(), Some(BTreeSet::new()));
    for child in properties.children(source, 0)? {
        match &child.kind {
            b"ipco" => containers.push(child),
            b"ipma" => {
                let table = source.read(child.body.clone(), TABLE_LIMIT_BYTES)?;
                essential = essential.zip(essential_properties(&table)).map(|(mut all, more)| {
                    all.extend(more);
                    all
                });
            }
            b"free" | b"skip" => bmff::blank_leftovers(source, &child, plan)?,
            _ => child.blank(plan, Trace::Mp4OtherBox)?,
        }
    }
    for container in containers {
        for (index, property) in (1..).zip(container.children(source, 0)?) {
            if PROPERTIES.contains(&&property.kind)
                || source.is_filled_with(property.body.clone(), 0)?
            {
                continue;
            }
            if &property.kind == b"colr" {
                colours(source, &property, plan)?;
                continue;
            }
            let trace = match &property.kind {
                b"udes" | b"altt" | b"crtt" | b"mdft" => Trace::HeifDescription,
                b"free" | b"skip" => Trace::TrailingData,
                _ => Trace::Mp4OtherBox,
            };
            match &essential {
                Some(essential) if !essential.contains(&index) => {
                    plan.fill(property.body.clone(), 0, trace)?;
                }
                _ => drop(plan.leaves.insert(trace)),
            }
        }
    }
    Ok(())
}

/// Takes the texts out of a colour profile.
fn colours<R: Read + Seek>(
    source: &mut Source<'_, R>,
    colours: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let body = source.read(colours.body.clone(), TABLE_LIMIT_BYTES)?;
    let Some((b"prof" | b"rICC", profile)) = body.split_first_chunk::<4>() else { return Ok(()) };
    match icc::without_texts(profile) {
        Some(clean) if clean == profile => {}
        Some(clean) => {
            plan.takes.insert(Trace::ColourProfile);
            plan.replace(colours.body.start + 4..colours.body.end, clean)?;
        }
        None => drop(plan.leaves.insert(Trace::ColourProfile)),
    }
    Ok(())
}

/// Reads `ipma` (section 8.11.14): the properties, counted from one, that some item cannot do without.
fn essential_properties(table: &[u8]) -> Option<BTreeSet<u64>> {
    let mut fields = Fields { rest: table };
    let head = fields.uint(4)?;
    let (version, wide) = (head >> 24, head & 1 != 0);
    let mut essential = BTreeSet::new();
    for _ in 0..fields.uint(4)? {
        fields.take(if version == 0 { 2 } else { 4 })?;
        for _ in 0..fields.uint(1)? {
            let property = fields.uint(if wide { 2 } else { 1 })?;
            let mark = if wide { 0x8000 } else { 0x80 };
            if property & mark != 0 {
                essential.insert(property & (mark - 1));
            }
        }
    }
    Some(essential)
}

/// Overwrites the names of items with spaces: what follows them is found by where they end.
fn blank_item_names<R: Read + Seek>(
    source: &mut Source<'_, R>,
    info: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let version = source.array::<1>(info.body.start)?.map_or(0, |[version]| version);
    for entry in info.children(source, if version == 0 { 6 } else { 8 })? {
        let version = source.array::<1>(entry.body.start)?.map_or(0, |[version]| version);
        // Version and flags, number, protection, type.
        let at = entry.body.start + if version == 2 { 12 } else { 14 };
        if at >= entry.body.end {
            continue;
        }
        let rest = source.read(at..entry.body.end, TABLE_LIMIT_BYTES)?;
        let len = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
        if rest[..len].iter().any(|&byte| byte != b' ') {
            plan.fill(at..at + len as u64, b' ', Trace::HeifDescription)?;
        }
    }
    Ok(())
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

/// Reads `iloc` (section 8.11.3): where each item's bytes are, in order. `is_empty` says of which items
/// a length of zero is taken for nothing.
fn item_places(
    table: &[u8],
    idat: Option<&Range<u64>>,
    size: u64,
    is_empty: impl Fn(u32) -> bool,
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
        if fields.uint(2)? != 0 {
            return None; // in another file, or this one by its name
        }
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
            // A length of zero means the rest, or nothing.
            let end = match len {
                0 if is_empty(id) => start,
                0 => within.end,
                len => start.checked_add(len)?,
            };
            if method != 2 {
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
