use hallmark_core::{account::BlobId, secret::Secret};
use proptest::prelude::*;

use super::{
    super::{
        Kind,
        content::{ContentError, MAX_HISTORY},
        tests::{first, note, version},
    },
    *,
};

/// An edit of version 1 of an item, which said that.
fn pending(base: &Content, ours: &Content) -> Pending {
    let edit = Edit::Put(Box::new(ours.clone()));
    Pending { before: Some(Box::new(base.now.clone())), ..Pending::new(1, edit) }
}

/// What is to be sent when another device was first with version 2.
#[track_caller]
fn joined(base: &Content, ours: &Content, theirs: &Content) -> Content {
    match pending(base, ours).merge(Some((2, theirs))) {
        Merged::Joined { edit: Pending { base: 2, edit: Edit::Put(content), .. }, .. } => *content,
        other => panic!("{other:?}"),
    }
}

/// Two devices edit version 1; ours comes second.
#[track_caller]
fn both(ours: Version, theirs: Version) -> Content {
    let base = first();
    joined(&base, &base.edited(1, ours).unwrap(), &base.edited(1, theirs).unwrap())
}

#[test]
fn two_edits_become_one() {
    let merged = both(note("Ring finger", "52"), note("Ring", "53"));
    assert_eq!(merged.now.fields, note("Ring finger", "53").fields);
    let versions: Vec<u64> = merged.history.iter().map(|past| past.version).collect();
    assert_eq!(versions, [2, 1]);
    let conflict = both(note("Ring", "54"), note("Ring", "53"));
    assert_eq!(conflict.now.fields["text"], "54");
    assert_eq!(conflict.history[0].said.fields["text"], "53", "the other edit is not lost");
    let same = first().edited(1, note("Ring", "53")).unwrap();
    assert!(matches!(pending(&first(), &same).merge(Some((2, &same))), Merged::Nothing));
    let without = version(&[("text", "52")], &[]);
    let merged = both(without, note("Ring", "53"));
    assert_eq!(merged.now.fields, version(&[("text", "53")], &[]).fields, "removed and changed");
}

/// What was made from nothing and finds something in its place is no change of that.
#[test]
fn an_edit_made_from_nothing_joins_nothing() {
    let (ours, theirs) = (first(), Content::new(Kind::Note, note("Planted", "53")).unwrap());
    let edit = || Pending::new(0, Edit::Put(Box::new(ours.clone())));
    let Merged::Apart(Pending { base: 0, edit: Edit::Put(own), .. }) =
        edit().merge(Some((1, &theirs)))
    else {
        panic!("two items")
    };
    assert!(own.says_the_same(&ours));
    assert!(matches!(edit().merge(Some((1, &ours))), Merged::Nothing), "it is there");
}

/// T-27: what says the same now, and nothing of what was before, is not the same.
#[test]
fn a_copy_without_its_past_stands_for_nothing() {
    let ours = first().edited(1, note("Ring", "53")).unwrap();
    let planted = Content::new(Kind::Note, ours.now.clone()).unwrap();
    let edit = Pending::new(0, Edit::Put(Box::new(ours.clone())));
    let Merged::Apart(Pending { edit: Edit::Put(own), .. }) =
        edit.clone().merge(Some((1, &planted)))
    else {
        panic!("two items")
    };
    assert!(own.has_all_of(&ours));
    assert!(matches!(edit.merge(Some((1, &ours))), Merged::Nothing));
}

/// T-27: a history that is full of something newer has no room for what an edit was made from: that stays
/// beside it.
#[test]
fn a_past_that_has_no_room_is_not_dropped() {
    let base = first();
    let ours = base.edited(1, note("Ring finger", "52")).unwrap();
    let mut theirs = base.clone();
    for version in 1..=MAX_HISTORY as u64 + 1 {
        theirs = theirs.edited(version, note("Ring", &format!("{}", 52 + version))).unwrap();
    }
    let version = MAX_HISTORY as u64 + 2;
    let Merged::Apart(Pending { edit: Edit::Put(own), .. }) =
        pending(&base, &ours).merge(Some((version, &theirs)))
    else {
        panic!("two items")
    };
    assert_eq!(own.history[0].said.fields, base.now.fields);
}

