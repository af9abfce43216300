//! The keys of this device. They never leave it.

use hallmark_core::{account::device_list::Device, key::SigningKey, secret::Secret};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use super::WrapSecret;

/// One device's keys, in sealed local state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceKeys {
    sign: Secret,
    wrap: WrapSecret,
}

impl DeviceKeys {
    /// Fresh keys.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self { sign: Secret::generate(rng), wrap: WrapSecret::new(Secret::generate(rng)) }
    }

    /// Signs requests, manifests and device list entries.
    #[must_use]
    pub fn signing(&self) -> SigningKey {
        SigningKey::from_seed(self.sign.expose())
    }

    /// Opens what is wrapped to this device.
    #[must_use]
    pub fn wrap(&self) -> &WrapSecret {
        &self.wrap
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> Device {
        Device { key: self.signing().public(), wrap: self.wrap.public() }
    }
}
