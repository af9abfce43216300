//! `/v1/accounts/{account}/blobs`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use hallmark_core::account::{AccountId, BlobId, exchange::Upload};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    content,
    signed::{Place, SignedRequest},
};
use crate::{app::App, error::Refusal};

pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(upload, remove))
        .routes(routes!(put_part))
        .routes(routes!(read))
}

/// Starts or resumes an upload; its size counts against the quota from now on.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/blobs",
    params(("account" = String, Path, description = "The account."),),
    request_body(content = ref("#/components/schemas/StartUpload"), content_type = "application/json"),
    responses((status = 200, description = "The parts can be sent.")),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "differs", "media-type", "quota"]))),
)]
async fn start(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.start_upload(request.caller, account, request.json(&app).await?).await?;
    Ok(StatusCode::OK)
}

/// How far an upload is.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/blobs/{blob}",
    params(("account" = String, Path, description = "The account."), ("blob" = String, Path, description = "The blob."),),
    responses((status = 200, description = "The parts that are there.", body = ref("#/components/schemas/Upload"))),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "no-blob"]))),
)]
async fn upload(
    State(app): State<Arc<App>>,
    Place((account, blob)): Place<(AccountId, BlobId)>,
    request: SignedRequest,
) -> Result<Json<Upload>, Refusal> {
    Ok(Json(app.upload(request.caller, account, blob).await?))
}

/// Takes a part, in any order; the last missing one completes the blob.
///
/// Each part has 4,194,304 bytes, the last one what is left.
#[utoipa::path(
    put, path = "/v1/accounts/{account}/blobs/{blob}/parts/{part}",
    params(("account" = String, Path, description = "The account."), ("blob" = String, Path, description = "The blob."), ("part" = u32, Path, description = "Its place, counted from 0."),),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The part is there.")),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "no-blob", "differs", "media-type", "part-size"]))),
)]
async fn put_part(
    State(app): State<Arc<App>>,
    Place((account, blob, part)): Place<(AccountId, BlobId, u32)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    request.check_media_type("application/octet-stream")?;
    let SignedRequest { caller, body, digest, .. } = request;
    app.put_part(caller, account, (blob, part), body, digest).await?;
    Ok(StatusCode::OK)
}

/// A complete blob, or one range of its bytes (RFC 9110, section 14).
#[utoipa::path(
    get, path = "/v1/accounts/{account}/blobs/{blob}/content",
    params(("account" = String, Path, description = "The account."), ("blob" = String, Path, description = "The blob."),),
    responses((status = 200, description = "All of it.", body = Vec<u8>, content_type = "application/octet-stream"), (status = 206, description = "The range that Range asks for.", body = Vec<u8>, content_type = "application/octet-stream")),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "no-blob", "incomplete", "range"]))),
)]
async fn read(
    State(app): State<Arc<App>>,
    Place((account, blob)): Place<(AccountId, BlobId)>,
    headers: HeaderMap,
    request: SignedRequest,
) -> Result<Response, Refusal> {
    content::answer(app.content(request.caller, account, blob).await?, &headers)
}

/// Deletes a blob or an upload.
#[utoipa::path(
    delete, path = "/v1/accounts/{account}/blobs/{blob}",
    params(("account" = String, Path, description = "The account."), ("blob" = String, Path, description = "The blob."),),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "no-blob"]))),
)]
async fn remove(
    State(app): State<Arc<App>>,
    Place((account, blob)): Place<(AccountId, BlobId)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.delete_blob(request.caller, account, blob).await?;
    Ok(StatusCode::NO_CONTENT)
}
