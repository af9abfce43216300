//! Plain text: nothing in it is hidden, so a text that is one is clean.
//!
//! Markup, PostScript and RTF are text to the bytes and have places for names that a reader does not
//! show; they are left unchecked.

use std::io::{Read, Seek};

use super::HygieneError;
use super::plan::Plan;
use super::source::Source;

/// Reads the whole of it: UTF-8 to the end, no NUL.
pub(super) fn plan<R: Read + Seek>(source: &mut Source<'_, R>) -> Result<Plan, HygieneError> {
    let mut carry: Vec<u8> = Vec::new();
    let mut plain = true;
    source.for_each(0..source.size_bytes(), |bytes| {
        carry.extend_from_slice(bytes);
        match incomplete_tail(&carry) {
            Some(tail) => drop(carry.drain(..carry.len() - tail)),
            None => plain = false,
        }
        Ok(plain)
    })?;
    Ok(if plain && carry.is_empty() { Plan::default() } else { Plan::not_this_type() })
}

/// Whether `head` can be the beginning of a plain text.
pub(super) fn is_plain_beginning(head: &[u8]) -> bool {
    const OTHER: [&[u8]; 3] = [b"<", b"{\\rtf", b"%!"];
    let visible = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    is_utf8_beginning(head) && !OTHER.iter().any(|magic| visible.starts_with(magic))
}

/// Whether `head` can be the beginning of a UTF-8 text without NUL.
pub(super) fn is_utf8_beginning(head: &[u8]) -> bool {
    incomplete_tail(head).is_some()
}

/// The number of bytes at the end that begin a character and do not finish it; `None` when the
/// bytes before are not text.
fn incomplete_tail(bytes: &[u8]) -> Option<usize> {
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Some(0),
        Err(error) => error.error_len().is_none().then(|| bytes.len() - error.valid_up_to()),
    }
}
