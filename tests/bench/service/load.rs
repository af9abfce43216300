//! Clients at work: one connection each, kept open, one request after another, all on one thread.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    daemon::{Daemon, own_cpu_s},
    person::Prepared,
};

/// When the next request of a client is due.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As soon as the one before is answered.
    Full,
    /// At so many a second of all clients together, whether the one before is answered or not: a
    /// request that is late waits, and its wait counts.
    PerSecond(f64),
}

/// What came of a run.
#[derive(Debug)]
pub struct Answered {
    /// Requests answered with success.
    pub requests: usize,
    /// From the first request to the last answer, seconds.
    pub took_s: f64,
    /// How long each answer took from when its request was due, seconds, ascending.
    pub waits_s: Vec<f64>,
    /// Cores that the service was busy on.
    pub service_cores: f64,
    /// Cores that this program was busy on.
    pub own_cores: f64,
}

impl Answered {
    /// Seconds for each of many requests.
    pub fn seconds_each(&self) -> f64 {
        self.took_s / self.requests.max(1) as f64
    }

    /// The wait that this share of requests stays below, seconds.
    pub fn wait_s(&self, share: f64) -> f64 {
        let at = (self.waits_s.len() as f64 * share) as usize;
        self.waits_s.get(at).or(self.waits_s.last()).copied().unwrap_or_default()
    }
}

/// Begins everybody's account, and then has all commit at once until `most` has passed or nothing
/// is left to send.
///
/// # Errors
/// When the service refuses anything.
pub fn run(
    service: &Daemon,
    people: &[Prepared],
    pace: Pace,
    most: Duration,
) -> anyhow::Result<Answered> {
    let address = service.address;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = Vec::new();
        for person in people {
            let mut client = Client::connect(address).await?;
            client.ask(&person.create).await.context("beginning an account")?;
            clients.push((client, person.commits.clone()));
        }
        work_all(clients, pace, most, || service.cpu_s()).await
    })
}

/// Has one client for each of these lists of requests send them, at full pace until `most` has passed
/// or nothing is left to send, to whoever listens there.
///
/// # Errors
/// When anything is refused.
pub fn read(
    address: SocketAddr,
    lists: &[Vec<Vec<u8>>],
    most: Duration,
    cpu_s: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<Answered> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = Vec::new();
        for list in lists {
            clients.push((Client::connect(address).await?, list.clone()));
        }
        work_all(clients, Pace::Full, most, cpu_s).await
    })
}

async fn work_all(
    clients: Vec<(Client, Vec<Vec<u8>>)>,
    pace: Pace,
    most: Duration,
    cpu_s: impl Fn() -> anyhow::Result<f64>,
) -> anyhow::Result<Answered> {
    let (service_s, own_s) = (cpu_s()?, own_cpu_s()?);
    let begun = Instant::now();
    let count = clients.len();
    let mut tasks = JoinSet::new();
    for (nth, (client, requests)) in clients.into_iter().enumerate() {
        let schedule = match pace {
            Pace::Full => None,
            Pace::PerSecond(rate) => {
                let each = Duration::from_secs_f64(count as f64 / rate);
                Some((begun + each.mul_f64(nth as f64 / count as f64), each))
            }
        };
        tasks.spawn(client.work(requests, schedule, begun + most));
    }
    let mut waits_s = Vec::new();
    while let Some(done) = tasks.join_next().await {
        waits_s.extend(done??);
    }
    let took_s = begun.elapsed().as_secs_f64();
    waits_s.sort_by(f64::total_cmp);
    Ok(Answered {
        requests: waits_s.len(),
        took_s,
        waits_s,
        service_cores: (cpu_s()? - service_s) / took_s,
        own_cores: (own_cpu_s()? - own_s) / took_s,
    })
}

struct Client {
    connection: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        Ok(Self { connection, buffer: vec![0; 64 * 1024] })
    }

    /// Sends each when it is due. Returns the waits.
    async fn work(
        mut self,
        requests: Vec<Vec<u8>>,
        mut schedule: Option<(Instant, Duration)>,
        until: Instant,
    ) -> anyhow::Result<Vec<f64>> {
        let mut waits_s = Vec::with_capacity(requests.len());
        for request in &requests {
            let mut due = Instant::now();
            if let Some((next, each)) = &mut schedule {
                due = *next;
                *next += *each;
                sleep_until(due).await;
            }
            if due >= until {
                break;
            }
            self.ask(request).await?;
            waits_s.push(due.elapsed().as_secs_f64());
        }
        Ok(waits_s)
    }

    /// Sends a request and reads its answer, which must be a success.
    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.connection.write_all(request).await?;
        let mut have = 0;
        loop {
            let read = self.connection.read(&mut self.buffer[have..]).await?;
            ensure!(read > 0, "the service hung up, or answered at great length");
            have += read;
            let Some(whole) = answer_len(&self.buffer[..have]) else { continue };
            if have >= whole.min(self.buffer.len()) {
                let answer = &self.buffer[..have];
                ensure!(
                    answer.starts_with(b"HTTP/1.1 2"),
                    "the service refused: {}",
                    String::from_utf8_lossy(answer)
                );
                return self.drop_rest(whole - have).await;
            }
        }
    }

    /// Reads what is longer than the buffer, and looks at none of it.
    async fn drop_rest(&mut self, mut rest: usize) -> anyhow::Result<()> {
        while rest > 0 {
            let read = self.connection.read(&mut self.buffer).await?;
            ensure!(0 < read && read <= rest, "the service hung up in the middle of an answer");
            rest -= read;
        }
        Ok(())
    }
}

/// Length of the answer whose head is there.
fn answer_len(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + length.unwrap_or(0))
}

/// Connections that nothing comes of, held until this is dropped: one half says nothing, the other
/// half a byte of a head each second. One that the service ends is opened anew.
pub struct Idlers {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Idlers {
    /// Opens so many connections, and returns when all are open.
    ///
    /// # Errors
    /// When they cannot be.
    pub fn open(address: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, opened) = std::sync::mpsc::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                for nth in 0..count {
                    let connection = TcpStream::connect(address).await;
                    tasks.spawn(idle(connection.ok(), address, nth % 2 == 1));
                }
                let _ = told.send(());
                while !stopped.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(50)).await;
                }
            });
        });
        opened.recv().context("the connections were not opened")?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Idlers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn idle(mut connection: Option<TcpStream>, address: SocketAddr, talks: bool) {
    loop {
        if let Some(mut open) = connection.take() {
            let _ = match talks {
                true => drip(&mut open).await,
                false => open.read(&mut [0; 1024]).await.map(drop),
            };
        }
        sleep(Duration::from_millis(100)).await;
        connection = TcpStream::connect(address).await.ok();
    }
}

async fn drip(connection: &mut TcpStream) -> std::io::Result<()> {
    for byte in b"GET / HTTP/1.1\r\nX: ".iter().chain(std::iter::repeat_n(&b'x', 100_000)) {
        connection.write_all(&[*byte]).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
