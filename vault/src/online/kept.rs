//! What items said that this device can no longer read, and how it comes back.
//!
//! A device in wrong hands, or the service, can spoil what it cannot read. What a device could read
//! before is kept in its sealed state until a device is taken off the account, whatever becomes of the
//! item, unless that says again all that it said. Then it comes back, compared with the items that the
//! entry names, which nobody who is off can change any more: as an edit of the item itself where nothing
//! newer can be in it, else into its history, else beside it.

use std::{cmp::Reverse, collections::BTreeSet};

use hallmark_core::{account::ItemId, hash::Sha256};
use rand_core::CryptoRng;

use super::{LastRead, Online, OnlineError, Synced, fetch::Fetched};
use crate::{
    identity::Account,
    item::{
        Cache, Content, Edit, Pending,
        merge::PendingEdits,
        sealed::{self, SealedError},
    },
    service::Service,
};

/// An item that this device could read in one version, and cannot in the one that came.
pub(super) struct Closed {
    pub(super) item: ItemId,
    held: u64,
    content: Content,
    /// What came opens, and is not understood: a newer program may have written it.
    pub(super) opens: bool,
}

/// An edit that brings something back.
struct Return {
    at: ItemId,
    edit: Pending,
    /// Whether the item says something else, and is reminded of this.
    is_reminder: bool,
}

/// Where something is already that was to be put back.
pub(super) struct There(pub(super) ItemId);

/// What is at the service and what waits: where something can be kept beside an item of which a
/// version is not to be written over.
pub(super) struct Places<'a> {
    pub(super) account: &'a Account,
    pub(super) cache: &'a Cache,
    pub(super) pending: &'a [&'a PendingEdits],
}

impl Places<'_> {
    /// How what an item said comes back.
    fn bring_back(&self, last: &LastRead) -> Result<Return, There> {
        let LastRead { item, version, content } = last;
        let (item, version) = (*item, *version);
        let edit = |base, content: &Content, before: Option<&Content>| {
            let before = before.map(|before| Box::new(before.now.clone()));
            let edit = Pending::new(base, Edit::Put(Box::new(content.clone())));
            Pending { before, ..edit }
        };
        let whole = |at, edit| Return { at, edit, is_reminder: false };
        let record = self.cache.record(&item);
        let says = record.map(|there| {
            let says = sealed::open(self.account.id(), there, self.account.root());
            (there.version, says)
        });
        let waits = self.pending.iter().find_map(|pending| pending.get(&item));
        let has_all = |says: &Content| matches!(says.reminded(version, content), Ok(None));
        match (&says, waits.map(|waits| &waits.edit)) {
            (_, Some(Edit::Remove)) => return Err(There(item)),
            (Some((_, Ok(says))), _) if has_all(says) => return Err(There(item)),
            // What it becomes when it meets what is there, is for merging.
            (Some((_, Ok(_))), Some(_)) => {}
            (_, Some(Edit::Put(waits))) if has_all(waits) => return Err(There(item)),
            (_, Some(_)) => {}
            (None, None) => return Ok(whole(item, edit(version, content, Some(content)))),
            (Some((there, Err(_))), None) if *there == version => {
                return Ok(whole(item, edit(version, content, Some(content))));
            }
            (Some((_, Err(_))), None) => {}
            (Some((there, Ok(says))), None) => {
                if let Ok(Some(content)) = says.reminded(version, content) {
                    // What another device says of it meanwhile is a change of what it says now.
                    let edit = edit(*there, &content, Some(says));
                    return Ok(Return { at: item, edit, is_reminder: true });
                }
            }
        }
        let at = self.beside(item, version, content)?;
        Ok(whole(at, edit(0, content, None)))
    }

    /// Where `content`, of version `held` of an item, is to be kept beside it. The first free one of
    /// `SHA-256("hallmark/beside/v1" || 0x00 || item || held || n)[..16]`, `n` from 0: whoever does it,
    /// another device or a run after one that was killed, does it once, and whoever takes a place
    /// beforehand only moves it on.
    ///
    /// # Errors
    /// [`There`], where one of them has all of it.
    pub(super) fn beside(
        &self,
        item: ItemId,
        held: u64,
        content: &Content,
    ) -> Result<ItemId, There> {
        let mut n: u64 = 0;
        loop {
            let parts = [BESIDE, item.as_bytes(), &held.to_be_bytes(), &n.to_be_bytes()];
            let mut id = [0; ItemId::LEN];
            id.copy_from_slice(&Sha256::of(&parts.concat()).as_bytes()[..ItemId::LEN]);
            let place = ItemId::from_bytes(id);
            match self.has_all_of(&place, held, content) {
                None => return Ok(place),
                Some(true) => return Err(There(place)),
                Some(false) => n += 1,
            }
        }
    }

    /// Whether a place has all of this; `None` for a free one. What this device wrote there itself may
    /// have it in its history.
    fn has_all_of(&self, place: &ItemId, held: u64, content: &Content) -> Option<bool> {
        if let Some(waits) = self.pending.iter().find_map(|pending| pending.get(place)) {
            let Edit::Put(waits) = &waits.edit else { return Some(false) };
            return Some(matches!(waits.reminded(held, content), Ok(None)));
        }
        let record = self.cache.record(place)?;
        let there = sealed::open(self.account.id(), record, self.account.root());
        Some(there.is_ok_and(|there| there.has_all_of(content)))
    }
}

