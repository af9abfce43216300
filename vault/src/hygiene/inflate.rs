//! Deflate (RFC 1951) in a zlib stream (RFC 1950): read to see what is inside, or where it ends,
//! which takes no output at all. Nothing is ever compressed here.

/// Why a stream could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data ends first.
    Cut,
    /// It is no deflate stream.
    Invalid,
    /// It holds more than was allowed.
    TooLong,
}

/// What a zlib stream holds, at most `limit_bytes`. Its checksum is not looked at.
pub(super) fn inflate(data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, Stop> {
    let mut out = Vec::new();
    run(data, &mut |symbol| symbol.append(&mut out, limit_bytes))?;
    Ok(out)
}

/// Where a zlib stream ends, its checksum included.
pub(super) fn end(data: &[u8]) -> Result<usize, Stop> {
    run(data, &mut |_| Ok(())).and_then(|at| if at > data.len() { Err(Stop::Cut) } else { Ok(at) })
}

/// What a code stands for.
enum Symbol<'a> {
    Literals(&'a [u8]),
    Copy { len: usize, distance: usize },
}

impl Symbol<'_> {
    fn append(&self, out: &mut Vec<u8>, limit_bytes: usize) -> Result<(), Stop> {
        match *self {
            Self::Literals(bytes) => out.extend_from_slice(bytes),
            Self::Copy { len, distance } => {
                let from = out.len().checked_sub(distance).ok_or(Stop::Invalid)?;
                for at in from..from + len {
                    out.push(out[at]);
                }
            }
        }
        if out.len() > limit_bytes { Err(Stop::TooLong) } else { Ok(()) }
    }
}

type Each<'e> = dyn FnMut(Symbol<'_>) -> Result<(), Stop> + 'e;

/// Reads all blocks; answers where the stream should end.
fn run(data: &[u8], each: &mut Each<'_>) -> Result<usize, Stop> {
    const CHECKSUM: usize = 4;
    let header = u16::from_be_bytes(*data.first_chunk().ok_or(Stop::Cut)?);
    // Method 8, a multiple of 31, no preset dictionary.
    if header >> 8 & 0xf != 8 || header % 31 != 0 || header & 0x20 != 0 {
        return Err(Stop::Invalid);
    }
    let mut bits = Bits { data, at: 2, held: 0, count: 0 };
    loop {
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => stored(&mut bits, each)?,
            1 => {
                let lens: Vec<u8> = (0..288)
                    .map(|symbol| match symbol {
                        0..=143 => 8,
                        144..=255 => 9,
                        256..=279 => 7,
                        _ => 8,
                    })
                    .collect();
                codes(&mut bits, &Codes::new(&lens)?, &Codes::new(&[5; 30])?, each)?;
            }
            2 => {
                let (literals, distances) = dynamic(&mut bits)?;
                codes(&mut bits, &literals, &distances, each)?;
            }
            _ => return Err(Stop::Invalid),
        }
        if last {
            return Ok(bits.next_byte() + CHECKSUM);
        }
    }
}

fn stored(bits: &mut Bits<'_>, each: &mut Each<'_>) -> Result<(), Stop> {
    let at = bits.next_byte();
    let header: [u8; 4] = *bits.data.get(at..).and_then(<[u8]>::first_chunk).ok_or(Stop::Cut)?;
    let len = u16::from_le_bytes([header[0], header[1]]);
    if len != !u16::from_le_bytes([header[2], header[3]]) {
        return Err(Stop::Invalid);
    }
    let end = at + 4 + usize::from(len);
    each(Symbol::Literals(bits.data.get(at + 4..end).ok_or(Stop::Cut)?))?;
    (bits.at, bits.held, bits.count) = (end, 0, 0);
    Ok(())
}

/// The two codes of a block that brings its own (section 3.2.7).
fn dynamic(bits: &mut Bits<'_>) -> Result<(Codes, Codes), Stop> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let literals = bits.take(5)? as usize + 257;
    let distances = bits.take(5)? as usize + 1;
    let mut lens = [0; 19];
    for &place in &ORDER[..bits.take(4)? as usize + 4] {
        lens[place] = bits.take(3)? as u8;
    }
    let code = Codes::new(&lens)?;
    let mut lens: Vec<u8> = Vec::with_capacity(literals + distances);
    while lens.len() < literals + distances {
        let (len, times) = match code.next(bits)? {
            16 => (*lens.last().ok_or(Stop::Invalid)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            len => (len as u8, 1),
        };
        lens.resize(lens.len() + times as usize, len);
    }
    if lens.len() > literals + distances {
        return Err(Stop::Invalid);
    }
    Ok((Codes::new(&lens[..literals])?, Codes::new(&lens[literals..])?))
}

/// The symbols of a compressed block (section 3.2.5).
fn codes(
    bits: &mut Bits<'_>,
    literals: &Codes,
    distances: &Codes,
    each: &mut Each<'_>,
) -> Result<(), Stop> {
    const LENS: [u16; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ];
    const LEN_BITS: [u32; 29] =
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    const DISTANCES: [u16; 30] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ];
    loop {
        let symbol = literals.next(bits)?;
        match symbol {
            0..=255 => each(Symbol::Literals(&[symbol as u8]))?,
            256 => return Ok(()),
            _ => {
                let row = usize::from(symbol) - 257;
                let base = *LENS.get(row).ok_or(Stop::Invalid)?;
                let len = usize::from(base) + bits.take(LEN_BITS[row])? as usize;
                let row = usize::from(distances.next(bits)?);
                let base = *DISTANCES.get(row).ok_or(Stop::Invalid)?;
                let more = bits.take((row as u32 / 2).saturating_sub(1))?;
                each(Symbol::Copy { len, distance: usize::from(base) + more as usize })?;
            }
        }
    }
}