/// T-27: the key of a file is the one that the device which attached it gave it.
#[test]
fn a_key_of_another_is_not_taken_over() {
    let with = |blobs: &[u8]| version(&[("text", "52")], blobs);
    let base = Content::new(Kind::Note, with(&[])).unwrap();
    let ours = base.edited(1, with(&[3])).unwrap();
    let mut theirs = base.edited(1, version(&[("text", "53")], &[3])).unwrap();
    theirs.now.attachments[0].key = Secret::from_bytes(&[9; 32]);
    let merged = joined(&base, &ours, &theirs);
    let key = |content: &Content| content.now.attachments[0].key.expose().to_owned();
    assert_eq!(key(&merged), key(&ours));
}

#[test]
fn attachments_merge_one_by_one() {
    let with = |blobs: &[u8]| version(&[("text", "52")], blobs);
    let base = Content::new(Kind::Note, with(&[1, 2])).unwrap();
    let ours = base.edited(1, with(&[2, 3])).unwrap();
    let theirs = base.edited(1, with(&[1, 2, 4])).unwrap();
    let merged = joined(&base, &ours, &theirs);
    assert_eq!(merged.now.blobs(), with(&[2, 3, 4]).blobs());
}

#[test]
fn no_two_attachments_have_one_name() {
    let with = |blobs: &[u8]| version(&[("text", "52")], blobs);
    let twice = Content::new(Kind::Note, with(&[3, 103])).unwrap_err();
    assert_eq!(twice, ContentError::SameName { name: "3.jpg".into() });
    let base = Content::new(Kind::Note, with(&[])).unwrap();
    let ours = base.edited(1, with(&[103])).unwrap();
    let theirs = base.edited(1, with(&[3])).unwrap();
    let merged = joined(&base, &ours, &theirs);
    let names: Vec<_> = merged.now.attachments.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["3.jpg", "3 (2).jpg"]);
    assert_eq!(free_name(".hidden", &merged.now.attachments), ".hidden");
}

#[test]
fn an_edit_outweighs_a_removal() {
    let theirs = first().edited(1, note("Ring", "53")).unwrap();
    let remove = Pending::new(1, Edit::Remove);
    assert!(matches!(remove.clone().merge(Some((2, &theirs))), Merged::Kept));
    assert!(matches!(remove.clone().merge(None), Merged::Nothing));
    assert!(matches!(remove.merge(Some((1, &first()))), Merged::Edit(_)));
    let edit = Pending::new(1, Edit::Put(Box::new(theirs)));
    assert!(matches!(edit.merge(None), Merged::Edit(Pending { base: 1, .. })));
}

/// What one device does to the contact: fields with how often a letter stands there, and files by
/// number. Those below 4 were there before, and are taken off.
#[derive(Debug, Clone)]
struct Change {
    fields: Vec<(usize, usize)>,
    files: BTreeSet<u8>,
}

const NAMES: [&str; 4] = ["name", "phone", "other", "note"];

fn change() -> impl Strategy<Value = Change> {
    let length = prop_oneof![1..4usize, 7_000..8_000usize];
    let fields = proptest::collection::vec((0..NAMES.len(), length), 0..6);
    let added = proptest::collection::btree_set(4..40u8, 0..16);
    let taken = proptest::collection::btree_set(0..4u8, 0..3);
    (fields, added, taken).prop_map(|(fields, mut files, taken)| {
        files.extend((0..4).filter(|n| !taken.contains(n)));
        files.retain({
            let mut room = 16;
            move |_| {
                room -= 1;
                room >= 0
            }
        });
        Change { fields, files }
    })
}

fn contact(long: bool) -> Content {
    let note = "n".repeat(if long { 8_000 } else { 8 });
    let fields = [("name", "Ada"), ("email", "ada@example.com"), ("phone", "1"), ("note", &note)];
    Content::new(Kind::Contact, version(&fields, &[0, 1, 2, 3])).unwrap()
}

impl Change {
    /// What the device keeps. Its own letter and its own files: `nth` is 0 or 1.
    fn of(&self, base: &Content, nth: u8) -> Content {
        let mut now = base.now.clone();
        for (field, length) in &self.fields {
            let letter = if nth == 0 { "a" } else { "b" };
            now.fields.insert(NAMES[*field].into(), letter.repeat(*length));
        }
        let blobs: Vec<u8> =
            self.files.iter().map(|n| if *n < 4 { *n } else { n + 40 * nth }).collect();
        now.attachments = version(&[], &blobs).attachments;
        base.edited(1, now).unwrap()
    }
}

