//! What a program did to a folder, and what it answered, in order.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use crate::faults::Strace;

/// A file or folder, under whatever name. The first one is the recorded folder itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) usize);

/// One thing that the program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Bytes were written to a file.
    Write {
        /// The file.
        file: NodeId,
        /// Where, in bytes from its start.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// A file was cut or extended with zeros.
    Resize {
        /// The file.
        file: NodeId,
        /// Its new length in bytes.
        len: u64,
    },
    /// Names in a folder changed, all at once: to another file or folder, or to none.
    Name {
        /// The folder.
        folder: NodeId,
        /// The names.
        changes: Vec<(OsString, Option<NodeId>)>,
    },
    /// A file or folder was synced: what ended before line `begun` is on the disk.
    Sync {
        /// The file or folder.
        node: NodeId,
        /// Line of the trace in which the sync began.
        begun: usize,
    },
    /// The program began to send something.
    Sent(Sent),
}

/// Something that went out: an acknowledgement, perhaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Number of the descriptor; 1 is standard output.
    pub descriptor: u32,
    /// The other side of the connection, `address:port`; absent where it is none.
    pub peer: Option<String>,
    /// What was sent.
    pub bytes: Vec<u8>,
}

/// A folder as it was before the program was started, all of it on the disk.
#[derive(Debug, Clone, Default)]
pub struct Before {
    pub(super) folders: Vec<PathBuf>,
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
}

impl Before {
    /// Reads a folder.
    ///
    /// # Errors
    /// When anything in it cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut before = Self::default();
        before.walk(folder, Path::new(""))?;
        Ok(before)
    }

    fn walk(&mut self, root: &Path, inside: &Path) -> io::Result<()> {
        for entry in fs::read_dir(root.join(inside))? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.folders.push(path.clone());
                self.walk(root, &path)?;
            } else {
                let content = fs::read(entry.path())?;
                self.files.push((path, content));
            }
        }
        Ok(())
    }
}

/// Why a trace cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// A call whose effect on the folder is not in the trace.
    #[error("{call} of {} cannot be replayed (line {line})", file.display())]
    Call {
        /// As `strace` names it.
        call: String,
        /// The file.
        file: PathBuf,
        /// Line of the trace, counted from 0.
        line: usize,
    },
    /// A file of the folder that nobody opened or named before.
    #[error("{} is not known by {call} (line {line})", file.display())]
    Unknown {
        /// As `strace` names it.
        call: String,
        /// The file.
        file: PathBuf,
        /// Line of the trace, counted from 0.
        line: usize,
    },
    /// A string in the trace was cut: its data is not all there.
    #[error("the data of {call} was cut short (line {line})")]
    Cut {
        /// As `strace` names it.
        call: String,
        /// Line of the trace, counted from 0.
        line: usize,
    },
}

/// What a program did to a folder. Made by [`Recording::read`].
#[derive(Debug, Clone)]
pub struct Recording {
    pub(super) before: Before,
    /// Which nodes are folders.
    pub(super) folders: BTreeSet<NodeId>,
    /// The first name of each node.
    pub(super) names: Vec<PathBuf>,
    /// With the line of the trace in which each ended, or for what was sent, began.
    pub(super) events: Vec<(usize, Event)>,
}

impl Recording {
    /// What is traced.
    const CALLS: &str = "openat,?open,?creat,close,read,write,pwrite64,writev,?pwritev,?pwritev2,\
        lseek,ftruncate,?truncate,fallocate,fsync,fdatasync,?rename,?renameat,?renameat2,?unlink,\
        ?unlinkat,?rmdir,?mkdir,?mkdirat,?link,linkat,?symlink,?symlinkat,sendto,sendmsg,mmap,\
        ?dup,?dup2,dup3,fcntl,?copy_file_range,?sendfile,?splice,?io_uring_setup";
    /// Longest data of one call.
    const LONGEST_BYTES: usize = 16 << 20;

    /// How to trace a program for a recording, with a file for the trace outside of the folder.
    #[must_use]
    pub fn strace(trace: &Path) -> Strace {
        Strace::new(Self::CALLS, trace).strings_up_to(Self::LONGEST_BYTES)
    }

    /// What was done, in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().map(|(_, event)| event)
    }

    /// An event in a few words: what was done to which file, by its first name.
    #[must_use]
    pub fn words(&self, event: &Event) -> String {
        let name = |node: &NodeId| self.names[node.0].display().to_string();
        match event {
            Event::Write { file, offset, bytes } => {
                format!("{} bytes at {offset} of {}", bytes.len(), name(file))
            }
            Event::Resize { file, len } => format!("length {len} of {}", name(file)),
            Event::Name { folder, changes } => {
                let changes = changes.iter().map(|(changed, node)| match node {
                    Some(node) => format!("{} is {}", changed.display(), name(node)),
                    None => format!("no {}", changed.display()),
                });
                format!("in {}: {}", name(folder), changes.collect::<Vec<_>>().join(", "))
            }
            Event::Sync { node, .. } => format!("sync of {}", name(node)),
            Event::Sent(sent) => format!("{} bytes sent", sent.bytes.len()),
        }
    }

    /// The same without any sync: a disk that lies, which loses what is acknowledged.
    #[must_use]
    pub fn without_syncs(mut self) -> Self {
        self.events.retain(|(_, event)| !matches!(event, Event::Sync { .. }));
        self
    }
}
