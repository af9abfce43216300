//! What a signed request proves, and what happens to those that do not.
#![allow(clippy::unwrap_used)]

mod client;

use client::{AUTHORITY, Call, NOW_S, Person, Service, device, key, new_item, sign};
use hallmark_api::{
    app::Settings,
    store::{KEPT_S, Options},
};
use hallmark_core::{
    account::{device_list::Change, exchange::Membership},
    key::SigningKey,
    problem::Code,
};

const MEMBERSHIP: &str = "/v1/membership";

fn call(method: &str, path: &str, body: &[u8]) -> Call {
    Call::signed(&key(1), method, path, body, NOW_S)
}

async fn code(service: &Service, call: &Call) -> Code {
    service.send(call).await.code()
}

#[tokio::test]
async fn every_part_of_a_request_is_signed() {
    let service = Service::start();
    let good = call("GET", MEMBERSHIP, b"");
    service.send(&good).await.json::<Membership>();
    let other = |method: &str, authority: &str, path: &str, body: &[u8]| {
        let signed = sign(&key(1), method, authority, path, body, NOW_S);
        Call { signed, ..good.clone() }
    };
    for (what, wrong) in [
        ("method", other("POST", AUTHORITY, MEMBERSHIP, b"")),
        ("authority", other("GET", "other.example", MEMBERSHIP, b"")),
        ("path", other("GET", AUTHORITY, "/v1/service", b"")),
        ("query", other("GET", AUTHORITY, "/v1/membership?a=b", b"")),
    ] {
        assert_eq!(code(&service, &wrong).await, Code::Signature, "{what}");
    }
    let body = other("GET", AUTHORITY, MEMBERSHIP, b"x");
    assert_eq!(code(&service, &body).await, Code::Digest);
    let mut swapped = good.clone();
    swapped.signed.content_digest = other("GET", AUTHORITY, MEMBERSHIP, b"x").signed.content_digest;
    assert_eq!(code(&service, &swapped).await, Code::Signature, "it is signed too");
    let mut wrong_key = call("GET", MEMBERSHIP, b"");
    wrong_key.signed.signature = sign(&key(2), "GET", AUTHORITY, MEMBERSHIP, b"", NOW_S).signature;
    assert_eq!(code(&service, &wrong_key).await, Code::Signature);
}

#[tokio::test]
async fn a_request_for_another_service_is_refused_even_if_it_says_so() {
    let service = Service::start();
    let mut elsewhere = call("GET", MEMBERSHIP, b"");
    elsewhere.host = "other.example".to_owned();
    elsewhere.signed = sign(&key(1), "GET", "other.example", MEMBERSHIP, b"", NOW_S);
    assert_eq!(code(&service, &elsewhere).await, Code::Signature);
    let mut upper = call("GET", MEMBERSHIP, b"");
    upper.host = AUTHORITY.to_ascii_uppercase();
    service.send(&upper).await.ok();
}

