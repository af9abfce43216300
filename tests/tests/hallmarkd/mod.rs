//! The service as it is built, and people who use it: for every suite that drives it.

#![allow(dead_code)] // no suite needs all of it

pub mod device;
pub mod log;
pub mod people;

use std::{path::Path, time::Duration};

use hallmark_suites::faults::{Program, Service};

/// The service with its data there and its key beside it, listening on a port of its own and known
/// by these names too. Where `hallmarkd` is not built, says so in one line and returns nothing.
pub fn service(data: &Path, names: &[String]) -> Option<Service> {
    logging(data, names, "warn")
}

/// As [`service`], saying each request.
pub fn talkative(data: &Path) -> Option<Service> {
    logging(data, &[], "info")
}

fn logging(data: &Path, names: &[String], level: &str) -> Option<Service> {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("hallmarkd");
    if !path.exists() {
        eprintln!("skipped: hallmarkd is not built: cargo build -p hallmark-api --bin hallmarkd");
        return None;
    }
    let program = Program::new(path).arg("--data").arg(data);
    let program = program.arg("--key-file").arg(data.with_file_name("key"));
    let program = program.args(["--listen", "127.0.0.1:0", "--log-level", level]);
    let program = names.iter().fold(program, |program, name| program.arg("--authority").arg(name));
    // Else all that asks from this machine under such a name shares the limits of one address.
    let program = program.arg("--trusted-proxy").arg("127.0.0.1");
    let ready = |line: &str| {
        let (_, rest) = line.split_once("hallmarkd: http://")?;
        rest.split(',').next()?.parse().ok()
    };
    Some(Service { program, ready, patience: Duration::from_secs(30) })
}
