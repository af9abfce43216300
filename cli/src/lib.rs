//! The `hallmark` command line: `cmd/<noun>.rs` holds one command noun each, `remote/` what talks
//! to the network.
//!
//! In scope: arguments, prompts, progress, files, wording. Out of scope: deciding anything about a
//! signature; that is the vault's.

pub mod args;
pub mod cmd;
pub mod home;
pub mod input;
pub mod output;
pub mod remote;
pub mod report;
pub mod session;

use std::process::ExitCode;

use clap::Parser;

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        // The words of wrong usage come as the same object as every other error.
        Err(error) if error.use_stderr() && std::env::args_os().any(|arg| arg == "--json") => {
            let words = error.render().to_string();
            return report::print_error(&report::Usage(words.trim().to_owned()).into(), true);
        }
        Err(error) => error.exit(),
    };
    let json = cli.global.json;
    match session::Session::of_process(&cli.global).and_then(|s| cmd::run(&cli.command, &s)) {
        Ok(report) => report.print(json),
        Err(error) => report::print_error(&error, json),
    }
}
