//! Where the figures come from: they mean little without it.

use std::fs;

use serde::Serialize;

use crate::program::Program;

/// The machine and what else runs on it, as far as it tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// Processor by name.
    pub processor: String,
    /// Cores we may use.
    pub cores: usize,
    /// Threads that wanted to run, on average over the last minute.
    pub load: String,
    /// The peers by version.
    pub peers: Vec<String>,
}

impl Machine {
    /// As it is now.
    pub fn now() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let says = |program: Program| program.says().unwrap_or_else(|error| error.to_string());
        Self {
            processor: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            cores: hallmark_cli::session::threads().get(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            peers: vec![
                format!("age {}", says(Program::new("age").arg("--version"))),
                says(Program::new("openssl").arg("version")),
            ],
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, load, peers } = self;
        write!(f, "{processor}, {cores} cores, load {load}; {}", peers.join("; "))
    }
}
