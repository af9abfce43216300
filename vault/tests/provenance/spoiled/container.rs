//! The zip itself: every field that says something else than the format fixes.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use hallmark_vault::provenance::{Outcome, archive::ReadAt, inspect};

use super::malformed;
use crate::{fixture::*, forge::*};

type Change = fn(&mut RawZip);

/// The entry in the middle whose headers are bent, so that others stand before and after it.
const BENT: usize = 2;

fn bent(change: Change) -> Vec<u8> {
    let mut zip = RawZip::minted();
    change(&mut zip);
    zip.pack()
}

fn set_sizes(extra: &mut [u8], size: u64) {
    extra[4..12].copy_from_slice(&size.to_le_bytes());
    extra[12..20].copy_from_slice(&size.to_le_bytes());
}

/// T-02: each field of an entry's own header has one value.
#[test]
fn every_field_of_a_local_header_is_fixed() {
    let cases: &[(&str, Change)] = &[
        ("signature", |zip| zip.entries[BENT].local.signature = 0x0403_4b51),
        ("version", |zip| zip.entries[BENT].local.version = 20),
        ("encrypted", |zip| zip.entries[BENT].local.flags = 1),
        ("data descriptor flag", |zip| zip.entries[BENT].local.flags = 1 << 3),
        ("UTF-8 flag", |zip| zip.entries[BENT].local.flags = 1 << 11),
        ("masked headers", |zip| zip.entries[BENT].local.flags = 1 << 13),
        ("deflate", |zip| zip.entries[BENT].local.method = 8),
        ("zstd", |zip| zip.entries[BENT].local.method = 93),
        ("time", |zip| zip.entries[BENT].local.time = 1),
        ("date", |zip| zip.entries[BENT].local.date = 0),
        ("32-bit compressed size", |zip| zip.entries[BENT].local.compressed = 0),
        ("32-bit size", |zip| zip.entries[BENT].local.size = 0),
        ("zip64 tag", |zip| zip.entries[BENT].local.extra[0] = 2),
        ("zip64 length", |zip| zip.entries[BENT].local.extra[2] = 15),
        ("zip64 compressed size alone", |zip| zip.entries[BENT].local.extra[12] ^= 1),
        ("zip64 size alone", |zip| zip.entries[BENT].local.extra[4] ^= 1),
        ("size beyond the file", |zip| set_sizes(&mut zip.entries[BENT].local.extra, 1 << 40)),
        ("size that wraps", |zip| set_sizes(&mut zip.entries[BENT].local.extra, u64::MAX - 30)),
        ("no extra field", |zip| {
            zip.entries[BENT].local.extra.clear();
            zip.settle();
        }),
        ("another extra field", |zip| {
            zip.entries[BENT].local.extra.extend(*b"\x75\x70\x01\0x");
            zip.settle();
        }),
        ("name that is not UTF-8", |zip| {
            let entry = &mut zip.entries[BENT];
            for header in [&mut entry.local, &mut entry.central] {
                header.name[0] = 0xff;
            }
        }),
        ("name longer than any", |zip| {
            zip.entries[BENT].local.name = vec![b'a'; 257];
            zip.entries[BENT].central.name = vec![b'a'; 257];
            zip.settle();
        }),
    ];
    for (what, change) in cases {
        malformed(what, &bent(*change), &["zip-header"]);
    }
}

