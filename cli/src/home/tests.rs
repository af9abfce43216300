use std::error::Error;
use std::fs;

use hallmark_vault::state::{KdfCost, StateError, Store};

use super::*;

fn no_terminal() -> Surroundings {
    Surroundings { data_dir: Some("/data/hallmark".into()), ..Surroundings::default() }
}

fn terminal() -> Surroundings {
    Surroundings { terminal: true, ..no_terminal() }
}

fn with_file(path: &Path) -> Surroundings {
    Surroundings { passphrase_file: Some(path.into()), ..terminal() }
}

fn never_ask(text: &str) -> io::Result<String> {
    panic!("asked: {text}")
}

/// Types `lines` one after another, and keeps the texts that asked for them.
fn typing(lines: &[&str], purpose: Purpose) -> (Result<Obtained, PassphraseSourceError>, String) {
    let mut lines = lines.iter();
    let mut asked = String::new();
    let mut ask = |text: &str| {
        asked.push_str(text);
        lines.next().map(|line| (*line).to_owned()).ok_or(io::ErrorKind::UnexpectedEof.into())
    };
    let obtained = passphrase(&ProfileName::default(), purpose, &terminal(), &mut ask);
    (obtained, asked)
}

/// Whether `obtained` is the passphrase `text`, which only a state can tell.
fn is(obtained: &Obtained, text: &str) -> bool {
    let home = tempfile::tempdir().expect("a folder for the test");
    let name = ProfileName::default();
    let expected = Passphrase::new(text).expect("not empty");
    let rng = &mut rand_core::UnwrapErr(getrandom::SysRng);
    Store::<u8>::create(home.path(), &name, &expected, KdfCost::MINIMUM, rng).expect("creates");
    match Store::<u8>::open(home.path(), &name, &obtained.passphrase) {
        Ok(_) => true,
        Err(StateError::WrongPassphrase { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_flag_comes_before_the_variable_and_the_variable_before_the_data_folder() {
    let mut around = Surroundings { home: Some("/from/env".into()), ..no_terminal() };
    let home = |flag: Option<&str>, around: &Surroundings| {
        Home::resolve(flag.map(Path::new), around).map(|home| home.path().to_owned())
    };
    assert_eq!(home(Some("/from/flag"), &around), Ok("/from/flag".into()));
    assert_eq!(home(None, &around), Ok("/from/env".into()));
    around.home = Some(OsString::new());
    assert_eq!(home(None, &around), Ok("/data/hallmark".into()));
    around.data_dir = None;
    assert_eq!(home(None, &around), Err(HomeError::Nowhere));
    assert_eq!(home(Some(""), &around), Err(HomeError::Empty));
    assert!(HomeError::Nowhere.to_string().contains("HALLMARK_HOME"));
}

#[test]
fn the_file_comes_before_the_terminal_and_loses_one_line_break() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("passphrase");
    for (content, expected) in [
        ("one two", "one two"),
        ("one two\n", "one two"),
        ("one two\r\n", "one two"),
        ("one two\n\n", "one two\n"),
        (" one two ", " one two "),
    ] {
        fs::write(&path, content).expect("writes");
        let obtained =
            passphrase(&ProfileName::default(), Purpose::Choose, &with_file(&path), &mut never_ask);
        assert!(is(&obtained.expect("reads"), expected), "{content:?}");
    }
}

#[test]
fn a_file_that_cannot_serve_is_named() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("passphrase");
    let obtain = || {
        let around = with_file(&path);
        passphrase(&ProfileName::default(), Purpose::Open, &around, &mut never_ask)
    };
    let missing = obtain().expect_err("missing");
    assert!(missing.to_string().contains(&*path.to_string_lossy()));
    assert!(missing.to_string().contains("HALLMARK_PASSPHRASE_FILE"));
    for content in ["", "\n", &"x".repeat(1025), &"x".repeat(5000)] {
        fs::write(&path, content).expect("writes");
        let unfit = obtain().expect_err("unfit");
        assert!(matches!(unfit, PassphraseSourceError::InFile { .. }));
        assert!(unfit.source().is_some());
    }
    fs::write(&path, "x".repeat(1024) + "\r\n").expect("writes");
    obtain().expect("the longest there is");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_or_change_is_taken_with_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("passphrase");
    fs::write(&path, "one two").expect("writes");
    for (mode, warned) in
        [(0o600, false), (0o400, false), (0o640, true), (0o620, true), (0o604, true), (0o644, true)]
    {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("sets");
        let around = with_file(&path);
        let obtained = passphrase(&ProfileName::default(), Purpose::Open, &around, &mut never_ask);
        let warning = obtained.expect("reads").warning;
        assert_eq!(warning, warned.then(|| Warning::NotPrivate { path: path.clone() }));
    }
}

#[test]
fn opening_asks_once_and_choosing_twice() {
    let (opened, asked) = typing(&["one two"], Purpose::Open);
    assert!(is(&opened.expect("typed"), "one two"));
    assert_eq!(asked, "Passphrase of profile default: ");
    let (chosen, asked) = typing(&["one two", "one two"], Purpose::Choose);
    assert!(is(&chosen.expect("typed"), "one two"));
    assert_eq!(asked, "Choose a passphrase for profile default: The same passphrase again: ");
    let (differing, _) = typing(&["one two", "one tow"], Purpose::Choose);
    assert!(matches!(differing, Err(PassphraseSourceError::Different)));
    for purpose in [Purpose::Open, Purpose::Choose] {
        let (empty, _) = typing(&[""], purpose);
        assert!(matches!(empty, Err(PassphraseSourceError::Typed { .. })));
        let (hung_up, _) = typing(&[], purpose);
        assert!(matches!(hung_up, Err(PassphraseSourceError::Terminal { .. })));
    }
}

#[test]
fn without_file_and_terminal_the_variable_is_named() {
    let name = ProfileName::default();
    let mut around = no_terminal();
    around.passphrase_file = Some(OsString::new());
    let refused = passphrase(&name, Purpose::Open, &around, &mut never_ask).expect_err("no source");
    assert!(matches!(&refused, PassphraseSourceError::NoSource { profile } if *profile == name));
    assert!(refused.to_string().contains("HALLMARK_PASSPHRASE_FILE"));
}
