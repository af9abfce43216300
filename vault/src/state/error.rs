//! What can go wrong with local state.

use std::io;
use std::path::PathBuf;

use super::{CostError, ProfileName};

/// Why a state was not opened, read or changed. Every variant leaves the state on disk as it was,
/// except [`StateError::Unsettled`], which says what is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is no state for this profile yet.
    #[error(
        "there is no state at {path}; create the profile first, or check the home folder and the \
         profile's name"
    )]
    Missing {
        /// Where the state would be.
        path: PathBuf,
    },
    /// A state would be created where there is one.
    #[error("there is a state at {path} already; open it, or choose another profile name")]
    Exists {
        /// The state that is there.
        path: PathBuf,
    },
    /// Another run holds the profile.
    #[error(
        "profile {profile} is in use by another run, which holds {lock}; let that run finish or \
         stop it, or use another profile"
    )]
    InUse {
        /// The profile.
        profile: ProfileName,
        /// The lock file that run holds.
        lock: PathBuf,
    },
    /// The file system cannot lock files.
    #[error("{lock} cannot be locked; put the home folder on a local disk")]
    Unlockable {
        /// The lock file.
        lock: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The passphrase does not open the state. Where the salt, the cost or the wrapped key was
    /// rewritten, the right one does not either, and nothing tells the two apart.
    #[error(
        "the passphrase does not open {path}: it is the wrong passphrase, or the file was changed; \
         try again, or put a backup in its place: nothing was changed now, and there is no way in \
         without the passphrase"
    )]
    WrongPassphrase {
        /// The state file.
        path: PathBuf,
    },
    /// The bytes are not those that were written.
    #[error(
        "{path} is damaged and was left as it is; check the disk, then put a backup in its place \
         or move the file aside and start the profile anew"
    )]
    Damaged {
        /// The state file.
        path: PathBuf,
    },
    /// The file ends early.
    #[error(
        "{path} is cut short ({found_bytes} of {expected_bytes} bytes) and was left as it is; put \
         a backup in its place, or move the file aside and start the profile anew"
    )]
    Truncated {
        /// The state file.
        path: PathBuf,
        /// The length the file should have at least, in bytes.
        expected_bytes: u64,
        /// The length it has, in bytes.
        found_bytes: u64,
    },
    /// The file was written by a later version of the program.
    #[error(
        "{path} has format version {found}, and this program reads up to {supported}; install a \
         newer version of the program"
    )]
    Newer {
        /// The state file.
        path: PathBuf,
        /// The version found.
        found: u16,
        /// The newest version this program reads.
        supported: u16,
    },
    /// The file was written for another profile.
    #[error(
        "{path} was written for profile {found}; move it back to the folder of that name, or use \
         that profile"
    )]
    OtherProfile {
        /// The state file.
        path: PathBuf,
        /// The profile named in the file.
        found: ProfileName,
    },
    /// The file asks for a key derivation outside the bounds.
    #[error("{path} asks for too little or too much work to open it and was left as it is")]
    Cost {
        /// The state file.
        path: PathBuf,
        /// What it asks for.
        source: CostError,
    },
    /// The key derivation did not get its memory.
    #[error(
        "the passphrase for {path} could not be worked on with {memory_kib} KiB of memory; close \
         other programs and try again"
    )]
    Kdf {
        /// The state file.
        path: PathBuf,
        /// The memory asked for, in KiB.
        memory_kib: u32,
        /// What Argon2 said.
        source: argon2::Error,
    },
    /// The state is authentic, but does not say what this program expects. The parser's own text
    /// is left out, since it quotes the content.
    #[error(
        "{path} opens, but this program does not understand its content (line {line}, column \
         {column}); it was left as it is: use the version of the program that wrote it"
    )]
    Content {
        /// The state file.
        path: PathBuf,
        /// Line in the content, from 1.
        line: usize,
        /// Column in the content, from 1.
        column: usize,
    },
    /// The content cannot be written as JSON: a mistake in the type of the state.
    #[error("the change to {path} cannot be written down; the state is as it was")]
    Unencodable {
        /// The state file.
        path: PathBuf,
        /// What the serialiser said.
        source: serde_json::Error,
    },
    /// The state is longer than is ever read.
    #[error(
        "a state of {bytes} bytes at {path} is beyond the limit of {limit_bytes}; the file was \
         left as it is"
    )]
    TooLarge {
        /// The state file.
        path: PathBuf,
        /// The length, in bytes.
        bytes: u64,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// Something could not be read.
    #[error("{path} cannot be read; check its permissions and the disk")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something could not be written. The state is as it was.
    #[error(
        "{path} cannot be written, and the state is as it was; check the folder's permissions and \
         that the disk is not read-only"
    )]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk or the quota is full. The state is as it was.
    #[error(
        "the disk is full: {path} was not changed, and the state is as it was; free some space \
         and try again"
    )]
    DiskFull {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The change was written, but the disk did not confirm it: it may or may not outlast a loss
    /// of power. The [`Store`](super::Store) takes no further change.
    #[error(
        "the disk did not confirm the change to {path}, which may or may not be kept; check the \
         disk, then run again and look whether the change is there"
    )]
    Unsettled {
        /// The state file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier change ended in [`StateError::Unsettled`].
    #[error(
        "an earlier change to {path} was not confirmed by the disk; run again to see the state"
    )]
    Reopen {
        /// The state file.
        path: PathBuf,
    },
}
