//! Histories of keys in the log: a studio says who follows it, and whoever trusts it follows
//! (`consent/FORMAT.md`, section 9).

use std::time::Duration;

use anyhow::Context;
use hallmark_consent::log::{
    checkpoint::Accepted,
    complete::LookedUpAll,
    key::{self, KeyRole, KeyStatement},
    proof::LogProof,
};
use hallmark_core::{
    account::Signed,
    json,
    key::{Fingerprint, SigningKey},
};
use hallmark_vault::profile::{Profile, Studio};

use super::{
    audit::{Finding, Trusted, is_recent, seen_by},
    studio,
};
use crate::{
    args::{AnnounceArgs, SucceedArgs, WatchArgs},
    output::Output,
    remote::log::LogService,
    report::{Report, print_error},
    session::Session,
};

/// Labels that are looked up at once.
const AT_ONCE: usize = 128;
/// The most successors that one look follows.
const MAX_STEPS: usize = 64;

type Said = Option<Signed<KeyStatement>>;

/// The log in which histories are looked up.
struct Histories {
    trusted: Trusted,
    service: LogService,
}

impl Histories {
    /// What keys say of themselves, each `None` where it says nothing, and the checkpoint that shows it.
    fn of(&self, keys: &[Fingerprint]) -> anyhow::Result<(Accepted, Vec<Said>)> {
        let labels: Vec<_> = keys.iter().map(key::label).collect();
        let said = self.service.look_up(&labels)?;
        let said: LookedUpAll = json::parse(said.as_bytes())
            .map_err(anyhow::Error::from)
            .and_then(|said| Ok(serde_json::from_value(said)?))
            .context("what the log answered is not what was asked")?;
        let answered = said.verify(&self.trusted.policy, &labels).map_err(Finding::from)?;
        let mut all = Vec::with_capacity(keys.len());
        for (at, fingerprint) in keys.iter().enumerate() {
            let Some(index) = answered.index(at) else {
                all.push(None);
                continue;
            };
            let entry = self.service.entry(index, answered.under.size())?;
            answered.check_entry(at, &entry).map_err(Finding::from)?;
            let statement = key::of_entry(&entry, fingerprint).map_err(|_| {
                alarm(fingerprint, "the log has something else at its place than what it says")
            })?;
            all.push(Some(statement));
        }
        Ok((answered.under, all))
    }

    fn of_one(&self, key: &Fingerprint) -> anyhow::Result<Said> {
        Ok(self.of(&[*key])?.1.pop().flatten())
    }

    /// Has a statement logged.
    fn log(&self, statement: &Signed<KeyStatement>) -> anyhow::Result<Accepted> {
        let entry = key::entry(statement);
        let proof: LogProof = self
            .service
            .submit(&entry)?
            .parse()
            .map_err(Finding::from)
            .context("what the log answered is no proof")?;
        Ok(proof.verify(&entry, &self.trusted.policy).map_err(Finding::from)?)
    }
}

fn alarm(key: &Fingerprint, why: impl Into<String>) -> Finding {
    Finding::Key { key: key.to_string(), why: why.into() }
}

/// Runs `hallmark studio announce`.
///
/// # Errors
/// A log that does not take it, or has something else that this studio's key signed.
pub fn announce(args: &AnnounceArgs, session: &Session) -> anyhow::Result<Report> {
    let (trusted, service) = LogService::of_person(&args.log, session)?;
    let studio = studio::of(&session.open()?)?.clone();
    let text = announced(&Histories { trusted, service }, &studio, session)?;
    Report::new(&serde_json::json!({"key": studio.public(), "successor": studio.successor}), text)
}

