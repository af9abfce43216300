//! The verdict on three axes that are never mixed: *integrity* (is it what was signed), *signer*
//! (who signed, and how do we know), *freshness* (does it still stand) (design, section 5).
//!
//! The clock and the trust store are parameters; so is the answer of a domain, where one was asked.

use std::collections::BTreeSet;

use hallmark_core::time::Timestamp;
use serde::Serialize;

use super::{
    claim::{Backing, Strength},
    event::Kind,
    hidden::Disclosure,
    inspect::{FoundClaim, Inspection, ProvenanceFile},
    piece::Piece,
    problem::Problem,
    shown::{
        Compare, Freshness, FreshnessState, Integrity, IntegrityState, ShownClaim, ShownEvent,
        ShownField, ShownProblem, ShownSigner, Signer, SignerState, Verdict,
    },
    status::{MAX_DAYS, Standing},
    text::Text,
    texts::text,
    trust::{DomainCheck, PinRole, PinSource, Pins},
};

/// Seconds a status may be dated ahead of the reader's clock.
const CLOCK_SKEW_S: i64 = 300;

/// What the verdict comes to, with the exit code of `hallmark verify`. Where several hold, the
/// first in this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Exit 4: not a provenance file as FORMAT.md fixes it.
    Malformed,
    /// Exit 3: something was changed after it was signed.
    Tampered,
    /// Exit 5: sound, but signed by a key nobody here said they trust.
    Untrusted,
    /// Exit 7: certificate revoked, or piece reported stolen or destroyed.
    Revoked,
    /// Exit 6: the studio's word has run out or does not cover the newest events.
    Stale,
    /// Exit 0: holds, trusted and current.
    Holds,
}

impl Outcome {
    /// The exit code of `hallmark verify`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Tampered => 3,
            Self::Malformed => 4,
            Self::Untrusted => 5,
            Self::Stale => 6,
            Self::Revoked => 7,
        }
    }
}

/// What is known besides the file.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The reader's clock.
    pub now: Timestamp,
    /// The reader's trust store.
    pub pins: &'a Pins,
    /// What a domain said, where one was asked.
    pub domain: Option<&'a DomainCheck>,
    /// Disclosures at hand.
    pub disclosures: &'a [Disclosure],
}

/// Judges an inspected file.
pub fn judge(inspection: Inspection, circumstances: Circumstances<'_>) -> Verdict {
    match inspection.into_file() {
        Ok(file) => judge_file(&file, circumstances),
        Err(problems) => refuse(&problems, circumstances.now),
    }
}

fn refuse(problems: &[Problem], now: Timestamp) -> Verdict {
    let malformed = problems.iter().any(|problem| !problem.is_tampering());
    let (outcome, state) = match malformed {
        true => (Outcome::Malformed, IntegrityState::Malformed),
        false => (Outcome::Tampered, IntegrityState::Tampered),
    };
    let shown = problems.iter().map(|problem| ShownProblem {
        code: problem.code(),
        tampering: problem.is_tampering(),
        message: one_line(&problem.to_string()),
    });
    Verdict {
        outcome,
        at: now,
        integrity: Integrity {
            state,
            text: text(&format!("integrity.{state}")),
            problems: shown.collect(),
        },
        signer: Signer {
            state: SignerState::NotAssessed,
            text: text("signer.not-assessed").into(),
            key: None,
            fingerprint: None,
            says_it_is: None,
        },
        freshness: Freshness {
            state: FreshnessState::NotAssessed,
            text: text("freshness.not-assessed").into(),
            as_of: None,
            until: None,
        },
        piece: None,
        claims: Vec::new(),
        events: Vec::new(),
        disclosed: Vec::new(),
        still_hidden: 0,
        compare: Vec::new(),
        does_not_prove: text("doesNotProve"),
        todo: vec![text(&format!("todo.{state}"))],
    }
}

/// The most characters of a problem's sentence, which may quote the file.
const MAX_MESSAGE_CHARS: usize = 500;

/// A sentence that may quote a file nobody vouches for, as one line that draws nothing.
fn one_line(message: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    message.chars().take(MAX_MESSAGE_CHARS).map(plain).collect()
}

