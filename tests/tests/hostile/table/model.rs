//! The table as `threat-model.md` has it.

use std::{collections::BTreeSet, fs, path::Path};

/// An endpoint, and a row.
pub(super) struct Endpoint {
    pub name: &'static str,
    pub method: &'static str,
    pub template: &'static str,
}

const fn at(name: &'static str, method: &'static str, template: &'static str) -> Endpoint {
    Endpoint { name, method, template }
}

pub(super) const ENDPOINTS: [Endpoint; 13] = [
    at("GET service", "GET", "/v1/service"),
    at("GET membership", "GET", "/v1/membership"),
    at("POST accounts", "POST", "/v1/accounts"),
    at("GET devices", "GET", "/v1/accounts/{account}/devices"),
    at("POST devices", "POST", "/v1/accounts/{account}/devices"),
    at("GET sync", "GET", "/v1/accounts/{account}/sync"),
    at("POST items", "POST", "/v1/accounts/{account}/items"),
    at("POST blobs", "POST", "/v1/accounts/{account}/blobs"),
    at("GET blob", "GET", "/v1/accounts/{account}/blobs/{blob}"),
    at("PUT part", "PUT", "/v1/accounts/{account}/blobs/{blob}/parts/{part}"),
    at("GET content", "GET", "/v1/accounts/{account}/blobs/{blob}/content"),
    at("DELETE blob", "DELETE", "/v1/accounts/{account}/blobs/{blob}"),
    at("DELETE account", "DELETE", "/v1/accounts/{account}"),
];

/// What is done at each: a column.
pub(super) const ATTACKS: [&str; 9] = [
    "substitute",
    "roll back",
    "truncate",
    "reorder",
    "replay",
    "withhold",
    "two histories",
    "garbage",
    "gigabytes",
];

pub(super) fn endpoint(name: &str) -> &'static Endpoint {
    ENDPOINTS.iter().find(|endpoint| endpoint.name == name).unwrap()
}

/// The cells of each row, the row's name first; that of the columns' names before them.
fn rows() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../threat-model.md");
    let model = fs::read_to_string(path).unwrap();
    let section = model.split("\n## The hostile service\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

/// The outcomes that a cell names: parted by `;`, without what stands in parentheses.
fn says(endpoint: &Endpoint, attack: &str) -> BTreeSet<String> {
    let rows = rows();
    let row = rows.iter().find(|row| row[0] == endpoint.name).unwrap();
    let column = ATTACKS.iter().position(|known| *known == attack).unwrap();
    let outcomes = row[column + 1]
        .split(';')
        .map(|outcome| outcome.split('(').next().unwrap().trim().to_owned());
    outcomes.filter(|outcome| outcome != "-").collect()
}

/// Where what was seen is not what the table says.
pub(super) fn differs(
    endpoint: &Endpoint,
    attack: &str,
    seen: &BTreeSet<String>,
) -> Option<String> {
    let says = says(endpoint, attack);
    let name = endpoint.name;
    (*seen != says).then(|| format!("{name}, {attack}: says {says:?}, seen {seen:?}"))
}

/// Every endpoint has its row, and every row its nine cells.
pub(super) fn is_whole() {
    let rows = rows();
    assert_eq!(rows[0][1..], ATTACKS.map(str::to_owned));
    let names: Vec<_> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ENDPOINTS.map(|endpoint| endpoint.name));
    assert!(rows.iter().all(|row| row.len() == 1 + ATTACKS.len()));
}
