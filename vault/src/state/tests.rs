use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proptest::prelude::*;
use ring::digest;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::disk::Folder;
use super::sealed::{self, PREFIX_BYTES};
use super::*;

const SECRET: &str = "the recovery code is in the ring box";

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Notes {
    lines: Vec<String>,
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).expect("not empty")
}

fn name(text: &str) -> ProfileName {
    text.parse().expect("a profile name")
}

fn create(home: &Path) -> Store<Notes> {
    let (name, right) = (ProfileName::default(), passphrase("right"));
    let mut store = Store::<Notes>::create(home, &name, &right, KdfCost::MINIMUM, &mut rand::rng())
        .expect("creates");
    store.update(&mut rand::rng(), |notes| notes.lines.push(SECRET.to_owned())).expect("updates");
    store
}

fn open(home: &Path) -> Result<Store<Notes>, StateError> {
    Store::open(home, &ProfileName::default(), &passphrase("right"))
}

/// A home with a closed state of one note, and the path of its sealed file.
fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a folder for the test");
    let path = create(home.path()).path().to_owned();
    (home, path)
}

fn open_bytes(bytes: &[u8]) -> Result<(), StateError> {
    let (name, right) = (ProfileName::default(), passphrase("right"));
    sealed::open(Path::new("state.hallmark"), &name, &right, Zeroizing::new(bytes.to_vec()))
        .map(|_| ())
}

/// Makes the checksum fit the prefix again, as whoever forges a file would.
fn repair_checksum(file: &mut [u8]) {
    let checksum = digest::digest(&digest::SHA256, &file[..236]);
    file[236..268].copy_from_slice(checksum.as_ref());
}

#[test]
fn what_was_kept_is_there_next_time() {
    let (home, _) = home();
    let mut store = open(home.path()).expect("opens");
    assert_eq!(store.read().lines, [SECRET]);
    assert_eq!(store.writes(), 2);
    let count = store.update(&mut rand::rng(), |notes| {
        notes.lines.push("second".to_owned());
        notes.lines.len()
    });
    assert_eq!(count.expect("updates"), 2);
    drop(store);
    let store = open(home.path()).expect("opens");
    assert_eq!(store.read().lines, [SECRET, "second"]);
    assert_eq!(store.writes(), 3);
}

#[test]
fn nothing_of_the_content_is_on_the_disk_in_clear() {
    let (_home, path) = home();
    let bytes = fs::read(path).expect("reads");
    assert!(!bytes.windows(8).any(|window| SECRET.as_bytes().starts_with(window)));
}

#[test]
fn every_write_seals_under_a_fresh_salt() {
    let (home, path) = home();
    let before = fs::read(&path).expect("reads");
    open(home.path()).expect("opens").update(&mut rand::rng(), |_| ()).expect("updates");
    let after = fs::read(&path).expect("reads");
    assert_eq!(before[..156], after[..156], "one state key, wrapped once");
    assert_ne!(before[164..196], after[164..196]);
    assert_ne!(before[PREFIX_BYTES..], after[PREFIX_BYTES..]);
}

#[test]
fn folder_and_files_are_for_the_owner_alone() {
    let (home, path) = home();
    let dir = path.parent().expect("a folder");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(dir), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&dir.join("lock")), 0o600);
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).expect("widens");
    drop(open(home.path()).expect("opens"));
    assert_eq!(mode(dir), 0o700, "a copy from a backup is closed again");
}

#[test]
fn a_second_opening_is_told_the_profile_is_in_use() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let first = create(home.path());
    let refused = open(home.path()).expect_err("in use");
    assert!(matches!(refused, StateError::InUse { .. }));
    assert!(refused.to_string().starts_with("profile default is in use by another run"));
    let again = Store::<Notes>::create(
        home.path(),
        &ProfileName::default(),
        &passphrase("other"),
        KdfCost::MINIMUM,
        &mut rand::rng(),
    );
    assert!(matches!(again, Err(StateError::InUse { .. })));
    drop(first);
    open(home.path()).expect("opens once the first is gone");
}

/// A program that another thread starts shares every open file for a moment, the lock too.
#[test]
fn the_lock_goes_with_the_store_and_not_with_the_last_copy_of_its_file() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let folder = Folder::new(home.path(), &ProfileName::default());
    folder.make().expect("a folder");
    let lock = folder.lock().expect("free");
    let shared = lock.0.try_clone().expect("another descriptor");
    assert!(matches!(folder.lock().map(drop), Err(StateError::InUse { .. })), "the control");
    drop(lock);
    folder.lock().map(drop).expect("free again");
    drop(shared);
}

