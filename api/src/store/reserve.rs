//! Room for what makes room.
//!
//! A deletion writes before anything is gone: its nonce, and pages of the log. On a full disk nobody
//! could delete. So a file of [`BYTES`] waits in the data directory; when a deletion finds the disk
//! full it is removed, and until it is back only deletions are taken, or others would fill its place.
//! The log begins again after some 4 MiB, so any number of deletions fits.
//!
//! An account of many items is the exception: to erase it, all it said is overwritten, which takes the
//! log as much as that was. Nor does it help where a file system gives no room back, or another
//! program takes it first.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::private;

/// The file's name, in a data directory.
const FILE: &str = "reserve";
/// Its length: that of the log before it begins again, twice.
const BYTES: u64 = 8 << 20;

/// The file that is given up. Safe to share.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    is_there: Mutex<bool>,
}

impl Reserve {
    /// That of a data directory, made if there is room.
    pub(super) fn open(directory: &Path) -> Self {
        let path = directory.join(FILE);
        let is_there = fs::metadata(&path).is_ok_and(|found| found.len() == BYTES);
        let reserve = Self { path, is_there: Mutex::new(is_there) };
        if !reserve.is_kept() {
            tracing::warn!("the disk is full: until there is room, only deletions are taken");
        }
        reserve
    }

    /// Whether it is there, or could be made again.
    pub(super) fn is_kept(&self) -> bool {
        let mut is_there = self.is_there.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_there {
            let made = make(&self.path);
            *is_there = made.is_ok();
            if made.is_err() {
                // A part of it would take the room that is left.
                let _ = fs::remove_file(&self.path);
            }
        }
        *is_there
    }

    /// Removes it; whether it was there.
    pub(super) fn give_up(&self) -> bool {
        let mut is_there = self.is_there.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *is_there) && fs::remove_file(&self.path).is_ok()
    }
}

fn make(path: &Path) -> io::Result<()> {
    fill(&private::file(path)?)
}

/// Takes the room at once, without writing.
#[cfg(target_os = "linux")]
fn fill(file: &File) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::empty(), 0, BYTES) {
        Err(rustix::io::Errno::OPNOTSUPP) => write(file),
        taken => Ok(taken?),
    }
}

#[cfg(not(target_os = "linux"))]
fn fill(file: &File) -> io::Result<()> {
    write(file)
}

fn write(mut file: &File) -> io::Result<()> {
    io::Write::write_all(&mut file, &vec![1; BYTES as usize])?;
    file.sync_all()
}
