//! Identifiers: random or derived bytes with a type each, never a `type` alias.

/// Makes a newtype over `[u8; N]` with private bytes: `Debug`, `Display` and JSON as lower-case
/// hexadecimal, parsing that accepts nothing else, and ordering by bytes.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The value with these bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                data_encoding::HEXLOWER
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or($crate::id::IdError { what: stringify!($name) })
            }
        }

        $crate::text_in_json!($name);
    };
}
pub(crate) use id;

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}")]
pub struct IdError {
    /// The type that was expected.
    pub what: &'static str,
}

id! {
    /// The place of an entry in a private chain of the log: `SHA-256(domain || w)`, 32 bytes
    /// (design, section 5). Whoever knows it may look, not write.
    Label, 32
}

/// The random identity of a piece: a version 4 UUID (122 random bits), written
/// `urn:uuid:xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx` (RFC 9562) in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceId([u8; 16]);

impl PieceId {
    const PREFIX: &str = "urn:uuid:";

    /// A fresh identity.
    pub fn generate<R: rand_core::CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The UUID without its `urn:uuid:` prefix, 36 characters.
    pub fn uuid(&self) -> String {
        let hex = data_encoding::HEXLOWER.encode(&self.0);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }
}

impl std::fmt::Display for PieceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.uuid())
    }
}

impl std::fmt::Debug for PieceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PieceId({})", self.uuid())
    }
}

impl std::str::FromStr for PieceId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = IdError { what: "PieceId (urn:uuid:, version 4, lower case)" };
        let uuid = text.strip_prefix(Self::PREFIX).ok_or_else(|| wrong.clone())?;
        let hex: String = uuid.chars().filter(|c| *c != '-').collect();
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map_err(|_| wrong.clone())?;
        let id = Self(bytes.try_into().map_err(|_| wrong.clone())?);
        let canonical = id.uuid() == uuid && id.0[6] >> 4 == 4 && id.0[8] >> 6 == 2;
        canonical.then_some(id).ok_or(wrong)
    }
}

crate::text_in_json!(PieceId);

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::ChaCha20Rng};

    #[test]
    fn a_piece_id_reads_back_and_only_in_its_one_spelling() {
        let id = PieceId::generate(&mut ChaCha20Rng::seed_from_u64(7));
        let text = id.to_string();
        assert_eq!(text.parse::<PieceId>().expect("own spelling"), id);
        for wrong in [text.to_uppercase(), text.replace('-', ""), text[9..].to_owned()] {
            assert!(wrong.parse::<PieceId>().is_err(), "{wrong}");
        }
        let version_1 = format!("{}1{}", &text[..23], &text[24..]);
        assert!(version_1.parse::<PieceId>().is_err());
    }

    #[test]
    fn an_id_refuses_upper_case_and_other_lengths() {
        let label = Label::from_bytes([0xab; 32]);
        assert_eq!(label.to_string().parse::<Label>().expect("own spelling"), label);
        assert!(label.to_string().to_uppercase().parse::<Label>().is_err());
        assert!("abcd".parse::<Label>().is_err());
    }
}
