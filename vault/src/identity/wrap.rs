//! Roots wrapped to devices and to the recovery key by HPKE (RFC 9180).

use hallmark_core::{
    account::{
        AccountId, RootId, WrapKey,
        device_list::{Device, DeviceList},
        exchange::{Base64, Recipient, Wrap, Wraps},
    },
    secret::Secret,
};
use hpke::{
    Deserializable, Kem as _, OpModeR, OpModeS, Serializable, aead::ChaCha20Poly1305,
    kdf::HkdfSha256, kem::X25519HkdfSha256, single_shot_open, single_shot_seal_with_rng,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::root::Root;

type Kem = X25519HkdfSha256;
type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
type PublicKey = <Kem as hpke::Kem>::PublicKey;
type EncappedKey = <Kem as hpke::Kem>::EncappedKey;

const INFO: &[u8] = b"hallmark/root-wrap/v1\0";

/// What a key pair for wraps is derived from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WrapSecret(Secret);

/// A root did not wrap or unwrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// A recipient's key is no X25519 key that can be wrapped to.
    #[error("the root cannot be wrapped to one of the keys")]
    Recipient,
    /// There is no wrap for this key.
    #[error("the root is not wrapped to this key")]
    Missing,
    /// The newest entry of the list does not name these wraps.
    #[error("the wrapped root is not the one that the device list names")]
    NotNamed,
    /// The wrap does not open, or opens to another root than the entry names.
    #[error("the wrapped root does not open, or is another one")]
    Unopened,
}

impl WrapSecret {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The key that others wrap to.
    #[must_use]
    pub fn public(&self) -> WrapKey {
        let (_, public) = self.key_pair();
        WrapKey::from_bytes(public.to_bytes().into())
    }

    fn key_pair(&self) -> (PrivateKey, PublicKey) {
        Kem::derive_keypair(self.0.expose())
    }

    /// The root that `wraps` has for the holder of this secret.
    ///
    /// # Errors
    /// [`WrapError::Missing`], [`WrapError::Unopened`].
    pub fn unwrap(&self, wraps: &Wraps, to: Recipient) -> Result<Root, WrapError> {
        let wrap = wraps.wraps.iter().find(|wrap| wrap.to == to).ok_or(WrapError::Missing)?;
        let enc = EncappedKey::from_bytes(&wrap.enc.0).map_err(|_| WrapError::Unopened)?;
        let info = info(wraps.account, wraps.epoch, wraps.root, to);
        let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &self.key_pair().0,
            &enc,
            &info,
            &wrap.sealed.0,
            b"",
        )
        .map(Zeroizing::new)
        .map_err(|_| WrapError::Unopened)?;
        let bytes = opened.as_slice().try_into().map_err(|_| WrapError::Unopened)?;
        let root = Root::from_bytes(bytes);
        if root.id() == wraps.root { Ok(root) } else { Err(WrapError::Unopened) }
    }
}

/// A root for each device and for the recovery key.
///
/// # Errors
/// [`WrapError::Recipient`].
pub(super) fn wrap_to_all<R: CryptoRng + ?Sized>(
    root: &Root,
    account: AccountId,
    epoch: u64,
    devices: &[Device],
    recovery: &WrapKey,
    rng: &mut R,
) -> Result<Wraps, WrapError> {
    let recipients = devices
        .iter()
        .map(|device| (Recipient::Device(device.key), &device.wrap))
        .chain([(Recipient::Recovery, recovery)]);
    let id = root.id();
    let wraps = recipients
        .map(|(to, key)| {
            let key = PublicKey::from_bytes(key.as_bytes()).map_err(|_| WrapError::Recipient)?;
            let (enc, sealed) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
                &OpModeS::Base,
                &key,
                &info(account, epoch, id, to),
                root.expose(),
                b"",
                &mut &mut *rng,
            )
            .map_err(|_| WrapError::Recipient)?;
            Ok(Wrap { to, enc: Base64(enc.to_bytes().to_vec()), sealed: Base64(sealed) })
        })
        .collect::<Result<_, WrapError>>()?;
    Ok(Wraps { account, epoch, root: id, wraps })
}

/// The root that `wraps` has for a listed device, if the newest entry of `list` names these wraps.
///
/// # Errors
/// [`WrapError`].
pub(super) fn open_for(
    list: &DeviceList,
    wraps: &Wraps,
    secret: &WrapSecret,
    to: Recipient,
) -> Result<Root, WrapError> {
    if !wraps.belong_to(list) {
        return Err(WrapError::NotNamed);
    }
    secret.unwrap(wraps, to)
}

fn info(account: AccountId, epoch: u64, root: RootId, to: Recipient) -> Vec<u8> {
    let mut info = INFO.to_vec();
    info.extend(account.as_bytes());
    info.extend(epoch.to_be_bytes());
    info.extend(root.as_bytes());
    match to {
        Recipient::Device(key) => {
            info.push(1);
            info.extend(key.as_bytes());
        }
        Recipient::Recovery => info.push(0),
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_core::key::SigningKey;
    use rand::{SeedableRng, rngs::StdRng};

    fn device(n: u8) -> (WrapSecret, Device) {
        let wrap = WrapSecret::new(Secret::from_bytes(&[n; 32]));
        let key = SigningKey::from_seed(&[n; 32]).public();
        (wrap.clone(), Device { key, wrap: wrap.public() })
    }

    #[test]
    fn a_root_opens_for_whom_it_is_wrapped_and_where() {
        let mut rng = StdRng::seed_from_u64(1);
        let account = AccountId::from_bytes([1; 32]);
        let ((one, first), (two, second), (paper, recovery)) = (device(1), device(2), device(3));
        let root = Root::generate(&mut rng);
        let wraps =
            wrap_to_all(&root, account, 4, &[first, second], &recovery.wrap, &mut rng).unwrap();
        let [to_one, to_two] = [first, second].map(|device| Recipient::Device(device.key));
        for (secret, to) in [(&one, to_one), (&two, to_two), (&paper, Recipient::Recovery)] {
            assert_eq!(secret.unwrap(&wraps, to).unwrap().expose(), root.expose());
        }
        assert_eq!(one.unwrap(&wraps, to_two).unwrap_err(), WrapError::Unopened);
        let other = Recipient::Device(recovery.key);
        assert_eq!(paper.unwrap(&wraps, other).unwrap_err(), WrapError::Missing);
        for spoiled in [
            Wraps { account: AccountId::from_bytes([2; 32]), ..wraps.clone() },
            Wraps { epoch: 5, ..wraps.clone() },
            Wraps { root: RootId::from_bytes([0; 16]), ..wraps.clone() },
        ] {
            assert_eq!(one.unwrap(&spoiled, to_one).unwrap_err(), WrapError::Unopened);
        }
        let mut swapped = wraps.clone();
        let second_wrap = swapped.wraps[1].clone();
        swapped.wraps[0] = Wrap { to: to_one, ..second_wrap };
        assert_eq!(one.unwrap(&swapped, to_one).unwrap_err(), WrapError::Unopened);
    }

    #[test]
    fn what_is_no_key_is_not_wrapped_to() {
        let mut rng = StdRng::seed_from_u64(1);
        let root = Root::generate(&mut rng);
        let zero = WrapKey::from_bytes([0; 32]);
        let wrapped = wrap_to_all(&root, AccountId::from_bytes([1; 32]), 0, &[], &zero, &mut rng);
        assert_eq!(wrapped.unwrap_err(), WrapError::Recipient);
    }
}
