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
        assert!(contains(&out, b"the numbers"), "the colour profile stays");
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
    expect_left_alone(&bytes);
}

#[test]
fn heic_items_that_share_bytes_are_left_alone() {
    let mut bytes = heic();
    // The EXIF item claims the bytes of the picture.
    let at = bytes.windows(4).position(|w| w == b"iloc").expect("is there") + 4 + 8;
    let picture: [u8; 4] = bytes[at + 6..at + 10].try_into().expect("four bytes");
    bytes[at + 20..at + 24].copy_from_slice(&picture);
    expect_left_alone(&bytes);
}

/// Expects the file back, with what is plain in it named.
fn expect_left_alone(bytes: &[u8]) {
    let (cleaning, out) = removed(bytes);
    assert_eq!((cleaning.outcome, cleaning.removed), (Outcome::Unchecked, vec![]));
    for trace in [Trace::ExifGps, Trace::ExifSerial, Trace::ExifName, Trace::XmpName] {
        assert!(cleaning.reveals.contains(&trace), "{:?}", cleaning.reveals);
    }
    assert!(out == bytes, "the bytes changed");
}

#[test]
fn a_colour_profile_keeps_its_numbers_and_loses_its_texts() {
    let clean = |profile: &[u8]| {
        let segment = jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", profile]);
        removed(&[b"\xff\xd8".to_vec(), segment, jpeg_picture()].concat())
    };
    let mut profile = icc(b"MacBook of Rosa Diamanti");
    profile[84..100].fill(7);
    let (cleaning, out) = clean(&profile);
    assert_eq!(cleaning.removed, [Trace::ColourProfile]);
    let at = 2 + 4 + 14;
    let kept = &out[at..at + profile.len()];
    assert_eq!(kept[..84], profile[..84]);
    assert_eq!(kept[84..100], [0; 16], "the digest is of what was");
    assert!(contains(kept, b"desc\0\0\0\0\0\0\0\x19       ") && contains(kept, b"the numbers."));
    assert!(kept[kept.len() - 6..].iter().all(|&byte| byte == 0));
    expect_whole(&out, Outcome::Clean, &[]);

    // In two segments, the second first.
    let (one, two) = profile.split_at(200);
    let cut = [
        b"\xff\xd8".to_vec(),
        jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x02\x02", two]),
        jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x02", one]),
        jpeg_picture(),
    ]
    .concat();
    let (cleaning, out) = removed(&cut);
    assert_eq!((cleaning.removed, out.len()), (vec![Trace::ColourProfile], cut.len()));
    assert!(!contains(&out, b"Diamanti") && contains(&out, b"the numbers."));

    // One that cannot be followed is named.
    let bytes = [
        b"\xff\xd8".to_vec(),
        jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01 Rosa Diamanti"]),
        jpeg_picture(),
    ];
    expect_whole(&bytes.concat(), Outcome::Unchecked, &[Trace::ColourProfile]);
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    picture.extend(png_chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]));
    picture.extend(png_chunk(b"iCCP", &[b"icc\0\0", zlib(&profile).as_slice()].concat()));
    picture.extend(png_chunk(b"IDAT", &zlib(PAYLOAD)));
    picture.extend(png_chunk(b"IEND", b""));
    expect_whole(&picture, Outcome::Unchecked, &[Trace::ColourProfile]);
}

#[test]
fn a_png_that_cannot_be_inflated_or_hides_data_in_a_frame_says_so() {
    let picture = |chunks: &[Vec<u8>]| {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        out.extend(png_chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]));
        out.extend(chunks.concat());
        out.extend(png_chunk(b"IEND", b""));
        out
    };
    let idat = png_chunk(b"IDAT", &zlib(PAYLOAD));
    let frame = |more: &[u8]| {
        let body = [b"\0\0\0\x02", zlib(PAYLOAD).as_slice(), more].concat();
        [png_chunk(b"fcTL", &[0; 26]), png_chunk(b"fdAT", &body)].concat()
    };
    expect_whole(&picture(&[idat.clone(), frame(b"")]), Outcome::Clean, &[]);
    let named = [Trace::TrailingData];
    expect_whole(&picture(&[idat, frame(b"Rosa"), frame(b"")]), Outcome::Unchecked, &named);
    expect_whole(&picture(&[png_chunk(b"IDAT", b"Rosa")]), Outcome::Unchecked, &named);
}

