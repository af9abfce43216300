//! JSON that is signed: one strict reading, one canonical writing.
//!
//! Signed JSON passes [`parse`] first and is written by [`canonical`] (RFC 8785). What the common
//! parsers let through silently (a repeated key, a number that rounds) is refused here, so that two
//! readers can never see two documents in the same bytes (design, section 4).

use std::cell::Cell;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
pub use serde_json::{Map, Value};

/// The largest document, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 64;
/// The most values of a document, itself counted: nulls, booleans, numbers, strings, arrays and objects,
/// not the keys. Without it, bytes that say nothing would take a hundred times their size in memory.
pub const MAX_VALUES: usize = 1 << 18;
/// The largest magnitude of an integer: 2^53 - 1, the last one every reader holds exactly.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why bytes are not strict JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// More than [`MAX_BYTES`].
    #[error("{size_bytes} bytes of JSON: at most {MAX_BYTES} are read")]
    TooLarge {
        /// Size found.
        size_bytes: usize,
    },
    /// Not JSON, or JSON that strict reading refuses; the source says what and where.
    #[error("not strict JSON: {source}")]
    Refused {
        /// What was wrong, with line and column.
        #[from]
        source: serde_json::Error,
    },
    /// Strict JSON, but not written as RFC 8785 writes it.
    #[error("JSON that is not in canonical form (RFC 8785)")]
    NotCanonical,
}

/// Reads strict JSON: at most [`MAX_BYTES`] of UTF-8, at most [`MAX_DEPTH`] deep and of at most
/// [`MAX_VALUES`] values, no repeated key, ASCII keys only, no number but integers of magnitude at most [`MAX_INTEGER`].
///
/// # Errors
/// [`JsonError::TooLarge`], or [`JsonError::Refused`] naming line and column.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    strict(bytes, true)
}

/// Whether [`parse`] would read it, which is sooner known than it is read: what is checked may then be
/// read into a type of its own.
///
/// # Errors
/// As [`parse`].
pub fn check(bytes: &[u8]) -> Result<(), JsonError> {
    strict(bytes, false).map(drop)
}

fn strict(bytes: &[u8], keeps: bool) -> Result<Value, JsonError> {
    if bytes.len() > MAX_BYTES {
        return Err(JsonError::TooLarge { size_bytes: bytes.len() });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let values = Cell::new(0);
    let value = Strict { depth: 0, values: &values, keeps }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// [`parse`], and the bytes must be exactly what [`canonical`] writes.
///
/// # Errors
/// As [`parse`], and [`JsonError::NotCanonical`].
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, JsonError> {
    let value = parse(bytes)?;
    if canonical(&value) == bytes { Ok(value) } else { Err(JsonError::NotCanonical) }
}

/// The RFC 8785 (JCS) bytes of a value.
///
/// # Panics
/// Never for a value made by [`parse`] or by `serde_json`: its keys are strings and its numbers
/// finite, which is all that RFC 8785 asks.
pub fn canonical(value: &Value) -> Vec<u8> {
    serde_jcs::to_vec(value).expect("a JSON value has string keys and finite numbers")
}

#[derive(Clone, Copy)]
struct Strict<'v> {
    depth: usize,
    /// Values begun so far, in all of the document.
    values: &'v Cell<usize>,
    /// Whether they are wanted: else each is read as null.
    keeps: bool,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(Self { depth: self.depth + 1, ..*self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values = self.values.get();
        if values == MAX_VALUES {
            return Err(D::Error::custom(format_args!("more than {MAX_VALUES} values")));
        }
        self.values.set(values + 1);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("strict JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(E::custom("an integer beyond 2^53 - 1"));
        }
        Ok(value.into())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(E::custom("an integer beyond 2^53 - 1"));
        }
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number that is not an integer within 2^53 - 1"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(if self.keeps { Value::String(value.to_owned()) } else { Value::Null })
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            if self.keeps {
                array.push(item);
            }
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        self.deeper::<A::Error>()?;
        while let Some(key) = entries.next_key::<String>()? {
            if !key.is_ascii() {
                return Err(A::Error::custom("a key that is not ASCII"));
            }
            if map.contains_key(&key) {
                return Err(A::Error::custom("a repeated key"));
            }
            let value = entries.next_value_seed(self.deeper()?)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strict_reading_refuses_what_two_readers_could_read_differently() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "a repeated key"),
            (r#"{"b":{"a":1,"\u0061":2}}"#, "a repeated key"),
            (r#"{"\u00e9":1}"#, "not ASCII"),
            ("1.0", "not an integer"),
            ("1e2", "not an integer"),
            ("-0", "not an integer"),
            ("9007199254740992", "2^53"),
            ("-9007199254740992", "2^53"),
            ("18446744073709551616", "not an integer"),
            (r#""\ud800""#, "hex escape"),
            (r#""\ud800\u0041""#, "surrogate"),
            ("[1] 2", "trailing"),
            ("[1,]", "trailing"),
            ("", "EOF"),
            ("NaN", "expected"),
            ("\u{feff}1", "expected"),
        ] {
            let error = parse(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse("[".repeat(65).as_bytes()).expect_err("deep").to_string().contains("deep"));
        assert!(parse(format!("{}{}", "[".repeat(64), "]".repeat(64)).as_bytes()).is_ok());
        assert!(parse(format!("{}{{}}{}", "[".repeat(64), "]".repeat(64)).as_bytes()).is_err());
        assert!(matches!(parse(&vec![b' '; MAX_BYTES + 1]), Err(JsonError::TooLarge { .. })));
        assert_eq!(parse(b"9007199254740991").expect("the limit"), MAX_INTEGER);
    }

    /// What is checked and what is read are the same documents.
    #[test]
    fn what_is_checked_is_what_is_read() {
        for text in [
            r#"{"a":[1,{"b":null}],"c":"\u00e9"}"#,
            "[]",
            "7",
            r#"{"a":1,"a":2}"#,
            r#"[{"a":{"b":1,"b":1}}]"#,
            r#"{"\u00e9":1}"#,
            "[1.5]",
            "[9007199254740992]",
            "[1] 2",
            r#"["\ud800"]"#,
            "",
        ] {
            assert_eq!(check(text.as_bytes()).is_ok(), parse(text.as_bytes()).is_ok(), "{text}");
        }
        let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(check(deep(64).as_bytes()).is_ok() && check(deep(65).as_bytes()).is_err());
        let many = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
        assert!(check(many(MAX_VALUES - 1).as_bytes()).is_ok());
        assert!(check(many(MAX_VALUES).as_bytes()).is_err());
    }

    #[test]
    fn a_document_has_a_greatest_number_of_values() {
        let array = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
        assert!(parse(array(MAX_VALUES - 1).as_bytes()).is_ok());
        for text in [array(MAX_VALUES), format!("[{}0]", "{\"\":0},".repeat(MAX_VALUES / 2))] {
            let error = parse(text.as_bytes()).expect_err("too many").to_string();
            assert!(error.contains("more than 262144 values"), "{error}");
        }
    }

    #[test]
    fn canonical_form_is_the_only_one_accepted() {
        assert!(parse_canonical(br#"{"a":1,"b":"x"}"#).is_ok());
        for other in [r#"{"b":"x","a":1}"#, r#"{"a": 1,"b":"x"}"#, r#"{"a":1,"b":"\u0078"}"#] {
            let error = parse_canonical(other.as_bytes()).expect_err(other);
            assert!(matches!(error, JsonError::NotCanonical));
        }
    }
}
