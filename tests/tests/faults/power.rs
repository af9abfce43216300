//! Loss of power, over SQLite as it should be set and as it should not.

use std::path::Path;

use hallmark_suites::faults::{
    replay::{Before, Plan, Recording, Replayed, Sent},
    strace_is_missing,
};

use super::ledger::{missing, put, service};

/// Memory where there is some: no state has to survive anything.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A service that keeps some numbers, recorded.
fn recording(how: &str, numbers: u32) -> Recording {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().canonicalize().unwrap().join("ledger");
    std::fs::create_dir(&folder).unwrap();
    let before = Before::of(&folder).unwrap();
    let strace = Recording::strace(&place.path().join("trace"));
    let running = service(&folder, how).start(Some(&strace)).unwrap();
    assert_eq!(put(&running, 1..numbers + 1).len() as u32, numbers, "{}", running.said());
    running.stop().unwrap();
    Recording::read(&strace.calls().unwrap(), &folder, before).unwrap()
}

fn acknowledgement(sent: &Sent) -> Option<u32> {
    sent.peer.as_ref()?;
    std::str::from_utf8(&sent.bytes).ok()?.strip_prefix("ok ")?.trim_end().parse().ok()
}

fn replay(recording: &Recording, plan: &Plan) -> Replayed {
    let place = scratch();
    let check = |folder: &Path, acknowledged: &[u32]| {
        let kept = kept(&folder.join("ledger.db")).map_err(|error| format!("damaged: {error}"))?;
        missing(&kept, acknowledged)
    };
    let replayed =
        plan.replay(recording, &place.path().join("state"), acknowledgement, check).unwrap();
    eprintln!("{replayed}");
    replayed
}

fn kept(path: &Path) -> rusqlite::Result<String> {
    let db = rusqlite::Connection::open(path)?;
    let known: u32 = db.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    if known == 0 {
        return Ok(String::new());
    }
    let check: String = db.query_row("pragma integrity_check", [], |row| row.get(0))?;
    if check != "ok" {
        return Err(rusqlite::Error::ToSqlConversionFailure(check.into()));
    }
    let mut select = db.prepare("select cast(number as text) from entry")?;
    let numbers = select.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(numbers.join(" "))
}

#[test]
fn full_loses_nothing_in_a_thousand_states() {
    if strace_is_missing() {
        return;
    }
    let recording = recording("full", 120);
    let replayed = replay(&recording, &Plan::default());
    assert!(replayed.states >= 1000 && replayed.acknowledged == 120, "{replayed}");
    assert!(replayed.lost.is_empty(), "{replayed}");

    // The control: the same run on a disk that only says that it synced.
    let lied = replay(&recording.without_syncs(), &Plan { stride: 20, ..Plan::default() });
    assert!(!lied.lost.is_empty(), "{lied}");
}

/// The controls.
#[test]
fn normal_and_off_lose_what_was_acknowledged() {
    if strace_is_missing() {
        return;
    }
    for how in ["normal", "off"] {
        let replayed = replay(&recording(how, 60), &Plan { stride: 10, ..Plan::default() });
        assert!(
            replayed.lost.iter().any(|loss| loss.wrong.starts_with("lost")),
            "{how}: {replayed}"
        );
    }
}
