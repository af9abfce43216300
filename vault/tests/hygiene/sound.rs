//! MP3, Ogg, FLAC and WAV in particular.

use hallmark_vault::hygiene::{MediaType, Outcome, Trace};

use crate::fixtures::*;
use crate::{contains, expect_damaged, expect_whole, removed};

#[test]
fn a_cleaned_mp3_is_its_frames() {
    assert_eq!(removed(&mp3()).1, frames());
}

#[test]
fn tags_between_frames_go_too() {
    let bytes = [frames(), id3(b"Rosa Diamanti"), frames(), vec![0; 50], frames()].concat();
    let (cleaning, out) = removed(&bytes);
    assert_eq!(cleaning.removed, [Trace::Id3, Trace::Id3Picture, Trace::TrailingData]);
    assert_eq!(out, frames().repeat(3));
}

#[test]
fn id3_without_frames_is_another_type() {
    let bytes = [id3(b"Rosa Diamanti"), vec![7; 500]].concat();
    let (cleaning, _) = removed(&bytes);
    assert_eq!(cleaning.media_type, MediaType::OctetStream);
    expect_whole(&bytes, Outcome::Unchecked, &[]);
}

#[test]
fn ogg_pages_are_numbered_and_sealed_anew() {
    let (_, out) = removed(&ogg(false, 70_000));
    let (mut at, mut sequence) = (0, 0_u32);
    while at < out.len() {
        assert_eq!(&out[at..at + 4], b"OggS");
        assert_eq!(out[at + 18..at + 22], sequence.to_le_bytes());
        let table = usize::from(out[at + 26]);
        let body: usize = out[at + 27..at + 27 + table].iter().map(|&l| usize::from(l)).sum();
        let end = at + 27 + table + body;
        let mut page = out[at..end].to_vec();
        page[22..26].fill(0);
        assert_eq!(out[at + 22..at + 26], ogg_crc(&page).to_le_bytes());
        (at, sequence) = (end, sequence + 1);
    }
    assert_eq!(sequence, 1 + 1 + 3);
}

#[test]
fn chained_and_multiplexed_streams_are_left_alone() {
    let chained = [ogg(false, 10), ogg(true, 10)].concat();
    expect_whole(&chained, Outcome::Unchecked, &[]);
    let mut multiplexed = ogg(true, 10);
    let mut other = ogg_page(&[5], b"other", 0, 0, 0);
    other[14] ^= 1;
    other[22..26].fill(0);
    let crc = ogg_crc(&other);
    other[22..26].copy_from_slice(&crc.to_le_bytes());
    multiplexed.extend(other);
    expect_whole(&multiplexed, Outcome::Unchecked, &[]);
    let theora = ogg_page(&[7], b"\x80theora", 2, 0, 0);
    expect_whole(&theora, Outcome::Unchecked, &[]);
}

#[test]
fn damaged_sound_is_named() {
    let bytes = ogg(true, 10);
    expect_damaged(&bytes[..bytes.len() - 3], "inside a page");
    let mut flipped = bytes.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    expect_damaged(&flipped, "checksum");
    expect_damaged(&flac()[..30], "FLAC");
    expect_damaged(&wav()[..40], "RIFF");
    expect_damaged(&riff(b"WAVE", &[riff_chunk(b"fmt ", &[0; 16])]), "without sound");
}

#[test]
fn a_cleaned_flac_has_one_last_block() {
    let (_, out) = removed(&flac());
    let kinds: Vec<u8> = {
        let (mut at, mut kinds) = (4, Vec::new());
        loop {
            kinds.push(out[at]);
            let len = u32::from_be_bytes([0, out[at + 1], out[at + 2], out[at + 3]]) as usize;
            let last = out[at] & 0x80 != 0;
            at += 4 + len;
            if last {
                break kinds;
            }
        }
    };
    assert_eq!(kinds, [0, 3, 0x81]);
    assert!(out.ends_with(PAYLOAD) && !contains(&out, b"ARTIST"));
}

#[test]
fn wav_lengths_follow() {
    let (_, out) = removed(&wav());
    let size = u32::from_le_bytes([out[4], out[5], out[6], out[7]]);
    assert_eq!(size as usize + 8, out.len());
    assert!(contains(&out, b"JUNK"), "empty filler aligns the samples and says nothing");
}
