//! The arguments: what `--help`, the completions and the man pages are made from.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    cmd::serve::ServeArgs,
    home::{HOME_VARIABLE, PASSPHRASE_FILE_VARIABLE},
};

mod audit;
mod log;
mod piece;
mod vault;

pub use audit::{
    AuditCommand, AuditLogArgs, CompareArgs, EvidenceArgs, LogTrustArgs, MonitorArgs, PackArgs,
    TrustedArgs, WitnessCommand,
};
pub use log::{CheckArgs, FreezeArgs, LogCommand, ProveCommand, ProveCompleteArgs};
pub use piece::{
    AnchorArgs, AppendArgs, AttestArgs, ClaimStrength, CountersignArgs, DiscloseArgs, EventArgs,
    EventKind, MintArgs, PieceCommand, StatusArgs,
};
pub use vault::{
    AccountCommand, CloseArgs, CodeArgs, DeviceCommand, EditArgs, ExportArgs, GetArgs, ItemCommand,
    JoinArgs, PutArgs, RecoverArgs,
};

/// Provenance files that anyone can verify, trusting nobody who hands them over.
#[derive(Debug, Parser)]
#[command(name = "hallmark", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Arguments of every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done (verify: holds and trusted), 1 could not be done, \
2 wrong usage, 8 what the service answered does not hold; of verify: 3 tampered, 4 malformed, 5 signer untrusted, 6 stale, 7 revoked, \
stolen or destroyed; of audit: 10 not signed or witnessed, 11 altered, 12 gone back or forked, 13 against its own rules, \
14 behind the time, 15 stray files.";

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder that holds the profiles
    #[arg(long, global = true, help_heading = "Global options", value_name = "DIR", help = format!(
        "Folder that holds the profiles [env: {HOME_VARIABLE}] [default: the platform's data folder]"
    ))]
    pub home: Option<PathBuf>,
    /// Which person on this machine: a studio, a buyer, an auditor
    #[arg(long, global = true, help_heading = "Global options", value_name = "NAME", default_value = "default", help = format!(
        "Which person on this machine; its passphrase is asked for, or read from the file named \
         by {PASSPHRASE_FILE_VARIABLE}"
    ))]
    pub profile: String,
    /// Address of the service that keeps your account, such as `https://vault.example.com`; needed
    /// once, then remembered
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "URL",
        env = "HALLMARK_SERVER"
    )]
    pub server: Option<String>,
    /// Certificate (PEM) to accept for the service in place of the usual ones
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "PEM",
        env = "HALLMARK_SERVER_CA"
    )]
    pub server_ca: Option<PathBuf>,
    /// Ask no service: read what is on this device, and keep changes for later
    #[arg(long, global = true, help_heading = "Global options")]
    pub offline: bool,
    /// Answer as JSON, ask nothing, draw no progress
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a provenance file: is it what was signed, by whom, and does it still stand
    Verify(VerifyArgs),
    /// Make and use a studio's keys
    #[command(subcommand)]
    Studio(StudioCommand),
    /// Mint, read and continue the provenance file of a piece
    #[command(subcommand)]
    Piece(PieceCommand),
    /// Say whose signatures you trust
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Keep addresses, sizes, tokens and provenance files where only your devices can read them
    #[command(subcommand)]
    Item(ItemCommand),
    /// Your account: its recovery code, what it holds, its end
    #[command(subcommand)]
    Account(AccountCommand),
    /// The devices that open your account
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Seal a large file so that only the key file opens it
    #[command(subcommand)]
    Blob(BlobCommand),
    /// Check a transparency log, trusting nobody
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Prove things from the log, or end it
    #[command(subcommand)]
    Log(LogCommand),
    /// Run the service, or copy its data
    Serve(Box<ServeArgs>),
    /// Witness logs: vouch that each of them shows everybody the same
    #[command(subcommand)]
    Witness(WitnessCommand),
    /// Play the whole story on real files and leave the evidence
    Tour(TourArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder; it is made when it is not there
        dir: PathBuf,
    },
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: hallmark verify piece.hallmark --trust studio.pub")]
pub struct VerifyArgs {
    /// The provenance file (*.hallmark)
    pub file: PathBuf,
    /// Trust the studio named in this studio.pub, for this run
    #[arg(long, value_name = "STUDIO.PUB")]
    pub trust: Vec<PathBuf>,
    /// Ask a domain whether it lists the signing key; without DOMAIN, the one the file names
    #[arg(long, value_name = "DOMAIN", num_args = 0..=1, default_missing_value = "")]
    pub online: Option<String>,
    /// Certificate (PEM) to accept for --online in place of the usual ones
    #[arg(long, value_name = "PEM", requires = "online")]
    pub ca: Option<PathBuf>,
    /// Open a hidden field with what `piece disclose` wrote
    #[arg(long, value_name = "FILE")]
    pub disclosure: Vec<PathBuf>,
    /// Judge as of this time instead of now, such as 2026-05-03T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: LogTrustArgs,
}

/// Commands on a studio.
#[derive(Debug, Subcommand)]
pub enum StudioCommand {
    /// Make the keys of a studio, laboratory, supplier or repairer, with a successor key to keep offline
    Init(StudioInitArgs),
    /// Show the studio's name, key and fingerprint, and the folder they are kept in
    Show,
    /// Write studio.pub again
    Pub {
        /// Where
        #[arg(long, value_name = "FILE", default_value = "studio.pub")]
        out: PathBuf,
        /// Replace the output file if it is there and names another key
        #[arg(long)]
        force: bool,
    },
    /// Say in the log which key is to follow the studio's, so that whoever trusts it can follow
    Announce(AnnounceArgs),
    /// Take over with the successor key, and name another
    Succeed(SucceedArgs),
    /// Print the did.json to put at https://DOMAIN/.well-known/did.json
    Domain {
        /// Name the studio's domain, or another one, for the pieces minted from now on
        #[arg(long, value_name = "DOMAIN")]
        set: Option<String>,
    },
}

