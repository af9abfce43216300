//! `hallmark verify`: the verdict on a provenance file.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Read},
    path::Path,
};

use anyhow::Context;
use hallmark_consent::log::checkpoint::Accepted;
use hallmark_core::time::Timestamp;
use hallmark_vault::provenance::{
    Verdict,
    hidden::Disclosure,
    inspect::{self, Inspection},
    piece::Domain,
    shown::ShownEvent,
    texts::text,
    trust::{DomainCheck, Pin, PinRole, PinSource, Pins},
    verdict::{Circumstances, Outcome, judge},
};

use super::{audit::Trusted, piece::anchor, studio::parsed, trust::pub_file};
use crate::{
    args::VerifyArgs,
    input,
    remote::did_web,
    report::{Report, Usage, one_line, short_line, wrapped},
    session::{self, Session},
};

/// Runs `hallmark verify`. The report's exit code is the verdict's.
///
/// # Errors
/// [`Usage`] (exit 2) when there is no file to give a verdict on, or an argument is wrong.
pub fn run(args: &VerifyArgs, session: &Session) -> anyhow::Result<Report> {
    let Judged { verdict, remarks, opened, existed } = verdict(args, session)?;
    let mut json = serde_json::to_value(&verdict)?;
    if let Some(Existed::Logged(under)) = &existed {
        json["existedBefore"] = serde_json::to_value(under.existed_by())?;
        json["log"] = under.origin().into();
    }
    json["exitCode"] = verdict.outcome.exit_code().into();
    json["remarks"] = remarks.clone().into();
    if !opened {
        json["signer"]["trustStore"] = "not-opened".into();
    }
    let mut text = human(&verdict, &args.file, opened, existed.as_ref());
    for remark in remarks {
        let _ = writeln!(text, "\nNote: {remark}");
    }
    let exit = verdict.outcome.exit_code();
    let _ = writeln!(text, "\nComes to: {} (exit code {exit})", in_short(verdict.outcome));
    if !session.json && std::io::stdout().is_terminal() {
        text = fit(&text, std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()));
    }
    Ok(Report::new(&json, text)?.with_code(verdict.outcome.exit_code()))
}

/// What an outcome comes to, in a few words.
fn in_short(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Malformed => "not a provenance file as the format fixes it",
        Outcome::Tampered => "tampered",
        Outcome::Untrusted => "holds, but signed by nobody you said you trust",
        Outcome::Revoked => "holds, but revoked, stolen or destroyed",
        Outcome::Stale => "holds, but the studio's word does not cover it now",
        Outcome::Holds => "holds, trusted and current",
    }
}

/// Lines no longer than the terminal is wide, 80 where that is not known and 100 at most, each
/// going on below its own beginning.
fn fit(text: &str, columns: Option<usize>) -> String {
    let width = columns.unwrap_or(80).clamp(40, 100);
    let line = |line: &str| {
        let words = line.trim_start_matches(' ');
        let indent = line.len() - words.len();
        // A further line never begins where one of ours does.
        let further = " ".repeat(indent + 4);
        let room = width - further.len().max(indent).min(width / 2);
        format!("{}{}\n", " ".repeat(indent), wrapped(words, room, &further))
    };
    text.lines().map(line).collect()
}

/// Our own other files, and what they are for, by how they begin.
fn ours(path: &Path) -> Option<&'static str> {
    let (file, _) = input::open(path).ok()?;
    let mut start = Vec::new();
    file.take(512).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start);
    let begins = |word: &str| start.starts_with(word);
    match () {
        () if begins("untrusted comment: ") && start.contains("did:key:") => Some(
            "this is a studio.pub, a studio's key: give it with --trust, or keep it with \
             `hallmark trust add --file`",
        ),
        () if begins("<svg") && start.contains("85mm") => Some(
            "this is a card to print; `hallmark trust add --card` takes the text under its picture",
        ),
        () if begins("hallmark-state") => {
            Some("this is a profile, with its keys and whom it trusts; the program opens it itself")
        }
        () if begins(crate::cmd::studio::SUCCESSOR_HEADING) => {
            Some("this is a successor key, which is secret: keep it offline, and show it to nobody")
        }
        () => None,
    }
}

/// A verdict, and what belongs to it.
pub struct Judged {
    /// The verdict.
    pub verdict: Verdict,
    /// What could not be looked at.
    pub remarks: Vec<String>,
    /// Whether the trust store was opened.
    pub opened: bool,
    /// What a log says of the file's age, where it carries that.
    pub existed: Option<Existed>,
}

