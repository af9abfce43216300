//! The service over HTTP: requests signed as RFC 9421 says (design, section 3), answers read up to
//! their limits.
//!
//! Addresses are `https://HOST[:PORT]`; plain `http` only for this machine, since the signatures keep
//! requests whole but not who asks for what. Redirects are not followed: a signature is for one
//! authority. A request that the service was too busy for, or that came just after it started, is
//! signed anew and sent again a few times.

use std::{
    io::{self, Read, Write},
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hallmark_core::{
    account::{
        AccountId, BlobId, Signed,
        exchange::{
            AppendEntry, Commit, CreateAccount, Devices, Erasure, MAX_ANSWER_BYTES, Membership,
            ServiceInfo, StartUpload, Sync, Upload,
        },
    },
    httpsig::{self, ContentDigest, KeyId, Target},
    key::SigningKey,
    problem::{Code, Problem},
    time::Timestamp,
};
use hallmark_vault::service::{Known, Parts, Service, ServiceError};
use serde::{Serialize, de::DeserializeOwned};
use ureq::{
    Body,
    http::{Request, Response},
};

use crate::{
    report::{Usage, one_line},
    session::{Server, Session, SystemRng},
};

/// How long one request may take, its answer included.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long a connection may say nothing: as long as a service gives itself for an answer.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest problem document that is read, bytes.
const MAX_PROBLEM_BYTES: u64 = 64 << 10;
/// The longest answer that says one thing about one thing, bytes.
const MAX_WORD_BYTES: u64 = 4 << 20;
/// How much of a blob is asked for at a time, bytes.
const RANGE_BYTES: u64 = 16 << 20;
/// How often a request is sent again that the service had no time for.
const MAX_TRIES: u32 = 4;
/// How long is waited before that at most.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// How many parts of a blob are on their way at a time: while one is written to the service's disk,
/// the next ones travel.
const PARTS_AT_ONCE: usize = 4;

type Answer<T> = Result<T, ServiceError>;

/// A service at an address.
pub struct HttpService {
    agent: ureq::Agent,
    address: String,
    authority: String,
    clock: Box<dyn Fn() -> Timestamp + Send + std::marker::Sync>,
    rng: Mutex<SystemRng>,
}

/// What is sent.
enum Content<'a> {
    Nothing,
    Json(Vec<u8>),
    Bytes(&'a [u8]),
}

impl Content<'_> {
    fn json(value: &impl Serialize) -> Self {
        Self::Json(serde_json::to_vec(value).expect("our own types are JSON"))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::Json(bytes) => bytes,
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl HttpService {
    /// The service at that address.
    ///
    /// # Errors
    /// [`Usage`] for an address that is none; when the certificates cannot be read.
    pub fn new(address: &str, server: &Server, session: &Session) -> anyhow::Result<Self> {
        let (address, authority) = checked(address)?;
        let agent = super::agent(server.ca.as_deref(), TIMEOUT)?
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(SILENCE_TIMEOUT))
            .max_idle_connections_per_host(PARTS_AT_ONCE)
            .build()
            .into();
        let (clock, rng) = (Box::new(session.clock()), Mutex::new(session.rng()));
        Ok(Self { agent, address, authority, clock, rng })
    }

    /// The address, as it is remembered.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    fn unreachable(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + std::marker::Sync>>,
    ) -> ServiceError {
        ServiceError::Unreachable { address: self.address.clone(), source: source.into() }
    }

    /// Sends a request, again where the service says to wait.
    fn call(
        &self,
        method: &str,
        path: &str,
        by: Option<&SigningKey>,
        content: &Content<'_>,
        range: Option<(u64, u64)>,
    ) -> Answer<Response<Body>> {
        let mut tries = 0;
        loop {
            tries += 1;
            let response = self.send(method, path, by, content, range)?;
            if response.status().is_success() {
                return Ok(response);
            }
            let wait = retry_after(&response);
            let problem = self.problem(response)?;
            let passing = matches!(
                problem.code,
                Code::Overloaded | Code::Stopping | Code::RateLimited | Code::BeforeRestart
            );
            if !passing || tries == MAX_TRIES {
                return Err(ServiceError::Refused(problem));
            }
            std::thread::sleep(wait.min(MAX_WAIT));
        }
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        by: Option<&SigningKey>,
        content: &Content<'_>,
        range: Option<(u64, u64)>,
    ) -> Answer<Response<Body>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(key) = by {
            let (path, query) = match path.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (path, None),
            };
            let target = Target::new(method, &self.authority, path, query)
                .map_err(|error| self.unreachable(error))?;
            let digest = ContentDigest::of(content.bytes());
            let id =
                KeyId::new(&key.public().to_string()).map_err(|error| self.unreachable(error))?;
            let now = (self.clock)().unix_s();
            let rng = &mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            let signed = httpsig::sign(key, &id, &target, &digest, now, rng)
                .map_err(|error| self.unreachable(error))?;
            request = request
                .header("content-digest", signed.content_digest)
                .header("signature-input", signed.signature_input)
                .header("signature", signed.signature);
        }
        if let Some((from, to)) = range {
            request = request.header("range", format!("bytes={from}-{to}"));
        }
        let outcome = match content {
            Content::Nothing => {
                self.agent.run(request.body(()).map_err(|error| self.unreachable(error))?)
            }
            Content::Json(bytes) => self.agent.run(
                request
                    .header("content-type", "application/json")
                    .body(&bytes[..])
                    .map_err(|error| self.unreachable(error))?,
            ),
            Content::Bytes(bytes) => self.agent.run(
                request
                    .header("content-type", "application/octet-stream")
                    .body(*bytes)
                    .map_err(|error| self.unreachable(error))?,
            ),
        };
        outcome.map_err(|error| self.unreachable(error))
    }

    /// What a refusal says, made fit for a terminal.
    fn problem(&self, response: Response<Body>) -> Answer<Problem> {
        let status = response.status();
        let bytes = self.read(response, "a refusal", MAX_PROBLEM_BYTES)?;
        let problem: Problem = serde_json::from_slice(&bytes).map_err(|_| {
            self.unreachable(format!("it answered {status}, which is not how this service refuses"))
        })?;
        Ok(Problem::new(problem.code, one_line(&problem.detail)))
    }

    fn read(
        &self,
        response: Response<Body>,
        what: &'static str,
        limit_bytes: u64,
    ) -> Answer<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = response.into_body().into_reader().take(limit_bytes + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.unreachable(error))?;
        if bytes.len() as u64 > limit_bytes {
            return Err(ServiceError::TooLong { what, limit_bytes });
        }
        Ok(bytes)
    }

    fn json<T: DeserializeOwned>(
        &self,
        response: Response<Body>,
        what: &'static str,
        limit_bytes: u64,
    ) -> Answer<T> {
        let bytes = self.read(response, what, limit_bytes)?;
        serde_json::from_slice(&bytes).map_err(|_| ServiceError::Garbled { what })
    }

    fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        by: Option<&SigningKey>,
        what: &'static str,
        limit_bytes: u64,
    ) -> Answer<T> {
        let response = self.call("GET", path, by, &Content::Nothing, None)?;
        self.json(response, what, limit_bytes)
    }

    /// Has something done. The answer to that is empty: whoever answers with a page, such as the
    /// sign-in page of a network, is not the service and has done nothing.
    fn done(
        &self,
        method: &str,
        path: &str,
        by: &SigningKey,
        content: &Content<'_>,
        what: &'static str,
    ) -> Answer<()> {
        let response = self.call(method, path, Some(by), content, None)?;
        match self.read(response, what, 0) {
            Ok(_) => Ok(()),
            Err(ServiceError::TooLong { .. }) => Err(ServiceError::Garbled { what }),
            Err(error) => Err(error),
        }
    }

    fn put_part(
        &self,
        by: &SigningKey,
        account: AccountId,
        parts: &Parts<'_>,
        place: u32,
        bytes: &mut Vec<u8>,
    ) -> Answer<()> {
        (parts.read)(place, bytes).map_err(ServiceError::Unread)?;
        let path = format!("/v1/accounts/{account}/blobs/{}/parts/{place}", parts.blob);
        self.done("PUT", &path, by, &Content::Bytes(bytes), "a part of an attachment")
    }
}

