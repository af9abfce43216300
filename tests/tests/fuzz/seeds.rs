//! What the corpus begins with: small inputs that the decoders accept, the same at every run.

use std::{fs, io::Cursor};

use hallmark_consent::log::{
    anchor::NewAnchor,
    checkpoint::{Checkpoint, SignedCheckpoint},
    complete::{Found, LookedUp, LookedUpAll},
    entry::{Entry, MapRoot},
    fork::Fork,
    growth::Growth,
    map::{self, InMemory, Placed},
    merkle::leaf_hash,
    note::{Algorithm, VerifierKey},
    proof::LogProof,
    tile::append_entry,
    witness::AddCheckpoint,
};
use hallmark_core::{
    account::{
        BlobId, ItemId, Signed,
        exchange::{self, Commit, Devices, Erasure, ServiceInfo, Sync, Upload},
        manifest::{Leaves, Manifest},
    },
    chain::ChainSecret,
    hash::Sha256,
    httpsig::{self, ContentDigest, KeyId, Target},
    id::PieceId,
    json,
    key::SigningKey,
    problem::{Code, Problem},
    proof,
    recovery::RecoverySecret,
    seal::{
        blob::{BlobKey, Purpose, Work, memory},
        item::{self, ItemKey},
    },
    time::Timestamp,
};
use hallmark_suites::fuzz::{self, sealed};
use hallmark_vault::{
    hygiene::MediaType,
    identity::{Account, device::DeviceKeys, pairing::JoinCode},
    item::{Content, Kind as ItemKind, content::Version, sealed as sealed_item},
    profile::{PieceSecrets, Profile, Studio},
    provenance::{
        archive::Archive,
        claim::{Claim, Strength},
        credential,
        event::{Event, Kind},
        handover::{Draft, Offer},
        hidden::{Field, Hidden},
        minisign::WriterKey,
        part::{Metadata, Role},
        piece::{Domain, FORMAT, Maker, Metal, Piece},
        trust::{Card, Pin, PinRole, PinSource},
        write::{self, Minting, Source, StudioKeys},
    },
    state::{KdfCost, Passphrase, ProfileName, Store},
};
use rand::{SeedableRng, rngs::ChaCha20Rng};

use crate::fixtures;

/// One or more accepted inputs per target.
pub fn written() -> Vec<(&'static str, Vec<u8>)> {
    let file = minted();
    let archive = Archive::open(&file[..], file.len() as u64).unwrap();
    let entry = |name: &str| {
        let entry = archive.entries().iter().find(|entry| entry.name == name).unwrap();
        archive.read(entry).unwrap()
    };
    let studio = key(1).public();
    let card = Card { piece: piece().id, studio: studio.fingerprint() };
    let pub_file = write::pub_file(&studio, &"Rosa".parse().unwrap(), &WriterKey::new(key(2)));
    let minisig = WriterKey::new(key(2)).sign(fuzz::SUMS, fuzz::PIECE.parse().unwrap());
    let mut twice: json::Map<String, json::Value> = json::Map::new();
    twice.insert("name".into(), "ring".into());
    for seed in [1, 2] {
        proof::sign(&mut twice, &key(seed), at());
    }
    let (_, disclosures) = hidden();
    let jcs = br#"{"a":[1,-1,9007199254740991],"b":{"c":"\u0007\"x"},"d":null,"e":true}"#;
    let mut seeds = vec![
        ("archive", file.clone()),
        ("card", card.to_string().into()),
        ("date", "2024-02-29".into()),
        ("did_key", studio.to_string().into()),
        ("did_key", studio.as_bytes().to_vec()),
        ("disclosure", disclosures[0].as_str().into()),
        ("disclosure", serde_json::to_vec(&hidden().0).unwrap()),
        ("documents", entry("manifest.json")),
        ("documents", entry("events/0001.json")),
        ("documents", entry("status/status.json")),
        ("domain", "rosa.example:8443".into()),
        ("fingerprint", studio.fingerprint().to_string().into()),
        ("inspect", file.clone()),
        ("json", jcs.to_vec()),
        ("json", entry("status/status.json")),
        ("minisign", minisig.into()),
        ("part_path", "media/01-front.jpg".into()),
        ("piece_id", fuzz::PIECE.into()),
        ("proof", entry("events/0001.json")),
        ("proof", json::canonical(&json::Value::Object(twice))),
        ("studio_pub", pub_file.into()),
        ("text", "Ring \"Flut\", 18 kt — für Ána".into()),
        ("timestamp", "2026-05-03T12:00:00Z".into()),
    ];
    seeds.extend(account());
    seeds.extend(log());
    seeds.extend(strangers());
    seeds.extend(media());
    seeds.extend(sealed_and_signed());
    seeds.extend(state());
    seeds
}

