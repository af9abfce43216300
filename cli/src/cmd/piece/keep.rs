//! `hallmark piece keep`: a provenance file in one's own account.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hallmark_core::id::PieceId;
use hallmark_vault::{
    item::Kind,
    online::Seen,
    profile::{PieceSecrets, Profile},
};

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
    if let Some(secrets) = desk.store.read().pieces.get(&piece.id) {
        fields.insert(SECRETS.to_owned(), serde_json::to_string(secrets)?);
    }
    if Kind::Provenance.check(&fields).is_err() {
        // More openings of hidden fields than a field holds: the file is kept, they stay here.
        fields.remove(SECRETS);
        session.say(
            "hallmark: the openings of its hidden fields are too many and stay on this device",
        );
    }
    desk.refresh()?;
    let files = [PathBuf::from(path)];
    let id = piece.id.to_string();
    match desk.online()?.items().0.into_iter().find(|seen| is_of(seen, &id)) {
        Some(seen) => replace(&mut desk, &seen, fields, &files),
        None => keep(&mut desk, Kind::Provenance, fields, &files),
    }
}

fn is_of(seen: &Seen, piece: &str) -> bool {
    seen.content.kind == Kind::Provenance
        && seen.content.now.fields.get("piece").map(String::as_str) == Some(piece)
}

/// What other devices of this account know of pieces that this one does not: the owner's key is on
/// each of them, so that a piece can be handed on with any.
pub fn learned(items: &[Seen], profile: &Profile) -> BTreeMap<PieceId, PieceSecrets> {
    let provenance = items.iter().filter(|seen| seen.content.kind == Kind::Provenance);
    provenance
        .filter_map(|seen| {
            let fields = &seen.content.now.fields;
            let piece: PieceId = fields.get("piece")?.parse().ok()?;
            let secrets = serde_json::from_str(fields.get(SECRETS)?).ok()?;
            (!profile.pieces.contains_key(&piece)).then_some((piece, secrets))
        })
        .collect()
}
