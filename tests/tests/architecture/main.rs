//! The rules of the house that a compiler does not hold: which crate may use which (design,
//! section 2), what a file may look like (the house style), and that every threat has its test.

#![allow(clippy::unwrap_used)] // a check that cannot look may say so by panicking

mod arrows;
mod manifests;
mod sources;
mod threats;
mod tree;
