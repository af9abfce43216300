//! What the device of a buyer or a studio does: provenance files and local encrypted state.
//!
//! In scope: the `.hallmark` format, its verdicts, metadata hygiene, the trust store, what a profile
//! remembers, state sealed at rest. Later: credential items, lockers. Out of scope: HTTP, terminals, the service.

pub mod hygiene;
pub mod identity;
pub mod item;
pub mod profile;
pub mod provenance;
pub mod state;
