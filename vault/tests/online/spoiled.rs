//! What a device in wrong hands writes so that nobody can read it, or so that something is lost in
//! putting it right (T-26, T-27).

use std::collections::BTreeMap;

use hallmark_core::{
    account::{
        ItemId, Signed,
        exchange::{Base64, Commit, Record},
        manifest::{Leaf, Leaves, Manifest},
    },
    hash::Sha256,
    seal::item::{Binding, seal, seal_with},
};
use hallmark_vault::{
    item::{
        Content, Edit, Kind,
        content::{Past, Version},
    },
    online::{self, Deceit, OnlineError, Synced},
    service::Service,
};

use crate::{
    hostile::Liar,
    memory::Memory,
    people::{Device, key, now, paper, recover, two_devices},
};

/// Writes what is no item, well sealed, as the next version of an item.
fn writes_nonsense(thief: &mut Device, item: ItemId, service: &Memory) {
    thief.sync(service).unwrap();
    let account = thief.holdings().account.clone();
    let mut rng = thief.rng();
    let (version, leaves) = service.held(account.id(), |held| {
        let leaf = |(_, _, record): &(u64, u64, Record)| (record.item, record.leaf());
        let leaves: BTreeMap<ItemId, Leaf> = held.records.values().map(leaf).collect();
        (held.records[&item].2.version + 1, Leaves(leaves))
    });
    let id = account.id();
    let place =
        |purpose| Binding { account: id.as_bytes(), item: item.as_bytes(), version, purpose };
    let (key, envelope) = seal(&place("hallmark/item/v1"), &mut rng, b"{}").unwrap();
    let wrap = account.root().item_wrap();
    let wrapped =
        seal_with(&wrap, &place("hallmark/item-key/v1"), &mut rng, key.as_bytes()).unwrap();
    let record = Record {
        item,
        version,
        key: Base64(wrapped.as_bytes().to_vec()),
        envelope: Base64(envelope.as_bytes().to_vec()),
    };
    let leaves = leaves.after(vec![(item, record.leaf())], &[]).unwrap();
    let (by, before) = (account.device().signing(), account.manifest().unwrap());
    let manifest = Manifest {
        account: id,
        version: before.claimed().version + 1,
        previous: Some(before.hash()),
        devices: account.entries().len() as u64 - 1,
        items: leaves.0.len() as u64,
        root: leaves.root(),
        at: now(),
        by: by.public(),
    };
    let manifest = Signed::new(manifest, &by).unwrap();
    service
        .commit(&by, id, &Commit { manifest, records: vec![record], removed: Vec::new() })
        .unwrap();
}

/// Spoils the key of what a device wrote last.
fn spoils(device: &mut Device, item: ItemId, service: &Memory) {
    device.sync(service).unwrap();
    device.change(item, &[("text", "spoiled")], service);
    device.sync(service).unwrap();
    service.held(device.holdings().account.id(), |held| {
        held.records.get_mut(&item).unwrap().2.key.0[200] ^= 1;
    });
}

/// Writes `content` over an item, whatever was there.
fn writes(thief: &mut Device, item: ItemId, content: Content, service: &Memory) {
    thief.sync(service).unwrap();
    let mut online = thief.online(service);
    let version = online.item(item).map_or(0, |seen| seen.version);
    online.edit(item, version, Edit::Put(Box::new(content))).unwrap();
    online.sync(&mut Synced::default()).unwrap();
}

