//! What happens to the piece between the bench and today, and what the buyer lets others see.

use std::{fs, path::Path};

use anyhow::Context;
use data_encoding::BASE64URL_NOPAD;
use hallmark_core::json;
use serde_json::Value;

use super::{
    Tour, World,
    container::Original,
    people::arguments,
    stage::{Checks, Stage, Stopped},
    summary::Outcome,
};

const PRICE: &str = "1890.00 EUR";
/// The same in the words of a hidden field.
const PRICE_MINOR: &str = "189000";
const BUYER: &str = "Ines Halloran";

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let (people, piece) = (&world.people, world.piece());
    let minted = stage.step("The history so far", Outcome::Ok, |checks| {
        let original = Original::open(&piece)?;
        checks.that("the first event is \"made\", signed by the studio alone", {
            let made = &original.file.events()[0];
            made.signers().eq([original.file.manifest().issuer])
        })?;
        Ok(original)
    })?;
    let has_stone = !minted.file.piece().stones.is_empty();

    if has_stone {
        stage.step("The studio sets the stone", Outcome::Ok, |checks| {
            people.studio.run(arguments![
                "piece",
                "event",
                &piece,
                "--kind",
                "set",
                "--stone",
                "1",
                "--note",
                "Set in a rubbed-over collar, open underneath",
            ])?;
            let set = last_event(&piece, "set", 2, checks)?;
            let report = &minted.file.piece().stones[0].report;
            let number = report.as_ref().map(|report| report.number.as_str());
            checks.same(
                "it names the first stone and the number of its loose-stone report",
                (set["setting"]["stone"].as_u64(), set["setting"]["report"].as_str()),
                (Some(0), number),
            )
        })?;
    }

    stage.step("The laboratory inspects it and signs a claim", Outcome::Ok, |checks| {
        let about = if has_stone { "stones/0" } else { "metals/0" };
        let says = match world.subject.is_sample {
            true => "Examined in its setting: natural sapphire, indications of heating",
            false => "Examined: agrees with what the maker states",
        };
        people.laboratory.run(arguments![
            "piece",
            "event",
            &piece,
            "--kind",
            "inspected",
            "--about",
            about,
            "--says",
            says,
            "--strength",
            "lab",
            "--rule",
            "report EGL-SAMPLE-0002",
            "--note",
            "Examined for the buyer before the sale",
        ])?;
        let inspected = last_event(&piece, "inspected", 2 + u64::from(has_stone), checks)?;
        checks.same(
            "the claim is signed for this piece",
            {
                let attestation = &inspected["claims"][0]["attestation"];
                attestation["credentialSubject"]["id"].as_str().map(str::to_owned)
            },
            Some(minted.file.piece().id.to_string()),
        )
    })?;

    sale(world, stage, &piece)?;

    stage.step("The studio services it", Outcome::Ok, |checks| {
        fs::copy(&piece, world.scratch.join("before-service.hallmark"))?;
        people.studio.run(arguments![
            "piece",
            "event",
            &piece,
            "--kind",
            "serviced",
            "--note",
            "Collar checked, rims polished",
        ])?;
        let events = 4 + u64::from(has_stone);
        last_event(&piece, "serviced", events, checks)?;
        let status = Original::open(&piece)?.file.status().credential_subject.clone();
        checks.same(
            "the studio's word was given again and counts all of them",
            u64::from(status.events),
            events,
        )
    })?;
    evidence.price = Some(disclosure(world, stage, &piece)?);
    Ok(())
}

