//! Reading a provenance file: show, story, export, disclose.

use std::{
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_vault::provenance::{
    ProvenanceFile, hidden::Disclosure, part::Part, write::copy_entry,
};
use serde_json::json;

use super::{keep::learned, plain::plain, sound};
use crate::{
    args::DiscloseArgs,
    output::{Access, Output, keep_apart, write_whole},
    report::{Report, Usage, one_line},
    session::{Bar, Session},
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
        let mut folder = NewFolder::make(dir, told.iter().map(|part| part.size).sum(), session)?;
        for (number, part) in (1..).zip(&told) {
            let ending = part.path.as_str().rsplit('.').next().unwrap_or("bin");
            let name = format!("{number:02}.{ending}");
            folder.unpack(&file, &source, part.path.as_str(), &name)?;
        }
        folder.keep();
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
    let mut folder =
        NewFolder::make(to, file.entries().iter().map(|e| e.size_bytes).sum(), session)?;
    for entry in file.entries() {
        folder.unpack(&file, &source, &entry.name, &entry.name)?;
    }
    folder.keep();
    Report::new(
        &json!({"to": to, "files": file.entries().len()}),
        format!(
            "{} files are in {}. VERIFY.txt there says how to check them without this program.",
            file.entries().len(),
            to.display()
        ),
    )
}

/// A folder that takes what is unpacked, new or empty until then; empty again unless everything
/// came whole.
struct NewFolder<'a> {
    dir: &'a Path,
    /// Files, and the folders in it that they needed, in the order they were made.
    made: Vec<PathBuf>,
    bar: Bar,
}

impl<'a> NewFolder<'a> {
    /// For so many bytes.
    fn make(dir: &'a Path, bytes: u64, session: &Session) -> anyhow::Result<Self> {
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
        Ok(Self { dir, made: Vec::new(), bar: session.bar("unpacking", bytes) })
    }

    /// Unpacks the entry `name` as `target`, which is at most one folder deep.
    fn unpack(
        &mut self,
        file: &ProvenanceFile,
        source: &File,
        name: &str,
        target: &str,
    ) -> anyhow::Result<()> {
        let target = self.dir.join(target);
        if let Some(parent) = target.parent().filter(|parent| !parent.exists()) {
            std::fs::create_dir(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
            self.made.push(parent.to_owned());
        }
        write_whole(&target, Access::Shared, |out| {
            copy_entry(file, source, name, &mut self.bar.over(out))?;
            Ok(())
        })?;
        self.made.push(target);
        Ok(())
    }

    /// Everything came whole, and stays.
    fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for NewFolder<'_> {
    fn drop(&mut self) {
        // What cannot be removed is still what was signed, as far as it came.
        for made in self.made.iter().rev() {
            let _ =
                if made.is_dir() { std::fs::remove_dir(made) } else { std::fs::remove_file(made) };
        }
    }
}

/// Where a field that the profile knows may be.
const OLD_COPY: &str = "; your copy may end before the sale: ask for the newer one";

/// `hallmark piece disclose`.
pub(super) fn disclose(args: &DiscloseArgs, session: &Session) -> anyhow::Result<Report> {
    keep_apart(&args.out, &[&args.file])?;
    let output = Output::new(&args.out, args.force)?;
    let (_, file) = sound(&args.file, session)?;
    let store = session.open()?;
    let id = file.piece().id;
    let mut all = learned(id, store.read(), session);
    all.extend(store.read().pieces.get(&id).cloned());
    anyhow::ensure!(
        !all.is_empty(),
        "this profile knows nothing hidden in {}",
        args.file.display()
    );
    let of_events = file.events().iter().filter_map(|event| event.subject().hidden.as_ref());
    let hidden: Vec<_> = file.piece().hidden.iter().chain(of_events).collect();
    let mut openings: Vec<&Disclosure> = Vec::new();
    for opening in all.iter().flat_map(|secrets| &secrets.disclosures) {
        if !openings.contains(&opening) {
            openings.push(opening);
        }
    }
    let mut known: Vec<_> = openings
        .iter()
        .filter_map(|opening| {
            let at = hidden.iter().position(|hidden| hidden.opens(opening))?;
            Some((at, opening, opening.field().ok()?))
        })
        .collect();
    known.sort_by_key(|(at, ..)| *at);
    // Where a field was hidden twice, the later one counts: the price of the last sale.
    let (_, opening, field) =
        known.iter().rev().find(|(.., field)| field.name == args.field).ok_or_else(|| {
            let names: Vec<String> =
                known.iter().map(|(.., field)| one_line(&field.name)).collect();
            Usage(match names.as_slice() {
                [] => format!("this profile can open nothing hidden in this file{OLD_COPY}"),
                names
                    if openings.iter().any(|opening| {
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
    output.write(Access::Private, |out| Ok(out.write_all(line.as_bytes())?))?;
    Report::new(
        &json!({"out": args.out, "field": field.name}),
        format!(
            "{} opens {} of {} to whoever has it, and nothing else.\n\
             They run: hallmark verify {} --disclosure {0}",
            args.out.display(),
            one_line(&field.name),
            one_line(file.piece().title.as_str()),
            args.file.display()
        ),
    )
}
