//! Files of a folder on their way into a provenance file: cleaned, named and described.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_vault::{
    hygiene::{self, Cleaning, HygieneError, MediaType, Outcome, Policy, Trace},
    provenance::{
        part::{Metadata, Role},
        path::PartPath,
        text::Text,
        write::Source,
    },
};

use super::{
    apart::{self, Content},
    recipe::Recipe,
};
use crate::{input, output::scratch_beside, report::wrapped, session::Session};

/// A file that was cleaned, with what came of it.
pub(super) struct Cleaned {
    /// Its name in the maker's folder.
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) cleaning: Cleaning,
    content: File,
}

/// What a person is told of one file.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileReport {
    pub(super) name: String,
    pub(super) path: PartPath,
    #[serde(skip)]
    role: Role,
    pub(super) outcome: String,
    pub(super) removed: Vec<&'static str>,
    /// Places first, then serial numbers, names, and the rest.
    pub(super) reveals: Vec<&'static str>,
    /// Whether it still tells a place, or the name of a person or computer.
    #[serde(skip)]
    pub(super) place_or_name: bool,
}

impl FileReport {
    /// True for words, which everybody who gets the file can read as they are.
    pub(super) fn is_note(&self) -> bool {
        self.role == Role::Note
    }

    /// The lines a person reads about this file; `again` names what they did with it.
    pub(super) fn text(&self, again: &str) -> String {
        let mut line = format!("  {} -> {}", self.name, self.path);
        if !self.removed.is_empty() {
            line += &format!("\n      removed: {}", self.removed.join(", "));
        }
        match self.outcome.as_str() {
            "clean" => line += ": nothing to remove",
            "unchecked" => {
                line += "\n      UNCHECKED: kept as it is, this program cannot read all of it"
            }
            "preserved" => {
                line += "\n      KEPT AS IT IS: it carries a signature of its own that cleaning would break"
            }
            "kept" => line += "\n      kept as you asked",
            _ => {}
        }
        if !self.reveals.is_empty() {
            line += "\n      STILL REVEALS:";
            for told in &self.reveals {
                line += &format!("\n        {}", wrapped(told, 90, "          "));
            }
            line += &format!(
                "\n      To avoid this: {}",
                wrapped(&self.way_out(again), 74, "        ")
            );
        }
        line
    }

    /// What removes what is still told; `again` is what is done then.
    fn way_out(&self, again: &str) -> String {
        let ending = self.path.as_str().rsplit('.').next().unwrap_or_default();
        let instead = match (self.outcome.as_str(), ending) {
            ("kept", _) => return format!("{again} without --keep-metadata"),
            ("preserved", "pdf") => {
                "print the document into a new PDF, which leaves its signature behind"
            }
            ("preserved", "jpg" | "png" | "webp" | "heic" | "avif") => {
                "export the photograph again without Content Credentials"
            }
            ("preserved", _) => "export the recording again without Content Credentials",
            _ => "export the file again in a usual format",
        };
        format!("{instead}, and {again}")
    }
}

/// What lies in a maker's folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The files of the piece, by name.
    pub(super) files: Vec<PathBuf>,
    /// The names of what is left out.
    pub(super) left_out: Vec<String>,
}

/// Looks through a maker's folder. What the recipe itself uses is neither packed nor left out;
/// folders, links and what [`apart`] knows for none of the piece's files are left out.
///
/// # Errors
/// When something cannot be read, or is a secret that would be given away.
pub(super) fn of_folder(
    folder: &Path,
    recipe: &Recipe,
    session: &Session,
) -> anyhow::Result<Found> {
    let cannot = || format!("cannot read the folder {}", folder.display());
    let mut found = Found::default();
    let mut secrets = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let plain = entry.file_type().with_context(cannot)?.is_file();
        if plain && recipe.working_files().any(|working| name == working) {
            continue;
        }
        if !plain || apart::is_leftover(&name) || apart::is_passphrase_file(&path, session) {
            found.left_out.push(name);
            continue;
        }
        match apart::content(&path, session)
            .with_context(|| format!("cannot use {}", path.display()))?
        {
            Content::Fit => found.files.push(path),
            Content::PublicKey => found.left_out.push(name),
            Content::Secret(what) => secrets.push(format!("{} is {what}", path.display())),
        }
    }
    secrets.sort();
    anyhow::ensure!(secrets.is_empty(), "{}", given_away(&secrets));
    found.files.sort();
    found.left_out.sort();
    Ok(found)
}

/// Refuses a file that would give a secret away.
///
/// # Errors
/// Names it, or says why it cannot be read.
pub(super) fn check_fit(path: &Path, session: &Session) -> anyhow::Result<()> {
    let content =
        apart::content(path, session).with_context(|| format!("cannot use {}", path.display()))?;
    let secret = match content {
        _ if apart::is_passphrase_file(path, session) => "the file with your passphrase",
        Content::Secret(what) => what,
        Content::Fit | Content::PublicKey => return Ok(()),
    };
    anyhow::bail!("{}", given_away(&[format!("{} is {secret}", path.display())]))
}

fn given_away(secrets: &[String]) -> String {
    format!(
        "{}: everybody who gets the provenance file could read it, so nothing was signed; move it \
         to another folder, then run the command again",
        secrets.join(", and ")
    )
}

