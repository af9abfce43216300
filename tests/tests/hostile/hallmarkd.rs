//! The service itself behind a proxy that passes everything on: signed requests hold.

use hallmark_suites::hostile::Proxy;

use super::daemon::{
    people::{Kept, use_service},
    service,
};

#[test]
fn signed_requests_hold_through_the_proxy() {
    let (proxy, place) = (Proxy::first().unwrap(), tempfile::tempdir().unwrap());
    let names = [proxy.address().to_string()];
    let Some(service) = service(&place.path().join("data"), &names) else { return };
    let running = service.start(None).unwrap();
    proxy.turn_to(running.address().unwrap());
    let people = use_service(proxy.address(), 2, 3);
    for person in &people {
        let kept: Vec<&Kept> = person.kept.iter().map(|(_, kept)| kept).collect();
        // The account, three items, what was logged with each, and a blob.
        assert_eq!(kept.len(), 8, "{:?}", proxy.exchanges().pop().and_then(|last| last.service));
        person.finds(proxy.address(), &kept).unwrap();
    }
    assert!(proxy.last_answer("GET", "/v1/accounts/{account}/sync").is_some());
}
