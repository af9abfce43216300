//! A JSON value on one line, for people.

use serde_json::{Map, Value};

use crate::report::whole_line;

/// The value as a person would write it: amounts of money with their decimals and currency, lists
/// with semicolons, texts on one line.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => whole_line(text),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join("; "),
        Value::Object(map) => amount(map).unwrap_or_else(|| {
            map.iter()
                .map(|(k, v)| format!("{} {}", whole_line(k), plain(v)))
                .collect::<Vec<_>>()
                .join(", ")
        }),
        other => other.to_string(),
    }
}

/// `{"amountMinor": 189000, "currency": "EUR", "decimals": 2}` as `1890.00 EUR`.
fn amount(map: &Map<String, Value>) -> Option<String> {
    let minor = map.get("amountMinor")?.as_u64()?;
    let decimals = usize::try_from(map.get("decimals")?.as_u64()?).ok().filter(|d| *d <= 9)?;
    let code = |text: &&str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    let currency = map.get("currency")?.as_str().filter(|_| map.len() == 3).filter(code)?;
    let digits = format!("{minor:0>width$}", width = decimals + 1);
    let (whole, places) = digits.split_at(digits.len() - decimals);
    let point = if decimals > 0 { "." } else { "" };
    Some(format!("{whole}{point}{places} {currency}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::plain;

    #[test]
    fn money_reads_as_money_and_nothing_else_does() {
        let amount = |minor: u64, decimals: u64| {
            plain(&json!({"amountMinor": minor, "decimals": decimals, "currency": "EUR"}))
        };
        assert_eq!(amount(189_000, 2), "1890.00 EUR");
        assert_eq!(amount(5, 2), "0.05 EUR");
        assert_eq!(amount(5000, 0), "5000 EUR");
        assert_eq!(plain(&json!({"amountMinor": 5})), "amountMinor 5");
        let forged =
            json!({"amountMinor": 5, "decimals": 2, "currency": "EUR\n\nSIGNER     pinned"});
        assert_eq!(plain(&forged).lines().count(), 1, "T-11: {}", plain(&forged));
        assert_eq!(plain(&json!(["a", 1, {"b": true}])), "a; 1; b true");
    }
}
