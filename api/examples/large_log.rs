//! Publishes a log of many entries as a service does, for tools that read one: all files of its
//! checkpoint in a folder, with `vkey`.
//!
//! ```text
//! cargo run -p hallmark-api --example large_log -- FOLDER ENTRIES
//! ```

use std::{fs, path::PathBuf, sync::Arc, time::Instant};

use hallmark_api::{
    app::log::{Log, LogError, LogSettings},
    store::{Options, Store},
};
use hallmark_consent::log::entry::{ChainKind, Place};
use hallmark_core::{chain::ChainSecret, hash::Sha256, key::SigningKey, secret::Secret};

/// Entries that wait at once.
const AT_ONCE: u64 = 8192;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut args = std::env::args_os().skip(1);
    let folder = PathBuf::from(args.next().ok_or("which folder?")?);
    let entries: u64 = args.next().ok_or("how many entries?")?.to_string_lossy().parse()?;
    let data = folder.with_extension("data");
    let store = Arc::new(Store::open(&data, &Options::default())?);
    let settings = LogSettings::new("large.example/log".parse()?);
    let key = SigningKey::from_seed(&[7; 32]);
    let log = Arc::new(Log::open(Arc::clone(&store), settings, key)?);
    let begun = Instant::now();
    let (mut from, mut told) = (0, 0);
    while from < entries {
        let to = entries.min(from + AT_ONCE);
        let some: Vec<_> = (from..to)
            .map(|n| {
                let log = Arc::clone(&log);
                tokio::spawn(async move { log.submit(entry(n)).await })
            })
            .collect();
        for one in some {
            one.await??;
        }
        from = to;
        if from / 100_000 > told {
            told = from / 100_000;
            eprintln!(
                "{from} entries, {:.0} a second",
                from as f64 / begun.elapsed().as_secs_f64()
            );
        }
    }
    let rate = entries as f64 / begun.elapsed().as_secs_f64();
    println!("{entries} entries, {rate:.0} a second");
    let published = log.published().ok_or(LogError::Unpublished)?;
    log.files().copy_to(&folder, published.size())?;
    fs::write(folder.join("checkpoint"), published.checkpoint.to_string())?;
    fs::write(folder.join("vkey"), format!("{}\n", log.key()))?;
    tokio::task::spawn_blocking(move || {
        log.close();
        store.close();
    })
    .await?;
    Ok(fs::remove_dir_all(data)?)
}

/// A place of a private chain, another one for each number.
fn entry(n: u64) -> Vec<u8> {
    let chain: ChainSecret =
        serde_json::from_value(serde_json::json!(Secret::from_bytes(&seed(n)))).expect("a secret");
    let commitment = Sha256::of(&n.to_be_bytes());
    Place { kind: ChainKind::Consent, w: chain.opening(1), commitment }.to_bytes()
}

fn seed(n: u64) -> [u8; 32] {
    *Sha256::of(&n.to_le_bytes()).as_bytes()
}
