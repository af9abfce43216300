//! The manifest's subject: what the piece is (`FORMAT.md`, section 5). Quantities are integers in
//! the unit their name ends with: mg, thousandths of a carat, um, parts per thousand.

use std::collections::BTreeSet;

use hallmark_core::{
    id::{Label, PieceId},
    key::PublicKey,
};
use serde::{Deserialize, Serialize};

use super::{
    claim::Claim,
    credential::Subject,
    hidden::Hidden,
    part::Part,
    path::PartPath,
    text::{Date, Text},
};

/// The version of the format, stated in every manifest.
pub const FORMAT: &str = "hallmark/1";
/// The most parts, claims, stones or other items in one list.
pub const MAX_ITEMS: usize = 1000;

/// A piece as its manifest states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Piece {
    /// Random identity; nobody can guess it.
    pub id: PieceId,
    /// [`FORMAT`].
    pub format: String,
    /// What a person calls it.
    pub title: Text,
    /// What sort of thing it is: ring, brooch, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
    /// First label of its custody chain in the log.
    pub first_label: Label,
    /// The maker's serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Text>,
    /// GS1 identifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gs1: Option<Gs1>,
    /// Size as the trade writes it, such as `EU 54`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Text>,
    /// What is engraved on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inscription: Option<Text>,
    /// Its metals, at least one, the main one first.
    pub metals: Vec<Metal>,
    /// Weight of the whole piece, mg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_mg: Option<u64>,
    /// The marks struck into it, or why it may lawfully carry none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hallmark: Option<Hallmark>,
    /// Its stones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stones: Vec<Stone>,
    /// Where its materials come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Warranties given up to the making.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warranties: Vec<Warranty>,
    /// Materials with their certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub materials: Vec<Material>,
    /// Who made it.
    pub maker: Maker,
    /// Who says what of the fields above, each field at least once.
    pub claims: Vec<Claim>,
    /// Fields that only a disclosure shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// The files that belong to the manifest, in the order of the container.
    pub parts: Vec<Part>,
    /// The maker's story: parts in the order they are replayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<PartPath>,
}

impl Subject for Piece {
    const TYPE: &'static str = "HallmarkPiece";
}

/// GS1 identifiers (GS1 General Specifications).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gs1 {
    /// Global Trade Item Number, 14 digits with a right check digit.
    pub gtin: String,
    /// Serial under that number (AI 21), at most 20 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<Text>,
    /// GS1 Digital Link URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digital_link: Option<Text>,
}

/// A metal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metal {
    /// gold, silver, platinum, palladium, or another by name.
    pub metal: Text,
    /// Millesimal fineness, parts per thousand, 1 to 999.
    pub fineness: u16,
    /// Colour, such as `yellow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Text>,
    /// Weight of this metal, mg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_mg: Option<u64>,
}

/// The marks struck into the piece.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hallmark {
    /// The sponsor's (responsible person's) mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sponsor_mark: Option<Text>,
    /// The fineness mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fineness_mark: Option<Text>,
    /// The assay office's mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assay_office_mark: Option<Text>,
    /// Other marks, such as a date letter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_marks: Vec<Text>,
    /// Why the piece may lawfully carry no mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Exemption>,
}

/// Exemption from hallmarking by weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exemption {
    /// The law, such as `Hallmarking Act 1973 (UK), Schedule 1`.
    pub rule: Text,
    /// Pieces below this weight are exempt, mg; the piece's own weight must be stated and below.
    pub below_mg: u64,
}

/// How a stone came to be; kept apart as ISO 18323's public terms ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formation {
    /// Formed by nature alone.
    Natural,
    /// Grown in a laboratory.
    LaboratoryGrown,
    /// Another material that imitates it.
    Imitation,
}

/// Whether a stone was treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// Declared untreated.
    Untreated,
    /// Treated; `treatments` says how.
    Treated,
    /// Nothing is said.
    NotStated,
}

/// A stone, or several alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stone {
    /// Species or variety: diamond, sapphire, ...
    pub species: Text,
    /// How it came to be.
    pub formation: Formation,
    /// Whether it was treated.
    pub treatment: Treatment,
    /// How it was treated: exactly when `treatment` is `treated`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub treatments: Vec<Text>,
    /// How many alike, 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The laboratory report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// What a laser wrote on the girdle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub laser_inscription: Option<Text>,
    /// Length, width and depth, um.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurements_um: Option<[u64; 3]>,
    /// Weight of one, thousandths of a carat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carat_thousandths: Option<u64>,
    /// Colour grade or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Text>,
    /// Clarity grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clarity: Option<Text>,
    /// Cut or shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Text>,
    /// Country or region, as claimed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Text>,
}

