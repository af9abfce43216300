//! Files we write: whole or not at all, and never over what nobody asked to be replaced.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::input::{self, Held, Seen};

/// How the state of a profile begins, whatever it is called.
pub const STATE_MAGIC: &[u8] = b"hallmark-state";
/// What the state of a profile is called, and the next one on its way.
const STATE_NAMES: [&str; 2] = ["state.hallmark", "state.hallmark.new"];

/// A file that is about to be written, looked at before the work begins: what lies there is replaced
/// only where that was asked for, and only while it is still what was looked at.
#[derive(Debug)]
pub struct Output<'a> {
    /// The path as it was given.
    path: &'a Path,
    /// The file itself, where the path is a link to one.
    target: PathBuf,
    /// What is replaced; nothing where no file is.
    replaced: Option<Seen>,
    /// The file being continued, where that is the one that is replaced.
    held: Option<&'a Held>,
}

impl<'a> Output<'a> {
    /// A file of its own. One that is there already is replaced with `force` alone.
    ///
    /// # Errors
    /// When there is one without `force`, naming it and the way out; or a folder, pipe or device; or
    /// where a profile's keys lie.
    pub fn new(path: &'a Path, force: bool) -> anyhow::Result<Self> {
        let target = ordinary(path)?;
        is_there(&folder_of(&target), path)?;
        let replaced = std::fs::metadata(&target).ok().map(|metadata| Seen::of(&metadata));
        anyhow::ensure!(
            force || replaced.is_none(),
            "{} is there already; name another file, or replace it with --force",
            path.display()
        );
        Ok(Self { path, target, replaced, held: None })
    }

    /// The next state of `input`, written over it or into a file of its own.
    ///
    /// # Errors
    /// As [`Output::new`], for a file other than the input.
    pub fn continuing(path: &'a Path, input: &'a Held, force: bool) -> anyhow::Result<Self> {
        let found = std::fs::metadata(path).map(|metadata| Seen::of(&metadata));
        match found {
            Ok(found) if found.is_same_file(input.seen()) => {
                let (replaced, held) = (Some(*input.seen()), Some(input));
                Ok(Self { path, target: ordinary(path)?, replaced, held })
            }
            _ => Self::new(path, force),
        }
    }

    /// Whether the file that is continued is the one that is replaced.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.held.is_some()
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &'a Path {
        self.path
    }

    /// Writes the file through a temporary one beside it, which takes its name only once everything
    /// is on the disk. Until then, and when `fill` fails, what was there stays what it was. A link
    /// stays a link: the file it names is replaced. So does who may read and write it, unless it is
    /// [`Access::Private`].
    ///
    /// # Errors
    /// Those of `fill`, the disk's with the path in the message, and when another run changed the
    /// file in the meantime.
    pub fn write<T>(
        self,
        access: Access,
        fill: impl FnOnce(&mut File) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let target = self.target.as_path();
        let folder = folder_of(target);
        let failed = || self.failed();
        is_there(&folder, target)?;
        let kept = self.replaced.and(std::fs::metadata(target).ok()).filter(|_| {
            // What was secret in the old file's place is not for more eyes than that.
            access == Access::Shared
        });
        let guarded = if kept.is_some() { Access::Private } else { access };
        let mut temporary = temporary_in(&folder, guarded).with_context(failed)?;
        let outcome = fill(temporary.as_file_mut()).with_context(failed)?;
        temporary.as_file_mut().flush().with_context(failed)?;
        if let Some(kept) = kept.map(|kept| kept.permissions()) {
            let file = temporary.as_file();
            if file.metadata().with_context(failed)?.permissions() != kept {
                file.set_permissions(kept).with_context(failed)?;
            }
        }
        temporary.as_file().sync_all().with_context(failed)?;
        self.take_place(temporary)?;
        sync_folder(&folder).with_context(|| {
            format!(
                "{} is written, but the disk did not confirm its name, which may not outlast a \
                 loss of power; check the disk",
                target.display()
            )
        })?;
        Ok(outcome)
    }

    /// Gives the new file its name, where what has it is still what was looked at.
    fn take_place(&self, temporary: NamedTempFile) -> anyhow::Result<()> {
        let target = self.target.as_path();
        let failed = || self.failed();
        let Some(replaced) = &self.replaced else {
            return match temporary.persist_noclobber(target) {
                Ok(_) => Ok(()),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(self.changed())
                }
                Err(error) => Err(error.error).with_context(failed),
            };
        };
        // Held until the name has gone over, against a run that is about to do the same.
        let locked = match self.held {
            Some(_) => None,
            None => Some(Held::open(target).map_err(|error| match error.kind() {
                io::ErrorKind::ResourceBusy | io::ErrorKind::NotFound => self.changed(),
                _ => anyhow::Error::new(error).context(failed()),
            })?),
        };
        match std::fs::metadata(target) {
            Ok(found) if Seen::of(&found) == *replaced => {}
            _ => return Err(self.changed()),
        }
        temporary.persist(target).map_err(|error| error.error).with_context(failed)?;
        drop(locked);
        Ok(())
    }

    fn failed(&self) -> String {
        format!("cannot write {}; what was there before is untouched", self.target.display())
    }

    fn changed(&self) -> anyhow::Error {
        anyhow::anyhow!(
            "{} was changed by another run while this one was at work; nothing was written; run \
             the command again",
            self.path.display()
        )
    }
}

