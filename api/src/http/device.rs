//! `/v1/accounts/{account}/devices`.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use hallmark_core::account::{AccountId, exchange::Devices};
use serde::Deserialize;

use super::signed::{Asked, Place, SignedRequest};
use crate::{app::App, error::Refusal};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/v1/accounts/{account}/devices", get(devices).post(append))
}

/// Where to begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    /// Place of the first entry wanted; 0 where it is left out.
    #[serde(default)]
    from: u64,
}

async fn devices(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    Asked(From { from }): Asked<From>,
    request: SignedRequest,
) -> Result<Json<Devices>, Refusal> {
    Ok(Json(app.devices(request.caller, account, from).await?))
}

async fn append(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    app.append_entry(request.caller, account, request.json()?).await?;
    Ok(StatusCode::OK)
}
