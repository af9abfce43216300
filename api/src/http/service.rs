//! `/v1/service`: what anybody may know.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use hallmark_core::account::exchange::ServiceInfo;

use crate::app::App;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route("/v1/service", get(service))
}

async fn service(State(app): State<Arc<App>>) -> Json<ServiceInfo> {
    Json(app.info())
}
