//! The transparency log (design, section 5, "One log, two entry shapes"): what is published, and how
//! anybody checks it (`consent/FORMAT.md`).
//!
//! In scope: hash tree, tiles, checkpoints, witnesses, proofs, entries, the map, private chains. Out of
//! scope: sequencing and storage (`hallmark-api`), HTTP.

pub mod anchor;
pub mod audit;
pub mod chain;
pub mod checkpoint;
pub mod complete;
pub mod devices;
pub mod entry;
pub mod fork;
pub mod growth;
pub mod key;
pub mod map;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod tree;
pub mod trie;
pub mod witness;