impl Service for HttpService {
    fn info(&self) -> Answer<ServiceInfo> {
        self.get("/v1/service", None, "what it is", MAX_WORD_BYTES)
    }

    fn membership(&self, by: &SigningKey) -> Answer<Membership> {
        self.get("/v1/membership", Some(by), "whose device this is", MAX_WORD_BYTES)
    }

    fn create(&self, by: &SigningKey, body: &CreateAccount) -> Answer<()> {
        self.done("POST", "/v1/accounts", by, &Content::json(body), "a new account")
    }

    fn devices(&self, by: &SigningKey, account: AccountId, from: u64) -> Answer<Devices> {
        let path = format!("/v1/accounts/{account}/devices?from={from}");
        self.get(&path, Some(by), "the device list", MAX_ANSWER_BYTES)
    }

    fn append(&self, by: &SigningKey, account: AccountId, body: &AppendEntry) -> Answer<()> {
        let path = format!("/v1/accounts/{account}/devices");
        self.done("POST", &path, by, &Content::json(body), "a change of the devices")
    }

    fn sync(&self, by: &SigningKey, account: AccountId, known: Known) -> Answer<Sync> {
        let Known { devices, manifest, cursor } = known;
        let mut path = format!(
            "/v1/accounts/{account}/sync?devices={devices}&manifest={manifest}&items={}",
            cursor.manifest
        );
        if let Some(item) = cursor.item {
            path += &format!("&item={item}");
        }
        self.get(&path, Some(by), "what is new", MAX_ANSWER_BYTES)
    }

    fn commit(&self, by: &SigningKey, account: AccountId, body: &Commit) -> Answer<()> {
        let path = format!("/v1/accounts/{account}/items");
        self.done("POST", &path, by, &Content::json(body), "a change of the items")
    }

