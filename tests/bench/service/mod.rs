//! The service under load, at rest, and as a person's device meets it.
//!
//! Generator and service are processes of their own. Where the store's way of working is chosen
//! (one commit per request; a store that does nothing) this program starts itself once more as the
//! service, since no configuration reaches that; everywhere else it is `hallmarkd` as it is built.
//! Requests are made and signed before a run, so that what is measured is sending and answering.

mod counted;
pub mod daemon;
mod load;
mod person;
pub mod sync;
pub mod tiles;
pub mod upkeep;
pub mod upload;
pub mod writes;
