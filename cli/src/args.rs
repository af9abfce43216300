//! The arguments: what `--help`, the completions and the man pages are made from.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{
    cmd::serve::ServeArgs,
    home::{HOME_VARIABLE, PASSPHRASE_FILE_VARIABLE},
};

mod vault;

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
stolen or destroyed.";

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
    /// Address of the service that keeps your account, such as https://vault.example.com; needed
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
    /// Run the service, or copy its data
    Serve(Box<ServeArgs>),
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

/// Commands on a piece.
#[derive(Debug, Subcommand)]
pub enum PieceCommand {
    /// Make a provenance file from a folder of photographs, notes and certificates
    Mint(MintArgs),
    /// Add an event: inspected, sold, serviced, ...
    Event(Box<EventArgs>),
    /// As a buyer: offer the key you will own a piece with
    Offer {
        /// The provenance file
        file: PathBuf,
        /// Where to write the offer
        #[arg(long, value_name = "FILE", default_value = "offer.json")]
        out: PathBuf,
        /// Replace the output file if it is there
        #[arg(long)]
        force: bool,
    },
    /// Add your signature to a draft that needs it
    Countersign(CountersignArgs),
    /// Add a fully signed draft to the provenance file
    Append(AppendArgs),
    /// The same as `hallmark verify`
    Verify(VerifyArgs),
    /// Show what a provenance file says, without a verdict on who signed it
    Show {
        /// The provenance file
        file: PathBuf,
    },
    /// Play the maker's story in its order, into a folder
    Story {
        /// The provenance file
        file: PathBuf,
        /// Folder to unpack the story into
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Write down one hidden field, so that you can show it to somebody
    Disclose(DiscloseArgs),
    /// As the studio: give your word again, or take the certificate back
    Status(StatusArgs),
    /// Unpack everything into a plain folder
    Export {
        /// The provenance file
        file: PathBuf,
        /// The folder; it must be new or empty
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Print the QR card for the jewellery box
    Card {
        /// The provenance file
        file: PathBuf,
        /// Write it as an SVG to print
        #[arg(long, value_name = "FILE.svg")]
        out: Option<PathBuf>,
        /// Replace the output file if it is there
        #[arg(long)]
        force: bool,
    },
    /// As a laboratory, supplier or auditor: sign a claim before the piece is minted
    Attest(AttestArgs),
    /// Keep a provenance file in your account, with what only its owner has
    Keep {
        /// The provenance file
        file: PathBuf,
        /// A word of your own about it
        #[arg(long)]
        note: Option<String>,
    },
}

/// Arguments of `piece mint`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: hallmark piece mint --from ring/ --title \"Plain band\" --metal gold --fineness 750"
)]
pub struct MintArgs {
    /// Folder with the piece's files, and a piece.toml if you like
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Where to write the provenance file
    #[arg(long, value_name = "FILE", default_value = "piece.hallmark")]
    pub out: PathBuf,
    /// What the piece is called
    #[arg(long)]
    pub title: Option<String>,
    /// Its main metal: gold, silver, platinum, palladium, ...
    #[arg(long)]
    pub metal: Option<String>,
    /// Fineness of the metal in thousandths, such as 750 (18k gold) or 925
    #[arg(long, value_parser = crate::cmd::piece::fineness)]
    pub fineness: Option<u16>,
    /// Weight of the whole piece in grams, such as 4.35
    #[arg(long)]
    pub grams: Option<String>,
    /// Ask also for serial number, size, inscription, stones, origin and GTIN
    #[arg(long)]
    pub more: bool,
    /// Keep location, device serials and names in the files
    #[arg(long)]
    pub keep_metadata: bool,
    /// For how many days the first status counts
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = days())]
    pub days: u32,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// For how long a studio can give its word: ten years, for what nobody asks about again.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=3660)
}

/// Kinds of event as they are typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum EventKind {
    /// A stone was set
    Set,
    /// Somebody examined it
    Inspected,
    /// Sold to its first owner (needs --offer, and the owner's signature)
    Sold,
    /// Given back to the studio (needs the studio's signature)
    Returned,
    /// Repaired or cleaned
    Serviced,
    /// Reported stolen, for --days
    Stolen,
    /// The owner has it back
    Recovered,
    /// Handed on to the next owner (needs --offer, and their signature)
    Transferred,
    /// It is no more
    Destroyed,
}

