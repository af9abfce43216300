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
    time::{Instant, Sleep, sleep_until},
};

use super::{
    config::Limits,
    framing::{Doing, Framed, Line},
    front::{Busy, Caller, Front},
    meter::Limit,
    refusal,
};

/// The most that hyper buffers of a connection, each way.
const BUFFER_BYTES: usize = 128 << 10;
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
    // Nothing is made for a connection that has not sent a whole head.
    let waited = poll_fn(|cx| match framed.poll_head(cx) {
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => clock.poll_end(cx, &line).map(Some),
    })
    .await;
    let begins = waited.is_none() && matches!(line.doing(), Doing::Whole);
    let (stream, ended, _busy) = match begins {
        true => converse(framed, clock, peer, Arc::clone(&front)).await,
        false => (framed.into_stream(), waited, None),
    };
    if let Some(limit) = ended {
        front.meter.rejected(limit);
    }
    let fault = line.fault().or((ended == Some(Limit::Header)).then_some(Code::Timeout));
    if fault.is_some() && ended.is_none() {
        front.meter.rejected(Limit::Header);
    }
    front.meter.traffic(line.take_traffic());
    if ended == Some(Limit::Send) {
        return;
    }
    let word = fault.map(|code| refusal::bytes(code, refusal::detail(code)));
    // Whoever went away does not read it.
    let _ = last_word(stream, word.as_deref(), line.is_unread()).await;
}

/// Requests and answers, until no more can follow. Returns the stream, the limit that ended it, and
/// the mark of an answer that may still be on its way.
async fn converse<S>(
    framed: Framed<S>,
    mut clock: Clock,
    peer: IpAddr,
    front: Arc<Front>,
) -> (S, Option<Limit>, Option<Busy>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let line = Arc::clone(framed.line());
    // Taken as a request begins and given back when its answer has left, so that no moment between
    // the two looks like rest to who waits for it.
    let busy: Mutex<Option<Busy>> = Mutex::new(None);
    let service = service_fn(|request| {
        slot(&busy).get_or_insert_with(|| front.busy());
        let answering = line.answering();
        let caller = Caller { peer, line: Arc::clone(&line), answering };
        let answer = Arc::clone(&front).answer(request, caller);
        Box::pin(async move { Ok::<_, std::convert::Infallible>(answer.await) })
    });
    let mut conversation = Box::new(
        http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(BUFFER_BYTES.max(front.limits.max_header_bytes + 1))
            .max_headers(front.limits.max_headers)
            .serve_connection(TokioIo::new(framed), service),
    );
    let ended = poll_fn(|cx| {
        loop {
            if Pin::new(&mut *conversation).poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            front.meter.traffic(line.take_traffic());
            if !line.is_busy() {
                *slot(&busy) = None;
            }
            if !line.has_to_wake() {
                return clock.poll_end(cx, &line).map(Some);
            }
        }
    })
    .await;
    let stream = conversation.into_parts().io.into_inner().into_stream();
    (stream, ended, busy.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn slot(busy: &Mutex<Option<Busy>>) -> MutexGuard<'_, Option<Busy>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
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
        return Some((after(since, limits.send_timeout_ms), Limit::Send));
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