#[tokio::test]
async fn signatures_have_one_form() {
    let service = Service::start();
    let good = call("GET", MEMBERSHIP, b"");
    let with = |change: fn(&mut Call)| {
        let mut call = good.clone();
        change(&mut call);
        call
    };
    let replace = |from: &str, to: &str| {
        let mut call = good.clone();
        let input = &good.signed.signature_input;
        assert!(input.contains(from));
        call.signed.signature_input = input.replace(from, to);
        call
    };
    let strange_key = {
        let did = key(1).public().to_string();
        replace(&did, "did:key:z6Mkbroken")
    };
    for (at, wrong) in [
        replace("\"@query\" ", ""),
        replace("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
        replace("hallmark/request/v1", "hallmark/request/v2"),
        replace("ed25519", "hmac-sha256"),
        replace("hm=", "sig=(),hm="),
        strange_key,
        with(|call| call.extra.push(("signature", call.signed.signature.clone()))),
        with(|call| call.extra.push(("content-digest", call.signed.content_digest.clone()))),
        with(|call| call.extra.push(("signature-input", call.signed.signature_input.clone()))),
        with(|call| call.extra.push(("host", AUTHORITY.to_owned()))),
        with(|call| call.signed.signature.push(' ')),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(code(&service, &wrong).await, Code::Unsigned, "case {at}");
    }
    let bare = axum::http::Request::get(MEMBERSHIP).body(axum::body::Body::empty()).unwrap();
    assert_eq!(service.send_raw(bare).await.code(), Code::Unsigned);
}

#[tokio::test]
async fn a_request_counts_around_the_time_it_was_signed() {
    let service = Service::start();
    service.set_now_s(NOW_S + 1000);
    let at = |created_s| Call::signed(&key(1), "GET", MEMBERSHIP, b"", created_s);
    for created_s in [NOW_S + 700, NOW_S + 1060] {
        service.send(&at(created_s)).await.ok();
    }
    for created_s in [NOW_S + 699, NOW_S + 1061, NOW_S + 1000 - 3600, NOW_S + 1000 + 3600, 0] {
        let answer = service.send(&at(created_s)).await;
        assert_eq!(answer.code(), Code::Clock, "{created_s}");
        assert_eq!(answer.headers["date"], "Fri, 15 Jan 2027 08:16:40 GMT");
    }
}

#[tokio::test]
async fn a_read_counts_once_and_not_from_before_the_start() {
    let service = Service::start();
    let read = call("GET", MEMBERSHIP, b"");
    service.send(&read).await.ok();
    assert_eq!(code(&service, &read).await, Code::Replayed);
    let early = Call::signed(&key(1), "GET", MEMBERSHIP, b"", NOW_S - 10);
    let answer = service.send(&early).await;
    assert_eq!(answer.code(), Code::BeforeRestart);
    assert_eq!(answer.headers["retry-after"], "1");
}

/// Signed ahead of the service's clock, so that the next start may come before it.
#[tokio::test]
async fn a_read_signed_ahead_counts_once_even_across_a_crash() {
    let directory = tempfile::TempDir::new().unwrap();
    let start = |directory: &std::path::Path, started_s| {
        let (settings, options) = (Settings::default(), Options::default());
        Service::over_at(directory, settings, &options, started_s)
    };
    let service = start(directory.path(), NOW_S - 10);
    let person = Person::joined(&service).await;
    let ahead = || Call::signed(&person.phone, "GET", &person.at("/sync"), b"", NOW_S + 50);
    let sent = ahead();
    service.send(&sent).await.ok();
    assert_eq!(code(&service, &sent).await, Code::Replayed);
    // What a crash at this moment leaves.
    let crashed = tempfile::TempDir::new().unwrap();
    for name in ["hallmark.db", "hallmark.db-wal"] {
        std::fs::copy(directory.path().join(name), crashed.path().join(name)).unwrap();
    }
    drop(service);
    for directory in [&directory, &crashed] {
        // While it is still ahead, and when the clock has come to it.
        for started_s in [NOW_S + 5, NOW_S + 49] {
            for now_s in [started_s, NOW_S + 60] {
                let service = start(directory.path(), started_s);
                service.set_now_s(now_s);
                assert_eq!(code(&service, &sent).await, Code::Replayed, "{started_s} {now_s}");
                service.send(&ahead()).await.ok();
            }
        }
    }
}

/// T-34: whoever makes a key can sign, and no key costs the service anything for good that is
/// nothing to the account it asks for.
#[tokio::test]
async fn requests_of_strangers_leave_nothing_behind() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let (phone, gone) = (SigningKey::from_seed(&person.phone.seed()), key(11));
    person.change(&service, Change::Add { device: device(&gone) }, &phone).await.ok();
    person.change(&service, Change::Revoke { device: gone.public() }, &phone).await.ok();
    let rows = || {
        let database = rusqlite::Connection::open(service.path().join("hallmark.db")).unwrap();
        let sql = "SELECT count(*) FROM nonces";
        database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = rows();
    let nobody = Person::new();
    let (blobs, blob) = (person.at("/blobs"), person.at("/blobs/00000000000000000000000000000001"));
    let upload = br#"{"blob":"00000000000000000000000000000001","sizeBytes":5}"#;
    for by in [&key(99), &gone, &nobody.recovery] {
        for (method, path, body) in [
            ("GET", MEMBERSHIP, &b""[..]),
            ("GET", &person.at("/sync"), b""),
            ("GET", &person.at("/devices"), b""),
            ("GET", &nobody.at("/sync"), b""),
            ("DELETE", &nobody.at(""), b""),
            ("DELETE", &person.at(""), b""),
            ("DELETE", &blob, b""),
            ("POST", &blobs, upload),
            ("POST", "/v1/accounts", b"{}"),
        ] {
            let ahead = Call::signed(by, method, path, body, NOW_S + 50);
            let answer = service.send(&ahead).await;
            let is_guest = method == "GET" && (path == MEMBERSHIP || by.public() == gone.public());
            assert!(is_guest || !answer.status.is_success(), "{method} {path}");
        }
    }
    assert_eq!(rows(), before);
    let ahead = Call::signed(&phone, "GET", &person.at("/sync"), b"", NOW_S + 50);
    service.send(&ahead).await.ok();
    assert_eq!(rows(), before + 1, "the control");
}

#[tokio::test]
async fn a_change_counts_once_even_across_a_restart() {
    let directory = tempfile::TempDir::new().unwrap();
    let open = |started_s| {
        let (settings, options) = (Settings::default(), Options::default());
        Service::over_at(directory.path(), settings, &options, started_s)
    };
    let service = open(NOW_S - 10);
    let mut person = Person::joined(&service).await;
    let commit = person.commit(vec![new_item()], vec![]);
    let body = serde_json::to_vec(&commit).unwrap();
    let sent = service.call(&person.phone, "POST", &person.at("/items"), &body);
    service.send(&sent).await.ok();
    assert_eq!(code(&service, &sent).await, Code::Replayed);
    person.follow(&commit);
    person.put(&service, vec![new_item()], vec![]).await.ok();
    assert_eq!(code(&service, &sent).await, Code::Replayed, "though the items have changed");
    drop(service);
    for started_s in [NOW_S + 5, NOW_S - 200] {
        let service = open(started_s);
        assert_eq!(code(&service, &sent).await, Code::Replayed, "started at {started_s}");
    }
    let service = open(NOW_S - 10);
    let fresh = service.call(&person.phone, "POST", &person.at("/items"), &body);
    assert_eq!(code(&service, &fresh).await, Code::ItemsChanged, "the control");
}

#[tokio::test]
async fn nonces_that_are_forgotten_let_nothing_in_when_the_clock_goes_back() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    let erase = service.call(&person.recovery, "DELETE", &person.at(""), b"");
    service.send(&erase).await.ok();
    person.entries.clear();
    let create = serde_json::to_vec(&person.create()).unwrap();
    let again = service.call(&person.phone, "POST", "/v1/accounts", &create);
    service.send(&again).await.ok();
    assert_eq!(code(&service, &erase).await, Code::Replayed);
    service.set_now_s(NOW_S + KEPT_S + 100);
    person.put(&service, vec![new_item()], vec![]).await.ok();
    service.set_now_s(NOW_S);
    assert_eq!(code(&service, &erase).await, Code::BeforeRestart);
    service.ask(&person.phone, "GET", &person.at("/sync")).await;
    service.set_now_s(NOW_S + KEPT_S + 100);
    service.ask(&person.phone, "GET", &person.at("/sync")).await.ok();
}

