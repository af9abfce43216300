//! One run: whose profile, what time it is, where randomness comes from, and how to ask.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context;
use hallmark_core::time::Timestamp;
use hallmark_vault::{
    profile::Profile,
    provenance::trust::Pins,
    state::{self, KdfCost, ProfileName, StateError, Store},
};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    args::Global,
    home::{self, Home, PassphraseSourceError, Purpose, Surroundings},
    report::Usage,
};

/// The system's randomness.
pub type SystemRng = rand_core::UnwrapErr<getrandom::SysRng>;

/// As many threads as there are cores.
#[must_use]
pub fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// How often one question is asked.
const MAX_QUESTIONS: u32 = 5;

/// What a run works with.
#[derive(Debug, Clone)]
pub struct Session {
    home: Option<Home>,
    profile: ProfileName,
    around: Surroundings,
    /// Where the passphrase of the person who started this process lies, when that is another one.
    others_passphrase: Option<PathBuf>,
    now: Timestamp,
    /// Whether progress may be drawn on standard error.
    pub progress: bool,
    /// Whether questions may be asked.
    pub interactive: bool,
    /// Whether standard output is a terminal.
    pub screen: bool,
    /// Whether standard output is kept for the one JSON answer.
    pub json: bool,
    server: Server,
    /// When this run began, by a clock that nobody sets.
    began: Instant,
}

/// The service as it was named for this run.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Its address.
    pub address: Option<String>,
    /// The certificates to accept in place of the usual ones.
    pub ca: Option<PathBuf>,
    /// Ask none.
    pub offline: bool,
}

impl Session {
    /// The session of this process.
    ///
    /// # Errors
    /// [`Usage`] for a profile name that is none.
    pub fn of_process(global: &Global) -> anyhow::Result<Self> {
        let around = Surroundings::of_process();
        let profile =
            global.profile.parse().map_err(|error| Usage(format!("--profile: {error}")))?;
        let home = match Home::resolve(global.home.as_deref(), &around) {
            Ok(home) => Some(home),
            // Verifying needs no home at all.
            Err(home::HomeError::Nowhere) => None,
            Err(error) => return Err(Usage(error.to_string()).into()),
        };
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        Ok(Self {
            home,
            profile,
            now: Timestamp::from_unix_s(i64::try_from(since_epoch)?)?,
            progress: !global.json && io::stderr().is_terminal(),
            interactive: around.terminal && !global.json,
            screen: io::stdout().is_terminal(),
            json: global.json,
            others_passphrase: None,
            server: Server {
                address: global.server.clone().filter(|address| !address.is_empty()),
                ca: global.server_ca.clone(),
                offline: global.offline,
            },
            began: Instant::now(),
            around,
        })
    }

    /// Another person on the same machine: their own home and passphrase file, nobody to ask.
    #[must_use]
    pub fn of_person(&self, home: PathBuf, passphrase_file: PathBuf, profile: ProfileName) -> Self {
        let around = Surroundings {
            home: Some(home.into_os_string()),
            passphrase_file: Some(passphrase_file.into_os_string()),
            data_dir: None,
            terminal: false,
        };
        let home = Home::resolve(None, &around).ok();
        let (progress, interactive, screen, json) = (false, false, false, true);
        let others_passphrase = self.passphrase_files().next().map(Path::to_owned);
        let now = self.now;
        let (server, began) = (self.server.clone(), self.began);
        Self {
            home,
            profile,
            around,
            others_passphrase,
            now,
            progress,
            interactive,
            screen,
            json,
            server,
            began,
        }
    }

    /// The same session with another service named.
    #[must_use]
    pub fn with_server(&self, server: Server) -> Self {
        Self { server, ..self.clone() }
    }

    /// The service named for this run.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The time by now: that of the session, and what has passed since it began.
    pub fn clock(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let (now, began) = (self.now, self.began);
        move || {
            let passed = i64::try_from(began.elapsed().as_secs()).unwrap_or(i64::MAX);
            Timestamp::from_unix_s(now.unix_s().saturating_add(passed)).unwrap_or(Timestamp::MAX)
        }
    }

