//! MP4 and QuickTime in particular.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use hallmark_vault::hygiene::{MediaType, Outcome, Policy, Trace, clean};

use crate::fixtures::*;
use crate::{cleaned, contains, expect_damaged, expect_whole, removed};

#[test]
fn timed_metadata_is_named_since_it_cannot_go() {
    for entry in [b"gpmd", b"mebx"] {
        let (cleaning, out) = removed(&mp4(b"qt  ", Some(entry)));
        assert_eq!(cleaning.media_type, MediaType::QuickTime);
        assert_eq!(cleaning.outcome, Outcome::Removed);
        assert_eq!(cleaning.reveals, [Trace::Mp4TimedMetadata]);
        // Nothing more can go: what is left is not called clean.
        expect_whole(&out, Outcome::Unchecked, &[Trace::Mp4TimedMetadata]);
    }
}

#[test]
fn a_movie_in_fragments() {
    let traf =
        boxed(b"traf", &[boxed(b"tfhd", &[vec![0; 8]]), boxed(b"udta", &[b"hidden".to_vec()])]);
    let bytes = [
        boxed(b"ftyp", &[b"iso5\0\0\0\0iso5".to_vec()]),
        boxed(b"moov", &[boxed(b"mvhd", &[vec![0; 100]]), boxed(b"mvex", &[vec![]])]),
        boxed(b"moof", &[boxed(b"mfhd", &[vec![0; 8]]), traf]),
        boxed(b"mdat", &[PAYLOAD.to_vec()]),
    ]
    .concat();
    let (cleaning, out) = removed(&bytes);
    assert_eq!(cleaning.removed, [Trace::Mp4UserData]);
    assert_eq!(out.len(), bytes.len());
    expect_whole(&out, Outcome::Clean, &[]);
}

#[test]
fn damaged_movies_are_named() {
    let bytes = mp4(b"isom", None);
    expect_damaged(&bytes[..40], "MP4");
    let mut long = bytes.clone();
    let at = long.windows(4).position(|w| w == b"mvhd").expect("is there") - 4;
    long[at] = 0x7f;
    expect_damaged(&long, "does not fit");
    expect_whole(&bytes[..20 + 8 + PAYLOAD.len()], Outcome::Unchecked, &[]);
}

/// A 3 GiB film that exists only as its headers: reading it must not touch its samples' memory.
struct Sparse {
    head: Vec<u8>,
    size_bytes: u64,
    tail: Vec<u8>,
    at: u64,
    largest_read: usize,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest_read = self.largest_read.max(buffer.len());
        let tail_at = self.size_bytes - self.tail.len() as u64;
        let left = usize::try_from(self.size_bytes - self.at).unwrap_or(usize::MAX);
        let len = buffer.len().min(left);
        for byte in &mut buffer[..len] {
            *byte = match usize::try_from(self.at) {
                Ok(at) if at < self.head.len() => self.head[at],
                _ if self.at >= tail_at => self.tail[(self.at - tail_at) as usize],
                _ => 0x5a,
            };
            self.at += 1;
        }
        Ok(len)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(at) => self.at = at,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(self.at)
    }
}

#[test]
fn a_film_of_many_gigabytes_is_streamed() {
    const MEDIA_BYTES: u64 = 40 << 20;
    let mut head = boxed(b"ftyp", &[b"isom\0\0\0\0isom".to_vec()]);
    head.extend([0, 0, 0, 1]);
    head.extend(b"mdat");
    head.extend((16 + MEDIA_BYTES).to_be_bytes());
    let tail = boxed(
        b"moov",
        &[boxed(b"mvhd", &[vec![0; 100]]), boxed(b"udta", &[b"Rosa Diamanti".to_vec()])],
    );
    let size_bytes = head.len() as u64 + MEDIA_BYTES + tail.len() as u64;
    let mut film = Sparse { head, size_bytes, tail, at: 0, largest_read: 0 };
    let mut out = Cursor::new(Vec::new());
    let cleaning = clean(&mut film, size_bytes, &mut out, Policy::Remove).expect("well formed");
    assert_eq!(cleaning.removed, [Trace::Mp4UserData]);
    assert_eq!(out.into_inner().len() as u64, size_bytes);
    assert!(film.largest_read <= 1 << 20, "read {} bytes at once", film.largest_read);
}

