//! Manifests that contradict themselves, though the studio signed them.

use serde_json::{Value, json};

use super::{malformed, tampered};
use crate::{fixture::*, forge::*};

type Change = fn(&mut Value);

fn claim(about: &str) -> Value {
    serde_json::to_value(self_declared(about, "so it is")).unwrap()
}

fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

fn repeat_first(list: &mut Value) {
    let first = list[0].clone();
    push(list, first);
}

fn with_stone(piece: &mut Value, stone: Value) {
    push(&mut piece["stones"], stone);
    push(&mut piece["claims"], claim("stones/0"));
}

fn with_hallmark(piece: &mut Value, hallmark: Value) {
    piece["hallmark"] = hallmark;
    push(&mut piece["claims"], claim("hallmark"));
}

const STONE: &str = r#"{"species":"sapphire","formation":"natural","treatment":"untreated"}"#;

fn stone() -> Value {
    serde_json::from_str(STONE).unwrap()
}

fn reminted(change: Change) -> Vec<u8> {
    Loose::minted().remint(|manifest| change(&mut manifest["credentialSubject"])).sealed()
}

#[test]
fn a_piece_that_contradicts_itself_is_refused() {
    let cases: &[(&str, Change)] = &[
        ("another version", |p| p["format"] = "hallmark/2".into()),
        ("no metal", |p| {
            p["metals"] = json!([]);
            p["claims"] = json!([claim("weightMg")]);
        }),
        ("fineness 0", |p| p["metals"][0]["fineness"] = 0.into()),
        ("fineness 1000", |p| p["metals"][0]["fineness"] = 1000.into()),
        ("no weight at all", |p| p["weightMg"] = 0.into()),
        ("a metal nobody vouches for", |p| repeat_first(&mut p["metals"])),
        ("a weight nobody vouches for", |p| drop(p["claims"].as_array_mut().unwrap().pop())),
        ("an origin nobody vouches for", |p| p["origin"] = json!({"statement": "recycled"})),
        ("a stone nobody vouches for", |p| push(&mut p["stones"], stone())),
        ("a mark nobody vouches for", |p| p["hallmark"] = json!({"finenessMark": "750"})),
        ("a warranty nobody vouches for", |p| {
            p["warranties"] = json!([{"system": "SoW", "statement": "x", "date": "2026-05-03"}]);
        }),
        ("a material nobody vouches for", |p| p["materials"] = json!([{"name": "gold grain"}])),
        ("a stone treated in no way", |p| {
            let mut stone = stone();
            stone["treatment"] = "treated".into();
            with_stone(p, stone);
        }),
        ("an untreated stone that was heated", |p| {
            let mut stone = stone();
            stone["treatments"] = json!(["heated"]);
            with_stone(p, stone);
        }),
        ("no stones alike", |p| {
            let mut stone = stone();
            stone["count"] = 0.into();
            with_stone(p, stone);
        }),
        ("a report that is not there", |p| {
            let mut stone = stone();
            stone["report"] = json!({"laboratory": "L", "number": "1", "part": "certs/1.pdf"});
            with_stone(p, stone);
        }),
        ("a certificate that is not there", |p| {
            p["materials"] = json!([{"name": "gold grain", "part": "certs/1.pdf"}]);
            push(&mut p["claims"], claim("materials/0"));
        }),
        ("exempt by a weight it does not have", |p| {
            with_hallmark(p, json!({"exemption": {"rule": "UK", "belowMg": 1000}}));
        }),
        ("exempt at the very weight", |p| {
            with_hallmark(p, json!({"exemption": {"rule": "UK", "belowMg": 4350}}));
        }),
        ("exempt by a weight it does not state", |p| {
            p.as_object_mut().unwrap().remove("weightMg");
            p["claims"] = json!([claim("metals/0"), claim("hallmark")]);
            p["hallmark"] = json!({"exemption": {"rule": "UK", "belowMg": 9000}});
        }),
        ("a GTIN with a wrong digit", |p| p["gs1"] = json!({"gtin": "09506000134353"})),
        ("a GTIN of 13 digits", |p| p["gs1"] = json!({"gtin": "9506000134352"})),
        ("a GTIN with a letter", |p| p["gs1"] = json!({"gtin": "0950600013435x"})),
        ("a GS1 serial of 21 characters", |p| {
            p["gs1"] = json!({"gtin": "09506000134352", "serial": "123456789012345678901"});
        }),
        ("a story of unknown parts", |p| p["story"] = json!(["notes/02.md"])),
        ("a story that repeats itself", |p| p["story"] = json!(["notes/01.md", "notes/01.md"])),
        ("hidden fields unsorted", |p| {
            let digest = "_".repeat(42) + "8";
            let first = p["hidden"]["_sd"][0].clone();
            p["hidden"]["_sd"] = json!([digest, first]);
        }),
        ("a hidden field twice", |p| repeat_first(&mut p["hidden"]["_sd"])),
        ("a hidden field cut short", |p| p["hidden"]["_sd"][0] = "abcd".into()),
        ("no hidden field", |p| p["hidden"]["_sd"] = json!([])),
        ("another hash", |p| p["hidden"]["_sd_alg"] = "sha-1".into()),
        ("65 hidden fields", |p| {
            p["hidden"]["_sd"] =
                (0..65).map(|i| Value::from(format!("{}{i:02}A", "A".repeat(40)))).collect();
        }),
    ];
    for (what, change) in cases {
        malformed(what, &reminted(*change), &["manifest"]);
    }
}

