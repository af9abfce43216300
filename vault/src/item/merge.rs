//! Edits that wait to be sent, and how two edits of one item become one.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::account::ItemId;
use serde::{Deserialize, Serialize};

use super::content::{Attachment, Content, MAX_NAME_BYTES, NoRoom, Past, Version};

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
    /// What the version said that it was made from: the history may have no room for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Version>>,
    /// What was sent, as which version, without an answer so far: the service may have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Box<Past>>,
}

/// Edits that wait, by item.
pub type PendingEdits = BTreeMap<ItemId, Pending>;

/// What an edit has become after the item changed elsewhere.
#[derive(Debug, Clone)]
pub enum Merged {
    /// Nobody else changed the item: this is to be sent.
    Edit(Pending),
    /// It is one with a change from elsewhere.
    Joined {
        /// What is to be sent.
        edit: Pending,
        /// Both changed one field: what the other one said is in the history alone.
        overruled: bool,
    },
    /// Both do not fit into one item: theirs stays what it is, and this is to be an item of its own.
    Apart(Pending),
    /// There is nothing left to do.
    Nothing,
    /// It was to be removed, but says something new: it stays.
    Kept,
}

impl Pending {
    /// An edit made from version `base`, or from none (0).
    #[must_use]
    pub const fn new(base: u64, edit: Edit) -> Self {
        Self { base, edit, before: None, sent: None }
    }

    /// What becomes of the edit when the service has this: `theirs`, or nothing where the item is
    /// gone. Whether what was sent without an answer is there, is known afterwards.
    #[must_use]
    pub fn merge(self, theirs: Option<(u64, &Content)>) -> Merged {
        let Some((version, theirs)) = theirs else {
            return match self.edit {
                Edit::Remove => Merged::Nothing,
                Edit::Put(_) => Merged::Edit(Self { sent: None, ..self }),
            };
        };
        // What was sent has arrived: what followed it was made from it.
        let arrived = self.sent.filter(|sent| had(theirs, version, sent));
        let (base, known) = match &arrived {
            Some(sent) => (sent.version, Some(&sent.said)),
            None => (self.base, self.before.as_deref()),
        };
        let ours = match self.edit {
            Edit::Remove if version == base => {
                return Merged::Edit(Self::new(base, Edit::Remove));
            }
            Edit::Remove => return Merged::Kept,
            Edit::Put(ours) if version == base && arrived.is_none() => {
                let (edit, before) = (Edit::Put(ours), self.before);
                return Merged::Edit(Self { base, edit, before, sent: None });
            }
            Edit::Put(ours) => ours,
        };
        let in_history = || ours.history.iter().find(|past| past.version == base);
        let before = known.or_else(|| in_history().map(|past| &past.said)).cloned();
        if self.base == 0 && before.is_none() {
            // Made from nothing, where something is: none of it is a change of the other.
            return if theirs.has_all_of(&ours) {
                Merged::Nothing
            } else {
                apart(*ours, None, &theirs.now)
            };
        }
        let there = theirs;
        let Ok(theirs) = &knowing(theirs, base, before.as_ref(), &ours) else {
            return apart(*ours, before.as_ref(), &theirs.now);
        };
        let joined = Joined::of(before.as_ref(), &ours.now, &theirs.now);
        // What it has to be reminded of is sent, whatever it says.
        if joined.now.says_the_same(&there.now) && there.has_all_of(theirs) {
            return Merged::Nothing;
        }
        let edit = |content| Self {
            base: version,
            edit: Edit::Put(Box::new(content)),
            before: Some(Box::new(theirs.now.clone())),
            sent: None,
        };
        if version == base {
            let content = theirs.edited(version, ours.now.clone());
            return Merged::Edit(edit(content.unwrap_or(*ours)));
        }
        let Joined { now, overruled } = joined;
        let apart = |ours| apart(ours, before.as_ref(), &theirs.now);
        if theirs.kind != ours.kind {
            return apart(*ours);
        }
        // Fields that fit alone may not fit together: then ours count, theirs are history.
        let forced = Version { fields: ours.now.fields.clone(), ..now.clone() };
        if theirs.kind.check(&now.fields).is_ok()
            && let Ok(content) = theirs.joined(version, now)
        {
            return Merged::Joined { edit: edit(content), overruled };
        }
        match theirs.joined(version, forced) {
            Ok(content) => Merged::Joined { edit: edit(content), overruled: true },
            Err(_) => apart(*ours),
        }
    }
}

