//! One connection's life: its time limits, and its last word.

use std::{
    future::poll_fn,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use hallmark_core::problem::Code;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    config::Limits,
    framing::{Doing, Framed, Line},
    front::{Busy, Caller, Front},
    meter::Limit,
    refusal,
};
use crate::limit::UntilSent;

/// The most that hyper buffers of a connection, each way.
const BUFFER_BYTES: usize = 128 << 10;
/// After so long without a request, what a conversation needs is let go until the next.
const REST: Duration = Duration::from_secs(1);
/// How long and how much is read from a peer that still sends what nobody wants: without that, the
/// last word is lost when the connection is reset.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 16 << 20;

/// Speaks HTTP/1.1 over `stream` until it ends, a limit ends it, or this is dropped.
pub(super) async fn serve<S>(stream: S, peer: IpAddr, front: Arc<Front>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = Arc::clone(&front.limits);
    let mut framed = Framed::new(stream, limits.max_header_bytes, limits.max_headers);
    let line = Arc::clone(framed.line());
    let mut clock = Clock::new(&line, Arc::clone(&limits));
    let mut busy = None;
    let end = loop {
        // Nothing is kept for a connection that has not sent a whole head.
        let waited = poll_fn(|cx| match framed.poll_head(cx) {
            Poll::Ready(_) => Poll::Ready(End::Over),
            Poll::Pending => clock.poll_end(cx, &line).map(End::Limit),
        })
        .await;
        if !matches!((waited, line.doing()), (End::Over, Doing::Whole)) {
            break waited;
        }
        let end;
        (framed, end, busy) = Box::pin(converse(framed, &mut clock, peer, &front)).await;
        if end != End::Rest {
            break end;
        }
    };
    front.meter.traffic(line.take_traffic());
    let word = match end {
        End::Limit(limit) => {
            front.meter.rejected(limit);
            (limit == Limit::Header).then_some(Code::Timeout)
        }
        End::Over | End::Rest => line.fault().inspect(|_| front.meter.rejected(Limit::Header)),
    };
    if end == End::Limit(Limit::Send) {
        return;
    }
    let word = word.map(|code| refusal::bytes(code, refusal::detail(code)));
    // Whoever went away does not read it.
    let _ = Box::pin(last_word(framed.into_stream(), word.as_deref(), line.is_unread())).await;
    drop(busy);
}

/// How a conversation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// No more can follow.
    Over,
    /// A limit was reached.
    Limit(Limit),
    /// There was no request for a while; one may follow.
    Rest,
}

/// Requests and answers, until no more can follow or none does. Returns what it spoke over, and the
/// mark of an answer that may still be on its way.
async fn converse<S>(
    framed: Framed<S>,
    clock: &mut Clock,
    peer: IpAddr,
    front: &Arc<Front>,
) -> (Framed<S>, End, Option<Busy>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::clone(framed.line());
    // Taken as a request begins and given back when its answer has left, so that no moment between
    // the two looks like rest to who waits for it.
    let busy: Mutex<Option<Busy>> = Mutex::new(None);
    // What an answer holds in memory is held until it has left, which is after its body was handed
    // over.
    let held: Mutex<Option<UntilSent>> = Mutex::new(None);
    let service = service_fn(|request| {
        slot(&busy).get_or_insert_with(|| front.busy());
        let held = &held;
        let answering = line.answering();
        let caller = Caller { peer, line: Arc::clone(&line), answering };
        let answer = Arc::clone(front).answer(request, caller);
        Box::pin(async move {
            let mut answer = answer.await;
            *slot(held) = answer.extensions_mut().remove();
            Ok::<_, std::convert::Infallible>(answer)
        })
    });
    let mut conversation = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES.max(front.limits.max_header_bytes + 1))
        .max_headers(front.limits.max_headers)
        .serve_connection(TokioIo::new(framed), service);
    let mut rest = std::pin::pin!(sleep(REST));
    let end = poll_fn(|cx| {
        loop {
            if Pin::new(&mut conversation).poll(cx).is_ready() {
                return Poll::Ready(End::Over);
            }
            front.meter.traffic(line.take_traffic());
            if !line.is_busy() {
                *slot(&busy) = None;
                *slot(&held) = None;
            }
            if line.has_to_wake() {
                continue;
            }
            if let (Doing::Idle(since), None) = (line.doing(), line.stalled()) {
                if rest.deadline() != since + REST {
                    rest.as_mut().reset(since + REST);
                }
                if rest.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(End::Rest);
                }
            }
            return clock.poll_end(cx, &line).map(End::Limit);
        }
    })
    .await;
    let parts = conversation.into_parts();
    // Hyper is given no byte of a request before the one it answers is over; if it has some all the
    // same, nothing can follow.
    let end = if end == End::Rest && !parts.read_buf.is_empty() { End::Over } else { end };
    let busy = slot(&busy).take();
    (parts.io.into_inner(), end, busy)
}