    fn start_upload(
        &self,
        by: &SigningKey,
        account: AccountId,
        body: &StartUpload,
    ) -> Answer<Upload> {
        let path = format!("/v1/accounts/{account}/blobs");
        self.done("POST", &path, by, &Content::json(body), "a new upload")?;
        let path = format!("{path}/{}", body.blob);
        self.get(&path, Some(by), "an upload", MAX_WORD_BYTES)
    }

    fn put_parts(&self, by: &SigningKey, account: AccountId, parts: &Parts<'_>) -> Answer<()> {
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(None);
        let send = || {
            let mut bytes = Vec::new();
            while let Some(place) = parts.places.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.put_part(by, account, parts, *place, &mut bytes) {
                    next.store(parts.places.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|threads| {
            for _ in 1..PARTS_AT_ONCE.min(parts.places.len()) {
                threads.spawn(send);
            }
            send();
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn content(
        &self,
        by: &SigningKey,
        account: AccountId,
        blob: BlobId,
        from: u64,
        most: u64,
        out: &mut dyn Write,
    ) -> Answer<u64> {
        let path = format!("/v1/accounts/{account}/blobs/{blob}/content");
        let length = most.min(RANGE_BYTES);
        let range = Some((from, from + length - 1));
        let response = self.call("GET", &path, Some(by), &Content::Nothing, range)?;
        if response.status() != 206 {
            return Err(ServiceError::Garbled { what: "an attachment" });
        }
        let mut reader = response.into_body().into_reader().take(length);
        let mut buffer = vec![0; 256 << 10];
        let mut came = 0;
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    out.write_all(&buffer[..read])?;
                    came += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What came is kept; the next request goes on from there.
                Err(_) if came > 0 => break,
                Err(error) => return Err(self.unreachable(error)),
            }
        }
        Ok(came)
    }

    fn delete_blob(&self, by: &SigningKey, account: AccountId, blob: BlobId) -> Answer<()> {
        let path = format!("/v1/accounts/{account}/blobs/{blob}");
        self.done("DELETE", &path, by, &Content::Nothing, "the removal of an attachment")
    }

    fn close(&self, by: &SigningKey, account: AccountId) -> Answer<Signed<Erasure>> {
        let path = format!("/v1/accounts/{account}");
        let response = self.call("DELETE", &path, Some(by), &Content::Nothing, None)?;
        self.json(response, "a receipt", MAX_WORD_BYTES)
    }
}

fn retry_after(response: &Response<Body>) -> Duration {
    let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    Duration::from_secs(header.and_then(|text| text.parse().ok()).unwrap_or(1))
}

/// Address and authority, in the one spelling that is remembered and signed.
fn checked(address: &str) -> anyhow::Result<(String, String)> {
    let wrong = |why: &str| Usage(format!("{address:?} is no address of a service: {why}"));
    let plain = address.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, authority) =
        plain.split_once("://").ok_or_else(|| wrong("write it as https://vault.example.com"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(allowed) {
        return Err(wrong("write it as https://vault.example.com, without a path").into());
    }
    let default_port = match scheme {
        "https" => ":443",
        "http" if is_this_machine(authority) => ":80",
        "http" => return Err(wrong("outside this machine it has to be https").into()),
        _ => return Err(wrong("it begins with https://").into()),
    };
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    Ok((format!("{scheme}://{authority}"), authority.to_owned()))
}

/// The address of something below a service, such as a log: as [`checked`], with a path, which is `/log`
/// where none is given.
pub(super) fn checked_prefix(address: &str) -> anyhow::Result<String> {
    let plain = address.trim().trim_end_matches('/');
    let host_from = plain.find("://").map_or(0, |at| at + 3);
    let path_from = plain[host_from..].find('/').map_or(plain.len(), |at| host_from + at);
    let (base, path) = plain.split_at(path_from);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if !path.bytes().all(allowed) {
        return Err(Usage(format!("{address:?} has characters that no log's address has")).into());
    }
    let path = if path.is_empty() { "/log" } else { path };
    Ok(format!("{}{path}", checked(base)?.0))
}

/// The address of a service, in the one spelling that is remembered.
pub(super) fn checked_base(address: &str) -> anyhow::Result<String> {
    Ok(checked(address)?.0)
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_spelling() {
        for (given, address, authority) in [
            ("https://Vault.Example.com/", "https://vault.example.com", "vault.example.com"),
            ("https://vault.example.com:443", "https://vault.example.com", "vault.example.com"),
            (
                "https://vault.example.com:8443",
                "https://vault.example.com:8443",
                "vault.example.com:8443",
            ),
            ("http://127.0.0.1:8470", "http://127.0.0.1:8470", "127.0.0.1:8470"),
            ("http://[::1]:8470", "http://[::1]:8470", "[::1]:8470"),
            ("http://localhost", "http://localhost", "localhost"),
        ] {
            let found = checked(given).unwrap();
            assert_eq!((found.0.as_str(), found.1.as_str()), (address, authority));
        }
        for wrong in [
            "vault.example.com",
            "http://vault.example.com",
            "http://127.0.0.1.example.com",
            "https://",
            "https://vault.example.com/path",
            "https://user@vault.example.com",
            "ftp://localhost",
        ] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }
}