/// Writes a file where there is none yet.
///
/// # Errors
/// As [`Output::new`] without force, and as [`Output::write`].
pub fn write_whole<T>(
    target: &Path,
    access: Access,
    fill: impl FnOnce(&mut File) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    Output::new(target, false)?.write(access, fill)
}

/// What takes the new content's place: the file itself, where `target` is a link to one. A device
/// or a pipe would lose its name to an ordinary file, so neither is written to.
fn ordinary(target: &Path) -> anyhow::Result<PathBuf> {
    let named = target;
    let target = named_by(named)?;
    anyhow::ensure!(
        !is_state(&target),
        "{} is the state of a profile, which no command writes over; name another file",
        named.display()
    );
    outside_profiles(&target)?;
    Ok(target)
}

/// True for the state of a profile, and for a copy of one.
fn is_state(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = input::open(path)
        .and_then(|(file, _)| file.take(STATE_MAGIC.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == STATE_MAGIC
}

/// Refuses a file or folder to write that would lie in the folder of a profile, at any depth.
///
/// # Errors
/// Names both.
pub fn outside_profiles(target: &Path) -> anyhow::Result<()> {
    // Of folders that are still to be made, the one they would be made in counts.
    let there = target
        .ancestors()
        .map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path })
        .find_map(|path| path.canonicalize().ok());
    let holds_state = |folder: &&Path| STATE_NAMES.iter().any(|name| is_state(&folder.join(name)));
    if let Some(profile) = there.iter().flat_map(|path| path.ancestors()).find(holds_state) {
        anyhow::bail!(
            "{} lies in {}, which holds the keys of a profile and nothing else; name another \
             folder",
            target.display(),
            profile.display()
        );
    }
    Ok(())
}

/// A name for a file that somebody else named: what a profile's state is called is for that alone,
/// and gets one `_` more, as does what looks like a name made so. Two names stay two.
#[must_use]
pub fn beside_states(name: &str) -> String {
    // Some systems tell neither case nor a long s apart.
    let plain = name.trim_start_matches('_').to_uppercase().to_lowercase();
    if STATE_NAMES.contains(&plain.as_str()) { format!("_{name}") } else { name.to_owned() }
}

fn named_by(target: &Path) -> anyhow::Result<PathBuf> {
    let Ok(metadata) = std::fs::metadata(target) else {
        anyhow::ensure!(
            !target.is_symlink(),
            "{} is a link to a file that is not there; name a file to write",
            target.display()
        );
        return Ok(target.to_owned());
    };
    anyhow::ensure!(!metadata.is_dir(), "{} is a folder; name a file to write", target.display());
    anyhow::ensure!(
        metadata.is_file(),
        "{} is no ordinary file but a pipe or a device; name a file to write",
        target.display()
    );
    match target.is_symlink() {
        true => Ok(target.canonicalize()?),
        false => Ok(target.to_owned()),
    }
}

