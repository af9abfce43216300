//! Cleans one file by hand: `cargo run -p hallmark-vault --example clean -- [--keep] IN OUT`.
//! Prints what was done as JSON.

use std::fs::File;
use std::io::{BufWriter, Write};

use hallmark_vault::hygiene::{Policy, clean, describe};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let policy = match arguments.first().map(String::as_str) {
        Some("--keep") => {
            arguments.remove(0);
            Policy::Keep
        }
        _ => Policy::Remove,
    };
    let [input, output] = arguments.as_slice() else {
        return Err("usage: clean [--keep] IN OUT".into());
    };
    let mut source = File::open(input)?;
    let size_bytes = source.metadata()?.len();
    let mut out = BufWriter::new(File::create_new(output)?);
    let cleaning = clean(&mut source, size_bytes, &mut out, policy)?;
    out.flush()?;

    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", serde_json::to_string_pretty(&cleaning)?)?;
    for (verb, traces) in [("removed", &cleaning.removed), ("still there", &cleaning.reveals)] {
        for &trace in traces {
            writeln!(stdout, "{verb}: {}", describe(trace))?;
        }
    }
    Ok(())
}
