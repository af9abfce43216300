//! Kinds of items and the fields each has.

use std::collections::BTreeMap;

/// The longest value of a field, in bytes.
pub const MAX_VALUE_BYTES: usize = 8 << 10;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $title:literal, [$($field:literal $need:ident $([$($value:literal),+])?),*];)+) => {
        /// What an item is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name on the command line and in the sealed plaintext.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Its name for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// Its fields, in the order they are asked for.
            #[must_use]
            pub const fn fields(self) -> &'static [Field] {
                match self {
                    $(Self::$name => &[$(Field {
                        name: $field,
                        need: Need::$need,
                        values: &[$($($value),+)?],
                    }),*]),+
                }
            }
        }
    };
}

/// A field of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it may be left out.
    pub need: Need,
    /// What it says, where that is one of a few; else nothing.
    pub values: &'static [&'static str],
}

/// Whether a field may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It may not.
    Required,
    /// It may.
    Optional,
    /// It may, but one of those so marked has to be there.
    OneOf,
}

kinds! {
    /// Where a parcel goes.
    DeliveryAddress = "delivery-address", "Delivery address", ["name" Required, "line1" Required, "line2" Optional, "postcode" Optional, "city" Required, "region" Optional, "country" Required, "phone" Optional, "note" Optional];
    /// How a person is reached.
    Contact = "contact", "Contact", ["name" Optional, "email" OneOf, "phone" OneOf, "other" OneOf, "note" Optional];
    /// What size a ring has.
    RingSize = "ring-size", "Ring size", ["system" Required ["eu", "us", "uk", "jp"], "size" Required, "finger" Optional, "note" Optional];
    /// A token of a payment provider: what stands for a card, never the card.
    PaymentToken = "payment-token", "Payment token", ["provider" Required, "token" Required, "label" Optional, "expires" Optional, "note" Optional];
    /// A membership with a studio.
    Membership = "membership", "Membership", ["studio" Required, "number" Optional, "since" Optional, "until" Optional, "note" Optional];
    /// A provenance file, kept as an attachment; `secrets` are its owner's.
    Provenance = "provenance", "Provenance file", ["title" Required, "piece" Required, "signer" Optional, "note" Optional, "secrets" Optional];
    /// Anything else in words.
    Note = "note", "Note", ["title" Optional, "text" Required];
    /// What a person calls one of their devices. Kept by the program, not listed.
    Device = "device", "Device", ["key" Required, "name" Required];
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Kind {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| FieldError::Kind { found: text.to_owned() })
    }
}

hallmark_core::text_in_json!(Kind);

