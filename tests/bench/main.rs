//! Benchmarks against peers, ours and the peer's runs by turns: what counts is the ratio of runs
//! that stood next to each other, since absolute figures change with the machine and the hour.
//!
//! `cargo run --release -p hallmark-suites --example bench`
//!
//! | Name | What | Against |
//! |---|---|---|
//! | `memory` | seal and open in process | the `age` crate |
//! | `file` | `hallmark blob seal` and `open` | the `age` command; a plain copy |
//! | `verify` | `hallmark verify` with one part and with eight | `openssl dgst -sha256` |
//! | `peak` | `hallmark verify` of a file four times as large | 64 MiB of memory |
//! | `writes` | durable writes over HTTP, 256 clients at once | a store that does nothing |
//! | `waits` | the slowest of them at half that rate | what an fsync takes |
//! | `idle` | the same beside 5,000 idle and slow connections | without them |
//! | `start` | `hallmarkd` from start to ready, and at rest | 200 ms, 40 MiB |
//! | `sync` | a second device that has everything | two round trips, 100 KB |
//! | `upload` | `hallmark item put --attach` | `hallmark blob seal` |
//! | `log` | entries admitted in process, durable, with the map | 50 us; kept nowhere; a log of 10,000 |
//! | `audit` | `hallmark audit log` of a million entries | the SHA-256 work that it takes |
//! | `complete` | a proof of completeness, verified | its hashes and signature |
//! | `tiles` | files of the log read by 256 clients | nginx on the same folder |
//! | `large` | ten million entries admitted, and served | 512 MiB |
//!
//! Needs Debian's `age`, `openssl`, `time` and `nginx-light`, and `libeatmydata1` for the rows without
//! fsync. Its default size takes about 8 GiB of disk and 5 GiB of memory. It fails when a program fails, not
//! when a target is missed: these are not tests.

mod filler;
mod house;
mod in_memory;
mod log;
mod machine;
mod pairs;
mod program;
mod row;
mod sealed_file;
mod service;
mod verified_file;

use std::path::PathBuf;

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use serde_json::json;

use crate::{
    house::House,
    machine::Machine,
    row::Row,
    service::{daemon, sync, tiles, upkeep, upload, writes},
};

/// Measure against peers, in interleaved pairs
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// What to measure; everything by default
    names: Vec<Name>,
    /// Size of what is worked on, MiB
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    size: u64,
    /// Pairs of runs per row
    #[arg(long, value_name = "N", default_value_t = 9)]
    pairs: usize,
    /// 64 MiB and 3 pairs, to see that everything still runs: the figures mean little
    #[arg(long, conflicts_with_all = ["size", "pairs"])]
    quick: bool,
    /// Folder to work in, on the file system to measure [default: the system's for temporary files]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The hallmark command to measure, with hallmarkd beside it [default: both built now]
    #[arg(long, value_name = "FILE")]
    hallmark: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Be the service in --dir, its store working that way
    #[arg(long, hide = true, requires = "dir")]
    serve: Option<daemon::Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Memory,
    File,
    Verify,
    Peak,
    Writes,
    Waits,
    Idle,
    Start,
    Sync,
    Upload,
    Log,
    Audit,
    Complete,
    Tiles,
    Large,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let (Some(kind), Some(data)) = (args.serve, &args.dir) {
        return daemon::serve(kind, data);
    }
    ensure!(!cfg!(debug_assertions), "run it with --release: other figures mean nothing");
    let (size_mib, pairs) = if args.quick { (64, 3) } else { (args.size, args.pairs) };
    ensure!(size_mib > 0 && pairs > 0, "nothing to measure");
    let dir = args.dir.unwrap_or_else(std::env::temp_dir);
    let house = House::new(args.hallmark, &dir, pairs, size_mib)?;
    let before = Machine::now();
    if !args.json {
        println!("{before}\n{} per row, {pairs} pairs", House::size_in_words(size_mib));
    }
    let mut rows = Vec::new();
    for (name, measure) in BENCHMARKS {
        if args.names.is_empty() || args.names.contains(&name) {
            rows.extend(measure(&house)?);
        }
    }
    if args.json {
        let load_after = Machine::now().load;
        let (machine, rows) = (&before, &rows);
        let report = json!({
            "machine": machine,
            "loadAfter": load_after,
            "sizeMib": size_mib,
            "pairs": pairs,
            "rows": rows,
        });
        println!("{report:#}");
    } else {
        print_table(&rows);
        println!("\nload {} at the end", Machine::now().load);
    }
    Ok(())
}

type Measure = fn(&House) -> anyhow::Result<Vec<Row>>;

const BENCHMARKS: [(Name, Measure); 15] = [
    (Name::Memory, in_memory::rows),
    (Name::File, sealed_file::rows),
    (Name::Verify, verified_file::rows),
    (Name::Peak, verified_file::peak_rows),
    (Name::Writes, writes::rows),
    (Name::Waits, writes::wait_rows),
    (Name::Idle, writes::idle_rows),
    (Name::Start, upkeep::rows),
    (Name::Sync, sync::rows),
    (Name::Upload, upload::rows),
    (Name::Log, log::rows),
    (Name::Audit, log::audit_rows),
    (Name::Complete, log::complete_rows),
    (Name::Tiles, tiles::rows),
    (Name::Large, tiles::large_rows),
];

const HEADINGS: [&str; 7] = ["what", "against", "ours", "theirs", "ratio", "target", ""];

fn print_table(rows: &[Row]) {
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::columns));
    let widths: [usize; 7] = std::array::from_fn(|column| {
        lines.iter().map(|line| line[column].len()).max().unwrap_or(0)
    });
    println!();
    for line in lines {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
