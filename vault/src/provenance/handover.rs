//! What two parties pass to each other on the way to an event that both sign (`FORMAT.md`,
//! section 7.4): the next owner's offer, and the draft that gathers signatures.

use std::collections::BTreeSet;

use hallmark_core::{
    base64,
    id::{Label, PieceId},
    json::{self, Value},
    key::{Domain, PublicKey, Signature, SigningKey},
};
use serde::{Deserialize, Serialize};

use super::{
    credential::{self, CredentialError, Signed},
    event::Event,
    hidden::Disclosure,
};

const OFFER: Domain = Domain::new("hallmark/owner-offer/v1");

/// The next owner's key for a piece and the place it provides in the custody chain, signed by that
/// key under `hallmark/owner-offer/v1` so that nobody can offer a key that is not theirs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offer {
    hallmark: String,
    /// The piece.
    pub id: PieceId,
    /// The next owner's key for this piece alone.
    pub owner: PublicKey,
    /// Where the event after the change of hands will stand.
    pub next_label: Label,
    signature: String,
}

/// An event on its way between the parties that sign it, with the openings of its hidden fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    hallmark: String,
    /// The event's credential with the proofs it has so far.
    pub event: Value,
    /// Openings of its hidden fields, for the parties alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disclosures: Vec<Disclosure>,
}

/// Why an offer or a draft is refused.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Not such a file at all.
    #[error("not {what}, as `hallmark piece {command}` writes it")]
    Shape {
        /// What was expected.
        what: &'static str,
        /// The command that writes one.
        command: &'static str,
    },
    /// The offer is not signed by the key it names.
    #[error("the offer is not signed by the key it offers; ask the buyer for a new one")]
    Signature,
    /// The event in the draft does not verify.
    #[error("the draft's event: {source}")]
    Event {
        /// What was wrong.
        #[from]
        source: CredentialError,
    },
    /// The draft does not open exactly what its event hides.
    #[error("the draft hides something it does not show you; do not sign it")]
    Disclosure,
}

impl Offer {
    /// An offer by `owner` for `piece`.
    pub fn new(id: PieceId, owner: &SigningKey, next_label: Label) -> Self {
        let mut offer = Self {
            hallmark: "offer/1".into(),
            id,
            owner: owner.public(),
            next_label,
            signature: String::new(),
        };
        let signature = owner.sign(OFFER, &offer.signed_bytes());
        offer.signature = data_encoding::BASE64.encode(signature.as_bytes());
        offer
    }

    /// Reads and verifies an offer.
    ///
    /// # Errors
    /// [`HandoverError::Shape`] or [`HandoverError::Signature`].
    pub fn open(bytes: &[u8]) -> Result<Self, HandoverError> {
        let wrong = || HandoverError::Shape { what: "an offer", command: "offer" };
        let value = json::parse(bytes).map_err(|_| wrong())?;
        let offer: Self = serde_json::from_value(value).map_err(|_| wrong())?;
        let signature = base64::decode(&offer.signature)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Signature::from_bytes)
            .filter(|_| offer.hallmark == "offer/1")
            .ok_or_else(wrong)?;
        offer
            .owner
            .verify(OFFER, &offer.signed_bytes(), &signature)
            .map_err(|_| HandoverError::Signature)?;
        Ok(offer)
    }

    /// `JCS({hallmark, id, nextLabel, owner})`.
    fn signed_bytes(&self) -> Vec<u8> {
        json::canonical(&serde_json::json!({
            "hallmark": self.hallmark,
            "id": self.id,
            "nextLabel": self.next_label,
            "owner": self.owner,
        }))
    }
}

impl Draft {
    /// A draft of a signed event.
    pub fn new(event: Value, disclosures: Vec<Disclosure>) -> Self {
        Self { hallmark: "draft/1".into(), event, disclosures }
    }

    /// Reads a draft, verifies the proofs its event has so far, and that it opens every field the
    /// event hides: nobody signs what they were not shown.
    ///
    /// # Errors
    /// [`HandoverError`].
    pub fn open(bytes: &[u8]) -> Result<(Self, Signed<Event>), HandoverError> {
        let wrong = || HandoverError::Shape { what: "a draft", command: "event --draft" };
        let value = json::parse(bytes).map_err(|_| wrong())?;
        let draft: Self = serde_json::from_value(value).map_err(|_| wrong())?;
        if draft.hallmark != "draft/1" {
            return Err(wrong());
        }
        let event: Signed<Event> = credential::open_value(draft.event.clone())?;
        let hidden = event.subject().hidden.clone().unwrap_or_default();
        let sound =
            |disclosure: &Disclosure| hidden.opens(disclosure) && disclosure.field().is_ok();
        // Whoever signs has seen every hidden field: as many openings, all of them different.
        let opened: BTreeSet<&str> = draft.disclosures.iter().map(Disclosure::as_str).collect();
        if opened.len() != hidden.len() || !draft.disclosures.iter().all(sound) {
            return Err(HandoverError::Disclosure);
        }
        Ok((draft, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_only_good_from_the_one_who_holds_the_key() {
        let id = "urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ab".parse().unwrap();
        let key = SigningKey::from_seed(&[4; 32]);
        let offer = Offer::new(id, &key, Label::from_bytes([1; 32]));
        let json = serde_json::to_value(&offer).unwrap();
        assert!(Offer::open(json.to_string().as_bytes()).is_ok());
        for (field, value) in [
            ("owner", SigningKey::from_seed(&[5; 32]).public().to_string()),
            ("nextLabel", Label::from_bytes([2; 32]).to_string()),
            ("id", "urn:uuid:5e3f1c9a-3b1d-4f6e-8a2b-0123456789ac".into()),
        ] {
            let mut changed = json.clone();
            changed[field] = value.into();
            let error = Offer::open(changed.to_string().as_bytes()).unwrap_err();
            assert!(matches!(error, HandoverError::Signature), "{field}");
        }
        assert!(Offer::open(b"{}").is_err());
    }
}
