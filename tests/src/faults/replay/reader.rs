//! From calls to a recording: which file each descriptor is of, and where in it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    recording::{Before, Event, NodeId, Recording, RecordingError, Sent},
    tree::Tree,
};
use crate::faults::{Call, Descriptor};

impl Recording {
    /// Reads what [`Recording::strace`] traced of a program that worked in `folder` (absolute,
    /// without links), which was `before` when it began.
    ///
    /// # Errors
    /// [`RecordingError`], for everything that would make the replay another run than that one.
    pub fn read(calls: &[Call], folder: &Path, before: Before) -> Result<Self, RecordingError> {
        let mut tree = Tree::new();
        for path in &before.folders {
            tree.add_folder(path);
        }
        for (path, content) in &before.files {
            tree.add(path, content.len() as u64);
        }
        let (open, events) = (HashMap::new(), Vec::new());
        let mut reader = Reader { folder, tree, open, descriptions: Vec::new(), events };
        for call in calls.iter().filter(|call| call.returned.is_some()) {
            reader.read(call)?;
        }
        reader.events.sort_by_key(|(line, _)| *line);
        let (folders, names) = reader.tree.into_nodes();
        Ok(Self { before, folders, names, events: reader.events })
    }
}

struct Reader<'a> {
    folder: &'a Path,
    tree: Tree,
    /// Descriptors, by number, of files below the folder.
    open: HashMap<u32, Opened>,
    descriptions: Vec<Description>,
    events: Vec<(usize, Event)>,
}

/// What a number stands for.
#[derive(Clone, Copy)]
struct Opened {
    description: usize,
    /// The line on which it was known to.
    since: usize,
}

/// An open file: descriptors that are copies of each other share it.
struct Description {
    node: NodeId,
    position: u64,
    appends: bool,
}

