//! The whole [map](super::map) in memory, for who rebuilds all its roots: what was hashed once is hashed
//! again only where a label was added below it.
//!
//! In scope: labels, roots. Out of scope: lookups, and maps that are larger than memory.

use std::thread;

use hallmark_core::hash::Sha256;

use super::map::{Below, Placed, bit_of, halves, leaf_hash, node_hash};

/// A label that an earlier entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} takes the place of entry {first}, which is taken once")]
pub struct Twice {
    /// Index of the entry.
    pub index: u64,
    /// Index of the entry that has it.
    pub first: u64,
}

/// So many labels are laid by two threads, each with the labels that begin with one bit.
const FOR_TWO: usize = 1024;

/// All labels so far: about 120 bytes each.
#[derive(Debug, Clone, Default)]
pub struct Trie {
    left: Half,
    right: Half,
}

/// The labels that begin with one bit.
#[derive(Debug, Clone, Default)]
struct Half {
    labels: Vec<Placed>,
    forks: Vec<Fork>,
    top: Option<Side>,
}

/// Where labels part.
#[derive(Debug, Clone, Copy)]
struct Fork {
    /// The first bit in which they differ.
    bit: u8,
    left: Side,
    right: Side,
}

/// What is below one side of a fork, and its hash as seen from there.
#[derive(Debug, Clone, Copy)]
struct Side {
    to: Link,
    hash: Sha256,
}

/// A number in one of the lists.
#[derive(Debug, Clone, Copy)]
enum Link {
    Label(u32),
    Fork(u32),
}

/// Bits of a label.
const BITS: usize = 256;

impl Trie {
    /// Adds labels, in any order, and gives the root.
    ///
    /// # Errors
    /// [`Twice`], of the first entry whose label is taken. Nothing is to be added after it.
    ///
    /// # Panics
    /// For more than 2^32 labels.
    pub fn insert(&mut self, mut new: Vec<Placed>) -> Result<Sha256, Twice> {
        // By label, and of one label the first entry first.
        new.sort_unstable_by_key(|placed| (*placed.label.as_bytes(), placed.index));
        let mut twice = None;
        new.dedup_by(|next, one| {
            let is_same = next.label == one.label;
            if is_same {
                note(&mut twice, Twice { index: next.index, first: one.index });
            }
            is_same
        });
        let (on_left, on_right) = halves(&new, 0);
        let (left, right) = (&mut self.left, &mut self.right);
        let (among_left, among_right) = if new.len() < FOR_TWO {
            (left.insert(on_left), right.insert(on_right))
        } else {
            thread::scope(|scope| {
                let other = scope.spawn(|| right.insert(on_right));
                (left.insert(on_left), other.join().expect("laying labels does not panic"))
            })
        };
        [among_left, among_right].into_iter().flatten().for_each(|found| note(&mut twice, found));
        twice.map_or_else(|| Ok(self.root()), Err)
    }

    fn root(&self) -> Sha256 {
        let below = |half: &Half| match half.top {
            None => Below::Nothing,
            Some(Side { to: Link::Label(_), hash }) => Below::One(hash),
            Some(Side { to: Link::Fork(_), hash }) => Below::More(hash),
        };
        Below::of(below(&self.left), below(&self.right)).hash()
    }
}

impl Half {
    /// Adds sorted labels, and gives the first that is there already.
    fn insert(&mut self, new: &[Placed]) -> Option<Twice> {
        let mut twice = None;
        if !new.is_empty() {
            self.top = Some(self.lay(self.top, 1, new, &mut twice));
        }
        twice
    }

    /// Lays sorted labels over what is below `bit` bits that all of them have.
    fn lay(
        &mut self,
        held: Option<Side>,
        bit: usize,
        new: &[Placed],
        twice: &mut Option<Twice>,
    ) -> Side {
        let parts = self.parts_at(held, bit, new);
        if parts == BITS {
            return self.lay_one(held, new[0], twice);
        }
        let (on_left, on_right) = halves(new, parts);
        let (at, left, right) = match held {
            Some(Side { to: Link::Fork(at), .. })
                if usize::from(self.forks[at as usize].bit) == parts =>
            {
                let Fork { left, right, .. } = self.forks[at as usize];
                (Some(at), Some(left), Some(right))
            }
            Some(held) => {
                let held = self.sink(held, parts + 1);
                match bit_of(&self.any_of(held.to).label, parts) {
                    false => (None, Some(held), None),
                    true => (None, None, Some(held)),
                }
            }
            None => (None, None, None),
        };
        let mut side = |held: Option<Side>, new: &[Placed]| match held {
            Some(held) if new.is_empty() => held,
            held => self.lay(held, parts + 1, new, twice),
        };
        let (left, right) = (side(left, on_left), side(right, on_right));
        let hash = lift(node_hash(&left.hash, &right.hash), &new[0], bit..parts);
        let fork = Fork { bit: u8::try_from(parts).expect("a bit of a label"), left, right };
        let at = at.unwrap_or_else(|| {
            self.forks.push(fork);
            number(self.forks.len())
        });
        self.forks[at as usize] = fork;
        Side { to: Link::Fork(at), hash }
    }

