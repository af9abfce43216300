//! A witness as a process of its own.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;
use hallmark_consent::log::note::{Algorithm, KeyName, VerifierKey};
use hallmark_core::key::SigningKey;

use super::{
    Hooks, ServeError, Settings,
    args::TlsArgs,
    config::{Limits, Log, LogLevel},
    key_file, log,
    process::{Ready, keep_no_core, until_stopped},
    running::{LogTo, bind, runtime},
    wire::system_time,
};
use crate::{
    app::witness::{Rebuild, Witness},
    http::witness::router,
    store::WitnessStore,
};

/// Flags of a witness's key.
#[derive(Debug, Clone, Args)]
pub struct WitnessKeyArgs {
    /// Name of the witness, such as witness.example: what its cosignatures say
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Folder for what the witness has seen; it is made when it is not there
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// File with the witness's key, made when it is not there [default: beside the data, DATA.key]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Flags of a running witness.
#[derive(Debug, Clone, Args)]
pub struct WitnessArgs {
    /// Name, data and key.
    #[command(flatten)]
    pub own: WitnessKeyArgs,
    /// Verifier key of a log to witness; may be repeated
    #[arg(long, value_name = "VKEY", required = true)]
    pub log: Vec<String>,
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8471")]
    pub listen: SocketAddr,
    /// How it is reached beyond this machine.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// What is logged
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "warn")]
    pub log_level: LogLevel,
    /// Write the address here once requests are served, for scripts
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// What is wrong with the flags.
#[derive(Debug, thiserror::Error)]
enum WitnessArgsError {
    #[error("{name:?} is no name of a key: no spaces, no +, at most 255 bytes")]
    Name { name: String },
    #[error(
        "--log {text:?}: {source}; the log's address ends in /log, and /log/vkey shows its key"
    )]
    Log { text: String, source: hallmark_consent::log::note::NoteError },
}

impl From<WitnessArgsError> for ServeError {
    fn from(error: WitnessArgsError) -> Self {
        Self::Service(Box::new(error))
    }
}

impl WitnessKeyArgs {
    /// The witness's key, made where there is none, and its public half.
    ///
    /// # Errors
    /// [`ServeError::KeyFile`], and a name that is none.
    pub fn key(&self) -> Result<(VerifierKey, SigningKey), ServeError> {
        let name: Result<KeyName, _> = self.name.parse();
        let name = name.map_err(|_| WitnessArgsError::Name { name: self.name.clone() })?;
        let settings = Settings {
            data: self.data.clone(),
            key_file: self.key_file.clone(),
            ..Settings::default()
        };
        let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
        let may_make = !self.data.join("witness.db").exists();
        let key = key_file::open_or_make(&settings.key_file(), &self.data, may_make, rng)?;
        Ok((VerifierKey::new(name, Algorithm::CosignatureV1, key.public()), key))
    }
}

impl WitnessArgs {
    /// The logs that are witnessed.
    ///
    /// # Errors
    /// One that is no verifier key.
    pub fn logs(&self) -> Result<Vec<VerifierKey>, ServeError> {
        let read = |text: &String| {
            let wrong = |source| WitnessArgsError::Log { text: text.clone(), source };
            text.trim().parse().map_err(wrong)
        };
        Ok(self.log.iter().map(read).collect::<Result<_, _>>()?)
    }

    fn settings(&self) -> Result<Settings, ServeError> {
        let settings = Settings {
            data: self.own.data.clone(),
            listen: self.listen,
            behind_proxy: self.tls.behind_proxy,
            // Nobody signs requests for it: any name will do.
            authorities: if self.listen.ip().is_loopback() {
                Vec::new()
            } else {
                vec![self.own.name.clone()]
            },
            tls: self.tls.files(),
            log: Log { level: self.log_level, ..Log::default() },
            // Each may have a request of 68 KiB under way.
            limits: Limits {
                max_connections: 1024,
                max_connections_per_address: 64,
                ..Limits::default()
            },
            ..Settings::default()
        };
        settings.check()?;
        Ok(settings)
    }
}

/// Runs a witness until SIGTERM or SIGINT. With `rebuild` it cosigns only what that finds sound.
///
/// # Errors
/// [`ServeError`].
pub fn run(
    args: &WitnessArgs,
    rebuild: Option<Box<dyn Rebuild>>,
    program: &str,
) -> Result<(), ServeError> {
    keep_no_core();
    let settings = args.settings()?;
    log::install(&settings.log);
    let (logs, (name, key)) = (args.logs()?, args.own.key()?);
    let store =
        WitnessStore::open(&args.own.data).map_err(|error| ServeError::Service(error.into()))?;
    let what = format!("verifier key {name}");
    let witness = Witness::new(store, (name, key), logs, rebuild, Box::new(system_time));
    let runtime = runtime(&settings.log, LogTo::Program)?;
    let ready =
        Ready { program, settings: &settings, what: &what, file: args.ready_file.as_deref() };
    let socket = bind(settings.listen)?;
    until_stopped(&runtime, socket, router(Arc::new(witness)), Hooks::default(), &ready)
}
