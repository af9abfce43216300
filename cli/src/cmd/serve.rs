//! `hallmark serve`: the service, as `hallmarkd` runs it.

pub use hallmark_api::serve::ServeArgs;
use hallmark_api::serve::{self, Outcome};

use crate::report::Report;

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
