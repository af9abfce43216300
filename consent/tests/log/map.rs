//! The map against its definition, read off `consent/FORMAT.md` without pages.

use std::{collections::HashMap, sync::Arc};

use hallmark_consent::log::map::{
    End, InMemory, Lookup, Page, Pages, Placed, Prefix, insert, look_up,
};
use hallmark_core::{hash::Sha256, id::Label};
use proptest::prelude::*;

/// Pages that are written and read back, as a disk would.
#[derive(Default)]
struct AsBytes(HashMap<Vec<u8>, Vec<u8>>);

impl Pages for AsBytes {
    type Error = std::convert::Infallible;

    fn page(&mut self, prefix: Prefix) -> Result<Option<Arc<Page>>, Self::Error> {
        let read = |bytes: &Vec<u8>| Arc::new(Page::from_bytes(bytes).unwrap());
        Ok(self.0.get(&prefix.to_bytes()).map(read))
    }

    fn keep(&mut self, prefix: Prefix, page: Arc<Page>) -> Result<(), Self::Error> {
        self.0.insert(prefix.to_bytes(), page.to_bytes());
        Ok(())
    }
}

fn sha(parts: &[&[u8]]) -> [u8; 32] {
    *Sha256::of(&parts.concat()).as_bytes()
}

/// The definition.
fn root(labels: &[([u8; 32], u64)], bit: usize) -> [u8; 32] {
    match labels {
        [] => [0; 32],
        [(label, index)] => sha(&[&[2], label, &index.to_be_bytes()]),
        _ => {
            let is_right = |label: &[u8; 32]| label[bit / 8] & (0x80 >> (bit % 8)) != 0;
            let (right, left): (Vec<_>, Vec<_>) =
                labels.iter().copied().partition(|(label, _)| is_right(label));
            sha(&[&[3], &root(&left, bit + 1), &root(&right, bit + 1)])
        }
    }
}

fn label(n: u64) -> [u8; 32] {
    match n % 5 {
        // Alike in all but the last bits.
        0 => {
            let mut label = [0x5a; 32];
            label[30..].copy_from_slice(&u16::try_from(n % 50).unwrap().to_be_bytes());
            label
        }
        // Alike in the first ones.
        1 => {
            let mut label = sha(&[&n.to_be_bytes()]);
            label[..9].fill(0x5a);
            label
        }
        _ => sha(&[&n.to_be_bytes()]),
    }
}

fn placed((label, index): &([u8; 32], u64)) -> Placed {
    Placed { label: Label::from_bytes(*label), index: *index }
}

fn check<P: Pages>(pages: &mut P, numbers: &[u64], batch: usize)
where
    P::Error: std::fmt::Debug,
{
    let mut there: Vec<([u8; 32], u64)> = Vec::new();
    let all: Vec<([u8; 32], u64)> =
        numbers.iter().zip(1..).map(|(n, index)| (label(*n), index)).collect();
    for new in all.chunks(batch) {
        let mine = insert(pages, new.iter().map(placed).collect()).unwrap();
        for one in new {
            if !there.iter().any(|(label, _)| *label == one.0) {
                there.push(*one);
            }
        }
        assert_eq!(*mine.as_bytes(), root(&there, 0));
    }
    let root = Sha256::from_bytes(root(&there, 0));
    for (bytes, index) in &there {
        let label = Label::from_bytes(*bytes);
        assert_eq!(look_up(pages, &label).unwrap().verify(&label, &root), Ok(Some(*index)));
    }
    for n in 1_000..1_030 {
        let bytes = label(n);
        let label = Label::from_bytes(bytes);
        let index = there.iter().find(|(there, _)| *there == bytes).map(|(_, index)| *index);
        let lookup = look_up(pages, &label).unwrap();
        assert_eq!(lookup.verify(&label, &root), Ok(index));
        spoilt(&lookup, &label, &root, index);
    }
}

/// Nothing else can be shown of the label.
fn spoilt(lookup: &Lookup, label: &Label, root: &Sha256, index: Option<u64>) {
    let refused = |changed: Lookup| match changed.verify(label, root) {
        Err(_) => true,
        // Only what is true anyhow.
        Ok(shown) => shown == index && changed == *lookup,
    };
    for at in 0..lookup.siblings.len() {
        let mut changed = lookup.clone();
        changed.siblings[at] = Sha256::of(b"another");
        assert!(refused(changed));
        let mut shorter = lookup.clone();
        shorter.siblings.remove(at);
        assert!(refused(shorter));
        let mut longer = lookup.clone();
        longer.siblings.insert(at, Sha256::from_bytes([0; 32]));
        assert!(refused(longer));
    }
    for end in [End::Nothing, End::There(1), End::There(2)] {
        assert!(refused(Lookup { end, ..lookup.clone() }));
    }
    let mut far = *label.as_bytes();
    far[0] ^= 0x80;
    let other = Placed { label: Label::from_bytes(far), index: 1 };
    assert!(refused(Lookup { end: End::Another(other), ..lookup.clone() }));
    let own = Placed { label: *label, index: index.unwrap_or(1) };
    assert!(refused(Lookup { end: End::Another(own), ..lookup.clone() }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_root_is_a_function_of_what_is_in_it(
        numbers in prop::collection::vec(0_u64..2_000, 0..400),
        batch in 10_usize..120,
    ) {
        check(&mut InMemory::new(), &numbers, batch);
        check(&mut AsBytes::default(), &numbers, batch);
    }
}

#[test]
fn an_empty_map() {
    let mut pages = InMemory::new();
    let root = insert(&mut pages, Vec::new()).unwrap();
    assert_eq!(root, Sha256::from_bytes([0; 32]));
    let label = Label::from_bytes([7; 32]);
    assert_eq!(look_up(&mut pages, &label).unwrap().verify(&label, &root), Ok(None));
}

#[test]
fn pages_that_are_none() {
    for bytes in [
        &[][..],
        &[2],
        &[0, 1],
        &[1],
        &[[0; 41].as_slice(), &[0; 40]].concat(),
        &[[1].as_slice(), &[3; 33 * 16]].concat(),
        &[[1].as_slice(), &[0; 33 * 15]].concat(),
    ] {
        assert!(Page::from_bytes(bytes).is_err(), "{bytes:?}");
    }
}
