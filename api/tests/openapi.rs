//! The OpenAPI document says what the service does: every wire type and every operation.
#![allow(clippy::unwrap_used)]

mod client;

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use client::{Person, Service, device, key, new_item, rng};
use hallmark_consent::log::{
    complete::{Found, LookedUp, LookedUpAll},
    map::{End, Lookup, Placed},
};
use hallmark_core::{
    account::{
        BlobId, ItemId,
        device_list::Change,
        exchange::{Cursor, Membership, StartUpload, Upload},
    },
    hash::Sha256,
    id::Label,
    problem::{Code, Problem},
};
use serde_json::{Value, json};

async fn document(service: &Service) -> Value {
    service.send_raw(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.json()
}

/// What is wrong with a value by a named schema.
fn wrong(document: &Value, name: &str, value: &Value) -> Vec<String> {
    let mut schema = json!({"$ref": format!("#/components/schemas/{name}")});
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[tokio::test]
async fn every_wire_type_fits_its_schema_and_altered_ones_do_not() {
    let service = Service::start();
    let document = document(&service).await;
    let mut person = Person::new();
    let create = person.create();
    service.post(&person.phone, "/v1/accounts", &create).await.ok();
    let mut values = vec![("CreateAccount", json!(create))];
    let items = vec![new_item(), new_item()];
    values.push(("Commit", json!(person.commit(items.clone(), vec![]))));
    person.put(&service, items.clone(), vec![]).await.ok();
    values.push(("Commit", json!(person.commit(vec![], vec![items[1].item]))));
    person.put(&service, vec![], vec![items[1].item]).await.ok();
    let laptop = key(11);
    let phone = hallmark_core::key::SigningKey::from_seed(&person.phone.seed());
    for change in [
        Change::Add { device: device(&laptop) },
        Change::Add { device: device(&key(12)) },
        Change::Revoke { device: laptop.public() },
    ] {
        values.push(("AppendEntry", json!(person.append(change.clone(), &phone))));
        person.change(&service, change, &phone).await.ok();
    }
    let recover = Change::Recover { devices: vec![device(&phone)] };
    values.push(("AppendEntry", json!(person.append(recover, &person.recovery))));
    for (name, path) in [
        ("Devices", person.at("/devices?from=1")),
        ("Sync", person.at("/sync")),
        ("Sync", person.at("/sync?devices=1&manifest=1&items=2")),
        ("Membership", "/v1/membership".to_owned()),
        ("ServiceInfo", "/v1/service".to_owned()),
    ] {
        values.push((name, service.ask(&phone, "GET", &path).await.json()));
    }
    let blob = BlobId::generate(&mut rng());
    values.push(("StartUpload", json!(StartUpload { blob, size_bytes: 5 })));
    values.push(("Upload", json!(Upload { blob, size_bytes: 5, parts: vec![0], complete: true })));
    values.push(("Membership", json!(Membership { account: None })));
    let item = Some(ItemId::generate(&mut rng()));
    values.push(("Cursor", json!(Cursor { manifest: 3, item })));
    let (one, two) = (Sha256::from_bytes([1; 32]), Sha256::from_bytes([2; 32]));
    let label = Label::from_bytes([3; 32]);
    for end in [End::There(7), End::Another(Placed { label, index: 8 }), End::Nothing] {
        let lookup = Lookup { end, siblings: vec![one, two] };
        let (checkpoint, map_inclusion) = ("vault.example/log\n".to_owned(), vec![two]);
        let found = Found { lookup: lookup.clone(), inclusion: vec![one] };
        let all = LookedUpAll {
            checkpoint: checkpoint.clone(),
            map_root: two,
            map_inclusion: vec![one, two],
            labels: vec![found],
        };
        values.push(("LookedUpAll", json!(all)));
        let looked_up = LookedUp { checkpoint, map_root: one, map_inclusion, lookup };
        values.push(("LookedUp", json!(looked_up)));
    }
    values.push(("Labels", json!({"labels": [label]})));
    for code in Code::ALL {
        values.push(("Problem", json!(Problem::new(*code, "why"))));
    }
    values.push(("SignedErasure", service.ask(&phone, "DELETE", &person.at("")).await.json()));

    for (name, value) in &values {
        assert_eq!(wrong(&document, name, value), Vec::<String>::new(), "{name}: {value}");
        if *name == "Problem" {
            continue;
        }
        let mut more = value.clone();
        more["another"] = 1.into();
        assert!(!wrong(&document, name, &more).is_empty(), "{name} with a field more");
        for field in value.as_object().unwrap().keys() {
            let mut other = value.clone();
            other[field] = json!({"x": [-1]});
            assert!(!wrong(&document, name, &other).is_empty(), "{name} with another {field}");
        }
    }
    let named: BTreeSet<&str> = values.iter().map(|(name, _)| *name).collect();
    for body in bodies(&document) {
        assert!(named.contains(body.as_str()), "no value of {body} was checked");
    }
}

/// The named schemas that operations take or answer.
fn bodies(document: &Value) -> BTreeSet<String> {
    let text = document["paths"].to_string();
    text.split("#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .filter(|name| !name.ends_with("Id") && name != "Label")
        .collect()
}

#[tokio::test]
async fn every_operation_lists_its_refusals() {
    let service = Service::start();
    let document = document(&service).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut listed = BTreeSet::new();
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation.get("x-problems").is_none(), "{method} {path}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"].is_object(), "{method} {path} {parameter}");
            }
            for answer in operation["responses"].as_object().unwrap().values() {
                let text = answer["description"].as_str().unwrap();
                listed.extend(text.split('`').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    assert_eq!(operations, 17);
    let unlisted: Vec<_> =
        Code::ALL.iter().filter(|code| !listed.contains(code.as_str())).collect();
    assert_eq!(unlisted, Vec::<&Code>::new());
}

#[tokio::test]
async fn the_reference_is_one_page_without_scripts() {
    let service = Service::start();
    let page = service.send_raw(Request::get("/reference").body(Body::empty()).unwrap()).await;
    page.ok();
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let html = std::str::from_utf8(&page.body).unwrap();
    for part in
        ["/v1/accounts/{account}/sync", "manifest-refused", "hallmark/request/v1", "viewport"]
    {
        assert!(html.contains(part), "{part}");
    }
    for part in ["<script", "src=", "http://", "https://", "@import"] {
        assert!(!html.contains(part), "{part}");
    }
}

/// Each link within the page leads to one place.
#[tokio::test]
async fn every_name_in_the_reference_is_there_once() {
    let service = Service::start();
    let page = service.send_raw(Request::get("/reference").body(Body::empty()).unwrap()).await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let after = |mark: &str| -> Vec<String> {
        page.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let names = after(" id=\"");
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len(), "{names:?}");
    let links = after(" href=\"#");
    assert!(links.len() > 100);
    for link in links {
        assert!(names.contains(&link), "{link}");
    }
}
