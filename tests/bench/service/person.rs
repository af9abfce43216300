//! People whose requests are made before they are sent: each an account with a chain of commits,
//! which its device can sign without hearing from the service in between.

use std::{num::NonZeroUsize, thread};

use anyhow::Context;
use hallmark_core::{
    account::{
        AccountId, ItemId, RootId, Signed, WrapKey,
        device_list::{Change, Device, Entry},
        exchange::{Base64, Commit, CreateAccount, Recipient, Record, Wrap, Wraps},
        manifest::{Leaves, Manifest},
    },
    httpsig::{self, ContentDigest, KeyId, Target},
    key::SigningKey,
    seal::item::{self, Binding},
    time::Timestamp,
};
use serde::Serialize;

use super::daemon::now;

/// What the requests are signed for.
const AUTHORITY: &str = "bench";
/// Items of one person; each commit changes the next of them.
const ITEMS: u64 = 8;
/// What an item says, before it is sealed.
const CONTENT_BYTES: usize = 200;

/// One person's requests, as they go over the wire.
pub struct Prepared {
    /// Begins the account.
    pub create: Vec<u8>,
    /// Commits, each of which continues the one before.
    pub commits: Vec<Vec<u8>>,
}

/// So many people with so many commits each.
///
/// # Errors
/// When the clock cannot be.
pub fn prepared(people: usize, commits: u64) -> anyhow::Result<Vec<Prepared>> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = people.div_ceil(threads);
    thread::scope(|scope| {
        let shares: Vec<_> = (0..people)
            .step_by(share)
            .map(|from| {
                let count = share.min(people - from);
                let one = move |_| Person::new(now()?).prepared(commits);
                scope.spawn(move || (0..count).map(one).collect::<anyhow::Result<Vec<_>>>())
            })
            .collect();
        let mut all = Vec::new();
        for share in shares {
            all.extend(share.join().ok().context("a thread that made requests panicked")??);
        }
        Ok(all)
    })
}

struct Person {
    recovery: SigningKey,
    phone: SigningKey,
    id: AccountId,
    now: Timestamp,
}

impl Person {
    fn new(now: Timestamp) -> Self {
        let [recovery, phone] = [(); 2].map(|()| SigningKey::generate(&mut rand::rng()));
        let id = AccountId::of(&recovery.public());
        Self { recovery, phone, id, now }
    }

    fn prepared(&self, commits: u64) -> anyhow::Result<Prepared> {
        let create = self.post("/v1/accounts", &self.create()?)?;
        let path = format!("/v1/accounts/{}/items", self.id);
        let items: Vec<ItemId> = (0..ITEMS).map(|_| ItemId::generate(&mut rand::rng())).collect();
        let (mut leaves, mut previous) = (Leaves::default(), None);
        let commits = (0..commits).map(|n| {
            let record = record(items[(n % ITEMS) as usize], n / ITEMS + 1)?;
            leaves = leaves.clone().after([(record.item, record.leaf())], &[])?;
            let manifest = Manifest {
                account: self.id,
                version: n + 1,
                previous,
                devices: 0,
                items: leaves.0.len() as u64,
                root: leaves.root(),
                at: self.now,
                by: self.phone.public(),
            };
            let manifest = Signed::new(manifest, &self.phone)?;
            previous = Some(manifest.hash());
            let commit = Commit { manifest, records: vec![record], removed: Vec::new() };
            self.post(&path, &commit)
        });
        Ok(Prepared { commits: commits.collect::<anyhow::Result<_>>()?, create })
    }

    /// One device and wraps that nobody opens.
    fn create(&self) -> anyhow::Result<CreateAccount> {
        let device = Device { key: self.phone.public(), wrap: WrapKey::from_bytes([3; 32]) };
        let root = RootId::from_bytes([0; 16]);
        let to = [Recipient::Device(device.key), Recipient::Recovery];
        let (enc, sealed) = (Base64(vec![1; 32]), Base64(vec![2; 48]));
        let wraps = to.map(|to| Wrap { to, enc: enc.clone(), sealed: sealed.clone() });
        let wraps = Wraps { account: self.id, epoch: 0, root, wraps: wraps.to_vec() };
        let entry = Entry {
            account: self.id,
            seq: 0,
            previous: None,
            at: self.now,
            epoch: 0,
            root,
            wraps: wraps.hash(),
            manifest: None,
            change: Change::Create { recovery_wrap: WrapKey::from_bytes([9; 32]), device },
            by: self.recovery.public(),
        };
        Ok(CreateAccount { entry: Signed::new(entry, &self.recovery)?, wraps })
    }

    fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<Vec<u8>> {
        let body = serde_json::to_vec(body)?;
        let target = Target::new("POST", AUTHORITY, path, None)?;
        let (digest, id) =
            (ContentDigest::of(&body), KeyId::new(&self.phone.public().to_string())?);
        let (created_s, rng) = (self.now.unix_s(), &mut rand::rng());
        let signed = httpsig::sign(&self.phone, &id, &target, &digest, created_s, rng)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {AUTHORITY}\r\nContent-Type: application/json\r\n\
             Content-Digest: {}\r\nSignature-Input: {}\r\nSignature: {}\r\n\
             Content-Length: {}\r\n\r\n",
            signed.content_digest,
            signed.signature_input,
            signed.signature,
            body.len()
        );
        Ok([head.as_bytes(), &body].concat())
    }
}

fn record(item: ItemId, version: u64) -> anyhow::Result<Record> {
    let sealed = |content: &[u8]| -> anyhow::Result<Base64> {
        let binding = Binding { account: b"a", item: b"i", version, purpose: "hallmark/test/v1" };
        let (_, envelope) = item::seal(&binding, &mut rand::rng(), content)?;
        Ok(Base64(envelope.as_bytes().to_vec()))
    };
    Ok(Record { item, version, key: sealed(&[1; 32])?, envelope: sealed(&[2; CONTENT_BYTES])? })
}
