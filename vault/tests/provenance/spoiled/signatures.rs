//! Contents, sums and signatures that do not belong together.

use hallmark_core::hash::Sha256;
use hallmark_vault::provenance::{minisign::WriterKey, status::Standing};

use super::{malformed, tampered};
use crate::{fixture::*, forge::*};

/// T-01: who changes a part can make the sums fit again, not the manifest.
#[test]
fn a_changed_part_is_refused_though_its_sums_were_signed_again() {
    for (name, content) in [
        ("media/01.jpg", &b"\xff\xd8\xff\xe0a forged photo"[..]),
        ("media/01.jpg", b""),
        ("media/01.jpg", b"\xff\xd8\xff\xd8"),
        ("notes/01.md", b"Made by the lea.\n"),
        ("notes/01.md", b"Made by the sea. \n"),
    ] {
        let mut loose = Loose::minted();
        loose.set(name, content);
        tampered(("as it was summed", name), &loose.pack(), &["content-changed", "sums-differ"]);
        tampered(("summed again", name), &loose.sealed(), &["content-changed"]);
    }
    // the size counts by itself: here the manifest gives the right hash and a wrong size
    let mut size = Loose::minted();
    size.remint(|manifest| manifest["credentialSubject"]["parts"][0]["size"] = 5.into());
    tampered("size", &size.sealed(), &["content-changed"]);
    // two parts of one type exchanged
    let mut exchanged = Loose::minted();
    let (a, b) =
        (exchanged.bytes("media/01.jpg").to_vec(), exchanged.bytes("notes/01.md").to_vec());
    exchanged.set("media/01.jpg", b).set("notes/01.md", a);
    tampered("exchanged", &exchanged.sealed(), &["content-changed", "content-changed"]);
}

/// T-01: a signed document that was changed and not signed again.
#[test]
fn a_changed_document_is_refused_though_its_sums_were_signed_again() {
    for (name, from, to) in [
        (MANIFEST, "Tidewater ring", "Tidewater rung"),
        (MANIFEST, ":750,", ":999,"),
        (MANIFEST, "\"validFrom\":\"2026", "\"validFrom\":\"2025"),
        (EVENT_1, "Rosa", "Inge"),
        (EVENT_1, "\"created\":\"2026", "\"created\":\"2025"),
        (STATUS, "\"validUntil\":\"2026", "\"validUntil\":\"2099"),
        (STATUS, "\"current\"", "\"revoked\""),
    ] {
        let mut loose = Loose::minted();
        let text = loose.text(name);
        assert!(text.contains(from), "{name} has {from}: {text}");
        tampered((name, to), &loose.set(name, text.replace(from, to)).sealed(), &["signature"]);
    }
}

/// T-01: `SHA256SUMS` says what is in the file, in one spelling, whoever signed it.
#[test]
fn sums_of_another_spelling_are_refused() {
    let sums = Loose::minted().text(SUMS);
    let lines: Vec<&str> = sums.lines().collect();
    let mut reversed = lines.clone();
    reversed.reverse();
    let sum = |content: &str| Sha256::of(content.as_bytes()).to_string();
    for (what, changed) in [
        ("reordered", reversed.join("\n") + "\n"),
        ("an extra line", format!("{sums}{}  media/02.jpg\n", sum("x"))),
        ("a line for itself", format!("{sums}{}  SHA256SUMS\n", sum("x"))),
        ("a line twice", format!("{sums}{}\n", lines[0])),
        ("a line left out", lines[1..].join("\n") + "\n"),
        ("no line feed at the end", sums.trim_end().to_owned()),
        ("two line feeds at the end", format!("{sums}\n")),
        ("carriage returns", sums.replace('\n', "\r\n")),
        ("binary markers", sums.replace("  ", " *")),
        ("one space", sums.replace("  ", " ")),
        ("upper case", sums.to_uppercase()),
        ("BSD style", sums.replace("  ", " = ")),
        ("a comment", format!("# checked\n{sums}")),
        ("another name", sums.replace("media/01.jpg", "media/10.jpg")),
        ("nothing", String::new()),
    ] {
        malformed(what, &Loose::minted().set(SUMS, changed).sign_sums().pack(), &["sums-shape"]);
    }
    let wrong = sums.replacen(&sums[..8], "00000000", 1);
    let mut loose = Loose::minted();
    tampered("a wrong sum", &loose.set(SUMS, &wrong).sign_sums().pack(), &["sums-differ"]);
    let mut loose = Loose::minted();
    tampered("unsigned", &loose.set(SUMS, &wrong).pack(), &["sums-differ", "minisign-signature"]);
}

