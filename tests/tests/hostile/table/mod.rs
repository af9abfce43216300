//! The table of `threat-model.md`, section "The hostile service", played cell by cell: the real
//! `hallmark` command at the real service, with a proxy between them that answers what it wants.

mod lies;
mod model;
mod scene;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use super::daemon::{device::Devices, service};
use hallmark_suites::{faults::Running, hostile::Proxy};
use lies::{Lie, lies};
use model::{ATTACKS, ENDPOINTS, Endpoint};
use scene::Scene;

/// A service, people at it, and what may stand between them.
pub(super) struct Stage {
    devices: Devices,
    place: tempfile::TempDir,
    running: Running,
    proxies: Vec<Proxy>,
}

impl Stage {
    /// With so many proxies, each of which the service knows by name.
    fn new(proxies: usize) -> Option<Self> {
        let (devices, place) = (Devices::new()?, tempfile::tempdir().unwrap());
        let proxies: Vec<_> = (0..proxies).map(|_| Proxy::first().unwrap()).collect();
        let running = service(&place.path().join("data"), &names(&proxies))?.start(None).unwrap();
        let address = running.address().unwrap_or_else(|| panic!("{}", running.said()));
        proxies.iter().for_each(|proxy| proxy.turn_to(address));
        Some(Self { devices, place, running, proxies })
    }
}

fn names(proxies: &[Proxy]) -> Vec<String> {
    proxies.iter().map(|proxy| proxy.address().to_string()).collect()
}

/// The most memory that any command may take, whatever it is answered.
const MOST_BYTES: u64 = 100 << 20;
/// The longest that any command may take.
const MOST_TIME: Duration = Duration::from_secs(150);

/// Plays a lie: what the command came to, in the words of the table.
fn play(stage: &Stage, proxy: &Proxy, endpoint: &Endpoint, n: usize, lie: &Lie) -> String {
    let mut scene = Scene::new(stage, proxy, endpoint, n);
    let _other = scene.arrange(lie);
    let told = scene.attacked();
    proxy.honest();
    proxy.turn_to(stage.running.address().unwrap());
    assert!(!told.err.contains("panicked"), "{} {}: {told:?}", endpoint.name, lie.name);
    assert!(told.peak_bytes < MOST_BYTES, "{} {}: {told:?}", endpoint.name, lie.name);
    assert!(told.took < MOST_TIME, "{} {}: {told:?}", endpoint.name, lie.name);
    let unreachable = told.err.contains("could not be reached");
    let waits = told.code == 0 && told.json()["sent"].as_bool() == Some(false);
    let outcome = match told.code {
        0 if waits => "waits".to_owned(),
        0 => "done".to_owned(),
        1 if unreachable => "no answer, exit 1".to_owned(),
        code => format!("refused, exit {code}"),
    };
    let outcome = match scene.settled() {
        Ok(()) => outcome,
        Err(code) => format!("believed, then exit {code}"),
    };
    eprintln!("{} | {} | {outcome}", endpoint.name, lie.name);
    outcome
}

/// Plays one row: every attack but withholding, which takes as long as a client waits.
fn row(name: &str) {
    let Some(stage) = Stage::new(1) else { return };
    let endpoint = model::endpoint(name);
    let proxy = &stage.proxies[0];
    let (mut n, mut wrong) = (0, Vec::new());
    for attack in ATTACKS.iter().filter(|attack| **attack != "withhold") {
        let mut outcomes = BTreeSet::new();
        for lie in lies(endpoint, attack) {
            n += 1;
            // The others are played all the same.
            let played = AssertUnwindSafe(|| play(&stage, proxy, endpoint, n, &lie));
            let broken = |_| format!("{} went wrong", lie.name);
            outcomes.insert(catch_unwind(played).unwrap_or_else(broken));
            proxy.honest();
            proxy.turn_to(stage.running.address().unwrap());
        }
        wrong.extend(model::differs(endpoint, attack, &outcomes));
    }
    assert!(wrong.is_empty(), "threat-model.md says otherwise:\n{}", wrong.join("\n"));
}

macro_rules! rows {
    ($($test:ident: $name:literal;)+) => {
        $(#[test]
        fn $test() {
            row($name);
        })+

        #[test]
        fn every_row_of_the_table_is_played() {
            let played = BTreeSet::from([$($name),+]);
            let known: BTreeSet<_> = ENDPOINTS.iter().map(|endpoint| endpoint.name).collect();
            assert_eq!(played, known);
            model::is_whole();
        }
    };
}

// T-26, T-29, T-30, T-33, T-35, T-37, T-38, T-39.
rows! {
    what_it_is: "GET service";
    whose_device_it_is: "GET membership";
    a_new_account: "POST accounts";
    the_device_list: "GET devices";
    a_device_more: "POST devices";
    what_is_new: "GET sync";
    an_edit: "POST items";
    an_upload_begun: "POST blobs";
    an_upload_gone_on_with: "GET blob";
    a_part: "PUT part";
    an_attachment: "GET content";
    an_attachment_removed: "DELETE blob";
    an_account_closed: "DELETE account";
}

/// All at once, since a client waits for long.
#[test]
fn no_answer_at_all() {
    let Some(stage) = Stage::new(ENDPOINTS.len()) else { return };
    let wrong: Vec<String> = thread::scope(|scope| {
        let rows: Vec<_> = ENDPOINTS
            .iter()
            .zip(&stage.proxies)
            .enumerate()
            .map(|(n, (endpoint, proxy))| {
                let stage = &stage;
                scope.spawn(move || {
                    let lies = lies(endpoint, "withhold");
                    let played = lies.iter().map(|lie| play(stage, proxy, endpoint, n, lie));
                    model::differs(endpoint, "withhold", &played.collect())
                })
            })
            .collect();
        rows.into_iter().flat_map(|row| row.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "threat-model.md says otherwise:\n{}", wrong.join("\n"));
}
