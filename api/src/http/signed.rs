//! Extractors: a signed request with its body, and what stands in a path or a query.

use std::{fmt::Display, str::FromStr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts, uri::Authority},
};
use bytes::BytesMut;
use hallmark_core::{
    account::exchange::PART_BYTES,
    httpsig::{ContentDigest, HttpSigError},
    json,
    problem::Code,
};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;

use super::rate;
use crate::{
    app::{App, AppError, Authentic, Received, Role},
    error::Refusal,
    limit::Taken,
    store::Caller,
};

/// The longest body of a request that names no account, bytes: the first entry of one and its wraps
/// are far shorter. Anybody may send such a request.
const GUEST_BYTES: usize = 64 << 10;

/// A request whose signature verifies, and its body.
pub(super) struct SignedRequest {
    pub(super) caller: Caller,
    pub(super) body: Bytes,
    pub(super) digest: ContentDigest,
    media_type: Option<String>,
    // Until the request is answered.
    _room: Taken,
}

impl FromRequest<Arc<App>> for SignedRequest {
    type Rejection = Refusal;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let headers = &parts.headers;
        let host = one(headers, header::HOST.as_str())?;
        let received = Received {
            method: parts.method.as_str(),
            // A target in absolute form has the last word (RFC 9112, section 3.2.2).
            authority: parts.uri.authority().map_or(host, Authority::as_str),
            path: parts.uri.path(),
            query: parts.uri.query(),
            content_digest: one(headers, "content-digest")?,
            signature_input: one(headers, "signature-input")?,
            signature: one(headers, "signature")?,
        };
        let Authentic { caller, digest } = app.authenticate(&received)?;
        let media_type = one(headers, header::CONTENT_TYPE.as_str()).ok().map(str::to_owned);
        let is_read = matches!(parts.method.as_str(), "GET" | "HEAD");
        let account = rate::named(&mut parts, app).await;
        let role = app.admit(&caller, account, is_read).await?;
        let (body, room) = read(body, limit(&parts, role, app), app).await?;
        if ContentDigest::of(&body) != digest {
            return Err(AppError::from(HttpSigError::Digest).into());
        }
        rate::charge(app, &parts, &caller.key, role)?;
        if is_read {
            app.remember_read(&caller, role).await?;
        }
        Ok(Self { caller, body, digest, media_type, _room: room })
    }
}

impl SignedRequest {
    /// The body as strict JSON of this shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.check_media_type("application/json")?;
        let value = json::parse(&self.body).map_err(AppError::from)?;
        Ok(serde_json::from_value(value).map_err(AppError::Body)?)
    }

    /// Whether the body is of this media type; parameters do not matter.
    pub(super) fn check_media_type(&self, expected: &str) -> Result<(), Refusal> {
        let sent = self.media_type.as_deref().and_then(|sent| sent.split(';').next());
        if sent.is_some_and(|sent| sent.trim().eq_ignore_ascii_case(expected)) {
            return Ok(());
        }
        Err(Refusal::new(Code::MediaType, format!("Send it as {expected}.")))
    }
}

/// The value of a header field that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
    .ok_or_else(|| {
        Refusal::new(Code::Unsigned, format!("The header field {name} must be there once."))
    })
}

/// The longest body of a request, bytes.
fn limit(parts: &Parts, role: Role, app: &App) -> usize {
    match (parts.method.as_str(), role) {
        ("POST", Role::Guest) => app.max_body_bytes().min(GUEST_BYTES),
        ("POST", Role::Own(_)) => app.max_body_bytes(),
        ("PUT", _) => PART_BYTES as usize,
        _ => 0,
    }
}

/// The body, and the room it takes, which is there before the first byte is read.
async fn read(mut body: Body, limit: usize, app: &App) -> Result<(Bytes, Taken), Refusal> {
    let too_large =
        || Refusal::new(Code::TooLarge, format!("At most {limit} bytes are taken here."));
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(too_large());
    }
    let most = announced.upper().unwrap_or(u64::MAX).min(limit as u64);
    let room = app.room(most)?;
    // At most the limit, which is a length in memory.
    let mut whole = BytesMut::with_capacity(announced.exact().unwrap_or_default() as usize);
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|_| Refusal::new(Code::Malformed, "The body ended before it was whole."))?;
        // Trailers are no part of it.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - whole.len() {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok((whole.freeze(), room))
}

/// The values of a path, each written in its one spelling.
pub(super) struct Place<T>(pub(super) T);

impl<A, S> FromRequestParts<S> for Place<A>
where
    A: Places,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let values = Path::<Vec<String>>::from_request_parts(parts, state).await;
        // No name needs to be percent-encoded: an address has one spelling.
        let values = values.ok().filter(|_| !parts.uri.path().contains('%'));
        values.and_then(|Path(values)| A::read(&values)).map(Self).ok_or_else(|| {
            Refusal::new(Code::Malformed, "The address names something that cannot be a name.")
        })
    }
}

/// What the segments of a path stand for.
pub(super) trait Places: Sized {
    /// Reads all segments.
    fn read(values: &[String]) -> Option<Self>;
}

impl<A: FromStr + Display> Places for (A,) {
    fn read(values: &[String]) -> Option<Self> {
        let [a] = values else { return None };
        Some((one_spelling(a)?,))
    }
}

impl<A: FromStr + Display, B: FromStr + Display> Places for (A, B) {
    fn read(values: &[String]) -> Option<Self> {
        let [a, b] = values else { return None };
        Some((one_spelling(a)?, one_spelling(b)?))
    }
}

impl<A: FromStr + Display, B: FromStr + Display, C: FromStr + Display> Places for (A, B, C) {
    fn read(values: &[String]) -> Option<Self> {
        let [a, b, c] = values else { return None };
        Some((one_spelling(a)?, one_spelling(b)?, one_spelling(c)?))
    }
}

/// What a segment stands for, if it is written as that is: no sign, no leading zeros.
fn one_spelling<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse::<T>().ok().filter(|value| value.to_string() == text)
}

/// The parameters of a query.
pub(super) struct Asked<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Asked<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        asked.map(|Query(asked)| Self(asked)).map_err(|_| {
            Refusal::new(
                Code::Malformed,
                "A parameter of the address is missing, unknown or wrong.",
            )
        })
    }
}
