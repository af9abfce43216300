//! Where a person's profiles live, and how the passphrase of one is obtained.
//!
//! What the process was given (flags, environment, whether there is a terminal) comes in as values,
//! so that every rule here is tested without touching the process. [`Surroundings::of_process`] is
//! the one place that looks.
//!
//! A passphrase file is read once and never written. An empty environment variable counts as unset.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(unix)]
use std::time::Duration;

use hallmark_vault::state::{Passphrase, PassphraseError, ProfileName};
use zeroize::Zeroizing;

/// The environment variable that names the home folder.
pub const HOME_VARIABLE: &str = "HALLMARK_HOME";
/// The environment variable that names a file holding the passphrase.
pub const PASSPHRASE_FILE_VARIABLE: &str = "HALLMARK_PASSPHRASE_FILE";

/// What the process finds around itself.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The value of [`HOME_VARIABLE`].
    pub home: Option<OsString>,
    /// The value of [`PASSPHRASE_FILE_VARIABLE`].
    pub passphrase_file: Option<OsString>,
    /// The platform's data folder for this program.
    pub data_dir: Option<PathBuf>,
    /// Whether someone can be asked.
    pub terminal: bool,
}

impl Surroundings {
    /// Those of this process: its environment, the platform's data folder (on Linux
    /// `$XDG_DATA_HOME/hallmark` or `~/.local/share/hallmark`), and whether its standard input is a
    /// terminal.
    #[must_use]
    pub fn of_process() -> Self {
        let dirs = directories::ProjectDirs::from("", "", "hallmark");
        Self {
            home: std::env::var_os(HOME_VARIABLE),
            passphrase_file: std::env::var_os(PASSPHRASE_FILE_VARIABLE),
            data_dir: dirs.map(|dirs| dirs.data_dir().to_owned()),
            terminal: io::stdin().is_terminal(),
        }
    }
}

/// The folder that holds the profiles. It need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// The folder given by `--home`, else by [`HOME_VARIABLE`], else the platform's data folder.
    ///
    /// # Errors
    /// [`HomeError::Empty`] if `--home` is empty, [`HomeError::Nowhere`] if there is none of the
    /// three.
    pub fn resolve(flag: Option<&Path>, around: &Surroundings) -> Result<Self, HomeError> {
        match flag {
            Some(flag) if flag.as_os_str().is_empty() => Err(HomeError::Empty),
            Some(flag) => Ok(Self(flag.to_owned())),
            None => named(around.home.as_ref())
                .or_else(|| around.data_dir.clone())
                .map(Self)
                .ok_or(HomeError::Nowhere),
        }
    }

    /// Its path, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Why there is no home folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HomeError {
    /// `--home` was given without a path.
    #[error("--home names no folder; give a path, or leave it out")]
    Empty,
    /// Nothing says where to keep profiles.
    #[error(
        "there is no folder to keep profiles in: this user has no home directory; name one with \
         --home or {HOME_VARIABLE}"
    )]
    Nowhere,
}

/// What a passphrase is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To open a state: asked for once.
    Open,
    /// To protect a new state, or an old one from now on: asked for twice.
    Choose,
}

/// A passphrase, and what the person ought to hear about its source.
#[derive(Debug)]
pub struct Obtained {
    /// The passphrase.
    pub passphrase: Passphrase,
    /// To be shown once, on standard error.
    pub warning: Option<Warning>,
}

/// Something to know about a passphrase's source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The passphrase file is not its owner's alone.
    #[error(
        "others on this machine may read or change the passphrase in {path}; try: chmod 600 {path}"
    )]
    NotPrivate {
        /// The passphrase file.
        path: PathBuf,
    },
}

/// Obtains the passphrase of `profile`: from the file named by [`PASSPHRASE_FILE_VARIABLE`], less
/// one line break at its end, else by asking with `ask` (which shows a text and returns the line
/// typed, unseen) if there is a terminal.
///
/// # Errors
/// [`PassphraseSourceError`]; without file and terminal [`PassphraseSourceError::NoSource`].
pub fn passphrase(
    profile: &ProfileName,
    purpose: Purpose,
    around: &Surroundings,
    ask: &mut dyn FnMut(&str) -> io::Result<String>,
) -> Result<Obtained, PassphraseSourceError> {
    if let Some(path) = named(around.passphrase_file.as_ref()) {
        return from_file(&path);
    }
    if !around.terminal {
        return Err(PassphraseSourceError::NoSource { profile: profile.clone() });
    }
    let mut ask = |text: &str| {
        let line = ask(text).map_err(|source| PassphraseSourceError::Terminal { source })?;
        Ok::<_, PassphraseSourceError>(Zeroizing::new(line))
    };
    let mut typed = match purpose {
        Purpose::Open => ask(&format!("Passphrase of profile {profile}: "))?,
        Purpose::Choose => {
            let first = ask(&format!("Choose a passphrase for profile {profile}: "))?;
            if !first.is_empty() && *ask("The same passphrase again: ")? != *first {
                return Err(PassphraseSourceError::Different);
            }
            first
        }
    };
    let passphrase = Passphrase::new(std::mem::take(&mut *typed))
        .map_err(|source| PassphraseSourceError::Typed { source })?;
    Ok(Obtained { passphrase, warning: None })
}