/// Refuses to write over a file that the same command reads, by whatever path it is named.
///
/// # Errors
/// Names the file.
pub fn keep_apart(target: &Path, inputs: &[&Path]) -> anyhow::Result<()> {
    // A file that is not there yet is known by its folder.
    let resolved = |path: &Path| {
        path.canonicalize().or_else(|_| {
            Ok::<_, io::Error>(
                folder_of(path).canonicalize()?.join(path.file_name().unwrap_or_default()),
            )
        })
    };
    for input in inputs {
        anyhow::ensure!(
            match (resolved(target), resolved(input)) {
                (Ok(target), Ok(input)) => target != input,
                // What has no folder cannot be written, which is said later.
                _ => true,
            },
            "{} would be written over, and this command needs it; name another file to write",
            input.display()
        );
    }
    Ok(())
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody whom the folder lets in: something to hand on.
    Shared,
    /// Its owner alone: something secret.
    Private,
}

/// A temporary file that leaves no name behind, for content on its way.
///
/// # Errors
/// The system's.
pub fn scratch_beside(target: &Path) -> anyhow::Result<File> {
    let folder = folder_of(target);
    is_there(&folder, target)?;
    tempfile::tempfile_in(&folder)
        .with_context(|| format!("cannot make a temporary file in {}", folder.display()))
}

/// A folder that is not there is named as that: nobody made it by hand that way.
fn is_there(folder: &Path, target: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        !matches!(folder.try_exists(), Ok(false)),
        "the folder {} is not there, so {} cannot be written; make the folder first",
        folder.display(),
        target.display()
    );
    Ok(())
}

fn folder_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn temporary_in(folder: &Path, access: Access) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hallmark-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if access == Access::Private { 0o600 } else { 0o644 };
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.tempfile_in(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn written(file: &mut File, text: &str) -> anyhow::Result<()> {
        Ok(file.write_all(text.as_bytes())?)
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// T-18: what another run or program put in the file's place in the meantime stays, however it
    /// came there; nothing is left beside it.
    #[test]
    fn what_changed_in_the_meantime_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("piece"), dir.path().join("other"));
        let renamed = || fs::write(&other, "changed").and_then(|()| fs::rename(&other, &path));
        let in_place = || fs::write(&path, "changed");
        let removed = || fs::remove_file(&path);
        let changes: [&dyn Fn() -> io::Result<()>; 3] = [&renamed, &in_place, &removed];
        for change in changes {
            for forced in [false, true] {
                fs::write(&path, "as it was read").unwrap();
                let held = Held::open(&path).unwrap();
                let output = match forced {
                    false => Output::continuing(&path, &held, false).unwrap(),
                    true => Output::new(&path, true).unwrap(),
                };
                if forced {
                    held.file().unlock().unwrap();
                }
                let refused = output.write(Access::Shared, |file| {
                    change()?;
                    written(file, "ours")
                });
                let said = refused.unwrap_err().to_string();
                assert!(said.contains("changed by another run"), "{said}");
                // What the other left: its content, or nothing.
                let left = fs::read_to_string(&path).ok();
                assert!(left.as_deref().is_none_or(|left| left == "changed"), "{left:?}");
                assert_eq!(names(dir.path()).len(), usize::from(left.is_some()));
            }
        }
        let output = Output::new(&path, false).unwrap();
        let refused = output.write(Access::Shared, |file| {
            fs::write(&path, "came in between")?;
            written(file, "ours")
        });
        assert!(refused.unwrap_err().to_string().contains("changed by another run"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "came in between");
    }

    /// T-18: a file is held by one run from reading to writing, and by nobody afterwards.
    #[test]
    fn one_run_at_a_time_continues_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("piece");
        fs::write(&path, "one").unwrap();
        let held = Held::open(&path).unwrap();
        assert_eq!(Held::open(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        let forced = Output::new(&path, true).unwrap();
        assert!(forced.write(Access::Shared, |file| written(file, "forced")).is_err());
        let output = Output::continuing(&path, &held, false).unwrap();
        output.write(Access::Shared, |file| written(file, "two")).unwrap();
        drop(held);
        let held = Held::open(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(dir.path()), ["piece"]);
        drop(held);
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_stays_as_private_as_it_was() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("piece");
        for (mode, access, after) in [
            (0o600, Access::Shared, 0o600),
            (0o640, Access::Shared, 0o640),
            (0o664, Access::Shared, 0o664),
            (0o644, Access::Private, 0o600),
        ] {
            fs::write(&path, "one").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let output = Output::new(&path, true).unwrap();
            output.write(access, |file| written(file, "two")).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, after);
        }
    }
}
