//! Who may use whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use super::tree::{root, sources};

/// The arrows between the libraries: exactly these.
const ARROWS: [(&str, &[&str]); 5] = [
    ("hallmark-core", &[]),
    ("hallmark-vault", &["hallmark-core"]),
    ("hallmark-consent", &["hallmark-core"]),
    ("hallmark-demand", &["hallmark-core", "hallmark-consent"]),
    ("hallmark-api", &["hallmark-core", "hallmark-consent", "hallmark-demand"]),
];
/// What may use everything, and what nothing may use (the suites drive the command line).
const TOP: [&str; 2] = ["hallmark-cli", "hallmark-suites"];

/// What stands in one crate only: the crate, and the beginnings of names that belong to it.
const ONLY_IN: [(&str, &[&str]); 3] = [
    ("hallmark-api", &["axum", "rusqlite", "tokio-postgres", "deadpool-postgres", "sqlx"]),
    ("hallmark-vault", &["openmls"]),
    ("hallmark-demand", &["prio", "tract-"]),
];

/// The same as paths in code, which are narrower than a crate.
const ONLY_UNDER: [(&str, &[&str]); 5] = [
    ("api/", &["axum::", "use axum;"]),
    ("api/src/store", &["rusqlite::", "tokio_postgres::", "deadpool_postgres::", "sqlx::"]),
    ("vault/src/locker", &["openmls::", "openmls_rust_crypto::", "openmls_memory_storage::"]),
    ("demand/", &["prio::", "tract_onnx::"]),
    ("api/", &["hallmark_api::"]),
];
/// Rooms of the service that know nothing of HTTP, and the paths of what speaks it.
const BELOW_HTTP: [&str; 3] = ["api/src/app", "api/src/store", "api/src/limit"];
const HTTP: [&str; 7] = ["axum", "hyper", "http::", "httparse", "http_body", "tower", "utoipa"];
/// The commands that run the service inside the command line, and so may use its crate.
const EMBEDS_THE_SERVICE: [&str; 3] =
    ["cli/src/cmd/serve", "cli/src/cmd/tour", "cli/src/cmd/witness"];

fn cargo(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn packages() -> Vec<Value> {
    let (done, out, told) = cargo(&["metadata", "--no-deps", "--locked", "--format-version", "1"]);
    assert!(done, "{told}");
    let metadata: Value = serde_json::from_str(&out).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Normal and build dependencies by package: what ends up in what is shipped.
fn shipped() -> BTreeMap<String, BTreeSet<String>> {
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    packages()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let shipped = dependencies.iter().filter(|one| one["kind"] != "dev").map(name);
            (name(package), shipped.collect())
        })
        .collect()
}

#[test]
fn the_arrows_are_those_of_the_design() {
    let shipped = shipped();
    let members: BTreeSet<&str> = shipped.keys().map(String::as_str).collect();
    let known = ARROWS.iter().map(|(name, _)| *name).chain(TOP).collect();
    assert_eq!(members, known, "a crate of ours without a place in the design");
    for (name, allowed) in ARROWS {
        let ours: BTreeSet<&str> =
            shipped[name].iter().map(String::as_str).filter(|one| members.contains(one)).collect();
        assert_eq!(ours, allowed.iter().copied().collect(), "what {name} uses of ours");
    }
    for (name, uses) in &shipped {
        for top in TOP.iter().filter(|top| uses.contains(**top)) {
            assert_eq!((name.as_str(), *top), ("hallmark-suites", "hallmark-cli"), "{name}");
        }
    }
}

#[test]
fn heavy_crates_stay_in_their_rooms() {
    for (name, uses) in shipped() {
        for (room, prefixes) in ONLY_IN {
            let strays = uses
                .iter()
                .filter(|one| name != room && prefixes.iter().any(|prefix| one.starts_with(prefix)))
                .collect::<Vec<_>>();
            assert!(strays.is_empty(), "{name} uses {strays:?}, which belongs to {room}");
        }
    }
    for source in sources(&[".rs"]) {
        for (folder, paths) in ONLY_UNDER {
            let embeds = paths == ["hallmark_api::"]
                && EMBEDS_THE_SERVICE.iter().any(|command| source.path.starts_with(command));
            if source.path.starts_with(folder) || embeds {
                continue;
            }
            for path in paths {
                let strays = source.production().contains(path);
                assert!(!strays, "{} uses {path}, which belongs under {folder}", source.path);
            }
        }
    }
}

#[test]
fn the_service_speaks_http_at_its_edge_alone() {
    let all = sources(&[".rs"]);
    let under = |room| all.iter().filter(move |source| source.path.starts_with(room));
    for room in BELOW_HTTP {
        assert!(under(room).count() > 0, "there is no {room}");
        for source in under(room) {
            let named: Vec<_> =
                HTTP.iter().filter(|path| source.production().contains(**path)).collect();
            assert!(named.is_empty(), "{} names {named:?}", source.path);
        }
    }
    // The control.
    assert!(under("api/src/http").any(|source| source.production().contains("axum")));
}

/// "The server cannot decrypt" is a build fact: nothing that opens a locker is linked into it.
#[test]
fn the_service_links_nothing_that_opens_a_locker() {
    for sealed in ["openmls", "hallmark-vault"] {
        // Where no crate at all uses it, cargo refuses to look, which is as good.
        let (_, out, told) = cargo(&tree("hallmark-api", sealed));
        assert!(out.trim().is_empty(), "hallmark-api reaches {sealed}:\n{out}");
        let nothing = told.contains("nothing to print") || told.contains("did not match any");
        assert!(nothing, "cargo tree says something else: {told}");
    }
    // The control: the same question about a crate that is linked has an answer.
    let (done, out, told) = cargo(&tree("hallmark-cli", "hallmark-vault"));
    assert!(done && out.contains("hallmark-cli"), "{told}");
}

fn tree<'a>(package: &'a str, inverse: &'a str) -> [&'a str; 8] {
    ["tree", "--locked", "-p", package, "-e", "normal", "-i", inverse]
}
