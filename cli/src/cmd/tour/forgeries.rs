//! Copies that somebody changed without holding anybody's keys. Each has to be refused, and for the
//! reason that was built into it: exit code and problem codes are compared exactly.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    path::Path,
};

use anyhow::Context;
use hallmark_core::json;
use hallmark_core::position::ReadAt;
use hallmark_vault::provenance::inspect::event_name;

use super::{
    Evidence, Tour, World,
    container::Original,
    people::{Seen, arguments},
    stage::{Checks, Stage, Stopped},
    summary::Outcome,
};
use crate::session::Session;

/// From this size on the copies are removed again once they were looked at, bytes.
const KEPT_BYTES: u64 = 64 << 20;

/// A spoiled copy, for the report.
#[derive(Debug, Clone)]
pub(super) struct Forged {
    /// What was done to it.
    pub(super) name: String,
    /// Its name in `refused/`; nothing where it was not kept.
    pub(super) file: Option<String>,
    /// What is typed after the file to see the same, besides `--trust studio.pub`.
    pub(super) more: String,
    /// The exit code.
    pub(super) exit: u8,
    /// The outcome of the step.
    pub(super) outcome: Outcome,
    /// Why, in the verdict's own words.
    pub(super) said: Vec<String>,
}

/// What a copy has to come to.
pub(super) struct Expected {
    /// Its name in `refused/`, without the ending.
    pub(super) file: &'static str,
    /// What was done to it.
    pub(super) name: &'static str,
    /// The outcome of the step.
    pub(super) outcome: Outcome,
    /// The exit code of `hallmark verify` by somebody who trusts the studio.
    pub(super) exit: u8,
    /// Every problem code, in order.
    pub(super) codes: &'static [&'static str],
    /// What is typed after the file besides `--trust studio.pub`.
    pub(super) more: Vec<OsString>,
}

/// Plays the chapter.
pub(super) fn play(tour: &mut Tour<'_>) -> Result<(), Stopped> {
    let Tour { world, stage, evidence } = tour;
    let piece = world.piece();
    let originals = stage.step("The control: an untouched copy", Outcome::Ok, |checks| {
        let copy = world.folder.at("refused/control-untouched.hallmark");
        fs::copy(&piece, &copy)?;
        let seen = world.people.stranger.verify(&copy, trusting(world))?;
        checks.same(
            "exit code 0: what is refused below is not refused for being a copy",
            seen.exit,
            0,
        )?;
        let (file, earlier) = (&piece, &world.scratch.join("as-minted.hallmark"));
        Ok(Originals { piece: Original::open(file)?, earlier: Original::open(earlier)? })
    })?;
    for Forgery { file, name, exit, codes, forge } in FORGERIES {
        let outcome = if matches!(exit, 3 | 4) { Outcome::Caught } else { Outcome::Refused };
        let more = Vec::new();
        let expected = Expected { file, name, outcome, exit, codes, more };
        // One that slips through does not hide the others.
        let _ = refused(world, stage, evidence, expected, |copy, _| {
            fs::copy(&piece, copy)?;
            forge(&originals, copy, world.session)
        });
    }
    Ok(())
}

/// Plays one copy: `make` writes it, then somebody who trusts the studio verifies it.
pub(super) fn refused(
    world: &World<'_>,
    stage: &mut Stage,
    evidence: &mut Evidence,
    expected: Expected,
    make: impl FnOnce(&Path, &mut Checks) -> anyhow::Result<()>,
) -> Result<Seen, Stopped> {
    let Expected { file, name, outcome, exit, codes, more } = expected;
    let file = format!("{file}.hallmark");
    let copy = world.folder.at(&format!("refused/{file}"));
    let typed: Vec<_> = more.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let seen = stage.step(name, outcome, |checks| {
        make(&copy, checks)?;
        let seen = world.people.stranger.verify(&copy, trusting(world).into_iter().chain(more))?;
        let what = match codes {
            [] => "nothing in it was changed after it was signed".to_owned(),
            codes => format!("wrong with it: {}, and nothing else", codes.join(" and ")),
        };
        checks.same(format!("exit code {exit}: {}", means(exit)), seen.exit, exit)?;
        checks.same(what, seen.codes(), codes.to_vec())?;
        Ok(seen)
    })?;
    let large = fs::metadata(&copy).is_ok_and(|found| found.len() > KEPT_BYTES);
    let gone = large && fs::remove_file(&copy).is_ok();
    evidence.forged.push(Forged {
        name: name.to_owned(),
        file: (!gone).then_some(file),
        more: typed.join(" "),
        exit,
        outcome,
        said: reasons(&seen),
    });
    Ok(seen)
}

