//! Kinds of items and the fields each has.

use std::collections::BTreeMap;

/// The longest value of a field, in bytes.
pub const MAX_VALUE_BYTES: usize = 8 << 10;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $title:literal, [$($field:literal $need:ident),*];)+) => {
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
                    $(Self::$name => &[$(Field { name: $field, need: Need::$need }),*]),+
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
    RingSize = "ring-size", "Ring size", ["size" Required, "system" Required, "finger" Optional, "note" Optional];
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
    /// The value is not one of those the field takes.
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
    /// Whether these are fields that an item of this kind has. A field that is empty is one that is
    /// not there, and is not given here.
    ///
    /// # Errors
    /// [`FieldError`], which repeats no value.
    pub fn check(self, fields: &BTreeMap<String, String>) -> Result<(), FieldError> {
        for (name, value) in fields {
            if !self.fields().iter().any(|field| field.name == name) {
                return Err(FieldError::NoField { kind: self, name: name.clone() });
            }
            if value.len() > MAX_VALUE_BYTES {
                let found_bytes = value.len();
                return Err(FieldError::TooLong { name: name.clone(), found_bytes });
            }
            let control = |c: char| c.is_control() && !(name == "text" && c == '\n');
            if value.is_empty() {
                return Err(FieldError::Empty { name: name.clone() });
            }
            if value.chars().any(control) {
                return Err(FieldError::Control { name: name.clone() });
            }
        }
        for field in self.fields() {
            if field.need == Need::Required && !fields.contains_key(field.name) {
                return Err(FieldError::Missing { kind: self, name: field.name });
            }
        }
        let mut one_of = self.fields().iter().filter(|field| field.need == Need::OneOf).peekable();
        if one_of.peek().is_some() && !one_of.any(|field| fields.contains_key(field.name)) {
            return Err(FieldError::NoneOf { kind: self });
        }
        self.check_values(fields)
    }

    fn check_values(self, fields: &BTreeMap<String, String>) -> Result<(), FieldError> {
        let fits = |name, expected, fits: &dyn Fn(&str) -> bool| match fields.get(name) {
            Some(value) if !fits(value) => Err(FieldError::Value { name, expected }),
            _ => Ok(()),
        };
        match self {
            Self::DeliveryAddress => {
                fits("country", "two letters, such as FR (ISO 3166-1)", &|value| {
                    value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase())
                })
            }
            Self::RingSize => fits("system", "one of eu, us, uk, jp", &|value| {
                ["eu", "us", "uk", "jp"].contains(&value)
            }),
            Self::PaymentToken => fits("token", PAYMENT_TOKEN, &|value| !is_card_number(value)),
            _ => Ok(()),
        }
    }
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
