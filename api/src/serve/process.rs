//! The service as a process: key, signals, exit.

use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use axum::Router;
use tokio::runtime::Runtime;

use super::{
    Hooks, ServeArgs, ServeCommand, ServeError, Settings,
    args::RunArgs,
    config::LogFormat,
    key_file, log,
    running::{LogTo, Server, bind, runtime},
    wire,
};
use crate::store::Store;

/// Exit code of a service that was told twice to stop.
const STOPPED_TWICE: i32 = 130;
/// File descriptors besides those of connections: database, uploads under way, log.
#[cfg(unix)]
const OTHER_FILES: u64 = 256;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The service ran and was stopped in order.
    Stopped,
    /// The data was copied.
    BackedUp {
        /// Where to.
        to: PathBuf,
        /// Number of files.
        files: usize,
    },
    /// A data directory was made from a copy.
    Restored {
        /// The data directory.
        data: PathBuf,
        /// Number of files, each of them checked.
        files: usize,
    },
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("Stopped."),
            Self::BackedUp { to, files } => write!(
                f,
                "Backed up to {} ({files} files). The key file is not part of it: keep it too, \
                 elsewhere.",
                to.display()
            ),
            Self::Restored { data, files } => write!(
                f,
                "Restored into {} ({files} files, all as they were backed up). Serve it with the \
                 key file it was served with. For a minute it refuses requests, so that none signed \
                 before the restore counts again. Its log takes nothing more until --log-goes-on says \
                 that nothing was logged after the backup.",
                data.display()
            ),
        }
    }
}

/// Does what `args` say: runs the service until SIGTERM or SIGINT, or copies its data. `program` is
/// the name under which it speaks on standard error. A second signal ends the process at once.
///
/// # Errors
/// [`ServeError`].
pub fn run(args: &ServeArgs, program: &str) -> Result<Outcome, ServeError> {
    keep_no_core();
    match &args.command {
        None => serve(&args.run, program).map(|()| Outcome::Stopped),
        Some(ServeCommand::Backup { data, to }) => {
            let files = wire::back_up(data, to)?.files.len();
            Ok(Outcome::BackedUp { to: to.clone(), files })
        }
        Some(ServeCommand::Restore { from, data }) => {
            let files = wire::restore(from, data)?.files.len();
            Ok(Outcome::Restored { data: data.clone(), files })
        }
    }
}

fn serve(args: &RunArgs, program: &str) -> Result<(), ServeError> {
    let settings = args.settings()?;
    log::install(&settings.log);
    raise_open_files(&settings);
    if settings.has_nameless_clients() {
        tracing::warn!(
            "no proxy is trusted: if one stands in front, all its clients share the limits of one \
             address; name it in trusted_proxies (--trusted-proxy)"
        );
    }
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    // Receipts of a directory that was served are signed already.
    let may_make = settings.new_key || !Store::is_in(&settings.data);
    let key = key_file::open_or_make(&settings.key_file(), &settings.data, may_make, rng)?;
    let fingerprint = key.public().fingerprint();
    let socket = bind(settings.listen)?;
    let address = socket
        .local_addr()
        .map_err(|source| ServeError::Listen { address: settings.listen, source })?;
    let runtime = runtime(&settings.log, LogTo::Program)?;
    let (router, hooks) = wire::open(&settings, key, settings.authorities(address))?;
    let ready = Ready {
        program,
        settings: &settings,
        what: &format!("data in {}, service key {fingerprint}", settings.data.display()),
        file: args.ready_file.as_deref(),
    };
    until_stopped(&runtime, socket, router, hooks, &ready)
}

/// How a program says that it serves.
pub(super) struct Ready<'a> {
    pub(super) program: &'a str,
    pub(super) settings: &'a Settings,
    /// What it serves, for people.
    pub(super) what: &'a str,
    /// Where the address is written.
    pub(super) file: Option<&'a Path>,
}

/// Serves until SIGTERM or SIGINT.
pub(super) fn until_stopped(
    runtime: &Runtime,
    socket: TcpListener,
    router: Router,
    hooks: Hooks,
    ready: &Ready<'_>,
) -> Result<(), ServeError> {
    let server = Server::start(runtime, ready.settings, socket, router, hooks)?;
    let told = ready.say(server.address);
    runtime.block_on(async {
        if told.is_ok() {
            signals::until_stopped(&server).await?;
        }
        tracing::info!("stopping");
        signals::or_at_once(server.stop()).await
    })?;
    tracing::info!("stopped");
    told
}

