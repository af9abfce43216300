//! One request's way in and out: admitted, routed, within its time and size, and told of in the log
//! and the metrics.

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderValue, Response, header},
    middleware::{self, Next},
};
use hallmark_core::problem::Code;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::{sync::Notify, time::Instant};
use tower::ServiceExt;

use super::{
    body::{Limited, Progress},
    config::{Limits, Settings},
    fields,
    framing::{Answering, Line},
    health, log,
    meter::{self, Answered, Limit, Meter},
    peer::{AddressKey, Proxies},
    refusal,
};
use crate::{
    http::rate_fields,
    limit::{Buckets, Origin, Rate},
};

/// Name of the policy in the `RateLimit` fields.
const ADDRESS_POLICY: &str = "address";
/// A route with this in its template takes a part of a blob as its body; all others take JSON.
const PART_SEGMENT: &str = "/parts/";

/// Everything that all connections share.
pub(super) struct Front {
    router: Router,
    pub(super) limits: Arc<Limits>,
    counts_loopback: bool,
    names_clients: bool,
    pub(super) proxies: Proxies,
    pub(super) meter: Arc<Meter>,
    buckets: Buckets<AddressKey>,
    stopping: Arc<AtomicBool>,
    busy: AtomicUsize,
    no_longer_busy: Notify,
}

/// Who asks, over which connection.
pub(super) struct Caller {
    pub(super) peer: IpAddr,
    pub(super) line: Arc<Line>,
    pub(super) answering: Answering,
}

impl Front {
    /// Stands in front of `router`, which has every route there is.
    pub(super) fn new(settings: &Settings, router: Router, asked: &health::Asked) -> Self {
        let limits = Arc::new(settings.limits.clone());
        let router = router
            .layer(DefaultBodyLimit::disable())
            .layer(middleware::from_fn_with_state(Arc::clone(&limits), at_route));
        let rate = Rate::new(limits.requests_per_s, limits.request_burst);
        Self {
            router,
            buckets: Buckets::new(rate, limits.max_tracked),
            limits,
            counts_loopback: settings.counts_loopback(),
            names_clients: !settings.has_nameless_clients(),
            proxies: Proxies::new(settings.trusted_proxies.clone(), settings.proxy_field),
            meter: Arc::clone(&asked.meter),
            stopping: Arc::clone(&asked.stopping),
            busy: AtomicUsize::new(0),
            no_longer_busy: Notify::new(),
        }
    }