/// T-02: each field of the directory has one value, and it is the one of the entry's own header.
#[test]
fn every_field_of_the_directory_is_fixed_and_agrees_with_the_entry() {
    let cases: &[(&str, Change)] = &[
        ("signature", |zip| zip.entries[BENT].central.signature = 0x0201_4b51),
        ("made by", |zip| zip.entries[BENT].central.made_by = 0x032d),
        ("version", |zip| zip.entries[BENT].central.version = 20),
        ("flags", |zip| zip.entries[BENT].central.flags = 1 << 11),
        ("method", |zip| zip.entries[BENT].central.method = 8),
        ("time", |zip| zip.entries[BENT].central.time = 1),
        ("date", |zip| zip.entries[BENT].central.date = 0),
        ("crc", |zip| zip.entries[BENT].central.crc32 ^= 1),
        ("crc of the entry", |zip| zip.entries[BENT].local.crc32 ^= 1),
        ("32-bit compressed size", |zip| zip.entries[BENT].central.compressed = 1),
        ("32-bit size", |zip| zip.entries[BENT].central.size = 1),
        ("disk", |zip| zip.entries[BENT].central.disk = 1),
        ("text attribute", |zip| zip.entries[BENT].central.internal = 1),
        ("symbolic link", |zip| zip.entries[BENT].central.external = 0o120_777 << 16),
        ("executable", |zip| zip.entries[BENT].central.external = 0o100_755 << 16),
        ("32-bit offset", |zip| zip.entries[BENT].central.offset = 0),
        ("zip64 tag", |zip| zip.entries[BENT].central.extra[0] = 2),
        ("zip64 length", |zip| zip.entries[BENT].central.extra[2] = 16),
        ("zip64 size", |zip| zip.entries[BENT].central.extra[4] ^= 1),
        ("zip64 compressed size", |zip| zip.entries[BENT].central.extra[12] ^= 1),
        ("zip64 offset", |zip| zip.entries[BENT].central.extra[20] ^= 1),
        ("another name, as long", |zip| zip.entries[BENT].central.name[0] ^= 1),
        ("another name of the entry", |zip| zip.entries[BENT].local.name[0] ^= 1),
        ("a longer name", |zip| {
            zip.entries[BENT].central.name.push(b'x');
            zip.settle();
        }),
        ("comment", |zip| {
            zip.entries[BENT].central.comment = b"verified".to_vec();
            zip.settle();
        }),
        ("another extra field", |zip| {
            zip.entries[BENT].central.extra.extend(*b"\x75\x70\x01\0x");
            zip.settle();
        }),
        ("an entry left out", |zip| {
            zip.entries[BENT].in_directory = false;
            zip.settle();
        }),
        ("two entries exchanged", |zip| {
            let (a, b) = zip.entries.split_at_mut(BENT);
            std::mem::swap(&mut a[BENT - 1].central, &mut b[0].central);
        }),
    ];
    for (what, change) in cases {
        malformed(what, &bent(*change), &["zip-directory"]);
    }
}

/// T-02: each field of the three end records has one value.
#[test]
fn every_field_of_the_end_records_is_fixed() {
    let cases: &[(&str, &str, Change)] = &[
        ("record length", "zip-directory", |zip| zip.end64.record_len = 45),
        ("made by", "zip-directory", |zip| zip.end64.made_by = 63),
        ("version", "zip-directory", |zip| zip.end64.version = 63),
        ("disk", "zip-directory", |zip| zip.end64.disk = 1),
        ("directory disk", "zip-directory", |zip| zip.end64.directory_disk = 1),
        ("entries here", "zip-directory", |zip| zip.end64.here -= 1),
        ("entries in all", "zip-directory", |zip| zip.end64.total -= 1),
        ("directory length", "zip-directory", |zip| zip.end64.directory_len -= 1),
        ("directory earlier", "zip-header", |zip| zip.end64.offset -= 1),
        ("directory later", "zip-header", |zip| zip.end64.offset += 1),
        ("directory at 0", "zip-directory", |zip| zip.end64.offset = 0),
        ("directory past the end", "not-an-archive", |zip| zip.end64.offset = 1 << 40),
        ("directory at the last offset", "not-an-archive", |zip| zip.end64.offset = u64::MAX),
        ("extensible data", "not-an-archive", |zip| zip.end64.extensible = b"verified".to_vec()),
        ("locator disk", "zip-directory", |zip| zip.locator.disk = 1),
        ("locator offset", "zip-directory", |zip| zip.locator.offset -= 1),
        ("locator disks", "zip-directory", |zip| zip.locator.disks = 2),
        ("32-bit disk", "zip-directory", |zip| zip.end.disk = 1),
        ("32-bit directory disk", "zip-directory", |zip| zip.end.directory_disk = 1),
        ("32-bit entries here", "zip-directory", |zip| zip.end.here = 1),
        ("32-bit entries in all", "zip-directory", |zip| zip.end.total = 1),
        ("32-bit directory length", "zip-directory", |zip| zip.end.directory_len = 1),
        ("32-bit offset", "zip-directory", |zip| zip.end.offset = 0),
        ("comment", "not-an-archive", |zip| zip.end.comment = b"verified".to_vec()),
    ];
    for (what, code, change) in cases {
        malformed(what, &bent(*change), &[code]);
    }
}

