//! A log to be read: at an address (C2SP tlog-tiles), or a copy in a folder. Nothing read here is
//! believed by itself.

use std::{
    fmt,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use hallmark_consent::log::{
    note::MAX_NOTE_LEN,
    tile::{Content, Tile, TileError, WIDTH},
    tree::Tiles,
};
use hallmark_core::{
    id::Label,
    problem::{Code, Problem},
};
use ureq::Agent;

use crate::{
    args::LogTrustArgs,
    cmd::audit::Trusted,
    input,
    report::{Usage, one_line},
    session::Session,
};

/// How long one file may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where a log is read.
#[derive(Debug, Clone)]
pub struct LogSource {
    place: Place,
    said: String,
}

#[derive(Debug, Clone)]
enum Place {
    Folder(PathBuf),
    At { address: String, agent: Agent },
}

/// Why a file of a log could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there.
    #[error("{file} is not there")]
    Missing {
        /// The file.
        file: String,
    },
    /// It could not be read.
    #[error("cannot read {file}: {why}")]
    Unread {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// It is longer than such a file can be.
    #[error("{file} is longer than the {limit_bytes} bytes that it can have")]
    TooLong {
        /// The file.
        file: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// It is not of its form.
    #[error(transparent)]
    Form(#[from] TileError),
}

impl LogSource {
    /// The log at an address (`https://HOST/log`; plain `http` for this machine alone), or in a folder.
    ///
    /// # Errors
    /// [`Usage`]; certificates that cannot be read.
    pub fn new(place: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
        let said = place.to_owned();
        if !place.contains("://") {
            return Ok(Self { place: Place::Folder(PathBuf::from(place)), said });
        }
        let address = super::service::checked_prefix(place)?;
        let agent = super::agent(ca, TIMEOUT)?.build().into();
        Ok(Self { place: Place::At { address, agent }, said })
    }

    /// The folder, where it is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(folder) => Some(folder),
            Place::At { .. } => None,
        }
    }

    /// The checkpoint, whoever signed it.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn checkpoint(&self) -> Result<Vec<u8>, SourceError> {
        self.get("checkpoint", MAX_NOTE_LEN as u64)
    }

    /// A file beside it. Of one at the edge, the full one where the log has gone on meanwhile.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn file(&self, tile: Tile) -> Result<Vec<u8>, SourceError> {
        match self.get(&tile.to_string(), tile.max_len() as u64) {
            Err(SourceError::Missing { file }) if !tile.is_full() && self.folder().is_none() => {
                let full = tile.full();
                let whole = self.get(&full.to_string(), full.max_len() as u64);
                let whole = whole.map_err(|_| SourceError::Missing { file })?;
                Ok(tile.prefix_of(&whole)?.to_vec())
            }
            read => read,
        }
    }

    fn get(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let file = format!("{}/{name}", self.said.trim_end_matches('/'));
        let unread = |why: String| SourceError::Unread { file: file.clone(), why };
        let mut bytes = Vec::new();
        let read = match &self.place {
            Place::Folder(folder) => match input::open(&folder.join(name)) {
                Ok((opened, _)) => opened.take(limit_bytes + 1).read_to_end(&mut bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(SourceError::Missing { file });
                }
                Err(error) => Err(error),
            },
            Place::At { address, agent } => {
                let answer = agent.get(format!("{address}/{name}")).call();
                let answer = answer.map_err(|error| unread(error.to_string()))?;
                match answer.status().as_u16() {
                    200 => {}
                    404 => return Err(SourceError::Missing { file }),
                    status => return Err(unread(format!("the answer is {status}"))),
                }
                answer.into_body().into_reader().take(limit_bytes + 1).read_to_end(&mut bytes)
            }
        };
        read.map_err(|error: io::Error| unread(error.to_string()))?;
        if bytes.len() as u64 > limit_bytes {
            return Err(SourceError::TooLong { file, limit_bytes });
        }
        Ok(bytes)
    }
}

/// How long an entry may take: the service waits for its witnesses.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take where nothing waits for it.
const HURRY: Duration = Duration::from_secs(5);
/// The longest answer to a submission or a lookup, bytes.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// A log's service does not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{at} refuses: {why}")]
pub struct LogRefused {
    at: String,
    why: String,
    /// Why, for programs.
    pub code: Option<Code>,
}

impl LogRefused {
    /// Whether it keeps no log.
    #[must_use]
    pub fn has_no_log(&self) -> bool {
        self.code == Some(Code::NotFound)
    }
}

