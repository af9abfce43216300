//! Keeping and changing items.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_core::{
    account::ItemId,
    seal::blob::{self, Work},
};
use hallmark_vault::{
    item::{
        Attachment, Content, Edit, Kind,
        content::{ContentError, MAX_ATTACHMENTS, Version, is_name},
    },
    online::Seen,
};
use serde_json::json;

use super::{
    super::{desk::Desk, ids::Ids},
    GOES, fields, find, kept, told,
};
use crate::{
    args::{EditArgs, PutArgs},
    input,
    report::{Report, Usage, one_line},
    session::{self, Session},
};

pub(super) fn put(args: &PutArgs, session: &Session) -> anyhow::Result<Report> {
    let kind: Kind = args.kind.parse().map_err(|error| Usage(format!("{error}")))?;
    anyhow::ensure!(
        !matches!(kind, Kind::Device | Kind::Provenance),
        Usage(match kind {
            Kind::Provenance => "a provenance file is kept with `hallmark piece keep FILE`".into(),
            _ => "devices are named with `hallmark device add`".into(),
        })
    );
    let mut given = fields::given(&args.fields, args.from.as_deref())?;
    if given.is_empty() {
        given = fields::asked(kind, session)?;
    }
    given.retain(|_, value| !value.is_empty());
    kind.check(&given).map_err(|error| Usage(error.to_string()))?;
    named(&args.attach, &[])?;
    let mut desk = Desk::open_or_create(session)?;
    keep(&mut desk, kind, given, &args.attach)
}

/// Keeps a new item with these files.
pub(in crate::cmd) fn keep(
    desk: &mut Desk<'_>,
    kind: Kind,
    fields: fields::Fields,
    files: &[PathBuf],
) -> anyhow::Result<Report> {
    let session = desk.session;
    let item = ItemId::generate(&mut session.rng());
    let named = named(files, &[])?;
    let attachments = named
        .into_iter()
        .map(|file| attach(desk, item, file))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let by = desk.account()?.device().public().key;
    let version = Version { fields, attachments, at: session.now(), by };
    let content = Content::new(kind, version)?;
    let what = called(item, &content, &desk.ids()?);
    desk.online()?.edit(item, 0, Edit::Put(Box::new(content)))?;
    let exchange = desk.exchange()?;
    let words = ("Kept, readable on your devices alone", "Kept on this device", GOES);
    let told = told(&exchange, item, words, &what);
    kept(desk, item, &exchange, told)
}

pub(super) fn edit(args: &EditArgs, session: &Session) -> anyhow::Result<Report> {
    let changes = fields::given(&args.fields, args.from.as_deref())?;
    anyhow::ensure!(
        !(changes.is_empty() && args.attach.is_empty() && args.detach.is_empty()),
        Usage("say what changes: name=value, --attach FILE or --detach NAME".into())
    );
    let mut desk = Desk::open(session)?;
    desk.refresh()?;
    let seen = find(&mut desk, &args.item)?;
    let item = seen.item;
    let mut now = seen.content.now.clone();
    for (name, value) in changes {
        if value.is_empty() {
            now.fields.remove(&name);
        } else {
            now.fields.insert(name, value);
        }
    }
    seen.content.kind.check(&now.fields).map_err(|error| Usage(error.to_string()))?;
    for name in &args.detach {
        let before = now.attachments.len();
        now.attachments.retain(|attachment| attachment.name != *name);
        anyhow::ensure!(
            now.attachments.len() < before,
            Usage(format!("the item has no attachment {name:?}"))
        );
    }
    if args.attach.is_empty() && args.detach.is_empty() && now.fields == seen.content.now.fields {
        let what = called(item, &seen.content, &desk.ids()?);
        let text = format!("Nothing changed: {what} says that already.");
        return Report::new(&json!({"item": item, "changed": false, "sent": !seen.unsent}), text);
    }
    for file in named(&args.attach, &now.attachments)? {
        let attachment = attach(&mut desk, item, file)?;
        now.attachments.push(attachment);
    }
    changed(&mut desk, &seen, now)
}

