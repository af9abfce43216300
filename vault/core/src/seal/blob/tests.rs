//! All doors give the same bytes, and every way of altering a blob is refused by each of them.

use super::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::fs::File;
use std::num::NonZeroUsize;

const OTHER: Purpose = Purpose::new("hallmark/blob/v1/other");
const CHUNK: usize = 16_384;
const SEALED_CHUNK: usize = CHUNK + 16;
const HEADER: usize = 56;
/// Around the ends of chunks, of runs, and of what the length and PADMÉ make of them.
const SIZES: [usize; 16] = [
    0, 1, 7, 8, 9, 1000, 16_368, 16_375, 16_376, 16_377, 16_384, 40_000, 262_136, 262_144, 300_001,
    1_000_003,
];

fn key() -> BlobKey {
    BlobKey::from_bytes(&[0x4b; 32])
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn two() -> Work<'static> {
    Work::on(NonZeroUsize::new(2).unwrap())
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn sealed(len: usize) -> Vec<u8> {
    memory::seal(&key(), Purpose::FILE, &mut rng(), &content(len), &two()).unwrap()
}

fn file_of(bytes: &[u8]) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

fn bytes_of(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Opens by every framed door; they must agree.
fn open_with(key: &BlobKey, purpose: Purpose, blob: &[u8]) -> Result<Vec<u8>, OpenError> {
    let class = |error| match error {
        BlobError::Open(class) => class,
        other => panic!("{other}"),
    };
    let in_memory = memory::open(key, purpose, blob, &two());
    assert_eq!(in_memory, memory::open(key, purpose, blob, &Work::alone()));

    let mut reused = vec![0xaa; blob.len()];
    let reused = memory::open_into(key, purpose, blob, &mut reused, &two())
        .map(|len| {
            assert!(reused[len..].iter().all(|&byte| byte == 0));
            reused[..len].to_vec()
        })
        .map_err(class);
    assert_eq!(in_memory, reused);

    let output = tempfile::tempfile().unwrap();
    let from_file = file::open(key, purpose, blob.len() as u64, &file_of(blob), &output, &two())
        .map(|len| {
            let written = bytes_of(&output);
            assert_eq!(written.len() as u64, len);
            written
        })
        .map_err(class);
    assert_eq!(in_memory, from_file);

    let mut written = Vec::new();
    let streamed = stream::open(key, purpose, &mut &blob[..], &mut written)
        .map(|len| {
            assert_eq!(written.len() as u64, len);
            written
        })
        .map_err(class);
    assert_eq!(in_memory.is_ok(), streamed.is_ok(), "{in_memory:?} {:?}", streamed.err());
    in_memory
}

fn open(blob: &[u8]) -> Result<Vec<u8>, OpenError> {
    open_with(&key(), Purpose::FILE, blob)
}

/// A blob with a plaintext of our own making, as somebody who holds the key could make it.
fn misframed(plaintext: &[u8]) -> Vec<u8> {
    raw::seal(&key(), Purpose::FILE.context(), &mut rng(), plaintext, &two()).unwrap()
}

#[test]
fn every_door_seals_the_same_blob_and_opens_it() {
    for len in SIZES {
        let content = content(len);
        let blob = sealed(len);
        assert_eq!(blob.len() as u64, blob_len(len as u64).unwrap());

        let mut streamed = Vec::new();
        let given = &mut content.as_slice();
        let streamed_len =
            stream::seal(&key(), Purpose::FILE, &mut rng(), len as u64, given, &mut streamed);
        assert_eq!((streamed_len.unwrap(), &streamed), (blob.len() as u64, &blob), "{len}");

        let output = tempfile::tempfile().unwrap();
        let input = file_of(&content);
        file::seal(&key(), Purpose::FILE, &mut rng(), len as u64, &input, &output, &two()).unwrap();
        assert_eq!(bytes_of(&output), blob, "{len}");

        assert_eq!(open(&blob).unwrap(), content, "{len}");
    }
}

/// Five bytes of content, sealed once and for all.
#[test]
fn frozen() {
    let mut framed = 5_u64.to_be_bytes().to_vec();
    framed.extend(b"hello");
    framed.resize(padme_of(13), 0);
    let salt = Salt::from_bytes([0x5a; 24]);
    let blob = raw::seal_with_salt(&key(), b"hallmark/blob/v1/file", salt, &framed, &two());
    let blob = blob.unwrap();
    assert_eq!(data_encoding::HEXLOWER.encode(&blob), FROZEN);
    assert_eq!(open(&blob).unwrap(), b"hello");
}

const FROZEN: &str = concat!(
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a4d68aace96142add48956ee1437c7061",
    "6c36727f5a89322fd619ca9ed39c8fc3227a4530affd7df348ed4a346a64e85bc71fa849726280c2",
    "0c0ec83fa31c",
);

#[test]
fn equal_padded_sizes_hide_the_length() {
    assert_eq!(sealed(40_000).len(), sealed(40_001).len());
    assert_eq!(blob_len(0).unwrap(), 56 + 8 + 16);
    assert!(matches!(blob_len(1 << 52), Err(BlobError::TooLarge)));
    assert!(matches!(blob_len(u64::MAX), Err(BlobError::TooLarge)));
}

#[test]
fn raw_messages_round_trip_by_both_doors() {
    for len in [0, 1, 16_383, 16_384, 16_385, 40_000, 262_144, 1 << 20] {
        let plaintext = content(len);
        let sealed = raw::seal(&key(), b"any", &mut rng(), &plaintext, &two()).unwrap();
        assert_eq!(sealed.len() as u64, raw::sealed_len(len as u64).unwrap());
        let mut streamed = Vec::new();
        let given = &mut plaintext.as_slice();
        raw::seal_stream(&key(), b"any", &mut rng(), given, &mut streamed).unwrap();
        assert_eq!(sealed, streamed, "{len}");
        assert_eq!(raw::open(&key(), b"any", &sealed, &two()).unwrap(), plaintext);
        let mut opened = Vec::new();
        raw::open_stream(&key(), b"any", &mut sealed.as_slice(), &mut opened).unwrap();
        assert_eq!(opened, plaintext);
        assert_eq!(
            raw::open(&key(), b"", &sealed, &two()),
            Err(OpenError::NotAuthentic),
            "another context"
        );
        let cut = &sealed[..HEADER + len / CHUNK * SEALED_CHUNK];
        assert_eq!(raw::open(&key(), b"any", cut, &two()), Err(OpenError::Truncated));
        assert!(matches!(
            raw::open_stream(&key(), b"any", &mut &cut[..], &mut Vec::new()),
            Err(BlobError::Open(OpenError::Truncated))
        ));
    }
}

#[test]
fn wrong_key_purpose_or_commitment() {
    let blob = sealed(40_000);
    let wrong_key = BlobKey::from_bytes(&[0x4c; 32]);
    assert_eq!(open_with(&wrong_key, Purpose::FILE, &blob), Err(OpenError::NotAuthentic));
    assert_eq!(open_with(&key(), OTHER, &blob), Err(OpenError::NotAuthentic));
    for at in [Salt::LEN, HEADER - 1] {
        let mut flipped = blob.clone();
        flipped[at] ^= 1;
        assert_eq!(open(&flipped), Err(OpenError::NotAuthentic), "commitment byte {at}");
    }
}

#[test]
fn every_flipped_bit_of_a_small_blob() {
    let blob = sealed(5);
    for bit in 0..blob.len() * 8 {
        let mut flipped = blob.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&flipped), Err(OpenError::NotAuthentic), "bit {bit}");
    }
}

