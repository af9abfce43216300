//! `piece.toml`: what a maker says of a piece beyond its files, in the maker's own words.

mod entries;
mod more;
mod sentence;

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use hallmark_core::{
    id::{Label, PieceId},
    json::Value,
};
use hallmark_vault::{
    profile::Studio,
    provenance::{
        claim::{Claim, Strength},
        hidden::Field,
        path::PartPath,
        piece::{FORMAT, Maker, Material, Metal, Piece, Stone},
        text::{Date, Text},
    },
};
use serde::Deserialize;

pub(super) use self::entries::FileEntry;
use self::{
    entries::{
        ClaimEntry, Gs1Entry, HallmarkEntry, MaterialEntry, MetalEntry, OriginEntry, ReportEntry,
        StoneEntry, WarrantyEntry,
    },
    sentence::sentence,
};
use super::{basics::Basics, quantity};
use crate::input;

/// The file's name in the maker's folder.
pub(super) const FILE_NAME: &str = "piece.toml";
const OWN_STATEMENT: &str = "maker's own statement";

/// The whole file. Every field is optional; quantities carry their unit in their name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    /// Identity to mint under, when it was needed before (`piece attest`).
    pub(super) id: Option<PieceId>,
    pub(super) title: Option<Text>,
    kind: Option<Text>,
    serial: Option<Text>,
    size: Option<Text>,
    inscription: Option<Text>,
    #[serde(default, deserialize_with = "quantity::toml_mg")]
    weight_mg: Option<u64>,
    /// What the `made` event says.
    pub(super) made: Option<Text>,
    #[serde(default, deserialize_with = "quantity::toml_metals")]
    metal: Vec<MetalEntry>,
    hallmark: Option<HallmarkEntry>,
    #[serde(default)]
    stone: Vec<StoneEntry>,
    origin: Option<OriginEntry>,
    #[serde(default)]
    warranty: Vec<WarrantyEntry>,
    #[serde(default)]
    material: Vec<MaterialEntry>,
    gs1: Option<Gs1Entry>,
    #[serde(default)]
    claim: Vec<ClaimEntry>,
    /// What the files are, by name.
    #[serde(default)]
    pub(super) file: Vec<FileEntry>,
    /// Hidden fields: any name, any value of text, whole numbers or tables.
    #[serde(default)]
    hidden: BTreeMap<String, toml::Value>,
}

