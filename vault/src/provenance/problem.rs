//! What can be wrong with a provenance file, with the stable codes of `FORMAT.md`, section 11.

use hallmark_core::json::JsonError;

use super::{
    archive::ArchiveError, chain::ChainError, claim::ClaimError, credential::CredentialError,
    minisign::MinisignError, piece::PieceError,
};

/// One thing that is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The container is not as FORMAT.md fixes it.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The same name twice.
    #[error("{name} is there twice")]
    Duplicate {
        /// The name, as far as it is plain.
        name: String,
    },
    /// A name that neither FORMAT.md fixes nor a signed document lists.
    #[error("{name} is neither fixed by the format nor listed by a signed document")]
    Unlisted {
        /// The name, as far as it is plain.
        name: String,
    },
    /// A file that FORMAT.md fixes is not there.
    #[error("{name} is missing")]
    Missing {
        /// The name.
        name: String,
    },
    /// A part that a signed document lists is not there.
    #[error("{name} is missing, but a signed document lists it")]
    PartMissing {
        /// The name.
        name: String,
    },
    /// All there, but not in the order FORMAT.md fixes.
    #[error("{name} does not stand where the format has it")]
    Order {
        /// The first name out of place.
        name: String,
    },
    /// Larger than FORMAT.md allows.
    #[error("{name} has {size_bytes} bytes; at most {limit_bytes} are allowed")]
    TooLarge {
        /// The name.
        name: String,
        /// Its size.
        size_bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// The CRC-32 in the zip header does not fit the content, though its SHA-256 does.
    #[error("the checksum in the zip header of {name} is wrong, though its content is right")]
    Crc {
        /// The name.
        name: String,
    },
    /// The content does not have the hash or size a signed document gives.
    #[error("the content of {name} is not what was signed")]
    Changed {
        /// The name.
        name: String,
    },
    /// `SHA256SUMS` is not written as FORMAT.md has it.
    #[error("SHA256SUMS is not written as the format has it")]
    Sums,
    /// `SHA256SUMS` gives another hash than the content has.
    #[error("the content of {name} is not what SHA256SUMS says")]
    SumsDiffer {
        /// The name.
        name: String,
    },
    /// The minisign signature.
    #[error(transparent)]
    Minisign(#[from] MinisignError),
    /// `VERIFY.txt` is not the text FORMAT.md fixes.
    #[error("VERIFY.txt is not the text that the format fixes")]
    VerifyText,
    /// A signed document.
    #[error("{name}: {source}")]
    Document {
        /// Its name.
        name: String,
        /// What was wrong.
        source: CredentialError,
    },
    /// The manifest contradicts itself.
    #[error("manifest.json: {source}")]
    Piece {
        /// What was wrong.
        #[from]
        source: PieceError,
    },
    /// The chain of events.
    #[error("{source}")]
    Chain {
        /// What was wrong.
        #[from]
        source: ChainError,
    },
    /// A claim.
    #[error("{name}: {source}")]
    Claim {
        /// The document the claim stands in.
        name: String,
        /// What was wrong.
        source: ClaimError,
    },
    /// The status is signed neither by the studio nor by the successor its manifest names.
    #[error(
        "status/status.json is signed neither by the studio that signed the manifest nor by the successor \
         it names"
    )]
    StatusSigner,
    /// The status is for another piece or manifest.
    #[error("status/status.json belongs to another piece or manifest")]
    StatusElsewhere,
    /// The status counts more events than there are.
    #[error(
        "the studio's status counts {stated} events, but only {found} are here: the end was cut off"
    )]
    CutTail {
        /// Events the status counts.
        stated: u32,
        /// Events found.
        found: u32,
    },
    /// The status names another last event.
    #[error(
        "the studio's status names another event {sequence}: this is not the chain it spoke of"
    )]
    StatusHead {
        /// The event's place.
        sequence: u32,
    },
    /// The content of a part is not of the type the manifest says.
    #[error("{name} is not {media_type}, though the manifest says so")]
    MediaType {
        /// The part.
        name: String,
        /// The type stated.
        media_type: String,
    },
}

