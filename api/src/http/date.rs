//! The `Date` field (RFC 9110, section 5.6.7).

use hallmark_core::time::Timestamp;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn imf_fixdate(at: Timestamp) -> String {
    // Written YYYY-MM-DDThh:mm:ssZ; the first of January 1970 was a Thursday.
    let text = at.to_string();
    let day = DAYS[(at.unix_s() / 86_400 % 7) as usize];
    let month = text[5..7].parse::<usize>().ok().and_then(|month| MONTHS.get(month - 1));
    let month = month.copied().unwrap_or(MONTHS[0]);
    format!("{day}, {} {month} {} {} GMT", &text[8..10], &text[..4], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let at = "1994-11-06T08:49:37Z".parse().expect("a time");
        assert_eq!(imf_fixdate(at), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
