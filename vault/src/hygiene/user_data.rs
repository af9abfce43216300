//! User data in H.264 and H.265 samples (ITU-T H.264 and H.265, annex D): cameras and drones write
//! there where and when they filmed. It is part of the samples, so it stays and is named.
//!
//! Looked for in the media data itself, whatever the sample tables say: a message counts where a
//! length, the type of its unit, all its messages and its last bit fit together. Passed over: what
//! two encoders say of themselves, captions and dynamic range.

use std::io::{Read, Seek};
use std::ops::Range;

use super::bmff::Block;
use super::plan::Plan;
use super::source::{Source, WINDOW_BYTES};
use super::{HygieneError, Trace};

/// The longest unit that is looked into.
const UNIT_LIMIT: usize = 32 << 10;
const LENGTH: usize = 4;

/// What x264 and x265 write about themselves: identifier and beginning.
const ENCODERS: [(&[u8], &[u8]); 2] = [
    (b"\xdc\x45\xe9\xbd\xe6\xd9\x48\xb7\x96\x2c\xd8\x20\xd9\x23\xee\xef", b"x264 - core "),
    (b"\x2c\xa2\xde\x09\xb5\x17\x47\xdb\xbb\x55\xa4\xfe\x7f\xc2\xfc\x4e", b"x265 (build "),
];

/// Country and provider of captions (ATSC A/53) and of HDR10+ and Dolby's dynamic range.
const REGISTERED: [&[u8]; 4] =
    [b"\xb5\0\x31GA94", b"\xb5\0\x31DTG1", b"\xb5\0\x3c\0\x01\x04", b"\xb5\0\x3b"];

/// Looks for user data in media data.
pub(super) fn find<R: Read + Seek>(
    source: &mut Source<'_, R>,
    media: Range<u64>,
) -> Result<bool, HygieneError> {
    let mut at = media.start;
    while at < media.end {
        let len = (media.end - at).min(WINDOW_BYTES as u64) as usize;
        let last = at + len as u64 == media.end;
        let bytes = source.view(at, len)?;
        // A unit that begins late in the window is looked at in the next one.
        let starts = if last { len } else { len - UNIT_LIMIT - LENGTH };
        if (0..starts).any(|start| has_user_data(&bytes[start..])) {
            return Ok(true);
        }
        at += starts as u64;
    }
    Ok(false)
}

/// Looks at a decoder configuration: the size of lengths, on which [`find`] relies, and the units
/// that H.265 keeps there.
pub(super) fn configuration<R: Read + Seek>(
    source: &mut Source<'_, R>,
    configuration: &Block,
    plan: &mut Plan,
) -> Result<(), HygieneError> {
    let body = configuration.body.clone();
    let len = (body.end - body.start).min(WINDOW_BYTES as u64) as usize;
    let bytes = source.view(body.start, len)?;
    let place = if &configuration.kind == b"avcC" { 4 } else { 21 };
    let short_lengths = bytes.get(place).is_none_or(|sizes| usize::from(sizes & 3) + 1 != LENGTH);
    // In a configuration, lengths have two bytes.
    let inside = (0..len.saturating_sub(2)).any(|start| {
        let unit = usize::from(u16::from_be_bytes([bytes[start], bytes[start + 1]]));
        bytes.get(start + 2..start + 2 + unit).is_some_and(tells)
    });
    if short_lengths || inside {
        plan.leaves.insert(Trace::Mp4StreamData);
    }
    Ok(())
}

/// Whether a unit with user data begins here, its length first.
fn has_user_data(bytes: &[u8]) -> bool {
    let [0, 0, high, low, kind, ..] = bytes else { return false };
    if !matches!(kind, 0x06 | 0x4e | 0x50) {
        return false;
    }
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    len <= UNIT_LIMIT && bytes.get(LENGTH..LENGTH + len).is_some_and(tells)
}

/// Whether a unit is one of messages, with one of user data that tells something.
fn tells(unit: &[u8]) -> bool {
    let escaped = match unit {
        [0x06, rest @ ..] => rest,
        [0x4e | 0x50, 0x01, rest @ ..] => rest,
        _ => return false,
    };
    let mut messages = Vec::with_capacity(escaped.len());
    for &byte in escaped {
        if !(byte == 3 && messages.ends_with(&[0, 0])) {
            messages.push(byte);
        }
    }
    while messages.last() == Some(&0) {
        messages.pop();
    }
    let mut rest = messages.as_slice();
    let mut found = false;
    while rest != [0x80] {
        let Some((kind, after)) = number(rest) else { return false };
        let Some((len, after)) = number(after) else { return false };
        let Some((message, after)) = after.split_at_checked(len) else { return false };
        found |= match kind {
            4 => !REGISTERED.iter().any(|known| message.starts_with(known)),
            5 => !ENCODERS.iter().any(|(id, text)| {
                message.strip_prefix(*id).is_some_and(|said| said.starts_with(text))
            }),
            _ => false,
        };
        rest = after;
    }
    found
}

/// A number in as many bytes of 255 as it needs, and one less.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let full = bytes.iter().take_while(|&&byte| byte == 0xff).count();
    let last = usize::from(*bytes.get(full)?);
    Some((255 * full + last, &bytes[full + 1..]))
}
