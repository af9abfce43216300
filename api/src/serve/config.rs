//! What the operator decides: one TOML file, and flags that override it.
//!
//! `api/hallmarkd.toml` shows every field with its default; a test holds the two together. A field
//! that is not known is refused, with its line.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::uri::Authority;
use hallmark_core::{
    account::exchange::{MAX_ANSWER_BYTES, PART_BYTES},
    json,
};
use serde::{Deserialize, Serialize};

use super::peer::{Network, ProxyField};

/// The longest body that is read as a part: a part, and a little more, so that one that is a little
/// too long is still told what a part has.
const MAX_PART_BYTES: u64 = PART_BYTES + 4096;

/// Everything the service is told when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The data directory: database and blobs. Made when it is not there. Two services must never
    /// share one; the second refuses to start. Default: `hallmark-data` in the working directory.
    pub data: PathBuf,
    /// Address and port to listen on; port 0 takes a free one. Default: 127.0.0.1:8470. Any other
    /// than a loopback address needs `[tls]` or `behind_proxy`.
    pub listen: SocketAddr,
    /// The file with the service's key, 64 hexadecimal digits, made when it is not there. Default:
    /// beside the data directory, named after it and ending in `.key`. Whoever reads it can sign as
    /// the service; losing it ends every receipt's signer. It must not lie inside the data
    /// directory, where a copy of the data would carry the key along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Whether the data directory goes on with the key of the key file, although it was served with
    /// another one or the key file is gone. No field of the file: it is said once, as `--new-key`.
    #[serde(skip)]
    pub new_key: bool,
    /// The names clients know the service by, as they stand in a URL, such as `vault.example` or
    /// `vault.example:8443`. A request signed for another one is refused. Default: none, which on a
    /// loopback address means that address and `localhost`; anywhere else one has to be named.
    pub authorities: Vec<String>,
    /// Whether a proxy in front ends TLS, so that plain HTTP may be spoken on an address that is
    /// not loopback. Default: false. Danger: where there is no such proxy, the network reads who
    /// asks for what and when; signatures keep requests whole, not private.
    pub behind_proxy: bool,
    /// Networks whose word on the client's address is believed, such as `10.0.0.7` or
    /// `10.0.0.0/8`. Default: none, which behind a proxy has all its clients share the limits of one
    /// address. Danger: anybody in them can claim any address.
    pub trusted_proxies: Vec<Network>,
    /// The header field in which a trusted proxy names the client: `x-forwarded-for` or
    /// `forwarded` (RFC 7239). Default: `x-forwarded-for`. Danger: it has to be the one that the
    /// proxy writes; any other is passed on as the client wrote it.
    pub proxy_field: ProxyField,
    /// The name of the transparency log: what its checkpoints say first, such as `vault.example/log`.
    /// Default: the one it was begun with; else the first of `authorities` and `/log`, or
    /// `localhost/log`. It is never changed: a log under another name is another log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The file that names the witnesses who have to see each state of the log before it is published,
    /// and where they are asked (C2SP tlog-policy). Default: none, which everything says that rests on
    /// the log: nobody but the service vouches then that it shows all people the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<PathBuf>,
    /// Whether a log that came out of a backup goes on, although entries may be missing that were
    /// acknowledged after it. No field of the file: it is said once, as `--log-goes-on`.
    #[serde(skip)]
    pub log_goes_on: bool,
    /// The most bytes of items, blobs and manifests that one account may hold, each blob in whole
    /// blocks of 4 KiB and 512 bytes more. Default: 10 GiB. Danger: accounts are free to make; the
    /// disk is shared by all of them.
    pub quota_bytes: u64,
    /// Where to serve `/metrics`. Default: absent, which means the same listener, for peers on a
    /// loopback address alone, and nowhere if a proxy may pass on what others ask: with
    /// `behind_proxy`, with `trusted_proxies`, or with a name in `authorities` that is more than this
    /// machine's. Danger: whoever reaches this address reads them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
    /// TLS by certificate files. Default: absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Limits.
    pub limits: Limits,
    /// Logging.
    pub log: Log,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("hallmark-data"),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8470),
            key_file: None,
            new_key: false,
            authorities: Vec::new(),
            behind_proxy: false,
            trusted_proxies: Vec::new(),
            proxy_field: ProxyField::XForwardedFor,
            origin: None,
            witnesses: None,
            log_goes_on: false,
            quota_bytes: 10 << 30,
            metrics_listen: None,
            tls: None,
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

