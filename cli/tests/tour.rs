//! The tour itself, run as a person runs it: exit code, layout, `summary.json`, and every copy it
//! leaves held against `hallmark verify` once more.

#![allow(clippy::unwrap_used)] // a test that cannot go on may say so by panicking

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn hallmark(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hallmark"))
        .args(arguments)
        .env("HALLMARK_HOME", home)
        .env_remove("HALLMARK_PASSPHRASE_FILE")
        .output()
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The steps of a `summary.json`, each checked to have the four fields and no others.
fn steps(json: &[u8]) -> Vec<(String, String, String)> {
    let summary: Value = serde_json::from_slice(json).unwrap();
    let summary = summary.as_object().unwrap();
    assert_eq!(summary.keys().collect::<Vec<_>>(), ["steps"]);
    let steps = summary["steps"].as_array().unwrap().iter().map(|step| {
        let step = step.as_object().unwrap();
        let mut fields: Vec<&str> = step.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["checked", "ms", "name", "outcome"]);
        assert!(step["ms"].is_u64());
        let field = |name: &str| step[name].as_str().unwrap().to_owned();
        let outcome = field("outcome");
        assert!(["ok", "refused", "caught", "failed"].contains(&outcome.as_str()), "{outcome}");
        assert!(!field("checked").is_empty() && !field("name").is_empty());
        (field("name"), field("checked"), outcome)
    });
    steps.collect()
}

fn assert_none_failed(steps: &[(String, String, String)]) {
    let failed: Vec<_> = steps.iter().filter(|(_, _, outcome)| outcome == "failed").collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// What `hallmark verify` must say of each copy in `refused/`.
const REFUSED: [(&str, i32); 20] = [
    ("control-untouched", 0),
    ("claim-says-laboratory", 0),
    ("manifest-byte", 3),
    ("event-byte", 3),
    ("photo-byte", 3),
    ("photo-and-sums", 3),
    ("signatures-swapped", 3),
    ("signature-of-another-file", 3),
    ("event-left-out", 3),
    ("tail-cut-off", 3),
    ("forked-history", 3),
    ("zip-entry-header", 4),
    ("zip-directory", 4),
    ("cut-short", 4),
    ("file-slipped-in", 4),
    ("forged-studio", 5),
    ("word-put-back", 6),
    ("word-run-out", 0), // until tomorrow
    ("reported-stolen", 7),
    ("taken-back", 7),
];

#[test]
fn the_sample_piece_from_mint_to_forgeries() {
    let dir = tempfile::tempdir().unwrap();
    let (home, out) = (dir.path().join("home"), dir.path().join("tour"));
    let played = hallmark(&home, &["tour", "--out", text(&out), "--json"]);
    assert_eq!(played.status.code(), Some(0), "{}", String::from_utf8_lossy(&played.stdout));
    assert!(!home.exists(), "the people of the tour live elsewhere");

    let written = fs::read(out.join("summary.json")).unwrap();
    let steps = steps(&written);
    assert_eq!(steps, self::steps(&played.stdout));
    assert_none_failed(&steps);
    let number = |outcome: &str| steps.iter().filter(|(_, _, found)| found == outcome).count();
    assert!(number("ok") >= 20 && number("refused") >= 8 && number("caught") >= 13);
    for checked in ["the place (GPS degrees)", "the camera's serial number", "exit code 7"] {
        assert!(steps.iter().any(|(_, found, _)| found.contains(checked)), "{checked}");
    }

    let studio = out.join("piece/studio.pub");
    let verify = |file: &Path| {
        hallmark(&home, &["verify", text(file), "--trust", text(&studio)]).status.code().unwrap()
    };
    assert_eq!(verify(&out.join("piece/piece.hallmark")), 0);
    for (copy, exit) in REFUSED {
        assert_eq!(verify(&out.join(format!("refused/{copy}.hallmark"))), exit, "{copy}");
    }
    assert_eq!(fs::read_dir(out.join("refused")).unwrap().count(), REFUSED.len());
    for name in ["piece/card.svg", "piece/laboratory.pub", "piece/price.disclosure"] {
        assert!(out.join(name).is_file(), "{name}");
    }

    let report = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.len() < 6_000_000, "{} bytes", report.len());
    assert!(report.contains("default-src 'none'") && report.contains("data:image/jpeg;base64,"));
    assert!(!report.contains("<script") && !report.contains("src=\"http"));
    assert!(report.contains("the tide comes back"));
}

fn own_folder(dir: &Path) -> PathBuf {
    let folder = dir.join("harbour-brooch");
    fs::create_dir(&folder).unwrap();
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/01-front.jpg");
    fs::copy(photo, folder.join("photo.jpg")).unwrap();
    folder
}

#[test]
fn a_folder_with_one_photo_and_nobody_to_ask() {
    let dir = tempfile::tempdir().unwrap();
    let (home, out) = (dir.path().join("home"), dir.path().join("tour"));
    let folder = own_folder(dir.path());
    for run in 0..2 {
        let arguments = ["tour", "--from", text(&folder), "--out", text(&out)];
        let played = hallmark(&home, &arguments);
        let said = String::from_utf8(played.stdout).unwrap();
        assert_eq!(played.status.code(), Some(0), "{said}");
        assert!(said.contains("harbour brooch") && said.contains("silver 925"), "assumed: {said}");
        assert!(said.contains("taken out: the place where it was taken"), "{said}");
        assert_none_failed(&steps(&fs::read(out.join("summary.json")).unwrap()));
        // The second run replaces the first's evidence and leaves what is not its own.
        assert_eq!(out.join("mine.txt").exists(), run == 1);
        fs::write(out.join("mine.txt"), "mine").unwrap();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the folder itself is only read");
}

#[test]
fn a_folder_without_a_photo_fails_at_the_step_that_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let (home, out) = (dir.path().join("home"), dir.path().join("tour"));
    let folder = dir.path().join("empty");
    fs::create_dir(&folder).unwrap();
    let played = hallmark(&home, &["tour", "--from", text(&folder), "--out", text(&out), "--json"]);
    assert_eq!(played.status.code(), Some(1));
    let steps = steps(&played.stdout);
    let (_, checked, outcome) = steps.last().unwrap();
    assert!(outcome == "failed" && checked.contains("at least one photograph"), "{checked}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("Not everything"));
}

#[test]
fn nothing_is_written_where_the_tour_has_no_business() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("summary.json"), "mine").unwrap();
    let home = dir.path().join("home");
    let out = text(dir.path());
    for arguments in [vec!["tour", "--out", out], vec!["tour", "--from", "nowhere", "--out", out]] {
        assert_eq!(hallmark(&home, &arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("summary.json")).unwrap(), "mine");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
