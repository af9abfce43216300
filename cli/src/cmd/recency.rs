//! How recent a device list is: what a device offers the log, and what the log says to whoever opens the
//! account again (`consent/FORMAT.md`, section 10).

use anyhow::Context;
use hallmark_consent::log::{
    checkpoint::{Accepted, SignedCheckpoint},
    complete::LookedUpAll,
    devices::{DevicesChain, Recency},
    map::End,
    proof::LogProof,
};
use hallmark_core::{hash::Sha256, json, problem::Code};
use hallmark_vault::{identity::root::Root, online::Shown};

use super::audit::{Finding, Trusted};
use crate::remote::log::{LogRefused, LogService};

/// Places of a chain that are looked up at once.
const AT_ONCE: u64 = 32;
/// How often another place is tried.
const MAX_TRIES: u64 = 8;
/// The most places of a chain that are read: as many as an epoch can have, and as many taken by others.
const MAX_PLACES: u64 = 4096;

fn chain(root: &Root) -> DevicesChain {
    let (places, salts) = root.device_chain();
    DevicesChain::new(places, salts)
}

/// Offers the log the newest entry of a device list, in the chain of each of these roots. A service without
/// a log is no failure.
///
/// # Errors
/// What the log refuses; a proof that does not hold.
pub fn offer(
    service: &LogService,
    trusted: Option<&Trusted>,
    roots: &[&Root],
    head: Sha256,
) -> anyhow::Result<()> {
    for root in roots {
        let chain = chain(root);
        let Some(mut n) = free_place(service, &chain, head)? else { continue };
        for tries in 1.. {
            let entry = chain.entry(n, head);
            let said = match service.submit(&entry) {
                Ok(said) => said,
                Err(error) => {
                    match error.downcast_ref().and_then(|refused: &LogRefused| refused.code) {
                        // Another device of the account was first.
                        Some(Code::Taken) if tries < MAX_TRIES => {
                            n += 1;
                            continue;
                        }
                        Some(Code::NotFound) => return Ok(()),
                        _ => return Err(error),
                    }
                }
            };
            if let Some(trusted) = trusted {
                let proof: LogProof = said.parse().map_err(Finding::from)?;
                proof.verify(&entry, &trusted.policy).map_err(Finding::from)?;
            }
            break;
        }
    }
    Ok(())
}

/// The first place that the service says is free; `None` where the one before has this head. Where that
/// is not so, the log refuses it.
fn free_place(
    service: &LogService,
    chain: &DevicesChain,
    head: Sha256,
) -> anyhow::Result<Option<u64>> {
    let (mut first, mut before) = (1, None);
    while first < MAX_PLACES {
        let said = match looked_up(service, chain, first) {
            Err(error) if error.downcast_ref().is_some_and(LogRefused::has_no_log) => {
                return Ok(Some(1));
            }
            said => said?,
        };
        let size = SignedCheckpoint::parse(said.checkpoint.as_bytes())?.claimed().size;
        for (n, found) in (first..).zip(&said.labels) {
            let End::There(index) = found.lookup.end else {
                let last = before.map(|index| service.entry(index, size)).transpose()?;
                let is_there = last.is_some_and(|last| last == chain.entry(n - 1, head));
                return Ok((!is_there).then_some(n));
            };
            before = Some(index);
        }
        first += AT_ONCE;
    }
    anyhow::bail!("the chain of the device list has no end")
}

fn looked_up(
    service: &LogService,
    chain: &DevicesChain,
    first: u64,
) -> anyhow::Result<LookedUpAll> {
    let labels: Vec<_> = (first..first + AT_ONCE).map(|n| chain.label(n)).collect();
    let said = service.look_up(&labels)?;
    json::parse(said.as_bytes())
        .map_err(anyhow::Error::from)
        .and_then(|said| Ok(serde_json::from_value(said)?))
        .context("what the log answered is not what was asked")
}

/// What the log says of a device list that a service showed, under which checkpoint.
///
/// # Errors
/// What the log refuses or does not prove.
pub fn of(
    service: &LogService,
    trusted: &Trusted,
    shown: &Shown,
) -> anyhow::Result<(Recency, Accepted)> {
    let chain = chain(&shown.root);
    let mut taken = Vec::new();
    let mut first = 1;
    loop {
        let said = looked_up(service, &chain, first)?;
        let labels: Vec<_> = (first..first + AT_ONCE).map(|n| chain.label(n)).collect();
        let answered = said.verify(&trusted.policy, &labels).map_err(Finding::from)?;
        for at in 0..labels.len() {
            let Some(index) = answered.index(at) else {
                return Ok((chain.recency(&taken, &shown.heads), answered.under));
            };
            let entry = service.entry(index, answered.under.size())?;
            answered.check_entry(at, &entry).map_err(Finding::from)?;
            taken.push(entry);
        }
        first += AT_ONCE;
        anyhow::ensure!(first < MAX_PLACES, "the chain of the device list has no end");
    }
}
