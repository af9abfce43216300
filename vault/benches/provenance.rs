//! Inspecting provenance files in memory, by wall time: the small file the tests are made of, and
//! 64 MiB in one part and in eight.
//!
//! `cargo bench -p hallmark-vault --bench provenance`

#![allow(clippy::unwrap_used)] // as in the tests whose fixture it uses

#[path = "../tests/provenance/fixture.rs"]
#[allow(dead_code)] // only its small file is wanted
mod fixture;

use std::{hint::black_box, io::Cursor};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hallmark_vault::{
    hygiene::MediaType,
    provenance::{
        inspect,
        part::Role,
        write::{self, Minting},
    },
};

const LARGE_BYTES: usize = 64 << 20;
const THREADS: usize = 2;

fn inspection(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inspect");
    let small = fixture::minted();
    group.bench_function("small", |bench| bench.iter(|| sound(black_box(&small))));

    group.throughput(Throughput::Bytes(LARGE_BYTES as u64)).sample_size(20);
    for parts in [1, 8] {
        let file = large(parts);
        group.bench_function(BenchmarkId::new("64-mib-parts", parts), |bench| {
            bench.iter(|| sound(black_box(&file)));
        });
    }
    group.finish();
}

fn sound(file: &[u8]) {
    let inspection = inspect::inspect(file, file.len() as u64, THREADS, &|_| true).unwrap();
    assert!(inspection.problems.is_empty(), "{:?}", inspection.problems);
}

/// The small piece with its parts replaced by large ones.
fn large(parts: usize) -> Vec<u8> {
    let content = vec![0x5a; LARGE_BYTES / parts];
    let source = |part: usize| {
        let path = format!("media/{part}.bin");
        fixture::source(&path, MediaType::OctetStream, Role::Other, &content)
    };
    let mut piece = fixture::piece();
    piece.story.clear();
    let minting = Minting {
        piece,
        sources: (0..parts).map(source).collect(),
        made: None,
        at: fixture::at(fixture::MINTED),
        status_days: 180,
    };
    let out = Cursor::new(Vec::new());
    write::mint(minting, &fixture::studio(), &fixture::chain(), out).unwrap().into_inner()
}

criterion_group!(benches, inspection);
criterion_main!(benches);
