//! The forms in which a leak would show a text or a key.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

/// How a canary is written where it leaks. ASCII letters count in either case in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// As it is: UTF-8, or the bytes of a key.
    Raw,
    /// Hexadecimal.
    Hex,
    /// Base64 (RFC 4648, section 4), so many bytes after a multiple of three; padded or not.
    Base64(u8),
    /// The same with the alphabet of section 5.
    Base64Url(u8),
    /// Decimal bytes in a list, as `{:?}` prints them.
    Decimal,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// Percent-encoded (RFC 3986) except for unreserved characters.
    Percent,
    /// Percent-encoded except for unreserved and reserved characters, as in a whole URI.
    PercentUri,
    /// As a form sends it: percent-encoded with `+` for the blank.
    PercentForm,
    /// Every byte percent-encoded.
    PercentAll,
    /// Inside a string of JSON (RFC 8259).
    Json,
    /// The same in ASCII alone.
    JsonAscii,
    /// Inside a string as `{:?}` prints it.
    Debug,
}

/// What of a canary takes that form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Its characters.
    Text,
    /// The bytes that it is the hexadecimal of.
    Bytes,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Raw,
        Self::Hex,
        Self::Base64(0),
        Self::Base64(1),
        Self::Base64(2),
        Self::Base64Url(0),
        Self::Base64Url(1),
        Self::Base64Url(2),
        Self::Decimal,
        Self::Utf16Le,
        Self::Utf16Be,
        Self::Percent,
        Self::PercentUri,
        Self::PercentForm,
        Self::PercentAll,
        Self::Json,
        Self::JsonAscii,
        Self::Debug,
    ];

    /// The bytes that show wherever `text` is written in this form.
    pub(super) fn of_text(self, text: &str) -> Vec<u8> {
        let percent = |kept: &dyn Fn(u8) -> bool| {
            let one = |byte| if kept(byte) { char::from(byte).into() } else { hex_escape(byte) };
            text.bytes().map(one).collect::<String>()
        };
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let shown = match self {
            Self::Utf16Le => return text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => return text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Percent => percent(&unreserved),
            Self::PercentUri => {
                percent(&|byte| unreserved(byte) || b":/?#[]@!$&'()*+,;=".contains(&byte))
            }
            Self::PercentForm => {
                percent(&|byte| unreserved(byte) || byte == b' ').replace(' ', "+")
            }
            Self::PercentAll => percent(&|_| false),
            Self::Json => inside(serde_json::Value::from(text).to_string()),
            Self::JsonAscii => json_ascii(&inside(serde_json::Value::from(text).to_string())),
            Self::Debug => inside(format!("{text:?}")),
            Self::Raw | Self::Hex | Self::Base64(_) | Self::Base64Url(_) | Self::Decimal => {
                return self.of_bytes(text.as_bytes()).unwrap_or_default();
            }
        };
        shown.into_bytes()
    }

    /// The bytes that show wherever `bytes` are written in this form; none where only texts are.
    pub(super) fn of_bytes(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let shown = match self {
            Self::Raw => return Some(bytes.to_vec()),
            Self::Hex => HEXLOWER.encode(bytes),
            Self::Base64(after) => certain_part(&BASE64_NOPAD, after, bytes),
            Self::Base64Url(after) => certain_part(&BASE64URL_NOPAD, after, bytes),
            Self::Decimal => {
                let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
                bytes.join(", ")
            }
            _ => return None,
        };
        Some(shown.into_bytes())
    }
}

/// The bytes of a key that is written as hexadecimal; none for other texts and for short ones.
pub(super) fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    (bytes.len() >= 12).then_some(bytes)
}

/// What base64 shows of `bytes` when `after` unknown bytes stand before them in their group of
/// three, and any after them: the characters that depend on `bytes` alone.
fn certain_part(base64: &data_encoding::Encoding, after: u8, bytes: &[u8]) -> String {
    let after = usize::from(after);
    let whole = base64.encode(&[&[0; 2][..after], bytes].concat());
    let first = (after * 8).div_ceil(6);
    let last = (after + bytes.len()) * 8 / 6;
    whole[first..last].to_owned()
}

fn hex_escape(byte: u8) -> String {
    format!("%{byte:02X}")
}

/// Without the quotes.
fn inside(quoted: String) -> String {
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_ascii(json: &str) -> String {
    let mut ascii = String::new();
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii += &format!("\\u{unit:04x}");
            }
        }
    }
    ascii
}
