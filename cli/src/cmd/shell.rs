//! Completions and manual pages, made from the arguments themselves.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::{args::Cli, output::outside_profiles, report::Report};

/// The completion script of a shell.
///
/// # Errors
/// None in practice; the report could not be made.
pub fn completions(shell: clap_complete::Shell) -> anyhow::Result<Report> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hallmark", &mut script);
    let script = String::from_utf8(script)?;
    Report::new(&serde_json::json!({"shell": shell.to_string(), "script": script}), script)
}

/// Writes one manual page per command into `dir`.
///
/// # Errors
/// When the folder cannot be written.
pub fn man(dir: &Path) -> anyhow::Result<Report> {
    outside_profiles(dir)?;
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    clap_mangen::generate_to(Cli::command(), dir)
        .with_context(|| format!("cannot write manual pages into {}", dir.display()))?;
    Report::new(
        &serde_json::json!({"dir": dir}),
        format!("Manual pages are in {0}; try: man {0}/hallmark.1", dir.display()),
    )
}
