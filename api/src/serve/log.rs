//! The log: what the service did, never for whom.
//!
//! A line for a request has five fields: method, route template, status, time taken, problem code.
//! Other crates are silent, whatever the level: they would log what they read.

use std::io;

use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
};

use super::{
    config::{Log, LogFormat, LogLevel},
    meter::Answered,
};

/// The only targets that are logged.
const OURS: [&str; 3] = ["hallmark_api", "hallmark_consent", "hallmark_demand"];

/// A subscriber that writes as `log` says.
pub(super) fn dispatch<W>(log: &Log, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match log.level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
    };
    let ours = OURS.iter().fold(Targets::new(), |all, ours| all.with_target(*ours, level));
    let registry = tracing_subscriber::registry().with(ours);
    let lines = fmt::layer().with_writer(writer).with_ansi(false).with_target(false);
    match log.format {
        LogFormat::Text => Dispatch::new(registry.with(lines)),
        LogFormat::Json => Dispatch::new(registry.with(lines.json().flatten_event(true))),
    }
}

/// Logs to standard error for the rest of the process, where nothing else was chosen before, and
/// keeps the words of a panic, which may quote what was read, out of it.
pub(super) fn install(log: &Log) {
    let _ = tracing::dispatcher::set_global_default(dispatch(log, io::stderr));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a mistake of the service's own");
    }));
}

/// A line for a request.
pub(super) fn answered(answered: &Answered) {
    let duration_ms = u64::try_from(answered.duration.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        method = answered.method,
        route = answered.route,
        status = answered.status,
        duration_ms,
        code = answered.code.map(|code| code.as_str()),
        "answered"
    );
}