/// Logs what a studio's key says, and its predecessor's where the log does not have that; in words.
fn announced(histories: &Histories, studio: &Studio, session: &Session) -> anyhow::Result<String> {
    let says = |own: &SigningKey, successor, previous| {
        let keys = (own.public(), successor);
        let statement = KeyStatement::new(KeyRole::Studio, keys, previous, session.now());
        Signed::new(statement, own).expect("the key it names")
    };
    let own = studio.keys().identity;
    if let Some(said) = histories.of_one(&own.public().fingerprint())? {
        check_own(studio, &said)?;
        return Ok("The log has it already: whoever trusts your key follows it.".to_owned());
    }
    let previous = match studio.predecessor() {
        None => None,
        Some(former) => {
            let said = match histories.of_one(&former.public().fingerprint())? {
                Some(said) => said,
                None => {
                    let said = says(&former, own.public(), None);
                    histories.log(&said)?;
                    said
                }
            };
            if said.claimed().successor != own.public() {
                let why = "it named another successor than the key that took over here: somebody \
                           else has it";
                return Err(alarm(&former.public().fingerprint(), why).into());
            }
            Some(said.hash())
        }
    };
    let under = histories.log(&says(&own, studio.successor, previous))?;
    Ok(format!(
        "In the log {}, seen by {}: your key is {}, and {} is to follow it. Whoever trusts your key \
         follows it with `hallmark trust watch`.",
        under.origin(),
        seen_by(&under),
        own.public().fingerprint(),
        studio.successor.fingerprint()
    ))
}

/// What is logged of one's own key has to be what one said.
fn check_own(studio: &Studio, said: &Signed<KeyStatement>) -> Result<(), Finding> {
    if said.claimed().successor == studio.successor {
        return Ok(());
    }
    let key = studio.public().fingerprint();
    Err(alarm(
        &key,
        "this is your key, and the log says that it named a successor which is not yours: somebody else \
         has it; `hallmark studio succeed` gives it up, and tell those who trust you",
    ))
}

/// Runs `hallmark studio succeed`.
///
/// # Errors
/// A page with another key; files that cannot be written. Where only the log does not take it, the
/// studio has its new key all the same, and is told so.
pub fn succeed(args: &SucceedArgs, session: &Session) -> anyhow::Result<Report> {
    let secret = studio::successor_on(&args.page)?;
    let mut store = session.open()?;
    let studio = studio::of(&store)?;
    let (next, successor) = studio.succeed(&secret, &mut session.rng()).with_context(|| {
        format!("the key in {} is not the successor that this studio named", args.page.display())
    })?;
    let out = match &args.successor_out {
        Some(path) => path.clone(),
        None => studio::successor_beside(session)?,
    };
    anyhow::ensure!(!out.exists(), "{} is there already; move it away first", out.display());
    // On paper before it is the studio's: a kill in between leaves a file to delete.
    studio::write_successor(&next, &successor, Output::new(&out, false)?)?;
    let former = studio.public();
    store.update(&mut session.rng(), |profile| profile.studio = Some(next.clone()))?;
    drop(store);
    let logged = LogService::of_person(&args.log, session)
        .and_then(|(trusted, service)| announced(&Histories { trusted, service }, &next, session));
    let logged = match logged {
        Ok(told) => told,
        Err(error) => format!(
            "NOT in the log yet, so nobody follows it: {error:#}. `hallmark studio announce` logs it."
        ),
    };
    let text = format!(
        "Your key is {} now, in place of {}. Pieces from before go on under the key they were made \
         with.\n{logged}\nKeep offline:  {} holds the SECRET key that follows next; print it or move it \
         to a stick, then delete it here. {} has done its work.\nNext: hallmark studio pub, for those \
         who do not know you yet",
        next.public().fingerprint(),
        former.fingerprint(),
        out.display(),
        args.page.display()
    );
    Report::new(
        &serde_json::json!({"key": next.public(), "former": former, "successor": next.successor}),
        text,
    )
}

/// Runs `hallmark trust watch`.
///
/// # Errors
/// [`Finding::Key`] for a history that breaks, or one's own key in other hands; with `--every` they are
/// told, and it goes on.
pub fn watch(args: &WatchArgs, session: &Session) -> anyhow::Result<Report> {
    let (trusted, service) = LogService::of_person(&args.log, session)?;
    let histories = Histories { trusted, service };
    let Some(every) = args.every else { return look(&histories, args, session) };
    let mut looks: u64 = 0;
    loop {
        looks += 1;
        let looked = look(&histories, args, session);
        match looked {
            looked if args.times.is_some_and(|times| looks >= times) => return looked,
            Ok(report) => session.say(report.text()),
            Err(error) => drop(print_error(&error, session.json)),
        }
        std::thread::sleep(Duration::from_secs(every));
    }
}

