//! The `hallmark` command line. `cmd/<noun>.rs` holds one command noun each.

pub mod home;
