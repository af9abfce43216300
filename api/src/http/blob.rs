//! `/v1/accounts/{account}/blobs`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{get, post, put},
};
use hallmark_core::account::{AccountId, BlobId, exchange::Upload};

use super::{
    content,
    signed::{Place, SignedRequest},
};
use crate::{app::App, error::Refusal};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/accounts/{account}/blobs", post(start))
        .route("/v1/accounts/{account}/blobs/{blob}", get(upload).delete(remove))
        .route("/v1/accounts/{account}/blobs/{blob}/parts/{part}", put(put_part))
        .route("/v1/accounts/{account}/blobs/{blob}/content", get(read))
}

async fn start(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.start_upload(request.caller, account, request.json()?).await?;
    Ok(StatusCode::OK)
}

async fn upload(
    State(app): State<Arc<App>>,
    Place((account, blob)): Place<(AccountId, BlobId)>,
    request: SignedRequest,
) -> Result<Json<Upload>, Refusal> {
    Ok(Json(app.upload(request.caller, account, blob).await?))
}

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

async fn read(
    State(app): State<Arc<App>>,
    Place((account, blob)): Place<(AccountId, BlobId)>,
    headers: HeaderMap,
    request: SignedRequest,
) -> Result<Response, Refusal> {
    content::answer(app.content(request.caller, account, blob).await?, &headers)
}

async fn remove(
    State(app): State<Arc<App>>,
    Place((account, blob)): Place<(AccountId, BlobId)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.delete_blob(request.caller, account, blob).await?;
    Ok(StatusCode::NO_CONTENT)
}