/// The files TLS 1.2 and 1.3 are spoken with. SIGHUP has them read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate and those it hangs on, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// How much of everything. Times are milliseconds, sizes bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at the same time; the next is answered 503 and closed. Default: 10,000. Danger:
    /// each takes a file descriptor; see `ulimit -n`.
    pub max_connections: usize,
    /// Connections of one address at the same time (IPv6: one /64). Default: 512.
    pub max_connections_per_address: usize,
    /// Whether addresses of this machine are counted like all others, in connections and requests.
    /// Default: false. They always are where `authorities` has a name and `trusted_proxies` none, and
    /// a trusted proxy's own is wherever it names no client.
    pub limit_loopback: bool,
    /// The longest request line and header fields together; more is answered 431. Default: 16 KiB,
    /// at most 64 KiB.
    pub max_header_bytes: usize,
    /// The most header fields; more is answered 431. Default: 100, at most 256.
    pub max_headers: usize,
    /// From the first byte of a request to the end of its header fields; longer is answered 408.
    /// Default: 10 seconds.
    pub header_timeout_ms: u64,
    /// How long a connection may stay without a request. Default: 60 seconds.
    pub idle_timeout_ms: u64,
    /// How long a body may take, whatever its size; to this is added the time its bytes take at
    /// `body_min_bytes_per_s`. Longer is answered 408. Default: 20 seconds.
    pub body_timeout_ms: u64,
    /// The slowest a body may come. Default: 4,096 bytes a second, so that a part of 4 MiB has 17
    /// minutes.
    pub body_min_bytes_per_s: u64,
    /// From the last byte of a request to the first of its answer; longer is answered 503.
    /// Default: 60 seconds.
    pub answer_timeout_ms: u64,
    /// How long a client may take nothing of an answer. Default: 60 seconds.
    pub send_timeout_ms: u64,
    /// The slowest a client may take an answer, once `send_timeout_ms` are over. Default: 4,096 bytes
    /// a second.
    pub send_min_bytes_per_s: u64,
    /// How long a TLS handshake may take. Default: 10 seconds.
    pub tls_handshake_timeout_ms: u64,
    /// How long requests under way may take to end when the service is told to stop. Default: 30
    /// seconds.
    pub stop_timeout_ms: u64,
    /// The longest JSON body, as `/v1/service` announces it; more is answered 413. Default: 8 MiB,
    /// which is also the most. Danger: each may be in memory at the same time, several times over;
    /// an account whose wrapped keys do not fit into one cannot change its root.
    pub max_json_bytes: u64,
    /// The longest part of a blob; more is answered 413. Default: 4 MiB and 4 KiB, which is also
    /// the most: no part has more than 4 MiB. Danger: below 4 MiB nobody can upload.
    pub max_part_bytes: u64,
    /// The most bytes of bodies that are in memory at once, as they came in; a body that finds no room
    /// is answered 503. One key has room for two of the largest, one account and one address for four;
    /// device list entries have a quarter for themselves, on top. A body that takes longer than ten
    /// seconds gives way where there is no room. Default: 256 MiB, at least
    /// `max_json_bytes` and `max_part_bytes`. Danger: while JSON is parsed, two bodies at a time, it
    /// takes many times its length.
    pub max_bodies_bytes: u64,
    /// The most bytes of answers that are in memory at once, until they have left; an answer that finds
    /// no room is a 503. Default: 256 MiB, at least 32 MiB.
    pub max_answers_bytes: u64,
    /// Requests a second of one address (IPv6: one /64), on average; more is answered 429.
    /// Default: 100.
    pub requests_per_s: u32,
    /// Requests of one address at once, after a rest. Default: 1,000.
    pub request_burst: u32,
    /// Requests a second of one key of an account (each device, the recovery key), on average; more is
    /// answered 429. Default: 100.
    pub account_requests_per_s: u32,
    /// Requests of one key of an account at once, after a rest. Default: 1,000.
    pub account_request_burst: u32,
    /// Entries of the log a second that one address may send, on average; more is answered 429. Default:
    /// 5. Danger: what is logged stays for ever.
    pub log_entries_per_s: u32,
    /// Entries of the log from one address at once, after a rest. Default: 200.
    pub log_entry_burst: u32,
    /// Addresses and keys of accounts, each, whose rates are remembered. Default: 100,000, about 25 MB.
    pub max_tracked: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_connections_per_address: 512,
            limit_loopback: false,
            max_header_bytes: 16 << 10,
            max_headers: 100,
            header_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            body_timeout_ms: 20_000,
            body_min_bytes_per_s: 4096,
            answer_timeout_ms: 60_000,
            send_timeout_ms: 60_000,
            send_min_bytes_per_s: 4096,
            tls_handshake_timeout_ms: 10_000,
            stop_timeout_ms: 30_000,
            max_json_bytes: json::MAX_BYTES as u64,
            max_part_bytes: MAX_PART_BYTES,
            max_bodies_bytes: 256 << 20,
            max_answers_bytes: 256 << 20,
            requests_per_s: 100,
            request_burst: 1000,
            account_requests_per_s: 100,
            account_request_burst: 1000,
            log_entries_per_s: 5,
            log_entry_burst: 200,
            max_tracked: 100_000,
        }
    }
}