impl Recipe {
    /// Reads the folder's `piece.toml`, or an empty recipe where there is none.
    pub(super) fn of_folder(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE_NAME);
        match input::text(&path) {
            Ok(text) => {
                toml::from_str(&text).with_context(|| format!("cannot use {}", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Main metal and fineness, if the file gives one.
    pub(super) fn has_metal(&self) -> bool {
        !self.metal.is_empty()
    }

    /// True when the file gives the weight.
    pub(super) fn has_weight(&self) -> bool {
        self.weight_mg.is_some()
    }

    /// Its metals by name, the main one first.
    pub(super) fn metals(&self) -> impl Iterator<Item = &str> {
        self.metal.iter().map(|entry| entry.metal.as_str())
    }

    /// The weight the file gives, in milligrams.
    pub(super) fn weight(&self) -> Option<u64> {
        self.weight_mg
    }

    /// The hidden fields, as JSON.
    pub(super) fn hidden_fields(&self) -> anyhow::Result<Vec<Field>> {
        self.hidden
            .iter()
            .map(|(name, value)| {
                let value = serde_json::to_value(value)?;
                // What is disclosed passes the strict parser, so it must be strict JSON.
                hallmark_core::json::parse(&hallmark_core::json::canonical(&value))
                    .with_context(|| format!("[hidden] {name}: whole numbers and text only"))?;
                Ok(Field { name: name.clone(), value })
            })
            .collect()
    }

    /// The piece this describes, without its parts; `path_of` gives the part a file became.
    pub(super) fn piece(
        &self,
        id: PieceId,
        basics: &Basics,
        studio: &Studio,
        today: &Date,
        folder: &Path,
        path_of: &dyn Fn(&str) -> Option<PartPath>,
    ) -> anyhow::Result<Piece> {
        let part = |file: &Option<String>| -> anyhow::Result<Option<PartPath>> {
            file.as_ref()
                .map(|file| {
                    path_of(file).with_context(|| {
                        format!("{FILE_NAME} names {file}, which is not in the folder")
                    })
                })
                .transpose()
        };
        let mut metals: Vec<Metal> = self.metal.iter().map(MetalEntry::metal).collect();
        if let Some((metal, fineness)) = &basics.metal {
            let main =
                Metal { metal: metal.clone(), fineness: *fineness, colour: None, weight_mg: None };
            match metals.first_mut() {
                Some(first) => *first = Metal { colour: first.colour.take(), ..main },
                None => metals.push(main),
            }
        }
        let stones = self
            .stone
            .iter()
            .map(|stone| stone.stone(&part))
            .collect::<anyhow::Result<Vec<Stone>>>()?;
        let materials = self
            .material
            .iter()
            .map(|material| material.material(&part))
            .collect::<anyhow::Result<Vec<Material>>>()?;
        let title = basics.title.clone().or_else(|| self.title.clone());
        let mut piece = Piece {
            id,
            format: FORMAT.into(),
            title: title.context("the piece needs a title: --title")?,
            kind: self.kind.clone(),
            first_label: Label::from_bytes([0; 32]),
            serial: self.serial.clone(),
            gs1: self.gs1.as_ref().map(Gs1Entry::gs1),
            size: self.size.clone(),
            inscription: self.inscription.clone(),
            metals,
            weight_mg: basics.weight_mg.or(self.weight_mg),
            hallmark: self.hallmark.as_ref().map(HallmarkEntry::hallmark).transpose()?,
            stones,
            origin: self.origin.as_ref().map(OriginEntry::origin),
            warranties: self.warranty.iter().map(WarrantyEntry::warranty).collect(),
            materials,
            maker: Maker {
                name: studio.name.clone(),
                domain: studio.domain.clone(),
                place: studio.place.clone(),
                successor: studio.successor,
            },
            claims: Vec::new(),
            hidden: None,
            parts: Vec::new(),
            story: Vec::new(),
        };
        piece.claims = self.claims(&piece, studio, today, folder)?;
        Ok(piece)
    }

    /// The claims of the file, and the maker's own for every field nobody else speaks of.
    fn claims(
        &self,
        piece: &Piece,
        studio: &Studio,
        today: &Date,
        folder: &Path,
    ) -> anyhow::Result<Vec<Claim>> {
        let mut claims = Vec::new();
        for entry in &self.claim {
            claims.push(entry.claim(studio, today, folder)?);
        }
        for about in piece.claimable() {
            if claims.iter().any(|claim: &Claim| claim.about.as_str() == about) {
                continue;
            }
            claims.push(Claim {
                says: sentence(piece, &about).parse()?,
                about: about.parse()?,
                strength: Strength::SelfDeclared,
                by: studio.name.clone(),
                rule: OWN_STATEMENT.parse()?,
                date: today.clone(),
                attestation: None,
            });
        }
        Ok(claims)
    }

    /// Files of the folder that the recipe uses and that are not parts.
    pub(super) fn working_files(&self) -> impl Iterator<Item = &str> {
        std::iter::once(FILE_NAME).chain(self.claim.iter().filter_map(ClaimEntry::signed_file))
    }

    /// Leaves out claims signed by others, for the one who is about to sign one.
    pub(super) fn forget_signed_claims(&mut self) {
        self.claim.retain(|claim| claim.signed.is_none());
    }
}

/// The value of a field of a piece, for a claim about it.
pub(super) fn field(piece: &Piece, about: &str) -> anyhow::Result<Value> {
    let value = serde_json::to_value(piece)?;
    value.pointer(&format!("/{about}")).cloned().with_context(|| {
        let fields: Vec<String> = piece.claimable().collect();
        let has = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
        format!("the piece has no field {about}; those a claim can be about: {has}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every table a recipe has, each with an entry.
    const FULL: &str = r#"
title = "Ring"
weight_mg = 4350
[[metal]]
metal = "gold"
fineness = 750
[hallmark]
sponsor_mark = "RD"
[[stone]]
species = "diamond"
formation = "natural"
treatments = []
length_um = 6400
width_um = 6400
depth_um = 3900
[origin]
statement = "Botswana"
[[warranty]]
system = "own"
statement = "Two years"
date = "2026-05-03"
[[material]]
name = "thread"
[gs1]
gtin = "09506000134352"
[[claim]]
about = "metals/0"
says = "Gold 750"
[[file]]
name = "front.jpg"
story = 1
[hidden]
price = { amount = 1890, list = [1.5, 2026-05-03] }
"#;

    /// Whatever is read describes a piece or says why not.
    fn used(text: &str) -> bool {
        let Ok(recipe) = toml::from_str::<Recipe>(text) else { return false };
        if let Ok(fields) = recipe.hidden_fields() {
            for field in fields {
                let written = hallmark_core::json::canonical(&field.value);
                assert_eq!(hallmark_core::json::parse(&written).unwrap(), field.value);
            }
        }
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let (studio, _) = Studio::found("Rosa".parse().unwrap(), None, None, &mut rng);
        let id = PieceId::generate(&mut rng);
        let (basics, today) = (Basics::default(), "2026-05-03".parse().unwrap());
        let no_folder = Path::new("/nonexistent");
        if let Ok(piece) = recipe.piece(id, &basics, &studio, &today, no_folder, &|_| None) {
            assert_eq!(piece.id, id);
            assert!(piece.claims.iter().all(|claim| field(&piece, claim.about.as_str()).is_ok()
                || recipe.claim.iter().any(|entry| entry.about.as_ref() == Some(&claim.about))));
        }
        true
    }

    #[test]
    fn every_table_is_read() {
        assert!(used(FULL));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z_=\\[\\]{}\"0-9.,\n #-]{0,200}") {
            used(&text);
        }

        #[test]
        fn a_recipe_with_a_piece_replaced_is_read_or_refused(
            at in any::<prop::sample::Index>(),
            len in 0_usize..12,
            with in prop_oneof![
                Just("18446744073709551615".to_owned()),
                Just("-1".to_owned()),
                Just("\"\\u0000\"".to_owned()),
                Just("[[".to_owned()),
                Just("nan".to_owned()),
                "[ -~\n]{0,12}",
            ],
        ) {
            let at = at.index(FULL.len());
            let end = FULL.len().min(at + len);
            used(&[&FULL[..at], &with, &FULL[end..]].concat());
        }
    }
}