/// A laboratory report on a loose stone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Report {
    /// The laboratory.
    pub laboratory: Text,
    /// The report's number.
    pub number: Text,
    /// Its date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The part that holds a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<PartPath>,
}

/// Where the materials come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Origin {
    /// In one sentence.
    pub statement: Text,
    /// Kimberley Process certificate, for rough diamonds only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kimberley_certificate: Option<Text>,
}

/// A warranty that passes along at a transfer, such as the diamond trade's System of Warranties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Warranty {
    /// The system or rule.
    pub system: Text,
    /// The statement as given.
    pub statement: Text,
    /// When.
    pub date: Date,
    /// Number of the invoice it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Text>,
}

/// A material with its certificate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Material {
    /// What it is, such as `recycled 18 kt gold grain`.
    pub name: Text,
    /// Who supplied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Text>,
    /// The certificate's number or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Text>,
    /// The part that holds a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<PartPath>,
}

/// Who made it. The issuer's key is the maker's; nothing here makes that key trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Maker {
    /// Name of the studio.
    pub name: Text,
    /// Domain it says is its own, such as `example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Text>,
    /// The key that follows the issuer's, kept offline.
    pub successor: PublicKey,
}

/// A DNS name in lower case, with an optional port: `example.com`, `localhost:8443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domain(String);

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Domain {
    type Err = hallmark_core::id::IdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, port) = text.split_once(':').unwrap_or((text, "443"));
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let sound = name.len() <= 253
            && name.split('.').all(label)
            && !port.starts_with(['0', '+'])
            && port.parse::<u16>().is_ok();
        sound
            .then(|| Self(text.to_owned()))
            .ok_or(hallmark_core::id::IdError { what: "domain name in lower case" })
    }
}

hallmark_core::text_in_json!(Domain);

/// What makes a piece's statement contradict itself or FORMAT.md.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    /// Another version of the format.
    #[error("this is {found}; this program reads {FORMAT}")]
    Format {
        /// What the file says.
        found: String,
    },
    /// A list is empty that must not be, or too long.
    #[error("{list} must have {least} to {MAX_ITEMS} items")]
    Count {
        /// The list.
        list: &'static str,
        /// The fewest.
        least: usize,
    },
    /// A number outside its range.
    #[error("{field} is out of range")]
    Range {
        /// The field.
        field: &'static str,
    },
    /// A GTIN whose check digit is wrong.
    #[error("the GTIN must be 14 digits with a right check digit")]
    Gtin,
    /// `treatments` and `treatment` disagree.
    #[error("stone {position}: treatments are listed exactly when it is treated")]
    Treatment {
        /// The stone, counted from 1.
        position: usize,
    },
    /// An exemption by weight that the stated weight does not support.
    #[error("exempt from hallmarking below {below_mg} mg, but the stated weight is not below that")]
    Exemption {
        /// The threshold.
        below_mg: u64,
    },
    /// Something names a part that is not listed, twice, or twice the same story part.
    #[error("{path} is not listed exactly once among the parts")]
    Part {
        /// The part.
        path: PartPath,
    },
    /// The successor key is the key it should succeed.
    #[error("the successor must be another key than the one that signs")]
    Successor,
    /// A field that nobody claims anything of.
    #[error("nobody says who vouches for {field}")]
    Unclaimed {
        /// JSON pointer of the field, without leading slash.
        field: String,
    },
    /// The hidden fields are not as FORMAT.md has them.
    #[error(transparent)]
    Hidden(#[from] super::hidden::HiddenError),
}

impl Piece {
    /// Checks everything FORMAT.md section 5 asks of a manifest signed by `issuer` beyond the shape
    /// of its fields.
    ///
    /// # Errors
    /// The first [`PieceError`] found.
    pub fn check(&self, issuer: &PublicKey) -> Result<(), PieceError> {
        if self.maker.successor == *issuer {
            return Err(PieceError::Successor);
        }
        if self.format != FORMAT {
            return Err(PieceError::Format { found: self.format.clone() });
        }
        self.check_counts()?;
        self.check_metals()?;
        self.check_stones()?;
        self.check_parts()?;
        if let Some(gs1) = &self.gs1 {
            gs1.check()?;
        }
        if let Some(hidden) = &self.hidden {
            hidden.check()?;
        }
        match self.claimable().find(|field| !self.claims.iter().any(|c| c.about.as_str() == field))
        {
            Some(field) => Err(PieceError::Unclaimed { field }),
            None => Ok(()),
        }
    }