/// What the anchor that a file carries shows.
pub enum Existed {
    /// It was logged, under this checkpoint.
    Logged(Box<Accepted>),
    /// Nothing; why, in words. The rest of the verdict does not depend on it.
    Nothing(String),
}

/// What the anchor in a file shows to who trusts these logs; `None` where it carries none.
fn existed(
    inspection: &Inspection,
    source: &std::fs::File,
    trusted: Option<&Trusted>,
) -> Option<Existed> {
    let file = inspection.file()?;
    let anchor = anchor::of(file, source)?;
    let Some(Trusted { policy, .. }) = trusted else {
        return Some(Existed::Nothing(text("anchor.unchecked").to_owned()));
    };
    let hash = file.custody().manifest_hash();
    Some(match anchor.and_then(|anchor| anchor.verify(&hash, policy)) {
        Ok(under) => Existed::Logged(Box::new(under)),
        Err(error) => Existed::Nothing(format!("{} {error}.", text("anchor.nothing"))),
    })
}

/// The verdict, what could not be looked at, whether the trust store was, and what a log says.
///
/// # Errors
/// As [`run`].
pub fn verdict(args: &VerifyArgs, session: &Session) -> anyhow::Result<Judged> {
    let now: Timestamp = parsed("--at", args.at.as_deref())?.unwrap_or_else(|| session.now());
    let (mut pins, remark) = session.pins().map_err(|error| Usage(format!("{error:#}")))?;
    let opened = remark.is_none();
    let mut remarks: Vec<String> = remark.into_iter().collect();
    for path in &args.trust {
        trust_once(&mut pins, path, session)?;
    }
    let disclosures = args
        .disclosure
        .iter()
        .map(|path| disclosure(path))
        .collect::<anyhow::Result<Vec<Disclosure>>>()?;
    let trusted = Trusted::of_person(&args.log, session).map_err(|e| Usage(format!("{e:#}")))?;
    let (source, inspection) = inspected(&args.file, session)?;
    let existed = existed(&inspection, &source, trusted.as_ref());
    drop(source);
    let domain = match (&args.online, inspection.file()) {
        (Some(named), Some(file)) => {
            let key = file.manifest().issuer;
            let claimed = file.piece().maker.domain.clone();
            asked(named, claimed, &key, args, session.now(), &mut remarks)?
        }
        _ => None,
    };
    let anchors = usize::from(existed.is_some());
    if inspection.file().is_some_and(|file| file.unchecked_proofs() > anchors) {
        remarks.push(text("proofs.unchecked").to_owned());
    }
    let unopened = disclosures.len();
    let circumstances =
        Circumstances { now, pins: &pins, domain: domain.as_ref(), disclosures: &disclosures };
    let mut verdict = judge(inspection, circumstances);
    if !opened {
        // Whom this person trusts is not known here, so there is nothing to advise.
        verdict.todo.retain(|todo| *todo != text("todo.unknown"));
    }
    if verdict.outcome == Outcome::Malformed {
        remarks.extend(ours(&args.file).map(str::to_owned));
    }
    if verdict.piece.is_some() && verdict.disclosed.len() < unopened {
        remarks.push("a disclosure you gave opens nothing in this file".to_owned());
    }
    Ok(Judged { verdict, remarks, opened, existed })
}

/// Opens and inspects a file, with a progress bar.
///
/// # Errors
/// [`Usage`] when it cannot be read.
pub fn inspected(path: &Path, session: &Session) -> anyhow::Result<(std::fs::File, Inspection)> {
    let unreadable =
        |error: std::io::Error| Usage(format!("cannot read {}: {error}", path.display()));
    let (file, _) = input::open(path).map_err(unreadable)?;
    let inspection = inspected_file(&file, path, session)?;
    Ok((file, inspection))
}

/// Inspects an open file, with a progress bar.
///
/// # Errors
/// [`Usage`] when it cannot be read.
pub fn inspected_file(
    file: &std::fs::File,
    path: &Path,
    session: &Session,
) -> anyhow::Result<Inspection> {
    let unreadable =
        |error: std::io::Error| Usage(format!("cannot read {}: {error}", path.display()));
    let len = file.metadata().map_err(unreadable)?.len();
    let bar = session.bar("verifying", len);
    let progress = |bytes| {
        bar.advance(bytes);
        true
    };
    let inspection =
        inspect::inspect(file, len, session::threads().get(), &progress).map_err(unreadable)?;
    drop(bar);
    Ok(inspection)
}

