//! What every Cargo.toml has to say, and what Cargo.lock must not hold.

use std::fs;

use toml::Table;

use super::tree::{root, sources};

/// Crates that would bring another C library for cryptography, or hide one.
const REFUSED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

fn workspace() -> Table {
    fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap()
}

#[test]
fn every_crate_takes_the_lints_and_the_version_of_the_workspace() {
    let workspace = workspace();
    let workspace = workspace["workspace"].as_table().unwrap();
    assert_eq!(workspace["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    let msrv = workspace["package"]["rust-version"].as_str().unwrap();
    assert!(msrv.split('.').all(|part| part.parse::<u32>().is_ok()), "{msrv}");

    let members = workspace["members"].as_array().unwrap();
    for member in members {
        let member = member.as_str().unwrap();
        let text = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let manifest: Table = text.parse().unwrap();
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{member}: [lints]");
        for field in ["rust-version", "license", "edition"] {
            let inherited = manifest["package"][field]["workspace"].as_bool();
            assert_eq!(inherited, Some(true), "{member}: {field}.workspace");
        }
    }
    // A crate that is left out of the workspace says for itself what the others inherit.
    for excluded in workspace["exclude"].as_array().unwrap() {
        let folder = root().join(excluded.as_str().unwrap());
        let Ok(text) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let manifest: Table = text.parse().unwrap();
        let unsafe_code = manifest["lints"]["rust"]["unsafe_code"].as_str();
        assert_eq!(unsafe_code, Some("forbid"), "{excluded}");
    }
}

#[test]
fn no_manifest_of_ours_lies_outside_the_workspace() {
    let workspace = workspace();
    let listed = |name: &str| -> Vec<String> {
        let list = workspace["workspace"][name].as_array().unwrap().iter();
        list.map(|member| format!("{}/Cargo.toml", member.as_str().unwrap())).collect()
    };
    let known = [listed("members"), listed("exclude"), vec!["Cargo.toml".to_owned()]].concat();
    for source in sources(&["Cargo.toml"]) {
        assert!(known.contains(&source.path), "{} is in no workspace", source.path);
    }
}

#[test]
fn dependencies_are_pinned_in_one_place() {
    for source in sources(&["Cargo.toml"]).iter().filter(|source| source.path != "Cargo.toml") {
        let manifest: Table = source.text.parse().unwrap();
        if source.path.contains("/fuzz/") {
            continue;
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, value) in table {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(inherited, Some(true), "{}: {name} has a pin of its own", source.path);
            }
        }
    }
}

#[test]
fn the_lock_holds_no_openssl_and_no_aws_lc() {
    let lock: Table = fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 50, "the lock file is read");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        assert!(!REFUSED.contains(&name), "Cargo.lock holds {name}");
    }
}
