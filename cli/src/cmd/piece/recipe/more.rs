//! What a maker is asked only when they want to say more: `piece mint --more`.

use hallmark_vault::provenance::{piece::Formation, text::Text};

use super::{Gs1Entry, OriginEntry, Recipe, ReportEntry, StoneEntry};
use crate::{cmd::piece::quantity::milli, session::Session};

const INSTEAD: &str = "piece.toml";
/// The most stones anybody answers questions about; a recipe takes more.
const MOST_STONES: usize = 20;

impl Recipe {
    /// Asks for what the recipe leaves open. Enter leaves any of it out.
    ///
    /// # Errors
    /// [`Usage`](crate::report::Usage) where nobody can be asked.
    pub(in crate::cmd::piece) fn ask_more(&mut self, session: &Session) -> anyhow::Result<()> {
        session.say("Enter leaves any of these out.");
        let ask = |question: &str| text(question, session);
        for (field, question) in [
            (&mut self.serial, "Its serial number?"),
            (&mut self.size, "Its size, such as EU 52?"),
            (&mut self.inscription, "What is inscribed in it?"),
        ] {
            if field.is_none() {
                *field = ask(question)?;
            }
        }
        if self.stone.is_empty() {
            while self.stone.len() < MOST_STONES {
                let which = if self.stone.is_empty() { "Which stone" } else { "Which other stone" };
                let Some(species) = ask(&format!("{which} is set in it, such as sapphire?"))?
                else {
                    break;
                };
                self.stone.push(stone(species, session)?);
            }
        }
        if self.origin.is_none()
            && let Some(statement) = ask("Where do metal and stones come from, in a sentence?")?
        {
            let kimberley_certificate = ask("Number of a Kimberley certificate, for rough?")?;
            self.origin = Some(OriginEntry { statement, kimberley_certificate });
        }
        if self.gs1.is_none()
            && let Some(gtin) = ask("Its GTIN, where it has one?")?
        {
            let serial = self.serial.clone();
            self.gs1 = Some(Gs1Entry { gtin: gtin.to_string(), serial, digital_link: None });
        }
        Ok(())
    }
}

fn stone(species: Text, session: &Session) -> anyhow::Result<StoneEntry> {
    let formation = session.ask_for(
        &format!("Is the {species} natural, laboratory-grown or an imitation?"),
        INSTEAD,
        &|answer| match answer.map(str::to_lowercase).as_deref() {
            Some("natural" | "n") => Ok(Formation::Natural),
            Some("laboratory-grown" | "laboratory grown" | "lab-grown" | "lab" | "l") => {
                Ok(Formation::LaboratoryGrown)
            }
            Some("imitation" | "i") => Ok(Formation::Imitation),
            _ => Err("type natural, laboratory-grown or imitation".to_owned()),
        },
    )?;
    let treatments = session.ask_for(
        "Is it treated (no, or how: heated, oiled ...; Enter says nothing about it)?",
        INSTEAD,
        &|answer| match answer {
            None => Ok(None),
            Some("no" | "none" | "untreated") => Ok(Some(Vec::new())),
            Some(how) => {
                let each = how.split(',').map(|how| how.trim().parse());
                each.collect::<Result<Vec<Text>, _>>().map(Some).map_err(|error| error.to_string())
            }
        },
    )?;
    let carat_thousandths = session.ask_for("Its weight in carats?", INSTEAD, &|answer| {
        let number = answer.map(|answer| answer.trim_end_matches("ct").trim());
        number.map(|number| milli(number).ok_or_else(|| "such as 1.02".to_owned())).transpose()
    })?;
    let report = match text("Number of its laboratory report?", session)? {
        Some(number) => {
            let laboratory = session.ask_for("Of which laboratory?", INSTEAD, &|answer| {
                answer.ok_or("whose report is it?")?.parse().map_err(|_| "a name".to_owned())
            })?;
            Some(ReportEntry { laboratory, number, date: None, file: None })
        }
        None => None,
    };
    Ok(StoneEntry {
        species,
        formation,
        treatments,
        count: None,
        laser_inscription: None,
        length_um: None,
        width_um: None,
        depth_um: None,
        carat_thousandths,
        colour: None,
        clarity: None,
        cut: None,
        origin: None,
        report,
    })
}

fn text(question: &str, session: &Session) -> anyhow::Result<Option<Text>> {
    session.ask_for(question, INSTEAD, &|answer| {
        answer.map(str::parse).transpose().map_err(|error: _| format!("{error}"))
    })
}
