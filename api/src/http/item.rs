//! `/v1/accounts/{account}/items` and `/sync`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use hallmark_core::account::{
    AccountId, ItemId,
    exchange::{Cursor, Sync},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::signed::{Asked, Place, SignedRequest};
use crate::{app::App, error::Refusal, store::SyncFrom};

pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(commit)).routes(routes!(sync))
}

/// Takes the next manifest and what it changes, all or nothing.
///
/// Signed by the device that signs the manifest.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/items",
    params(("account" = String, Path, description = "The account."),),
    request_body(content = ref("#/components/schemas/Commit"), content_type = "application/json"),
    responses((status = 200, description = "It is the newest manifest.")),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "devices-changed", "items-changed", "media-type", "manifest-refused", "quota"]))),
)]
async fn commit(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.commit(request.caller, account, request.json(&app).await?).await?;
    Ok(StatusCode::OK)
}

/// What the device has.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Has {
    /// Number of device list entries it has.
    #[serde(default)]
    devices: u64,
    /// Version of its newest manifest.
    #[serde(default)]
    manifest: u64,
    /// The manifest of its cursor.
    #[serde(default)]
    items: u64,
    /// The item of its cursor.
    #[param(value_type = Option<String>)]
    item: Option<ItemId>,
}

/// What the device does not have yet, at one moment of the account.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/sync",
    params(("account" = String, Path, description = "The account."), Has),
    responses((status = 200, description = "What is new.", body = ref("#/components/schemas/Sync"))),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "ahead"]))),
)]
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
