//! Replaying the chain of events: who may sign what, and what the piece's life has come to
//! (`FORMAT.md`, section 7.2).

use std::collections::BTreeSet;

use hallmark_core::{hash::Sha256, id::Label, key::PublicKey, time::Timestamp};

use super::{
    credential::Signed,
    event::{Event, Kind, MAX_EVENT_CLAIMS},
    piece::Piece,
};

/// The longest a theft report counts without renewal, days.
pub const THEFT_REPORT_MAX_DAYS: u32 = 366;

/// Why an event does not belong where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The event names an earlier predecessor that already has a successor.
    #[error("event {sequence} has the same predecessor as event {rival}: the chain is forked")]
    Forked {
        /// This event.
        sequence: u32,
        /// The one that already follows that predecessor.
        rival: u32,
    },
    /// The event does not name the file before it.
    #[error("event {sequence} does not follow the one before it")]
    Broken {
        /// This event.
        sequence: u32,
    },
    /// The event was signed for another piece.
    #[error("event {sequence} belongs to another piece")]
    OtherPiece {
        /// This event.
        sequence: u32,
    },
    /// Not signed by exactly the parties that this kind of event needs.
    #[error("event {sequence} ({kind}) needs the signature of {needs}, and of nobody else")]
    Signers {
        /// This event.
        sequence: u32,
        /// Its kind.
        kind: &'static str,
        /// The parties.
        needs: &'static str,
    },
    /// An event that cannot happen at this point of the piece's life.
    #[error("event {sequence} ({kind}) cannot happen here: {why}")]
    NotHere {
        /// This event.
        sequence: u32,
        /// Its kind.
        kind: &'static str,
        /// What stands against it.
        why: &'static str,
    },
    /// A field that this kind must have, or must not.
    #[error("event {sequence} ({kind}): {field} is missing, or should not be there")]
    Field {
        /// This event.
        sequence: u32,
        /// Its kind.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
}

impl ChainError {
    /// True where signed events were cut, reordered, mixed or forged; false where an event is not
    /// what FORMAT.md says an event is.
    pub fn is_tampering(&self) -> bool {
        !matches!(self, Self::Field { .. })
    }
}

/// A theft report that was not answered by a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theft {
    /// When it was signed; before, it does not count.
    pub from: Timestamp,
    /// Until when it counts.
    pub until: Timestamp,
}

impl Theft {
    /// True while the report counts. One dated ahead does not count before its date, or no date
    /// would be far enough away to bound it.
    pub fn counts_at(&self, now: Timestamp) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

/// The life of a piece as far as its events tell.
#[derive(Debug, Clone)]
pub struct Custody {
    studio: PublicKey,
    owner: PublicKey,
    next_label: Label,
    labels: BTreeSet<Label>,
    hashes: Vec<Sha256>,
    last_at: Timestamp,
    stolen: Option<Theft>,
    destroyed: bool,
    unconfirmed_transfer: bool,
}

impl Custody {
    /// Before the first event: the studio holds the piece.
    pub fn begin(
        studio: PublicKey,
        piece: &Piece,
        manifest_sha256: Sha256,
        issued: Timestamp,
    ) -> Self {
        Self {
            studio,
            owner: studio,
            next_label: piece.first_label,
            labels: BTreeSet::from([piece.first_label]),
            hashes: vec![manifest_sha256],
            last_at: issued,
            stolen: None,
            destroyed: false,
            unconfirmed_transfer: false,
        }
    }

    /// The key that may dispose of the piece now.
    pub fn owner(&self) -> PublicKey {
        self.owner
    }

    /// True while the studio itself holds the piece.
    pub fn with_studio(&self) -> bool {
        self.owner == self.studio
    }

    /// Where the next event will stand in the custody chain.
    pub fn next_label(&self) -> Label {
        self.next_label
    }

    /// Number of events so far.
    pub fn events(&self) -> u32 {
        u32::try_from(self.hashes.len() - 1).unwrap_or(u32::MAX)
    }

