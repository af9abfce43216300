//! A relay that counts what passes.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

/// What passed since it was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// How often the client spoke after the service, or first.
    pub round_trips: u64,
    /// Bytes both ways.
    pub bytes: u64,
}

/// A relay to one service, as long as the process lives.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    round_trips: AtomicU64,
    bytes: AtomicU64,
}

impl Relay {
    /// Takes a port; connections wait until [`Relay::to`].
    ///
    /// # Errors
    /// The system's.
    pub fn reserve() -> io::Result<(Self, TcpListener)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        Ok((Self { address: listener.local_addr()?, counts: Arc::default() }, listener))
    }

    /// Relays what comes to `listener` to `service` from now on.
    pub fn to(&self, service: SocketAddr, listener: TcpListener) {
        let counts = Arc::clone(&self.counts);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A connection that breaks is for the client to notice.
                let _ = relay(client, service, &counts);
            }
        });
    }

    /// What passed since this was called last.
    pub fn take(&self) -> Passed {
        let take = |count: &AtomicU64| count.swap(0, Ordering::SeqCst);
        Passed { round_trips: take(&self.counts.round_trips), bytes: take(&self.counts.bytes) }
    }
}

fn relay(client: TcpStream, service: SocketAddr, counts: &Arc<Counts>) -> io::Result<()> {
    let service = TcpStream::connect(service)?;
    // Whether the next bytes of the client begin a round trip.
    let begins = Arc::new(AtomicBool::new(true));
    for (from, to, is_client) in [
        (client.try_clone()?, service.try_clone()?, true),
        (service.try_clone()?, client.try_clone()?, false),
    ] {
        let (counts, begins) = (Arc::clone(counts), Arc::clone(&begins));
        thread::spawn(move || pass(from, to, is_client, &counts, &begins));
    }
    Ok(())
}

fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    is_client: bool,
    counts: &Counts,
    begins: &AtomicBool,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read) = from.read(&mut buffer) {
        counts.bytes.fetch_add(read as u64, Ordering::SeqCst);
        if read == 0 {
            break;
        }
        if begins.swap(!is_client, Ordering::SeqCst) && is_client {
            counts.round_trips.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
