//! Reading a provenance file: show, story, export, disclose.

use std::{fmt::Write as _, io::Write as _, path::Path};

use anyhow::Context;
use hallmark_vault::provenance::{ProvenanceFile, part::Part, write::copy_entry};
use serde_json::json;

use super::{plain::plain, sound};
use crate::{
    args::DiscloseArgs,
    output::{Access, keep_apart, write_whole},
    report::{Report, Usage, one_line},
    session::Session,
};

/// `hallmark piece show`.
pub(super) fn show(path: &Path, session: &Session) -> anyhow::Result<Report> {
    let (_, file) = sound(path, session)?;
    let piece = file.piece();
    let json = json!({
        "issuer": file.manifest().issuer,
        "issued": file.manifest().valid_from,
        "piece": piece,
        "events": file.events().iter().map(|event| event.subject()).collect::<Vec<_>>(),
        "status": file.status().credential_subject,
    });
    let mut text = format!("{}\n{}\n\n", one_line(piece.title.as_str()), piece.id);
    let fields = serde_json::to_value(piece)?;
    for (name, value) in fields.as_object().into_iter().flatten() {
        if !matches!(
            name.as_str(),
            "title" | "id" | "format" | "parts" | "claims" | "hidden" | "firstLabel" | "story"
        ) {
            let _ = writeln!(text, "{name:<12} {}", plain(value));
        }
    }
    let _ = writeln!(text, "\nParts:");
    for part in file.parts() {
        let title = part
            .title
            .as_ref()
            .map(|title| format!("  {}", one_line(title.as_str())))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<24} {:>10} bytes  {}{title}",
            part.path.as_str(),
            part.size,
            part.media_type
        );
    }
    let _ = writeln!(text, "\nEvents:");
    for event in file.events() {
        let subject = event.subject();
        let note = subject
            .note
            .as_ref()
            .map(|note| format!(": {}", one_line(note.as_str())))
            .unwrap_or_default();
        let date = event.credential().valid_from.date();
        let _ = writeln!(
            text,
            "  {} {date} {}{note}",
            subject.sequence,
            super::words(subject.kind.name())
        );
    }
    text += "\nNothing was changed since it was signed. Who signed it: hallmark verify.";
    Report::new(&json, text)
}

/// `hallmark piece story`.
pub(super) fn story(path: &Path, out: Option<&Path>, session: &Session) -> anyhow::Result<Report> {
    let (source, file) = sound(path, session)?;
    let told: Vec<&Part> = file
        .piece()
        .story
        .iter()
        .filter_map(|path| file.parts().find(|part| part.path == *path))
        .collect();
    anyhow::ensure!(!told.is_empty(), "{} tells no story", path.display());
    let mut text = format!("The story of {}\n", one_line(file.piece().title.as_str()));
    for (number, part) in (1..).zip(&told) {
        let title = part
            .title
            .as_ref()
            .map_or_else(|| part.path.to_string(), |title| one_line(title.as_str()));
        let _ = writeln!(text, "\n{number}. {title} ({})", part.media_type);
        if part.media_type.starts_with("text/") && part.size <= 64 * 1024 {
            let mut note = Vec::new();
            copy_entry(&file, &source, part.path.as_str(), &mut note)?;
            let note = String::from_utf8_lossy(&note);
            text += &note.lines().map(|line| format!("   {}\n", visible(line))).collect::<String>();
        }
    }
    if let Some(dir) = out {
        new_folder(dir)?;
        for (number, part) in (1..).zip(&told) {
            let ending = part.path.as_str().rsplit('.').next().unwrap_or("bin");
            let target = dir.join(format!("{number:02}.{ending}"));
            unpack(&file, &source, part.path.as_str(), &target)?;
        }
        let _ = writeln!(text, "\nUnpacked into {}, in this order.", dir.display());
    } else {
        text += "\n`--out DIR` unpacks it, to look at and listen to.\n";
    }
    Report::new(&json!({"story": told, "out": out}), text)
}

/// A line of a note without anything that could steer a terminal.
fn visible(line: &str) -> String {
    line.chars()
        .flat_map(|c| {
            let mut one = [0; 4];
            let odd = !hallmark_vault::provenance::text::is_plain(c.encode_utf8(&mut one));
            if odd { c.escape_default().collect::<Vec<char>>() } else { vec![c] }
        })
        .collect()
}

/// `hallmark piece export`.
pub(super) fn export(path: &Path, to: &Path, session: &Session) -> anyhow::Result<Report> {
    let (source, file) = sound(path, session)?;
    new_folder(to)?;
    for entry in file.entries() {
        let target = to.join(&entry.name);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        unpack(&file, &source, &entry.name, &target)?;
    }
    Report::new(
        &json!({"to": to, "files": file.entries().len()}),
        format!(
            "{} files are in {}. VERIFY.txt there says how to check them without this program.",
            file.entries().len(),
            to.display()
        ),
    )
}

fn unpack(
    file: &ProvenanceFile,
    source: &std::fs::File,
    name: &str,
    target: &Path,
) -> anyhow::Result<()> {
    write_whole(target, Access::Shared, |out| {
        copy_entry(file, source, name, out)?;
        Ok(())
    })
}

fn new_folder(dir: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        dir.is_dir() || !dir.exists(),
        "{} is a file; name a new or empty folder",
        dir.display()
    );
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut entries =
        std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    anyhow::ensure!(
        entries.next().is_none(),
        "{} is not empty; name a new or empty folder",
        dir.display()
    );
    Ok(())
}

/// Where a field that the profile knows may be.
const OLD_COPY: &str = "; your copy may end before the sale: ask for the newer one";

/// `hallmark piece disclose`.
pub(super) fn disclose(args: &DiscloseArgs, session: &Session) -> anyhow::Result<Report> {
    keep_apart(&args.out, &[&args.file])?;
    let (_, file) = sound(&args.file, session)?;
    let store = session.open()?;
    let secrets =
        store.read().pieces.get(&file.piece().id).with_context(|| {
            format!("this profile knows nothing hidden in {}", args.file.display())
        })?;
    let of_events = file.events().iter().filter_map(|event| event.subject().hidden.as_ref());
    let hidden: Vec<_> = file.piece().hidden.iter().chain(of_events).collect();
    let known: Vec<_> = secrets
        .disclosures
        .iter()
        .filter(|opening| hidden.iter().any(|hidden| hidden.opens(opening)))
        .filter_map(|opening| Some((opening, opening.field().ok()?)))
        .collect();
    // Where a field was hidden twice, the later one counts: the price of the last sale.
    let (opening, field) =
        known.iter().rev().find(|(_, field)| field.name == args.field).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(_, field)| field.name.as_str()).collect();
            Usage(match names.as_slice() {
                [] => format!("this profile can open nothing hidden in this file{OLD_COPY}"),
                names
                    if secrets.disclosures.iter().any(|opening| {
                        opening.field().is_ok_and(|field| field.name == args.field)
                    }) =>
                {
                    format!(
                        "this file hides no {} that this profile can open, only: {}{OLD_COPY}",
                        args.field,
                        names.join(", ")
                    )
                }
                names => format!("--field is one of: {}", names.join(", ")),
            })
        })?;
    let line = format!("{}\n", opening.as_str());
    write_whole(&args.out, Access::Private, |out| Ok(out.write_all(line.as_bytes())?))?;
    Report::new(
        &json!({"out": args.out, "field": field.name}),
        format!(
            "{} opens {} of {} to whoever has it, and nothing else.\n\
             They run: hallmark verify {} --disclosure {0}",
            args.out.display(),
            field.name,
            file.piece().title,
            args.file.display()
        ),
    )
}
