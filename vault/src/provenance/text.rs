//! Text that people will read, taken from files nobody vouches for.

use hallmark_core::json::Value;

/// 1 to 2,000 characters that show as what they are: see [`is_plain`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(String);

/// The most characters of a [`Text`].
pub const MAX_CHARS: usize = 2000;

/// A text that cannot stand in a provenance file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a text must have 1 to {MAX_CHARS} characters and no control characters")]
pub struct TextError;

impl Text {
    /// Checks a text.
    ///
    /// # Errors
    /// [`TextError`] when it is empty, blank, too long, or not plain.
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        let fits = !text.trim().is_empty() && text.chars().count() <= MAX_CHARS;
        (fits && is_plain(&text)).then_some(Self(text)).ok_or(TextError)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// No control characters (a line feed excepted) and nothing that reorders or hides text: such a
/// character could make a terminal or a page show a verdict that was never given. Refused are the
/// code points that are bidirectional controls, line or paragraph separators, or ignored when shown
/// (Unicode's `Bidi_Control` and `Default_Ignorable_Code_Point`), except the variation selectors
/// U+FE00 to U+FE0F that emoji need.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
                | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
    })
}

/// [`is_plain`] for every string in a document.
pub fn all_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => is_plain(text),
        Value::Array(items) => items.iter().all(all_plain),
        Value::Object(map) => map.iter().all(|(key, item)| is_plain(key) && all_plain(item)),
        _ => true,
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Text {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::new(text)
    }
}

hallmark_core::text_in_json!(Text);

/// A calendar date, `YYYY-MM-DD`, years 1000 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(String);

impl Date {
    /// The day of a point in time, UTC.
    pub fn of(at: hallmark_core::time::Timestamp) -> Self {
        Self(at.date())
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no [`Date`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date: write it as 2026-05-03")]
pub struct DateError;

impl std::str::FromStr for Date {
    type Err = DateError;
    fn from_str(text: &str) -> Result<Self, DateError> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, b)| match i {
                4 | 7 => *b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shape || bytes[0] == b'0' {
            return Err(DateError);
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(0);
        let (year, month, day) = (number(0..4), number(5..7), number(8..10));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (1..=days).contains(&day).then(|| Self(text.to_owned())).ok_or(DateError)
    }
}

hallmark_core::text_in_json!(Date);

#[cfg(test)]
mod tests {
    use super::*;

    /// T-11: a file cannot draw its own verdict on the reader's terminal.
    #[test]
    fn text_that_could_draw_on_a_terminal_is_refused() {
        assert!(Text::new("Ring \"Flut\", 18 kt — für Ána\nzweite Zeile").is_ok());
        for bad in [
            "",
            "  ",
            "a\u{1b}[2Jverified",
            "a\rb",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{9b}1m",
            "a\u{61c}b",
        ] {
            assert!(Text::new(bad).is_err(), "{bad:?}");
        }
        assert!(Text::new("x".repeat(MAX_CHARS + 1)).is_err());
        assert!(!all_plain(&serde_json::json!({"a": [{"b": "\u{1b}"}]})));
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        assert!("2024-02-29".parse::<Date>().is_ok());
        for bad in ["2026-02-29", "2026-13-01", "2026-04-31", "2026-4-01", "0999-01-01", "x", ""] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }
}
