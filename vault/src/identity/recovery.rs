//! What the recovery secret derives.

use hallmark_core::{account::AccountId, key::SigningKey, recovery::RecoverySecret};

use super::WrapSecret;

const SIGN: &str = "hallmark/recovery-sign/v1";
const WRAP: &str = "hallmark/recovery-wrap/v1";

/// The keys of the paper: they find the account, override its device list, and open its root.
#[derive(Debug)]
pub struct RecoveryKeys {
    signing: SigningKey,
    wrap: WrapSecret,
}

impl RecoveryKeys {
    /// The keys that follow from a recovery secret.
    #[must_use]
    pub fn of(secret: &RecoverySecret) -> Self {
        Self {
            signing: SigningKey::from_seed(secret.derive(SIGN, b"").expose()),
            wrap: WrapSecret::new(secret.derive(WRAP, b"")),
        }
    }

    /// The account this is the recovery secret of: its locator at any service.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId::of(&self.signing.public())
    }

    /// Signs the first entry, and those that override.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Opens the root.
    #[must_use]
    pub fn wrap(&self) -> &WrapSecret {
        &self.wrap
    }
}