/// T-02: no byte lies between two entries, or between the last one and the directory.
#[test]
fn gaps_and_data_descriptors_are_refused() {
    let last = RawZip::minted().entries.len() - 1;
    for at in [0, BENT, last] {
        for gap in [&[0][..], b"PK\x07\x08", &[0; 30], b"hidden between two entries, long enough"] {
            let mut zip = RawZip::minted();
            zip.entries[at].after = gap.to_vec();
            malformed((at, gap), &zip.settle().pack(), &["zip-header"]);
        }
        let mut zip = RawZip::minted();
        let entry = &mut zip.entries[at];
        let size = (entry.content.len() as u64).to_le_bytes();
        let crc = entry.local.crc32.to_le_bytes();
        entry.after = [b"PK\x07\x08", &crc[..], &size, &size].concat();
        for header in [&mut entry.local, &mut entry.central] {
            header.flags = 1 << 3;
            header.crc32 = 0;
        }
        malformed(("descriptor", at), &zip.settle().pack(), &["zip-header"]);
    }
}

#[test]
fn a_wrong_crc_in_both_headers_is_named_where_the_content_is_right() {
    for at in 0..RawZip::minted().entries.len() {
        let mut zip = RawZip::minted();
        zip.entries[at].local.crc32 ^= 1;
        zip.entries[at].central.crc32 ^= 1;
        malformed(at, &zip.pack(), &["crc"]);
    }
}

/// Bits from the least significant on, as deflate packs them (RFC 1951).
fn deflated_zeros(matches: usize) -> Vec<u8> {
    let mut bits = vec![true, true, false]; // the last block, fixed codes
    bits.extend([false, false, true, true, false, false, false, false]); // the byte 0
    for _ in 0..matches {
        bits.extend([true, true, false, false, false, true, false, true]); // 258 bytes
        bits.extend([false; 5]); // from 1 byte back
    }
    bits.extend([false; 7]); // end of block
    bits.chunks(8)
        .map(|byte| byte.iter().enumerate().map(|(i, bit)| u8::from(*bit) << i).sum())
        .collect()
}

/// T-12: a zip bomb is refused by its header; not one byte of it is unpacked or even hashed.
#[test]
fn a_zip_bomb_is_refused_by_its_header() {
    let matches = 400_000;
    let size = 1 + matches as u64 * 258;
    let mut zip = RawZip::minted();
    let photo = zip.entries.iter().position(|e| e.local.name == b"media/01.jpg").unwrap();
    for at in [0, photo] {
        let mut zip = zip.clone();
        let entry = &mut zip.entries[at];
        entry.content = deflated_zeros(matches);
        let packed = entry.content.len() as u64;
        assert!(size > packed * 150, "a bomb of {size} bytes in {packed}");
        for header in [&mut entry.local, &mut entry.central] {
            header.method = 8;
            header.extra[4..12].copy_from_slice(&size.to_le_bytes());
            header.extra[12..20].copy_from_slice(&packed.to_le_bytes());
        }
        let bytes = zip.settle().pack();
        malformed(at, &bytes, &["zip-header"]);
        let hashed = AtomicU64::new(0);
        let count = |n| hashed.fetch_add(n, Ordering::Relaxed) < u64::MAX;
        inspect::inspect(&bytes[..], bytes.len() as u64, 2, &count).unwrap();
        assert_eq!(hashed.into_inner(), 0);
    }
    // one that says it is no larger unpacked: the method alone gives it away
    let mut modest = zip.clone();
    let entry = &mut modest.entries[photo];
    entry.content = deflated_zeros(matches);
    let packed = entry.content.len() as u64;
    for header in [&mut entry.local, &mut entry.central] {
        header.method = 8;
        set_sizes(&mut header.extra, packed);
    }
    malformed("modest", &modest.settle().pack(), &["zip-header"]);
    // the same bytes said to be stored are just a photo that is none
    let entry = &mut zip.entries[photo];
    entry.content = deflated_zeros(10);
    let size = entry.content.len() as u64;
    let crc32 = crc32fast::hash(&entry.content);
    for header in [&mut entry.local, &mut entry.central] {
        set_sizes(&mut header.extra, size);
        header.crc32 = crc32;
    }
    super::tampered("stored", &zip.settle().pack(), &["content-changed", "sums-differ"]);
}

