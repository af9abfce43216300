//! The buyer verifies: first knowing nobody, then with the card from the box.

use super::{
    Tour,
    keys::{LABORATORY, STUDIO},
    people::{Seen, arguments},
    stage::Stopped,
    summary::Outcome,
};

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let (piece, studio_pub, laboratory_pub) =
        (world.piece(), world.studio_pub(), world.laboratory_pub());
    let card = world.folder.at("piece/card.svg");
    let people = &world.people;

    stage.step("Verify it, trusting nobody yet", Outcome::Refused, |checks| {
        let seen = people.buyer.verify(&piece, [])?;
        checks.same("exit code 5: sound, but signed by nobody the buyer knows", seen.exit, 5)?;
        checks.same("integrity: holds", seen.text("/integrity/state"), "holds")?;
        checks.same("signer: unknown", seen.text("/signer/state"), "unknown")?;
        checks.same("and what to do about it is said", seen.list("/todo").is_empty(), false)
    })?;

    let code = stage.step("The studio prints the card for the box", Outcome::Ok, |checks| {
        let printed = people.studio.run(arguments!["piece", "card", &piece, "--out", &card])?;
        let key = people.studio.run(arguments!["studio", "show"])?;
        checks.same(
            "its fingerprint is the studio's",
            printed.json()["fingerprint"].as_str(),
            key.json()["fingerprint"].as_str(),
        )?;
        Ok(printed.json()["card"].as_str().unwrap_or_default().to_owned())
    })?;

    stage.step("The buyer trusts the card, and verifies again", Outcome::Ok, |checks| {
        people.buyer.run(arguments!["trust", "add", "--card", &code, "--name", STUDIO])?;
        let seen = people.buyer.verify(&piece, [])?;
        checks.same("exit code 0", seen.exit, 0)?;
        checks.same("integrity: holds", seen.text("/integrity/state"), "holds")?;
        checks.that(
            "signer: pinned, and it says from the card in the box",
            seen.text("/signer/state") == "pinned"
                && seen.text("/signer/text").contains("from the card in the box"),
        )?;
        checks.same("freshness: current", seen.text("/freshness/state"), "current")
    })?;

    stage.step("Somebody else verifies it with studio.pub", Outcome::Ok, |checks| {
        let seen = people.stranger.verify(&piece, arguments!["--trust", &studio_pub])?;
        checks.same("exit code 0", seen.exit, 0)?;
        let again = people.stranger.verify(&piece, [])?;
        checks.same("without it, exit code 5: that trust was for one run", again.exit, 5)
    })?;

    stage.step(
        "The laboratory's claim, before its key is trusted",
        Outcome::Refused,
        |checks| {
            let seen = people.buyer.verify(&piece, [])?;
            checks.same(
                "it is shown as self-declared (says laboratory)",
                claim_of_laboratory(&seen),
                ("self-declared (says laboratory)", ""),
            )
        },
    )?;

    let verdict = stage.step(
        "The same claim, once the buyer trusts that laboratory",
        Outcome::Ok,
        |checks| {
            people.buyer.run(arguments![
                "trust",
                "add",
                "--file",
                &laboratory_pub,
                "--role",
                "lab"
            ])?;
            let seen = people.buyer.verify(&piece, [])?;
            checks.same(
                "it is shown as a laboratory's, signed by the name the buyer gave the key",
                claim_of_laboratory(&seen),
                ("laboratory", LABORATORY),
            )?;
            let others = seen.list("/claims").iter().filter(|claim| claim["signedBy"].is_null());
            checks.that(
                "every claim nobody else signed is still shown as self-declared",
                others.into_iter().all(|claim| {
                    claim["strength"]
                        .as_str()
                        .is_some_and(|words| words.starts_with("self-declared"))
                }),
            )?;
            Ok(seen)
        },
    )?;

    stage.step("What the verdict does not claim", Outcome::Ok, |checks| {
        checks.that(
            "it says that it is no assay mark and does not prove the object is the one described",
            verdict.text("/doesNotProve").contains("not an assay mark"),
        )?;
        let compare = verdict.list("/compare");
        let what: Vec<&str> = compare.iter().filter_map(|item| item["what"].as_str()).collect();
        checks.that(format!("it lists what to compare: {}", what.join(", ")), !what.is_empty())
    })?;
    evidence.verdict = Some(verdict);
    Ok(())
}

/// How the claim made at the inspection is shown: its strength, and whose signature it rests on.
fn claim_of_laboratory(seen: &Seen) -> (&str, &str) {
    let claims = seen.list("/claims");
    let claim = claims.iter().find(|claim| claim["by"] == LABORATORY && !claim["event"].is_null());
    let text = |field: &str| claim.and_then(|claim| claim[field].as_str()).unwrap_or_default();
    (text("strength"), text("signedBy"))
}
