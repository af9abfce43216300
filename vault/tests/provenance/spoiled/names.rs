//! Names and which entries may be there at all.

use super::{malformed, tampered};
use crate::{fixture::*, forge::*};

/// T-03: no name leads out of the folder a file is unpacked to, on any system.
#[test]
fn names_that_leave_their_folder_are_refused() {
    for name in [
        "../../etc/passwd",
        "media/../../x",
        "media/..",
        "media/a..b",
        "/etc/passwd",
        "/media/01.jpg",
        "//host/share",
        "c:/windows/x",
        "c:x",
        "media\\..\\x",
        "\\\\host\\share",
        "~/x",
        "./media/x",
        "media/./x",
        "media//x",
        "media/",
        "media",
        "",
        ".",
        "media/a/b",
        "media/.htaccess",
        "media/x.",
        "media/x ",
        "media/x:stream",
        "media/con",
        "media/nul.jpg",
        "notes/aux.txt.md",
        "certs/com1",
        "certs/lpt9.pdf",
        "media/\u{0}x",
        "media/a\u{1b}[2Jb",
        "media/foto-\u{e9}.jpg",
        "media/a\u{301}",
        "media/\u{202e}gpj.x",
        "Media/x",
        "MEDIA/X",
        "media/X.jpg",
        "Manifest.json",
        "MANIFEST.JSON",
        "manifest.json/x",
        "sha256sums",
        "verify.txt",
        "notes",
        "index.html",
        "proofs/../x",
        "proofs/",
        "proofs/A",
        "events/0000.json",
        "events/1.json",
        "events/00001.json",
        "events/+001.json",
        "events/0001.json.bak",
        "status/other.json",
    ] {
        let bytes = listed(name);
        malformed(name, &bytes, &["unlisted-entry"]);
        let message = &verdict(&bytes, &pins(&[]), LATER).integrity.problems[0].message;
        assert!(message.is_ascii(), "{message}: a name is shown with what is odd in it escaped");
    }
    let long = |len: usize| codes(&listed(&format!("media/{}", "a".repeat(len))));
    assert_eq!(long(81), ["unlisted-entry"]);
    // the controls: with any other name the same file holds
    assert_eq!(long(80), [""; 0]);
    assert_eq!(codes(&listed("media/console.a-b_c.jpg")), [""; 0]);
}

/// The minted file with one more part of that name, which the studio itself lists and signs.
fn listed(name: &str) -> Vec<u8> {
    let content = b"Made by the sea.\n";
    let mut loose = Loose::minted();
    if name.starts_with("events/") {
        return loose.insert_before(STATUS, name, b"{}").sealed();
    }
    loose.insert_before(VERIFY, name, content).remint(|manifest| {
        let parts = manifest["credentialSubject"]["parts"].as_array_mut().unwrap();
        let mut part = parts[1].clone();
        part["path"] = name.into();
        parts.push(part);
    });
    loose.sealed()
}

/// T-02: nothing rides along that no signed document lists.
#[test]
fn entries_that_nothing_lists_are_refused() {
    for name in
        ["media/02.jpg", "certs/report.pdf", "notes/02.md", "events/0009.json", "events/1000.json"]
    {
        let before = if name.starts_with("events") { STATUS } else { VERIFY };
        let mut loose = Loose::minted();
        loose.insert_before(before, name, b"x");
        malformed(name, &loose.sealed(), &["unlisted-entry"]);
    }
    let with_proofs = |n: usize| {
        let mut loose = Loose::minted();
        for i in 0..n {
            loose.insert_before(VERIFY, &format!("proofs/{i:02}"), b"x");
        }
        loose.sealed()
    };
    assert_eq!(codes(&with_proofs(16)), [""; 0], "proofs are allowed, and counted as unchecked");
    assert_eq!(open(&with_proofs(16)).unchecked_proofs(), 16);
    malformed("17 proofs", &with_proofs(17), &["unlisted-entry"]);
}

/// T-02: a name stands once.
#[test]
fn duplicate_entries_are_refused() {
    for (name, _) in Loose::minted().0 {
        for content in [Loose::minted().bytes(&name).to_vec(), b"other".to_vec()] {
            for after in [true, false] {
                let mut loose = Loose::minted();
                loose.resum();
                let at = loose.at(&name) + usize::from(after);
                loose.0.insert(at, (name.clone(), content.clone()));
                malformed((&name, after), &loose.pack(), &["duplicate-entry"]);
            }
        }
    }
}

#[test]
fn missing_entries_are_named() {
    for (name, codes) in [
        (MANIFEST, &["missing-entry"][..]),
        (EVENT_1, &["missing-entry", "cut-tail"]),
        (STATUS, &["missing-entry"]),
        (VERIFY, &["missing-entry"]),
    ] {
        let mut loose = Loose::minted();
        loose.remove(name);
        malformed(name, &loose.sealed(), codes);
    }
    for name in [SUMS, MINISIG] {
        malformed(name, &Loose::minted().remove(name).pack(), &["missing-entry"]);
    }
    for name in ["media/01.jpg", "notes/01.md"] {
        tampered(name, &Loose::minted().remove(name).sealed(), &["part-missing"]);
    }
    malformed(
        "all but VERIFY.txt",
        &{
            let mut loose = Loose::minted();
            loose.0.retain(|(name, _)| name == VERIFY);
            loose.pack()
        },
        &["missing-entry", "missing-entry"],
    );
}

/// T-02: the order of entries is fixed, so that a file has one encoding.
#[test]
fn entries_out_of_order_are_refused() {
    let len = Loose::minted().0.len();
    for i in 0..len {
        for j in i + 1..len {
            let mut loose = Loose::minted();
            loose.0.swap(i, j);
            malformed((i, j), &loose.sealed(), &["entry-order"]);
        }
    }
    let mut proofs = Loose::minted();
    proofs.insert_before(VERIFY, "proofs/b", b"x").insert_before(VERIFY, "proofs/a", b"x");
    malformed("proofs", &proofs.sealed(), &["entry-order"]);
}
