//! `hallmark piece status`: the studio gives its word again, or takes it back.

use hallmark_vault::provenance::{
    status::Standing,
    write::{self, Amendment, Restatus},
};
use serde_json::json;

use super::{
    handover::{is_studio_of, writing},
    held, sound_in, stand_by, there,
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
    let store = session.open()?;
    let keys = studio::of(&store)?.keys();
    let held = held(&args.file)?;
    let out = args.out.as_ref().unwrap_or(&args.file);
    let output = Output::continuing(out, &held, args.force)?;
    let file = sound_in(&held, session)?;
    anyhow::ensure!(
        is_studio_of(&file, store.read()),
        "only the studio that minted {} can give its word on it, and this profile is not it",
        args.file.display()
    );
    let standing = match (args.revoke, args.stolen) {
        (true, _) => Standing::Revoked,
        (_, true) => Standing::Stolen,
        _ => Standing::Current,
    };
    if standing == Standing::Current
        && file.status().credential_subject.status != Standing::Current
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
        stand_by::check(&file, args.stand_by, session)?;
    }
    let reason = parsed("--reason", args.reason.as_deref())?;
    let (at, days) = (session.now(), args.days);
    let status = Restatus { standing, reason, at, days, identity: keys.identity };
    let amendment = Amendment { event: None, status: Some(status) };
    let bar = writing(&file, session);
    output.write(Access::Shared, |target| {
        write::rewrite(&file, held.file(), amendment, &keys.writer, bar.over(target))?;
        Ok(())
    })?;
    let until = at.plus_days(days);
    let text = match standing {
        Standing::Current => {
            format!("Your word on {} counts until {}.", out.display(), until.date())
        }
        Standing::Revoked => format!(
            "The certificate is taken back in {}. Copies handed out before still carry the old \
             status until it expires: send this one to whoever has them.",
            out.display()
        ),
        Standing::Stolen => format!(
            "{} says that the piece is stolen. Copies handed out before do not: send this one \
             around.",
            out.display()
        ),
    };
    Report::new(&json!({"out": out, "status": standing, "until": until}), text)
}
