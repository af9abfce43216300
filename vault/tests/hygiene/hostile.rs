//! Random and mutated files: no panic, no endless loop, and what is called removed stays removed.
//! `PROPTEST_CASES` sets how many.

use hallmark_vault::hygiene::{Outcome, Policy};
use proptest::prelude::*;

use crate::cleaned;
use crate::fixtures::all;

/// Cleans, and holds what must hold for any bytes whatever.
fn hold(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok((cleaning, out)) = cleaned(bytes, Policy::Keep) {
        prop_assert!(out == bytes, "kept, and changed");
        prop_assert!(cleaning.removed.is_empty());
    } else {
        return Err(TestCaseError::fail("keeping never fails on content"));
    }
    let Ok((cleaning, once)) = cleaned(bytes, Policy::Remove) else { return Ok(()) };
    match cleaning.outcome {
        Outcome::Removed => {
            prop_assert!(!cleaning.removed.is_empty());
            let (again, twice) = cleaned(&once, Policy::Remove)
                .map_err(|error| TestCaseError::fail(format!("cleaning broke it: {error}")))?;
            prop_assert_ne!(again.outcome, Outcome::Removed, "removed again {:?}", again.removed);
            prop_assert!(once == twice);
        }
        _ => prop_assert!(once == bytes, "{:?}, and changed", cleaning.outcome),
    }
    Ok(())
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Number(prop::sample::Index, [u8; 4]),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => at().prop_map(Mutation::Cut),
        1 => (at(), any::<u8>()).prop_map(|(at, len)| Mutation::Remove(at, len)),
        1 => (at(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(at, v)| Mutation::Insert(at, v)),
        2 => (at(), prop_oneof![Just([0xff; 4]), Just([0; 4]), Just([0x7f, 0xff, 0xff, 0xff]), any::<[u8; 4]>()])
            .prop_map(|(at, value)| Mutation::Number(at, value)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    match mutation {
        Mutation::Set(at, byte) => bytes[at.index(len)] = *byte,
        Mutation::Cut(at) => bytes.truncate(at.index(len)),
        Mutation::Remove(at, count) => {
            let at = at.index(len);
            bytes.drain(at..len.min(at + usize::from(*count)));
        }
        Mutation::Insert(at, more) => {
            let at = at.index(len);
            bytes.splice(at..at, more.iter().copied());
        }
        Mutation::Number(at, value) => {
            let at = at.index(len);
            let end = len.min(at + 4);
            bytes[at..end].copy_from_slice(&value[..end - at]);
        }
    }
}

/// The beginnings by which types are told.
const MAGICS: [&[u8]; 12] = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\0\0\0WEBP",
    b"RIFF\x40\0\0\0WAVE",
    b"OggS\0\x02",
    b"fLaC\0\0\0\x22",
    b"%PDF-1.7\n1 0 obj<<",
    b"ID3\x03\0\0\0\0\0\x10",
    b"\xff\xfb\x14\xc4",
    b"\0\0\0\x14ftypisom\0\0\0\0isom",
    b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    b"",
];

proptest! {
    #[test]
    fn random_bytes_behind_every_magic(
        magic in prop::sample::select(MAGICS.to_vec()),
        rest in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        hold(&[magic, &rest].concat())?;
    }

    #[test]
    fn mutated_files(
        which in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..5),
    ) {
        let mut fixtures = all();
        // The long one is slow to build and adds nothing here.
        fixtures.retain(|fixture| fixture.bytes.len() < 20_000);
        let fixture = fixtures.swap_remove(which.index(fixtures.len()));
        let mut bytes = fixture.bytes;
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        hold(&bytes).map_err(|error| {
            TestCaseError::fail(format!("{} {}: {error}", fixture.name, bytes.escape_ascii()))
        })?;
    }
}
