//! What the service answers by itself: a problem document, as a response or, where there is no
//! request to answer, as the bytes of one.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use hallmark_core::problem::{self, Code, Problem};

use super::fields;

/// Seconds after which to come back to a service that is busy or stopping.
pub(super) const RETRY_AFTER_S: u32 = 1;

/// A problem as a response. It carries its [`Code`] as an extension, for the log and the metrics.
pub(super) fn response(code: Code, detail: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(document(code, detail)));
    *response.status_mut() =
        StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let media_type = HeaderValue::from_static(problem::MEDIA_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response.extensions_mut().insert(code);
    response
}

/// The same as the bytes of a whole response that ends the connection.
pub(super) fn bytes(code: Code, detail: &'static str) -> Vec<u8> {
    let mut response = response(code, detail);
    fields::add_to(&mut response);
    let body = document(code, detail);
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    let rest = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    bytes.extend_from_slice(rest.as_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn document(code: Code, detail: &str) -> Vec<u8> {
    serde_json::to_vec(&Problem::new(code, detail)).expect("our own types are JSON")
}

/// What is said of a limit that ended a request or a connection.
pub(super) fn detail(code: Code) -> &'static str {
    match code {
        Code::HeadersTooLarge => "Send fewer or shorter header fields.",
        Code::Timeout => "The request was not there in time. Send it again on a new connection.",
        Code::TooLarge => "See maxBodyBytes of GET /v1/service; a part of a blob has 4 MiB.",
        Code::Stopping => "Send the request again later.",
        Code::RateLimited => "Wait as long as Retry-After says.",
        Code::Overloaded => "The service is at one of its limits. Send the request again later.",
        Code::Internal => "Nothing is known to have been stored. Send the request again.",
        _ => "This is not HTTP/1.1 (RFC 9112) as the service reads it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_frozen() {
        let text = String::from_utf8(bytes(Code::HeadersTooLarge, "Less.")).expect("text");
        assert_eq!(
            text,
            "HTTP/1.1 431 Request Header Fields Too Large\r\n\
             content-type: application/problem+json\r\n\
             x-content-type-options: nosniff\r\n\
             referrer-policy: no-referrer\r\n\
             cache-control: no-store\r\n\
             content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\
             content-length: 121\r\nconnection: close\r\n\r\n\
             {\"type\":\"urn:hallmark:problem:headers-too-large\",\"title\":\"The header fields are \
             too large\",\"status\":431,\"detail\":\"Less.\"}"
        );
    }
}
