//! People who use a service at the same time, and what it told them that it has.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use hallmark_core::{
    account::{
        AccountId, BlobId, ItemId, RootId, Signed, WrapKey,
        device_list::{Change, Device, Entry},
        exchange::{
            Base64, Commit, CreateAccount, Recipient, Record, StartUpload, Sync, Wrap, Wraps,
        },
        manifest::{Leaf, Leaves, Manifest},
    },
    chain::ChainSecret,
    httpsig::{self, ContentDigest, KeyId, Target},
    key::SigningKey,
    seal::item::{self, Binding},
    time::Timestamp,
};
use hallmark_suites::hostile::{Answer, Request};
use rand::Rng;

use super::log::{self, Logged};

/// What the service acknowledged.
#[derive(Clone)]
pub enum Kept {
    Account,
    Item(Record),
    Blob(BlobId, Vec<u8>),
    Logged(Logged),
}

/// Somebody with an account, one device and no secrets worth keeping.
pub struct Person {
    id: AccountId,
    recovery: SigningKey,
    phone: SigningKey,
    manifests: Vec<Signed<Manifest>>,
    items: BTreeMap<ItemId, Leaf>,
    /// What the items say: sealed before it is sent.
    note: Vec<u8>,
    /// The blob, as it is sent.
    blob: Vec<u8>,
    /// A chain in the log, a place of which is taken with each item.
    chain: Option<ChainSecret>,
    /// With the port of this side of the connection on which it was acknowledged.
    pub kept: Vec<(u16, Kept)>,
}

/// How many of them have entries logged.
const LOGGING: usize = 2;