fn judge_file(file: &ProvenanceFile, circumstances: Circumstances<'_>) -> Verdict {
    let signer = signer(file, circumstances);
    let freshness = freshness(file, circumstances.now);
    let trusted = signer.state.is_trusted();
    let outcome = match freshness.state {
        _ if !trusted => Outcome::Untrusted,
        FreshnessState::Revoked | FreshnessState::Stolen | FreshnessState::Destroyed => {
            Outcome::Revoked
        }
        FreshnessState::Current => Outcome::Holds,
        FreshnessState::Expired
        | FreshnessState::NewerEvents
        | FreshnessState::NotYetValid
        | FreshnessState::NotAssessed => Outcome::Stale,
    };
    let mut todo = Vec::new();
    if !trusted {
        let denied = signer.state == SignerState::Denied;
        todo.push(text(if denied { "todo.denied" } else { "todo.unknown" }));
    }
    if freshness.state != FreshnessState::Current {
        todo.push(text(&format!("todo.{}", freshness.state)));
    }
    let (disclosed, still_hidden) = disclosed(file, circumstances.disclosures);
    Verdict {
        outcome,
        at: circumstances.now,
        integrity: Integrity {
            state: IntegrityState::Holds,
            text: text("integrity.holds"),
            problems: Vec::new(),
        },
        signer,
        freshness,
        piece: Some(file.piece().clone()),
        claims: file.claims().iter().map(|found| claim(found, file, circumstances.pins)).collect(),
        events: events(file, circumstances.pins),
        disclosed,
        still_hidden,
        compare: compare(file.piece()),
        does_not_prove: text("doesNotProve"),
        todo,
    }
}

fn signer(file: &ProvenanceFile, circumstances: Circumstances<'_>) -> Signer {
    let key = file.manifest().issuer;
    let maker = &file.piece().maker;
    let pin = circumstances.pins.find(&key).filter(|pin| pin.role == PinRole::Studio);
    let (state, sentence) = match (pin, circumstances.domain) {
        (Some(pin), _) => {
            let how = match &pin.source {
                PinSource::File => "from its .pub file".to_owned(),
                PinSource::Card { pieces } if pieces.contains(&file.piece().id) => {
                    "from the card in the box".to_owned()
                }
                PinSource::Card { .. } => text("signer.other-card").to_owned(),
                PinSource::Typed => "typed in by hand".to_owned(),
                PinSource::Domain { domain, checked } => {
                    format!("listed by {domain} on {}", checked.date())
                }
            };
            let since = pin.since.date();
            let text = text("signer.pinned");
            (SignerState::Pinned, format!("{text}: {} ({how}, since {since}).", pin.name))
        }
        (None, Some(check)) => {
            let (domain, date) = (&check.domain, check.at.date());
            match (check.lists_key, check.named_by_person) {
                (Some(true), true) => (
                    SignerState::Checked,
                    format!("{}: {domain}, on {date}.", text("signer.checked")),
                ),
                (Some(true), false) => (
                    SignerState::Unchecked,
                    format!(
                        "{domain}, which the file itself names, lists this key ({date}). Only you \
                         know whether {domain} is the studio you mean."
                    ),
                ),
                (Some(false), _) => {
                    (SignerState::Denied, format!("{} ({domain}, {date})", text("signer.denied")))
                }
                (None, _) => (
                    SignerState::Unknown,
                    format!("{domain} could not be asked. {}", text("signer.unknown")),
                ),
            }
        }
        (None, None) => match &maker.domain {
            Some(domain) => (
                SignerState::Unchecked,
                format!("Says it is {domain}, not checked. {}", text("signer.unknown")),
            ),
            None => (SignerState::Unknown, text("signer.unknown").to_owned()),
        },
    };
    Signer {
        state,
        text: sentence,
        key: Some(key),
        fingerprint: Some(key.fingerprint()),
        says_it_is: Some(maker.name.clone()),
    }
}

