//! The example of `FORMAT.md`, appendix B, for checkers that are not ours.
//!
//! `provenance_file write DIR` writes the example files; `provenance_file judge TIME DID FILE...`
//! prints what this implementation makes of each file as one line of JSON.

#![allow(clippy::unwrap_used)] // the tests' fixture may say that it cannot go on by panicking

use hallmark_core::key::PublicKey;
use hallmark_vault::provenance::{event::Kind, status::Standing};

#[allow(dead_code)]
#[path = "../tests/provenance/fixture.rs"]
mod fixture;
#[allow(dead_code, unused_imports)] // its tests are not compiled here
#[path = "../tests/provenance/life.rs"]
mod life;
#[allow(dead_code)]
#[path = "../tests/provenance/rich.rs"]
mod rich;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", folder] => write(std::path::Path::new(folder)),
        ["judge", at, did, files @ ..] => judge(at, did.parse()?, files),
        _ => Err("usage: provenance_file write DIR | judge TIME DID FILE...".into()),
    }
}

fn write(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let studio = fixture::studio();
    let name = fixture::piece().maker.name;
    std::fs::write(folder.join("small.hallmark"), fixture::minted())?;
    std::fs::write(folder.join("rich.hallmark"), rich::minted())?;
    let sold = life::append(&rich::minted(), Kind::Sold, &[&fixture::key(1), &fixture::key(10)])?;
    std::fs::write(folder.join("sold.hallmark"), &sold)?;
    std::fs::write(folder.join("life.hallmark"), life::restatus(&sold, Standing::Current, 90))?;
    let public = hallmark_vault::provenance::write::pub_file(
        &studio.identity.public(),
        &name,
        &studio.writer,
    );
    std::fs::write(folder.join("studio.pub"), public)?;
    let (_, disclosures) = fixture::hidden();
    std::fs::write(folder.join("price.disclosure"), format!("{}\n", disclosures[0].as_str()))?;
    Ok(())
}

fn judge(at: &str, did: PublicKey, files: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    for file in files {
        let verdict = fixture::verdict(&std::fs::read(file)?, &fixture::pins(&[did]), at);
        let problems: Vec<&str> = verdict.integrity.problems.iter().map(|p| p.code).collect();
        let freshness = verdict.freshness.state;
        println!(
            "{}",
            serde_json::json!({
                "file": file, "outcome": verdict.outcome, "problems": problems, "freshness": freshness
            })
        );
    }
    Ok(())
}