    /// From now on, new requests are refused and connections end after their answer.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Marks a connection as busy until the mark is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(Arc::clone(self))
    }

    /// Waits until no connection is busy.
    pub(super) async fn quiet(&self) {
        loop {
            let mut told = pin!(self.no_longer_busy.notified());
            told.as_mut().enable();
            if self.busy.load(Ordering::SeqCst) == 0 {
                return;
            }
            told.await;
        }
    }

    /// Whether this address is counted against the limits per address. That of a trusted proxy always
    /// is: it stands for clients that it did not name.
    pub(super) fn is_counted(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.counts_loopback || !address.is_loopback() || self.proxies.is_trusted(address)
    }

    /// What the memory that a request holds is counted by. Where all clients have one address, there
    /// is nothing to count: any of them could use up what the others have.
    fn origin(&self, client: IpAddr) -> Option<Origin> {
        let named = self.names_clients && self.is_counted(client);
        named.then(|| AddressKey::of(client).origin())
    }

    /// Answers a request, whatever happens.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        caller: Caller,
    ) -> Response<Sent> {
        let start = Instant::now();
        let in_flight = InFlight::new(&self.meter);
        let method = meter::method_label(request.method());
        let client = self.proxies.client(caller.peer, request.headers());
        let rate = self
            .is_counted(client)
            .then(|| self.buckets.take(AddressKey::of(client), start.into_std()));
        let mut response = match rate {
            Some(Err(_)) => self.refuse(Limit::Requests, Code::RateLimited),
            _ if self.is_stopping() && !health::is_own(request.uri().path()) => {
                self.refuse(Limit::Stopping, Code::Stopping)
            }
            _ => self.routed(request.map(Body::new), client, &caller).await,
        };
        match rate {
            Some(Ok(left)) => rate_fields::announce(response.headers_mut(), ADDRESS_POLICY, &left),
            Some(Err(full)) => {
                rate_fields::announce_refusal(response.headers_mut(), ADDRESS_POLICY, &full);
            }
            None => {}
        }
        fields::add_to(&mut response);
        if self.is_stopping() || caller.line.is_last() || !caller.line.is_received() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        let answered = Answered {
            method,
            route: response
                .extensions_mut()
                .remove::<MatchedPath>()
                .map_or_else(|| meter::NO_ROUTE.to_owned(), |path| path.as_str().to_owned()),
            status: response.status().as_u16(),
            code: response.extensions().get::<Code>().copied(),
            duration: start.elapsed(),
        };
        log::answered(&answered);
        self.meter.answered(&answered);
        response.map(|body| Sent { body, _in_flight: in_flight, _answering: caller.answering })
    }

    fn refuse(&self, limit: Limit, code: Code) -> Response<Body> {
        self.meter.rejected(limit);
        refusal::response(code, refusal::detail(code))
    }

    /// The router's answer, or that of the limit it ran into.
    async fn routed(
        &self,
        mut request: Request,
        client: IpAddr,
        caller: &Caller,
    ) -> Response<Body> {
        let progress = Progress::new();
        request.extensions_mut().insert(progress.clone());
        request.extensions_mut().insert(health::Client { peer: caller.peer, client });
        if let Some(origin) = self.origin(client) {
            request.extensions_mut().insert(origin);
        }
        let work = pin!(CatchPanic(self.router.clone().oneshot(request)));
        let answered = self.in_time(work, &progress).await;
        let response = match answered {
            Some(Ok(Ok(response))) => response,
            Some(Err(Panicked)) => {
                return refusal::response(Code::Internal, refusal::detail(Code::Internal));
            }
            None if caller.line.is_received() => {
                return self.refuse(Limit::Answer, Code::Overloaded);
            }
            None => return self.refuse(Limit::Body, Code::Timeout),
        };
        // A handler may make anything of a body that broke off; the limit has the last word.
        match progress.error().and_then(|error| error.code()) {
            Some(code) => {
                let mut refused = self.refuse(Limit::Body, code);
                if let Some(path) = response.extensions().get::<MatchedPath>() {
                    refused.extensions_mut().insert(path.clone());
                }
                refused
            }
            None => response,
        }
    }

    /// What `work` yields, unless it takes longer than it may after the last byte of the request.
    async fn in_time<F: Future>(
        &self,
        mut work: Pin<&mut F>,
        progress: &Progress,
    ) -> Option<F::Output> {
        let most = Duration::from_millis(self.limits.answer_timeout_ms);
        loop {
            let end = progress.last() + most;
            if let Ok(output) = tokio::time::timeout_at(end, work.as_mut()).await {
                return Some(output);
            }
            if progress.last() + most <= Instant::now() {
                return None;
            }
        }
    }
}

/// Where the route is known: bounds the body by it, and notes its template in the answer.
async fn at_route(
    State(limits): State<Arc<Limits>>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let is_part = path.as_ref().is_some_and(|path| path.as_str().contains(PART_SEGMENT));
    let most = if is_part { limits.max_part_bytes } else { limits.max_json_bytes };
    let mut response = if request.body().size_hint().lower() > most {
        refusal::response(Code::TooLarge, refusal::detail(Code::TooLarge))
    } else {
        let progress = request.extensions().get::<Progress>().cloned();
        let progress = progress.unwrap_or_else(Progress::new);
        let bounded = |body| Body::new(Limited::new(body, most, limits, progress));
        next.run(request.map(bounded)).await
    };
    if let Some(path) = path {
        response.extensions_mut().insert(path);
    }
    response
}

/// A connection is busy.
pub(super) struct Busy(Arc<Front>);

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.no_longer_busy.notify_waiters();
        }
    }
}

struct InFlight(metrics::Gauge);

impl InFlight {
    fn new(meter: &Meter) -> Self {
        meter.in_flight.increment(1.0);
        Self(meter.in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// An answer's body, which holds the marks of the request until it is handed over or dropped.
pub(super) struct Sent {
    body: Body,
    _in_flight: InFlight,
    _answering: Answering,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A future whose panic is its outcome.
struct CatchPanic<F>(F);

#[derive(Debug)]
struct Panicked;

impl<F: Future + Unpin> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic it is not polled again, so nobody sees what it left half done.
        let polled = AssertUnwindSafe(|| Pin::new(&mut self.0).poll(cx));
        match std::panic::catch_unwind(polled) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}