/// Why fields are not those of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// There is no such kind.
    #[error("{found:?} is no kind of item; there are {}", names(Kind::ALL.iter().filter(|kind| **kind != Kind::Device).map(|kind| kind.as_str())))]
    Kind {
        /// What was given.
        found: String,
    },
    /// The kind has no such field.
    #[error("{kind} has no field {name:?}; it has {}", names(kind.fields().iter().map(|field| field.name)))]
    NoField {
        /// The kind.
        kind: Kind,
        /// What was given.
        name: String,
    },
    /// A field is missing.
    #[error("{kind} needs {name}")]
    Missing {
        /// The kind.
        kind: Kind,
        /// The field.
        name: &'static str,
    },
    /// None of the fields of which one is needed.
    #[error("{kind} needs one of {}", names(kind.fields().iter().filter(|field| field.need == Need::OneOf).map(|field| field.name)))]
    NoneOf {
        /// The kind.
        kind: Kind,
    },
    /// A value is too long.
    #[error(
        "{name} has {found_bytes} bytes; a field has at most {MAX_VALUE_BYTES}, and longer texts go into an attachment"
    )]
    TooLong {
        /// The field.
        name: String,
        /// Length found.
        found_bytes: usize,
    },
    /// A value is empty.
    #[error("{name} is empty; leave it out")]
    Empty {
        /// The field.
        name: String,
    },
    /// A value holds control characters.
    #[error("{name} holds a control character; write it as plain text")]
    Control {
        /// The field.
        name: String,
    },
    /// The value is not one of the few that the field takes.
    #[error("{name} is one of {}", names(values.iter().copied()))]
    Choice {
        /// The field.
        name: &'static str,
        /// Those it takes.
        values: &'static [&'static str],
    },
    /// The value is not what the field is for.
    #[error("{name} is {expected}")]
    Value {
        /// The field.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Kind {
    /// Whether a person may keep these fields as an item of this kind. A field that is empty is one
    /// that is not there, and is not given here.
    ///
    /// # Errors
    /// [`FieldError`], which repeats no value.
    pub fn check(self, fields: &BTreeMap<String, String>) -> Result<(), FieldError> {
        self.check_form(fields)?;
        fields.iter().try_for_each(|(name, value)| self.check_plausible(name, value, fields))
    }

    /// As [`Kind::check`], without asking whether a value is plausible: what is plausible may change,
    /// and what is kept stays readable.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn check_form(self, fields: &BTreeMap<String, String>) -> Result<(), FieldError> {
        fields.iter().try_for_each(|(name, value)| self.check_text(name, value))?;
        for field in self.fields() {
            if field.need == Need::Required && !fields.contains_key(field.name) {
                return Err(FieldError::Missing { kind: self, name: field.name });
            }
        }
        let mut one_of = self.fields().iter().filter(|field| field.need == Need::OneOf).peekable();
        if one_of.peek().is_some() && !one_of.any(|field| fields.contains_key(field.name)) {
            return Err(FieldError::NoneOf { kind: self });
        }
        Ok(())
    }

    /// Whether a person may give one field this value, `others` being those given so far.
    ///
    /// # Errors
    /// [`FieldError`].
    pub fn check_value(
        self,
        name: &str,
        value: &str,
        others: &BTreeMap<String, String>,
    ) -> Result<(), FieldError> {
        self.check_text(name, value)?;
        self.check_plausible(name, value, others)
    }

    fn check_text(self, name: &str, value: &str) -> Result<(), FieldError> {
        let owned = || name.to_owned();
        let Some(field) = self.fields().iter().find(|field| field.name == name) else {
            return Err(FieldError::NoField { kind: self, name: owned() });
        };
        if value.len() > MAX_VALUE_BYTES {
            return Err(FieldError::TooLong { name: owned(), found_bytes: value.len() });
        }
        if value.is_empty() {
            return Err(FieldError::Empty { name: owned() });
        }
        if value.chars().any(|c| c.is_control() && !(name == "text" && c == '\n')) {
            return Err(FieldError::Control { name: owned() });
        }
        if !(field.values.is_empty() || field.values.contains(&value)) {
            return Err(FieldError::Choice { name: field.name, values: field.values });
        }
        let is_country = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
        let expected = match (self, name) {
            (Self::DeliveryAddress, "country") if !is_country => {
                "two letters, such as FR (ISO 3166-1)"
            }
            (Self::PaymentToken, "token") if is_card_number(value) => PAYMENT_TOKEN,
            _ => return Ok(()),
        };
        Err(FieldError::Value { name: field.name, expected })
    }

    fn check_plausible(
        self,
        name: &str,
        value: &str,
        others: &BTreeMap<String, String>,
    ) -> Result<(), FieldError> {
        let size = size_number(value);
        let within =
            |sizes: std::ops::RangeInclusive<u32>| size.is_some_and(|n| sizes.contains(&n));
        let system = others.get("system").map(String::as_str);
        let (name, expected) = match (self, name, system) {
            (Self::Contact, "email", _) if !is_email(value) => {
                ("email", "an e-mail address, such as ada@example.com")
            }
            (Self::RingSize, "size", Some("eu")) if !within(30..=90) => (
                "size",
                "a number from 30 to 90 in the system eu: millimetres around, such as 52.5",
            ),
            (Self::RingSize, "size", Some("us")) if !within(0..=25) => {
                ("size", "a number up to 25 in the system us, such as 6 or 6 1/2")
            }
            (Self::RingSize, "size", Some("jp")) if !within(1..=40) => {
                ("size", "a number from 1 to 40 in the system jp, such as 12")
            }
            (Self::RingSize, "size", Some("uk")) if !is_letter_size(value) => {
                ("size", "a letter in the system uk, such as L or L 1/2")
            }
            _ => return Ok(()),
        };
        Err(FieldError::Value { name, expected })
    }
}

/// One `@` with something on both sides, and no blanks.
fn is_email(text: &str) -> bool {
    let sides = text.split_once('@');
    let whole = |side: &str| !side.is_empty() && !side.contains(['@', ' ']);
    sides.is_some_and(|(name, domain)| whole(name) && whole(domain))
}

/// The whole part of a number such as `6`, `6.5`, `6,5`, `6 1/2` or `6½`.
fn size_number(text: &str) -> Option<u32> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, part) = text.split_at(end);
    is_part(part).then(|| whole.parse().ok())?
}

