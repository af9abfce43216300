//! The counterfeiter's bench: files taken apart, changed, signed again and put together, and a zip
//! whose every header field can be set by hand.
//!
//! [`Loose`] is the forger who keeps to the container and changes what is inside; [`RawZip`] is the
//! one who bends the container itself. Neither uses the reader under test to decide anything.

use std::io::Cursor;

use hallmark_core::{
    hash::Sha256,
    id::PieceId,
    json::{self, Value},
    key::SigningKey,
    proof,
};
use hallmark_vault::provenance::{
    archive::{Archive, ArchiveWriter},
    event::Kind,
    minisign::WriterKey,
};

use crate::fixture::*;

pub const MANIFEST: &str = "manifest.json";
pub const EVENT_1: &str = "events/0001.json";
pub const EVENT_2: &str = "events/0002.json";
pub const STATUS: &str = "status/status.json";
pub const VERIFY: &str = "VERIFY.txt";
pub const SUMS: &str = "SHA256SUMS";
pub const MINISIG: &str = "SHA256SUMS.minisig";

/// A file as a list of named contents.
#[derive(Clone)]
pub struct Loose(pub Vec<(String, Vec<u8>)>);

impl Loose {
    pub fn of(bytes: &[u8]) -> Self {
        let archive = Archive::open(bytes, bytes.len() as u64).unwrap();
        let entries = archive.entries().iter();
        Self(entries.map(|entry| (entry.name.clone(), archive.read(entry).unwrap())).collect())
    }

    pub fn minted() -> Self {
        Self::of(&minted())
    }

