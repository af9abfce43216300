//! What `strace -f -yy -xx` writes: one call in a line, or in two where another came between.

use std::{
    collections::HashMap,
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// A call that returned, or at which the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The thread.
    pub thread: u32,
    /// As `strace` names it.
    pub name: String,
    /// What stands between the parentheses, with hexadecimal in its strings.
    pub arguments: String,
    /// What it returned; absent for an error and where it did not return.
    pub returned: Option<u64>,
    /// What the returned descriptor is of.
    pub opened: Option<Descriptor>,
    /// Whether this call was made to fail.
    pub injected: bool,
    /// Line in which it began, counted from 0.
    pub begun: usize,
    /// Line in which it ended; the same where nothing came between.
    pub ended: usize,
}

/// What a file descriptor is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Descriptor {
    /// A file or folder under its name at the time of the call.
    File(PathBuf),
    /// A file that has no name any more.
    Removed(PathBuf),
    /// A connection: this side's address, then the other side's.
    Connection(String, String),
    /// Anything else: a pipe, a listening socket, an event counter.
    Other(String),
}

impl Call {
    /// Reads a trace.
    pub fn parse(trace: &str) -> Vec<Self> {
        let mut calls = Vec::new();
        let mut unfinished: HashMap<u32, (String, usize)> = HashMap::new();
        for (at, line) in trace.lines().enumerate() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let Ok(thread) = thread.parse() else { continue };
            let rest = rest.trim_start();
            if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
                unfinished.insert(thread, (begun.to_owned(), at));
                continue;
            }
            let (text, begun) = match rest.strip_prefix("<... ") {
                None => (rest.to_owned(), at),
                Some(resumed) => {
                    let Some((_, tail)) = resumed.split_once(" resumed>") else { continue };
                    let Some((head, begun)) = unfinished.remove(&thread) else { continue };
                    (head + tail, begun)
                }
            };
            calls.extend(Self::of_line(thread, &text, begun, at));
        }
        // What was under way when the program ended.
        for (thread, (text, begun)) in unfinished {
            calls.extend(Self::of_line(thread, &format!("{text}) = ?"), begun, usize::MAX));
        }
        calls.sort_by_key(|call| (call.ended, call.begun));
        calls
    }

    fn of_line(thread: u32, text: &str, begun: usize, ended: usize) -> Option<Self> {
        let (name, rest) = text.split_once('(')?;
        let (arguments, outcome) = rest.rsplit_once(" = ")?;
        let arguments = arguments.trim_end().strip_suffix(')')?.to_owned();
        let (number, rest) = outcome
            .split_at(outcome.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(outcome.len()));
        let returned = match number.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        };
        let opened = rest.strip_prefix('<').and_then(|_| Descriptor::first_in(outcome));
        let injected = outcome.contains("(INJECTED)");
        let name = name.to_owned();
        Some(Self { thread, name, arguments, returned, opened, injected, begun, ended })
    }

    /// The descriptor that is its first argument: its number and what it is of.
    pub fn descriptor(&self) -> Option<(u32, Descriptor)> {
        let number = self.arguments.split(['<', ',']).next()?.parse().ok()?;
        Some((number, Descriptor::first_in(&self.arguments)?))
    }

    /// The bytes of its strings, in order: paths, or what it writes, piece by piece.
    pub fn strings(&self) -> impl Iterator<Item = Vec<u8>> {
        self.arguments.split('"').skip(1).step_by(2).map(bytes)
    }

    /// Whether `strace` left out the end of a string.
    pub fn is_cut(&self) -> bool {
        self.arguments.contains("\"...")
    }

    /// Its paths: strings, each taken from the folder descriptor before it, or from `inside` where
    /// there is none.
    pub fn paths(&self, inside: &Path) -> Vec<PathBuf> {
        let mut parts = self.arguments.split('"');
        let mut paths = Vec::new();
        while let (Some(before), Some(string)) = (parts.next(), parts.next()) {
            let base = match Descriptor::first_in(before.trim_start_matches([',', ' '])) {
                Some(Descriptor::File(folder)) => folder,
                _ => inside.to_owned(),
            };
            paths.push(base.join(path(&bytes(string))));
        }
        paths
    }

    /// A number among its arguments, by place counted from the end.
    pub fn number_from_end(&self, nth: usize) -> Option<u64> {
        self.arguments.rsplit(", ").nth(nth)?.parse().ok()
    }

    /// Every file that it names, by descriptor or by path.
    pub fn files(&self, inside: &Path) -> Vec<PathBuf> {
        let descriptor = match self.descriptor() {
            Some((_, Descriptor::File(path) | Descriptor::Removed(path))) => Some(path),
            _ => None,
        };
        let opens = ["open", "creat", "rename", "unlink", "mkdir", "rmdir", "link", "symlink"];
        let named = match opens.iter().any(|start| self.name.starts_with(start)) {
            true => self.paths(inside),
            false => Vec::new(),
        };
        named.into_iter().chain(descriptor).collect()
    }
}

