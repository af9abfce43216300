//! Base64 (RFC 4648, section 4) in its one spelling.

use data_encoding::BASE64;

/// The bytes that `text` encodes, with its padding; `None` for anything else.
///
/// A decoder alone takes encodings one behind the other for one, padding in between, so that a
/// value would have many spellings.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    (BASE64.encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn one_spelling() {
        assert_eq!(decode("YWJjZA=="), Some(b"abcd".to_vec()));
        assert_eq!(decode(""), Some(Vec::new()));
        for other in ["YQ==YmNk", "YWI=Y2Q=", "YWJjZA", "YWJjZA==\n", "YWJjZB=="] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
