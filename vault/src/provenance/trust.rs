//! Whose signatures a person trusts, and how they came to: the trust store.
//!
//! A pin is made by the person, from something outside the provenance file: a studio's `.pub`
//! file, the card in the jewellery box, or a domain they know. Nothing inside a file ever makes
//! its own signer trusted.

use std::collections::BTreeSet;

use hallmark_core::{
    id::PieceId,
    key::{Fingerprint, PublicKey},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{claim::Strength, piece::Domain, text::Text};

/// The most pins in a store.
pub const MAX_PINS: usize = 10_000;

/// Where a pinned key came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PinSource {
    /// A `studio.pub` file.
    File,
    /// The card in the jewellery box.
    Card {
        /// The pieces whose cards were read.
        pieces: BTreeSet<PieceId>,
    },
    /// Typed or pasted by hand.
    Typed,
    /// The studio's own domain listed it on that day.
    Domain {
        /// The domain the person named.
        domain: Domain,
        /// When it was asked.
        checked: Timestamp,
    },
}

/// What a person trusts a key for. A studio's key never lends a claim the strength of a laboratory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinRole {
    /// To sign provenance files.
    #[default]
    Studio,
    /// To warrant what it supplied.
    Supplier,
    /// To audit a chain of supply.
    Auditor,
    /// To examine stones and metals.
    Lab,
    /// To test and mark metals.
    AssayOffice,
}

impl PinRole {
    /// True when a claim of this strength may rest on a key trusted in this role.
    pub fn backs(self, strength: Strength) -> bool {
        match strength {
            Strength::SelfDeclared => true,
            Strength::SupplierWarranty => self == Self::Supplier,
            Strength::Audited => self == Self::Auditor,
            Strength::Lab => self == Self::Lab,
            Strength::Assay => self == Self::AssayOffice,
        }
    }
}

/// A key a person decided to trust, by its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pin {
    /// Fingerprint of the key.
    pub fingerprint: Fingerprint,
    /// What the person calls its holder.
    pub name: Text,
    /// What it is trusted for.
    #[serde(default)]
    pub role: PinRole,
    /// Where it came from.
    pub source: PinSource,
    /// Since when.
    pub since: Timestamp,
    /// Keys that took over from it one after the other, as its history in the log says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<Fingerprint>,
}

impl Pin {
    /// The key that its history came to.
    #[must_use]
    pub fn newest(&self) -> &Fingerprint {
        self.followed.last().unwrap_or(&self.fingerprint)
    }
}

/// The trust store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(Vec<Pin>);

/// Why the store stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// That key is pinned already.
    #[error("{fingerprint} is trusted already, as {name}")]
    Already {
        /// The key.
        fingerprint: Fingerprint,
        /// Under what name.
        name: Text,
    },
    /// No such pin.
    #[error("nothing trusted is called that; `hallmark trust list` shows what is")]
    Unknown,
    /// [`MAX_PINS`] reached.
    #[error("the trust store is full ({MAX_PINS} keys)")]
    Full,
}

impl Pins {
    /// The pin for a key, if there is one.
    pub fn find(&self, key: &PublicKey) -> Option<&Pin> {
        let fingerprint = key.fingerprint();
        let is_exact = |pin: &&Pin| pin.fingerprint == fingerprint;
        let exact = self.0.iter().find(is_exact);
        exact.or_else(|| self.0.iter().find(|pin| pin.followed.contains(&fingerprint)))
    }

    /// Notes that a key took over from the newest of a pin.
    ///
    /// # Errors
    /// [`PinError::Unknown`] where none is so far.
    pub fn follow(&mut self, from: &Fingerprint, to: Fingerprint) -> Result<(), PinError> {
        let mut is_newest = self.0.iter_mut().filter(|pin| pin.newest() == from).peekable();
        if is_newest.peek().is_none() {
            return Err(PinError::Unknown);
        }
        is_newest.for_each(|pin| pin.followed.push(to));
        Ok(())
    }

    /// All pins, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.0.iter()
    }

    /// Adds a pin.
    ///
    /// # Errors
    /// [`PinError::Already`] for a key that is pinned, [`PinError::Full`].
    pub fn add(&mut self, pin: Pin) -> Result<(), PinError> {
        if let Some(earlier) = self.0.iter().find(|other| other.fingerprint == pin.fingerprint) {
            return Err(PinError::Already {
                fingerprint: earlier.fingerprint,
                name: earlier.name.clone(),
            });
        }
        if self.0.len() == MAX_PINS {
            return Err(PinError::Full);
        }
        self.0.push(pin);
        Ok(())
    }

    /// Notes that the card of a further piece was read, where this key was pinned from a card in the
    /// same role; gives its pin.
    pub fn add_card(&mut self, card: &Card, role: PinRole) -> Option<&Pin> {
        let pin =
            self.0.iter_mut().find(|pin| pin.fingerprint == card.studio && pin.role == role)?;
        let PinSource::Card { pieces } = &mut pin.source else { return None };
        pieces.insert(card.piece);
        Some(pin)
    }

    /// Removes every pin with this fingerprint or exactly this name; gives what was removed.
    ///
    /// # Errors
    /// [`PinError::Unknown`] when there is none.
    pub fn remove(&mut self, name_or_fingerprint: &str) -> Result<Vec<Pin>, PinError> {
        let print: Option<Fingerprint> = name_or_fingerprint.parse().ok();
        let (gone, kept) = std::mem::take(&mut self.0).into_iter().partition(|pin| {
            Some(pin.fingerprint) == print || pin.name.as_str() == name_or_fingerprint
        });
        self.0 = kept;
        let gone: Vec<Pin> = gone;
        if gone.is_empty() { Err(PinError::Unknown) } else { Ok(gone) }
    }
}

