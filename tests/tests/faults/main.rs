//! The fault campaign finds what is lost, and nothing where nothing is; so does the replay of crash
//! states.

#![allow(clippy::unwrap_used)] // a control that cannot be set up may say so by panicking

mod command;
#[path = "../hallmarkd/mod.rs"]
mod daemon;
mod device;
mod hallmarkd;
mod ledger;
mod model;
mod power;
mod service;