fn texts(device: &Device) -> Vec<String> {
    let (items, _) = online::offline(device.holdings(), &device.folder());
    let texts = items.iter().filter_map(|seen| seen.content.now.fields.get("text").cloned());
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

/// What it says, with the version in it.
fn version_of(now: &Version, version: u64) -> Version {
    let fields = [("text".to_owned(), format!("forged {version}"))].into();
    Version { fields, ..now.clone() }
}

/// The first place beside version `version` of an item.
fn place_beside(item: ItemId, version: u64) -> ItemId {
    let parts = [
        b"hallmark/beside/v1\0".as_slice(),
        item.as_bytes(),
        &version.to_be_bytes(),
        &0_u64.to_be_bytes(),
    ];
    let hash = Sha256::of(&parts.concat());
    ItemId::from_bytes(hash.as_bytes()[..16].try_into().unwrap())
}

#[test]
fn an_item_of_another_kind_now_is_put_back_beside_it() {
    let (service, mut phone, mut thief, item) = two_devices();
    let secret = paper(&phone);
    let contact = thief.version(&[("email", "m@example.com")]);
    writes(&mut thief, item, Content::new(Kind::Contact, contact).unwrap(), &service);
    let recovered = recover(&mut phone, &service, &secret).unwrap();
    assert_eq!((recovered.restored, recovered.unopened), (vec![item], 0));
    assert_eq!(texts(&phone), ["52"]);
    let fresh = &mut Device::blank(9);
    assert_eq!(recover(fresh, &service, &secret).unwrap().unopened, 0);
    assert_eq!(texts(fresh), ["52"], "at the service too");
}

#[test]
fn what_is_put_back_joins_nothing_that_lies_there() {
    for recovers in [true, false] {
        let (service, mut phone, mut thief, item) = two_devices();
        let secret = paper(&phone);
        let planted = thief.version(&[("text", "51"), ("title", "c/o Mallory")]);
        let place = place_beside(item, 1);
        writes(&mut thief, place, Content::new(Kind::Note, planted).unwrap(), &service);
        spoils(&mut thief, item, &service);
        if recovers {
            recover(&mut phone, &service, &secret).unwrap();
        } else {
            phone.revoke(key(&thief), &service).unwrap();
            phone.sync(&service).unwrap();
        }
        let (items, _) = online::offline(phone.holdings(), &phone.folder());
        let back = items.iter().find(|seen| seen.content.now.fields["text"] == "52").unwrap();
        assert!(!back.content.now.fields.contains_key("title"), "only what this device knew");
        assert_eq!(texts(&phone), ["51", "52"]);
        recover(&mut phone, &service, &secret).unwrap();
        assert_eq!(texts(&phone), ["51", "52"], "once");
    }
}

/// Two devices recover, and between them the owner edits what was put back.
#[test]
fn an_edit_of_what_was_put_back_stays() {
    let (service, mut phone, mut thief, item) = two_devices();
    let (secret, mut tablet) = (paper(&phone), phone.joined(3, &service));
    tablet.sync(&service).unwrap();
    spoils(&mut thief, item, &service);
    recover(&mut phone, &service, &secret).unwrap();
    let (items, _) = online::offline(phone.holdings(), &phone.folder());
    phone.change(items[0].item, &[("text", "60")], &service);
    phone.sync(&service).unwrap();
    recover(&mut tablet, &service, &secret).unwrap();
    assert_eq!(texts(&tablet), ["52", "60"]);
}

#[test]
fn two_edits_that_move_aside_are_both_kept() {
    let (service, mut phone, mut thief, item) = two_devices();
    let mut tablet = phone.joined(3, &service);
    tablet.sync(&service).unwrap();
    phone.sync(&service).unwrap();
    phone.change(item, &[("text", "60")], &service);
    tablet.change(item, &[("text", "53")], &service);
    writes_nonsense(&mut thief, item, &service);
    for device in [&mut phone, &mut tablet] {
        let restored = device.sync(&service).unwrap().restored;
        assert_eq!(restored.len(), 1, "and told");
    }
    phone.sync(&service).unwrap();
    assert_eq!((texts(&phone), texts(&tablet)), (texts(&tablet), texts(&phone)));
    assert_eq!(texts(&phone), ["53", "60"]);
}

#[test]
fn keys_of_attachments_that_were_exchanged_come_back() {
    let (service, mut phone, mut thief, item) = two_devices();
    let secret = paper(&phone);
    phone.attach(item, &["plan.pdf".to_owned()], &service);
    phone.sync(&service).unwrap();
    let known = phone.online(&service).item(item).unwrap().content.now;
    let swapped = |thief: &mut Device| {
        thief.sync(&service).unwrap();
        let mut content = thief.online(&service).item(item).unwrap().content;
        let other = hallmark_core::secret::Secret::generate(&mut thief.rng());
        content.now.attachments[0].key = other;
        content.history.clear();
        writes(thief, item, content, &service);
    };
    let right =
        |said: &Version| said.attachments[0].key.expose() == known.attachments[0].key.expose();
    swapped(&mut thief);
    // An edit that waits keeps the keys that it was made with.
    let mut copy = phone.copied();
    copy.change(item, &[("text", "52"), ("title", "Plan")], &service);
    let apart = service.copied();
    copy.sync(&apart).unwrap();
    assert!(right(&copy.online(&apart).item(item).unwrap().content.now));
    assert_eq!(recover(&mut phone, &service, &secret).unwrap().reminded, [item]);
    assert!(right(&phone.online(&service).item(item).unwrap().content.now));
}

/// A device that had something newer than the one which took the thief off.
#[test]
fn a_device_that_knew_more_goes_on_after_a_revocation() {
    let (service, mut phone, mut thief, item) = two_devices();
    let mut tablet = phone.joined(3, &service);
    tablet.sync(&service).unwrap();
    tablet.change(item, &[("text", "54")], &service);
    tablet.sync(&service).unwrap();
    spoils(&mut thief, item, &service);
    assert!(matches!(
        tablet.sync(&service),
        Err(OnlineError::Deceived(Deceit::Unreadable { item: spoiled })) if spoiled == item
    ));
    phone.revoke(key(&thief), &service).unwrap();
    phone.sync(&service).unwrap();
    let restored = tablet.sync(&service).unwrap().restored;
    assert_eq!(restored.len(), 1);
    phone.sync(&service).unwrap();
    assert_eq!(texts(&tablet), ["52", "54"]);
    assert_eq!(texts(&phone), ["52", "54"]);
}

/// Well-sealed nonsense is taken in, since a newer program may have written it; what this device
/// could read comes back once somebody is taken off.
#[test]
fn nonsense_that_opens_takes_nothing_away() {
    for recovers in [true, false] {
        let (service, mut phone, mut thief, item) = two_devices();
        let secret = paper(&phone);
        writes_nonsense(&mut thief, item, &service);
        assert_eq!(phone.sync(&service).unwrap().unread, [item], "and told");
        assert_eq!(phone.sync(&service).unwrap().unread, [], "once");
        assert!(texts(&phone).is_empty(), "nothing to be read now");
        if recovers {
            assert_eq!(recover(&mut phone, &service, &secret).unwrap().restored, [item]);
        } else {
            let restored = phone.revoke(key(&thief), &service).unwrap().restored;
            assert_eq!(restored.len(), 1);
            phone.sync(&service).unwrap();
        }
        assert_eq!(texts(&phone), ["52"]);
        assert!(phone.holdings().last_read.is_empty() && phone.holdings().pending.is_empty());
    }
}

/// What was told to be kept is kept on, though the item is removed or written anew before anybody is
/// taken off.
#[test]
fn what_is_kept_outlives_what_becomes_of_the_item() {
    for (removes, recovers) in [(true, true), (true, false), (false, true), (false, false)] {
        let (service, mut phone, mut thief, item) = two_devices();
        let secret = paper(&phone);
        writes_nonsense(&mut thief, item, &service);
        assert_eq!(phone.sync(&service).unwrap().unread, [item]);
        if removes {
            thief.sync(&service).unwrap();
            thief.online(&service).edit(item, 2, Edit::Remove).unwrap();
            thief.sync(&service).unwrap();
        } else {
            // Another kind: no history to be reminded.
            thief.sync(&service).unwrap();
            let contact = thief.version(&[("email", "m@example.com")]);
            let edit = Edit::Put(Box::new(Content::new(Kind::Contact, contact).unwrap()));
            thief.online(&service).edit(item, 2, edit).unwrap();
            thief.sync(&service).unwrap();
        }
        assert_eq!(phone.sync(&service).unwrap().outlived, [item], "and told");
        assert_eq!(phone.sync(&service).unwrap().outlived, [], "once");
        if recovers {
            recover(&mut phone, &service, &secret).unwrap();
        } else {
            assert_eq!(phone.revoke(key(&thief), &service).unwrap().restored.len(), 1);
            phone.sync(&service).unwrap();
        }
        assert_eq!(texts(&phone), ["52"], "removes: {removes}, recovers: {recovers}");
        assert!(phone.holdings().last_read.is_empty() && phone.holdings().pending.is_empty());
    }
}

/// An item that says again all that it said is kept no more; nor is one that was removed here.
#[test]
fn what_is_kept_goes_once_it_is_there_or_not_wanted() {
    for wanted in [true, false] {
        let (service, mut phone, mut thief, item) = two_devices();
        let known = thief.online(&service).item(item).unwrap().content;
        writes_nonsense(&mut thief, item, &service);
        phone.sync(&service).unwrap();
        if wanted {
            thief.sync(&service).unwrap();
            thief.online(&service).edit(item, 2, Edit::Put(Box::new(known))).unwrap();
            thief.sync(&service).unwrap();
            assert_eq!(phone.sync(&service).unwrap().outlived, []);
        } else {
            phone.online(&service).edit(item, 2, Edit::Remove).unwrap();
        }
        assert!(phone.holdings().last_read.is_empty(), "wanted: {wanted}");
    }
}

/// A copy that was planted where something is to be put back counts only with its whole past, and only
/// once its device can no longer take it away.
#[test]
fn a_planted_copy_takes_nothing_away() {
    for (whole, removes) in [(true, true), (false, true), (false, false)] {
        let (service, mut phone, mut thief, item) = two_devices();
        phone.change(item, &[("text", "53")], &service);
        phone.sync(&service).unwrap();
        thief.sync(&service).unwrap();
        let mut copy = thief.online(&service).item(item).unwrap().content;
        if !whole {
            copy.history.clear();
        }
        let place = place_beside(item, 2);
        writes(&mut thief, place, copy, &service);
        writes_nonsense(&mut thief, item, &service);
        phone.sync(&service).unwrap();
        // It goes between what this device looked at and the entry that takes the thief off.
        let thief_key = key(&thief);
        let mut removes = removes;
        let racing = Liar::of_items(&service, |answer| {
            if std::mem::take(&mut removes) {
                thief.online(&service).edit(place, 1, Edit::Remove).unwrap();
                thief.sync(&service).unwrap();
            }
            answer
        });
        phone.revoke(thief_key, &racing).unwrap();
        drop(racing);
        phone.sync(&service).unwrap();
        let (items, _) = online::offline(phone.holdings(), &phone.folder());
        let back = items.iter().find(|seen| seen.content.now.fields["text"] == "53");
        let past = &back.expect("it is back").content.history;
        assert_eq!(past[0].said.fields["text"], "52", "whole: {whole}");
        assert!(phone.holdings().last_read.is_empty());
    }
}

/// T writes an item anew while it is being taken off: what this device could read is not taken for
/// brought back before the entry is in.
#[test]
fn nothing_is_given_up_before_a_device_is_off() {
    for forges in [false, true] {
        let (service, mut phone, mut thief, item) = two_devices();
        writes_nonsense(&mut thief, item, &service);
        phone.sync(&service).unwrap();
        let writes_anew = |thief: &mut Device, base: u64| {
            thief.sync(&service).unwrap();
            let version = thief.version(&[("text", "Mallory")]);
            let mut content = Content::new(Kind::Note, version.clone()).unwrap();
            if forges {
                let past = |version| Past { version, said: version_of(&content.now, version) };
                content.history = (base + 1..=base + 20).rev().map(past).collect();
            }
            let edit = Edit::Put(Box::new(content));
            thief.online(&service).edit(item, base, edit).unwrap();
            thief.sync(&service).unwrap();
        };
        writes_anew(&mut thief, 2);
        assert_eq!(phone.sync(&service).unwrap().outlived, [item]);
        let (thief_key, mut again) = (key(&thief), true);
        let racing = Liar::of_items(&service, |answer| {
            if std::mem::take(&mut again) {
                writes_anew(&mut thief, 3);
            }
            answer
        });
        phone.revoke(thief_key, &racing).unwrap();
        drop(racing);
        phone.sync(&service).unwrap();
        let (items, _) = online::offline(phone.holdings(), &phone.folder());
        let says_52 = |version: &Version| version.fields["text"] == "52";
        let there = items.iter().any(|seen| {
            let past = seen.content.history.iter().map(|past| &past.said);
            std::iter::once(&seen.content.now).chain(past).any(says_52)
        });
        assert!(there, "forges: {forges}");
    }
}

/// Where an edit waits for an item, what the item said comes back all the same.
#[test]
fn what_is_kept_comes_back_beside_an_edit_that_waits() {
    for recovers in [true, false] {
        let (service, mut phone, mut thief, item) = two_devices();
        let secret = paper(&phone);
        writes_nonsense(&mut thief, item, &service);
        phone.sync(&service).unwrap();
        thief.sync(&service).unwrap();
        let anew = Content::new(Kind::Note, thief.version(&[("text", "Mallory")])).unwrap();
        thief.online(&service).edit(item, 2, Edit::Put(Box::new(anew))).unwrap();
        thief.sync(&service).unwrap();
        phone.sync(&service).unwrap();
        phone.change(item, &[("text", "Mallory, 2nd floor")], &service);
        if recovers {
            recover(&mut phone, &service, &secret).unwrap();
        } else {
            phone.revoke(key(&thief), &service).unwrap();
        }
        phone.sync(&service).unwrap();
        assert_eq!(texts(&phone), ["52", "Mallory, 2nd floor"], "recovers: {recovers}");
    }
}

/// Of an item that was spoiled twice, both of what it said come back.
#[test]
fn two_things_that_an_item_said_come_back() {
    let (service, mut phone, mut thief, item) = two_devices();
    let secret = paper(&phone);
    writes_nonsense(&mut thief, item, &service);
    phone.sync(&service).unwrap();
    thief.sync(&service).unwrap();
    let anew = Content::new(Kind::Note, thief.version(&[("text", "Mallory")])).unwrap();
    thief.online(&service).edit(item, 2, Edit::Put(Box::new(anew))).unwrap();
    thief.sync(&service).unwrap();
    phone.sync(&service).unwrap();
    phone.change(item, &[("text", "54")], &service);
    phone.sync(&service).unwrap();
    thief.sync(&service).unwrap();
    thief.online(&service).edit(item, 4, Edit::Remove).unwrap();
    thief.sync(&service).unwrap();
    recover(&mut phone, &service, &secret).unwrap();
    assert_eq!(texts(&phone), ["52", "54"]);
    let there = phone.online(&service).item(item).unwrap();
    assert_eq!(there.content.now.fields["text"], "54", "the newest in its place");
}

/// A person is told that an item was written anew, not that it does not open.
#[test]
fn a_reminder_is_told_as_one() {
    let (service, mut phone, mut thief, item) = two_devices();
    writes_nonsense(&mut thief, item, &service);
    phone.sync(&service).unwrap();
    thief.sync(&service).unwrap();
    let anew = Content::new(Kind::Note, thief.version(&[("text", "Mallory")])).unwrap();
    thief.online(&service).edit(item, 2, Edit::Put(Box::new(anew))).unwrap();
    thief.sync(&service).unwrap();
    let told = phone.revoke(key(&thief), &service).unwrap();
    assert_eq!((told.restored, told.reminded, told.unread), (vec![], vec![item], vec![]));
}

/// Recovering asks once for everything, and then for what is new: who changes items without end does
/// not make each try as long as the first.
#[test]
fn a_try_after_a_late_one_asks_for_what_is_new() {
    for (recovers, spoils_key, most) in [(true, false, 1), (false, false, 0), (false, true, 1)] {
        let (service, mut phone, mut thief, item) = two_devices();
        let secret = paper(&phone);
        for n in 0..20 {
            thief.note(&format!("{n}"), &service);
        }
        thief.sync(&service).unwrap();
        phone.sync(&service).unwrap();
        match spoils_key {
            true => spoils(&mut thief, item, &service),
            false => {
                writes_nonsense(&mut thief, item, &service);
                phone.sync(&service).unwrap();
            }
        }
        let (thief_key, mut late, mut records) = (key(&thief), 3, Vec::new());
        let racing = Liar::of_items(&service, |answer| {
            records.push(answer.as_ref().unwrap().records.len());
            if late > 0 {
                late -= 1;
                thief.note("again", &service);
                thief.sync(&service).unwrap();
            }
            answer
        });
        if recovers {
            recover(&mut phone, &racing, &secret).unwrap();
        } else {
            phone.revoke(thief_key, &racing).unwrap();
        }
        drop(racing);
        let all = records.iter().filter(|count| **count > 20).count();
        assert!(all <= most, "recovers: {recovers}, key: {spoils_key}, {records:?}");
    }
}

/// An edit that waits and has all that an item said is not kept twice.
#[test]
fn what_an_edit_that_waits_has_comes_back_once() {
    let (service, mut phone, mut thief, item) = two_devices();
    phone.sync(&service).unwrap();
    phone.change(item, &[("text", "60")], &service);
    spoils(&mut thief, item, &service);
    phone.revoke(key(&thief), &service).unwrap();
    phone.sync(&service).unwrap();
    assert_eq!(texts(&phone), ["60"]);
    // Removed rather than spoiled, and recovered rather than revoked.
    let (service, mut phone, mut thief, item) = two_devices();
    let secret = paper(&phone);
    phone.change(item, &[("text", "60")], &service);
    thief.remove(item, &service);
    thief.sync(&service).unwrap();
    recover(&mut phone, &service, &secret).unwrap();
    assert_eq!(texts(&phone), ["60"]);
}

/// A restoration that waits is no change of what the item says: another device's correction counts.
#[test]
fn a_reminder_overrules_nobody() {
    let (service, mut phone, mut thief, item) = two_devices();
    let mut tablet = phone.joined(3, &service);
    tablet.sync(&service).unwrap();
    writes_nonsense(&mut thief, item, &service);
    phone.sync(&service).unwrap();
    thief.sync(&service).unwrap();
    let anew = Content::new(Kind::Note, thief.version(&[("text", "Mallory")])).unwrap();
    thief.online(&service).edit(item, 2, Edit::Put(Box::new(anew))).unwrap();
    thief.sync(&service).unwrap();
    assert_eq!(phone.revoke(key(&thief), &service).unwrap().reminded, [item]);
    tablet.sync(&service).unwrap();
    tablet.change(item, &[("text", "53")], &service);
    tablet.sync(&service).unwrap();
    phone.sync(&service).unwrap();
    assert_eq!(texts(&phone), ["53"]);
    let seen = phone.online(&service).item(item).unwrap().content;
    assert!(seen.history.iter().any(|past| past.said.fields["text"] == "52"));
}

/// A recovery that did not come about changes nothing, and what it would have put back is kept.
#[test]
fn a_recovery_that_fails_is_no_edit() {
    let (service, mut phone, mut laptop, item) = two_devices();
    let secret = paper(&phone);
    laptop.remove(item, &service);
    laptop.sync(&service).unwrap();
    service.busy.set(true);
    assert!(recover(&mut phone, &service, &secret).is_err());
    service.busy.set(false);
    assert!(phone.holdings().pending.is_empty());
    assert_eq!(phone.holdings().last_read.len(), 1);
    phone.sync(&service).unwrap();
    assert!(texts(&phone).is_empty(), "the laptop removed it");
    recover(&mut phone, &service, &secret).unwrap();
    assert_eq!(texts(&phone), ["52"]);
}

/// What goes makes room even where something waits that has none, and goes first.
#[test]
fn a_full_account_can_be_emptied() {
    let (service, mut phone, _, item) = two_devices();
    phone.attach(item, &["plan.pdf".to_owned()], &service);
    phone.sync(&service).unwrap();
    let long = "x".repeat(8_000);
    for n in 0..300 {
        phone.note(&format!("{n} {long}"), &service);
    }
    phone.remove(item, &service);
    service.full.set(true);
    assert!(phone.sync(&service).is_err(), "the notes wait for room");
    let id = phone.holdings().account.id();
    service.held(id, |held| {
        assert!(!held.records.contains_key(&item), "removed, whatever waits");
        assert!(held.blobs.is_empty(), "and its file");
    });
}

/// What became of items is told though something else could not be sent.
#[test]
fn what_became_of_items_is_told_though_something_is_stuck() {
    let (service, mut phone, mut laptop, item) = two_devices();
    laptop.change(item, &[("text", "53")], &service);
    laptop.sync(&service).unwrap();
    phone.remove(item, &service);
    phone.note("waits", &service);
    service.full.set(true);
    let mut synced = Synced::default();
    assert!(phone.online(&service).sync(&mut synced).is_err());
    assert_eq!(synced.kept, [item]);
}

/// What this device knew of an item's past comes back, as much as there is room for, where an edit
/// waits as well.
#[test]
fn all_of_a_past_comes_back() {
    for waits in [true, false] {
        let (service, mut phone, mut thief, item) = two_devices();
        let secret = paper(&phone);
        for text in ["53", "54", "55"] {
            phone.change(item, &[("text", text)], &service);
            phone.sync(&service).unwrap();
        }
        thief.sync(&service).unwrap();
        let stripped = Content::new(Kind::Note, thief.version(&[("text", "Mallory")])).unwrap();
        writes(&mut thief, item, stripped, &service);
        if waits {
            phone.change(item, &[("text", "55"), ("title", "Ring")], &service);
        }
        recover(&mut phone, &service, &secret).unwrap();
        let seen = phone.online(&service).item(item).unwrap().content;
        let past: Vec<&str> =
            seen.history.iter().map(|past| past.said.fields["text"].as_str()).collect();
        for known in ["52", "53", "54", "55"] {
            assert!(past.contains(&known), "{known} of {past:?}, waits: {waits}");
        }
    }
}

/// Devices that a thief let in while spoiling items are seen before anything is taken in.
#[test]
fn an_accomplice_is_seen_behind_a_spoiled_item() {
    let (service, mut phone, mut thief, item) = two_devices();
    let accomplice = thief.joined(4, &service);
    spoils(&mut thief, item, &service);
    assert!(matches!(phone.sync(&service), Err(OnlineError::Deceived(Deceit::Unreadable { .. }))));
    let shown = phone.online(&service).peek().unwrap();
    assert!(shown.list().is_listed(&key(&accomplice)));
    assert!(!phone.holdings().account.list().is_listed(&key(&accomplice)), "nothing was kept");
}
