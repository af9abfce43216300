//! Faults from outside the program (design, section 6): `strace` kills it, or fails a call, at the
//! n-th call of a kind.
//!
//! A [`Campaign`] repeats one run for every n and asks after each whether everything that was
//! acknowledged is there: of a command that ends by itself, or of a service that something drives
//! and that is started again afterwards. What came of it is a [`Table`].
//!
//! Which call is the n-th is counted by `strace`, for each thread and each call on its own. A
//! [`Scope`] says which calls count. Where threads take turns, the same n may be another call in
//! another run; a campaign still ends only when no thread has an n-th call left.

mod campaign;
mod program;
pub mod replay;
mod service;
mod strace;
mod table;
mod trace;

pub use campaign::{Attempt, Campaign, Fault, Scope};
pub use program::Program;
pub use service::{Running, Service, Stopped};
pub use strace::{Hit, Run, Strace, strace_is_missing};
pub use table::{Row, Table};
pub use trace::{Call, Descriptor};
