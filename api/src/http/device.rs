//! `/v1/accounts/{account}/devices`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use hallmark_core::account::{AccountId, exchange::Devices};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::signed::{Asked, Place, SignedRequest};
use crate::{app::App, error::Refusal};

pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(devices, append))
}

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct From {
    /// Place of the first entry wanted.
    #[serde(default)]
    from: u64,
}

/// The device list; for a device that is listed no more, without the wraps.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/devices",
    params(("account" = String, Path, description = "The account."), From),
    responses((status = 200, description = "The entries from that place on.", body = ref("#/components/schemas/Devices"))),
    extensions(("x-problems" = json!(["not-listed", "no-account", "ahead"]))),
)]
async fn devices(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    Asked(From { from }): Asked<From>,
    request: SignedRequest,
) -> Result<Json<Devices>, Refusal> {
    Ok(Json(app.devices(request.caller, account, from).await?))
}

/// Appends an entry to the device list.
///
/// Signed by the key that signs the entry. Where the root changes, all content keys come along.
#[utoipa::path(
    post, path = "/v1/accounts/{account}/devices",
    params(("account" = String, Path, description = "The account."),),
    request_body(content = ref("#/components/schemas/AppendEntry"), content_type = "application/json"),
    responses((status = 200, description = "It is the newest entry.")),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account", "devices-changed", "items-changed", "media-type", "entry-refused"]))),
)]
async fn append(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.append_entry(request.caller, account, request.json(&app).await?).await?;
    Ok(StatusCode::OK)
}