/// Arguments of `piece event`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example: hallmark piece event piece.hallmark --kind serviced --note \"new claw\""
)]
pub struct EventArgs {
    /// The provenance file
    pub file: PathBuf,
    /// What happened
    #[arg(long, value_enum)]
    pub kind: EventKind,
    /// Stand by what others added since your last word as the studio, without being asked
    #[arg(long)]
    pub stand_by: bool,
    /// Go on from this copy although you gave your word on a newer one
    #[arg(long)]
    pub despite_newer: bool,
    /// In words
    #[arg(long)]
    pub note: Option<String>,
    /// The day it happened, such as 2026-05-03
    #[arg(long, value_name = "DATE")]
    pub occurred: Option<String>,
    /// A file that belongs to it: a photograph, a report
    #[arg(long, value_name = "FILE")]
    pub with: Vec<PathBuf>,
    /// Keep location, device serials and names in those files
    #[arg(long)]
    pub keep_metadata: bool,
    /// The next owner's offer
    #[arg(long, value_name = "FILE")]
    pub offer: Option<PathBuf>,
    /// Price, kept hidden, such as "1890.00 EUR"
    #[arg(long)]
    pub price: Option<String>,
    /// Name of the buyer, kept hidden
    #[arg(long)]
    pub buyer: Option<String>,
    /// Warranty statement that passes along
    #[arg(long, value_name = "TEXT")]
    pub warranty: Option<String>,
    /// The system that warranty stands under
    #[arg(long, value_name = "NAME", default_value = "System of Warranties")]
    pub warranty_system: String,
    /// Which stone was set, counted from 1 (so --stone 1 is the field stones/0)
    #[arg(long, value_name = "N")]
    pub stone: Option<u32>,
    /// For how many days a theft report counts
    #[arg(long, default_value_t = 90)]
    pub days: u32,
    /// A claim made on this occasion: the field it is about; stones/0 is the first stone
    #[arg(long, value_name = "FIELD", requires = "says")]
    pub about: Option<String>,
    /// The claim in one sentence
    #[arg(long, requires = "about")]
    pub says: Option<String>,
    /// How strong the claim is
    #[arg(long, value_enum, default_value = "self-declared")]
    pub strength: ClaimStrength,
    /// The rule it is made under
    #[arg(long, default_value = "own statement")]
    pub rule: String,
    /// Where to write the draft, when others have to sign too
    #[arg(long, value_name = "FILE", default_value = "draft.json")]
    pub draft: PathBuf,
    /// Where to write the new provenance file [default: over the old one]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// Strengths of a claim as they are typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ClaimStrength {
    /// The signer says so
    SelfDeclared,
    /// A supplier warrants it
    SupplierWarranty,
    /// An auditor examined the chain of supply
    Audited,
    /// A laboratory examined it
    Lab,
    /// An assay office tested it
    Assay,
}

/// Arguments of `piece countersign`.
#[derive(Debug, Clone, Args)]
pub struct CountersignArgs {
    /// The provenance file the draft continues
    pub file: PathBuf,
    /// The draft, as `piece event --draft` wrote it
    pub draft: PathBuf,
    /// Where to write the signed draft [default: over the draft]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
    /// Sign what is shown without being asked
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `piece append`.
#[derive(Debug, Clone, Args)]
pub struct AppendArgs {
    /// The provenance file
    pub file: PathBuf,
    /// The draft
    pub draft: PathBuf,
    /// Where to write the new file [default: over the old one]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
    /// Stand by what others added since your last word as the studio, without being asked
    #[arg(long)]
    pub stand_by: bool,
    /// Go on from this copy although you gave your word on a newer one
    #[arg(long)]
    pub despite_newer: bool,
}

/// Arguments of `piece disclose`.
#[derive(Debug, Clone, Args)]
pub struct DiscloseArgs {
    /// The provenance file
    pub file: PathBuf,
    /// The hidden field, such as price
    #[arg(long)]
    pub field: String,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `piece status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The provenance file
    pub file: PathBuf,
    /// Take the certificate back
    #[arg(long, conflicts_with = "stolen")]
    pub revoke: bool,
    /// Say that the piece is known to be stolen
    #[arg(long)]
    pub stolen: bool,
    /// Let a certificate stand again that was revoked, or a piece that was said to be stolen
    #[arg(long, conflicts_with_all = ["revoke", "stolen"])]
    pub reinstate: bool,
    /// Stand by what others added since your last word as the studio, without being asked
    #[arg(long)]
    pub stand_by: bool,
    /// Go on from this copy although you gave your word on a newer one
    #[arg(long)]
    pub despite_newer: bool,
    /// Why
    #[arg(long)]
    pub reason: Option<String>,
    /// Sign with the successor key in this file, when the present key is given up
    #[arg(long, value_name = "FILE")]
    pub successor_key: Option<PathBuf>,
    /// For how many days your word counts
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = days())]
    pub days: u32,
    /// Where to write the new file [default: over the old one]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `piece attest`.
#[derive(Debug, Clone, Args)]
pub struct AttestArgs {
    /// The studio's folder with its piece.toml, which must hold an id
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// The field the claim is about; stones/0 is the first stone
    #[arg(long, value_name = "FIELD")]
    pub about: String,
    /// The claim in one sentence
    #[arg(long)]
    pub says: String,
    /// How strong it is
    #[arg(long, value_enum)]
    pub strength: ClaimStrength,
    /// The rule it is made under
    #[arg(long)]
    pub rule: String,
    /// Where to write the signed claim; the studio names it in piece.toml
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
}

/// Commands on the trust store.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Trust a key, from something outside the provenance file
    Add(TrustAddArgs),
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
