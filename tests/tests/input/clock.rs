//! Clocks that are wrong by an hour.

use std::time::{SystemTime, UNIX_EPOCH};

use hallmark_core::{
    httpsig::{self, ContentDigest, KeyId, Target},
    key::SigningKey,
};
use hallmark_suites::hostile::Request;

use super::daemon::service;

/// T-32: a request that was signed at another time than now is refused by name, either way; the
/// control is signed now.
#[test]
fn a_clock_that_is_wrong_by_an_hour_is_named() {
    let place = tempfile::tempdir().unwrap();
    let Some(service) = service(&place.path().join("data"), &[]) else { return };
    let running = service.start(None).unwrap();
    let address = running.address().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let key = SigningKey::generate(&mut rand::rng());
    let id = KeyId::new(&key.public().to_string()).unwrap();
    let target = Target::new("GET", &address.to_string(), "/v1/membership", None).unwrap();
    for (wrong_by_s, status) in [(20, 200), (-3600, 401), (3600, 401)] {
        let (digest, rng) = (ContentDigest::of(b""), &mut rand::rng());
        let signed = httpsig::sign(&key, &id, &target, &digest, now + wrong_by_s, rng).unwrap();
        let mut request = Request::new("GET", "/v1/membership");
        for (name, value) in [
            ("content-digest", signed.content_digest),
            ("signature-input", signed.signature_input),
            ("signature", signed.signature),
        ] {
            request.headers.push((name.to_owned(), value));
        }
        let answer = request.send(address).unwrap();
        assert_eq!(answer.status, status, "{wrong_by_s}: {answer:?}");
        if status == 401 {
            let problem = answer.value().unwrap();
            assert_eq!(problem["type"], "urn:hallmark:problem:clock", "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains("clock"), "{problem}");
        }
    }
    running.stop().unwrap();
}
