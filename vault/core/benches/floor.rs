//! The floor's primitives by wall time: blobs of 256 MiB in memory on one thread and on two, into
//! buffers used before; items, PADMÉ, strict JSON, JCS and proofs on what a manifest looks like.
//!
//! `cargo bench -p hallmark-core --bench floor`

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hallmark_core::json;
use hallmark_core::key::SigningKey;
use hallmark_core::proof;
use hallmark_core::seal::blob::{BlobKey, Purpose, Work, blob_len, memory};
use hallmark_core::seal::item::{self, Binding};
use hallmark_core::seal::padme::padme;
use hallmark_core::time::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value};
use std::hint::black_box;
use std::num::NonZeroUsize;

const BLOB_CONTENT_LEN: usize = 256 << 20;

fn blob(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    let key = BlobKey::generate(&mut rng);
    let content = vec![0x5a; BLOB_CONTENT_LEN];
    let len = blob_len(BLOB_CONTENT_LEN as u64).expect("256 MiB fit in a blob");
    let mut sealed = vec![1; usize::try_from(len).expect("256 MiB fit in memory")];
    let mut opened = vec![1; sealed.len()];

    let mut group = criterion.benchmark_group("blob-256-mib");
    group.throughput(Throughput::Bytes(BLOB_CONTENT_LEN as u64)).sample_size(20);
    for threads in [1, 2] {
        let work = Work::on(NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN));
        group.bench_function(BenchmarkId::new("seal", threads), |bench| {
            bench.iter(|| {
                memory::seal_into(&key, Purpose::FILE, &mut rng, &content, &mut sealed, &work)
                    .expect("the buffer has the blob's length");
                black_box(&sealed);
            });
        });
        group.bench_function(BenchmarkId::new("open", threads), |bench| {
            bench.iter(|| {
                let len = memory::open_into(&key, Purpose::FILE, &sealed, &mut opened, &work)
                    .expect("just sealed");
                assert_eq!(black_box(len), BLOB_CONTENT_LEN);
            });
        });
    }
    group.finish();
}

fn item(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(2);
    let binding = Binding {
        account: &[1; 16],
        item: &[2; 16],
        version: 3,
        purpose: "hallmark/item/v1/bench",
    };
    let mut group = criterion.benchmark_group("item");
    for bucket in item::BUCKETS {
        let content = vec![0x5a; bucket / 2];
        group.bench_function(BenchmarkId::new("seal", bucket), |bench| {
            bench.iter(|| item::seal(&binding, &mut rng, black_box(&content)));
        });
        let (key, envelope) = item::seal(&binding, &mut rng, &content).expect("half a bucket fits");
        group.bench_function(BenchmarkId::new("open", bucket), |bench| {
            bench.iter(|| envelope.open(&key, &binding).expect("just sealed"));
        });
    }
    group.finish();

    criterion.bench_function("padme", |bench| bench.iter(|| padme(black_box(1_234_567_890))));
}

fn document(criterion: &mut Criterion) {
    let document = manifest();
    let bytes = json::canonical(&Value::Object(document.clone()));
    let mut group = criterion.benchmark_group("document");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("strict-parse", |bench| {
        bench.iter(|| json::parse(black_box(&bytes)).expect("our own spelling"));
    });
    let value = Value::Object(document.clone());
    group.bench_function("jcs", |bench| bench.iter(|| json::canonical(black_box(&value))));

    let key = SigningKey::from_seed(&[7; SigningKey::SEED_LEN]);
    let created = Timestamp::from_unix_s(1_777_809_600).expect("a time within the format's years");
    let sign = |mut document: Map<String, Value>| {
        proof::sign(&mut document, &key, created);
        document
    };
    group.bench_function("sign", |bench| {
        bench.iter_batched(|| document.clone(), sign, BatchSize::SmallInput);
    });
    let signed = Value::Object(sign(document.clone()));
    group.bench_function("verify", |bench| {
        let verify = |signed| proof::verify(signed).expect("just signed");
        bench.iter_batched(|| signed.clone(), verify, BatchSize::SmallInput);
    });
    group.finish();
}

/// Some 8 kB in the shape of a manifest: few fields, many parts and claims.
fn manifest() -> Map<String, Value> {
    let part = |n: u32| {
        serde_json::json!({
            "path": format!("media/{n:02}.jpg"), "sha256": format!("{n:064x}"), "size": 2_000_000 + n,
            "type": "image/jpeg", "role": "photo", "metadata": {"outcome": "clean"},
        })
    };
    let claim = |n: u32| {
        serde_json::json!({
            "about": format!("stones/{n}"), "says": "Sapphire, heated, 1.02 ct", "by": "Rosa",
            "strength": "self-declared", "rule": "maker's own statement", "date": "2026-05-03",
        })
    };
    let mut document = Map::new();
    document.insert("@context".into(), serde_json::json!(["https://www.w3.org/ns/credentials/v2"]));
    document.insert("title".into(), "Tidewater ring".into());
    document.insert("parts".into(), (0..24).map(part).collect());
    document.insert("claims".into(), (0..24).map(claim).collect());
    document
}

criterion_group!(benches, blob, item, document);
criterion_main!(benches);
