//! Between a connection and hyper: hands over one whole head at a time, and of its body no byte more
//! than it says.
//!
//! So the connection knows at any moment whether it waits for a request, for the rest of a head or
//! for an answer, which is what its time limits depend on; and a connection that has sent no whole
//! head yet costs no more than the bytes it has sent.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use hallmark_core::problem::Code;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::head::{self, Framing};

/// Bytes read at once while a head is awaited.
const STEP: usize = 4096;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Waiting for the first byte of a request, since then.
    Idle(Instant),
    /// Receiving a head, since then.
    Head(Instant),
    /// A whole head is there, and no answer is under way.
    Whole,
    /// Receiving a body, working or answering.
    Request,
}

/// What the connection, the answer under way and the I/O know of each other.
#[derive(Debug)]
pub(super) struct Line(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Whether an answer is under way: from the head on until its body is handed over.
    answering: bool,
    since: Instant,
    /// Bytes of heads to come, none of which hyper has seen.
    ahead: Vec<u8>,
    /// How many of them were searched for a head.
    searched: usize,
    /// Whether hyper was kept waiting although there is something for it.
    held: bool,
    /// The rest of the head that hyper is being given.
    giving: Option<Giving>,
    /// What follows of the request that hyper has.
    rest: Framing,
    ended: bool,
    fault: Option<Code>,
    /// Since when the peer has taken nothing of what it is being sent.
    stalled: Option<Instant>,
    /// Since when the answer is being sent, and how much of it the peer has taken.
    sending: Option<(Instant, u64)>,
    received: u64,
    sent: u64,
}

#[derive(Debug, Clone, Copy)]
struct Giving {
    left: usize,
    then: Framing,
}

impl Line {
    fn new() -> Self {
        Self(Mutex::new(State {
            answering: false,
            since: Instant::now(),
            ahead: Vec::new(),
            searched: 0,
            held: false,
            giving: None,
            rest: Framing::Length(0),
            ended: false,
            fault: None,
            stalled: None,
            sending: None,
            received: 0,
            sent: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the connection is doing.
    pub(super) fn doing(&self) -> Doing {
        let state = self.state();
        match (state.answering, state.giving, state.ahead.is_empty()) {
            (true, ..) => Doing::Request,
            (false, Some(_), _) => Doing::Whole,
            (false, None, true) => Doing::Idle(state.since),
            (false, None, false) => Doing::Head(state.since),
        }
    }

    /// Since when the peer has taken nothing of what it is being sent.
    pub(super) fn stalled(&self) -> Option<Instant> {
        self.state().stalled
    }

    /// Since when the answer is being sent and how many bytes of it were taken, while the peer takes
    /// nothing.
    pub(super) fn stalled_at(&self) -> Option<(Instant, u64)> {
        let state = self.state();
        state.stalled.and(state.sending)
    }

    /// Whether the whole request under way has come in.
    pub(super) fn is_received(&self) -> bool {
        self.state().rest == Framing::Length(0)
    }

    /// Whether an answer is under way or not taken yet.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state();
        state.answering || state.stalled.is_some()
    }

    /// Whether nothing can follow the request under way: where it ends is not known here.
    pub(super) fn is_last(&self) -> bool {
        self.state().rest == Framing::Chunked
    }

    /// Whether hyper was kept waiting and has to be woken now. Says so once.
    pub(super) fn has_to_wake(&self) -> bool {
        let mut state = self.state();
        let wake = state.held && !state.answering && state.stalled.is_none();
        state.held &= !wake;
        wake
    }

    /// Why the connection cannot go on.
    pub(super) fn fault(&self) -> Option<Code> {
        self.state().fault
    }

    /// Whether the peer may still be sending what nobody reads.
    pub(super) fn is_unread(&self) -> bool {
        let state = self.state();
        !state.ended && (state.rest != Framing::Length(0) || !state.ahead.is_empty())
    }

    /// Bytes received and sent since this was asked last.
    pub(super) fn take_traffic(&self) -> (u64, u64) {
        let mut state = self.state();
        (std::mem::take(&mut state.received), std::mem::take(&mut state.sent))
    }

    /// Marks an answer as under way until the mark is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        let mut state = self.state();
        state.answering = true;
        state.sending = None;
        drop(state);
        Answering(Arc::clone(self))
    }
}

/// An answer is under way.
#[derive(Debug)]
pub(super) struct Answering(Arc<Line>);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.answering = false;
        state.since = Instant::now();
    }
}

/// A connection's bytes, head by head.
#[derive(Debug)]
pub struct Framed<S> {
    stream: S,
    line: Arc<Line>,
    max_head_bytes: usize,
    max_fields: usize,
}

