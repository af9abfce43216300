//! Signed notes and their keys (C2SP signed-note, tlog-cosignature): text, a blank line, signature
//! lines.
//!
//! Two algorithms: Ed25519 (`0x01`) over the text, by logs; and Ed25519 with a time (`0x04`,
//! `cosignature/v1`), by witnesses.

use std::{fmt, str::FromStr};

use data_encoding::BASE64;
use hallmark_core::{
    base64,
    hash::Sha256,
    key::{PublicKey, Signature, SigningKey},
    time::Timestamp,
};

/// The longest note that is read, in bytes.
pub const MAX_NOTE_LEN: usize = 64 * 1024;
/// The most signatures of a note.
pub const MAX_SIGNATURES: usize = 64;
/// The longest name of a key, in bytes.
pub const MAX_NAME_LEN: usize = 255;

const ED25519: u8 = 0x01;
const COSIGNATURE_V1: u8 = 0x04;

/// Bytes that are no signed note, or whose signatures do not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not of the form; the field says where.
    #[error("not a signed note: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// A signature in the name of a known key is not by it.
    #[error("a signature in the name of {name} does not hold")]
    Signature {
        /// The key's name.
        name: KeyName,
    },
    /// Not a key of the form `name+hash+key`, or of an algorithm that is not read here.
    #[error("not a verifier key: {what}")]
    Key {
        /// What is wrong.
        what: &'static str,
    },
}

/// The name of a key: an origin or the name of a witness; printable, without spaces and `+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Over the text: logs.
    Ed25519,
    /// Over a time and the text: witnesses (tlog-cosignature).
    CosignatureV1,
}

/// A key and the name it signs under, written `name+hash+base64(type || key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    algorithm: Algorithm,
    key: PublicKey,
}

/// A note whose signatures were not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl KeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(name: &str) -> Result<Self, NoteError> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > MAX_NAME_LEN || name.contains(odd) {
            return Err(NoteError::Key {
                what: "a name is 1 to 255 bytes without spaces, controls and +",
            });
        }
        Ok(Self(name.to_owned()))
    }
}

impl VerifierKey {
    /// A key that signs under a name.
    pub fn new(name: KeyName, algorithm: Algorithm, key: PublicKey) -> Self {
        Self { name, algorithm, key }
    }

    /// The name it signs under.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key itself.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// `SHA-256(name || "\n" || type || key)[..4]`.
    pub fn id(&self) -> [u8; 4] {
        let named = [self.name.0.as_bytes(), b"\n", &self.encoded()].concat();
        let mut id = [0; 4];
        id.copy_from_slice(&Sha256::of(&named).as_bytes()[..4]);
        id
    }

    fn encoded(&self) -> [u8; 33] {
        let mut bytes = [self.algorithm.byte(); 33];
        bytes[1..].copy_from_slice(self.key.as_bytes());
        bytes
    }

    /// Signs a note's text as a log.
    pub fn sign(&self, key: &SigningKey, text: &str) -> NoteSignature {
        let signature = key.sign_standard(text.as_bytes());
        self.signature(signature.as_bytes().to_vec())
    }

    /// Signs a note's text and the time as a witness.
    pub fn cosign(&self, key: &SigningKey, text: &str, now: Timestamp) -> NoteSignature {
        let time = now.unix_s();
        let signature = key.sign_standard(cosigned(text, time).as_bytes());
        self.signature([time.to_be_bytes().as_slice(), signature.as_bytes()].concat())
    }

    fn signature(&self, bytes: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), id: self.id(), bytes }
    }

    fn holds(&self, text: &str, bytes: &[u8]) -> Option<Option<Timestamp>> {
        let by_key = |message: &str, bytes: &[u8]| {
            let signature = Signature::from_bytes(bytes.try_into().ok()?);
            self.key.verify_standard(message.as_bytes(), &signature).ok()
        };
        match self.algorithm {
            Algorithm::Ed25519 => by_key(text, bytes).map(|()| None),
            Algorithm::CosignatureV1 => {
                let (time, bytes) = bytes.split_first_chunk::<8>()?;
                let time = i64::from_be_bytes(*time);
                let at = Timestamp::from_unix_s(time).ok()?;
                by_key(&cosigned(text, time), bytes).map(|()| Some(at))
            }
        }
    }
}

