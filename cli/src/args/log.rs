//! Arguments of `log`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{LogTrustArgs, TrustedArgs};

/// Commands on the log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// End the log of a stopped service for ever, and leave a copy that verifies for ever
    Freeze(FreezeArgs),
    /// Prove something of the log that can be checked offline
    #[command(subcommand)]
    Prove(ProveCommand),
    /// Check a proof that `log prove` wrote, offline
    Check(CheckArgs),
}

/// Arguments of `log freeze`.
#[derive(Debug, Clone, Args)]
pub struct FreezeArgs {
    /// Data directory of the service, which is stopped
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The service's key file [default: beside the data, DATA.key]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// The file that names the witnesses, if the service has one
    #[arg(long, value_name = "FILE")]
    pub witnesses: Option<PathBuf>,
    /// The folder for the copy
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// What can be proven.
#[derive(Debug, Subcommand)]
pub enum ProveCommand {
    /// That these are all events of a chain: the label that the last one names is absent
    Complete(ProveCompleteArgs),
}

/// Arguments of `log prove complete`.
#[derive(Debug, Clone, Args)]
pub struct ProveCompleteArgs {
    /// A provenance file that is anchored
    pub file: PathBuf,
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: LogTrustArgs,
    /// Witnesses must have seen the log at most so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    pub max_age: Option<u64>,
    /// Where to write the proof
    #[arg(long, value_name = "FILE", default_value = "chain.complete.json")]
    pub out: PathBuf,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `log check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The proof
    pub proof: PathBuf,
    /// Whose word counts.
    #[command(flatten)]
    pub trusted: TrustedArgs,
    /// The label at which the chain begins
    #[arg(long, value_name = "LABEL")]
    pub first: String,
    /// Witnesses must have seen the log at most so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    pub max_age: Option<u64>,
}
