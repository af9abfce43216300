//! No byte of a body is read before its head is good, and no more of them are held than there is
//! room for.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{body::Body, http::Request};
use bytes::Bytes;
use client::{Call, NOW_S, Person, Service, key, new_item};
use hallmark_api::app::Settings;
use hallmark_core::problem::Code;
use hyper::body::{Frame, SizeHint};
use tower::ServiceExt;

/// A body that says how long it is and does not come.
struct Held {
    /// Whether somebody may wait for it.
    is_read: bool,
}

const LENGTH: u64 = 4 << 20;

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        assert!(self.is_read, "the body was read");
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(LENGTH)
    }
}

fn held(call: &Call, is_read: bool) -> Request<Body> {
    call.http().map(|_| Body::new(Held { is_read }))
}

#[tokio::test]
async fn a_body_is_not_read_before_its_head_is_good() {
    let service = Service::start();
    let person = Person::joined(&service).await;
    let items = person.at("/items");
    let stranger = key(9);
    let of = |by, at_s| Call::signed(by, "POST", &items, b"{}", at_s);
    let mut forged = of(&person.phone, NOW_S);
    forged.signed.signature = of(&stranger, NOW_S).signed.signature;
    let mut bare = of(&person.phone, NOW_S);
    bare.signed.signature = "hm=::".to_owned();
    let mut digest = of(&person.phone, NOW_S);
    digest.signed.content_digest = "sha-256=:AAAA:".to_owned();
    let mut elsewhere = of(&person.phone, NOW_S);
    elsewhere.host = "other.example".to_owned();
    let nowhere = Call::signed(&stranger, "POST", &Person::new().at("/items"), b"{}", NOW_S);
    let long = Call::signed(&stranger, "POST", "/v1/accounts", b"{}", NOW_S);
    for (call, code) in [
        (bare, Code::Unsigned),
        (digest, Code::Unsigned),
        (forged, Code::Signature),
        (elsewhere, Code::Signature),
        (of(&person.phone, NOW_S - 301), Code::Clock),
        (of(&stranger, NOW_S), Code::NotListed),
        (nowhere, Code::NoAccount),
        (long, Code::TooLarge),
    ] {
        assert_eq!(service.send_raw(held(&call, false)).await.code(), code);
    }
}

#[tokio::test]
async fn bodies_that_find_no_room_are_turned_away_unread() {
    let settings = Settings { max_bodies_bytes: 2 * LENGTH, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let mut person = Person::joined(&service).await;
    let call = |body| service.call(&person.phone, "POST", &person.at("/items"), body);
    let waiting = [call(b"1"), call(b"2")].map(|call| {
        let router = service.router.clone();
        tokio::spawn(router.oneshot(held(&call, true)))
    });
    // One thread: both are at their bodies when this goes on.
    for _ in 0..100 {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let refused = service.send_raw(held(&call(b"3"), false)).await;
    assert_eq!(refused.code(), Code::Overloaded);
    assert_eq!(refused.headers["retry-after"], "1");
    let read = service.ask(&person.phone, "GET", &person.at("/sync")).await;
    read.ok();
    // Who hangs up leaves its room to others.
    for one in waiting {
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
    }
    person.put(&service, vec![new_item()], vec![]).await.ok();
}
