//! Histories of keys: who a key that is known names as its successor, and that the successor took over
//! (design, section 3; `consent/FORMAT.md`, section 9).
//!
//! Each key says one thing of itself, once: who follows it. The entry is in clear and takes the label that
//! its fingerprint leads to, so that whoever knows a key finds what it said, and nobody else takes its
//! place: the signature has to be the key's own. A history extends a key that is trusted already; nothing
//! in it makes a key trusted.

use hallmark_core::{
    account::{Signed, Statement},
    hash::Sha256,
    id::Label,
    json,
    key::{Domain, Fingerprint, PublicKey},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryError};

const LABEL_DOMAIN: &[u8] = b"hallmark/key-label/v1\0";

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyRole {
    /// It signs the checkpoints of a log.
    Log,
    /// It signs the receipts of a service.
    Service,
    /// It signs provenance files.
    Studio,
    /// It redeems tokens.
    Partner,
}

/// What a key says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyStatement {
    hallmark: Form,
    /// Whose key it is.
    pub role: KeyRole,
    /// The key, which signs this.
    pub key: PublicKey,
    /// The key that is to follow it, kept offline until then.
    pub successor: PublicKey,
    /// Hash of the statement that named this key as a successor; `None` for the first of a history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sha256>,
    /// When it was signed, by the clock of who did. What counts is when witnesses saw it.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Form {
    #[serde(rename = "key/1")]
    First,
}

impl Statement for KeyStatement {
    const DOMAIN: Domain = Domain::new("hallmark/key-statement/v1");
    fn by(&self) -> PublicKey {
        self.key
    }
}

/// Why a statement does not continue what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyHistoryError {
    /// It is another key's.
    #[error("it is the statement of another key")]
    Key,
    /// The signature is not the key's.
    #[error("its signature is not by the key that it is about")]
    Signature,
    /// The key names itself.
    #[error("it names its own key as the successor")]
    Itself,
    /// It says that it follows another history, or none.
    #[error("the key that was named as the successor says that it follows something else")]
    Previous,
    /// It is a key for something else.
    #[error("the successor says that it is a key for something else")]
    Role,
}

impl KeyStatement {
    /// What a key says at this time that follows `previous`, or begins a history.
    pub fn new(
        role: KeyRole,
        (key, successor): (PublicKey, PublicKey),
        previous: Option<Sha256>,
        at: Timestamp,
    ) -> Self {
        Self { hallmark: Form::First, role, key, successor, previous, at }
    }
}

/// `SHA-256("hallmark/key-label/v1" || 0x00 || fingerprint)`: where a key says who follows it.
pub fn label(key: &Fingerprint) -> Label {
    Label::from_bytes(*Sha256::of(&[LABEL_DOMAIN, key.as_bytes()].concat()).as_bytes())
}

/// The entry of a statement.
pub fn entry(statement: &Signed<KeyStatement>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'static str,
        #[serde(flatten)]
        signed: &'a Signed<KeyStatement>,
    }
    let line = Line { kind: KIND, signed: statement };
    json::canonical(&serde_json::to_value(line).expect("our own forms are JSON"))
}

/// The kind of such entries.
pub(super) const KIND: &str = "key";

/// Reads the members of an entry of this kind. The statement is signed by its own key.
pub(super) fn read(mut value: json::Value) -> Option<Signed<KeyStatement>> {
    value.as_object_mut()?.remove("kind");
    let signed: Signed<KeyStatement> = serde_json::from_value(value).ok()?;
    check(&signed).is_ok().then_some(signed)
}

/// Whether a statement is one, whatever it follows.
fn check(signed: &Signed<KeyStatement>) -> Result<(), KeyHistoryError> {
    let says = signed.verify().map_err(|_| KeyHistoryError::Signature)?;
    if says.key == says.successor {
        return Err(KeyHistoryError::Itself);
    }
    Ok(())
}