    /// The first bit in which labels part that agree before `bit`; the number of bits if all are one.
    fn parts_at(&self, held: Option<Side>, bit: usize, new: &[Placed]) -> usize {
        let (first, last) = (&new[0], &new[new.len() - 1]);
        let of_held = match held.map(|held| held.to) {
            None => BITS,
            Some(to @ Link::Label(_)) => parts_at(first, &self.any_of(to)),
            Some(to @ Link::Fork(at)) => match usize::from(self.forks[at as usize].bit) {
                at_once if at_once == bit => return bit,
                later => later.min(parts_at(first, &self.any_of(to))),
            },
        };
        of_held.min(parts_at(first, last))
    }

    fn lay_one(&mut self, held: Option<Side>, new: Placed, twice: &mut Option<Twice>) -> Side {
        if let Some(held) = held {
            note(twice, Twice { index: new.index, first: self.any_of(held.to).index });
            return held;
        }
        self.labels.push(new);
        Side { to: Link::Label(number(self.labels.len())), hash: leaf_hash(&new) }
    }

    /// What is held, as seen from below `bit` bits instead of fewer.
    fn sink(&self, held: Side, bit: usize) -> Side {
        let Link::Fork(at) = held.to else { return held };
        let Fork { bit: parts, left, right } = &self.forks[at as usize];
        let node = node_hash(&left.hash, &right.hash);
        Side { hash: lift(node, &self.any_of(held.to), bit..usize::from(*parts)), ..held }
    }

    /// One of the labels there.
    fn any_of(&self, mut link: Link) -> Placed {
        loop {
            match link {
                Link::Label(at) => return self.labels[at as usize],
                Link::Fork(at) => link = self.forks[at as usize].left.to,
            }
        }
    }
}

/// The number of what was added last.
fn number(len: usize) -> u32 {
    u32::try_from(len - 1).expect("at most 2^32 labels")
}

fn note(twice: &mut Option<Twice>, found: Twice) {
    if twice.is_none_or(|known| found.index < known.index) {
        *twice = Some(found);
    }
}

/// The hash of what is alone below these bits, seen from the first of them.
fn lift(node: Sha256, label: &Placed, bits: std::ops::Range<usize>) -> Sha256 {
    let nothing = Below::Nothing.hash();
    bits.rev().fold(node, |node, bit| match bit_of(&label.label, bit) {
        false => node_hash(&node, &nothing),
        true => node_hash(&nothing, &node),
    })
}

fn parts_at(one: &Placed, other: &Placed) -> usize {
    let bytes = one.label.as_bytes().iter().zip(other.label.as_bytes());
    let differs = bytes.map(|(one, other)| one ^ other).position(|differs| differs != 0);
    differs.map_or(BITS, |at| {
        let byte = one.label.as_bytes()[at] ^ other.label.as_bytes()[at];
        at * 8 + byte.leading_zeros() as usize
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hallmark_core::id::Label;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::{
        super::map::{self, InMemory},
        *,
    };

    /// Labels that part early, and some that part late.
    fn labels(count: u64, random: &mut StdRng) -> Vec<Placed> {
        let mut label = [0; 32];
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        while (all.len() as u64) < count {
            let keep = if random.random_ratio(1, 3) { random.random_range(0..32) } else { 0 };
            random.fill(&mut label[keep..]);
            if random.random_ratio(1, 8) {
                label[random.random_range(0..32)] ^= 1 << random.random_range(0..8);
            }
            if seen.insert(label) {
                all.push(Placed { label: Label::from_bytes(label), index: all.len() as u64 });
            }
        }
        all
    }

    #[test]
    fn roots_are_those_of_the_pages() {
        let mut random = StdRng::seed_from_u64(7);
        for most in [900; 30].into_iter().chain([9_000; 5]) {
            let (mut trie, mut pages) = (Trie::default(), InMemory::new());
            assert_eq!(trie.insert(Vec::new()).unwrap(), Below::Nothing.hash());
            let all = labels(random.random_range(1..most), &mut random);
            let mut rest = all.as_slice();
            while !rest.is_empty() {
                let (now, later) =
                    rest.split_at(random.random_range(1..=rest.len().min(most as usize / 3)));
                let expected = map::insert(&mut pages, now.to_vec()).unwrap();
                assert_eq!(trie.insert(now.to_vec()).unwrap(), expected);
                rest = later;
            }
        }
    }

    #[test]
    fn the_first_label_that_is_taken_is_told() {
        let all = labels(300, &mut StdRng::seed_from_u64(8));
        for (at, first) in [(299, 298), (299, 0), (120, 7)] {
            let mut trie = Trie::default();
            let mut spoilt = all.clone();
            spoilt[at].label = spoilt[first].label;
            let (one, other) = spoilt.split_at(100);
            let told = trie.insert(one.to_vec()).and_then(|_| trie.insert(other.to_vec()));
            assert_eq!(told, Err(Twice { index: at as u64, first: first as u64 }));
        }
    }
}
