//! Which logs and witnesses count (C2SP tlog-policy).
//!
//! One name has a meaning here that the format leaves open: a witness or group called `map` is whoever
//! cosigns only checkpoints whose map it rebuilt. A policy requires it by making it a member of its
//! quorum; without it, verdicts of absence say that they rest on the service's word.

use std::{collections::HashMap, str::FromStr};

use hallmark_core::time::Timestamp;

use super::{
    checkpoint::{Accepted, Seen, SignedCheckpoint, decimal},
    note::{Algorithm, NoteError, VerifierKey},
};

/// The longest policy that is read, in bytes.
pub const MAX_POLICY_LEN: usize = 256 * 1024;
/// The most logs, witnesses and groups, each.
const MAX_EACH: usize = 256;
/// The name of whoever rebuilds the map.
const MAP: &str = "map";

/// Text that is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {what}")]
pub struct PolicyError {
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Why a checkpoint does not count under a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedCheckpoint {
    /// No log of the policy signed it.
    #[error("no log of the policy signed this checkpoint of {origin:?}")]
    UnknownLog {
        /// The origin it names.
        origin: String,
    },
    /// A signature does not hold.
    #[error(transparent)]
    Signature(#[from] NoteError),
    /// A log of ours adds no lines.
    #[error("the checkpoint says more than origin, size and root")]
    Extensions,
    /// Too few witnesses.
    #[error("too few witnesses cosigned it: {}", names(.seen))]
    Quorum {
        /// Those that did.
        seen: Vec<Seen>,
    },
}

fn names(seen: &[Seen]) -> String {
    match seen {
        [] => "none".to_owned(),
        seen => seen.iter().map(|one| one.by.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// A log, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its key, whose name is its origin.
    pub key: VerifierKey,
    /// Where it is published, if the policy says so.
    pub url: Option<String>,
}

/// A witness, and where it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Its submission prefix, if the policy says so.
    pub url: Option<String>,
}

/// The logs and witnesses that count, and how many have to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    map: Option<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    at_least: usize,
    members: Vec<Member>,
}

/// What a time is asked for.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// Nothing newer was known then: the latest.
    AsOf,
    /// It existed then: the earliest.
    ExistedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

impl Policy {
    /// A policy of one log without witnesses: what is seen under it, the service may have shown to
    /// nobody else.
    pub fn of_log(key: VerifierKey) -> Self {
        let logs = vec![Log { key, url: None }];
        Self { logs, witnesses: Vec::new(), groups: Vec::new(), quorum: None, map: None }
    }

    /// The logs.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Whether it asks for any witness.
    pub fn asks_for_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Whether a checkpoint counts. A signature in the name of a log or witness of the policy that
    /// does not hold makes it count for nothing.
    ///
    /// # Errors
    /// [`RefusedCheckpoint`].
    pub fn accept(&self, signed: SignedCheckpoint) -> Result<Accepted, RefusedCheckpoint> {
        let mut log = None;
        for one in &self.logs {
            if signed.is_signed_by(&one.key)? {
                log = Some(one.key.clone());
            }
        }
        let origin = || signed.claimed().origin.clone();
        let log = log.ok_or_else(|| RefusedCheckpoint::UnknownLog { origin: origin() })?;
        if !signed.claimed().extensions.is_empty() {
            return Err(RefusedCheckpoint::Extensions);
        }
        let (mut times, mut seen) = (Vec::with_capacity(self.witnesses.len()), Vec::new());
        for witness in &self.witnesses {
            let at = signed.note().verify(&witness.key)?.flatten();
            let by = || (witness.name.clone(), witness.key.name().clone());
            seen.extend(at.map(|at| {
                let (by, key) = by();
                Seen { by, key, at }
            }));
            times.push(at);
        }
        let (mut as_of, mut existed_by) = (None, None);
        if let Some(quorum) = self.quorum {
            as_of = self.met(quorum, &times, Bound::AsOf);
            existed_by = self.met(quorum, &times, Bound::ExistedBy);
            if as_of.is_none() {
                return Err(RefusedCheckpoint::Quorum { seen });
            }
        }
        let map_as_of = self.map.and_then(|map| self.met(map, &times, Bound::AsOf));
        Ok(Accepted { signed, log, seen, map_as_of, as_of, existed_by })
    }

    /// Whether a quorum is met by the signatures that a checkpoint has, whoever its log is.
    pub fn is_met(&self, signed: &SignedCheckpoint) -> bool {
        let at = |witness: &Witness| signed.note().verify(&witness.key).ok().flatten().flatten();
        let times: Vec<Option<Timestamp>> = self.witnesses.iter().map(at).collect();
        self.quorum.is_none_or(|quorum| self.met(quorum, &times, Bound::AsOf).is_some())
    }

    /// The best time that a member vouches for: of a witness its own, of a group one that as many of
    /// its members vouch for as it asks for.
    fn met(&self, member: Member, times: &[Option<Timestamp>], bound: Bound) -> Option<Timestamp> {
        match member {
            Member::Witness(at) => times[at],
            Member::Group(at) => {
                let group = &self.groups[at];
                let members = group.members.iter();
                let mut best: Vec<_> =
                    members.filter_map(|one| self.met(*one, times, bound)).collect();
                best.sort_by(|one, other| match bound {
                    Bound::AsOf => other.cmp(one),
                    Bound::ExistedBy => one.cmp(other),
                });
                best.get(group.at_least - 1).copied()
            }
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let whole = |what| PolicyError { line: 0, what };
        if text.len() > MAX_POLICY_LEN {
            return Err(whole("longer than 256 KiB"));
        }
        let mut read = Reading::default();
        for (number, line) in text.split('\n').enumerate() {
            read.line(line).map_err(|what| PolicyError { line: number + 1, what })?;
        }
        let quorum = read.quorum.ok_or(whole("no quorum line"))?;
        let map = read.names.get(MAP).copied();
        let Reading { logs, witnesses, groups, .. } = read;
        Ok(Self { logs, witnesses, groups, quorum, map })
    }
}

#[derive(Default)]
struct Reading {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    names: HashMap<String, Member>,
    members: Vec<Member>,
    quorum: Option<Option<Member>>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
            return Err("control characters");
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match *words {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, at_least, ref members @ ..] => self.group(name, at_least, members),
            ["quorum", name] => self.quorum(name),
            _ => Err("it is: log, witness, group or quorum, and what belongs to each"),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), &'static str> {
        let key: VerifierKey = key.parse().map_err(|_| "the log's key is no verifier key")?;
        if key.algorithm() != Algorithm::Ed25519 {
            return Err("the log's key is not one that signs notes (type 1)");
        }
        if self.logs.iter().any(|log| log.key.key() == key.key()) {
            return Err("the same log twice");
        }
        few(self.logs.len())?;
        self.logs.push(Log { key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), &'static str> {
        let key: VerifierKey = key.parse().map_err(|_| "the witness's key is no verifier key")?;
        if key.algorithm() != Algorithm::CosignatureV1 {
            return Err("the witness's key is not one that cosigns (type 4)");
        }
        if self.witnesses.iter().any(|witness| witness.key.key() == key.key()) {
            return Err("the same witness twice");
        }
        few(self.witnesses.len())?;
        self.name(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness { name: name.to_owned(), key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn group(&mut self, name: &str, at_least: &str, members: &[&str]) -> Result<(), &'static str> {
        let at_least = match at_least {
            "any" => 1,
            "all" => members.len(),
            number => {
                decimal(number).and_then(|n| n.try_into().ok()).ok_or("all, any or a number")?
            }
        };
        if at_least == 0 || at_least > members.len() {
            return Err("a group asks for at least one and at most all of its members");
        }
        few(self.groups.len())?;
        let mut known = Vec::with_capacity(members.len());
        for member in members {
            let member = *self.names.get(*member).ok_or("a member that no line above defines")?;
            if self.members.contains(&member) {
                return Err("a member that is one already");
            }
            self.members.push(member);
            known.push(member);
        }
        self.name(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { at_least, members: known });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), &'static str> {
        let quorum = match name {
            "none" => None,
            name => Some(*self.names.get(name).ok_or("a quorum that no line above defines")?),
        };
        match self.quorum.replace(quorum) {
            None => Ok(()),
            Some(_) => Err("a second quorum line"),
        }
    }

    fn name(&mut self, name: &str, member: Member) -> Result<(), &'static str> {
        if name == "none" || self.names.insert(name.to_owned(), member).is_some() {
            return Err("a name that is taken");
        }
        Ok(())
    }
}

fn few(there: usize) -> Result<(), &'static str> {
    if there < MAX_EACH { Ok(()) } else { Err("more than 256 of a kind") }
}