fn to_json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// A log of one anchor, and all that is said of it.
fn log() -> Vec<(&'static str, Vec<u8>)> {
    let rng = &mut ChaCha20Rng::seed_from_u64(40);
    let own = |seed: u8, name: &str, algorithm| {
        VerifierKey::new(name.parse().unwrap(), algorithm, key(seed).public())
    };
    let log = own(41, "vault.example/log", Algorithm::Ed25519);
    let witness = own(42, "witness.example", Algorithm::CosignatureV1);
    let anchor = NewAnchor::of(Sha256::of(b"a manifest"), rng);
    let entry = anchor.entry();
    let Entry::Place(place) = Entry::parse(&entry).unwrap() else { unreachable!("a place") };
    let placed = Placed { label: place.w.label(), index: 0 };
    let mut pages = InMemory::new();
    let Ok(root) = map::insert(&mut pages, vec![placed]);
    let map_root = MapRoot { covers: 1, root }.to_bytes();
    let mut growth = Growth::default();
    growth.push(leaf_hash(&entry));
    growth.push(leaf_hash(&map_root));
    let says = Checkpoint {
        origin: log.name().to_string(),
        size: 2,
        root: growth.root(),
        extensions: Vec::new(),
    };
    let mut checkpoint = SignedCheckpoint::new(says);
    let text = checkpoint.note().text().to_owned();
    checkpoint.note_mut().add(log.sign(&key(41), &text));
    checkpoint.note_mut().add(witness.cosign(&key(42), &text, at()));
    let inclusion = |index| growth.proofs().inclusion(index).unwrap();
    let proof = LogProof { index: 0, hashes: inclusion(0), checkpoint: checkpoint.clone() };
    let anchor = anchor.logged(&proof);
    let (link, named) = anchor.chain();
    let mut look_up = |label| {
        let Ok(lookup) = map::look_up(&mut pages, label);
        lookup
    };
    let all = LookedUpAll {
        checkpoint: checkpoint.to_string(),
        map_root: root,
        map_inclusion: inclusion(1),
        labels: vec![
            Found { lookup: look_up(&named.label), inclusion: inclusion(0) },
            Found { lookup: look_up(&named.next), inclusion: Vec::new() },
        ],
    };
    let one = LookedUp {
        checkpoint: checkpoint.to_string(),
        map_root: root,
        map_inclusion: inclusion(1),
        lookup: look_up(&named.label),
    };
    let fork = Fork::new(&checkpoint, &checkpoint, Sha256::of(b"another"), Vec::new());
    let asked = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: checkpoint.clone() };
    let mut bundle = Vec::new();
    [&entry, &map_root, &entry].into_iter().for_each(|entry| append_entry(&mut bundle, entry));
    let policy = format!("log {log}\nwitness one {witness} https://witness.example\nquorum one\n");
    let page = pages.values().next().unwrap().to_bytes();
    vec![
        ("checkpoint", checkpoint.to_string().into()),
        ("log_entry", entry),
        ("log_entry", map_root),
        ("log_entry", br#"{"kind":"note","text":"x"}"#.to_vec()),
        ("log_json", anchor.to_bytes()),
        ("log_json", to_json(&fork)),
        ("log_json", to_json(&one)),
        ("log_json", to_json(&all)),
        ("log_json", to_json(&all.clone().into_proof(vec![link]).unwrap())),
        ("log_policy", policy.into()),
        ("log_proof", proof.to_string().into()),
        ("map_page", page),
        ("tile", "tile/entries/x001/234.p/7".into()),
        ("tile", bundle),
        ("vkey", log.to_string().into()),
        ("vkey", witness.to_string().into()),
        ("witness", asked.to_string().into()),
        ("witness", "7\n".into()),
    ]
}

