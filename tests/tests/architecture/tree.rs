//! The files of the workspace, as they lie in the folder: also in a tree without version control.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A text file of ours, by its path from the root.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// The text before the tests at its end, or nothing for a file that is a test.
    pub fn production(&self) -> &str {
        if self.is_test() {
            return "";
        }
        self.text.split_once("#[cfg(test)]").map_or(&self.text, |(code, _)| code)
    }

    /// The part that tests, or nothing.
    pub fn tests(&self) -> &str {
        if self.is_test() {
            return &self.text;
        }
        self.text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
    }

    fn is_test(&self) -> bool {
        let inside = |folder: &str| self.path.split('/').any(|part| part == folder);
        inside("tests") || inside("benches") || self.path.ends_with("/tests.rs")
    }
}

/// Every file of ours whose name ends like one of `endings`, in order.
pub fn sources(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), &mut |path| {
        let name = path.file_name().unwrap().to_string_lossy();
        if endings.iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no {endings:?} under {}", root().display());
    found
}

/// Walks what is ours: not what is built, installed or hidden.
fn collect(folder: &Path, found: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let left_out = matches!(name.as_ref(), "target" | "node_modules" | "__pycache__");
        match (left_out || name.starts_with('.'), path.is_dir()) {
            (true, _) => {}
            (false, true) => collect(&path, found),
            (false, false) => found(&path),
        }
    }
}