/// Offer, draft, countersignature, append: a sale needs both signatures.
fn sale(world: &World<'_>, stage: &mut Stage, piece: &Path) -> Result<(), Stopped> {
    let people = &world.people;
    let (offer, draft) = (world.scratch.join("offer.json"), world.scratch.join("draft.json"));

    stage.step("A sale with the studio's signature alone", Outcome::Refused, |checks| {
        people.buyer.run(arguments!["piece", "offer", piece, "--out", &offer])?;
        people.studio.run(arguments![
            "piece", "event", piece, "--kind", "sold", "--offer", &offer, "--price", PRICE,
            "--buyer", BUYER, "--draft", &draft,
        ])?;
        let before = fs::read(piece)?;
        let appended =
            people.studio.run(arguments!["piece", "append", piece, &draft, "--stand-by"]);
        let why = appended.err().map(|error| format!("{error:#}")).unwrap_or_default();
        checks.that(
            "the draft is not added: it needs the signature of the studio and the new owner",
            why.contains("needs the signature of the studio and the new owner"),
        )?;
        checks.that("the file is untouched", fs::read(piece)? == before)
    })?;

    stage.step("The studio's word on what it has not looked at", Outcome::Refused, |checks| {
        let given = people.studio.run(arguments!["piece", "status", piece]);
        let why = given.err().map(|error| format!("{error:#}")).unwrap_or_default();
        checks.that(
            "its word is not given until it says that it stands by the laboratory's event, which is \
             shown to it",
            why.contains("inspected, signed by") && why.contains("Examined"),
        )
    })?;

    stage.step("The buyer signs too, and it is sold", Outcome::Ok, |checks| {
        people.buyer.run(arguments!["piece", "countersign", piece, &draft, "--yes"])?;
        people.studio.run(arguments!["piece", "append", piece, &draft, "--stand-by"])?;
        let original = Original::open(piece)?;
        let events = original.file.events();
        let sold = &events[events.len() - 1];
        checks.same("the newest event is \"sold\"", sold.subject().kind.name(), "sold")?;
        checks.same("it carries two signatures", sold.signers().len(), 2)?;
        let offered: Value = serde_json::from_slice(&fs::read(&offer)?)?;
        checks.same(
            "the owner is now the key that the buyer offered, made for this piece alone",
            original.file.custody().owner().to_string(),
            offered["owner"].as_str().unwrap_or_default().to_owned(),
        )?;
        let written = original.file.entries().iter().filter(|e| e.name.ends_with(".json"));
        let mut documents = Vec::new();
        for entry in written {
            documents.extend(original.read(&entry.name)?);
        }
        let documents = String::from_utf8(documents)?;
        checks.that(
            "neither price nor buyer stands in any signed document: two digests do",
            !documents.contains(PRICE_MINOR)
                && !documents.contains(BUYER)
                && sold.subject().hidden.as_ref().is_some_and(|hidden| hidden.len() == 2),
        )
    })
}

fn disclosure(world: &World<'_>, stage: &mut Stage, piece: &Path) -> Result<String, Stopped> {
    let people = &world.people;
    let (given, forged) =
        (world.folder.at("piece/price.disclosure"), world.scratch.join("forged.disclosure"));

    let price =
        stage.step("The buyer discloses the price, and nothing else", Outcome::Ok, |checks| {
            let without = people.stranger.verify(piece, [])?;
            people
                .buyer
                .run(arguments!["piece", "disclose", piece, "--field", "price", "--out", &given])?;
            let seen = people.stranger.verify(piece, arguments!["--disclosure", &given])?;
            let shown = seen.list("/disclosed");
            checks.same("a stranger given it sees one field", shown.len(), 1)?;
            let amount = shown[0]["value"]["amountMinor"].to_string();
            checks.same(format!("its value is {PRICE}"), amount.as_str(), PRICE_MINOR)?;
            let hidden = |verdict: &Value| verdict["stillHidden"].as_u64().unwrap_or_default();
            checks.same(
                "every other hidden field stays hidden, the buyer's name among them",
                hidden(&seen.verdict) + 1,
                hidden(&without.verdict),
            )?;
            Ok(PRICE.to_owned())
        })?;

    stage.step("The same disclosure with a lower price", Outcome::Caught, |checks| {
        let line = fs::read_to_string(&given)?;
        let bytes = BASE64URL_NOPAD.decode(line.trim().as_bytes())?;
        let mut opening = json::parse(&bytes)?;
        let amount = opening.pointer_mut("/2/amountMinor").context("no amount to change")?;
        *amount = 89_000.into();
        fs::write(&forged, BASE64URL_NOPAD.encode(&json::canonical(&opening)))?;
        let seen = people.stranger.verify(piece, arguments!["--disclosure", &forged])?;
        checks.same("it shows no field", seen.list("/disclosed").len(), 0)?;
        let remarks = seen.list("/remarks").iter().filter_map(Value::as_str);
        checks.that(
            "the verdict says that it opens nothing in this file",
            remarks.into_iter().any(|remark| remark.contains("opens nothing")),
        )
    })?;
    Ok(price)
}

/// The newest event of a file, which must be this one.
fn last_event(path: &Path, kind: &str, count: u64, checks: &mut Checks) -> anyhow::Result<Value> {
    let original = Original::open(path)?;
    checks.same(
        format!("the file holds with {count} events, each naming the hash of the one before"),
        original.file.events().len() as u64,
        count,
    )?;
    let event = original.json(&hallmark_vault::provenance::inspect::event_name(count as u32))?;
    let subject = event["credentialSubject"].clone();
    checks.same(
        format!("the newest is \"{kind}\""),
        subject["kind"].as_str().unwrap_or_default(),
        kind,
    )?;
    Ok(subject)
}
