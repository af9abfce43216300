//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and `Retry-After`
//! (RFC 9110, section 10.2.3).
//!
//! Both rate fields are lists of structured fields (RFC 9651), so each policy adds its own line:
//!
//! ```text
//! RateLimit-Policy: "address";q=1000;w=10
//! RateLimit: "address";r=998;t=1
//! ```

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};

use crate::limit::{Rate, Remaining, RetryAfter, whole_s};

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Says under the name `policy` how much is left: `q` tokens in a full bucket, filled in `w`
/// seconds; `r` left, full in `t` seconds. `policy` is letters, digits and dashes.
pub(crate) fn announce(headers: &mut HeaderMap, policy: &'static str, remaining: &Remaining) {
    add(headers, policy, remaining.rate, remaining.tokens, remaining.full_in);
}

/// The same where there is nothing left, with the seconds after which to come back, rounded up.
pub(crate) fn announce_refusal(
    headers: &mut HeaderMap,
    policy: &'static str,
    refused: &RetryAfter,
) {
    add(headers, policy, refused.rate, 0, refused.rate.window());
    headers.insert(RETRY_AFTER, HeaderValue::from(refused.whole_s()));
}

fn add(headers: &mut HeaderMap, policy: &str, rate: Rate, left: u32, full_in: Duration) {
    let (burst, window) = (rate.burst(), whole_s(rate.window()));
    let lines = [
        (POLICY, format!("\"{policy}\";q={burst};w={window}")),
        (LIMIT, format!("\"{policy}\";r={left};t={}", whole_s(full_in))),
    ];
    for (name, line) in lines {
        if let Ok(value) = HeaderValue::try_from(line) {
            headers.append(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_frozen() {
        let rate = Rate::new(100, 1000);
        let mut headers = HeaderMap::new();
        let remaining = Remaining { tokens: 998, full_in: Duration::from_millis(20), rate };
        announce(&mut headers, "address", &remaining);
        let refused = RetryAfter { wait: Duration::from_millis(1001), rate };
        announce_refusal(&mut headers, "key", &refused);
        let all = |name: &HeaderName| {
            headers.get_all(name).iter().map(|v| v.to_str().expect("text")).collect::<Vec<_>>()
        };
        assert_eq!(all(&POLICY), [r#""address";q=1000;w=10"#, r#""key";q=1000;w=10"#]);
        assert_eq!(all(&LIMIT), [r#""address";r=998;t=1"#, r#""key";r=0;t=10"#]);
        assert_eq!(headers[RETRY_AFTER], "2");
    }
}
