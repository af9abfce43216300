//! The map from label to place in the log: a function of the log alone, so that anybody who has the
//! log can say what its root has to be (`consent/FORMAT.md`, section 4).
//!
//! A binary trie over the 256 bits of a label, most significant first. What lies below a prefix is
//! nothing (32 zero bytes), or one label (`SHA-256(0x02 || label || index)`, index as 8 bytes
//! big-endian), wherever it lies below, or else `SHA-256(0x03 || left || right)` of the two halves.
//! So a label is as deep as it takes to tell it from all others.
//!
//! It is kept in [pages](Pages): one holds up to 64 labels below a prefix of whole hexadecimal digits,
//! or what the 16 prefixes that are one digit longer come to. Pages are how it is stored, and change
//! no hash.

use std::{collections::HashMap, sync::Arc};

use hallmark_core::{hash::Sha256, id::Label};
use serde::{Deserialize, Serialize};

/// The most labels of one page.
pub const PAGE_LABELS: usize = 64;
/// The longest proof: one hash for each bit of a label.
pub const MAX_PROOF_LEN: usize = 256;
/// Digits of a label.
const DIGITS: usize = 64;
/// Bits of a digit.
const DIGIT_BITS: usize = 4;

/// The first hexadecimal digits of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    digits: [u8; 32],
    len: u8,
}

impl Prefix {
    /// No digit: all labels.
    pub const ROOT: Self = Self { digits: [0; 32], len: 0 };

    /// Its bytes: how many digits, and the digits, two a byte, the last byte filled with zero.
    pub fn to_bytes(&self) -> Vec<u8> {
        let len = usize::from(self.len);
        [&[self.len], &self.digits[..len.div_ceil(2)]].concat()
    }

    fn child(mut self, digit: usize) -> Self {
        let at = usize::from(self.len);
        let digit = u8::try_from(digit).expect("a digit");
        self.digits[at / 2] |= if at.is_multiple_of(2) { digit << 4 } else { digit };
        self.len += 1;
        self
    }
}

/// A label and its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// The label.
    pub label: Label,
    /// Index of its entry.
    pub index: u64,
}

/// What lies below a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// No label.
    Nothing,
    /// One label, with its hash.
    One(Sha256),
    /// More, with their hash.
    More(Sha256),
}

impl Below {
    /// The hash of it.
    pub fn hash(&self) -> Sha256 {
        match self {
            Self::Nothing => Sha256::from_bytes([0; 32]),
            Self::One(hash) | Self::More(hash) => *hash,
        }
    }

    pub(super) fn of(left: Self, right: Self) -> Self {
        match (left, right) {
            (Self::Nothing, one @ (Self::Nothing | Self::One(_))) => one,
            (one @ Self::One(_), Self::Nothing) => one,
            (left, right) => Self::More(node_hash(&left.hash(), &right.hash())),
        }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Labels, sorted, at most [`PAGE_LABELS`].
    Labels(Vec<Placed>),
    /// What lies below each next digit.
    Digits(Box<[Below; 16]>),
}

/// Bytes that are no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a page of the map")]
pub struct PageError;

impl Page {
    /// About how many bytes of memory it takes.
    pub fn size_bytes(&self) -> usize {
        let inside = match self {
            Self::Labels(labels) => labels.capacity() * size_of::<Placed>(),
            Self::Digits(digits) => size_of_val(&**digits),
        };
        inside + 2 * size_of::<(Prefix, Self)>()
    }

