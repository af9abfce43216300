//! `hallmark piece status`: the studio gives its word again, or takes it back.

use std::path::Path;

use hallmark_core::key::SigningKey;
use hallmark_vault::provenance::{
    ProvenanceFile,
    status::Standing,
    write::{self, Amendment, Restatus},
};
use serde_json::json;

use super::{
    handover::{is_studio_of, writing},
    held, sound_in, there, word,
};
use crate::{
    args::StatusArgs,
    cmd::studio::{self, parsed},
    output::{Access, Output},
    report::{Report, Usage},
    session::Session,
};

/// Runs `hallmark piece status`.
///
/// # Errors
/// When this profile is not the studio that minted the file, or it cannot be written.
pub(super) fn run(args: &StatusArgs, session: &Session) -> anyhow::Result<Report> {
    there(&args.file)?;
    // Nobody is asked for anything between reading the file and writing it.
    let mut store = session.open()?;
    let studio = studio::of(&store)?;
    let mut keys = studio.keys();
    let held = held(&args.file)?;
    let out = args.out.as_ref().unwrap_or(&args.file);
    let output = Output::continuing(out, &held, args.force)?;
    let file = sound_in(&held, session)?;
    anyhow::ensure!(
        is_studio_of(&file, store.read()),
        "only the studio that minted {} can give its word on it, and this profile is not it",
        args.file.display()
    );
    keys.identity = match &args.successor_key {
        Some(path) => successor(path, &file)?,
        None => word::key_for(&file, studio::of(&store)?),
    };
    let standing = match (args.revoke, args.stolen) {
        (true, _) => Standing::Revoked,
        (_, true) => Standing::Stolen,
        _ => Standing::Current,
    };
    if standing == Standing::Current
        && word::standing(&file, store.read()) != Standing::Current
        && !args.reinstate
    {
        return Err(Usage(
            "this certificate was revoked, or the piece said to be stolen; --reinstate lets it \
             stand again, --revoke or --stolen says so again"
                .into(),
        )
        .into());
    }
    if standing == Standing::Current {
        word::check_newest(&file, &held, store.read(), args.despite_newer)?;
        word::stand_by(&file, args.stand_by, session)?;
    }
    let reason = parsed("--reason", args.reason.as_deref())?;
    let (at, days) = (session.now(), args.days);
    let status = Restatus { standing, reason, at, days, identity: keys.identity };
    let amendment = Amendment { status: Some(status), ..Amendment::default() };
    let given = match standing {
        Standing::Current => word::on(&file, &held, None, standing),
        _ => word::against(&file, &held, store.read(), standing),
    };
    word::remember(&file, given, &mut store, session)?;
    let in_place = output.is_in_place();
    let bar = writing(&file, session);
    output.write(Access::Shared, |target| {
        write::rewrite(&file, held.file(), amendment, &keys.writer, bar.over(target))?;
        Ok(())
    })?;
    if !in_place {
        word::settle(&file, &mut store, session);
    }
    let until = at.plus_days(days);
    let signed =
        if args.successor_key.is_some() { " It is signed by the successor key." } else { "" };
    let text = match standing {
        Standing::Current => {
            format!("Your word on {} counts until {}.{signed}", out.display(), until.date())
        }
        Standing::Revoked => format!(
            "The certificate is taken back in {}. Copies handed out before still carry the old \
             status until it expires: send this one to whoever has them.{signed}",
            out.display()
        ),
        Standing::Stolen => format!(
            "{} says that the piece is stolen. Copies handed out before do not: send this one \
             around.{signed}",
            out.display()
        ),
    };
    Report::new(&json!({"out": out, "status": standing, "until": until}), text)
}

/// The key on the page that `studio init` printed, which must be the one the file names.
fn successor(path: &Path, file: &ProvenanceFile) -> anyhow::Result<SigningKey> {
    let key = SigningKey::from_seed(studio::successor_on(path)?.expose());
    anyhow::ensure!(
        key.public() == file.piece().maker.successor,
        "the key in {} is not the successor that this provenance file names",
        path.display()
    );
    Ok(key)
}
