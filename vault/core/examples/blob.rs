//! Seals or opens a raw Cobblestone-256 message from standard input to standard output, for
//! interoperability tests: `blob seal|open KEY CONTEXT`, key and context in lower-case hex.
//!
//! Exits 1 when the message does not open, 2 on wrong usage. A key on a command line can be read by
//! every process of the machine: this is for tests only.

use data_encoding::HEXLOWER;
use hallmark_core::seal::blob::{BlobError, BlobKey, raw};
use std::io::{self, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: blob seal|open KEY(64 hex digits) CONTEXT(hex)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [verb, key, context] => parse(verb, key, context),
        _ => None,
    };
    let Some((sealing, key, context)) = parsed else {
        complain(USAGE);
        return ExitCode::from(2);
    };
    let mut output = Vec::new();
    let done = if sealing {
        raw::seal_stream(&key, &context, &mut rand::rng(), &mut io::stdin().lock(), &mut output)
    } else {
        raw::open_stream(&key, &context, &mut io::stdin().lock(), &mut output)
    };
    let written = done.and_then(|_| {
        io::stdout().lock().write_all(&output).map_err(|source| BlobError::Write { source })
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn parse(verb: &str, key: &str, context: &str) -> Option<(bool, BlobKey, Vec<u8>)> {
    let sealing = match verb {
        "seal" => true,
        "open" => false,
        _ => return None,
    };
    let key = HEXLOWER.decode(key.as_bytes()).ok()?;
    let context = HEXLOWER.decode(context.as_bytes()).ok()?;
    Some((sealing, BlobKey::from_bytes(key.as_slice().try_into().ok()?), context))
}

fn complain(message: &str) {
    // Nothing is left to tell anybody when standard error is closed.
    let _ = writeln!(io::stderr(), "blob: {message}");
}