#[test]
fn a_picture_beyond_the_limit_is_refused_and_can_be_kept() {
    let head = jpeg();
    let size_bytes = (256 << 20) + 1;
    let mut film = Sparse { head, size_bytes, tail: Vec::new(), at: 0, largest_read: 0 };
    let error =
        clean(&mut film, size_bytes, &mut io::sink(), Policy::Remove).expect_err("too large");
    assert!(error.to_string().contains("268435456"), "{error}");
    let small = cleaned(&jpeg(), Policy::Keep).expect("well formed");
    assert_eq!(small.0.outcome, Outcome::Kept);
}

#[test]
fn a_reel_has_no_name_and_a_path_to_elsewhere_is_named() {
    let film = |entry: Vec<u8>, reference: Vec<u8>| {
        let one = || vec![0, 0, 0, 0, 0, 0, 0, 1];
        let stbl = boxed(b"stbl", &[boxed(b"stsd", &[one(), entry])]);
        let dinf = boxed(b"dinf", &[boxed(b"dref", &[one(), reference])]);
        let mdia = boxed(b"mdia", &[boxed(b"minf", &[dinf, stbl])]);
        [
            boxed(b"ftyp", &[b"qt  \0\0\0\0qt  ".to_vec()]),
            boxed(b"mdat", &[PAYLOAD.to_vec()]),
            boxed(b"moov", &[boxed(b"trak", &[mdia])]),
        ]
        .concat()
    };
    let reel = boxed(b"name", &[b"\0\x08\0\0RosaReel".to_vec()]);
    let here = || boxed(b"alis", &[vec![0, 0, 0, 1]]);
    let (cleaning, out) = removed(&film(boxed(b"tmcd", &[vec![0; 26], reel]), here()));
    assert_eq!((cleaning.removed, cleaning.reveals), (vec![Trace::Mp4Name], vec![]));
    assert!(!contains(&out, b"RosaReel"));
    expect_whole(&out, Outcome::Clean, &[]);

    let there = boxed(b"url ", &[b"\0\0\0\0file:///Users/Rosa/a.mov\0".to_vec()]);
    let bytes = film(boxed(b"tmcd", &[vec![0; 26]]), there);
    expect_whole(&bytes, Outcome::Unchecked, &[Trace::Mp4Path]);

    // This name says how the samples are coded.
    let mut raw = vec![0; 78];
    raw[42..68].copy_from_slice(b"\x19Planar Y'CbCr 8-bit 4:2:0");
    expect_whole(&film(boxed(b"yuv2", &[raw]), here()), Outcome::Clean, &[]);
}

/// A film of one H.264 or H.265 track, with these units in its media data and this configuration.
fn film(entry: &[u8; 4], configuration: Vec<u8>, units: &[&[u8]]) -> Vec<u8> {
    let entry = boxed(entry, &[vec![0; 78], configuration]);
    let stsd = boxed(b"stsd", &[vec![0, 0, 0, 0, 0, 0, 0, 1], entry]);
    let minf = boxed(b"minf", &[boxed(b"stbl", &[stsd])]);
    let mut media = vec![0x55; 150_000];
    for unit in units {
        media.extend((unit.len() as u32).to_be_bytes());
        media.extend_from_slice(unit);
    }
    media.extend([0x55; 40_000]);
    [
        boxed(b"ftyp", &[b"isom\0\0\0\0isom".to_vec()]),
        boxed(b"mdat", &[media]),
        boxed(b"moov", &[boxed(b"trak", &[boxed(b"mdia", &[minf])])]),
    ]
    .concat()
}

