//! MP4 and QuickTime in particular.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use hallmark_vault::hygiene::{MediaType, Outcome, Policy, Trace, clean};

use crate::fixtures::*;
use crate::{cleaned, expect_damaged, expect_whole, removed};

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
