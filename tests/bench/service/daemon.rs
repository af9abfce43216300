//! A running service: `hallmarkd`, or this program as one.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use hallmark_api::{
    app::{self, App},
    http,
    serve::{self, Hooks, LogTo, Settings},
    store::{Durability, Options, Store},
};
use hallmark_core::{key::SigningKey, time::Timestamp};

/// proc(5): times are counted in hundredths of a second on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// All clients here have one address, and are not to share its limits.
const UNLIMITED: &str = "[limits]
max_connections_per_address = 10000
requests_per_s = 1000000
request_burst = 1000000
log_entries_per_s = 1000000
log_entry_burst = 1000000
";

/// How the store works that this program serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// As the service has it
    Grouped,
    /// One commit per request
    Single,
    /// Nothing is kept
    Discard,
}

/// Serves `data` until standard input ends. Says its address on standard output.
///
/// # Errors
/// When it does not start.
pub fn serve(kind: Kind, data: &Path) -> anyhow::Result<()> {
    let options = match kind {
        Kind::Grouped => Options::default(),
        Kind::Single => Options { group_max: 1, ..Options::default() },
        Kind::Discard => Options { durability: Durability::Discard, ..Options::default() },
    };
    let clock = || now().expect("a clock after 1970");
    let key = SigningKey::from_seed(&[7; 32]);
    let store = Store::open(data, &options)?;
    let app = Arc::new(App::new(store, app::Settings::default(), key, Box::new(clock)));
    let closing = Arc::clone(app.store());
    let hooks = Hooks { drain: Box::new(move || closing.close()), ..Hooks::default() };
    let settings = Settings { listen: "127.0.0.1:0".parse()?, ..Settings::default() };
    let running = serve::embedded(&settings, http::router(app), hooks, LogTo::Program)?;
    println!("http://{},", running.address());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    running.stop();
    Ok(())
}

/// The time now.
///
/// # Errors
/// For a clock before 1970.
pub fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_unix_s(i64::try_from(since.as_secs())?)?)
}

/// A service that runs as long as this lives.
pub struct Daemon {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Daemon {
    /// This program as the service.
    ///
    /// # Errors
    /// When it does not start.
    pub fn of_kind(kind: Kind, data: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let kind = kind.to_possible_value().context("every kind has a name")?;
        command.args(["--serve", kind.get_name(), "--dir"]).arg(data);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().context("standard output was asked for")?;
        let address = address_said(said)?;
        Ok(Self { child, address })
    }

    /// `hallmarkd`, known also as `names`. Returns when it says where it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(hallmarkd: &Path, data: &Path, names: &[String]) -> anyhow::Result<Self> {
        let mut command = Command::new(hallmarkd);
        command.arg("--data").arg(data).args(["--listen", "127.0.0.1:0", "--log-level", "warn"]);
        command.args(names.iter().flat_map(|name| ["--authority", name]));
        let config = data.with_extension("toml");
        fs::write(&config, UNLIMITED)?;
        command.arg("--config").arg(config);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = child.stderr.take().context("standard error was asked for")?;
        let address = address_said(said)?;
        Ok(Self { child, address })
    }

    /// Asks until it is ready.
    ///
    /// # Errors
    /// When it is not within ten seconds.
    pub fn until_ready(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            let mut asked = TcpStream::connect(self.address)?;
            asked.write_all(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            asked.read_to_string(&mut answer)?;
            if answer.starts_with("HTTP/1.1 200 ") {
                return Ok(());
            }
        }
        anyhow::bail!("the service is not ready")
    }

    /// Processor time it took so far, seconds.
    ///
    /// # Errors
    /// Where the system does not tell (it does on Linux).
    pub fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(&self.child.id().to_string())
    }

    /// Memory resident now, KiB.
    ///
    /// # Errors
    /// As [`Self::cpu_s`].
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most memory that was resident so far, KiB.
    ///
    /// # Errors
    /// As [`Self::cpu_s`].
    pub fn peak_kib(&self) -> anyhow::Result<u64> {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, field: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        Ok(kib.context("the system does not tell what is resident")?.trim().parse()?)
    }

    /// Has it stop in order.
    ///
    /// # Errors
    /// When it does not.
    pub fn stop(mut self) -> anyhow::Result<()> {
        if self.child.stdin.take().is_none() {
            let id = self.child.id().to_string();
            Command::new("kill").args(["-s", "TERM", &id]).status()?;
        }
        let status = self.child.wait()?;
        ensure!(status.success(), "the service ended with {status}");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time that this program took so far, seconds.
///
/// # Errors
/// As [`Daemon::cpu_s`].
pub fn own_cpu_s() -> anyhow::Result<f64> {
    cpu_s("self")
}

fn cpu_s(process: &str) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything; after it, the 12th and 13th fields are the times.
    let (_, rest) = stat.rsplit_once(')').context("proc(5) has a name in parentheses")?;
    let times = rest.split_whitespace().skip(11).take(2);
    let ticks = times.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / TICKS_PER_S)
}

/// The address in the first line with one. What is said after it is read and dropped.
fn address_said(said: impl Read + Send + 'static) -> anyhow::Result<SocketAddr> {
    let mut lines = BufReader::new(said).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("http://")?.1.split(',').next()?.parse().ok());
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    address.context("the service did not say where it listens")
}
