//! Loss of power, replayed (design, section 6): every state in which a disk may be found, made from
//! a trace of what a program asked of it.
//!
//! A [`Recording`] holds what a program wrote, synced, named and answered, in order. At each cut a
//! [`Plan`] chooses what of the unsynced reached the disk; each such state is written to a folder
//! and looked at by a closure that knows what had been acknowledged by then.
//!
//! # What a disk may do
//!
//! - What was written to a file is there for certain once an fsync that **began after the write
//!   ended** has ended. Until then each write, or its first half, is there or is not, whatever
//!   happened to the others.
//! - A name that was made, changed or taken away is so for certain once the **folder** was synced
//!   likewise; a rename within one folder happens as a whole, one between two folders in two.
//! - An acknowledgement counts from the moment at which the program began to send it.
//!
//! That is less than most file systems promise; it is what POSIX does.
//!
//! # What it does not know
//!
//! Files that are mapped and written, copied inside the kernel or opened without a name are refused.
//! SQLite's `-shm` is left out: it holds nothing that lasts. One process writes the folder. A sync
//! of everything (`sync`, `syncfs`) and files opened with `O_SYNC` count as unsynced. Whose the files
//! are is not replayed: all of them are the owner's alone.

mod disk;
mod plan;
mod reader;
mod recording;
mod tree;

pub use disk::Kept;
pub use plan::{Loss, Plan, Replayed};
pub use recording::{Before, Event, NodeId, Recording, RecordingError, Sent};
