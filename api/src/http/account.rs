//! `/v1/accounts`, `/v1/membership`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use hallmark_core::account::{
    AccountId, Signed,
    exchange::{Erasure, Membership},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::signed::{Place, SignedRequest};
use crate::{app::App, error::Refusal, store::Created};

pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(membership)).routes(routes!(create)).routes(routes!(erase))
}

/// Which account lists the device that asks.
///
/// Of several the one that listed it last. Anybody can list any key: compare words with the device
/// that let this one in.
#[utoipa::path(
    get, path = "/v1/membership",
    responses((status = 200, description = "The account, where one does.", body = ref("#/components/schemas/Membership"))),
    extensions(("x-problems" = json!([]))),
)]
async fn membership(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<Membership>, Refusal> {
    Ok(Json(app.membership(request.caller).await?))
}

/// Begins an account.
///
/// Signed by its first device or by its recovery key.
#[utoipa::path(
    post, path = "/v1/accounts",
    request_body(content = ref("#/components/schemas/CreateAccount"), content_type = "application/json"),
    responses((status = 201, description = "It is new."), (status = 200, description = "Exactly this account was there already.")),
    extensions(("x-problems" = json!(["differs", "media-type", "entry-refused"]))),
)]
async fn create(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    let created = app.create_account(request.caller, request.json(&app).await?).await?;
    Ok(match created {
        Created::New => StatusCode::CREATED,
        Created::Same => StatusCode::OK,
    })
}

/// Erases an account, with all items and blobs.
///
/// Signed by a listed device or by the recovery key.
#[utoipa::path(
    delete, path = "/v1/accounts/{account}",
    params(("account" = String, Path, description = "The account."),),
    responses((status = 200, description = "What was erased, signed by the service.", body = ref("#/components/schemas/SignedErasure"))),
    extensions(("x-problems" = json!(["not-listed", "revoked", "no-account"]))),
)]
async fn erase(
    State(app): State<Arc<App>>,
    Place((account,)): Place<(AccountId,)>,
    request: SignedRequest,
) -> Result<Json<Signed<Erasure>>, Refusal> {
    Ok(Json(app.erase_account(request.caller, account).await?))
}
