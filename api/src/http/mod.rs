//! The service over HTTP: thin handlers that extract, call one use case and answer.
//!
//! Bodies are the types of [`hallmark_core::account::exchange`]; refusals are problem documents
//! (RFC 9457). Every request but those about the service itself is signed
//! ([`hallmark_core::httpsig`]).

mod account;
mod answers;
mod blob;
mod content;
mod date;
mod device;
mod item;
mod log;
mod openapi;
pub(crate) mod range;
mod rate;
pub(crate) mod rate_fields;
mod reference;
mod schema;
mod service;
mod signed;
pub mod witness;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use hallmark_core::problem::Code;
use utoipa_axum::router::OpenApiRouter;

use crate::{app::App, error::Refusal};

/// All routes of the service.
pub fn router(app: Arc<App>) -> Router {
    let (routes, paths) = OpenApiRouter::new()
        .merge(service::router())
        .merge(account::router())
        .merge(device::router())
        .merge(item::router())
        .merge(blob::router())
        .merge(log::router())
        .split_for_parts();
    let document = openapi::document(paths);
    routes
        .merge(service::documents(&document))
        .merge(log::files())
        .fallback(async || Refusal::new(Code::NotFound, "The reference lists all addresses."))
        .method_not_allowed_fallback(async || {
            Refusal::new(Code::Method, "Allow names the methods this address knows.")
        })
        .layer(middleware::from_fn_with_state(app.clone(), answers::bounded))
        .layer(middleware::from_fn_with_state(app.clone(), rate::announced))
        .layer(middleware::from_fn_with_state(app.clone(), dated))
        .with_state(app)
}

/// Puts the service's time into each answer: a client whose clock is wrong learns it there.
async fn dated(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(date) = HeaderValue::from_str(&date::imf_fixdate(app.now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
