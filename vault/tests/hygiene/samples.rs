//! Real files made by others, from `HALLMARK_SAMPLES` or `../shared/samples` beside the workspace.

use std::path::{Path, PathBuf};

use hallmark_vault::hygiene::{MediaType, Outcome, Trace};

use crate::{contains, removed};

fn sample(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("HALLMARK_SAMPLES")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples"));
    let bytes = std::fs::read(folder.join(name)).ok();
    if bytes.is_none() {
        eprintln!("skipped: samples not present ({name} in {})", folder.display());
    }
    bytes
}

/// The same JPEG without its `APP11` segments, by a walk of this test's own.
fn without_manifest(jpeg: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    let mut at = 2;
    while jpeg[at + 1] != 0xda {
        let len = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])) + 2;
        if jpeg[at + 1] != 0xeb {
            out.extend_from_slice(&jpeg[at..at + len]);
        }
        at += len;
    }
    out.extend_from_slice(&jpeg[at..]);
    out
}

/// From the first quantisation table to the end of the image that starts there: what is decoded.
fn picture(jpeg: &[u8]) -> Vec<u8> {
    let mut at = 2;
    let mut out = Vec::new();
    loop {
        let marker = jpeg[at + 1];
        let len = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])) + 2;
        if matches!(marker, 0xc0..=0xcf | 0xdb | 0xdd | 0xda) {
            out.extend_from_slice(&jpeg[at..at + len]);
        }
        at += len;
        if marker == 0xda {
            break;
        }
    }
    let end = (at..jpeg.len() - 1)
        .find(|&i| jpeg[i] == 0xff && jpeg[i + 1] == 0xd9)
        .expect("a picture ends");
    out.extend_from_slice(&jpeg[at..end + 2]);
    out
}

#[test]
fn a_signed_photograph_is_preserved_and_its_place_is_named() {
    let Some(bytes) = sample("truepic-20230212-camera.jpg") else { return };
    let (cleaning, out) = removed(&bytes);
    assert_eq!((cleaning.media_type, cleaning.outcome), (MediaType::Jpeg, Outcome::Preserved));
    assert_eq!(cleaning.removed, []);
    // Its EXIF has a GPS directory without entries: the position stands in the manifest.
    let expected = [Trace::ExifThumbnail, Trace::ExifOther, Trace::C2pa, Trace::C2paLocation];
    assert_eq!(cleaning.reveals, expected);
    assert!(out == bytes, "the bytes changed");

    let Some(bytes) = sample("nikon-20221019-building.jpeg") else { return };
    let (cleaning, out) = removed(&bytes);
    assert_eq!(cleaning.outcome, Outcome::Preserved);
    for trace in
        [Trace::ExifGps, Trace::ExifSerial, Trace::ExifName, Trace::ExifMakerNote, Trace::Mpf]
    {
        assert!(cleaning.reveals.contains(&trace), "{trace:?}");
    }
    assert!(out == bytes, "the bytes changed");
}

#[test]
fn without_its_manifest_the_place_goes_and_the_picture_stays() {
    for (name, places) in [
        ("truepic-20230212-camera.jpg", vec![Trace::ExifThumbnail]),
        ("nikon-20221019-building.jpeg", vec![Trace::ExifGps, Trace::ExifSerial, Trace::ExifName]),
    ] {
        let Some(bytes) = sample(name) else { return };
        let bytes = without_manifest(&bytes);
        let (cleaning, out) = removed(&bytes);
        assert_eq!(cleaning.outcome, Outcome::Removed);
        assert_eq!(cleaning.reveals, []);
        assert!(
            places.iter().all(|place| cleaning.removed.contains(place)),
            "{:?}",
            cleaning.removed
        );
        assert!(picture(&out) == picture(&bytes), "the picture changed");
        for secret in [b"GPSLatitude".as_slice(), b"Andy Parsons", b"0030079", b"Pixel 5", b"NIKON"]
        {
            assert!(!contains(&out, secret), "{} is still there", secret.escape_ascii());
        }
        let (again, same) = removed(&out);
        assert_eq!(again.outcome, Outcome::Clean);
        assert!(same == out);
    }
}

#[test]
fn a_signed_document_is_preserved() {
    let Some(bytes) = sample("adobe-20240110-single_manifest_store.pdf") else { return };
    let (cleaning, out) = removed(&bytes);
    assert_eq!((cleaning.media_type, cleaning.outcome), (MediaType::Pdf, Outcome::Preserved));
    for trace in [Trace::PdfInfo, Trace::PdfXmp, Trace::C2pa] {
        assert!(cleaning.reveals.contains(&trace), "{trace:?}");
    }
    assert!(out == bytes, "the bytes changed");
}