/// A service that keeps a log: it takes entries and answers what the map says.
pub struct LogService {
    agent: Agent,
    address: String,
    source: LogSource,
}

impl LogService {
    /// The service that this person uses (`--server`, else the one that has their account), and the log
    /// that counts for them.
    ///
    /// # Errors
    /// [`Usage`] where either is not known, or nobody is to be asked.
    pub fn of_person(args: &LogTrustArgs, session: &Session) -> anyhow::Result<(Trusted, Self)> {
        let trusted = Trusted::of_person(args, session)?.ok_or_else(|| {
            Usage(
                "say which log counts: `hallmark trust log`, or --log-vkey and --log-policy".into(),
            )
        })?;
        let server = session.server();
        if server.offline {
            return Err(Usage("this asks the log's service: leave --offline out".into()).into());
        }
        let address = match &server.address {
            Some(address) => address.clone(),
            None => remembered(session)?.ok_or_else(|| {
                Usage("say which service keeps the log: --server https://vault.example.com".into())
            })?,
        };
        Ok((trusted, Self::new(&address, server.ca.as_deref())?))
    }

    /// The service at an address.
    ///
    /// # Errors
    /// [`Usage`]; certificates that cannot be read.
    pub fn new(address: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
        Self::waiting(address, ca, SUBMIT_TIMEOUT)
    }

    /// The same, where nobody waits longer than some seconds for an answer.
    ///
    /// # Errors
    /// As [`LogService::new`].
    pub fn hurried(address: &str, ca: Option<&Path>) -> anyhow::Result<Self> {
        Self::waiting(address, ca, HURRY)
    }

    fn waiting(address: &str, ca: Option<&Path>, time: Duration) -> anyhow::Result<Self> {
        let address = super::service::checked_base(address)?;
        let agent = super::agent(ca, time)?.build().into();
        let source = LogSource::new(&format!("{address}/log"), ca)?;
        Ok(Self { agent, address, source })
    }

    /// Has an entry logged, and returns what the service says of its place.
    ///
    /// # Errors
    /// What it refuses, or that it cannot be reached.
    pub fn submit(&self, entry: &[u8]) -> anyhow::Result<String> {
        let request = self.agent.post(format!("{}/v1/log/entries", self.address));
        let answer = request.header("content-type", "application/json").send(entry);
        self.text(answer)
    }

    /// An entry, as the files of a log of this size have it.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn entry(&self, index: u64, size: u64) -> Result<Vec<u8>, SourceError> {
        let there = |tile: &Tile| index % WIDTH < u64::from(tile.width());
        let tile = Tile::of_log(Content::Entries, index / WIDTH, size).filter(there);
        let tile = tile.ok_or_else(|| SourceError::Missing { file: format!("entry {index}") })?;
        let bytes = self.source.file(tile)?;
        Ok(tile.entries(&bytes)?[(index % WIDTH) as usize].to_vec())
    }

    /// What the service says of labels, all at one moment: JSON.
    ///
    /// # Errors
    /// As [`LogService::submit`].
    pub fn look_up(&self, labels: &[Label]) -> anyhow::Result<String> {
        let body = serde_json::json!({"labels": labels}).to_string();
        let request = self.agent.post(format!("{}/v1/log/labels", self.address));
        self.text(request.header("content-type", "application/json").send(body))
    }

    fn text(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<String> {
        let at = || format!("the log at {}", self.address);
        let answer = answer.with_context(at)?;
        let status = answer.status();
        let mut text = String::new();
        answer
            .into_body()
            .into_reader()
            .take(MAX_ANSWER_BYTES)
            .read_to_string(&mut text)
            .with_context(at)?;
        if status.is_success() {
            return Ok(text);
        }
        let problem: Option<Problem> = serde_json::from_str(&text).ok();
        let why = match &problem {
            Some(told) => one_line(&told.detail),
            None => format!("status {status}"),
        };
        let code = problem.map(|told| told.code);
        Err(LogRefused { at: at(), why, code }.into())
    }
}

/// The address of the service that has the account of this profile.
fn remembered(session: &Session) -> anyhow::Result<Option<String>> {
    let Some(store) = session.open_if_there()? else { return Ok(None) };
    let holdings = store.read().holdings.as_ref();
    Ok(holdings.and_then(|held| held.service.as_ref()).map(|service| service.address.clone()))
}

impl Tiles for LogSource {
    type Error = SourceError;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, SourceError> {
        self.file(tile)
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}
