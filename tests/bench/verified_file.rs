//! `hallmark verify` of large provenance files, against `openssl dgst -sha256` on the same bytes,
//! which for a buyer who trusts nobody is the least there is to do.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use hallmark_core::{chain::ChainSecret, id::PieceId, key::SigningKey, time::Timestamp};
use hallmark_vault::{
    hygiene::MediaType,
    provenance::{
        minisign::WriterKey,
        part::{Metadata, Role},
        piece::{FORMAT, Piece},
        text::Text,
        write::{self, Minting, Source, StudioKeys},
    },
};
use serde_json::json;

use crate::{
    filler::Filler,
    house::{House, tell, warm},
    pairs::interleave,
    program::{Program, Run},
    row::{Row, Target},
};

const PEER: &str = "openssl dgst -sha256";

/// Wall time and peak memory with one large part and with eight.
///
/// # Errors
/// When a file cannot be minted, or a program fails: a file that does not verify is a failure too.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let size = House::size_in_words(house.size_mib);
    let mut rows = Vec::new();
    for (parts, words, least) in [(1, "one part", 0.9), (8, "eight parts", 1.5)] {
        let what = format!("verify {size}, {words}");
        let minted = Minted::new(house, house.size_bytes(), parts)?;
        tell(&what);
        warm(&minted.file)?;
        let ours = minted.verify(house);
        let openssl = Program::new("openssl").args(["dgst", "-sha256"]).arg(&minted.file);
        let runs = interleave(house.pairs, || house.run(&ours), || house.run(&openssl))?;
        let walls: Vec<_> = runs.iter().map(|(ours, peer)| (ours.wall_s, peer.wall_s)).collect();
        rows.push(Row::compared(&what, PEER, Target::SpeedAtLeast(least), &walls));
        rows.push(Row::peak(&what, runs.iter().map(|(ours, _): &(Run, Run)| ours.peak_kib)));
        house.remove(&minted.file)?;
    }
    Ok(rows)
}

/// Peak memory with four times the size in one part.
///
/// # Errors
/// As [`rows`].
pub fn peak_rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let what = format!("verify {}, one part", House::size_in_words(4 * house.size_mib));
    let minted = Minted::new(house, 4 * house.size_bytes(), 1)?;
    tell(&what);
    let run = house.run(&minted.verify(house))?;
    house.remove(&minted.file)?;
    Ok(vec![Row::peak(what, std::iter::once(run.peak_kib))])
}

/// A provenance file and the key of the studio that made it.
struct Minted {
    file: PathBuf,
    studio_pub: PathBuf,
}

impl Minted {
    /// `size_bytes` of content in `parts` parts of a type nobody looks into.
    fn new(house: &House, size_bytes: u64, parts: u64) -> anyhow::Result<Self> {
        tell(&format!("minting {} in {parts} parts", House::size_in_words(size_bytes >> 20)));
        let mut rng = rand::rng();
        let identity = SigningKey::generate(&mut rng);
        let writer = WriterKey::new(SigningKey::generate(&mut rng));
        let keys = StudioKeys { identity, writer };
        let chain = ChainSecret::generate(&mut rng);
        let at = now()?;
        let name: Text = "Bench".parse()?;
        let minted =
            Self { file: house.file("bench.hallmark"), studio_pub: house.file("studio.pub") };
        let pub_file = write::pub_file(&keys.identity.public(), &name, &keys.writer);
        fs::write(&minted.studio_pub, pub_file)?;
        let sources = (1..=parts)
            .map(|part| source(part, size_bytes / parts))
            .collect::<anyhow::Result<_>>()?;
        let piece = piece(PieceId::generate(&mut rng), &chain, at)?;
        let minting = Minting { piece, sources, made: None, at, status_days: 1 };
        write::mint(minting, &keys, &chain, File::create(&minted.file)?)?;
        Ok(minted)
    }

    fn verify(&self, house: &House) -> Program {
        house.hallmark().arg("verify").arg(&self.file).arg("--trust").arg(&self.studio_pub)
    }
}

fn source(part: u64, size_bytes: u64) -> anyhow::Result<Source> {
    let metadata = Metadata { outcome: "unchecked".into(), removed: vec![], reveals: vec![] };
    let content = Box::new(Filler::new(part, size_bytes));
    let path = format!("media/{part:02}.bin").parse()?;
    Ok(Source::new(path, MediaType::OctetStream, Role::Other, None, metadata, content)?)
}

/// The least a manifest can say.
fn piece(id: PieceId, chain: &ChainSecret, at: Timestamp) -> anyhow::Result<Piece> {
    let date = at.to_string();
    let piece = json!({
        "id": id,
        "format": FORMAT,
        "title": "A large file",
        "firstLabel": chain.label(1),
        "metals": [{"metal": "gold", "fineness": 750}],
        "maker": {"name": "Bench", "successor": SigningKey::generate(&mut rand::rng()).public()},
        "claims": [{
            "about": "metals/0",
            "says": "Gold 750",
            "strength": "self-declared",
            "by": "Bench",
            "rule": "none",
            "date": date.split('T').next(),
        }],
        "parts": [],
    });
    serde_json::from_value(piece).context("the piece is not as the format has it")
}

fn now() -> anyhow::Result<Timestamp> {
    let since: Duration = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Timestamp::from_unix_s(i64::try_from(since.as_secs())?)?)
}
