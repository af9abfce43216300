//! What an item says, its history, and how two edits of one become one.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::{
    account::{BlobId, ItemId},
    json,
    key::PublicKey,
    seal::item::MAX_CONTENT_LEN,
    secret::Secret,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::kind::{FieldError, Kind};

/// How many earlier versions an item remembers at most.
pub const MAX_HISTORY: usize = 20;
/// How many attachments an item has at most.
pub const MAX_ATTACHMENTS: usize = 16;

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

/// What is to be done to an item, and has not been done at the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Edit {
    /// It is to say this.
    Put(Box<Content>),
    /// It is to be gone.
    Remove,
}

/// An edit that waits to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// The version it was made from; 0 where there was none.
    pub base: u64,
    /// The edit.
    pub edit: Edit,
}

/// What an edit has become after the item changed elsewhere.
#[derive(Debug, Clone)]
pub enum Merged {
    /// This is to be sent in its place.
    Edit(Pending),
    /// There is nothing left to do.
    Nothing,
    /// It was to be removed, but says something new: it stays.
    Kept,
}

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

impl Version {
    /// Whether both say the same, whoever wrote it when.
    fn says_the_same(&self, other: &Self) -> bool {
        self.fields == other.fields && self.blobs() == other.blobs()
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
        Self { kind, now, history: Vec::new() }.checked()
    }