fn freshness(file: &ProvenanceFile, now: Timestamp) -> Freshness {
    let status = file.status();
    let custody = file.custody();
    // A word for ever would be one that nobody can take back.
    let longest = status.valid_from.plus_days(MAX_DAYS);
    let until = status.valid_until.map(|until| until.min(longest));
    let latest = status.valid_from.max(custody.latest());
    let ahead = latest.unix_s() > now.unix_s() + CLOCK_SKEW_S;
    let state = match status.credential_subject.status {
        Standing::Revoked => FreshnessState::Revoked,
        Standing::Stolen => FreshnessState::Stolen,
        Standing::Current if custody.stolen().is_some_and(|theft| theft.counts_at(now)) => {
            FreshnessState::Stolen
        }
        Standing::Current if custody.destroyed() => FreshnessState::Destroyed,
        Standing::Current if ahead => FreshnessState::NotYetValid,
        Standing::Current if until.is_none_or(|until| until < now) => FreshnessState::Expired,
        Standing::Current if status.credential_subject.events < custody.events() => {
            FreshnessState::NewerEvents
        }
        Standing::Current => FreshnessState::Current,
    };
    let mut sentence = text(&format!("freshness.{state}")).to_owned();
    match (state, until) {
        (FreshnessState::Current, Some(until)) => {
            sentence = format!("{sentence}, as of {}, until {}.", status.valid_from, until.date());
        }
        (FreshnessState::Expired, Some(until)) => {
            sentence = format!("{sentence} It counted until {until}.")
        }
        _ => {}
    }
    if let Some(reason) = &status.credential_subject.reason {
        sentence = format!("{sentence} Reason given: {reason}");
    }
    if status.issuer != file.manifest().issuer {
        sentence = format!("{sentence} {}", text("freshness.successor"));
    }
    if custody.unconfirmed_transfer() {
        sentence = format!("{sentence} {}", text("freshness.unconfirmed"));
    }
    Freshness { state, text: sentence, as_of: Some(status.valid_from), until }
}

fn claim(found: &FoundClaim, file: &ProvenanceFile, pins: &Pins) -> ShownClaim {
    let issuer = file.manifest().issuer;
    let claim = &found.claim;
    let name = strength_name(claim.strength);
    let pin = match found.backing {
        Backing::Key(key) if key != issuer => pins.find(&key),
        _ => None,
    }
    .filter(|pin| pin.role.backs(claim.strength));
    let strength = match (claim.strength, pin) {
        (Strength::SelfDeclared, _) | (_, Some(_)) => name.to_owned(),
        (_, None) => text("strength.says").replace("{strength}", name),
    };
    ShownClaim {
        about: claim.about.clone(),
        says: claim.says.clone(),
        strength,
        by: claim.by.clone(),
        signed_by: pin.map(|pin| pin.name.clone()),
        rule: claim.rule.clone(),
        date: claim.date.clone(),
        event: found.event,
    }
}

fn strength_name(strength: Strength) -> &'static str {
    text(match strength {
        Strength::SelfDeclared => "strength.self-declared",
        Strength::SupplierWarranty => "strength.supplier-warranty",
        Strength::Audited => "strength.audited",
        Strength::Lab => "strength.lab",
        Strength::Assay => "strength.assay",
    })
}

fn events(file: &ProvenanceFile, pins: &Pins) -> Vec<ShownEvent> {
    let studio = file.manifest().issuer;
    let mut owner = studio;
    file.events()
        .iter()
        .map(|event| {
            let subject = event.subject();
            let signers = event.signers().map(|key| ShownSigner {
                role: match key {
                    key if key == studio => "studio",
                    key if key == owner => "owner",
                    key if subject.owner == Some(key) => "new owner",
                    _ => "third party",
                },
                pinned_as: pins.find(&key).map(|pin| pin.name.clone()),
                key,
            });
            let shown = ShownEvent {
                sequence: subject.sequence,
                kind: subject.kind.name(),
                signed: event.credential().valid_from,
                occurred: subject.occurred.clone(),
                signers: signers.collect(),
                by: subject.by.clone(),
                note: subject.note.clone(),
                setting: subject.setting.clone(),
                until: subject.until,
                warranties: subject.warranties.clone(),
                parts: subject.parts.iter().map(|part| part.path.clone()).collect(),
            };
            owner = match subject.kind {
                Kind::Returned => studio,
                _ => subject.owner.unwrap_or(owner),
            };
            shown
        })
        .collect()
}

