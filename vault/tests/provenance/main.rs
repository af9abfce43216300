//! Provenance files from mint to verdict, and every way to spoil one.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

mod fixture;
mod forge;
mod frozen;
mod life;
mod rich;
mod shape;
mod spoiled;
