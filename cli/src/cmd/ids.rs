//! How items are named to people.

use std::{collections::BTreeSet, ops::Bound};

use hallmark_core::account::ItemId;

/// How many digits of an id are shown at least.
const DIGITS: usize = 8;

/// The ids of items, each shown to people by as many first digits as no other one begins with: who
/// makes an id may choose it.
#[derive(Debug)]
pub struct Ids(BTreeSet<ItemId>);

impl FromIterator<ItemId> for Ids {
    fn from_iter<I: IntoIterator<Item = ItemId>>(ids: I) -> Self {
        Self(ids.into_iter().collect())
    }
}

impl Ids {
    /// The first digits of an id, at least eight, as people see and type them.
    #[must_use]
    pub fn short(&self, item: &ItemId) -> String {
        let mut id = item.to_string();
        let before = self.0.range(..item).next_back();
        let after = self.0.range((Bound::Excluded(item), Bound::Unbounded)).next();
        let shared = |other: &ItemId| {
            let other = other.to_string();
            id.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
        };
        let shared = before.into_iter().chain(after).map(shared).max();
        id.truncate(DIGITS.max(shared.map_or(0, |shared| shared + 1)));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(start: [u8; 5]) -> ItemId {
        let mut bytes = [0; 16];
        bytes[..5].copy_from_slice(&start);
        ItemId::from_bytes(bytes)
    }

    #[test]
    fn as_many_digits_as_tell_ids_apart() {
        let [alone, one, other] =
            [[1, 2, 3, 4, 5], [9, 9, 9, 9, 0x10], [9, 9, 9, 9, 0x1f]].map(item);
        let ids = Ids::from_iter([other, alone, one]);
        assert_eq!(ids.short(&alone), "01020304");
        assert_eq!(ids.short(&one), "0909090910");
        assert_eq!(ids.short(&other), "090909091f");
        assert_eq!(ids.short(&item([9, 9, 9, 9, 0x20])), "090909092", "one that is gone");
    }
}
