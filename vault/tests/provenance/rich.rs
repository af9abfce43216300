//! A file that uses every field of the manifest.

use std::io::Cursor;

use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};
use hallmark_vault::{
    hygiene::MediaType,
    provenance::{
        claim::{Claim, Strength},
        part::Role,
        piece::{
            Exemption, Formation, Gs1, Hallmark, Material, Origin, Piece, Report, Stone, Treatment,
            Warranty,
        },
        write::{self, Minting},
    },
};

use crate::fixture::*;

/// The laboratory whose signature stands behind the sapphire.
pub fn laboratory() -> SigningKey {
    key(40)
}

pub fn piece() -> Piece {
    let text = |text: &str| text.parse().unwrap();
    let mut piece = Piece {
        kind: Some(text("ring")),
        gs1: Some(Gs1 {
            gtin: "04012345678901".into(),
            serial: Some(text("TW-1")),
            digital_link: Some(text("https://id.gs1.org/01/04012345678901/21/TW-1")),
        }),
        size: Some(text("EU 54")),
        inscription: Some(text("für Ána — 3 Mai\n“Flut”")),
        hallmark: Some(Hallmark {
            sponsor_mark: Some(text("RM")),
            fineness_mark: Some(text("750")),
            assay_office_mark: None,
            other_marks: vec![text("date letter a")],
            exemption: Some(Exemption {
                rule: text("a law that exempts light pieces"),
                below_mg: 5000,
            }),
        }),
        stones: vec![
            Stone {
                species: text("sapphire"),
                formation: Formation::Natural,
                treatment: Treatment::Treated,
                treatments: vec![text("heated")],
                count: None,
                report: Some(Report {
                    laboratory: text("Bay Laboratory"),
                    number: text("BL-77"),
                    date: Some("2026-04-01".parse().unwrap()),
                    part: Some("certs/bl-77.pdf".parse().unwrap()),
                }),
                laser_inscription: Some(text("BL-77")),
                measurements_um: Some([6120, 5980, 3710]),
                carat_thousandths: Some(1034),
                colour: Some(text("blue")),
                clarity: None,
                cut: Some(text("oval")),
                origin: Some(text("Ceylon")),
            },
            Stone {
                species: text("diamond"),
                formation: Formation::LaboratoryGrown,
                treatment: Treatment::NotStated,
                treatments: Vec::new(),
                count: Some(8),
                report: None,
                laser_inscription: None,
                measurements_um: None,
                carat_thousandths: Some(10),
                colour: None,
                clarity: None,
                cut: None,
                origin: None,
            },
        ],
        origin: Some(Origin {
            statement: text("Sapphire bought from the mine's own cooperative."),
            kimberley_certificate: None,
        }),
        warranties: vec![Warranty {
            system: text("System of Warranties"),
            statement: text("The diamonds herein have been purchased from legitimate sources."),
            date: "2026-04-02".parse().unwrap(),
            invoice: Some(text("2026-118")),
        }],
        materials: vec![Material {
            name: text("recycled 18 kt gold grain"),
            supplier: Some(text("Grain Works")),
            certificate: Some(text("GW-9")),
            part: None,
        }],
        ..crate::fixture::piece()
    };
    piece.maker.domain = Some("rosa.example:8443".parse().unwrap());
    for about in ["hallmark", "stones/1", "origin", "warranties/0", "materials/0"] {
        piece.claims.push(self_declared(about, "As stated."));
    }
    let mut claim = Claim {
        strength: Strength::Lab,
        by: text("Bay Laboratory"),
        rule: text("ISO 18323:2015"),
        ..self_declared("stones/0", "Natural sapphire, heated")
    };
    let value = serde_json::to_value(&piece.stones[0]).unwrap();
    let at: Timestamp = at("2026-04-01T09:00:00Z");
    let report = ("certs/bl-77.pdf".parse().unwrap(), Sha256::of(REPORT));
    claim.attest(piece.id, value, [report].into(), &laboratory(), at).unwrap();
    piece.claims.push(claim);
    piece
}

/// The sapphire's report.
const REPORT: &[u8] = b"%PDF-1.7\n";

pub fn minted() -> Vec<u8> {
    let mut sources = sources();
    sources.push(source("certs/bl-77.pdf", MediaType::Pdf, Role::Certificate, REPORT));
    let out = Cursor::new(Vec::new());
    let made = Some("Made by hand.".parse().unwrap());
    let minting = Minting { piece: piece(), sources, made, at: at(MINTED), status_days: 180 };
    write::mint(minting, &studio(), &chain(), out).unwrap().into_inner()
}