fn trust_once(pins: &mut Pins, path: &Path, session: &Session) -> anyhow::Result<()> {
    let (key, name) = pub_file(path).map_err(|error| Usage(format!("{error:#}")))?;
    if pins.find(&key).is_some_and(|pin| pin.role == PinRole::Studio) {
        return Ok(());
    }
    let fingerprint = key.fingerprint();
    let _ = pins.remove(&fingerprint.to_string());
    let name = match name {
        Some(name) => name,
        None => path.display().to_string().parse().or_else(|_| "studio.pub".parse())?,
    };
    let (role, source) = (PinRole::Studio, PinSource::File);
    Ok(pins.add(Pin {
        fingerprint,
        name,
        role,
        source,
        since: session.now(),
        followed: Vec::new(),
    })?)
}

fn disclosure(path: &Path) -> anyhow::Result<Disclosure> {
    let read = || -> anyhow::Result<Disclosure> { Ok(input::text(path)?.parse()?) };
    read().with_context(|| path.display().to_string()).map_err(|e| Usage(format!("{e:#}")).into())
}

fn asked(
    named: &str,
    claimed: Option<Domain>,
    key: &hallmark_core::key::PublicKey,
    args: &VerifyArgs,
    now: Timestamp,
    remarks: &mut Vec<String>,
) -> anyhow::Result<Option<DomainCheck>> {
    let by_person: Option<Domain> =
        parsed("--online", Some(named).filter(|named| !named.is_empty()))?;
    let named_by_person = by_person.is_some();
    let Some(domain) = by_person.or(claimed) else {
        remarks.push("the file names no domain, so none was asked".to_owned());
        return Ok(None);
    };
    let asked = did_web::check(&domain, key, named_by_person, args.ca.as_deref(), now);
    remarks.extend(asked.failure);
    Ok(Some(asked.outcome))
}

/// The verdict as people read it.
fn human(verdict: &Verdict, path: &Path, opened: bool, existed: Option<&Existed>) -> String {
    let mut out = String::new();
    let title = verdict.piece.as_ref().map_or_else(
        || path.display().to_string(),
        |piece| {
            let (title, maker) = (piece.title.as_str(), piece.maker.name.as_str());
            format!("{}, by its own account from {}", short_line(title, 80), short_line(maker, 60))
        },
    );
    let _ = writeln!(out, "{}\n", one_line(&title));
    let _ = writeln!(out, "INTEGRITY  {}: {}", verdict.integrity.state, verdict.integrity.text);
    for problem in &verdict.integrity.problems {
        let _ = writeln!(out, "             {} [{}]", one_line(&problem.message), problem.code);
    }
    let closed = if opened { "" } else { " Your trust store was not opened." };
    let _ = writeln!(
        out,
        "SIGNER     {}: {}{closed}",
        verdict.signer.state,
        one_line(&verdict.signer.text)
    );
    if let Some(fingerprint) = &verdict.signer.fingerprint {
        let _ = writeln!(out, "             fingerprint {fingerprint}");
    }
    let _ = writeln!(
        out,
        "FRESHNESS  {}: {}",
        verdict.freshness.state,
        one_line(&verdict.freshness.text)
    );
    // Of a file that was altered, nothing stands in a log.
    match existed.filter(|_| verdict.outcome != Outcome::Tampered) {
        Some(Existed::Logged(under)) => {
            let _ = writeln!(out, "EXISTED    {}", one_line(&anchor::words(under)));
        }
        Some(Existed::Nothing(why)) => {
            let _ = writeln!(out, "EXISTED    not known: {}", one_line(why));
        }
        None => {}
    }

    claims(verdict, &mut out);
    if !verdict.events.is_empty() {
        let _ = writeln!(out, "\nWhat happened:");
    }
    for event in &verdict.events {
        let note = event.note.as_ref().map(|note| format!(": {}", one_line(note.as_str())));
        let occurred = event.occurred.as_ref().map(|day| format!(", said to be of {day}"));
        let _ = writeln!(
            out,
            "  {} {} {}{} (signed by {}){}",
            event.sequence,
            event.signed.date(),
            super::piece::words(event.kind),
            occurred.unwrap_or_default(),
            signers(event),
            note.unwrap_or_default(),
        );
        for line in details(event) {
            let _ = writeln!(out, "      {}", one_line(&line));
        }
    }
    for field in &verdict.disclosed {
        let value = one_line(&super::piece::plain(&field.value));
        let by =
            verdict.events.iter().find(|event| field.place == format!("event {}", event.sequence));
        let by = by.map_or_else(|| "the maker of the file".to_owned(), signers);
        let _ = writeln!(
            out,
            "\nDisclosed ({}, signed by {by}): {} = {value}",
            field.place,
            one_line(&field.name)
        );
    }
    if verdict.still_hidden > 0 {
        let _ = writeln!(out, "\nHidden fields that stay hidden: {}", verdict.still_hidden);
    }
    if !verdict.compare.is_empty() {
        let _ = writeln!(out, "\n{}", text("compare.intro"));
    }
    for compare in &verdict.compare {
        let _ = writeln!(out, "  {}: {}", compare.what, one_line(&compare.should_be));
    }
    let _ = writeln!(out, "\n{}", verdict.does_not_prove);
    for todo in &verdict.todo {
        let _ = writeln!(out, "\nWhat to do: {todo}");
    }
    out
}

