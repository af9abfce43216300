//! Successors of pairwise identities: who overrides a stolen one.
//!
//! While the recovery code is at hand, public keys and places are derived from it and kept. An
//! identity's first event commits, salted, to an unused pair; whoever has the paper can later log a
//! rotation at that place, signed by that key, and void what a thief signs afterwards (design,
//! section 3). Using a pair comes with consent; deriving one cannot wait, since the code is erased
//! once it is written down.

use hallmark_core::{
    chain::Opening, id::Label, key::PublicKey, key::SigningKey, recovery::RecoverySecret,
};
use serde::{Deserialize, Serialize};

const SUCCESSOR: &str = "hallmark/successor/v1";
const ROTATE: &str = "hallmark/rotate/v1";
/// How many successors a device keeps for identities to come.
pub const POOL: u32 = 64;

/// The public half of one successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Successor {
    /// Which one, within its range.
    pub n: u32,
    /// The key that overrides.
    pub key: PublicKey,
    /// The place in the log where it does.
    pub rotate: Label,
}

/// The first [`POOL`] successors of a range. Each device has a range of its own.
#[must_use]
pub fn pool(secret: &RecoverySecret, range: u32) -> Vec<Successor> {
    (0..POOL)
        .map(|n| {
            let key = successor(secret, range, n).public();
            Successor { n, key, rotate: rotate(secret, range, n).label() }
        })
        .collect()
}

/// The signing key of a successor.
#[must_use]
pub fn successor(secret: &RecoverySecret, range: u32, n: u32) -> SigningKey {
    SigningKey::from_seed(secret.derive(SUCCESSOR, &place(range, n)).expose())
}

/// What takes the place of a successor in the log.
#[must_use]
pub fn rotate(secret: &RecoverySecret, range: u32, n: u32) -> Opening {
    Opening::from_secret(secret.derive(ROTATE, &place(range, n)))
}

fn place(range: u32, n: u32) -> [u8; 8] {
    (u64::from(range) << 32 | u64::from(n)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_meet() {
        let secret = RecoverySecret::from_bytes(&[7; 16]);
        let (first, second) = (pool(&secret, 0), pool(&secret, 1));
        assert!(first.iter().all(|one| !second.iter().any(|other| one.key == other.key)));
        assert_eq!(first[3].key, successor(&secret, 0, 3).public());
        assert_eq!(first[3].rotate, rotate(&secret, 0, 3).label());
        assert_ne!(first[3].rotate, first[4].rotate);
    }
}
