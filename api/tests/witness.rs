//! A witness over HTTP: each answer that C2SP tlog-witness has, and what it never answers.
#![allow(clippy::unwrap_used)]

use std::{path::Path, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use hallmark_api::{
    app::witness::{Rebuild, Witness},
    http,
    store::WitnessStore,
};
use hallmark_consent::log::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    growth::Growth,
    merkle::leaf_hash,
    note::{Algorithm, VerifierKey},
    tile::TileError,
    tree::{Tiles, Tree},
    witness::{AddCheckpoint, conflicting_size, cosignature},
};
use hallmark_core::{hash::Sha256, key::SigningKey, time::Timestamp};
use tower::ServiceExt;

const NOW_S: i64 = 1_800_000_000;

fn named(seed: u8, name: &str, algorithm: Algorithm) -> (VerifierKey, SigningKey) {
    let key = SigningKey::from_seed(&[seed; 32]);
    (VerifierKey::new(name.parse().unwrap(), algorithm, key.public()), key)
}

fn log() -> (VerifierKey, SigningKey) {
    named(1, "vault.example/log", Algorithm::Ed25519)
}

fn witness() -> (VerifierKey, SigningKey) {
    named(2, "witness.example", Algorithm::CosignatureV1)
}

fn served(data: &Path, now_s: i64, rebuild: Option<Box<dyn Rebuild>>) -> Router {
    let clock = Box::new(move || Timestamp::from_unix_s(now_s).unwrap());
    let store = WitnessStore::open(data).unwrap();
    let witness = Witness::new(store, witness(), vec![log().0], rebuild, clock);
    http::witness::router(Arc::new(witness))
}

/// A log of fewer than 256 entries, `salt` telling one history from another.
fn history(size: u64, salt: &str) -> Growth {
    let mut growth = Growth::default();
    (0..size).for_each(|n| growth.push(leaf_hash(format!("{salt}{n}").as_bytes())));
    growth
}

struct Edge<'a>(&'a Growth);

impl Tiles for Edge<'_> {
    type Error = TileError;

    fn read(&mut self, tile: hallmark_consent::log::tile::Tile) -> Result<Vec<u8>, TileError> {
        Ok(self.0.edge_tiles().find(|(one, _)| *one == tile).unwrap().1)
    }
}

fn checkpoint(growth: &Growth, (name, key): (VerifierKey, SigningKey)) -> SignedCheckpoint {
    let says = Checkpoint {
        origin: name.name().to_string(),
        size: growth.size(),
        root: growth.root(),
        extensions: Vec::new(),
    };
    let mut checkpoint = SignedCheckpoint::new(says);
    let line = name.sign(&key, checkpoint.note().text());
    checkpoint.note_mut().add(line);
    checkpoint
}

fn request(old_size: u64, growth: &Growth) -> AddCheckpoint {
    let proof = Tree::new(Edge(growth), growth.size()).consistency(old_size, growth.size());
    AddCheckpoint { old_size, proof: proof.unwrap(), checkpoint: checkpoint(growth, log()) }
}

/// Status, media type and body.
async fn asked(router: &Router, request: Request<Body>) -> (u16, String, String) {
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let media_type = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, media_type, String::from_utf8(body.to_vec()).unwrap())
}

async fn add(router: &Router, body: impl Into<Body>) -> (u16, String, String) {
    asked(router, Request::post("/add-checkpoint").body(body.into()).unwrap()).await
}

/// T-40: each refusal has its status, and a restart forgets nothing.
#[tokio::test]
async fn every_answer_of_the_protocol() {
    let data = tempfile::tempdir().unwrap();
    let router = served(data.path(), NOW_S, None);
    let (three, seven) = (history(3, "a"), history(7, "a"));
    let first = request(0, &three);
    let (status, _, body) = add(&router, first.to_string()).await;
    let (_, at) = cosignature(&body, &first.checkpoint, &witness().0).unwrap();
    assert_eq!((status, at.unix_s()), (200, NOW_S));

    let unknown = AddCheckpoint {
        checkpoint: checkpoint(&seven, named(1, "other.example/log", Algorithm::Ed25519)),
        ..request(3, &seven)
    };
    let forged = AddCheckpoint {
        checkpoint: checkpoint(&seven, named(9, "vault.example/log", Algorithm::Ed25519)),
        ..request(3, &seven)
    };
    let mut spoilt = request(3, &seven);
    spoilt.proof[0] = Sha256::of(b"another");
    let other = history(7, "b");
    for (request, expected) in [
        (unknown.to_string(), 404),
        (forged.to_string(), 403),
        ("old x\n\n".to_owned(), 400),
        (AddCheckpoint { old_size: 9, ..request(3, &seven) }.to_string(), 400),
        (spoilt.to_string(), 422),
        (request(3, &other).to_string(), 422),
        ("x".repeat(1 << 20), 413),
    ] {
        let (status, _, said) = add(&router, request).await;
        assert_eq!(status, expected, "{said}");
    }
    for late in [
        request(0, &seven),
        request(2, &seven),
        AddCheckpoint { old_size: 3, ..request(3, &history(3, "b")) },
    ] {
        let (status, media_type, said) = add(&router, late.to_string()).await;
        assert_eq!((status, media_type.as_str()), (409, "text/x.tlog.size"));
        assert_eq!(conflicting_size(&said), Some(3));
    }
    drop(router);
    let router = served(data.path(), NOW_S + 60, None);
    assert_eq!(add(&router, request(0, &other).to_string()).await.0, 409, "it was kept");
    assert_eq!(add(&router, request(3, &seven).to_string()).await.0, 200);
    assert_eq!(add(&router, request(7, &seven).to_string()).await.0, 200, "the same again");

    let hash = Sha256::of(b"vault.example/log");
    let monitor = Request::get(format!("/{hash}/checkpoint")).body(Body::empty()).unwrap();
    let (status, _, held) = asked(&router, monitor).await;
    let held = SignedCheckpoint::parse(held.as_bytes()).unwrap();
    assert_eq!((status, held.claimed().size), (200, 7));
    assert!(held.note().verify(&witness().0).unwrap().is_some());
    for path in ["/x/checkpoint".to_owned(), format!("/{}/checkpoint", Sha256::of(b"x"))] {
        let none = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(asked(&router, none).await.0, 404);
    }
}

/// T-44: a clock that was never set vouches for nothing.
#[tokio::test]
async fn no_time_is_vouched_for_without_a_clock() {
    let data = tempfile::tempdir().unwrap();
    let router = served(data.path(), 0, None);
    assert_eq!(add(&router, request(0, &history(3, "a")).to_string()).await.0, 500);
}

struct Never;

impl Rebuild for Never {
    fn check(&self, _: &SignedCheckpoint) -> Result<(), String> {
        Err("its map is wrong".to_owned())
    }
}

/// T-42: what a monitor finds unsound is neither cosigned nor kept.
#[tokio::test]
async fn a_monitor_cosigns_what_it_rebuilt_alone() {
    let data = tempfile::tempdir().unwrap();
    let asks = request(0, &history(3, "a")).to_string();
    let router = served(data.path(), NOW_S, Some(Box::new(Never)));
    let (status, _, said) = add(&router, asks.clone()).await;
    assert!(status == 422 && said.contains("its map is wrong"), "{said}");
    drop(router);
    assert_eq!(add(&served(data.path(), NOW_S, None), asks).await.0, 200);
}
