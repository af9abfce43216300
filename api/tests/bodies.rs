//! No byte of a body is read before its head is good, and no more of them are held than there is
//! room for, in nobody's hands more than its share.
#![allow(clippy::unwrap_used)]

mod client;

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{body::Body, http::Request, response::Response};
use bytes::Bytes;
use client::{Answer, Call, NOW_S, Person, Service, device, key, new_item};
use hallmark_api::{
    app::Settings,
    limit::{Origin, Rate},
};
use hallmark_core::{account::device_list::Change, key::SigningKey, problem::Code};
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// A body that says how long it is, and of which only the beginning comes.
struct Held {
    /// None where nobody may wait for it.
    begin: Option<Bytes>,
    length: u64,
}

/// The length of a part, and what the largest body here has.
const LENGTH: u64 = 4 << 20;

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let begin = self.begin.as_mut().expect("the body was read");
        match std::mem::take(begin) {
            empty if empty.is_empty() => Poll::Pending,
            begin => Poll::Ready(Some(Ok(Frame::data(begin)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

fn unread(call: &Call) -> Request<Body> {
    call.http().map(|_| Body::new(Held { begin: None, length: LENGTH }))
}

/// The same, of which so many bytes come.
fn begun(call: &Call, bytes: u64) -> Request<Body> {
    begun_of(call, bytes, LENGTH)
}

fn begun_of(call: &Call, bytes: u64, length: u64) -> Request<Body> {
    let begin = Some(vec![0; usize::try_from(bytes).unwrap()].into());
    call.http().map(|_| Body::new(Held { begin, length }))
}

/// Room for few bodies, the largest of which is a part.
fn narrow(max_bodies_bytes: u64) -> Service {
    let settings = Settings { max_bodies_bytes, max_body_bytes: 64 << 10, ..Settings::default() };
    Service::with(settings, &Default::default())
}

/// Sends all these and waits until they are at their bodies.
async fn wait_for(
    service: &Service,
    requests: impl IntoIterator<Item = Request<Body>>,
) -> Vec<JoinHandle<Result<Response, Infallible>>> {
    let send = |request| tokio::spawn(service.router.clone().oneshot(request));
    let waiting: Vec<_> = requests.into_iter().map(send).collect();
    for _ in 0..200 {
        tokio::task::yield_now().await;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for one in &waiting {
        assert!(!one.is_finished(), "it did not wait for its body");
    }
    waiting
}

/// A part of a blob that is about to come.
fn part(service: &Service, person: &Person, by: &SigningKey) -> Call {
    service.call(by, "PUT", &person.at("/blobs/00000000000000000000000000000001/parts/0"), b"x")
}

/// A person with a second device.
async fn with_thief(service: &Service) -> (Person, SigningKey) {
    let (mut person, thief) = (Person::joined(service).await, key(11));
    let phone = SigningKey::from_seed(&person.phone.seed());
    person.change(service, Change::Add { device: device(&thief) }, &phone).await.ok();
    (person, thief)
}

async fn revoke(service: &Service, person: &mut Person, thief: &SigningKey) -> Answer {
    let phone = SigningKey::from_seed(&person.phone.seed());
    person.change(service, Change::Revoke { device: thief.public() }, &phone).await
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
        assert_eq!(service.send_raw(unread(&call)).await.code(), code);
    }
}

/// T-34: what is announced and does not come takes nothing.
#[tokio::test]
async fn heads_whose_bodies_do_not_come_keep_nobody_out() {
    let service = narrow(2 * LENGTH);
    let (mut person, thief) = with_thief(&service).await;
    let heads: Vec<_> = (0..32).map(|_| begun(&part(&service, &person, &thief), 1)).collect();
    let waiting = wait_for(&service, heads).await;
    person.put(&service, vec![new_item()], vec![]).await.ok();
    revoke(&service, &mut person, &thief).await.ok();
    drop(waiting);
}

#[tokio::test]
async fn a_key_and_an_account_hold_no_more_than_their_shares() {
    let service = narrow(256 << 20);
    let (mut person, thief) = with_thief(&service).await;
    let (other, phone) =
        (Person::joined(&service).await, SigningKey::from_seed(&person.phone.seed()));
    let of = |by: &SigningKey| begun(&part(&service, &person, by), LENGTH - 1);
    let mut waiting = wait_for(&service, [of(&thief), of(&thief)]).await;
    assert_eq!(service.send_raw(of(&thief)).await.code(), Code::Overloaded);
    waiting.extend(wait_for(&service, [of(&phone), of(&phone)]).await);
    let refused = service.send_raw(of(&person.recovery)).await;
    assert_eq!(refused.code(), Code::Overloaded, "the account has its share");
    assert_eq!(refused.headers["retry-after"], "1");
    waiting.extend(wait_for(&service, [begun(&part(&service, &other, &other.phone), 9)]).await);
    // Who hangs up leaves its room to others.
    for one in waiting {
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
    }
    person.put(&service, vec![new_item()], vec![]).await.ok();
}

/// T-34: where an address is known, nobody has more from there by having more accounts.
#[tokio::test]
async fn an_address_holds_no_more_than_its_share() {
    let service = narrow(256 << 20);
    let from = |last: u8, mut request: Request<Body>| {
        request.extensions_mut().insert(Origin(IpAddr::from([192, 0, 2, last])));
        request
    };
    let mut waiting = Vec::new();
    for at in 0..3 {
        let person = Person::joined(&service).await;
        let of = || from(1, begun(&part(&service, &person, &person.phone), LENGTH - 1));
        if at < 2 {
            waiting.extend(wait_for(&service, [of(), of()]).await);
        } else {
            assert_eq!(service.send_raw(of()).await.code(), Code::Overloaded);
        }
    }
    let guest = |last| {
        let call = service.call(&key(99), "POST", "/v1/accounts", b"{}");
        from(last, begun_of(&call, 64 << 10, 64 << 10))
    };
    waiting.extend(wait_for(&service, (0..16).map(|_| guest(2))).await);
    assert_eq!(service.send_raw(guest(2)).await.code(), Code::Overloaded);
    waiting.extend(wait_for(&service, [guest(3)]).await);
    drop(waiting);
}

/// T-34, T-27: a room full of other bodies keeps nobody from revoking a device, or from recovering.
#[tokio::test]
async fn device_list_entries_have_a_room_of_their_own() {
    let service = narrow(2 * LENGTH);
    let (mut person, thief) = with_thief(&service).await;
    let of = || begun(&part(&service, &person, &thief), LENGTH - 1);
    let waiting = wait_for(&service, [of(), of()]).await;
    let put = person.put(&service, vec![new_item()], vec![]).await;
    assert_eq!(put.code(), Code::Overloaded);
    revoke(&service, &mut person, &thief).await.ok();
    let (recovery, new) = (SigningKey::from_seed(&person.recovery.seed()), key(12));
    let change = Change::Recover { devices: vec![device(&new)] };
    person.change(&service, change, &recovery).await.ok();
    drop(waiting);
}

/// T-27: two keys of an account, whose entries come slowly, leave the owner's and the paper's their room.
#[tokio::test]
async fn slow_entries_of_an_account_keep_no_other_out() {
    let service = Service::start();
    let (mut person, thief) = with_thief(&service).await;
    let helper = key(13);
    let (phone, add) =
        (SigningKey::from_seed(&person.phone.seed()), Change::Add { device: device(&helper) });
    person.change(&service, add, &phone).await.ok();
    let of = |by: &SigningKey| {
        let call = service.call(by, "POST", &person.at("/devices"), b"{}");
        begun_of(&call, 8 << 20, (8 << 20) - 1)
    };
    let waiting = wait_for(&service, [of(&thief), of(&helper)]).await;
    revoke(&service, &mut person, &thief).await.ok();
    let (recovery, new) = (SigningKey::from_seed(&person.recovery.seed()), key(12));
    let change = Change::Recover { devices: vec![device(&new)] };
    person.change(&service, change, &recovery).await.ok();
    drop(waiting);
}

/// T-34: nobody fills the room of all entries from one address, however many keys there are.
#[tokio::test]
async fn entries_from_one_address_leave_half_of_their_room() {
    let service = narrow(1 << 20);
    let mut waiting = Vec::new();
    for at in 0..4 {
        let person = Person::joined(&service).await;
        let entry = |last: u8| {
            let call = service.call(&person.phone, "POST", &person.at("/devices"), b"{}");
            let mut request = begun_of(&call, (64 << 10) - 1, 64 << 10);
            request.extensions_mut().insert(Origin(IpAddr::from([192, 0, 2, last])));
            request
        };
        if at < 2 {
            waiting.extend(wait_for(&service, [entry(1)]).await);
        } else {
            assert_eq!(service.send_raw(entry(1)).await.code(), Code::Overloaded);
            waiting.extend(wait_for(&service, [entry(2)]).await);
        }
    }
    drop(waiting);
}

/// T-27: once an entry came too late, nobody commits until one was in time, or for a while.
#[tokio::test]
async fn who_commits_without_end_is_taken_off_all_the_same() {
    let service = Service::start();
    let (mut person, thief) = with_thief(&service).await;
    let phone = SigningKey::from_seed(&person.phone.seed());
    let off = Change::Revoke { device: thief.public() };
    let late = person.append(off.clone(), &phone);
    let commit = |person: &Person| person.commit_by(&thief, vec![new_item()], vec![], |_| ());
    let first = commit(&person);
    service.post(&thief, &person.at("/items"), &first).await.ok();
    person.follow(&first);
    let refused = service.post(&phone, &person.at("/devices"), &late).await;
    assert_eq!(refused.code(), Code::ItemsChanged);
    let next = commit(&person);
    let held_up = service.post(&thief, &person.at("/items"), &next).await;
    assert_eq!(
        (held_up.code(), &held_up.headers["retry-after"]),
        (Code::Overloaded, &"5".parse().unwrap())
    );
    person.change(&service, off, &phone).await.ok();
    person.put(&service, vec![new_item()], vec![]).await.ok();
}

/// T-27: once an entry of the recovery key came too late, nobody else's is taken before it.
#[tokio::test]
async fn who_changes_devices_without_end_is_recovered_from_all_the_same() {
    let service = Service::start();
    let (mut person, thief) = with_thief(&service).await;
    let recovery = SigningKey::from_seed(&person.recovery.seed());
    let recover = Change::Recover { devices: vec![device(&key(12))] };
    let late = person.append(recover.clone(), &recovery);
    let add = |n| Change::Add { device: device(&key(n)) };
    person.change(&service, add(20), &thief).await.ok();
    let refused = service.post(&recovery, &person.at("/devices"), &late).await;
    assert_eq!(refused.code(), Code::DevicesChanged);
    let held_up = person.append(add(21), &thief);
    let held_up = service.post(&thief, &person.at("/devices"), &held_up).await;
    assert_eq!(held_up.code(), Code::Overloaded);
    person.change(&service, recover, &recovery).await.ok();
}

/// A head costs as much as a whole request, whether its body comes or not; one that was sent before
/// costs nothing.
#[tokio::test]
async fn a_head_is_charged_before_its_body_is_waited_for() {
    let account_rate = Rate::new(1, 20);
    let settings = Settings { account_rate, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let person = Person::joined(&service).await;
    let upload = br#"{"blob":"00000000000000000000000000000001","sizeBytes":5}"#;
    let sent = service.call(&person.phone, "POST", &person.at("/blobs"), upload);
    service.send(&sent).await.ok();
    for _ in 0..30 {
        assert_eq!(service.send_raw(unread(&sent)).await.code(), Code::Replayed);
    }
    let heads: Vec<_> =
        (0..18).map(|_| begun(&part(&service, &person, &person.phone), 1)).collect();
    let waiting = wait_for(&service, heads).await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        let call = part(&service, &person, &person.phone);
        let answer = service.send(&call).await;
        codes.push(answer.code());
    }
    assert!(codes.contains(&Code::RateLimited), "{codes:?}");
    drop(waiting);
}

/// An answer takes room until it has left.
#[tokio::test]
async fn answers_that_find_no_room_are_refused() {
    let settings = Settings { max_answers_bytes: 512 << 10, ..Settings::default() };
    let service = Service::with(settings, &Default::default());
    let mut person = Person::joined(&service).await;
    person.put(&service, (0..120).map(|_| new_item()).collect(), vec![]).await.ok();
    let sync = person.at("/sync");
    let ask = || service.call(&person.phone, "GET", &sync, b"").http();
    let mut held = vec![service.router.clone().oneshot(ask()).await.unwrap()];
    let length = axum::body::HttpBody::size_hint(held[0].body()).lower();
    assert!((65 << 10..256 << 10).contains(&length), "{length}");
    while (held.len() as u64 + 1) * length <= 512 << 10 {
        held.push(service.router.clone().oneshot(ask()).await.unwrap());
        assert_eq!(held.last().unwrap().status(), 200);
    }
    let refused = service.send_raw(ask()).await;
    assert_eq!(refused.code(), Code::Overloaded);
    service.ask(&person.phone, "GET", &person.at("/devices")).await.ok();
    held.pop();
    service.send_raw(ask()).await.ok();
}

/// T-27: what other devices of an account take slowly keeps none from its next page, nor the paper.
#[tokio::test]
async fn slow_readers_of_an_account_keep_no_other_from_its_answers() {
    let service = Service::start();
    let (mut person, thief) = with_thief(&service).await;
    let helper = key(13);
    let (phone, add) =
        (SigningKey::from_seed(&person.phone.seed()), Change::Add { device: device(&helper) });
    person.change(&service, add, &phone).await.ok();
    person.put(&service, (0..2000).map(|_| new_item()).collect(), vec![]).await.ok();
    let sync = person.at("/sync");
    let ask = |by: &SigningKey| {
        service.router.clone().oneshot(service.call(by, "GET", &sync, b"").http())
    };
    let mut held = Vec::new();
    for by in [&thief, &helper] {
        loop {
            let answer = ask(by).await.unwrap();
            if answer.status() == 503 {
                break;
            }
            assert_eq!(answer.status(), 200);
            held.push(answer);
        }
    }
    assert!(held.len() > 20, "{}", held.len());
    for _ in 0..3 {
        let answer = ask(&phone).await.unwrap();
        assert_eq!(answer.status(), 200);
        held.push(answer);
    }
    let recovery = SigningKey::from_seed(&person.recovery.seed());
    assert_eq!(ask(&recovery).await.unwrap().status(), 200);
}
