//! A disk that forgets what was not synced.
//!
//! A file keeps what it held at its last fsync. A folder keeps the names it had at its last fsync,
//! or else those it has now: both are tried, since a file system may write names early and contents
//! late. A folder whose own name was not synced is gone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hallmark_vault::state::StateError;

use super::open;
use super::strace::Traced;

#[derive(Debug, Default)]
pub(crate) struct Disk {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    synced_names: BTreeMap<PathBuf, usize>,
    unsynced_folders: Vec<PathBuf>,
    acknowledged: Option<u64>,
}

#[derive(Debug, Default)]
struct File {
    content: Vec<u8>,
    synced: Vec<u8>,
}

impl Disk {
    /// Plays the calls and lets the power fail after each. Returns how many losses of power the
    /// state outlasted, or what was lost in the first it did not.
    pub(crate) fn replay(&mut self, calls: &[Traced]) -> Result<usize, String> {
        let mut points = 0;
        for call in calls {
            self.play(call);
            for names in [&self.synced_names, &self.names] {
                self.lose_power(names).map_err(|lost| format!("after {call:?}: {lost}"))?;
                points += 1;
            }
        }
        Ok(points)
    }

    fn play(&mut self, call: &Traced) {
        match call {
            Traced::MakeFolder(path) => self.unsynced_folders.push(path.clone()),
            Traced::Create(path) => {
                self.files.push(File::default());
                self.names.insert(path.clone(), self.files.len() - 1);
            }
            Traced::Write(path, bytes) => {
                if let Some(file) = self.names.get(path) {
                    self.files[*file].content.extend_from_slice(bytes);
                }
            }
            Traced::Sync(path) => match self.names.get(path) {
                Some(file) => {
                    let file = &mut self.files[*file];
                    file.synced.clone_from(&file.content);
                }
                None => self.sync_folder(path),
            },
            Traced::Rename(from, to) => {
                let file = self.names.remove(from).expect("a file that was created");
                self.names.insert(to.clone(), file);
            }
            Traced::Remove(path) => {
                self.names.remove(path);
            }
            Traced::Acknowledge(count) => self.acknowledged = Some(*count),
        }
    }

    fn sync_folder(&mut self, folder: &Path) {
        self.unsynced_folders.retain(|path| path.parent() != Some(folder));
        let inside = |path: &Path| path.parent() == Some(folder);
        self.synced_names.retain(|path, _| !inside(path));
        let now = self.names.iter().filter(|(path, _)| inside(path));
        self.synced_names.extend(now.map(|(path, file)| (path.clone(), *file)));
    }

    fn lose_power(&self, names: &BTreeMap<PathBuf, usize>) -> Result<(), String> {
        let home = tempfile::tempdir().expect("a folder for the test");
        if self.unsynced_folders.is_empty() {
            let folder = home.path().join("default");
            fs::create_dir(&folder).expect("makes the folder");
            for (path, file) in names {
                let name = path.file_name().expect("a file's path");
                fs::write(folder.join(name), &self.files[*file].synced).expect("writes");
            }
        }
        match (open(home.path()), self.acknowledged) {
            (Ok(store), None) if *store.read() == 0 => Ok(()),
            (Ok(store), Some(count)) if (count..=count + 1).contains(store.read()) => Ok(()),
            (Err(StateError::Missing { .. }), None) => Ok(()),
            (Ok(store), count) => Err(format!("{} where {count:?} was told", store.read())),
            (Err(error), count) => Err(format!("{error}, where {count:?} was told")),
        }
    }
}