/// Arguments of `studio init`.
#[derive(Debug, Clone, Args)]
pub struct StudioInitArgs {
    /// Name of the studio or laboratory, as others know it
    #[arg(long)]
    pub name: Option<String>,
    /// Where it is
    #[arg(long)]
    pub place: Option<String>,
    /// Domain of the studio's own page, such as example.com
    #[arg(long)]
    pub domain: Option<String>,
    /// Where to write the public key that buyers and minisign can use
    #[arg(long, value_name = "FILE", default_value = "studio.pub")]
    pub pub_out: PathBuf,
    /// Where to write the successor key: print it or move it to a stick, then delete it here
    /// [default: PROFILE-successor-KEEP-OFFLINE.txt in the folder that holds the profiles]
    #[arg(long, value_name = "FILE")]
    pub successor_out: Option<PathBuf>,
}

/// Arguments of `studio announce`.
#[derive(Debug, Clone, Args)]
pub struct AnnounceArgs {
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: LogTrustArgs,
}

/// Arguments of `studio succeed`.
#[derive(Debug, Clone, Args)]
pub struct SucceedArgs {
    /// The page with the successor key that `studio init` or `studio succeed` wrote
    pub page: PathBuf,
    /// Where to write the page with the next one
    /// [default: PROFILE-successor-KEEP-OFFLINE.txt in the folder that holds the profiles]
    #[arg(long, value_name = "FILE")]
    pub successor_out: Option<PathBuf>,
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: LogTrustArgs,
}

/// Arguments of `trust watch`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 all is well, 10 a key's history is not what it ought to be, 14 the log is \
behind the time; else as `audit`."
)]
pub struct WatchArgs {
    /// Look again after so many seconds; once without it
    #[arg(long, value_name = "SECONDS")]
    pub every: Option<u64>,
    /// With --every: look so many times, then end
    #[arg(long, value_name = "N", requires = "every")]
    pub times: Option<u64>,
    /// Refuse a log that its witnesses saw last more than so many seconds ago
    #[arg(long, value_name = "SECONDS")]
    pub max_age: Option<u64>,
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: LogTrustArgs,
}

/// Commands on the trust store.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Trust a key, from something outside the provenance file
    Add(TrustAddArgs),
    /// Trust a log and its witnesses to say since when something existed
    Log(TrustedArgs),
    /// Follow in the log the keys of those you trust, and alarm when something is wrong with them
    Watch(WatchArgs),
    /// Show whom you trust, and since when
    List,
    /// Trust a key no longer
    Remove {
        /// Its name or fingerprint
        who: String,
    },
}

/// Arguments of `trust add`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: hallmark trust add --card HALLMARK:1:... --name Rosa")]
#[command(group = clap::ArgGroup::new("source").required(true)
    .args(["file", "card", "fingerprint", "domain"]))]
pub struct TrustAddArgs {
    /// A studio.pub the studio gave you
    #[arg(long, value_name = "STUDIO.PUB")]
    pub file: Option<PathBuf>,
    /// The text of the QR code on the card in the box (HALLMARK:1:...)
    #[arg(long, value_name = "TEXT")]
    pub card: Option<String>,
    /// A fingerprint read to you or printed on the card
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<String>,
    /// The studio's domain, which is asked now (needs --key)
    #[arg(long, value_name = "DOMAIN", requires = "key")]
    pub domain: Option<String>,
    /// The did:key that the domain should list
    #[arg(long, value_name = "DID")]
    pub key: Option<String>,
    /// Certificate (PEM) to accept for --domain in place of the usual ones
    #[arg(long, value_name = "PEM", requires = "domain")]
    pub ca: Option<PathBuf>,
    /// What you call its holder
    #[arg(long)]
    pub name: Option<String>,
    /// What you trust it for
    #[arg(long, value_enum, default_value = "studio")]
    pub role: TrustRole,
}

/// Roles as they are typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum TrustRole {
    /// To sign provenance files
    Studio,
    /// To warrant what it supplied
    Supplier,
    /// To audit a chain of supply
    Auditor,
    /// To examine stones and metals
    Lab,
    /// To test and mark metals
    AssayOffice,
}

/// Commands on sealed files.
#[derive(Debug, Subcommand)]
pub enum BlobCommand {
    /// Seal a file
    Seal(BlobArgs),
    /// Open a sealed file
    Open(BlobArgs),
}

/// Arguments of `blob seal` and `blob open`.
#[derive(Debug, Clone, Args)]
pub struct BlobArgs {
    /// The file to read
    pub input: PathBuf,
    /// The file to write
    pub output: PathBuf,
    /// The key file: `seal` makes it when it is not there. Whoever has it can open the file
    #[arg(long, value_name = "FILE")]
    pub key_file: PathBuf,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `tour`.
#[derive(Debug, Clone, Args)]
pub struct TourArgs {
    /// Where to leave the evidence
    #[arg(long, value_name = "DIR", default_value = "target/tour")]
    pub out: PathBuf,
    /// Your own folder of files instead of the sample piece
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
}