fn slot<T>(slot: &Mutex<Option<T>>) -> MutexGuard<'_, Option<T>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one timer of a connection, set to whatever it is doing.
struct Clock {
    limits: Arc<Limits>,
    timer: Pin<Box<Sleep>>,
}

impl Clock {
    fn new(line: &Line, limits: Arc<Limits>) -> Self {
        let end = clock_end(&limits, line).map_or_else(Instant::now, |(end, _)| end);
        Self { limits, timer: Box::pin(sleep_until(end)) }
    }

    /// Ready with the limit when it is reached.
    fn poll_end(&mut self, cx: &mut Context<'_>, line: &Line) -> Poll<Limit> {
        let Some((end, limit)) = clock_end(&self.limits, line) else { return Poll::Pending };
        if self.timer.deadline() != end {
            self.timer.as_mut().reset(end);
        }
        self.timer.as_mut().poll(cx).map(|()| limit)
    }
}

/// When what the connection is doing has to be over, and the limit that says so.
fn clock_end(limits: &Limits, line: &Line) -> Option<(Instant, Limit)> {
    let after = |since: Instant, ms| since + Duration::from_millis(ms);
    if let Some(since) = line.stalled() {
        let still = after(since, limits.send_timeout_ms);
        let slow = line.stalled_at().map(|(since, taken)| since + limits.send_time(taken));
        return Some((slow.map_or(still, |slow| slow.min(still)), Limit::Send));
    }
    match line.doing() {
        Doing::Idle(since) => Some((after(since, limits.idle_timeout_ms), Limit::Idle)),
        Doing::Head(since) => Some((after(since, limits.header_timeout_ms), Limit::Header)),
        // The body and the answer have timers of their own.
        Doing::Whole | Doing::Request => None,
    }
}

/// Sends the last word, if there is one, and closes; reads on for a moment where the peer may still
/// be sending.
pub(super) async fn last_word<S>(
    mut stream: S,
    word: Option<&[u8]>,
    is_unread: bool,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let linger = is_unread || word.is_some();
    let farewell = async {
        if let Some(word) = word {
            stream.write_all(word).await?;
        }
        stream.shutdown().await?;
        if linger {
            let mut left = stream.take(LINGER_BYTES);
            tokio::io::copy(&mut left, &mut tokio::io::sink()).await?;
        }
        Ok(())
    };
    tokio::time::timeout(LINGER, farewell).await.unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A byte now and then does not keep an answer alive.
    #[tokio::test]
    async fn each_byte_taken_of_an_answer_buys_no_more_than_its_time() {
        let limits = Limits { send_min_bytes_per_s: u64::MAX, ..Limits::default() };
        let (near, mut far) = tokio::io::duplex(1000);
        let mut framed = Framed::new(near, 1024, 16);
        let line = Arc::clone(framed.line());
        let mut cx = Context::from_waker(Waker::noop());
        let mut send = |bytes: usize| {
            let mut taken = 0;
            while let Poll::Ready(Ok(n)) = Pin::new(&mut framed).poll_write(&mut cx, &[7; 100]) {
                taken += n;
            }
            assert_eq!(taken, bytes);
        };
        let end = |limits| clock_end(limits, &line).map(|(end, _)| end).expect("it is stalled");
        let answering = line.answering();
        send(1000);
        let first = end(&limits);
        far.read_exact(&mut [0; 10]).await.expect("something is there");
        send(10);
        assert_eq!(end(&limits), first, "it buys nothing");
        let slow = Limits { send_min_bytes_per_s: 1, ..limits.clone() };
        assert!(end(&slow) > first, "nor does it have to take all at once");
        drop(answering);
        let _next = line.answering();
        far.read_exact(&mut [0; 10]).await.expect("something is there");
        send(10);
        assert!(end(&limits) > first, "the next answer has its own time");
    }
}