impl Descriptor {
    /// What stands in the first angle brackets, with what follows them.
    fn first_in(text: &str) -> Option<Self> {
        let (before, rest) = text.split_once('<')?;
        if before.contains('"') {
            return None;
        }
        // A connection has an arrow inside.
        if let Some(connection) = rest.split_once("]>").map(|(inside, _)| inside)
            && !connection.starts_with("\\x")
        {
            let addresses = connection.split_once(":[").map(|(_, inside)| inside);
            return Some(match addresses.and_then(|inside| inside.split_once("->")) {
                Some((here, there)) => Self::Connection(here.to_owned(), there.to_owned()),
                None => Self::Other(connection.to_owned()),
            });
        }
        let (inside, after) = rest.split_once('>')?;
        Some(match inside.starts_with("\\x2f") {
            true if after.starts_with("(deleted)") => Self::Removed(path(&bytes(inside))),
            true => Self::File(path(&bytes(inside))),
            false => Self::Other(inside.to_owned()),
        })
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// `\x41\x42`: four characters for a byte.
fn bytes(hex: &str) -> Vec<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
    hex.as_bytes().chunks_exact(4).map(|byte| digit(byte[2]) << 4 | digit(byte[3])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"
7  openat(AT_FDCWD<\x2f\x74>, "\x64\x2f\x61", O_RDWR|O_CREAT, 0600) = 3<\x2f\x74\x2f\x64\x2f\x61>
7  pwrite64(3<\x2f\x74\x2f\x61>, "\x7a\x22", 2, 3 <unfinished ...>
8  sendto(6<TCP:[127.0.0.1:48->127.0.0.1:55]>, "\x6f\x6b", 2, 0, NULL, 0) = 2
7  <... pwrite64 resumed>)           = 2
7  writev(6<TCP:[127.0.0.1:48->127.0.0.1:55]>, [{iov_base="\x63", iov_len=1}, {iov_base="\x64", iov_len=1}], 2) = 2
7  write(3<\x2f\x74\x2f\x61>(deleted), "\x67"..., 1) = -1 ENOSPC (No space left on device) (INJECTED)
8  renameat(4<\x2f\x74>, "\x61", AT_FDCWD<\x2f>, "\x62") = 0
8  fsync(3<\x2f\x74\x2f\x61> <unfinished ...>
7  +++ killed by SIGKILL +++
"#;

    #[test]
    fn a_trace_is_read_call_by_call() {
        let calls = Call::parse(TRACE);
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        let expected = ["openat", "sendto", "pwrite64", "writev", "write", "renameat", "fsync"];
        assert_eq!(names, expected);
        let file = || Descriptor::File("/t/a".into());
        assert_eq!(calls[0].opened, Some(Descriptor::File("/t/d/a".into())));
        assert_eq!(calls[0].files(Path::new("/")), [Path::new("/t/d/a")]);
        let there = Descriptor::Connection("127.0.0.1:48".to_owned(), "127.0.0.1:55".to_owned());
        assert_eq!(calls[1].descriptor(), Some((6, there)));
        assert_eq!(calls[2].descriptor(), Some((3, file())));
        assert_eq!((calls[2].begun, calls[2].ended, calls[2].returned), (2, 4, Some(2)));
        assert_eq!((calls[2].number_from_end(0), calls[2].number_from_end(1)), (Some(3), Some(2)));
        assert_eq!(calls[2].strings().next(), Some(b"z\"".to_vec()));
        assert_eq!(calls[3].strings().collect::<Vec<_>>().concat(), b"cd");
        assert!(calls[4].injected && calls[4].returned.is_none() && calls[4].is_cut());
        assert_eq!(calls[4].descriptor(), Some((3, Descriptor::Removed("/t/a".into()))));
        assert_eq!(calls[5].paths(Path::new("/")), [Path::new("/t/a"), Path::new("/b")]);
        assert_eq!((calls[6].returned, calls[6].ended), (None, usize::MAX));
    }
}
