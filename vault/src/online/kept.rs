//! What items said that this device can no longer read, and how it comes back.
//!
//! A device in wrong hands, or the service, can spoil what it cannot read. What a device could read
//! before is kept in its sealed state, and becomes an edit once a device is taken off: of the item
//! itself where nothing newer can be in it, else beside it. It is kept until then, whatever becomes of
//! the item, unless that says again all that it said.

use std::collections::BTreeMap;

use hallmark_core::{account::ItemId, hash::Sha256};
use rand_core::CryptoRng;

use super::{LastRead, Online, OnlineError, Synced, fetch::Fetched};
use crate::{
    identity::Account,
    item::{
        Cache, Content, Edit, Pending,
        content::NoRoom,
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
pub(super) struct Return {
    pub(super) at: ItemId,
    pub(super) edit: Pending,
    /// Whether the item says something else, and is reminded of this.
    pub(super) is_reminder: bool,
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
    /// How what an item said in version `held` comes back: as the item itself where that is gone, or has
    /// this very version and does not open, so that nothing else can be in it; into its history where
    /// it says something else; else beside it.
    pub(super) fn bring_back(
        &self,
        item: ItemId,
        held: u64,
        content: &Content,
    ) -> Result<Return, There> {
        let put = |content| Edit::Put(Box::new(content));
        let whole = |at, edit| Return { at, edit, is_reminder: false };
        let Some(there) = self.cache.record(&item) else {
            return Ok(whole(item, Pending::new(held, put(content.clone()))));
        };
        match sealed::open(self.account.id(), there, self.account.root()) {
            Ok(says) => match says.reminded(held, content) {
                Ok(None) => return Err(There(item)),
                Ok(Some(content)) => {
                    let edit = Pending::new(there.version, put(content));
                    return Ok(Return { at: item, edit, is_reminder: true });
                }
                Err(NoRoom) => {}
            },
            Err(_) if held == there.version => {
                return Ok(whole(item, Pending::new(held, put(content.clone()))));
            }
            Err(_) => {}
        }
        let at = self.beside(item, held, content)?;
        Ok(whole(at, Pending::new(0, put(content.clone()))))
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
            match self.has_all_of(&place, content) {
                None => return Ok(place),
                Some(true) => return Err(There(place)),
                Some(false) => n += 1,
            }
        }
    }

    /// Whether a place has all of this; `None` for a free one.
    fn has_all_of(&self, place: &ItemId, content: &Content) -> Option<bool> {
        if let Some(waits) = self.pending.iter().find_map(|pending| pending.get(place)) {
            return Some(matches!(&waits.edit, Edit::Put(waits) if waits.has_all_of(content)));
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

/// Room for what items said, in the state of a device.
pub(super) struct KeptRoom {
    left_bytes: usize,
}

impl KeptRoom {
    /// What is left beside what is kept already.
    pub(super) fn beside(last_read: &BTreeMap<ItemId, LastRead>, pending: &PendingEdits) -> Self {
        let mut room = Self { left_bytes: MAX_KEPT_BYTES };
        let waits = pending.values().filter_map(|pending| match &pending.edit {
            Edit::Put(content) => Some(&**content),
            Edit::Remove => None,
        });
        let all = last_read.values().map(|last| &last.content).chain(waits);
        for content in all {
            room.takes(content);
        }
        room
    }

    /// Whether there is room for it, which then is taken.
    pub(super) fn takes(&mut self, content: &Content) -> bool {
        let bytes = serde_json::to_vec(content).map_or(usize::MAX, |bytes| bytes.len());
        let left = self.left_bytes.checked_sub(bytes);
        self.left_bytes = left.unwrap_or(self.left_bytes);
        left.is_some()
    }
}

impl LastRead {
    /// What is kept of an item of which `self` was kept already, and that was read once more since:
    /// nothing of either is lost, and `None` where both do not fit.
    fn and_then(&self, held: u64, content: &Content) -> Option<Self> {
        let all = match content.reminded(self.version, &self.content) {
            Ok(None) => content.clone(),
            Ok(Some(all)) => all,
            Err(NoRoom) => return None,
        };
        Some(Self { version: held, content: all })
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

    /// Keeps what items said that no longer open: as edits that put it back, or, where nobody was taken
    /// off, for when somebody is.
    pub(super) fn keep_closed(
        &mut self,
        fetched: &Fetched,
        closed: Vec<Closed>,
        puts_back: bool,
        synced: &mut Synced,
    ) -> Result<(), OnlineError> {
        let mut last_read = self.holdings().last_read.clone();
        let mut pending = self.holdings().pending.clone();
        let Fetched { account, cache } = fetched;
        last_read.retain(|item, last| {
            let record = cache.record(item);
            let says = record.map(|record| sealed::open(account.id(), record, account.root()));
            match says {
                Some(Ok(says))
                    if matches!(says.reminded(last.version, &last.content), Ok(None)) =>
                {
                    false
                }
                // It was removed or written anew: that no longer has what is kept here.
                None | Some(Ok(_)) if record != self.cache.record(item) => {
                    synced.outlived.push(*item);
                    true
                }
                _ => true,
            }
        });
        let mut room = KeptRoom::beside(&last_read, &pending);
        for Closed { item, held, content, .. } in closed {
            let kept = match last_read.get(&item) {
                Some(last) => last.and_then(held, &content),
                None => Some(LastRead { version: held, content }),
            };
            match kept.filter(|kept| room.takes(&kept.content)) {
                Some(kept) => {
                    last_read.insert(item, kept);
                    if !puts_back {
                        synced.unread.push(item);
                    }
                }
                None => synced.unkept.push(item),
            }
        }
        if puts_back {
            for (item, last) in std::mem::take(&mut last_read) {
                if pending.contains_key(&item) {
                    continue;
                }
                let places = Places { account, cache, pending: &[&pending] };
                let at = match places.bring_back(item, last.version, &last.content) {
                    Ok(Return { at, edit, .. }) => {
                        pending.insert(at, edit);
                        at
                    }
                    Err(There(at)) => {
                        // Until the device is off, it can still take away what it put there.
                        if self.evicts {
                            last_read.insert(item, last);
                        }
                        at
                    }
                };
                if !synced.restored.contains(&(item, at)) {
                    synced.restored.push((item, at));
                }
            }
        }
        self.keep(|holdings| {
            holdings.pending = pending;
            holdings.last_read = last_read;
        })
    }
}

#[cfg(test)]
mod tests {
    use hallmark_core::{key::SigningKey, time::Timestamp};

    use super::*;
    use crate::item::{Kind, content::Version};

    fn content(text: &str) -> Content {
        let fields = [("text".to_owned(), text.to_owned())].into();
        let at = Timestamp::from_unix_s(0).unwrap();
        let by = SigningKey::from_seed(&[1; 32]).public();
        Content::new(Kind::Note, Version { at, by, fields, attachments: Vec::new() }).unwrap()
    }

    /// T-27: however much was spoiled, what is kept of it leaves the state its room.
    #[test]
    fn what_is_kept_has_an_end() {
        let content = content(&"x".repeat(1000));
        let mut room = KeptRoom { left_bytes: 3000 };
        assert!(room.takes(&content) && room.takes(&content));
        let left_bytes = room.left_bytes;
        assert!(!room.takes(&content) && room.left_bytes == left_bytes);
    }

    /// T-27: what was kept first is not given up for what was read, and spoiled, after it.
    #[test]
    fn what_was_kept_first_stays() {
        let first = LastRead { version: 1, content: content("52") };
        let both = first.and_then(3, &content("Mallory")).unwrap();
        assert_eq!(both.version, 3);
        assert_eq!(both.content.history[0].said.fields["text"], "52");
    }
}
