//! The hash tree of the log (RFC 6962, section 2.1; RFC 9162, sections 2.1.3 and 2.1.4).
//!
//! `leaf = SHA-256(0x00 || entry)`, `node = SHA-256(0x01 || left || right)`; a tree of several leaves
//! splits at the largest power of two smaller than their number; the empty tree is `SHA-256("")`.

use hallmark_core::hash::{Hasher, Sha256};

/// The longest proof there can be: one hash for each bit of a size.
pub const MAX_PROOF_LEN: usize = 64;

/// A proof that does not show what it is to show. Which hash is to blame cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Asked for a leaf that the tree does not have, or for an older tree that is empty or larger than
    /// the newer one.
    #[error("no such place: {at} in a tree of {size}")]
    NoPlace {
        /// Index, or size of the older tree.
        at: u64,
        /// Size of the tree.
        size: u64,
    },
    /// More or fewer hashes than a proof between these places has.
    #[error("a proof of {len} hashes where {expected} belong")]
    Length {
        /// Hashes found.
        len: usize,
        /// Hashes that there have to be.
        expected: usize,
    },
    /// It leads to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The hash of an entry as a leaf.
pub fn leaf_hash(entry: &[u8]) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(&[0]);
    hasher.update(entry);
    hasher.finish()
}

/// The hash of two neighbours.
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    Sha256::of(&bytes)
}

/// The root of a full subtree, of its nodes of one height.
///
/// # Panics
/// Unless there are as many as a power of two.
pub fn root_of_full(nodes: &[Sha256]) -> Sha256 {
    assert!(nodes.len().is_power_of_two(), "a full subtree");
    let mut nodes = nodes.to_vec();
    while nodes.len() > 1 {
        nodes = nodes.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    nodes[0]
}

/// The root of the tree without leaves.
pub fn empty_root() -> Sha256 {
    Sha256::of(b"")
}

/// The right edge of a tree that grows: the roots of its largest full subtrees, from the left.
/// 32 bytes for each bit of its size that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    full: Vec<Sha256>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves, made of the roots of its largest full subtrees, from the
    /// left; `None` for another number of them than `size` has bits set.
    pub fn from_parts(size: u64, full: Vec<Sha256>) -> Option<Self> {
        (full.len() == size.count_ones() as usize).then_some(Self { size, full })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of one leaf.
    pub fn push(&mut self, leaf: Sha256) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.full.pop().expect("a full subtree for each bit that is set");
            node = node_hash(&left, &node);
        }
        self.full.push(node);
        self.size += 1;
    }

    /// The root of the tree so far.
    pub fn root(&self) -> Sha256 {
        let joined = self.full.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or_else(empty_root)
    }
}

/// Checks that `leaf` is leaf number `index`, from 0, of the tree of `size` leaves with this root
/// (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Sha256,
    proof: &[Sha256],
    root: &Sha256,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoPlace { at: index, size });
    }
    let (inner, border) = split(index, size);
    has_length(proof, inner + border)?;
    let (inner, border) = proof.split_at(inner);
    let node = climb(index, *leaf, inner);
    let node = border.iter().fold(node, |right, left| node_hash(left, &right));
    if node == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `size` leaves with root `root` goes on from the one of `old_size` leaves
/// with root `old_root` (RFC 9162, section 2.1.4.2). From a tree of the same size itself alone goes on,
/// by an empty proof; from the empty tree everything does, so there is no proof of it.
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    old_size: u64,
    old_root: &Sha256,
    size: u64,
    root: &Sha256,
    proof: &[Sha256],
) -> Result<(), ProofError> {
    if old_size == 0 || old_size > size {
        return Err(ProofError::NoPlace { at: old_size, size });
    }
    if old_size == size {
        has_length(proof, 0)?;
        return if old_root == root { Ok(()) } else { Err(ProofError::Root) };
    }
    let (inner, border) = split(old_size - 1, size);
    // The proof begins at the largest full subtree at the old tree's edge, or above it where the old
    // tree is that subtree, whose root is known.
    let shift = old_size.trailing_zeros();
    let known = old_size.is_power_of_two();
    let expected = inner - shift as usize + border + usize::from(!known);
    has_length(proof, expected)?;
    let (seed, rest) = if known { (*old_root, proof) } else { (proof[0], &proof[1..]) };
    let mask = (old_size - 1) >> shift;
    let (inner, border) = rest.split_at(inner - shift as usize);
    let lefts = inner.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
    let old =
        lefts.map(|(_, hash)| hash).chain(border).fold(seed, |right, left| node_hash(left, &right));
    let new = climb(mask, seed, inner);
    let new = border.iter().fold(new, |right, left| node_hash(left, &right));
    if old == *old_root && new == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// How many hashes of a proof for a leaf lie below the point where its path meets the right edge of
/// the tree, and how many above.
fn split(index: u64, size: u64) -> (usize, usize) {
    let inner = (u64::BITS - (index ^ (size - 1)).leading_zeros()) as usize;
    let above = if inner == u64::BITS as usize { 0 } else { index >> inner };
    (inner, above.count_ones() as usize)
}

fn climb(index: u64, leaf: Sha256, siblings: &[Sha256]) -> Sha256 {
    siblings.iter().enumerate().fold(leaf, |node, (bit, sibling)| match index >> bit & 1 {
        0 => node_hash(&node, sibling),
        _ => node_hash(sibling, &node),
    })
}

fn has_length(proof: &[Sha256], expected: usize) -> Result<(), ProofError> {
    match proof.len() {
        len if len == expected => Ok(()),
        len => Err(ProofError::Length { len, expected }),
    }
}
