//! Points in time at whole seconds, UTC (RFC 3339). Nothing here reads a clock.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z, from then to the end of year 9999.
/// Written `YYYY-MM-DDThh:mm:ssZ` and read in that one spelling.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text or number that is no [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time: write it as 2026-05-03T12:00:00Z (UTC, whole seconds)")]
pub struct TimeError;

impl Timestamp {
    /// The last second of the year 9999.
    pub const MAX: Self = Self(253_402_300_799);

    /// From seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`TimeError`] outside the years 1970 to 9999.
    pub fn from_unix_s(seconds: i64) -> Result<Self, TimeError> {
        (0..=Self::MAX.0).contains(&seconds).then_some(Self(seconds)).ok_or(TimeError)
    }

    /// Seconds since the Unix epoch.
    pub const fn unix_s(self) -> i64 {
        self.0
    }

    /// This many whole days later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0 + i64::from(days) * 86_400).min(Self::MAX)
    }

    /// The calendar date in UTC, `YYYY-MM-DD`.
    pub fn date(self) -> String {
        self.to_string()[..10].to_owned()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = OffsetDateTime::from_unix_timestamp(self.0).map_err(|_| std::fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        )
    }
}

impl std::fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| TimeError)?;
        let stamp = Self::from_unix_s(moment.unix_timestamp())?;
        (stamp.to_string() == text).then_some(stamp).ok_or(TimeError)
    }
}

crate::text_in_json!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_second() {
        let at: Timestamp = "2026-05-03T12:00:00Z".parse().expect("a time");
        assert_eq!(at.unix_s(), 1_777_809_600);
        assert_eq!(at.plus_days(1).to_string(), "2026-05-04T12:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59Z");
        for wrong in [
            "2026-05-03T12:00:00.0Z",
            "2026-05-03T12:00:00+00:00",
            "2026-05-03t12:00:00z",
            "2026-05-03 12:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-05-03T12:00:60Z",
            "1969-12-31T23:59:59Z",
            "",
        ] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }
}
