//! RFC 8785 and W3C `eddsa-jcs-2022` vectors made by others, from `../shared/vectors` or the
//! folder named by `HALLMARK_VECTORS`.

use std::path::PathBuf;

use hallmark_core::{hash::Sha256, json, proof};

fn vectors(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALLMARK_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
        PathBuf::from,
    );
    let path = root.join(folder);
    if !path.is_dir() {
        println!("skipped: vectors not present ({folder})");
        return None;
    }
    Some(path)
}

#[test]
fn rfc_8785_files() {
    let Some(folder) = vectors("jcs/testdata") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.join("input")).expect("input folder") {
        let input = entry.expect("entry").path();
        let name = input.file_name().expect("a name");
        // These inputs hold floats and non-ASCII keys on purpose: they test the writing alone.
        let value: json::Value =
            serde_json::from_slice(&std::fs::read(&input).expect("input")).expect("JSON");
        let output = std::fs::read(folder.join("output").join(name)).expect("output");
        assert_eq!(json::canonical(&value), output, "{}", name.display());
        seen += 1;
    }
    assert!(seen >= 6, "only {seen} files");
}

#[test]
fn w3c_eddsa_jcs_2022() {
    let Some(folder) = vectors("vc/TestVectors/eddsa-jcs-2022") else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).expect("vector");
    let text = |name: &str| String::from_utf8(read(name)).expect("text").trim().to_owned();
    let signed = json::parse(&read("signedJCS.json")).expect("strict JSON");

    let mut document = signed.clone();
    let proof = document.as_object_mut().expect("object").remove("proof").expect("proof");
    assert_eq!(json::canonical(&document), text("canonDocJCS.txt").as_bytes());
    assert_eq!(Sha256::of(&json::canonical(&document)).to_string(), text("docHashJCS.txt"));
    let config = json::parse(&read("proofConfigJCS.json")).expect("strict JSON");
    assert_eq!(json::canonical(&config), text("proofCanonJCS.txt").as_bytes());
    assert_eq!(Sha256::of(&json::canonical(&config)).to_string(), text("proofHashJCS.txt"));
    assert!(proof.get("proofValue").is_some());

    let verified = proof::verify(signed.clone()).expect("the official vector verifies");
    assert_eq!(verified.proofs().len(), 1);
    let mut changed = signed;
    changed["name"] = "Alumni credential".into();
    assert_eq!(proof::verify(changed).expect_err("changed"), proof::ProofError::BadSignature);
}