/// Whether the item, which is now version `version`, was once what was sent.
fn had(item: &Content, version: u64, sent: &Past) -> bool {
    let is = |version: u64, said: &Version| {
        let written = (said.at, said.by) == (sent.said.at, sent.said.by);
        version == sent.version && written && said.says_the_same(&sent.said)
    };
    is(version, &item.now) || item.history.iter().any(|past| is(past.version, &past.said))
}

/// Our edit as a new item, with its attachments but those that were removed elsewhere.
fn apart(mut ours: Content, before: Option<&Version>, theirs: &Version) -> Merged {
    let (before, their) = (before.map(Version::blobs).unwrap_or_default(), theirs.blobs());
    ours.now.attachments.retain(|attachment| {
        !before.contains(&attachment.blob) || their.contains(&attachment.blob)
    });
    Merged::Apart(Pending::new(0, Edit::Put(Box::new(ours))))
}

/// What the service has, with what our edit knows of the item's past and of its attachments' keys: a
/// device in wrong hands may have left them out, or written others.
fn knowing(
    theirs: &Content,
    base: u64,
    before: Option<&Version>,
    ours: &Content,
) -> Result<Content, NoRoom> {
    let now = before.unwrap_or(&theirs.now).clone();
    let history = ours.history.iter().filter(|past| past.version < base).cloned().collect();
    let known = Content { kind: ours.kind, now, history };
    let mut theirs = theirs.clone();
    theirs.now.with_keys_of(&ours.now);
    Ok(theirs.reminded(base, &known)?.unwrap_or(theirs))
}

/// Two versions as one.
struct Joined {
    now: Version,
    overruled: bool,
}

impl Joined {
    /// Field by field: what only one side changed counts; where both did, ours.
    fn of(before: Option<&Version>, ours: &Version, theirs: &Version) -> Self {
        let nothing = BTreeMap::new();
        let known = before.map_or(&nothing, |before| &before.fields);
        let names: BTreeSet<&String> = ours.fields.keys().chain(theirs.fields.keys()).collect();
        let mut overruled = false;
        let mut fields = BTreeMap::new();
        for name in names {
            let before = known.get(name);
            let (our, their) = (ours.fields.get(name), theirs.fields.get(name));
            overruled |= our != before && their != before && our != their;
            if let Some(value) = if our == before { their } else { our } {
                fields.insert(name.clone(), value.clone());
            }
        }
        let attachments = attachments(before, ours, theirs);
        Self { now: Version { fields, attachments, at: ours.at, by: ours.by }, overruled }
    }
}

/// One by one: what either side added is there, what either side removed is not.
fn attachments(before: Option<&Version>, ours: &Version, theirs: &Version) -> Vec<Attachment> {
    let before = before.map(Version::blobs).unwrap_or_default();
    let (our, their) = (ours.blobs(), theirs.blobs());
    let stays = |attachment: &&Attachment| {
        let blob = &attachment.blob;
        !before.contains(blob) || our.contains(blob)
    };
    let added = |attachment: &&Attachment| {
        let blob = &attachment.blob;
        !before.contains(blob) && !their.contains(blob)
    };
    let mut all: Vec<Attachment> = theirs.attachments.iter().filter(stays).cloned().collect();
    for attachment in ours.attachments.iter().filter(added) {
        let name = free_name(&attachment.name, &all);
        all.push(Attachment { name, ..attachment.clone() });
    }
    all
}

/// What is longer after a dot is no ending.
const MAX_ENDING_BYTES: usize = 16;

/// `photo.jpg`, or `photo (2).jpg` where another device attached one of that name meanwhile.
fn free_name(name: &str, taken: &[Attachment]) -> String {
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= MAX_ENDING_BYTES => name.split_at(at),
        _ => (name, ""),
    };
    let numbered = (2..).map(|n| {
        let number = format!(" ({n})");
        let room = MAX_NAME_BYTES.saturating_sub(number.len() + ending.len());
        let stem = &stem[..stem.floor_char_boundary(room)];
        format!("{stem}{number}{ending}")
    });
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| taken.iter().all(|other| other.name != *name))
        .expect("there are more numbers than attachments")
}

#[cfg(test)]
mod tests;
