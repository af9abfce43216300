//! The log: its formats against vectors, published crates and their definitions; its proofs against
//! whoever tells lies.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

mod audit;
mod complete;
mod map;
mod merkle;
mod notes;
mod published;
mod witness;