#[test]
fn a_flipped_bit_in_any_chunk_of_a_large_blob() {
    let blob = sealed(1_000_003);
    for at in (HEADER + 9..blob.len()).step_by(SEALED_CHUNK).chain([blob.len() - 1]) {
        let mut flipped = blob.clone();
        flipped[at] ^= 0x80;
        assert_eq!(open(&flipped), Err(OpenError::NotAuthentic), "byte {at}");
    }
}

#[test]
fn cut_anywhere() {
    let blob = sealed(40_000);
    for len in [0, 55, 56, 71, HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK] {
        assert_eq!(open(&blob[..len]), Err(OpenError::Truncated), "{len}");
    }
    for len in [72, HEADER + SEALED_CHUNK - 1, HEADER + SEALED_CHUNK + 16, blob.len() - 1] {
        assert_eq!(open(&blob[..len]), Err(OpenError::NotAuthentic), "{len}");
    }
    let long = sealed(700_000);
    let run = HEADER + 16 * SEALED_CHUNK;
    assert_eq!(open(&long[..run]), Err(OpenError::Truncated), "at the end of a run");
}

#[test]
fn chunks_swapped_repeated_dropped_or_added() {
    let blob = sealed(60_000);
    let chunk = |k: usize| HEADER + k * SEALED_CHUNK..HEADER + (k + 1) * SEALED_CHUNK;
    let mut swapped = blob.clone();
    swapped[chunk(0)].copy_from_slice(&blob[chunk(1)]);
    swapped[chunk(1)].copy_from_slice(&blob[chunk(0)]);
    assert_eq!(open(&swapped), Err(OpenError::NotAuthentic));

    let mut repeated = blob.clone();
    repeated[chunk(2)].copy_from_slice(&blob[chunk(1)]);
    assert_eq!(open(&repeated), Err(OpenError::NotAuthentic));

    let mut dropped = blob.clone();
    dropped.drain(chunk(1));
    assert_eq!(open(&dropped), Err(OpenError::NotAuthentic));

    let mut extended = blob.clone();
    extended.push(0);
    assert_eq!(open(&extended), Err(OpenError::NotAuthentic));
    extended.resize(HEADER + 5 * SEALED_CHUNK + 16, 0);
    assert_eq!(open(&extended), Err(OpenError::NotAuthentic));
}

