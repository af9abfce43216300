//! `hallmark studio`: the keys a party signs under.

use std::{io::Write, path::Path};

use anyhow::Context;
use hallmark_core::key::PublicKey;
use hallmark_vault::{
    profile::{Profile, Studio},
    provenance::{piece::Domain, text::Text, write::pub_file},
    state::Store,
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    args::{StudioCommand, StudioInitArgs},
    output::{Access, write_whole},
    remote::did_web,
    report::{Report, Usage},
    session::Session,
};

/// Runs `hallmark studio`.
///
/// # Errors
/// When the state does not open, or a file cannot be written.
pub fn run(command: &StudioCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        StudioCommand::Init(args) => init(args, session),
        StudioCommand::Show => show(session),
        StudioCommand::Pub { out } => {
            let store = session.open()?;
            write_pub(of(&store)?, out)?;
            Report::new(&json!({"out": out}), format!("Written to {}.", out.display()))
        }
        StudioCommand::Domain => domain(session),
    }
}

/// The studio of a profile.
///
/// # Errors
/// When the profile has none, naming the way out.
pub fn of(store: &Store<Profile>) -> anyhow::Result<&Studio> {
    store.read().studio.as_ref().context(
        "this profile has no signing keys; `hallmark studio init` makes them (another profile of \
         this machine is named with --profile)",
    )
}

fn init(args: &StudioInitArgs, session: &Session) -> anyhow::Result<Report> {
    let mut store = session.open_or_create()?;
    if let Some(studio) = &store.read().studio {
        anyhow::bail!(
            "profile {} already is the studio {}; a second studio needs its own --profile",
            session.profile(),
            studio.name
        );
    }
    let name = match &args.name {
        Some(name) => Some(name.clone()),
        None => session.ask("What is the studio called?", "--name")?,
    };
    let name: Text = name
        .ok_or_else(|| Usage("a studio needs a name: --name".into()))?
        .parse()
        .map_err(|error| Usage(format!("--name: {error}")))?;
    let place: Option<Text> = parsed("--place", args.place.as_deref())?;
    let domain: Option<Domain> = parsed("--domain", args.domain.as_deref())?;
    for path in [&args.pub_out, &args.successor_out] {
        if path.exists() {
            anyhow::bail!("{} is there already; move it away first", path.display());
        }
    }
    let (studio, successor) = Studio::found(name, place, domain, &mut session.rng());
    // The successor is on paper before the studio exists: a kill in between leaves a file to delete.
    let seed = Zeroizing::new(data_encoding::HEXLOWER.encode(successor.expose()));
    let text = Zeroizing::new(successor_text(&studio, &seed));
    write_whole(&args.successor_out, Access::Private, |out| Ok(out.write_all(text.as_bytes())?))?;
    write_pub(&studio, &args.pub_out)?;
    let summary = summary(&studio);
    store.update(&mut session.rng(), |profile| profile.studio = Some(studio))?;
    let text = format!(
        "{}\n\n\
         For your buyers: {} names your key. Put it on your page or hand it over.\n\
         Keep offline:    {} holds the key that follows this one. Print it or move it to a stick, \
         then delete it from this machine.\n\
         Next:            hallmark piece mint --from FOLDER",
        human(&summary),
        args.pub_out.display(),
        args.successor_out.display(),
    );
    Report::new(&summary, text)
}

fn show(session: &Session) -> anyhow::Result<Report> {
    let store = session.open()?;
    let summary = summary(of(&store)?);
    Report::new(&summary, human(&summary))
}

fn domain(session: &Session) -> anyhow::Result<Report> {
    let store = session.open()?;
    let studio = of(&store)?;
    let domain = studio.domain.as_ref().context(
        "this studio names no domain; it is given with `studio init --domain example.com`",
    )?;
    let document = did_web::document(domain, &studio.public());
    let text = serde_json::to_string_pretty(&document)?;
    Report::new(&document, text)
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Domain>,
    key: PublicKey,
    fingerprint: String,
    successor: PublicKey,
    minisign: String,
}

fn summary(studio: &Studio) -> Summary {
    Summary {
        name: studio.name.clone(),
        domain: studio.domain.clone(),
        key: studio.public(),
        fingerprint: studio.public().fingerprint().to_string(),
        successor: studio.successor,
        minisign: studio.keys().writer.public_line(),
    }
}

fn human(summary: &Summary) -> String {
    format!(
        "Studio       {}\nKey          {}\nFingerprint  {}\nSuccessor    {}",
        summary.name, summary.key, summary.fingerprint, summary.successor
    )
}

fn successor_text(studio: &Studio, seed: &str) -> String {
    format!(
        "Successor key of the studio {}\n\n\
         Whoever has this can speak as the studio once its present key is given up. Print this \
         page or move it to a stick kept in another place, then delete the file.\n\n\
         Public key: {}\nSecret key: {seed}\n",
        studio.name, studio.successor
    )
}

fn write_pub(studio: &Studio, path: &Path) -> anyhow::Result<()> {
    let text = pub_file(&studio.public(), &studio.name, &studio.keys().writer);
    write_whole(path, Access::Shared, |out| Ok(out.write_all(text.as_bytes())?))
}

/// Parses an optional argument, naming it when it is wrong.
///
/// # Errors
/// [`Usage`].
pub fn parsed<T: std::str::FromStr>(name: &str, value: Option<&str>) -> anyhow::Result<Option<T>>
where
    T::Err: std::fmt::Display,
{
    value
        .map(|value| value.parse().map_err(|error| Usage(format!("{name}: {error}")).into()))
        .transpose()
}
