//! Colour profiles (ICC.1:2022): what the colours are stays, the texts go. Profiles of screens and
//! cameras carry the name of the device, its serial number and sometimes its owner's.
//!
//! Kept byte for byte: the header, the tag table, and the tags whose type holds numbers. Texts become
//! empty texts of the same length; all other types, and bytes that belong to no tag, become zeros.

use std::ops::Range;

const HEADER: usize = 128;
/// Where the header keeps the digest of the whole profile; zeros mean it was not computed.
const DIGEST: Range<usize> = 84..100;
/// More tags than any real profile has.
const TAGS_LIMIT: usize = 1024;

/// Types that hold numbers (section 10), and Apple's table for the graphics card.
const NUMBERS: [&[u8; 4]; 24] = [
    b"XYZ ", b"chrm", b"cicp", b"clro", b"curv", b"dtim", b"mAB ", b"mBA ", b"meas", b"mft1",
    b"mft2", b"mpet", b"para", b"psid", b"sf32", b"sig ", b"uf32", b"ui08", b"ui16", b"ui32",
    b"ui64", b"view", b"vcgt", b"vcgp",
];

/// The profile without its texts, of the same length. `None` when it cannot be followed.
pub(super) fn without_texts(profile: &[u8]) -> Option<Vec<u8>> {
    let clean = strip(profile)?;
    // Tags may lie over each other. What would change again is not understood.
    (strip(&clean)? == clean).then_some(clean)
}

fn strip(profile: &[u8]) -> Option<Vec<u8>> {
    if profile.get(36..40)? != b"acsp" {
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
    let mut tags = Vec::new();
    for index in 0..count {
        let entry = HEADER + 4 + 12 * index;
        let (start, len) = (number(entry + 4)?, number(entry + 8)?);
        let tag = start..start.checked_add(len)?;
        if start < table_end || len < 8 || tag.end > profile.len() {
            return None;
        }
        tags.push(tag);
    }
    // Numbers last: where tags share bytes, the colours win.
    let is_numbers =
        |tag: &Range<usize>| NUMBERS.iter().any(|&n| profile[tag.clone()].starts_with(n));
    tags.sort_by_key(is_numbers);
    for tag in tags {
        if is_numbers(&tag) {
            clean[tag.clone()].copy_from_slice(&profile[tag]);
        } else {
            empty(&profile[tag.clone()], &mut clean[tag]);
        }
    }
    if clean != profile {
        clean[DIGEST].fill(0);
    }
    Some(clean)
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
