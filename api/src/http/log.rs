//! The log: its files as they are published (C2SP tlog-tiles), what the map says, and submission.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hallmark_consent::log::{
    complete::LookedUpAll,
    tile::{MAX_ENTRY_LEN, Tile},
};
use hallmark_core::{id::Label, problem::Code};
use hyper::body::Body as _;
use tokio::task::spawn_blocking;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::signed::{Place, read};
use crate::{
    app::{
        App, AppError,
        log::{Log, LogError, LookedUp},
    },
    error::Refusal,
    limit::{Origin, UntilSent},
};

/// What never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// What is there until something wider is.
const FOR_A_WHILE: &str = "public, max-age=3600, immutable";
/// What is asked for anew each time.
const NOW: &str = "no-cache";
/// The most labels that are looked up at once: an answer stays below 2 MiB.
const MAX_LABELS: usize = 256;
const MAX_LABELS_BYTES: usize = 68 * MAX_LABELS + 1024;
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(submit))
        .routes(routes!(prove))
        .routes(routes!(look_up))
        .routes(routes!(look_up_all))
}

/// The files.
pub(super) fn files() -> Router<Arc<App>> {
    Router::new()
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/vkey", get(vkey))
        .route("/log/tile/{*name}", get(tile))
}

fn log(app: &Arc<App>) -> Result<&Log, Refusal> {
    app.log().ok_or_else(|| Refusal::new(Code::NotFound, "This service has no log."))
}

/// Takes an entry into the log: a place of a private chain.
///
/// The body is the entry, one line of canonical JSON. It is answered, once a checkpoint with it is
/// published, with its index, the hashes that show it, and that checkpoint (C2SP tlog-proof). An entry
/// that is there already is answered with its first place.
#[utoipa::path(
    post, path = "/v1/log/entries", security(()),
    request_body(content = String, content_type = "application/json"),
    responses((status = 200, description = "The entry is in the log.", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!(["malformed", "too-large", "not-logged", "taken", "disk-full", "unwitnessed", "rate-limited"]))),
)]
async fn submit(
    State(app): State<Arc<App>>,
    origin: Option<Extension<Origin>>,
    request: Request,
) -> Result<Response, Refusal> {
    let log = log(&app)?;
    let origin = origin.map(|Extension(origin)| origin);
    app.charge_entry(origin)?;
    let room = app.unsigned_room(origin);
    let (entry, _room) = read(request.into_body(), MAX_ENTRY_LEN, room).await?;
    let proof = log.submit(entry.to_vec()).await.map_err(AppError::from)?;
    Ok(typed(TEXT, "no-store", proof.to_string()))
}

/// The proof of an entry under the published checkpoint (C2SP tlog-proof).
#[utoipa::path(
    get, path = "/v1/log/entries/{index}/proof", security(()),
    params(("index" = u64, Path, description = "Its index."),),
    responses((status = 200, description = "The proof.", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!(["malformed", "not-found", "unwitnessed"]))),
)]
async fn prove(
    State(app): State<Arc<App>>,
    Place((index,)): Place<(u64,)>,
) -> Result<Response, Refusal> {
    let published = log(&app)?.published().ok_or(AppError::from(LogError::Unpublished))?;
    let size = published.size();
    if index >= size {
        return Err(Refusal::new(Code::NotFound, format!("The log has {size} entries.")));
    }
    let (_, proof) = apart(&app, move |log| log.prove(index)).await?;
    Ok(typed(TEXT, NOW, proof.to_string()))
}

/// What the map says of a label, under the published checkpoint.
#[utoipa::path(
    get, path = "/v1/log/labels/{label}", security(()),
    params(("label" = String, Path, description = "The label."),),
    responses((status = 200, description = "Where it is, or that it is nowhere.",
        body = ref("#/components/schemas/LookedUp"))),
    extensions(("x-problems" = json!(["malformed", "not-found", "unwitnessed"]))),
)]
async fn look_up(
    State(app): State<Arc<App>>,
    Place((label,)): Place<(Label,)>,
) -> Result<Response, Refusal> {
    let LookedUp { published, lookup } = apart(&app, move |log| log.look_up(&label)).await?;
    let answer = hallmark_consent::log::complete::LookedUp {
        checkpoint: published.checkpoint.to_string(),
        map_root: published.map_root.root,
        map_inclusion: published.map_inclusion.clone(),
        lookup,
    };
    let mut response = Json(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(NOW));
    Ok(response)
}

/// The labels of a chain, to be looked up at one moment.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// At most 256.
    pub labels: Vec<Label>,
}

/// What the map says of labels at one moment, with proofs of their entries: what it takes to show
/// that a chain is complete.
#[utoipa::path(
    post, path = "/v1/log/labels", security(()),
    request_body(content = ref("#/components/schemas/Labels"), content_type = "application/json"),
    responses((status = 200, description = "Where they are, or that they are nowhere.",
        body = ref("#/components/schemas/LookedUpAll"))),
    extensions(("x-problems" = json!(["malformed", "too-large", "unwitnessed"]))),
)]
async fn look_up_all(
    State(app): State<Arc<App>>,
    origin: Option<Extension<Origin>>,
    request: Request,
) -> Result<Response, Refusal> {
    let origin = origin.map(|Extension(origin)| origin);
    let (body, _room) =
        read(request.into_body(), MAX_LABELS_BYTES, app.unsigned_room(origin)).await?;
    let asked: Labels = app.parse(body).await?;
    if asked.labels.len() > MAX_LABELS {
        let what = format!("At most {MAX_LABELS} labels are looked up at once.");
        return Err(Refusal::new(Code::TooLarge, what));
    }
    let (published, labels) = apart(&app, move |log| log.look_up_all(&asked.labels)).await?;
    let answer = LookedUpAll {
        checkpoint: published.checkpoint.to_string(),
        map_root: published.map_root.root,
        map_inclusion: published.map_inclusion.clone(),
        labels,
    };
    let mut response = Json(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let bytes = response.body().size_hint().lower();
    let room = app.unsigned_answer_room(origin, bytes)?;
    response.extensions_mut().insert(UntilSent(Arc::new(room)));
    Ok(response)
}

async fn checkpoint(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let published = log(&app)?.published().ok_or(AppError::from(LogError::Unpublished))?;
    Ok(typed(TEXT, NOW, published.checkpoint.to_string()))
}

async fn vkey(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    Ok(typed(TEXT, NOW, format!("{}\n", log(&app)?.key())))
}

async fn tile(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Refusal> {
    let none = || Refusal::new(Code::NotFound, "The log has no such file.");
    let tile: Tile = format!("tile/{name}").parse().map_err(|_| none())?;
    let path = log(&app)?.files().path(tile);
    match spawn_blocking(move || std::fs::read(path)).await {
        Ok(Ok(bytes)) => {
            let kept = if tile.is_full() { FOR_EVER } else { FOR_A_WHILE };
            Ok(typed(BYTES, kept, bytes))
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Err(none()),
        Ok(Err(error)) => Err(AppError::from(LogError::File(error)).into()),
        Err(_) => Err(AppError::from(LogError::Closing).into()),
    }
}

/// Work on the log that blocks.
async fn apart<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&Log) -> Result<T, LogError> + Send + 'static,
) -> Result<T, Refusal> {
    log(app)?;
    let app = Arc::clone(app);
    let done = spawn_blocking(move || work(app.log().expect("looked at above")));
    let done = done.await.unwrap_or(Err(LogError::Closing));
    done.map_err(|error| AppError::from(error).into())
}

fn typed(media_type: &'static str, kept: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Body::from(body.into()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}
