//! `hallmark trust`: whose signatures this person trusts.

use anyhow::Context;
use hallmark_core::key::{Fingerprint, PublicKey};
use hallmark_vault::provenance::{
    piece::Domain,
    text::Text,
    trust::{Card, Pin, PinRole, PinSource, key_of_pub_file},
};
use serde_json::json;

use super::studio::parsed;
use crate::{
    args::{TrustAddArgs, TrustCommand, TrustRole, TrustedArgs},
    cmd::{audit::Trusted, key_history},
    input,
    remote::did_web,
    report::{Report, Usage},
    session::Session,
};

/// Runs `hallmark trust`.
///
/// # Errors
/// When the state does not open, or what is given names no key.
pub fn run(command: &TrustCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        TrustCommand::Add(args) => add(args, session),
        TrustCommand::Log(args) => log(args, session),
        TrustCommand::Watch(args) => key_history::watch(args, session),
        TrustCommand::List => list(session),
        TrustCommand::Remove { who } => remove(who, session),
    }
}

fn add(args: &TrustAddArgs, session: &Session) -> anyhow::Result<Report> {
    let (fingerprint, source, found) = source(args, session)?;
    let name: Text = parsed("--name", args.name.as_deref())?
        .or(found)
        .ok_or_else(|| Usage("say what you call the holder of this key: --name".into()))?;
    let role = match args.role {
        TrustRole::Studio => PinRole::Studio,
        TrustRole::Supplier => PinRole::Supplier,
        TrustRole::Auditor => PinRole::Auditor,
        TrustRole::Lab => PinRole::Lab,
        TrustRole::AssayOffice => PinRole::AssayOffice,
    };
    let pin = Pin { fingerprint, name, role, source, since: session.now(), followed: Vec::new() };
    let card: Option<Card> = args.card.as_deref().map(str::parse).transpose()?;
    let mut store = session.open_or_create()?;
    let pin = store.try_update(&mut session.rng(), |profile| {
        if let Some(pin) = card.and_then(|card| profile.pins.add_card(&card, role).cloned()) {
            return Ok(pin);
        }
        profile.pins.add(pin.clone()).map_err(anyhow::Error::from)?;
        Ok::<_, anyhow::Error>(pin)
    })?;
    let text = format!("From now on you trust {}: {fingerprint}", pin.name);
    Report::new(&pin, text)
}

fn log(args: &TrustedArgs, session: &Session) -> anyhow::Result<Report> {
    let trusted = Trusted::of(args)?;
    trusted.keep(session)?;
    let witnesses: Vec<&str> =
        trusted.policy.witnesses().iter().map(|one| one.name.as_str()).collect();
    Report::new(
        &json!({"logs": trusted.logs(), "witnesses": witnesses}),
        format!("From now on you trust {} {}.", trusted.logs().join(", "), trusted.how_far()),
    )
}

/// Fingerprint, where it came from, and the name that came with it.
fn source(
    args: &TrustAddArgs,
    session: &Session,
) -> anyhow::Result<(Fingerprint, PinSource, Option<Text>)> {
    if let Some(path) = &args.file {
        let (key, name) = pub_file(path)?;
        return Ok((key.fingerprint(), PinSource::File, name));
    }
    if let Some(card) = &args.card {
        let card: Card = card.parse().map_err(|_| Usage(no_card(card)))?;
        return Ok((card.studio, PinSource::Card { pieces: [card.piece].into() }, None));
    }
    if let Some(print) = parsed("--fingerprint", args.fingerprint.as_deref())? {
        return Ok((print, PinSource::Typed, None));
    }
    let domain: Domain = parsed("--domain", args.domain.as_deref())?
        .ok_or_else(|| Usage("give one of --file, --card, --fingerprint, --domain".into()))?;
    let key: PublicKey = parsed("--key", args.key.as_deref())?
        .ok_or_else(|| Usage("--domain needs --key: the did:key it should list".into()))?;
    let check = did_web::check(&domain, &key, true, args.ca.as_deref(), session.now());
    match check.outcome.lists_key {
        Some(true) => {}
        Some(false) => anyhow::bail!("{domain} does not list {key}; nothing was added"),
        None => anyhow::bail!(
            "{domain} could not be asked, so nothing was added: {}",
            check.failure.unwrap_or_default()
        ),
    }
    let name = domain.to_string().parse().ok();
    let source = PinSource::Domain { domain, checked: session.now() };
    Ok((key.fingerprint(), source, name))
}

