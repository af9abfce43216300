//! One file per command noun; a folder where a noun has several.

pub mod account;
pub mod audit;
pub mod blob;
pub mod desk;
pub mod device;
pub mod ids;
pub mod item;
pub mod key_history;
pub mod log;
pub mod piece;
pub mod recency;
pub mod serve;
pub mod shell;
pub mod studio;
pub mod tour;
pub mod trust;
pub mod verify;
pub mod witness;

use crate::{args::Command, report::Report, session::Session};

/// Runs a command.
///
/// # Errors
/// What the command could not do, with the way out in the message.
pub fn run(command: &Command, session: &Session) -> anyhow::Result<Report> {
    let report = match command {
        Command::Verify(args) => verify::run(args, session),
        Command::Studio(command) => studio::run(command, session),
        Command::Piece(command) => piece::run(command, session),
        Command::Trust(command) => trust::run(command, session),
        Command::Blob(command) => blob::run(command, session),
        Command::Item(command) => item::run(command, session),
        Command::Account(command) => account::run(command, session),
        Command::Device(command) => device::run(command, session),
        Command::Audit(command) => audit::run(command, session),
        Command::Log(command) => log::run(command, session),
        Command::Serve(args) => serve::run(args),
        Command::Witness(command) => witness::run(command),
        Command::Tour(args) => tour::run(args, session),
        Command::Completions { shell } => shell::completions(*shell),
        Command::Man { dir } => shell::man(dir),
    }?;
    studio::with_reminder(report, command, session)
}
