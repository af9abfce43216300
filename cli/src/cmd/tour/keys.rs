//! The people: a studio and a laboratory make their keys, each in a profile of their own.

use std::path::Path;

use super::{Tour, people::arguments, sample::contains, stage::Stopped, summary::Outcome};

/// The name the studio goes by; the forger goes by it too.
pub(super) const STUDIO: &str = "Atelier Rosa Lindqvist";
/// The name the laboratory goes by.
pub(super) const LABORATORY: &str = "Example Gem Laboratory";

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, .. } = tour;
    let (studio_pub, laboratory_pub) = (world.studio_pub(), world.laboratory_pub());
    let (people, home) = (&world.people, &world.people.home);

    let key = stage.step(format!("{STUDIO} makes its keys"), Outcome::Ok, |checks| {
        let successor = home.join("successor.txt");
        people.studio.run(arguments![
            "studio",
            "init",
            "--name",
            STUDIO,
            "--place",
            "Malmö",
            "--pub-out",
            &studio_pub,
            "--successor-out",
            &successor,
        ])?;
        let shown = people.studio.run(arguments!["studio", "show"])?;
        let key = shown.json()["key"].as_str().unwrap_or_default().to_owned();
        let public = std::fs::read_to_string(&studio_pub)?;
        checks.that("studio.pub names the studio's key", public.contains(&key))?;
        let successor = std::fs::read_to_string(successor)?;
        let next = shown.json()["successor"].as_str().unwrap_or_default();
        checks.that(
            "the successor's key is in a file to be kept offline, and nowhere in studio.pub",
            successor.contains(next) && !public.contains(next),
        )?;
        Ok(key)
    })?;

    stage.step(format!("{LABORATORY} makes keys of its own"), Outcome::Ok, |checks| {
        people.laboratory.run(arguments![
            "studio",
            "init",
            "--name",
            LABORATORY,
            "--pub-out",
            &laboratory_pub,
            "--successor-out",
            home.join("laboratory-successor.txt"),
        ])?;
        let public = std::fs::read_to_string(&laboratory_pub)?;
        checks.that("laboratory.pub names another key than the studio's", !public.contains(&key))
    })?;

    stage.step("The studio's profile, read by somebody else", Outcome::Refused, |checks| {
        let files = files_below(&home.join("studio"))?;
        checks.that("the profile lies in files on the disk", !files.is_empty())?;
        let clear = files.iter().any(|content| {
            contains(content, STUDIO.as_bytes()) || contains(content, key.as_bytes())
        });
        checks.that("neither its name nor its key stands there in clear", !clear)?;
        let wrong = people.studio.with_passphrase_of(&people.forger, home);
        let opened = wrong.run(arguments!["studio", "show"]).is_ok();
        checks.that("another passphrase does not open it", !opened)
    })
}

fn files_below(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(std::fs::read(entry.path())?);
        }
    }
    Ok(files)
}