/// So many people at once, each with so many items and one blob. Returns them with what was
/// acknowledged, when they are done or the service is gone.
pub fn use_service(service: SocketAddr, people: usize, items: usize) -> Vec<Person> {
    let live = move |at: usize| {
        let mut blob = vec![0; 20_000];
        rand::rng().fill_bytes(&mut blob);
        let mut person = Person::new(&[7; 900], &blob);
        person.chain = (at < LOGGING).then(|| ChainSecret::generate(&mut rand::rng()));
        // One that got no answer does not know how the account stands, and stops.
        person.live(service, items);
        person
    };
    let threads: Vec<_> = (0..people).map(|at| thread::spawn(move || live(at))).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

impl Person {
    /// Somebody with one thing to say, sealed, and one blob, sent as it is.
    pub fn new(note: &[u8], blob: &[u8]) -> Self {
        let [recovery, phone] = [(); 2].map(|()| SigningKey::generate(&mut rand::rng()));
        let id = AccountId::of(&recovery.public());
        let (manifests, items, kept) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (note, blob) = (note.to_vec(), blob.to_vec());
        Self { id, recovery, phone, manifests, items, note, blob, chain: None, kept }
    }

    /// The secret keys, in hexadecimal.
    pub fn secrets(&self) -> [String; 2] {
        [&self.recovery, &self.phone].map(|key| data_encoding::HEXLOWER.encode(&*key.seed()))
    }

    /// Makes the account, the items and the blob.
    pub fn live(&mut self, service: SocketAddr, items: usize) -> Option<()> {
        let (entry, wraps) = self.first_entry();
        let create = CreateAccount { entry, wraps };
        let (port, _) = self.post(service, "/v1/accounts", &json(&create)).ok()??;
        self.kept.push((port, Kept::Account));
        for n in 0..items {
            let record = record(&self.note);
            let commit = self.commit(&record);
            let told = self.post(service, &self.at("/items"), &json(&commit)).ok()?;
            if let Some((port, _)) = told {
                self.manifests.push(commit.manifest);
                self.items.insert(record.item, record.leaf());
                self.kept.push((port, Kept::Item(record)));
            }
            if n == 0 {
                self.upload(service)?;
            }
            if let Some(chain) = &self.chain {
                let place = self.kept.len() as u64;
                let (port, logged) = log::submit(service, log::entry(chain, place))?;
                self.kept.push((port, Kept::Logged(logged)));
            }
        }
        Some(())
    }

    fn upload(&mut self, service: SocketAddr) -> Option<()> {
        let (blob, content) = (BlobId::generate(&mut rand::rng()), self.blob.clone());
        let start = StartUpload { blob, size_bytes: content.len() as u64 };
        self.post(service, &self.at("/blobs"), &json(&start)).ok()?;
        let part = self.at(&format!("/blobs/{blob}/parts/0"));
        let put = self.ask(service, "PUT", &part, "application/octet-stream", content.clone());
        if let Some((port, _)) = put.ok()? {
            self.kept.push((port, Kept::Blob(blob, content)));
        }
        Some(())
    }

    /// Whether the service has all of this.
    pub fn finds(&self, service: SocketAddr, kept: &[&Kept]) -> Result<(), String> {
        if kept.is_empty() {
            return Ok(());
        }
        let logged = kept.iter().filter_map(|kept| match kept {
            Kept::Logged(logged) => Some(logged),
            _ => None,
        });
        log::finds(service, &logged.collect::<Vec<_>>())?;
        let target = self.at("/sync?devices=0&manifest=0&items=0");
        let synced = self.get(service, &target)?;
        let synced: Sync = serde_json::from_slice(&synced.body).map_err(|e| e.to_string())?;
        for one in kept {
            match one {
                Kept::Logged(_) => {}
                Kept::Account if synced.entries.len() == 1 => {}
                Kept::Account => return Err("lost the device list".to_owned()),
                Kept::Item(record) => {
                    if !synced.records.contains(record) {
                        return Err(format!("lost item {}", record.item));
                    }
                }
                Kept::Blob(blob, content) => {
                    let whole = self.get(service, &self.at(&format!("/blobs/{blob}/content")))?;
                    if whole.body != *content {
                        return Err(format!("lost the content of blob {blob}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn get(&self, service: SocketAddr, target: &str) -> Result<Answer, String> {
        let answer = self.ask(service, "GET", target, "application/json", Vec::new());
        match answer.map_err(|error| format!("lost: no answer to {target}: {error}"))? {
            Some((_, answer)) => Ok(answer),
            None => Err(format!("lost: refused {target}")),
        }
    }

    fn post(
        &self,
        service: SocketAddr,
        target: &str,
        body: &[u8],
    ) -> std::io::Result<Option<(u16, Answer)>> {
        self.ask(service, "POST", target, "application/json", body.to_vec())
    }

    /// The answer and the port it came to; none where the service refuses.
    fn ask(
        &self,
        service: SocketAddr,
        method: &str,
        target: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> std::io::Result<Option<(u16, Answer)>> {
        let mut request = Request::new(method, target);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let signed = Target::new(method, &service.to_string(), path, query).unwrap();
        let (key, digest) =
            (KeyId::new(&self.phone.public().to_string()), ContentDigest::of(&body));
        // A little ahead: reads signed before the service started do not count.
        let (created, rng) = (now_s() + 20, &mut rand::rng());
        let signed =
            httpsig::sign(&self.phone, &key.unwrap(), &signed, &digest, created, rng).unwrap();
        for (name, value) in [
            ("content-type", media_type),
            ("content-digest", &signed.content_digest),
            ("signature-input", &signed.signature_input),
            ("signature", &signed.signature),
        ] {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
        request.body = body;
        let connection = TcpStream::connect(service)?;
        connection.set_read_timeout(Some(Duration::from_secs(20)))?;
        let port = connection.local_addr()?.port();
        let answer = request.send_on(connection)?;
        Ok((200..300).contains(&answer.status).then_some((port, answer)))
    }

    fn at(&self, rest: &str) -> String {
        format!("/v1/accounts/{}{rest}", self.id)
    }

    fn first_entry(&self) -> (Signed<Entry>, Wraps) {
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
            at: now(),
            epoch: 0,
            root,
            wraps: wraps.hash(),
            manifest: None,
            change: Change::Create { recovery_wrap: WrapKey::from_bytes([9; 32]), device },
            by: self.recovery.public(),
        };
        (Signed::new(entry, &self.recovery).unwrap(), wraps)
    }

    fn commit(&self, record: &Record) -> Commit {
        let leaves = Leaves(self.items.clone());
        let leaves = leaves.after([(record.item, record.leaf())], &[]).unwrap();
        let manifest = Manifest {
            account: self.id,
            version: self.manifests.len() as u64 + 1,
            previous: self.manifests.last().map(Signed::hash),
            devices: 0,
            items: leaves.0.len() as u64,
            root: leaves.root(),
            at: now(),
            by: self.phone.public(),
        };
        let manifest = Signed::new(manifest, &self.phone).unwrap();
        Commit { manifest, records: vec![record.clone()], removed: Vec::new() }
    }
}

fn record(note: &[u8]) -> Record {
    let sealed = |content: &[u8]| {
        let binding =
            Binding { account: b"a", item: b"i", version: 1, purpose: "hallmark/test/v1" };
        let (_, envelope) = item::seal(&binding, &mut rand::rng(), content).unwrap();
        Base64(envelope.as_bytes().to_vec())
    };
    let item = ItemId::generate(&mut rand::rng());
    Record { item, version: 1, key: sealed(b"key"), envelope: sealed(note) }
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_unix_s(now_s()).unwrap()
}

/// What was acknowledged, by the port that it came to, with whom it was said to.
pub fn by_port(people: Vec<Person>) -> BTreeMap<u16, (Arc<Person>, Kept)> {
    let people = people.into_iter().map(Arc::new);
    people
        .flat_map(|person| {
            let kept = person.kept.clone();
            kept.into_iter().map(move |(port, kept)| (port, (person.clone(), kept)))
        })
        .collect()
}