    pub fn at(&self, name: &str) -> usize {
        self.0.iter().position(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn bytes(&self, name: &str) -> &[u8] {
        &self.0[self.at(name)].1
    }

    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name).to_vec()).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_slice(self.bytes(name)).unwrap()
    }

    pub fn set(&mut self, name: &str, content: impl AsRef<[u8]>) -> &mut Self {
        let at = self.at(name);
        self.0[at].1 = content.as_ref().to_vec();
        self
    }

    pub fn set_json(&mut self, name: &str, document: &Value) -> &mut Self {
        self.set(name, json::canonical(document))
    }

    pub fn insert_before(&mut self, name: &str, new: &str, content: impl AsRef<[u8]>) -> &mut Self {
        let at = self.at(name);
        self.0.insert(at, (new.into(), content.as_ref().to_vec()));
        self
    }

    pub fn remove(&mut self, name: &str) -> &mut Self {
        let at = self.at(name);
        self.0.remove(at);
        self
    }

    /// Changes a signed document and signs it again with `keys`.
    pub fn resign(
        &mut self,
        name: &str,
        keys: &[&SigningKey],
        change: impl FnOnce(&mut Value),
    ) -> &mut Self {
        let mut document = self.json(name);
        change(&mut document);
        let document = signed(document, keys);
        self.set_json(name, &document)
    }

    /// Changes the manifest as the studio of seed 1 would have written it, and makes the events and
    /// the status follow.
    pub fn remint(&mut self, change: impl FnOnce(&mut Value)) -> &mut Self {
        self.resign(MANIFEST, &[&key(1)], change).settle()
    }

    /// Chains the events, all signed by the studio of seed 1, to the manifest and the status to
    /// them, as they now are.
    pub fn settle(&mut self) -> &mut Self {
        let mut head = Sha256::of(self.bytes(MANIFEST));
        let events = self.events();
        for name in &events {
            self.resign(name, &[&key(1)], |event| {
                event["credentialSubject"]["previous"] = head.to_string().into();
            });
            head = Sha256::of(self.bytes(name));
        }
        let manifest = Sha256::of(self.bytes(MANIFEST)).to_string();
        self.resign(STATUS, &[&key(1)], |status| {
            status["credentialSubject"]["manifest"] = manifest.into();
            status["credentialSubject"]["head"] = head.to_string().into();
            status["credentialSubject"]["events"] = events.len().into();
        })
    }

    pub fn events(&self) -> Vec<String> {
        let names = self.0.iter().map(|(name, _)| name);
        names.filter(|name| name.starts_with("events/")).cloned().collect()
    }

    /// Writes `SHA256SUMS` and its signature for what is there, as a writer who is not the studio.
    pub fn resum(&mut self) -> &mut Self {
        let entries = self.0.iter().filter(|(name, _)| name != SUMS && name != MINISIG);
        let sums: String =
            entries.map(|(name, content)| format!("{}  {name}\n", Sha256::of(content))).collect();
        self.set(SUMS, sums).sign_sums()
    }

    /// Signs the `SHA256SUMS` that is there, whatever it says.
    pub fn sign_sums(&mut self) -> &mut Self {
        let minisig = WriterKey::new(key(77)).sign(self.bytes(SUMS), piece_id());
        self.set(MINISIG, minisig)
    }

    /// The container of exactly these entries in this order.
    pub fn pack(&self) -> Vec<u8> {
        let mut archive = ArchiveWriter::new(Cursor::new(Vec::new()));
        for (name, content) in &self.0 {
            archive.add(name, &mut content.as_slice()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// With sums and minisign signature that fit.
    pub fn sealed(&mut self) -> Vec<u8> {
        self.resum().pack()
    }
}

/// The identity of the fixture's piece.
pub fn piece_id() -> PieceId {
    piece().id
}

/// A document with new proofs by `keys`.
pub fn signed(document: Value, keys: &[&SigningKey]) -> Value {
    let Value::Object(mut document) = document else { panic!("not an object") };
    document.remove("proof");
    for key in keys {
        proof::sign(&mut document, key, at(MINTED));
    }
    Value::Object(document)
}

/// The minted file with one further event by its studio, which the status covers.
pub fn with_two_events() -> Loose {
    let bytes = crate::life::append(&minted(), Kind::Serviced, &[&key(1)]).unwrap();
    Loose::of(&crate::life::restatus(
        &bytes,
        hallmark_vault::provenance::status::Standing::Current,
        180,
    ))
}

/// A zip of which every field can be set. What [`RawZip::of`] takes apart, [`RawZip::pack`] puts
/// together again byte for byte.
#[derive(Clone)]
pub struct RawZip {
    pub prefix: Vec<u8>,
    pub entries: Vec<RawEntry>,
    pub end64: End64,
    pub locator: Locator,
    pub end: End,
}

#[derive(Clone)]
pub struct RawEntry {
    pub local: RawHeader,
    pub central: RawHeader,
    pub content: Vec<u8>,
    /// After the content and before the next header: a data descriptor, or any gap.
    pub after: Vec<u8>,
    pub in_directory: bool,
}

#[derive(Clone)]
pub struct RawHeader {
    pub signature: u32,
    pub made_by: u16,
    pub version: u16,
    pub flags: u16,
    pub method: u16,
    pub time: u16,
    pub date: u16,
    pub crc32: u32,
    pub compressed: u32,
    pub size: u32,
    pub name: Vec<u8>,
    pub extra: Vec<u8>,
    pub comment: Vec<u8>,
    pub disk: u16,
    pub internal: u16,
    pub external: u32,
    pub offset: u32,
}

#[derive(Clone)]
pub struct End64 {
    pub record_len: u64,
    pub made_by: u16,
    pub version: u16,
    pub disk: u32,
    pub directory_disk: u32,
    pub here: u64,
    pub total: u64,
    pub directory_len: u64,
    pub offset: u64,
    pub extensible: Vec<u8>,
}

#[derive(Clone)]
pub struct Locator {
    pub disk: u32,
    pub offset: u64,
    pub disks: u32,
}

#[derive(Clone)]
pub struct End {
    pub disk: u16,
    pub directory_disk: u16,
    pub here: u16,
    pub total: u16,
    pub directory_len: u32,
    pub offset: u32,
    pub comment: Vec<u8>,
}

impl RawHeader {
    fn bytes(&self, central: bool) -> Vec<u8> {
        let mut out = self.signature.to_le_bytes().to_vec();
        if central {
            out.extend(self.made_by.to_le_bytes());
        }
        for field in [self.version, self.flags, self.method, self.time, self.date] {
            out.extend(field.to_le_bytes());
        }
        for field in [self.crc32, self.compressed, self.size] {
            out.extend(field.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((self.extra.len() as u16).to_le_bytes());
        if central {
            out.extend((self.comment.len() as u16).to_le_bytes());
            out.extend(self.disk.to_le_bytes());
            out.extend(self.internal.to_le_bytes());
            out.extend(self.external.to_le_bytes());
            out.extend(self.offset.to_le_bytes());
        }
        [out, self.name.clone(), self.extra.clone(), self.comment.clone()].concat()
    }
}

impl RawZip {
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_entries(&Loose::of(bytes).0)
    }

    pub fn of_entries(entries: &[(String, Vec<u8>)]) -> Self {
        let mut offset = 0;
        let mut raw = Vec::new();
        for (name, content) in entries {
            let len = content.len() as u64;
            let sizes = [1_u16.to_le_bytes(), 16_u16.to_le_bytes()].concat();
            let sizes = [sizes, len.to_le_bytes().to_vec(), len.to_le_bytes().to_vec()].concat();
            let local = RawHeader {
                signature: 0x0403_4b50,
                made_by: 45,
                version: 45,
                flags: 0,
                method: 0,
                time: 0,
                date: 0x21,
                crc32: crc32fast::hash(content),
                compressed: u32::MAX,
                size: u32::MAX,
                name: name.as_bytes().to_vec(),
                extra: sizes,
                comment: Vec::new(),
                disk: 0,
                internal: 0,
                external: 0,
                offset: u32::MAX,
            };
            let mut central = RawHeader { signature: 0x0201_4b50, ..local.clone() };
            central.extra[2] = 24;
            central.extra.extend(u64::to_le_bytes(offset));
            offset += local.bytes(false).len() as u64 + len;
            let content = content.clone();
            raw.push(RawEntry { local, central, content, after: vec![], in_directory: true });
        }
        let directory_len: u64 =
            raw.iter().map(|entry| entry.central.bytes(true).len() as u64).sum();
        let count = raw.len() as u64;
        Self {
            prefix: Vec::new(),
            entries: raw,
            end64: End64 {
                record_len: 44,
                made_by: 45,
                version: 45,
                disk: 0,
                directory_disk: 0,
                here: count,
                total: count,
                directory_len,
                offset,
                extensible: Vec::new(),
            },
            locator: Locator { disk: 0, offset: offset + directory_len, disks: 1 },
            end: End {
                disk: 0,
                directory_disk: 0,
                here: u16::MAX,
                total: u16::MAX,
                directory_len: u32::MAX,
                offset: u32::MAX,
                comment: Vec::new(),
            },
        }
    }

    pub fn minted() -> Self {
        Self::of(&minted())
    }

    /// Sets offsets, counts and lengths to what they now are, as a careful forger would.
    pub fn settle(&mut self) -> &mut Self {
        let mut offset = self.prefix.len() as u64;
        for entry in &mut self.entries {
            let extra = &mut entry.central.extra;
            if extra.len() == 28 {
                extra[20..28].copy_from_slice(&offset.to_le_bytes());
            }
            offset +=
                (entry.local.bytes(false).len() + entry.content.len() + entry.after.len()) as u64;
        }
        let listed = self.entries.iter().filter(|entry| entry.in_directory);
        let lengths: Vec<u64> =
            listed.map(|entry| entry.central.bytes(true).len() as u64).collect();
        self.end64.here = lengths.len() as u64;
        self.end64.total = lengths.len() as u64;
        self.end64.directory_len = lengths.iter().sum();
        self.end64.offset = offset;
        self.locator.offset = offset + self.end64.directory_len;
        self
    }

    pub fn pack(&self) -> Vec<u8> {
        let mut out = self.prefix.clone();
        for entry in &self.entries {
            out.extend(entry.local.bytes(false));
            out.extend(&entry.content);
            out.extend(&entry.after);
        }
        for entry in self.entries.iter().filter(|entry| entry.in_directory) {
            out.extend(entry.central.bytes(true));
        }
        let End64 { record_len, made_by, version, disk, directory_disk, .. } = self.end64;
        out.extend(0x0606_4b50_u32.to_le_bytes());
        out.extend(record_len.to_le_bytes());
        out.extend(made_by.to_le_bytes());
        out.extend(version.to_le_bytes());
        out.extend(disk.to_le_bytes());
        out.extend(directory_disk.to_le_bytes());
        let End64 { here, total, directory_len, offset, .. } = self.end64;
        for field in [here, total, directory_len, offset] {
            out.extend(field.to_le_bytes());
        }
        out.extend(&self.end64.extensible);
        out.extend(0x0706_4b50_u32.to_le_bytes());
        out.extend(self.locator.disk.to_le_bytes());
        out.extend(self.locator.offset.to_le_bytes());
        out.extend(self.locator.disks.to_le_bytes());
        out.extend(0x0605_4b50_u32.to_le_bytes());
        for field in [self.end.disk, self.end.directory_disk, self.end.here, self.end.total] {
            out.extend(field.to_le_bytes());
        }
        out.extend(self.end.directory_len.to_le_bytes());
        out.extend(self.end.offset.to_le_bytes());
        out.extend((self.end.comment.len() as u16).to_le_bytes());
        out.extend(&self.end.comment);
        out
    }
}
