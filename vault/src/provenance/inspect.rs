//! Reading a provenance file whole and naming everything that is wrong with it
//! (`FORMAT.md`, section 11).
//!
//! Inspection asks only whether the file is what was signed. Who signed it, and whether it is
//! still current, is judged in [`super::verdict`] from what is found here.

use std::{collections::BTreeSet, io};

use hallmark_core::{hash::Sha256, id::PieceId, json::Value};

use super::{
    archive::{Archive, ArchiveError, Entry, MAX_ENTRIES, ReadAt},
    chain::Custody,
    claim::{Backing, Claim},
    credential::{self, Credential, CredentialError, Signed, Subject},
    digest::{self, Content, Progress},
    event::{Event, MAX_EVENTS},
    minisign,
    part::Part,
    path::is_safe_file_name,
    piece::Piece,
    problem::Problem,
    status::Status,
};
use crate::hygiene::{MediaType, matches_magic};

/// Largest `manifest.json`, bytes.
pub const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// Largest event file, bytes.
pub const MAX_EVENT_BYTES: u64 = 256 * 1024;
/// Largest size of all event files together, bytes: they are held in memory, many times as large as
/// they are written.
pub const MAX_EVENTS_BYTES: u64 = 16 * 1024 * 1024;
/// Largest `status/status.json`, bytes.
pub const MAX_STATUS_BYTES: u64 = 64 * 1024;
/// Largest `SHA256SUMS`, bytes.
pub const MAX_SUMS_BYTES: u64 = 1024 * 1024;
/// Largest `SHA256SUMS.minisig`, bytes.
pub const MAX_MINISIG_BYTES: u64 = 1024;
/// Largest file under `proofs/`, bytes.
pub const MAX_PROOF_BYTES: u64 = 64 * 1024;
/// Most files under `proofs/`.
pub const MAX_PROOFS: usize = 16;
/// The one text of `VERIFY.txt`.
pub const VERIFY_TXT: &str = include_str!("VERIFY.txt");

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const EVENTS: &str = "events/";
pub(super) const STATUS: &str = "status/status.json";
pub(super) const VERIFY: &str = "VERIFY.txt";
pub(super) const SUMS: &str = "SHA256SUMS";
pub(super) const MINISIG: &str = "SHA256SUMS.minisig";

/// The name of the file of event `sequence` (from 1).
pub fn event_name(sequence: u32) -> String {
    format!("{EVENTS}{sequence:04}.json")
}

/// A claim with the document it stands in and who signed it.
#[derive(Debug, Clone)]
pub struct FoundClaim {
    /// The claim.
    pub claim: Claim,
    /// The event it was made in, or nothing for the manifest.
    pub event: Option<u32>,
    /// What stands behind it.
    pub backing: Backing,
}

/// A file all of whose signed documents were read and verified.
#[derive(Debug)]
pub struct ProvenanceFile {
    pub(super) manifest: Signed<Piece>,
    pub(super) events: Vec<Signed<Event>>,
    pub(super) custody: Custody,
    pub(super) status: Signed<Status>,
    pub(super) claims: Vec<FoundClaim>,
    pub(super) entries: Vec<Entry>,
    /// The SHA-256 of each entry's content, in their order.
    pub(super) contents: Vec<Sha256>,
    pub(super) proofs: usize,
}

impl ProvenanceFile {
    /// The manifest.
    pub fn manifest(&self) -> &Credential<Piece> {
        self.manifest.credential()
    }

    /// The piece.
    pub fn piece(&self) -> &Piece {
        self.manifest.subject()
    }

    /// The events, in order.
    pub fn events(&self) -> &[Signed<Event>] {
        &self.events
    }

    /// What the events have come to.
    pub fn custody(&self) -> &Custody {
        &self.custody
    }

    /// The studio's status.
    pub fn status(&self) -> &Credential<Status> {
        self.status.credential()
    }