/// Headers without contents: whoever reads a content fails.
struct Hollow {
    len: u64,
    spans: Vec<(u64, Vec<u8>)>,
}

impl Hollow {
    fn new(entries: &[(String, u64)]) -> Self {
        let empty: Vec<_> = entries.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
        let mut zip = RawZip::of_entries(&empty);
        let (mut at, mut headers_len) = (0_u64, 0);
        let mut spans = Vec::new();
        for (i, (_, size)) in entries.iter().enumerate() {
            set_sizes(&mut zip.entries[i].local.extra, *size);
            set_sizes(&mut zip.entries[i].central.extra, *size);
            zip.entries[i].central.extra[20..28].copy_from_slice(&at.to_le_bytes());
            let header = 50 + zip.entries[i].local.name.len();
            spans.push((at, headers_len..headers_len + header));
            headers_len += header;
            at += header as u64 + size;
        }
        zip.end64.offset = at;
        zip.locator.offset = at + zip.end64.directory_len;
        let packed = zip.pack();
        let len = at + (packed.len() - headers_len) as u64;
        spans.push((at, headers_len..packed.len()));
        let spans = spans.into_iter().map(|(at, range)| (at, packed[range].to_vec())).collect();
        Self { len, spans }
    }

    fn codes(&self) -> io::Result<Vec<&'static str>> {
        let inspection = inspect::inspect(self, self.len, 2, &|_| true)?;
        Ok(inspection.problems.iter().map(hallmark_vault::provenance::Problem::code).collect())
    }
}

impl ReadAt for Hollow {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        let (at, bytes) = self
            .spans
            .iter()
            .find(|(at, bytes)| *at <= offset && end <= at + bytes.len() as u64)
            .ok_or_else(|| io::Error::other("a content was read"))?;
        buffer.copy_from_slice(&bytes[(offset - at) as usize..(end - at) as usize]);
        Ok(())
    }
}

/// T-12: what is larger than the format allows is refused by the size in its header; none of it is
/// read.
#[test]
fn oversized_documents_are_refused_unread() {
    let plain = |name: &str, size| {
        let entries = Loose::minted().0;
        let entries = entries.into_iter().map(|(found, content)| {
            let size = if found == name { size } else { content.len() as u64 };
            (found, size)
        });
        entries.collect::<Vec<_>>()
    };
    for (name, size) in [
        (MANIFEST, 100_000_000),
        (MANIFEST, inspect::MAX_MANIFEST_BYTES + 1),
        (EVENT_1, inspect::MAX_EVENT_BYTES + 1),
        (STATUS, inspect::MAX_STATUS_BYTES + 1),
        (SUMS, inspect::MAX_SUMS_BYTES + 1),
        (MINISIG, inspect::MAX_MINISIG_BYTES + 1),
        (VERIFY, inspect::VERIFY_TXT.len() as u64 + 1),
    ] {
        assert_eq!(Hollow::new(&plain(name, size)).codes().unwrap(), ["too-large"], "{name}");
    }
    let mut proof = plain(MANIFEST, 1);
    proof.push(("proofs/a".into(), inspect::MAX_PROOF_BYTES + 1));
    assert_eq!(Hollow::new(&proof).codes().unwrap(), ["too-large"]);
    // the control: at the limit it is read, which this source refuses
    assert!(Hollow::new(&plain(MANIFEST, inspect::MAX_MANIFEST_BYTES)).codes().is_err());
}