/// T-01: a signature by the same studio's writer key, made for something else, does not fit.
#[test]
fn a_minisign_signature_from_elsewhere_is_refused() {
    let other_piece = hallmark_vault::provenance::piece::Piece {
        id: hallmark_core::id::PieceId::generate(&mut rng(9)),
        ..piece()
    };
    let elsewhere = Loose::of(&minted_by(&studio(), other_piece));
    let earlier = Loose::of(&crate::life::restatus(&minted(), Standing::Current, 7));
    for (what, other) in [("another piece", elsewhere), ("another state", earlier)] {
        let bytes = Loose::minted().set(MINISIG, other.bytes(MINISIG)).pack();
        tampered(what, &bytes, &["minisign-signature"]);
    }
    // the right sums, but signed for another piece: the trusted comment tells
    let loose = Loose::minted();
    let id = hallmark_core::id::PieceId::generate(&mut rng(9));
    let minisig = WriterKey::new(key(101)).sign(loose.bytes(SUMS), id);
    let bytes = loose.clone().set(MINISIG, &minisig).pack();
    tampered("another comment", &bytes, &["minisign-signature"]);
    let relabelled = minisig.replace(&id.to_string(), &piece_id().to_string());
    let bytes = loose.clone().set(MINISIG, relabelled).pack();
    tampered("comment exchanged", &bytes, &["minisign-signature"]);
    let own = loose.text(MINISIG);
    let told = own.replace("\ntrusted comment: hallmark/1", "\ntrusted comment: verified");
    assert_ne!(told, own);
    tampered("comment changed", &loose.clone().set(MINISIG, told).pack(), &["minisign-signature"]);
}

#[test]
fn a_minisign_file_of_another_shape_is_refused() {
    let minisig = Loose::minted().text(MINISIG);
    let lines: Vec<&str> = minisig.lines().collect();
    let with = |at: usize, line: String| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[at] = line;
        lines.join("\n") + "\n"
    };
    let legacy = {
        let mut bytes = data_encoding::BASE64.decode(lines[1].as_bytes()).unwrap();
        bytes[1] = b'd';
        data_encoding::BASE64.encode(&bytes)
    };
    let other_id = {
        let (comment, key) = lines[0].rsplit_once(' ').unwrap();
        let mut bytes = data_encoding::BASE64.decode(key.as_bytes()).unwrap();
        bytes[2] ^= 1;
        format!("{comment} {}", data_encoding::BASE64.encode(&bytes))
    };
    for (what, changed) in [
        ("another id of the key", with(0, other_id)),
        ("another comment", with(0, "untrusted comment: checked by a laboratory".into())),
        ("words after the key", with(0, format!("{} verified", lines[0]))),
        ("a legacy signature", with(1, legacy)),
        ("another id of the signature", with(1, lines[1].replacen(&lines[1][4..8], "AAAA", 1))),
        ("no trusted comment", with(2, lines[2].replace("trusted comment: ", ""))),
        ("a fifth line", format!("{minisig}trusted comment: holds\n")),
        ("no last line feed", minisig.trim_end().to_owned()),
        ("carriage returns", minisig.replace('\n', "\r\n")),
        ("three lines", lines[..3].join("\n") + "\n"),
        ("a short global signature", with(3, lines[3][..80].to_owned())),
        ("nothing", String::new()),
        ("text", "trust me\n".repeat(4)),
    ] {
        malformed(what, &Loose::minted().set(MINISIG, changed).pack(), &["minisign-shape"]);
    }
}

/// T-05: a proof belongs to one document.
#[test]
fn proofs_exchanged_between_documents_are_refused() {
    let names = [MANIFEST, EVENT_1, EVENT_2, STATUS];
    for (i, a) in names.into_iter().enumerate() {
        for b in &names[i + 1..] {
            let mut loose = with_two_events();
            let (mut first, mut second) = (loose.json(a), loose.json(b));
            let proof = first["proof"].take();
            first["proof"] = second["proof"].take();
            second["proof"] = proof;
            loose.set_json(a, &first).set_json(b, &second);
            let found = codes(&loose.sealed());
            assert!(!found.is_empty() && found.iter().all(|code| *code == "signature"), "{a}, {b}");
        }
    }
    // and to one piece: the same event of another piece by the same studio, with its own proof
    let other = Loose::of(&minted_by(
        &studio(),
        hallmark_vault::provenance::piece::Piece { title: "Another".parse().unwrap(), ..piece() },
    ));
    let mut loose = Loose::minted();
    let mut status = loose.json(STATUS);
    status["proof"] = other.json(STATUS)["proof"].clone();
    tampered("another file's proof", &loose.set_json(STATUS, &status).sealed(), &["signature"]);
}

/// T-05: the issuer signs first, and a manifest and a status have no other signer.
#[test]
fn documents_signed_by_somebody_else_are_refused() {
    let (studio, other) = (key(1), key(2));
    for name in [MANIFEST, EVENT_1, STATUS] {
        let mut loose = Loose::minted();
        loose.resign(name, &[&other], |_| {});
        tampered(("by another", name), &loose.sealed(), &["issuer"]);
        let mut loose = Loose::minted();
        loose.resign(name, &[&other, &studio], |_| {});
        tampered(("by another first", name), &loose.sealed(), &["issuer"]);
    }
    let both = |name, code: &str| {
        let mut loose = Loose::minted();
        loose.resign(name, &[&studio, &other], |_| {});
        if name == MANIFEST {
            loose.settle();
        }
        tampered(("countersigned", name), &loose.sealed(), &[code]);
    };
    both(MANIFEST, "issuer");
    both(STATUS, "status-signer");
    // `made` is the studio's alone; a further proof changes the file, so the status spoke of another
    let mut made = Loose::minted();
    made.resign(EVENT_1, &[&studio, &other], |_| {});
    tampered("countersigned made", &made.sealed(), &["event-signers"]);
}
