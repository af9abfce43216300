//! Fineness and weight as people write them, at a question, in an argument and in `piece.toml`.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor, value::SeqAccessDeserializer};

/// More than any piece of jewellery weighs, in milligrams: 5 kg.
const HARDLY_MG: u64 = 5_000_000;

/// What people mean by a carat number.
const CARATS: [(u16, u16); 4] = [(9, 375), (14, 585), (18, 750), (22, 916)];

/// A fineness in thousandths, or what would have been one.
///
/// # Errors
/// A sentence that says how to write it.
pub(super) fn fineness(text: &str) -> Result<u16, String> {
    let text = text.trim();
    if let Some(thousandths) = of_carats(text) {
        return Err(format!("in thousandths, please; {text} is {thousandths}"));
    }
    text.parse().ok().filter(|number| (1..=999).contains(number)).ok_or_else(|| {
        "a fineness is a whole number of thousandths from 1 to 999; 18k is 750".to_owned()
    })
}

/// The fineness of `18k`, `18 ct` or `18 carat`, for the usual alloys of gold.
pub(super) fn of_carats(text: &str) -> Option<u16> {
    let text = text.trim().to_lowercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim();
    if !matches!(unit, "k" | "kt" | "ct" | "c" | "carat" | "carats" | "karat" | "karats") {
        return None;
    }
    let carats: u16 = digits.parse().ok()?;
    CARATS.iter().find(|(known, _)| *known == carats).map(|(_, thousandths)| *thousandths)
}

/// A weight in milligrams, from grams such as `4.35`, `4,35` or `4.35 g`.
///
/// # Errors
/// A sentence that says how to write it.
pub(super) fn grams(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_alphabetic() || c == '.').trim_end();
    let unit = lower[number.len()..].trim();
    match unit {
        "" | "g" | "gr" | "gram" | "grams" | "gramm" => {}
        _ if number.is_empty() => return Err(format!("{text} is no weight such as 4.35")),
        _ => return Err(format!("in grams, please, such as 4.35, not {text}")),
    }
    match milli(number) {
        Some(0) => Err("a piece weighs more than nothing; leave the weight out".to_owned()),
        Some(mg) => Ok(mg),
        None => Err(format!("{text} is no weight such as 4.35")),
    }
}

/// A remark on a weight that is hardly one.
pub(super) fn doubtful_weight(mg: u64) -> Option<String> {
    (mg > HARDLY_MG).then(|| format!("{} g is more than 5 kg", mg / 1000))
}

/// A remark on a metal that is none we know, in the languages we know it in.
pub(super) fn doubtful_metal(metal: &str) -> Option<String> {
    const KNOWN: &[&str] = &[
        "gold",
        "silver",
        "platinum",
        "palladium",
        "titanium",
        "steel",
        "rhodium",
        "ruthenium",
        "iridium",
        "tantalum",
        "niobium",
        "zirconium",
        "tungsten",
        "cobalt",
        "copper",
        "brass",
        "bronze",
        "iron",
        "nickel",
        "zinc",
        "tin",
        "pewter",
        "aluminium",
        "aluminum",
        "silber",
        "platin",
        "titan",
        "stahl",
        "or",
        "argent",
        "platine",
        "oro",
        "plata",
        "ouro",
        "prata",
        "argento",
        "platino",
        "acero",
        "acier",
        "zilver",
        "goud",
    ];
    let lower = metal.to_lowercase();
    let known = lower
        .split(|c: char| !c.is_alphabetic())
        .any(|word| KNOWN.contains(&word) || word.ends_with("gold") || word.ends_with("silber"));
    (!known).then(|| format!("{metal} is no metal this program knows"))
}

/// Thousandths of a decimal number with at most three places: `4.35` is 4350.
pub(super) fn milli(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(places) || places.len() > 3 {
        return None;
    }
    format!("{whole}{places:0<3}").parse().ok()
}

