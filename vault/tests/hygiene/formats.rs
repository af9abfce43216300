//! What holds for every format alike.

use hallmark_vault::hygiene::{MediaType, Outcome, Policy, matches_magic};

use crate::fixtures::{SECRETS, all};
use crate::{cleaned, contains, expect_whole, removed};

#[test]
fn secrets_go_and_the_payload_stays() {
    for fixture in all() {
        assert!(SECRETS.iter().any(|s| contains(&fixture.bytes, s.as_bytes())), "{}", fixture.name);
        let (cleaning, out) = removed(&fixture.bytes);
        assert_eq!(cleaning.media_type, fixture.media_type, "{}", fixture.name);
        assert_eq!(cleaning.outcome, Outcome::Removed, "{}", fixture.name);
        assert_eq!(cleaning.removed, fixture.removed, "{}", fixture.name);
        assert_eq!(cleaning.reveals, [], "{}", fixture.name);
        for secret in SECRETS {
            assert!(
                !contains(&out, secret.as_bytes()),
                "{secret} is still in the {}",
                fixture.name
            );
        }
        assert!(contains(&out, &fixture.payload), "{} lost its payload", fixture.name);
        assert!(matches_magic(fixture.media_type, &out), "{}", fixture.name);
    }
}

#[test]
fn cleaning_twice_changes_nothing() {
    for fixture in all() {
        let (_, once) = removed(&fixture.bytes);
        expect_whole(&once, Outcome::Clean, &[]);
    }
}

#[test]
fn keeping_copies_and_names_the_same_traces() {
    for fixture in all() {
        let (cleaning, out) = cleaned(&fixture.bytes, Policy::Keep).expect("well formed");
        assert_eq!(cleaning.outcome, Outcome::Kept, "{}", fixture.name);
        assert_eq!(cleaning.removed, [], "{}", fixture.name);
        assert_eq!(cleaning.reveals, fixture.removed, "{}", fixture.name);
        assert!(out == fixture.bytes, "{}", fixture.name);
    }
}

#[test]
fn in_place_formats_keep_every_offset() {
    for fixture in all() {
        if matches!(fixture.media_type, MediaType::Mp4 | MediaType::Heic | MediaType::Pdf) {
            let (_, out) = removed(&fixture.bytes);
            let at = |bytes: &[u8]| bytes.windows(8).position(|w| w == &fixture.payload[..8]);
            assert_eq!(at(&out), at(&fixture.bytes), "{}", fixture.name);
        }
    }
}

#[test]
fn text_is_clean_and_the_unknown_is_unchecked() {
    let (cleaning, out) = removed("Anneau, 18 ct, d\u{e9}cor\u{e9}\n".as_bytes());
    assert_eq!((cleaning.media_type, cleaning.outcome), (MediaType::PlainText, Outcome::Clean));
    assert_eq!(out, "Anneau, 18 ct, d\u{e9}cor\u{e9}\n".as_bytes());

    // A character across the boundary of two reads.
    let long = "\u{20ac}".repeat(100_000);
    let (cleaning, out) = removed(long.as_bytes());
    assert_eq!(cleaning.outcome, Outcome::Clean);
    assert!(out == long.as_bytes());

    let mut late = vec![b'a'; 200_000];
    late.push(0);
    for other in [late.as_slice(), b"<svg/>", b"GIF89a\x01\0\0", b"\xe2\x82", b"PK\x03\x04\0\0"] {
        let (cleaning, _) = removed(other);
        assert_eq!(cleaning.media_type, MediaType::OctetStream);
        expect_whole(other, Outcome::Unchecked, &[]);
    }
}
