//! Arguments of the commands on pieces.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::VerifyArgs;

/// Commands on a piece.
#[derive(Debug, Subcommand)]
pub enum PieceCommand {
    /// Have the log of the service (--server) say since when the file exists, telling it nothing else
    Anchor(AnchorArgs),
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

/// Arguments of `piece anchor`.
#[derive(Debug, Clone, Args)]
pub struct AnchorArgs {
    /// The provenance file
    pub file: PathBuf,
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: super::LogTrustArgs,
    /// Where to write the new provenance file [default: over the old one]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the output file if it is there
    #[arg(long)]
    pub force: bool,
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
