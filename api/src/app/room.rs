//! Who holds how much memory: bodies as they come in, answers until they have left.
//!
//! # Decisions
//!
//! - **Nobody takes it all.** Each key has a share, each account and each address a larger one, and all
//!   guests together an eighth.
//! - **A device list entry has a room that nothing else takes**, one of them for each key: a thief among the devices, or anybody
//!   with accounts of their own, keeps nobody from revoking or recovering by filling the other.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use hallmark_core::{
    account::{
        AccountId,
        exchange::{MAX_ANSWER_BYTES, PART_BYTES},
    },
    key::PublicKey,
};

use super::{App, AppError, Bucket, Role, Settings};
use crate::limit::{Full, Origin, Patience, Room, Share, Taken};

/// A body that takes longer than this and what its bytes take at [`LEAST_BYTES_PER_S`] makes room for
/// others where there is none.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a slow line sends: 2 Mbit/s.
const LEAST_BYTES_PER_S: u64 = 256 << 10;
/// What the guests of one address may hold, bytes: sixteen of their longest bodies.
const GUESTS_BYTES: u64 = 1 << 20;

/// Of its answers each key has so much of its own, whatever others of its account hold, bytes: one page
/// of a synchronisation, or a whole device list.
const PAGE_BYTES: u64 = 8 << 20;

/// Who holds room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A key of an account.
    Key(Bucket),
    /// All keys of an account.
    Account(AccountId),
    /// Whoever asks from there.
    Address(IpAddr),
    /// Whoever asks from there and is nothing to an account.
    GuestsOf(IpAddr),
    /// All who are nothing to an account.
    Guests,
}

/// Whose request it is.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// Who signed it.
    pub key: PublicKey,
    /// What that key is to the account it asks for.
    pub role: Role,
    /// Where it comes from, if that is known.
    pub origin: Option<Origin>,
}

/// The rooms there are.
#[derive(Debug)]
pub(super) struct Rooms {
    bodies: Room<Holder>,
    entries: Room<Holder>,
    answers: Room<Holder>,
    settings: Settings,
}

impl Rooms {
    pub(super) fn new(settings: &Settings) -> Self {
        let patience = Patience { time: PATIENCE, bytes_per_s: LEAST_BYTES_PER_S };
        Self {
            bodies: Room::new(settings.max_bodies_bytes, patience),
            entries: Room::new(settings.max_entry_bodies_bytes(), patience),
            answers: Room::new(settings.max_answers_bytes, patience),
            settings: settings.clone(),
        }
    }
}

impl Settings {
    /// The most bytes of bodies with device list entries that are in memory at once: a quarter of
    /// `max_bodies_bytes`, which they come on top of, and no less than one.
    pub(super) fn max_entry_bodies_bytes(&self) -> u64 {
        (self.max_bodies_bytes / 4).max(self.max_body_bytes)
    }
}

impl App {
    /// Room for a body that is about to come; `is_entry` for one that goes on with a device list.
    pub fn body_room(&self, asker: &Asker, is_entry: bool) -> Taken<Holder> {
        let settings = &self.rooms.settings;
        let now = Instant::now();
        if is_entry {
            if let Role::Own(account) = asker.role {
                self.calm.renew(account, &asker.key, now);
            }
            // No share of an account: a thief among the devices would take it, slowly. What is slow makes
            // way where there is no room.
            let key = Holder::Key(Bucket::of_any(&asker.key));
            let mut shares = vec![Share { holder: key, most_bytes: settings.max_body_bytes }];
            if let Some(Origin(from)) = asker.origin {
                let half = settings.max_entry_bodies_bytes().div_ceil(2);
                let most_bytes = half.max(settings.max_body_bytes);
                shares.push(Share { holder: Holder::Address(from), most_bytes });
            }
            return self.rooms.entries.begin(shares, now);
        }
        let largest = settings.max_body_bytes.max(PART_BYTES);
        let (two, four) = (largest.saturating_mul(2), largest.saturating_mul(4));
        let mut shares = asker.shares([two, four, four]);
        if asker.role == Role::Guest {
            shares = guest_shares(asker.origin, GUESTS_BYTES, settings.max_bodies_bytes / 8);
        }
        self.rooms.bodies.begin(shares, now)
    }

    /// Room for a body that nobody signs, from there.
    pub fn unsigned_room(&self, origin: Option<Origin>) -> Taken<Holder> {
        let most = self.rooms.settings.max_bodies_bytes / 8;
        self.rooms.bodies.begin(guest_shares(origin, GUESTS_BYTES, most), Instant::now())
    }

    /// Takes room for an answer of so many bytes to what nobody signed.
    ///
    /// # Errors
    /// [`AppError::NoRoom`] while others are being sent.
    pub fn unsigned_answer_room(
        &self,
        origin: Option<Origin>,
        bytes: u64,
    ) -> Result<Taken<Holder>, AppError> {
        let all = self.rooms.settings.max_answers_bytes;
        Ok(self.rooms.answers.take(guest_shares(origin, all / 16, all / 8), bytes)?)
    }

    /// Takes room for an answer of so many bytes.
    ///
    /// # Errors
    /// [`AppError::NoRoom`] while others are being sent.
    pub fn answer_room(&self, asker: &Asker, bytes: u64) -> Result<Taken<Holder>, AppError> {
        let all = self.rooms.settings.max_answers_bytes;
        let Role::Own(own) = asker.role else {
            let shares = guest_shares(asker.origin, all / 16, all / 8);
            return Ok(self.rooms.answers.take(shares, bytes)?);
        };
        let two = 2 * MAX_ANSWER_BYTES;
        let mut shares = asker.shares([MAX_ANSWER_BYTES, two, two]);
        self.rooms.answers.take(shares.clone(), bytes).or_else(|_| {
            // What other devices of the account take slowly keeps none from its next page.
            let key = Holder::Key(Bucket::of(own, &asker.key));
            shares.retain(|share| share.holder != Holder::Account(own));
            for share in shares.iter_mut().filter(|share| share.holder == key) {
                share.most_bytes = PAGE_BYTES;
            }
            Ok(self.rooms.answers.take(shares, bytes)?)
        })
    }
}

impl Asker {
    /// So much for the key, its account and its address.
    fn shares(&self, [key, account, address]: [u64; 3]) -> Vec<Share<Holder>> {
        let mut shares = Vec::with_capacity(3);
        let mut share = |holder, most_bytes| shares.push(Share { holder, most_bytes });
        if let Role::Own(own) = self.role {
            share(Holder::Key(Bucket::of(own, &self.key)), key);
            share(Holder::Account(own), account);
        }
        if let Some(Origin(from)) = self.origin {
            share(Holder::Address(from), address);
        }
        shares
    }
}

/// So much for the guests of an address, and for all guests.
fn guest_shares(origin: Option<Origin>, address: u64, all: u64) -> Vec<Share<Holder>> {
    let from = origin.map(|Origin(from)| Holder::GuestsOf(from));
    let from = from.map(|holder| Share { holder, most_bytes: address });
    from.into_iter().chain([Share { holder: Holder::Guests, most_bytes: all }]).collect()
}

impl From<Full> for AppError {
    fn from(_: Full) -> Self {
        Self::NoRoom
    }
}