/// Who says what: the maker first, then what was said at each event and by whom, since a name in a
/// claim is only what the claim says.
fn claims(verdict: &Verdict, out: &mut String) {
    let mut place = None;
    for (number, claim) in verdict.claims.iter().enumerate() {
        if number == 0 || claim.event != place {
            place = claim.event;
            let event =
                place.and_then(|number| verdict.events.iter().find(|e| e.sequence == number));
            let _ = match event {
                None => writeln!(out, "\nWho says what, signed by the maker of the file:"),
                Some(event) => {
                    let by = signers(event);
                    writeln!(out, "\nSaid at event {}, signed by {by}:", event.sequence)
                }
            };
        }
        let signed = claim
            .signed_by
            .as_ref()
            .map(|name| format!(", signed by {}", short_line(name.as_str(), 60)));
        let about = claim.event.map(|_| format!("on {}: ", short_line(claim.about.as_str(), 60)));
        let signed = signed.unwrap_or_default();
        // Our own words come first: nothing the claim says can push them away or pass for them.
        let line = format!(
            "[{}{signed}] {}{} ({}, {}, {})",
            claim.strength,
            about.unwrap_or_default(),
            short_line(claim.says.as_str(), 300),
            short_line(claim.by.as_str(), 80),
            short_line(claim.rule.as_str(), 120),
            claim.date
        );
        let _ = writeln!(out, "  {}", one_line(&line));
    }
}

/// The most lines below an event; `piece show` has them all.
const MOST_DETAILS: usize = 20;

/// What an event says besides its note.
fn details(event: &ShownEvent) -> Vec<String> {
    let setting = event.setting.iter().map(|setting| {
        let report = setting.report.as_ref().map(|number| format!(", report {number}"));
        format!("stone {}{}", setting.stone + 1, report.unwrap_or_default())
    });
    let until = event.until.iter().map(|until| format!("the report counts until {}", until.date()));
    let warranties = event.warranties.iter().map(|given| {
        let invoice = given.invoice.as_ref().map(|invoice| format!(", invoice {invoice}"));
        let (system, date) = (&given.system, &given.date);
        format!("{system}, {date}: {}{}", given.statement, invoice.unwrap_or_default())
    });
    let parts = event.parts.iter().map(|path| format!("with {path}"));
    let mut all: Vec<String> = setting.chain(until).chain(warranties).chain(parts).collect();
    let more = all.len().saturating_sub(MOST_DETAILS);
    all.truncate(MOST_DETAILS);
    all.extend((more > 0).then(|| format!("and {more} more: hallmark piece show")));
    all
}

/// Who signed an event, by role and by the name a key is pinned under.
fn signers(event: &ShownEvent) -> String {
    let signers: Vec<String> = event
        .signers
        .iter()
        .map(|signer| match &signer.pinned_as {
            Some(name) => format!("{} ({})", signer.role, one_line(name.as_str())),
            None if signer.role == "third party" => "a third party you do not know".to_owned(),
            None => signer.role.to_owned(),
        })
        .collect();
    signers.join(" and ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_verdict_fits_the_terminal() {
        let text = format!("SIGNER     {}\n\n  {}\n", "word ".repeat(40), "said ".repeat(40));
        for columns in [None, Some(0), Some(60), Some(1000)] {
            let fitted = super::fit(&text, columns);
            let width = columns.unwrap_or(80).clamp(40, 100);
            assert!(fitted.lines().all(|line| line.chars().count() <= width), "{fitted}");
            let words = |text: &str| text.split_whitespace().count();
            assert_eq!(words(&fitted), words(&text));
            assert!(fitted.starts_with("SIGNER     word"), "{fitted}");
        }
    }
}
