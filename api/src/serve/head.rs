//! The head of a request (RFC 9112, sections 2 to 6): where it ends and how its body is framed.
//!
//! Read here before hyper reads it again, so that a head that is too long, too slow or ambiguous is
//! answered with a problem document, and so that nothing of a body or of the next request is taken
//! for it. Anything two readers could frame differently is refused.

use axum::http::Uri;
use hallmark_core::problem::Code;

/// The most header fields that any setting allows.
pub(super) const MAX_FIELDS: usize = 256;

/// How the body after a head is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; none where nothing is said.
    Length(u64),
    /// In chunks: the end is known only to who decodes them.
    Chunked,
}

/// A whole head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its length in bytes, the empty line included.
    pub len: usize,
    /// The body after it.
    pub framing: Framing,
}

/// Reads the head at the start of `bytes`; `None` while it is not whole.
///
/// # Errors
/// [`Code::HeadersTooLarge`] for more than `max_fields` header fields, [`Code::Malformed`] for what
/// is no head or frames its body ambiguously.
pub fn read(bytes: &[u8], max_fields: usize) -> Result<Option<Head>, Code> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields[..max_fields.min(MAX_FIELDS)]);
    let len = match request.parse(bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Code::HeadersTooLarge),
        Err(_) => return Err(Code::Malformed),
    };
    if request.path.is_none_or(|target| target.parse::<Uri>().is_err()) {
        return Err(Code::Malformed);
    }
    let (mut length, mut chunked) = (None, false);
    for field in request.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            if length.is_some() {
                return Err(Code::Malformed);
            }
            length = Some(decimal(field.value).ok_or(Code::Malformed)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(Code::Malformed);
            }
            chunked = true;
        }
    }
    let framing = match (length, chunked) {
        (Some(_), true) => return Err(Code::Malformed),
        (None, true) if request.version == Some(0) => return Err(Code::Malformed),
        (None, true) => Framing::Chunked,
        (length, false) => Framing::Length(length.unwrap_or(0)),
    };
    Ok(Some(Head { len, framing }))
}

/// Digits alone: no sign, no list.
fn decimal(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framing(fields: &str) -> Result<Framing, Code> {
        let head = format!("POST /x HTTP/1.1\r\nhost: a\r\n{fields}\r\n");
        Ok(read(head.as_bytes(), 100)?.expect("a whole head").framing)
    }

    #[test]
    fn a_body_is_framed_in_one_way_or_refused() {
        assert_eq!(framing(""), Ok(Framing::Length(0)));
        assert_eq!(framing("Content-Length: 12\r\n"), Ok(Framing::Length(12)));
        assert_eq!(framing("transfer-encoding: Chunked\r\n"), Ok(Framing::Chunked));
        for fields in [
            "content-length: 1\r\ncontent-length: 1\r\n",
            "content-length: 1, 1\r\n",
            "content-length: +1\r\n",
            "content-length: 0x1\r\n",
            "content-length:\r\n",
            "content-length: 18446744073709551616\r\n",
            "content-length: 1\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: gzip, chunked\r\n",
            "transfer-encoding: identity\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            "content-length : 1\r\n",
            " folded: 1\r\n",
        ] {
            assert_eq!(framing(fields), Err(Code::Malformed), "{fields:?}");
        }
        let old = b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n";
        assert_eq!(read(old, 100), Err(Code::Malformed));
    }

    #[test]
    fn a_head_ends_at_its_empty_line() {
        let two = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";
        assert_eq!(read(two, 100).expect("a head").map(|head| head.len), Some(27));
        for cut in 0..27 {
            assert_eq!(read(&two[..cut], 100), Ok(None), "{cut}");
        }
        assert_eq!(read(b"\x16\x03\x01 this is TLS", 100), Err(Code::Malformed));
        assert_eq!(read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 100), Err(Code::Malformed));
    }

    #[test]
    fn fields_are_counted() {
        let head = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(n));
        assert!(read(head(20).as_bytes(), 20).expect("allowed").is_some());
        assert_eq!(read(head(21).as_bytes(), 20), Err(Code::HeadersTooLarge));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Some(head)) = read(&bytes, 100) {
                prop_assert!(head.len <= bytes.len());
            }
        }
    }
}