#[tokio::test]
async fn a_refused_change_is_told_that_it_is_a_replay() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let upload = br#"{"blob":"00000000000000000000000000000001","sizeBytes":5}"#;
    let start = service.call(&person.phone, "POST", &person.at("/blobs"), upload);
    service.send(&start).await.ok();
    assert_eq!(code(&service, &start).await, Code::Replayed);
    let path = person.at("/blobs/00000000000000000000000000000001/parts/0");
    let part = service.call(&person.phone, "PUT", &path, b"12345");
    service.send(&part).await.ok();
    assert_eq!(code(&service, &part).await, Code::Replayed);
    let delete = service.call(
        &person.phone,
        "DELETE",
        &person.at("/blobs/00000000000000000000000000000001"),
        b"",
    );
    service.send(&delete).await.ok();
    assert_eq!(code(&service, &delete).await, Code::Replayed);
    assert_eq!(code(&service, &start).await, Code::Replayed, "it does not come back");
}

#[tokio::test]
async fn bodies_are_as_documented() {
    let service = Service::start();
    let post = |body: &[u8]| call("POST", "/v1/accounts", body);
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"{}",
        br#"{"entry":1,"entry":2}"#,
        br#"{"entry":1.5,"wraps":null}"#,
        b"\xff",
        b"null",
    ] {
        assert_eq!(code(&service, &post(body)).await, Code::Malformed, "{body:?}");
    }
    let mut plain = post(b"{}");
    plain.media_type = Some("text/plain");
    assert_eq!(code(&service, &plain).await, Code::MediaType);
    let mut charset = post(b"{}");
    charset.media_type = Some("Application/JSON; charset=utf-8");
    assert_eq!(code(&service, &charset).await, Code::Malformed);
    let long = post(&vec![b' '; (8 << 20) + 1]);
    assert_eq!(code(&service, &long).await, Code::TooLarge);
    let get = call("GET", MEMBERSHIP, b"x");
    assert_eq!(code(&service, &get).await, Code::TooLarge, "a read has no body");
}

