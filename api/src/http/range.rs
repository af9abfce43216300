//! The `Range` field (RFC 9110, section 14), of one range of bytes.

use std::ops::Range;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// All of it: there is no such field, or its unit is not bytes.
    All,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Several ranges, none that can be read, or none that is there.
    Nothing,
}

/// Which bytes of `size_bytes` a field asks for: `bytes=a-b`, `bytes=a-` or `bytes=-n`.
pub fn asked(field: Option<&str>, size_bytes: u64) -> Asked {
    let Some(range) = field.and_then(|field| field.trim().strip_prefix("bytes=")) else {
        return Asked::All;
    };
    part(range.trim(), size_bytes).map_or(Asked::Nothing, Asked::Part)
}

fn part(range: &str, size_bytes: u64) -> Option<Range<u64>> {
    let (first, last) = range.split_once('-')?;
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size_bytes),
        (Some(first), None) if last.is_empty() => first..size_bytes,
        (None, Some(length)) if first.is_empty() => size_bytes.saturating_sub(length)..size_bytes,
        _ => return None,
    };
    (!range.is_empty()).then_some(range)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes() {
        for (field, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=2-5", 2..6),
            ("bytes=2-", 2..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=9-99", 9..10),
            ("bytes=0-18446744073709551615", 0..10),
        ] {
            assert_eq!(asked(Some(field), 10), Asked::Part(part), "{field}");
        }
        for field in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=-0",
            "bytes=5-2",
            "bytes=-",
            "bytes=",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=0-1,3-4",
            "bytes=18446744073709551616-",
        ] {
            assert_eq!(asked(Some(field), 10), Asked::Nothing, "{field}");
        }
        assert_eq!(asked(None, 10), Asked::All);
        assert_eq!(asked(Some("lines=0-1"), 10), Asked::All);
    }
}
