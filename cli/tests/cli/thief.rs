//! What a thief with a listed device keeps in an account, and what the owner's commands make of it.

use std::fs;

use clap::Parser;
use hallmark_cli::{args::Cli, remote::service::HttpService, session::Session};
use hallmark_core::{
    account::{
        ItemId, Signed,
        exchange::{Base64, Commit, WrappedKey},
        manifest::Manifest,
    },
    json::Value,
};
use hallmark_vault::{
    item::{Cache, Content, Edit, Kind, Pending, content::Version, sealed},
    online::offline,
    profile::{PieceSecrets, Profile},
    service::Service as _,
};

use crate::{
    vault::{At, Service, fingerprint, people},
    world::{World, rng},
};

const PIECE: &str = "piece.hallmark";

/// T-27: an owner's key that another device kept makes no offer and signs no purchase, before the
/// device is off the account or after; what it kept stands in the way of nothing.
#[test]
fn a_planted_owners_key() {
    let world = World::minted();
    people(&world, ["phone", "laptop", "thief"]);
    let service = Service::start(&world, "s");
    let [phone, laptop, thief] =
        ["phone", "laptop", "thief"].map(|name| At(&world, name, service.url()));
    phone.done(&["item", "put", "note", "text=52"]);
    phone.writes_the_code_down();
    phone.joins(&thief, "thief");
    thief.done(&["piece", "offer", PIECE, "--out", "theirs.json"]);
    thief.done(&["piece", "keep", PIECE]);
    let id = thief.json(&["item", "get", "provenance"])["item"].as_str().unwrap().to_owned();
    phone.done(&["account", "sync"]);
    assert!(world.store("phone").read().pieces.is_empty(), "what items say stays in the items");

    let sell = |offer: &str, draft: &str| {
        world
            .done(&["piece", "event", PIECE, "--kind", "sold", "--offer", offer, "--draft", draft]);
        phone.run(&["piece", "countersign", PIECE, draft, "--yes"])
    };
    let exchanged = sell("theirs.json", "exchanged.json");
    exchanged.refused(1, &["somebody else's signature", "was not made by this profile"]);

    phone.done(&["device", "revoke", &fingerprint(&thief)[..9], "--yes"]);
    phone.done(&["account", "recover", "--code", "paper"]);
    phone.done(&["piece", "offer", PIECE]);
    let owner = |offer: &str| -> Value {
        let offer: Value = serde_json::from_slice(&world.read(offer)).unwrap();
        offer["owner"].clone()
    };
    assert_ne!(owner("offer.json"), owner("theirs.json"));

    // Kept over what the thief planted, it is the phone's all the same.
    assert_eq!(sell("offer.json", "sale.json").code, Some(0));
    world.done(&["piece", "append", PIECE, "sale.json"]);
    phone.done(&["piece", "keep", PIECE]);
    assert_eq!(phone.json(&["item", "get", "provenance"])["item"], id.as_str());
    phone.joins(&laptop, "laptop");
    let stolen = ["piece", "event", PIECE, "--kind", "stolen", "--days", "30", "--out"];
    laptop.done(&[&stolen[..], &["stolen.hallmark"]].concat());

    phone.done(&["item", "rm", &id, "--yes"]);
    laptop.done(&["account", "sync"]);
    laptop.run(&[&stolen[..], &["again.hallmark"]].concat()).refused(1, &["the owner's key"]);
    phone.done(&[&stolen[..], &["again.hallmark"]].concat());
}

/// T-27: who keeps a piece again writes beside what other devices put there, its own first, and leaves
/// out nothing of theirs.
#[test]
fn two_devices_keep_one_piece() {
    let world = World::minted();
    people(&world, ["phone", "laptop", "tablet"]);
    let service = Service::start(&world, "s");
    let [phone, laptop, tablet] =
        ["phone", "laptop", "tablet"].map(|name| At(&world, name, service.url()));
    phone.buys(PIECE);
    phone.done(&["piece", "keep", PIECE]);
    phone.joins(&laptop, "laptop");
    laptop.done(&["piece", "keep", PIECE, "--note", "nothing of its own"]);
    assert_eq!(secrets(&world, "laptop").len(), 1, "nothing is lost");
    laptop.done(&["piece", "offer", PIECE, "--out", "laptop.json"]);
    laptop.done(&["piece", "keep", PIECE]);
    phone.done(&["piece", "keep", PIECE, "--note", "again"]);
    assert_eq!(phone.items().len(), 1, "one piece is one item");

    let own = |profile: &str| {
        let store = world.store(profile);
        store.read().pieces.values().next().unwrap().existing_owner_key().unwrap().public()
    };
    let kept: Vec<_> = secrets(&world, "phone")
        .iter()
        .map(|secrets| secrets.existing_owner_key().unwrap().public())
        .collect();
    assert_eq!(kept, [own("phone"), own("laptop")]);

    // What is written over is still in the item's past.
    laptop.done(&["item", "edit", "provenance", "secrets="]);
    phone.joins(&tablet, "tablet");
    let stolen = ["piece", "event", PIECE, "--kind", "stolen", "--days", "30", "--out"];
    tablet.done(&[&stolen[..], &["stolen.hallmark"]].concat());
}