/// `--trust studio.pub`.
pub(super) fn trusting(world: &World<'_>) -> [OsString; 2] {
    arguments!["--trust", world.studio_pub()]
}

/// An exit code of `hallmark verify` in words.
pub(super) fn means(exit: u8) -> &'static str {
    match exit {
        0 => "holds, trusted and current",
        3 => "tampered with",
        4 => "not a provenance file as the format fixes it",
        5 => "sound, but signed by nobody trusted here",
        6 => "the studio's word does not reach this far",
        7 => "certificate taken back, or piece reported stolen",
        _ => "no verdict",
    }
}

/// Why a file does not pass, in the verdict's own words.
fn reasons(seen: &Seen) -> Vec<String> {
    let problems = seen.list("/integrity/problems").iter();
    let said: Vec<String> =
        problems.filter_map(|p| p["message"].as_str()).map(str::to_owned).collect();
    let doubted = seen.list("/claims").iter().filter_map(|claim| {
        let strength = claim["strength"].as_str().filter(|words| words.contains("says"))?;
        Some(format!("The file holds; its claim is shown as {strength}."))
    });
    match seen.exit {
        0 => doubted.collect(),
        5 => vec![seen.text("/signer/text").to_owned()],
        6 | 7 => vec![seen.text("/freshness/text").to_owned()],
        _ => said,
    }
}

/// The file, and the same as it was minted.
struct Originals {
    piece: Original,
    earlier: Original,
}

/// One way to spoil a copy. `forge` finds an untouched one at the path and changes it.
struct Forgery {
    file: &'static str,
    name: &'static str,
    exit: u8,
    codes: &'static [&'static str],
    forge: fn(&Originals, &Path, &Session) -> anyhow::Result<()>,
}

