//! The service: it stores what it cannot read.
//!
//! In scope: `http` (thin handlers), [`app`] (use cases: verify, decide), [`store`] (SQLite and
//! files, the only SQL), the map from their errors to problem documents ([`error`]), and the shell
//! around them: [`serve`] (listener, configuration, health, log) and [`limit`] (rates).
//!
//! Out of scope: anything that opens an item or a locker. The crate links nothing that could
//! (design, section 2).

pub mod app;
#[doc(hidden)]
pub mod decoders;
pub mod error;
pub mod http;
pub mod limit;
pub mod serve;
pub mod store;
