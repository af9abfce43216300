//! What an item says, and its history.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::{
    account::BlobId, json, key::PublicKey, seal::item::MAX_CONTENT_LEN, secret::Secret,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::kind::{FieldError, Kind};

/// How many earlier versions an item remembers at most.
pub const MAX_HISTORY: usize = 20;
/// Up to how many attachments a person adds to an item.
pub const MAX_ATTACHMENTS: usize = 16;
/// How many attachments an item has at most, those that several devices added at once included.
pub const MAX_JOINED_ATTACHMENTS: usize = 256;
/// The longest name of an attachment, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// A file that belongs to an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// Its name, without folders.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Under which id the service stores it.
    pub blob: BlobId,
    /// The key of the [sealed blob](hallmark_core::seal::blob).
    pub key: Secret,
}

/// One state of an item. Its `Debug` shows the names of fields and nothing of what they say.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its fields; none is empty.
    pub fields: BTreeMap<String, String>,
    /// Its attachments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// When it was written, by the clock of the device that did.
    pub at: Timestamp,
    /// The device that wrote it.
    pub by: PublicKey,
}

/// An earlier state of an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// Which version it was.
    pub version: u64,
    /// What it said.
    pub said: Version,
}

/// What an item says now, and what it said before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// What it is. Never changes.
    pub kind: Kind,
    /// What it says now.
    pub now: Version,
    /// What it said before, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Past>,
}

/// Why a content cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Its fields are not those of its kind.
    #[error(transparent)]
    Fields(#[from] FieldError),
    /// Two of its attachments have one name.
    #[error(
        "the item has an attachment {name:?} already; take that one off first, or rename the file"
    )]
    SameName {
        /// The name.
        name: String,
    },
    /// An attachment's name is none.
    #[error(
        "{name:?} cannot be the name of an attachment: it has 1 to {MAX_NAME_BYTES} bytes, no / and no \
         control characters; rename the file"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// It has too many attachments.
    #[error("an item has at most {MAX_ATTACHMENTS} attachments")]
    TooManyAttachments,
    /// It is too long even without history.
    #[error(
        "the item is {found_bytes} bytes long, and at most {MAX_CONTENT_LEN} fit; put long texts \
         into an attachment"
    )]
    TooLong {
        /// Its length.
        found_bytes: usize,
    },
}

/// A history has no room for a version so old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.fields.keys().collect();
        f.debug_struct("Version")
            .field("fields", &names)
            .field("attachments", &self.attachments.len())
            .field("at", &self.at)
            .field("by", &self.by)
            .finish()
    }
}

impl Attachment {
    /// Whether both are the same file: the same blob under the same key.
    fn is(&self, other: &Self) -> bool {
        (&self.name, self.size_bytes, self.blob) == (&other.name, other.size_bytes, other.blob)
            && self.key.expose() == other.key.expose()
    }
}

impl Version {
    /// Whether both say the same, whoever wrote it when.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let files = |one: &Self| {
            let mut files: Vec<Attachment> = one.attachments.clone();
            files.sort_by(|one, other| (one.blob, &one.name).cmp(&(other.blob, &other.name)));
            files
        };
        let (own, others) = (files(self), files(other));
        self.fields == other.fields
            && own.len() == others.len()
            && own.iter().zip(&others).all(|(one, other)| one.is(other))
    }

    /// Gives attachments the keys and sizes that `known` has for their blobs, which never change: one
    /// that came with another was spoiled. Whether any did.
    pub(super) fn with_keys_of(&mut self, known: &Self) -> bool {
        let mut mended = false;
        for attachment in &mut self.attachments {
            let right = known.attachments.iter().find(|right| right.blob == attachment.blob);
            let Some(right) = right else { continue };
            let right = Attachment { name: attachment.name.clone(), ..right.clone() };
            mended |= !attachment.is(&right);
            *attachment = right;
        }
        mended
    }

    /// The blobs of its attachments.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<BlobId> {
        self.attachments.iter().map(|attachment| attachment.blob).collect()
    }
}