/// The statement in an entry, if it is what this key says of itself.
///
/// # Errors
/// [`EntryError`] for what is no entry of this kind, or of another key.
pub fn of_entry(bytes: &[u8], key: &Fingerprint) -> Result<Signed<KeyStatement>, EntryError> {
    let wrong = || EntryError::Form { kind: KIND.to_owned() };
    match Entry::parse(bytes)? {
        Entry::Key(signed) if signed.claimed().key.fingerprint() == *key => Ok(*signed),
        _ => Err(wrong()),
    }
}

/// Whether the key that a statement names as its successor took over with another.
///
/// # Errors
/// [`KeyHistoryError`].
pub fn follows(
    previous: &Signed<KeyStatement>,
    next: &Signed<KeyStatement>,
) -> Result<(), KeyHistoryError> {
    check(next)?;
    let (before, after) = (previous.claimed(), next.claimed());
    if after.key != before.successor {
        return Err(KeyHistoryError::Key);
    }
    if after.previous != Some(previous.hash()) {
        return Err(KeyHistoryError::Previous);
    }
    if after.role != before.role {
        return Err(KeyHistoryError::Role);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hallmark_core::key::SigningKey;

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn says(own: u8, next: u8, previous: Option<Sha256>) -> Signed<KeyStatement> {
        let at = Timestamp::from_unix_s(1_700_000_000).unwrap();
        let keys = (key(own).public(), key(next).public());
        Signed::new(KeyStatement::new(KeyRole::Studio, keys, previous, at), &key(own)).unwrap()
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let first = says(1, 2, None);
        let fingerprint = key(1).public().fingerprint();
        let line = entry(&first);
        assert_eq!(of_entry(&line, &fingerprint).unwrap(), first);
        assert_eq!(Entry::parse(&line).unwrap().label(), Some(label(&fingerprint)));
        assert!(of_entry(&line, &key(2).public().fingerprint()).is_err(), "of another key");
        let text = String::from_utf8(line).unwrap();
        assert!(text.starts_with(r#"{"kind":"key","signature":""#), "{text}");
        assert_eq!(
            label(&fingerprint).to_string(),
            "74cbf16b94d07143df2138024ebd6993f38bec61ff3580497af34c4ed2ff4d97"
        );
    }

    /// T-48: nobody takes the place of a key but the key.
    #[test]
    fn statements_that_are_none() {
        let text = String::from_utf8(entry(&says(1, 2, None))).unwrap();
        let other = key(3).public().to_string();
        for spoilt in [
            text.replace("studio", "partner"),
            text.replace(&key(2).public().to_string(), &other),
            text.replace(&key(1).public().to_string(), &other),
            text.replace("key/1", "key/2"),
            text.replace(r#""kind":"key","#, r#""kind":"key","more":1,"#),
        ] {
            assert_ne!(spoilt, text);
            assert!(Entry::parse(spoilt.as_bytes()).is_err(), "{spoilt}");
        }
        assert!(Entry::parse(&entry(&says(1, 1, None))).is_err(), "its own successor");
    }

    #[test]
    fn a_history_extends_what_is_known() {
        let first = says(1, 2, None);
        let second = says(2, 3, Some(first.hash()));
        assert_eq!(follows(&first, &second), Ok(()));
        assert_eq!(follows(&first, &says(4, 3, Some(first.hash()))), Err(KeyHistoryError::Key));
        assert_eq!(follows(&first, &says(2, 3, None)), Err(KeyHistoryError::Previous));
        let other = says(1, 2, Some(Sha256::of(b"x")));
        assert_eq!(follows(&other, &second), Err(KeyHistoryError::Previous));
        let at = Timestamp::from_unix_s(1_700_000_000).unwrap();
        let keys = (key(2).public(), key(3).public());
        let partner = KeyStatement::new(KeyRole::Partner, keys, Some(first.hash()), at);
        let partner = Signed::new(partner, &key(2)).unwrap();
        assert_eq!(follows(&first, &partner), Err(KeyHistoryError::Role));
    }
}
