//! `hallmark item`: what a person keeps.

mod fields;
mod put;
mod show;

use anyhow::Context;
use hallmark_core::account::ItemId;
use hallmark_vault::{
    item::{Edit, Kind},
    online::Seen,
};
use serde_json::json;

use super::{
    account::written_down,
    desk::{Desk, Exchange},
};
use crate::{
    args::ItemCommand,
    report::{Report, Usage, one_line},
    session::Session,
};

pub(super) use put::{keep, replace};
pub(super) use show::save;

/// Runs `hallmark item`.
///
/// # Errors
/// When the state does not open, an item is not there, or the service's answer does not hold.
pub fn run(command: &ItemCommand, session: &Session) -> anyhow::Result<Report> {
    match command {
        ItemCommand::Put(args) => put::put(args, session),
        ItemCommand::Edit(args) => put::edit(args, session),
        ItemCommand::Get(args) => show::get(args, session),
        ItemCommand::Ls { kind } => show::list(kind.as_deref(), session),
        ItemCommand::History { item } => show::history(item, session),
        ItemCommand::Rm { item, yes } => remove(item, *yes, session),
    }
}

fn remove(item: &str, yes: bool, session: &Session) -> anyhow::Result<Report> {
    let mut desk = Desk::open(session)?;
    desk.refresh()?;
    let ids = desk.ids()?;
    // What does not open can still be removed, by the digits of its id.
    let mut closed = desk.closed()?;
    closed.retain(|(id, _)| begins(*id, item));
    let open = named(&mut desk, item)?;
    only_one(item, closed.len() + open.len())?;
    let (id, version, what, summary) = match closed.first() {
        Some((id, version)) => {
            let what = format!("item {}", ids.short(id));
            (
                *id,
                *version,
                what,
                "it does not open on this device, or was removed on another".to_owned(),
            )
        }
        None => {
            let seen = found(item, open)?;
            let what = format!("{} {}", seen.content.kind.title(), ids.short(&seen.item));
            // An edit may wait over a version that does not open: that one is removed.
            let unopened = desk.online()?.unopened();
            let there = unopened.iter().find(|(id, _)| *id == seen.item);
            let version = there.map_or(seen.version, |(_, version)| *version);
            (seen.item, version, what, one_line(&seen.content.summary()))
        }
    };
    if !yes {
        let question = format!(
            "Remove {what} ({summary}), its history and its attachments, from all your devices? [y/N]"
        );
        let answer = session.ask(&question, "--yes")?.unwrap_or_default();
        anyhow::ensure!(matches!(&*answer, "y" | "Y" | "yes"), "nothing was removed");
    }
    desk.online()?.edit(id, version, Edit::Remove)?;
    let exchange = desk.exchange()?;
    let words = ("Removed", "Removed here", "Your other devices are told");
    let told = told(&exchange, id, words, &what);
    Report::new(&json!({"item": id, "removed": true, "sent": sent(&exchange)}), told)
}

/// The item that a person means: by the first digits of its id, or its kind where there is one.
fn find(desk: &mut Desk<'_>, typed: &str) -> anyhow::Result<Seen> {
    let all = named(desk, typed)?;
    only_one(typed, all.len())?;
    found(typed, all)
}

/// The items that open and that a person may mean.
fn named(desk: &mut Desk<'_>, typed: &str) -> anyhow::Result<Vec<Seen>> {
    let (mut items, _) = desk.online()?.items();
    let kind = typed.parse::<Kind>().ok();
    items.retain(|seen| match kind {
        Some(kind) => seen.content.kind == kind,
        None => begins(seen.item, typed),
    });
    Ok(items)
}

/// Whether these are the first digits of an id: four of them at least.
fn begins(item: ItemId, typed: &str) -> bool {
    typed.len() >= 4 && item.to_string().starts_with(&typed.to_ascii_lowercase())
}

fn only_one(typed: &str, count: usize) -> anyhow::Result<()> {
    anyhow::ensure!(
        count <= 1,
        Usage(format!("{typed} means {count} items; name one by its id: hallmark item ls"))
    );
    Ok(())
}

fn found(typed: &str, items: Vec<Seen>) -> anyhow::Result<Seen> {
    items.into_iter().next().with_context(|| match typed.parse::<Kind>() {
        Ok(kind) => format!("you keep no {kind}; `hallmark item put {kind}` keeps one"),
        Err(_) => format!(
            "you keep no item {typed:?}; `hallmark item ls` lists them, and an item is named by at \
             least four digits of its id, or by its kind"
        ),
    })
}

fn sent(exchange: &Exchange) -> bool {
    matches!(exchange, Exchange::Done(_))
}

/// What became of a change, in words. `there` is when the other devices have it.
fn told(
    exchange: &Exchange,
    item: ItemId,
    (done, here, there): (&str, &str, &str),
    what: &str,
) -> String {
    match exchange {
        Exchange::Done(synced) if synced.merged.contains(&item) => {
            format!("{done}: {what}. Another device had changed it; both changes are kept.")
        }
        Exchange::Done(_) => format!("{done}: {what}."),
        Exchange::Waiting(why) => {
            format!(
                "{here}: {what}. {there} with the next command that reaches the service: {why}."
            )
        }
    }
}

/// When the other devices have what was kept here.
const GOES: &str = "It goes to your other devices";

/// The report on an item that was kept: asks to write the recovery code down, the first time.
fn kept(
    desk: &mut Desk<'_>,
    item: ItemId,
    exchange: &Exchange,
    text: String,
) -> anyhow::Result<Report> {
    let code = written_down(desk)?;
    let mut json = json!({"item": item, "sent": sent(exchange)});
    if let Exchange::Waiting(why) = exchange {
        json["waiting"] = why.as_str().into();
    }
    json["recoveryCodeWritten"] = code.is_none().into();
    let text = match code {
        None => text,
        Some(reminder) => format!("{text}\n\n{reminder}"),
    };
    Report::new(&json, text)
}
