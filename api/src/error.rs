//! The one map from what the rooms refuse to what the client is told (RFC 9457).
//!
//! The text for the client names the thing and the way out. What went wrong inside goes to the log
//! alone, and no user input, key or address goes there.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hallmark_core::{
    account::{exchange::PART_BYTES, manifest::MAX_ITEMS},
    httpsig::HttpSigError,
    problem::{self, Code, Problem},
};

use crate::{
    app::{AppError, log::LogError},
    store::{StoreError, WINDOW},
};

/// A request that was not done as asked: the answer to it.
#[derive(Debug)]
pub struct Refusal {
    problem: Problem,
    retry_after_s: Option<u64>,
    size_bytes: Option<u64>,
}

impl Refusal {
    /// A refusal of that kind; `detail` says what it was here, and the way out.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after_s = match code {
            Code::BeforeRestart | Code::Overloaded | Code::Stopping | Code::Unwitnessed => Some(1),
            _ => None,
        };
        Self { problem: Problem::new(code, detail), retry_after_s, size_bytes: None }
    }

    /// No byte of the range is there, of a blob of that size (RFC 9110, section 15.5.17).
    #[must_use]
    pub fn range(size_bytes: u64) -> Self {
        let refusal = Self::new(Code::Range, format!("The blob has {size_bytes} bytes."));
        Self { size_bytes: Some(size_bytes), ..refusal }
    }

    /// The problem document.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let (code, detail) = match &error {
            AppError::Store(error) | AppError::Log(LogError::Store(error)) => of_store(error),
            AppError::Log(error) => of_log(error),
            AppError::Signature(error) => of_signature(error),
            AppError::Unsigned { what } => {
                (Code::Unsigned, format!("{what}: sign the request as the reference says."))
            }
            AppError::Authority => (
                Code::Signature,
                "The request names another host than this service: use the address you were given."
                    .to_owned(),
            ),
            AppError::Malformed { what } => (Code::Malformed, format!("{what}.")),
            AppError::Json(error) => (Code::Malformed, format!("The body is {error}.")),
            AppError::Body(error) => {
                (Code::Malformed, format!("The body is not the one documented: {error}."))
            }
            AppError::RateLimited { limit } => {
                let limited = Self::new(Code::RateLimited, "Wait as long as Retry-After says.");
                let retry_after_s = Some(limit.whole_s());
                return Self { retry_after_s, ..limited };
            }
            AppError::BeforeStart => (Code::BeforeRestart, "Sign the request again.".to_owned()),
            AppError::Entry(error) => (Code::EntryRefused, format!("Refused: {error}.")),
            AppError::EntryParts { what } => (Code::EntryRefused, format!("{what}.")),
            AppError::Manifest(error) => (Code::ManifestRefused, format!("Refused: {error}.")),
            AppError::ManifestParts { what } => (Code::ManifestRefused, format!("{what}.")),
            AppError::TooManyItems => {
                (Code::ManifestRefused, format!("An account has at most {MAX_ITEMS} items."))
            }
            AppError::NoRoom => (
                Code::Overloaded,
                "Too much is on its way at once, yours or others'. Try again in a second."
                    .to_owned(),
            ),
            AppError::Calm => {
                let detail = "A device is being added or taken off. Try again in a few seconds.";
                let busy = Self::new(Code::Overloaded, detail);
                return Self { retry_after_s: Some(5), ..busy };
            }
            AppError::Corrupt(_) => (Code::Internal, MISTAKE.to_owned()),
        };
        if code == Code::Internal {
            tracing::error!(%error, "a request failed inside");
        }
        Self::new(code, detail)
    }
}

const MISTAKE: &str = "Nothing was changed. Try again later and tell the operator if it stays so.";

