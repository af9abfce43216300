//! What goes wrong around a service and on its way: disks, clocks, processes.

#![allow(clippy::unwrap_used)] // a world that cannot be set up may say so by panicking

mod clock;
#[path = "../hallmarkd/mod.rs"]
mod daemon;
mod disk;
