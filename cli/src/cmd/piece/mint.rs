//! `hallmark piece mint`: from a folder to a provenance file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_core::id::PieceId;
use hallmark_vault::{
    profile::PieceSecrets,
    provenance::{
        hidden::Hidden,
        part::Role,
        path::PartPath,
        text::{Date, Text},
        write::{self, Minting, Source},
    },
};
use serde_json::json;

use super::{
    basics::Basics,
    files::{self, Cleaned, FileReport, Names},
    recipe::{FileEntry, Recipe},
};
use crate::{
    args::MintArgs,
    cmd::studio,
    output::{Access, Output, keep_apart},
    report::{Report, Usage, one_line},
    session::Session,
};

/// What is done once a file tells less.
const MINT_AGAIN: &str = "mint again";

/// Runs `hallmark piece mint`.
///
/// # Errors
/// When the studio, the folder or an answer is missing, a file cannot be read, or the output cannot
/// be written; then there is no output.
pub(super) fn run(args: &MintArgs, session: &Session) -> anyhow::Result<Report> {
    let mut store = session.open()?;
    let studio = studio::of(&store)?.clone();
    let output = Output::new(&args.out, args.force)?;
    let mut recipe = Recipe::of_folder(&args.from)?;
    let found = files::of_folder(&args.from, &recipe, session)?;
    let read: Vec<PathBuf> = recipe.working_files().map(|name| args.from.join(name)).collect();
    let read: Vec<&Path> = found.files.iter().chain(&read).map(PathBuf::as_path).collect();
    keep_apart(&args.out, &read)?;
    let basics = Basics::obtain(args, &recipe, session)?;
    if args.more {
        recipe.ask_more(session)?;
    }
    let mut cleaned = Vec::new();
    for path in &found.files {
        cleaned.push(files::clean(path, &args.out, args.keep_metadata, session)?);
    }
    let named = name_parts(cleaned, &recipe)?;
    if !named.iter().any(|part| part.role == Role::Photo) {
        return Err(Usage(format!(
            "a piece needs at least one photograph; put one into {}",
            args.from.display()
        ))
        .into());
    }

    let mut rng = session.rng();
    let today = Date::of(session.now());
    let id = recipe.id.unwrap_or_else(|| PieceId::generate(&mut rng));
    let paths: BTreeMap<String, PartPath> =
        named.iter().map(|part| (part.cleaned.name.clone(), part.path.clone())).collect();
    let path_of = |file: &str| paths.get(file).cloned();
    let mut piece = recipe.piece(id, &basics, &studio, &today, &args.from, &path_of)?;
    piece.story = story(&named, &recipe);
    let fields = recipe.hidden_fields()?;
    let mut disclosures = Vec::new();
    if !fields.is_empty() {
        let (hidden, openings) = Hidden::hide(&fields, &mut rng)?;
        (piece.hidden, disclosures) = (Some(hidden), openings);
    }
    let (mut sources, mut reports): (Vec<Source>, Vec<FileReport>) = (Vec::new(), Vec::new());
    for part in named {
        let (source, report) = part.cleaned.into_part(part.path, part.role, part.title)?;
        sources.push(source);
        reports.push(report);
    }

    let title = piece.title.clone();
    let minting = Minting {
        piece,
        sources,
        made: recipe.made.clone(),
        at: session.now(),
        status_days: args.days,
    };
    // What contradicts itself is refused before anything is kept.
    minting.check(&studio.public())?;
    let doubts = basics.doubts(&recipe);
    confirm(&doubts, &reports, args.keep_metadata, session)?;

    // The secrets are kept before the file exists: a kill in between leaves secrets of no piece,
    // never a piece whose secrets are gone; and the identity is free until there is a file.
    let chain = store.try_update(&mut rng, |profile| {
        let secrets = profile
            .pieces
            .entry(id)
            .or_insert_with(|| PieceSecrets::unminted(title.clone(), &mut session.rng()));
        secrets.mint(&disclosures).context(
            "a piece with the id in piece.toml was minted before; remove the id to mint another",
        )
    })?;
    let keys = studio.keys();
    let bar = session.bar("writing", minting.sources.iter().map(|s| s.part().size).sum());
    output.write(Access::Shared, |out| {
        write::mint(minting, &keys, &chain, bar.over(out))?;
        Ok(())
    })?;
    store
        .update(&mut rng, |profile| {
            profile.pieces.get_mut(&id).map(PieceSecrets::finish_minting);
        })
        .with_context(|| {
            format!("{} is minted; only that it is could not be kept", args.out.display())
        })?;
    report(args, &title, id, &reports, &found.left_out, &doubts)
}