/// Cleans one file into a nameless temporary file beside `near`.
pub(super) fn clean(
    path: &Path,
    near: &Path,
    keep_metadata: bool,
    session: &Session,
) -> anyhow::Result<Cleaned> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let cannot = || format!("cannot use {}", path.display());
    let (mut source, size_bytes) = input::open(path).with_context(cannot)?;
    let mut content = scratch_beside(near)?;
    let bar = session.bar("cleaning", size_bytes);
    let policy = if keep_metadata { Policy::Keep } else { Policy::Remove };
    let mut cleaning =
        hygiene::clean(&mut source, size_bytes, &mut content, policy).map_err(|error| {
            let keeps = !matches!(error, HygieneError::Copy { .. });
            let flag = if keeps { " (--keep-metadata takes it as it is)" } else { "" };
            anyhow::Error::new(error).context(format!("{}{flag}", cannot()))
        })?;
    drop(bar);
    content.seek(SeekFrom::Start(0)).with_context(cannot)?;
    // Content cannot tell Markdown from plain text; its author can.
    if cleaning.media_type == MediaType::PlainText && name.to_lowercase().ends_with(".md") {
        cleaning.media_type = MediaType::Markdown;
    }
    Ok(Cleaned { name, role: role_of(cleaning.media_type), cleaning, content })
}

/// What a file most likely is to the piece, by its type.
fn role_of(media_type: MediaType) -> Role {
    let mime = media_type.mime();
    match mime.split('/').next() {
        Some("image") => Role::Photo,
        Some("audio" | "video") => Role::Episode,
        Some("text") => Role::Note,
        _ if mime == "application/pdf" => Role::Certificate,
        _ => Role::Other,
    }
}

/// Names parts so that a file's own name, which may say more than its maker wants, stays outside:
/// folder by role, a number that goes up, and the ending of the type.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<&'static str, u32>);

impl Names {
    /// A namer for a file that holds parts already: numbers go on after `taken`.
    pub(super) fn after<'a>(taken: impl Iterator<Item = &'a PartPath>) -> Self {
        let mut names = Self::default();
        for path in taken {
            for folder in PartPath::FOLDERS {
                let number = path
                    .as_str()
                    .strip_prefix(folder)
                    .and_then(|rest| rest.strip_prefix('/'))
                    .and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
                let last = names.0.entry(folder).or_default();
                *last = (*last).max(number.unwrap_or(0));
            }
        }
        names
    }

    /// The next name for a file of this role and type.
    pub(super) fn next(&mut self, role: Role, media_type: MediaType) -> anyhow::Result<PartPath> {
        let folder = match role {
            Role::Photo | Role::Episode | Role::Other => "media",
            Role::Note => "notes",
            Role::Certificate => "certs",
        };
        let number = self.0.entry(folder).or_default();
        *number += 1;
        Ok(format!("{folder}/{number:03}.{}", ending(media_type)).parse()?)
    }
}

fn ending(media_type: MediaType) -> &'static str {
    match media_type {
        MediaType::Jpeg => "jpg",
        MediaType::Png => "png",
        MediaType::WebP => "webp",
        MediaType::Heic => "heic",
        MediaType::Avif => "avif",
        MediaType::Mp4 => "mp4",
        MediaType::M4a => "m4a",
        MediaType::QuickTime => "mov",
        MediaType::Mp3 => "mp3",
        MediaType::Ogg => "ogg",
        MediaType::Flac => "flac",
        MediaType::Wav => "wav",
        MediaType::Pdf => "pdf",
        MediaType::PlainText => "txt",
        MediaType::Markdown => "md",
        MediaType::OctetStream => "bin",
    }
}

impl Cleaned {
    /// The part it becomes, and what a person is told of it.
    pub(super) fn into_part(
        self,
        path: PartPath,
        role: Role,
        title: Option<Text>,
    ) -> anyhow::Result<(Source, FileReport)> {
        let Cleaned { name, cleaning, content, .. } = self;
        let codes = |traces: &[Trace]| -> anyhow::Result<Vec<String>> {
            Ok(serde_json::from_value(serde_json::to_value(traces)?)?)
        };
        let outcome = outcome(cleaning.outcome).to_owned();
        let metadata = Metadata {
            outcome: outcome.clone(),
            removed: codes(&cleaning.removed)?,
            reveals: codes(&cleaning.reveals)?,
        };
        let words = |traces: &[Trace]| traces.iter().copied().map(hygiene::describe).collect();
        let mut telling: Vec<(&str, Trace)> = metadata
            .reveals
            .iter()
            .map(String::as_str)
            .zip(cleaning.reveals.iter().copied())
            .collect();
        telling.sort_by_key(|(code, _)| rank(code));
        let place_or_name = telling
            .iter()
            .any(|(code, _)| matches!(rank(code), Rank::Place | Rank::Name) && !signs(code));
        let telling: Vec<Trace> = telling.into_iter().map(|(_, trace)| trace).collect();
        let report = FileReport {
            path: path.clone(),
            role,
            outcome,
            removed: words(&cleaning.removed),
            reveals: words(&telling),
            place_or_name,
            name: name.clone(),
        };
        let content = Box::new(content);
        let source = Source::new(path, cleaning.media_type, role, title, metadata, content)
            .with_context(|| format!("cannot read {name}"))?;
        Ok((source, report))
    }
}

/// How much it matters that something stays in a file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Place,
    Serial,
    Name,
    Rest,
}

/// The rank of a trace, by its code.
fn rank(code: &str) -> Rank {
    let has = |word: &str| code.split('-').any(|part| part == word);
    match () {
        () if has("gps") || has("location") => Rank::Place,
        () if has("serial") => Rank::Serial,
        () if has("name") || signs(code) => Rank::Name,
        () => Rank::Rest,
    }
}

/// True for a signature, which is there so that its signer is known.
fn signs(code: &str) -> bool {
    code == "pdf-signature"
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Clean => "clean",
        Outcome::Removed => "removed",
        Outcome::Kept => "kept",
        Outcome::Preserved => "preserved",
        Outcome::Unchecked => "unchecked",
    }
}
