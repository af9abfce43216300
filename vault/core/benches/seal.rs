//! Sealing and opening 256 MiB in memory, on one thread and on two, into buffers used before.
//!
//! `cargo bench -p hallmark-core --bench seal`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hallmark_core::seal::blob::{BlobKey, Purpose, Work, blob_len, memory};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::hint::black_box;
use std::num::NonZeroUsize;

const CONTENT_LEN: usize = 256 << 20;

fn blob(criterion: &mut Criterion) {
    let mut rng = StdRng::seed_from_u64(1);
    let key = BlobKey::generate(&mut rng);
    let content = vec![0x5a; CONTENT_LEN];
    let len = blob_len(CONTENT_LEN as u64).expect("256 MiB fit in a blob");
    let mut sealed = vec![1; usize::try_from(len).expect("256 MiB fit in memory")];
    let mut opened = vec![1; sealed.len()];

    let mut group = criterion.benchmark_group("blob-256-mib");
    group.throughput(Throughput::Bytes(CONTENT_LEN as u64)).sample_size(20);
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
                assert_eq!(black_box(len), CONTENT_LEN);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, blob);
criterion_main!(benches);
