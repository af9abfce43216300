//! Metadata hygiene, format by format: what goes, what stays, and what hostile files do not achieve.

mod fixtures;
mod formats;
mod hostile;
mod images;
mod pdf;
mod preserved;
mod samples;
mod sound;
mod video;

use std::io::Cursor;

use hallmark_vault::hygiene::{Cleaning, HygieneError, Outcome, Policy, Trace, clean};

/// Cleans bytes in memory.
fn cleaned(bytes: &[u8], policy: Policy) -> Result<(Cleaning, Vec<u8>), HygieneError> {
    let mut out = Vec::new();
    let cleaning = clean(&mut Cursor::new(bytes), bytes.len() as u64, &mut out, policy)?;
    Ok((cleaning, out))
}

/// Removes, and expects the file to be readable.
fn removed(bytes: &[u8]) -> (Cleaning, Vec<u8>) {
    cleaned(bytes, Policy::Remove).expect("the file is well formed")
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// Expects the file back byte for byte, with this outcome and these traces.
fn expect_whole(bytes: &[u8], outcome: Outcome, reveals: &[Trace]) {
    let (cleaning, out) = removed(bytes);
    assert_eq!(cleaning.outcome, outcome);
    assert_eq!(cleaning.removed, []);
    assert_eq!(cleaning.reveals, reveals);
    assert!(out == bytes, "the bytes changed");
}

/// Expects an error that names the damage.
fn expect_damaged(bytes: &[u8], part: &str) {
    match cleaned(bytes, Policy::Remove) {
        Err(HygieneError::Damaged { what }) => assert!(what.contains(part), "{what}"),
        other => panic!("expected damage, got {:?}", other.map(|(cleaning, _)| cleaning)),
    }
    let (cleaning, out) = cleaned(bytes, Policy::Keep).expect("kept as it is");
    assert_eq!(cleaning.outcome, Outcome::Unchecked);
    assert!(out == bytes, "the bytes changed");
}
