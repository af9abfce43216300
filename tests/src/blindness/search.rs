//! Looking for every canary in every form.

use std::{
    fs, io,
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

use aho_corasick::{AhoCorasick, BuildError};

use super::{
    Canaries, Form, Packing, Subject,
    deflate::{Inflater, packing},
    forms::bytes_of_hex,
};

/// A canary that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its kind. What it is does not stand here: findings are printed.
    pub kind: String,
    /// Its place among those of its kind, counted from 0.
    pub number: usize,
    /// Its characters or the bytes they stand for.
    pub subject: Subject,
    /// How it is written. A form that looks the same as another is named as well.
    pub form: Form,
    /// What it lies inside of.
    pub packing: Packing,
    /// Where it begins, or the stream that it is in: bytes from the start.
    pub offset: u64,
}

/// Where a canary was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file, by its path in the folder.
    File(PathBuf),
    /// In the path of a file or folder.
    Name(PathBuf),
    /// In the memory of a process; the offset is the address.
    Memory {
        /// What is mapped there, as `/proc` names it; empty for nothing.
        mapped: String,
    },
}

/// A finding and its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Where.
    pub place: Place,
    /// What.
    pub found: Found,
}

/// What was searched, and what was found there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// Every finding.
    pub hits: Vec<Hit>,
    /// Files, or regions of memory. Nothing searched is nothing shown.
    pub places: usize,
    /// Bytes in them.
    pub bytes: u64,
}

/// A search for some canaries.
#[derive(Debug)]
pub struct Search {
    automaton: AhoCorasick,
    needles: Vec<Needle>,
    longest: usize,
}

#[derive(Debug)]
struct Needle {
    kind: String,
    number: usize,
    subject: Subject,
    form: Form,
}

impl Search {
    /// A search for all of these in every form.
    ///
    /// # Errors
    /// When there are more of them than the automaton holds.
    pub fn new(canaries: &Canaries) -> Result<Self, BuildError> {
        let (mut needles, mut patterns) = (Vec::new(), Vec::new());
        for (kind, number, value) in canaries.iter() {
            let mut add = |subject, form, pattern| {
                needles.push(Needle { kind: kind.to_owned(), number, subject, form });
                patterns.push(pattern);
            };
            for form in Form::ALL {
                add(Subject::Text, form, form.of_text(value));
                let bytes = bytes_of_hex(value).and_then(|bytes| form.of_bytes(&bytes));
                if let Some(pattern) = bytes {
                    add(Subject::Bytes, form, pattern);
                }
            }
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or_default();
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(patterns)?;
        Ok(Self { automaton, needles, longest })
    }

    /// The longest form of any canary, in bytes.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// What these bytes hold.
    pub fn in_bytes(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = self.plain(bytes).collect();
        let streams = AT_ONCE.min(bytes.len().div_ceil(LEAST_PER_THREAD));
        let share = bytes.len().div_ceil(streams.max(1));
        thread::scope(|scope| {
            let starts = (0..streams).map(|nth| nth * share..bytes.len().min((nth + 1) * share));
            let threads: Vec<_> =
                starts.map(|starts| scope.spawn(|| self.inflated(bytes, starts))).collect();
            for thread in threads {
                found.extend(thread.join().expect("a search does not panic"));
            }
        });
        found
    }

    fn plain(&self, bytes: &[u8]) -> impl Iterator<Item = Found> {
        self.automaton.find_overlapping_iter(bytes).map(|hit| {
            let Needle { kind, number, subject, form } = &self.needles[hit.pattern().as_usize()];
            let (kind, offset) = (kind.clone(), hit.start() as u64);
            let packing = Packing::None;
            Found { kind, number: *number, subject: *subject, form: *form, packing, offset }
        })
    }

    fn inflated(&self, bytes: &[u8], starts: std::ops::Range<usize>) -> Vec<Found> {
        let (mut inflater, mut found) = (Inflater::new(), Vec::new());
        for at in starts {
            let Some(content) = inflater.inflate(&bytes[at..]) else { continue };
            found.extend(self.plain(content).map(|inside| {
                let packing = packing(bytes, at);
                Found { packing, offset: at as u64, ..inside }
            }));
        }
        found
    }

    /// What the files under a folder hold, and what they and the folders are called. A link is
    /// searched as the path it holds; what is no file is searched by its name.
    ///
    /// # Errors
    /// When anything cannot be read: what was not seen is not called clean.
    pub fn in_folder(&self, folder: &Path) -> io::Result<Searched> {
        let mut searched = Searched::default();
        self.walk(folder, Path::new(""), &mut searched)?;
        Ok(searched)
    }

    fn walk(&self, root: &Path, inside: &Path, searched: &mut Searched) -> io::Result<()> {
        for entry in named(root.join(inside), fs::read_dir)? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            self.name(&path, searched);
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.walk(root, &path, searched)?;
                continue;
            }
            let content = if kind.is_symlink() {
                named(entry.path(), fs::read_link)?.into_os_string().into_encoded_bytes()
            } else if kind.is_file() {
                named(entry.path(), fs::read)?
            } else {
                continue;
            };
            searched.take(Place::File(path), &content, self.in_bytes(&content));
        }
        Ok(())
    }

    /// A path is searched as it is, and without what separates its folders: the beginning of a
    /// name is often a folder's.
    fn name(&self, path: &Path, searched: &mut Searched) {
        let whole = path.as_os_str().as_encoded_bytes();
        let joined: Vec<u8> = whole.iter().copied().filter(|byte| *byte != b'/').collect();
        let mut found: Vec<Found> = self.plain(whole).collect();
        if found.is_empty() {
            found.extend(self.plain(&joined));
        }
        let place = Place::Name(path.to_owned());
        searched.hits.extend(found.into_iter().map(|found| Hit { place: place.clone(), found }));
    }
}

impl Searched {
    pub(super) fn take(&mut self, place: Place, bytes: &[u8], found: Vec<Found>) {
        self.places += 1;
        self.bytes += bytes.len() as u64;
        self.hits.extend(found.into_iter().map(|found| Hit { place: place.clone(), found }));
    }
}

/// Streams are looked for on every core.
static AT_ONCE: std::sync::LazyLock<usize> =
    std::sync::LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));
/// Below this, another thread costs more than it brings.
const LEAST_PER_THREAD: usize = 1 << 20;

/// An error of the system says what; this says of which path.
fn named<T>(path: PathBuf, read: impl Fn(PathBuf) -> io::Result<T>) -> io::Result<T> {
    read(path.clone())
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