#[test]
fn chunks_of_another_blob_under_the_same_key() {
    let other = memory::seal(
        &key(),
        Purpose::FILE,
        &mut StdRng::seed_from_u64(8),
        &content(60_000),
        &Work::alone(),
    );
    let mut mixed = sealed(60_000);
    mixed[HEADER..HEADER + SEALED_CHUNK]
        .copy_from_slice(&other.unwrap()[HEADER..HEADER + SEALED_CHUNK]);
    assert_eq!(open(&mixed), Err(OpenError::NotAuthentic));
}

#[test]
fn framing_is_one_encoding_only() {
    let mut framed = 40_000_u64.to_be_bytes().to_vec();
    framed.extend(content(40_000));
    framed.resize(padme_of(40_008), 0);
    assert_eq!(open(&misframed(&framed)).unwrap(), content(40_000), "the control");

    for at in [40_008, framed.len() - 1] {
        let mut padding = framed.clone();
        padding[at] = 1;
        assert_eq!(open(&misframed(&padding)), Err(OpenError::Framing), "padding byte {at}");
    }
    let mut longer = framed.clone();
    longer.push(0);
    assert_eq!(open(&misframed(&longer)), Err(OpenError::Framing));
    assert_eq!(open(&misframed(&framed[..framed.len() - 1])), Err(OpenError::Framing));
    assert_eq!(open(&misframed(&framed[..40_008])), Err(OpenError::Framing), "unpadded");
    for length in [39_000, framed.len() as u64, u64::MAX, u64::MAX - 7, 1 << 52] {
        let mut wrong = framed.clone();
        wrong[..8].copy_from_slice(&length.to_be_bytes());
        assert_eq!(open(&misframed(&wrong)), Err(OpenError::Framing), "length {length}");
    }
    for short in 0..8 {
        assert_eq!(open(&misframed(&vec![0; short])), Err(OpenError::Framing), "{short} bytes");
    }
}

#[test]
fn padding_in_the_middle_of_a_long_blob_is_checked() {
    let len = 2_950_000_usize;
    let mut framed = (len as u64).to_be_bytes().to_vec();
    framed.extend(content(len));
    framed.resize(padme_of(len + 8), 0);
    assert!(framed.len() - len > 2 * CHUNK, "padding spans whole chunks");
    assert!(open(&misframed(&framed)).is_ok());
    framed[len + 8 + CHUNK + 3] = 1;
    assert_eq!(open(&misframed(&framed)), Err(OpenError::Framing));
}

fn padme_of(len: usize) -> usize {
    crate::seal::padme::padme(len as u64).unwrap() as usize
}

