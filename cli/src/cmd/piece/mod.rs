//! `hallmark piece`: the provenance file of a piece, from mint to resale.

pub mod anchor;
mod apart;
mod attest;
mod basics;
mod card;
mod event;
mod files;
mod handover;
mod keep;
mod mint;
mod plain;
mod price;
mod quantity;
mod read;
mod recipe;
mod status;
mod word;

pub use plain::plain;

use std::{fs::File, io, path::Path};

use hallmark_vault::provenance::{ProvenanceFile, inspect::Inspection};

use crate::{
    args::{ClaimStrength, PieceCommand},
    input::{self, Held},
    report::{Report, Usage, one_line},
    session::Session,
};

/// Runs `hallmark piece`.
///
/// # Errors
/// What could not be done, with the way out.
pub fn run(command: &PieceCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        PieceCommand::Anchor(args) => anchor::run(args, session),
        PieceCommand::Mint(args) => mint::run(args, session),
        PieceCommand::Event(args) => event::run(args, session),
        PieceCommand::Offer { file, out, force } => handover::offer(file, out, *force, session),
        PieceCommand::Countersign(args) => handover::countersign(args, session),
        PieceCommand::Append(args) => handover::append(args, session),
        PieceCommand::Verify(args) => super::verify::run(args, session),
        PieceCommand::Show { file } => read::show(file, session),
        PieceCommand::Story { file, out } => read::story(file, out.as_deref(), session),
        PieceCommand::Disclose(args) => read::disclose(args, session),
        PieceCommand::Status(args) => status::run(args, session),
        PieceCommand::Export { file, to } => read::export(file, to, session),
        PieceCommand::Card { file, out, force } => card::run(file, out.as_deref(), *force, session),
        PieceCommand::Attest(args) => attest::run(args, session),
        PieceCommand::Keep { file, note } => keep::run(file, note.as_deref(), session),
    }
}

/// A fineness in thousandths, from an argument.
///
/// # Errors
/// A sentence that says how to write it.
pub fn fineness(text: &str) -> Result<u16, String> {
    quantity::fineness(text)
}

/// A kind of event in words for people.
#[must_use]
pub fn words(kind: &str) -> &str {
    match kind {
        "made" => "made",
        "set" => "stone set",
        "reportedStolen" => "reported stolen",
        "transferred" => "handed on",
        other => other,
    }
}

/// Opens a file in which nothing is wrong: one that was changed is not built upon.
fn sound(path: &Path, session: &Session) -> anyhow::Result<(File, ProvenanceFile)> {
    let (source, inspection) = super::verify::inspected(path, session)?;
    Ok((source, without_problems(inspection, path)?))
}

/// Opens and locks a file that is to be written again, and looks at nothing in it yet.
fn held(path: &Path) -> anyhow::Result<Held> {
    Held::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::ResourceBusy => anyhow::anyhow!("cannot use {}: {error}", path.display()),
        _ => Usage(format!("cannot read {}: {error}", path.display())).into(),
    })
}

/// As [`sound`], for a file that is held.
fn sound_in(held: &Held, session: &Session) -> anyhow::Result<ProvenanceFile> {
    let inspection = super::verify::inspected_file(held.file(), held.path(), session)?;
    without_problems(inspection, held.path())
}

/// Says that there is no such file before anybody is asked for a passphrase.
fn there(path: &Path) -> anyhow::Result<()> {
    let unreadable = |error| Usage(format!("cannot read {}: {error}", path.display()));
    input::open(path).map(drop).map_err(unreadable)?;
    Ok(())
}

fn without_problems(inspection: Inspection, path: &Path) -> anyhow::Result<ProvenanceFile> {
    match inspection.into_file() {
        Ok(file) => Ok(file),
        Err(problems) => {
            let list: Vec<String> =
                problems.iter().map(|problem| one_line(&problem.to_string())).collect();
            anyhow::bail!(
                "{} does not hold, so nothing was done with it: {}",
                path.display(),
                list.join("; ")
            )
        }
    }
}

impl From<ClaimStrength> for hallmark_vault::provenance::claim::Strength {
    fn from(typed: ClaimStrength) -> Self {
        match typed {
            ClaimStrength::SelfDeclared => Self::SelfDeclared,
            ClaimStrength::SupplierWarranty => Self::SupplierWarranty,
            ClaimStrength::Audited => Self::Audited,
            ClaimStrength::Lab => Self::Lab,
            ClaimStrength::Assay => Self::Assay,
        }
    }
}
