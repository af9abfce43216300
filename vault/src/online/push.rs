//! Sending what waits.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_core::{
    account::{
        BlobId, ItemId, Signed,
        exchange::{Commit, Cursor, Record},
        manifest::{Leaf, MAX_FIRST_VERSION, Manifest},
    },
    json,
};
use rand_core::CryptoRng;

use super::{Deceit, Holdings, Online, OnlineError, Synced, fetch::save};
use crate::{
    item::{Edit, Pending, content::Past, sealed},
    service::Service,
};

/// Items whose edits cannot be sent, and why.
pub(super) type Stuck = BTreeMap<ItemId, OnlineError>;

/// After so many bytes of records, a commit is full.
const COMMIT_BYTES: usize = 2 << 20;

impl<S: Service + ?Sized, R: CryptoRng> Online<'_, S, R> {
    /// Sends all edits that wait, as few commits as they fit into, but for those of `stuck` items, to
    /// which those are added that turn out not to be fit to be sent.
    pub(super) fn push(
        &mut self,
        synced: &mut Synced,
        stuck: &mut Stuck,
    ) -> Result<(), OnlineError> {
        self.begin_anew()?;
        loop {
            let sent = self.until_done(synced, |online| online.push_once(stuck))?;
            synced.sent += sent;
            if sent == 0 {
                return Ok(());
            }
        }
    }

    /// Gives another id to what is gone at the service and was at a version that no item begins with,
    /// and drops removals of what is gone.
    fn begin_anew(&mut self) -> Result<(), OnlineError> {
        let is_void = |(item, pending): &(&ItemId, &Pending)| {
            self.cache.record(item).is_none()
                && match pending.edit {
                    Edit::Remove => true,
                    Edit::Put(_) => pending.base >= MAX_FIRST_VERSION,
                }
        };
        let void: Vec<ItemId> =
            self.holdings().pending.iter().filter(is_void).map(|(item, _)| *item).collect();
        if void.is_empty() {
            return Ok(());
        }
        let anew: Vec<(ItemId, ItemId)> =
            void.into_iter().map(|item| (item, ItemId::generate(&mut self.rng))).collect();
        self.keep(|holdings| {
            for (item, own) in anew {
                let Some(pending) = holdings.pending.remove(&item) else { continue };
                if let Edit::Put(_) = &pending.edit {
                    holdings.pending.insert(own, Pending::new(0, pending.edit));
                    holdings.move_uploads(item, own);
                }
            }
        })
    }

    /// One commit of what fits; how many edits it held. Removals go first, and alone: a full account
    /// takes them.
    fn push_once(&mut self, stuck: &mut Stuck) -> Result<usize, OnlineError> {
        let (records, removed) = self.batch(stuck)?;
        if records.is_empty() && removed.is_empty() {
            return Ok(0);
        }
        let done: Vec<ItemId> =
            records.iter().map(|record| record.item).chain(removed.iter().copied()).collect();
        // Before it is sent: whether an answer comes or not, what nothing names then is to go.
        let unwanted = self.dropped(&done);
        if unwanted.iter().any(|blob| !self.holdings().unwanted.contains(blob)) {
            self.keep(|holdings| {
                holdings.unwanted.retain(|blob| !unwanted.contains(blob));
                holdings.unwanted.extend(unwanted);
            })?;
        }
        let manifest = self.next_manifest(&records, &removed)?;
        self.note_sent(&records)?;
        let commit = Commit { manifest, records, removed };
        let (by, id) = (self.device(), self.account().id());
        self.service.commit(&by, id, &commit)?;
        let Commit { manifest, records, removed } = commit;
        let version = manifest.claimed().version;
        records.into_iter().for_each(|record| self.cache.put(record));
        removed.iter().for_each(|item| self.cache.remove(item));
        self.cache.set_cursor(Cursor { manifest: version, item: None });
        save(&self.cache)?;
        self.keep(|holdings| {
            holdings.account.set_manifest(manifest);
            done.iter().for_each(|item| {
                holdings.pending.remove(item);
            });
            holdings.remember_removed(removed);
        })?;
        Ok(done.len())
    }

    /// Keeps what goes out, to know it again where its answer is lost.
    fn note_sent(&mut self, records: &[Record]) -> Result<(), OnlineError> {
        if records.is_empty() {
            return Ok(());
        }
        self.keep(|holdings| {
            for Record { item, version, .. } in records {
                let Some(pending) = holdings.pending.get_mut(item) else { continue };
                if let Edit::Put(content) = &pending.edit {
                    let (version, said) = (*version, content.now.clone());
                    pending.sent = Some(Box::new(Past { version, said }));
                }
            }
        })
    }

    /// Removals of the edits that wait, or where there are none, records, as many as one commit takes.
    fn batch(&mut self, stuck: &mut Stuck) -> Result<(Vec<Record>, Vec<ItemId>), OnlineError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        let holdings = self.store.read().holdings.as_ref().ok_or(OnlineError::NoAccount)?;
        let account = &holdings.account;
        let waits = || holdings.pending.iter();
        let removals = waits().filter(|(_, pending)| matches!(pending.edit, Edit::Remove));
        let removals: Vec<ItemId> =
            removals.map(|(item, _)| *item).filter(|item| !stuck.contains_key(item)).collect();
        if !removals.is_empty() {
            return Ok((records, removals));
        }
        for (item, pending) in waits() {
            let Edit::Put(content) = &pending.edit else { continue };
            if stuck.contains_key(item) {
                continue;
            }
            let held = self.cache.record(item).map_or(0, |record| record.version);
            let version = held.max(pending.base).saturating_add(1);
            if version > if held == 0 { MAX_FIRST_VERSION } else { json::MAX_INTEGER } {
                stuck.insert(*item, OnlineError::LastVersion { item: *item });
                continue;
            }
            let (id, root) = (account.id(), account.root());
            match sealed::record(id, *item, version, content, root, &mut self.rng) {
                Ok(record) => {
                    bytes += record.envelope.0.len() + record.key.0.len();
                    records.push(record);
                }
                Err(source) => {
                    stuck.insert(*item, OnlineError::Unsealed { item: *item, source });
                }
            }
            if bytes >= COMMIT_BYTES {
                break;
            }
        }
        Ok((records, Vec::new()))
    }

    /// Blobs that these items named at the service, and no item does any more.
    fn dropped(&self, items: &[ItemId]) -> Vec<BlobId> {
        let Holdings { account, pending, .. } = self.holdings();
        let says = |record: &Record| sealed::open(account.id(), record, account.root()).ok();
        let before = items.iter().filter_map(|item| self.cache.record(item));
        let mut blobs: BTreeSet<BlobId> =
            before.filter_map(says).flat_map(|content| content.now.blobs()).collect();
        // Seldom: then two items may name one blob, which were one before.
        if !blobs.is_empty() {
            let waits = pending.values().filter_map(|pending| match &pending.edit {
                Edit::Put(content) => Some(content.now.blobs()),
                Edit::Remove => None,
            });
            let stay = self.cache.records().filter(|record| !items.contains(&record.item));
            let stay = stay.filter_map(says).map(|content| content.now.blobs());
            waits.chain(stay).flatten().for_each(|blob| {
                blobs.remove(&blob);
            });
        }
        blobs.into_iter().collect()
    }

    fn next_manifest(
        &self,
        records: &[Record],
        removed: &[ItemId],
    ) -> Result<Signed<Manifest>, OnlineError> {
        let account = self.account();
        let changed = records.iter().map(|record| (record.item, record.leaf()));
        let leaves = self
            .cache
            .leaves()
            .after(changed.collect::<Vec<(ItemId, Leaf)>>(), removed)
            .map_err(Deceit::Manifest)?;
        let before = account.manifest();
        let key = self.device();
        let manifest = Manifest {
            account: account.id(),
            version: before.map_or(0, |before| before.claimed().version) + 1,
            previous: before.map(Signed::hash),
            devices: account.entries().len() as u64 - 1,
            items: leaves.0.len() as u64,
            root: leaves.root(),
            at: self.now,
            by: key.public(),
        };
        Ok(Signed::new(manifest, &key).expect("the key it names"))
    }
}
