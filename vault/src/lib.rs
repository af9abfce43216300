//! What the device of a buyer or a studio does: provenance files, an account with its items, and
//! local encrypted state.
//!
//! In scope: the `.hallmark` format, its verdicts, metadata hygiene, the trust store; identity,
//! credential items, and what a device believes of the service; what a profile remembers, state
//! sealed at rest. Later: lockers. Out of scope: HTTP, terminals, the service itself.

pub mod hygiene;
pub mod identity;
pub mod item;
pub mod online;
pub mod profile;
pub mod provenance;
pub mod service;
pub mod state;
