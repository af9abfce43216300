//! How much one key of an account may ask, and who can use that up.
#![allow(clippy::unwrap_used)]

mod client;

use client::{Answer, Call, NOW_S, Person, Service, device, key};
use hallmark_api::{app::Settings, limit::Rate};
use hallmark_core::{account::device_list::Change, key::SigningKey, problem::Code};

/// So many requests at once, and then one a second.
fn at_once(burst: u32) -> Service {
    let account_rate = Rate::new(1, burst);
    Service::with(Settings { account_rate, ..Settings::default() }, &Default::default())
}

/// Asks until it is refused, which comes soon after the burst.
async fn exhaust(service: &Service, key: &SigningKey, path: &str) -> Answer {
    for _ in 0..100 {
        let answer = service.ask(key, "GET", path).await;
        if !answer.status.is_success() {
            return answer;
        }
    }
    panic!("it is never refused");
}

fn policy(answer: &Answer) -> Option<&str> {
    answer.headers.get("ratelimit-policy").map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_key_is_told_what_is_left_and_then_to_wait() {
    let service = at_once(10);
    let (person, other) = (Person::joined(&service).await, Person::joined(&service).await);
    let first = service.ask(&person.phone, "GET", &person.at("/sync")).await;
    assert_eq!(policy(&first), Some(r#""key";q=10;w=10"#));
    assert_eq!(first.headers["ratelimit"], r#""key";r=9;t=1"#);
    let refused = exhaust(&service, &person.phone, &person.at("/sync")).await;
    assert_eq!(refused.code(), Code::RateLimited);
    assert_eq!(policy(&refused), Some(r#""key";q=10;w=10"#));
    assert_eq!(refused.headers["ratelimit"], r#""key";r=0;t=10"#);
    assert_eq!(refused.headers["retry-after"], "1");
    service.ask(&other.phone, "GET", &other.at("/sync")).await.ok();
    let elsewhere = service.ask(&person.phone, "GET", "/v1/membership").await;
    elsewhere.ok();
    assert_eq!(policy(&elsewhere), None, "no account is named there");
}

#[tokio::test]
async fn nobody_else_uses_up_what_an_account_may_ask() {
    let service = at_once(10);
    let mut person = Person::joined(&service).await;
    let (phone, gone) = (SigningKey::from_seed(&person.phone.seed()), key(11));
    person.change(&service, Change::Add { device: device(&gone) }, &phone).await.ok();
    person.change(&service, Change::Revoke { device: gone.public() }, &phone).await.ok();
    let devices = person.at("/devices");
    for _ in 0..30 {
        let stranger = service.ask(&key(99), "GET", &devices).await;
        assert_eq!((stranger.code(), policy(&stranger)), (Code::NotListed, None));
        let revoked = service.ask(&gone, "GET", &devices).await;
        revoked.ok();
        assert_eq!(policy(&revoked), None);
        let mut forged = service.call(&phone, "GET", &devices, b"");
        forged.signed.signature = Call::signed(&gone, "GET", &devices, b"", NOW_S).signed.signature;
        assert_eq!(service.send(&forged).await.code(), Code::Signature);
    }
    service.ask(&phone, "GET", &devices).await.ok();
}

#[tokio::test]
async fn a_request_sent_again_by_whoever_heard_it_is_charged_to_nobody() {
    let service = at_once(10);
    let person = Person::joined(&service).await;
    let path = person.at("/blobs");
    let upload = br#"{"blob":"00000000000000000000000000000001","sizeBytes":5}"#;
    let (read, change) = (
        service.call(&person.phone, "GET", &person.at("/sync"), b""),
        service.call(&person.phone, "POST", &path, upload),
    );
    for sent in [&read, &change] {
        service.send(sent).await.ok();
        for _ in 0..30 {
            assert_eq!(service.send(sent).await.code(), Code::Replayed);
        }
    }
    service.ask(&person.phone, "GET", &person.at("/sync")).await.ok();
}

/// T-34: a thief among the devices keeps nobody from revoking it.
#[tokio::test]
async fn each_device_of_an_account_and_its_recovery_key_has_a_rate_of_its_own() {
    let service = at_once(10);
    let mut person = Person::joined(&service).await;
    let (phone, thief) = (SigningKey::from_seed(&person.phone.seed()), key(11));
    person.change(&service, Change::Add { device: device(&thief) }, &phone).await.ok();
    let refused = exhaust(&service, &thief, &person.at("/sync")).await;
    assert_eq!(refused.code(), Code::RateLimited);
    let left = service.ask(&person.recovery, "GET", &person.at("/sync")).await;
    assert_eq!(left.headers["ratelimit"], r#""key";r=9;t=1"#, "its own");
    person.change(&service, Change::Revoke { device: thief.public() }, &phone).await.ok();
}