/// What the account says of its one piece.
fn secrets(world: &World, profile: &str) -> Vec<PieceSecrets> {
    let store = world.store(profile);
    let holdings = store.read().holdings.as_ref().unwrap();
    let (items, _) = offline(holdings, &world.home().join(profile));
    let kept = items.iter().find(|seen| seen.content.kind == Kind::Provenance).unwrap();
    serde_json::from_str(&kept.content.now.fields["secrets"]).unwrap()
}

/// T-27: an attachment that is called as a profile's keys are, and begins like them, closes no folder.
#[test]
fn a_file_that_is_called_as_keys_are() {
    let world = World::new();
    world.person("default");
    let names = ["state.hallmark", "State.Hallmark.new", "_state.hallmark"];
    let mut put = vec!["item".to_owned(), "put".into(), "note".into(), "text=keys".into()];
    for name in names {
        world.write(&format!("in/{name}"), format!("hallmark-state\0\x01{name}").as_bytes());
        put.extend(["--attach".into(), format!("in/{name}")]);
    }
    let put: Vec<&str> = put.iter().map(String::as_str).collect();
    let first = world.json(&put)["item"].as_str().unwrap().to_owned();
    world.write("will.txt", b"x");
    let will = ["item", "put", "note", "text=will", "--attach", "will.txt"];
    let second = world.json(&will)["item"].as_str().unwrap().to_owned();

    fs::create_dir(world.path("saved")).unwrap();
    let told = world.done(&["item", "get", &first, "--save", "saved"]).err;
    assert!(told.contains("state.hallmark is saved as _state.hallmark"), "{told}");
    for name in names {
        let (saved, given) = (format!("saved/_{name}"), format!("in/{name}"));
        assert_eq!(world.read(&saved), world.read(&given), "{name}");
    }
    world.done(&["item", "get", &second, "--save", "saved"]);
    let exported = world.json(&["account", "export", "--to", "saved/backup"]);
    assert_eq!((&exported["files"], &exported["missing"]), (&4.into(), &Value::Array(Vec::new())));
    world.done(&["item", "get", &second, "--save", &format!("saved/backup/note-{first}/files")]);
}

/// T-27: whoever chooses ids so that they begin alike keeps nobody from naming either item, and none
/// is removed in the other's place.
#[test]
fn ids_that_begin_alike() {
    let world = World::new();
    people(&world, ["phone"]);
    let service = Service::start(&world, "s");
    let phone = At(&world, "phone", service.url());
    phone.done(&["item", "put", "note", "text=apart"]);
    let ids = [1, 2, 3].map(|last| {
        let mut bytes = [0xab; 16];
        bytes[15] = last;
        ItemId::from_bytes(bytes)
    });
    for (id, text) in ids.into_iter().zip(["one", "two", "three"]) {
        plant(&world, id, text);
    }
    phone.done(&["account", "sync"]);
    let listed = phone.done(&["item", "ls"]).out;
    let shown: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(shown.iter().filter(|id| id.len() == 8).count(), 1, "{listed}");
    for (id, text) in ids.iter().zip(["one", "two", "three"]) {
        let id = id.to_string();
        assert!(shown.contains(&id.as_str()), "{id} in {listed}");
        let told = phone.done(&["item", "get", &id]).out;
        assert!(told.contains(text) && told.contains(&id), "{told}");
    }
    phone.run(&["item", "get", "abababab"]).refused(2, &["means 3 items", "item ls"]);
    let edited = phone.done(&["item", "edit", &ids[0].to_string(), "title=one"]).out;
    assert!(edited.contains(&ids[0].to_string()), "{edited}");

    // Two of them open nowhere: they count as what a person may mean.
    spoil(&world, &ids[..2]);
    let offline = |args: &[&str]| world.run(&[&["--profile", "phone", "--offline"], args].concat());
    let listed = offline(&["item", "ls"]).out;
    for id in ids {
        assert!(listed.contains(&id.to_string()), "{id} in {listed}");
    }
    let rm = |id: &str| offline(&["item", "rm", id, "--yes"]);
    rm("abababab").refused(2, &["means 3 items", "item ls"]);
    assert_eq!(rm(&ids[2].to_string()).code, Some(0));
    rm("abababab").refused(2, &["means 2 items", "item ls"]);
    let removed = rm(&ids[1].to_string());
    assert!(removed.out.contains(&format!("item {}", ids[1])), "{removed:?}");
    assert_eq!(rm("abababab").code, Some(0), "one is left");
}

