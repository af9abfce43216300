//! `hallmark studio`: the keys a party signs under.

use std::{
    fmt::Write as _,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_core::{key::PublicKey, secret::Secret};
use hallmark_vault::{
    profile::{Profile, Studio},
    provenance::{piece::Domain, text::Text, write::pub_file},
    state::Store,
};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    args::{Command, PieceCommand, StudioCommand, StudioInitArgs},
    cmd::{key_history, trust::pub_file as pub_file_at},
    input,
    output::{Access, Output},
    remote::did_web,
    report::{Report, Usage},
    session::Session,
};

/// What the name of a successor's file ends with, after the profile's name.
const SUCCESSOR_NAME: &str = "-successor-KEEP-OFFLINE.txt";
/// The first line of a successor's file: what tells it from every note.
pub const SUCCESSOR_HEADING: &str = "SECRET: successor key of a Hallmark studio. Keep offline.";
/// What stands before the secret key in it.
pub const SUCCESSOR_SECRET: &str = "Secret key: ";

/// Runs `hallmark studio`.
///
/// # Errors
/// When the state does not open, or a file cannot be written.
pub fn run(command: &StudioCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        StudioCommand::Init(args) => init(args, session),
        StudioCommand::Show => show(session),
        StudioCommand::Pub { out, force } => {
            let store = session.open()?;
            let studio = of(&store)?;
            // The same key written again is what this command is for.
            let same = || pub_file_at(out).is_ok_and(|(key, _)| key == studio.public());
            write_pub(studio, Output::new(out, *force || same())?)?;
            Report::new(&json!({"out": out}), format!("Written to {}.", out.display()))
        }
        StudioCommand::Announce(args) => key_history::announce(args, session),
        StudioCommand::Succeed(args) => key_history::succeed(args, session),
        StudioCommand::Domain { set: Some(domain) } => set_domain(domain, session),
        StudioCommand::Domain { set: None } => domain(session),
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
    let successor_out = match &args.successor_out {
        Some(path) => path.clone(),
        // Beside the profile, where no folder of a piece picks it up.
        None => successor_beside(session)?,
    };
    for path in [&args.pub_out, &successor_out] {
        if path.exists() {
            anyhow::bail!("{} is there already; move it away first", path.display());
        }
    }
    let successor_output = Output::new(&successor_out, false)?;
    let pub_output = Output::new(&args.pub_out, false)?;
    let (studio, successor) = Studio::found(name, place, domain, &mut session.rng());
    // The successor is on paper before the studio exists: a kill in between leaves a file to delete.
    write_successor(&studio, &successor, successor_output)?;
    write_pub(&studio, pub_output)?;
    let summary = summary(&studio);
    store.update(&mut session.rng(), |profile| profile.studio = Some(studio))?;
    let text = format!(
        "{}\n\n\
         To hand out:     {} names your key. Put it on your page or hand it over.\n\
         Keep offline:    {} holds the SECRET key that follows this one. Print it or move it to a \
         stick now, then delete it from this machine. Whoever has it can speak as the studio: it \
         belongs into no folder of a piece. Used by: hallmark piece status --successor-key\n\
         Next, a studio:  hallmark piece mint --from FOLDER\n\
         A laboratory, supplier or repairer signs on somebody else's piece:\n                 \
         hallmark piece event FILE --kind inspected (or serviced), or hallmark piece attest",
        human(&summary),
        args.pub_out.display(),
        successor_out.display(),
    );
    Report::new(&summary, text)
}

/// Where the successor of this profile is written, unless another place is named.
pub fn successor_beside(session: &Session) -> anyhow::Result<PathBuf> {
    Ok(session.home()?.path().join(format!("{}{SUCCESSOR_NAME}", session.profile())))
}

