//! What talks to the network.

pub mod did_web;
pub mod log;
pub mod service;

use std::{path::Path, time::Duration};

use anyhow::Context;
use ureq::{
    Agent,
    config::ConfigBuilder,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
    typestate::AgentScope,
};

use crate::input;

/// How requests are sent: each may take so long, its answer included; no redirects; an answer of any
/// status is an answer. `ca` is a PEM file of certificates to accept in place of the usual ones.
///
/// # Errors
/// As [`certificates`].
fn agent(ca: Option<&Path>, timeout: Duration) -> anyhow::Result<ConfigBuilder<AgentScope>> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = ca {
        tls = tls.root_certs(certificates(path)?);
    }
    Ok(Agent::config_builder()
        .tls_config(tls.build())
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(timeout))
        .user_agent("hallmark"))
}

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