#[test]
fn user_data_between_the_pictures_is_named() {
    const X264: &[u8] =
        b"\xdc\x45\xe9\xbd\xe6\xd9\x48\xb7\x96\x2c\xd8\x20\xd9\x23\xee\xefx264 - core 164";
    let message = |kind: u8, body: &[u8]| [&[kind, body.len() as u8], body].concat();
    let unit = |head: &[u8], messages: &[Vec<u8>]| [head, &messages.concat(), &[0x80]].concat();
    let avc = || boxed(b"avcC", &[vec![1, 100, 0, 12, 0xff]]);
    let mut hevc = vec![1; 22];
    hevc[21] = 0xff;
    let place = [message(5, b"0123456789abcdef+48.8566+002.3522 Rosa Diamanti")];
    let named = |bytes: &[u8]| expect_whole(bytes, Outcome::Unchecked, &[Trace::Mp4StreamData]);
    let silent = |bytes: &[u8]| expect_whole(bytes, Outcome::Clean, &[]);

    named(&film(b"avc1", avc(), &[&unit(&[6], &place)]));
    named(&film(b"avc1", avc(), &[&unit(&[6], &[message(5, X264), place[0].clone()])]));
    named(&film(b"avc3", avc(), &[&unit(&[6], &[message(4, b"\xb5\0\x01Rosa")])]));
    // A zero byte escaped as the stream has it.
    named(&film(b"avc1", avc(), &[b"\x06\x05\x05\0\0\x03\x01ab\x80"]));
    let configured = || boxed(b"hvcC", std::slice::from_ref(&hevc));
    for head in [[0x4e, 1], [0x50, 1]] {
        named(&film(b"hvc1", configured(), &[&unit(&head, &place)]));
    }
    // In the configuration, and where units have lengths of two bytes.
    let inside = unit(&[0x4e, 1], &place);
    let length = (inside.len() as u16).to_be_bytes().to_vec();
    named(&film(b"hvc1", boxed(b"hvcC", &[hevc.clone(), length, inside]), &[]));
    named(&film(b"avc1", boxed(b"avcC", &[vec![1, 100, 0, 12, 0xfd]]), &[]));

    silent(&film(b"avc1", avc(), &[&unit(&[6], &[message(5, X264), message(1, b"12")])]));
    silent(&film(b"avc1", avc(), &[&unit(&[6], &[message(4, b"\xb5\0\x31GA94captions")])]));
    // Not a unit of messages, or not whole.
    silent(&film(b"avc1", avc(), &[&unit(&[5], &place)]));
    silent(&film(b"avc1", avc(), &[b"\x06\x05\x40abc\x80"]));
}

#[test]
fn media_data_that_no_chunk_begins_in_goes() {
    let film = |chunks: &[u64], wide: bool, hidden: &[u8], more: Vec<u8>| {
        let mut table = vec![0, 0, 0, 0, 0, 0, 0, chunks.len() as u8];
        for chunk in chunks {
            table.extend(&chunk.to_be_bytes()[if wide { 0 } else { 4 }..]);
        }
        let table = boxed(if wide { b"co64" } else { b"stco" }, &[table]);
        let minf = boxed(b"minf", &[boxed(b"stbl", &[table, more])]);
        [
            boxed(b"ftyp", &[b"isom\0\0\0\0isom".to_vec()]),
            boxed(b"mdat", &[hidden.to_vec(), PAYLOAD.to_vec()]),
            boxed(b"moov", &[boxed(b"trak", &[boxed(b"mdia", &[minf])])]),
            boxed(b"mdat", &[hidden.to_vec()]),
        ]
        .concat()
    };
    let named = [Trace::TrailingData];
    for wide in [false, true] {
        // Behind file type, header and the six bytes.
        let (cleaning, out) = removed(&film(&[20 + 8 + 10, 20 + 8 + 6], wide, b"hidden", vec![]));
        assert_eq!((cleaning.removed, cleaning.reveals), (named.to_vec(), vec![]));
        assert!(contains(&out, PAYLOAD) && !contains(&out, b"hidden"));
        expect_whole(&out, Outcome::Clean, &[]);
        // Chunks that are elsewhere, or of which nothing else can be said.
        expect_whole(&film(&[34, 2], wide, b"hidden", vec![]), Outcome::Unchecked, &named);
        expect_whole(&film(&[], wide, b"hidden", vec![]), Outcome::Unchecked, &named);
        let aside = boxed(b"saio", &[vec![0; 8]]);
        expect_whole(&film(&[34], wide, b"hidden", aside), Outcome::Clean, &[]);
    }
}