/// `L`, `L½`, `L 1/2`, or what comes after Z: `Z+1`.
fn is_letter_size(text: &str) -> bool {
    let mut rest = text.chars();
    let letter = rest.next().filter(char::is_ascii_alphabetic);
    let beyond = |part: &str| {
        let number = part.strip_prefix('+').and_then(size_number);
        letter.is_some_and(|letter| letter.eq_ignore_ascii_case(&'z')) && number.is_some()
    };
    letter.is_some() && (is_part(rest.as_str()) || beyond(rest.as_str()))
}

/// Nothing, or what is less than one: `.5`, `,25`, `1/2`, `½`.
fn is_part(text: &str) -> bool {
    let decimals = text.strip_prefix(['.', ',']);
    let is_decimal = |part: &str| {
        (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    ["", "½", "¼", "¾"].contains(&text.trim_start())
        || ["1/2", "1/4", "3/4"].iter().any(|part| text.strip_prefix(' ') == Some(*part))
        || decimals.is_some_and(is_decimal)
}

const PAYMENT_TOKEN: &str =
    "what your payment provider gave you to stand for a card; a card's own number is not kept here";

/// Whether a text is a card's own number: 12 to 19 digits that pass the Luhn check (ISO/IEC 7812-1).
fn is_card_number(text: &str) -> bool {
    let plain: Vec<char> = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let digits: Option<Vec<u32>> = plain.iter().map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| (12..=19).contains(&digits.len())) else {
        return false;
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => *digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_kind_has_its_fields() {
        let ring = fields(&[("size", "52"), ("system", "eu")]);
        assert_eq!(Kind::RingSize.check(&ring), Ok(()));
        assert_eq!(Kind::Contact.check(&fields(&[("email", "ada@example.com")])), Ok(()));
        assert_eq!(Kind::Note.check(&fields(&[("text", "two\nlines")])), Ok(()));
        for (kind, wrong, says) in [
            (Kind::RingSize, fields(&[("size", "52")]), "needs system"),
            (Kind::RingSize, fields(&[("size", "52"), ("system", "mm")]), "one of eu"),
            (Kind::RingSize, fields(&[("seize", "52"), ("system", "eu")]), "no field \"seize\""),
            (Kind::Contact, fields(&[("name", "Ada")]), "one of email, phone, other"),
            (Kind::Note, fields(&[("text", "\u{1b}[2J")]), "control"),
            (Kind::Note, fields(&[("title", "two\nlines"), ("text", "x")]), "control"),
            (Kind::Note, fields(&[("text", &"x".repeat(MAX_VALUE_BYTES + 1))]), "attachment"),
        ] {
            let error = kind.check(&wrong).expect_err(says).to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_value_is_plausible() {
        let ring =
            |size, system| Kind::RingSize.check(&fields(&[("size", size), ("system", system)]));
        for (size, system) in [
            ("52", "eu"),
            ("52.5", "eu"),
            ("52,25", "eu"),
            ("6", "us"),
            ("6 1/2", "us"),
            ("6½", "us"),
            ("L", "uk"),
            ("l 1/2", "uk"),
            ("Z+2", "uk"),
            ("12", "jp"),
        ] {
            assert_eq!(ring(size, system), Ok(()), "{size} {system}");
        }
        for (size, system) in [
            ("banana", "eu"),
            ("6", "eu"),
            ("52", "us"),
            ("L", "us"),
            ("521/2", "us"),
            ("-6", "us"),
            ("6.", "us"),
            ("52", "uk"),
            ("LL", "uk"),
            ("L+1", "uk"),
            ("0", "jp"),
        ] {
            assert!(ring(size, system).is_err(), "{size} {system}");
        }
        for email in ["nope", "@x", "x@", "a@b@c", "a b@c"] {
            assert!(Kind::Contact.check(&fields(&[("email", email)])).is_err(), "{email}");
        }
        // What is kept already stays readable.
        assert_eq!(Kind::Contact.check_form(&fields(&[("email", "nope")])), Ok(()));
    }

    #[test]
    fn a_card_is_not_its_token() {
        let token = |value| fields(&[("provider", "Stripe"), ("token", value)]);
        assert_eq!(Kind::PaymentToken.check(&token("pm_1QxYz42")), Ok(()));
        assert_eq!(Kind::PaymentToken.check(&token("4242 4242 4242 4241")), Ok(()));
        assert!(Kind::PaymentToken.check(&token("4242 4242 4242 4242")).is_err());
    }

    #[test]
    fn kinds_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert!("device".parse::<Kind>().is_ok());
        let error = "adress".parse::<Kind>().expect_err("no kind").to_string();
        assert!(error.contains("delivery-address") && !error.contains("device,"), "{error}");
    }
}