impl Limits {
    /// The time a body has while `received` bytes of it are there.
    pub(super) fn body_time(&self, received: u64) -> Duration {
        time(self.body_timeout_ms, received, self.body_min_bytes_per_s)
    }

    /// The time an answer has while `taken` bytes of it have left.
    pub(super) fn send_time(&self, taken: u64) -> Duration {
        time(self.send_timeout_ms, taken, self.send_min_bytes_per_s)
    }
}

/// The time that bytes take at the least rate, after a time that all have.
fn time(base_ms: u64, bytes: u64, min_bytes_per_s: u64) -> Duration {
    let slowest_ms = bytes.saturating_mul(1000) / min_bytes_per_s.max(1);
    Duration::from_millis(base_ms.saturating_add(slowest_ms))
}

/// How much is logged, and how. It is never more than the method, the route's template, the status,
/// the time taken and the problem's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info` (a line for each request) or `off`. Default: `info`.
    pub level: LogLevel,
    /// `text` or `json`, to standard error. Default: `text`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}

/// What is logged at all. There is nothing finer than `info`: libraries would log what they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing
    Off,
    /// What the service could not do
    Error,
    /// That, and what it did not expect
    Warn,
    /// That, and a line for each request
    Info,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people
    Text,
    /// An object on each line
    Json,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not as documented.
    #[error("the configuration {} is not as documented", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Plain HTTP where others can listen in.
    #[error(
        "{listen} is no loopback address: give a certificate ([tls]), or say behind_proxy = true \
         when a proxy in front ends TLS"
    )]
    PlainHttp {
        /// The address.
        listen: SocketAddr,
    },
    /// No public name, so that no signed request could be meant for this service.
    #[error(
        "{listen} is no loopback address: name what clients call the service in authorities, such \
         as vault.example"
    )]
    Nameless {
        /// The address.
        listen: SocketAddr,
    },
    /// A number nobody can work with.
    #[error("{field} must be {allowed}")]
    Number {
        /// The field.
        field: &'static str,
        /// What it may be.
        allowed: String,
    },
}

