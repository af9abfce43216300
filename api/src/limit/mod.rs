//! Rates: token buckets in bounded memory, and the header fields that tell a client how much is left.
//!
//! A bucket has a key: an address for the requests of anybody, an account for the requests of its
//! devices. The clock is a parameter.

mod buckets;
mod fields;

pub use buckets::{Buckets, Rate, Remaining, RetryAfter};
pub use fields::{announce, announce_refusal};
