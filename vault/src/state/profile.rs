//! Names of profiles.

use std::fmt;
use std::str::FromStr;

/// The name of a profile, which is also the name of its folder: 1 to [`ProfileName::MAX_BYTES`]
/// characters of `a-z`, `0-9` and `-`. The default is `default`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfileName(String);

impl ProfileName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 32;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ProfileName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(name: &str) -> Result<Self, ProfileNameError> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=Self::MAX_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.to_owned()))
        } else {
            Err(ProfileNameError { name: name.to_owned() })
        }
    }
}

/// A text that is no profile name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name:?} is no profile name; use 1 to {} characters of a-z, 0-9 and -, such as \"my-studio\"",
    ProfileName::MAX_BYTES
)]
pub struct ProfileNameError {
    /// The text found.
    pub name: String,
}
