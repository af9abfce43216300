//! `hallmark piece`: the provenance file of a piece, from mint to resale.

mod attest;
mod basics;
mod card;
mod event;
mod files;
mod handover;
mod mint;
mod plain;
mod price;
mod quantity;
mod read;
mod recipe;
mod stand_by;
mod status;

pub use plain::plain;

use std::{fs::File, path::Path};

use hallmark_vault::provenance::ProvenanceFile;

use crate::{
    args::{ClaimStrength, PieceCommand},
    report::{Report, one_line},
    session::Session,
};

/// Runs `hallmark piece`.
///
/// # Errors
/// What could not be done, with the way out.
pub fn run(command: &PieceCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        PieceCommand::Mint(args) => mint::run(args, session),
        PieceCommand::Event(args) => event::run(args, session),
        PieceCommand::Offer { file, out } => handover::offer(file, out, session),
        PieceCommand::Countersign { file, draft, out, yes } => {
            handover::countersign(file, draft, out.as_deref().unwrap_or(draft), *yes, session)
        }
        PieceCommand::Append { file, draft, out, stand_by } => {
            handover::append(file, draft, out.as_deref().unwrap_or(file), *stand_by, session)
        }
        PieceCommand::Verify(args) => super::verify::run(args, session),
        PieceCommand::Show { file } => read::show(file, session),
        PieceCommand::Story { file, out } => read::story(file, out.as_deref(), session),
        PieceCommand::Disclose(args) => read::disclose(args, session),
        PieceCommand::Status(args) => status::run(args, session),
        PieceCommand::Export { file, to } => read::export(file, to, session),
        PieceCommand::Card { file, out } => card::run(file, out.as_deref(), session),
        PieceCommand::Attest(args) => attest::run(args, session),
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
    match inspection.into_file() {
        Ok(file) => Ok((source, file)),
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
