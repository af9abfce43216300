//! `hallmark serve`: the service, as `hallmarkd` runs it.

pub use hallmark_api::serve::ServeArgs;
use hallmark_api::serve::{self, Outcome};

use crate::report::Report;

/// Runs `hallmark serve` until it is stopped, or copies a service's data.
///
/// # Errors
/// What kept the service from starting, or the copy from being made.
pub fn run(args: &ServeArgs) -> anyhow::Result<Report> {
    let (json, text) = match serve::run(args, "hallmark serve")? {
        Outcome::Stopped => (serde_json::json!({"stopped": true}), "Stopped.".to_owned()),
        Outcome::BackedUp { to } => {
            let text = format!("Backed up to {}. Keep the key file too, elsewhere.", to.display());
            (serde_json::json!({"to": to}), text)
        }
        Outcome::Restored { data } => {
            (serde_json::json!({"data": data}), format!("Restored into {}.", data.display()))
        }
    };
    Report::new(&json, text)
}
