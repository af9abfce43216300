//! Every way to spoil a provenance file that the project has thought of, each refused for its own
//! reason. The stable codes (`FORMAT.md`, section 11) are compared exactly: a refusal for another
//! reason means that the check meant here is gone and something else happened to catch it.

use hallmark_vault::provenance::{Outcome, inspect};

use crate::{fixture::*, forge::*};

mod chain;
mod claims;
mod container;
mod documents;
mod keys;
mod names;
mod piece;
mod signatures;
mod texts;

/// Asserts the codes in the order found, and the outcome for a reader who trusts the studio.
#[track_caller]
pub fn refused(what: impl std::fmt::Debug, bytes: &[u8], expected: &[&str], outcome: Outcome) {
    let verdict = verdict(bytes, &pins(&[key(1).public()]), LATER);
    let found: Vec<_> = verdict.integrity.problems.iter().map(|problem| problem.code).collect();
    assert_eq!((found.as_slice(), verdict.outcome), (expected, outcome), "{what:?}");
    for problem in &verdict.integrity.problems {
        assert!(!problem.message.chars().any(char::is_control), "{what:?}: {}", problem.message);
    }
}

#[track_caller]
pub fn malformed(what: impl std::fmt::Debug, bytes: &[u8], expected: &[&str]) {
    refused(what, bytes, expected, Outcome::Malformed);
}

#[track_caller]
pub fn tampered(what: impl std::fmt::Debug, bytes: &[u8], expected: &[&str]) {
    refused(what, bytes, expected, Outcome::Tampered);
}

/// The bench itself changes nothing: what it takes apart and puts together holds.
#[test]
fn what_the_forger_leaves_alone_holds() {
    let studio = pins(&[key(1).public()]);
    let bytes = minted();
    assert_eq!(Loose::of(&bytes).pack(), bytes);
    assert_eq!(RawZip::of(&bytes).pack(), bytes);
    assert_eq!(RawZip::of(&bytes).settle().pack(), bytes);
    for bytes in [
        Loose::of(&bytes).sealed(),
        Loose::of(&bytes).remint(|_| {}).sealed(),
        with_two_events().sealed(),
        with_two_events().settle().sealed(),
    ] {
        assert_eq!(codes(&bytes), [""; 0]);
        assert_eq!(verdict(&bytes, &studio, LATER).outcome, Outcome::Holds);
    }
}

/// T-01: every single-bit change of a small valid file is refused.
#[test]
fn every_changed_bit_is_refused() {
    let original = minted();
    let bits = original.len() * 8;
    let half = |from: usize| {
        let mut bytes = original.clone();
        for bit in (from..bits).step_by(2) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let inspection =
                inspect::inspect(&bytes[..], bytes.len() as u64, 1, &|_| true).unwrap();
            assert!(!inspection.problems.is_empty(), "bit {} of byte {}", bit % 8, bit / 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| half(0));
        half(1);
    });
}

/// T-01: a file cut anywhere is refused.
#[test]
fn every_truncation_is_refused() {
    let bytes = minted();
    for len in 0..bytes.len() {
        assert_eq!(codes(&bytes[..len]), ["not-an-archive"], "cut to {len} bytes");
    }
}

/// T-02: nothing can be put behind or before a file, with or without its offsets following.
#[test]
fn appended_and_prefixed_bytes_are_refused() {
    let bytes = minted();
    for tail in [&[0][..], b"\n", &[0; 22], &[0; 98], b"PK\x05\x06", &[0; 70_000]] {
        malformed(tail.len(), &[&bytes, tail].concat(), &["not-an-archive"]);
    }
    malformed(
        "end record again",
        &[&bytes, &bytes[bytes.len() - 22..]].concat(),
        &["not-an-archive"],
    );
    malformed(
        "end records again",
        &[&bytes, &bytes[bytes.len() - 98..]].concat(),
        &["zip-directory"],
    );
    malformed("itself again", &[&bytes[..], &bytes].concat(), &["zip-directory"]);

    for prefix in [&b"#!/bin/sh\n"[..], b"MZ", &[0], &[0; 30]] {
        malformed(prefix, &[prefix, &bytes].concat(), &["zip-header"]);
        let mut zip = RawZip::minted();
        zip.prefix = prefix.to_vec();
        malformed(prefix, &zip.settle().pack(), &["zip-header"]);
    }
}