impl Problem {
    /// True where signed content was changed (exit 3); false where the file is not what FORMAT.md
    /// says a file is (exit 4).
    pub fn is_tampering(&self) -> bool {
        match self {
            Self::Document { source, .. } => source.is_tampering(),
            Self::Chain { source } => source.is_tampering(),
            Self::Claim { source, .. } => source.is_tampering(),
            Self::Minisign(source) => matches!(source, MinisignError::BadSignature),
            Self::PartMissing { .. }
            | Self::Changed { .. }
            | Self::SumsDiffer { .. }
            | Self::StatusSigner
            | Self::StatusElsewhere
            | Self::CutTail { .. }
            | Self::StatusHead { .. } => true,
            Self::Archive(_)
            | Self::Duplicate { .. }
            | Self::Unlisted { .. }
            | Self::Missing { .. }
            | Self::Order { .. }
            | Self::TooLarge { .. }
            | Self::Crc { .. }
            | Self::Sums
            | Self::VerifyText
            | Self::Piece { .. }
            | Self::MediaType { .. } => false,
        }
    }

    /// The stable code of FORMAT.md, section 11.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Archive(ArchiveError::NotAnArchive) => "not-an-archive",
            Self::Archive(ArchiveError::Header { .. }) => "zip-header",
            Self::Archive(ArchiveError::Directory) => "zip-directory",
            Self::Archive(ArchiveError::TooMany) => "too-many-entries",
            Self::Archive(ArchiveError::Read { .. }) => "read",
            Self::Duplicate { .. } => "duplicate-entry",
            Self::Unlisted { .. } => "unlisted-entry",
            Self::Missing { .. } => "missing-entry",
            Self::PartMissing { .. } => "part-missing",
            Self::Order { .. } => "entry-order",
            Self::TooLarge { .. } => "too-large",
            Self::Crc { .. } => "crc",
            Self::Changed { .. } => "content-changed",
            Self::Sums => "sums-shape",
            Self::SumsDiffer { .. } => "sums-differ",
            Self::Minisign(MinisignError::Shape) => "minisign-shape",
            Self::Minisign(MinisignError::BadSignature) => "minisign-signature",
            Self::VerifyText => "verify-text",
            Self::Document { source, .. } => match source {
                CredentialError::Json(JsonError::NotCanonical) => "json-not-canonical",
                CredentialError::Json(_) => "json",
                CredentialError::NotPlain => "control-characters",
                CredentialError::Shape { .. }
                | CredentialError::Type { .. }
                | CredentialError::Ends { .. }
                | CredentialError::Spelling { .. } => "document-shape",
                CredentialError::Proof(hallmark_core::proof::ProofError::BadSignature) => {
                    "signature"
                }
                CredentialError::Proof(_) => "proof-shape",
                CredentialError::Issuer => "issuer",
            },
            Self::Piece { .. } => "manifest",
            Self::Chain { source } => match source {
                ChainError::Forked { .. } => "chain-forked",
                ChainError::Broken { .. } => "chain-broken",
                ChainError::OtherPiece { .. } => "other-piece",
                ChainError::Signers { .. } => "event-signers",
                ChainError::NotHere { .. } => "event-not-here",
                ChainError::Field { .. } => "event-field",
            },
            Self::Claim { source, .. } => match source {
                ClaimError::NoField { .. } => "claim-field",
                ClaimError::Credential { source, .. } if source.is_tampering() => {
                    "attestation-signature"
                }
                ClaimError::Credential { .. } => "attestation",
                ClaimError::Elsewhere { .. } => "attestation-elsewhere",
            },
            Self::StatusSigner => "status-signer",
            Self::StatusElsewhere => "status-elsewhere",
            Self::CutTail { .. } => "cut-tail",
            Self::StatusHead { .. } => "status-head",
            Self::MediaType { .. } => "media-type",
        }
    }
}