/// An item that is to say this, with these files and no others.
pub(in crate::cmd) fn replace(
    desk: &mut Desk<'_>,
    seen: &Seen,
    fields: fields::Fields,
    files: &[PathBuf],
) -> anyhow::Result<Report> {
    let attachments = named(files, &[])?
        .into_iter()
        .map(|file| attach(desk, seen.item, file))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let now = Version { fields, attachments, ..seen.content.now.clone() };
    changed(desk, seen, now)
}

fn changed(desk: &mut Desk<'_>, seen: &Seen, mut now: Version) -> anyhow::Result<Report> {
    let item = seen.item;
    (now.at, now.by) = (desk.session.now(), desk.account()?.device().public().key);
    // An edit that was never sent is not a version of its own.
    let content = if seen.unsent {
        seen.content.amended(now)?
    } else {
        seen.content.edited(seen.version, now)?
    };
    let what = called(item, &content, &desk.ids()?);
    desk.online()?.edit(item, seen.version, Edit::Put(Box::new(content)))?;
    let exchange = desk.exchange()?;
    let words = ("Changed", "Changed on this device", GOES);
    let told = told(&exchange, item, words, &what);
    kept(desk, item, &exchange, told)
}

/// An item as it is named to people.
fn called(item: ItemId, content: &Content, ids: &Ids) -> String {
    let (kind, summary) = (content.kind.title(), one_line(&content.summary()));
    format!("{kind} {} ({summary})", ids.short(&item))
}

/// A file that is to be an attachment of that name.
struct Named<'a> {
    name: String,
    path: &'a Path,
}

/// The files, where an item that has `there` can take them: asked before anything is sealed.
fn named<'a>(files: &'a [PathBuf], there: &[Attachment]) -> anyhow::Result<Vec<Named<'a>>> {
    let mut taken: BTreeSet<String> =
        there.iter().map(|attachment| attachment.name.clone()).collect();
    let mut all = Vec::new();
    for path in files {
        let shown = path.display();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("{shown} has no name that is text"))?
            .to_owned();
        anyhow::ensure!(
            is_name(&name),
            Usage(format!("{shown}: {}", ContentError::Name { name: name.clone() }))
        );
        anyhow::ensure!(
            taken.insert(name.clone()),
            Usage(format!("{shown}: {}", ContentError::SameName { name: name.clone() }))
        );
        all.push(Named { name, path });
    }
    anyhow::ensure!(
        all.is_empty() || there.len() + all.len() <= MAX_ATTACHMENTS,
        Usage(ContentError::TooManyAttachments.to_string())
    );
    Ok(all)
}

/// Seals a file for an item.
fn attach(desk: &mut Desk<'_>, item: ItemId, file: Named<'_>) -> anyhow::Result<Attachment> {
    let Named { name, path } = file;
    let (file, size) =
        input::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bar = desk.session.bar("sealing", blob::blob_len(size).unwrap_or(size));
    let progress = |bytes| bar.advance(bytes);
    let work = Work::on(session::threads()).reporting(&progress);
    let staged = desk.online()?.stage(item, name, size, &file, &work);
    drop(bar);
    staged.map_err(anyhow::Error::new).map_err(|error| {
        let (folder, file) = (desk.folder.display(), path.display());
        if is_full(&error) {
            error.context(format!(
                "the disk that {folder} is on has no room to seal {file}; nothing was kept. Make room \
                 there, then run the command again"
            ))
        } else {
            error.context(format!("sealing {file}"))
        }
    })
}

/// Whether a disk is full, or nothing more of it is this person's.
fn is_full(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|cause| {
        matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    })
}

#[cfg(test)]
mod tests {
    use hallmark_vault::online::OnlineError;

    use super::*;

    #[test]
    fn a_full_disk_is_known_under_what_was_written() {
        let failed = |kind: io::ErrorKind| {
            anyhow::Error::new(OnlineError::Disk { what: "x", source: kind.into() })
        };
        assert!(is_full(&failed(io::ErrorKind::StorageFull)));
        assert!(!is_full(&failed(io::ErrorKind::PermissionDenied)));
    }
}
