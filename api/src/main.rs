//! The `hallmarkd` binary: the service alone.

use std::process::ExitCode;

use clap::Parser;
use hallmark_api::serve::{Outcome, ServeArgs, run};

/// The blind service: it stores what it cannot read.
#[derive(Debug, Parser)]
#[command(name = "hallmarkd", version, propagate_version = true)]
struct Program {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    match run(&Program::parse().serve, "hallmarkd") {
        Ok(Outcome::Stopped) => ExitCode::SUCCESS,
        Ok(Outcome::BackedUp { to }) => {
            println!("Backed up to {}. Keep the key file too, elsewhere.", to.display());
            ExitCode::SUCCESS
        }
        Ok(Outcome::Restored { data }) => {
            println!("Restored into {}.", data.display());
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
