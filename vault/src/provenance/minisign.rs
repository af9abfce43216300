//! `SHA256SUMS` and its minisign signature (`FORMAT.md`, section 9).
//!
//! The signature covers bytes: it says that the sums are the ones the last writer wrote, and
//! nothing of who that was. The writer's public key stands in the untrusted comment, so that
//! `minisign -V` can be run with a key from the same file as a check of the bytes alone, or with a
//! key from elsewhere as a check of the writer.
//!
//! `signature = Ed25519(key, BLAKE2b-512(SHA256SUMS))` (minisign's prehashed `ED`),
//! `global = Ed25519(key, signature || trusted comment)`.

use blake2::{Blake2b512, Digest};
use data_encoding::BASE64;
use hallmark_core::{
    base64,
    hash::Sha256,
    id::PieceId,
    key::{PublicKey, Signature, SigningKey},
};

const KEY_ID_DOMAIN: &[u8] = b"hallmark/minisign-key-id/v1\0";
const UNTRUSTED: &str = "untrusted comment: hallmark/1 bytes written with ";
const TRUSTED: &str = "trusted comment: ";

/// A key that signs nothing but `SHA256SUMS`.
#[derive(Debug)]
pub struct WriterKey(SigningKey);

/// Why the signature of `SHA256SUMS` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MinisignError {
    /// Not the four lines of FORMAT.md.
    #[error("the minisign signature is not written as FORMAT.md has it")]
    Shape,
    /// The lines are in order, but the signature is not one over these sums.
    #[error("the minisign signature does not fit SHA256SUMS")]
    BadSignature,
}

impl WriterKey {
    /// Dedicates a key to this use.
    pub fn new(key: SigningKey) -> Self {
        Self(key)
    }

    /// The seed, for sealed storage alone.
    pub fn seed(&self) -> zeroize::Zeroizing<[u8; SigningKey::SEED_LEN]> {
        self.0.seed()
    }

    /// The public key as minisign writes it: 56 characters of base64.
    pub fn public_line(&self) -> String {
        public_line(&self.0.public())
    }

    /// The four lines of `SHA256SUMS.minisig`.
    pub fn sign(&self, sums: &[u8], piece: PieceId) -> String {
        let signature = self.0.sign_standard(&prehash(sums));
        let comment = trusted_comment(piece);
        let global = self.0.sign_standard(&[signature.as_bytes(), comment.as_bytes()].concat());
        let line = [b"ED", &key_id(&self.0.public())[..], signature.as_bytes()].concat();
        format!(
            "{UNTRUSTED}{}\n{}\n{TRUSTED}{comment}\n{}\n",
            self.public_line(),
            BASE64.encode(&line),
            BASE64.encode(global.as_bytes())
        )
    }
}

/// Checks the signature over `sums` for the file of `piece`, in its one spelling.
///
/// # Errors
/// [`MinisignError`].
pub fn verify(minisig: &[u8], sums: &[u8], piece: PieceId) -> Result<(), MinisignError> {
    let text = std::str::from_utf8(minisig).map_err(|_| MinisignError::Shape)?;
    let parsed = parse(text).ok_or(MinisignError::Shape)?;
    let comment = trusted_comment(piece);
    let global = [parsed.signature.as_bytes(), comment.as_bytes()].concat();
    let sound = parsed.comment == comment
        && parsed.key.verify_standard(&prehash(sums), &parsed.signature).is_ok()
        && parsed.key.verify_standard(&global, &parsed.global).is_ok();
    sound.then_some(()).ok_or(MinisignError::BadSignature)
}

struct Parsed<'a> {
    key: PublicKey,
    signature: Signature,
    comment: &'a str,
    global: Signature,
}

fn parse(text: &str) -> Option<Parsed<'_>> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let key = base64::decode(lines.next()?.strip_prefix(UNTRUSTED)?)?;
    let signature = base64::decode(lines.next()?)?;
    let comment = lines.next()?.strip_prefix(TRUSTED)?;
    let global = base64::decode(lines.next()?)?;
    if lines.next().is_some() {
        return None;
    }
    let key_bytes: &[u8; 32] = key.strip_prefix(b"Ed")?.get(8..)?.try_into().ok()?;
    let public = PublicKey::from_bytes(key_bytes).ok()?;
    let id = key_id(&public);
    if key[2..10] != id {
        return None;
    }
    let signature: [u8; 64] = signature.strip_prefix(b"ED")?.strip_prefix(&id)?.try_into().ok()?;
    Some(Parsed {
        key: public,
        signature: Signature::from_bytes(signature),
        comment,
        global: Signature::from_bytes(global.try_into().ok()?),
    })
}

/// The public key line of a minisign `.pub` file: `base64("Ed" || key id || key)`.
pub fn public_line(key: &PublicKey) -> String {
    BASE64.encode(&[b"Ed", &key_id(key)[..], key.as_bytes()].concat())
}

/// First 8 bytes of `SHA-256("hallmark/minisign-key-id/v1" || 0x00 || key)`.
fn key_id(key: &PublicKey) -> [u8; 8] {
    let hash = Sha256::of(&[KEY_ID_DOMAIN, key.as_bytes()].concat());
    let mut id = [0; 8];
    id.copy_from_slice(&hash.as_bytes()[..8]);
    id
}

fn trusted_comment(piece: PieceId) -> String {
    format!("hallmark/1 {piece}")
}

fn prehash(sums: &[u8]) -> [u8; 64] {
    Blake2b512::digest(sums).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece() -> PieceId {
        "urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab".parse().unwrap()
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let key = WriterKey::new(SigningKey::from_seed(&[3; 32]));
        let minisig = key.sign(b"sums", piece());
        assert_eq!(verify(minisig.as_bytes(), b"sums", piece()), Ok(()));
        assert_eq!(verify(minisig.as_bytes(), b"other", piece()), Err(MinisignError::BadSignature));
        for at in 0..minisig.len() * 8 {
            let mut changed = minisig.clone().into_bytes();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(verify(&changed, b"sums", piece()).is_err(), "bit {at}");
        }
    }

    #[test]
    fn another_writer_is_another_valid_signature_but_never_half_of_one() {
        let sign = |seed| WriterKey::new(SigningKey::from_seed(&[seed; 32])).sign(b"s", piece());
        let (a, b) = (sign(1), sign(2));
        let mixed: Vec<&str> = a.lines().take(2).chain(b.lines().skip(2)).collect();
        let mixed = format!("{}\n", mixed.join("\n"));
        assert_eq!(verify(mixed.as_bytes(), b"s", piece()), Err(MinisignError::BadSignature));
    }
}
