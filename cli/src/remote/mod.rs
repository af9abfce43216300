//! What talks to the network: nothing but what a person asked for.

pub mod did_web;
