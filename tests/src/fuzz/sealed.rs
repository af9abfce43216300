//! What is encrypted or signed: bytes from a store, and bytes that the key's own holder sealed in a
//! shape they should not have. Random bytes never get past a tag, so each target also seals what
//! it is given.

use std::{
    convert::Infallible,
    fs,
    io::Cursor,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use ed25519_dalek::{Signer, SigningKey};
use hallmark_core::{
    hash::Sha256,
    httpsig::{ContentDigest, HttpSigError, KeyId, Target, Unverified, Window},
    recovery::{RecoverySecret, WORDS},
    seal::{
        blob::{BlobKey, BlobReader, Purpose, Work, blob_len, memory, raw, stream},
        item::{self, BUCKETS, Binding, Envelope, ItemKey},
    },
};
use hallmark_vault::{
    profile::Profile,
    provenance::handover::{Draft, Offer},
    state::{Passphrase, ProfileName, StateError, Store},
};
use rand_core::{TryCryptoRng, TryRng};

/// Opens the seeds.
pub const KEY: [u8; 32] = [7; 32];
/// What the seeds of [`envelope`] are bound to.
pub const BINDING: Binding<'static> =
    Binding { account: b"account", item: b"item", version: 3, purpose: "hallmark/item/v1/address" };
/// When the seeds of [`request`] were signed, in Unix seconds.
pub const SIGNED_AT: i64 = 1_700_000_000;

/// A sealed blob, through every door that opens one; then one whose plaintext is these bytes.
pub fn blob(bytes: &[u8]) {
    doors(bytes);
    let (key, context) = (BlobKey::from_bytes(&KEY), Purpose::FILE.label().as_bytes());
    let sealed =
        raw::seal(&key, context, &mut Replay(&[1, 2, 3]), bytes, &Work::alone()).expect("short");
    let opened = raw::open(&key, context, &sealed, &Work::alone()).expect("own writing");
    assert_eq!(opened, bytes);
    let content = doors(&sealed);
    // one framing for each content: its length, itself, and zeros to the size that belongs to it
    if let Some(content) = &content {
        let len = (content.len() as u64).to_be_bytes();
        assert_eq!(blob_len(content.len() as u64).expect("short"), sealed.len() as u64);
        let rest = bytes.strip_prefix(&len).and_then(|rest| rest.strip_prefix(content.as_slice()));
        assert!(rest.expect("framed").iter().all(|&byte| byte == 0));
    }
}

/// All doors answer alike.
fn doors(blob: &[u8]) -> Option<Vec<u8>> {
    let key = BlobKey::from_bytes(&KEY);
    let content = memory::open(&key, Purpose::FILE, blob, &Work::alone());
    let mut streamed = Vec::new();
    let stream = stream::open(&key, Purpose::FILE, &mut Cursor::new(blob), &mut streamed);
    assert_eq!(stream.is_ok(), content.is_ok());
    let reader = BlobReader::new(&key, Purpose::FILE, blob.len() as u64, blob);
    let content = content.ok()?;
    assert_eq!(streamed, content);
    assert_eq!(stream.expect("opened"), content.len() as u64);
    let reader = reader.expect("opened in memory");
    let len = content.len() as u64;
    assert_eq!(reader.content_len(), len);
    assert_eq!(reader.read(len / 3..len).expect("within"), content[content.len() / 3..]);
    assert!(reader.read(0..len + 1).is_err());
    Some(content)
}

/// A sealed item: of the seed's shape, or not at all; then these bytes as content, which come back,
/// and with one bit changed do not.
pub fn envelope(bytes: &[u8]) {
    let key = ItemKey::from_bytes(&KEY);
    if let Ok(envelope) = Envelope::parse(bytes.to_vec()) {
        assert_eq!(envelope.as_bytes(), bytes);
        if let Ok(content) = envelope.open(&key, &BINDING) {
            let salt: &[u8] = &bytes[4..36];
            let again = item::seal_with(&key, &BINDING, &mut Replay(salt), &content).expect("fits");
            assert_eq!(again, envelope);
        }
    }
    let Ok(envelope) = item::seal_with(&key, &BINDING, &mut Replay(&[1, 2, 3]), bytes) else {
        assert!(bytes.len() > item::MAX_CONTENT_LEN);
        return;
    };
    let len = envelope.as_bytes().len();
    assert!(BUCKETS.contains(&(len - 84)) && len - 84 >= bytes.len());
    assert_eq!(*envelope.open(&key, &BINDING).expect("own writing"), bytes);
    let mut changed = envelope.as_bytes().to_vec();
    let bit =
        bytes.iter().fold(0, |sum: usize, &byte| (sum * 31 + usize::from(byte)) % 9973) % (len * 8);
    changed[bit / 8] ^= 1 << (bit % 8);
    let opened = Envelope::parse(changed).and_then(|envelope| envelope.open(&key, &BINDING));
    assert!(opened.is_err());
}

/// A signed request, as lines: `Content-Digest`, `Signature-Input`, `Signature`, then method,
/// authority, path and query.
///
/// Whatever headers are accepted, a signature over exactly their text is accepted with them: there
/// is one spelling, and nothing that is read is left out of what is signed.
pub fn request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (digest, input, signature) = (line(), line(), line());
    if let Ok(key_id) = KeyId::new(input) {
        assert_eq!(key_id.as_str(), input);
    }
    let target = Target::new(line(), line(), line(), Some(line()));
    if let Ok(target) = &target {
        let query = target.query().strip_prefix('?').expect("a query begins with it");
        let again = Target::new(target.method(), target.authority(), target.path(), Some(query));
        assert_eq!(again.as_ref(), Ok(target));
        for part in [target.method(), target.authority(), target.path(), target.query()] {
            assert!(part.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
    let Ok(signed_digest) = ContentDigest::parse(digest) else { return };
    assert_eq!(signed_digest.header_value(), digest);
    let Ok(unverified) = Unverified::parse(digest, input, signature) else { return };
    let Ok(target) = target else { return };
    let claimed = unverified.claimed_key_id().clone();
    let key = SigningKey::from_bytes(&KEY);
    let public = key.verifying_key();
    // of any age
    let window = Window { past_s: u32::MAX, future_s: u32::MAX };
    let created = match unverified.clone().verify(&public, &target, &signed_digest, 0, window) {
        Ok(verified) => verified.created(),
        Err(HttpSigError::OutsideWindow { created, .. }) => created,
        Err(_) => SIGNED_AT,
    };
    let base = format!(
        "\"@method\": {}\n\"@authority\": {}\n\"@path\": {}\n\"@query\": {}\n\
         \"content-digest\": {digest}\n\"@signature-params\": {}",
        target.method(),
        target.authority(),
        target.path(),
        target.query(),
        input.strip_prefix("hm=").expect("our label"),
    );
    let ours = data_encoding::BASE64.encode(&key.sign(base.as_bytes()).to_bytes());
    let verified = Unverified::parse(digest, input, &format!("hm=:{ours}:"))
        .expect("only the signature changed")
        .verify(&public, &target, &signed_digest, created, window)
        .expect("signed over what is in the header");
    assert_eq!(verified.key_id(), &claimed);
    let own = unverified.verify(&public, &target, &signed_digest, created, window);
    assert_eq!(own.is_ok(), signature == format!("hm=:{ours}:"));
}

/// A recovery code, as people type it; and the code of any secret, which reads back.
pub fn recovery_code(bytes: &[u8]) {
    if let Ok(typed) = std::str::from_utf8(bytes)
        && let Ok(secret) = RecoverySecret::parse(typed)
    {
        let words = secret.words();
        assert_eq!(typed.split_whitespace().count(), WORDS);
        for (typed, word) in typed.split_whitespace().zip(words.iter()) {
            let typed = typed.to_ascii_lowercase();
            assert!(word == typed || typed.len() >= 4 && word.starts_with(&typed));
        }
    }
    if let Some(bytes) = bytes.first_chunk() {
        let secret = RecoverySecret::from_bytes(bytes);
        let code: Vec<&str> = secret.words().iter().collect();
        let again = RecoverySecret::parse(&code.join(" ")).expect("own writing");
        assert_eq!(again.as_bytes(), bytes);
    }
}

/// The state file up to where the passphrase enters, as it is and with its checksum made to fit:
/// opened as another profile than it names, so that no key is ever derived for it. It is refused,
/// and left as it was.
pub fn state_file(bytes: &[u8]) {
    const CHECKSUM_AT: usize = 236;
    refused(bytes);
    let mut forged = bytes.to_vec();
    if forged.len() >= CHECKSUM_AT + 32 {
        let checksum = Sha256::of(&forged[..CHECKSUM_AT]);
        forged[CHECKSUM_AT..CHECKSUM_AT + 32].copy_from_slice(checksum.as_bytes());
        refused(&forged);
    }
}

fn refused(bytes: &[u8]) {
    let named = bytes.get(16..48).unwrap_or_default();
    let profile: ProfileName =
        if named.starts_with(b"fuzz") { "other" } else { "fuzz" }.parse().expect("a name");
    let home = Home::new(&profile);
    let path = home.0.join(profile.as_str()).join("state.hallmark");
    fs::write(&path, bytes).expect("the temporary folder takes a file");
    let passphrase = Passphrase::new("fuzz").expect("a passphrase");
    match Store::<Profile>::open(&home.0, &profile, &passphrase) {
        Err(StateError::OtherProfile { found, .. }) => {
            let name = found.as_str().as_bytes();
            assert!(named.starts_with(name) && named[name.len()..].iter().all(|&byte| byte == 0));
        }
        Err(
            StateError::Truncated { .. }
            | StateError::Damaged { .. }
            | StateError::Newer { .. }
            | StateError::Cost { .. },
        ) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&path).expect("left where it was"), bytes);
}

/// The name of a profile; and what is inside the state file, which its own key holder may have written by another version: what
/// is read is written in one spelling, and that is read as the same.
pub fn profile(bytes: &[u8]) {
    super::in_one_spelling::<ProfileName>(bytes);
    let Ok(profile) = serde_json::from_slice::<Profile>(bytes) else { return };
    let written = serde_json::to_vec(&profile).expect("a profile is JSON");
    let again: Profile = serde_json::from_slice(&written).expect("own writing");
    assert_eq!(serde_json::to_vec(&again).expect("a profile is JSON"), written);
    if let Some(studio) = &profile.studio {
        assert_eq!(studio.public(), studio.keys().identity.public());
    }
}

/// What two parties pass to each other: an offer, or a draft. Neither is taken with a field changed.
pub fn handover(bytes: &[u8]) {
    if let Ok(offer) = Offer::open(bytes) {
        let mut changed = serde_json::to_value(&offer).expect("an offer is JSON");
        assert!(Offer::open(&serde_json::to_vec(&changed).expect("JSON")).is_ok());
        changed["nextLabel"] = "00".repeat(32).into();
        assert!(Offer::open(&serde_json::to_vec(&changed).expect("JSON")).is_err());
    }
    if let Ok((draft, event)) = Draft::open(bytes) {
        assert!(event.signers().next().is_some());
        let written = serde_json::to_vec(&draft).expect("a draft is JSON");
        assert!(Draft::open(&written).is_ok());
        let hidden = event.subject().hidden.as_ref().map_or(0, |hidden| hidden.len());
        assert!(draft.disclosures.len() >= hidden);
    }
}

/// A home folder with one empty profile, gone when dropped.
struct Home(PathBuf);

impl Home {
    fn new(profile: &ProfileName) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("hallmark-fuzz-{}-{count}", process::id()));
        fs::create_dir_all(home.join(profile.as_str())).expect("the temporary folder takes one");
        Self(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // at worst a folder is left behind
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Draws these bytes, again and again: nothing sealed here is secret.
struct Replay<'a>(&'a [u8]);

impl TryRng for Replay<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("sealing draws bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("sealing draws bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().zip(self.0.iter().cycle()).for_each(|(byte, &drawn)| *byte = drawn);
        Ok(())
    }
}

impl TryCryptoRng for Replay<'_> {}