    /// Every claim, the manifest's first.
    pub fn claims(&self) -> &[FoundClaim] {
        &self.claims
    }

    /// How many proofs for a public log it carries; this version does not check them.
    pub fn unchecked_proofs(&self) -> usize {
        self.proofs
    }

    /// Every part, the manifest's first, then the events' in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let of_events = self.events.iter().flat_map(|event| &event.subject().parts);
        self.piece().parts.iter().chain(of_events)
    }

    /// The entries of the container, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// What inspection found.
#[derive(Debug)]
pub struct Inspection {
    /// Everything that is wrong, in the order it was found; empty when the file holds.
    pub problems: Vec<Problem>,
    file: Option<ProvenanceFile>,
}

impl Inspection {
    /// The file, when nothing at all is wrong with it.
    pub fn file(&self) -> Option<&ProvenanceFile> {
        self.file.as_ref().filter(|_| self.problems.is_empty())
    }

    /// The file, when nothing at all is wrong with it.
    pub fn into_file(self) -> Result<ProvenanceFile, Vec<Problem>> {
        match self.file {
            Some(file) if self.problems.is_empty() => Ok(file),
            _ => Err(self.problems),
        }
    }
}

/// Inspects a file of `len` bytes on `threads` threads.
///
/// # Errors
/// [`io::Error`] when the source cannot be read, or [`io::ErrorKind::Interrupted`] when `progress`
/// stopped it. Everything wrong with the content is a [`Problem`], not an error.
pub fn inspect<R: ReadAt + ?Sized>(
    source: &R,
    len: u64,
    threads: usize,
    progress: &dyn Progress,
) -> io::Result<Inspection> {
    let archive = match Archive::open(source, len) {
        Ok(archive) => archive,
        Err(ArchiveError::Read { source }) => return Err(source),
        Err(error) => return Ok(Inspection { problems: vec![error.into()], file: None }),
    };
    let mut inspector = Inspector { archive: &archive, problems: Vec::new() };
    if !inspector.check_names_and_sizes() {
        return Ok(Inspection { problems: inspector.problems, file: None });
    }
    let contents = digest::contents(source, archive.entries(), threads, progress)?;
    let documents = inspector.documents(&contents)?;
    if let Some(file) = &documents {
        inspector.check_entries(file);
        inspector.check_parts(file, &contents);
        inspector.check_status(file);
    }
    inspector.check_fixed(&contents, documents.as_ref())?;
    inspector.check_crcs(&contents);
    Ok(Inspection { problems: inspector.problems, file: documents })
}

struct Inspector<'a, R: ReadAt + ?Sized> {
    archive: &'a Archive<'a, R>,
    problems: Vec<Problem>,
}

