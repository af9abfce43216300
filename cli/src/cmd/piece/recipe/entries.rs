//! The tables of `piece.toml`, and what each becomes in a piece.

use std::path::Path;

use anyhow::Context;
use hallmark_vault::{
    profile::Studio,
    provenance::{
        claim::{Claim, Strength},
        part::Role,
        path::PartPath,
        piece::{
            Exemption, Formation, Gs1, Hallmark, Material, Metal, Origin, Report, Stone, Treatment,
            Warranty,
        },
        text::{Date, Text},
    },
};
use serde::Deserialize;

use super::{FILE_NAME, OWN_STATEMENT};
use crate::{cmd::piece::quantity, input};

/// Gives the part that a named file became; it is an error to name none.
pub(super) type PartOf<'a> = dyn Fn(&Option<String>) -> anyhow::Result<Option<PartPath>> + 'a;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetalEntry {
    pub(super) metal: Text,
    #[serde(deserialize_with = "quantity::toml_fineness")]
    pub(super) fineness: u16,
    pub(super) colour: Option<Text>,
    #[serde(default, deserialize_with = "quantity::toml_mg")]
    pub(super) weight_mg: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HallmarkEntry {
    pub(super) sponsor_mark: Option<Text>,
    pub(super) fineness_mark: Option<Text>,
    pub(super) assay_office_mark: Option<Text>,
    #[serde(default)]
    pub(super) other_marks: Vec<Text>,
    pub(super) exemption_rule: Option<Text>,
    pub(super) exemption_below_mg: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoneEntry {
    pub(super) species: Text,
    pub(super) formation: Formation,
    /// Absent: not stated. Empty: declared untreated.
    pub(super) treatments: Option<Vec<Text>>,
    pub(super) count: Option<u32>,
    pub(super) laser_inscription: Option<Text>,
    pub(super) length_um: Option<u64>,
    pub(super) width_um: Option<u64>,
    pub(super) depth_um: Option<u64>,
    pub(super) carat_thousandths: Option<u64>,
    pub(super) colour: Option<Text>,
    pub(super) clarity: Option<Text>,
    pub(super) cut: Option<Text>,
    pub(super) origin: Option<Text>,
    pub(super) report: Option<ReportEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportEntry {
    pub(super) laboratory: Text,
    pub(super) number: Text,
    pub(super) date: Option<Date>,
    pub(super) file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OriginEntry {
    pub(super) statement: Text,
    pub(super) kimberley_certificate: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WarrantyEntry {
    pub(super) system: Text,
    pub(super) statement: Text,
    pub(super) date: Date,
    pub(super) invoice: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaterialEntry {
    pub(super) name: Text,
    pub(super) supplier: Option<Text>,
    pub(super) certificate: Option<Text>,
    pub(super) file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gs1Entry {
    pub(super) gtin: String,
    pub(super) serial: Option<Text>,
    pub(super) digital_link: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimEntry {
    pub(super) about: Option<Text>,
    pub(super) says: Option<Text>,
    #[serde(default = "self_declared")]
    pub(super) strength: Strength,
    pub(super) by: Option<Text>,
    pub(super) rule: Option<Text>,
    pub(super) date: Option<Date>,
    /// A signed claim, as `hallmark piece attest` wrote it; then nothing else is given.
    pub(super) signed: Option<String>,
}

fn self_declared() -> Strength {
    Strength::SelfDeclared
}

/// What one file of the folder is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cmd::piece) struct FileEntry {
    pub(in crate::cmd::piece) name: String,
    pub(in crate::cmd::piece) role: Option<Role>,
    pub(in crate::cmd::piece) title: Option<Text>,
    /// Place in the story, from 1; files without one follow by name.
    pub(in crate::cmd::piece) story: Option<u32>,
}

impl MetalEntry {
    pub(super) fn metal(&self) -> Metal {
        Metal {
            metal: self.metal.clone(),
            fineness: self.fineness,
            colour: self.colour.clone(),
            weight_mg: self.weight_mg,
        }
    }
}

impl HallmarkEntry {
    pub(super) fn hallmark(&self) -> anyhow::Result<Hallmark> {
        let exemption = match (&self.exemption_rule, self.exemption_below_mg) {
            (Some(rule), Some(below_mg)) => Some(Exemption { rule: rule.clone(), below_mg }),
            (None, None) => None,
            _ => anyhow::bail!(
                "{FILE_NAME}: exemption_rule and exemption_below_mg are given together"
            ),
        };
        Ok(Hallmark {
            sponsor_mark: self.sponsor_mark.clone(),
            fineness_mark: self.fineness_mark.clone(),
            assay_office_mark: self.assay_office_mark.clone(),
            other_marks: self.other_marks.clone(),
            exemption,
        })
    }
}

impl StoneEntry {
    pub(super) fn stone(&self, part: &PartOf<'_>) -> anyhow::Result<Stone> {
        let treatments = self.treatments.clone().unwrap_or_default();
        let treatment = match &self.treatments {
            None => Treatment::NotStated,
            Some(list) if list.is_empty() => Treatment::Untreated,
            Some(_) => Treatment::Treated,
        };
        let measurements_um = match (self.length_um, self.width_um, self.depth_um) {
            (Some(length), Some(width), Some(depth)) => Some([length, width, depth]),
            (None, None, None) => None,
            _ => anyhow::bail!("{FILE_NAME}: length_um, width_um and depth_um are given together"),
        };
        let report = match &self.report {
            None => None,
            Some(report) => Some(Report {
                laboratory: report.laboratory.clone(),
                number: report.number.clone(),
                date: report.date.clone(),
                part: part(&report.file)?,
            }),
        };
        Ok(Stone {
            species: self.species.clone(),
            formation: self.formation,
            treatment,
            treatments,
            count: self.count,
            report,
            laser_inscription: self.laser_inscription.clone(),
            measurements_um,
            carat_thousandths: self.carat_thousandths,
            colour: self.colour.clone(),
            clarity: self.clarity.clone(),
            cut: self.cut.clone(),
            origin: self.origin.clone(),
        })
    }
}

impl WarrantyEntry {
    pub(super) fn warranty(&self) -> Warranty {
        Warranty {
            system: self.system.clone(),
            statement: self.statement.clone(),
            date: self.date.clone(),
            invoice: self.invoice.clone(),
        }
    }
}

impl Gs1Entry {
    pub(super) fn gs1(&self) -> Gs1 {
        Gs1 {
            gtin: self.gtin.clone(),
            serial: self.serial.clone(),
            digital_link: self.digital_link.clone(),
        }
    }
}

impl ClaimEntry {
    pub(super) fn claim(
        &self,
        studio: &Studio,
        today: &Date,
        folder: &Path,
    ) -> anyhow::Result<Claim> {
        if let Some(signed) = &self.signed {
            let path = folder.join(signed);
            let read = || format!("cannot use the signed claim {}", path.display());
            let bytes = input::whole(&path).with_context(read)?;
            let value = hallmark_core::json::parse(&bytes).with_context(read)?;
            return serde_json::from_value(value).with_context(read);
        }
        let field = |value: &Option<Text>, name: &str| {
            value.clone().with_context(|| format!("{FILE_NAME}: a [[claim]] needs {name}"))
        };
        Ok(Claim {
            about: field(&self.about, "about")?,
            says: field(&self.says, "says")?,
            strength: self.strength,
            by: self.by.clone().unwrap_or_else(|| studio.name.clone()),
            rule: match &self.rule {
                Some(rule) => rule.clone(),
                None => OWN_STATEMENT.parse()?,
            },
            date: self.date.clone().unwrap_or_else(|| today.clone()),
            attestation: None,
        })
    }

    /// The file of a signed claim, which is no part of the piece.
    pub(super) fn signed_file(&self) -> Option<&str> {
        self.signed.as_deref()
    }
}

impl OriginEntry {
    pub(super) fn origin(&self) -> Origin {
        Origin {
            statement: self.statement.clone(),
            kimberley_certificate: self.kimberley_certificate.clone(),
        }
    }
}

impl MaterialEntry {
    pub(super) fn material(&self, part: &PartOf<'_>) -> anyhow::Result<Material> {
        Ok(Material {
            name: self.name.clone(),
            supplier: self.supplier.clone(),
            certificate: self.certificate.clone(),
            part: part(&self.file)?,
        })
    }
}
