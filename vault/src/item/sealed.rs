//! One version of an item, sealed, with its content key wrapped under the root.

use hallmark_core::{
    account::{
        AccountId, ItemId,
        exchange::{Base64, Record, WrappedKey},
    },
    seal::item::{Binding, Envelope, ItemError, ItemKey, seal, seal_with},
};
use rand_core::CryptoRng;

use super::Content;
use crate::identity::root::Root;

const CONTENT: &str = "hallmark/item/v1";
const KEY: &str = "hallmark/item-key/v1";

/// A record did not seal or open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Its key or its content does not open here, under this root, as this version.
    #[error(transparent)]
    Item(#[from] ItemError),
    /// It opens, but is no item.
    #[error("the item opens, but does not say what an item says")]
    Content,
}

/// Seals a version of an item.
///
/// # Errors
/// [`SealedError::Item`] for a content that is too long; [`SealedError::Content`] for one that no
/// device could read.
pub fn record<R: CryptoRng + ?Sized>(
    account: AccountId,
    item: ItemId,
    version: u64,
    content: &Content,
    root: &Root,
    rng: &mut R,
) -> Result<Record, SealedError> {
    let place = |purpose| binding(&account, &item, version, purpose);
    let plaintext = content.plaintext();
    if Content::read(&plaintext).is_none() {
        return Err(SealedError::Content);
    }
    let (key, envelope) = seal(&place(CONTENT), rng, &plaintext)?;
    let wrapped = seal_with(&root.item_wrap(), &place(KEY), rng, key.as_bytes())?;
    Ok(Record {
        item,
        version,
        key: Base64(wrapped.as_bytes().to_vec()),
        envelope: Base64(envelope.as_bytes().to_vec()),
    })
}

/// Opens a version of an item.
///
/// # Errors
/// [`SealedError`].
pub fn open(account: AccountId, record: &Record, root: &Root) -> Result<Content, SealedError> {
    let key = unwrapped(account, record, root)?;
    let place = binding(&account, &record.item, record.version, CONTENT);
    let plaintext = Envelope::parse(record.envelope.0.clone())?.open(&key, &place)?;
    Content::read(&plaintext).ok_or(SealedError::Content)
}

/// Whether a record opens.
#[must_use]
pub fn opens(account: AccountId, record: &Record, root: &Root) -> bool {
    open(account, record, root).is_ok()
}

/// The content key of a record, wrapped under another root. One that does not open, since a thief's
/// device spoiled it, is replaced by one that opens nothing: what cannot be read is no reason to keep
/// the thief on the account.
///
/// # Errors
/// [`SealedError::Item`], never met: a key fits its envelope.
pub fn rewrapped<R: CryptoRng + ?Sized>(
    account: AccountId,
    record: &Record,
    old: &Root,
    new: &Root,
    rng: &mut R,
) -> Result<WrappedKey, SealedError> {
    let key = unwrapped(account, record, old).unwrap_or_else(|_| ItemKey::generate(rng));
    let place = binding(&account, &record.item, record.version, KEY);
    let wrapped = seal_with(&new.item_wrap(), &place, rng, key.as_bytes())?;
    let key = Base64(wrapped.as_bytes().to_vec());
    Ok(WrappedKey { item: record.item, version: record.version, key })
}

fn unwrapped(account: AccountId, record: &Record, root: &Root) -> Result<ItemKey, SealedError> {
    let place = binding(&account, &record.item, record.version, KEY);
    let key = Envelope::parse(record.key.0.clone())?.open(&root.item_wrap(), &place)?;
    let key = key.as_slice().try_into().map_err(|_| ItemError::Malformed)?;
    Ok(ItemKey::from_bytes(key))
}

fn binding<'a>(
    account: &'a AccountId,
    item: &'a ItemId,
    version: u64,
    purpose: &'static str,
) -> Binding<'a> {
    Binding { account: account.as_bytes(), item: item.as_bytes(), version, purpose }
}
