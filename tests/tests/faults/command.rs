//! A campaign against a command that ends by itself.

use std::path::Path;

use hallmark_suites::faults::{Campaign, Fault, Run, Scope, Table, strace_is_missing};

use super::ledger::{missing, program};

/// One number is kept before, the command adds another.
fn campaign(how: &str, scope: Scope) -> Table {
    let place = tempfile::tempdir().unwrap();
    let (folder, scratch) = (place.path().join("ledger"), place.path());
    let mut campaign = Campaign::new(&folder, scratch).unwrap();
    campaign.scope = scope;
    let of = |folder: &Path, args: &[&str]| {
        let output = program(folder, how).args(args).command().output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let prepare = |folder: &Path| {
        assert_eq!(of(folder, &["add", "1"]), "ok 1\n");
        Ok(())
    };
    let check = |folder: &Path, run: &Run| {
        let acknowledged: &[u32] = if run.stdout == "ok 2\n" { &[1, 2] } else { &[1] };
        missing(&of(folder, &["all"]), acknowledged)
    };
    let command = program(&campaign.folder, how).args(["add", "2"]);
    campaign.against_command(prepare, &command, check).unwrap()
}

#[test]
fn a_command_that_keeps_its_word_loses_nothing() {
    if strace_is_missing() {
        return;
    }
    let table = campaign("full", Scope::Touched);
    eprintln!("{table}");
    assert_eq!(table.broken(), 0, "{table}");
    assert!(table.points_of("pwrite64") >= 30 && table.points_of("fsync") >= 12, "{table}");
}

/// The control: written in its place, a file is empty for a moment.
#[test]
fn a_command_that_writes_in_place_is_found_out() {
    if strace_is_missing() {
        return;
    }
    let table = campaign("careless", Scope::Touched);
    for fault in Fault::ALL {
        let mut rows = table.rows().filter(|(call, of, _)| (*call, *of) == ("write", fault));
        let (.., row) = rows.next().unwrap();
        assert!(!row.broken.is_empty(), "{fault}: {table}");
    }
    // What it says at its end is written outside of the folder, and counts only where all does.
    let all = campaign("careless", Scope::All);
    assert_eq!(all.points_of("write"), table.points_of("write") + Fault::ALL.len(), "{all}");
}
