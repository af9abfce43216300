//! The log as it is read over HTTP: its files against a static file server on the same folder, and a
//! service whose log has ten million entries.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use hallmark_consent::log::{
    entry::Entry,
    tile::{Content, Tile, WIDTH},
};
use hallmark_core::hash::Sha256;
use tokio::runtime::Runtime;

use super::{daemon::Daemon, load};
use crate::{
    house::{House, tell},
    log::{SEED, Scene, entry},
    pairs::interleave,
    row::{Row, Target},
};

const CLIENTS: u64 = 256;
const RUN: Duration = Duration::from_secs(5);
/// Requests are made for this rate; where they run out before the time, the run ends with them.
const MOST_PER_S: u64 = 40_000;
/// Rates are told as the time so many readings take.
const READINGS: f64 = 100_000.0;
const READ: u64 = 300_000;
const LARGE: u64 = 10_000_000;
/// What one more costs is measured over so many.
const SEGMENT: u64 = 500_000;
const LOOKED_UP: u64 = 20_000;
const SUBMITTED: u64 = 10_000;

/// Full tiles and bundles read by many at once, against nginx.
///
/// # Errors
/// When a server does not start, or refuses anything.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    tell(&format!("publishing {READ} entries to read"));
    let data = house.empty_folder("read")?;
    let scene = Scene::on(&data)?;
    scene.admit(&Runtime::new()?, 0..READ)?;
    scene.close();
    let Some(nginx) = Nginx::start(house, &data)? else {
        let missing = "nginx, which Debian has as nginx-light".to_owned();
        return Ok(vec![Row::skipped("tiles read by 256 clients", missing)]);
    };
    let service = started(house, &data)?;
    let mut rows = Vec::new();
    for (what, content) in [("hashes", Content::Hashes(0)), ("entries", Content::Entries)] {
        let lists = lists(READ / WIDTH, |at| format!("/log/{}", Tile::full_at(content, at)));
        let mut cores = Vec::new();
        let pairs = interleave(
            house.pairs,
            || {
                tell(&format!("reading tiles of {what}"));
                let read = load::read(service.address, &lists, RUN, || service.cpu_s())?;
                cores.push((read.service_cores, read.own_cores));
                Ok(READINGS * read.seconds_each())
            },
            || {
                let read = load::read(nginx.address, &lists, RUN, || Ok(0.0))?;
                Ok(READINGS * read.seconds_each())
            },
        )?;
        let name = format!("100,000 tiles of {what}, {CLIENTS} clients");
        let (ours, own) = cores.first().context("one pair at least")?;
        let busy = format!("service {ours:.2} cores, clients {own:.2}");
        rows.push(Row::compared(&name, "nginx", Target::SpeedAtLeast(0.7), &pairs));
        rows.push(Row::noted(format!("{name}: processor"), busy));
    }
    service.stop()?;
    Ok(rows)
}

/// What an entry costs where there are ten million, and what memory a service takes that has them.
///
/// # Errors
/// When an entry is not taken, or the service refuses anything.
pub fn large_rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let runtime = Runtime::new()?;
    tell("admitting 10,000,000 entries");
    let data = house.empty_folder("large")?;
    let scene = Scene::on(&data)?;
    let first_s = scene.admit(&runtime, 0..10_000)?;
    let early_s = scene.admit(&runtime, 10_000..60_000)?;
    let whole_s = first_s + early_s + scene.admit(&runtime, 60_000..LARGE)?;
    let late_s = scene.admit(&runtime, LARGE..LARGE + SEGMENT)?;
    scene.close();
    tell("serving them");
    let begun = Instant::now();
    let service = started(house, &data)?;
    let start_s = begun.elapsed().as_secs_f64();
    let labels = (0..LOOKED_UP).map(|n| label(n * (LARGE / LOOKED_UP)));
    let labels = labels.collect::<anyhow::Result<Vec<_>>>()?;
    let mut labels = labels.iter().cycle();
    let paths = lists(LOOKED_UP, |_| {
        format!("/v1/log/labels/{}", labels.next().expect("labels without end"))
    });
    let looked_up = load::read(service.address, &paths, 2 * RUN, || service.cpu_s())?;
    let last = LARGE + SEGMENT;
    let submissions: Vec<Vec<Vec<u8>>> = (0..CLIENTS)
        .map(|client| {
            let each = SUBMITTED / CLIENTS;
            (0..each).map(|n| posted(&entry(last + client * each + n))).collect()
        })
        .collect();
    let submitted = load::read(service.address, &submissions, 6 * RUN, || service.cpu_s())?;
    let peak = service.peak_kib()? as f64 / 1024.0;
    service.stop()?;
    Ok(vec![
        Row::noted(
            "10,000,000 entries, durable, with the map",
            format!("{:.1} us each, {:.0} s", whole_s / LARGE as f64 * 1e6, whole_s),
        ),
        Row::compared(
            "an entry at 10,000,000",
            "at 10,000",
            Target::None,
            &[(late_s / SEGMENT as f64, early_s / 50_000.0)],
        ),
        Row::noted("start of a service with them", format!("{start_s:.2} s")),
        Row::noted(
            "labels looked up there",
            format!("{:.0} a second, {CLIENTS} clients", 1.0 / looked_up.seconds_each()),
        ),
        Row::noted(
            "entries submitted there over HTTP, one after another",
            format!("{:.0} a second, {CLIENTS} clients", 1.0 / submitted.seconds_each()),
        ),
        Row::at_most("a running service with 10,000,000 entries: memory", "MiB", 512.0, vec![peak]),
    ])
}

/// The service over a log that was made here.
fn started(house: &House, data: &Path) -> anyhow::Result<Daemon> {
    let key = data.with_extension("key");
    fs::write(&key, SEED.map(|byte| format!("{byte:02x}")).concat())?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let service = Daemon::start(house.hallmarkd(), data, &["bench".to_owned()])?;
    service.until_ready()?;
    Ok(service)
}

fn label(n: u64) -> anyhow::Result<String> {
    let entry = Entry::parse(&entry(n))?;
    Ok(entry.label().context("a place has a label")?.to_string())
}

/// Requests of each client, for places below `many` in no order.
fn lists(many: u64, mut path: impl FnMut(u64) -> String) -> Vec<Vec<Vec<u8>>> {
    let each = MOST_PER_S * RUN.as_secs() / CLIENTS;
    let mut at = |n: u64| {
        let random = Sha256::of(&n.to_le_bytes());
        let (first, _) = random.as_bytes().split_first_chunk::<8>().expect("32 bytes");
        let path = path(u64::from_le_bytes(*first) % many);
        format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
    };
    (0..CLIENTS).map(|client| (0..each).map(|n| at(client * each + n)).collect()).collect()
}

fn posted(entry: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/log/entries HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        entry.len()
    );
    [head.as_bytes(), entry].concat()
}

/// nginx over a data directory's files.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// `None` where there is no nginx.
    fn start(house: &House, data: &Path) -> anyhow::Result<Option<Self>> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let (config, pid) = (house.file("nginx.conf"), house.file("nginx.pid"));
        let text = format!(
            "daemon off; user root; worker_processes auto; pid {}; error_log stderr;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
             default_type application/octet-stream;\n\
             server {{ listen {address}; root {}; }} }}\n",
            pid.display(),
            data.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&config).stdin(Stdio::null()).stderr(Stdio::null());
        let child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            child => child?,
        };
        let mut nginx = Self { child, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = nginx.child.try_wait()?;
            ensure!(ended.is_none() && begun.elapsed() < RUN, "nginx does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(nginx))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let _ = self.child.wait();
    }
}
