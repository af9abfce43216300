//! The root of an account: 32 random bytes per epoch, and what follows from them.

use hallmark_core::{
    account::RootId,
    chain::ChainSecret,
    key::{PublicKey, SigningKey},
    seal::item::ItemKey,
    secret::Secret,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

const ID: &str = "hallmark/root-id/v1";
const ITEM_WRAP: &str = "hallmark/item-wrap/v1";
const PAIRWISE: &str = "hallmark/pairwise/v1";
const DEVICE_PLACES: &str = "hallmark/device-places/v1";
const DEVICE_SALTS: &str = "hallmark/device-salts/v1";

/// The root of one epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Root(Secret);

impl Root {
    /// A fresh root.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(Secret::generate(rng))
    }

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Which root this is, for those who may not know it.
    #[must_use]
    pub fn id(&self) -> RootId {
        let mut id = [0; RootId::LEN];
        id.copy_from_slice(&self.0.derive(ID, b"").expose()[..RootId::LEN]);
        RootId::from_bytes(id)
    }

    /// The secrets of the chain in the log that says which device lists there were under this root: of
    /// its places, and of its salts.
    #[must_use]
    pub fn device_chain(&self) -> (ChainSecret, ChainSecret) {
        let secret = |label| ChainSecret::from_secret(self.0.derive(label, b""));
        (secret(DEVICE_PLACES), secret(DEVICE_SALTS))
    }

    /// Wraps the content keys of items.
    #[must_use]
    pub fn item_wrap(&self) -> ItemKey {
        ItemKey::from_bytes(self.0.derive(ITEM_WRAP, b"").expose())
    }

    /// The identity under which this account deals with one studio or partner, and with nobody
    /// else. Another root gives another identity.
    #[must_use]
    pub fn pairwise(&self, controller: &PublicKey) -> SigningKey {
        SigningKey::from_seed(self.0.derive(PAIRWISE, controller.as_bytes()).expose())
    }
}
