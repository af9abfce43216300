//! How soon the service is ready, and what it takes when nobody asks anything.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    daemon::Daemon,
    load::{self, Pace},
    person::prepared,
};
use crate::{
    house::{House, tell},
    row::Row,
};

const READY_MS: f64 = 200.0;
const IDLE_MIB: f64 = 40.0;
/// Until what the start needed is let go.
const REST: Duration = Duration::from_secs(2);

/// From the start of the process to its first answer that it is ready, and its memory then: with a
/// new data directory, and with one that was used and closed.
///
/// # Errors
/// When the service does not start.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    tell("starting the service");
    let (mut new, mut used, mut idle, mut after) = (vec![], vec![], vec![], vec![]);
    for _ in 0..house.pairs {
        let data = house.empty_folder("service")?;
        let start = || -> anyhow::Result<(Daemon, f64)> {
            let begun = Instant::now();
            let service = Daemon::start(house.hallmarkd(), &data, &["bench".to_owned()])?;
            service.until_ready()?;
            Ok((service, 1000.0 * begun.elapsed().as_secs_f64()))
        };
        let (service, took_ms) = start()?;
        new.push(took_ms);
        thread::sleep(REST);
        idle.push(mib(&service)?);
        load::run(&service, &prepared(64, 50)?, Pace::Full, Duration::from_secs(5))?;
        thread::sleep(REST);
        after.push(mib(&service)?);
        service.stop()?;
        let (service, took_ms) = start()?;
        used.push(took_ms);
        service.stop()?;
    }
    Ok(vec![
        Row::at_most("start to ready, new data directory", "ms", READY_MS, new),
        Row::at_most("start to ready, used data directory", "ms", READY_MS, used),
        Row::at_most("memory of the service at rest", "MiB", IDLE_MIB, idle),
        Row::at_most("memory of the service at rest, after work", "MiB", IDLE_MIB, after),
    ])
}

fn mib(service: &Daemon) -> anyhow::Result<f64> {
    Ok(service.resident_kib()? as f64 / 1024.0)
}