/// T-12: many events, each within its limit, are bounded together.
#[test]
fn the_events_together_are_bounded_unread() {
    let many = |size| {
        let mut entries: Vec<_> =
            (1..=200).map(|sequence| (inspect::event_name(sequence), size)).collect();
        entries.insert(0, (MANIFEST.into(), 1));
        Hollow::new(&entries)
    };
    assert_eq!(many(inspect::MAX_EVENT_BYTES).codes().unwrap(), ["too-large"]);
    assert!(many(inspect::MAX_EVENTS_BYTES / 200).codes().is_err(), "read, within the limit");
}

/// T-12: the number of entries is bounded before anything is kept of them.
#[test]
fn too_many_entries_are_refused_unread() {
    let many = |n: usize| {
        Hollow::new(&(0..n).map(|i| (format!("media/{i}"), 1)).collect::<Vec<_>>()).codes()
    };
    assert_eq!(many(4097).unwrap(), ["too-many-entries"]);
    assert!(many(4096).is_err(), "read, within the limit");
}

/// T-12: parts that events list beyond any container are not looked up one by one.
#[test]
fn events_cannot_list_more_parts_than_a_container_holds() {
    let part = Loose::minted().json(MANIFEST)["credentialSubject"]["parts"][0].clone();
    let mut loose = with_two_events();
    loose.resign(EVENT_1, &[&key(1)], |event| event["credentialSubject"]["note"] = "x".into());
    for sequence in 3..10 {
        loose.insert_before(STATUS, &inspect::event_name(sequence), b"{}");
        let mut event = loose.json(EVENT_2);
        let parts = (0..900).map(|i| {
            let mut part = part.clone();
            part["path"] = format!("media/{sequence}-{i}").into();
            part["metadata"] = serde_json::json!({"outcome": "clean"});
            part
        });
        event["credentialSubject"]["sequence"] = sequence.into();
        event["credentialSubject"]["label"] = label(100 + sequence as u8).to_string().into();
        event["credentialSubject"]["nextLabel"] = label(101 + sequence as u8).to_string().into();
        event["credentialSubject"]["parts"] = parts.collect();
        loose.set_json(&inspect::event_name(sequence), &event);
    }
    // the second event's labels come from `life::append`
    let next = loose.json(EVENT_2)["credentialSubject"]["nextLabel"].clone();
    loose
        .resign("events/0003.json", &[&key(1)], |event| event["credentialSubject"]["label"] = next);
    malformed("parts", &loose.settle().sealed(), &["too-many-entries"]);
}

#[test]
fn a_source_that_ends_early_is_an_error_and_no_verdict() {
    let bytes = minted();
    struct Short<'a>(&'a [u8]);
    impl ReadAt for Short<'_> {
        fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            self.0.read_exact_at(buffer, offset)?;
            let part = offset > 0 && buffer.len() == PHOTO.len();
            if part { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
        }
    }
    let short = inspect::inspect(&Short(&bytes), bytes.len() as u64, 1, &|_| true);
    assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    let stopped = inspect::inspect(&bytes[..], bytes.len() as u64, 1, &|_| false);
    assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::Interrupted);
}

#[test]
fn the_exit_codes_are_the_documented_ones() {
    let codes = [
        (Outcome::Holds, 0),
        (Outcome::Tampered, 3),
        (Outcome::Malformed, 4),
        (Outcome::Untrusted, 5),
        (Outcome::Stale, 6),
        (Outcome::Revoked, 7),
    ];
    for (outcome, code) in codes {
        assert_eq!(outcome.exit_code(), code);
    }
}
