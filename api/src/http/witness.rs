//! A witness over HTTP (C2SP tlog-witness): `POST /add-checkpoint`, and for monitors
//! `GET /<hex of SHA-256(origin)>/checkpoint`.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hallmark_consent::log::witness::{MAX_REQUEST_LEN, NotCosigned};
use hallmark_core::hash::Sha256;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::app::witness::{Witness, WitnessError};

const TEXT: &str = "text/plain; charset=utf-8";
/// What a 409 says: the size that was cosigned last.
const SIZE: &str = "text/x.tlog.size";
/// Requests that are decided at once.
const AT_ONCE: usize = 64;

/// The routes of a witness.
pub fn router(witness: Arc<Witness>) -> Router {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin}/checkpoint", get(checkpoint))
        .route("/vkey", get(vkey))
        .with_state((witness, places))
}

type Inner = (Arc<Witness>, Arc<Semaphore>);

async fn add_checkpoint(State((witness, places)): State<Inner>, body: Body) -> Response {
    // A body that does not come holds nothing but its connection.
    let Ok(bytes) = to_bytes(body, MAX_REQUEST_LEN).await else {
        return said(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "longer than a request can be\n");
    };
    let Ok(request) = String::from_utf8(bytes.into()) else {
        return said(StatusCode::BAD_REQUEST, TEXT, "not a text\n");
    };
    let Ok(place) = places.try_acquire_owned() else {
        return said(StatusCode::SERVICE_UNAVAILABLE, TEXT, "busy: ask again in a second\n");
    };
    let decided = spawn_blocking(move || {
        let _place = place;
        witness.add_checkpoint(&request)
    });
    match decided.await {
        Ok(Ok(line)) => said(StatusCode::OK, TEXT, &format!("{line}\n")),
        Ok(Err(error)) => refused(&error),
        Err(_) => said(StatusCode::SERVICE_UNAVAILABLE, TEXT, "stopping\n"),
    }
}

fn refused(error: &WitnessError) -> Response {
    let status = match error {
        WitnessError::Request(_) | WitnessError::Refused(NotCosigned::OldLarger) => {
            StatusCode::BAD_REQUEST
        }
        WitnessError::Refused(NotCosigned::UnknownLog) => StatusCode::NOT_FOUND,
        WitnessError::Refused(NotCosigned::NotSigned) => StatusCode::FORBIDDEN,
        WitnessError::Refused(NotCosigned::Conflict { size }) => {
            return said(StatusCode::CONFLICT, SIZE, &format!("{size}\n"));
        }
        WitnessError::Refused(NotCosigned::Inconsistent) | WitnessError::Unsound { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        WitnessError::Store(_) | WitnessError::Clock { .. } => {
            tracing::error!(%error, "a checkpoint was not cosigned");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    said(status, TEXT, &format!("{error}\n"))
}

async fn checkpoint(State((witness, _)): State<Inner>, Path(origin): Path<String>) -> Response {
    let none = || said(StatusCode::NOT_FOUND, TEXT, "nothing was cosigned of such a log\n");
    let Ok(origin) = origin.parse::<Sha256>() else { return none() };
    match spawn_blocking(move || witness.checkpoint(&origin)).await {
        Ok(Ok(Some(checkpoint))) => said(StatusCode::OK, TEXT, &checkpoint.to_string()),
        Ok(Ok(None)) => none(),
        Ok(Err(error)) => refused(&error),
        Err(_) => said(StatusCode::SERVICE_UNAVAILABLE, TEXT, "stopping\n"),
    }
}

async fn vkey(State((witness, _)): State<Inner>) -> Response {
    said(StatusCode::OK, TEXT, &format!("{}\n", witness.name()))
}

fn said(status: StatusCode, media_type: &'static str, body: &str) -> Response {
    let mut response = (status, body.to_owned()).into_response();
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    let now = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, now);
    response
}
