//! Problem documents (RFC 9457) and their stable codes: what the service answers when it does not do
//! what it was asked.
//!
//! A code is the last part of a problem's `type`, and what a program decides by; the texts beside it
//! are for people and may change. One table gives each code its status and title, so that the two
//! sides cannot come apart.

use serde::{Deserialize, Serialize};

/// The start of every `type`: a URN, since nobody has to be asked what a code means.
const TYPE_PREFIX: &str = "urn:hallmark:problem:";
/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)+) => {
        /// What went wrong, stable from version to version.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)+
            /// A code of a service newer than this program.
            Unknown,
        }

        impl Code {
            /// All of them, [`Code::Unknown`] excepted.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as it stands in a problem's `type`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown => "unknown",
                }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                    Self::Unknown => 500,
                }
            }

            /// A short text for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                    Self::Unknown => "Something this version does not know",
                }
            }

            fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)+
                    _ => Self::Unknown,
                }
            }
        }
    };
}

codes! {
    /// The path, a parameter or the body is not what the document says.
    Malformed = "malformed", 400, "The request is not as documented";
    /// The body does not have the digest that was signed.
    Digest = "digest", 400, "The body is not the one that was signed";
    /// No signature, or not in the one form of the profile.
    Unsigned = "unsigned", 401, "The request is not signed as documented";
    /// The signature does not verify.
    Signature = "signature", 401, "The signature does not verify";
    /// Signed too long ago, or in the future.
    Clock = "clock", 401, "The request was signed at another time than now";
    /// The nonce was used before.
    Replayed = "replayed", 401, "The request was sent before";
    /// Signed before the service last started, so that nobody can tell whether it was sent before.
    BeforeRestart = "before-restart", 401, "The request was signed before the service started";
    /// The key is no listed device of the account and not its recovery key.
    NotListed = "not-listed", 403, "The key is no device of this account";
    /// The key was a device of the account and is no more.
    Revoked = "revoked", 403, "This device was taken off the account";
    /// There is nothing at this address.
    NotFound = "not-found", 404, "There is nothing here";
    /// There is no such account.
    NoAccount = "no-account", 404, "There is no such account";
    /// There is no such blob.
    NoBlob = "no-blob", 404, "There is no such blob";
    /// The address knows other methods only.
    Method = "method", 405, "This cannot be done here";
    /// The request took too long to arrive.
    Timeout = "timeout", 408, "The request took too long to arrive";
    /// The device list has gone on since: synchronise, then try again.
    DevicesChanged = "devices-changed", 409, "The device list has changed";
    /// The items have gone on since: synchronise, then try again.
    ItemsChanged = "items-changed", 409, "The items have changed";
    /// The device has seen more than the service has: it was set back.
    Ahead = "ahead", 409, "The device has seen more than the service has";
    /// There is an account, a blob or a part of that name with other content.
    Differs = "differs", 409, "There is another one of that name";
    /// The blob is not there as a whole yet.
    Incomplete = "incomplete", 409, "The blob is not complete";
    /// The place in the log is taken by another entry.
    Taken = "taken", 409, "The place is taken";
    /// The body is longer than the limit.
    TooLarge = "too-large", 413, "The body is too large";
    /// The body is of another media type.
    MediaType = "media-type", 415, "The body is of another media type";
    /// The range asked for is not there.
    Range = "range", 416, "The range is not there";
    /// A device list entry, its wraps or its keys do not belong.
    EntryRefused = "entry-refused", 422, "The device list entry does not belong there";
    /// A manifest does not follow, or does not count the items it comes with.
    ManifestRefused = "manifest-refused", 422, "The manifest does not belong there";
    /// A part has another size than its place in the blob.
    PartSize = "part-size", 422, "The part has the wrong size";
    /// Not an entry that the log takes.
    NotLogged = "not-logged", 422, "The log takes no such entry";
    /// More requests than the limit.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// The header fields are longer than the limit.
    HeadersTooLarge = "headers-too-large", 431, "The header fields are too large";
    /// A mistake of the service's own.
    Internal = "internal", 500, "The service made a mistake";
    /// The queue of writes is full.
    Overloaded = "overloaded", 503, "The service is busy";
    /// Too few witnesses have seen the log: nothing is acknowledged.
    Unwitnessed = "unwitnessed", 503, "Too few witnesses have seen the log";
    /// The service is stopping.
    Stopping = "stopping", 503, "The service is stopping";
    /// The account holds as much as it may.
    Quota = "quota", 507, "The account is full";
    /// The service's disk is full.
    DiskFull = "disk-full", 507, "The service has no room";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{TYPE_PREFIX}{self}"))
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Ok(text.strip_prefix(TYPE_PREFIX).map_or(Self::Unknown, Self::parse))
    }
}

/// A problem document (RFC 9457, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What went wrong, as a URN.
    #[serde(rename = "type")]
    pub code: Code,
    /// The same for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What it was here, and the way out.
    pub detail: String,
}

impl Problem {
    /// A problem of that kind; `detail` says what it was here, and the way out.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (title, status) = (code.title().to_owned(), code.status());
        Self { code, title, status, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_one_of_a_kind_and_read_back() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code} stands for two things");
            let json = serde_json::to_string(code).expect("a text");
            assert_eq!(serde_json::from_str::<Code>(&json).expect("reads back"), *code);
            assert!((400..600).contains(&code.status()));
        }
        let newer: Code = serde_json::from_str("\"urn:hallmark:problem:new\"").expect("a text");
        assert_eq!(newer, Code::Unknown);
    }

    #[test]
    fn a_problem_is_frozen() {
        let problem = Problem::new(Code::Quota, "Remove something first.");
        let json = serde_json::to_string(&problem).expect("our own types are JSON");
        assert_eq!(
            json,
            r#"{"type":"urn:hallmark:problem:quota","title":"The account is full","status":507,"detail":"Remove something first."}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).expect("reads back"), problem);
    }
}
