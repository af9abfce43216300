//! What a maker says of a field of a piece, in words.

use hallmark_vault::provenance::{
    piece::{Formation, Hallmark, Piece, Treatment},
    text::Text,
    verdict::{grams, thousandths},
};

/// What the maker says of a field, in a sentence that begins as one.
pub(super) fn sentence(piece: &Piece, about: &str) -> String {
    let said = words(piece, about);
    let mut letters = said.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn words(piece: &Piece, about: &str) -> String {
    let index = |name: &str| -> Option<usize> { about.strip_prefix(name)?.parse().ok() };
    if let Some(metal) = index("metals/").and_then(|i| piece.metals.get(i)) {
        let colour = metal.colour.as_ref().map(|colour| format!("{colour} ")).unwrap_or_default();
        return format!("{colour}{}, fineness {}", metal.metal, metal.fineness);
    }
    if let Some(stone) = index("stones/").and_then(|i| piece.stones.get(i)) {
        let formation = match stone.formation {
            Formation::Natural => "natural",
            Formation::LaboratoryGrown => "laboratory-grown",
            Formation::Imitation => "imitation",
        };
        let treatment = match stone.treatment {
            Treatment::Untreated => ", declared untreated".to_owned(),
            Treatment::NotStated => ", treatment not stated".to_owned(),
            Treatment::Treated => {
                let list: Vec<String> = stone.treatments.iter().map(ToString::to_string).collect();
                format!(", treated: {}", list.join(", "))
            }
        };
        let carat = stone.carat_thousandths.map(|c| format!(", {} ct", thousandths(c)));
        return format!("{formation} {}{treatment}{}", stone.species, carat.unwrap_or_default());
    }
    if let Some(warranty) = index("warranties/").and_then(|i| piece.warranties.get(i)) {
        return format!("{}: {}", warranty.system, warranty.statement);
    }
    if let Some(material) = index("materials/").and_then(|i| piece.materials.get(i)) {
        return material.name.to_string();
    }
    match about {
        "weightMg" => format!("weighs {}", grams(piece.weight_mg.unwrap_or_default())),
        "origin" => piece.origin.as_ref().map(|o| o.statement.to_string()).unwrap_or_default(),
        _ => piece.hallmark.as_ref().map(marks).unwrap_or_default(),
    }
}

fn marks(hallmark: &Hallmark) -> String {
    if let Some(exemption) = &hallmark.exemption {
        return format!("carries no hallmark: {}", exemption.rule);
    }
    let struck = [&hallmark.sponsor_mark, &hallmark.fineness_mark, &hallmark.assay_office_mark];
    let struck: Vec<&str> =
        struck.into_iter().flatten().chain(&hallmark.other_marks).map(Text::as_str).collect();
    format!("carries the marks {}", struck.join(", "))
}