/// Asks on a terminal before something is minted that may not be meant so: an odd metal or weight,
/// or a file that keeps a place or a name although nobody asked for that.
fn confirm(
    doubts: &[String],
    reports: &[FileReport],
    keep_metadata: bool,
    session: &Session,
) -> anyhow::Result<()> {
    let mut shown: Vec<String> = doubts.iter().map(|doubt| format!("{doubt}.\n")).collect();
    let telling = reports.iter().filter(|report| !keep_metadata && report.place_or_name);
    shown.extend(telling.map(|report| format!("{}\n", report.text(MINT_AGAIN))));
    if shown.is_empty() || !session.interactive {
        return Ok(());
    }
    let question = format!("{}Mint it as it is (yes/no)?", shown.concat());
    let yes = session.ask_for(&question, "another file", &|answer| match answer {
        Some("yes") => Ok(true),
        Some("no") => Ok(false),
        _ => Err("type yes or no".to_owned()),
    })?;
    anyhow::ensure!(yes, "nothing was minted");
    Ok(())
}

/// A file with its place in the container.
struct Named {
    cleaned: Cleaned,
    path: PartPath,
    role: Role,
    title: Option<Text>,
    story: Option<u32>,
}

fn name_parts(cleaned: Vec<Cleaned>, recipe: &Recipe) -> anyhow::Result<Vec<Named>> {
    if let Some(missing) =
        recipe.file.iter().find(|entry| !cleaned.iter().any(|file| file.name == entry.name))
    {
        anyhow::bail!(
            "piece.toml names {}, which is not in the folder or is no file for a piece",
            missing.name
        );
    }
    let mut names = Names::default();
    let mut named = cleaned
        .into_iter()
        .map(|cleaned| {
            let entry: Option<&FileEntry> =
                recipe.file.iter().find(|entry| entry.name == cleaned.name);
            let role = entry.and_then(|entry| entry.role).unwrap_or(cleaned.role);
            let path = names.next(role, cleaned.cleaning.media_type)?;
            let title = entry.and_then(|entry| entry.title.clone());
            Ok(Named { cleaned, path, role, title, story: entry.and_then(|entry| entry.story) })
        })
        .collect::<anyhow::Result<Vec<Named>>>()?;
    named.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(named)
}

/// Everything that can be looked at, listened to or read: in the recipe's order first, then by the
/// names the maker gave.
fn story(named: &[Named], recipe: &Recipe) -> Vec<PartPath> {
    let mut told: Vec<&Named> = named
        .iter()
        .filter(|part| matches!(part.role, Role::Photo | Role::Episode | Role::Note))
        .filter(|part| {
            part.story.is_some() || recipe.file.iter().all(|entry| entry.story.is_none())
        })
        .collect();
    told.sort_by(|a, b| {
        (a.story.unwrap_or(u32::MAX), &a.cleaned.name)
            .cmp(&(b.story.unwrap_or(u32::MAX), &b.cleaned.name))
    });
    told.into_iter().map(|part| part.path.clone()).collect()
}

fn report(
    args: &MintArgs,
    title: &Text,
    id: PieceId,
    reports: &[FileReport],
    left_out: &[String],
    doubts: &[String],
) -> anyhow::Result<Report> {
    let lines: Vec<String> = reports.iter().map(|report| report.text(MINT_AGAIN)).collect();
    let mut text = format!(
        "Minted {} into {}\n  {id}\n\nFiles:\n{}",
        one_line(title.as_str()),
        args.out.display(),
        lines.join("\n")
    );
    let notes: Vec<&str> =
        reports.iter().filter(|file| file.is_note()).map(|file| file.name.as_str()).collect();
    if !notes.is_empty() {
        text +=
            &format!("\n\nNotes, which everybody who gets the file can read: {}", notes.join(", "));
    }
    if !left_out.is_empty() {
        text += &format!("\n\nLeft out: {}", left_out.join(", "));
    }
    for doubt in doubts {
        text += &format!("\n\nNote: {doubt}. Mint again if that is not meant.");
    }
    text += &format!(
        "\n\nCheck it:     hallmark verify {0}\n\
         For the box:  hallmark piece card {0}",
        args.out.display()
    );
    let json = json!({
        "out": args.out, "id": id, "title": title, "files": reports, "packedNotes": notes,
        "leftOut": left_out, "notes": doubts,
    });
    Report::new(&json, text).context("cannot report")
}
