//! The Merkle tree hash of RFC 6962, section 2.1.

use crate::hash::{Hasher, Sha256};

const LEAF: &[u8] = &[0];
const NODE: &[u8] = &[1];

/// The root over leaves in the order given; of no leaves, the hash of nothing.
pub(super) fn root(leaves: &[Vec<u8>]) -> Sha256 {
    match leaves {
        [] => Sha256::of(b""),
        [leaf] => hash(&[LEAF, leaf]),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash(&[NODE, root(left).as_bytes(), root(right).as_bytes()])
        }
    }
}

/// The largest power of two below `n`, for `n` of at least two.
fn split(n: usize) -> usize {
    1 << (n - 1).ilog2()
}

fn hash(parts: &[&[u8]]) -> Sha256 {
    let mut hasher = Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inputs and roots that Certificate Transparency's own implementations test with.
    #[test]
    fn the_roots_of_certificate_transparency() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves: Vec<Vec<u8>> = inputs
            .iter()
            .map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap())
            .collect();
        for (n, expected) in roots.iter().enumerate() {
            assert_eq!(root(&leaves[..n]).to_string(), *expected, "{n} leaves");
        }
    }
}
