//! Signed documents as bytes: JSON that two readers could read differently, and documents of
//! another shape.

use hallmark_core::json::Value;
use serde_json::json;

use super::malformed;
use crate::{fixture::*, forge::*};

const DOCUMENTS: [&str; 3] = [MANIFEST, EVENT_1, STATUS];

type Retelling = fn(String) -> String;

/// One document with its text changed, all else made to follow as far as a forger can.
fn retold(name: &str, change: impl FnOnce(String) -> String) -> Vec<u8> {
    let mut loose = Loose::minted();
    let text = change(loose.text(name));
    assert_ne!(text, Loose::minted().text(name), "nothing was changed in {name}");
    loose.set(name, text).sealed()
}

/// T-04: what two JSON readers could read differently is refused in each document.
#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    let cases: [(&str, Retelling); 11] = [
        ("a key twice", |t| t.replacen("\"id\":", "\"id\":\"\",\"id\":", 1)),
        ("a key twice, escaped", |t| t.replacen("\"id\":", "\"\\u0069d\":\"\",\"id\":", 1)),
        ("a proof twice", |t| t.replacen("\"proof\":", "\"proof\":{},\"proof\":", 1)),
        ("a non-ASCII key", |t| t.replacen("\"id\":", "\"\u{456}d\":1,\"id\":", 1)),
        ("a non-ASCII key, escaped", |t| t.replacen("\"id\":", "\"\\u0456d\":1,\"id\":", 1)),
        ("text after the end", |t| t + "{}"),
        ("a byte order mark", |t| format!("\u{feff}{t}")),
        ("a comment", |t| t.replacen('{', "{/**/", 1)),
        ("a trailing comma", |t| format!("{},}}", t.strip_suffix('}').unwrap())),
        ("half a surrogate pair", |t| t.replacen("\"id\":\"", "\"id\":\"\\ud800", 1)),
        ("cut short", |t| t[..t.len() - 1].to_owned()),
    ];
    for name in DOCUMENTS {
        for (what, change) in cases {
            malformed((name, what), &retold(name, change), &["json"]);
        }
        let mut latin1 = Loose::minted();
        let bytes = [b"{\"\xe9\":1,".to_vec(), latin1.bytes(name)[1..].to_vec()].concat();
        malformed((name, "Latin-1"), &latin1.set(name, bytes).sealed(), &["json"]);
    }
}

/// T-04: numbers are integers that every reader holds exactly.
#[test]
fn numbers_that_round_are_refused() {
    for number in [
        "4350.0",
        "4.35e3",
        "4350e0",
        "-0",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551616",
        "1e400",
        "NaN",
        "04350",
        "+4350",
        "0x10fe",
    ] {
        let bytes = retold(MANIFEST, |text| text.replace(":4350", &format!(":{number}")));
        malformed(number, &bytes, &["json"]);
        let bytes =
            retold(EVENT_1, |t| t.replace("\"sequence\":1", &format!("\"sequence\":{number}")));
        malformed(number, &bytes, &["json"]);
        let bytes = retold(STATUS, |t| t.replace("\"events\":1", &format!("\"events\":{number}")));
        malformed(number, &bytes, &["json"]);
    }
}

/// T-04: one spelling per document. The signature of each of these still fits, since it covers the
/// canonical form.
#[test]
fn only_the_canonical_spelling_is_read() {
    let cases: [(&str, Retelling); 7] = [
        ("a space", |t| t.replacen("\":", "\": ", 1)),
        ("a line feed at the end", |t| t + "\n"),
        ("an escaped letter", |t| t.replacen("\"id\"", "\"\\u0069d\"", 1)),
        ("an escaped slash", |t| t.replacen("https://", "https:\\/\\/", 1)),
        ("upper case in an escape", |t| t.replacen("https:", "http\\u0073\\u003A", 1)),
        ("another order of keys", |t| {
            let (proof, rest) = t.split_once("\"proof\":").unwrap();
            let end = rest.find("},").unwrap() + 1;
            let proof_first = format!("{{\"proof\":{},{}", &rest[..end], &proof[1..]);
            format!("{proof_first}{}", &rest[end + 1..])
        }),
        ("written for people", |t| {
            serde_json::to_string_pretty(&serde_json::from_str::<Value>(&t).unwrap()).unwrap()
        }),
    ];
    for name in DOCUMENTS {
        for (what, change) in cases {
            malformed((name, what), &retold(name, change), &["json-not-canonical"]);
        }
    }
}

