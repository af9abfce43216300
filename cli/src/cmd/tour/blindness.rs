//! Looking for what must not be at the service: every planted text and every secret key, in the
//! forms a leak would take. What is packed (deflate) is looked into by the suite that searches the
//! tour's `service/` again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use memchr::memmem::Finder;

/// What was planted, by kind; each text has at least 12 characters.
#[derive(Debug, Clone, Default)]
pub(super) struct Canaries(pub(super) BTreeMap<String, Vec<String>>);

impl Canaries {
    /// Adds one.
    pub(super) fn plant(&mut self, kind: &str, text: impl Into<String>) {
        self.0.entry(kind.to_owned()).or_default().push(text.into());
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Kinds with a canary that is somewhere below a folder, in a file or a name, with the form it
    /// has there; each canary and form once.
    pub(super) fn found_in(&self, folder: &Path) -> std::io::Result<Vec<(String, &'static str)>> {
        let mut haystacks = Vec::new();
        for path in files_below(folder)? {
            haystacks.push(path.to_string_lossy().into_owned().into_bytes());
            haystacks.push(fs::read(path)?);
        }
        let mut found = Vec::new();
        for (kind, texts) in &self.0 {
            for text in texts {
                for (form, needle) in forms(text) {
                    let finder = Finder::new(&needle);
                    if haystacks.iter().any(|bytes| finder.find(bytes).is_some()) {
                        found.push((kind.clone(), form));
                    }
                }
            }
        }
        Ok(found)
    }

    /// Writes every canary in every form into a folder: the control that the search must find.
    pub(super) fn leak_into(&self, folder: &Path) -> std::io::Result<usize> {
        fs::create_dir_all(folder)?;
        let mut written = 0;
        for text in self.0.values().flatten() {
            for (_, needle) in forms(text) {
                let padded = [b"before".as_slice(), &needle, b"after"].concat();
                fs::write(folder.join(format!("{written}")), padded)?;
                written += 1;
            }
        }
        Ok(written)
    }
}

/// The forms of a text; of a key in hexadecimal, those of its bytes as well.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("as it is", text.as_bytes().to_vec()),
        ("UTF-16 LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16 BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ];
    forms.extend(encoded(text.as_bytes()));
    if let Ok(key) = HEXLOWER.decode(text.as_bytes()) {
        forms.extend(encoded(&key));
        forms.push(("bytes", key));
    }
    forms
}

fn encoded(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("hexadecimal", HEXLOWER.encode(bytes).into_bytes()),
        ("hexadecimal", HEXUPPER.encode(bytes).into_bytes()),
    ];
    for before in 0..3 {
        // At each place within a group of three: only the characters that nothing beside decides.
        let shifted = [&vec![0; before][..], bytes].concat();
        let first = (before * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for (name, base) in [("base64", &BASE64), ("base64url", &BASE64URL)] {
            forms.push((name, base.encode(&shifted).into_bytes()[first..last].to_vec()));
        }
    }
    forms
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
