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

#[test]
fn chunks_of_a_wav_end_where_their_counts_say() {
    let counted = |head: &[u8], each: usize| [head, &vec![1; each]].concat();
    let mut sampler = vec![0; 36];
    sampler[28] = 1;
    let chunks: [(&[u8; 4], Vec<u8>); 5] = [
        (b"fact", vec![9, 0, 0, 0]),
        (b"cue ", counted(b"\x01\0\0\0", 24)),
        (b"plst", counted(b"\x01\0\0\0", 12)),
        (b"smpl", counted(&sampler, 24)),
        (b"inst", vec![1; 7]),
    ];
    let mut format = vec![1; 18];
    format[16..].copy_from_slice(&[2, 0]);
    format.extend([3, 3]);
    let file = |kind: &[u8; 4], body: &[u8], more: &[u8]| {
        let format = [format.as_slice(), if kind == b"fmt " { more } else { b"" }].concat();
        let mut chunks = vec![riff_chunk(b"fmt ", &format), riff_chunk(b"data", PAYLOAD)];
        if kind != b"fmt " {
            chunks.push(riff_chunk(kind, &[body, more].concat()));
        }
        riff(b"WAVE", &chunks)
    };
    for (kind, body) in chunks.iter().map(|(kind, body)| (*kind, body.as_slice())) {
        for kind in [kind, b"fmt "] {
            let clean = file(kind, body, &[0; 6]);
            expect_whole(&clean, Outcome::Clean, &[]);
            let (cleaning, out) = removed(&file(kind, body, b"hidden"));
            assert_eq!(cleaning.removed, [Trace::RiffChunk]);
            assert_eq!(out, clean);
        }
    }
}
