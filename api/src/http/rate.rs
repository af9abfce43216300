//! The rate of a key of an account, on the way in and in the answer.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use axum::{
    extract::{FromRequestParts, RawPathParams, Request, State},
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use hallmark_core::{account::AccountId, key::PublicKey, problem::Code};

use super::rate_fields;
use crate::{
    app::{App, AppError, Bucket, Role},
    limit::{Remaining, RetryAfter},
};

/// Name of the policy in the `RateLimit` fields.
const POLICY: &str = "key";
/// The parameter of a path that names the account.
const ACCOUNT: &str = "account";

/// What a request was charged, from where it was to where its answer passes.
#[derive(Clone, Default)]
struct Charged(Arc<OnceLock<Charge>>);

#[derive(Clone, Copy)]
enum Charge {
    Taken(Bucket, Remaining),
    Refused(RetryAfter),
}

/// Charges a request to the caller, in an account of its own.
///
/// # Errors
/// [`AppError::RateLimited`].
pub(super) fn charge(
    app: &App,
    parts: &Parts,
    key: &PublicKey,
    role: Role,
) -> Result<(), AppError> {
    let Role::Own(account) = role else { return Ok(()) };
    let bucket = Bucket::of(account, key);
    let outcome = app.charge(bucket, Instant::now());
    let charge = match &outcome {
        Ok(left) => Charge::Taken(bucket, *left),
        Err(limit) => Charge::Refused(*limit),
    };
    if let Some(charged) = parts.extensions.get::<Charged>() {
        // A request is charged once.
        let _ = charged.0.set(charge);
    }
    outcome.map(|_| ()).map_err(|limit| AppError::RateLimited { limit })
}

/// The account in the path, where the route has one.
pub(super) async fn named(parts: &mut Parts, app: &Arc<App>) -> Option<AccountId> {
    let named = RawPathParams::from_request_parts(parts, app).await.ok()?;
    named.iter().find(|(name, _)| *name == ACCOUNT).and_then(|(_, text)| text.parse().ok())
}

/// Says in the answer what is left of the key's rate. What was taken for a request that was
/// sent before is given back.
pub(super) async fn announced(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let charged = Charged::default();
    request.extensions_mut().insert(charged.clone());
    let mut response = next.run(request).await;
    let code = response.extensions().get::<Code>().copied();
    match charged.0.get() {
        Some(Charge::Taken(bucket, _))
            if matches!(code, Some(Code::Replayed | Code::BeforeRestart)) =>
        {
            app.give_back(*bucket);
        }
        Some(Charge::Taken(_, left)) => rate_fields::announce(response.headers_mut(), POLICY, left),
        Some(Charge::Refused(limit)) => {
            rate_fields::announce_refusal(response.headers_mut(), POLICY, limit);
        }
        None => {}
    }
    response
}
