//! `hallmark serve`: the service, as `hallmarkd` runs it.

pub use hallmark_api::serve::ServeArgs;
use hallmark_api::serve::{self, Outcome};

use crate::{args::FreezeArgs, report::Report};

/// Runs `hallmark serve` until it is stopped, or copies a service's data.
///
/// # Errors
/// What kept the service from starting, or the copy from being made.
pub fn run(args: &ServeArgs) -> anyhow::Result<Report> {
    let outcome = serve::run(args, "hallmark serve")?;
    let json = match &outcome {
        Outcome::Stopped => serde_json::json!({"stopped": true}),
        Outcome::BackedUp { to, files } => serde_json::json!({"to": to, "files": files}),
        Outcome::Restored { data, files } => serde_json::json!({"data": data, "files": files}),
    };
    Report::new(&json, outcome.to_string())
}

/// Runs `hallmark log freeze`.
///
/// # Errors
/// A service that is running, witnesses that do not answer, a folder that is there already.
pub fn freeze(args: &FreezeArgs) -> anyhow::Result<Report> {
    let settings = serve::Settings {
        data: args.data.clone(),
        key_file: args.key_file.clone(),
        witnesses: args.witnesses.clone(),
        ..serve::Settings::default()
    };
    let frozen = serve::freeze(&settings, &args.out)?;
    let text = format!(
        "The log {} ends with {} entries, for ever: this service takes no more. The copy in {} verifies \
         without it:\n  hallmark audit log {} --policy {}/policy",
        frozen.origin,
        frozen.size,
        args.out.display(),
        args.out.display(),
        args.out.display()
    );
    let json = serde_json::json!({"log": frozen.origin, "size": frozen.size, "out": args.out});
    Report::new(&json, text)
}