#[test]
fn what_is_no_zip_or_another_zip_is_said_to_be_none_of_ours() {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\
        \0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82";
    // `python3 -m zipfile -c` and Info-ZIP's `zip -X`, of a manifest.json that holds `{}`
    const PYTHON: &[u8] =
        b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\x58\x43\xbf\xa6\xa3\x02\0\0\0\x02\0\0\0\
        \x0d\0\0\0manifest.json{}PK\x01\x02\x14\x03\x14\0\0\0\0\0\0\0\x21\x58\x43\xbf\xa6\xa3\
        \x02\0\0\0\x02\0\0\0\x0d\0\0\0\0\0\0\0\0\0\0\0\xa4\x81\0\0\0\0manifest.json\
        PK\x05\x06\0\0\0\0\x01\0\x01\0\x3b\0\0\0\x2d\0\0\0\0\0";
    const INFO_ZIP: &[u8] =
        b"PK\x03\x04\x0a\0\0\0\0\0\0\0\x21\x58\x43\xbf\xa6\xa3\x02\0\0\0\x02\0\0\0\
        \x0d\0\0\0manifest.json{}PK\x01\x02\x1e\x03\x0a\0\0\0\0\0\0\0\x21\x58\x43\xbf\xa6\xa3\
        \x02\0\0\0\x02\0\0\0\x0d\0\0\0\0\0\0\0\x01\0\0\0\xa4\x81\0\0\0\0manifest.json\
        PK\x05\x06\0\0\0\0\x01\0\x01\0\x3b\0\0\0\x2d\0\0\0\0\0";
    let empty_zip = [&b"PK\x05\x06"[..], &[0; 18]].concat();
    let text = "A letter, longer than the end of any zip. ".repeat(10);
    for other in [b"", PNG, PYTHON, INFO_ZIP, &empty_zip, text.as_bytes(), &[0; 98], &[0xff; 4096]]
    {
        malformed(other.len(), other, &["not-an-archive"]);
    }
    // an empty container of our own make has no document at all
    let nothing = RawZip::of_entries(&[]).pack();
    malformed("no entries", &nothing, &["missing-entry", "missing-entry"]);
}

/// Where several hold, 4, 3, 5, 7, 6 in that order.
#[test]
fn the_gravest_outcome_counts() {
    let (studio, nobody) = (pins(&[key(1).public()]), pins(&[]));
    let exit = |bytes: &[u8], pins, now| verdict(bytes, pins, now).outcome.exit_code();
    let never = "2099-01-01T00:00:00Z";
    let revoked =
        crate::life::restatus(&minted(), hallmark_vault::provenance::status::Standing::Revoked, 1);

    let mut changed = Loose::of(&revoked);
    changed.set("media/01.jpg", [PHOTO, b"!"].concat());
    let changed = changed.sealed();
    let mut both = Loose::of(&changed);
    both.set(VERIFY, "Trust me.\n");
    let both = both.sealed();
    assert_eq!(codes(&both), ["content-changed", "verify-text"]);

    assert_eq!(exit(&both, &nobody, never), 4, "malformed before tampered");
    assert_eq!(exit(&changed, &nobody, never), 3, "tampered before untrusted");
    assert_eq!(exit(&revoked, &nobody, never), 5, "untrusted before revoked");
    assert_eq!(exit(&revoked, &studio, never), 7, "revoked before stale");
    assert_eq!(exit(&minted(), &nobody, never), 5, "untrusted before stale");
    assert_eq!(exit(&minted(), &studio, never), 6, "stale");
    assert_eq!(exit(&minted(), &studio, LATER), 0, "holds");
}
