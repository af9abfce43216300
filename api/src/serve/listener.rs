//! Accepting connections, as many as there may be.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hallmark_core::problem::Code;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};

use super::{connection, front::Front, meter::Limit, peer::AddressKey, refusal, tls::Certificates};

/// How long accepting rests after it failed, as it does without free file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How many of those turned away are told so at the same time; the others are just closed.
const MOST_TOLD: usize = 64;

/// Accepts connections until dropped, which ends them all.
pub(super) struct Listener {
    socket: TcpListener,
    front: Arc<Front>,
    certificates: Option<Arc<Certificates>>,
    places: Arc<Semaphore>,
    told: Arc<Semaphore>,
    per_address: Arc<Mutex<HashMap<AddressKey, usize>>>,
    connections: JoinSet<()>,
}

impl Listener {
    pub(super) fn new(
        socket: TcpListener,
        front: Arc<Front>,
        certificates: Option<Arc<Certificates>>,
    ) -> Self {
        let most = front.limits.max_connections.min(Semaphore::MAX_PERMITS);
        Self {
            socket,
            front,
            certificates,
            places: Arc::new(Semaphore::new(most)),
            told: Arc::new(Semaphore::new(MOST_TOLD)),
            per_address: Arc::default(),
            connections: JoinSet::new(),
        }
    }

    /// Accepts connections until `stop` is done, then closes the socket. Dropping what is returned
    /// ends the connections.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) -> JoinSet<()> {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return self.connections,
                Some(_) = self.connections.join_next() => {}
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => self.take(stream, peer),
                    Err(error) => {
                        tracing::warn!(kind = ?error.kind(), "cannot accept a connection");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
            }
        }
    }

    fn take(&mut self, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let meter = &self.front.meter;
        let place = match self.place(address) {
            Ok(place) => place,
            Err((limit, code)) => {
                meter.rejected(limit);
                return self.turn_away(stream, code);
            }
        };
        meter.accepted.increment(1);
        let (front, certificates) = (Arc::clone(&self.front), self.certificates.clone());
        self.connections.spawn(async move {
            let _place = place;
            // Answers are written whole; waiting for more only delays them.
            let _ = stream.set_nodelay(true);
            let Some(certificates) = certificates else {
                return connection::serve(stream, address, front).await;
            };
            let most = Duration::from_millis(front.limits.tls_handshake_timeout_ms);
            // Apart, so that a connection without TLS has no room for one with it.
            let handshake = Box::pin(certificates.acceptor().accept(stream));
            match tokio::time::timeout(most, handshake).await {
                Ok(Ok(stream)) => Box::pin(connection::serve(stream, address, front)).await,
                _ => front.meter.rejected(Limit::Handshake),
            }
        });
    }

    /// A place for a connection from there.
    fn place(&self, address: IpAddr) -> Result<Place, (Limit, Code)> {
        let permit = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| (Limit::Connections, Code::Overloaded))?;
        // Behind a proxy, its address stands for everybody.
        let counted = self.front.is_counted(address) && !self.front.proxies.is_trusted(address);
        let key = counted.then(|| AddressKey::of(address));
        if let Some(key) = key {
            let mut all = self.per_address.lock().unwrap_or_else(PoisonError::into_inner);
            let open = all.entry(key).or_default();
            if *open >= self.front.limits.max_connections_per_address {
                return Err((Limit::ConnectionsPerAddress, Code::RateLimited));
            }
            *open += 1;
        }
        let connections = self.front.meter.connections.clone();
        connections.increment(1.0);
        let per_address = Arc::clone(&self.per_address);
        Ok(Place { key, per_address, connections, _permit: permit })
    }

    /// Says why and closes, where few enough are being told already. Under TLS there is no saying
    /// without a handshake, which is the work to be spared.
    fn turn_away(&mut self, stream: TcpStream, code: Code) {
        let told = Arc::clone(&self.told).try_acquire_owned();
        if let (Ok(told), None) = (told, &self.certificates) {
            self.connections.spawn(async move {
                let _told = told;
                let word = refusal::bytes(code, refusal::detail(code));
                let _ = connection::last_word(stream, Some(&word), true).await;
            });
        }
    }
}

/// One connection's place among those there may be.
struct Place {
    key: Option<AddressKey>,
    per_address: Arc<Mutex<HashMap<AddressKey, usize>>>,
    connections: metrics::Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.decrement(1.0);
        let Some(key) = self.key else { return };
        let mut all = self.per_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = all.get_mut(&key) {
            *open -= 1;
            if *open == 0 {
                all.remove(&key);
            }
        }
    }
}