    /// SHA-256 of the last event's file, or of the manifest before the first.
    pub fn head(&self) -> Sha256 {
        self.hashes[self.hashes.len() - 1]
    }

    /// SHA-256 of the manifest.
    pub fn manifest_hash(&self) -> Sha256 {
        self.hashes[0]
    }

    /// SHA-256 of the file of event `sequence`; of the manifest for 0.
    pub fn hash(&self, sequence: u32) -> Option<Sha256> {
        self.hashes.get(sequence as usize).copied()
    }

    /// The latest date on the manifest and on the events that are not a visitor's.
    pub fn latest(&self) -> Timestamp {
        self.last_at
    }

    /// The theft report that stands, if one does.
    pub fn stolen(&self) -> Option<Theft> {
        self.stolen
    }

    /// True once it is no more.
    pub fn destroyed(&self) -> bool {
        self.destroyed
    }

    /// True when the last transfer does not carry the studio's signature.
    pub fn unconfirmed_transfer(&self) -> bool {
        self.unconfirmed_transfer
    }

    /// Takes the next event, whose file hashes to `sha256`.
    ///
    /// # Errors
    /// [`ChainError`]; the custody is then unchanged.
    pub fn follow(
        &mut self,
        event: &Signed<Event>,
        sha256: Sha256,
        piece: &Piece,
    ) -> Result<(), ChainError> {
        let sequence = self.events() + 1;
        let by_visitor = self.is_by_visitor(event);
        self.check_place(event, sequence, piece)?;
        self.check_fields(event, sequence, piece)?;
        self.check_signers(event, sequence)?;

        let subject = event.subject();
        match subject.kind {
            Kind::Sold | Kind::Transferred => {
                self.owner = subject.owner.unwrap_or(self.owner);
                self.unconfirmed_transfer =
                    subject.kind == Kind::Transferred && event.signers().all(|k| k != self.studio);
            }
            Kind::Returned => {
                self.owner = self.studio;
                self.unconfirmed_transfer = false;
            }
            Kind::ReportedStolen => {
                let from = event.credential().valid_from;
                self.stolen = subject.until.map(|until| Theft { from, until });
            }
            Kind::Recovered => self.stolen = None,
            Kind::Destroyed => self.destroyed = true,
            Kind::Made | Kind::Set | Kind::Inspected | Kind::Serviced => {}
        }
        let at = event.credential().valid_from;
        self.hashes.push(sha256);
        if !by_visitor {
            self.next_label = subject.next_label;
            self.labels.insert(subject.next_label);
            self.last_at = at;
        }
        Ok(())
    }

    /// Whether this is the next event as far as can be told before all have signed: everything but
    /// who signed.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn check_draft(&self, event: &Signed<Event>, piece: &Piece) -> Result<(), ChainError> {
        let sequence = self.events() + 1;
        self.check_place(event, sequence, piece)?;
        self.check_fields(event, sequence, piece)
    }

    /// True for what anybody may add who does not hold the piece: such an event takes no place in the
    /// custody chain and sets no date for what follows, so that nobody but the holder can decide who
    /// speaks next.
    fn is_by_visitor(&self, event: &Signed<Event>) -> bool {
        let open = matches!(event.subject().kind, Kind::Set | Kind::Inspected | Kind::Serviced);
        open && event.signers().all(|key| key != self.owner)
    }

    fn check_place(
        &self,
        event: &Signed<Event>,
        sequence: u32,
        piece: &Piece,
    ) -> Result<(), ChainError> {
        let subject = event.subject();
        if subject.id != piece.id {
            return Err(ChainError::OtherPiece { sequence });
        }
        if subject.previous != self.head() {
            let earlier = self.hashes.iter().position(|hash| *hash == subject.previous);
            return Err(match earlier {
                Some(at) => ChainError::Forked { sequence, rival: at as u32 + 1 },
                None => ChainError::Broken { sequence },
            });
        }
        let next_place = if self.is_by_visitor(event) {
            subject.next_label == self.next_label
        } else {
            !self.labels.contains(&subject.next_label)
        };
        let in_order = subject.sequence == sequence
            && subject.label == self.next_label
            && next_place
            && event.credential().valid_from >= self.last_at;
        if !in_order {
            return Err(ChainError::Broken { sequence });
        }
        Ok(())
    }

