//! Writing provenance files: minting one, and writing it again with an event or a status added.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom, Write},
};

use hallmark_core::{
    chain::ChainSecret,
    hash::{Hasher, Sha256},
    id::Label,
    json::{self, Value},
    key::{PublicKey, SigningKey},
    time::Timestamp,
};

use super::{
    archive::{ArchiveWriter, MAX_ENTRIES, ReadAt},
    chain::{ChainError, Custody},
    claim::{Claim, ClaimError},
    credential::{self, Credential, CredentialError, Signed},
    event::{Event, Kind, MAX_EVENTS},
    inspect::{
        self, MAX_EVENT_BYTES, MAX_EVENTS_BYTES, MAX_MANIFEST_BYTES, MAX_PROOF_BYTES, MAX_PROOFS,
        ProvenanceFile, event_name,
    },
    minisign::WriterKey,
    part::{Metadata, Part, Role},
    path::PartPath,
    piece::{Piece, PieceError},
    status::{Standing, Status},
    sums_text,
    text::Text,
};
use crate::hygiene::MediaType;

/// Content that can be read twice: once to hash it, once to write it.
pub trait Content: Read + Seek {}
impl<T: Read + Seek> Content for T {}

/// A part with the content it lists.
pub struct Source {
    part: Part,
    content: Box<dyn Content>,
}

impl Source {
    /// Hashes `content` and lists it as a part.
    ///
    /// # Errors
    /// As `content`.
    pub fn new(
        path: PartPath,
        media_type: MediaType,
        role: Role,
        title: Option<Text>,
        metadata: Metadata,
        mut content: Box<dyn Content>,
    ) -> io::Result<Self> {
        content.seek(SeekFrom::Start(0))?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 128 * 1024];
        let mut size = 0;
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                n => {
                    hasher.update(&buffer[..n]);
                    size += n as u64;
                }
            }
        }
        let media_type = media_type.mime().to_owned();
        let sha256 = hasher.finish();
        Ok(Self { part: Part { path, sha256, size, media_type, role, title, metadata }, content })
    }

    /// What the part lists.
    pub fn part(&self) -> &Part {
        &self.part
    }
}