/// Files of every type that is cleaned.
fn media() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("flac", fixtures::flac()),
        ("heif", fixtures::heic()),
        ("jpeg", fixtures::jpeg()),
        ("media_type", "Ring \"Flut\", 18 kt\n".into()),
        ("media_type", MediaType::QuickTime.mime().into()),
        ("media_type", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf".to_vec()),
        ("mp3", fixtures::mp3()),
        ("mp4", fixtures::mp4(b"isom", None)),
        ("mp4", fixtures::mp4(b"qt  ", Some(b"gpmd"))),
        ("ogg", fixtures::ogg(false, 600)),
        ("ogg", fixtures::ogg(true, 100)),
        ("pdf", fixtures::pdf()),
        ("png", fixtures::png()),
        ("wav", fixtures::wav()),
        ("webp", fixtures::webp()),
    ]
}

/// What is encrypted or signed, under [`sealed::KEY`].
fn sealed_and_signed() -> Vec<(&'static str, Vec<u8>)> {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let content = b"12 Rue de la Paix";
    let framed = [&(content.len() as u64).to_be_bytes(), content.as_slice(), &[0]].concat();
    let blob = BlobKey::from_bytes(&sealed::KEY);
    let blob = memory::seal(&blob, Purpose::FILE, rng, content, &Work::alone()).unwrap();
    let item = ItemKey::from_bytes(&sealed::KEY);
    let item = item::seal_with(&item, &sealed::BINDING, rng, content).unwrap();

    let target = Target::new("POST", "hub.example:8443", "/v1/holds", Some("a=1")).unwrap();
    let (id, digest) = (KeyId::new("device-7").unwrap(), ContentDigest::of(content));
    let device = SigningKey::from_seed(&sealed::KEY);
    let headers = httpsig::sign(&device, &id, &target, &digest, sealed::SIGNED_AT, rng).unwrap();
    let request = [
        headers.content_digest.as_str(),
        &headers.signature_input,
        &headers.signature,
        "POST",
        "hub.example:8443",
        "/v1/holds",
        "a=1",
    ];
    let words = RecoverySecret::generate(rng).words();
    let words: Vec<&str> = words.iter().collect();
    let prefixes: Vec<&str> = words.iter().map(|word| &word[..word.len().min(4)]).collect();

    let offer = Offer::new(piece().id, &key(4), chain().label(4));
    let (fields, disclosures) = hidden();
    let event = credential::Credential::new(key(1).public(), at(), sold(fields));
    let draft = Draft::new(event.sign(&key(1)).unwrap(), disclosures);
    vec![
        ("blob", blob),
        ("blob", framed),
        ("item", item.as_bytes().to_vec()),
        ("item", content.to_vec()),
        ("httpsig", request.join("\n").into()),
        ("recovery", words.join(" ").into()),
        ("recovery", prefixes.join("\t").to_uppercase().into()),
        ("handover", serde_json::to_vec(&offer).unwrap()),
        ("handover", serde_json::to_vec(&draft).unwrap()),
    ]
}

/// A sale, as the seller drafts it.
fn sold(hidden: Hidden) -> Event {
    Event {
        id: piece().id,
        kind: Kind::Sold,
        sequence: 2,
        previous: Sha256::of(b"event"),
        label: chain().label(2),
        next_label: chain().label(3),
        resume_label: None,
        biz_step: None,
        disposition: None,
        occurred: None,
        until: None,
        by: None,
        note: None,
        owner: Some(key(4).public()),
        setting: None,
        claims: Vec::new(),
        warranties: Vec::new(),
        hidden: Some(hidden),
        parts: Vec::new(),
    }
}

