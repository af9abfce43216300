//! Files that sign themselves: kept byte for byte, with what they reveal.

use hallmark_vault::hygiene::{Outcome, Trace};

use crate::fixtures::*;
use crate::{expect_whole, removed};

const MANIFEST: &[u8] =
    b"\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03c2pa\0 \"exif:GPSLatitude\": \"48\"";

/// What the manifest tells, besides `others`.
fn reveals(others: &[Trace]) -> Vec<Trace> {
    let mut traces = [others, &[Trace::C2pa, Trace::C2paLocation]].concat();
    traces.sort();
    traces
}

#[test]
fn a_manifest_preserves_the_file_that_carries_it() {
    let segment = jpeg_segment(0xeb, &[b"JP\0\x01\0\0\0\x01\0\0\0\x60jumb", MANIFEST]);
    let jpeg =
        [b"\xff\xd8".to_vec(), segment, jpeg_segment(0xfe, &[b"x"]), jpeg_picture()].concat();
    expect_whole(&jpeg, Outcome::Preserved, &reveals(&[Trace::JpegComment]));

    let mut picture = webp();
    picture.truncate(picture.len() - 6);
    picture.extend(riff_chunk(b"C2PA", MANIFEST));
    let size = picture.len() as u32 - 8;
    picture[4..8].copy_from_slice(&size.to_le_bytes());
    let (cleaning, out) = removed(&picture);
    assert_eq!(cleaning.outcome, Outcome::Preserved);
    assert!(cleaning.reveals.contains(&Trace::ExifGps) && out == picture);

    let user_type = b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
    let manifest = boxed(b"uuid", &[user_type.to_vec(), MANIFEST.to_vec()]);
    for bytes in [mp4(b"isom", None), heic()] {
        let ftyp = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let moved = [&bytes[..ftyp], &manifest, &bytes[ftyp..]].concat();
        let (cleaning, out) = removed(&moved);
        assert!(matches!(cleaning.outcome, Outcome::Preserved | Outcome::Unchecked));
        assert!(out == moved);
    }

    let sound = [id3(MANIFEST), frames()].concat();
    // The length of this tag fits in 14 bits.
    expect_whole(&sound, Outcome::Preserved, &reveals(&[Trace::Id3, Trace::Id3Picture]));
}

#[test]
fn other_jumbf_boxes_are_no_manifest() {
    let segment = jpeg_segment(0xeb, &[b"JP\0\x01\0\0\0\x01\0\0\0\x60jumb hidden"]);
    let bytes = [b"\xff\xd8".to_vec(), segment, jpeg_picture()].concat();
    let (cleaning, out) = removed(&bytes);
    assert_eq!(cleaning.removed, [Trace::JpegSegment]);
    assert_eq!(out, [b"\xff\xd8".to_vec(), jpeg_picture()].concat());
}
