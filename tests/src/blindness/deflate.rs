//! Deflate streams (RFC 1951) at any byte, with a header or without.
//!
//! A stream announces itself by nothing, so one is tried at every byte. What makes that quick is
//! that hardly any byte can begin one that goes on for as long as the shortest canary: the header of
//! the first block, and the first symbols of a block with the fixed code, are looked at before an
//! inflater is.

use std::sync::LazyLock;

use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags},
};

use super::Canaries;

/// How much of what comes out of one stream is searched.
pub const MOST_INFLATED_BYTES: usize = 64 << 20;
const FIRST_INFLATED_BYTES: usize = 64 << 10;

/// What a canary was found inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Packing {
    /// Nothing: it lies there as it is.
    None,
    /// A deflate stream without a header (RFC 1951).
    Deflate,
    /// The same with a zlib header (RFC 1950).
    Zlib,
    /// The same with a gzip header (RFC 1952).
    Gzip,
}

/// Inflates, over and over, into memory of its own.
pub(super) struct Inflater {
    state: Box<DecompressorOxide>,
    out: Vec<u8>,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { state: Box::default(), out: vec![0; FIRST_INFLATED_BYTES] }
    }

    /// What a stream that begins here holds, as far as it can be read; nothing where it cannot
    /// begin here or is shorter than a canary.
    pub(super) fn inflate(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        if !is_plausible(bytes) {
            return None;
        }
        self.state.init();
        let (mut read, mut written) = (0, 0);
        loop {
            let (status, taken, given) = decompress(
                &mut self.state,
                &bytes[read..],
                &mut self.out,
                written,
                inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
            );
            (read, written) = (read + taken, written + given);
            if status != TINFLStatus::HasMoreOutput || self.out.len() >= MOST_INFLATED_BYTES {
                break;
            }
            self.out.resize(self.out.len() * 4, 0);
        }
        (written >= Canaries::MIN_CHARS).then(|| &self.out[..written])
    }
}

/// Which header stands before the stream at `at`.
pub(super) fn packing(bytes: &[u8], at: usize) -> Packing {
    let before = &bytes[..at];
    if let [.., method, flags] = before
        && method & 0x0f == 8
        && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0
    {
        return Packing::Zlib;
    }
    // The name and other fields of a gzip header are as long as they are: it is near.
    let near = &before[at.saturating_sub(300)..];
    match near.windows(3).any(|three| three == [0x1f, 0x8b, 8]) {
        true => Packing::Gzip,
        false => Packing::Deflate,
    }
}

/// Whether a stream may begin here. Never false for one that holds a canary.
fn is_plausible(bytes: &[u8]) -> bool {
    let Some(bits) = Bits::of(bytes) else { return false };
    match bits.0 >> 1 & 3 {
        // Stored: its length stands there twice.
        0 => (bits.0 >> 8 ^ bits.0 >> 24) & 0xffff == 0xffff,
        1 => fixed_goes_on(bits),
        2 => code_lengths_are_complete(bits),
        _ => false,
    }
}

/// The first 128 bits, lowest first: as many as a decision takes. Zeros stand after the end.
#[derive(Clone, Copy)]
struct Bits(u128);

impl Bits {
    fn of(bytes: &[u8]) -> Option<Self> {
        if let Some(first) = bytes.first_chunk() {
            return Some(Self(u128::from_le_bytes(*first)));
        }
        let mut short = [0; 16];
        short[..bytes.len()].copy_from_slice(bytes);
        (bytes.len() > 4).then_some(Self(u128::from_le_bytes(short)))
    }

    /// The next bits, at most 13 of them.
    fn take(&mut self, count: u32) -> usize {
        let taken = self.0 & ((1 << count) - 1);
        self.0 >>= count;
        taken as usize
    }
}

/// Section 3.2.7: a code for code lengths that is complete.
fn code_lengths_are_complete(mut bits: Bits) -> bool {
    bits.take(3);
    if bits.take(5) > 29 || bits.take(5) > 29 {
        return false;
    }
    let count = bits.take(4) + 4;
    let lengths = (0..count).map(|_| bits.take(3));
    let used: usize = lengths.filter(|length| *length > 0).map(|length| 128 >> length).sum();
    used == 128
}

/// Section 3.2.6: the fixed code, far enough for a canary. Twelve symbols of nine bits fit, and a
/// repetition takes less for what it writes, since its distance is short here.
fn fixed_goes_on(mut bits: Bits) -> bool {
    let is_last = bits.take(1) == 1;
    bits.take(2);
    let mut written = 0;
    while written < Canaries::MIN_CHARS {
        let (symbol, len) = FIXED[(bits.0 & 511) as usize];
        bits.take(len);
        match symbol {
            0..=255 => written += 1,
            // Another block may follow.
            256 => return !is_last,
            257..=285 => {
                let (base, extra) = LENGTHS[usize::from(symbol) - 257];
                let length = usize::from(base) + bits.take(extra);
                let code = DISTANCE_CODES[bits.take(5)];
                let Some((base, extra)) = NEAR.get(code) else { return false };
                if base + bits.take(*extra) > written {
                    return false;
                }
                written += length;
            }
            _ => return false,
        }
    }
    true
}

/// Symbol and length of the fixed code by its next nine bits.
static FIXED: LazyLock<[(u16, u32); 512]> = LazyLock::new(|| {
    let mut table = [(0, 0); 512];
    let ranges = [(0, 143, 0x30, 8), (144, 255, 0x190, 9), (256, 279, 0, 7), (280, 287, 0xc0, 8)];
    for (first, last, code, len) in ranges {
        for symbol in first..=last {
            let code: u16 = code + (symbol - first);
            let reversed = usize::from(code.reverse_bits() >> (16 - len));
            for rest in 0..1 << (9 - len) {
                table[reversed | rest << len] = (symbol, len);
            }
        }
    }
    table
});

/// Base and extra bits of each length symbol from 257 on (section 3.2.5).
const LENGTHS: [(u16, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// Distance symbols by their five bits, which stand highest first.
static DISTANCE_CODES: LazyLock<[usize; 32]> =
    LazyLock::new(|| std::array::from_fn(|bits| usize::from((bits as u8).reverse_bits() >> 3)));

/// Base and extra bits of the distance symbols (section 3.2.5), as far as twelve bytes reach back.
const NEAR: [(usize, u32); 7] = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (7, 1), (9, 2)];
