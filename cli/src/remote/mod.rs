//! What talks to the network.

pub mod did_web;
pub mod log;
pub mod service;

use std::path::Path;

use anyhow::Context;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::input;

/// The certificates of a PEM file, to accept in place of the usual ones.
///
/// # Errors
/// When the file cannot be read, or holds none.
fn certificates(path: &Path) -> anyhow::Result<RootCerts> {
    let pem = input::whole(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut roots: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item? {
            roots.push(certificate);
        }
    }
    anyhow::ensure!(!roots.is_empty(), "{} holds no certificate", path.display());
    Ok(RootCerts::new_with_certs(&roots))
}