    /// Its bytes: `0x00` and 40 bytes a label, or `0x01` and 33 bytes a digit.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Labels(labels) => {
                let mut bytes = vec![0];
                for placed in labels {
                    bytes.extend(placed.label.as_bytes());
                    bytes.extend(placed.index.to_be_bytes());
                }
                bytes
            }
            Self::Digits(digits) => {
                let mut bytes = vec![1];
                for below in digits.iter() {
                    bytes.push(match below {
                        Below::Nothing => 0,
                        Below::One(_) => 1,
                        Below::More(_) => 2,
                    });
                    bytes.extend(below.hash().as_bytes());
                }
                bytes
            }
        }
    }

    /// Reads a page of our own.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PageError> {
        match bytes.split_first().ok_or(PageError)? {
            (0, rest) => {
                let (labels, rest) = rest.as_chunks::<40>();
                let labels: Vec<Placed> = labels.iter().map(placed).collect();
                let sorted =
                    labels.is_sorted_by(|one, next| one.label.as_bytes() < next.label.as_bytes());
                let good = rest.is_empty() && sorted && labels.len() <= PAGE_LABELS;
                good.then_some(Self::Labels(labels)).ok_or(PageError)
            }
            (1, rest) => {
                let (digits, rest) = rest.as_chunks::<33>();
                let digits: Option<Vec<Below>> = digits.iter().map(below).collect();
                let digits = digits.and_then(|digits| digits.try_into().ok());
                digits.filter(|_| rest.is_empty()).map(Self::Digits).ok_or(PageError)
            }
            _ => Err(PageError),
        }
    }

    /// What the whole page comes to, `depth` digits below the root.
    fn below(&self, depth: usize) -> Below {
        match self {
            Self::Labels(labels) => labels_below(labels, depth * DIGIT_BITS),
            Self::Digits(digits) => digits_below(&**digits),
        }
    }
}

fn placed(bytes: &[u8; 40]) -> Placed {
    let (label, index) = bytes.split_at(32);
    Placed {
        label: Label::from_bytes(label.try_into().expect("32 bytes")),
        index: u64::from_be_bytes(index.try_into().expect("8 bytes")),
    }
}

fn below(bytes: &[u8; 33]) -> Option<Below> {
    let hash = Sha256::from_bytes(bytes[1..].try_into().expect("32 bytes"));
    match bytes[0] {
        0 => (hash == Below::Nothing.hash()).then_some(Below::Nothing),
        1 => Some(Below::One(hash)),
        2 => Some(Below::More(hash)),
        _ => None,
    }
}

/// What sorted labels that agree in their first `bit` bits come to.
fn labels_below(labels: &[Placed], bit: usize) -> Below {
    match labels {
        [] => Below::Nothing,
        [one] => Below::One(leaf_hash(one)),
        _ => {
            let (left, right) = halves(labels, bit);
            Below::of(labels_below(left, bit + 1), labels_below(right, bit + 1))
        }
    }
}

fn digits_below(digits: &[Below]) -> Below {
    match digits {
        [one] => *one,
        _ => {
            let (left, right) = digits.split_at(digits.len() / 2);
            Below::of(digits_below(left), digits_below(right))
        }
    }
}

pub(super) fn halves(labels: &[Placed], bit: usize) -> (&[Placed], &[Placed]) {
    labels.split_at(labels.partition_point(|placed| !bit_of(&placed.label, bit)))
}

/// Bit number `at` of a label, the most significant being 0.
pub(super) fn bit_of(label: &Label, at: usize) -> bool {
    label.as_bytes()[at / 8] >> (7 - at % 8) & 1 == 1
}

fn digit_of(label: &Label, at: usize) -> usize {
    let byte = label.as_bytes()[at / 2];
    usize::from(if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 })
}

pub(super) fn leaf_hash(placed: &Placed) -> Sha256 {
    let mut bytes = [2; 41];
    bytes[1..33].copy_from_slice(placed.label.as_bytes());
    bytes[33..].copy_from_slice(&placed.index.to_be_bytes());
    Sha256::of(&bytes)
}

pub(super) fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    let mut bytes = [3; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    Sha256::of(&bytes)
}

/// Where pages are kept: in memory, or on a disk.
pub trait Pages {
    /// Why a page could not be read or kept.
    type Error;

    /// The page of a prefix; `None` if none was ever kept.
    ///
    /// # Errors
    /// [`Pages::Error`].
    fn page(&mut self, prefix: Prefix) -> Result<Option<Arc<Page>>, Self::Error>;

