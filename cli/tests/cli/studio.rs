//! `hallmark studio`.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{
    golden::Transcript,
    world::{SUCCESSOR, TIDEWATER, World},
};

#[test]
fn a_studio_from_nothing() {
    let world = World::new();
    let mut told = Transcript::in_world(&world);
    told.run(&["studio", "show"]).refused(1, &["profile default", "studio init"]);
    told.run(&["studio", "init"]).refused(2, &["--name"]);
    let args = ["studio", "init", "--name", "Inês Prata", "--place", "Porto", "--domain"];
    told.run(&[&args as &[&str], &["Ines.Example"]].concat()).refused(2, &["--domain"]);
    let init = told.run(&[&args as &[&str], &["ines.example"]].concat());
    assert_eq!(init.code, Some(0), "{init:?}");
    told.run(&["studio", "show"]);
    told.run(&["--json", "studio", "show"]);
    told.run(&["studio", "pub", "--out", "again.pub"]);
    told.run(&["studio", "domain"]);
    told.run(&["studio", "init", "--name", "Another"]).refused(1, &["already", "--profile"]);
    told.holds("studio.txt");

    assert_eq!(world.read("studio.pub"), world.read("again.pub"));
    let successor = world.path(SUCCESSOR);
    assert_eq!(fs::metadata(&successor).unwrap().permissions().mode() & 0o777, 0o600);
    let state = world.home().join("default");
    assert_eq!(fs::metadata(state).unwrap().permissions().mode() & 0o777, 0o700);
}

/// T-17: the successor's secret is on paper alone, and nothing secret reaches the terminal.
#[test]
fn secrets_are_in_the_state_and_on_paper_and_nowhere_else() {
    let world = World::new();
    let init = world.done(&["studio", "init", "--name", "Rosa", "--json"]);
    let paper = String::from_utf8(world.read(SUCCESSOR)).unwrap();
    let secret = paper.lines().find_map(|line| line.strip_prefix("Secret key: ")).unwrap();
    assert_eq!(secret.len(), 64);
    let state = serde_json::to_string(world.store("default").read()).unwrap();
    for told in [&init.out, &init.err, &state] {
        assert!(!told.contains(secret));
    }
    let public = String::from_utf8(world.read("studio.pub")).unwrap();
    assert!(!public.contains(secret) && public.contains("did:key:z6Mk"));
}

#[test]
fn nothing_is_written_over() {
    let world = World::new();
    world.write("studio.pub", b"somebody else's");
    world.run(&["studio", "init", "--name", "Rosa"]).refused(1, &["studio.pub", "move it away"]);
    assert_eq!(world.read("studio.pub"), b"somebody else's");
    // The way out works, and the profile that was begun is not in the way.
    fs::rename(world.path("studio.pub"), world.path("theirs.pub")).unwrap();
    world.done(&["studio", "init", "--name", "Rosa"]);

    let world = World::new();
    world.write(SUCCESSOR, b"an older successor");
    let refused = world.run(&["studio", "init", "--name", "Rosa"]);
    refused.refused(1, &[SUCCESSOR, "move it away"]);
    assert_eq!(world.read(SUCCESSOR), b"an older successor");
}

#[test]
fn a_profile_without_keys_says_where_they_come_from() {
    let world = World::new();
    world.person("default");
    for args in [&["studio", "show"] as &[&str], &["studio", "pub"], &["studio", "domain"]] {
        world.run(args).refused(1, &["no signing keys", "studio init", "--profile"]);
    }
    world.studio("nodomain", "Rosa", None);
    let refused = world.run(&["--profile", "nodomain", "studio", "domain"]);
    refused.refused(1, &["no domain", "studio domain --set"]);
}

/// T-17: as long as the successor's page lies in clear beside the state, every run of the studio
/// says so, and none afterwards; a page elsewhere is nobody's concern.
#[test]
fn a_successor_that_stays_is_named_at_every_run() {
    let world = World::new();
    let init = world.json(&["studio", "init", "--name", "Rosa", "--domain", "rosa.example"]);
    let reminds = |said: &str| said.contains("Still here: ") && said.contains(SUCCESSOR);
    let in_list = |json: &serde_json::Value, member: &str| {
        let list = json[member].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|line| line.as_str()).any(reminds)
    };
    assert!(in_list(&init, "remarks"), "{init}");
    let secret = String::from_utf8(world.read(SUCCESSOR)).unwrap();
    let secret = secret.lines().find_map(|line| line.strip_prefix("Secret key: ")).unwrap();
    let mint = ["piece", "mint", "--force", "--from", TIDEWATER];
    let runs: [(&[&str], &str); 5] = [
        (&["studio", "show"], "remarks"),
        (&["studio", "pub", "--force"], "remarks"),
        (&["studio", "domain", "--set", "rosa.example"], "remarks"),
        (&mint, "notes"),
        (&["piece", "status", "piece.hallmark"], "remarks"),
    ];
    for present in [true, false] {
        if !present {
            fs::rename(world.path(SUCCESSOR), world.path("stick.txt")).unwrap();
        }
        for (args, member) in runs {
            let said = world.done(args);
            let lines = said.out.lines().filter(|line| reminds(line)).count();
            assert_eq!(lines, usize::from(present), "{said:?}");
            assert!(!said.out.contains(secret));
            assert_eq!(in_list(&world.json(args), member), present, "{args:?}");
        }
        // The document for the page stays one.
        for args in [&["studio", "domain"] as &[&str], &["--json", "studio", "domain"]] {
            let document = world.done(args);
            assert!(!document.out.contains("Still here"), "{document:?}");
            serde_json::from_str::<serde_json::Value>(&document.out).unwrap();
            assert_eq!(reminds(&document.err), present, "{document:?}");
        }
    }
}
