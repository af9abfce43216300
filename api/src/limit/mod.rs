//! Rates: token buckets in bounded memory. What a client is told of them stands in `http`.
//!
//! A bucket has a key: an address for the requests of anybody, an account for the requests of its
//! devices. The clock is a parameter.

mod buckets;

pub use buckets::{Buckets, Rate, Remaining, RetryAfter, whole_s};
