//! A campaign against a service.

use hallmark_suites::faults::{Campaign, Table, strace_is_missing};

use super::ledger::{has, put, service};

fn campaign(how: &str, numbers: u32, stride: usize) -> Table {
    let place = tempfile::tempdir().unwrap();
    let mut campaign = Campaign::new(&place.path().join("ledger"), place.path()).unwrap();
    campaign.stride = stride;
    let service = service(&campaign.folder, how);
    let drive = |running: &_| put(running, 1..numbers + 1);
    let check = |running: &_, acknowledged: &Vec<u32>| has(running, acknowledged);
    campaign.against_service(|_| Ok(()), &service, drive, check).unwrap()
}

#[test]
fn a_service_that_keeps_its_word_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    let table = campaign("full", 12, 3);
    eprintln!("{table}");
    assert_eq!(table.broken(), 0, "{table}");
    assert!(table.points() >= 30, "{table}");
}

/// The control.
#[test]
fn a_service_that_writes_in_place_is_found_out() {
    if strace_is_missing() {
        return;
    }
    let table = campaign("careless", 4, 1);
    eprintln!("{table}");
    assert!(table.broken() >= 8, "{table}");
}
