//! `hallmark piece card`: the QR card for the jewellery box.

use std::{io::Write, path::Path};

use anyhow::Context;
use hallmark_vault::provenance::trust::Card;
use qrcode::{
    QrCode,
    render::{svg, unicode::Dense1x2},
};
use serde_json::json;

use super::sound;
use crate::{
    cmd::studio,
    output::{Access, Output, keep_apart},
    report::Report,
    session::Session,
};

/// Runs `hallmark piece card`. Only the studio itself prints cards: a card is what makes buyers
/// trust a key, so it must not be made from a file's own say-so.
///
/// # Errors
/// When this profile is not the studio that minted the file, or the card cannot be written.
pub(super) fn run(
    path: &Path,
    out: Option<&Path>,
    force: bool,
    session: &Session,
) -> anyhow::Result<Report> {
    let output = match out {
        Some(out) => {
            keep_apart(out, &[path])?;
            Some(Output::new(out, force)?)
        }
        None => None,
    };
    let (_, file) = sound(path, session)?;
    let store = session.open()?;
    let studio = studio::of(&store)?;
    anyhow::ensure!(
        studio.public() == file.manifest().issuer,
        "{} was minted by another studio; only that studio can print its card",
        path.display()
    );
    let card = Card { piece: file.piece().id, studio: studio.public().fingerprint() };
    let code = QrCode::new(card.to_string()).context("cannot make the QR code")?;
    if let Some(output) = output {
        let qr = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
        let svg = page(&qr, file.piece().title.as_str(), studio.name.as_str(), &card);
        output.write(Access::Shared, |target| Ok(target.write_all(svg.as_bytes())?))?;
    }
    let drawn = code.render::<Dense1x2>().build();
    let mut text = format!(
        "{drawn}\n{}\n{}\nPiece        {}\nFingerprint  {}\n{card}",
        file.piece().title,
        studio.name,
        card.piece.uuid(),
        card.studio
    );
    if let Some(out) = out {
        text += &format!("\n\nTo print: {}", out.display());
    }
    Report::new(
        &json!({"card": card.to_string(), "piece": card.piece, "fingerprint": card.studio, "out": out}),
        text,
    )
}

/// A card of 85 x 55 mm: the code, and what it says in letters.
fn page(qr: &str, title: &str, studio: &str, card: &Card) -> String {
    let qr = qr.split_once("<svg").map_or("", |(_, rest)| rest);
    let (front, back) = card.studio.to_string().split_at(20).to_owned_pair();
    let escape = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\n', " ")
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"85mm\" height=\"55mm\" \
         viewBox=\"0 0 850 550\">\n\
         <rect width=\"850\" height=\"550\" fill=\"#fff\"/>\n\
         <svg x=\"20\" y=\"60\" width=\"400\" height=\"400\" {}\n\
         <g font-family=\"Georgia, serif\" fill=\"#111\">\n\
         <text x=\"440\" y=\"110\" font-size=\"38\">{}</text>\n\
         <text x=\"440\" y=\"160\" font-size=\"28\">{}</text>\n\
         <text x=\"440\" y=\"250\" font-size=\"20\">Key fingerprint</text>\n\
         <g font-family=\"monospace\" font-size=\"26\"><text x=\"440\" y=\"285\">{front}</text>\
         <text x=\"440\" y=\"320\">{back}</text></g>\n\
         <text x=\"440\" y=\"400\" font-size=\"20\">hallmark trust add --card CODE</text>\n\
         <text x=\"440\" y=\"425\" font-size=\"20\">or: --fingerprint with the one above</text>\n\
         <text x=\"440\" y=\"450\" font-size=\"20\">then: hallmark verify piece.hallmark</text>\n\
         <text x=\"20\" y=\"500\" font-size=\"16\">CODE, as the picture holds it:</text>\n\
         <text x=\"20\" y=\"525\" font-size=\"16\" font-family=\"monospace\">{card}</text>\n\
         </g>\n</svg>\n",
        without_size(qr),
        escape(title),
        escape(studio)
    )
}

/// The inner svg element's attributes and content, less its own width and height.
fn without_size(svg: &str) -> String {
    let (head, rest) = svg.split_once('>').unwrap_or((svg, ""));
    let kept: Vec<&str> = head
        .split_whitespace()
        .filter(|word| !word.starts_with("width=") && !word.starts_with("height="))
        .collect();
    format!("{}>{rest}", kept.join(" "))
}

/// Splits off an owned pair, for text that is laid out on two lines.
trait OwnedPair {
    fn to_owned_pair(self) -> (String, String);
}

impl OwnedPair for (&str, &str) {
    fn to_owned_pair(self) -> (String, String) {
        (self.0.to_owned(), self.1.to_owned())
    }
}
