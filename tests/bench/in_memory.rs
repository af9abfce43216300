//! Sealing and opening in process, against the `age` crate on the same buffers.
//!
//! Both work from buffer to buffer, each of them written to beforehand: ours on all cores by
//! `seal_into` and `open_into`, age as a stream to an X25519 recipient, its one way.

use std::{
    io::{Read, Write},
    iter,
    time::Instant,
};

use anyhow::{Context, ensure};
use hallmark_cli::session;
use hallmark_core::seal::blob::{BlobKey, Purpose, Work, blob_len, memory};

use crate::{
    filler::Filler,
    house::{House, tell},
    pairs::interleave,
    row::{Row, Target},
};

const PEER: &str = "age crate 0.12";
const TARGET: Target = Target::SpeedAtLeast(6.0);

/// Seal, open, and the memory both take besides the buffers.
///
/// # Errors
/// When anything fails to seal or open.
pub fn rows(house: &House) -> anyhow::Result<Vec<Row>> {
    let size = House::size_in_words(house.size_mib);
    tell(&format!("filling buffers of {size}"));
    let mut content = Vec::new();
    Filler::new(1, house.size_bytes()).read_to_end(&mut content)?;
    let (mut ours, mut age) = (Ours::new(&content)?, Age::new(&content)?);

    tell("sealing in memory");
    let sealed = interleave(house.pairs, || ours.seal(&content), || age.seal(&content))?;
    tell("opening in memory");
    let opened = interleave(house.pairs, || ours.open(&content), || age.open(&content))?;
    let peak = peak_beyond(|| {
        ours.seal(&content)?;
        ours.open(&content).map(drop)
    });
    let besides = format!("seal and open {size} in memory, besides the buffers");
    Ok(vec![
        Row::compared(format!("seal {size} in memory"), PEER, TARGET, &sealed),
        Row::compared(format!("open {size} in memory"), PEER, TARGET, &opened),
        match peak {
            Ok(peak_kib) => Row::peak(besides, iter::once(peak_kib)),
            Err(error) => Row::skipped(besides, format!("{error:#}")),
        },
    ])
}

struct Ours {
    key: BlobKey,
    sealed: Vec<u8>,
    opened: Vec<u8>,
}

impl Ours {
    fn new(content: &[u8]) -> anyhow::Result<Self> {
        let len = usize::try_from(blob_len(content.len() as u64)?)?;
        let key = BlobKey::generate(&mut rand::rng());
        Ok(Self { key, sealed: vec![1; len], opened: vec![1; len] })
    }

    fn seal(&mut self, content: &[u8]) -> anyhow::Result<f64> {
        let work = Work::on(session::threads());
        let begun = Instant::now();
        let rng = &mut rand::rng();
        memory::seal_into(&self.key, Purpose::FILE, rng, content, &mut self.sealed, &work)?;
        Ok(begun.elapsed().as_secs_f64())
    }

    fn open(&mut self, content: &[u8]) -> anyhow::Result<f64> {
        let work = Work::on(session::threads());
        let begun = Instant::now();
        let len =
            memory::open_into(&self.key, Purpose::FILE, &self.sealed, &mut self.opened, &work)?;
        let took_s = begun.elapsed().as_secs_f64();
        ensure!(self.opened[..len] == *content, "ours opened to something else");
        Ok(took_s)
    }
}

struct Age {
    identity: age::x25519::Identity,
    sealed: Vec<u8>,
    opened: Vec<u8>,
}

impl Age {
    fn new(content: &[u8]) -> anyhow::Result<Self> {
        let identity = age::x25519::Identity::generate();
        let mut age = Self { identity, sealed: Vec::new(), opened: vec![1; content.len()] };
        age.seal(content)?;
        Ok(age)
    }

    fn seal(&mut self, content: &[u8]) -> anyhow::Result<f64> {
        let recipient = self.identity.to_public();
        let begun = Instant::now();
        self.sealed.clear();
        let age = age::Encryptor::with_recipients(iter::once(&recipient as _))?;
        let mut stream = age.wrap_output(&mut self.sealed)?;
        stream.write_all(content)?;
        stream.finish()?;
        Ok(begun.elapsed().as_secs_f64())
    }

    fn open(&mut self, content: &[u8]) -> anyhow::Result<f64> {
        let begun = Instant::now();
        let age = age::Decryptor::new(self.sealed.as_slice())?;
        let mut stream = age.decrypt(iter::once(&self.identity as _))?;
        stream.read_exact(&mut self.opened)?;
        let took_s = begun.elapsed().as_secs_f64();
        ensure!(self.opened == content, "age opened to something else");
        Ok(took_s)
    }
}

/// How far this process grows beyond what it holds now while `work` is done, in KiB.
///
/// # Errors
/// Where the system does not tell (it does on Linux), or as `work`.
fn peak_beyond(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<u64> {
    // proc(5): 5 makes the peak what is resident now.
    std::fs::write("/proc/self/clear_refs", "5").context("the peak cannot be reset here")?;
    let before = resident_peak_kib()?;
    work()?;
    Ok(resident_peak_kib()?.saturating_sub(before))
}

fn resident_peak_kib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let figure = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    Ok(figure.context("the system does not tell the peak")?.trim().parse()?)
}
