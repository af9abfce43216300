//! Parts: the files a provenance file carries (`FORMAT.md`, section 5).

use hallmark_core::hash::Sha256;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{path::PartPath, text::Text};

/// What a part is to the piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A photograph or render of the piece.
    Photo,
    /// An episode of the maker's story.
    Episode,
    /// A note by the maker.
    Note,
    /// A certificate or report about a stone, a metal or a material.
    Certificate,
    /// Anything else.
    Other,
}

/// A file in the container, as a signed document lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Its name in the container.
    pub path: PartPath,
    /// SHA-256 of its content.
    pub sha256: Sha256,
    /// Length of its content in bytes.
    pub size: u64,
    /// Media type (RFC 6838), one of FORMAT.md's table; its magic bytes are checked against it.
    #[serde(rename = "type")]
    pub media_type: String,
    /// What it is to the piece.
    pub role: Role,
    /// What a person sees as its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// What was done about metadata before hashing.
    pub metadata: Metadata,
}

/// What happened to the metadata of a part, by kind and never by value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// `clean`, `removed`, `kept`, `preserved` or `unchecked`.
    #[serde(deserialize_with = "outcome")]
    pub outcome: String,
    /// Kinds of metadata that were taken out: codes of FORMAT.md's table, or later ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "codes")]
    pub removed: Vec<String>,
    /// Kinds of metadata that the file still reveals.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "codes")]
    pub reveals: Vec<String>,
}

fn outcome<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let outcome = String::deserialize(d)?;
    match outcome.as_str() {
        "clean" | "removed" | "kept" | "preserved" | "unchecked" => Ok(outcome),
        _ => Err(D::Error::custom("no outcome of metadata hygiene")),
    }
}

/// Codes of 1 to 40 characters of `a-z 0-9 -`: a reader shows those it does not know as they are.
fn codes<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let codes: Vec<String> = Vec::deserialize(d)?;
    let sound = codes.iter().all(|code| {
        (1..=40).contains(&code.len())
            && code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    });
    sound.then_some(codes).ok_or_else(|| D::Error::custom("no code of a kind of metadata"))
}