#[test]
fn two_profiles_do_not_meet() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let _first = create(home.path());
    let second = Store::<Notes>::create(
        home.path(),
        &name("studio"),
        &passphrase("other"),
        KdfCost::MINIMUM,
        &mut rand::rng(),
    );
    assert_eq!(second.expect("creates").read().lines.len(), 0);
}

#[test]
fn creating_never_replaces_a_state_even_a_damaged_one() {
    let (home, path) = home();
    fs::write(&path, b"not a state").expect("damages");
    let refused = Store::<Notes>::create(
        home.path(),
        &ProfileName::default(),
        &passphrase("right"),
        KdfCost::MINIMUM,
        &mut rand::rng(),
    );
    assert!(matches!(refused, Err(StateError::Exists { .. })));
    assert_eq!(fs::read(&path).expect("reads"), b"not a state");
    assert!(exists(home.path(), &ProfileName::default()).expect("looks"));
}

#[test]
fn a_missing_state_is_named() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let missing = open(home.path()).expect_err("nothing there");
    assert!(matches!(&missing, StateError::Missing { path }
        if path.ends_with("default/state.hallmark")));
    assert!(!home.path().join("default").exists(), "opening makes no folder");
    assert!(!exists(home.path(), &ProfileName::default()).expect("looks"));
    fs::create_dir(home.path().join("default")).expect("makes the folder");
    assert!(matches!(open(home.path()), Err(StateError::Missing { .. })));
}

#[test]
fn the_leftover_of_a_killed_run_goes_only_once_the_state_opens() {
    let (home, path) = home();
    let leftover = path.with_file_name("state.hallmark.new");
    fs::write(&leftover, b"half a wri").expect("leaves");
    let wrong = Store::<Notes>::open(home.path(), &ProfileName::default(), &passphrase("wrong"));
    assert!(wrong.is_err() && leftover.exists());
    drop(open(home.path()).expect("opens"));
    assert!(!leftover.exists());
    fs::remove_file(&path).expect("removes");
    fs::write(&leftover, b"half a creation").expect("leaves");
    create(home.path());
    assert!(!leftover.exists());
}

#[test]
fn a_wrong_passphrase_is_told_from_damage_and_changes_nothing() {
    let (home, path) = home();
    let before = fs::read(&path).expect("reads");
    let wrong = Store::<Notes>::open(home.path(), &ProfileName::default(), &passphrase("wrong"));
    assert!(matches!(wrong, Err(StateError::WrongPassphrase { .. })));
    assert_eq!(fs::read(&path).expect("reads"), before);
    open(home.path()).expect("the right one still opens");
}

#[test]
fn every_flipped_bit_is_damage() {
    let (_home, path) = home();
    let mut file = fs::read(path).expect("reads");
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        let refused = open_bytes(&file).expect_err("damaged");
        assert!(matches!(refused, StateError::Damaged { .. }), "bit {bit}: {refused}");
        file[bit / 8] ^= 1 << (bit % 8);
    }
    open_bytes(&file).expect("the file itself opens");
}

#[test]
fn every_flipped_bit_is_refused_with_the_checksum_made_to_fit() {
    let (_home, path) = home();
    let mut file = fs::read(path).expect("reads");
    for bit in 0..236 * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        repair_checksum(&mut file);
        open_bytes(&file).expect_err("forged");
        file[bit / 8] ^= 1 << (bit % 8);
    }
    repair_checksum(&mut file);
    open_bytes(&file).expect("the file itself opens");
}

#[test]
fn a_file_cut_at_any_length_is_named_as_cut() {
    let (_home, path) = home();
    let file = fs::read(path).expect("reads");
    for length in 0..file.len() {
        let refused = open_bytes(&file[..length]).expect_err("cut");
        assert!(
            matches!(refused, StateError::Truncated { found_bytes, .. }
                if found_bytes == length as u64),
            "{length}: {refused}"
        );
    }
    let longer = [file.as_slice(), &[0]].concat();
    assert!(matches!(open_bytes(&longer), Err(StateError::Damaged { .. })));
}

#[test]
fn halves_of_two_writes_do_not_open() {
    let (home, path) = home();
    let before = fs::read(&path).expect("reads");
    open(home.path()).expect("opens").update(&mut rand::rng(), |_| ()).expect("updates");
    let after = fs::read(&path).expect("reads");
    let mixed = [&after[..PREFIX_BYTES], &before[PREFIX_BYTES..]].concat();
    assert!(matches!(open_bytes(&mixed), Err(StateError::Damaged { .. })));
    let mut newer_count = before.clone();
    newer_count[156..164].copy_from_slice(&after[156..164]);
    repair_checksum(&mut newer_count);
    assert!(matches!(open_bytes(&newer_count), Err(StateError::Damaged { .. })));
}

