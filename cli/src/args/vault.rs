//! Arguments of the commands on an account, its devices and its items.

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, Subcommand};
use hallmark_vault::item::{Kind, kind::Need};

use crate::report::wrapped;

/// Commands on items.
#[derive(Debug, Subcommand)]
pub enum ItemCommand {
    /// Keep something new
    Put(PutArgs),
    /// Show an item, or save its attachments
    Get(GetArgs),
    /// List what you keep
    Ls {
        /// Only items of this kind
        #[arg(long)]
        kind: Option<String>,
    },
    /// Change an item
    Edit(EditArgs),
    /// Remove an item, its history and its attachments
    Rm {
        /// The item: the first digits of its id, or its kind where there is only one
        item: String,
        /// Remove it without being asked
        #[arg(long)]
        yes: bool,
    },
    /// Show what an item said before
    History {
        /// The item: the first digits of its id, or its kind where there is only one
        item: String,
    },
}

/// Arguments of `item put`.
#[derive(Debug, Clone, Args)]
#[command(after_help = kinds_and_fields())]
pub struct PutArgs {
    /// What it is
    pub kind: String,
    /// Its fields
    #[arg(value_name = "FIELD=VALUE")]
    pub fields: Vec<String>,
    /// Read the fields from a TOML file
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A file that belongs to it
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
}

/// What `item put --help` says of the kinds: their own tables.
fn kinds_and_fields() -> String {
    let mut text =
        "Kinds and their fields (* needed, + one of those so marked is needed):\n".to_owned();
    for kind in Kind::ALL {
        // Kept with commands of their own.
        if matches!(kind, Kind::Device | Kind::Provenance) {
            continue;
        }
        let fields = kind.fields().iter().map(|field| {
            let mark = match field.need {
                Need::Required => "*",
                Need::OneOf => "+",
                Need::Optional => "",
            };
            match field.values {
                [] => format!("{}{mark}", field.name),
                values => format!("{}{mark} ({})", field.name, values.join(", ")),
            }
        });
        let fields = wrapped(&fields.collect::<Vec<_>>().join(", "), 76, &" ".repeat(20));
        let _ = writeln!(text, "  {kind:<17} {fields}");
    }
    text += "A provenance file: hallmark piece keep FILE.\n\
        Without fields you are asked for them, so that nothing private stays in your shell's history.\n\
        Example: hallmark item put ring-size size=52 system=eu";
    text
}

/// Arguments of `item get`.
#[derive(Debug, Clone, Args)]
pub struct GetArgs {
    /// The item: the first digits of its id, or its kind where there is only one
    pub item: String,
    /// Print this field alone
    #[arg(long)]
    pub field: Option<String>,
    /// Save its attachments into this folder
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "save")]
    pub force: bool,
}

/// Arguments of `item edit`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "An empty value (phone=) takes the field away.\n\
    Example: hallmark item edit ring-size size=53")]
pub struct EditArgs {
    /// The item: the first digits of its id, or its kind where there is only one
    pub item: String,
    /// What changes
    #[arg(value_name = "FIELD=VALUE")]
    pub fields: Vec<String>,
    /// Read what changes from a TOML file
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A further file that belongs to it
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// An attachment to take away
    #[arg(long, value_name = "NAME")]
    pub detach: Vec<String>,
}

/// Commands on an account.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account; storing something does so by itself
    Create,
    /// Show the account, and the words to compare on your devices
    Show,
    /// Show the recovery code, until you have written it down
    Code(CodeArgs),
    /// Exchange what is new with the service
    Sync,
    /// Bring an account back from its recovery code, and take all other devices off it
    Recover(RecoverArgs),
    /// Write everything you keep into a plain folder
    Export(ExportArgs),
    /// Erase the account at the service and on this device
    Close(CloseArgs),
}

/// Arguments of `account code`.
#[derive(Debug, Clone, Args)]
pub struct CodeArgs {
    /// Read back what you wrote down from a file; when it is the code, it is erased from this device
    #[arg(long, value_name = "FILE")]
    pub written: Option<PathBuf>,
}

/// Arguments of `account recover`.
#[derive(Debug, Clone, Args)]
pub struct RecoverArgs {
    /// A file that holds the fourteen words, where nobody can be asked
    #[arg(long, value_name = "FILE")]
    pub code: Option<PathBuf>,
    /// Whose word on logs counts.
    #[command(flatten)]
    pub log: super::LogTrustArgs,
}

/// Arguments of `account export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The folder; it must be new or empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Arguments of `account close`.
#[derive(Debug, Clone, Args)]
pub struct CloseArgs {
    /// Where to write the service's receipt
    #[arg(long, value_name = "FILE", default_value = "erasure.json")]
    pub receipt: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    pub force: bool,
    /// Where the service has no such account: erase what is on this device
    #[arg(long)]
    pub local: bool,
    /// Erase without being asked
    #[arg(long)]
    pub yes: bool,
}

/// Commands on devices.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// On a new device: ask to be let into your account
    Join(JoinArgs),
    /// On a device that has the account: let the new one in
    Add {
        /// The code that the new device shows
        code: String,
        /// What you call the new device
        #[arg(long)]
        name: Option<String>,
        /// The six words on the new device, where nobody can be asked
        #[arg(long)]
        words: Option<String>,
    },
    /// List the devices that open your account
    List,
    /// Take a device off: it opens nothing newer
    Revoke {
        /// Its name, or the beginning of its fingerprint
        device: String,
        /// Take it off without being asked
        #[arg(long)]
        yes: bool,
    },
}

/// Arguments of `device join`.
#[derive(Debug, Clone, Args)]
pub struct JoinArgs {
    /// The six words that the other device shows after it let this one in, where nobody can be asked
    #[arg(long)]
    pub words: Option<String>,
    /// For how many seconds to wait for the other device
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub wait: u64,
}
