//! What one profile remembers: a studio's keys, whom its person trusts, and the secrets of each
//! piece it has to do with. Kept in the sealed [state](crate::state).

use std::collections::BTreeMap;

use hallmark_core::{
    chain::ChainSecret,
    hash::Sha256,
    id::{Label, PieceId},
    key::{PublicKey, SigningKey},
    secret::Secret,
};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};

use crate::identity::device::DeviceKeys;
use crate::online::{Holdings, KnownService};
use crate::provenance::{
    hidden::Disclosure, minisign::WriterKey, piece::Domain, status::Standing, text::Text,
    trust::Pins, write::StudioKeys,
};

/// The state of one profile.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The keys of a studio, or of another party that signs: a laboratory, a repairer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub studio: Option<Studio>,
    /// Whom this person trusts.
    #[serde(default)]
    pub pins: Pins,
    /// Secrets by piece.
    #[serde(default)]
    pub pieces: BTreeMap<PieceId, PieceSecrets>,
    /// A person's account, and what waits to be sent to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdings: Option<Holdings>,
    /// The keys of a device that asks to be let in, until it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joining: Option<Joining>,
}

/// A device that asks to be let in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joining {
    /// Its keys.
    pub device: DeviceKeys,
    /// The service it asks at.
    pub service: KnownService,
}

/// A party that signs under its own name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Studio {
    /// The name it goes by.
    pub name: Text,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Text>,
    /// The domain that lists its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// The key that follows, whose secret is kept offline.
    pub successor: PublicKey,
    identity: Secret,
    writer: Secret,
    /// Keys that a successor took over from, oldest first: pieces made with them go on under them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former: Vec<Secret>,
}

impl Studio {
    /// A new studio; its successor's secret is returned and kept nowhere.
    pub fn found<R: CryptoRng + ?Sized>(
        name: Text,
        place: Option<Text>,
        domain: Option<Domain>,
        rng: &mut R,
    ) -> (Self, Secret) {
        let secret = Secret::generate(rng);
        let successor = SigningKey::from_seed(secret.expose()).public();
        let (identity, writer) = (Secret::generate(rng), Secret::generate(rng));
        let former = Vec::new();
        (Self { name, place, domain, successor, identity, writer, former }, secret)
    }

    /// Its signing keys.
    pub fn keys(&self) -> StudioKeys {
        StudioKeys {
            identity: SigningKey::from_seed(self.identity.expose()),
            writer: WriterKey::new(SigningKey::from_seed(self.writer.expose())),
        }
    }

    /// The signing key with this public half, if it is or was the studio's.
    pub fn key_of(&self, key: &PublicKey) -> Option<SigningKey> {
        let all = self.former.iter().chain([&self.identity]);
        all.map(|secret| SigningKey::from_seed(secret.expose()))
            .find(|secret| secret.public() == *key)
    }

    /// The key that the present one took over from last.
    pub fn predecessor(&self) -> Option<SigningKey> {
        self.former.last().map(|secret| SigningKey::from_seed(secret.expose()))
    }

    /// The successor takes over, whose secret this is, and names another, whose secret is returned and
    /// kept nowhere. `None` for a secret of another key.
    #[must_use]
    pub fn succeed<R: CryptoRng + ?Sized>(
        &self,
        secret: &Secret,
        rng: &mut R,
    ) -> Option<(Self, Secret)> {
        if SigningKey::from_seed(secret.expose()).public() != self.successor {
            return None;
        }
        let next = Secret::generate(rng);
        let mut studio = self.clone();
        studio.former.push(std::mem::replace(&mut studio.identity, secret.clone()));
        studio.successor = SigningKey::from_seed(next.expose()).public();
        Some((studio, next))
    }

    /// The key it is known by.
    pub fn public(&self) -> PublicKey {
        SigningKey::from_seed(self.identity.expose()).public()
    }
}

/// What this profile alone knows of a piece.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PieceSecrets {
    /// What a person calls the piece.
    pub title: Text,
    /// The secret of the places this profile provides in the custody chain.
    chain: ChainSecret,
    /// How many of those places were given out.
    places: u64,
    /// True from the moment these secrets are kept until the file they are for is written: an
    /// interrupted mint can be done again under the same identity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unminted: bool,
    /// The owner's key for this piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Secret>,
    /// Openings of hidden fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disclosures: Vec<Disclosure>,
    /// What this profile, being the studio, last said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
}

/// How far a studio's word went, and what it said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// How many events there were.
    pub events: u32,
    /// SHA-256 of the last one's file.
    pub head: Sha256,
    /// Whether the certificate stands.
    pub standing: Standing,
    /// Which file on this machine was being continued, in words of the caller's: until the new one
    /// is in its place, going on from that very file is doing the same again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl PieceSecrets {
    /// Fresh secrets for a piece.
    pub fn new<R: CryptoRng + ?Sized>(title: Text, rng: &mut R) -> Self {
        let chain = ChainSecret::generate(rng);
        Self {
            title,
            chain,
            places: 0,
            unminted: false,
            owner: None,
            disclosures: Vec::new(),
            word: None,
        }
    }

    /// Secrets of a piece that is about to be minted: its first two places are taken.
    pub fn unminted<R: CryptoRng + ?Sized>(title: Text, rng: &mut R) -> Self {
        Self { places: 2, unminted: true, ..Self::new(title, rng) }
    }

    /// The secret to mint with, the same at every try until one succeeds; `None` once the piece is
    /// minted. Keeps the openings of its hidden fields, those of earlier tries included.
    pub fn mint(&mut self, disclosures: &[Disclosure]) -> Option<ChainSecret> {
        self.unminted.then(|| {
            self.keep(disclosures);
            self.chain.clone()
        })
    }

    /// The file is written.
    pub fn finish_minting(&mut self) {
        self.unminted = false;
    }

    /// The label of a place never given out before.
    pub fn next_place(&mut self) -> Label {
        self.places += 1;
        self.chain.label(self.places)
    }

    /// True for the label of a place this profile gave out for the piece.
    pub fn gave_place(&self, label: &Label) -> bool {
        (1..=self.places).any(|n| self.chain.label(n) == *label)
    }

    /// Whether both are of one chain, and so were made on one device. The labels of a place are
    /// compared, which are nobody's secret.
    pub fn shares_chain(&self, other: &Self) -> bool {
        self.chain.label(1) == other.chain.label(1)
    }

    /// The owner's key for this piece, made on first use.
    pub fn owner_key<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> SigningKey {
        let secret = self.owner.get_or_insert_with(|| Secret::generate(rng));
        SigningKey::from_seed(secret.expose())
    }

    /// The owner's key, if this profile has made one.
    pub fn existing_owner_key(&self) -> Option<SigningKey> {
        self.owner.as_ref().map(|secret| SigningKey::from_seed(secret.expose()))
    }

    /// Keeps openings, each once.
    pub fn keep(&mut self, disclosures: &[Disclosure]) {
        for disclosure in disclosures {
            if !self.disclosures.contains(disclosure) {
                self.disclosures.push(disclosure.clone());
            }
        }
    }
}
