//! The proxy: one thread for each connection, every exchange kept.

use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::{Act, Answer, Request, Rule, matches};

/// A request, what the service said to it, and how much of an answer the client took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What the client asked.
    pub request: Request,
    /// What the service answered, where it was asked.
    pub service: Option<Answer>,
    /// What the client was answered, where that was an answer.
    pub client: Option<Answer>,
    /// Bytes that were sent to the client, as far as is known: it may not have read all of them.
    pub sent_bytes: u64,
}

/// A proxy on loopback. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listens: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    service: Mutex<Option<SocketAddr>>,
    rules: Mutex<Vec<Rule>>,
    exchanges: Mutex<Vec<Exchange>>,
    connections: Mutex<Vec<TcpStream>>,
    is_over: AtomicBool,
}

impl Proxy {
    /// Stands before a service. Without a rule, everything is passed on.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn before(service: SocketAddr) -> io::Result<Self> {
        let proxy = Self::first()?;
        proxy.turn_to(service);
        Ok(proxy)
    }

    /// Is there before the service, so that the service can be told its name: a service that checks
    /// the authority of requests has to know the proxy's. [`Proxy::turn_to`] comes next.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn first() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            service: Mutex::default(),
            rules: Mutex::default(),
            exchanges: Mutex::default(),
            connections: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let accepts = shared.clone();
        let listens = thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                if accepts.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepts.clone();
                thread::spawn(move || {
                    // A connection that breaks off is over; what was exchanged is kept.
                    let _ = shared.serve(connection);
                });
            }
        });
        Ok(Self { address, shared, listens: Some(listens) })
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a rule. Of those that fit a request, the first counts.
    pub fn rule(&self, rule: Rule) {
        lock(&self.shared.rules).push(rule);
    }

    /// Forgets all rules.
    pub fn honest(&self) {
        lock(&self.shared.rules).clear();
    }

    /// From now on, asks another service: one that was restored from an older copy, or that tells
    /// another history.
    pub fn turn_to(&self, service: SocketAddr) {
        *lock(&self.shared.service) = Some(service);
    }

    /// Everything so far, in the order in which the requests came.
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.exchanges).clone()
    }

    /// The last answer of the service to such a request, to be replayed.
    pub fn last_answer(&self, method: &str, template: &str) -> Option<Answer> {
        let exchanges = lock(&self.shared.exchanges);
        let mut last = exchanges.iter().rev();
        last.find_map(|one| one.service.clone().filter(|_| matches(&one.request, method, template)))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for connection in lock(&self.shared.connections).drain(..) {
            // It may have ended by itself.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that listens.
        drop(TcpStream::connect(self.address));
        if let Some(listens) = self.listens.take() {
            let _ = listens.join();
        }
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) -> io::Result<()> {
        lock(&self.connections).push(connection.try_clone()?);
        let mut to_client = connection.try_clone()?;
        let mut from_client = BufReader::new(connection);
        while let Some(request) = Request::read(&mut from_client, &mut to_client)? {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            let act = lock(&self.rules).iter_mut().find_map(|rule| rule.takes(&request));
            let mut reply = Reply { to: &mut to_client, sent_bytes: 0 };
            let at = self.begin(request);
            let next = self.act(act.unwrap_or(Act::Pass), at, &mut reply);
            let sent_bytes = reply.sent_bytes;
            self.keep(at, |exchange| exchange.sent_bytes = sent_bytes);
            match next {
                Ok(Next::Request) => continue,
                // Until the client has enough, or the proxy ends.
                Ok(Next::Withhold) => drop(from_client.read(&mut [0])),
                Ok(Next::HangUp) | Err(_) => {}
            }
            break;
        }
        to_client.shutdown(Shutdown::Both)
    }

    fn begin(&self, request: Request) -> usize {
        let mut exchanges = lock(&self.exchanges);
        exchanges.push(Exchange { request, service: None, client: None, sent_bytes: 0 });
        exchanges.len() - 1
    }

    /// Whoever has an answer finds it kept: this comes before sending.
    fn keep(&self, at: usize, what: impl FnOnce(&mut Exchange)) {
        what(&mut lock(&self.exchanges)[at]);
    }

    fn act(&self, act: Act, at: usize, reply: &mut Reply<'_>) -> io::Result<Next> {
        let service = *lock(&self.service);
        let request = lock(&self.exchanges)[at].request.clone();
        let asks = match &act {
            Act::Pass | Act::Change(_) | Act::HangUp { .. } | Act::Slow { .. } => true,
            Act::Withhold { asks } => *asks,
            Act::Answer(_) | Act::Bytes(_) | Act::Flood { .. } => false,
        };
        let said = match (asks, service) {
            (true, Some(service)) => Some(request.send(service)?),
            (true, None) => return Err(io::ErrorKind::NotConnected.into()),
            (false, _) => None,
        };
        self.keep(at, |exchange| exchange.service.clone_from(&said));
        let method = &request.method;
        let answer = match (act, said) {
            (Act::Change(change), Some(answer)) => change(&request, answer),
            (Act::Answer(answer), _) | (Act::Pass, Some(answer)) => answer,
            (Act::HangUp { after_bytes }, Some(answer)) => {
                let bytes = answer.bytes(method);
                reply.send(&bytes[..after_bytes.min(bytes.len())])?;
                return Ok(Next::HangUp);
            }
            (Act::Slow { piece_bytes, pause }, Some(answer)) => {
                let bytes = answer.bytes(method);
                self.keep(at, |exchange| exchange.client = Some(answer));
                for piece in bytes.chunks(piece_bytes.max(1)) {
                    reply.send(piece)?;
                    thread::sleep(pause);
                }
                return Ok(Next::Request);
            }
            (Act::Bytes(bytes), _) => {
                reply.send(&bytes)?;
                return Ok(Next::HangUp);
            }
            (Act::Flood { begin, bytes, says_length }, _) => {
                reply.flood(&begin, bytes, says_length)?;
                return Ok(Next::Request);
            }
            _ => return Ok(Next::Withhold),
        };
        let bytes = answer.bytes(method);
        self.keep(at, |exchange| exchange.client = Some(answer));
        reply.send(&bytes)?;
        Ok(Next::Request)
    }
}

enum Next {
    Request,
    Withhold,
    HangUp,
}

/// What goes to the client, counted.
struct Reply<'a> {
    to: &'a mut TcpStream,
    sent_bytes: u64,
}

impl Reply<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.sent_bytes += bytes.len() as u64;
        Ok(())
    }

    fn flood(&mut self, begin: &[u8], bytes: u64, says_length: bool) -> io::Result<()> {
        let empty = Answer::json(200, &serde_json::Value::Null);
        self.send(&empty.head(says_length.then_some(bytes)))?;
        let blanks = vec![b' '; 1 << 16];
        let mut left = bytes;
        while left > 0 {
            let source = if left == bytes && !begin.is_empty() { begin } else { &blanks[..] };
            let piece = &source[..source.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
            if !says_length {
                self.send(format!("{:x}\r\n", piece.len()).as_bytes())?;
            }
            self.send(piece)?;
            if !says_length {
                self.send(b"\r\n")?;
            }
            left -= piece.len() as u64;
        }
        if says_length { Ok(()) } else { self.send(b"0\r\n\r\n") }
    }
}

/// A thread that panicked with one of these has done its part to it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