/// T-12: nesting is bounded, so that no document exhausts the stack.
#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        malformed(open, &Loose::minted().set(MANIFEST, deep).sealed(), &["json"]);
    }
}

/// T-12: and it is bounded well before any parser's own limit, which others may not share.
#[test]
fn nesting_has_one_limit() {
    for (depth, code) in [(hallmark_core::json::MAX_DEPTH, "json"), (20, "document-shape")] {
        let mut loose = Loose::minted();
        loose.remint(|manifest| {
            manifest["deep"] = (0..depth).fold(json!(1), |inner, _| json!([inner]));
        });
        malformed(depth, &loose.sealed(), &[code]);
    }
}

/// A field this version does not know is refused and not passed over, in every object.
#[test]
fn unknown_and_missing_fields_are_refused() {
    for (name, place) in [
        (MANIFEST, ""),
        (MANIFEST, "/credentialSubject"),
        (MANIFEST, "/credentialSubject/maker"),
        (MANIFEST, "/credentialSubject/metals/0"),
        (MANIFEST, "/credentialSubject/claims/0"),
        (MANIFEST, "/credentialSubject/parts/0"),
        (MANIFEST, "/credentialSubject/parts/0/metadata"),
        (MANIFEST, "/credentialSubject/hidden"),
        (EVENT_1, ""),
        (EVENT_1, "/credentialSubject"),
        (STATUS, ""),
        (STATUS, "/credentialSubject"),
    ] {
        for (what, value) in [("verified", json!(true)), ("verified", Value::Null)] {
            let mut loose = Loose::minted();
            loose.resign(name, &[&key(1)], |document| {
                document.pointer_mut(place).unwrap()[what] = value;
            });
            malformed((name, place), &loose.settle().sealed(), &["document-shape"]);
        }
    }
    for (name, place, field) in [
        (MANIFEST, "", "validFrom"),
        (MANIFEST, "/credentialSubject", "firstLabel"),
        (MANIFEST, "/credentialSubject", "claims"),
        (EVENT_1, "/credentialSubject", "previous"),
        (STATUS, "/credentialSubject", "status"),
    ] {
        let mut loose = Loose::minted();
        loose.resign(name, &[&key(1)], |document| {
            document.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(field);
        });
        malformed((name, field), &loose.sealed(), &["document-shape"]);
    }
}

/// T-04: an optional field is there or it is not; `null` and an empty list would be second
/// spellings of "not there", which another reader may take for something.
#[test]
fn null_and_empty_lists_are_no_second_spelling_of_nothing() {
    for (name, field, value) in [
        (MANIFEST, "kind", Value::Null),
        (MANIFEST, "gs1", Value::Null),
        (MANIFEST, "stones", json!([])),
        (MANIFEST, "warranties", json!([])),
        (EVENT_1, "owner", Value::Null),
        (EVENT_1, "note", Value::Null),
        (EVENT_1, "claims", json!([])),
        (EVENT_1, "parts", json!([])),
        (STATUS, "reason", Value::Null),
    ] {
        let mut loose = Loose::minted();
        loose.resign(name, &[&key(1)], |document| document["credentialSubject"][field] = value);
        malformed((name, field), &loose.settle().sealed(), &["document-shape"]);
    }
}

