//! Files that are sound in themselves and still must not pass: made with the wrong person's keys,
//! claiming more than anyone signed, contradicted by a rival, or overtaken by what happened since.

use std::{fs, io::Write};

use hallmark_core::time::Timestamp;
use hallmark_vault::provenance::inspect::event_name;

use super::{
    Tour,
    container::Original,
    forgeries::{Expected, refused, trusting},
    keys::{LABORATORY, STUDIO},
    mint,
    people::arguments,
    stage::Stopped,
    summary::Outcome,
};
use crate::output::{Access, write_whole};

/// Plays the chapter's second half.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    // One that slips through does not hide the others.
    let played = [fork(tour), forged_studio(tour), claim_to_be_a_laboratory(tour), overtaken(tour)];
    played.into_iter().collect()
}

/// The studio's own signature on two different events after the same one.
fn fork(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let expected = Expected {
        file: "forked-history",
        name: "Two events after the same one, both signed by the studio",
        outcome: Outcome::Caught,
        exit: 3,
        codes: &["chain-forked"],
        more: Vec::new(),
    };
    refused(world, stage, evidence, expected, |copy, checks| {
        let rival = world.scratch.join("rival.hallmark");
        let mut another = arguments![
            "piece",
            "event",
            world.scratch.join("before-service.hallmark"),
            "--kind",
            "serviced",
            "--note",
            "Another story about the same day",
            "--out",
            &rival,
        ]
        .to_vec();
        let unmeant = world.people.studio.run(another.clone()).err();
        checks.that(
            "the studio is told that it goes on from an older copy, and has to mean it",
            unmeant.is_some_and(|error| error.to_string().contains("older copy")),
        )?;
        another.extend(arguments!["--despite-newer"]);
        world.people.studio.run(another)?;
        let (piece, rival) = (Original::open(&world.piece())?, Original::open(&rival)?);
        let last = piece.file.custody().events();
        let mut parts = piece.parts();
        parts.insert_after(
            &event_name(last),
            &event_name(last + 1),
            rival.read(&event_name(last))?,
        );
        parts.write_signed_anew(copy, world.session)
    })
    .map(drop)
}

/// The same folder, minted by somebody else under the studio's name.
fn forged_studio(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let expected = Expected {
        file: "forged-studio",
        name: "The same folder minted by a forger who calls himself by the studio's name",
        outcome: Outcome::Refused,
        exit: 5,
        codes: &[],
        more: Vec::new(),
    };
    refused(world, stage, evidence, expected, |copy, checks| {
        let (forger, home) = (&world.people.forger, &world.people.home);
        forger.run(arguments![
            "studio",
            "init",
            "--name",
            STUDIO,
            "--place",
            "Malmö",
            "--pub-out",
            home.join("forger.pub"),
            "--successor-out",
            home.join("forger-successor.txt"),
        ])?;
        forger.run(mint::command_line(copy, &world.subject))?;
        let seen = world.people.stranger.verify(copy, trusting(world))?;
        checks.same(
            "the file says it is by that studio, and brings the forger's key along",
            seen.text("/signer/saysItIs"),
            STUDIO,
        )?;
        checks.same("the signer is unknown all the same", seen.text("/signer/state"), "unknown")
    })
    .map(drop)
}

/// A claim that nobody but the maker signed calls itself a laboratory's.
fn claim_to_be_a_laboratory(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let photos = evidence.files.iter().find(|file| file.path.starts_with("media/"));
    let photo = photos.map(|file| file.path.clone()).unwrap_or_default();
    let expected = Expected {
        file: "claim-says-laboratory",
        name: "A claim that calls itself a laboratory's and that no laboratory signed",
        outcome: Outcome::Refused,
        exit: 0,
        codes: &[],
        more: Vec::new(),
    };
    refused(world, stage, evidence, expected, |copy, checks| {
        let folder = world.scratch.join("claiming");
        fs::create_dir(&folder)?;
        let name = photo.rsplit('/').next().unwrap_or_default();
        fs::copy(world.scratch.join("parts").join(&photo), folder.join(name))?;
        let recipe = format!(
            "title = \"Ring with a doubtful claim\"\n[[metal]]\nmetal = \"gold\"\nfineness = 750\n\
             [[claim]]\nabout = \"metals/0\"\nsays = \"Gold 750, tested in our laboratory\"\n\
             strength = \"lab\"\nby = \"{LABORATORY}\"\n"
        );
        write_whole(&folder.join("piece.toml"), Access::Shared, |out| {
            Ok(out.write_all(recipe.as_bytes())?)
        })?;
        world.people.studio.run(arguments!["piece", "mint", "--from", &folder, "--out", copy])?;
        // The buyer trusts the laboratory's key by now; the claim borrows only its name.
        let seen = world.people.buyer.verify(copy, [])?;
        let claims = seen.list("/claims");
        checks.same("the file has one claim", claims.len(), 1)?;
        checks.same("made in the laboratory's name", claims[0]["by"].as_str(), Some(LABORATORY))?;
        let shown = "self-declared (says laboratory)";
        checks.same(
            format!("even to somebody who trusts that laboratory's key it is shown as {shown}"),
            claims[0]["strength"].as_str(),
            Some(shown),
        )?;
        checks.that("and as signed by nobody", claims[0]["signedBy"].is_null())
    })
    .map(drop)
}

/// The studio's word runs out, a theft is reported, the certificate is taken back.
fn overtaken(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let (people, piece) = (&world.people, world.piece());
    let later: Timestamp = world.session.now().plus_days(2);
    let expected = |file, name, exit| {
        let (outcome, codes, more) = (Outcome::Refused, &[] as &[&str], Vec::new());
        Expected { file, name, outcome, exit, codes, more }
    };

    let name = "The studio's word given for one day, looked at two days later";
    let at = arguments!["--at", later.to_string()].to_vec();
    let expired = Expected { more: at, ..expected("word-run-out", name, 6) };
    let seen = refused(world, stage, evidence, expired, |copy, checks| {
        // The studio's last word was on the forked history above.
        let status = arguments!["piece", "status", &piece, "--days", "1", "--out", copy];
        let mut status = status.to_vec();
        status.extend(arguments!["--despite-newer"]);
        people.studio.run(status)?;
        let today = people.stranger.verify(copy, trusting(world))?;
        checks.same("today the same file gives exit code 0", today.exit, 0)
    });
    let expired = seen.map(drop);

    let name = "The owner reports the piece stolen";
    let stolen =
        refused(world, stage, evidence, expected("reported-stolen", name, 7), |copy, _| {
            people.buyer.run(arguments![
                "piece",
                "event",
                &piece,
                "--kind",
                "stolen",
                "--note",
                "Taken from a hotel room",
                "--out",
                copy,
            ])?;
            Ok(())
        });
    let name = "The studio takes the certificate back";
    let revoked = refused(world, stage, evidence, expected("taken-back", name, 7), |copy, _| {
        people.studio.run(arguments![
            "piece",
            "status",
            &piece,
            "--revoke",
            "--reason",
            "The weight was entered for another piece",
            "--out",
            copy,
        ])?;
        Ok(())
    });
    expired.and(stolen.map(drop)).and(revoked.map(drop))
}