fn of_store(error: &StoreError) -> (Code, String) {
    let (code, detail) = match error {
        StoreError::NoAccount => (Code::NoAccount, "No account has this id."),
        StoreError::NotListed => (Code::NotListed, "Have a device of the account add this one."),
        StoreError::Revoked => (
            Code::Revoked,
            "Another device or the recovery code took it off; the device list says which.",
        ),
        StoreError::Replayed => (Code::Replayed, "Sign each request with a nonce of its own."),
        StoreError::BelowFloor => (Code::BeforeRestart, "Sign the request again."),
        StoreError::DevicesChanged => (Code::DevicesChanged, "Synchronise, then try again."),
        StoreError::ItemsChanged => (Code::ItemsChanged, "Synchronise, then try again."),
        StoreError::Differs => (Code::Differs, "What is there stays; choose another name."),
        StoreError::Position => {
            (Code::Ahead, "The account has not come as far here as the request says it has.")
        }
        StoreError::NoBlob => (Code::NoBlob, "Start an upload under this id first."),
        StoreError::Incomplete => {
            (Code::Incomplete, "Send the parts that are missing; the blob's address lists them.")
        }
        StoreError::PartSize => {
            let detail = format!("Each part has {PART_BYTES} bytes, the last one what is left.");
            return (Code::PartSize, detail);
        }
        StoreError::InProgress => {
            (Code::Overloaded, "Another request is changing this blob. Try again in a second.")
        }
        StoreError::Quota => (Code::Quota, "Remove something first; the quota is in /v1/service."),
        StoreError::Busy => (Code::Overloaded, "Try again in a second."),
        StoreError::DiskFull => (
            Code::DiskFull,
            "There is no room on the service's disk; nothing was changed. Tell the operator.",
        ),
        StoreError::Closing => (Code::Stopping, "Try again in a moment."),
        StoreError::Sql(_)
        | StoreError::Json(_)
        | StoreError::Strict(_)
        | StoreError::File(_)
        | StoreError::LogMoved => (Code::Internal, MISTAKE),
    };
    (code, detail.to_owned())
}

fn of_log(error: &LogError) -> (Code, String) {
    let (code, detail) = match error {
        LogError::Entry(_) | LogError::Kind { .. } => {
            return (Code::NotLogged, format!("Refused: {error}."));
        }
        LogError::Taken { .. } => {
            (Code::Taken, "Another entry has it; what is logged stays as it is.")
        }
        LogError::Busy => (Code::Overloaded, "Too many entries wait. Try again in a second."),
        LogError::Unwitnessed => (
            Code::Unwitnessed,
            "Send the same again later: what is in the log by then is answered with its place.",
        ),
        LogError::Unpublished => {
            (Code::Unwitnessed, "No checkpoint is published yet. Ask again in a second.")
        }
        LogError::Restored => (
            Code::Unwitnessed,
            "The log came out of a backup and does not go on. Tell the operator.",
        ),
        LogError::Frozen => (Code::NotLogged, "The log was ended; what is in it stays."),
        LogError::Closing => (Code::Stopping, "Try again in a moment."),
        LogError::AnotherLog { .. }
        | LogError::NoPolicy
        | LogError::Damaged { .. }
        | LogError::File(_)
        | LogError::Map(_)
        | LogError::Store(_) => (Code::Internal, MISTAKE),
    };
    (code, detail.to_owned())
}

fn of_signature(error: &HttpSigError) -> (Code, String) {
    match error {
        HttpSigError::OutsideWindow { .. } => (
            Code::Clock,
            format!(
                "Requests count for {} s after they were signed and {} s before; the answer's Date \
                 is the service's clock.",
                WINDOW.past_s, WINDOW.future_s
            ),
        ),
        HttpSigError::Digest => {
            (Code::Digest, "The body is not the one of Content-Digest.".to_owned())
        }
        HttpSigError::Signature => {
            (Code::Signature, "The signature is not the key's over this request.".to_owned())
        }
        HttpSigError::Target | HttpSigError::KeyId | HttpSigError::Malformed { .. } => {
            (Code::Unsigned, format!("Sign the request as the reference says: {error}."))
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = self.problem.code;
        let mut response = (status, Json(self.problem)).into_response();
        // For the log and the metrics.
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(size) = self.size_bytes
            && let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}"))
        {
            headers.insert(header::CONTENT_RANGE, range);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_as_they_are() {
        let told = |error: AppError| Refusal::from(error).problem.detail;
        assert_eq!(told(AppError::TooManyItems), "An account has at most 10000 items.");
        assert_eq!(
            told(StoreError::PartSize.into()),
            "Each part has 4194304 bytes, the last one what is left."
        );
        let clock = HttpSigError::OutsideWindow { created: 0, now: 301 };
        let clock = told(clock.into());
        assert!(clock.contains("300 s after they were signed and 60 s before"), "{clock}");
    }
}
