//! Title, metal, fineness and weight: from the arguments, else from `piece.toml`, else asked.

use hallmark_vault::provenance::text::Text;

use super::{
    quantity::{doubtful_metal, doubtful_weight, fineness, grams, of_carats},
    recipe::Recipe,
};
use crate::{args::MintArgs, report::Usage, session::Session};

/// What the command line and the answers add to a recipe.
#[derive(Debug, Default)]
pub(super) struct Basics {
    pub(super) title: Option<Text>,
    pub(super) metal: Option<(Text, u16)>,
    pub(super) weight_mg: Option<u64>,
}

impl Basics {
    /// Looks for what the arguments and the recipe leave open, and asks for it.
    ///
    /// # Errors
    /// [`Usage`] naming what is missing or wrong where nobody can be asked, or nobody answers.
    pub(super) fn obtain(
        args: &MintArgs,
        recipe: &Recipe,
        session: &Session,
    ) -> anyhow::Result<Self> {
        let title = match (&args.title, &recipe.title) {
            (Some(title), _) => Some(text(Some(title), "--title").map_err(Usage)?),
            (None, Some(_)) => None,
            (None, None) => {
                let question = "What is the piece called?";
                Some(session.ask_for(question, "--title", &|given| text(given, "--title"))?)
            }
        };
        let metal = match (&args.metal, recipe.has_metal()) {
            (None, true) if args.fineness.is_none() => None,
            (None, _) => {
                let question = "Which metal is it (gold, silver, platinum ...)?";
                Some(session.ask_for(question, "--metal", &|given| text(given, "--metal"))?)
            }
            (Some(metal), _) => Some(text(Some(metal), "--metal").map_err(Usage)?),
        };
        let metal = match (metal, args.fineness) {
            (None, _) => None,
            (Some(metal), Some(fineness)) => Some((metal, fineness)),
            (Some(metal), None) => Some((metal, ask_fineness(session)?)),
        };
        let weight_mg = match &args.grams {
            Some(given) => Some(grams(given).map_err(|error| Usage(format!("--grams: {error}")))?),
            None if recipe.has_weight() || !session.interactive => None,
            None => {
                let question = "What does it weigh, in grams (Enter to leave it out)?";
                session.ask_for(question, "--grams", &|given| given.map(grams).transpose())?
            }
        };
        Ok(Self { title, metal, weight_mg })
    }

    /// What is hardly meant so: metals nobody knows, weights nobody wears.
    pub(super) fn doubts(&self, recipe: &Recipe) -> Vec<String> {
        let main = self.metal.as_ref().map(|(metal, _)| metal.as_str());
        // The main metal of the arguments takes the place of the recipe's first.
        let others = recipe.metals().skip(usize::from(main.is_some()));
        let metals = main.into_iter().chain(others).filter_map(doubtful_metal);
        let weight = self.weight_mg.or(recipe.weight()).and_then(doubtful_weight);
        metals.chain(weight).collect()
    }
}

fn text(given: Option<&str>, flag: &str) -> Result<Text, String> {
    given
        .ok_or_else(|| format!("{flag} is needed"))?
        .parse()
        .map_err(|error| format!("{flag}: {error}"))
}

fn ask_fineness(session: &Session) -> anyhow::Result<u16> {
    let question = "Its fineness in thousandths (750 is 18 carat gold, 925 sterling silver)?";
    session.ask_for(question, "--fineness", &|given| {
        let given = given.unwrap_or_default();
        if let Some(thousandths) = of_carats(given) {
            session.say(&format!("{given} is {thousandths} thousandths."));
            return Ok(thousandths);
        }
        let number = fineness(given)?;
        if number < 100 {
            return Err(format!("{number} thousandths is hardly a metal; 18 carat is 750"));
        }
        Ok(number)
    })
}
