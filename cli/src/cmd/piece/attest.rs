//! `hallmark piece attest`: a laboratory, supplier or auditor signs a claim about a piece that is
//! still to be minted.

use anyhow::Context;
use hallmark_core::{
    id::{Label, PieceId},
    json,
};
use hallmark_vault::provenance::{
    claim::{Claim, named_parts},
    part::Part,
    path::PartPath,
    text::{Date, Text},
};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    basics::Basics,
    files::{self, Names},
    recipe::{self, Recipe},
};
use crate::{
    args::AttestArgs,
    cmd::studio::{self, parsed},
    input,
    output::{Access, Output, keep_apart},
    report::{Report, Usage},
    session::Session,
};

/// Runs `hallmark piece attest`.
///
/// # Errors
/// When the folder's `piece.toml` has no id or not the field, or nothing can be written.
pub(super) fn run(args: &AttestArgs, session: &Session) -> anyhow::Result<Report> {
    let store = session.open()?;
    let party = studio::of(&store)?;
    let recipe = Recipe::of_folder(&args.from)?;
    let id = recipe.id.ok_or_else(|| {
        Usage(format!(
            "{} needs an id, so that the claim can be bound to this piece; put this fresh one at \
             its top, and let the studio mint with it:\n\nid = \"{}\"",
            args.from.join(recipe::FILE_NAME).display(),
            PieceId::generate(&mut session.rng())
        ))
    })?;
    let found = files::of_folder(&args.from, &recipe, session)?;
    // A claim written once may be written again; a photograph or the recipe may not become one.
    let is_claim = |path: &Path| {
        let bytes = input::whole(path).ok();
        bytes.is_some_and(|bytes| serde_json::from_slice::<Claim>(&bytes).is_ok())
    };
    let recipe_file = args.from.join(recipe::FILE_NAME);
    let read = found.files.iter().map(PathBuf::as_path).filter(|path| !is_claim(path));
    let read: Vec<&Path> = read.chain([recipe_file.as_path()]).collect();
    keep_apart(&args.out, &read)?;
    let output = Output::new(&args.out, args.force)?;
    // The names and the content that parts will have, as `mint` makes them.
    let mut names = Names::default();
    let mut parts: Vec<(String, Part)> = Vec::new();
    for path in &found.files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cleaned = files::clean(path, &args.out, false, session)?;
        let entry = recipe.file.iter().find(|entry| entry.name == name);
        let role = entry.and_then(|entry| entry.role).unwrap_or(cleaned.role);
        let path = names.next(role, cleaned.cleaning.media_type)?;
        let (source, _) = cleaned.into_part(path, role, None)?;
        parts.push((name, source.part().clone()));
    }
    let path_of = |file: &str| -> Option<PartPath> {
        parts.iter().find(|(name, _)| name == file).map(|(_, part)| part.path.clone())
    };
    let today = Date::of(session.now());
    let title: Option<Text> = recipe.title.is_none().then(|| "untitled".parse()).transpose()?;
    let basics = Basics { title, ..Basics::default() };
    let mut unsigned = Recipe::of_folder(&args.from)?;
    unsigned.forget_signed_claims();
    let mut piece = unsigned.piece(id, &basics, party, &today, &args.from, &path_of)?;
    piece.first_label = Label::from_bytes([0; 32]);
    piece.parts = parts.iter().map(|(_, part)| part.clone()).collect();
    let value = recipe::field(&piece, &args.about)?;
    let named = named_parts(&value, &serde_json::to_value(&piece)?);

    let mut claim = Claim {
        about: parsed("--about", Some(&args.about))?.context("--about is needed")?,
        says: parsed("--says", Some(&args.says))?.context("--says is needed")?,
        strength: args.strength.into(),
        by: party.name.clone(),
        rule: parsed("--rule", Some(&args.rule))?.context("--rule is needed")?,
        date: today,
        attestation: None,
    };
    claim.attest(id, value.clone(), named.clone(), &party.keys().identity, session.now())?;
    let bytes = json::canonical(&serde_json::to_value(&claim)?);
    output.write(Access::Shared, |out| Ok(out.write_all(&bytes)?))?;
    let shown = serde_json::to_string_pretty(&value)?;
    let files: String =
        named.iter().map(|(path, sha256)| format!("and for the file {path}, {sha256}\n")).collect();
    Report::new(
        &claim,
        format!(
            "You signed, as {}, about {} of {id}:\n  {}\nThe field you signed for says:\n{shown}\n{files}\n\
             Give {} to the studio, for its piece.toml:\n  [[claim]]\n  signed = \"{}\"",
            party.name,
            args.about,
            args.says,
            args.out.display(),
            args.out.file_name().unwrap_or_default().to_string_lossy(),
        ),
    )
}
