//! The `hallmarkd` binary: the service alone.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use hallmark_api::serve::{ServeArgs, run};

/// The blind service: it stores what it cannot read.
#[derive(Debug, Parser)]
#[command(name = "hallmarkd", version, propagate_version = true)]
struct Program {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    match run(&Program::parse().serve, "hallmarkd") {
        Ok(outcome) => {
            // Whoever closed standard output does not read it.
            let _ = writeln!(std::io::stdout(), "{outcome}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hallmarkd: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}
