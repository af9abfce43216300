//! A blob as an answer: read from its file while it is sent, never held whole.

use std::{
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hallmark_core::position::ReadAt;
use hyper::body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    answers::InMemory,
    range::{Asked, asked},
};
use crate::{error::Refusal, store::Content};

/// Bytes read at a time.
const CHUNK_BYTES: u64 = 256 << 10;
/// One chunk on its way, and the next that is read meanwhile.
const IN_MEMORY_BYTES: u64 = 2 * CHUNK_BYTES;

/// The blob, or the range of it that is asked for.
///
/// # Errors
/// `range` when that is not there.
pub(super) fn answer(content: Content, headers: &HeaderMap) -> Result<Response, Refusal> {
    let size_bytes = content.size_bytes;
    let field = headers.get(header::RANGE).map(|value| value.to_str().unwrap_or("bytes="));
    let (status, range) = match asked(field, size_bytes) {
        Asked::All => (StatusCode::OK, 0..size_bytes),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Nothing => return Err(Refusal::range(size_bytes)),
    };
    let described = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
    let in_memory = InMemory(IN_MEMORY_BYTES.min(range.end - range.start));
    let file = FileBody { file: Arc::new(content.file), rest: range, reading: None };
    let mut response = (status, Body::new(file)).into_response();
    response.extensions_mut().insert(in_memory);
    let fields = response.headers_mut();
    let bytes = HeaderValue::from_static("application/octet-stream");
    fields.insert(header::CONTENT_TYPE, bytes);
    fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(described) = HeaderValue::from_str(&described)
        && status == StatusCode::PARTIAL_CONTENT
    {
        fields.insert(header::CONTENT_RANGE, described);
    }
    Ok(response)
}

/// What is left to send of a file. A thread is taken for each chunk, not for the whole: a slow
/// client holds none.
struct FileBody {
    file: Arc<std::fs::File>,
    rest: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.rest.is_empty() && this.reading.is_none() {
            return Poll::Ready(None);
        }
        let reading = this.reading.get_or_insert_with(|| {
            let end = this.rest.end.min(this.rest.start + CHUNK_BYTES);
            let (file, chunk) = (this.file.clone(), this.rest.start..end);
            this.rest.start = end;
            spawn_blocking(move || read(&file, chunk))
        });
        let read = ready!(Pin::new(reading).poll(context));
        this.reading = None;
        Poll::Ready(Some(read.map_err(io::Error::other).flatten().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.reading.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // Known exactly until the first chunk is on its way; that is when the length is asked for.
        match self.reading {
            None => SizeHint::with_exact(self.rest.end - self.rest.start),
            Some(_) => SizeHint::default(),
        }
    }
}

fn read(file: &std::fs::File, range: Range<u64>) -> io::Result<Bytes> {
    // A chunk, far below any platform's limit.
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}