    /// What follows when version `version`, which is this one, is to say `now`.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn edited(&self, version: u64, now: Version) -> Result<Self, ContentError> {
        let past = Past { version, said: self.now.clone() };
        let history = std::iter::once(past).chain(self.history.iter().cloned()).collect();
        Self { kind: self.kind, now, history }.checked()
    }

    /// The same version, which nobody has yet, saying `now` instead.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn amended(&self, now: Version) -> Result<Self, ContentError> {
        Self { kind: self.kind, now, history: self.history.clone() }.checked()
    }

    /// This, with `said` in its history, where it says nothing of that version. `None` where it
    /// does, or where there is no room for anything so old.
    #[must_use]
    pub fn reminded(&self, version: u64, said: &Version) -> Option<Self> {
        let known = |past: &Past| past.version == version && past.said.says_the_same(said);
        if self.now.says_the_same(said) || self.history.iter().any(known) {
            return None;
        }
        let mut content = self.clone();
        let at = content.history.partition_point(|past| past.version > version);
        content.history.insert(at, Past { version, said: said.clone() });
        content.checked().ok().filter(|content| content.history.iter().any(known))
    }

    fn checked(mut self) -> Result<Self, ContentError> {
        self.kind.check(&self.now.fields)?;
        if self.now.attachments.len() > MAX_ATTACHMENTS {
            return Err(ContentError::TooManyAttachments);
        }
        let mut names = BTreeSet::new();
        for Attachment { name, .. } in &self.now.attachments {
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
            if self.history.pop().is_none() {
                return Err(ContentError::TooLong { found_bytes });
            }
        }
    }

    /// The bytes that are sealed: RFC 8785.
    #[must_use]
    pub fn plaintext(&self) -> Zeroizing<Vec<u8>> {
        let value = serde_json::to_value(self).expect("our own types are JSON");
        Zeroizing::new(json::canonical(&value))
    }

    /// Reads what [`Content::plaintext`] wrote. `None` for anything else, fields that the kind does
    /// not have included: a device of this account wrote it, but its disk may be bad.
    #[must_use]
    pub fn read(plaintext: &[u8]) -> Option<Self> {
        let content: Self = serde_json::from_value(json::parse_canonical(plaintext).ok()?).ok()?;
        content.kind.check(&content.now.fields).is_ok().then_some(content)
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

impl Pending {
    /// What becomes of the edit when the service turns out to have another version than the one it
    /// was made from: `theirs`, or nothing where the item is gone.
    #[must_use]
    pub fn merge(self, theirs: Option<(u64, &Content)>) -> Merged {
        match (self.edit, theirs) {
            (Edit::Remove, None) => Merged::Nothing,
            (Edit::Remove, Some((version, _))) if version == self.base => {
                Merged::Edit(Self { base: version, edit: Edit::Remove })
            }
            (Edit::Remove, Some(_)) => Merged::Kept,
            (Edit::Put(ours), None) => {
                Merged::Edit(Self { base: self.base, edit: Edit::Put(ours) })
            }
            (Edit::Put(ours), Some((version, _))) if version == self.base => {
                Merged::Edit(Self { base: self.base, edit: Edit::Put(ours) })
            }
            (Edit::Put(ours), Some((version, theirs))) => {
                let base = ours
                    .history
                    .first()
                    .filter(|past| past.version == self.base)
                    .map(|past| &past.said);
                let now = merged(base, &ours.now, &theirs.now);
                if now.says_the_same(&theirs.now) {
                    return Merged::Nothing;
                }
                // Fields that fit alone may not fit together: then ours counts, theirs is history.
                let content = theirs
                    .edited(version, now)
                    .or_else(|_| theirs.edited(version, ours.now.clone()))
                    .unwrap_or(*ours);
                Merged::Edit(Self { base: version, edit: Edit::Put(Box::new(content)) })
            }
        }
    }
}

/// Field by field: what only one side changed counts; where both did, ours.
fn merged(base: Option<&Version>, ours: &Version, theirs: &Version) -> Version {
    let nothing = BTreeMap::new();
    let base_fields = base.map_or(&nothing, |base| &base.fields);
    let names: BTreeSet<&String> = ours.fields.keys().chain(theirs.fields.keys()).collect();
    let fields = names.into_iter().filter_map(|name| {
        let before = base_fields.get(name);
        let (our, their) = (ours.fields.get(name), theirs.fields.get(name));
        let value = if our == before { their } else { our };
        value.map(|value| (name.clone(), value.clone()))
    });
    let before = base.map(Version::blobs).unwrap_or_default();
    let (our, their) = (ours.blobs(), theirs.blobs());
    let stays = |attachment: &&Attachment| {
        let blob = &attachment.blob;
        !before.contains(blob) || our.contains(blob)
    };
    let added = |attachment: &&Attachment| {
        let blob = &attachment.blob;
        !before.contains(blob) && !their.contains(blob)
    };
    let mut attachments: Vec<Attachment> =
        theirs.attachments.iter().filter(stays).cloned().collect();
    for attachment in ours.attachments.iter().filter(added) {
        let name = free_name(&attachment.name, &attachments);
        attachments.push(Attachment { name, ..attachment.clone() });
    }
    Version { fields: fields.collect(), attachments, at: ours.at, by: ours.by }
}

/// `photo.jpg`, or `photo (2).jpg` where another device attached one of that name meanwhile.
fn free_name(name: &str, taken: &[Attachment]) -> String {
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    };
    let numbered = (2..).map(|n| format!("{stem} ({n}){ending}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| taken.iter().all(|other| other.name != *name))
        .expect("there are more numbers than attachments")
}

/// Edits that wait, by item.
pub type PendingEdits = BTreeMap<ItemId, Pending>;

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;
    use proptest::prelude::*;

    fn version(fields: &[(&str, &str)], blobs: &[u8]) -> Version {
        let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let attachments = blobs.iter().map(|n| Attachment {
            name: format!("{}.jpg", n % 10),
            size_bytes: 1,
            blob: BlobId::from_bytes([*n; 16]),
            key: Secret::from_bytes(&[*n; 32]),
        });
        Version {
            fields: pairs.collect(),
            attachments: attachments.collect(),
            at: Timestamp::from_unix_s(1_800_000_000).unwrap(),
            by: SigningKey::from_seed(&[1; 32]).public(),
        }
    }

    fn note(title: &str, text: &str) -> Version {
        version(&[("title", title), ("text", text)], &[])
    }

    fn first() -> Content {
        Content::new(Kind::Note, note("Ring", "52")).unwrap()
    }

    /// Two devices edit version 1; ours comes second.
    fn both(ours: Version, theirs: Version) -> Option<Content> {
        let ours = first().edited(1, ours).unwrap();
        let theirs = first().edited(1, theirs).unwrap();
        match (Pending { base: 1, edit: Edit::Put(Box::new(ours)) }).merge(Some((2, &theirs))) {
            Merged::Edit(Pending { base: 2, edit: Edit::Put(content) }) => Some(*content),
            Merged::Nothing => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn two_edits_become_one() {
        let merged = both(note("Ring finger", "52"), note("Ring", "53")).unwrap();
        assert_eq!(merged.now.fields, note("Ring finger", "53").fields);
        let versions: Vec<u64> = merged.history.iter().map(|past| past.version).collect();
        assert_eq!(versions, [2, 1]);
        let conflict = both(note("Ring", "54"), note("Ring", "53")).unwrap();
        assert_eq!(conflict.now.fields["text"], "54");
        assert_eq!(conflict.history[0].said.fields["text"], "53", "the other edit is not lost");
        assert!(both(note("Ring", "53"), note("Ring", "53")).is_none());
        let without = version(&[("text", "52")], &[]);
        let merged = both(without, note("Ring", "53")).unwrap();
        assert_eq!(
            merged.now.fields,
            version(&[("text", "53")], &[]).fields,
            "removed and changed"
        );
    }

    #[test]
    fn attachments_merge_one_by_one() {
        let with = |blobs: &[u8]| version(&[("text", "52")], blobs);
        let base = Content::new(Kind::Note, with(&[1, 2])).unwrap();
        let ours = base.edited(1, with(&[2, 3])).unwrap();
        let theirs = base.edited(1, with(&[1, 2, 4])).unwrap();
        let merged =
            (Pending { base: 1, edit: Edit::Put(Box::new(ours)) }).merge(Some((2, &theirs)));
        let Merged::Edit(Pending { edit: Edit::Put(merged), .. }) = merged else {
            panic!("{merged:?}")
        };
        assert_eq!(merged.now.blobs(), with(&[2, 3, 4]).blobs());
    }

    #[test]
    fn no_two_attachments_have_one_name() {
        let with = |blobs: &[u8]| version(&[("text", "52")], blobs);
        let twice = Content::new(Kind::Note, with(&[3, 13])).unwrap_err();
        assert_eq!(twice, ContentError::SameName { name: "3.jpg".into() });
        let base = Content::new(Kind::Note, with(&[])).unwrap();
        let ours = base.edited(1, with(&[13])).unwrap();
        let theirs = base.edited(1, with(&[3])).unwrap();
        let merged =
            (Pending { base: 1, edit: Edit::Put(Box::new(ours)) }).merge(Some((2, &theirs)));
        let Merged::Edit(Pending { edit: Edit::Put(merged), .. }) = merged else {
            panic!("{merged:?}")
        };
        let names: Vec<_> = merged.now.attachments.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["3.jpg", "3 (2).jpg"]);
        assert_eq!(free_name(".hidden", &merged.now.attachments), ".hidden");
    }

    #[test]
    fn what_was_not_sent_yet_is_amended_within_the_same_bounds() {
        let mut content = first();
        for n in 1..12 {
            content = content.edited(n, note("Ring", &"x".repeat(8 << 10))).unwrap();
        }
        let short = content.edited(12, note("Ring", "short")).unwrap();
        let amended = short.amended(note("Ring", &"y".repeat(8 << 10))).unwrap();
        assert!(amended.plaintext().len() <= MAX_CONTENT_LEN);
        assert!(amended.amended(version(&[("size", "52")], &[])).is_err());
    }

    #[test]
    fn nothing_private_is_printed_by_accident() {
        let content = first().edited(1, note("Ring", "sized at the Harbour branch")).unwrap();
        let printed = format!("{content:?}");
        assert!(printed.contains("text") && !printed.contains("Harbour"), "{printed}");
    }

    #[test]
    fn an_edit_outweighs_a_removal() {
        let theirs = first().edited(1, note("Ring", "53")).unwrap();
        let remove = Pending { base: 1, edit: Edit::Remove };
        assert!(matches!(remove.clone().merge(Some((2, &theirs))), Merged::Kept));
        assert!(matches!(remove.clone().merge(None), Merged::Nothing));
        assert!(matches!(remove.merge(Some((1, &first()))), Merged::Edit(_)));
        let edit = Pending { base: 1, edit: Edit::Put(Box::new(theirs)) };
        assert!(matches!(edit.merge(None), Merged::Edit(Pending { base: 1, .. })));
    }

    #[test]
    fn history_makes_room_for_what_is_new() {
        let mut content = first();
        for n in 1..40 {
            content = content.edited(n, note("Ring", &format!("{n}"))).unwrap();
        }
        assert_eq!(content.history.len(), MAX_HISTORY);
        for n in 40..60 {
            content = content.edited(n, note("Ring", &"x".repeat(8 << 10))).unwrap();
        }
        assert!(content.plaintext().len() <= MAX_CONTENT_LEN);
        assert_eq!(content.history[0].version, 59);
        assert!((3..8).contains(&content.history.len()));
    }

    proptest! {
        /// Whatever two devices do to three fields: each one's change is in the outcome, or in the
        /// newest past.
        #[test]
        fn no_edit_is_lost(ours in edit(), theirs in edit()) {
            let base = first_contact();
            let changed = |edit: &[(usize, u8)]| {
                let mut version = base.now.clone();
                for (field, value) in edit {
                    let name = ["name", "phone", "other"][*field];
                    version.fields.insert(name.into(), format!("{value}"));
                }
                base.edited(1, version).unwrap()
            };
            let (ours, theirs) = (changed(&ours), changed(&theirs));
            let pending = Pending { base: 1, edit: Edit::Put(Box::new(ours.clone())) };
            let (now, past) = match pending.merge(Some((2, &theirs))) {
                Merged::Edit(Pending { edit: Edit::Put(merged), .. }) => {
                    (merged.now.fields, merged.history[0].said.fields.clone())
                }
                _ => (theirs.now.fields.clone(), theirs.now.fields.clone()),
            };
            for (name, value) in &ours.now.fields {
                if base.now.fields.get(name) != Some(value) {
                    prop_assert_eq!(now.get(name), Some(value));
                }
            }
            for (name, value) in &theirs.now.fields {
                if base.now.fields.get(name) != Some(value) {
                    prop_assert!(now.get(name) == Some(value) || past.get(name) == Some(value));
                }
            }
        }
    }

    fn first_contact() -> Content {
        let fields = [("name", "Ada"), ("email", "ada@example.com"), ("phone", "1")];
        Content::new(Kind::Contact, version(&fields, &[])).unwrap()
    }

    fn edit() -> impl Strategy<Value = Vec<(usize, u8)>> {
        proptest::collection::vec((0..3usize, 0..3u8), 0..4)
    }

    #[test]
    fn only_what_was_written_is_read() {
        let plaintext = first().plaintext();
        assert!(Content::read(&plaintext).is_some());
        let text = String::from_utf8(plaintext.to_vec()).unwrap();
        for (from, to) in [("\"note\"", "\"device\""), ("\"now\"", "\"later\""), ("{", "{ ")] {
            assert!(Content::read(text.replacen(from, to, 1).as_bytes()).is_none(), "{from}");
        }
    }
}