    /// JSON pointers (without leading slash) of the fields that somebody must vouch for.
    pub fn claimable(&self) -> impl Iterator<Item = String> + use<> {
        let list = |name: &'static str, len: usize| (0..len).map(move |i| format!("{name}/{i}"));
        let single = [
            ("weightMg", self.weight_mg.is_some()),
            ("hallmark", self.hallmark.is_some()),
            ("origin", self.origin.is_some()),
        ];
        list("metals", self.metals.len())
            .chain(single.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()))
            .chain(list("stones", self.stones.len()))
            .chain(list("warranties", self.warranties.len()))
            .chain(list("materials", self.materials.len()))
    }

    fn check_counts(&self) -> Result<(), PieceError> {
        for (list, least, len) in [
            ("metals", 1, self.metals.len()),
            ("stones", 0, self.stones.len()),
            ("warranties", 0, self.warranties.len()),
            ("materials", 0, self.materials.len()),
            ("claims", 1, self.claims.len()),
            ("parts", 1, self.parts.len()),
            ("story", 0, self.story.len()),
        ] {
            if !(least..=MAX_ITEMS).contains(&len) {
                return Err(PieceError::Count { list, least });
            }
        }
        Ok(())
    }

    fn check_metals(&self) -> Result<(), PieceError> {
        if self.metals.iter().any(|metal| !(1..=999).contains(&metal.fineness)) {
            return Err(PieceError::Range { field: "fineness" });
        }
        if self.weight_mg == Some(0) {
            return Err(PieceError::Range { field: "weightMg" });
        }
        match self.hallmark.as_ref().and_then(|hallmark| hallmark.exemption.as_ref()) {
            Some(Exemption { below_mg, .. })
                if self.weight_mg.is_none_or(|weight| weight >= *below_mg) =>
            {
                Err(PieceError::Exemption { below_mg: *below_mg })
            }
            _ => Ok(()),
        }
    }

    fn check_stones(&self) -> Result<(), PieceError> {
        for (i, stone) in self.stones.iter().enumerate() {
            if (stone.treatment == Treatment::Treated) == stone.treatments.is_empty() {
                return Err(PieceError::Treatment { position: i + 1 });
            }
            if stone.count == Some(0) {
                return Err(PieceError::Range { field: "count" });
            }
        }
        Ok(())
    }

    fn check_parts(&self) -> Result<(), PieceError> {
        let mut listed = BTreeSet::new();
        for part in &self.parts {
            if !listed.insert(&part.path) {
                return Err(PieceError::Part { path: part.path.clone() });
            }
        }
        let mut told = BTreeSet::new();
        for path in &self.story {
            if !listed.contains(path) || !told.insert(path) {
                return Err(PieceError::Part { path: path.clone() });
            }
        }
        let reports = self.stones.iter().filter_map(|stone| stone.report.as_ref()?.part.as_ref());
        let materials = self.materials.iter().filter_map(|material| material.part.as_ref());
        match reports.chain(materials).find(|path| !listed.contains(path)) {
            Some(path) => Err(PieceError::Part { path: path.clone() }),
            None => Ok(()),
        }
    }
}

impl Gs1 {
    /// GS1 General Specifications, section 7.9: the check digit.
    fn check(&self) -> Result<(), PieceError> {
        let digits: Vec<u32> = self.gtin.chars().filter_map(|c| c.to_digit(10)).collect();
        let sum: u32 =
            digits.iter().enumerate().map(|(i, d)| if i % 2 == 0 { d * 3 } else { *d }).sum();
        if digits.len() != 14 || self.gtin.len() != 14 || !sum.is_multiple_of(10) {
            return Err(PieceError::Gtin);
        }
        match &self.serial {
            Some(serial) if serial.as_str().chars().count() > 20 => {
                Err(PieceError::Range { field: "gs1.serial" })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Domain;

    #[test]
    fn a_domain_has_one_spelling() {
        for good in ["example.com", "a", "localhost:8443", "xn--9ca.example:1", "127.0.0.1:65535"] {
            assert!(good.parse::<Domain>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "Example.com",
            "a..b",
            "a.",
            "-a",
            "a-",
            "a_b",
            "a:",
            "a:+80",
            "a:080",
            "a:65536",
            "a:1:2",
        ] {
            assert!(bad.parse::<Domain>().is_err(), "{bad}");
        }
    }
}
