//! Whose word on a log counts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hallmark_consent::log::{note::VerifierKey, policy::Policy};

use super::replace;
use crate::{
    args::{LogTrustArgs, TrustedArgs},
    input,
    report::Usage,
    session::Session,
};

/// Where `trust log` keeps a policy, in the folder of logs.
const KEPT: &str = "trusted.policy";

/// Whose word counts, as an auditor gave it.
pub struct Trusted {
    /// As it is used.
    pub policy: Policy,
    /// As a file, complete.
    pub text: String,
}

impl Trusted {
    /// What `--vkey` and `--policy` say.
    ///
    /// # Errors
    /// [`Usage`]; a file that cannot be read.
    pub fn of(args: &TrustedArgs) -> anyhow::Result<Self> {
        Self::read(args.vkey.as_deref(), args.policy.as_deref())
    }

    /// What `--log-vkey` and `--log-policy` say; without either, what `trust log` keeps; `None` where
    /// that is nothing.
    ///
    /// # Errors
    /// As [`Trusted::of`].
    pub fn of_person(args: &LogTrustArgs, session: &Session) -> anyhow::Result<Option<Self>> {
        let LogTrustArgs { log_vkey: vkey, log_policy: policy } = args;
        if vkey.is_some() || policy.is_some() {
            return Self::read(vkey.as_deref(), policy.as_deref()).map(Some);
        }
        Self::kept(session)
    }

    /// What `trust log` keeps; `None` where that is nothing.
    ///
    /// # Errors
    /// As [`Trusted::of`].
    pub fn kept(session: &Session) -> anyhow::Result<Option<Self>> {
        // Whoever has no home has nothing kept.
        let Ok(path) = kept_path(session) else { return Ok(None) };
        path.exists().then(|| Self::read(None, Some(&path))).transpose()
    }

    /// The policy of a file, in which the one log with this key counts; each may be left out.
    fn read(vkey: Option<&str>, path: Option<&Path>) -> anyhow::Result<Self> {
        let vkey = vkey.map(verifier_key).transpose()?;
        let (text, file) = match path {
            Some(path) => {
                let file = path.display().to_string();
                let text =
                    input::text(path).with_context(|| format!("cannot read the policy {file}"))?;
                (text, file)
            }
            None => ("quorum none\n".to_owned(), "the policy".to_owned()),
        };
        let wrong = |error| Usage(format!("{file}: {error} (C2SP tlog-policy)"));
        let read: Policy = text.parse().map_err(wrong)?;
        let text = match &vkey {
            None => text,
            Some(vkey) => {
                let logs = read.logs();
                if !logs.is_empty() && !logs.iter().any(|log| log.key == *vkey) {
                    let names: Vec<String> = logs.iter().map(|log| log.key.to_string()).collect();
                    return Err(Usage(format!(
                        "{file} names another log than the key that was given, {}: leave out the one \
                         that is not meant",
                        names.join(" and ")
                    ))
                    .into());
                }
                let others = text.lines().filter(|line| !line.trim_start().starts_with("log "));
                let all = std::iter::once(format!("log {vkey}")).chain(others.map(str::to_owned));
                all.map(|line| line + "\n").collect()
            }
        };
        let policy: Policy = text.parse().map_err(wrong)?;
        if policy.logs().is_empty() {
            let text = format!("{file} names no log: give its key with --vkey");
            return Err(Usage(text).into());
        }
        Ok(Self { policy, text })
    }

    /// The names of the logs.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.policy.logs().iter().map(|log| log.key.name().to_string()).collect()
    }

    /// How far they are trusted, in words.
    #[must_use]
    pub fn how_far(&self) -> String {
        let witnesses: Vec<&str> =
            self.policy.witnesses().iter().map(|one| one.name.as_str()).collect();
        match self.policy.asks_for_witnesses() {
            true => format!("as far as these have seen it: {}", witnesses.join(", ")),
            false => {
                "on its own word: no witness is asked for, so it may show you a log of your own \
                      and say any time"
                    .to_owned()
            }
        }
    }

    /// Keeps it for [`Trusted::of_person`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, session: &Session) -> anyhow::Result<()> {
        let path = kept_path(session)?;
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        replace(&path, self.text.as_bytes())
    }

    /// Keeps it no more.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(session: &Session) -> anyhow::Result<()> {
        let path = kept_path(session)?;
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

fn kept_path(session: &Session) -> anyhow::Result<PathBuf> {
    Ok(session.home()?.path().join("logs").join(KEPT))
}

/// The key in a text, or in the file that it names.
///
/// # Errors
/// [`Usage`]; a file that cannot be read.
pub(super) fn verifier_key(text: &str) -> anyhow::Result<VerifierKey> {
    let read = match text.contains('+') {
        true => text.to_owned(),
        false => input::text(Path::new(text))
            .with_context(|| format!("cannot read the log's key in {text}"))?,
    };
    let wrong = |error| {
        Usage(format!(
            "{text} is no key of a log: {error}; one looks like vault.example/log+1234abcd+A..."
        ))
    };
    Ok(read.trim().parse().map_err(wrong)?)
}
