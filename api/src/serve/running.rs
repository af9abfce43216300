//! A service that runs on threads of its own, from its start to its orderly end.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, atomic::AtomicBool, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::{AbortHandle, JoinSet},
};
use tracing_subscriber::fmt::MakeWriter;

use super::{
    Hooks, ServeError, TlsError,
    config::{Log, Settings},
    front::Front,
    health::{self, Asked},
    listener::Listener,
    log,
    meter::Meter,
    tls::Certificates,
};

/// Threads that serve. Work that blocks has threads of its own, made when they are needed.
const WORKERS: usize = 2;
const STACK_BYTES: usize = 1 << 20;
/// How often the memory of durations is tidied.
const UPKEEP: Duration = Duration::from_secs(5);
/// How often the service inside is tidied.
const TIDY: Duration = Duration::from_secs(3600);

/// Where an embedded service logs to.
pub enum LogTo {
    /// To whatever the program that embeds it has set up.
    Program,
    /// There, in the form that the settings say.
    Writer(Box<dyn Fn() -> Box<dyn io::Write> + Send + Sync>),
}

/// Serves `router` on threads of its own until it is told to stop. `settings.data` and
/// `settings.key_file` are not looked at: what is served is the caller's. No signal is listened to.
///
/// # Errors
/// [`ServeError::Config`], [`ServeError::Listen`], [`ServeError::Tls`], [`ServeError::System`].
pub fn embedded(
    settings: &Settings,
    router: Router,
    hooks: Hooks,
    log_to: LogTo,
) -> Result<Running, ServeError> {
    settings.check()?;
    let socket = bind(settings.listen)?;
    let runtime = runtime(&settings.log, log_to)?;
    let server = Server::start(&runtime, settings, socket, router, hooks)?;
    let (address, certificates) = (server.address, server.certificates.clone());
    let (stop, stopped) = oneshot::channel();
    let (ended, end) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("hallmark-service".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                // A handle that was dropped without a word means the same.
                let _ = stopped.await;
                server.stop().await;
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
            let _ = ended.send(());
        })
        .map_err(|source| ServeError::System { source })?;
    Ok(Running { address, certificates, stop: Some(stop), thread: Some(thread), end })
}

/// A service that runs. Dropping it has it stop without waiting.
pub struct Running {
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    end: mpsc::Receiver<()>,
}

impl Running {
    /// The address it listens on, with its real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Reads the certificate files again, as SIGHUP does. Without TLS there is nothing to do.
    ///
    /// # Errors
    /// [`TlsError`]; the certificate in use stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.certificates.as_ref().map_or(Ok(()), |all| all.reload())
    }

    /// Stops it as [`Running::stop`] does, without blocking the caller's runtime.
    pub async fn shutdown(self) {
        // It fails only when the runtime goes away, and then nobody waits.
        let _ = tokio::task::spawn_blocking(move || self.stop()).await;
    }

    /// Accepts nothing more, answers what is under way, drains, and returns when all is done.
    pub fn stop(mut self) {
        self.stop = None;
        let _ = self.end.recv();
        if let Some(thread) = self.thread.take() {
            // A panic there was told by the panic hook.
            let _ = thread.join();
        }
    }
}

pub(super) fn bind(address: SocketAddr) -> Result<StdListener, ServeError> {
    StdListener::bind(address)
        .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
        .map_err(|source| ServeError::Listen { address, source })
}

/// The threads of a service. With a writer, they log to it whatever the rest of the program does.
pub(super) fn runtime(log: &Log, log_to: LogTo) -> Result<Runtime, ServeError> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(WORKERS).thread_stack_size(STACK_BYTES).enable_all();
    if let LogTo::Writer(writer) = log_to {
        let dispatch = log::dispatch(log, Writer(writer));
        // The guard would end the choice; it is for the thread's whole life.
        builder.on_thread_start(move || {
            std::mem::forget(tracing::dispatcher::set_default(&dispatch));
        });
    }
    builder.build().map_err(|source| ServeError::System { source })
}

struct Writer(Box<dyn Fn() -> Box<dyn io::Write> + Send + Sync>);

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Box<dyn io::Write>;
    fn make_writer(&'a self) -> Self::Writer {
        (self.0)()
    }
}

/// What runs inside a runtime.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) certificates: Option<Arc<Certificates>>,
    front: Arc<Front>,
    accepting: tokio::task::JoinHandle<JoinSet<()>>,
    stop_accepting: oneshot::Sender<()>,
    beside: Vec<AbortHandle>,
    drain: Box<dyn FnOnce() + Send>,
    stop_timeout: Duration,
}

impl Server {
    pub(super) fn start(
        runtime: &Runtime,
        settings: &Settings,
        socket: StdListener,
        router: Router,
        hooks: Hooks,
    ) -> Result<Self, ServeError> {
        let _inside = runtime.enter();
        let listening = |socket: StdListener| -> Result<_, ServeError> {
            let address = settings.listen;
            let failed = |source| ServeError::Listen { address, source };
            let address = socket.local_addr().map_err(failed)?;
            Ok((address, TcpListener::from_std(socket).map_err(failed)?))
        };
        let certificates = settings.tls.as_ref().map(Certificates::read).transpose()?.map(Arc::new);
        let meter = Arc::new(Meter::new(Instant::now()));
        let asked = Asked {
            is_ready: hooks.is_ready.into(),
            metrics: hooks.metrics.into(),
            meter: Arc::clone(&meter),
            stopping: Arc::new(AtomicBool::new(false)),
            metrics_here: settings.metrics_listen.is_none() && !settings.may_be_proxied(),
        };
        let (address, socket) = listening(socket)?;
        let mut beside = Vec::new();
        if let Some(address) = settings.metrics_listen {
            let (_, socket) = listening(bind(address)?)?;
            let router = health::metrics_router(asked.clone());
            let front = Arc::new(Front::new(settings, router, &asked));
            let apart = Listener::new(socket, front, None);
            beside.push(runtime.spawn(apart.run(std::future::pending())).abort_handle());
        }
        let router = router.merge(health::router(asked.clone()));
        let front = Arc::new(Front::new(settings, router, &asked));
        let tidied = runtime.spawn(async move {
            let mut tick = tokio::time::interval(UPKEEP);
            loop {
                tick.tick().await;
                meter.upkeep();
            }
        });
        beside.push(tidied.abort_handle());
        let swept = runtime.spawn(async move {
            let mut tick = tokio::time::interval(TIDY);
            loop {
                tick.tick().await;
                (hooks.tidy)().await;
            }
        });
        beside.push(swept.abort_handle());
        let (stop_accepting, stopped) = oneshot::channel();
        let listener = Listener::new(socket, Arc::clone(&front), certificates.clone());
        let accepting = runtime.spawn(listener.run(async {
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            certificates,
            front,
            accepting,
            stop_accepting,
            beside,
            drain: hooks.drain,
            stop_timeout: Duration::from_millis(settings.limits.stop_timeout_ms),
        })
    }

    /// Accepts nothing more, answers what is under way as long as that may take, ends all
    /// connections, and drains.
    pub(super) async fn stop(self) {
        self.front.stop();
        drop(self.stop_accepting);
        let connections = self.accepting.await;
        if tokio::time::timeout(self.stop_timeout, self.front.quiet()).await.is_err() {
            tracing::warn!("requests were cut off: they took longer than stop_timeout_ms");
        }
        if let Ok(mut connections) = connections {
            connections.shutdown().await;
        }
        // A panic in it was told by the panic hook.
        let _ = tokio::task::spawn_blocking(self.drain).await;
        self.beside.iter().for_each(AbortHandle::abort);
    }
}