fn look(histories: &Histories, args: &WatchArgs, session: &Session) -> anyhow::Result<Report> {
    let mut store = session.open()?;
    let profile = store.read().clone();
    let mut watch = Watch { histories, args, session, lines: Vec::new(), followed: Vec::new() };
    let watched = watch.all(&profile);
    let Watch { lines, followed, .. } = watch;
    // What was followed before something was wrong stays followed.
    if !followed.is_empty() {
        store.try_update(&mut session.rng(), |profile| {
            let mut all = followed.iter();
            all.try_for_each(|(from, to)| profile.pins.follow(from, *to))
                .map_err(anyhow::Error::from)
        })?;
    }
    let under = watched?;
    let mut lines = lines;
    if lines.is_empty() {
        lines.push("You trust nobody yet, so nobody's key is watched.".to_owned());
    }
    if let Some(under) = &under {
        lines.push(format!("As the log {} says, seen by {}.", under.origin(), seen_by(under)));
        if under.map_as_of().is_none() {
            lines.push(
                "That nobody took over rests on the service's word: no monitor of the policy rebuilt the \
                 map."
                .to_owned(),
            );
        }
    }
    let followed: Vec<_> =
        followed.iter().map(|(from, to)| serde_json::json!({"from": from, "to": to})).collect();
    let as_of = under.as_ref().and_then(Accepted::as_of);
    Report::new(&serde_json::json!({"followed": followed, "asOf": as_of}), lines.join("\n"))
}

/// One look at all keys.
struct Watch<'a> {
    histories: &'a Histories,
    args: &'a WatchArgs,
    session: &'a Session,
    lines: Vec<String>,
    followed: Vec<(Fingerprint, Fingerprint)>,
}

impl Watch<'_> {
    fn all(&mut self, profile: &Profile) -> anyhow::Result<Option<Accepted>> {
        let mut under = None;
        if let Some(studio) = &profile.studio {
            let keys = [studio.public().fingerprint(), studio.successor.fingerprint()];
            let (seen, mut said) = self.histories.of(&keys)?;
            is_recent(&seen, self.args.max_age, self.session)?;
            under = Some(seen);
            let successor = said.pop().flatten();
            match said.pop().flatten() {
                Some(own) => check_own(studio, &own)?,
                None => self.lines.push(
                    "Your own key says nothing in the log yet: hallmark studio announce".to_owned(),
                ),
            }
            if successor.is_some() {
                let why = "this is the successor of your key, and somebody else took over with it";
                return Err(alarm(&keys[1], why).into());
            }
        }
        let pins: Vec<_> = profile.pins.iter().collect();
        for some in pins.chunks(AT_ONCE) {
            let newest: Vec<Fingerprint> = some.iter().map(|pin| *pin.newest()).collect();
            let (seen, said) = self.histories.of(&newest)?;
            is_recent(&seen, self.args.max_age, self.session)?;
            under = Some(seen);
            for (pin, said) in some.iter().zip(said) {
                self.one(pin.name.as_str(), *pin.newest(), said)?;
            }
        }
        Ok(under)
    }

    /// Follows one key as far as its history goes.
    fn one(&mut self, name: &str, from: Fingerprint, said: Said) -> anyhow::Result<()> {
        let Some(mut said) = said else {
            self.lines.push(format!("{name}: {from} says nothing in the log"));
            return Ok(());
        };
        let mut newest = from;
        for _ in 0..MAX_STEPS {
            let next = said.claimed().successor.fingerprint();
            let Some(took_over) = self.histories.of_one(&next)? else { break };
            key::follows(&said, &took_over).map_err(|error| {
                alarm(&next, format!("{name}'s history does not hold: {error}"))
            })?;
            self.followed.push((newest, next));
            self.lines.push(format!("{name}: {next} took over from {newest}, and is trusted now"));
            (newest, said) = (next, took_over);
        }
        if newest == from {
            let next = said.claimed().successor.fingerprint();
            self.lines.push(format!("{name}: {from} is the newest key; {next} is to follow it"));
        }
        Ok(())
    }
}