const BESIDE: &[u8] = b"hallmark/beside/v1\0";

/// The most bytes of what items said that are kept in a device's state to be put back: the state is
/// written as a whole, and has an end.
const MAX_KEPT_BYTES: usize = 96 << 20;

/// What was kept of items that say it again: it can go once what they say is on the disk.
pub(super) type Outdated = BTreeSet<(ItemId, u64)>;

fn bytes(content: &Content) -> usize {
    serde_json::to_vec(content).map_or(usize::MAX, |bytes| bytes.len())
}

/// The room that is left beside what waits.
fn room_beside(pending: &PendingEdits) -> usize {
    let waits = pending.values().map(|pending| match &pending.edit {
        Edit::Put(content) => bytes(content),
        Edit::Remove => 0,
    });
    MAX_KEPT_BYTES.saturating_sub(waits.fold(0, usize::saturating_add))
}

/// What fits into so many bytes, the smallest first, so that nothing long keeps out what is short; what
/// does not; and the room that is left.
fn fitting(mut all: Vec<LastRead>, mut room: usize) -> (Vec<LastRead>, Vec<ItemId>, usize) {
    all.sort_by_cached_key(|last| bytes(&last.content));
    let (mut kept, mut unkept) = (Vec::new(), Vec::new());
    for last in all {
        match room.checked_sub(bytes(&last.content)) {
            Some(left) => {
                room = left;
                kept.push(last);
            }
            None => unkept.push(last.item),
        }
    }
    // The newest of an item has the first claim to its place.
    kept.sort_by_key(|last| (last.item, Reverse(last.version)));
    (kept, unkept, room)
}

/// What comes back, and how.
#[derive(Debug, Default)]
pub(super) struct BroughtBack {
    pub(super) edits: PendingEdits,
    /// Items, and where what they said is.
    pub(super) restored: Vec<(ItemId, ItemId)>,
    /// Items that are reminded of what they said.
    pub(super) reminded: Vec<ItemId>,
    /// Items of which it has no room.
    pub(super) unkept: Vec<ItemId>,
    /// All that comes back, as it was read.
    pub(super) kept: Vec<LastRead>,
}

impl BroughtBack {
    /// The edits that bring `all` back, beside those that wait. What is there already is not said again.
    pub(super) fn new(all: Vec<LastRead>, now: (&Account, &Cache), pending: &PendingEdits) -> Self {
        Self::within(room_beside(pending), all, now, pending)
    }