#[test]
fn frames_of_a_webp_keep_only_their_picture() {
    let place = [0; 16];
    let exif = riff_chunk(b"EXIF", &exif(false));
    let xmp = riff_chunk(b"XMP ", &xmp());
    let other = riff_chunk(b"prvt", b"hid");
    let picture = riff_chunk(b"VP8 ", PAYLOAD);
    let animation = |frame: &[u8]| {
        riff(
            b"WEBP",
            &[
                riff_chunk(b"VP8X", &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                riff_chunk(b"ANIM", &[0; 6]),
                riff_chunk(b"ANMF", frame),
            ],
        )
    };
    let whole = [&place, exif.as_slice(), &picture, &xmp, &other].concat();
    let clean = animation(&[&place, picture.as_slice()].concat());
    // With and without the padding of the last chunk inside the frame.
    for frame in [whole.as_slice(), &whole[..whole.len() - 1]] {
        let (cleaning, out) = removed(&animation(frame));
        assert!(cleaning.removed.contains(&Trace::ExifGps), "{:?}", cleaning.removed);
        assert!(cleaning.removed.contains(&Trace::XmpName));
        assert_eq!(out, clean);
        expect_whole(&out, Outcome::Clean, &[]);
    }
}

#[test]
fn properties_of_a_heic_stay_where_items_count_them() {
    let bytes = heic();
    let (_, out) = removed(&bytes);
    assert!(contains(&out, b"udes\0\0\0\0") && contains(&out, b"prvt\0\0\0\0\0\0"));
    assert!(contains(&out, b"ispe\0\0\0\0\0\0\0\x08"));
    // What the picture cannot be shown without stays and is named.
    let mut essential = bytes.clone();
    let at = essential.windows(4).position(|w| w == b"ipma").expect("is there") + 4 + 8 + 5;
    assert_eq!(essential[at], 0x03);
    essential[at] = 0x83;
    let (cleaning, out) = removed(&essential);
    assert_eq!(cleaning.reveals, [Trace::Mp4OtherBox]);
    assert!(contains(&out, b"prvthidden"));
}

/// As ExifTool leaves a HEIC whose XMP it deleted: the item stays, with no bytes where the media data
/// begins, and so by the letter with all of them.
#[test]
fn an_emptied_item_of_a_heic_is_no_reason_to_give_up() {
    let bytes = heic();
    let at = bytes.windows(4).position(|w| w == b"iloc").expect("is there") + 4 + 8;
    // Each item: number, data reference, count of extents, offset, length.
    let third = at + 2 * 14 + 6;
    for place in [[0; 4], bytes[at + 6..at + 10].try_into().expect("four bytes")] {
        let mut bytes = bytes.clone();
        bytes[third..third + 4].copy_from_slice(&place);
        bytes[third + 4..third + 8].fill(0);
        let (cleaning, out) = removed(&bytes);
        assert!(cleaning.removed.contains(&Trace::ExifGps) && cleaning.reveals.is_empty());
        assert!(cleaning.removed.contains(&Trace::TrailingData));
        // What it held before belongs to nothing now.
        for secret in SECRETS {
            assert!(!contains(&out, secret.as_bytes()), "{secret}");
        }
        assert!(contains(&out, PAYLOAD));
        expect_whole(&out, Outcome::Clean, &[]);
    }
}

#[test]
fn a_jpeg_has_nothing_behind_its_tables_and_headers() {
    let before_scan = |segment: Vec<u8>| {
        let picture = jpeg_picture();
        let at = picture.windows(2).position(|w| w == b"\xff\xda").expect("is there");
        [b"\xff\xd8", &picture[..at], &segment, &picture[at..]].concat()
    };
    let dht = [b"\0\x01".as_slice(), &[0; 15], b"\x05"].concat();
    let whole: [(u8, &[u8]); 7] = [
        (0xc4, &dht),
        (0xcc, b"\0\x10"),
        (0xdb, &[0x10; 129]),
        (0xdc, b"\0\x08"),
        (0xdd, b"\0\0"),
        (0xde, b"\x08\0\x08\0\x08\x01\x01\x11\0"),
        (0xdf, b"\x11"),
    ];
    for (marker, payload) in whole {
        expect_whole(&before_scan(jpeg_segment(marker, &[payload])), Outcome::Clean, &[]);
        expect_damaged(&before_scan(jpeg_segment(marker, &[payload, b"R"])), "behind");
    }
    let scan = jpeg_segment(0xda, &[b"\x01\x01\0\0\x3f\0", b"Rosa"]);
    expect_damaged(&before_scan(scan), "behind");
    let frame = jpeg_segment(0xc0, &[b"\x08\0\x08\0\x08\x01\x01\x11\0", b"Rosa"]);
    expect_damaged(&before_scan(frame), "behind");
}

#[test]
fn tags_of_a_colour_profile_hold_the_numbers_they_say_and_no_more() {
    let picture = |tag: &[u8; 4], value: &[u8]| {
        let mut profile = icc(b"");
        profile[128 + 4 + 12..][..4].copy_from_slice(tag);
        let at = profile.len() as u32;
        profile[128 + 4 + 16..][..4].copy_from_slice(&at.to_be_bytes());
        profile[128 + 4 + 20..][..4].copy_from_slice(&(value.len() as u32).to_be_bytes());
        profile.extend(value);
        let segment = jpeg_segment(0xe2, &[b"ICC_PROFILE\0\x01\x01", &profile]);
        [b"\xff\xd8".to_vec(), segment, jpeg_picture()].concat()
    };
    let lut = [b"mft1\0\0\0\0\x01\x01\x02\0".as_slice(), &[0; 36 + 256 + 2 + 256]].concat();
    let lut16 =
        [b"mft2\0\0\0\0\x01\x01\x02\0".as_slice(), &[0; 36], b"\0\x02\0\x02", &[0; 12]].concat();
    let good: [(&[u8; 4], &[u8]); 8] = [
        (b"rTRC", b"curv\0\0\0\0\0\0\0\x02\0\0\xff\xff"),
        (b"kTRC", b"curv\0\0\0\0\0\0\0\x02\xff\xff\0\0"),
        (b"gTRC", b"para\0\0\0\0\0\0\0\0\0\x02\0\0"),
        (b"A2B0", &lut),
        (b"A2B1", &lut16),
        (b"vcgt", b"vcgt\0\0\0\0\0\0\0\0\0\x01\0\x02\0\x01\x01\x02"),
        (b"tech", b"sig \0\0\0\0CRT "),
        (b"wtpt", b"XYZ \0\0\0\0the numbers."),
    ];
    for (tag, value) in good {
        expect_whole(&picture(tag, value), Outcome::Clean, &[]);
        let (cleaning, out) = removed(&picture(tag, &[value, b"Rosa"].concat()));
        assert_eq!(cleaning.removed, [Trace::ColourProfile], "{tag:?}");
        assert!(contains(&out, value) && !contains(&out, b"Rosa"));
        // Under a name of its own, or a type that is not the tag's, it goes as a whole.
        let (cleaning, out) = removed(&picture(b"Rosa", value));
        assert_eq!(cleaning.removed, [Trace::ColourProfile], "{tag:?}");
        assert!(!contains(&out, value) || tag == b"wtpt");
    }
    let curve = b"curv\0\0\0\0\0\0\0\x02Rosa";
    assert!(!contains(&removed(&picture(b"vcgt", curve)).1, b"Rosa"));
    let named = [Trace::ColourProfile];
    expect_whole(&picture(b"rTRC", b"curv\0\0\0\0\0\0\0\x03Rosa D"), Outcome::Unchecked, &named);
    expect_whole(&picture(b"A2B0", b"mft2\0\0\0\0Rosa Diamanti"), Outcome::Unchecked, &named);
}