#[test]
fn a_hostile_header_gets_neither_memory_nor_time() {
    let (_home, path) = home();
    let file = fs::read(path).expect("reads");
    for (offset, value) in [(48, u32::MAX), (48, 0), (52, u32::MAX), (52, 0), (56, 1 << 24)] {
        let mut forged = file.clone();
        forged[offset..offset + 4].copy_from_slice(&value.to_be_bytes());
        repair_checksum(&mut forged);
        let refused = open_bytes(&forged).expect_err("out of bounds");
        assert!(matches!(&refused, StateError::Cost { .. }), "{refused}");
        assert!(refused.source().is_some_and(|cost| cost.to_string().contains(&value.to_string())));
    }
    let mut forged = file;
    forged[228..236].copy_from_slice(&u64::MAX.to_be_bytes());
    repair_checksum(&mut forged);
    assert!(matches!(open_bytes(&forged), Err(StateError::Truncated { .. })));
}

#[test]
fn a_newer_version_and_another_profile_are_named() {
    let (home, path) = home();
    let file = fs::read(&path).expect("reads");
    let mut newer = file.clone();
    newer[15] = 2;
    repair_checksum(&mut newer);
    let refused = open_bytes(&newer).expect_err("newer");
    assert!(matches!(refused, StateError::Newer { found: 2, supported: 1, .. }));
    let mut older = file;
    older[15] = 0;
    repair_checksum(&mut older);
    assert!(matches!(open_bytes(&older), Err(StateError::Damaged { .. })));
    fs::rename(home.path().join("default"), home.path().join("studio")).expect("renames");
    let moved = Store::<Notes>::open(home.path(), &name("studio"), &passphrase("right"));
    assert!(matches!(moved, Err(StateError::OtherProfile { found, .. })
        if found == ProfileName::default()));
    let path = home.path().join("studio/state.hallmark");
    let mut renamed = fs::read(&path).expect("reads");
    renamed[16..23].copy_from_slice(b"studio\0");
    repair_checksum(&mut renamed);
    fs::write(&path, renamed).expect("forges");
    let forged = Store::<Notes>::open(home.path(), &name("studio"), &passphrase("right"));
    assert!(matches!(forged, Err(StateError::Damaged { .. })));
}

#[test]
fn a_file_beyond_the_limit_is_not_read() {
    let (home, path) = home();
    let file = fs::OpenOptions::new().write(true).open(path).expect("opens");
    file.set_len(super::disk::MAX_FILE_BYTES + 1).expect("makes a hole");
    assert!(matches!(open(home.path()), Err(StateError::TooLarge { .. })));
}

#[test]
fn a_file_beyond_the_limit_is_not_written() {
    let (home, path) = home();
    let before = fs::read(&path).expect("reads");
    let content = vec![0; usize::try_from(super::disk::MAX_FILE_BYTES).expect("64 bits") + 1];
    let folder = super::disk::Folder::new(home.path(), &ProfileName::default());
    assert!(matches!(folder.replace(&content), Err(StateError::TooLarge { .. })));
    assert_eq!(fs::read(&path).expect("reads"), before);
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let (home, path) = home();
    fs::create_dir(path.with_file_name("state.hallmark.new")).expect("stands in the way");
    let stuck = open(home.path()).expect_err("cannot remove a folder");
    assert!(matches!(&stuck, StateError::Unwritable { path, .. }
        if path.ends_with("default/state.hallmark.new")));
    fs::remove_file(&path).expect("removes");
    fs::create_dir(&path).expect("a folder instead");
    assert!(matches!(open(home.path()), Err(StateError::Unreadable { .. })));
    let below_a_file = home.path().join("file");
    fs::write(&below_a_file, b"").expect("writes");
    let refused = Store::<Notes>::create(
        &below_a_file,
        &ProfileName::default(),
        &passphrase("right"),
        KdfCost::MINIMUM,
        &mut rand::rng(),
    );
    assert!(matches!(refused, Err(StateError::Unwritable { .. })));
}

#[test]
fn content_of_another_shape_is_refused_without_being_quoted() {
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Other {
        lines: u64,
    }
    let (home, path) = home();
    let before = fs::read(&path).expect("reads");
    let refused = Store::<Other>::open(home.path(), &ProfileName::default(), &passphrase("right"))
        .expect_err("another shape");
    assert!(matches!(refused, StateError::Content { line: 1, .. }));
    assert!(!format!("{refused} {refused:?}").contains(SECRET));
    assert_eq!(fs::read(&path).expect("reads"), before);
}

