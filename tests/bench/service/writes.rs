//! Durable writes of many people at once: their rate against a store that does nothing, how long
//! the slowest wait at half that rate, and with thousands of connections that only take room.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use super::{
    daemon::{Daemon, Kind},
    load::{self, Answered, Idlers, Pace},
    person::{Prepared, prepared},
};
use crate::{
    house::{House, tell},
    pairs::{Spread, interleave},
    row::{Row, Target},
};

const CLIENTS: usize = 256;
const RUN: Duration = Duration::from_secs(6);
/// Commits are made for this rate; where they run out before the time, the run ends with them.
const MOST_PER_S: u64 = 6000;
/// Rates are told as the time so many writes take.
const WRITES: f64 = 10_000.0;
const IDLERS: usize = 5000;
/// How often the disk is asked, before a run and after it.
const SYNCS: u64 = 60;

/// The rate of durable writes against the same requests to a store that does nothing, and with one
/// commit per request.
///
/// # Errors
/// When a service does not start or refuses a request.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let what = format!("10,000 durable writes, {CLIENTS} clients");
    let mut runs = Vec::new();
    for pair in 0..house.pairs {
        tell(&format!("{what}: run {} of {}", pair + 1, house.pairs));
        let people = people(RUN, MOST_PER_S)?;
        let one = |kind| of_kind(house, kind, &people);
        let pairs = match pair % 2 {
            0 => interleave(1, || one(Kind::Grouped), || one(Kind::Discard))?,
            _ => interleave(1, || one(Kind::Discard), || one(Kind::Grouped))?
                .into_iter()
                .map(|(discard, grouped)| (grouped, discard))
                .collect(),
        };
        let single = one(Kind::Single)?;
        runs.extend(pairs.into_iter().map(|(grouped, discard)| (grouped, discard, single)));
    }
    let seconds = |of: fn(&(Cost, Cost, Cost)) -> (Cost, Cost)| -> Vec<(f64, f64)> {
        let pairs = runs.iter().map(of);
        pairs.map(|(a, b)| (WRITES * a.seconds_each, WRITES * b.seconds_each)).collect()
    };
    let cores = |of: fn(&(Cost, Cost, Cost)) -> Cost| {
        let (service, own) = (
            Spread::of(runs.iter().map(|run| of(run).service_cores)).median,
            Spread::of(runs.iter().map(|run| of(run).own_cores)).median,
        );
        format!("service {service:.2} cores, clients {own:.2}")
    };
    let single = "10,000 durable writes, one commit each";
    Ok(vec![
        Row::compared(
            &what,
            "a store that does nothing",
            Target::SpeedAtLeast(0.7),
            &seconds(|run| (run.0, run.1)),
        ),
        Row::noted(format!("{what}: processor"), cores(|run| run.0)),
        Row::noted("a store that does nothing: processor", cores(|run| run.1)),
        Row::compared(single, "in groups", Target::None, &seconds(|run| (run.2, run.0))),
    ])
}

/// The slowest of a hundred durable writes at half the full rate, against what the disk takes.
///
/// # Errors
/// As [`rows`].
pub fn wait_rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let half = half_rate(house)?;
    let (mut pairs, mut syncs_s, mut medians_s) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..house.pairs {
        tell(&format!("waits at {half:.0} writes a second: run {} of {}", run + 1, house.pairs));
        let people = people(RUN, half as u64 + 1)?;
        let service = fresh(house)?;
        let mut disk_s = syncs(house)?;
        let answered = load::run(&service, &people, Pace::PerSecond(half), RUN)?;
        disk_s.extend(syncs(house)?);
        let sync_s = Spread::of(disk_s.into_iter()).median;
        pairs.push((answered.wait_s(0.99), 4.0 * sync_s + 0.020));
        medians_s.push(answered.wait_s(0.5));
        syncs_s.push(sync_s);
    }
    let milliseconds = |all: Vec<f64>| {
        let Spread { median, min, max } = Spread::of(all.into_iter().map(|s| 1000.0 * s));
        format!("{median:.1} ms ({min:.1}-{max:.1})")
    };
    Ok(vec![
        Row::compared(
            format!("p99 of a durable write at {half:.0}/s"),
            "4 fsyncs and 20 ms",
            Target::CostAtMost(1.0),
            &pairs,
        ),
        Row::noted("median of a durable write there", milliseconds(medians_s)),
        Row::noted("median of an fsync there", milliseconds(syncs_s)),
    ])
}

/// The same with thousands of idle and slow connections beside.
///
/// # Errors
/// As [`rows`].
pub fn idle_rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let half = half_rate(house)?;
    let one = |idlers: usize| -> anyhow::Result<f64> {
        tell(&format!("waits beside {idlers} idle and slow connections"));
        let people = people(RUN, half as u64 + 1)?;
        let service = fresh(house)?;
        let _idlers = Idlers::open(service.address, idlers)?;
        Ok(load::run(&service, &people, Pace::PerSecond(half), RUN)?.wait_s(0.99))
    };
    let pairs = interleave(house.pairs, || one(IDLERS), || one(0))?;
    Ok(vec![Row::compared(
        format!("p99 at {half:.0}/s beside {IDLERS} idle and slow connections"),
        "without them",
        Target::CostAtMost(2.0),
        &pairs,
    )])
}

/// What a run cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    seconds_each: f64,
    service_cores: f64,
    own_cores: f64,
}

impl From<Answered> for Cost {
    fn from(answered: Answered) -> Self {
        let Answered { service_cores, own_cores, .. } = answered;
        Self { seconds_each: answered.seconds_each(), service_cores, own_cores }
    }
}

fn people(run: Duration, per_s: u64) -> anyhow::Result<Vec<Prepared>> {
    prepared(CLIENTS, (per_s * run.as_secs()).div_ceil(CLIENTS as u64) + 1)
}

fn of_kind(house: &House, kind: Kind, people: &[Prepared]) -> anyhow::Result<Cost> {
    let data = house.empty_folder("service")?;
    let service = Daemon::of_kind(kind, &data)?;
    let answered = load::run(&service, people, Pace::Full, RUN)?;
    service.stop()?;
    Ok(answered.into())
}

fn fresh(house: &House) -> anyhow::Result<Daemon> {
    Daemon::start(house.hallmarkd(), &house.empty_folder("service")?, &["bench".to_owned()])
}

/// Half of what `hallmarkd` does at most, requests a second.
fn half_rate(house: &House) -> anyhow::Result<f64> {
    tell("the full rate");
    let run = RUN / 2;
    let full = load::run(&fresh(house)?, &people(run, MOST_PER_S)?, Pace::Full, run)?;
    Ok((0.5 / full.seconds_each()).round())
}

/// How long the disk takes for 4 KiB into a file that is long enough, seconds.
fn syncs(house: &House) -> anyhow::Result<Vec<f64>> {
    let path = house.file("synced");
    let seconds = sync_each(&path, SYNCS);
    fs::remove_file(&path)?;
    seconds
}

fn sync_each(path: &Path, count: u64) -> anyhow::Result<Vec<f64>> {
    const BLOCK_BYTES: u64 = 4096;
    let file = File::create(path)?;
    file.write_all_at(&vec![1; (count * BLOCK_BYTES) as usize], 0)?;
    file.sync_all()?;
    let block = [2; BLOCK_BYTES as usize];
    (0..count)
        .map(|at| {
            let begun = Instant::now();
            file.write_all_at(&block, at * BLOCK_BYTES)?;
            file.sync_data()?;
            Ok(begun.elapsed().as_secs_f64())
        })
        .collect()
}
