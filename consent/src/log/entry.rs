//! What one entry of the log says (design, section 5, "One log, two entry shapes";
//! `consent/FORMAT.md`, section 2): one line of canonical JSON.
//!
//! Private chains take places: `{"commitment", "kind", "w"}` and nothing else, so that no entry of
//! theirs can be told from another. Public facts are in clear; what a [key] says of its successor takes a
//! label too. A kind that is not known here is read as what it is, an entry of another kind: it takes no
//! label and is no map root.

use data_encoding::HEXLOWER;
use hallmark_core::{
    account::Signed, chain::Opening, hash::Sha256, id::Label, json, secret::Secret,
};
use serde::{Deserialize, Serialize};

use super::{
    key::{self, KeyStatement},
    tile::MAX_ENTRY_LEN,
};

/// Bytes that are no entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Longer than an entry can be.
    #[error("an entry of {len_bytes} bytes: at most {MAX_ENTRY_LEN} fit")]
    TooLong {
        /// Its length.
        len_bytes: usize,
    },
    /// Not canonical JSON.
    #[error("not an entry")]
    Json(#[from] json::JsonError),
    /// Not of its kind's form.
    #[error("not an entry of kind {kind:?}")]
    Form {
        /// The kind it names.
        kind: String,
    },
    /// No kind.
    #[error("an entry without a kind")]
    NoKind,
}

/// What a private chain is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// An anchored file or manifest.
    Anchor,
    /// A consent.
    Consent,
    /// Who has a piece.
    Custody,
    /// The head of an account's device list.
    Devices,
}

impl ChainKind {
    const ALL: [Self; 4] = [Self::Anchor, Self::Consent, Self::Custody, Self::Devices];

    fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// As it stands in an entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anchor => "anchor",
            Self::Consent => "consent",
            Self::Custody => "custody",
            Self::Devices => "devices",
        }
    }
}

/// A place that a private chain takes.
#[derive(Debug, Clone)]
pub struct Place {
    /// What its chain is about.
    pub kind: ChainKind,
    /// What opens it.
    pub w: Opening,
    /// The [commitment](super::chain::commitment) to its event.
    pub commitment: Sha256,
}

/// The root of the map over all entries before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapRoot {
    /// How many entries it covers: all before this one.
    pub covers: u64,
    /// The root.
    pub root: Sha256,
}

/// An entry.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A place of a private chain.
    Place(Place),
    /// A root of the map.
    MapRoot(MapRoot),
    /// Who follows a key, signed by it.
    Key(Box<Signed<KeyStatement>>),
    /// A fact of another kind, with all its members.
    Other {
        /// Its kind.
        kind: String,
        /// The entry as a whole.
        value: json::Value,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapRootForm {
    covers: u64,
    #[serde(rename = "kind")]
    _kind: Map,
    root: Sha256,
}

#[derive(Deserialize)]
enum Map {
    #[serde(rename = "map")]
    Map,
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_LEN {
            return Err(EntryError::TooLong { len_bytes: bytes.len() });
        }
        if let Some(place) = Place::in_its_form(bytes) {
            return Ok(Self::Place(place));
        }
        let value = json::parse_canonical(bytes)?;
        let kind = value.get("kind").and_then(json::Value::as_str).ok_or(EntryError::NoKind)?;
        let kind = kind.to_owned();
        match kind.as_str() {
            "map" => {
                let MapRootForm { covers, root, .. } =
                    serde_json::from_value(value).map_err(|_| EntryError::Form { kind })?;
                Ok(Self::MapRoot(MapRoot { covers, root }))
            }
            key::KIND => match key::read(value) {
                Some(signed) => Ok(Self::Key(Box::new(signed))),
                None => Err(EntryError::Form { kind }),
            },
            // A place in its one form was read above.
            _ if ChainKind::named(&kind).is_some() => Err(EntryError::Form { kind }),
            _ => Ok(Self::Other { kind, value }),
        }
    }

    /// The label that it takes, if it takes one.
    pub fn label(&self) -> Option<Label> {
        match self {
            Self::Place(place) => Some(place.w.label()),
            Self::Key(signed) => Some(key::label(&signed.claimed().key.fingerprint())),
            Self::MapRoot(_) | Self::Other { .. } => None,
        }
    }
}

