//! Which states are looked at, and what was lost in them.

use std::{collections::HashSet, fmt, io, path::Path};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    disk::{Disk, Kept, fingerprint, write},
    recording::{Event, Recording, Sent},
};

/// Which states are looked at. At each cut: nothing unsynced kept, all of it, only names, only
/// contents; and, evenly spread where there are many changes, each first few of them, all but each
/// one, each one torn after those before it; and some by chance.
#[derive(Debug, Clone)]
pub struct Plan {
    /// A cut after every so many-th event.
    pub stride: usize,
    /// At most so many of each of the three kinds that go through the changes one by one.
    pub of_each: usize,
    /// So many by chance at each cut.
    pub by_chance: usize,
    /// Decides the chance.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { stride: 1, of_each: 6, by_chance: 6, seed: 1 }
    }
}

/// Something acknowledged that a state does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// How many events had happened.
    pub after: usize,
    /// What was not synced, in order, in the words of [`Recording::words`], and what became of it.
    pub unsynced: Vec<(String, Kept)>,
    /// What is wrong.
    pub wrong: String,
}

/// What came of a replay.
#[derive(Debug, Clone, Default)]
pub struct Replayed {
    /// Cuts.
    pub cuts: usize,
    /// States looked at, each different from every other or with more acknowledged.
    pub states: usize,
    /// The most acknowledged in one of them.
    pub acknowledged: usize,
    /// Those in which something was wrong.
    pub lost: Vec<Loss>,
}

impl Plan {
    /// Goes through the states of a recording. `acknowledgement` says what something sent
    /// acknowledged, if anything; `check` looks at each state, written to `place`, which it may
    /// change, and says what of all that was acknowledged before is not there.
    ///
    /// # Errors
    /// When a state cannot be written.
    pub fn replay<A>(
        &self,
        recording: &Recording,
        place: &Path,
        acknowledgement: impl FnMut(&Sent) -> Option<A>,
        mut check: impl FnMut(&Path, &[A]) -> Result<(), String>,
    ) -> io::Result<Replayed> {
        let mut acknowledgement = acknowledgement;
        let mut disk = Disk::new(&recording.before, &recording.folders);
        let mut rng = StdRng::seed_from_u64(self.seed);
        let (mut acknowledged, mut seen) = (Vec::new(), HashSet::new());
        let mut replayed = Replayed::default();
        for (after, (line, event)) in recording.events.iter().enumerate() {
            disk.play(*line, event);
            if let Event::Sent(sent) = event {
                acknowledged.extend(acknowledgement(sent));
            }
            if after % self.stride.max(1) != 0 {
                continue;
            }
            replayed.cuts += 1;
            for kept in self.choices(&disk, &mut rng) {
                let state = disk.state(&kept);
                if !seen.insert(fingerprint(&state, acknowledged.len())) {
                    continue;
                }
                write(&state, place)?;
                replayed.states += 1;
                if let Err(wrong) = check(place, &acknowledged) {
                    let words = disk.pending().map(|event| recording.words(event));
                    let unsynced = words.zip(kept).collect();
                    replayed.lost.push(Loss { after: after + 1, unsynced, wrong });
                }
            }
        }
        replayed.acknowledged = acknowledged.len();
        Ok(replayed)
    }

    fn choices(&self, disk: &Disk, rng: &mut StdRng) -> Vec<Vec<Kept>> {
        let count = disk.pending().len();
        let each = |kept: &dyn Fn(usize, &Event) -> Kept| -> Vec<Kept> {
            disk.pending().enumerate().map(|(at, event)| kept(at, event)).collect()
        };
        let when = |whole: bool| if whole { Kept::Whole } else { Kept::Lost };
        let is_name = |event: &Event| matches!(event, Event::Name { .. });
        let mut choices = vec![
            each(&|_, _| Kept::Lost),
            each(&|_, _| Kept::Whole),
            each(&|_, event| when(is_name(event))),
            each(&|_, event| when(!is_name(event))),
        ];
        for this in self.spread(count) {
            choices.push(each(&|at, _| when(at <= this)));
            choices.push(each(&|at, _| when(at != this)));
            choices.push(each(&|at, _| if at == this { Kept::Half } else { when(at < this) }));
        }
        for _ in 0..if count > 1 { self.by_chance } else { 0 } {
            let likely = f64::from(rng.random_range(1..10u8)) / 10.0;
            let one = |rng: &mut StdRng| match rng.random_bool(likely) {
                true if rng.random_bool(0.1) => Kept::Half,
                whole => when(whole),
            };
            choices.push((0..count).map(|_| one(rng)).collect());
        }
        choices
    }

    /// At most so many places among `count`, the last ones first: what was written last is what is
    /// not synced yet.
    fn spread(&self, count: usize) -> impl Iterator<Item = usize> {
        let step = count.div_ceil(self.of_each.max(1)).max(1);
        (0..count).rev().step_by(step)
    }
}

/// How many losses are written out, and how many changes of each.
const MOST_SHOWN: usize = 5;

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cuts, states, acknowledged, lost } = self;
        write!(
            f,
            "{states} states at {cuts} cuts, {acknowledged} acknowledged, {} lost",
            lost.len()
        )?;
        for loss in lost.iter().take(MOST_SHOWN) {
            write!(f, "\n  after event {}: {}", loss.after, loss.wrong)?;
            let gone: Vec<_> =
                loss.unsynced.iter().filter(|(_, kept)| *kept != Kept::Whole).collect();
            for (words, kept) in gone.iter().take(MOST_SHOWN) {
                let half = if *kept == Kept::Half { " (one half)" } else { "" };
                write!(f, "\n    not on the disk: {words}{half}")?;
            }
            if gone.len() > MOST_SHOWN {
                write!(f, "\n    and {} more", gone.len() - MOST_SHOWN)?;
            }
        }
        Ok(())
    }
}