#[test]
fn a_change_that_fails_leaves_everything_as_it_was() {
    let (home, path) = home();
    let before = fs::read(&path).expect("reads");
    let mut store = open(home.path()).expect("opens");
    let refused: Result<(), Box<dyn Error>> = store.try_update(&mut rand::rng(), |notes| {
        notes.lines.clear();
        Err("changed my mind".into())
    });
    assert!(refused.is_err());
    assert_eq!(store.read().lines, [SECRET]);
    assert_eq!(fs::read(&path).expect("reads"), before);
}

#[test]
fn a_new_passphrase_replaces_the_old_one_and_the_state_key() {
    let (home, path) = home();
    let old_copy = fs::read(&path).expect("reads");
    let mut store = open(home.path()).expect("opens");
    store
        .change_passphrase(&passphrase("new"), KdfCost::MINIMUM, &mut rand::rng())
        .expect("changes");
    store.update(&mut rand::rng(), |notes| notes.lines.clear()).expect("updates");
    drop(store);
    assert!(matches!(open(home.path()), Err(StateError::WrongPassphrase { .. })));
    let mut mixed = fs::read(&path).expect("reads");
    mixed[..156].copy_from_slice(&old_copy[..156]);
    repair_checksum(&mut mixed);
    assert!(
        matches!(open_bytes(&mixed), Err(StateError::Damaged { .. })),
        "the old key is of no use"
    );
    let store = Store::<Notes>::open(home.path(), &ProfileName::default(), &passphrase("new"));
    assert_eq!(store.expect("opens").read().lines.len(), 0);
}

#[test]
fn a_change_of_passphrase_that_fails_leaves_the_old_one() {
    let (home, path) = home();
    let mut store = open(home.path()).expect("opens");
    let in_the_way = path.with_file_name("state.hallmark.new");
    fs::create_dir(&in_the_way).expect("stands in the way");
    store
        .change_passphrase(&passphrase("new"), KdfCost::MINIMUM, &mut rand::rng())
        .expect_err("cannot be written");
    fs::remove_dir(&in_the_way).expect("out of the way");
    store.update(&mut rand::rng(), |_| ()).expect("updates");
    drop(store);
    open(home.path()).expect("opens with the old passphrase");
}

/// A file of format version 1, which every later version has to open. It was also opened with an
/// implementation written from the table in `sealed.rs` alone.
#[test]
fn the_first_file_still_opens() {
    let hex: String = include_str!("frozen-v1.hex").split_whitespace().collect();
    let file = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
    let (path, frozen) = (Path::new("state.hallmark"), passphrase("an old passphrase"));
    let opened = sealed::open(path, &name("frozen"), &frozen, Zeroizing::new(file));
    let opened = opened.expect("opens");
    assert_eq!(opened.content(), br#"{"lines":[]}"#);
    assert_eq!(opened.writes, 1);
}

#[test]
fn debug_shows_no_secret() {
    let home = tempfile::tempdir().expect("a folder for the test");
    assert_eq!(format!("{:?}", create(home.path())), "Store { writes: 2, .. }");
    assert_eq!(format!("{:?}", passphrase("hush")), "Passphrase(..)");
}

#[test]
fn profile_names_costs_and_passphrases_have_bounds() {
    for good in ["a", "default", "my-studio-2", &"x".repeat(32)] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in ["", ".", "..", "a/b", "A", "a b", "a\0", "ä", "a_b", &"x".repeat(33)] {
        assert!(ProfileName::from_str(bad).is_err(), "{bad:?}");
    }
    assert_eq!(KdfCost::new(46 * 1024, 3, 1), Ok(KdfCost::RECOMMENDED));
    for (m, t, p) in [(8191, 1, 1), (131_073, 1, 1), (8192, 0, 1), (8192, 9, 1), (8192, 1, 0)] {
        assert!(KdfCost::new(m, t, p).is_err());
    }
    assert_eq!(Passphrase::new("").err(), Some(PassphraseError::Empty));
    let long = vec![b'x'; Passphrase::MAX_BYTES + 1];
    assert_eq!(Passphrase::new(long).err(), Some(PassphraseError::TooLong));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(mut file in prop::collection::vec(any::<u8>(), 0..600)) {
        open_bytes(&file).expect_err("noise");
        if file.len() >= PREFIX_BYTES {
            file[..16].copy_from_slice(b"hallmark-state\0\x01");
            repair_checksum(&mut file);
            open_bytes(&file).expect_err("noise that passes for a file");
        }
    }
}