    fn within(
        room: usize,
        all: Vec<LastRead>,
        (account, cache): (&Account, &Cache),
        pending: &PendingEdits,
    ) -> Self {
        let places = Places { account, cache, pending: &[pending] };
        let missing = all.into_iter().filter(|last| places.bring_back(last).is_ok());
        let (kept, unkept, mut spare) = fitting(missing.collect(), room);
        let mut back = Self { unkept, ..Self::default() };
        for last in &kept {
            let places = Places { account, cache, pending: &[&back.edits, pending] };
            let Ok(mut one) = places.bring_back(last) else { continue };
            if let (true, Edit::Put(all)) = (one.is_reminder, &one.edit.edit) {
                // With it comes what the item says now.
                match spare.checked_sub(bytes(all)) {
                    Some(left) => spare = left,
                    None => {
                        let Ok(at) = places.beside(last.item, last.version, &last.content) else {
                            continue;
                        };
                        let edit = Pending::new(0, Edit::Put(Box::new(last.content.clone())));
                        one = Return { at, edit, is_reminder: false };
                    }
                }
            }
            match one.is_reminder {
                true => back.reminded.push(last.item),
                false => back.restored.push((last.item, one.at)),
            }
            back.edits.insert(one.at, one.edit);
        }
        back.kept = kept;
        back
    }

    /// Tells it, in place of what was told before.
    pub(super) fn tell(self, synced: &mut Synced) {
        let is_back = |item: &ItemId| {
            self.restored.iter().any(|(back, _)| back == item) || self.reminded.contains(item)
        };
        synced.unread.retain(|item| !is_back(item));
        synced.outlived.retain(|item| !is_back(item));
        synced.restored.extend(self.restored);
        synced.reminded.extend(self.reminded);
        synced.unkept.extend(self.unkept);
    }
}

impl<S: Service + ?Sized, R: CryptoRng> Online<'_, S, R> {
    /// Items that this device could read and no longer could. Wrapped keys are in no manifest: whoever
    /// spoils one, the service or a device in wrong hands, must neither take an item away nor keep the
    /// owner from taking that device off.
    pub(super) fn no_longer_readable(&self, fetched: &Fetched) -> Vec<Closed> {
        let (before, after) = (self.account(), &fetched.account);
        let closed = self.cache.records().filter_map(|held| {
            let next = fetched.cache.record(&held.item).filter(|next| *next != held)?;
            let opens = match sealed::open(after.id(), next, after.root()) {
                Ok(_) => return None,
                Err(SealedError::Content) => true,
                Err(SealedError::Item(_)) => false,
            };
            let content = sealed::open(before.id(), held, before.root()).ok()?;
            Some(Closed { item: held.item, held: held.version, content, opens })
        });
        closed.collect()
    }

    /// Keeps what items said that no longer open, for when somebody is taken off; brings it back where
    /// somebody was.
    pub(super) fn keep_closed(
        &mut self,
        fetched: &Fetched,
        closed: Vec<Closed>,
        somebody_is_off: bool,
        synced: &mut Synced,
    ) -> Result<Outdated, OnlineError> {
        let Fetched { account, cache } = fetched;
        let mut all = self.holdings().last_read.clone();
        let mut outdated = Outdated::new();
        for LastRead { item, version, content } in &all {
            let record = cache.record(item);
            let says = record.map(|record| sealed::open(account.id(), record, account.root()));
            match says {
                Some(Ok(says)) if matches!(says.reminded(*version, content), Ok(None)) => {
                    outdated.insert((*item, *version));
                }
                // It was removed or written anew: that no longer has what is kept here.
                None | Some(Ok(_)) if record != self.cache.record(item) => {
                    synced.outlived.push(*item);
                }
                _ => {}
            }
        }
        for Closed { item, held: version, content, .. } in closed {
            // What it remembers need not be kept twice.
            all.retain(|last| {
                let has_all = || matches!(content.reminded(last.version, &last.content), Ok(None));
                last.item != item || !has_all()
            });
            all.push(LastRead { item, version, content });
            synced.unread.push(item);
        }
        let mut pending = self.holdings().pending.clone();
        let last_read = if somebody_is_off {
            let mut back = BroughtBack::new(all, (account, cache), &pending);
            pending.append(&mut back.edits);
            back.tell(synced);
            Vec::new()
        } else {
            let (kept, unkept, _) = fitting(all, room_beside(&pending));
            synced.unread.retain(|item| !unkept.contains(item));
            synced.unkept.extend(unkept);
            kept
        };
        self.keep(|holdings| {
            holdings.pending = pending;
            holdings.last_read = last_read;
        })?;
        Ok(outdated)
    }
}