fn disclosed(file: &ProvenanceFile, disclosures: &[Disclosure]) -> (Vec<ShownField>, usize) {
    let of_manifest = file.piece().hidden.iter().map(|hidden| (hidden, "manifest".to_owned()));
    let of_events = file.events().iter().filter_map(|event| {
        let subject = event.subject();
        Some((subject.hidden.as_ref()?, format!("event {}", subject.sequence)))
    });
    let places: Vec<_> = of_manifest.chain(of_events).collect();
    let hidden: usize = places.iter().map(|(hidden, _)| hidden.len()).sum();
    let mut told = BTreeSet::new();
    let shown: Vec<ShownField> = disclosures
        .iter()
        .filter(|disclosure| told.insert(disclosure.as_str()))
        .filter_map(|disclosure| {
            let (_, place) = places.iter().find(|(hidden, _)| hidden.opens(disclosure))?;
            let field = disclosure.field().ok()?;
            Some(ShownField { name: field.name, value: field.value, place: place.clone() })
        })
        .collect();
    let still = hidden.saturating_sub(shown.len());
    (shown, still)
}

fn compare(piece: &Piece) -> Vec<Compare> {
    let mut list = Vec::new();
    let mut add = |what, value: Option<String>| {
        list.extend(value.map(|should_be| Compare { what, should_be }));
    };
    let shown = |text: &Text| text.to_string();
    add("weight", piece.weight_mg.map(grams));
    add("inscription", piece.inscription.as_ref().map(shown));
    add("size", piece.size.as_ref().map(shown));
    add("serial number", piece.serial.as_ref().map(shown));
    if let Some(marks) = &piece.hallmark {
        let all: Vec<String> =
            [&marks.sponsor_mark, &marks.fineness_mark, &marks.assay_office_mark]
                .into_iter()
                .flatten()
                .chain(&marks.other_marks)
                .map(shown)
                .collect();
        add("marks", (!all.is_empty()).then(|| all.join(", ")));
    }
    for stone in &piece.stones {
        add("laser inscription of the stone", stone.laser_inscription.as_ref().map(shown));
        add(
            "size of the stone",
            stone.measurements_um.map(|[l, w, d]| {
                format!("{} x {} x {} mm", thousandths(l), thousandths(w), thousandths(d))
            }),
        );
    }
    let photos = piece.parts.iter().filter(|part| part.role == super::part::Role::Photo).count();
    add("photographs", (photos > 0).then(|| format!("{photos} in the file")));
    list
}

/// `4.350 g` of 4350 mg.
pub fn grams(mg: u64) -> String {
    format!("{} g", thousandths(mg))
}

/// `4.350` of 4350.
pub fn thousandths(n: u64) -> String {
    format!("{}.{:03}", n / 1000, n % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sentence that a verdict can need is in the table.
    #[test]
    fn the_table_has_every_sentence() {
        for state in IntegrityState::ALL {
            text(&format!("integrity.{state}"));
        }
        for state in SignerState::ALL {
            text(&format!("signer.{state}"));
        }
        for state in FreshnessState::ALL {
            text(&format!("freshness.{state}"));
            if !matches!(state, FreshnessState::Current | FreshnessState::NotAssessed) {
                text(&format!("todo.{state}"));
            }
        }
        for key in [
            "todo.malformed",
            "todo.tampered",
            "todo.denied",
            "todo.unknown",
            "strength.says",
            "freshness.successor",
            "freshness.unconfirmed",
            "signer.other-card",
            "doesNotProve",
            "compare.intro",
            "proofs.unchecked",
            "anchor.unchecked",
            "anchor.nothing",
        ] {
            text(key);
        }
        for strength in [
            Strength::SelfDeclared,
            Strength::SupplierWarranty,
            Strength::Audited,
            Strength::Lab,
            Strength::Assay,
        ] {
            strength_name(strength);
        }
    }
}
