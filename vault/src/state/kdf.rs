//! Argon2id (RFC 9106) and its cost.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::Passphrase;

/// The length of an Argon2id salt, in bytes (RFC 9106, section 3.1: 16 recommended).
pub(super) const SALT_BYTES: usize = 16;

/// What one guess at a passphrase costs: Argon2id's memory `m` in KiB, passes `t` and lanes `p`
/// (RFC 9106, section 3.1). A live value lies between [`KdfCost::MINIMUM`] and
/// [`KdfCost::MAXIMUM`], each part for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfCost {
    /// m = 46 MiB, t = 3, p = 1: what the program uses.
    pub const RECOMMENDED: Self = Self { memory_kib: 46 * 1024, passes: 3, lanes: 1 };
    /// m = 8 MiB, t = 1, p = 1: for tests and very small machines. Danger: guessing is several
    /// times cheaper than at the recommended cost, so it needs a long random passphrase.
    pub const MINIMUM: Self = Self { memory_kib: 8 * 1024, passes: 1, lanes: 1 };
    /// m = 128 MiB, t = 8, p = 4: the most a file may ask of the machine that opens it. The cost
    /// stands outside the seal, so whoever can write to the file can raise it: there is room for a
    /// program that asks for more, and none for one that keeps a machine busy.
    pub const MAXIMUM: Self = Self { memory_kib: 128 * 1024, passes: 8, lanes: 4 };

    /// A cost of `memory_kib` KiB, `passes` passes and `lanes` lanes.
    ///
    /// # Errors
    /// [`CostError`] if a part lies outside [`KdfCost::MINIMUM`] to [`KdfCost::MAXIMUM`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, CostError> {
        let (low, high) = (Self::MINIMUM, Self::MAXIMUM);
        if (low.memory_kib..=high.memory_kib).contains(&memory_kib)
            && (low.passes..=high.passes).contains(&passes)
            && (low.lanes..=high.lanes).contains(&lanes)
        {
            Ok(Self { memory_kib, passes, lanes })
        } else {
            Err(CostError { memory_kib, passes, lanes })
        }
    }

    /// Memory, in KiB.
    #[must_use]
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over that memory.
    #[must_use]
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub fn lanes(self) -> u32 {
        self.lanes
    }
}

/// `Argon2id[m, t, p, salt](passphrase, 32)`, version 0x13. The working memory is erased.
///
/// # Errors
/// [`argon2::Error::OutOfMemory`] if the machine does not give the memory the cost asks for.
pub(super) fn stretch(
    passphrase: &Passphrase,
    salt: &[u8; SALT_BYTES],
    cost: KdfCost,
) -> Result<Zeroizing<[u8; 32]>, argon2::Error> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))?;
    let mut memory: Zeroizing<Vec<Block>> = Zeroizing::default();
    memory.try_reserve_exact(params.block_count()).map_err(|_| argon2::Error::OutOfMemory)?;
    memory.resize(params.block_count(), Block::default());
    let mut stretched = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        passphrase.as_bytes(),
        salt,
        stretched.as_mut_slice(),
        memory.as_mut_slice(),
    )?;
    Ok(stretched)
}

/// A cost outside [`KdfCost::MINIMUM`] to [`KdfCost::MAXIMUM`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an Argon2id cost of m={memory_kib} KiB, t={passes}, p={lanes} is outside \
     m={}..={} KiB, t={}..={}, p={}..={}",
    KdfCost::MINIMUM.memory_kib, KdfCost::MAXIMUM.memory_kib,
    KdfCost::MINIMUM.passes, KdfCost::MAXIMUM.passes,
    KdfCost::MINIMUM.lanes, KdfCost::MAXIMUM.lanes
)]
pub struct CostError {
    /// Memory asked for, in KiB.
    pub memory_kib: u32,
    /// Passes asked for.
    pub passes: u32,
    /// Lanes asked for.
    pub lanes: u32,
}