impl Reader<'_> {
    fn read(&mut self, call: &Call) -> Result<(), RecordingError> {
        let returned = call.returned.unwrap_or_default();
        match call.name.as_str() {
            "open" | "openat" | "creat" => self.open(call, returned as u32)?,
            "close" => {
                let number = call.arguments.split(['<', ',']).next().unwrap_or_default();
                // A number that another thread got while this was closing stands for a file of its own.
                if let Ok(number) = number.parse()
                    && self.open.get(&number).is_some_and(|opened| opened.since < call.begun)
                {
                    self.open.remove(&number);
                }
            }
            "dup" | "dup2" | "dup3" | "fcntl" => {
                let copies = call.name != "fcntl" || call.arguments.contains("F_DUPFD");
                if let (true, Some((number, _))) = (copies, call.descriptor()) {
                    match self.open.get(&number).copied() {
                        Some(same) => {
                            let since = call.ended;
                            self.open.insert(returned as u32, Opened { since, ..same })
                        }
                        None => self.open.remove(&(returned as u32)),
                    };
                }
            }
            "read" => {
                if let Some(description) = self.description(call)? {
                    description.position += returned;
                }
            }
            "lseek" => {
                if let Some(description) = self.description(call)? {
                    description.position = returned;
                }
            }
            "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "sendto" | "sendmsg" => {
                self.write(call, returned)?;
            }
            "ftruncate" | "fallocate" => self.resize(call)?,
            "fsync" | "fdatasync" => {
                if let Some(description) = self.description(call)? {
                    let (node, begun) = (description.node, call.begun);
                    self.event(call, Event::Sync { node, begun });
                }
            }
            "mmap" => {
                let writes =
                    call.arguments.contains("MAP_SHARED") && call.arguments.contains("PROT_WRITE");
                let file = call
                    .arguments
                    .split(", ")
                    .nth(4)
                    .map(|text| Call { arguments: text.to_owned(), ..call.clone() });
                if let (true, Some(file)) = (writes, file) {
                    self.refuse(&file)?;
                }
            }
            "copy_file_range" | "sendfile" | "splice" | "truncate" => self.refuse(call)?,
            "io_uring_setup" => return Err(cannot(call, PathBuf::new())),
            _ => self.names(call)?,
        }
        Ok(())
    }

    fn open(&mut self, call: &Call, number: u32) -> Result<(), RecordingError> {
        self.open.remove(&number);
        let path = match &call.opened {
            Some(Descriptor::File(path)) => path,
            // Opened without a name: what is written there could be given one.
            Some(Descriptor::Removed(path)) if self.inside(path).is_some() => {
                return Err(cannot(call, path.clone()));
            }
            _ => return Ok(()),
        };
        let Some(inside) = self.inside(path) else { return Ok(()) };
        let creates = call.name == "creat" || call.arguments.contains("O_CREAT");
        let empties = call.name == "creat" || call.arguments.contains("O_TRUNC");
        if call.arguments.contains("O_TMPFILE") {
            return Err(cannot(call, path.clone()));
        }
        let node = match self.tree.find(&inside) {
            Some(node) => {
                if empties && *self.tree.len(node) > 0 {
                    *self.tree.len(node) = 0;
                    self.event(call, Event::Resize { file: node, len: 0 });
                }
                node
            }
            None if creates => {
                let event = self.tree.add(&inside, 0);
                self.name_event(call, path, event)?;
                self.tree.find(&inside).ok_or_else(|| unknown(call, path))?
            }
            None => return Err(unknown(call, path)),
        };
        let appends = call.arguments.contains("O_APPEND");
        self.descriptions.push(Description { node, position: 0, appends });
        let description = self.descriptions.len() - 1;
        self.open.insert(number, Opened { description, since: call.ended });
        Ok(())
    }

    fn write(&mut self, call: &Call, written: u64) -> Result<(), RecordingError> {
        let Some((number, of)) = call.descriptor() else { return Ok(()) };
        let mut bytes = call.strings().collect::<Vec<_>>().concat();
        let is_cut = call.is_cut();
        bytes.truncate(usize::try_from(written).unwrap_or(usize::MAX));
        let Some(Opened { description: at, .. }) = self.open.get(&number).copied() else {
            return match of {
                Descriptor::File(path) | Descriptor::Removed(path) => {
                    self.inside(&path).map_or(Ok(()), |_| Err(unknown(call, &path)))
                }
                other => {
                    let peer = match other {
                        Descriptor::Connection(_, there) => Some(there),
                        _ => None,
                    };
                    let sent = Event::Sent(Sent { descriptor: number, peer, bytes });
                    self.events.push((call.begun, sent));
                    Ok(())
                }
            };
        };
        if is_cut || bytes.len() as u64 != written {
            return Err(RecordingError::Cut { call: call.name.clone(), line: call.begun });
        }
        let description = &mut self.descriptions[at];
        let file = description.node;
        let len = self.tree.len(file);
        let offset = match call.name.as_str() {
            "pwrite64" | "pwritev" => call.number_from_end(0),
            "pwritev2" => call.number_from_end(1),
            _ if description.appends => Some(*len),
            _ => Some(description.position),
        };
        let offset = offset.ok_or_else(|| cannot(call, PathBuf::new()))?;
        *len = (*len).max(offset + written);
        if !call.name.starts_with('p') {
            description.position = offset + written;
        }
        self.event(call, Event::Write { file, offset, bytes });
        Ok(())
    }

    fn resize(&mut self, call: &Call) -> Result<(), RecordingError> {
        let Some(node) = self.description(call)?.map(|description| description.node) else {
            return Ok(());
        };
        let old = *self.tree.len(node);
        let (last, before) = (call.number_from_end(0), call.number_from_end(1));
        let len = match (call.name.as_str(), last, before) {
            ("ftruncate", Some(len), _) => len,
            // A mode is written in words unless it is the plain one.
            ("fallocate", Some(len), Some(from)) if call.number_from_end(2) == Some(0) => {
                old.max(from + len)
            }
            ("fallocate", ..) if call.arguments.contains(", FALLOC_FL_KEEP_SIZE, ") => old,
            _ => return Err(cannot(call, PathBuf::new())),
        };
        if len != old {
            *self.tree.len(node) = len;
            self.event(call, Event::Resize { file: node, len });
        }
        Ok(())
    }

    fn names(&mut self, call: &Call) -> Result<(), RecordingError> {
        let paths = call.paths(self.folder);
        let inside: Vec<Option<PathBuf>> = paths.iter().map(|path| self.inside(path)).collect();
        if inside.iter().all(Option::is_none) {
            return Ok(());
        }
        let first = paths.first().cloned().unwrap_or_default();
        let events = match (call.name.as_str(), inside.as_slice()) {
            ("mkdir" | "mkdirat", [Some(path)]) => {
                self.tree.add_folder(path).map(|event| vec![event])
            }
            ("unlink" | "unlinkat" | "rmdir", [Some(path)]) => {
                self.tree.remove(path).map(|event| vec![event])
            }
            ("rename" | "renameat" | "renameat2", [Some(from), Some(to)])
                if !call.arguments.contains("RENAME_EXCHANGE") =>
            {
                self.tree.rename(from, to)
            }
            ("link" | "linkat", [Some(from), Some(to)]) => {
                let node = self.tree.find(from);
                node.and_then(|node| self.tree.name(to, node)).map(|event| vec![event])
            }
            _ => return Err(cannot(call, first)),
        };
        for event in events.ok_or_else(|| unknown(call, &first))? {
            self.event(call, event);
        }
        Ok(())
    }

    fn event(&mut self, call: &Call, event: Event) {
        self.events.push((call.ended, event));
    }

    fn name_event(
        &mut self,
        call: &Call,
        path: &Path,
        event: Option<Event>,
    ) -> Result<(), RecordingError> {
        let event = event.ok_or_else(|| unknown(call, path))?;
        self.event(call, event);
        Ok(())
    }

    /// The open file of ours that is the call's first argument; an error for one that should be.
    fn description(&mut self, call: &Call) -> Result<Option<&mut Description>, RecordingError> {
        let Some((number, of)) = call.descriptor() else { return Ok(None) };
        match (self.open.get(&number), of) {
            (Some(opened), _) => Ok(self.descriptions.get_mut(opened.description)),
            (None, Descriptor::File(path)) if self.inside(&path).is_some() => {
                Err(unknown(call, &path))
            }
            (None, _) => Ok(None),
        }
    }

    /// An error where the call is about a file of ours.
    fn refuse(&self, call: &Call) -> Result<(), RecordingError> {
        // A file may stand behind a later argument: the target of a copy.
        let arguments = call
            .arguments
            .split(", ")
            .map(|argument| Call { arguments: argument.to_owned(), ..call.clone() });
        for argument in arguments {
            let file = match argument.descriptor() {
                Some((_, Descriptor::File(path) | Descriptor::Removed(path))) => path,
                _ => continue,
            };
            if self.inside(&file).is_some() {
                return Err(cannot(call, file));
            }
        }
        let named = call.paths(self.folder).into_iter().find(|path| self.inside(path).is_some());
        match named.filter(|_| call.name == "truncate") {
            Some(path) => Err(cannot(call, path)),
            None => Ok(()),
        }
    }

    /// The path below the folder, which is itself the empty path; none outside of it, and none for
    /// what SQLite makes anew each time.
    fn inside(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(self.folder).ok()?;
        let lasts = !path.as_os_str().as_encoded_bytes().ends_with(b"-shm");
        lasts.then(|| inside.components().collect())
    }
}

fn cannot(call: &Call, file: PathBuf) -> RecordingError {
    RecordingError::Call { call: call.name.clone(), file, line: call.begun }
}

fn unknown(call: &Call, file: &Path) -> RecordingError {
    let file = file.to_owned();
    RecordingError::Unknown { call: call.name.clone(), file, line: call.begun }
}