fn change(world: &World, change: impl FnOnce(&mut Profile)) {
    world.store("phone").update(&mut rng(), change).unwrap();
}

/// Keeps a note under an id of one's own choice.
fn plant(world: &World, item: ItemId, text: &str) {
    change(world, |profile| {
        let holdings = profile.holdings.as_mut().unwrap();
        let version = Version {
            fields: [("text".to_owned(), text.to_owned())].into(),
            attachments: Vec::new(),
            at: holdings.account.entries()[0].claimed().at,
            by: holdings.account.device().public().key,
        };
        let content = Content::new(Kind::Note, version).unwrap();
        holdings.pending.insert(item, Pending::new(0, Edit::Put(Box::new(content))));
    });
}

/// T-27: behind an item that does not open, nothing is taken in; who was let in meanwhile is named
/// all the same, and before anything is done in a hurry.
#[test]
fn an_accomplice_behind_a_spoiled_item() {
    let world = World::new();
    people(&world, ["phone", "thief", "accomplice"]);
    let service = Service::start(&world, "s");
    let [phone, thief, accomplice] =
        ["phone", "thief", "accomplice"].map(|name| At(&world, name, service.url()));
    phone.done(&["item", "put", "note", "text=52"]);
    phone.joins(&thief, "thief");
    thief.joins(&accomplice, "laptop");
    let [thief, accomplice] = [&thief, &accomplice].map(|at| fingerprint(at)[..9].to_owned());
    write_what_does_not_open(&world, &service.url(), "thief");

    phone.run(&["item", "ls"]).refused(8, &["does not open it", "device revoke"]);
    // Nobody was shown it, however often this device has looked.
    for _ in 0..2 {
        let hasty = phone.run(&["device", "revoke", &thief, "--yes"]);
        hasty.refused(1, &["nothing was changed", &accomplice, "account recover"]);
    }
    let listed = phone.done(&["device", "list"]).out;
    let line = listed.lines().find(|line| line.starts_with(&accomplice)).unwrap();
    assert!(line.ends_with("let in since you last looked"), "{listed}");
    let off = phone.done(&["device", "revoke", &accomplice, "--yes"]);
    assert!(off.out.contains("Still on it") && off.out.contains(&thief), "{off:?}");
    assert!(off.err.contains("beside it"), "{off:?}");
    let off = phone.done(&["device", "revoke", &thief, "--yes"]).out;
    assert!(off.contains("only device"), "{off}");
    assert!(phone.done(&["item", "ls"]).out.contains("52"));
}

/// Sends a next version of a profile's only item whose key opens nothing.
fn write_what_does_not_open(world: &World, address: &str, profile: &str) {
    let store = world.store(profile);
    let account = &store.read().holdings.as_ref().unwrap().account;
    let (id, root) = (account.id(), account.root());
    let cache = Cache::load(&world.home().join(profile), id, root.id());
    let is_note = |content: &Content| content.kind == Kind::Note;
    let open = |record| sealed::open(id, record, root).ok().filter(is_note);
    let (held, content) = cache.records().find_map(|record| Some((record, open(record)?))).unwrap();
    let mut record =
        sealed::record(id, held.item, held.version + 1, &content, root, &mut rng()).unwrap();
    *record.key.0.last_mut().unwrap() ^= 1;
    let leaves = cache.leaves().after(vec![(record.item, record.leaf())], &[]).unwrap();
    let (by, before) = (account.device().signing(), account.manifest().unwrap());
    let manifest = Manifest {
        account: id,
        version: before.claimed().version + 1,
        previous: Some(before.hash()),
        devices: account.entries().len() as u64 - 1,
        items: leaves.0.len() as u64,
        root: leaves.root(),
        at: before.claimed().at,
        by: by.public(),
    };
    let manifest = Signed::new(manifest, &by).unwrap();
    let commit = Commit { manifest, records: vec![record], removed: Vec::new() };
    let arguments = ["hallmark", "--server", address, "account", "sync"];
    let session = Session::of_process(&Cli::try_parse_from(arguments).unwrap().global).unwrap();
    let service = HttpService::new(address, session.server(), &session).unwrap();
    service.commit(&by, id, &commit).unwrap();
}

/// Has the keys of items open nothing.
fn spoil(world: &World, items: &[ItemId]) {
    let store = world.store("phone");
    let account = &store.read().holdings.as_ref().unwrap().account;
    let mut cache = Cache::load(&world.home().join("phone"), account.id(), account.root().id());
    for item in items {
        let record = cache.record(item).unwrap();
        let mut key = record.key.0.clone();
        *key.last_mut().unwrap() ^= 1;
        let key = WrappedKey { item: *item, version: record.version, key: Base64(key) };
        cache.rewrap(&key);
    }
    cache.save().unwrap();
}
