//! PADMÉ: the size a blob is padded to, so that its length says little about its content.
//!
//! Nikitin, Barman, Lueks, Underwood, Hubaux, Ford: *Reducing Metadata Leakage from Encrypted
//! Files and Communication with PURBs*, PoPETs 2019(4), section 4.3. A length is written as a
//! binary floating point number whose mantissa is no longer than its exponent, and rounded up.
//! A length below 2^E bits leaks only O(log log) bits of itself, for less than 12 % of overhead.

/// The padded size, in bytes, of `len` bytes: `ceil(len / 2^z) * 2^z`, where `E = floor(log2 len)`,
/// `S = floor(log2 E) + 1` and `z = E - S`. Lengths of 0 and 1 stay as they are.
///
/// The result is never smaller than `len`, grows with it, exceeds it by less than 12 %, and is its
/// own padded size. `None` where it would not fit in 64 bits, which starts just below 2^64.
#[must_use]
pub const fn padme(len: u64) -> Option<u64> {
    let Some(exponent @ 1..) = len.checked_ilog2() else {
        return Some(len);
    };
    let mantissa_bits = exponent.ilog2() + 1;
    let zero_bits = exponent - mantissa_bits;
    let mask = (1_u64 << zero_bits) - 1;
    match len.checked_add(mask) {
        Some(raised) => Some(raised & !mask),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::padme;
    use proptest::prelude::*;

    #[test]
    fn table() {
        for (len, padded) in [
            (0, 0),
            (1, 1),
            (2, 2),
            (7, 7),
            (8, 8),
            (9, 10),
            (15, 16),
            (16, 16),
            (17, 18),
            (31, 32),
            (33, 36),
            (100, 104),
            (1000, 1024),
            (1025, 1088),
            (4097, 4352),
            (16_384, 16_384),
            (16_385, 17_408),
            (1_000_000, 1_015_808),
            (1 << 30, 1 << 30),
            ((1 << 30) + 1, (1 << 30) + (1 << 25)),
            (1 << 63, 1 << 63),
        ] {
            assert_eq!(padme(len), Some(padded), "padme({len})");
        }
    }

    #[test]
    fn the_top_of_the_range_has_no_padded_size() {
        assert_eq!(padme(u64::MAX), None);
        assert_eq!(padme(0xfc00_0000_0000_0000), Some(0xfc00_0000_0000_0000));
        assert_eq!(padme(0xfe00_0000_0000_0001), None);
    }

    #[test]
    fn small_lengths_stay_below_twelve_per_cent() {
        for len in 1..100_000_u64 {
            let padded = padme(len).expect("small");
            assert!((padded - len) * 100 < len * 12, "padme({len}) = {padded}");
        }
    }

    proptest! {
        #[test]
        fn never_smaller_and_below_twelve_per_cent(len in 1..=u64::MAX >> 1) {
            let padded = padme(len).expect("half the range");
            prop_assert!(padded >= len);
            prop_assert!(u128::from(padded - len) * 100 < u128::from(len) * 12);
        }

        #[test]
        fn monotone(shift in 0_u32..60, a: u64, b: u64) {
            let (a, b) = (a >> 4 >> shift, b >> 4 >> shift);
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(padme(low) <= padme(high));
        }

        #[test]
        fn a_padded_size_is_its_own(shift in 0_u32..60, len: u64) {
            let padded = padme(len >> 4 >> shift).expect("small");
            prop_assert_eq!(padme(padded), Some(padded));
        }
    }
}
