//! The people of the story: each a profile of their own with a random passphrase, in a home folder
//! that is gone when the tour ends. What they do, they do through the same commands a person types.

use std::{
    ffi::OsString,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Parser;
use hallmark_vault::state::ProfileName;
use rand_core::Rng;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    args::Cli,
    cmd,
    output::{Access, write_whole},
    report::Report,
    session::{Server, Session},
};

/// Arguments of a command line, whatever kind of text or path each one is.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => { [$(::std::ffi::OsString::from($argument)),*] };
}
pub(super) use arguments;

/// Somebody with a profile.
#[derive(Debug, Clone)]
pub(super) struct Person {
    session: Session,
}

impl Person {
    /// Somebody whose profile, called `profile`, will lie in `home`, opened by a new random
    /// passphrase beside it.
    pub(super) fn new(session: &Session, home: &Path, profile: &str) -> anyhow::Result<Self> {
        let mut random = Zeroizing::new([0_u8; 20]);
        session.rng().fill_bytes(random.as_mut());
        let passphrase = Zeroizing::new(data_encoding::BASE32.encode(random.as_ref()));
        let file = home.join(format!("{profile}.passphrase"));
        write_whole(&file, Access::Private, |out| Ok(out.write_all(passphrase.as_bytes())?))?;
        let name: ProfileName = profile.parse()?;
        Ok(Self { session: session.of_person(home.to_owned(), file, name) })
    }

    /// Somebody whose profile lies in `home` already, with its passphrase beside it.
    pub(super) fn existing(session: &Session, home: &Path, profile: &str) -> anyhow::Result<Self> {
        let file = home.join(format!("{profile}.passphrase"));
        Ok(Self { session: session.of_person(home.to_owned(), file, profile.parse()?) })
    }

    /// The same profile, tried with somebody else's passphrase.
    pub(super) fn with_passphrase_of(&self, other: &Self, home: &Path) -> Self {
        let file = home.join(format!("{}.passphrase", other.session.profile()));
        let profile = self.session.profile().clone();
        Self { session: self.session.of_person(home.to_owned(), file, profile) }
    }

    /// The same person, who names that service.
    pub(super) fn with_server(&self, server: Server) -> Self {
        Self { session: self.session.with_server(server) }
    }

    /// How this person's commands run.
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Runs a command line as this person: what stands after `hallmark`.
    ///
    /// # Errors
    /// As the command.
    pub(super) fn run(
        &self,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> anyhow::Result<Report> {
        let line = [OsString::from("hallmark")].into_iter().chain(arguments);
        let cli = Cli::try_parse_from(line).context("the tour's own command line")?;
        cmd::run(&cli.command, &self.session)
    }

    /// The verdict this person gets on a file.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn verify(
        &self,
        file: &Path,
        more: impl IntoIterator<Item = OsString>,
    ) -> anyhow::Result<Seen> {
        let report = self.run(arguments!["verify", file].into_iter().chain(more))?;
        Ok(Seen { exit: report.code(), verdict: report.json().clone() })
    }
}

/// A verdict as a machine gets it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The exit code.
    pub(super) exit: u8,
    /// What `--json` prints.
    pub(super) verdict: Value,
}

impl Seen {
    /// The text at a JSON pointer; empty where there is none.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.verdict.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The list at a JSON pointer; empty where there is none.
    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.verdict.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The codes of everything that is wrong with the file.
    pub(super) fn codes(&self) -> Vec<&str> {
        self.list("/integrity/problems").iter().filter_map(|p| p["code"].as_str()).collect()
    }
}

/// Everybody.
#[derive(Debug, Clone)]
pub(super) struct People {
    /// Where their profiles lie.
    pub(super) home: PathBuf,
    /// The maker.
    pub(super) studio: Person,
    /// Who buys the piece.
    pub(super) buyer: Person,
    /// Who examines it.
    pub(super) laboratory: Person,
    /// Who would like to pass as the maker.
    pub(super) forger: Person,
    /// Somebody without a profile, who trusts nobody beforehand.
    pub(super) stranger: Person,
}

impl People {
    /// Everybody, in `home`.
    pub(super) fn in_home(session: &Session, home: &Path) -> anyhow::Result<Self> {
        let person = |name| Person::new(session, home, name);
        Ok(Self {
            home: home.to_owned(),
            studio: person("studio")?,
            buyer: person("buyer")?,
            laboratory: person("laboratory")?,
            forger: person("forger")?,
            stranger: person("stranger")?,
        })
    }
}
