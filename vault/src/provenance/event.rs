//! Events in the life of a piece (`FORMAT.md`, section 7), with EPCIS 2.0 / CBV 2.0 terms where
//! there are any.

use hallmark_core::{
    hash::Sha256,
    id::{Label, PieceId},
    key::PublicKey,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    claim::Claim,
    credential::Subject,
    hidden::Hidden,
    part::Part,
    piece::Warranty,
    text::{Date, Text},
};

/// The most events of one piece.
pub const MAX_EVENTS: usize = 1000;

/// The most claims, and the most warranties, of one event.
pub const MAX_EVENT_CLAIMS: usize = 16;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The studio made it. First, and only once.
    Made,
    /// A stone was set.
    Set,
    /// Somebody examined it.
    Inspected,
    /// The studio sold it to its first owner, or again after a return.
    Sold,
    /// The owner gave it back to the studio.
    Returned,
    /// Somebody repaired or cleaned it.
    Serviced,
    /// The owner reports it stolen, until a date.
    ReportedStolen,
    /// The owner has it back.
    Recovered,
    /// It passed from one owner to the next.
    Transferred,
    /// It is no more.
    Destroyed,
}

impl Kind {
    /// All kinds, in the order of FORMAT.md.
    pub const ALL: [Self; 10] = [
        Self::Made,
        Self::Set,
        Self::Inspected,
        Self::Sold,
        Self::Returned,
        Self::Serviced,
        Self::ReportedStolen,
        Self::Recovered,
        Self::Transferred,
        Self::Destroyed,
    ];

    /// The CBV business step and disposition (`urn:epcglobal:cbv` vocabulary names), where the
    /// vocabulary has one.
    pub fn cbv(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Made => (Some("commissioning"), Some("active")),
            Self::Set => (Some("assembling"), Some("active")),
            Self::Inspected => (Some("inspecting"), None),
            Self::Sold => (Some("retail_selling"), Some("retail_sold")),
            Self::Returned => (Some("receiving"), Some("returned")),
            Self::Serviced => (Some("repairing"), None),
            Self::ReportedStolen => (None, Some("stolen")),
            Self::Recovered => (None, Some("active")),
            Self::Transferred => (None, None),
            Self::Destroyed => (Some("destroying"), Some("destroyed")),
        }
    }

    /// The spelling of FORMAT.md.
    pub fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Set => "set",
            Self::Inspected => "inspected",
            Self::Sold => "sold",
            Self::Returned => "returned",
            Self::Serviced => "serviced",
            Self::ReportedStolen => "reportedStolen",
            Self::Recovered => "recovered",
            Self::Transferred => "transferred",
            Self::Destroyed => "destroyed",
        }
    }
}

/// The subject of an event's credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// The piece.
    pub id: PieceId,
    /// What happened.
    pub kind: Kind,
    /// Place in the chain, from 1.
    pub sequence: u32,
    /// SHA-256 of the file before: `manifest.json`, or the event before.
    pub previous: Sha256,
    /// This event's place in the custody chain of the log.
    pub label: Label,
    /// Where the next one will stand; the same place where a visitor signs, who takes none.
    pub next_label: Label,
    /// For `transferred`: where the seller resumes if the buyer does not accept in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_label: Option<Label>,
    /// CBV business step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_step: Option<String>,
    /// CBV disposition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// The day it happened, where that is not the day it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Date>,
    /// For `reportedStolen`: until when the report counts. Not the credential's `validUntil`: the
    /// report stays a true statement of its day after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The name the signer goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
    /// For `sold` and `transferred`: the new owner's key for this piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<PublicKey>,
    /// For `set`: which stone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// Claims made on this occasion; `about` points into the manifest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// Warranties given on this occasion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warranties: Vec<Warranty>,
    /// Fields that only a disclosure shows, such as price and buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// Files that belong to this event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

impl Subject for Event {
    const TYPE: &'static str = "HallmarkEvent";
}

/// The stone that was set, and the loose-stone report it came with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Setting {
    /// Index into the manifest's stones, from 0.
    pub stone: u32,
    /// The report's number: must be the one the manifest gives for that stone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Text>,
}