proptest! {
    /// Whatever two devices do to an item, long fields and many files included: each one's change is
    /// in what comes out, or in the newest past; what either attached stays, and what either took off
    /// is gone.
    #[test]
    fn no_edit_is_lost(long in any::<bool>(), ours in change(), theirs in change()) {
        let base = contact(long);
        let (ours, theirs) = (ours.of(&base, 0), theirs.of(&base, 1));
        let out = pending(&base, &ours).merge(Some((2, &theirs)));
        let changed = |said: &Version| -> Vec<(String, String)> {
            let new = said.fields.iter().filter(|(name, value)| base.now.fields.get(*name) != Some(value));
            new.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let is = |version: &Version, (name, value): &(String, String)| version.fields.get(name) == Some(value);
        match out {
            Merged::Joined { edit: Pending { base: 2, edit: Edit::Put(content), .. }, .. } => {
                for change in changed(&ours.now) {
                    prop_assert!(is(&content.now, &change), "ours: {}", change.0);
                }
                for change in changed(&theirs.now) {
                    let past = &content.history[0].said;
                    prop_assert!(is(&content.now, &change) || is(past, &change), "theirs: {}", change.0);
                }
                let (before, our, their) = (base.now.blobs(), ours.now.blobs(), theirs.now.blobs());
                let stay = before.iter().filter(|blob| our.contains(blob) && their.contains(blob));
                let added = our.union(&their).filter(|blob| !before.contains(blob));
                prop_assert_eq!(content.now.blobs(), stay.chain(added).copied().collect());
                prop_assert!(content.plaintext().len() <= hallmark_core::seal::item::MAX_CONTENT_LEN);
                prop_assert!(Content::read(&content.plaintext()).is_some());
            }
            Merged::Apart(Pending { base: 0, edit: Edit::Put(content), .. }) => {
                prop_assert_eq!(&content.now.fields, &ours.now.fields);
                let gone = |blob: &BlobId| base.now.blobs().contains(blob) && !theirs.now.blobs().contains(blob);
                let wanted: BTreeSet<BlobId> =
                    ours.now.blobs().into_iter().filter(|blob| !gone(blob)).collect();
                prop_assert_eq!(content.now.blobs(), wanted);
            }
            Merged::Nothing => {
                prop_assert!(changed(&ours.now).iter().all(|change| is(&theirs.now, change)));
                let new = ours.now.blobs().difference(&base.now.blobs()).count();
                prop_assert_eq!(new, 0);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

/// So much that no item holds both: each stays whole.
#[test]
fn two_edits_that_do_not_fit_together_become_two_items() {
    let fields = ["name", "line1", "line2", "city", "region", "phone", "note"];
    let filled = |letter: &str| {
        let text = letter.repeat(7_000);
        let mut all: Vec<(&str, &str)> = fields.iter().map(|name| (*name, text.as_str())).collect();
        all.push(("country", "FR"));
        version(&all, &[1])
    };
    let base = Content::new(Kind::DeliveryAddress, filled("x")).unwrap();
    let ours = base.edited(1, filled("a")).unwrap();
    let theirs = base.edited(1, filled("b")).unwrap();
    assert!(ours.history.is_empty(), "no room for the version that both began with");
    let Merged::Apart(Pending { base: 0, edit: Edit::Put(own), .. }) =
        pending(&base, &ours).merge(Some((2, &theirs)))
    else {
        panic!("one item")
    };
    assert_eq!(own.now.fields, filled("a").fields);
    assert_eq!(own.now.blobs(), filled("a").blobs());
}

/// The history has no room for the version that both began with.
#[test]
fn a_long_item_is_merged_field_by_field() {
    let text = "x".repeat(7_000);
    let email = format!("{text}@example.com");
    let with = |name: &str, note: &str| {
        version(
            &[
                ("name", name),
                ("email", &email),
                ("phone", &text),
                ("other", &text),
                ("note", note),
            ],
            &[],
        )
    };
    let base = Content::new(Kind::Contact, with("Ada", &text)).unwrap();
    let ours = base.edited(1, with("Ada L", &text)).unwrap();
    let theirs = base.edited(1, with("Ada", "short")).unwrap();
    let mut ours = ours;
    ours.history.clear();
    let merged = joined(&base, &ours, &theirs);
    assert_eq!(merged.now.fields, with("Ada L", "short").fields);
    assert_eq!(merged.history[0].version, 2);
}

/// What devices attach at once may be more than one person adds; it can be edited, not added to.
#[test]
fn many_files_of_two_devices_stay() {
    let with = |text: &str, blobs: std::ops::Range<u8>| {
        version(&[("text", text)], &blobs.collect::<Vec<u8>>())
    };
    let base = Content::new(Kind::Note, with("52", 0..0)).unwrap();
    let ours = base.edited(1, with("52", 0..10)).unwrap();
    let theirs = base.edited(1, with("52", 20..30)).unwrap();
    let merged = joined(&base, &ours, &theirs);
    assert_eq!(merged.now.attachments.len(), 20);
    let mut now = merged.now.clone();
    now.fields.insert("text".into(), "53".into());
    let edited = merged.edited(3, now.clone()).unwrap();
    assert_eq!(edited.now.attachments.len(), 20);
    now.attachments.extend(with("", 40..41).attachments);
    assert_eq!(edited.edited(4, now).unwrap_err(), ContentError::TooManyAttachments);
    assert!(base.edited(1, with("52", 0..17)).is_err());
}

/// What was sent without an answer is known again, whatever followed it here or elsewhere.
#[test]
fn what_was_sent_without_an_answer_is_known_again() {
    let sent = first();
    let past = Past { version: 1, said: sent.now.clone() };
    let doubtful = |edit| Pending { sent: Some(Box::new(past.clone())), ..Pending::new(0, edit) };
    let same = || Edit::Put(Box::new(sent.clone()));
    assert!(matches!(doubtful(same()).merge(Some((1, &sent))), Merged::Nothing));
    let elsewhere = sent.edited(1, note("Ring", "53")).unwrap();
    let merged = doubtful(same()).merge(Some((2, &elsewhere)));
    assert!(matches!(merged, Merged::Nothing), "the other device's change stays: {merged:?}");
    let removed = doubtful(Edit::Remove).merge(Some((1, &sent)));
    assert!(matches!(removed, Merged::Edit(Pending { base: 1, edit: Edit::Remove, .. })));
    assert!(matches!(doubtful(Edit::Remove).merge(Some((2, &elsewhere))), Merged::Kept));
    assert!(matches!(doubtful(Edit::Remove).merge(None), Merged::Nothing));

    let amended = || Edit::Put(Box::new(sent.amended(note("Ring finger", "52")).unwrap()));
    let Merged::Edit(Pending { base: 1, edit: Edit::Put(next), .. }) =
        doubtful(amended()).merge(Some((1, &sent)))
    else {
        panic!("an edit of what was sent")
    };
    assert_eq!((next.now.fields, next.history.len()), (note("Ring finger", "52").fields, 1));
    let Merged::Joined { edit: Pending { base: 2, edit: Edit::Put(next), .. }, overruled: false } =
        doubtful(amended()).merge(Some((2, &elsewhere)))
    else {
        panic!("an edit of what was sent")
    };
    assert_eq!(next.now.fields, note("Ring finger", "53").fields);
    let Merged::Edit(Pending { base: 0, sent: None, .. }) = doubtful(amended()).merge(None) else {
        panic!("it did not arrive")
    };
}

#[test]
fn a_numbered_name_keeps_to_the_length_of_names() {
    let long = format!("{}é.jpeg", "x".repeat(248));
    assert_eq!(long.len(), MAX_NAME_BYTES);
    let mut taken = version(&[], &[1]).attachments;
    taken[0].name = long.clone();
    let name = free_name(&long, &taken);
    assert!(name.len() <= MAX_NAME_BYTES && name.ends_with("x (2).jpeg"), "{name}");
}

/// A state of before there was `before` and `sent`.
#[test]
fn an_older_state_is_read() {
    let older = r#"{"base":3,"edit":"remove"}"#;
    let read: Pending = serde_json::from_str(older).unwrap();
    assert_eq!(read.base, 3);
    assert_eq!(serde_json::to_string(&read).unwrap(), older);
}