/// A studio's signing keys, each for one use.
#[derive(Debug)]
pub struct StudioKeys {
    /// Signs manifests, events and statuses.
    pub identity: SigningKey,
    /// Signs `SHA256SUMS`.
    pub writer: WriterKey,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The piece contradicts itself.
    #[error(transparent)]
    Piece(#[from] PieceError),
    /// The event does not belong at the end of the chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A document could not be signed or does not verify.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A document is larger than FORMAT.md allows.
    #[error("{name} would have {size_bytes} bytes; at most {limit_bytes} are allowed")]
    TooLarge {
        /// The document.
        name: String,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// A claim does not fit the piece.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// More events or entries than FORMAT.md allows.
    #[error("the file would have more than {limit} {what}")]
    TooMany {
        /// What there would be too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A part of that name is there already.
    #[error("{path} is there already")]
    PartThere {
        /// The part.
        path: PartPath,
    },
    /// A content is not the one that was hashed before.
    #[error("{path} changed while it was being written; run the command again")]
    Changed {
        /// The part or document.
        path: String,
    },
    /// The content cannot be read, or the file cannot be written.
    #[error("cannot write the file: {source}")]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// What is minted.
pub struct Minting {
    /// The piece; its `parts` and `first_label` are filled in.
    pub piece: Piece,
    /// The parts, in the order of the container.
    pub sources: Vec<Source>,
    /// What the `made` event says in words.
    pub made: Option<Text>,
    /// When.
    pub at: Timestamp,
    /// For how many days the first status counts.
    pub status_days: u32,
}

impl Minting {
    /// Whether this can be minted by `studio`: the piece and its claims agree with each other.
    ///
    /// # Errors
    /// [`WriteError::Piece`] or [`WriteError::Claim`].
    pub fn check(&self, studio: &PublicKey) -> Result<(), WriteError> {
        let parts = self.sources.iter().map(|source| source.part.clone()).collect();
        let piece = Piece { parts, ..self.piece.clone() };
        piece.check(studio)?;
        check_claims(&piece.claims, &piece)
    }
}

/// Mints a piece: signs the manifest, the `made` event and a status, and writes the file to `out`.
///
/// # Errors
/// [`WriteError`]; what was written of `out` is then worthless.
pub fn mint<W: Write + Seek>(
    minting: Minting,
    keys: &StudioKeys,
    chain: &ChainSecret,
    out: W,
) -> Result<W, WriteError> {
    minting.check(&keys.identity.public())?;
    let Minting { mut piece, mut sources, made, at, status_days } = minting;
    piece.first_label = chain.label(1);
    piece.parts = sources.iter().map(|source| source.part.clone()).collect();
    let id = piece.id;
    let studio = keys.identity.public();
    let manifest = Credential::new(studio, at, piece.clone()).sign(&keys.identity)?;
    let manifest = bounded(inspect::MANIFEST, &manifest, MAX_MANIFEST_BYTES)?;
    let mut custody = Custody::begin(studio, &piece, Sha256::of(&manifest), at);

    let event = Event { by: Some(piece.maker.name.clone()), note: made, ..blank(&custody, &piece) };
    let event = finish_event(event, Kind::Made, chain.label(2));
    let event = Credential::new(studio, at, event).sign(&keys.identity)?;
    let event = bounded(&event_name(1), &event, MAX_EVENT_BYTES)?;
    custody.follow(&credential::open(&event)?, Sha256::of(&event), &piece)?;

    let status = status(&custody, &piece, Standing::Current, None);
    let status = sign_status(status, at, status_days, &keys.identity)?;
    let documents = Documents { manifest, events: vec![event], status };
    let parts = sources.iter_mut().map(|s| (&s.part, &mut s.content as &mut dyn Rewind)).collect();
    write(out, &documents, parts, Vec::new(), &keys.writer, id)
}

/// The next event of a file, with everything filled in that the chain decides.
pub fn next_event(file: &ProvenanceFile, kind: Kind, next_label: Label) -> Event {
    finish_event(blank(file.custody(), file.piece()), kind, next_label)
}

/// A status for a file as it is now, to be signed by the studio.
pub fn next_status(file: &ProvenanceFile, standing: Standing, reason: Option<Text>) -> Status {
    status(file.custody(), file.piece(), standing, reason)
}

/// Signs a status as the studio, for `days` days.
///
/// # Errors
/// [`WriteError::Credential`].
pub fn sign_status(
    status: Status,
    at: Timestamp,
    days: u32,
    identity: &SigningKey,
) -> Result<Vec<u8>, WriteError> {
    let mut credential = Credential::new(identity.public(), at, status);
    credential.valid_until = Some(at.plus_days(days));
    Ok(json::canonical(&credential.sign(identity)?))
}

/// What is added when a file is written again.
#[derive(Default)]
pub struct Amendment {
    /// A further event, fully signed, with the parts it lists.
    pub event: Option<(Value, Vec<Source>)>,
    /// Makes the status of the chain as it then is; without it the status stays.
    pub status: Option<Restatus>,
    /// A proof for `proofs/`, under this name; it takes the place of one that is there.
    pub proof: Option<(String, Vec<u8>)>,
}

/// How a new status is made.
pub struct Restatus {
    /// What the studio says.
    pub standing: Standing,
    /// Why, when it does not stand.
    pub reason: Option<Text>,
    /// When.
    pub at: Timestamp,
    /// For how many days.
    pub days: u32,
    /// The studio's key.
    pub identity: SigningKey,
}

/// Writes `file` again with an amendment. Everything else is carried over byte for byte; the sums
/// are signed by `writer` (the studio's writer key, or a fresh one of an owner: a key that stayed
/// the same would join two pieces of one person).
///
/// # Errors
/// [`WriteError`]; an event that does not belong at the end of the chain is refused before
/// anything is written.
pub fn rewrite<R: ReadAt + ?Sized, W: Write + Seek>(
    file: &ProvenanceFile,
    source: &R,
    amendment: Amendment,
    writer: &WriterKey,
    out: W,
) -> Result<W, WriteError> {
    let piece = file.piece();
    let mut custody = file.custody().clone();
    let mut documents = Documents {
        manifest: carried(file, source, inspect::MANIFEST)?,
        events: (1..=custody.events())
            .map(|sequence| carried(file, source, &event_name(sequence)))
            .collect::<Result<_, _>>()?,
        status: carried(file, source, inspect::STATUS)?,
    };
    let mut added = Vec::new();
    if let Some((event, sources)) = amendment.event {
        if custody.events() as usize == MAX_EVENTS {
            return Err(WriteError::TooMany { what: "events", limit: MAX_EVENTS });
        }
        let name = event_name(custody.events() + 1);
        let bytes = bounded(&name, &event, MAX_EVENT_BYTES)?;
        let size_bytes = documents.events.iter().chain([&bytes]).map(|e| e.len() as u64).sum();
        if size_bytes > MAX_EVENTS_BYTES {
            let (name, limit_bytes) = (inspect::EVENTS.into(), MAX_EVENTS_BYTES);
            return Err(WriteError::TooLarge { name, size_bytes, limit_bytes });
        }
        let signed: Signed<Event> = credential::open(&bytes)?;
        custody.follow(&signed, Sha256::of(&bytes), piece)?;
        check_claims(&signed.subject().claims, piece)?;
        let listed = signed.subject().parts.iter();
        if listed.ne(sources.iter().map(|source| &source.part)) {
            return Err(ChainError::Field {
                sequence: custody.events(),
                kind: signed.subject().kind.name(),
                field: "parts",
            }
            .into());
        }
        if let Some(there) =
            sources.iter().find(|source| file.parts().any(|part| part.path == source.part.path))
        {
            return Err(WriteError::PartThere { path: there.part.path.clone() });
        }
        documents.events.push(bytes);
        added = sources;
    }
    if let Some(new) = amendment.status {
        let status = status(&custody, piece, new.standing, new.reason);
        documents.status = sign_status(status, new.at, new.days, &new.identity)?;
    }
    let mut earlier: Vec<(&Part, Slice<'_, R>)> = file
        .parts()
        .filter_map(|part| Some((part, Slice::of(file, source, part.path.as_str())?)))
        .collect();
    let mut parts: Vec<(&Part, &mut dyn Rewind)> =
        earlier.iter_mut().map(|(part, slice)| (*part, slice as &mut dyn Rewind)).collect();
    parts.extend(added.iter_mut().map(|s| (&s.part, &mut s.content as &mut dyn Rewind)));
    let mut proofs = file
        .entries()
        .iter()
        .filter(|entry| entry.name.starts_with("proofs/"))
        .map(|entry| Ok((entry.name.clone(), carried(file, source, &entry.name)?)))
        .collect::<Result<BTreeMap<_, _>, WriteError>>()?;
    if let Some((name, bytes)) = amendment.proof {
        let name = format!("proofs/{name}");
        let (size_bytes, limit_bytes) = (bytes.len() as u64, MAX_PROOF_BYTES);
        if size_bytes > limit_bytes {
            return Err(WriteError::TooLarge { name, size_bytes, limit_bytes });
        }
        proofs.insert(name, bytes);
        if proofs.len() > MAX_PROOFS {
            return Err(WriteError::TooMany { what: "proofs", limit: MAX_PROOFS });
        }
    }
    let proofs = proofs.into_iter().collect();
    write(out, &documents, parts, proofs, writer, piece.id)
}

/// Content that can be started again.
trait Rewind: Read {
    fn rewind(&mut self) -> io::Result<()>;
}

impl Rewind for Box<dyn Content> {
    fn rewind(&mut self) -> io::Result<()> {
        self.seek(SeekFrom::Start(0)).map(drop)
    }
}

/// An entry of an existing file as a stream.
struct Slice<'a, R: ReadAt + ?Sized> {
    source: &'a R,
    start: u64,
    at: u64,
    end: u64,
}

impl<'a, R: ReadAt + ?Sized> Slice<'a, R> {
    fn of(file: &ProvenanceFile, source: &'a R, name: &str) -> Option<Self> {
        let entry = file.entries().iter().find(|entry| entry.name == name)?;
        let end = entry.start + entry.size_bytes;
        Some(Self { source, start: entry.start, at: entry.start, end })
    }
}

impl<R: ReadAt + ?Sized> Read for Slice<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let n = buffer.len().min(left);
        self.source.read_exact_at(&mut buffer[..n], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl<R: ReadAt + ?Sized> Rewind for Slice<'_, R> {
    fn rewind(&mut self) -> io::Result<()> {
        self.at = self.start;
        Ok(())
    }
}

/// Copies the content of one entry to `out`, and holds what it copied against what was inspected.
///
/// # Errors
/// [`WriteError::Changed`] when the source is no longer what was inspected: what is in `out` is then
/// worthless. [`io::ErrorKind::NotFound`] when the file has no such entry; else as the source and the
/// output.
pub fn copy_entry<R: ReadAt + ?Sized>(
    file: &ProvenanceFile,
    source: &R,
    name: &str,
    out: &mut dyn Write,
) -> Result<u64, WriteError> {
    let at = file.entries.iter().position(|entry| entry.name == name);
    let inspected = at.and_then(|at| file.contents.get(at));
    let none = || io::Error::from(io::ErrorKind::NotFound);
    let (mut slice, inspected) = Slice::of(file, source, name).zip(inspected).ok_or_else(none)?;
    let mut out = Hashing { out, hasher: Hasher::new() };
    let copied = io::copy(&mut slice, &mut out)?;
    if out.hasher.finish() != *inspected {
        return Err(WriteError::Changed { path: name.to_owned() });
    }
    Ok(copied)
}

/// Hashes what is written through it.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn carried<R: ReadAt + ?Sized>(
    file: &ProvenanceFile,
    source: &R,
    name: &str,
) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    copy_entry(file, source, name, &mut bytes)?;
    Ok(bytes)
}

struct Documents {
    manifest: Vec<u8>,
    events: Vec<Vec<u8>>,
    status: Vec<u8>,
}

/// Writes the container of FORMAT.md section 3.
fn write<W: Write + Seek>(
    out: W,
    documents: &Documents,
    parts: Vec<(&Part, &mut dyn Rewind)>,
    proofs: Vec<(String, Vec<u8>)>,
    writer: &WriterKey,
    piece: hallmark_core::id::PieceId,
) -> Result<W, WriteError> {
    let entries = 5 + documents.events.len() + parts.len() + proofs.len();
    if entries > MAX_ENTRIES {
        return Err(WriteError::TooMany { what: "entries", limit: MAX_ENTRIES });
    }
    let mut archive = ArchiveWriter::new(out);
    archive.add(inspect::MANIFEST, &mut documents.manifest.as_slice())?;
    for (sequence, event) in (1..).zip(&documents.events) {
        archive.add(&event_name(sequence), &mut event.as_slice())?;
    }
    archive.add(inspect::STATUS, &mut documents.status.as_slice())?;
    for (part, content) in parts {
        content.rewind()?;
        let mut content = content;
        let written = archive.add(part.path.as_str(), &mut content)?;
        if written.sha256 != part.sha256 || written.size_bytes != part.size {
            return Err(WriteError::Changed { path: part.path.to_string() });
        }
    }
    for (name, content) in proofs {
        archive.add(&name, &mut content.as_slice())?;
    }
    archive.add(inspect::VERIFY, &mut inspect::VERIFY_TXT.as_bytes())?;
    let sums = sums_text(archive.written().iter().map(|w| (w.name.as_str(), w.sha256)));
    archive.add(inspect::SUMS, &mut sums.as_bytes())?;
    archive.add(inspect::MINISIG, &mut writer.sign(sums.as_bytes(), piece).as_bytes())?;
    Ok(archive.finish()?)
}

/// What the reader will ask of claims.
fn check_claims(claims: &[Claim], piece: &Piece) -> Result<(), WriteError> {
    let value = serde_json::to_value(piece).unwrap_or(Value::Null);
    claims.iter().try_for_each(|claim| claim.check(piece.id, &value).map(drop))?;
    Ok(())
}

fn bounded(name: &str, document: &Value, limit_bytes: u64) -> Result<Vec<u8>, WriteError> {
    let bytes = json::canonical(document);
    let size_bytes = bytes.len() as u64;
    if size_bytes > limit_bytes {
        return Err(WriteError::TooLarge { name: name.into(), size_bytes, limit_bytes });
    }
    Ok(bytes)
}

fn blank(custody: &Custody, piece: &Piece) -> Event {
    Event {
        id: piece.id,
        kind: Kind::Made,
        sequence: custody.events() + 1,
        previous: custody.head(),
        label: custody.next_label(),
        next_label: custody.next_label(),
        resume_label: None,
        biz_step: None,
        disposition: None,
        occurred: None,
        until: None,
        by: None,
        note: None,
        owner: None,
        setting: None,
        claims: Vec::new(),
        warranties: Vec::new(),
        hidden: None,
        parts: Vec::new(),
    }
}

fn finish_event(event: Event, kind: Kind, next_label: Label) -> Event {
    let (step, disposition) = kind.cbv();
    Event {
        kind,
        next_label,
        biz_step: step.map(str::to_owned),
        disposition: disposition.map(str::to_owned),
        ..event
    }
}

fn status(custody: &Custody, piece: &Piece, standing: Standing, reason: Option<Text>) -> Status {
    Status {
        id: piece.id,
        manifest: custody.hash(0).unwrap_or(custody.head()),
        head: custody.head(),
        events: custody.events(),
        status: standing,
        reason,
    }
}

/// Characters of a studio's name that its `studio.pub` shows: minisign reads no longer comments
/// than 1,024 bytes.
const PUB_NAME_CHARS: usize = 200;

/// The text of a `studio.pub` file: a minisign public key file whose comment names the studio's
/// `did:key`.
pub fn pub_file(identity: &PublicKey, name: &Text, writer: &WriterKey) -> String {
    let name: String = name
        .as_str()
        .chars()
        .take(PUB_NAME_CHARS)
        .map(|c| if c == '\n' { ' ' } else { c })
        .collect();
    format!("untrusted comment: hallmark studio {identity} {name}\n{}\n", writer.public_line())
}