#[cfg(test)]
mod tests {
    use hallmark_core::{key::SigningKey, time::Timestamp};
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::item::{Kind, content::Version};

    fn content(text: &str) -> Content {
        let fields = [("text".to_owned(), text.to_owned())].into();
        let at = Timestamp::from_unix_s(0).unwrap();
        let by = SigningKey::from_seed(&[1; 32]).public();
        Content::new(Kind::Note, Version { at, by, fields, attachments: Vec::new() }).unwrap()
    }

    /// T-27: what a thief wrote into items takes no room from what they said before.
    #[test]
    fn a_long_text_of_another_leaves_room() {
        let mut rng = StdRng::seed_from_u64(1);
        let account = Account::create(Timestamp::from_unix_s(0).unwrap(), &mut rng);
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::load(folder.path(), account.id(), account.root().id());
        let (anew, all) = (content(&"x".repeat(5000)), [last(1, 1, "52"), last(2, 1, "53")]);
        for LastRead { item, .. } in &all {
            let (id, root) = (account.id(), account.root());
            cache.put(sealed::record(id, *item, 2, &anew, root, &mut rng).unwrap());
        }
        let back = |room| {
            let now = (&account, &cache);
            BroughtBack::within(room, all.to_vec(), now, &PendingEdits::new())
        };
        let held = all.iter().map(|last| bytes(&last.content)).sum::<usize>();
        let whole = back(usize::MAX);
        assert_eq!((whole.reminded.len(), whole.restored.len()), (2, 0));
        let short = back(held);
        assert_eq!((short.reminded.len(), short.restored.len(), short.unkept.len()), (0, 2, 0));
        let room = short.edits.values().map(|pending| match &pending.edit {
            Edit::Put(content) => bytes(content),
            Edit::Remove => 0,
        });
        assert_eq!(room.sum::<usize>(), held);
    }

    /// What waits at a place is there as much as what the service has.
    #[test]
    fn a_place_that_something_waits_for_is_taken() {
        let account =
            Account::create(Timestamp::from_unix_s(0).unwrap(), &mut StdRng::seed_from_u64(1));
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::load(folder.path(), account.id(), account.root().id());
        let mut pending = PendingEdits::new();
        let (item, at) = (ItemId::from_bytes([1; 16]), |pending: &PendingEdits, text: &str| {
            let places = Places { account: &account, cache: &cache, pending: &[pending] };
            places.beside(ItemId::from_bytes([1; 16]), 7, &content(text)).map_err(|There(at)| at)
        });
        let first = at(&pending, "52").expect("it is free");
        let edit = Edit::Put(Box::new(content("52")));
        pending.insert(first, Pending::new(0, edit));
        assert_eq!(at(&pending, "52"), Err(first), "it is there");
        assert!(at(&pending, "53").is_ok_and(|next| next != first && next != item));
    }

    fn last(item: u8, version: u64, text: &str) -> LastRead {
        LastRead { item: ItemId::from_bytes([item; 16]), version, content: content(text) }
    }

    /// T-27: however much was spoiled, what is kept of it leaves the state its room, and nothing long
    /// keeps out what is short.
    #[test]
    fn what_is_kept_has_an_end() {
        let (long, short) = ("x".repeat(1000), "52");
        let all = vec![last(1, 1, &long), last(2, 1, short), last(3, 1, &long), last(2, 2, short)];
        let one = bytes(&all[0].content);
        let (kept, unkept, left) = fitting(all.clone(), one + bytes(&all[1].content));
        let kept: Vec<_> =
            kept.iter().map(|last| (last.item.as_bytes()[0], last.version)).collect();
        assert_eq!(kept, [(2, 2), (2, 1)]);
        assert_eq!((unkept, left), (vec![all[0].item, all[2].item], one - bytes(&all[1].content)));
        assert_eq!(fitting(all, usize::MAX).0.len(), 4);
    }
}
