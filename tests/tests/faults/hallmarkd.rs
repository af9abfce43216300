//! The service itself under every fault and every loss of power, used by several people at once.
//!
//! The short campaigns run with the other tests; the full ones by
//! `cargo nextest run -p hallmark-suites --test faults --run-ignored only`.

use std::{collections::HashMap, path::Path, sync::Arc};

use hallmark_suites::faults::{
    Campaign, Running, Scope, Service, Table,
    replay::{Before, Plan, Recording, Replayed, Sent},
    strace_is_missing,
};

use super::daemon::{
    self,
    people::{Kept, Person, by_port, use_service},
};

/// The service, where it and the tools are there.
fn service(data: &Path) -> Option<Service> {
    daemon::service(data, &[]).filter(|_| !strace_is_missing())
}

fn finds(running: &Running, people: &[Person]) -> Result<(), String> {
    people.iter().try_for_each(|person| {
        let kept: Vec<&Kept> = person.kept.iter().map(|(_, kept)| kept).collect();
        person.finds(running.address().ok_or("does not listen")?, &kept)
    })
}

/// Blobs have names by chance, so all calls count, whatever they are on.
fn campaign(stride: usize) -> Option<Table> {
    let place = tempfile::tempdir().unwrap();
    let mut campaign = Campaign::new(&place.path().join("data"), place.path()).unwrap();
    (campaign.stride, campaign.scope) = (stride, Scope::All);
    let service = service(&campaign.folder)?;
    let drive = |running: &Running| use_service(running.address().unwrap(), 4, 6);
    let check = |running: &Running, people: &Vec<Person>| finds(running, people);
    let table = campaign.against_service(|_| Ok(()), &service, drive, check).unwrap();
    eprintln!("{table}");
    Some(table)
}

fn replay(people: usize, items: usize, plan: &Plan) -> Option<[Replayed; 2]> {
    let place = tempfile::tempdir().unwrap();
    let outside = place.path().canonicalize().unwrap();
    let strace = Recording::strace(&outside.join("trace"));
    let running = service(&outside.join("data"))?.start(Some(&strace)).unwrap();
    let address = running.address().unwrap_or_else(|| panic!("{}", running.said()));
    let people = use_service(address, people, items);
    running.stop().unwrap();
    // The folder above holds the data folder's own name, which has to last as well.
    let calls = strace.calls().unwrap();
    let recording = Recording::read(&calls, &outside, Before::default()).unwrap();
    let told = by_port(people);

    let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let state = place.path().join("state");
    let service = service(&state.join("data"))?;
    let acknowledgement = |sent: &Sent| {
        let port = sent.peer.as_ref()?.rsplit(':').next()?.parse().ok()?;
        told.get(&port).filter(|_| sent.bytes.starts_with(b"HTTP/1.1 2")).cloned()
    };
    let check = |_: &Path, told: &[(Arc<Person>, Kept)]| {
        let running = service.start(None).map_err(|error| error.to_string())?;
        let address = running.address().ok_or_else(|| format!("ended: {}", running.said()))?;
        let mut by_person: HashMap<_, (&Arc<Person>, Vec<&Kept>)> = HashMap::new();
        for (person, kept) in told {
            let one = by_person.entry(Arc::as_ptr(person)).or_insert((person, Vec::new()));
            one.1.push(kept);
        }
        let found = by_person.values().try_for_each(|(person, kept)| person.finds(address, kept));
        running.signal("KILL");
        found
    };
    let honest = plan.replay(&recording, &state, acknowledgement, check).unwrap();
    eprintln!("{honest}");
    // The control: a disk that only says that it synced.
    let lying = Plan { stride: plan.stride * 10, by_chance: 0, of_each: 1, ..plan.clone() };
    let lied = lying.replay(&recording.without_syncs(), &state, acknowledgement, check).unwrap();
    eprintln!("syncs ignored: {lied}");
    Some([honest, lied])
}

#[test]
fn a_fault_at_some_calls_loses_nothing_acknowledged() {
    let Some(table) = campaign(45) else { return };
    assert!(table.broken() == 0 && table.points() > 20, "{table}");
}

#[test]
#[ignore = "the full campaign: some minutes"]
fn a_fault_at_any_call_loses_nothing_acknowledged() {
    let Some(table) = campaign(1) else { return };
    assert!(table.broken() == 0 && table.points() >= 300, "{table}");
}

#[test]
fn a_loss_of_power_at_some_moments_loses_nothing_acknowledged() {
    let plan = Plan { stride: 9, of_each: 2, by_chance: 2, ..Plan::default() };
    let Some([honest, lied]) = replay(4, 4, &plan) else { return };
    assert!(honest.lost.is_empty() && honest.states >= 40, "{honest}");
    assert!(!lied.lost.is_empty(), "{lied}");
}

#[test]
#[ignore = "the full campaign: some minutes"]
fn a_loss_of_power_at_any_moment_loses_nothing_acknowledged() {
    let plan = Plan { of_each: 3, by_chance: 3, ..Plan::default() };
    let Some([honest, lied]) = replay(6, 20, &plan) else { return };
    assert!(honest.lost.is_empty() && honest.states >= 1000, "{honest}");
    assert!(!lied.lost.is_empty(), "{lied}");
}
