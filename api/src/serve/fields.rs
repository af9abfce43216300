//! Header fields on every answer.

use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::refusal::RETRY_AFTER_S;

const ALWAYS: [(HeaderName, &str); 2] =
    [(header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::REFERRER_POLICY, "no-referrer")];
const UNLESS_SET: [(HeaderName, &str); 2] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Adds what every answer says: how a browser must not treat it, and when to come back.
pub(super) fn add_to<B>(response: &mut Response<B>) {
    let busy = matches!(
        response.status(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    );
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in UNLESS_SET {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if busy {
        headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from(RETRY_AFTER_S));
    }
    headers.remove(header::SERVER);
}