impl Content {
    /// A new item.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn new(kind: Kind, now: Version) -> Result<Self, ContentError> {
        kind.check(&now.fields)?;
        if now.attachments.len() > MAX_ATTACHMENTS {
            return Err(ContentError::TooManyAttachments);
        }
        Self { kind, now, history: Vec::new() }.checked(0)
    }

    /// What follows when version `version`, which is this one, is to say `now`.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn edited(&self, version: u64, now: Version) -> Result<Self, ContentError> {
        self.check_edit(&now)?;
        self.after(version, now).checked(0)
    }

    /// The same version, which nobody has yet, saying `now` instead.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn amended(&self, now: Version) -> Result<Self, ContentError> {
        self.check_edit(&now)?;
        Self { kind: self.kind, now, history: self.history.clone() }.checked(0)
    }

    /// This, with what `known`, as version `version`, said then and before in its history, as far as
    /// there is room, and with the keys of attachments that it knew; nothing where all of it is there.
    ///
    /// # Errors
    /// [`NoRoom`], for what it said as that version, or where that was another kind of item.
    pub fn reminded(&self, version: u64, known: &Self) -> Result<Option<Self>, NoRoom> {
        if self.kind != known.kind {
            return Err(NoRoom);
        }
        let mut content = self.clone();
        let mended = content.now.with_keys_of(&known.now);
        let newest = content.remembers(version, &known.now);
        let mut content = content.remembering(version, &known.now).ok_or(NoRoom)?;
        let mut whole = newest && !mended;
        for Past { version, said } in &known.history {
            whole &= content.remembers(*version, said);
            content = content.remembering(*version, said).unwrap_or(content);
        }
        // What has no room any more is no reason to write anew.
        let changed = !whole && content.plaintext() != self.plaintext();
        Ok(changed.then_some(content))
    }

    fn remembers(&self, version: u64, said: &Version) -> bool {
        let in_history = |past: &Past| past.version == version && past.said.says_the_same(said);
        self.now.says_the_same(said) || self.history.iter().any(in_history)
    }

    /// This with `said` in its history, where it is not; `None` where it has no room.
    fn remembering(&self, version: u64, said: &Version) -> Option<Self> {
        let mut content = self.clone();
        if content.remembers(version, said) {
            return Some(content);
        }
        let at = content.history.partition_point(|past| past.version > version);
        content.history.insert(at, Past { version, said: said.clone() });
        content.checked(0).ok().filter(|content| content.remembers(version, said))
    }

    /// Whether both are the same item, saying the same now.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.now.says_the_same(&other.now)
    }

    /// Whether this has all that `other` says now and said before, its attachments' keys included.
    #[must_use]
    pub fn has_all_of(&self, other: &Self) -> bool {
        let has = |past: &Past| {
            let is = |own: &Past| own.version == past.version && own.said.says_the_same(&past.said);
            self.history.iter().any(is)
        };
        self.says_the_same(other) && other.history.iter().all(has)
    }

    /// As [`Content::edited`], for what two devices said: this version stays in the history, and
    /// what each of them attached stays attached.
    pub(super) fn joined(&self, version: u64, now: Version) -> Result<Self, ContentError> {
        self.after(version, now).checked(1)
    }

    fn after(&self, version: u64, now: Version) -> Self {
        let past = Past { version, said: self.now.clone() };
        let history = std::iter::once(past).chain(self.history.iter().cloned()).collect();
        Self { kind: self.kind, now, history }
    }

    /// What several devices attached may be more than one person adds, and can be edited all the same.
    fn check_edit(&self, now: &Version) -> Result<(), ContentError> {
        self.kind.check(&now.fields)?;
        let adds = !now.blobs().is_subset(&self.now.blobs());
        if adds && now.attachments.len() > MAX_ATTACHMENTS {
            return Err(ContentError::TooManyAttachments);
        }
        Ok(())
    }

    /// Drops what does not fit, the oldest first, but never the `kept` newest of the history.
    fn checked(mut self, kept: usize) -> Result<Self, ContentError> {
        self.kind.check_form(&self.now.fields)?;
        if self.now.attachments.len() > MAX_JOINED_ATTACHMENTS {
            return Err(ContentError::TooManyAttachments);
        }
        let mut names = BTreeSet::new();
        for Attachment { name, .. } in &self.now.attachments {
            if !is_name(name) {
                return Err(ContentError::Name { name: name.clone() });
            }
            if !names.insert(name) {
                return Err(ContentError::SameName { name: name.clone() });
            }
        }
        self.history.truncate(MAX_HISTORY);
        loop {
            let found_bytes = self.plaintext().len();
            if found_bytes <= MAX_CONTENT_LEN {
                return Ok(self);
            }
            if self.history.len() <= kept {
                return Err(ContentError::TooLong { found_bytes });
            }
            self.history.pop();
        }
    }

    /// The bytes that are sealed: RFC 8785.
    #[must_use]
    pub fn plaintext(&self) -> Zeroizing<Vec<u8>> {
        let value = serde_json::to_value(self).expect("our own types are JSON");
        Zeroizing::new(json::canonical(&value))
    }

    /// Reads what [`Content::plaintext`] wrote. `None` for anything else, now or in the history: fields
    /// that the kind does not have, names that no file has, more than there can be. A device of this
    /// account wrote it, but its disk may be bad, or it may be in wrong hands.
    #[must_use]
    pub fn read(plaintext: &[u8]) -> Option<Self> {
        let content: Self = serde_json::from_value(json::parse_canonical(plaintext).ok()?).ok()?;
        let past = content.history.iter().map(|past| &past.said);
        let sound = std::iter::once(&content.now).chain(past).all(|said| {
            let names = said.attachments.iter().map(|attachment| &attachment.name);
            content.kind.check_form(&said.fields).is_ok()
                && said.attachments.len() <= MAX_JOINED_ATTACHMENTS
                && names.map(String::as_str).all(is_name)
        });
        (sound && content.history.len() <= MAX_HISTORY).then_some(content)
    }

    /// One line that tells it from others of its kind. Holds what is private.
    #[must_use]
    pub fn summary(&self) -> String {
        let field = |name: &str| self.now.fields.get(name).map(String::as_str);
        let several = |names: &[&str]| {
            names.iter().filter_map(|name| field(name)).collect::<Vec<_>>().join(", ")
        };
        match self.kind {
            Kind::DeliveryAddress => several(&["name", "line1", "city", "country"]),
            Kind::Contact => several(&["name", "email", "phone", "other"]),
            Kind::RingSize => several(&["size", "system", "finger"]),
            // The token itself is for `item get`.
            Kind::PaymentToken => several(&["provider", "label"]),
            Kind::Membership => several(&["studio", "number"]),
            Kind::Provenance => several(&["title", "signer"]),
            Kind::Note => field("title").or_else(|| field("text")).unwrap_or_default().to_owned(),
            Kind::Device => several(&["name"]),
        }
    }
}

/// Whether an attachment may have this name: a file's, without a folder.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let length = 1..=MAX_NAME_BYTES;
    length.contains(&name.len())
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c == '/' || c.is_control())
}

#[cfg(test)]
mod tests;
