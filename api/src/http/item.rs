//! `/v1/accounts/{account}/items` and `/sync`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use hallmark_core::account::{
    AccountId, ItemId,
    exchange::{Cursor, Sync},
};
use serde::Deserialize;

use super::signed::{Asked, Place, SignedRequest};
use crate::{app::App, error::Refusal, store::SyncFrom};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/accounts/{account}/items", post(commit))
        .route("/v1/accounts/{account}/sync", get(sync))
}

async fn commit(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.commit(request.caller, account, request.json()?).await?;
    Ok(StatusCode::OK)
}

/// What the device has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Has {
    /// Number of device list entries.
    #[serde(default)]
    devices: u64,
    /// Version of its newest manifest.
    #[serde(default)]
    manifest: u64,
    /// The manifest of its cursor.
    #[serde(default)]
    items: u64,
    /// The item of its cursor.
    item: Option<ItemId>,
}

async fn sync(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    Asked(has): Asked<Has>,
    request: SignedRequest,
) -> Result<Json<Sync>, Refusal> {
    let items = Cursor { manifest: has.items, item: has.item };
    let from = SyncFrom { devices: has.devices, manifest: has.manifest, items };
    Ok(Json(app.sync(request.caller, account, from).await?))
}
