//! The shell around the service: its configuration, its listener with all limits, its health,
//! metrics and log, and its orderly end.
//!
//! In scope: everything between the network and a router, the same for `hallmarkd`, `hallmark
//! serve` and a service embedded in another program. Out of scope: what is served; the shell knows a
//! [`Router`] and its [`Hooks`], and [`wire`] is where the real ones are put in.
//!
//! # Decisions
//!
//! - **Every limit is ours.** A connection's bytes pass through `framing`, which gives hyper one
//!   whole head at a time: so a head that is slow, long or ambiguous is answered with a problem
//!   document, an idle connection costs a few hundred bytes, and each time limit starts when what it
//!   limits starts.
//! - **A limit has the last word.** Whatever a handler makes of a body that broke off at a limit,
//!   the answer is that limit's problem.
//! - **Nothing tells who asked.** The log has five fields and the metrics four labels, all of them
//!   chosen here; other crates do not log.

pub mod args;
mod body;
pub mod config;
mod connection;
mod fields;
pub(crate) mod framing;
mod freeze;
mod front;
pub(crate) mod head;
mod health;
mod hooks;
pub mod key_file;
mod listener;
mod log;
mod meter;
pub mod peer;
mod process;
mod refusal;
mod running;
mod store_meter;
mod tls;
pub mod wire;
pub mod witness;
mod witnesses;

use std::{io, net::SocketAddr, path::PathBuf};

pub use args::{RunArgs, ServeArgs, ServeCommand};
pub use body::BodyError;
pub use config::Settings;
pub use freeze::{Frozen, freeze};
pub use hooks::Hooks;
pub use process::{Outcome, run};
pub use running::{LogTo, Running, embedded};
pub use tls::TlsError;

#[cfg(doc)]
use axum::Router;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] key_file::KeyFileError),
    /// The certificate files.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken, or not one of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The file that says the service is ready cannot be written.
    #[error("cannot write the ready file {}", path.display())]
    ReadyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No threads or no signals.
    #[error("the system refuses what every service needs")]
    System {
        /// Why.
        source: io::Error,
    },
    /// The service inside does not start, or a backup does not succeed.
    #[error(transparent)]
    Service(Box<dyn std::error::Error + Send + Sync>),
}
