//! The shell around the service as the network sees it: raw bytes over TCP against a router of the
//! tests' own. Time limits are short here, and no test depends on how short.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

mod blind;
mod client;
mod count;
mod ordinary;
#[cfg(unix)]
mod process;
mod service;
mod size;
mod slow;
mod stop;
mod tls;