/// Reminds of the successor's page, as long as it lies in clear where `studio init` wrote it.
///
/// # Errors
/// When `report` cannot be made again.
pub fn with_reminder(
    report: Report,
    command: &Command,
    session: &Session,
) -> anyhow::Result<Report> {
    let (first, document) = match command {
        Command::Studio(StudioCommand::Init(_) | StudioCommand::Succeed(_)) => (true, false),
        Command::Studio(StudioCommand::Domain { set: None }) => (false, true),
        Command::Studio(_) | Command::Piece(PieceCommand::Mint(_) | PieceCommand::Status(_)) => {
            (false, false)
        }
        _ => return Ok(report),
    };
    let Some(page) = successor_beside(session).ok().filter(|page| page.is_file()) else {
        return Ok(report);
    };
    let line = format!(
        "Still here: {} holds the secret successor key in clear; move it to a stick or print it, \
         then delete it here.",
        page.display()
    );
    if document {
        // What is printed goes into a file as it is.
        session.say(&format!("hallmark: {line}"));
        return Ok(report);
    }
    let mut json = report.json().clone();
    let member = if json.get("notes").is_some() { "notes" } else { "remarks" };
    if let Some(object) = json.as_object_mut() {
        let list = object.entry(member).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(line.clone().into());
        }
    }
    // The first time, the text itself says more of it.
    let text =
        if first { report.text().to_owned() } else { format!("{}\n\n{line}", report.text()) };
    Ok(Report::new(&json, text)?.with_code(report.code()))
}

fn show(session: &Session) -> anyhow::Result<Report> {
    let store = session.open()?;
    let summary = summary(of(&store)?);
    let mut json = serde_json::to_value(&summary)?;
    let mut text = human(&summary);
    if let Some(folder) = session.folder() {
        json["folder"] = serde_json::to_value(&folder)?;
        let _ = write!(text, "\nKept in      {}", folder.display());
    }
    Report::new(&json, text)
}

fn set_domain(domain: &str, session: &Session) -> anyhow::Result<Report> {
    let domain: Domain = domain.parse().map_err(|error| Usage(format!("--set: {error}")))?;
    let mut store = session.open()?;
    of(&store)?;
    store.update(&mut session.rng(), |profile| {
        if let Some(studio) = &mut profile.studio {
            studio.domain = Some(domain.clone());
        }
    })?;
    Report::new(
        &json!({"domain": domain}),
        format!(
            "The pieces you mint from now on name {domain}.\n\
             Next: hallmark studio domain > did.json, and put that file at\n  \
             https://{domain}/.well-known/did.json"
        ),
    )
}

fn domain(session: &Session) -> anyhow::Result<Report> {
    let store = session.open()?;
    let studio = of(&store)?;
    let domain = studio.domain.as_ref().context(
        "this studio names no domain; `hallmark studio domain --set example.com` names it",
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
        "{SUCCESSOR_HEADING}\n\nSuccessor key of the studio {}\n\n\
         Whoever has this can speak as the studio once its present key is given up. Print this \
         page or move it to a stick kept in another place, then delete the file. It is used with \
         `hallmark studio succeed THIS-PAGE`, and `hallmark piece status FILE --successor-key THIS-PAGE`.\n\n\
         Public key: {}\n{SUCCESSOR_SECRET}{seed}\n",
        studio.name, studio.successor
    )
}

/// The secret on the page that `studio init` or `studio succeed` wrote.
///
/// # Errors
/// When it cannot be read, or holds none.
pub fn successor_on(path: &Path) -> anyhow::Result<Secret> {
    let text = input::text(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = Zeroizing::new(text);
    let secret =
        text.lines().find_map(|line| line.trim().strip_prefix(SUCCESSOR_SECRET.trim_end()));
    let mut seed = Zeroizing::new([0; 32]);
    secret
        .map(|hex| Zeroizing::new(hex.trim().to_ascii_lowercase()))
        .and_then(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().map(Zeroizing::new))
        .filter(|bytes| bytes.len() == seed.len())
        .map(|bytes| seed.copy_from_slice(&bytes))
        .with_context(|| {
            format!(
                "{} holds no successor key; it is the page that `hallmark studio init` wrote, with \
                 a line \"{SUCCESSOR_SECRET} ...\" of 64 characters",
                path.display()
            )
        })?;
    Ok(Secret::from_bytes(&seed))
}

/// Writes the page with the secret key that follows a studio's present one.
///
/// # Errors
/// When it cannot be written.
pub fn write_successor(
    studio: &Studio,
    successor: &Secret,
    output: Output<'_>,
) -> anyhow::Result<()> {
    let seed = Zeroizing::new(data_encoding::HEXLOWER.encode(successor.expose()));
    let text = Zeroizing::new(successor_text(studio, &seed));
    output.write(Access::Private, |out| Ok(out.write_all(text.as_bytes())?))
}

fn write_pub(studio: &Studio, output: Output<'_>) -> anyhow::Result<()> {
    let text = pub_file(&studio.public(), &studio.name, &studio.keys().writer);
    output.write(Access::Shared, |out| Ok(out.write_all(text.as_bytes())?))
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