    /// The same session at another time.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Self {
        Self { now, ..self.clone() }
    }

    /// The time this run takes as now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The profile's name.
    #[must_use]
    pub fn profile(&self) -> &ProfileName {
        &self.profile
    }

    /// The folder of this profile, where there is a home for it.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.path().join(self.profile.to_string()))
    }

    /// The system's randomness.
    #[must_use]
    pub fn rng(&self) -> SystemRng {
        rand_core::UnwrapErr(getrandom::SysRng)
    }

    /// Opens the profile's state, which must exist.
    ///
    /// # Errors
    /// When there is none, no passphrase, or it does not open.
    pub fn open(&self) -> anyhow::Result<Store<Profile>> {
        self.open_if_there()?.map_or_else(
            || {
                anyhow::bail!(
                    "profile {} has nothing stored yet in {}; `hallmark studio init` makes a studio, \
                     `hallmark item put` keeps something, `hallmark trust add` remembers whom you trust",
                    self.profile,
                    self.home()?.path().display()
                )
            },
            Ok,
        )
    }

    /// Opens the profile's state, if there is one.
    ///
    /// # Errors
    /// When there is no passphrase, or it does not open.
    pub fn open_if_there(&self) -> anyhow::Result<Option<Store<Profile>>> {
        let home = self.home()?;
        state::exists(home.path(), &self.profile)?.then(|| self.unlock(home)).transpose()
    }

    /// Opens the profile's state, making it when there is none.
    ///
    /// # Errors
    /// When there is no passphrase, or it does not open.
    pub fn open_or_create(&self) -> anyhow::Result<Store<Profile>> {
        let home = self.home()?;
        if state::exists(home.path(), &self.profile)? {
            return self.unlock(home);
        }
        let obtained = self.passphrase(Purpose::Choose)?;
        let (cost, mut rng) = (KdfCost::RECOMMENDED, self.rng());
        Ok(Store::create(home.path(), &self.profile, &obtained, cost, &mut rng)?)
    }

    /// Whom this profile trusts, and a remark when that could not be looked up.
    ///
    /// # Errors
    /// When a state is there and the passphrase given does not open it, or it is damaged.
    pub fn pins(&self) -> anyhow::Result<(Pins, Option<String>)> {
        let Some(home) = &self.home else { return Ok((Pins::default(), None)) };
        if !state::exists(home.path(), &self.profile)? {
            return Ok((Pins::default(), None));
        }
        let opened = match self.passphrase(Purpose::Open) {
            Ok(passphrase) => Store::<Profile>::open(home.path(), &self.profile, &passphrase),
            Err(error @ PassphraseSourceError::NoSource { .. }) => {
                return Ok((
                    Pins::default(),
                    Some(format!("your trust store was not looked at: {error}")),
                ));
            }
            Err(error) => return Err(error.into()),
        };
        match opened {
            Ok(store) => Ok((store.read().pins.clone(), None)),
            Err(error @ StateError::InUse { .. }) => {
                Ok((Pins::default(), Some(format!("your trust store was not looked at: {error}"))))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks a question on the terminal; an empty answer is `None`.
    ///
    /// # Errors
    /// [`Usage`] naming `instead` when nobody can be asked.
    pub fn ask(&self, question: &str, instead: &str) -> anyhow::Result<Option<String>> {
        Ok(self.answer(question, instead)?.0)
    }

    /// An answer, and whether there will be no further one.
    fn answer(&self, question: &str, instead: &str) -> anyhow::Result<(Option<String>, bool)> {
        if !self.interactive {
            return Err(
                Usage(format!("{question} Nobody can be asked here: give {instead}")).into()
            );
        }
        let mut terminal = io::stderr();
        write!(terminal, "{question} ").and_then(|()| terminal.flush()).context("cannot ask")?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).context("cannot read your answer")?;
        let answer = line.trim();
        Ok(((!answer.is_empty()).then(|| answer.to_owned()), read == 0))
    }

    /// Asks until `read` takes the answer (an empty one is `None`), saying each time why it did not.
    ///
    /// # Errors
    /// [`Usage`] naming `instead` when nobody can be asked, and with what `read` said when nobody
    /// answers or five answers were none.
    pub fn ask_for<T>(
        &self,
        question: &str,
        instead: &str,
        read: &dyn Fn(Option<&str>) -> Result<T, String>,
    ) -> anyhow::Result<T> {
        let mut tries = 0;
        loop {
            let (answer, ended) = self.answer(question, instead)?;
            tries += 1;
            match read(answer.as_deref()) {
                Ok(value) => return Ok(value),
                Err(why) if ended || tries == MAX_QUESTIONS => return Err(Usage(why).into()),
                Err(why) => self.say(&format!("  {why}")),
            }
        }
    }

    /// Says a line to the person at the terminal; nobody reads it where standard error is closed.
    pub fn say(&self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// A progress bar over `bytes`, drawn only where someone watches.
    #[must_use]
    pub fn bar(&self, what: &'static str, bytes: u64) -> Bar {
        let bar = if self.progress { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template(
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(Arc::new(bar))
    }

    /// A progress bar over entries of a log, drawn only where someone watches.
    #[must_use]
    pub fn entries(&self, what: &'static str, entries: u64) -> Bar {
        let bar = if self.progress { ProgressBar::new(entries) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {per_sec} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(Arc::new(bar))
    }

    /// The files that a passphrase is read from in this run.
    pub fn passphrase_files(&self) -> impl Iterator<Item = &Path> {
        // Whoever plays several people here (the tour) still has a passphrase of their own.
        let own = self.around.passphrase_file.as_deref().filter(|file| !file.is_empty());
        self.others_passphrase.as_deref().into_iter().chain(own.map(Path::new))
    }

    /// The folder that holds the profiles.
    ///
    /// # Errors
    /// When nothing says where it is.
    pub fn home(&self) -> anyhow::Result<&Home> {
        self.home.as_ref().ok_or_else(|| home::HomeError::Nowhere.into())
    }

    fn passphrase(&self, purpose: Purpose) -> Result<state::Passphrase, PassphraseSourceError> {
        let mut ask = |text: &str| home::ask_unseen(text);
        let obtained = home::passphrase(&self.profile, purpose, &self.around, &mut ask)?;
        if let Some(warning) = obtained.warning {
            // Nobody reads it where standard error is closed.
            let _ = writeln!(io::stderr(), "hallmark: {warning}");
        }
        Ok(obtained.passphrase)
    }

    fn unlock(&self, home: &Home) -> anyhow::Result<Store<Profile>> {
        let passphrase = self.passphrase(Purpose::Open)?;
        Ok(Store::open(home.path(), &self.profile, &passphrase)?)
    }
}

/// A progress bar that clears itself away.
#[derive(Debug, Clone)]
pub struct Bar(Arc<ProgressBar>);

impl Bar {
    /// `bytes` more are done.
    pub fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Bar {
    /// A bar that nobody sees.
    #[must_use]
    pub fn hidden() -> Self {
        Self(Arc::new(ProgressBar::hidden()))
    }

    /// A writer that moves the bar on by what goes through it.
    pub fn over<W>(&self, writer: W) -> Watched<W> {
        Watched { writer, bar: self.clone() }
    }
}

/// A writer behind a progress bar.
#[derive(Debug)]
pub struct Watched<W> {
    writer: W,
    bar: Bar,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.bar.advance(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<W: io::Seek> io::Seek for Watched<W> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
