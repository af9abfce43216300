//! Showing items.

use std::{fmt::Write as _, path::Path};

use anyhow::Context;
use hallmark_core::seal::blob::{self, Work};
use hallmark_vault::{
    item::{Attachment, Kind, content::Version},
    online::Seen,
};
use serde_json::json;

use super::{super::desk::Desk, find};
use crate::{
    args::GetArgs,
    output::{Access, Output, beside_states},
    report::{Report, Usage, escaped, one_line, whole_line},
    session::{self, Session},
};

pub(super) fn list(kind: Option<&str>, session: &Session) -> anyhow::Result<Report> {
    let kind: Option<Kind> =
        kind.map(str::parse).transpose().map_err(|error| Usage(format!("--kind: {error}")))?;
    let mut desk = Desk::open(session)?;
    let waiting = desk.refresh()?;
    let (items, unopened) = desk.online()?.items();
    let closed = desk.closed()?;
    let shown: Vec<&Seen> = items
        .iter()
        .filter(|seen| match kind {
            Some(kind) => seen.content.kind == kind,
            None => seen.is_kept(),
        })
        .collect();
    let ids = desk.ids()?;
    let digits = shown.iter().map(|seen| ids.short(&seen.item).len()).max().unwrap_or(0);
    let mut text = String::new();
    for seen in &shown {
        let files = match seen.content.now.attachments.len() {
            0 => String::new(),
            1 => ", 1 file".into(),
            n => format!(", {n} files"),
        };
        let _ = writeln!(
            text,
            "{:<digits$}  {:<17} {}{files}{}",
            ids.short(&seen.item),
            seen.content.kind,
            one_line(&seen.content.summary()),
            if seen.unsent { "  (not sent yet)" } else { "" }
        );
    }
    if shown.is_empty() {
        text += "You keep nothing here yet; `hallmark item put` keeps something.\n";
    }
    if unopened > 0 {
        let closed: Vec<String> = closed.iter().map(|(id, _)| ids.short(id)).collect();
        let _ = writeln!(
            text,
            "{unopened} more do not open on this device: {}. `hallmark item rm` removes them.",
            closed.join(", ")
        );
    }
    if let Some(why) = &waiting {
        let _ = writeln!(text, "Without what may be new on other devices: {why}.");
    }
    let json: Vec<_> = shown
        .iter()
        .map(|seen| {
            json!({
                "item": seen.item, "kind": seen.content.kind, "version": seen.version,
                "summary": seen.content.summary(), "at": seen.content.now.at, "unsent": seen.unsent,
                "attachments": seen.content.now.attachments.len(),
            })
        })
        .collect();
    let all = json!({"items": json, "unopened": unopened, "waiting": waiting});
    Report::new(&all, text.trim_end())
}

pub(super) fn get(args: &GetArgs, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    let waiting = desk.refresh()?;
    let seen = find(&mut desk, &args.item)?;
    let now = &seen.content.now;
    if let Some(name) = &args.field {
        let value = now
            .fields
            .get(name)
            .with_context(|| format!("the item has no field {name:?}; it has {}", names(now)))?;
        let shown = if session.screen { escaped(value) } else { value.clone() };
        return Report::new(&json!({"item": seen.item, name: value}), shown);
    }
    let mut saved = Vec::new();
    if let Some(folder) = &args.save {
        for attachment in &now.attachments {
            saved.push(save(&mut desk, attachment, folder, args.force)?);
        }
    }
    let mut text = format!(
        "{} {}, {}\n",
        seen.content.kind.title(),
        desk.ids()?.short(&seen.item),
        match (seen.version, seen.unsent) {
            (0, _) => "new and not sent yet".to_owned(),
            (version, true) => format!("version {version}, changed here and not sent yet"),
            (version, false) => format!("version {version}"),
        }
    );
    said(&mut text, now);
    for path in &saved {
        let _ = writeln!(text, "Saved: {}", one_line(path));
    }
    if let Some(why) = &waiting {
        let _ = writeln!(text, "Without what may be new on other devices: {why}.");
    }
    let json = json!({
        "item": seen.item, "kind": seen.content.kind, "version": seen.version,
        "unsent": seen.unsent, "now": spoken(now), "saved": saved, "waiting": waiting,
    });
    Report::new(&json, text.trim_end())
}

pub(super) fn history(item: &str, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    desk.refresh()?;
    let seen = find(&mut desk, item)?;
    let mut text = format!("Version {}, now:\n", seen.version.max(1));
    said(&mut text, &seen.content.now);
    let mut past = Vec::new();
    for earlier in &seen.content.history {
        let _ = writeln!(text, "Version {}, until then:", earlier.version);
        said(&mut text, &earlier.said);
        past.push(json!({"version": earlier.version, "said": spoken(&earlier.said)}));
    }
    let json = json!({
        "item": seen.item, "version": seen.version, "now": spoken(&seen.content.now),
        "history": past,
    });
    Report::new(&json, text.trim_end())
}

/// Opens an attachment into a folder.
pub(in crate::cmd) fn save(
    desk: &mut Desk<'_>,
    attachment: &Attachment,
    folder: &Path,
    force: bool,
) -> anyhow::Result<String> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let name = beside_states(file_name(&attachment.name)?);
    let path = folder.join(&name);
    let output = Output::new(&path, force)?;
    let bar = desk
        .session
        .bar("fetching", blob::blob_len(attachment.size_bytes).unwrap_or(attachment.size_bytes));
    let progress = |bytes| bar.advance(bytes);
    let download = desk.online()?.fetch_attachment(attachment, &progress)?;
    drop(bar);
    output.write(Access::Private, |out| {
        let work = Work::on(session::threads());
        Ok(download.open(out, &work)?)
    })?;
    if name != attachment.name {
        desk.session.say(&format!(
            "hallmark: {} is saved as {}: a profile's keys are called that, and nothing is written \
             where they are",
            one_line(&attachment.name),
            one_line(&name)
        ));
    }
    Ok(path.display().to_string())
}

/// A name without a way out of its folder, whoever wrote it.
fn file_name(name: &str) -> anyhow::Result<&str> {
    let plain = !name.is_empty()
        && name != "."
        && name != ".."
        && !name.chars().any(|c| c == '/' || c == '\\' || c.is_control());
    anyhow::ensure!(plain, "the attachment's name {name:?} cannot be a file's name here");
    Ok(name)
}

fn said(text: &mut String, version: &Version) {
    for (name, value) in &version.fields {
        // What only its owner's program needs stays out of sight.
        if name != "secrets" {
            let _ = writeln!(text, "  {name:<10} {}", whole_line(value));
        }
    }
    for attachment in &version.attachments {
        let name = one_line(&attachment.name);
        let _ = writeln!(text, "  file       {name}, {} bytes", attachment.size_bytes);
    }
    let by = version.by.fingerprint().to_string();
    let _ = writeln!(text, "  written    {} on device {}", version.at, &by[..9]);
}

fn spoken(version: &Version) -> serde_json::Value {
    let files: Vec<_> = version
        .attachments
        .iter()
        .map(|file| json!({"name": file.name, "bytes": file.size_bytes}))
        .collect();
    let mut fields = version.fields.clone();
    fields.remove("secrets");
    json!({"fields": fields, "attachments": files, "at": version.at, "by": version.by})
}

fn names(version: &Version) -> String {
    version.fields.keys().cloned().collect::<Vec<_>>().join(", ")
}