    /// Keeps a page in place of what was there.
    ///
    /// # Errors
    /// [`Pages::Error`].
    fn keep(&mut self, prefix: Prefix, page: Arc<Page>) -> Result<(), Self::Error>;
}

/// Pages in memory.
pub type InMemory = HashMap<Prefix, Arc<Page>>;

impl Pages for InMemory {
    type Error = std::convert::Infallible;

    fn page(&mut self, prefix: Prefix) -> Result<Option<Arc<Page>>, Self::Error> {
        Ok(self.get(&prefix).cloned())
    }

    fn keep(&mut self, prefix: Prefix, page: Arc<Page>) -> Result<(), Self::Error> {
        self.insert(prefix, page);
        Ok(())
    }
}

/// Adds labels that are not there yet, and gives the root. Labels that are there keep their place:
/// the first one counts.
///
/// # Errors
/// [`Pages::Error`].
pub fn insert<P: Pages>(pages: &mut P, mut new: Vec<Placed>) -> Result<Sha256, P::Error> {
    new.sort_by(|one, other| {
        let key = |placed: &Placed| (*placed.label.as_bytes(), placed.index);
        key(one).cmp(&key(other))
    });
    new.dedup_by_key(|placed| placed.label);
    Ok(insert_below(pages, Prefix::ROOT, &new)?.hash())
}

fn insert_below<P: Pages>(pages: &mut P, at: Prefix, new: &[Placed]) -> Result<Below, P::Error> {
    let depth = usize::from(at.len);
    let held = pages.page(at)?;
    let mut digits = match held.as_deref() {
        Some(Page::Digits(digits)) => digits.clone(),
        _ => Box::new([Below::Nothing; 16]),
    };
    let merged = match held.as_deref() {
        Some(Page::Digits(_)) => None,
        Some(Page::Labels(labels)) => Some(merge(labels, new)),
        None => Some(new.to_vec()),
    };
    let page = match merged {
        Some(labels) if labels.len() <= PAGE_LABELS || depth == DIGITS => Page::Labels(labels),
        merged => {
            for_each_digit(merged.as_deref().unwrap_or(new), depth, |digit, labels| {
                digits[digit] = insert_below(pages, at.child(digit), labels)?;
                Ok(())
            })?;
            Page::Digits(digits)
        }
    };
    let below = page.below(depth);
    pages.keep(at, Arc::new(page))?;
    Ok(below)
}

fn for_each_digit<E>(
    labels: &[Placed],
    depth: usize,
    mut each: impl FnMut(usize, &[Placed]) -> Result<(), E>,
) -> Result<(), E> {
    let runs =
        labels.chunk_by(|one, next| digit_of(&one.label, depth) == digit_of(&next.label, depth));
    runs.into_iter().try_for_each(|run| each(digit_of(&run[0].label, depth), run))
}

/// Two sorted lists as one. What is held keeps its place.
fn merge(held: &[Placed], new: &[Placed]) -> Vec<Placed> {
    let mut all = Vec::with_capacity(held.len() + new.len());
    let mut held = held.iter().peekable();
    for new in new {
        while let Some(one) = held.next_if(|one| one.label.as_bytes() < new.label.as_bytes()) {
            all.push(*one);
        }
        if held.peek().is_none_or(|one| one.label != new.label) {
            all.push(*new);
        }
    }
    all.extend(held);
    all
}

/// What the map says of a label, with the hashes that show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// What is at the end of the path.
    pub end: End,
    /// The neighbours of the path, from the root down.
    pub siblings: Vec<Sha256>,
}

/// What is at the end of the path to a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The label, at this index of the log.
    There(u64),
    /// Another label, alone below the prefix that the path has.
    Another(Placed),
    /// Nothing.
    Nothing,
}

/// A lookup that shows nothing under this root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lookup does not lead to the root of the map")]
pub struct LookupError;

