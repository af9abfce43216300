//! The hash tree against vectors made by others (`../shared/vectors/merkle`, or the folder named by
//! `HALLMARK_VECTORS`), and against published crates.

use std::path::{Path, PathBuf};

use hallmark_consent::log::{
    merkle::{Frontier, empty_root, leaf_hash, verify_consistency, verify_inclusion},
    tile::{Content, Tile},
    tree::Tree,
};
use hallmark_core::{base64, hash::Sha256};
use serde::Deserialize;

use crate::published::Published;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
    proof: Option<Vec<String>>,
    want_err: bool,
}

fn vectors(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALLMARK_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"),
        PathBuf::from,
    );
    let path = root.join("merkle/testdata").join(folder);
    if !path.is_dir() {
        println!("skipped: vectors not present ({folder})");
        return None;
    }
    Some(path)
}

fn each_file(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => each_file(&path, look),
            false => look(&path, &std::fs::read(&path).unwrap()),
        }
    }
}

/// A hash of the vectors; `None` for one that is none.
fn hash(text: &str) -> Option<Sha256> {
    Some(Sha256::from_bytes(base64::decode(text)?.try_into().ok()?))
}

/// A root of the vectors. Where any two roots would do, they say so in words: what such words hash to
/// stands for them, equal or not as they are.
fn root(text: &str) -> Option<Sha256> {
    hash(text).or_else(|| Some(Sha256::of(&base64::decode(text)?)))
}

fn hashes(proof: Option<Vec<String>>) -> Option<Vec<Sha256>> {
    proof.unwrap_or_default().iter().map(|text| hash(text)).collect()
}

#[test]
fn inclusion_vectors() {
    let Some(folder) = vectors("inclusion") else { return };
    let (mut good, mut bad) = (0, 0);
    each_file(&folder, &mut |path, bytes| {
        let case: Inclusion = serde_json::from_slice(bytes).unwrap();
        let held = || {
            let (leaf, root) = (hash(&case.leaf_hash)?, root(&case.root)?);
            verify_inclusion(case.leaf_idx, case.tree_size, &leaf, &hashes(case.proof)?, &root).ok()
        };
        assert_eq!(held().is_none(), case.want_err, "{}", path.display());
        *(if case.want_err { &mut bad } else { &mut good }) += 1;
    });
    assert!(good >= 6 && bad >= 90, "{good} good, {bad} bad");
}

#[test]
fn consistency_vectors() {
    let Some(folder) = vectors("consistency") else { return };
    let (mut good, mut bad) = (0, 0);
    each_file(&folder, &mut |path, bytes| {
        let case: Consistency = serde_json::from_slice(bytes).unwrap();
        let held = || {
            let (old, new) = (root(&case.root1?)?, root(&case.root2?)?);
            verify_consistency(case.size1, &old, case.size2, &new, &hashes(case.proof)?).ok()
        };
        assert_eq!(held().is_none(), case.want_err, "{}", path.display());
        *(if case.want_err { &mut bad } else { &mut good }) += 1;
    });
    assert!(good >= 5 && bad >= 60, "{good} good, {bad} bad");
}

fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("entry {n}").into_bytes()).collect()
}

/// Roots, proofs and tiles of trees of every size to 600 and of some to 70,000, against `ct-merkle`
/// and `tlog_tiles`.
#[test]
fn trees_agree_with_published_crates() {
    let mut theirs = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2::Sha256, Vec<u8>>::new();
    let sizes: Vec<u64> = (1..600).chain([4_095, 4_096, 65_535, 65_536, 65_537, 70_000]).collect();
    let all = entries(*sizes.last().unwrap());
    let mut edge = Frontier::default();
    assert_eq!(edge.root(), empty_root());
    for &size in &sizes {
        while edge.size() < size {
            let entry = &all[usize::try_from(edge.size()).unwrap()];
            edge.push(leaf_hash(entry));
            theirs.push(entry.clone());
        }
        let root = theirs.root();
        assert_eq!(edge.root().as_bytes().as_slice(), root.as_bytes().as_slice(), "root of {size}");
        if size < 600 && !size.is_multiple_of(37) {
            continue;
        }
        let published = Published::of(&all[..usize::try_from(size).unwrap()]);
        let mut tree = Tree::new(&published, size);
        assert_eq!(tree.root(size).ok(), Some(edge.root()));
        assert!(tree.frontier().is_ok_and(|mine| mine == edge));
        for index in [0, 1, size / 3, size / 2, size - 1] {
            let index = index.min(size - 1);
            let mine = tree.inclusion(index, size).ok().unwrap();
            let proof = theirs.prove_inclusion(usize::try_from(index).unwrap());
            let bytes: Vec<u8> = mine.iter().flat_map(|hash| *hash.as_bytes()).collect();
            assert_eq!(bytes, proof.as_bytes(), "leaf {index} of {size}");
            let leaf = leaf_hash(&all[usize::try_from(index).unwrap()]);
            verify_inclusion(index, size, &leaf, &mine, &edge.root()).unwrap();
        }
        for old in [1, 2, size / 3, size / 2, size - 1, size] {
            let old = old.clamp(1, size);
            let mine = tree.consistency(old, size).ok().unwrap();
            let root = tree.root(old).ok().unwrap();
            verify_consistency(old, &root, size, &edge.root(), &mine).unwrap();
            if old < size {
                let proof = theirs.prove_consistency(usize::try_from(size - old).unwrap());
                let bytes: Vec<u8> = mine.iter().flat_map(|hash| *hash.as_bytes()).collect();
                assert_eq!(bytes, proof.as_bytes(), "{old} to {size}");
            }
        }
        for tile in published.0.keys() {
            let named = match tile.content() {
                Content::Entries => continue,
                Content::Hashes(level) => {
                    tlog_tiles::Tile::new(8, level, tile.index(), u32::from(tile.width()), false)
                }
            };
            // Theirs name the height as well, as Go's do.
            assert_eq!(tile.to_string().replacen("tile/", "tile/8/", 1), named.path());
        }
    }
}

#[test]
fn names_of_files() {
    for (name, is_one) in [
        ("tile/0/000", true),
        ("tile/0/000.p/1", true),
        ("tile/0/000.p/255", true),
        ("tile/7/x001/x234/067", true),
        ("tile/entries/x001/000.p/17", true),
        ("tile/0/000.p/0", false),
        ("tile/0/000.p/256", false),
        ("tile/0/000.p/01", false),
        ("tile/00/000", false),
        ("tile/8/000", false),
        ("tile/+1/000", false),
        ("tile/0/0000", false),
        ("tile/0/x000/001", false),
        ("tile/0/001/001", false),
        ("tile/0/x001", false),
        ("tile/0/../000", false),
        ("tile/data/000", false),
        ("tile/0/", false),
        ("checkpoint", false),
        ("/tile/0/000", false),
        ("tile/0/x999/x999/x999/x999/x999/x999/999", false),
    ] {
        assert_eq!(name.parse::<Tile>().is_ok(), is_one, "{name}");
    }
}
