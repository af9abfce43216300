//! Colour profiles (ICC.1:2022): what the colours are stays, the texts go. Profiles of screens and
//! cameras carry the name of the device, its serial number and sometimes its owner's.
//!
//! Kept byte for byte: the header, the tag table, and the numbers of the tags that say what the colours
//! are. Texts become empty texts of the same length; all other tags, bytes behind the numbers, and
//! bytes that belong to no tag, become zeros. A profile whose numbers do not fit is left and named.

use std::ops::Range;

const HEADER: usize = 128;
/// Where the header keeps the digest of the whole profile; zeros mean it was not computed.
const DIGEST: Range<usize> = 84..100;
/// More tags than any real profile has.
const TAGS_LIMIT: usize = 1024;

/// Where the header has nothing yet, up to version 4.
const RESERVED: Range<usize> = 100..HEADER;
const VERSION: usize = 8;

type Signatures = &'static [&'static [u8; 4]];

/// The tags that say what the colours are (section 9), Apple's for the graphics card and for display
/// curves among them, and the types each may have. All of these hold numbers.
const NUMBERS: [(Signatures, Signatures); 13] = [
    (&[b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt", b"bkpt", b"lumi"], &[b"XYZ "]),
    (&[b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"aarg", b"aagg", b"aabg"], &[b"curv", b"para"]),
    (&[b"A2B0", b"A2B1", b"A2B2", b"A2B3"], &[b"mft1", b"mft2", b"mAB "]),
    (&[b"B2A0", b"B2A1", b"B2A2", b"B2A3", b"gamt"], &[b"mft1", b"mft2", b"mBA "]),
    (&[b"pre0", b"pre1", b"pre2"], &[b"mft1", b"mft2", b"mAB ", b"mBA "]),
    (&[b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3"], &[b"mpet"]),
    (&[b"chad"], &[b"sf32"]),
    (&[b"chrm"], &[b"chrm"]),
    (&[b"tech", b"ciis", b"rig0", b"rig2"], &[b"sig "]),
    (&[b"cicp"], &[b"cicp"]),
    (&[b"meas"], &[b"meas"]),
    (&[b"view"], &[b"view"]),
    (&[b"vcgt"], &[b"vcgt"]),
];

/// The profile without its texts, of the same length. `None` when it cannot be followed.
pub(super) fn without_texts(profile: &[u8]) -> Option<Vec<u8>> {
    let clean = strip(profile)?;
    // Tags may lie over each other. What would change again is not understood.
    (strip(&clean)? == clean).then_some(clean)
}

fn strip(profile: &[u8]) -> Option<Vec<u8>> {
    if profile.get(36..40)? != b"acsp" || profile[VERSION] > 4 {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(*profile.get(at..)?.first_chunk()?) as usize);
    let count = number(HEADER)?;
    let table_end = HEADER + 4 + 12 * count;
    if count > TAGS_LIMIT || table_end > profile.len() {
        return None;
    }
    let mut clean = vec![0; profile.len()];
    clean[..table_end].copy_from_slice(&profile[..table_end]);
    clean[RESERVED].fill(0);
    let mut tags = Vec::new();
    for index in 0..count {
        let entry = HEADER + 4 + 12 * index;
        let (start, len) = (number(entry + 4)?, number(entry + 8)?);
        let tag = start..start.checked_add(len)?;
        if start < table_end || len < 8 || tag.end > profile.len() {
            return None;
        }
        let (name, kind) = (&profile[entry..entry + 4], &profile[start..start + 4]);
        let is_numbers = NUMBERS.iter().any(|(names, kinds)| {
            names.iter().any(|n| *n == name) && kinds.iter().any(|k| *k == kind)
        });
        tags.push((is_numbers, tag));
    }
    // Numbers last: where tags share bytes, the colours win.
    tags.sort_by_key(|(is_numbers, _)| *is_numbers);
    for (is_numbers, tag) in tags {
        let value = &profile[tag.clone()];
        if is_numbers {
            let numbers = value.get(..numbers_len(value)?)?;
            clean[tag.start..tag.start + numbers.len()].copy_from_slice(numbers);
        } else {
            empty(value, &mut clean[tag]);
        }
    }
    if clean != profile {
        clean[DIGEST].fill(0);
    }
    Some(clean)
}

/// How long a value of numbers is by its own head; `None` for one that no device has.
fn numbers_len(tag: &[u8]) -> Option<usize> {
    let short = |at: usize| Some(usize::from(u16::from_be_bytes(*tag.get(at..)?.first_chunk()?)));
    let byte = |at: usize| tag.get(at).map(|&byte| usize::from(byte));
    // Curves into a grid, the grid, curves out of it.
    let table = |entries_in: usize, entries_out: usize| {
        let (inputs, outputs, points) = (byte(8)?, byte(9)?, byte(10)?);
        let grid = points.checked_pow(u32::try_from(inputs).ok()?)?.checked_mul(outputs)?;
        grid.checked_add(inputs * entries_in + outputs * entries_out)
    };
    match &tag[..4] {
        b"XYZ " => Some(20),
        b"sf32" => Some(8 + 9 * 4),
        b"sig " | b"cicp" => Some(12),
        b"meas" | b"view" => Some(36),
        b"chrm" => Some(12 + 8 * short(8)?),
        b"para" => Some(12 + 4 * [1, 3, 4, 5, 7].get(short(8)?)?),
        b"curv" => {
            let count = u32::from_be_bytes(*tag.get(8..)?.first_chunk()?) as usize;
            let end = count.checked_mul(2)?.checked_add(12)?;
            let values: Vec<u16> = tag
                .get(12..end)?
                .chunks_exact(2)
                .map(|value| u16::from_be_bytes([value[0], value[1]]))
                .collect();
            // More light never looks darker, or it always does.
            let is_curve = values.is_sorted() || values.iter().rev().is_sorted();
            is_curve.then_some(end)
        }
        b"mft1" => table(256, 256)?.checked_add(48),
        b"mft2" => table(short(48)?, short(50)?)?.checked_mul(2)?.checked_add(52),
        b"vcgt" => match tag.get(8..12)? {
            [0, 0, 0, 0] => {
                let values = short(12)?.checked_mul(short(14)?)?.checked_mul(short(16)?)?;
                values.checked_add(18)
            }
            [0, 0, 0, 1] => Some(12 + 9 * 4),
            _ => None,
        },
        // Made of parts at places of their own.
        _ => Some(tag.len()),
    }
}

/// Writes an empty value of the same type over zeros, or as much of one as is known of the type.
fn empty(tag: &[u8], clean: &mut [u8]) {
    clean[..4].copy_from_slice(&tag[..4]);
    let space = |range: Range<usize>, clean: &mut [u8]| {
        for at in range {
            clean[at] = if tag[at] == 0 { 0 } else { b' ' };
        }
    };
    let len =
        |at: usize| tag.get(at..).and_then(<[u8]>::first_chunk).map(|b| u32::from_be_bytes(*b));
    match &tag[..4] {
        b"text" => space(8..tag.len(), clean),
        // A count, so many bytes of ASCII, then the same in Unicode and in a Macintosh script.
        b"desc" => {
            let end = len(8).and_then(|len| 12_usize.checked_add(len as usize));
            if let Some(end) = end.filter(|&end| end <= tag.len()) {
                clean[8..12].copy_from_slice(&tag[8..12]);
                space(12..end, clean);
            }
        }
        // A table of languages, then texts in UTF-16.
        b"mluc" => {
            let table = len(8).and_then(|count| (count as usize).checked_mul(12)?.checked_add(16));
            if let Some(end) = table.filter(|&end| end <= tag.len()) {
                clean[8..end].copy_from_slice(&tag[8..end]);
            }
        }
        _ => {}
    }
}
