//! A person's devices and a service: an honest one in memory, and the same one lying.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

mod attachments;
mod devices;
mod hostile;
mod items;
mod lies;
mod memory;
mod people;
mod spoiled;
mod thief;
