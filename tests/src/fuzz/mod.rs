//! One function per decoder: whatever the bytes, it does not panic, and what it accepts it accepts
//! in one spelling. `tests/fuzz` runs them under libFuzzer; `tests/tests/fuzz` replays the
//! committed corpus and a few thousand mutations of it wherever the tests run.
//!
//! A new decoder gets a function and a line in [`TARGETS`] here, `fuzz/fuzz_targets/<name>.rs` with
//! its `[[bin]]` in `fuzz/Cargo.toml`, and at least one seed in `fuzz/corpus/<name>/`; a test
//! compares the four. What the command line alone reads (`piece.toml`, a `did:web` document) is
//! tested there, with proptest.

pub mod account;
pub mod log;
pub mod media;
pub mod sealed;
pub mod service;

use std::io::Cursor;

use hallmark_core::{
    id::PieceId,
    json::{self, JsonError, Value},
    key::{Fingerprint, PublicKey},
    proof,
    time::Timestamp,
};
use hallmark_vault::provenance::{
    Outcome,
    archive::{Archive, ArchiveWriter},
    claim::Attestation,
    credential::{self, Subject},
    event::Event,
    hidden::{Disclosure, Hidden},
    inspect, minisign,
    path::PartPath,
    piece::{Domain, Piece},
    status::Status,
    text::{Date, Text, is_plain},
    trust::{Card, Pins, key_of_pub_file},
    verdict::{Circumstances, judge},
};

/// A decoder under attack.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 52] = [
    ("answer", account::answer),
    ("archive", archive),
    ("blob", sealed::blob),
    ("card", card),
    ("checkpoint", log::checkpoint),
    ("date", date),
    ("did_key", did_key),
    ("disclosure", disclosure),
    ("documents", documents),
    ("domain", domain),
    ("fingerprint", fingerprint),
    ("flac", media::flac),
    ("handover", sealed::handover),
    ("heif", media::heif),
    ("httpsig", sealed::request),
    ("inspect", inspect_file),
    ("item", sealed::envelope),
    ("item_content", account::item_content),
    ("join_code", account::join_code),
    ("jpeg", media::jpeg),
    ("json", strict_json),
    ("log_entry", log::entry),
    ("log_json", log::log_json),
    ("log_policy", log::policy),
    ("log_proof", log::proof),
    ("map_page", log::map_page),
    ("media_type", media::media_type),
    ("minisign", minisign_file),
    ("mp3", media::mp3),
    ("mp4", media::mp4),
    ("ogg", media::ogg),
    ("part_path", part_path),
    ("pdf", media::pdf),
    ("piece_id", piece_id),
    ("png", media::png),
    ("problem", account::problem),
    ("profile", sealed::profile),
    ("proof", data_integrity_proof),
    ("proxy_field", service::proxy_field),
    ("range", service::range),
    ("recovery", sealed::recovery_code),
    ("request_head", service::request_head),
    ("state", sealed::state_file),
    ("studio_pub", studio_pub),
    ("text", text),
    ("tile", log::tile),
    ("timestamp", timestamp),
    ("vkey", log::vkey),
    ("wav", media::wav),
    ("webp", media::webp),
    ("wire_request", account::wire_request),
    ("witness", log::witness),
];

/// What [`minisign_file`] checks signatures over.
pub const SUMS: &[u8] = b"sums";
/// The piece whose signatures [`minisign_file`] checks.
pub const PIECE: &str = "urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab";

/// Strict JSON: what is read is written canonically, and that is read as the same again.
pub fn strict_json(bytes: &[u8]) {
    let canonical = json::parse_canonical(bytes);
    match json::parse(bytes) {
        Ok(value) => {
            let written = json::canonical(&value);
            assert_eq!(json::parse_canonical(&written).expect("own writing"), value);
            assert_eq!(canonical.is_ok(), written == bytes);
            // the common parser sees the same document
            assert_eq!(serde_json::from_slice::<Value>(bytes).expect("strict is stricter"), value);
        }
        Err(_) => assert!(!matches!(canonical, Ok(_) | Err(JsonError::NotCanonical))),
    }
}

/// `did:key`: one spelling per key.
pub fn did_key(bytes: &[u8]) {
    if let Some(key) = parsed::<PublicKey>(bytes) {
        assert_eq!(key.to_string().as_bytes(), bytes);
        assert_eq!(PublicKey::from_bytes(key.as_bytes()), Ok(key));
    }
    if let Some(key) = bytes.first_chunk().and_then(|bytes| PublicKey::from_bytes(bytes).ok()) {
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.as_bytes(), &bytes[..32]);
    }
}

/// Fingerprints, as people type them.
pub fn fingerprint(bytes: &[u8]) {
    reads_back::<Fingerprint>(bytes);
}

/// Points in time: one spelling each.
pub fn timestamp(bytes: &[u8]) {
    in_one_spelling::<Timestamp>(bytes);
}

/// Calendar dates: one spelling each.
pub fn date(bytes: &[u8]) {
    in_one_spelling::<Date>(bytes);
}

/// Identities of pieces: one spelling each.
pub fn piece_id(bytes: &[u8]) {
    in_one_spelling::<PieceId>(bytes);
}

/// Domains, which end up in a URL.
pub fn domain(bytes: &[u8]) {
    in_one_spelling::<Domain>(bytes);
    if parsed::<Domain>(bytes).is_some() {
        assert!(bytes.iter().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(b)));
    }
}