#[test]
fn a_piece_without_parts_is_refused() {
    let mut loose = Loose::minted();
    loose.remint(|manifest| {
        manifest["credentialSubject"]["parts"] = json!([]);
        manifest["credentialSubject"].as_object_mut().unwrap().remove("story");
    });
    malformed(
        "no parts",
        &loose.remove("media/01.jpg").remove("notes/01.md").sealed(),
        &["manifest"],
    );
}

/// The controls: the same things put right are accepted.
#[test]
fn the_same_things_put_right_hold() {
    let cases: &[(&str, Change)] = &[
        ("fineness 999", |p| p["metals"][0]["fineness"] = 999.into()),
        ("a stone", |p| with_stone(p, stone())),
        ("a treated stone", |p| {
            let mut stone = stone();
            stone["treatment"] = "treated".into();
            stone["treatments"] = json!(["heated"]);
            with_stone(p, stone);
        }),
        ("an exemption", |p| {
            with_hallmark(p, json!({"exemption": {"rule": "UK", "belowMg": 4351}}));
        }),
        ("a GTIN", |p| {
            p["gs1"] = json!({"gtin": "09506000134352", "serial": "12345678901234567890"})
        }),
        ("64 hidden fields", |p| {
            p["hidden"]["_sd"] =
                (0..64).map(|i| Value::from(format!("{}{i:02}A", "A".repeat(40)))).collect();
        }),
    ];
    for (what, change) in cases {
        assert_eq!(codes(&reminted(*change)), [""; 0], "{what}");
    }
}

/// T-02: a part that is listed twice, be it by the manifest and an event, would be two statements
/// about one file.
#[test]
fn a_part_listed_twice_is_refused() {
    let bytes = reminted(|piece| repeat_first(&mut piece["parts"]));
    malformed("by the manifest", &bytes, &["manifest", "duplicate-entry"]);
    let mut loose = Loose::minted();
    let part = loose.json(MANIFEST)["credentialSubject"]["parts"][0].clone();
    loose.resign(EVENT_1, &[&key(1)], |event| event["credentialSubject"]["parts"] = json!([part]));
    malformed("twice", &loose.settle().sealed(), &["duplicate-entry"]);
}

#[test]
fn a_part_that_only_an_event_lists_must_be_there_and_be_right() {
    let content = b"Polished again.\n";
    let mut part = Loose::minted().json(MANIFEST)["credentialSubject"]["parts"][1].clone();
    part["path"] = "notes/02.md".into();
    part["size"] = content.len().into();
    part["sha256"] = hallmark_core::hash::Sha256::of(content).to_string().into();
    let mut loose = Loose::minted();
    loose.resign(EVENT_1, &[&key(1)], |event| event["credentialSubject"]["parts"] = json!([part]));
    loose.settle();
    tampered("missing", &loose.sealed(), &["part-missing"]);
    loose.insert_before(VERIFY, "notes/02.md", content);
    assert_eq!(codes(&loose.sealed()), [""; 0]);
    loose.set("notes/02.md", b"Polished twice.\n");
    tampered("changed", &loose.sealed(), &["content-changed"]);
}

/// T-15: the bytes must be what the stated type says, and the type one of the table.
#[test]
fn a_photo_that_is_not_what_its_type_says_is_refused() {
    let with = |media_type: &str, content: &[u8]| {
        let mut loose = Loose::minted();
        loose.set("media/01.jpg", content).remint(|manifest| {
            let part = &mut manifest["credentialSubject"]["parts"][0];
            part["type"] = media_type.into();
            part["size"] = content.len().into();
            part["sha256"] = hallmark_core::hash::Sha256::of(content).to_string().into();
        });
        loose.sealed()
    };
    assert_eq!(codes(&with("image/jpeg", PHOTO)), [""; 0]);
    for (media_type, content) in [
        ("image/jpeg", &b"<html><script>alert(1)</script>"[..]),
        ("image/jpeg", b"MZ\x90\0"),
        ("image/jpeg", b"\x89PNG\r\n\x1a\n"),
        ("image/jpeg", b"%PDF-1.7"),
        ("image/jpeg", b""),
        ("image/jpeg", b"\xff\xd8"),
        ("image/png", PHOTO),
        ("application/pdf", PHOTO),
        ("audio/flac", PHOTO),
        ("text/plain", b"\xff\xfe\0\0"),
        ("text/html", b"<html>"),
        ("image/svg+xml", b"<svg/>"),
        ("IMAGE/JPEG", PHOTO),
        ("image/jpeg; charset=x", PHOTO),
        ("", PHOTO),
    ] {
        malformed((media_type, content), &with(media_type, content), &["media-type"]);
    }
}