impl Settings {
    /// Reads the file at `path`. What it does not name has its default.
    ///
    /// # Errors
    /// [`ConfigError::Read`], [`ConfigError::Parse`] with line and column.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Checks what no single field can tell.
    ///
    /// # Errors
    /// [`ConfigError`], each but the first two.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (listen, limits) = (self.listen, &self.limits);
        let number =
            |field, allowed: &str| Err(ConfigError::Number { field, allowed: allowed.to_owned() });
        if !listen.ip().is_loopback() {
            if self.tls.is_none() && !self.behind_proxy {
                return Err(ConfigError::PlainHttp { listen });
            }
            if self.authorities.is_empty() {
                return Err(ConfigError::Nameless { listen });
            }
        }
        if !(1024..=64 << 10).contains(&limits.max_header_bytes) {
            return number("limits.max_header_bytes", "between 1024 and 65536");
        }
        if !(16..=super::head::MAX_FIELDS).contains(&limits.max_headers) {
            return number("limits.max_headers", "between 16 and 256");
        }
        // What is read further in takes no more, whatever is set here.
        for (field, value, most) in [
            ("limits.max_json_bytes", limits.max_json_bytes, json::MAX_BYTES as u64),
            ("limits.max_part_bytes", limits.max_part_bytes, MAX_PART_BYTES),
        ] {
            if value > most {
                return number(field, &format!("at most {most}"));
            }
        }
        if limits.max_bodies_bytes < limits.max_json_bytes.max(limits.max_part_bytes) {
            let allowed = "at least max_json_bytes and max_part_bytes";
            return number("limits.max_bodies_bytes", allowed);
        }
        if limits.max_connections == 0 || limits.max_connections_per_address == 0 {
            return number("limits.max_connections", "at least 1");
        }
        if limits.max_answers_bytes < MAX_ANSWER_BYTES {
            let allowed = format!("at least {MAX_ANSWER_BYTES}");
            return number("limits.max_answers_bytes", &allowed);
        }
        for (field, value) in [
            ("limits.body_min_bytes_per_s", limits.body_min_bytes_per_s),
            ("limits.send_min_bytes_per_s", limits.send_min_bytes_per_s),
        ] {
            if value == 0 {
                return number(field, "at least 1");
            }
        }
        Ok(())
    }

    /// Whether addresses of this machine are counted like all others. They are where the service has
    /// a public name and trusts no proxy: then a proxy on this machine may stand for everybody.
    #[must_use]
    pub fn counts_loopback(&self) -> bool {
        let may_stand_for_others = !self.authorities.is_empty() && self.trusted_proxies.is_empty();
        self.limits.limit_loopback || may_stand_for_others
    }

    /// Whether what this machine asks may be asked for others: a proxy on it need not say so.
    #[must_use]
    pub fn may_be_proxied(&self) -> bool {
        let is_here = |name: &String| {
            let authority = name.parse::<Authority>().ok();
            authority.is_some_and(|authority| {
                let host = authority.host().trim_matches(['[', ']']);
                let address = host.parse::<IpAddr>().ok();
                host.eq_ignore_ascii_case("localhost") || address.is_some_and(|ip| ip.is_loopback())
            })
        };
        self.behind_proxy
            || !self.trusted_proxies.is_empty()
            || !self.authorities.iter().all(is_here)
    }

    /// Whether the limits per address hold for all clients of a proxy together, since none is
    /// trusted to name them.
    #[must_use]
    pub fn has_nameless_clients(&self) -> bool {
        let behind_one = self.behind_proxy
            || self.tls.is_none() && self.listen.ip().is_loopback() && !self.authorities.is_empty();
        behind_one && self.trusted_proxies.is_empty()
    }

    /// The key file: the one named, or the one beside the data directory.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| {
            let mut name = self.data.components().as_path().as_os_str().to_owned();
            name.push(".key");
            PathBuf::from(name)
        })
    }

    /// The names a signed request may be meant for, given the address the service really listens
    /// on; at least one.
    #[must_use]
    pub fn authorities(&self, bound: SocketAddr) -> Vec<String> {
        if self.authorities.is_empty() {
            return vec![bound.to_string(), format!("localhost:{}", bound.port())];
        }
        self.authorities.iter().map(|name| name.to_ascii_lowercase()).collect()
    }
}

#[cfg(test)]
mod tests;