impl<R: ReadAt + ?Sized> Inspector<'_, R> {
    fn position(&self, name: &str) -> Option<usize> {
        self.archive.entries().iter().position(|entry| entry.name == name)
    }

    /// Names that can never be right, names that are there twice, sizes past their limits. Returns
    /// whether the rest can be looked at.
    fn check_names_and_sizes(&mut self) -> bool {
        let mut seen = BTreeSet::new();
        for entry in self.archive.entries() {
            let shown = shown(&entry.name);
            match limit(&entry.name) {
                None => self.problems.push(Problem::Unlisted { name: shown.clone() }),
                Some(limit_bytes) if entry.size_bytes > limit_bytes => {
                    let size_bytes = entry.size_bytes;
                    self.problems.push(Problem::TooLarge {
                        name: shown.clone(),
                        size_bytes,
                        limit_bytes,
                    });
                }
                Some(_) => {}
            }
            if !seen.insert(entry.name.as_str()) {
                self.problems.push(Problem::Duplicate { name: shown });
            }
        }
        let events = self.archive.entries().iter().filter(|e| e.name.starts_with(EVENTS));
        let size_bytes = events.map(|event| event.size_bytes).fold(0, u64::saturating_add);
        if self.problems.is_empty() && size_bytes > MAX_EVENTS_BYTES {
            let (name, limit_bytes) = (EVENTS.to_owned(), MAX_EVENTS_BYTES);
            self.problems.push(Problem::TooLarge { name, size_bytes, limit_bytes });
        }
        self.problems.is_empty()
    }

    /// Reads and verifies the signed documents; `None` when one of them cannot be used.
    fn documents(&mut self, contents: &[Content]) -> io::Result<Option<ProvenanceFile>> {
        let manifest = self.document::<Piece>(MANIFEST, contents)?;
        let status = self.document::<Status>(STATUS, contents)?;
        let Some((manifest, manifest_sha256)) = manifest else { return Ok(None) };
        let piece = manifest.subject();
        if manifest.signers().len() != 1 {
            let source = CredentialError::Issuer;
            self.problems.push(Problem::Document { name: MANIFEST.into(), source });
        }
        if let Err(error) = piece.check(&manifest.credential().issuer) {
            self.problems.push(error.into());
        }
        // A piece was read from JSON, so it can be written as JSON.
        let value = serde_json::to_value(piece).unwrap_or(Value::Null);
        let mut claims = self.claims(&piece.claims, None, piece.id, &value);
        let mut custody = Custody::begin(
            manifest.credential().issuer,
            piece,
            manifest_sha256,
            manifest.credential().valid_from,
        );
        let mut events = Vec::new();
        let mut parts = piece.parts.len();
        for sequence in 1..=u32::try_from(MAX_EVENTS).unwrap_or(u32::MAX) {
            let name = event_name(sequence);
            if self.position(&name).is_none() {
                break;
            }
            let Some((event, sha256)) = self.document::<Event>(&name, contents)? else {
                return Ok(None);
            };
            if let Err(error) = custody.follow(&event, sha256, piece) {
                self.problems.push(error.into());
                return Ok(None);
            }
            // Each part is an entry: more of them than entries are never looked up.
            parts += event.subject().parts.len();
            if parts > MAX_ENTRIES {
                self.problems.push(ArchiveError::TooMany.into());
                return Ok(None);
            }
            claims.extend(self.claims(&event.subject().claims, Some(sequence), piece.id, &value));
            events.push(event);
        }
        if events.is_empty() {
            self.problems.push(Problem::Missing { name: event_name(1) });
        }
        let Some((status, _)) = status else { return Ok(None) };
        let entries = self.archive.entries().to_vec();
        let proofs = entries.iter().filter(|entry| entry.name.starts_with("proofs/")).count();
        let contents = contents.iter().map(|content| content.sha256).collect();
        Ok(Some(ProvenanceFile {
            manifest,
            events,
            custody,
            status,
            claims,
            entries,
            contents,
            proofs,
        }))
    }

    fn document<S: Subject>(
        &mut self,
        name: &str,
        contents: &[Content],
    ) -> io::Result<Option<(Signed<S>, Sha256)>> {
        let Some(at) = self.position(name) else {
            self.problems.push(Problem::Missing { name: name.into() });
            return Ok(None);
        };
        let bytes = self.archive.read(&self.archive.entries()[at])?;
        match credential::open(&bytes) {
            // The bytes read now are the bytes that were hashed before.
            Ok(signed) if Sha256::of(&bytes) == contents[at].sha256 => {
                Ok(Some((signed, contents[at].sha256)))
            }
            Ok(_) => Err(io::Error::other("the file changed while it was read")),
            Err(source) => {
                self.problems.push(Problem::Document { name: name.into(), source });
                Ok(None)
            }
        }
    }

    fn claims(
        &mut self,
        claims: &[Claim],
        event: Option<u32>,
        id: PieceId,
        piece: &Value,
    ) -> Vec<FoundClaim> {
        let mut found = Vec::new();
        for claim in claims {
            match claim.check(id, piece) {
                Ok(backing) => found.push(FoundClaim { claim: claim.clone(), event, backing }),
                Err(source) => {
                    let name = event.map_or_else(|| MANIFEST.to_owned(), event_name);
                    self.problems.push(Problem::Claim { name, source });
                }
            }
        }
        found
    }

    /// The names and their order, as the signed documents and FORMAT.md section 3 have them.
    fn check_entries(&mut self, file: &ProvenanceFile) {
        let expected = expected_names(file);
        let listed: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
        let found: Vec<&str> =
            self.archive.entries().iter().map(|entry| entry.name.as_str()).collect();
        let mut problems: Vec<Problem> = found
            .iter()
            .filter(|name| !listed.contains(**name))
            .map(|name| Problem::Unlisted { name: shown(name) })
            .collect();
        for part in file.parts() {
            if !found.contains(&part.path.as_str()) {
                problems.push(Problem::PartMissing { name: part.path.to_string() });
            }
        }
        if listed.len() != expected.len() {
            let twice = expected.iter().enumerate().find(|(i, name)| expected[..*i].contains(name));
            problems.extend(twice.map(|(_, name)| Problem::Duplicate { name: name.clone() }));
        }
        for fixed in [VERIFY, SUMS, MINISIG] {
            if !found.contains(&fixed) {
                problems.push(Problem::Missing { name: fixed.into() });
            }
        }
        if problems.is_empty()
            && let Some((name, _)) = found.iter().zip(&expected).find(|(a, b)| **a != b.as_str())
        {
            problems.push(Problem::Order { name: shown(name) });
        }
        self.problems.extend(problems);
    }

    fn check_parts(&mut self, file: &ProvenanceFile, contents: &[Content]) {
        for part in file.parts() {
            let name = part.path.to_string();
            let Some(at) = self.position(&name) else { continue };
            let content = &contents[at];
            if content.sha256 != part.sha256 || self.archive.entries()[at].size_bytes != part.size {
                self.problems.push(Problem::Changed { name });
            } else if !media_type_fits(&part.media_type, &content.start) {
                let media_type = shown(&part.media_type);
                self.problems.push(Problem::MediaType { name, media_type });
            }
        }
    }

    fn check_status(&mut self, file: &ProvenanceFile) {
        let status = file.status.subject();
        let studio = file.manifest.credential().issuer;
        // The key the manifest names as its successor gives the studio's word once the first is gone.
        let successor = file.piece().maker.successor;
        if file.status.signers().ne([studio]) && file.status.signers().ne([successor]) {
            self.problems.push(Problem::StatusSigner);
        }
        if status.id != file.piece().id || Some(status.manifest) != file.custody.hash(0) {
            self.problems.push(Problem::StatusElsewhere);
        }
        let found = file.custody.events();
        match file.custody.hash(status.events) {
            None => self.problems.push(Problem::CutTail { stated: status.events, found }),
            Some(hash) if hash != status.head => {
                self.problems.push(Problem::StatusHead { sequence: status.events });
            }
            Some(_) => {}
        }
    }

    /// `VERIFY.txt`, `SHA256SUMS` and its signature.
    fn check_fixed(
        &mut self,
        contents: &[Content],
        file: Option<&ProvenanceFile>,
    ) -> io::Result<()> {
        if let Some(at) = self.position(VERIFY)
            && contents[at].sha256 != Sha256::of(VERIFY_TXT.as_bytes())
        {
            self.problems.push(Problem::VerifyText);
        }
        let (Some(sums_at), Some(minisig_at)) = (self.position(SUMS), self.position(MINISIG))
        else {
            return Ok(());
        };
        let sums = self.archive.read(&self.archive.entries()[sums_at])?;
        let minisig = self.archive.read(&self.archive.entries()[minisig_at])?;
        self.check_sums(&sums, contents);
        if let Some(file) = file
            && let Err(error) = minisign::verify(&minisig, &sums, file.piece().id)
        {
            self.problems.push(error.into());
        }
        Ok(())
    }

    fn check_sums(&mut self, sums: &[u8], contents: &[Content]) {
        let expected: Vec<(&str, Sha256)> = self
            .archive
            .entries()
            .iter()
            .zip(contents)
            .filter(|(entry, _)| entry.name != SUMS && entry.name != MINISIG)
            .map(|(entry, content)| (entry.name.as_str(), content.sha256))
            .collect();
        if sums == super::sums_text(expected.iter().copied()).as_bytes() {
            return;
        }
        let lines: Option<Vec<(&str, &str)>> = std::str::from_utf8(sums)
            .ok()
            .and_then(|text| text.strip_suffix('\n'))
            .and_then(|text| text.split('\n').map(|line| line.split_once("  ")).collect());
        let same_names = lines.filter(|lines| {
            lines.len() == expected.len()
                && lines.iter().zip(&expected).all(|((hash, name), (right, _))| {
                    name == right && hash.parse::<Sha256>().is_ok()
                })
        });
        let Some(lines) = same_names else { return self.problems.push(Problem::Sums) };
        for ((hash, _), (name, right)) in lines.into_iter().zip(&expected) {
            if hash != right.to_string() {
                self.problems.push(Problem::SumsDiffer { name: (*name).to_owned() });
            }
        }
    }

    /// A wrong CRC is reported where it is all that is wrong with an entry.
    fn check_crcs(&mut self, contents: &[Content]) {
        if self.problems.iter().any(Problem::is_tampering) {
            return;
        }
        for (entry, content) in self.archive.entries().iter().zip(contents) {
            if entry.crc32 != content.crc32 {
                self.problems.push(Problem::Crc { name: shown(&entry.name) });
            }
        }
    }
}

