//! Keys that change hands: a studio names its successor in the log, and whoever trusts it follows.

use std::{fs, path::Path};

use anyhow::Context;

use super::{
    World,
    log::{Scene, copy_folder, outcome},
    people::{Person, arguments},
    stage::{Stage, Stopped},
    summary::Outcome,
};

/// Plays the steps.
pub(super) fn play(world: &World<'_>, stage: &mut Stage, scene: &Scene) -> Result<(), Stopped> {
    let folder = world.scratch.join("keys");
    let person = |home: &str, name: &str| -> anyhow::Result<Person> {
        let home = folder.join(home);
        fs::create_dir_all(&home)?;
        Ok(Person::new(world.session, &home, name)?.with_server(scene.server()))
    };
    let page = folder.join("page.txt");
    let public = folder.join("studio.pub");
    let (maker, buyer) =
        stage.step("A studio names its successor in the log", Outcome::Ok, |checks| {
            let (maker, buyer) = (person("maker", "maker")?, person("buyer", "buyer")?);
            let found = arguments![
                "studio",
                "init",
                "--name",
                "Atelier Nord",
                "--pub-out",
                &public,
                "--successor-out",
                &page,
            ];
            maker.run(found)?;
            for one in [&maker, &buyer] {
                one.run(arguments!["trust", "log", "--policy", &scene.policy])?;
            }
            maker.run(arguments!["studio", "announce"])?;
            buyer.run(arguments!["trust", "add", "--file", &public])?;
            let watched = buyer.run(arguments!["trust", "watch", "--max-age", "300"])?;
            let followed = watched.json()["followed"].as_array().map(Vec::len);
            checks.same("a buyer who trusts it finds nothing to follow", followed, Some(0))?;
            checks.that("as witnesses saw it", watched.json()["asOf"].is_string())?;
            Ok((maker, buyer))
        })?;
    let left = folder.join("left-behind");
    stage.step("The successor takes over, and the buyer follows", Outcome::Ok, |checks| {
        copy_folder(&folder.join("maker"), &left)?;
        let next = folder.join("next-page.txt");
        let line = arguments!["studio", "succeed", &page, "--successor-out", &next];
        let key = maker.run(line)?.json()["key"].clone();
        let watched = buyer.run(arguments!["trust", "watch"])?;
        let followed = watched.json()["followed"].as_array().map(Vec::len);
        checks.same("its key's history leads to the new one", followed, Some(1))?;
        let public = folder.join("new.pub");
        maker.run(arguments!["studio", "pub", "--out", &public])?;
        let signed = fs::read_to_string(&public)?.contains(key.as_str().unwrap_or("?"));
        checks.that("which the studio signs with from now on", signed)
    })?;
    stage.step("Somebody else takes over a studio's key", Outcome::Caught, |checks| {
        // The studio as it was: in its eyes, somebody has its successor's page.
        let robbed = copied(&left, world, scene)?;
        let (code, why) = outcome(robbed.run(arguments!["trust", "watch"]));
        checks
            .that("the studio that watches the log is told", why.contains("took over with it"))?;
        checks.same("with an exit code for it", code, 10)
    })?;
    stage.step("An account comes back, and the log says how recent it is", Outcome::Ok, |checks| {
        let owner = person("owner", "owner")?;
        owner.run(arguments!["account", "create"])?;
        let shown = owner.run(arguments!["account", "code"])?;
        let words = shown.json()["words"].as_array().context("the recovery code")?;
        let words: Vec<&str> = words.iter().filter_map(|word| word.as_str()).collect();
        let paper = folder.join("paper.txt");
        fs::write(&paper, words.join(" "))?;
        owner.run(arguments!["account", "code", "--written", &paper])?;
        owner.run(arguments!["account", "sync"])?;
        let fresh = person("fresh", "fresh")?;
        let recover = |flag: &str, log: &Path| {
            fresh.run(arguments!["account", "recover", "--code", &paper, flag, log])
        };
        let back = recover("--log-policy", &scene.policy)?;
        checks.same(
            "a fresh device is told that nothing newer was anchored",
            back.json()["verified"].as_bool(),
            Some(true),
        )?;
        checks.that(
            "by witnesses",
            back.text().contains("VERIFIED") && back.text().contains("map"),
        )?;
        let again = recover("--log-policy", &scene.policy)?;
        checks.same(
            "and so it is after that recovery",
            again.json()["verified"].as_bool(),
            Some(true),
        )?;
        let alone = recover("--log-vkey", &scene.vkey)?;
        checks.same(
            "without witnesses it is the service's word, and says so",
            alone.json()["verified"].as_bool(),
            Some(false),
        )
    })
}

/// The profile in a copy of a home folder.
fn copied(home: &Path, world: &World<'_>, scene: &Scene) -> anyhow::Result<Person> {
    let copy = Person::existing(world.session, home, "maker")?;
    Ok(copy.with_server(scene.server()))
}