/// A canonical Huffman code (section 3.2.2).
struct Codes {
    /// For the next nine bits, the symbol and the length of its code; length zero where it is longer.
    short: Vec<(u16, u8)>,
    /// How many codes there are of each length, and the symbols in order.
    counts: [u16; 16],
    symbols: Vec<u16>,
}

const SHORT_BITS: u32 = 9;

impl Codes {
    fn new(lens: &[u8]) -> Result<Self, Stop> {
        let mut counts = [0_u16; 16];
        for &len in lens {
            counts[usize::from(len)] += 1;
        }
        counts[0] = 0;
        let (mut first, mut next, mut place) = ([0_u32; 16], [0_usize; 16], 0);
        for len in 1..16 {
            first[len] = (first[len - 1] + u32::from(counts[len - 1])) << 1;
            next[len] = place;
            place += usize::from(counts[len]);
            if first[len] + u32::from(counts[len]) > 1 << len {
                return Err(Stop::Invalid);
            }
        }
        let mut symbols = vec![0; place];
        let mut short = vec![(0, 0); 1 << SHORT_BITS];
        for (symbol, &len) in (0_u16..).zip(lens) {
            if len == 0 {
                continue;
            }
            let row = usize::from(len);
            symbols[next[row]] = symbol;
            next[row] += 1;
            let code = first[row];
            first[row] += 1;
            if u32::from(len) <= SHORT_BITS {
                let start = (code.reverse_bits() >> (32 - u32::from(len))) as usize;
                for at in (start..short.len()).step_by(1 << len) {
                    short[at] = (symbol, len);
                }
            }
        }
        Ok(Self { short, counts, symbols })
    }

    fn next(&self, bits: &mut Bits<'_>) -> Result<u16, Stop> {
        bits.fill();
        let (symbol, len) = self.short[(bits.held & ((1 << SHORT_BITS) - 1)) as usize];
        if len > 0 && u32::from(len) <= bits.count {
            bits.skip(u32::from(len));
            return Ok(symbol);
        }
        let (mut code, mut first, mut place) = (0, 0, 0);
        for count in &self.counts[1..] {
            code |= bits.take(1)?;
            let count = u32::from(*count);
            if code < first + count {
                return self
                    .symbols
                    .get((place + code - first) as usize)
                    .copied()
                    .ok_or(Stop::Invalid);
            }
            place += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Stop::Invalid)
    }
}

/// Bits, the lowest of each byte first.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    fn fill(&mut self) {
        while self.count <= 56
            && let Some(&byte) = self.data.get(self.at)
        {
            self.held |= u64::from(byte) << self.count;
            self.count += 8;
            self.at += 1;
        }
    }

    fn skip(&mut self, count: u32) {
        self.held >>= count;
        self.count -= count;
    }

    /// Up to 15 bits.
    fn take(&mut self, count: u32) -> Result<u32, Stop> {
        if self.count < count {
            self.fill();
        }
        if self.count < count {
            return Err(Stop::Cut);
        }
        let value = (self.held & ((1 << count) - 1)) as u32;
        self.skip(count);
        Ok(value)
    }

    /// The first byte of which no bit was taken.
    fn next_byte(&self) -> usize {
        self.at - (self.count / 8) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with zlib: "Rosa Diamanti" forty times over.
    const REPEATED: &[u8] = b"\x78\xda\x0b\xca\x2f\x4e\x54\x70\xc9\x4c\xcc\x4d\xcc\x2b\xc9\x0c\x1a\xe5\x8c\x54\x0e\x00\xa5\x53\xc2\x61";

    #[test]
    fn a_stream_is_read_to_its_end() {
        let text = "Rosa Diamanti".repeat(40).into_bytes();
        let mut stored = b"\x78\x01\x01".to_vec();
        stored.extend((text.len() as u16).to_le_bytes());
        stored.extend((!(text.len() as u16)).to_le_bytes());
        stored.extend(&text);
        stored.extend([0; 4]);
        for stream in [stored.as_slice(), REPEATED] {
            assert_eq!(inflate(stream, 1 << 10), Ok(text.clone()));
            assert_eq!(inflate(stream, 100), Err(Stop::TooLong));
            let longer = [stream, b"more"].concat();
            assert_eq!(end(&longer), Ok(stream.len()));
            for len in 0..stream.len() {
                assert_eq!(end(&stream[..len]), Err(Stop::Cut), "{len}");
            }
        }
        assert_eq!(end(b"\x78\x01\x07\0\0"), Err(Stop::Invalid));
        assert_eq!(end(b"payload"), Err(Stop::Invalid));
    }
}
