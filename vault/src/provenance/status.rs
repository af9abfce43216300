//! The studio's word on how far the chain goes and whether the certificate still stands
//! (`FORMAT.md`, section 8).

use hallmark_core::{hash::Sha256, id::PieceId};
use serde::{Deserialize, Serialize};

use super::{credential::Subject, text::Text};

/// Days a status counts unless the studio says otherwise.
pub const DEFAULT_DAYS: u32 = 180;

/// The most days a status counts, whatever it says.
pub const MAX_DAYS: u32 = 3660;

/// What the studio says of the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It stands.
    Current,
    /// The studio has taken it back.
    Revoked,
    /// The studio knows of a theft.
    Stolen,
}

/// The subject of `status/status.json`, issued by the studio or its successor; the credential's `validFrom` and
/// `validUntil` bound it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Status {
    /// The piece.
    pub id: PieceId,
    /// SHA-256 of `manifest.json`.
    pub manifest: Sha256,
    /// SHA-256 of the last event's file.
    pub head: Sha256,
    /// How many events there are.
    pub events: u32,
    /// Whether the certificate stands.
    pub status: Standing,
    /// Why, when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

impl Subject for Status {
    const TYPE: &'static str = "HallmarkStatus";
    const ENDS: bool = true;
}
