//! Limits in bounded memory: token buckets for rates, and room for bodies and answers. What a client is told of
//! them stands in `http`.
//!
//! A bucket has a key: an address for the requests of anybody, an account and one of its keys for
//! the requests of that key. The clock is a parameter.

mod buckets;
mod room;

pub use buckets::{Buckets, Rate, Remaining, RetryAfter, whole_s};
pub use room::{Full, Origin, Patience, Room, Share, Taken, UntilSent};