/// What a domain said of a key when it was asked (`did:web`, `FORMAT.md`, section 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainCheck {
    /// The domain asked.
    pub domain: Domain,
    /// True when the person named the domain, false when the file did.
    pub named_by_person: bool,
    /// When.
    pub at: Timestamp,
    /// Whether its document lists the key; `None` when it could not be asked.
    pub lists_key: Option<bool>,
}

const CARD_PREFIX: &str = "HALLMARK:1:";

/// What the QR code of the card in the jewellery box says: which piece, and whose key signed it.
/// Written `HALLMARK:1:<UUID in upper case>:<fingerprint without dashes>`, which a QR code holds
/// in its compact alphanumeric mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// The piece.
    pub piece: PieceId,
    /// The studio's key.
    pub studio: Fingerprint,
}

impl std::fmt::Display for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uuid = self.piece.uuid().to_ascii_uppercase();
        let studio = self.studio.to_string().replace('-', "");
        write!(f, "{CARD_PREFIX}{uuid}:{studio}")
    }
}

impl std::str::FromStr for Card {
    type Err = hallmark_core::id::IdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = hallmark_core::id::IdError { what: "card (HALLMARK:1:...)" };
        let upper = text.trim().to_ascii_uppercase();
        let (uuid, studio) = upper
            .strip_prefix(CARD_PREFIX)
            .and_then(|rest| rest.split_once(':'))
            .ok_or_else(|| wrong.clone())?;
        Ok(Self {
            piece: format!("urn:uuid:{}", uuid.to_ascii_lowercase())
                .parse()
                .map_err(|_| wrong.clone())?,
            studio: studio.parse().map_err(|_| wrong)?,
        })
    }
}

/// The key a `studio.pub` file names: the `did:key` in its comment. The minisign key below it is
/// for checking bytes with minisign and pins nothing.
///
/// # Errors
/// [`hallmark_core::id::IdError`] when the file is not one that `hallmark studio init` wrote.
pub fn key_of_pub_file(text: &str) -> Result<PublicKey, hallmark_core::id::IdError> {
    text.strip_prefix("untrusted comment: ")
        .and_then(|rest| rest.lines().next())
        .and_then(|comment| comment.split(' ').find(|word| word.starts_with("did:key:")))
        .and_then(|did| did.parse().ok())
        .ok_or(hallmark_core::id::IdError {
            what: "studio.pub file (its first line names the studio's did:key)",
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;

    fn pin(seed: u8, name: &str) -> Pin {
        Pin {
            fingerprint: SigningKey::from_seed(&[seed; 32]).public().fingerprint(),
            name: name.parse().unwrap(),
            role: PinRole::Studio,
            source: PinSource::Card { pieces: BTreeSet::new() },
            since: "2026-05-03T12:00:00Z".parse().unwrap(),
            followed: Vec::new(),
        }
    }

    #[test]
    fn pins_are_added_once_and_removed_by_name_or_fingerprint() {
        let mut pins = Pins::default();
        pins.add(pin(1, "Rosa")).unwrap();
        pins.add(pin(2, "Ines")).unwrap();
        assert!(matches!(pins.add(pin(1, "Rosa again")), Err(PinError::Already { .. })));
        assert!(pins.find(&SigningKey::from_seed(&[1; 32]).public()).is_some());
        assert_eq!(pins.remove("Nobody"), Err(PinError::Unknown));
        assert_eq!(pins.remove("Ines").unwrap().len(), 1);
        let typed = pin(1, "x").fingerprint.to_string().to_lowercase();
        assert_eq!(pins.remove(&typed).unwrap().len(), 1);
        assert_eq!(pins.iter().count(), 0);
    }

    #[test]
    fn a_card_reads_back_however_it_is_typed() {
        let card = Card {
            piece: "urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab".parse().unwrap(),
            studio: pin(1, "x").fingerprint,
        };
        assert_eq!(card.to_string().parse::<Card>().unwrap(), card);
        assert_eq!(card.to_string().to_lowercase().parse::<Card>().unwrap(), card);
        assert!("HALLMARK:2:x:y".parse::<Card>().is_err());
    }

    #[test]
    fn a_pub_file_names_a_did_key() {
        let key = SigningKey::from_seed(&[1; 32]).public();
        let text = format!("untrusted comment: hallmark studio {key} Rosa\nRWQ...\n");
        assert_eq!(key_of_pub_file(&text).unwrap(), key);
        assert!(key_of_pub_file("untrusted comment: minisign public key\nRWQ\n").is_err());
    }
}
