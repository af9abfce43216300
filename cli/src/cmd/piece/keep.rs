//! `hallmark piece keep`: a provenance file in one's own account, and what the account knows of its
//! piece.
//!
//! # Decisions
//!
//! - **What items say of a piece stays in the items.** Any device of the account may have written it,
//!   a thief's as well, and none of it becomes this device's own: it is looked up when it is needed,
//!   and gone when its item is.
//! - **It counts for what the provenance file names.** The key of the owner that the custody chain
//!   names signs, and an opening opens the hidden field it hashes to, whoever wrote them down. An offer,
//!   and the signature on what came of one, take a key that was made on this device.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hallmark_core::{id::PieceId, key::PublicKey};
use hallmark_vault::{
    item::{Kind, content::Version, kind::MAX_VALUE_BYTES},
    online::{Seen, offline},
    profile::{PieceSecrets, Profile},
};
use serde::Deserialize;

use super::sound;
use crate::{
    cmd::{
        desk::Desk,
        item::{keep, replace},
    },
    report::{Report, one_line},
    session::Session,
};

/// The field that holds what only the piece's owner has: the key for it, and places in its chain.
const SECRETS: &str = "secrets";

/// `hallmark piece keep`.
pub(super) fn run(path: &Path, note: Option<&str>, session: &Session) -> anyhow::Result<Report> {
    let (_, file) = sound(path, session)?;
    let piece = file.piece();
    let mut desk = Desk::open_or_create(session)?;
    let mut fields = BTreeMap::from([
        ("title".to_owned(), one_line(piece.title.as_str())),
        ("piece".to_owned(), piece.id.to_string()),
        ("signer".to_owned(), file.manifest().issuer.fingerprint().to_string()),
    ]);
    fields.extend(note.map(|note| ("note".to_owned(), note.to_owned())));
    desk.refresh()?;
    let own = desk.store.read().pieces.get(&piece.id).cloned();
    let (mut items, _) = desk.online()?.items();
    items.retain(|seen| is_of(seen, piece.id));
    let there = own_or_first(items, own.as_ref());
    let others = there.as_ref().map(|seen| said(&seen.content.now)).unwrap_or_default();
    let (secrets, left_out) = together(own.as_ref(), others, file.custody().owner())?;
    fields.extend(secrets.map(|secrets| (SECRETS.to_owned(), secrets)));
    match left_out {
        LeftOut::Nothing => {}
        LeftOut::Own => session.say(
            "hallmark: the openings of its hidden fields are too many and stay on this device",
        ),
        LeftOut::Others => session.say(
            "hallmark: what other devices know of it does not fit beside what this one does; it stays \
             on them, and in the item's history for a while",
        ),
    }
    let files = [PathBuf::from(path)];
    match there {
        Some(seen) => replace(&mut desk, &seen, fields, &files),
        None => keep(&mut desk, Kind::Provenance, fields, &files),
    }
}

fn is_of(seen: &Seen, piece: PieceId) -> bool {
    seen.content.kind == Kind::Provenance
        && seen.content.now.fields.get("piece") == Some(&piece.to_string())
}

/// The item that this device's secrets are in, or any.
fn own_or_first(items: Vec<Seen>, own: Option<&PieceSecrets>) -> Option<Seen> {
    let holds_own = |seen: &Seen| {
        said(&seen.content.now).iter().any(|said| own.is_some_and(|own| own.shares_chain(said)))
    };
    let at = items.iter().position(holds_own).unwrap_or(0);
    items.into_iter().nth(at)
}

/// What found no room in an item.
enum LeftOut {
    Nothing,
    /// What this device knows.
    Own,
    /// Something that other devices know.
    Others,
}

/// The field that holds what this device knows of a piece and, after it, what others put into the same
/// item, those first that have the owner's key. Nothing of theirs takes the place of what was made here.
fn together(
    own: Option<&PieceSecrets>,
    mut others: Vec<PieceSecrets>,
    owner: PublicKey,
) -> anyhow::Result<(Option<String>, LeftOut)> {
    others.retain(|other| own.is_none_or(|own| !own.shares_chain(other)));
    others.sort_by_key(|other| !has_key(other, &owner));
    let (mut all, mut field, mut left_out) = (Vec::new(), None, LeftOut::Nothing);
    for (secrets, is_own) in
        own.map(|own| (own, true)).into_iter().chain(others.iter().map(|other| (other, false)))
    {
        all.push(secrets);
        let text = serde_json::to_string(&all)?;
        if text.len() <= MAX_VALUE_BYTES {
            field = Some(text);
            continue;
        }
        all.pop();
        match (is_own, &left_out) {
            (true, _) => left_out = LeftOut::Own,
            (false, LeftOut::Nothing) => left_out = LeftOut::Others,
            (false, _) => {}
        }
    }
    Ok((field, left_out))
}

/// Whether these secrets hold the secret half of `key`.
pub(super) fn has_key(secrets: &PieceSecrets, key: &PublicKey) -> bool {
    secrets.existing_owner_key().is_some_and(|own| own.public() == *key)
}

/// What the items of this profile's account say of a piece, now and before: from which device, nothing
/// shows.
pub(super) fn learned(piece: PieceId, profile: &Profile, session: &Session) -> Vec<PieceSecrets> {
    let (Some(holdings), Some(folder)) = (&profile.holdings, session.folder()) else {
        return Vec::new();
    };
    let (items, _) = offline(holdings, &folder);
    let of_piece = items.iter().filter(|seen| is_of(seen, piece));
    let versions = of_piece.flat_map(|seen| {
        let past = seen.content.history.iter().map(|past| &past.said);
        std::iter::once(&seen.content.now).chain(past)
    });
    versions.flat_map(said).collect()
}

/// What a version of an item says of its piece's secrets, by one device or several.
fn said(version: &Version) -> Vec<PieceSecrets> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Field {
        Several(Vec<PieceSecrets>),
        One(Box<PieceSecrets>),
    }
    match version.fields.get(SECRETS).and_then(|field| serde_json::from_str(field).ok()) {
        Some(Field::Several(all)) => all,
        Some(Field::One(one)) => vec![*one],
        None => Vec::new(),
    }
}