    fn check_fields(
        &self,
        event: &Signed<Event>,
        sequence: u32,
        piece: &Piece,
    ) -> Result<(), ChainError> {
        let subject = event.subject();
        let kind = subject.kind;
        let changes_owner = matches!(kind, Kind::Sold | Kind::Transferred);
        let report_matches = subject.setting.as_ref().is_none_or(|setting| {
            let stone = piece.stones.get(setting.stone as usize);
            stone.is_some_and(|stone| {
                setting.report.as_ref() == stone.report.as_ref().map(|report| &report.number)
            })
        });
        let from = event.credential().valid_from;
        let until_fits = match subject.until {
            None => kind != Kind::ReportedStolen,
            Some(until) => {
                kind == Kind::ReportedStolen
                    && until > from
                    && until <= from.plus_days(THEFT_REPORT_MAX_DAYS)
            }
        };
        let (step, disposition) = kind.cbv();
        let wrong = [
            ("owner", subject.owner.is_some() == changes_owner),
            ("resumeLabel", subject.resume_label.is_none() || kind == Kind::Transferred),
            ("setting", subject.setting.is_some() == (kind == Kind::Set)),
            ("the stone or report of the setting", report_matches),
            ("until", until_fits),
            ("bizStep", subject.biz_step.as_deref() == step),
            ("disposition", subject.disposition.as_deref() == disposition),
            ("claims", subject.claims.len() <= MAX_EVENT_CLAIMS),
            ("warranties", subject.warranties.len() <= MAX_EVENT_CLAIMS),
            ("hidden", subject.hidden.as_ref().is_none_or(|hidden| hidden.check().is_ok())),
        ];
        match wrong.into_iter().find(|(_, right)| !right) {
            Some((field, _)) => Err(ChainError::Field { sequence, kind: kind.name(), field }),
            None => Ok(()),
        }
    }

    fn check_signers(&self, event: &Signed<Event>, sequence: u32) -> Result<(), ChainError> {
        let subject = event.subject();
        let kind = subject.kind;
        let not_here = |why| Err(ChainError::NotHere { sequence, kind: kind.name(), why });
        if self.destroyed {
            return not_here("the piece was destroyed");
        }
        if (kind == Kind::Made) != (sequence == 1) {
            return not_here("a piece is made once, and first");
        }
        let signers: Vec<PublicKey> = event.signers().collect();
        let new_owner = subject.owner.unwrap_or(self.owner);
        let (needs, signed) = match kind {
            Kind::Made => ("the studio", signers == [self.studio]),
            Kind::Set | Kind::Inspected | Kind::Serviced => {
                ("the one who did it", signers.len() == 1)
            }
            Kind::Sold if !self.with_studio() => return not_here("the studio does not hold it"),
            Kind::Sold if new_owner == self.studio => {
                return not_here("the studio cannot sell to itself");
            }
            Kind::Sold => ("the studio and the new owner", signers == [self.studio, new_owner]),
            Kind::Returned if self.with_studio() => return not_here("the studio already holds it"),
            Kind::Returned => ("the owner and the studio", signers == [self.owner, self.studio]),
            Kind::Recovered if self.stolen.is_none() => {
                return not_here("it was not reported stolen");
            }
            Kind::ReportedStolen | Kind::Recovered | Kind::Destroyed => {
                ("the owner", signers == [self.owner])
            }
            Kind::Transferred if self.with_studio() => {
                return not_here("the studio sells, it does not transfer");
            }
            Kind::Transferred if new_owner == self.owner || new_owner == self.studio => {
                return not_here("the new owner must be another");
            }
            Kind::Transferred => (
                "the owner and the next owner (and the studio, where it confirms)",
                signers == [self.owner, new_owner]
                    || signers == [self.owner, new_owner, self.studio],
            ),
        };
        signed.then_some(()).ok_or(ChainError::Signers { sequence, kind: kind.name(), needs })
    }
}
