//! Statements with a signature beside them.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    hash::Sha256,
    json,
    key::{Domain, KeyError, PublicKey, Signature, SigningKey},
};

/// What is signed: one JSON object, under its own label.
pub trait Statement: Serialize + DeserializeOwned {
    /// The label of its signatures.
    const DOMAIN: Domain;
    /// Whose signature it needs.
    fn by(&self) -> PublicKey;
}

/// A statement and the signature that came with it: not checked until [`Signed::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed<S> {
    statement: S,
    signature: Signature,
}

impl<S: Statement> Signed<S> {
    /// Signs a statement with the key it says it is by.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`] for another key.
    pub fn new(statement: S, key: &SigningKey) -> Result<Self, KeyError> {
        if key.public() != statement.by() {
            return Err(KeyError::BadSignature);
        }
        let signature = key.sign(S::DOMAIN, &canonical(&statement));
        Ok(Self { statement, signature })
    }

    /// The statement, if its signature is by the key it names. Whether that key may say this is for
    /// the caller to check.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`], for an integer that RFC 8785 rounds as well: its signature would be
    /// that of others.
    pub fn verify(&self) -> Result<&S, KeyError> {
        let bytes = canonical(&self.statement);
        json::parse(&bytes).map_err(|_| KeyError::BadSignature)?;
        self.statement.by().verify(S::DOMAIN, &bytes, &self.signature)?;
        Ok(&self.statement)
    }

    /// What it says, unverified: to look up where it belongs, never to believe it.
    pub fn claimed(&self) -> &S {
        &self.statement
    }

    /// `SHA-256(JCS(statement and signature))`, what the next one in a chain names.
    pub fn hash(&self) -> Sha256
    where
        S: Clone,
    {
        Sha256::of(&canonical(self))
    }
}

fn canonical(value: &impl Serialize) -> Vec<u8> {
    json::canonical(&serde_json::to_value(value).expect("our own types are JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Count {
        n: u64,
        by: PublicKey,
    }

    impl Statement for Count {
        const DOMAIN: Domain = Domain::new("hallmark/test-count/v1");
        fn by(&self) -> PublicKey {
            self.by
        }
    }

    /// 2^53 and 2^53 + 1 have one canonical form: a signature over it would be good for both.
    #[test]
    fn a_number_that_rounds_is_not_signed_by_anybody() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signed = |n| Signed::new(Count { n, by: key.public() }, &key).expect("its own key");
        let rounds = 1 << 53;
        assert_eq!(canonical(&signed(rounds).statement), canonical(&signed(rounds + 1).statement));
        assert!(signed(rounds).verify().is_err() && signed(rounds + 1).verify().is_err());
        assert_eq!(
            signed(rounds - 1).verify().expect("the last that is exact").n,
            json::MAX_INTEGER
        );
    }
}
