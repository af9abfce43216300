//! Suites that cross crates, and what they share.
//!
//! The instruments work on any program, folder and service from outside; each has a control that
//! must fail, in `tests/tests/`. They stand behind the feature `instruments`, which every test here
//! has: the fuzz targets build this library too and need none of them.

pub mod fuzz;

#[cfg(feature = "instruments")]
pub mod blindness;
#[cfg(feature = "instruments")]
pub mod faults;
#[cfg(feature = "instruments")]
pub mod hostile;
