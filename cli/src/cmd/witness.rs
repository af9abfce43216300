//! `hallmark witness`: cosigns logs that only grow, so that nobody is shown a history of their own.

use std::path::PathBuf;

pub use hallmark_api::app::witness::Rebuild;
pub use hallmark_api::serve::{
    args::TlsArgs,
    witness::{WitnessArgs, WitnessKeyArgs},
};
use hallmark_api::serve::{config::LogLevel, witness};
use hallmark_consent::log::note::VerifierKey;
use serde_json::json;

use crate::{
    args::{MonitorArgs, WitnessCommand},
    report::Report,
};

/// Runs `hallmark witness`.
///
/// # Errors
/// What keeps it from serving; a key that cannot be read or made.
pub fn run(command: &WitnessCommand) -> anyhow::Result<Report> {
    match command {
        WitnessCommand::Serve(args) => {
            witness::run(args, None, "hallmark witness serve")?;
            stopped()
        }
        WitnessCommand::Key(args) => {
            let (name, _) = args.key()?;
            Report::new(&json!({"vkey": name.to_string()}), name.to_string())
        }
    }
}

/// Serves as the monitor of a log: what `rebuild` finds sound is cosigned.
///
/// # Errors
/// What keeps it from serving.
pub fn monitor(
    args: &MonitorArgs,
    (name, data): (&str, &PathBuf),
    logs: &[VerifierKey],
    rebuild: Box<dyn Rebuild>,
) -> anyhow::Result<Report> {
    let own = WitnessKeyArgs {
        name: name.to_owned(),
        data: data.clone(),
        key_file: args.serves.key_file.clone(),
    };
    let args = WitnessArgs {
        own,
        log: logs.iter().map(ToString::to_string).collect(),
        listen: args.serves.listen,
        tls: args.serves.tls.clone(),
        log_level: LogLevel::Warn,
        ready_file: args.serves.ready_file.clone(),
    };
    witness::run(&args, Some(rebuild), "hallmark audit monitor")?;
    stopped()
}

fn stopped() -> anyhow::Result<Report> {
    Report::new(&json!({"stopped": true}), "Stopped.")
}