impl<S: AsyncRead + Unpin> Framed<S> {
    /// The bytes of `stream`, with heads of at most so many bytes and fields.
    pub fn new(stream: S, max_head_bytes: usize, max_fields: usize) -> Self {
        Self { stream, line: Arc::new(Line::new()), max_head_bytes, max_fields }
    }

    pub(super) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    /// Ready when a whole head is there, the peer has ended, or there is a fault.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut step = [0; STEP];
        loop {
            let mut state = self.line.state();
            if state.giving.is_some() || state.ended || state.fault.is_some() {
                return Poll::Ready(Ok(()));
            }
            if let Err(code) = state.find_head(self.max_head_bytes, self.max_fields) {
                state.fault = Some(code);
                continue;
            }
            if state.giving.is_some() {
                continue;
            }
            let room = STEP.min(self.max_head_bytes + 1 - state.ahead.len());
            drop(state);
            let mut buf = ReadBuf::new(&mut step[..room]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
            let mut state = self.line.state();
            let new = buf.filled();
            state.ended = new.is_empty();
            state.received += new.len() as u64;
            if state.ahead.is_empty() && !state.answering {
                state.since = Instant::now();
            }
            state.ahead.extend_from_slice(new);
        }
    }
}

impl State {
    /// Looks for a whole head in what is there.
    fn find_head(&mut self, max_head_bytes: usize, max_fields: usize) -> Result<(), Code> {
        let new = &self.ahead[self.searched.min(self.ahead.len())..];
        let has_line = new.contains(&b'\n');
        self.searched = self.ahead.len();
        if !has_line && self.ahead.len() <= max_head_bytes {
            return Ok(());
        }
        let head = match head::read(&self.ahead, max_fields)? {
            Some(head) if head.len <= max_head_bytes => head,
            None if self.ahead.len() <= max_head_bytes => return Ok(()),
            _ => return Err(Code::HeadersTooLarge),
        };
        self.giving = Some(Giving { left: head.len, then: head.framing });
        Ok(())
    }

    /// Moves bytes from what is there into `buf`, at most `most`.
    fn give(&mut self, buf: &mut ReadBuf<'_>, most: usize) -> usize {
        let n = most.min(buf.remaining()).min(self.ahead.len());
        buf.put_slice(&self.ahead[..n]);
        self.ahead.drain(..n);
        self.searched = 0;
        if self.ahead.is_empty() {
            self.ahead = Vec::new();
        }
        n
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let framed = self.get_mut();
        let rest = framed.line.state().rest;
        match rest {
            Framing::Length(0) => framed.poll_read_head(cx, buf),
            Framing::Length(left) => framed.poll_read_body(cx, buf, Some(left)),
            Framing::Chunked => framed.poll_read_body(cx, buf, None),
        }
    }
}

impl<S: AsyncRead + Unpin> Framed<S> {
    fn poll_read_head(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let waiting = self.poll_head(cx)?.is_pending();
        let mut state = self.line.state();
        if state.answering && !(state.ended && state.ahead.is_empty()) {
            // The next request waits for this answer; the connection wakes hyper after it.
            state.held = !waiting;
            return Poll::Pending;
        }
        if waiting {
            return Poll::Pending;
        }
        if state.fault.is_some() {
            // What was answered before goes out first.
            state.held = state.stalled.is_some();
            return match state.held {
                true => Poll::Pending,
                false => Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            };
        }
        if let Some(giving) = state.giving {
            let left = giving.left - state.give(buf, giving.left);
            state.giving = (left > 0).then_some(Giving { left, ..giving });
            if left == 0 {
                state.rest = giving.then;
                state.since = Instant::now();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads of a body, at most `left` bytes of it where its length is known.
    fn poll_read_body(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        left: Option<u64>,
    ) -> Poll<io::Result<()>> {
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let given = self.line.state().give(buf, most);
        let got = if given > 0 {
            given
        } else if most >= buf.remaining() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            buf.filled().len() - before
        } else {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            let got = part.filled().len();
            buf.advance(got);
            got
        };
        let mut state = self.line.state();
        state.ended = got == 0;
        state.received += if given > 0 { 0 } else { got as u64 };
        if let Framing::Length(left) = state.rest {
            state.rest = Framing::Length(left.saturating_sub(got as u64));
        }
        Poll::Ready(Ok(()))
    }

    /// Notes whether the peer takes what it is sent.
    fn note_write(&self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let mut state = self.line.state();
        let (_, taken) = state.sending.get_or_insert_with(|| (Instant::now(), 0));
        match &wrote {
            Poll::Ready(Ok(n)) => {
                *taken += *n as u64;
                state.stalled = None;
                state.sent += *n as u64;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => state.stalled = state.stalled.or_else(|| Some(Instant::now())),
        }
        wrote
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note_write(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        let noted = self.note_write(flushed.map_ok(|()| 0));
        noted.map_ok(|_| ())
    }

    /// Left to the connection, which may have a last word to say.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
