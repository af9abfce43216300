//! The service itself: what is sealed is nowhere in its data, its log and its memory; what is sent
//! as it is, the control, is found there.

use hallmark_suites::blindness::{Canaries, Place, Search};

use super::daemon::{people::Person, talkative};

const SEALED: &str = "Carrer de la Llibertat 12, 08012 Barcelona";
const PLAIN: &str = "sent by a client that forgot to seal";

#[test]
fn what_is_sealed_is_nowhere_in_the_service() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let Some(service) = talkative(&data) else { return };
    let running = service.start(None).unwrap();
    let mut person = Person::new(SEALED.as_bytes(), PLAIN.repeat(3).as_bytes());
    person.live(running.address().unwrap(), 5).unwrap();
    assert_eq!(person.kept.len(), 7);

    let mut canaries = Canaries::default();
    canaries.plant("sealed", SEALED).unwrap();
    canaries.plant("plain", PLAIN).unwrap();
    person.secrets().iter().for_each(|secret| canaries.plant("key", secret).unwrap());
    let search = Search::new(&canaries).unwrap();
    let folder = search.in_folder(&data).unwrap();
    let memory = running.pid().map(|pid| search.in_process(pid));
    let log = running.said();
    assert!(log.contains("/v1/accounts/{account}"), "the control: requests are in the log: {log}");
    let said = search.in_bytes(log.as_bytes());
    running.stop().unwrap();

    let only_plain = |kind: &str| kind == "plain";
    assert!(folder.hits.iter().all(|hit| only_plain(&hit.found.kind)), "{:#?}", folder.hits);
    assert!(folder.hits.iter().any(|hit| matches!(hit.place, Place::File(_))), "the control");
    assert!(folder.bytes > 10_000 && said.is_empty());
    match memory.unwrap() {
        Ok(memory) => {
            eprintln!("{} bytes of memory, {} hits", memory.bytes, memory.hits.len());
            assert!(memory.hits.iter().all(|hit| only_plain(&hit.found.kind)));
        }
        Err(error) => eprintln!("skipped: the memory of the service: {error}"),
    }
}