/// A document of one kind is never read as one of another, whoever signed it.
#[test]
fn a_document_of_another_kind_is_refused() {
    let minted = Loose::minted();
    for name in DOCUMENTS {
        for other in DOCUMENTS.into_iter().filter(|other| *other != name) {
            let bytes = Loose::minted().set(name, minted.bytes(other)).sealed();
            malformed((name, other), &bytes, &["document-shape"]);
        }
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 6] = [
            ("type", |d| d["type"][1] = "HallmarkSomething".into()),
            ("no first type", |d| d["type"] = json!([d["type"][1]])),
            ("a third type", |d| d["type"][2] = "Verified".into()),
            ("context", |d| d["@context"][1] = "https://example.com/v2".into()),
            ("contexts exchanged", |d| {
                let context = &d["@context"];
                d["@context"] = json!([context[1], context[0]]);
            }),
            ("a third context", |d| d["@context"][2] = "https://example.com/v2".into()),
        ];
        for (what, change) in cases {
            let mut loose = Loose::minted();
            loose.resign(name, &[&key(1)], |d| {
                // indexing past the end of a JSON array panics: make room first
                d["type"].as_array_mut().unwrap().reserve(1);
                let room = |list: &mut Value| list.as_array_mut().unwrap().push(Value::Null);
                match what {
                    "a third type" => room(&mut d["type"]),
                    "a third context" => room(&mut d["@context"]),
                    _ => {}
                }
                change(d);
            });
            malformed((name, what), &loose.settle().sealed(), &["document-shape"]);
        }
    }
}

/// A manifest does not run out and an attestation does not either in this version: a date nobody
/// looks at would be a promise that is not kept.
#[test]
fn an_end_that_nobody_looks_at_is_refused() {
    let mut loose = Loose::minted();
    loose.remint(|manifest| manifest["validUntil"] = "2026-05-03T12:00:01Z".into());
    malformed("manifest", &loose.sealed(), &["document-shape"]);
}

/// The proof has exactly the fields of its one shape.
#[test]
fn proofs_of_another_shape_are_refused() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 16] = [
        ("missing", |d| drop(d.as_object_mut().unwrap().remove("proof"))),
        ("null", |d| d["proof"] = Value::Null),
        ("no proofs", |d| d["proof"] = json!([])),
        ("one in a list", |d| d["proof"] = json!([d["proof"]])),
        ("the same twice", |d| d["proof"] = json!([d["proof"], d["proof"]])),
        ("another suite", |d| d["proof"]["cryptosuite"] = "eddsa-rdfc-2022".into()),
        ("another type", |d| d["proof"]["type"] = "Ed25519Signature2020".into()),
        ("another purpose", |d| d["proof"]["proofPurpose"] = "authentication".into()),
        ("an expiry", |d| d["proof"]["expires"] = MINTED.into()),
        ("no context", |d| drop(d["proof"].as_object_mut().unwrap().remove("@context"))),
        ("another context", |d| d["proof"]["@context"] = json!(["https://example.com"])),
        ("no creation", |d| drop(d["proof"].as_object_mut().unwrap().remove("created"))),
        ("creation with an offset", |d| d["proof"]["created"] = "2026-05-03T12:00:00+00:00".into()),
        ("a web key", |d| d["proof"]["verificationMethod"] = "did:web:example.com#k".into()),
        ("another fragment", |d| {
            let method = d["proof"]["verificationMethod"].as_str().unwrap().to_owned();
            let did = method.split_once('#').unwrap().0;
            d["proof"]["verificationMethod"] =
                format!("{did}#{}", key(2).public().multikey()).into();
        }),
        ("a short signature", |d| d["proof"]["proofValue"] = "z1".into()),
    ];
    for name in DOCUMENTS {
        for (what, change) in cases {
            let mut loose = Loose::minted();
            let mut document = loose.json(name);
            change(&mut document);
            malformed((name, what), &loose.set_json(name, &document).sealed(), &["proof-shape"]);
        }
    }
    let mut crowd = Loose::minted();
    let keys: Vec<_> = (1..=9).map(key).collect();
    crowd.resign(EVENT_1, &keys.iter().collect::<Vec<_>>(), |_| {});
    malformed("nine proofs", &crowd.sealed(), &["proof-shape"]);
}

/// T-09: a successor that is the key itself would make the offline copy worthless.
#[test]
fn a_successor_is_another_key() {
    let mut loose = Loose::minted();
    loose.remint(|manifest| {
        let issuer = manifest["issuer"].clone();
        manifest["credentialSubject"]["maker"]["successor"] = issuer;
    });
    malformed("the key as its own successor", &loose.sealed(), &["manifest"]);
}
