//! Extractors: a signed request with its body, and what stands in a path or a query.

use std::{fmt::Display, str::FromStr, sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, MatchedPath, Path, Query, Request},
    http::{HeaderMap, Method, header, request::Parts, uri::Authority},
};
use hallmark_core::{
    account::exchange::PART_BYTES,
    httpsig::{ContentDigest, HttpSigError},
    problem::Code,
};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use serde::de::DeserializeOwned;

use super::{answers, rate};
use crate::{
    app::{App, AppError, Asker, Authentic, Holder, Received, Role},
    error::Refusal,
    limit::{Origin, Taken},
    store::Caller,
};

/// The longest body of a request that names no account, bytes: the first entry of one and its wraps
/// are far shorter. Anybody may send such a request.
const GUEST_BYTES: usize = 64 << 10;
/// What a route to the entries of a device list ends in.
const ENTRIES: &str = "/devices";
/// The least room that a body is given to begin with, bytes.
const STEP_BYTES: usize = 16 << 10;

/// A request whose signature verifies, and its body.
pub(super) struct SignedRequest {
    pub(super) caller: Caller,
    pub(super) body: Bytes,
    pub(super) digest: ContentDigest,
    media_type: Option<String>,
    // Until the request is answered.
    _room: Taken<Holder>,
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
        let origin = parts.extensions.get::<Origin>().copied();
        let asker = Asker { key: caller.key, role, origin };
        answers::note(&parts, asker);
        if !is_read && role != Role::Guest {
            // Before anything is waited for: else a head costs nothing whose body never comes. One
            // that was sent before is charged to nobody.
            app.check_unspent(&caller).await?;
            rate::charge(app, &parts, &caller.key, role)?;
        }
        let room = app.body_room(&asker, is_entry(&parts));
        let (body, room) = read(body, limit(&parts, role, app), room).await?;
        if ContentDigest::of(&body) != digest {
            return Err(AppError::from(HttpSigError::Digest).into());
        }
        if is_read {
            rate::charge(app, &parts, &caller.key, role)?;
            app.remember_read(&caller, role).await?;
        }
        Ok(Self { caller, body, digest, media_type, _room: room })
    }
}

impl SignedRequest {
    /// The body as strict JSON of this shape.
    pub(super) async fn json<T>(&self, app: &App) -> Result<T, Refusal>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.check_media_type("application/json")?;
        Ok(app.parse(self.body.clone()).await?)
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

/// Whether the request goes on with a device list.
fn is_entry(parts: &Parts) -> bool {
    let path = parts.extensions.get::<MatchedPath>();
    parts.method == Method::POST && path.is_some_and(|path| path.as_str().ends_with(ENTRIES))
}

/// The body, and the room it takes, which grows as it comes.
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    mut room: Taken<Holder>,
) -> Result<(Bytes, Taken<Holder>), Refusal> {
    let too_large =
        || Refusal::new(Code::TooLarge, format!("At most {limit} bytes are taken here."));
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(too_large());
    }
    // At most the limit, which is a length in memory.
    let most = announced.upper().unwrap_or(u64::MAX).min(limit as u64) as usize;
    let mut whole = Vec::new();
    loop {
        let frame = tokio::select! {
            biased;
            () = room.turned_out() => return Err(AppError::NoRoom.into()),
            frame = body.frame() => frame,
        };
        let Some(frame) = frame else { break };
        let frame = frame
            .map_err(|_| Refusal::new(Code::Malformed, "The body ended before it was whole."))?;
        // Trailers are no part of it.
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - whole.len() {
            return Err(too_large());
        }
        let len = whole.len() + data.len();
        if len > whole.capacity() {
            let capacity = (2 * whole.capacity()).max(STEP_BYTES).min(most).max(len);
            room.grow(capacity as u64, Instant::now()).map_err(AppError::from)?;
            whole.reserve_exact(capacity - whole.len());
        }
        whole.extend_from_slice(&data);
    }
    room.stay();
    Ok((whole.into(), room))
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
