//! Arguments of `audit` and `witness`.

use std::path::PathBuf;

use crate::cmd::witness::{TlsArgs, WitnessArgs, WitnessKeyArgs};
use clap::{Args, Subcommand};

/// Exit codes of `audit`.
const CODES: &str = "Exit codes: 0 all holds, 1 could not be read, 2 wrong usage, 10 not signed or not \
witnessed as the policy asks, 11 files altered, cut off or taken away, 12 the log went back or shows two \
histories, 13 the log breaks its own rules (a place taken twice, a wrong map), 14 the log is behind the \
time, 15 files that do not belong to it.";

/// Commands of an auditor.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Read a whole log, at an address or in a folder, and check everything in it
    #[command(after_help = CODES)]
    Log(AuditLogArgs),
    /// Follow a log and say when something is wrong with it; with --cosign, be its monitor
    #[command(after_help = CODES)]
    Monitor(Box<MonitorArgs>),
    /// Compare two views of one log; where they part, write evidence that anyone can check
    #[command(after_help = CODES)]
    Compare(CompareArgs),
    /// Keep everything that is needed to check a log again, offline and years later
    #[command(after_help = CODES)]
    Pack(PackArgs),
    /// Check evidence of two histories that somebody else wrote
    Evidence(EvidenceArgs),
}

/// Whose word counts.
#[derive(Debug, Clone, Args)]
pub struct TrustedArgs {
    /// The log's verifier key, or a file that holds it, from somewhere else than the log
    #[arg(long, value_name = "VKEY", required_unless_present = "policy")]
    pub vkey: Option<String>,
    /// File that names the log and the witnesses who have to have seen it (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Certificate (PEM) to accept for the log in place of the usual ones
    #[arg(long, value_name = "PEM")]
    pub ca: Option<PathBuf>,
}

/// Whose word on logs counts where nothing is said: what `trust log` keeps.
#[derive(Debug, Clone, Default, Args)]
pub struct LogTrustArgs {
    /// Verifier key of a log, or a file that holds it, in place of what `trust log` keeps
    #[arg(long, value_name = "VKEY")]
    pub log_vkey: Option<String>,
    /// File that names log and witnesses (C2SP tlog-policy), in place of what `trust log` keeps
    #[arg(long, value_name = "FILE")]
    pub log_policy: Option<PathBuf>,
}

/// Arguments of `audit log`.
#[derive(Debug, Clone, Args)]
pub struct AuditLogArgs {
    /// Address of the log, such as `https://vault.example/log`, or a folder with a copy
    pub log: String,
    /// Whose word counts.
    #[command(flatten)]
    pub trusted: TrustedArgs,
    /// Keep a copy in this folder; one that was begun is gone on with
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Refuse a log that its witnesses saw last more than so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    pub max_age: Option<u64>,
}

/// Arguments of `audit monitor`.
#[derive(Debug, Clone, Args)]
pub struct MonitorArgs {
    /// Address of the log, such as `https://vault.example/log`
    pub log: String,
    /// Whose word counts.
    #[command(flatten)]
    pub trusted: TrustedArgs,
    /// Look again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, conflicts_with = "cosign")]
    pub every: u64,
    /// Alarm when the witnesses saw the log last more than so many seconds ago
    #[arg(long, value_name = "SECONDS", default_value_t = 300, conflicts_with = "cosign")]
    pub max_age: u64,
    /// Look so many times, then end; for ever without it
    #[arg(long, value_name = "N", conflicts_with = "cosign")]
    pub times: Option<u64>,
    /// Cosign checkpoints of the log, each after reading all of it and rebuilding its map: the log asks
    /// at --listen
    #[arg(long, requires = "name")]
    pub cosign: bool,
    /// How the monitor serves.
    #[command(flatten)]
    pub serves: CosignArgs,
}

/// Arguments of `audit monitor --cosign`.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "With --cosign")]
pub struct CosignArgs {
    /// Name of this monitor, such as monitor.example
    #[arg(long, value_name = "NAME", requires_all = ["cosign", "data"])]
    pub name: Option<String>,
    /// Folder for what was cosigned; it is made when it is not there
    #[arg(long, value_name = "DIR", requires = "cosign")]
    pub data: Option<PathBuf>,
    /// File with the monitor's key [default: beside the data, DATA.key]
    #[arg(long, value_name = "FILE", requires = "cosign")]
    pub key_file: Option<PathBuf>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8472", requires = "cosign")]
    pub listen: std::net::SocketAddr,
    /// How it is reached beyond this machine.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// Write the address here once requests are served, for scripts
    #[arg(long, value_name = "FILE", requires = "cosign")]
    pub ready_file: Option<PathBuf>,
}

/// Arguments of `audit compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// One view: an address, or a folder with a copy
    pub one: String,
    /// The other
    pub other: String,
    /// Whose word counts.
    #[command(flatten)]
    pub trusted: TrustedArgs,
    /// Where to write evidence of two histories
    #[arg(long, value_name = "FILE", default_value = "fork-evidence.json")]
    pub evidence: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `audit evidence`.
#[derive(Debug, Clone, Args)]
pub struct EvidenceArgs {
    /// The file
    pub file: PathBuf,
    /// The log's verifier key, or a file that holds it
    #[arg(long, value_name = "VKEY")]
    pub vkey: String,
}

/// Arguments of `audit pack`.
#[derive(Debug, Clone, Args)]
pub struct PackArgs {
    /// Address of the log, or a folder with a copy
    pub log: String,
    /// Whose word counts.
    #[command(flatten)]
    pub trusted: TrustedArgs,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Commands of a witness.
#[derive(Debug, Subcommand)]
pub enum WitnessCommand {
    /// Cosign checkpoints of logs that only grow (C2SP tlog-witness)
    Serve(Box<WitnessArgs>),
    /// Show the witness's verifier key, which is made when it is not there
    Key(WitnessKeyArgs),
}
