//! Every threat of `threat-model.md` has a test that names it, and every number a test names is
//! there.

use std::{collections::BTreeMap, fs};

use super::tree::{root, sources};

#[test]
fn every_threat_has_a_test_and_every_label_a_threat() {
    let Ok(model) = fs::read_to_string(root().join("threat-model.md")) else {
        eprintln!("skipped: threat-model.md is not there");
        return;
    };
    let named = named_by_tests();
    assert!(!named.is_empty(), "no test names a threat");
    let stated = labels(&model);
    assert!(!stated.is_empty(), "threat-model.md numbers no threat");
    for label in &stated {
        let untested = model
            .lines()
            .any(|line| line.contains(&format!("**{label}**")) && line.contains("no test"));
        assert!(untested || named.contains_key(label), "{label} has no test that names it");
    }
    for (label, at) in &named {
        assert!(stated.contains(label), "{at:?} names {label}, which threat-model.md does not");
    }
}

/// `T-nn` labels in tests, with the files they stand in.
fn named_by_tests() -> BTreeMap<String, Vec<String>> {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources(&[".rs", ".py", ".sh", ".mjs"]) {
        if source.path.starts_with("tests/tests/architecture/") {
            continue;
        }
        for label in labels(source.tests()) {
            named.entry(label).or_default().push(source.path.clone());
        }
    }
    named
}

fn labels(text: &str) -> Vec<String> {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let mut labels: Vec<String> = text
        .match_indices("T-")
        .map(|(at, _)| &text.as_bytes()[at..])
        .filter(|rest| digit(rest.get(2)) && digit(rest.get(3)) && !digit(rest.get(4)))
        .map(|rest| String::from_utf8_lossy(&rest[..4]).into_owned())
        .collect();
    labels.sort();
    labels.dedup();
    labels
}

#[test]
fn labels_are_found() {
    assert_eq!(labels("T-01, T-20 and T-01; not T-1, T-123, ST-x"), ["T-01", "T-20"]);
}
