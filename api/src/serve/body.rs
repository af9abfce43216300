//! The body of a request, within its size and its time.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::Bytes;
use hallmark_core::problem::Code;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::config::Limits;

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Longer than the limit.
    #[error("the body is too large")]
    TooLarge,
    /// Slower than the limit.
    #[error("the body took too long")]
    Timeout,
    /// The connection ended or does not speak HTTP.
    #[error("the body broke off")]
    Broken,
}

impl BodyError {
    /// The problem it is answered with; none where nobody is left to read one.
    pub(super) fn code(self) -> Option<Code> {
        match self {
            Self::TooLarge => Some(Code::TooLarge),
            Self::Timeout => Some(Code::Timeout),
            Self::Broken => None,
        }
    }
}

/// What became of a body, for whoever answers the request: a handler may make anything of an error.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<(Instant, Option<BodyError>)>>);

impl Progress {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), None))))
    }

    /// When bytes came last.
    pub(super) fn last(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Why it ended before its end.
    pub(super) fn error(&self) -> Option<BodyError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn note(&self, error: Option<BodyError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), error);
    }
}

/// A request's body that ends with an error at its limit.
pub(super) struct Limited {
    body: axum::body::Body,
    limits: Arc<Limits>,
    most: u64,
    received: u64,
    start: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    progress: Progress,
}

impl Limited {
    /// At most `most` bytes of `body`, in the time that `limits` give them.
    pub(super) fn new(
        body: axum::body::Body,
        most: u64,
        limits: Arc<Limits>,
        progress: Progress,
    ) -> Self {
        Self { body, limits, most, received: 0, start: Instant::now(), timer: None, progress }
    }

    fn fail(&self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.progress.note(Some(error));
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let limited = self.get_mut();
        if let Some(error) = limited.progress.error() {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = Pin::new(&mut limited.body).poll_frame(cx);
        let end = limited.start + limited.limits.body_time(limited.received);
        let frame = match polled {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let timer = limited.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
                if timer.deadline() != end {
                    timer.as_mut().reset(end);
                }
                ready!(timer.as_mut().poll(cx));
                return limited.fail(BodyError::Timeout);
            }
        };
        match frame {
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, |data| data.len() as u64);
                limited.received = limited.received.saturating_add(len);
                if limited.received > limited.most {
                    return limited.fail(BodyError::TooLarge);
                }
                if Instant::now() > end {
                    return limited.fail(BodyError::Timeout);
                }
                limited.progress.note(None);
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(_)) => limited.fail(BodyError::Broken),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn limited(bytes: &'static [u8], most: u64) -> (Limited, Progress) {
        let progress = Progress::new();
        let body = axum::body::Body::from(bytes);
        let limits = Arc::new(Limits::default());
        (Limited::new(body, most, limits, progress.clone()), progress)
    }

    #[tokio::test]
    async fn a_body_ends_at_its_limit() {
        let (body, progress) = limited(b"12345", 5);
        assert_eq!(body.collect().await.expect("allowed").to_bytes(), "12345");
        assert_eq!(progress.error(), None);
        let (body, progress) = limited(b"12345", 4);
        assert_eq!(body.collect().await.expect_err("too large"), BodyError::TooLarge);
        assert_eq!(progress.error(), Some(BodyError::TooLarge));
    }
}