impl Ready<'_> {
    fn say(&self, address: SocketAddr) -> Result<(), ServeError> {
        let scheme = if self.settings.tls.is_some() { "https" } else { "http" };
        let Self { program, what, .. } = self;
        match self.settings.log.format {
            LogFormat::Text => {
                // Standard error may be closed; the service runs all the same.
                let _ = writeln!(std::io::stderr(), "{program}: {scheme}://{address}, {what}");
            }
            LogFormat::Json => tracing::info!(scheme, %address, what, "serving"),
        }
        self.file.map_or(Ok(()), |path| write_ready(path, address))
    }
}

/// Writes the address beside its place and moves it there, so that who waits for the file finds it
/// whole.
fn write_ready(path: &Path, address: SocketAddr) -> Result<(), ServeError> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    std::fs::write(&draft, format!("{address}\n"))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| ServeError::ReadyFile { path: path.to_owned(), source })
}

/// Has the system write no copy of the memory when the process is aborted: the key is in it.
#[cfg(unix)]
pub(super) fn keep_no_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Where it is refused, the service runs all the same. A process marked as not dumpable could
    // not be traced by its owner either.
    let _ = setrlimit(Resource::Core, none);
}

#[cfg(not(unix))]
pub(super) fn keep_no_core() {}

/// Takes as many file descriptors as the system allows this process.
#[cfg(unix)]
fn raise_open_files(settings: &Settings) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: now.maximum, maximum: now.maximum };
    let open_files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => now.maximum,
        Err(_) => now.current,
    };
    if open_files != now.current {
        tracing::info!(open_files, before = now.current, "limit of open files raised");
    }
    let needed = needed_files(settings);
    if open_files.is_some_and(|most| most < needed) {
        tracing::warn!(open_files, needed, "max_connections is more than the open files allow");
    }
}

/// A connection to which a blob is sent has that blob's file open as well.
#[cfg(unix)]
fn needed_files(settings: &Settings) -> u64 {
    2 * settings.limits.max_connections as u64 + OTHER_FILES
}

#[cfg(not(unix))]
fn raise_open_files(_settings: &Settings) {}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{STOPPED_TWICE, ServeError, Server};

    fn on(kind: SignalKind) -> Result<Signal, ServeError> {
        signal(kind).map_err(|source| ServeError::System { source })
    }

    /// Returns on SIGTERM or SIGINT; SIGHUP has the certificates read again.
    pub(super) async fn until_stopped(server: &Server) -> Result<(), ServeError> {
        let (mut term, mut int, mut hup) =
            (on(SignalKind::terminate())?, on(SignalKind::interrupt())?, on(SignalKind::hangup())?);
        loop {
            tokio::select! {
                _ = term.recv() => return Ok(()),
                _ = int.recv() => return Ok(()),
                _ = hup.recv() => reload(server),
            }
        }
    }

    fn reload(server: &Server) {
        let Some(certificates) = &server.certificates else { return };
        match certificates.reload() {
            Ok(()) => tracing::info!("certificates read again"),
            // Its words name files of the operator's, nothing of a client.
            Err(error) => tracing::error!(%error, "the certificates in use stay"),
        }
    }

    /// Waits for `stopping`; another signal ends the process.
    pub(super) async fn or_at_once(stopping: impl Future<Output = ()>) -> Result<(), ServeError> {
        let (mut term, mut int) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        tokio::select! {
            () = stopping => Ok(()),
            _ = term.recv() => std::process::exit(STOPPED_TWICE),
            _ = int.recv() => std::process::exit(STOPPED_TWICE),
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use super::{STOPPED_TWICE, ServeError, Server};

    async fn interrupted() -> Result<(), ServeError> {
        tokio::signal::ctrl_c().await.map_err(|source| ServeError::System { source })
    }

    /// Returns when the process is interrupted.
    pub(super) async fn until_stopped(_server: &Server) -> Result<(), ServeError> {
        interrupted().await
    }

    /// Waits for `stopping`; another interruption ends the process.
    pub(super) async fn or_at_once(stopping: impl Future<Output = ()>) -> Result<(), ServeError> {
        tokio::select! {
            () = stopping => Ok(()),
            _ = interrupted() => std::process::exit(STOPPED_TWICE),
        }
    }
}