/// Names of parts, which end up in a file system.
pub fn part_path(bytes: &[u8]) {
    in_one_spelling::<PartPath>(bytes);
    if let Some(path) = parsed::<PartPath>(bytes) {
        let mut parts = std::path::Path::new(path.as_str()).components();
        assert!(parts.all(|part| matches!(part, std::path::Component::Normal(_))));
        assert_eq!(path.as_str().split('/').count(), 2);
    }
}

/// Texts, which end up on a screen.
pub fn text(bytes: &[u8]) {
    in_one_spelling::<Text>(bytes);
    if let Some(text) = parsed::<Text>(bytes) {
        assert!(is_plain(text.as_str()) && !text.as_str().contains('\u{1b}'));
    }
}

/// The code of the card in the box.
pub fn card(bytes: &[u8]) {
    reads_back::<Card>(bytes);
}

/// A disclosed field.
pub fn disclosure(bytes: &[u8]) {
    if let Some(disclosure) = parsed::<Disclosure>(bytes) {
        let field = disclosure.field().expect("a disclosure that was read has a field");
        assert!(is_plain(&field.name));
        assert_eq!(disclosure.as_str().parse(), Ok(disclosure));
    }
    if let Ok(hidden) = serde_json::from_slice::<Hidden>(bytes)
        && hidden.check().is_ok()
    {
        assert!(!hidden.is_empty());
    }
}

/// The file a studio hands out.
pub fn studio_pub(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(key) = key_of_pub_file(text)
    {
        assert!(text.lines().next().is_some_and(|line| line.contains(&key.to_string())));
    }
}

/// Proofs of a document: none by two keys alike, and none that covers less than the document.
pub fn data_integrity_proof(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    if let Ok(verified) = proof::verify(value.clone()) {
        assert!(!verified.proofs().is_empty());
        let mut changed = value;
        changed["added"] = true.into();
        assert!(proof::verify(changed).is_err());
    }
}

/// `SHA256SUMS.minisig` over [`SUMS`] for [`PIECE`].
pub fn minisign_file(bytes: &[u8]) {
    let piece: PieceId = PIECE.parse().expect("a piece id");
    if minisign::verify(bytes, SUMS, piece).is_ok() {
        assert!(minisign::verify(bytes, b"other sums", piece).is_err());
    }
}

/// Signed documents of each kind, and their subjects as if their signature had held.
pub fn documents(bytes: &[u8]) {
    opened::<Piece>(bytes);
    opened::<Event>(bytes);
    opened::<Status>(bytes);
    opened::<Attestation>(bytes);
    let Ok(document) = json::parse(bytes) else { return };
    let subject = &document["credentialSubject"];
    if let Some(issuer) = document["issuer"].as_str().and_then(|did| did.parse::<PublicKey>().ok())
        && let Ok(piece) = serde_json::from_value::<Piece>(subject.clone())
        && piece.check(&issuer).is_ok()
    {
        let value = serde_json::to_value(&piece).expect("a piece is JSON");
        for claim in &piece.claims {
            // an outcome either way
            let _ = claim.check(piece.id, &value);
        }
        assert!(piece.claimable().all(|field| value.pointer(&format!("/{field}")).is_some()));
    }
}

fn opened<S: Subject>(bytes: &[u8]) {
    if let Ok(signed) = credential::open::<S>(bytes) {
        assert!(signed.signers().next().is_some_and(|key| key == signed.credential().issuer));
    }
}

/// The container: what is read is written again as the same bytes, the checksums apart.
pub fn archive(bytes: &[u8]) {
    let Ok(archive) = Archive::open(bytes, bytes.len() as u64) else { return };
    let mut again = ArchiveWriter::new(Cursor::new(Vec::new()));
    let mut same_sums = true;
    for entry in archive.entries() {
        let content = archive.read(entry).expect("within the file");
        same_sums &= crc32fast::hash(&content) == entry.crc32;
        again.add(&entry.name, &mut content.as_slice()).expect("memory");
    }
    let again = again.finish().expect("memory").into_inner();
    assert_eq!(again.len(), bytes.len());
    assert_eq!(again == bytes, same_sums);
}

/// Whole files: a verdict for whatever it is, and never trust where nothing is pinned.
pub fn inspect_file(bytes: &[u8]) {
    let inspection =
        inspect::inspect(bytes, bytes.len() as u64, 1, &|_| true).expect("memory can be read");
    let holds = inspection.problems.is_empty();
    let now: Timestamp = "2026-05-04T12:00:00Z".parse().expect("a time");
    let pins = Pins::default();
    let verdict =
        judge(inspection, Circumstances { now, pins: &pins, domain: None, disclosures: &[] });
    assert_eq!(holds, verdict.outcome == Outcome::Untrusted);
    for problem in &verdict.integrity.problems {
        assert!(is_plain(&problem.message) && !problem.message.contains('\n'));
    }
    serde_json::to_vec(&verdict).expect("a verdict is JSON");
}

fn parsed<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// What is accepted is written as it was read.
fn in_one_spelling<T: std::str::FromStr + ToString>(bytes: &[u8]) {
    if let Some(value) = parsed::<T>(bytes) {
        assert_eq!(value.to_string().as_bytes(), bytes);
    }
}

/// What is accepted is written in a way that reads as the same.
fn reads_back<T>(bytes: &[u8])
where
    T: std::str::FromStr<Err: std::fmt::Debug> + ToString + PartialEq + std::fmt::Debug,
{
    if let Some(value) = parsed::<T>(bytes) {
        assert_eq!(value.to_string().parse::<T>().expect("own spelling"), value);
    }
}
