//! Names of entries (`FORMAT.md`, section 3).

use hallmark_core::id::IdError;

/// The name of a part: a folder (`certs`, `media` or `notes`), a slash, and 1 to 80 characters of
/// `a-z 0-9 . _ -` that begin with a letter or digit, hold no two dots in a row, do not end with one,
/// and are no device name of Windows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartPath(String);

impl PartPath {
    /// The folders a part can lie in.
    pub const FOLDERS: [&str; 3] = ["certs", "media", "notes"];

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// True for a file name that is safe on every system: see [`PartPath`].
pub(super) fn is_safe_file_name(name: &str) -> bool {
    (1..=80).contains(&name.len())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && !name.contains("..")
        && !name.ends_with('.')
        && !is_device_name(name)
}

/// Names that Windows opens as a device in any folder, whatever follows the first dot.
fn is_device_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

impl std::fmt::Display for PartPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for PartPath {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.split_once('/')
            .filter(|(folder, name)| Self::FOLDERS.contains(folder) && is_safe_file_name(name))
            .map(|_| Self(text.to_owned()))
            .ok_or(IdError { what: "part path (certs/, media/ or notes/ and a plain file name)" })
    }
}

hallmark_core::text_in_json!(PartPath);

#[cfg(test)]
mod tests {
    use super::*;

    /// T-03: no name can leave the folder a file is exported to.
    #[test]
    fn traversal_absolute_and_odd_names_are_refused() {
        for good in
            ["media/01-front.jpg", "certs/a", "notes/9_9.txt", "media/console", "notes/com10"]
        {
            assert!(good.parse::<PartPath>().is_ok(), "{good}");
        }
        for bad in [
            "../x",
            "/etc/passwd",
            "media/../x",
            "media//x",
            "media/",
            "media/a/b",
            "media/.x",
            "Media/x",
            "media/X",
            "media/a b",
            "media/é",
            "media\\x",
            "x",
            "media/a..b",
            "c:/x",
            "media/a.",
            "events/0001.json",
            "media/\0",
            "proofs/x",
            "media/nul",
            "notes/con.txt",
            "certs/com1.a.pdf",
            "certs/lpt0",
        ] {
            assert!(bad.parse::<PartPath>().is_err(), "{bad}");
        }
    }
}