/// Every entry in the order of FORMAT.md section 3; the proofs found, by name, to their limit.
fn expected_names(file: &ProvenanceFile) -> Vec<String> {
    let events = (1..=file.custody.events()).map(event_name);
    let parts = file.parts().map(|part| part.path.to_string());
    let mut proofs: Vec<String> = file
        .entries
        .iter()
        .map(|entry| entry.name.clone())
        .filter(|name| name.starts_with("proofs/"))
        .collect();
    proofs.sort_unstable();
    proofs.truncate(MAX_PROOFS);
    std::iter::once(MANIFEST.to_owned())
        .chain(events)
        .chain([STATUS.to_owned()])
        .chain(parts)
        .chain(proofs)
        .chain([VERIFY.to_owned(), SUMS.to_owned(), MINISIG.to_owned()])
        .collect()
}

/// The most bytes an entry of that name may have; `None` for a name that can never be right.
fn limit(name: &str) -> Option<u64> {
    match name {
        MANIFEST => return Some(MAX_MANIFEST_BYTES),
        STATUS => return Some(MAX_STATUS_BYTES),
        VERIFY => return Some(VERIFY_TXT.len() as u64),
        SUMS => return Some(MAX_SUMS_BYTES),
        MINISIG => return Some(MAX_MINISIG_BYTES),
        _ => {}
    }
    if let Some(file) = name.strip_prefix("proofs/") {
        return is_safe_file_name(file).then_some(MAX_PROOF_BYTES);
    }
    if let Some(number) = name.strip_prefix(EVENTS).and_then(|n| n.strip_suffix(".json")) {
        let sequence: u32 = number.parse().ok()?;
        return (event_name(sequence) == name && sequence > 0).then_some(MAX_EVENT_BYTES);
    }
    name.parse::<super::path::PartPath>().ok().map(|_| u64::MAX)
}

/// A name from a file nobody vouches for, safe to show: anything unusual is escaped, and it is cut.
fn shown(name: &str) -> String {
    name.chars().take(100).flat_map(char::escape_default).collect()
}

/// True when content that starts like this can be of the type stated; the type must be one of
/// FORMAT.md's table.
fn media_type_fits(stated: &str, start: &[u8]) -> bool {
    MediaType::from_mime(stated).is_some_and(|declared| matches_magic(declared, start))
}
