//! The format does not drift: the example of `FORMAT.md`, appendix B, byte for byte.
//!
//! A change here means that files written before are no longer what FORMAT.md describes, unless it
//! was the fixture or the random generator that fills its salts which changed.

use hallmark_core::hash::Sha256;
use hallmark_vault::{hygiene::Trace, provenance::inspect::VERIFY_TXT};

use crate::{fixture::*, rich};

const FORMAT_MD: &str = include_str!("../../FORMAT.md");

#[test]
fn the_example_file_is_the_one_format_md_prints() {
    assert_eq!(
        Sha256::of(&minted()).to_string(),
        "91bd43000d90ee423e4d68bd1c952c739c9044ca36fddc550c2f9830810afa9f"
    );
}

#[test]
fn format_md_prints_what_the_code_has() {
    assert!(FORMAT_MD.contains(&format!("    {}\n", Sha256::of(&minted()))));
    assert!(FORMAT_MD.contains(&format!("`{}`", Sha256::of(VERIFY_TXT.as_bytes()))));
    let indented: String = VERIFY_TXT
        .lines()
        .map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") })
        .collect();
    assert!(FORMAT_MD.contains(&indented), "appendix A");
    for trace in Trace::ALL {
        let code = serde_json::to_value(trace).unwrap();
        assert!(FORMAT_MD.contains(&format!("`{}`", code.as_str().unwrap())), "{code}");
    }
}

#[test]
fn a_file_with_every_field_holds_and_stays_the_same() {
    let bytes = rich::minted();
    let file = open(&bytes);
    assert_eq!(file.claims().len(), 8);
    assert_eq!(
        Sha256::of(&bytes).to_string(),
        "767329745cb3068437eee80935d6245996d3e53a9551b48ee668a270663e3a05"
    );
}
