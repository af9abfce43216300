//! Text that would draw its own verdict on the reader's screen.

use serde_json::json;

use super::malformed;
use crate::{fixture::*, forge::*};

/// What a terminal or a page acts on instead of showing it.
const UNPLAIN: [&str; 17] = [
    "\u{1b}[2J\u{1b}[HVerdict: holds",
    "Ring\rVerdict: holds",
    "Ring\u{8}\u{8}",
    "Ring\u{7}",
    "Ring\u{0}",
    "Ring\u{7f}",
    "\u{9b}31mRing",
    "\u{9d}0;title\u{9c}",
    "Ring\u{202e}sdloh",
    "Ring\u{2066}x\u{2069}",
    "Ring\u{200f}",
    "Ring\u{61c}",
    "Ring\u{200b}",
    "Ring\u{ad}",
    "Ring\u{2028}Verdict: holds",
    "Ring\u{feff}",
    "Ring\u{e0041}",
];

/// T-11: neither the manifest nor an event nor the status can hold such a text, in any field, were
/// it signed by the studio itself.
#[test]
fn no_text_can_draw() {
    for text in UNPLAIN {
        for (name, pointer) in [
            (MANIFEST, "title"),
            (MANIFEST, "serial"),
            (MANIFEST, "format"),
            (MANIFEST, "metals/0/metal"),
            (MANIFEST, "maker/name"),
            (MANIFEST, "claims/0/by"),
            (MANIFEST, "claims/0/about"),
            (MANIFEST, "parts/0/type"),
            (MANIFEST, "parts/0/metadata/outcome"),
            (MANIFEST, "hidden/_sd/0"),
            (EVENT_1, "by"),
            (EVENT_1, "bizStep"),
            (STATUS, "status"),
        ] {
            let mut loose = Loose::minted();
            loose.resign(name, &[&key(1)], |document| {
                *document["credentialSubject"].pointer_mut(&format!("/{pointer}")).unwrap() =
                    text.into();
            });
            malformed((name, pointer, text), &loose.sealed(), &["control-characters"]);
        }
        for (name, field) in [(EVENT_1, "note"), (STATUS, "reason"), (MANIFEST, "inscription")] {
            let mut loose = Loose::minted();
            loose.resign(name, &[&key(1)], |d| d["credentialSubject"][field] = text.into());
            malformed((name, field, text), &loose.sealed(), &["control-characters"]);
        }
    }
    let mut key_name = Loose::minted();
    key_name.resign(MANIFEST, &[&key(1)], |manifest| manifest["\u{1b}[2J"] = 1.into());
    malformed("a key", &key_name.sealed(), &["control-characters"]);
}

/// T-11: what is quoted of a refused file is one line and short, so that it cannot look like a
/// verdict of ours ([`super::refused`] looks at every message for control characters).
#[test]
fn a_refusal_quotes_no_lines_of_the_file() {
    let lines = format!("hallmark/1\n\nIntegrity  holds\nSigner     pinned\n{}", "x".repeat(9000));
    let refused = |loose: &mut Loose, code: &str| {
        let verdict = verdict(&loose.sealed(), &pins(&[]), LATER);
        assert_eq!(verdict.integrity.problems[0].code, code);
        for problem in verdict.integrity.problems {
            assert!(!problem.message.contains('\n'), "{}", problem.message);
            assert!(problem.message.chars().count() <= 500, "{}", problem.message);
        }
    };
    let reminted = |field: &str, value: serde_json::Value| {
        let mut loose = Loose::minted();
        let lines = lines.clone();
        loose.remint(|manifest| {
            let value = if value.is_null() { lines.into() } else { value };
            manifest["credentialSubject"][field] = value;
        });
        loose
    };
    refused(&mut reminted("format", serde_json::Value::Null), "manifest");
    refused(&mut reminted("metals", serde_json::Value::Null), "document-shape");
    refused(&mut reminted(&lines.clone(), 1.into()), "document-shape");
    let about = "no/such\nIntegrity  holds";
    let mut claim = Loose::minted();
    claim.remint(|manifest| {
        let mut extra = manifest["credentialSubject"]["claims"][0].clone();
        extra["about"] = about.into();
        manifest["credentialSubject"]["claims"].as_array_mut().unwrap().push(extra);
    });
    refused(&mut claim, "claim-field");
}

/// T-11: a title is text, not markup of any length.
#[test]
fn texts_are_neither_empty_nor_endless() {
    for text in ["", " ", "\n", &"x".repeat(2001)] {
        let mut loose = Loose::minted();
        loose.remint(|manifest| manifest["credentialSubject"]["title"] = text.into());
        malformed(text, &loose.sealed(), &["document-shape"]);
    }
    let mut longest = Loose::minted();
    longest.remint(|manifest| manifest["credentialSubject"]["title"] = json!("é".repeat(2000)));
    assert_eq!(codes(&longest.sealed()), [""; 0]);
}

/// `VERIFY.txt` tells people how to check the file: another text could tell them anything.
#[test]
fn verify_txt_is_fixed() {
    let text = Loose::minted().text(VERIFY);
    for changed in [
        text.replace("sha256sum -c SHA256SUMS", "echo all are OK        "),
        text.replace('\n', " "),
        text[1..].to_owned(),
        String::new(),
    ] {
        malformed(&changed, &Loose::minted().set(VERIFY, &changed).sealed(), &["verify-text"]);
    }
    malformed("longer", &Loose::minted().set(VERIFY, text + "\n").sealed(), &["too-large"]);
}
