//! A provenance file taken apart, changed, and put together again: what a forger can do without
//! anybody's keys.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use anyhow::Context;
use hallmark_core::{json::Value, key::SigningKey};
use hallmark_vault::provenance::{
    ProvenanceFile,
    archive::{ArchiveWriter, Entry, ReadAt},
    inspect,
    minisign::WriterKey,
};

use crate::{
    output::{Access, Output},
    session::{self, Session},
};

const SUMS: &str = "SHA256SUMS";
const MINISIG: &str = "SHA256SUMS.minisig";

/// A sound provenance file on the disk.
pub(super) struct Original {
    source: File,
    /// What is in it.
    pub(super) file: ProvenanceFile,
}

impl Original {
    /// Opens a file that must be sound.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let source = File::open(path).with_context(|| path.display().to_string())?;
        let len = source.metadata()?.len();
        let inspection = inspect::inspect(&source, len, session::threads().get(), &|_: u64| true)?;
        match inspection.into_file() {
            Ok(file) => Ok(Self { source, file }),
            Err(problems) => anyhow::bail!("{} does not hold: {problems:?}", path.display()),
        }
    }

    /// The entry of that name.
    pub(super) fn entry(&self, name: &str) -> anyhow::Result<&Entry> {
        let found = self.file.entries().iter().find(|entry| entry.name == name);
        found.with_context(|| format!("no {name} in the file"))
    }

    /// The content of an entry.
    pub(super) fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let entry = self.entry(name)?;
        let mut content = vec![0; usize::try_from(entry.size_bytes)?];
        self.source.read_exact_at(&mut content, entry.start)?;
        Ok(content)
    }

    /// The content of an entry that is JSON.
    pub(super) fn json(&self, name: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.read(name)?)?)
    }

    /// A copy to change.
    pub(super) fn parts(&self) -> Parts<'_> {
        let entries = self.file.entries().iter();
        Parts {
            original: self,
            entries: entries.map(|entry| (entry.name.clone(), Content::Kept(entry))).collect(),
        }
    }
}

/// What will be in the copy, in order.
pub(super) struct Parts<'a> {
    original: &'a Original,
    entries: Vec<(String, Content<'a>)>,
}

enum Content<'a> {
    Kept(&'a Entry),
    New(Vec<u8>),
}

impl Parts<'_> {
    /// Gives an entry another content; a new entry comes last but for the fixed ones.
    pub(super) fn set(&mut self, name: &str, content: Vec<u8>) {
        let content = Content::New(content);
        match self.entries.iter_mut().find(|(there, _)| there == name) {
            Some((_, kept)) => *kept = content,
            None => {
                let fixed = self.entries.len() - 3;
                self.entries.insert(fixed, (name.to_owned(), content));
            }
        }
    }

    /// Puts a new entry right behind another.
    pub(super) fn insert_after(&mut self, name: &str, new: &str, content: Vec<u8>) {
        let at = self.entries.iter().position(|(there, _)| there == name);
        let at = at.map_or(self.entries.len(), |at| at + 1);
        self.entries.insert(at, (new.to_owned(), Content::New(content)));
    }

    /// Leaves an entry out.
    pub(super) fn remove(&mut self, name: &str) {
        self.entries.retain(|(there, _)| there != name);
    }

    /// Writes the copy as it is, sums and their signature included.
    pub(super) fn write(&self, target: &Path) -> anyhow::Result<()> {
        // The copy of the original that is spoiled here is ours.
        Output::new(target, true)?.write(Access::Shared, |out| {
            let mut archive = ArchiveWriter::new(out);
            for (name, content) in &self.entries {
                self.add(&mut archive, name, content)?;
            }
            archive.finish()?;
            Ok(())
        })
    }

    /// Writes the copy with right sums, signed by a key the forger made up: anyone can do that.
    pub(super) fn write_signed_anew(&self, target: &Path, session: &Session) -> anyhow::Result<()> {
        let forger = WriterKey::new(SigningKey::generate(&mut session.rng()));
        // The copy of the original that is spoiled here is ours.
        Output::new(target, true)?.write(Access::Shared, |out| {
            let mut archive = ArchiveWriter::new(out);
            for (name, content) in &self.entries {
                if name != SUMS && name != MINISIG {
                    self.add(&mut archive, name, content)?;
                }
            }
            let written = archive.written().iter();
            let sums: String = written.map(|w| format!("{}  {}\n", w.sha256, w.name)).collect();
            let signature = forger.sign(sums.as_bytes(), self.original.file.piece().id);
            archive.add(SUMS, &mut sums.as_bytes())?;
            archive.add(MINISIG, &mut signature.as_bytes())?;
            archive.finish()?;
            Ok(())
        })
    }

    fn add<W: Write + std::io::Seek>(
        &self,
        archive: &mut ArchiveWriter<W>,
        name: &str,
        content: &Content<'_>,
    ) -> anyhow::Result<()> {
        match content {
            Content::New(bytes) => archive.add(name, &mut bytes.as_slice())?,
            Content::Kept(entry) => {
                let (source, at) = (&self.original.source, entry.start);
                archive.add(name, &mut Range { source, at, left: entry.size_bytes })?
            }
        };
        Ok(())
    }
}

/// Bytes of a file as a stream.
struct Range<'a> {
    source: &'a File,
    at: u64,
    left: u64,
}

impl Read for Range<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.source.read_exact_at(&mut buffer[..n], self.at)?;
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}
