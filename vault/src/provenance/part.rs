//! Parts: the files a provenance file carries (`FORMAT.md`, section 5).

use hallmark_core::hash::Sha256;
use serde::{Deserialize, Serialize};

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
    pub outcome: String,
    /// Kinds of metadata that were taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Kinds of metadata that the file still reveals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveals: Vec<String>,
}
