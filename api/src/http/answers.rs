//! The room that an answer takes in memory, from when it is made until it has left.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    http::request::Parts,
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::body::Body as _;

use crate::{
    app::{App, Asker},
    error::Refusal,
    limit::UntilSent,
};

/// A shorter answer takes none: a connection costs about as much by itself.
const SHORT_BYTES: u64 = 64 << 10;

/// The most bytes of an answer that are in memory at once, as an extension of one that is read while
/// it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct InMemory(pub(super) u64);

/// Who asked, from where that is known to where the answer passes.
#[derive(Clone, Default)]
struct Asked(Arc<OnceLock<Asker>>);

/// Notes who asks.
pub(super) fn note(parts: &Parts, asker: Asker) {
    if let Some(asked) = parts.extensions.get::<Asked>() {
        // A request has one signer.
        let _ = asked.0.set(asker);
    }
}

/// Takes room for the answer to a signed request, or refuses it. The room comes with the answer as
/// [`UntilSent`].
pub(super) async fn bounded(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = Asked::default();
    request.extensions_mut().insert(asked.clone());
    let mut response = next.run(request).await;
    let Some(asker) = asked.0.get() else { return response };
    let in_memory = response.extensions().get::<InMemory>();
    let bytes = in_memory.map_or_else(|| response.body().size_hint().lower(), |held| held.0);
    if bytes <= SHORT_BYTES {
        return response;
    }
    match app.answer_room(asker, bytes) {
        Ok(room) => {
            response.extensions_mut().insert(UntilSent(Arc::new(room)));
            response
        }
        Err(error) => Refusal::from(error).into_response(),
    }
}
