//! What anybody may know: `/v1/service`, `/openapi.json`, `/reference`.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hallmark_core::{account::exchange::ServiceInfo, json::Value};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::reference;
use crate::app::App;

pub(super) fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(service))
}

/// The service's key, clock and limits.
#[utoipa::path(
    get, path = "/v1/service", security(()),
    responses((status = 200, description = "What anybody may know.",
        body = ref("#/components/schemas/ServiceInfo"))),
)]
async fn service(State(app): State<Arc<App>>) -> Json<ServiceInfo> {
    Json(app.info())
}

/// The document and the page made of it.
pub(super) fn documents<S: Clone + Send + Sync + 'static>(document: &Value) -> Router<S> {
    let json = Bytes::from(document.to_string());
    let (page, policy) = reference::page(document);
    let (page, policy) = (Bytes::from(page), HeaderValue::from_str(&policy).ok());
    Router::new().route("/openapi.json", get(async move || typed("application/json", json))).route(
        "/reference",
        get(async move || {
            let mut response = typed("text/html; charset=utf-8", page);
            let policy = policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy));
            response.headers_mut().extend(policy);
            response
        }),
    )
}

fn typed(media_type: &'static str, body: Bytes) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}
