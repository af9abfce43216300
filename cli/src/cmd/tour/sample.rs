//! What is minted: the sample piece, which travels inside the program, or a person's own folder.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;

use super::stage::Stage;
use crate::{
    output::{Access, write_whole},
    report::Usage,
    session::Session,
};

/// The sample's files by name.
const SAMPLE: [(&str, &[u8]); 8] = [
    ("01-front.jpg", include_bytes!("../../../sample/01-front.jpg")),
    ("02-side.jpg", include_bytes!("../../../sample/02-side.jpg")),
    ("03-workbench.jpg", include_bytes!("../../../sample/03-workbench.jpg")),
    ("certificate.pdf", include_bytes!("../../../sample/certificate.pdf")),
    ("episode-1.mp3", include_bytes!("../../../sample/episode-1.mp3")),
    ("episode-2.mp4", include_bytes!("../../../sample/episode-2.mp4")),
    ("note.md", include_bytes!("../../../sample/note.md")),
    ("piece.toml", include_bytes!("../../../sample/piece.toml")),
];

/// 55 degrees 36 minutes as EXIF writes it, big-endian: the place of the sample's photographs.
const LATITUDE: Needle = Needle::Bytes(&[0, 0, 0, 55, 0, 0, 0, 1, 0, 0, 0, 36, 0, 0, 0, 1]);
/// The EXIF entry of a picture stored on its side: Orientation, one short, 6.
const ON_ITS_SIDE: Needle = Needle::Bytes(&[1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6]);

/// What `make.sh` planted in the sample's files. The search does not know the formats: it looks for
/// the bytes themselves, before minting and after.
const PLANTED: [Planted; 5] = [
    Planted {
        file: "01-front.jpg",
        gone: &[
            ("the place (GPS degrees)", LATITUDE),
            ("the place (XMP)", Needle::Text("55,36.378N")),
            ("the square (IPTC)", Needle::Text("Stortorget")),
            ("the photographer's name", Needle::Text("Tova Marklund-Reyes")),
            ("her e-mail address", Needle::Text("tova@example.com")),
            ("her computer", Needle::Text("tovas-laptop")),
            ("the camera's serial number", Needle::Text("EX24-0071993")),
            ("the lens's serial number", Needle::Text("M90-330418")),
        ],
        stays: &[],
    },
    Planted {
        file: "02-side.jpg",
        gone: &[
            ("the place (GPS degrees)", LATITUDE),
            ("the owner's name", Needle::Text("Rosa Lindqvist")),
            ("the telephone's name", Needle::Text("Rosa's Pocket 9")),
            ("its serial number", Needle::Text("P9-5517-20C")),
            ("its lens's serial number", Needle::Text("L-20C-88")),
        ],
        stays: &[("which way up it is (Orientation)", ON_ITS_SIDE)],
    },
    Planted {
        file: "certificate.pdf",
        gone: &[
            ("the gemmologist's name", Needle::Text("Edmund Okonjo-Pryce")),
            ("the laboratory's computer", Needle::Text("bench-07-okonjo")),
        ],
        stays: &[],
    },
    Planted {
        file: "episode-1.mp3",
        gone: &[
            ("the editor's name", Needle::Text("Tova Marklund-Reyes")),
            ("the place of recording", Needle::Text("Stortorget, Malmö")),
            ("the editor's computer", Needle::Text("tovas-laptop")),
        ],
        stays: &[],
    },
    Planted {
        file: "episode-2.mp4",
        gone: &[
            ("the place (location atom)", Needle::Text("+55.6063+013.0004")),
            ("the maker's name", Needle::Text("Tova Marklund-Reyes")),
            ("the camera", Needle::Text("Lantern 24")),
        ],
        stays: &[],
    },
];

/// What one file gives away, and what it must keep.
pub(super) struct Planted {
    file: &'static str,
    /// In the file before minting, not in the part after it.
    pub(super) gone: &'static [(&'static str, Needle)],
    /// In both.
    pub(super) stays: &'static [(&'static str, Needle)],
}

