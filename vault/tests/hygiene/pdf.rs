//! PDF in particular.

use hallmark_vault::hygiene::{Outcome, Trace};

use crate::fixtures::pdf;
use crate::{contains, expect_damaged, expect_whole, removed};

fn document(objects: &str) -> Vec<u8> {
    format!("%PDF-1.7\n{objects}\n%%EOF\n").into_bytes()
}

#[test]
fn strings_are_blanked_between_their_delimiters() {
    let (_, out) = removed(&pdf());
    assert!(contains(&out, b"/Title 5 0 R/ModDate<      >>>"));
    assert!(contains(&out, b"/Producer(      )/#41uthor<        >/Trapped/False>>"));
    assert!(contains(&out, b"5 0 obj (            ) endobj"));
    assert!(out.ends_with(b"%%EOF"));
}

#[test]
fn deflated_xmp_is_replaced_by_deflated_spaces() {
    let body = "x".repeat(40);
    let bytes = document(&format!(
        "1 0 obj<</Type/Metadata/Filter[/FlateDecode]/Length 40>>stream\n{body}\nendstream endobj\n"
    ));
    let (cleaning, out) = removed(&bytes);
    assert_eq!(cleaning.removed, [Trace::PdfXmp]);
    assert_eq!(out.len(), bytes.len());
    assert!(contains(&out, b"\x78\x01\x01\x1d\0\xe2\xff                             "));
    expect_whole(&out, Outcome::Clean, &[]);
}

#[test]
fn what_cannot_be_blanked_is_named() {
    let compressed = document(
        "1 0 obj<</Type/ObjStm/Filter/FlateDecode/Length 4>>stream\nabcd\nendstream endobj\n\
         2 0 obj<</Type/XRef/Info 9 0 R/Length 4>>stream\nabcd\nendstream endobj\n",
    );
    expect_whole(&compressed, Outcome::Unchecked, &[Trace::PdfInfo]);
    let encrypted =
        document("1 0 obj<</Author(x)/Title(y)>>endobj trailer<</Encrypt 2 0 R/Info 1 0 R>>");
    expect_whole(&encrypted, Outcome::Unchecked, &[Trace::PdfEncrypted]);
    let attached = document("1 0 obj<</Type/EmbeddedFile/Length 2>>stream\nab\nendstream endobj");
    expect_whole(&attached, Outcome::Unchecked, &[Trace::PdfAttachment]);
    let filtered =
        document("1 0 obj<</Type/Metadata/Filter/LZWDecode/Length 2>>stream\nab\nendstream endobj");
    expect_whole(&filtered, Outcome::Unchecked, &[Trace::PdfXmp]);
}

#[test]
fn signed_documents_stay_whole_and_say_what_they_reveal() {
    let signed = document(
        "1 0 obj<</Type/Sig/ByteRange[0 1 2 3]/Contents<00>>>endobj\n\
         2 0 obj<</Author(Rosa Diamanti)>>endobj trailer<</Info 2 0 R>>",
    );
    expect_whole(&signed, Outcome::Preserved, &[Trace::PdfInfo, Trace::PdfSignature]);
    let c2pa = document(
        "1 0 obj<</AFRelationship/C2PA_Manifest/EF<</F 2 0 R>>>>endobj\n\
         2 0 obj<</Type/EmbeddedFile/Length 2>>stream\nab\nendstream endobj",
    );
    expect_whole(&c2pa, Outcome::Preserved, &[Trace::PdfAttachment, Trace::C2pa]);
}

#[test]
fn an_object_that_does_not_end_hides_nothing() {
    let bytes = document("1 0 obj<</A 1>> 2 0 obj<</Author(Rosa)>> trailer<</Info 2 0 R>>");
    let (cleaning, out) = removed(&bytes);
    assert_eq!(cleaning.removed, [Trace::PdfInfo]);
    assert!(!contains(&out, b"Rosa"));
    // A length that leads into the middle of another object is not followed.
    let bytes = document(
        "1 0 obj<</Length 9>>stream\nab\nendstream endobj 2 0 obj<</Author(Rosa)/Title(R)>>endobj",
    );
    assert!(!contains(&removed(&bytes).1, b"Rosa"));
    expect_damaged(&document("1 0 obj<</Author(Rosa"), "does not end");
    expect_damaged(&document("1 0 obj<</Author<526f"), "does not end");
}
