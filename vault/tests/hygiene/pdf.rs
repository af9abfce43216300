//! PDF in particular.

use hallmark_vault::hygiene::{Outcome, Trace};

use crate::fixtures::{exif, jpeg_picture, jpeg_segment, pdf, zlib};
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
    expect_whole(&compressed, Outcome::Unchecked, &[Trace::PdfInfo, Trace::PdfUnreadable]);
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

/// One object with a stream.
fn stream(number: u32, dictionary: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("{number} 0 obj<<{dictionary}/Length {}>>stream\n", body.len());
    [head.as_bytes(), body, b"\nendstream endobj\n"].concat()
}

fn with_stream(objects: &str, stream: &[u8]) -> Vec<u8> {
    [b"%PDF-1.7\n", objects.as_bytes(), b"\n", stream, b"%%EOF\n"].concat()
}

#[test]
fn a_picture_under_another_filter_is_named() {
    let photo =
        [b"\xff\xd8".to_vec(), jpeg_segment(0xe1, &[b"Exif\0\0", &exif(true)]), jpeg_picture()]
            .concat();
    for filter in [
        "/Filter[/ASCII85Decode/DCTDecode]",
        "/Filter[/FlateDecode/DCTDecode]",
        "/Filter[/FlateDecode/#44CT]",
        "/Filter/JPXDecode",
        "/Filter 7 0 R",
        "/Filter/DCTDecode/Filter/FlateDecode/Filter/DCTDecode/Filter/DCTDecode",
    ] {
        let bytes = with_stream("", &stream(5, &format!("/Subtype/Image{filter}"), &photo));
        expect_whole(&bytes, Outcome::Unchecked, &[Trace::PdfPicture]);
    }
    // Viewers skip bytes between segments; this reader does not understand them.
    let mut stray = photo.clone();
    stray.insert(2, 0);
    let bytes = with_stream("", &stream(5, "/Subtype/Image/Filter/DCTDecode", &stray));
    expect_whole(&bytes, Outcome::Unchecked, &[Trace::PdfPicture]);
    // The control.
    let (cleaning, _) = removed(&with_stream("", &stream(5, "/Filter[/DCTDecode]", &photo)));
    assert!(cleaning.removed.contains(&Trace::ExifGps) && cleaning.reveals.is_empty());
}

#[test]
fn information_may_stand_in_the_trailer_itself() {
    let bytes = document(
        "4 0 obj(Rosa Title)endobj\n\
         trailer<</Root 1 0 R/Info<</Author(Rosa)/Title 4 0 R/V<526f7361>>>/ID[(ab)]>>",
    );
    let (cleaning, out) = removed(&bytes);
    assert_eq!((cleaning.removed, cleaning.reveals), (vec![Trace::PdfInfo], vec![]));
    assert!(!contains(&out, b"Rosa") && !contains(&out, b"526f"));
    assert!(contains(&out, b"/ID[(ab)]"));
    expect_whole(&out, Outcome::Clean, &[]);
}

#[test]
fn metadata_is_what_a_dictionary_calls_so() {
    let refers = "1 0 obj<</Type/Catalog/Metadata 6 0 R>>endobj";
    let compressed = zlib(b"1 0 <</Type/Catalog/Metadata 6 0 R>>");
    let objects = stream(9, "/Type/ObjStm/Filter/FlateDecode/N 1/First 4", &compressed);
    for (objects, dictionary) in [
        (refers.as_bytes(), ""),
        (refers.as_bytes(), "/Type 7 0 R"),
        (b"5 0 obj[<</Metadata 6 0 R>>]endobj".as_slice(), "/Type/Other"),
        (&objects, ""),
        (b"", "/Subtype/XML"),
    ] {
        let bytes =
            [b"%PDF-1.7\n", objects, b"\n", &stream(6, dictionary, b"<dc:creator>Rosa"), b"%%EOF"]
                .concat();
        let (cleaning, out) = removed(&bytes);
        assert_eq!(cleaning.removed, [Trace::PdfXmp], "{dictionary}");
        assert!(!contains(&out, b"Rosa") && out.len() == bytes.len());
        expect_whole(&out, Outcome::Clean, &[]);
    }
    // What holds the file together stays, whoever calls it metadata.
    let bytes =
        with_stream("5 0 obj<</Metadata 6 0 R>>endobj", &stream(6, "/Type/ObjStm", b"<<>>"));
    expect_whole(&bytes, Outcome::Clean, &[]);
}

#[test]
fn what_stands_on_a_page_besides_its_content_is_named() {
    let cases = [
        ("<</Subtype/Text/Rect[1 2 3 4]/T(Rosa)>>", Some(Trace::PdfAnnotation)),
        ("<</Annots[<</Subtype/Text/T 5 0 R/Rect 6 0 R>>]>>", Some(Trace::PdfAnnotation)),
        ("<</Subtype/Link/Rect[1 2 3 4]>>", None),
        ("<</Subtype/Widget/Rect[1 2 3 4]/T(name)/FT/Tx>>", None),
        ("<</Subtype/Widget/Rect[1 2 3 4]/T(name)/FT/Tx/V(Rosa)>>", Some(Trace::PdfForm)),
        ("<</T(name)/V(Rosa)/Parent 4 0 R>>", Some(Trace::PdfForm)),
        ("<</FT/Btn/T(name)/V/Off>>", None),
        ("<</AcroForm<</Fields[]/XFA 7 0 R>>>>", Some(Trace::PdfForm)),
        ("<</AcroForm<</Fields[]>>>>", None),
        ("<</PieceInfo<</App<</Private 6 0 R>>>>>>", Some(Trace::PdfPrivate)),
        ("<</F(a.txt)/EF<</F 6 0 R>>>>", Some(Trace::PdfAttachment)),
        ("<</UF(a.txt)/EF 9 0 R>>", Some(Trace::PdfAttachment)),
        ("<</Names<</EmbeddedFiles 9 0 R>>>>", Some(Trace::PdfAttachment)),
        ("<</Font<</EF 9 0 R>>>>", None),
    ];
    for (object, trace) in cases {
        let (outcome, reveals) = match &trace {
            Some(trace) => (Outcome::Unchecked, std::slice::from_ref(trace)),
            None => (Outcome::Clean, [].as_slice()),
        };
        expect_whole(&document(&format!("3 0 obj{object}endobj")), outcome, reveals);
        // The same in a compressed stream of objects.
        let inside = format!("3 0 {object}");
        let objects = stream(9, "/Type/ObjStm/Filter/FlateDecode", &zlib(inside.as_bytes()));
        expect_whole(&with_stream("", &objects), outcome, reveals);
    }
}

#[test]
fn information_is_found_through_references() {
    let bytes = document(
        "1 0 obj 2 0 R endobj 2 0 obj 3 0 R endobj 3 0 obj<</Author(Rosa)>>endobj \
         trailer<</Info 1 0 R>>",
    );
    let (cleaning, out) = removed(&bytes);
    assert_eq!((cleaning.removed, cleaning.reveals), (vec![Trace::PdfInfo], vec![]));
    assert!(!contains(&out, b"Rosa"));
    expect_whole(&out, Outcome::Clean, &[]);
    // A value that leads on, or to more than a string, is named.
    for value in ["3 0 R", "[(Rosa)]", "<</A(Rosa)>>"] {
        let bytes = document(&format!(
            "1 0 obj<</Author 2 0 R>>endobj 2 0 obj {value} endobj 3 0 obj(Rosa)endobj \
             trailer<</Info 1 0 R>>"
        ));
        expect_whole(&bytes, Outcome::Unchecked, &[Trace::PdfInfo]);
    }
}