/// What keeps a text from being a card's.
fn no_card(text: &str) -> String {
    const CHARACTERS: usize = 80;
    let found = text.trim().chars().count();
    let wrong = if !text.trim().to_ascii_uppercase().starts_with("HALLMARK:1:") {
        "it begins with HALLMARK:1:".to_owned()
    } else if found == CHARACTERS {
        "one of its letters or figures is wrong".to_owned()
    } else {
        let how = if found < CHARACTERS { "short" } else { "long" };
        format!("it is too {how}, with {found} of {CHARACTERS} characters")
    };
    format!(
        "--card: this is not the text of a card (HALLMARK:1:...): {wrong}. The card shows the \
         fingerprint too: --fingerprint takes that"
    )
}

/// The key and the name in a `studio.pub` file.
///
/// # Errors
/// When it cannot be read or is none.
pub fn pub_file(path: &std::path::Path) -> anyhow::Result<(PublicKey, Option<Text>)> {
    let read = || format!("cannot read the key in {}", path.display());
    let text = input::text(path).with_context(read)?;
    let key = key_of_pub_file(&text).with_context(read)?;
    let name = text
        .lines()
        .next()
        .and_then(|line| line.split_once(&format!("{key} ")))
        .and_then(|(_, name)| name.parse().ok());
    Ok((key, name))
}

fn list(session: &Session) -> anyhow::Result<Report> {
    let (pins, remark) = session.pins()?;
    if let Some(remark) = remark {
        anyhow::bail!(remark);
    }
    let lines: Vec<String> = pins
        .iter()
        .map(|pin| {
            let how = match &pin.source {
                PinSource::File => "from a .pub file".to_owned(),
                PinSource::Card { pieces } if pieces.len() > 1 => {
                    format!("from the cards of {} pieces", pieces.len())
                }
                PinSource::Card { .. } => "from a card".to_owned(),
                PinSource::Typed => "typed in".to_owned(),
                PinSource::Domain { domain, checked } => {
                    format!("listed by {domain} on {}", checked.date())
                }
            };
            let role = match pin.role {
                PinRole::Studio => "studio",
                PinRole::Supplier => "supplier",
                PinRole::Auditor => "auditor",
                PinRole::Lab => "laboratory",
                PinRole::AssayOffice => "assay office",
            };
            let then: Vec<String> =
                pin.followed.iter().map(|key| format!("\n  then {key}, which took over")).collect();
            format!(
                "{}  {} ({role}, {how}, since {}){}",
                pin.fingerprint,
                pin.name,
                pin.since.date(),
                then.concat()
            )
        })
        .collect();
    let kept = Trusted::kept(session)?;
    let log = kept.as_ref().map(|log| format!("log {} ({})", log.logs().join(", "), log.how_far()));
    let lines: Vec<String> = lines.into_iter().chain(log).collect();
    let text = if lines.is_empty() {
        "You trust nobody yet. `hallmark trust add --card` takes the code on the card in the box."
            .to_owned()
    } else {
        lines.join("\n")
    };
    let logs = kept.map(|log| log.logs()).unwrap_or_default();
    Report::new(&json!({"keys": pins, "logs": logs}), text)
}

fn remove(who: &str, session: &Session) -> anyhow::Result<Report> {
    if let Some(log) = Trusted::kept(session)?.filter(|log| log.logs().iter().any(|log| log == who))
    {
        Trusted::forget(session)?;
        let text = format!("No longer trusted: the log {}.", log.logs().join(", "));
        return Report::new(&json!({"removed": [], "logs": log.logs()}), text);
    }
    let mut store = session.open()?;
    let gone = store.try_update(&mut session.rng(), |profile| {
        profile.pins.remove(who).map_err(anyhow::Error::from)
    })?;
    let names: Vec<String> =
        gone.iter().map(|pin| format!("{} ({})", pin.name, pin.fingerprint)).collect();
    Report::new(
        &json!({"removed": gone}),
        format!(
            "No longer trusted: {}. Files they signed verify as \"unknown\" from now on.",
            names.join(", ")
        ),
    )
}
