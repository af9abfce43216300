//! JPEG, PNG, WebP and HEIC in particular.

use hallmark_vault::hygiene::{Outcome, Trace};

use crate::fixtures::*;
use crate::{contains, expect_damaged, expect_whole, removed};

/// The orientation, as the smallest EXIF block says it.
const TURNED: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

#[test]
fn orientation_stays_alone() {
    for bytes in [jpeg(), png(), webp()] {
        let (_, out) = removed(&bytes);
        assert!(contains(&out, TURNED));
        assert!(contains(&out, b"profile"), "the colour profile stays");
    }
}

#[test]
fn an_upright_picture_needs_no_exif() {
    let mut tiff = exif(false);
    tiff[18] = 1; // the value of the first entry
    let bytes =
        [b"\xff\xd8".to_vec(), jpeg_segment(0xe1, &[b"Exif\0\0", &tiff]), jpeg_picture()].concat();
    let (_, out) = removed(&bytes);
    assert_eq!(out, [b"\xff\xd8".to_vec(), jpeg_picture()].concat());
}

#[test]
fn a_cleaned_webp_says_what_it_has() {
    let (_, out) = removed(&webp());
    assert_eq!(out[20], 0x28, "profile and EXIF, no XMP");
    let size = u32::from_le_bytes([out[4], out[5], out[6], out[7]]);
    assert_eq!(size as usize + 8, out.len());
}

#[test]
fn a_directory_that_points_to_itself_ends() {
    let mut tiff = exif(true);
    let next = 8 + 2 + 4 * 12;
    tiff[next..next + 4].copy_from_slice(&8_u32.to_be_bytes());
    let bytes = [b"\xff\xd8".to_vec(), jpeg_segment(0xe1, &[b"Exif\0\0", &tiff]), jpeg_picture()];
    let (cleaning, _) = removed(&bytes.concat());
    assert!(cleaning.removed.contains(&Trace::ExifUnreadable));
}

#[test]
fn exif_that_cannot_be_read_goes_all_the_same() {
    for tiff in [b"".as_slice(), b"MM\0*", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x01"]
    {
        let bytes =
            [b"\xff\xd8".to_vec(), jpeg_segment(0xe1, &[b"Exif\0\0", tiff]), jpeg_picture()];
        let (cleaning, out) = removed(&bytes.concat());
        assert_eq!(cleaning.removed, [Trace::ExifOther, Trace::ExifUnreadable]);
        assert!(!contains(&out, b"Exif"));
    }
}

#[test]
fn damaged_pictures_are_named() {
    let picture = jpeg();
    expect_damaged(&picture[..picture.len() / 2], "JPEG");
    expect_damaged(b"\xff\xd8\xff\xd9", "without a picture");
    expect_damaged(b"\xff\xd8\xff\xe0\0\x01", "does not fit");
    let picture = png();
    expect_damaged(&picture[..100], "ends before");
    let mut flipped = picture.clone();
    flipped[20] ^= 1;
    expect_damaged(&flipped, "checksum");
    expect_damaged(&picture[..8], "ends before");
    let picture = webp();
    expect_damaged(&picture[..60], "RIFF");
}

#[test]
fn a_png_with_an_unknown_critical_chunk_is_left_alone() {
    let mut bytes = png();
    // Turns the private chunk into a critical one, with its checksum.
    let at = bytes.windows(4).position(|w| w == b"prVt").expect("is there");
    bytes[at] = b'P';
    let crc = crc32fast::hash(&bytes[at..at + 10]).to_be_bytes();
    bytes[at + 10..at + 14].copy_from_slice(&crc);
    expect_whole(&bytes, Outcome::Unchecked, &[]);
}

#[test]
fn heic_items_that_share_bytes_are_left_alone() {
    let mut bytes = heic();
    // The EXIF item claims the bytes of the picture.
    let at = bytes.windows(4).position(|w| w == b"iloc").expect("is there") + 4 + 8;
    let picture: [u8; 4] = bytes[at + 6..at + 10].try_into().expect("four bytes");
    bytes[at + 20..at + 24].copy_from_slice(&picture);
    expect_whole(&bytes, Outcome::Unchecked, &[]);
}
