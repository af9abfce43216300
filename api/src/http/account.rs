//! `/v1/accounts`, `/v1/membership`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use hallmark_core::account::exchange::Membership;

use super::signed::SignedRequest;
use crate::{app::App, error::Refusal, store::Created};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/v1/membership", get(membership)).route("/v1/accounts", post(create))
}

async fn membership(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<Json<Membership>, Refusal> {
    Ok(Json(app.membership(request.caller).await?))
}

async fn create(
    State(app): State<Arc<App>>,
    request: SignedRequest,
) -> Result<StatusCode, Refusal> {
    let created = app.create_account(request.caller, request.json()?).await?;
    Ok(match created {
        Created::New => StatusCode::CREATED,
        Created::Same => StatusCode::OK,
    })
}
