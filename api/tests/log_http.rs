//! The log over HTTP: what anybody may send, and what is answered.
#![allow(clippy::unwrap_used)]

mod client;

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use client::{Answer, Service, key, rng};
use hallmark_api::limit::Origin;
use hallmark_consent::log::{
    complete::{LookedUp, LookedUpAll},
    entry::{ChainKind, Place},
    key::{self as log_key, KeyRole, KeyStatement},
    policy::Policy,
    proof::LogProof,
};
use hallmark_core::{
    account::Signed, chain::ChainSecret, hash::Sha256, key::SigningKey, problem::Code,
    time::Timestamp,
};
use serde_json::json;

fn place(chain: &ChainSecret, n: u64) -> Vec<u8> {
    let commitment = Sha256::of(&n.to_be_bytes());
    Place { kind: ChainKind::Anchor, w: chain.opening(n), commitment }.to_bytes()
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", "application/json").body(body.into()).unwrap()
}

fn text(answer: &Answer) -> String {
    answer.ok();
    String::from_utf8(answer.body.to_vec()).unwrap()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_taken_and_everything_is_shown() {
    let service = Service::with_log();
    let chain = ChainSecret::generate(&mut rng());
    let said = service.send_raw(post("/v1/log/entries", place(&chain, 1))).await;
    let proof: LogProof = text(&said).parse().unwrap();
    let policy = Policy::of_log(service.app.log().unwrap().key().clone());
    let under = proof.verify(&place(&chain, 1), &policy).unwrap();

    let checkpoint = service.send_raw(get("/log/checkpoint")).await;
    assert_eq!(checkpoint.headers[header::CACHE_CONTROL], "no-cache");
    assert_eq!(text(&checkpoint), under.signed().to_string());
    let tile = service.send_raw(get("/log/tile/0/000.p/3")).await;
    assert!(tile.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(tile.body.len(), 96);
    let vkey = service.send_raw(get("/log/vkey")).await;
    let key = service.app.log().unwrap().key().to_string();
    assert_eq!(text(&vkey), format!("{key}\n"));

    for (n, expected) in [(1, Some(1)), (2, None)] {
        let label = chain.label(n);
        let said = service.send_raw(get(&format!("/v1/log/labels/{label}"))).await;
        let said: LookedUp = said.json();
        assert_eq!(said.verify(&policy, &label).unwrap().1, expected);
    }
    let labels = json!({"labels": [chain.label(1), chain.label(2)]}).to_string();
    let all = service.send_raw(post("/v1/log/labels", labels)).await;
    let all: LookedUpAll = all.json();
    assert_eq!(all.labels.len(), 2);
    let proof = service.send_raw(get("/v1/log/entries/1/proof")).await;
    let proof: LogProof = text(&proof).parse().unwrap();
    proof.verify(&place(&chain, 1), &policy).unwrap();
}

/// T-50: a key says once who follows it, and nobody else says it for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_once_who_follows_it() {
    let service = Service::with_log();
    let policy = Policy::of_log(service.app.log().unwrap().key().clone());
    let own = key(1);
    let says = |successor: u8, by: &SigningKey| {
        let keys = (by.public(), key(successor).public());
        let at = Timestamp::from_unix_s(1_700_000_000).unwrap();
        let statement = KeyStatement::new(KeyRole::Studio, keys, None, at);
        log_key::entry(&Signed::new(statement, by).unwrap())
    };
    let first = says(2, &own);
    for _ in 0..2 {
        let said = service.send_raw(post("/v1/log/entries", first.clone())).await;
        let proof: LogProof = text(&said).parse().unwrap();
        assert_eq!(proof.index, 1, "sent again, it is where it was");
        proof.verify(&first, &policy).unwrap();
    }
    let other = service.send_raw(post("/v1/log/entries", says(3, &own))).await;
    assert_eq!(other.code(), Code::Taken, "it has said who follows");
    let forged = String::from_utf8(says(3, &key(4))).unwrap();
    let forged = forged.replace(&key(4).public().to_string(), &key(5).public().to_string());
    let refused = service.send_raw(post("/v1/log/entries", forged)).await;
    assert_eq!(refused.code(), Code::NotLogged, "the signature is another key's");

    let prints = [&own, &key(2)].map(|key| key.public().fingerprint());
    let labels = prints.map(|print| log_key::label(&print));
    let all = service.send_raw(post("/v1/log/labels", json!({"labels": labels}).to_string())).await;
    let said: LookedUpAll = all.json();
    let answered = said.clone().verify(&policy, &labels).unwrap();
    assert_eq!((answered.index(0), answered.index(1)), (Some(1), None));
    answered.check_entry(0, &first).unwrap();
    assert!(
        answered.check_entry(0, &says(3, &own)).is_err()
            && answered.check_entry(1, &first).is_err()
    );
    let [one, two] = labels;
    assert!(said.clone().verify(&policy, &[two, one]).is_err(), "about other labels");
    assert!(said.clone().verify(&policy, &[one]).is_err(), "about more");
    let mut lies = said;
    lies.labels.swap(0, 1);
    assert!(lies.verify(&policy, &labels).is_err());
}

/// T-43, T-49: what the log does not take, and how much of anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused() {
    let service = Service::with_log();
    let chain = ChainSecret::generate(&mut rng());
    service.send_raw(post("/v1/log/entries", place(&chain, 1))).await.ok();
    let other =
        Place { kind: ChainKind::Anchor, w: chain.opening(1), commitment: Sha256::of(b"x") };
    for (request, code) in [
        (post("/v1/log/entries", other.to_bytes()), Code::Taken),
        (post("/v1/log/entries", "{}"), Code::NotLogged),
        (post("/v1/log/entries", r#"{"kind":"note"}"#), Code::NotLogged),
        (post("/v1/log/entries", vec![b'x'; 70_000]), Code::TooLarge),
        (post("/v1/log/labels", "{}"), Code::Malformed),
        (
            post("/v1/log/labels", json!({"labels": vec![chain.label(1); 257]}).to_string()),
            Code::TooLarge,
        ),
        (get("/v1/log/labels/x"), Code::Malformed),
        (get("/v1/log/entries/99/proof"), Code::NotFound),
        (get("/log/tile/0/001"), Code::NotFound),
        (get("/log/tile/0/0"), Code::NotFound),
        (get("/log/tile/../hallmark.db"), Code::NotFound),
        (get("/log/tile/0/000.p/3/../../../../../lock"), Code::NotFound),
        (get("/log/tile/%2e%2e/%2e%2e/hallmark.db"), Code::NotFound),
    ] {
        let what = format!("{request:?}");
        assert_eq!(service.send_raw(request).await.code(), code, "{what}");
    }
    let mut taken = 0;
    for n in 0..300 {
        let mut request = post("/v1/log/entries", format!("{{\"n\":{n}}}"));
        request.extensions_mut().insert(Origin(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))));
        let said = service.send_raw(request).await;
        taken += usize::from(said.status != StatusCode::TOO_MANY_REQUESTS);
    }
    assert!((200..250).contains(&taken), "{taken} of 300 were looked at");
}
