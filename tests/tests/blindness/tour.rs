//! The tour's service and real commands: what people keep is nowhere in it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use hallmark_suites::blindness::{Canaries, Search, leak};

use super::daemon::{device::Devices, talkative};

/// T-31: the whole data directory, log and metrics of the tour, in every form and packing.
#[test]
fn nothing_of_the_tour_is_in_its_service() {
    let Some(devices) = Devices::new() else { return };
    devices.done("default", None, &["tour", "--out", "tour"]);
    let tour = devices.path("tour");
    let json = std::fs::read(tour.join("canaries.json")).unwrap();
    let canaries = Canaries::parse(&json).unwrap();
    assert!(canaries.iter().count() >= 20, "{canaries:?}");
    let search = Search::new(&canaries).unwrap();
    let searched = search.in_folder(&tour.join("service")).unwrap();
    eprintln!("{} bytes in {} places", searched.bytes, searched.places);
    assert!(searched.hits.is_empty(), "{:#?}", searched.hits);
    assert!(searched.bytes > 50_000 && searched.places > 4);

    // The control: everything leaks.
    let leaky = devices.path("leaky");
    std::fs::create_dir(&leaky).unwrap();
    let leaked = leak(&leaky, &canaries).unwrap();
    let found = search.in_folder(&leaky).unwrap().hits;
    for (kind, number, _) in canaries.iter() {
        let all = leaked.iter().filter(|leak| (leak.kind.as_str(), leak.number) == (kind, number));
        for leak in all {
            let same = found.iter().any(|hit| {
                hit.place == leak.place
                    && (&hit.found.kind, hit.found.number) == (&leak.kind, leak.number)
                    && (hit.found.form, hit.found.packing) == (leak.form, leak.packing)
            });
            assert!(same, "the control: {leak:?} was not found");
        }
    }
}

const ADDRESS: &str = "Carrer de la Llibertat 12, 08012 Barcelona";
const FILE: &str = "wedding-ring-invoice-of-june.txt";
const INSIDE: &str = "two gold rings, engraved on the inside";
const CLEAR: &str = "sent-by-somebody-who-forgot-to-seal";

/// T-31: the memory of a service that real commands used. The control is a request that is under
/// way during the search: a header field, a query and a body in clear.
#[test]
fn nothing_of_a_command_is_in_the_memory_of_its_service() {
    let (Some(devices), place) = (Devices::new(), tempfile::tempdir().unwrap()) else { return };
    let Some(service) = talkative(&place.path().join("data")) else { return };
    let running = service.start(None).unwrap();
    let address = running.address().unwrap();
    let server = format!("http://{address}");
    ["phone", "laptop"].iter().for_each(|name| devices.profile(name));
    std::fs::write(devices.path(FILE), INSIDE.repeat(4000)).unwrap();
    let note = format!("text={ADDRESS}");
    devices.done("phone", Some(&server), &["item", "put", "note", &note, "--attach", FILE]);
    devices.joins("phone", "laptop", Some(&server));
    devices.done("laptop", Some(&server), &["item", "get", "note", "--save", "saved"]);
    let code = devices.done("phone", Some(&server), &["account", "code"]);
    let words = code["words"].as_array().unwrap();
    let words: Vec<&str> = words.iter().filter_map(|word| word.as_str()).collect();

    let mut canaries = Canaries::default();
    for (kind, value) in [("item", ADDRESS), ("name", FILE), ("file", INSIDE), ("clear", CLEAR)] {
        canaries.plant(kind, value).unwrap();
    }
    canaries.plant("paper", &words.join(" ")).unwrap();
    let search = Search::new(&canaries).unwrap();

    // Its body never ends, so the service has to keep what came of it.
    let mut under_way = TcpStream::connect(address).unwrap();
    under_way.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let body = format!("{{\"{CLEAR}\":");
    write!(
        under_way,
        "POST /v1/accounts?{CLEAR} HTTP/1.1\r\nhost: {address}\r\nx-clear: {CLEAR}\r\n\
         content-type: application/json\r\ncontent-length: 4000\r\n\r\n{body}"
    )
    .unwrap();
    thread::sleep(Duration::from_millis(300));
    let memory = running.pid().map(|pid| search.in_process(pid));
    let folder = search.in_folder(place.path()).unwrap();
    drop(under_way.shutdown(std::net::Shutdown::Write));
    drop(under_way.read(&mut [0; 64]));
    let said = running.stop().unwrap().said;

    assert!(
        said.contains("/v1/accounts/{account}"),
        "the control: requests are in the log: {said}"
    );
    assert!(search.in_bytes(said.as_bytes()).is_empty(), "{said}");
    assert!(folder.hits.is_empty(), "{:#?}", folder.hits);
    match memory.unwrap() {
        Ok(memory) => {
            let is_clear = |hit: &&_| -> bool {
                let hit: &hallmark_suites::blindness::Hit = hit;
                hit.found.kind == "clear"
            };
            eprintln!("{} bytes of memory", memory.bytes);
            let private: Vec<_> = memory.hits.iter().filter(|hit| !is_clear(hit)).collect();
            assert!(private.is_empty(), "{private:#?}");
            assert!(memory.hits.iter().any(|hit| is_clear(&hit)), "the control is found");
        }
        Err(error) => eprintln!("skipped: the memory of the service: {error}"),
    }
}
