//! Hidden fields: salted digests that are disclosed one by one, in the terms of SD-JWT (RFC 9901,
//! sections 4.2.1, 4.2.3 and 4.2.4.1).
//!
//! `digest = base64url(SHA-256(ASCII(disclosure)))`,
//! `disclosure = base64url(JSON array [salt, name, value])`, 128-bit salts, digests sorted.

use data_encoding::BASE64URL_NOPAD;
use hallmark_core::{
    hash::Sha256,
    json::{self, Value},
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::text;

/// The most hidden fields of one document.
pub const MAX_FIELDS: usize = 64;

/// The digests that stand in a signed document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    #[serde(rename = "_sd")]
    digests: Vec<String>,
    #[serde(rename = "_sd_alg")]
    algorithm: String,
}

/// A field taken out of hiding: `base64url([salt, name, value])`. Whoever has it can prove the
/// value; whoever has not cannot guess it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure(String);

impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disclosure(secret)")
    }
}

/// Why hidden fields or a disclosure are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HiddenError {
    /// The digests are not as FORMAT.md has them.
    #[error("hidden fields must be sorted, distinct sha-256 digests, at most {MAX_FIELDS}")]
    Shape,
    /// Not a disclosure at all.
    #[error(
        "not a disclosure: one line of letters and digits, as `hallmark piece disclose` wrote it"
    )]
    NotADisclosure,
}

/// A disclosed field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name, such as `price`.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Hidden {
    /// Hides fields, each under a fresh salt; gives the digests and one disclosure per field in
    /// the order given.
    ///
    /// # Errors
    /// [`HiddenError::Shape`] for more than [`MAX_FIELDS`].
    pub fn hide<R: CryptoRng + ?Sized>(
        fields: &[Field],
        rng: &mut R,
    ) -> Result<(Self, Vec<Disclosure>), HiddenError> {
        let disclosures: Vec<Disclosure> = fields
            .iter()
            .map(|field| {
                let mut salt = [0; 16];
                rng.fill_bytes(&mut salt);
                let salt = BASE64URL_NOPAD.encode(&salt);
                let array =
                    Value::Array(vec![salt.into(), field.name.clone().into(), field.value.clone()]);
                Disclosure(BASE64URL_NOPAD.encode(&json::canonical(&array)))
            })
            .collect();
        let mut digests: Vec<String> = disclosures.iter().map(Disclosure::digest).collect();
        digests.sort_unstable();
        let hidden = Self { digests, algorithm: "sha-256".into() };
        hidden.check()?;
        Ok((hidden, disclosures))
    }

    /// Checks the shape after reading.
    ///
    /// # Errors
    /// [`HiddenError::Shape`].
    pub fn check(&self) -> Result<(), HiddenError> {
        let sound = self.algorithm == "sha-256"
            && (1..=MAX_FIELDS).contains(&self.digests.len())
            && self.digests.is_sorted_by(|a, b| a < b)
            && self.digests.iter().all(|digest| {
                BASE64URL_NOPAD.decode(digest.as_bytes()).is_ok_and(|bytes| bytes.len() == 32)
            });
        sound.then_some(()).ok_or(HiddenError::Shape)
    }

    /// How many fields are hidden.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// True when nothing is hidden; a checked document never has that.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// True when this disclosure opens one of the fields hidden here.
    pub fn opens(&self, disclosure: &Disclosure) -> bool {
        self.digests.contains(&disclosure.digest())
    }
}

impl Disclosure {
    /// The line a person hands on.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The field it discloses.
    ///
    /// # Errors
    /// [`HiddenError::NotADisclosure`].
    pub fn field(&self) -> Result<Field, HiddenError> {
        let bytes =
            BASE64URL_NOPAD.decode(self.0.as_bytes()).map_err(|_| HiddenError::NotADisclosure)?;
        match json::parse(&bytes) {
            Ok(Value::Array(parts)) => match parts.as_slice() {
                [Value::String(_), Value::String(name), value]
                    if text::is_plain(name) && text::all_plain(value) =>
                {
                    Ok(Field { name: name.clone(), value: value.clone() })
                }
                _ => Err(HiddenError::NotADisclosure),
            },
            _ => Err(HiddenError::NotADisclosure),
        }
    }

    fn digest(&self) -> String {
        BASE64URL_NOPAD.encode(Sha256::of(self.0.as_bytes()).as_bytes())
    }
}

impl std::str::FromStr for Disclosure {
    type Err = HiddenError;
    fn from_str(text: &str) -> Result<Self, HiddenError> {
        let disclosure = Self(text.trim().to_owned());
        disclosure.field().map(|_| disclosure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::ChaCha20Rng};

    fn fields() -> Vec<Field> {
        vec![
            Field { name: "price".into(), value: serde_json::json!({"amountMinor": 189000}) },
            Field { name: "buyer".into(), value: "Ines".into() },
        ]
    }

    #[test]
    fn each_field_opens_alone_and_only_where_it_was_hidden() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (hidden, disclosures) = Hidden::hide(&fields(), &mut rng).unwrap();
        let (other, _) = Hidden::hide(&fields(), &mut rng).unwrap();
        for (disclosure, field) in disclosures.iter().zip(fields()) {
            assert!(hidden.opens(disclosure));
            assert!(!other.opens(disclosure), "another salt");
            assert_eq!(disclosure.field().unwrap(), field);
            assert_eq!(disclosure.as_str().parse::<Disclosure>().unwrap(), *disclosure);
        }
    }

    /// RFC 9901, section 4.2.1: the digest of the example disclosure.
    #[test]
    fn the_example_of_the_specification() {
        let disclosure = Disclosure(
            "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0".into(),
        );
        assert_eq!(disclosure.digest(), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
        assert_eq!(disclosure.field().unwrap().name, "family_name");
    }

    #[test]
    fn unsorted_repeated_or_short_digests_are_refused() {
        let (good, _) = Hidden::hide(&fields(), &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let mut swapped = good.clone();
        swapped.digests.reverse();
        let mut twice = good.clone();
        twice.digests[1] = twice.digests[0].clone();
        let mut short = good.clone();
        short.digests[0].truncate(42);
        let mut algorithm = good.clone();
        algorithm.algorithm = "md5".into();
        for bad in [swapped, twice, short, algorithm, Hidden::default()] {
            assert_eq!(bad.check(), Err(HiddenError::Shape));
        }
        assert!(good.check().is_ok());
    }

    #[test]
    fn a_disclosure_is_not_shown_by_accident() {
        let (_, disclosures) = Hidden::hide(&fields(), &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        assert_eq!(format!("{:?}", disclosures[0]), "Disclosure(secret)");
    }
}