fn cosigned(text: &str, time: i64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => ED25519,
            Self::CosignatureV1 => COSIGNATURE_V1,
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, BASE64.encode(&self.encoded()))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let wrong = |what| NoteError::Key { what };
        // Base64 has a `+` of its own.
        let (name, rest) = text.split_once('+').ok_or(wrong("it is name+hash+key"))?;
        let (_, encoded) = rest.split_once('+').ok_or(wrong("it is name+hash+key"))?;
        let encoded = base64::decode(encoded).ok_or(wrong("its last part is base64"))?;
        let (algorithm, key) = encoded.split_first().ok_or(wrong("its last part is empty"))?;
        let algorithm = match *algorithm {
            ED25519 => Algorithm::Ed25519,
            COSIGNATURE_V1 => Algorithm::CosignatureV1,
            _ => return Err(wrong("only Ed25519 and its cosignatures are read")),
        };
        let key = key.try_into().map_err(|_| wrong("an Ed25519 key is 32 bytes"))?;
        let key = PublicKey::from_bytes(key).map_err(|_| wrong("no usable Ed25519 key"))?;
        let read = Self { name: name.parse()?, algorithm, key };
        if read.to_string() == text { Ok(read) } else { Err(wrong("its hash is another's")) }
    }
}

impl NoteSignature {
    /// The name that it is under. Anybody can write one.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Whether it claims to be by this key.
    pub fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id()
    }
}

impl fmt::Display for NoteSignature {
    /// The line, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.as_slice(), &self.bytes].concat();
        write!(f, "\u{2014} {} {}", self.name, BASE64.encode(&bytes))
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let read = || {
            let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
            let bytes = base64::decode(encoded)?;
            let (id, bytes) =
                bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty())?;
            Some(Self { name: name.parse().ok()?, id: *id, bytes: bytes.to_vec() })
        };
        read().ok_or(NoteError::Malformed { what: "a signature line that is none" })
    }
}

impl Note {
    /// A note without signatures; it is written once it has one. `text` ends in a line's end.
    pub fn new(text: String) -> Self {
        Self { text, signatures: Vec::new() }
    }

    /// Reads a note of at most [`MAX_NOTE_LEN`] bytes with 1 to [`MAX_SIGNATURES`] signatures.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let wrong = |what| NoteError::Malformed { what };
        if bytes.len() > MAX_NOTE_LEN {
            return Err(wrong("longer than 64 KiB"));
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| wrong("not UTF-8"))?;
        if whole.chars().any(|c| c < ' ' && c != '\n') {
            return Err(wrong("control characters"));
        }
        let at = whole.rfind("\n\n").ok_or(wrong("no blank line before its signatures"))?;
        let (text, lines) = (&whole[..=at], &whole[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(wrong("no signature, or no end of its line"))?;
        let signatures = lines.split('\n').map(str::parse).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(wrong("more than 64 signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The signed text. Not to be believed before [`Note::verify`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// Looks for signatures by a known key: `None` where there is none, else the latest time that
    /// one of them is of, for a witness.
    ///
    /// # Errors
    /// [`NoteError::Signature`] if one that is in the key's name is not by it.
    pub fn verify(&self, key: &VerifierKey) -> Result<Option<Option<Timestamp>>, NoteError> {
        let mut latest = None;
        for signature in self.signatures.iter().filter(|signature| signature.is_by(key)) {
            let wrong = || NoteError::Signature { name: key.name.clone() };
            let held = key.holds(&self.text, &signature.bytes).ok_or_else(wrong)?;
            latest = latest.max(Some(held));
        }
        Ok(latest)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
