//! The use cases: verify what a request proves, decide, and have the store do it.
//!
//! Order of checks, all of them before a byte of the body is read: the signature's form, the time it
//! was made, the signature over the digest that the head names, and what the key is to the account
//! that the path names. Then, for a change, whether it was sent before, and the rate; then the body,
//! which takes room as it comes, and its digest. A change spends its nonce
//! together with its effect, in the store; what is refused before it gets there is looked up among
//! the spent ones first, so that a replay is told so.

mod account;
mod blob;
mod calm;
mod device;
mod error;
mod item;
pub mod log;
mod rate;
mod replay;
mod request;
mod room;
mod state;
pub mod witness;
mod work;

use std::{net::IpAddr, sync::Arc};

use hallmark_core::{
    account::exchange::ServiceInfo,
    json,
    key::{PublicKey, SigningKey},
    secret::Secret,
    time::Timestamp,
};

pub use error::AppError;
pub use rate::Bucket;
pub use request::{Authentic, Received, Role};
pub use room::{Asker, Holder};

use crate::{
    limit::{Buckets, Rate},
    store::{Caller, Store},
};
use calm::Calm;
use log::{Log, LogError, LogSettings};
use replay::Replay;
use room::Rooms;
use state::States;
use work::Work;

/// Derives the key of the log from that of the service: a note's signature has no domain of its own.
const LOG_KEY: &str = "hallmark/log-key/v1";

/// The service's clock: the one place where use cases learn the time.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The names under which clients reach the service, `host` or `host:port`. A request signed for
    /// another is refused. Empty takes whatever the request says: only for a listener on loopback.
    pub authorities: Vec<String>,
    /// The most bytes of items, blobs and manifests that one account may hold. Default 10 GiB.
    pub quota_bytes: u64,
    /// The longest JSON body, bytes, as it is announced; never more than [`json::MAX_BYTES`], which
    /// is the default.
    pub max_body_bytes: u64,
    /// The most bytes of bodies that are in memory at once, as they came in; what is parsed of them
    /// takes more. Those with device list entries have a quarter of that for themselves, on top.
    /// Default 256 MiB.
    pub max_bodies_bytes: u64,
    /// The most bytes of answers that are in memory at once, until they have left; no less than
    /// [`MAX_ANSWER_BYTES`](hallmark_core::account::exchange::MAX_ANSWER_BYTES). Default 256 MiB.
    pub max_answers_bytes: u64,
    /// How much one key of an account may ask. Default 100 requests a second, 1,000 at once.
    pub account_rate: Rate,
    /// How many entries of the log one address may send. Default 5 a second, 200 at once: what is
    /// logged stays for ever.
    pub entry_rate: Rate,
    /// Keys of accounts whose rates are remembered. Default 100,000.
    pub max_tracked: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            quota_bytes: 10 << 30,
            max_body_bytes: json::MAX_BYTES as u64,
            max_bodies_bytes: 256 << 20,
            max_answers_bytes: 256 << 20,
            account_rate: Rate::new(100, 1000),
            entry_rate: Rate::new(5, 200),
            max_tracked: 100_000,
        }
    }
}

/// The service without its listener.
pub struct App {
    store: Arc<Store>,
    settings: Settings,
    key: SigningKey,
    clock: Clock,
    replay: Replay,
    states: States,
    rates: Buckets<Bucket>,
    entry_rates: Buckets<IpAddr>,
    rooms: Rooms,
    work: Work,
    calm: Calm,
    log: Option<Log>,
}

/// The key of a service's log.
pub fn log_key(service: &SigningKey) -> SigningKey {
    SigningKey::from_seed(Secret::from_bytes(&service.seed()).derive(LOG_KEY, b"").expose())
}

impl App {
    /// The service over an open store. `key` signs receipts.
    pub fn new(store: Store, settings: Settings, key: SigningKey, clock: Clock) -> Self {
        let replay = Replay::new(clock().unix_s());
        // The largest integer that JSON carries to every client.
        let quota_bytes = settings.quota_bytes.min(json::MAX_INTEGER);
        let max_body_bytes = settings.max_body_bytes.min(json::MAX_BYTES as u64);
        let settings = Settings { quota_bytes, max_body_bytes, ..settings };
        let rates = Buckets::new(settings.account_rate, settings.max_tracked);
        let entry_rates = Buckets::new(settings.entry_rate, settings.max_tracked);
        let (rooms, work) = (Rooms::new(&settings), Work::default());
        let (store, states) = (Arc::new(store), States::default());
        Self {
            store,
            settings,
            key,
            clock,
            replay,
            states,
            rates,
            entry_rates,
            rooms,
            work,
            calm: Calm::default(),
            log: None,
        }
    }

    /// The service with the log of its store, under a key that is [derived](log_key) from the service's.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn with_log(mut self, settings: LogSettings) -> Result<Self, LogError> {
        self.log = Some(Log::open(Arc::clone(&self.store), settings, log_key(&self.key))?);
        Ok(self)
    }

    /// The log, if this service has one.
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// Takes no more changes and entries, and waits for those that were taken. Blocks.
    pub fn close(&self) {
        if let Some(log) = &self.log {
            log.close();
        }
        self.store.close();
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The service's time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The key that signs receipts.
    pub fn key(&self) -> PublicKey {
        self.key.public()
    }

    /// What anybody may know of the service.
    pub fn info(&self) -> ServiceInfo {
        ServiceInfo {
            key: self.key(),
            now: self.now(),
            quota_bytes: self.settings.quota_bytes,
            max_body_bytes: self.settings.max_body_bytes,
        }
    }

    /// The longest JSON body, bytes.
    pub fn max_body_bytes(&self) -> usize {
        // At most what the parser takes.
        self.settings.max_body_bytes as usize
    }

    /// Takes no more changes and waits for those that were taken. Reading goes on.
    pub async fn drain(self: &Arc<Self>) {
        let app = Arc::clone(self);
        // It fails only when the runtime is gone, and then nobody waits.
        let _ = tokio::task::spawn_blocking(move || app.close()).await;
    }

    /// Removes what nobody needs any more: files without a row, also those that could not be removed
    /// with their account or blob, and uploads left unfinished for 7 days. To be called at the start and then every hour.
    ///
    /// # Errors
    /// That rows or files cannot be read or written.
    pub async fn tidy(&self) -> Result<(), AppError> {
        let removed = self.store.sweep(self.now().unix_s()).await?;
        if removed > 0 {
            tracing::info!(removed, "removed unfinished uploads and leftover files");
        }
        Ok(())
    }

    /// What was decided of a change before the store saw it. One that is refused is told that it
    /// is a replay, if it is one.
    async fn unless_replayed<T>(
        &self,
        caller: Caller,
        decided: Result<T, AppError>,
    ) -> Result<T, AppError> {
        if decided.is_err() {
            self.store.check_unspent(caller).await?;
        }
        decided
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("settings", &self.settings).finish_non_exhaustive()
    }
}
