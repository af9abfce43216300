//! Prices as people write them.

use hallmark_core::json::{MAX_INTEGER, Value};
use serde_json::json;

/// Currencies with a sign that means no other.
const SIGNS: [(&str, &str); 2] = [("€", "EUR"), ("£", "GBP")];
/// Currencies that count in thousandths.
const THREE_PLACES: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// `1890.00 EUR`, `1.890,00 €` or `EUR 1890` as minor units and an ISO 4217 code.
///
/// # Errors
/// A sentence that says what is missing, or why it could be read in two ways.
pub(super) fn amount(text: &str) -> Result<Value, String> {
    let (number, currency) = currency(text.trim()).ok_or_else(|| {
        format!("{text} is no price such as \"1890.00 EUR\": it needs a currency of three letters")
    })?;
    let (digits, decimals) = number_of(&number, &currency).ok_or_else(|| {
        format!(
            "{text} is no price such as \"1890.00 EUR\": two places after the last point or comma, \
             or none"
        )
    })?;
    let minor: u64 = digits.parse().map_err(|_| format!("{text} is too much for a price"))?;
    if minor > MAX_INTEGER {
        return Err(format!("{text} is too much for a price"));
    }
    Ok(json!({"amountMinor": minor, "decimals": decimals, "currency": currency}))
}

/// The number, and the currency before or after it.
fn currency(text: &str) -> Option<(String, String)> {
    for (sign, code) in SIGNS {
        let rest = text.strip_suffix(sign).or_else(|| text.strip_prefix(sign));
        if let Some(number) = rest {
            return Some((number.trim().to_owned(), code.to_owned()));
        }
    }
    let is_code = |word: &str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_alphabetic());
    let (head, tail) = (text.get(..3), text.len().checked_sub(3).and_then(|at| text.get(at..)));
    if let Some(code) = tail.filter(|code| is_code(code)) {
        let number = text[..text.len() - 3].trim_end();
        return Some((number.to_owned(), code.to_ascii_uppercase()));
    }
    let code = head.filter(|code| is_code(code))?;
    Some((text[3..].trim_start().to_owned(), code.to_ascii_uppercase()))
}

/// The digits of a number that can be read in one way only, and how many of them are decimals.
fn number_of(text: &str, currency: &str) -> Option<(String, usize)> {
    let blank = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’');
    let places = if THREE_PLACES.contains(&currency) { 3 } else { 2 };
    let (whole, decimals) = match text.rsplit_once(['.', ',']) {
        None => (text, ""),
        Some((whole, decimals)) if decimals.len() == places => (whole, decimals),
        Some(_) => return None,
    };
    let mark = text[whole.len()..].chars().next();
    let mut groups = Vec::new();
    let mut between = None;
    let mut group = String::new();
    for c in whole.chars() {
        if c.is_ascii_digit() {
            group.push(c);
            continue;
        }
        // One kind of mark between the thousands, and another than before the places.
        let kind = if blank(c) { ' ' } else { c };
        let allowed = matches!(kind, ' ' | '.' | ',') && Some(c) != mark;
        if !allowed || between.is_some_and(|earlier| earlier != kind) {
            return None;
        }
        between = Some(kind);
        groups.push(std::mem::take(&mut group));
    }
    groups.push(group);
    let first = groups.first().map_or(0, String::len);
    let grouped = groups.len() == 1 || first <= 3;
    let sound = first > 0
        && grouped
        && groups.iter().skip(1).all(|group| group.len() == 3)
        && decimals.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| (groups.concat() + decimals, decimals.len()))
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn a_price_is_whole_minor_units() {
        for text in [
            "1890.00 EUR",
            "1.890,00 €",
            "1890,00 EUR",
            "EUR 1890.00",
            "1890.00 eur",
            "1890.00 €",
            "€1,890.00",
            "1 890,00 EUR",
            "1\u{202f}890,00EUR",
            "1'890.00 EUR",
        ] {
            let price = amount(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(price["amountMinor"], 189_000, "{text}");
            assert_eq!((&price["decimals"], &price["currency"]), (&2.into(), &"EUR".into()));
        }
        for text in ["EUR 1890", "1890 EUR", "1 890 EUR"] {
            let price = amount(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((&price["amountMinor"], &price["decimals"]), (&1890.into(), &0.into()));
        }
        assert_eq!(amount("5000 JPY").unwrap()["decimals"], 0);
        assert_eq!(amount("1.500,250 KWD").unwrap()["amountMinor"], 1_500_250);
        for text in ["1890", "1890.00", "", "$ 1890"] {
            assert!(amount(text).unwrap_err().contains("currency"), "{text}");
        }
        for text in [
            "a lot",
            "EUR",
            "1.890 EUR",
            "1890,5 EUR",
            "-1 EUR",
            "1e3 EUR",
            "1,890,00 EUR",
            "18.90.00 EUR",
            "1.890 12,00 EUR",
            ",00 EUR",
            "1.89,00 EUR",
            "12345 678 EUR",
            "é EUR",
            "0x1 EUR",
        ] {
            assert!(amount(text).is_err(), "{text}");
        }
        assert!(amount("99999999999999999.00 EUR").unwrap_err().contains("too much"));
    }
}