/// What the service reads before anything is verified.
fn strangers() -> Vec<(&'static str, Vec<u8>)> {
    let post =
        "POST /v1/accounts HTTP/1.1\r\nHost: vault.example\r\nContent-Length: 5\r\n\r\n12345";
    let get = "GET /v1/service?a=1 HTTP/1.1\r\nhost: vault.example\r\n\r\n";
    let chunked =
        "PUT /x HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let range = |size: u64, field: &str| [&size.to_be_bytes(), field.as_bytes()].concat();
    vec![
        ("proxy_field", "10.0.0.0/8".into()),
        ("proxy_field", "2001:db8::/32".into()),
        ("proxy_field", "203.0.113.5, 198.51.100.9:1234\n10.0.0.2".into()),
        ("proxy_field", "for=203.0.113.5, For=\"[2001:db8::9]:80\";proto=https".into()),
        ("range", range(10, "bytes=2-5")),
        ("range", range(10, "bytes=2-")),
        ("range", range(1 << 40, "bytes=-300")),
        ("request_head", [post, get].concat().into()),
        ("request_head", [get, get, chunked].concat().into()),
    ]
}

/// A state file, and what is inside one.
fn state() -> Vec<(&'static str, Vec<u8>)> {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let home = tempfile::tempdir().unwrap();
    let (name, passphrase) = (ProfileName::default(), Passphrase::new("fuzz").unwrap());
    let store =
        Store::<Profile>::create(home.path(), &name, &passphrase, KdfCost::MINIMUM, rng).unwrap();
    let file = fs::read(store.path()).unwrap();

    let domain: Domain = "rosa.example".parse().unwrap();
    let (studio, _) = Studio::found("Rosa".parse().unwrap(), None, Some(domain.clone()), rng);
    let mut profile = Profile { studio: Some(studio), ..Profile::default() };
    let source = PinSource::Domain { domain, checked: at() };
    let fingerprint = key(1).public().fingerprint();
    let name_of = "Rosa".parse().unwrap();
    let pin = Pin {
        fingerprint,
        name: name_of,
        role: PinRole::Lab,
        source,
        since: at(),
        followed: Vec::new(),
    };
    profile.pins.add(pin).unwrap();
    let mut secrets = PieceSecrets::unminted("Ring".parse().unwrap(), rng);
    secrets.owner_key(rng);
    secrets.keep(&hidden().1);
    profile.pieces.insert(piece().id, secrets);
    vec![
        ("profile", serde_json::to_vec(&profile).unwrap()),
        ("profile", name.as_str().into()),
        ("state", file),
    ]
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn at() -> Timestamp {
    "2026-05-03T12:00:00Z".parse().unwrap()
}

fn hidden() -> (Hidden, Vec<hallmark_vault::provenance::hidden::Disclosure>) {
    let price = Field { name: "price".into(), value: 189_000.into() };
    Hidden::hide(&[price], &mut ChaCha20Rng::seed_from_u64(2)).unwrap()
}

fn piece() -> Piece {
    let claim = Claim {
        about: "metals/0".parse().unwrap(),
        says: "Gold 750".parse().unwrap(),
        strength: Strength::Lab,
        by: "Laboratory".parse().unwrap(),
        rule: "own".parse().unwrap(),
        date: "2026-05-03".parse().unwrap(),
        attestation: None,
    };
    let metal =
        Metal { metal: "gold".parse().unwrap(), fineness: 750, colour: None, weight_mg: None };
    let id = PieceId::generate(&mut ChaCha20Rng::seed_from_u64(1));
    let mut claims = vec![claim];
    let value = serde_json::to_value(&metal).unwrap();
    claims[0].attest(id, value, [].into(), &key(40), at()).unwrap();
    Piece {
        id,
        format: FORMAT.into(),
        title: "Ring".parse().unwrap(),
        kind: None,
        first_label: chain().label(1),
        serial: None,
        gs1: None,
        size: None,
        inscription: None,
        metals: vec![metal],
        weight_mg: None,
        hallmark: None,
        stones: Vec::new(),
        origin: None,
        warranties: Vec::new(),
        materials: Vec::new(),
        maker: Maker {
            name: "Rosa".parse().unwrap(),
            domain: None,
            place: None,
            successor: key(99).public(),
        },
        claims,
        hidden: Some(hidden().0),
        parts: Vec::new(),
        story: Vec::new(),
    }
}

fn chain() -> ChainSecret {
    ChainSecret::generate(&mut ChaCha20Rng::seed_from_u64(3))
}

/// A small valid file.
fn minted() -> Vec<u8> {
    let metadata = Metadata { outcome: "clean".into(), removed: vec![], reveals: vec![] };
    let content = Box::new(Cursor::new(b"\xff\xd8\xff\xd9".to_vec()));
    let path = "media/01.jpg".parse().unwrap();
    let photo = Source::new(path, MediaType::Jpeg, Role::Photo, None, metadata, content).unwrap();
    let minting =
        Minting { piece: piece(), sources: vec![photo], made: None, at: at(), status_days: 180 };
    let keys = StudioKeys { identity: key(1), writer: WriterKey::new(key(2)) };
    write::mint(minting, &keys, &chain(), Cursor::new(Vec::new())).unwrap().into_inner()
}

/// An account with two devices and one item, in what is sent and answered about it.
fn account() -> Vec<(&'static str, Vec<u8>)> {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut account = Account::create(at(), &mut rng);
    let create = account.unregistered().unwrap();
    let code = JoinCode::new(DeviceKeys::generate(&mut rng).public());
    let added = account.add(code.device(), at(), &mut rng).unwrap();
    let append = added.append(Vec::new());
    account.accept(added);
    let by = account.device().signing();
    let version = Version {
        fields: [("text".to_owned(), "52".to_owned())].into(),
        attachments: Vec::new(),
        at: at(),
        by: by.public(),
    };
    let content = Content::new(ItemKind::Note, version.clone()).unwrap();
    let content = content.edited(1, version).unwrap();
    let item = ItemId::from_bytes([7; 16]);
    let record =
        sealed_item::record(account.id(), item, 1, &content, account.root(), &mut rng).unwrap();
    let leaves = Leaves([(item, record.leaf())].into());
    let manifest = Manifest {
        account: account.id(),
        version: 1,
        previous: None,
        devices: 1,
        items: 1,
        root: leaves.root(),
        at: at(),
        by: by.public(),
    };
    let manifest = Signed::new(manifest, &by).unwrap();
    let commit =
        Commit { manifest: manifest.clone(), records: vec![record.clone()], removed: vec![item] };
    let devices =
        Devices { entries: account.entries().to_vec(), wraps: Some(append.wraps.clone()) };
    let sync = Sync {
        entries: account.entries().to_vec(),
        wraps: Some(append.wraps.clone()),
        manifests: vec![manifest],
        records: vec![record],
        removed: Vec::new(),
        rewrapped: Vec::new(),
        next: Some(exchange::Cursor { manifest: 1, item: Some(item) }),
    };
    let blob = BlobId::from_bytes([8; 16]);
    let upload = Upload { blob, size_bytes: 5, parts: vec![0], complete: true };
    let erasure = Erasure {
        account: account.id(),
        at: at(),
        items: 1,
        blobs: 1,
        bytes: 5,
        by: key(4).public(),
    };
    let info = ServiceInfo {
        key: key(4).public(),
        now: at(),
        quota_bytes: 1 << 30,
        max_body_bytes: 8 << 20,
    };
    let json = |value: serde_json::Value| serde_json::to_vec(&value).unwrap();
    vec![
        ("answer", json(serde_json::to_value(&devices).unwrap())),
        ("answer", json(serde_json::to_value(&sync).unwrap())),
        ("answer", json(serde_json::to_value(&upload).unwrap())),
        ("answer", json(serde_json::to_value(&info).unwrap())),
        ("answer", json(serde_json::to_value(Signed::new(erasure, &key(4)).unwrap()).unwrap())),
        ("wire_request", json(serde_json::to_value(&create).unwrap())),
        ("wire_request", json(serde_json::to_value(&append).unwrap())),
        ("wire_request", json(serde_json::to_value(&commit).unwrap())),
        ("problem", json(serde_json::to_value(Problem::new(Code::Quota, "x")).unwrap())),
        ("join_code", code.to_string().into()),
        ("item_content", content.plaintext().to_vec()),
    ]
}