#[test]
fn a_failed_open_leaves_no_plaintext() {
    let mut blob = sealed(300_000);
    blob[HEADER + 10 * SEALED_CHUNK] ^= 1;
    let mut out = vec![0x55; blob.len()];
    assert!(memory::open_into(&key(), Purpose::FILE, &blob, &mut out, &Work::alone()).is_err());
    assert!(out.iter().all(|&byte| byte == 0));
    let mut small = vec![0; 299_999];
    assert!(matches!(
        memory::open_into(&key(), Purpose::FILE, &sealed(300_000), &mut small, &two()),
        Err(BlobError::OutputLength { given: 299_999, .. })
    ));
}

#[test]
fn the_declared_length_must_be_the_content_s() {
    let bytes = content(40_000);
    for declared in [39_999, 40_001, 0] {
        let sealed = stream::seal(
            &key(),
            Purpose::FILE,
            &mut rng(),
            declared,
            &mut bytes.as_slice(),
            &mut Vec::new(),
        );
        assert!(matches!(sealed, Err(BlobError::ContentLength { .. })), "{declared}");
    }
    let output = tempfile::tempfile().unwrap();
    let short = file::seal(&key(), Purpose::FILE, &mut rng(), 40_001, &bytes, &output, &two());
    assert!(matches!(short, Err(BlobError::Read { .. })));
}

#[test]
fn ranges() {
    let content = content(700_000);
    let blob = sealed(700_000);
    let reader = BlobReader::new(&key(), Purpose::FILE, blob.len() as u64, &blob).unwrap();
    assert_eq!(reader.content_len(), 700_000);
    for (start, end) in [
        (0, 0),
        (0, 1),
        (16_375, 16_377),
        (16_376, 32_760),
        (100_000, 500_001),
        (699_999, 700_000),
        (700_000, 700_000),
        (0, 700_000),
    ] {
        let part = reader.read(start..end).unwrap();
        assert_eq!(part, content[start as usize..end as usize], "{start}..{end}");
    }
    for (start, end) in [(0, 700_001), (700_001, 700_001), (u64::MAX - 1, u64::MAX)] {
        assert!(matches!(reader.read(start..end), Err(BlobError::Range { .. })));
    }
}

#[test]
fn ranges_of_altered_blobs() {
    let blob = sealed(60_000);
    let class = |blob: &[u8]| match BlobReader::new(&key(), Purpose::FILE, blob.len() as u64, blob)
        .map(|_| ())
    {
        Ok(()) => None,
        Err(BlobError::Open(class)) => Some(class),
        Err(other) => panic!("{other}"),
    };
    assert_eq!(class(&blob), None);
    assert_eq!(class(&blob[..HEADER + 2 * SEALED_CHUNK]), Some(OpenError::Truncated));
    assert_eq!(class(&blob[..HEADER + SEALED_CHUNK + 16]), Some(OpenError::NotAuthentic));
    assert_eq!(class(&blob[..blob.len() - 1]), Some(OpenError::NotAuthentic));
    assert_eq!(class(&misframed(&[0; 9])), Some(OpenError::Framing));
    let mut commitment = blob.clone();
    commitment[30] ^= 1;
    assert_eq!(class(&commitment), Some(OpenError::NotAuthentic));

    let mut middle = blob.clone();
    middle[HEADER + SEALED_CHUNK + 5] ^= 1;
    let reader = BlobReader::new(&key(), Purpose::FILE, middle.len() as u64, &middle).unwrap();
    assert!(reader.read(0..16_376).is_ok(), "a chunk that was not touched");
    assert!(matches!(reader.read(16_370..16_380), Err(BlobError::Open(OpenError::NotAuthentic))));
    assert!(reader.read(16_376 + 16_384..60_000).is_ok());
}

#[test]
fn progress_adds_up_and_a_failing_disk_is_reported() {
    let bytes = content(1_000_003);
    let done = std::sync::atomic::AtomicU64::new(0);
    let progress = |bytes| {
        done.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    let output = tempfile::tempfile().unwrap();
    let work = two().reporting(&progress);
    let blob_len =
        file::seal(&key(), Purpose::FILE, &mut rng(), 1_000_003, &bytes, &output, &work).unwrap();
    assert_eq!(done.into_inner() + HEADER as u64, blob_len);

    let read_only = File::open("/dev/null").unwrap();
    let failed = file::seal(&key(), Purpose::FILE, &mut rng(), 10, &bytes, &read_only, &two());
    assert!(matches!(failed, Err(BlobError::Write { .. })));
}
