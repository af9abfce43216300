//! Finding a few bytes among many.

/// The first place of `needle` in `hay` at or after `from`.
pub(super) fn find(hay: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut at = from;
    loop {
        at += hay.get(at..)?.iter().position(|&b| b == first)?;
        if hay[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether any of `needles` is in `hay`.
pub(super) fn any(hay: &[u8], needles: &[&[u8]]) -> bool {
    needles.iter().any(|needle| find(hay, needle, 0).is_some())
}