impl Lookup {
    /// The index of the label's entry, or `None` if the map with this root has none for it.
    ///
    /// # Errors
    /// [`LookupError`].
    pub fn verify(&self, label: &Label, root: &Sha256) -> Result<Option<u64>, LookupError> {
        let depth = self.siblings.len();
        if depth > MAX_PROOF_LEN {
            return Err(LookupError);
        }
        let (end, found) = match self.end {
            End::There(index) => (leaf_hash(&Placed { label: *label, index }), Some(index)),
            End::Another(other) => {
                let agrees = (0..depth).all(|bit| bit_of(label, bit) == bit_of(&other.label, bit));
                if !agrees || other.label == *label {
                    return Err(LookupError);
                }
                (leaf_hash(&other), None)
            }
            End::Nothing => (Below::Nothing.hash(), None),
        };
        let up = self.siblings.iter().enumerate().rev();
        let node = up.fold(end, |node, (bit, sibling)| match bit_of(label, bit) {
            false => node_hash(&node, sibling),
            true => node_hash(sibling, &node),
        });
        if node == *root { Ok(found) } else { Err(LookupError) }
    }
}

/// The index of a label's entry, without what shows it.
///
/// # Errors
/// [`Pages::Error`].
pub fn find<P: Pages>(pages: &mut P, label: &Label) -> Result<Option<u64>, P::Error> {
    let mut at = Prefix::ROOT;
    loop {
        let digit = digit_of(label, usize::from(at.len));
        let Some(page) = pages.page(at)? else { return Ok(None) };
        match &*page {
            Page::Digits(digits) if digits[digit] != Below::Nothing => at = at.child(digit),
            Page::Digits(_) => return Ok(None),
            Page::Labels(labels) => {
                let by_label = |placed: &Placed| placed.label.as_bytes().cmp(label.as_bytes());
                return Ok(labels.binary_search_by(by_label).ok().map(|at| labels[at].index));
            }
        }
    }
}

/// Looks a label up.
///
/// # Errors
/// [`Pages::Error`].
pub fn look_up<P: Pages>(pages: &mut P, label: &Label) -> Result<Lookup, P::Error> {
    let (mut siblings, mut at) = (Vec::new(), Prefix::ROOT);
    loop {
        let depth = usize::from(at.len);
        let Some(page) = pages.page(at)? else {
            return Ok(Lookup { end: End::Nothing, siblings });
        };
        let digits = match &*page {
            Page::Digits(digits) => digits,
            Page::Labels(labels) => {
                let end = descend(labels, label, depth * DIGIT_BITS, &mut siblings);
                return Ok(Lookup { end, siblings });
            }
        };
        let (mut from, mut to) = (0_usize, digits.len());
        let mut next = digit_of(label, depth);
        for bit in depth * DIGIT_BITS..(depth + 1) * DIGIT_BITS {
            let middle = from.midpoint(to);
            let (mine, other) = match bit_of(label, bit) {
                false => (from..middle, middle..to),
                true => (middle..to, from..middle),
            };
            siblings.push(digits_below(&digits[other]).hash());
            (from, to) = (mine.start, mine.end);
            match digits_below(&digits[mine]) {
                Below::Nothing => return Ok(Lookup { end: End::Nothing, siblings }),
                Below::More(_) => {}
                // It ends here, whichever digit the one label goes on with.
                Below::One(_) => {
                    let is_there = |digit: &usize| digits[*digit] != Below::Nothing;
                    next = (from..to).find(is_there).unwrap_or(next);
                    break;
                }
            }
        }
        at = at.child(next);
    }
}

fn descend(labels: &[Placed], label: &Label, bit: usize, siblings: &mut Vec<Sha256>) -> End {
    match labels {
        [] => End::Nothing,
        [one] if one.label == *label => End::There(one.index),
        [one] => End::Another(*one),
        _ => {
            let (left, right) = halves(labels, bit);
            let (mine, other) = if bit_of(label, bit) { (right, left) } else { (left, right) };
            siblings.push(labels_below(other, bit + 1).hash());
            descend(mine, label, bit + 1, siblings)
        }
    }
}
