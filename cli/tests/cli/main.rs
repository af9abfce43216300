//! The `hallmark` command as people run it: a process with arguments, files and an exit code.
//!
//! What it says is held in `cli/tests/golden`, one transcript per story, with keys, ids, dates and
//! paths masked. `HALLMARK_GOLDEN=write cargo nextest run -p hallmark-cli` writes them again.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

mod apart;
mod blob;
mod files;
mod golden;
mod guidance;
mod handover;
mod help;
mod life;
mod log;
mod meantime;
mod mint;
mod profile;
mod read;
mod serve;
mod shell;
mod studio;
mod terminal;
mod thief;
mod trust;
mod vault;
mod verify;
mod world;

mod faults;
mod online;
