//! A verdict as people and machines are shown it: plain data, made by [`super::verdict::judge`].

use hallmark_core::{
    key::{Fingerprint, PublicKey},
    time::Timestamp,
};
use serde::Serialize;

use super::{
    event::Setting,
    path::PartPath,
    piece::{Piece, Warranty},
    text::{Date, Text},
    verdict::Outcome,
};

/// Makes the states of one axis: each has one name, in JSON, in `texts.json` and for people.
macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$state_doc:meta])* $state:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$state_doc])* $state,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$state),+];

            /// Its one name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$state => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.name())
            }
        }
    };
}

states! {
    /// The states of the first axis.
    IntegrityState {
        /// Nothing was changed since it was signed.
        Holds = "holds",
        /// Something was changed after it was signed.
        Tampered = "tampered",
        /// Not a provenance file as FORMAT.md fixes it.
        Malformed = "malformed",
    }
}

states! {
    /// The states of the second axis.
    SignerState {
        /// By a key the reader trusts.
        Pinned = "pinned",
        /// By a key that a domain lists which the reader named.
        Checked = "checked",
        /// The file names a domain; the reader did not.
        Unchecked = "unchecked",
        /// By a key the reader has not said to trust.
        Unknown = "unknown",
        /// The domain that was asked does not list the key.
        Denied = "denied",
        /// Not looked at.
        NotAssessed = "not-assessed",
    }
}

impl SignerState {
    /// Whether the reader has a reason from outside the file to trust the key.
    pub fn is_trusted(self) -> bool {
        match self {
            Self::Pinned | Self::Checked => true,
            Self::Unchecked | Self::Unknown | Self::Denied | Self::NotAssessed => false,
        }
    }
}

states! {
    /// The states of the third axis.
    FreshnessState {
        /// The studio says this is how things stand.
        Current = "current",
        /// Its word has run out.
        Expired = "expired",
        /// There are events it does not cover.
        NewerEvents = "newer-events",
        /// It is dated ahead of the reader's clock.
        NotYetValid = "not-yet-valid",
        /// The certificate is taken back.
        Revoked = "revoked",
        /// The piece is reported stolen.
        Stolen = "stolen",
        /// The piece is no more.
        Destroyed = "destroyed",
        /// Not looked at.
        NotAssessed = "not-assessed",
    }
}

/// What a file, seen at a time and with a trust store, amounts to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// What it comes to.
    pub outcome: Outcome,
    /// The time it was judged at.
    pub at: Timestamp,
    /// Is it what was signed?
    pub integrity: Integrity,
    /// Who signed, and how do we know?
    pub signer: Signer,
    /// Does it still stand?
    pub freshness: Freshness,
    /// The piece, when the file holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
    /// Each claim with the strength it is shown under.
    pub claims: Vec<ShownClaim>,
    /// What happened to the piece.
    pub events: Vec<ShownEvent>,
    /// Hidden fields that a disclosure opened.
    pub disclosed: Vec<ShownField>,
    /// How many hidden fields stay hidden.
    pub still_hidden: usize,
    /// What to compare on the piece itself.
    pub compare: Vec<Compare>,
    /// What such a file does not prove.
    pub does_not_prove: &'static str,
    /// What to do next, when something is to be done.
    pub todo: Vec<&'static str>,
}

/// The first axis.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Integrity {
    /// Whether it is what was signed.
    pub state: IntegrityState,
    /// In a sentence.
    pub text: &'static str,
    /// Everything that is wrong.
    pub problems: Vec<ShownProblem>,
}

/// One problem.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownProblem {
    /// Stable code (`FORMAT.md`, section 11).
    pub code: &'static str,
    /// True where signed content was changed, false where the format is not kept.
    pub tampering: bool,
    /// In a sentence.
    pub message: String,
}

/// The second axis.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signer {
    /// Who signed, and how that is known.
    pub state: SignerState,
    /// In a sentence.
    pub text: String,
    /// The key that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
    /// Its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The name the file gives its maker; anyone can write any name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says_it_is: Option<Text>,
}

/// The third axis.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Freshness {
    /// Whether the studio's word still stands.
    pub state: FreshnessState,
    /// In a sentence.
    pub text: String,
    /// When the studio gave its word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Until when its word counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A claim as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownClaim {
    /// The field it speaks of.
    pub about: Text,
    /// The claim.
    pub says: Text,
    /// The strength in words: what it calls itself only where a pinned key of that party signed.
    pub strength: String,
    /// Who makes it, by the name the file gives.
    pub by: Text,
    /// The name a pinned key of the party goes by here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<Text>,
    /// The rule.
    pub rule: Text,
    /// The date.
    pub date: Date,
    /// The event it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u32>,
}

/// An event as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownEvent {
    /// Place in the chain.
    pub sequence: u32,
    /// What happened.
    pub kind: &'static str,
    /// When it was signed.
    pub signed: Timestamp,
    /// When it happened, where another day is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Date>,
    /// Who signed.
    pub signers: Vec<ShownSigner>,
    /// The name the signer gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Text>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
    /// The stone that was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// Until when a theft report counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Warranties given on this occasion.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warranties: Vec<Warranty>,
    /// Paths of the files that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartPath>,
}

/// Who signed an event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownSigner {
    /// `studio`, `owner` or `new owner` (by their key for this piece), or `third party`.
    pub role: &'static str,
    /// The key.
    pub key: PublicKey,
    /// The name it is pinned under here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_as: Option<Text>,
}

/// A field that a disclosure opened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: serde_json::Value,
    /// Where it was hidden: `manifest` or `event N`.
    pub place: String,
}

/// Something to hold the piece against.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compare {
    /// What to look at.
    pub what: &'static str,
    /// What it should be.
    pub should_be: String,
}