/// Bytes to look for.
pub(super) enum Needle {
    /// A text in UTF-8, Latin-1 or UTF-16 of either byte order.
    Text(&'static str),
    /// These bytes.
    Bytes(&'static [u8]),
}

impl Needle {
    /// True when it occurs anywhere in `content`.
    pub(super) fn is_in(&self, content: &[u8]) -> bool {
        let spellings: Vec<Vec<u8>> = match self {
            Self::Bytes(bytes) => vec![bytes.to_vec()],
            Self::Text(text) => vec![
                text.as_bytes().to_vec(),
                text.chars().filter_map(|c| u8::try_from(c).ok()).collect(),
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            ],
        };
        spellings.iter().any(|spelling| contains(content, spelling))
    }
}

/// True when `needle` stands somewhere in `content`.
pub(super) fn contains(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len().max(1)).any(|window| window == needle)
}

/// The folder that is minted, and what its `piece.toml` leaves open.
pub(super) struct Subject {
    /// The folder.
    pub(super) folder: PathBuf,
    /// True for the sample, whose files are known.
    pub(super) is_sample: bool,
    /// Title, metal and fineness for the command line, where the folder does not say.
    pub(super) title: Option<String>,
    /// Metal and fineness.
    pub(super) metal: Option<(String, String)>,
}

impl Subject {
    /// The sample, written into `scratch`.
    pub(super) fn sample(scratch: &Path) -> anyhow::Result<Self> {
        let folder = scratch.join("tidewater");
        std::fs::create_dir(&folder).context("cannot make a folder for the sample")?;
        for (name, content) in SAMPLE {
            write_whole(&folder.join(name), Access::Shared, |out| Ok(out.write_all(content)?))?;
        }
        Ok(Self { folder, is_sample: true, title: None, metal: None })
    }

    /// A person's folder. What minting needs and the folder does not say is asked where somebody
    /// can be asked, and otherwise assumed, with a note.
    pub(super) fn own(folder: &Path, session: &Session, stage: &mut Stage) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            return Err(Usage(format!("--from: {} is not a folder", folder.display())).into());
        }
        let recipe: toml::Table = std::fs::read_to_string(folder.join("piece.toml"))
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let has_metal = recipe.get("metal").and_then(toml::Value::as_array);
        let title = match recipe.contains_key("title") {
            true => None,
            false => Some(or_else(session, "What is the piece called?", &name_of(folder))?),
        };
        let metal = match has_metal.is_some_and(|metals| !metals.is_empty()) {
            true => None,
            false => Some((
                or_else(session, "Which metal is it?", "silver")?,
                or_else(session, "Its fineness in thousandths?", "925")?,
            )),
        };
        let subject = Self { folder: folder.to_owned(), is_sample: false, title, metal };
        stage.note(
            "the keys of this tour are made up and gone afterwards: to hand your piece to a buyer, \
             mint it yourself with `hallmark piece mint`",
        );
        if let Some(assumed) = subject.assumed().filter(|_| !session.interactive) {
            stage.note(assumed);
        }
        Ok(subject)
    }

    /// What was planted in a file of the sample.
    pub(super) fn planted(&self, file: &str) -> Option<&'static Planted> {
        PLANTED.iter().find(|planted| self.is_sample && planted.file == file)
    }

    fn assumed(&self) -> Option<String> {
        let title = self.title.as_ref().map(|title| format!("title \"{title}\""));
        let metal = self.metal.as_ref().map(|(metal, fineness)| format!("{metal} {fineness}"));
        let assumed: Vec<String> = title.into_iter().chain(metal).collect();
        (!assumed.is_empty()).then(|| {
            format!(
                "nobody could be asked and {} does not say, so the tour assumed: {}",
                self.folder.join("piece.toml").display(),
                assumed.join(", ")
            )
        })
    }
}

/// An answer, or what an empty one stands for.
fn or_else(session: &Session, question: &str, otherwise: &str) -> anyhow::Result<String> {
    if !session.interactive {
        return Ok(otherwise.to_owned());
    }
    let answer = session.ask(&format!("{question} [{otherwise}]"), "piece.toml")?;
    Ok(answer.unwrap_or_else(|| otherwise.to_owned()))
}

/// A title made from a folder's name.
fn name_of(folder: &Path) -> String {
    let path = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = path.file_name().unwrap_or_default().to_string_lossy().replace(['-', '_'], " ");
    match hallmark_vault::provenance::text::Text::new(name.as_str()) {
        Ok(_) => name,
        Err(_) => "untitled piece".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_every_spelling_and_nowhere_else() {
        let needle = Needle::Text("Malmö");
        for hay in [b"xMalm\xc3\xb6x".as_slice(), b"Malm\xf6", b"M\0a\0l\0m\0\xf6\0"] {
            assert!(needle.is_in(hay));
        }
        assert!(!needle.is_in(b"Malmo"));
        assert!(!needle.is_in(b""));
    }

    /// The control of the search: what it looks for is there before anything was removed.
    #[test]
    fn everything_planted_is_in_the_sample() {
        for planted in &PLANTED {
            let (_, content) = SAMPLE.iter().find(|(name, _)| *name == planted.file).unwrap();
            for (what, needle) in planted.gone.iter().chain(planted.stays) {
                assert!(needle.is_in(content), "{}: {what}", planted.file);
            }
        }
    }
}
