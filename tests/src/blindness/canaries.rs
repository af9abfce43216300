//! Strings that are planted to be looked for.

use std::collections::BTreeMap;

/// Canaries by kind: in JSON `{kind: [strings]}`, values only what must not leak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canaries(BTreeMap<String, Vec<String>>);

/// Why these are no canaries.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// Not an object of arrays of strings.
    #[error("canaries are {{kind: [strings]}}")]
    Json(#[source] serde_json::Error),
    /// Too short to be told from chance.
    #[error("canary {number} of {kind} has fewer than {} characters", Canaries::MIN_CHARS)]
    Short {
        /// Its kind.
        kind: String,
        /// Its place among those of its kind, counted from 0.
        number: usize,
    },
    /// None at all: a search for nothing finds nothing.
    #[error("there is no canary")]
    None,
}

impl Canaries {
    /// The shortest, in characters.
    pub const MIN_CHARS: usize = 12;

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`CanaryError`].
    pub fn parse(json: &[u8]) -> Result<Self, CanaryError> {
        let read: BTreeMap<String, Vec<String>> =
            serde_json::from_slice(json).map_err(CanaryError::Json)?;
        let mut canaries = Self::default();
        for (kind, values) in &read {
            for value in values {
                canaries.plant(kind, value)?;
            }
        }
        if canaries.0.is_empty() { Err(CanaryError::None) } else { Ok(canaries) }
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`CanaryError::Short`].
    pub fn plant(&mut self, kind: &str, value: &str) -> Result<(), CanaryError> {
        let values = self.0.entry(kind.to_owned()).or_default();
        if value.chars().count() < Self::MIN_CHARS {
            return Err(CanaryError::Short { kind: kind.to_owned(), number: values.len() });
        }
        values.push(value.to_owned());
        Ok(())
    }

    /// Kind, place among its kind counted from 0, and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize, &str)> {
        self.0.iter().flat_map(|(kind, values)| {
            let numbered = values.iter().enumerate();
            numbered.map(move |(number, value)| (kind.as_str(), number, value.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_short_or_nothing_is_refused() {
        let read = Canaries::parse(br#"{"city": ["Rue de Rivoli 1", "Sant Agusti 22"]}"#);
        assert_eq!(read.expect("the control").iter().count(), 2);
        for wrong in [r#"{"city": ["eleven char"]}"#, r#"{}"#, r#"{"city": []}"#, r#"["x"]"#] {
            assert!(Canaries::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