impl Place {
    /// Reads the one line that a place is written as. Nearly all entries of a log are places, and most
    /// of the work of reading one is its JSON.
    fn in_its_form(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"commitment":""#)?;
        let (commitment, rest) = rest.split_at_checked(HEX_LEN)?;
        let rest = rest.strip_prefix(br#"","kind":""#)?;
        let (kind, rest) = rest.split_at(rest.iter().position(|byte| *byte == b'"')?);
        let (w, rest) = rest.strip_prefix(br#"","w":""#)?.split_at_checked(HEX_LEN)?;
        let kind = ChainKind::named(std::str::from_utf8(kind).ok()?)?;
        let w = Opening::from_secret(Secret::from_bytes(&digits(w)?));
        let commitment = Sha256::from_bytes(digits(commitment)?);
        (rest == br#""}"#).then_some(Self { kind, w, commitment })
    }

    /// The line: 192 bytes, and the kind.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (commitment, kind) = (self.commitment, self.kind.as_str());
        let w = Sha256::from_bytes(*self.w.expose());
        format!(r#"{{"commitment":"{commitment}","kind":"{kind}","w":"{w}"}}"#).into_bytes()
    }
}

impl MapRoot {
    /// The line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { covers, root } = self;
        format!(r#"{{"covers":{covers},"kind":"map","root":"{root}"}}"#).into_bytes()
    }
}

/// Digits of a hash.
const HEX_LEN: usize = 64;

fn digits(hex: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let decoded = HEXLOWER.decode_mut(hex, &mut bytes);
    decoded.is_ok_and(|len| len == bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_frozen() {
        let place = Place {
            kind: ChainKind::Custody,
            w: Opening::from_secret(Secret::from_bytes(&[1; 32])),
            commitment: Sha256::from_bytes([2; 32]),
        };
        let bytes = place.to_bytes();
        let (two, one) = ("02".repeat(32), "01".repeat(32));
        let text = format!(r#"{{"commitment":"{two}","kind":"custody","w":"{one}"}}"#);
        assert_eq!(bytes, text.as_bytes());
        let read = Entry::parse(&bytes).unwrap();
        assert_eq!(read.label(), Some(place.w.label()));

        let root = MapRoot { covers: 7, root: Sha256::from_bytes([3; 32]) };
        let text = format!(r#"{{"covers":7,"kind":"map","root":"{}"}}"#, "03".repeat(32));
        assert_eq!(root.to_bytes(), text.as_bytes());
        assert!(matches!(Entry::parse(text.as_bytes()), Ok(Entry::MapRoot(read)) if read == root));
    }

    #[test]
    fn what_is_no_entry() {
        let (one, upper) = ("01".repeat(32), "AB".repeat(32));
        for text in [
            String::new(),
            "{}".into(),
            "[]".into(),
            r#"{"kind":7}"#.into(),
            format!(r#"{{"kind":"custody","w":"{one}"}}"#),
            format!(r#"{{"commitment":"{one}","kind":"custody","more":1,"w":"{one}"}}"#),
            format!(r#"{{"commitment":"{one}","kind":"custody","w":"{upper}"}}"#),
            format!(r#"{{"kind":"custody","commitment":"{one}","w":"{one}"}}"#),
            format!(r#"{{"commitment":"{one}","kind":"custody","w":"{one}"}} "#),
            format!(r#"{{"covers":-1,"kind":"map","root":"{one}"}}"#),
            format!(r#"{{"kind":"note","text":"{}"}}"#, "x".repeat(MAX_ENTRY_LEN)),
        ] {
            assert!(Entry::parse(text.as_bytes()).is_err(), "{text}");
        }
        let other = Entry::parse(br#"{"kind":"drop","units":7}"#).unwrap();
        assert!(matches!(other, Entry::Other { kind, .. } if kind == "drop"));
    }
}