/// `fineness` of a `piece.toml`.
pub(super) fn toml_fineness<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    struct Fineness;
    impl Visitor<'_> for Fineness {
        type Value = u16;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of thousandths from 1 to 999, such as fineness = 750")
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<u16, E> {
            fineness(&number.to_string()).map_err(E::custom)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<u16, E> {
            let number = of_carats(text).or_else(|| fineness(text).ok());
            Err(E::custom(match number {
                Some(number) => format!("in thousandths, without quotes: fineness = {number}"),
                None => "a whole number of thousandths, without quotes: fineness = 750".to_owned(),
            }))
        }
    }
    from.deserialize_any(Fineness)
}

/// `weight_mg` of a `piece.toml`.
pub(super) fn toml_mg<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    struct Milligrams;
    impl Visitor<'_> for Milligrams {
        type Value = Option<u64>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number of milligrams, such as weight_mg = 4350 for 4.35 g")
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<Option<u64>, E> {
            match u64::try_from(number) {
                Ok(0) | Err(_) => Err(E::custom("weight_mg is more than 0, in milligrams")),
                Ok(mg) => Ok(Some(mg)),
            }
        }
        fn visit_f64<E: Error>(self, number: f64) -> Result<Option<u64>, E> {
            self.visit_str(&number.to_string())
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Option<u64>, E> {
            Err(E::custom(match grams(text) {
                Ok(mg) => format!("whole milligrams; {text} grams is weight_mg = {mg}"),
                Err(_) => "whole milligrams, such as weight_mg = 4350 for 4.35 g".to_owned(),
            }))
        }
    }
    from.deserialize_any(Milligrams)
}

/// A list of `[[metal]]` tables; a bare word is told how they are written.
pub(super) fn toml_metals<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Metals<T>(std::marker::PhantomData<T>);
    impl<'de, T: serde::Deserialize<'de>> Visitor<'de> for Metals<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(
                "a metal is a table of its own, below everything that stands alone:\n\n\
                 [[metal]]\nmetal = \"gold\"\nfineness = 750\n",
            )
        }
        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
            serde::Deserialize::deserialize(SeqAccessDeserializer::new(list))
        }
    }
    from.deserialize_any(Metals(std::marker::PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grams_are_read_as_milligrams() {
        for (text, mg) in [
            ("4.35", 4350),
            ("4", 4000),
            ("0,001", 1),
            ("12.5", 12_500),
            ("4,35 g", 4350),
            ("4.35g", 4350),
            ("3 grams", 3000),
        ] {
            assert_eq!(grams(text), Ok(mg), "{text}");
        }
        for text in ["", "x", "4.3500", "-1", "4.3.5", ".5", "1e3", "0", "0.000", "a lot", "gé"] {
            assert!(grams(text).is_err(), "{text}");
        }
        for text in ["1 oz", "21 ct", "0.2oz", "2 dwt"] {
            assert!(grams(text).unwrap_err().contains("in grams, please"), "{text}");
        }
    }

    #[test]
    fn carats_are_understood_and_nothing_is_guessed() {
        for (text, thousandths) in [("18k", 750), ("9 ct", 375), ("14 Karat", 585), ("22K", 916)] {
            assert_eq!(of_carats(text), Some(thousandths), "{text}");
            assert!(fineness(text).unwrap_err().contains(&thousandths.to_string()), "{text}");
        }
        for text in ["750", "24k", "18", "18 g", "k", "", "é18k", "18ké"] {
            assert_eq!(of_carats(text), None, "{text}");
        }
        assert_eq!(fineness(" 925 "), Ok(925));
        for text in ["0", "1000", "75.0", "-1", "24k", ""] {
            assert!(fineness(text).unwrap_err().contains("1 to 999"), "{text}");
        }
    }

    #[test]
    fn what_is_hardly_so_is_doubted() {
        for metal in ["gold", "Rose Gold", "Weißgold", "sterling silver", "stainless steel", "or"]
        {
            assert_eq!(doubtful_metal(metal), None, "{metal}");
        }
        assert!(doubtful_metal("goldfish").is_some() && doubtful_metal("wood").is_some());
        assert!(doubtful_weight(5_000_001).is_some() && doubtful_weight(5_000_000).is_none());
    }
}