const FORGERIES: [Forgery; 13] = [
    Forgery {
        file: "manifest-byte",
        name: "One byte of the manifest: the fineness made one part higher or lower",
        exit: 3,
        codes: &["signature", "sums-differ"],
        forge: |of, copy, _| flip_after(of, copy, "manifest.json", "\"fineness\":", 2),
    },
    Forgery {
        file: "event-byte",
        name: "One byte of an event: the year in which it was made",
        exit: 3,
        codes: &["signature", "sums-differ"],
        forge: |of, copy, _| flip_after(of, copy, &event_name(1), "\"validFrom\":\"", 3),
    },
    Forgery {
        file: "photo-byte",
        name: "One byte of a photograph",
        exit: 3,
        codes: &["content-changed", "sums-differ"],
        forge: |of, copy, _| {
            let photo = of.piece.entry(of.photo()?)?;
            flip(copy, photo.start + photo.size_bytes / 2)
        },
    },
    Forgery {
        file: "photo-and-sums",
        name: "A changed photograph, with the sums corrected and signed by a key the forger made",
        exit: 3,
        codes: &["content-changed"],
        forge: |of, copy, session| {
            let name = of.photo()?;
            let mut photo = of.piece.read(name)?;
            let middle = photo.len() / 2;
            photo[middle] ^= 1;
            let mut parts = of.piece.parts();
            parts.set(name, photo);
            parts.write_signed_anew(copy, session)
        },
    },
    Forgery {
        file: "zip-entry-header",
        name: "One byte of a zip entry's own header: its date",
        exit: 4,
        codes: &["zip-header"],
        forge: |of, copy, _| {
            let manifest = of.piece.entry("manifest.json")?;
            // 30 fixed bytes, the name and 20 more stand before the content; the date is at 12.
            flip(copy, manifest.start - 20 - manifest.name.len() as u64 - 30 + 12)
        },
    },
    Forgery {
        file: "zip-directory",
        name: "One byte of the zip's directory: a checksum",
        exit: 4,
        codes: &["zip-directory"],
        forge: |of, copy, _| {
            let last = of.piece.file.entries().last().context("no entries")?;
            flip(copy, last.start + last.size_bytes + 16)
        },
    },
    Forgery {
        file: "cut-short",
        name: "The file cut short, as by a broken download",
        exit: 4,
        codes: &["not-an-archive"],
        forge: |_, copy, _| {
            let file = OpenOptions::new().write(true).open(copy)?;
            let len = file.metadata()?.len();
            Ok(file.set_len(len * 2 / 3)?)
        },
    },
    Forgery {
        file: "file-slipped-in",
        name: "A photograph that nobody signed, slipped in beside the others",
        exit: 4,
        codes: &["unlisted-entry"],
        forge: |of, copy, session| {
            let mut parts = of.piece.parts();
            parts.set("media/999.jpg", of.piece.read(of.photo()?)?);
            parts.write_signed_anew(copy, session)
        },
    },
    Forgery {
        file: "signatures-swapped",
        name: "The studio's signatures under two events, exchanged",
        exit: 3,
        codes: &["signature"],
        forge: |of, copy, session| {
            let (first, last) = (event_name(1), event_name(of.piece.file.custody().events()));
            let (mut made, mut newest) = (of.piece.json(&first)?, of.piece.json(&last)?);
            std::mem::swap(&mut made["proof"], &mut newest["proof"]);
            let mut parts = of.piece.parts();
            parts.set(&first, json::canonical(&made));
            parts.set(&last, json::canonical(&newest));
            parts.write_signed_anew(copy, session)
        },
    },
    Forgery {
        file: "signature-of-another-file",
        name: "The minisign signature taken from an earlier file of the same piece",
        exit: 3,
        codes: &["minisign-signature"],
        forge: |of, copy, _| {
            let mut parts = of.piece.parts();
            parts.set("SHA256SUMS.minisig", of.earlier.read("SHA256SUMS.minisig")?);
            parts.write(copy)
        },
    },
    Forgery {
        file: "event-left-out",
        name: "An event left out of the middle: the sale never happened",
        exit: 3,
        codes: &["chain-broken"],
        forge: |of, copy, session| {
            let last = of.piece.file.custody().events();
            let mut parts = of.piece.parts();
            parts.set(&event_name(last - 1), of.piece.read(&event_name(last))?);
            parts.remove(&event_name(last));
            parts.write_signed_anew(copy, session)
        },
    },
    Forgery {
        file: "tail-cut-off",
        name: "The newest event cut off, the studio's word left as it was",
        exit: 3,
        codes: &["cut-tail"],
        forge: |of, copy, session| {
            let mut parts = of.piece.parts();
            parts.remove(&event_name(of.piece.file.custody().events()));
            parts.write_signed_anew(copy, session)
        },
    },
    Forgery {
        file: "word-put-back",
        name: "The studio's word from the day of minting put back, the events after it kept",
        exit: 6,
        codes: &[],
        forge: |of, copy, session| {
            let mut parts = of.piece.parts();
            parts.set("status/status.json", of.earlier.read("status/status.json")?);
            parts.write_signed_anew(copy, session)
        },
    },
];

impl Originals {
    /// The first photograph.
    fn photo(&self) -> anyhow::Result<&str> {
        let photo = self.piece.file.parts().find(|part| part.media_type.starts_with("image/"));
        Ok(photo.context("no photograph")?.path.as_str())
    }
}

/// Flips the lowest bit of the character `skip` places behind `text` in an entry: a digit becomes
/// another digit.
fn flip_after(
    of: &Originals,
    copy: &Path,
    entry: &str,
    text: &str,
    skip: usize,
) -> anyhow::Result<()> {
    let content = of.piece.read(entry)?;
    let at = content.windows(text.len()).position(|window| window == text.as_bytes());
    let at = at.with_context(|| format!("no {text} in {entry}"))? + text.len() + skip;
    flip(copy, of.piece.entry(entry)?.start + at as u64)
}

/// Flips the lowest bit of one byte of a file.
fn flip(path: &Path, at: u64) -> anyhow::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(file.write_all(&[byte[0] ^ 1])?)
}
