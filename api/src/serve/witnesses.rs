//! What the log is told at the start, and witnesses over HTTP (C2SP tlog-witness).

use std::{fs, io::Read, path::Path, time::Duration};

use hallmark_consent::log::{
    note::{KeyName, MAX_NOTE_LEN, VerifierKey},
    policy::Policy,
};
use ureq::Agent;

use super::{ServeError, Settings};
use crate::{
    app::log::{Cosigner, LogSettings, NoCosignature},
    store::Store,
};

/// How long a witness may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogSettingsError {
    #[error(
        "the log cannot be called {origin:?}: a name has no spaces, no + and at most 255 bytes"
    )]
    Origin { origin: String },
    #[error("cannot read the witnesses in {}: {source}", path.display())]
    Read { path: std::path::PathBuf, source: std::io::Error },
    #[error("{} does not name witnesses as C2SP tlog-policy says: {why}", path.display())]
    Policy { path: std::path::PathBuf, why: String },
}

impl From<LogSettingsError> for ServeError {
    fn from(error: LogSettingsError) -> Self {
        Self::Service(Box::new(error))
    }
}

/// How the log of this store works.
///
/// # Errors
/// [`ServeError::Service`].
pub(super) fn log_settings(settings: &Settings, store: &Store) -> Result<LogSettings, ServeError> {
    let begun = store.log().map_err(|error| ServeError::Service(error.into()))?;
    let origin = settings.origin.clone().or(begun.map(|begun| begun.origin)).unwrap_or_else(|| {
        let host = settings.authorities.first().map_or("localhost", String::as_str);
        format!("{}/log", host.to_ascii_lowercase())
    });
    let name: Result<KeyName, _> = origin.parse();
    let mut log = LogSettings::new(name.map_err(|_| LogSettingsError::Origin { origin })?);
    log.accepts_another_key = settings.new_key;
    log.goes_on_after_restore = settings.log_goes_on;
    if let Some(path) = &settings.witnesses {
        let policy = policy(path)?;
        for witness in policy.witnesses() {
            if let Some(url) = &witness.url {
                log.cosigners.push(Box::new(HttpWitness::new(witness.key.clone(), url)));
            }
        }
        log.policy = Some(policy);
    }
    Ok(log)
}

pub(super) fn policy(path: &Path) -> Result<Policy, LogSettingsError> {
    let wrong = |why: String| LogSettingsError::Policy { path: path.to_owned(), why };
    let text = fs::read_to_string(path)
        .map_err(|source| LogSettingsError::Read { path: path.to_owned(), source })?;
    let policy: Policy = text
        .parse()
        .map_err(|error: hallmark_consent::log::policy::PolicyError| wrong(error.to_string()))?;
    let asked = policy.witnesses().iter().any(|witness| witness.url.is_some());
    if policy.asks_for_witnesses() && !asked {
        return Err(wrong("it asks for witnesses and says of none where it is".to_owned()));
    }
    Ok(policy)
}

/// A witness at a URL.
struct HttpWitness {
    key: VerifierKey,
    url: String,
    agent: Agent,
}

impl HttpWitness {
    fn new(key: VerifierKey, url: &str) -> Self {
        let agent = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .user_agent("hallmarkd")
            .build()
            .into();
        Self { key, url: format!("{}/add-checkpoint", url.trim_end_matches('/')), agent }
    }
}

impl Cosigner for HttpWitness {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn add_checkpoint(&mut self, request: &str) -> Result<(u16, String), NoCosignature> {
        let failed = |why: String| NoCosignature { why: format!("{}: {why}", self.key.name()) };
        let answer = self.agent.post(&self.url).send(request);
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let mut body = Vec::new();
        // One byte more than there may be: what is longer is no answer.
        let most = MAX_NOTE_LEN as u64 + 1;
        let read = answer.body_mut().as_reader().take(most).read_to_end(&mut body);
        read.map_err(|error| failed(error.to_string()))?;
        let body = String::from_utf8(body).map_err(|_| failed("it answers no text".to_owned()))?;
        Ok((answer.status().as_u16(), body))
    }
}