#[tokio::test]
async fn addresses_and_methods_that_are_none() {
    let service = Service::start();
    let (account, blob) = ("ab".repeat(32), "cd".repeat(16));
    for (method, path, expected) in [
        ("GET", "/".to_owned(), Code::NotFound),
        ("GET", "/v1/nothing".to_owned(), Code::NotFound),
        ("GET", format!("/v1/accounts/{account}/"), Code::NotFound),
        ("PUT", "/v1/accounts".to_owned(), Code::Method),
        ("POST", "/v1/service".to_owned(), Code::Method),
        ("GET", "/v1/accounts/abc/sync".to_owned(), Code::Malformed),
        ("GET", format!("/v1/accounts/{}/sync", account.to_uppercase()), Code::Malformed),
        ("GET", format!("/v1/accounts/{account}/blobs/xyz"), Code::Malformed),
        ("GET", format!("/v1/accounts/{account}/sync?devices=-1"), Code::Malformed),
        ("GET", format!("/v1/accounts/{account}/sync?devices=1&devices=2"), Code::Malformed),
        ("GET", format!("/v1/accounts/{account}/sync?other=1"), Code::Malformed),
        ("PUT", format!("/v1/accounts/{account}/blobs/{blob}/parts/+1"), Code::Malformed),
        ("PUT", format!("/v1/accounts/{account}/blobs/{blob}/parts/01"), Code::Malformed),
        ("GET", format!("/v1/accounts/%61{}/sync", &account[1..]), Code::Malformed),
        ("GET", format!("/v1/%61ccounts/{account}/sync"), Code::NotFound),
        ("GET", format!("/v1/accounts/{account}/sync/"), Code::NotFound),
        ("GET", format!("/v1//accounts/{account}/sync"), Code::NotFound),
        ("GET", "/v1/membership/".to_owned(), Code::NotFound),
        ("GET", "/v1/Membership".to_owned(), Code::NotFound),
        ("GET", format!("/v1/accounts/{account}/sync?item=&item="), Code::Malformed),
        ("GET", format!("/v1/accounts/{account}/sync?devices=1%30"), Code::NoAccount),
        ("GET", format!("/v1/accounts/{account}/sync?"), Code::NoAccount),
        ("GET", format!("/v1/accounts/{account}/sync"), Code::NoAccount),
    ] {
        assert_eq!(code(&service, &call(method, &path, b"")).await, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn methods_that_are_none_are_told_which_there_are() {
    let service = Service::start();
    let account = "ab".repeat(32);
    for (path, allowed) in [
        ("/v1/service".to_owned(), "GET,HEAD"),
        (format!("/v1/accounts/{account}/devices"), "GET,HEAD,POST"),
        (format!("/v1/accounts/{account}"), "DELETE"),
        ("/openapi.json".to_owned(), "GET,HEAD"),
    ] {
        for method in ["OPTIONS", "PATCH", "TRACE", "QUERY"] {
            let answer = service.send(&call(method, &path, b"")).await;
            assert_eq!(answer.code(), Code::Method, "{method} {path}");
            assert_eq!(answer.headers["allow"], allowed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_head_is_a_read_of_its_own() {
    let service = Service::start();
    let head = call("HEAD", MEMBERSHIP, b"");
    let answer = service.send(&head).await;
    answer.ok();
    assert!(answer.body.is_empty() && answer.headers.contains_key("content-length"));
    assert_eq!(service.send(&head).await.status, 401, "sent before");
    let get = Call { method: "GET".to_owned(), ..call("HEAD", MEMBERSHIP, b"") };
    assert_eq!(code(&service, &get).await, Code::Signature);
}

#[tokio::test]
async fn a_stopping_service_still_reads() {
    let service = Service::start();
    let mut person = Person::joined(&service).await;
    service.app.drain().await;
    assert!(!service.app.store().is_healthy());
    let answer = person.put(&service, vec![new_item()], vec![]).await;
    assert_eq!(answer.code(), Code::Stopping);
    assert_eq!(answer.headers["retry-after"], "1");
    service.ask(&person.phone, "GET", &person.at("/sync")).await.ok();
}

#[tokio::test]
async fn a_key_is_no_account() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let stranger = SigningKey::generate(&mut client::rng());
    for (method, rest) in [("GET", "/sync"), ("GET", "/devices"), ("DELETE", "")] {
        let answer = service.ask(&stranger, method, &person.at(rest)).await;
        assert_eq!(answer.code(), Code::NotListed, "{method} {rest}");
    }
}
