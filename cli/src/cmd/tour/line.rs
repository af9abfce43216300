//! The line between people and the service, which can be told to lie: what it answers is changed
//! on its way, as a service could itself.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

/// The most bytes of one message.
const MAX_BYTES: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

/// What the line makes of answers about items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// An item's ciphertext is another one.
    SpoiledItem,
    /// An item is left out.
    MissingItem,
    /// The first answer with items in it, or the first checkpoint, that ever passed, again.
    OldAnswer,
    /// No answer at all.
    Cut,
}

/// A line that runs until it is dropped.
pub(super) struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    lie: Mutex<Option<Lie>>,
    first: Mutex<Option<Vec<u8>>>,
    ended: AtomicBool,
}

impl Line {
    /// A line on a free port, that leads nowhere yet.
    pub(super) fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.ended.load(Ordering::SeqCst) {
                    break;
                }
                // Whoever hung up asks again.
                let _ = stream.and_then(|stream| carry(stream, &theirs));
            }
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Leads to that service from now on.
    pub(super) fn lead_to(&self, upstream: SocketAddr) {
        *guard(&self.shared.upstream) = Some(upstream);
    }

    /// Lies while `act` runs.
    pub(super) fn lying<T>(&self, lie: Lie, act: impl FnOnce() -> T) -> T {
        *guard(&self.shared.lie) = Some(lie);
        let outcome = act();
        *guard(&self.shared.lie) = None;
        outcome
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the thread; where that fails it ends with the process.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one request and its answer, then hangs up.
fn carry(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let (head, body) = message(&mut client)?;
    let cut = *guard(&shared.lie) == Some(Lie::Cut);
    let Some(upstream) = guard(&shared.upstream).filter(|_| !cut) else { return Ok(()) };
    let mut service = TcpStream::connect(upstream)?;
    service.set_read_timeout(Some(PATIENCE))?;
    let asks = |what| head.lines().next().is_some_and(|line| line.contains(what));
    let (is_sync, is_checkpoint) = (asks("/sync?"), asks(" /log/checkpoint "));
    let others = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let head = others.collect::<Vec<_>>().join("\r\n");
    service.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())?;
    service.write_all(&body)?;
    let mut answer = Vec::new();
    service.take(MAX_BYTES as u64).read_to_end(&mut answer)?;
    if is_sync {
        answer = told(answer, shared);
    } else if is_checkpoint {
        let mut first = guard(&shared.first);
        if first.is_none() && answer.starts_with(b"HTTP/1.1 200") {
            *first = Some(answer.clone());
        }
        if let (Some(Lie::OldAnswer), Some(first)) = (*guard(&shared.lie), &*first) {
            answer.clone_from(first);
        }
    }
    client.write_all(&answer)
}

/// What is answered: the truth, or what the line was told to make of it.
fn told(answer: Vec<u8>, shared: &Shared) -> Vec<u8> {
    let mut first = guard(&shared.first);
    let lie = *guard(&shared.lie);
    // One that says that nothing is new is true of every past.
    let says_something = String::from_utf8_lossy(&answer).contains(r#""records":[{"#);
    if first.is_none() && says_something {
        *first = Some(answer.clone());
    }
    match (lie, &*first) {
        (Some(Lie::OldAnswer), Some(first)) => first.clone(),
        (Some(lie), _) => changed(&answer, lie).unwrap_or(answer),
        (None, _) => answer,
    }
}

fn changed(answer: &[u8], lie: Lie) -> Option<Vec<u8>> {
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let mut json: Value = serde_json::from_slice(&answer[at..]).ok()?;
    let records = json.get_mut("records")?.as_array_mut()?;
    match lie {
        Lie::MissingItem => drop(records.pop()?),
        _ => {
            let envelope = records.first_mut()?.get_mut("envelope")?;
            let text = envelope.as_str()?.to_owned();
            // Another letter well behind the header.
            let (before, rest) = text.split_at(200);
            let other = if rest.starts_with('A') { 'B' } else { 'A' };
            *envelope = format!("{before}{other}{}", &rest[1..]).into();
        }
    }
    let body = serde_json::to_vec(&json).ok()?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    Some([head.into_bytes(), body].concat())
}

/// Head without its empty line, and body, of a request.
fn message(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut buffer)? {
            0 => return Err(cut()),
            read => bytes.extend(&buffer[..read]),
        }
        if bytes.len() > MAX_BYTES {
            return Err(cut());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length: usize = head
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length.min(MAX_BYTES) {
        match stream.read(&mut buffer)? {
            0 => return Err(cut()),
            read => body.extend(&buffer[..read]),
        }
    }
    Ok((head, body))
}
