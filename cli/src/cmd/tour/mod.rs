//! `hallmark tour`: the whole story on real files, with the evidence left behind.
//!
//! Chapters are files, steps are functions in them, and [`run`] is their order. Everybody in the
//! story acts through the commands a person types (`people`); what a forger does to a file is
//! done to its bytes (`container`), without anybody's keys. A step says what it checked, not that
//! it succeeded, and one that checks less because a tool is missing is left out with a note.
//!
//! | Under `--out` | What |
//! |---|---|
//! | `summary.json` | every step: name, what was checked, outcome, milliseconds |
//! | `report.html` | the same for a person, with the pictures |
//! | `piece/` | `piece.hallmark`, the public keys of studio and laboratory, the card for the box, one disclosed price |
//! | `refused/` | the spoiled and forged copies, and one untouched copy as control |
//! | `log/` | the log of its chapter, exactly the files of its checkpoint, with `vkey` and `policy` |
//! | `service/` | everything the service had at the end: its data directory, its log, a metrics scrape |
//! | `canaries.json` | what must not be found there: `{kind: [strings]}` |

mod blindness;
mod container;
mod false_log;
mod folder;
mod follow;
mod forgeries;
mod impostors;
mod keys;
mod life;
mod line;
mod log;
mod mint;
mod outside;
mod people;
mod report;
mod sample;
mod stage;
mod summary;
mod vault;
mod verify;

use std::{io::Write, path::PathBuf, time::Instant};

use anyhow::Context;

use self::{
    folder::Folder,
    forgeries::Forged,
    mint::MintedFile,
    people::{People, Seen},
    sample::Subject,
    stage::{Stage, Stopped},
    summary::Summary,
};
use crate::{
    args::TourArgs,
    output::{Access, write_whole},
    report::{FAILED, Report},
    session::Session,
};

/// Runs `hallmark tour`. The report's exit code is 1 when a check of any step failed.
///
/// # Errors
/// When `--out` or `--from` cannot be used, or the evidence cannot be written.
pub fn run(args: &TourArgs, session: &Session) -> anyhow::Result<Report> {
    let started = Instant::now();
    let scratch = tempfile::Builder::new().prefix("hallmark-tour-").tempdir();
    let scratch = scratch.context("cannot make a temporary folder")?;
    let mut stage = Stage::new(session);
    let subject = match &args.from {
        Some(folder) => Subject::own(folder, session, &mut stage)?,
        None => Subject::sample(scratch.path())?,
    };
    let folder = Folder::take(&args.out)?;
    let home = scratch.path().join("home");
    std::fs::create_dir(&home).context("cannot make a temporary folder")?;
    let people = People::in_home(session, &home)?;
    let world = World { session, people, subject, scratch: scratch.path().to_owned(), folder };
    let mut tour = Tour { world, stage, evidence: Evidence::default() };
    if tour.play().is_err() {
        tour.stage.note("the story stops here: what follows needs the step that failed");
    }
    tour.stage.end();
    tour.leave(started)
}

/// A tour being played.
struct Tour<'a> {
    world: World<'a>,
    stage: Stage,
    evidence: Evidence,
}

/// Who is there, and where things lie.
struct World<'a> {
    session: &'a Session,
    people: People,
    subject: Subject,
    /// A temporary folder for what is no evidence.
    scratch: PathBuf,
    folder: Folder,
}

impl World<'_> {
    /// The provenance file.
    fn piece(&self) -> PathBuf {
        self.folder.at("piece/piece.hallmark")
    }

    /// The studio's public key.
    fn studio_pub(&self) -> PathBuf {
        self.folder.at("piece/studio.pub")
    }

    /// The laboratory's public key.
    fn laboratory_pub(&self) -> PathBuf {
        self.folder.at("piece/laboratory.pub")
    }
}

/// What the steps found, for the report.
#[derive(Default)]
struct Evidence {
    /// The files, with what was taken out of each.
    files: Vec<MintedFile>,
    /// The verdict the buyer gets at the end, knowing studio and laboratory.
    verdict: Option<Seen>,
    /// What the price's disclosure showed.
    price: Option<String>,
    /// The spoiled copies.
    forged: Vec<Forged>,
}

impl Tour<'_> {
    /// The story.
    fn play(&mut self) -> Result<(), Stopped> {
        self.stage.chapter("The people");
        keys::play(self)?;
        self.stage.chapter("The studio mints the piece");
        mint::play(self)?;
        self.stage.chapter("What happens to the piece");
        life::play(self)?;
        self.stage.chapter("The buyer verifies it, offline");
        verify::play(self)?;
        self.stage.chapter("Tools that are not ours");
        outside::play(self)?;
        self.stage.chapter("Spoiled and forged copies");
        forgeries::play(self)?;
        impostors::play(self)?;
        self.stage.chapter("The log, which nobody can rewrite unseen");
        log::play(self)?;
        self.stage.chapter("The buyer's vault, at a service that cannot read it");
        vault::play(self)
    }

    /// Writes summary and report, and says where things are.
    fn leave(&self, started: Instant) -> anyhow::Result<Report> {
        let summary = Summary { steps: self.stage.steps() };
        let json = serde_json::to_vec_pretty(&summary)?;
        let write =
            |name: &str, bytes: &[u8]| {
                write_whole(&self.world.folder.at(name), Access::Shared, |out| {
                    Ok(out.write_all(bytes)?)
                })
            };
        write("summary.json", &json)?;
        write("report.html", report::page(self)?.as_bytes())?;
        let mut text = format!(
            "\n{} steps in {:.1} s: {}\n\nRead:  {}",
            summary.steps.len(),
            started.elapsed().as_secs_f64(),
            summary.count(),
            self.world.folder.at("report.html").display(),
        );
        let studio = self.world.studio_pub();
        let spoiled = self.world.folder.at("refused/photo-byte.hallmark");
        for (what, file) in [("Try:  ", self.world.piece()), ("Doubt:", spoiled)] {
            if file.exists() {
                let (file, studio) = (file.display(), studio.display());
                text += &format!("\n{what} hallmark verify {file} --trust {studio}");
            }
        }
        let code = if summary.failed() { FAILED } else { 0 };
        Ok(Report::new(&summary, text)?.with_code(code))
    }
}
