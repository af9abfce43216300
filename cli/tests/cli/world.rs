//! A folder with a home, a passphrase and a maker's files, and runs of the program in it.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use hallmark_core::json::Value;
use hallmark_vault::{
    profile::{Profile, Studio},
    provenance::{ProvenanceFile, inspect, write::pub_file},
    state::{KdfCost, Passphrase, ProfileName, Store},
};
use tempfile::TempDir;

/// The passphrase of every profile here.
pub const PASSPHRASE: &str = "six words that nobody would guess";
/// The files of the sample piece.
pub const TIDEWATER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files/tidewater");
/// Where `studio init` puts the successor of the profile `default`.
pub const SUCCESSOR: &str = "home/default-successor-KEEP-OFFLINE.txt";

pub type SystemRng = rand_core::UnwrapErr<getrandom::SysRng>;

pub fn rng() -> SystemRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// Where one story happens. Commands run with this folder as their own, so that their messages
/// name files as a person would.
pub struct World {
    folder: TempDir,
}

/// What a run left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl World {
    /// With a passphrase file and nothing else.
    pub fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let passphrase = world.path("passphrase");
        fs::write(&passphrase, format!("{PASSPHRASE}\n")).unwrap();
        fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
        world
    }

    /// With the studio Inês Prata as the profile `default`, and her `studio.pub`. Its passphrase
    /// costs as little as it may, since it is asked for at every run.
    pub fn with_studio() -> Self {
        let world = Self::new();
        world.studio("default", "Inês Prata", Some("ines.example"));
        world
    }

    /// With a minted `piece.hallmark` as well.
    pub fn minted() -> Self {
        let world = Self::with_studio();
        let minted = world.run(&["piece", "mint", "--from", TIDEWATER]);
        assert_eq!(minted.code, Some(0), "{minted:?}");
        world
    }

    /// Another person on the machine.
    pub fn person(&self, profile: &str) {
        let name: ProfileName = profile.parse().unwrap();
        let passphrase = Passphrase::new(PASSPHRASE).unwrap();
        let cost = KdfCost::MINIMUM;
        Store::<Profile>::create(&self.home(), &name, &passphrase, cost, &mut rng()).unwrap();
    }

    /// Another party that signs; its public key goes to `PROFILE.pub`.
    pub fn studio(&self, profile: &str, name: &str, domain: Option<&str>) {
        self.person(profile);
        let domain = domain.map(|domain| domain.parse().unwrap());
        let (studio, _) = Studio::found(name.parse().unwrap(), None, domain, &mut rng());
        let text = pub_file(&studio.public(), &studio.name, &studio.keys().writer);
        let file =
            if profile == "default" { "studio.pub".into() } else { format!("{profile}.pub") };
        self.write(&file, text.as_bytes());
        self.store(profile).update(&mut rng(), |profile| profile.studio = Some(studio)).unwrap();
    }

    /// The state of a profile, opened and locked by this test.
    pub fn store(&self, profile: &str) -> Store<Profile> {
        let passphrase = Passphrase::new(PASSPHRASE).unwrap();
        Store::open(&self.home(), &profile.parse().unwrap(), &passphrase).unwrap()
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    pub fn state_file(&self) -> PathBuf {
        self.home().join("default/state.hallmark")
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// A folder of a maker with one photograph, and this `piece.toml`.
    pub fn bench(&self, recipe: &str) {
        let photo = fs::read(Path::new(TIDEWATER).join("ring.jpg")).unwrap();
        self.write("bench/ring.jpg", &photo);
        self.write("bench/piece.toml", recipe.as_bytes());
    }

    /// A photograph with a C2PA manifest that tells a place, which cleaning would break.
    pub fn signed_photograph(&self, name: &str) {
        let photo = fs::read(Path::new(TIDEWATER).join("ring.jpg")).unwrap();
        let manifest =
            b"JP\0\x01\0\0\0\x01\0\0\0\x60jumb\0\0\0\x1ejumdc2pa\0\x11\0\x10\x80\0\0\xaa\
            \0\x38\x9b\x71\x03c2pa\0 \"exif:GPSLatitude\": \"48\"";
        let length = (manifest.len() as u16 + 2).to_be_bytes();
        self.write(name, &[b"\xff\xd8\xff\xeb", &length[..], manifest, &photo[2..]].concat());
    }

    /// A provenance file in which nothing is wrong.
    pub fn sound(&self, name: &str) -> ProvenanceFile {
        let bytes = self.read(name);
        let inspection =
            inspect::inspect(bytes.as_slice(), bytes.len() as u64, 1, &|_| true).unwrap();
        inspection.into_file().unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
    }

    /// The program, ready to run here: nothing of this process's environment reaches it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hallmark"));
        self.surround(&mut command);
        command
    }

    /// Gives any command the folder and the environment of this story.
    pub fn surround(&self, command: &mut Command) {
        command
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HALLMARK_HOME", "home")
            .env("HALLMARK_PASSPHRASE_FILE", "passphrase")
            .stdin(Stdio::null());
    }

    /// Runs the program.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command().args(args).output().unwrap())
    }

    /// Runs it and expects success.
    pub fn done(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
        run
    }

    /// Runs it with `--json` and reads the answer, whatever the exit code.
    pub fn json(&self, args: &[&str]) -> Value {
        let run = self.run(&[&["--json"], args].concat());
        let text = if run.out.is_empty() { &run.err } else { &run.out };
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{args:?}: {error}: {run:?}"))
    }

    /// Everything in the folder, by path, with its content: to see that nothing was touched.
    pub fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        walk(self.root(), &mut |path| {
            let content = fs::read(path).unwrap_or_default();
            files.push((path.to_owned(), content));
        });
        files.sort();
        files
    }

    /// Copies the home folder and the named files into a world of their own.
    pub fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        walk(self.root(), &mut |path| {
            let target = copy.root().join(path.strip_prefix(self.root()).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(path, target).unwrap();
        });
        copy
    }
}

impl Run {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Expects this exit code and every one of these words in what was said on standard error.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(!self.err.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in: {}", self.err);
        }
    }
}

fn walk(folder: &Path, found: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => walk(&entry.path(), found),
            kind if kind.is_file() => found(&entry.path()),
            _ => {}
        }
    }
}

/// Says on standard error why a check is left out, and returns true, where a tool is missing.
pub fn missing(tool: &str, probe: &[&str]) -> bool {
    let found = Command::new(tool).args(probe).stdin(Stdio::null()).output();
    let works = found.is_ok_and(|output| output.status.success());
    if !works {
        let _ = writeln!(std::io::stderr(), "skipped: {tool} cannot be used here");
    }
    !works
}