/// Asks on the terminal without showing what is typed: the `ask` of [`passphrase`].
///
/// # Errors
/// As the terminal's.
pub fn ask_unseen(text: &str) -> io::Result<String> {
    #[cfg(unix)]
    seen_again_when_ended();
    ASKING.store(true, Ordering::SeqCst);
    let answer = rpassword::prompt_password(text);
    ASKING.store(false, Ordering::SeqCst);
    answer
}

/// Whether a question is being asked, or about to.
static ASKING: AtomicBool = AtomicBool::new(false);

/// Within so many milliseconds a question that is shown has its terminal set.
#[cfg(unix)]
const SOON_MS: u32 = 2_000;

/// Gives the terminal back as it was when a signal ends the run in the middle of a question. Watches
/// from the first question to the end of the run: a signal whose handler went away again would end
/// nothing any more.
#[cfg(unix)]
fn seen_again_when_ended() {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
        low_level::emulate_default_handler,
    };

    static WATCHED: std::sync::Once = std::sync::Once::new();
    WATCHED.call_once(|| {
        let Ok(terminal) = File::open("/dev/tty") else { return };
        let Ok(shown) = tcgetattr(&terminal) else { return };
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                // The text of a question is shown before the terminal is set to hide its answer: what
                // is given back before that would be set again.
                let is_set = || {
                    let now = tcgetattr(&terminal);
                    now.is_ok_and(|now| now.local_modes != shown.local_modes)
                };
                for _ in 0..SOON_MS {
                    if !ASKING.load(Ordering::SeqCst) || is_set() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                // The run ends either way; a terminal that is gone needs nothing.
                let _ = tcsetattr(&terminal, OptionalActions::Now, &shown);
                let _ = emulate_default_handler(signal);
            }
        });
    });
}

fn from_file(path: &Path) -> Result<Obtained, PassphraseSourceError> {
    let unreadable = |source| PassphraseSourceError::Unreadable { path: path.to_owned(), source };
    let unfit = |source| PassphraseSourceError::InFile { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let warning = open_to_others(&file)
        .map_err(unreadable)?
        .then(|| Warning::NotPrivate { path: path.to_owned() });
    // One byte more than fits, and a line break: enough to tell too long from just right.
    let most = Passphrase::MAX_BYTES + 3;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    for line_break in [b"\r\n".as_slice(), b"\n"] {
        if bytes.ends_with(line_break) {
            let length = bytes.len() - line_break.len();
            bytes.truncate(length);
            break;
        }
    }
    let passphrase = Passphrase::new(std::mem::take(&mut *bytes)).map_err(unfit)?;
    Ok(Obtained { passphrase, warning })
}

fn open_to_others(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        let found = file.metadata()?;
        let mode = std::os::unix::fs::MetadataExt::mode(&found);
        Ok(found.is_file() && mode & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(false)
    }
}

/// A path from an environment variable that is set and not empty.
fn named(variable: Option<&OsString>) -> Option<PathBuf> {
    variable.filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Why no passphrase was obtained.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseSourceError {
    /// There is neither a file nor a terminal.
    #[error(
        "the passphrase of profile {profile} is needed and there is no terminal to ask on; put it \
         in a file that only you can read and name that file in {PASSPHRASE_FILE_VARIABLE}"
    )]
    NoSource {
        /// The profile.
        profile: ProfileName,
    },
    /// The passphrase file cannot be read.
    #[error(
        "the passphrase file {path} cannot be read; check the path in {PASSPHRASE_FILE_VARIABLE} \
         and the file's permissions"
    )]
    Unreadable {
        /// The passphrase file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What the passphrase file holds is no passphrase.
    #[error("the file {path}, named by {PASSPHRASE_FILE_VARIABLE}, holds no usable passphrase")]
    InFile {
        /// The passphrase file.
        path: PathBuf,
        /// Why not.
        source: PassphraseError,
    },
    /// What was typed is no passphrase.
    #[error("nothing was done, since what was typed is no usable passphrase")]
    Typed {
        /// Why not.
        source: PassphraseError,
    },
    /// The two passphrases typed are not the same.
    #[error("the two passphrases differ, so nothing was done; try again")]
    Different,
    /// The terminal cannot be used.
    #[error(
        "the passphrase could not be asked for on this terminal; name a file that holds it in \
         {PASSPHRASE_FILE_VARIABLE}"
    )]
    Terminal {
        /// What the system said.
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
